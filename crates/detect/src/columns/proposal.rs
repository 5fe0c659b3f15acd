//! What a column should be classified as: what its name and its values say together, and where
//! those say nothing, what stands inside its texts.

use super::{Column, Verdict, classify};
use crate::context::value::ValueContext;
use crate::detector::Detector;
use crate::detector::watch::ColumnWatch;
use crate::finding::category::Category;
use std::collections::BTreeMap;

/// Of a hundred texts, so many have something personal in them: one odd value is no habit.
const PERSONAL_SHARE_MIN: u64 = 3;

/// What tells nobody apart, and is no reason to mask a column.
const SHARED: [Category; 7] = [
    Category::Date,
    Category::Language,
    Category::Location,
    Category::Occupation,
    Category::Organisation,
    Category::Title,
    Category::Url,
];

/// Proposes a category for a column; nothing when nothing personal shows.
#[must_use]
pub fn propose(column: &Column<'_>) -> Option<Verdict> {
    classify(column)
        .filter(|verdict| !SHARED.contains(&verdict.category))
        .or_else(|| inside(column))
}

/// What is found in texts that are not personal as a whole: notes, documents.
fn inside(column: &Column<'_>) -> Option<Verdict> {
    let context = ValueContext::of(column.name, column.neighbours);
    let mut watch = ColumnWatch::new(Detector::default(), context, 0);
    let mut counts: BTreeMap<Category, u64> = BTreeMap::new();
    let mut personal = 0;
    for value in column.values {
        let mut found = Vec::new();
        watch.scan(value, &mut found);
        let mut categories: Vec<_> = found.iter().map(|finding| finding.category).collect();
        categories.retain(|category| !SHARED.contains(category));
        categories.sort();
        categories.dedup();
        personal += u64::from(!categories.is_empty());
        for category in categories {
            *counts.entry(category).or_default() += 1;
        }
    }
    let values = watch.passed().values;
    let (category, _) = counts.iter().max_by_key(|(_, count)| **count)?;
    if personal * 100 < values * PERSONAL_SHARE_MIN {
        return None;
    }
    let found: Vec<String> =
        counts.iter().map(|(category, count)| format!("{} in {count}", category.name())).collect();
    let reason = format!("of {values} values: {}", found.join(", "));
    let score = u8::try_from(50 + personal * 40 / values.max(1)).unwrap_or(90);
    Some(Verdict { category: *category, score, reasons: vec![reason] })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_what_stands_in_texts_are_reasons() {
        let check = |name: &str, values: &[&str], expect: Option<Category>| {
            let verdict = propose(&Column { name, values, ..Column::default() });
            assert_eq!(verdict.as_ref().map(|it| it.category), expect, "{name} {verdict:?}");
        };
        check("email", &[], Some(Category::Email));
        check("body", &["paid", "write to eva@example.org, please"], Some(Category::Email));
        check("body", &["paid", "shipped on 2024-05-06"], None);
        check("status", &["open", "closed"], None);
        check("city", &["Basel", "Berlin"], None);
    }
}
