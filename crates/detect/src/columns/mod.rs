//! Classification of columns: from the name, the type, the comment, sampled values and the
//! columns beside it. Every verdict says why. Values can refute a name; a name alone is enough
//! only where it is clear and nothing contradicts it.

pub(crate) mod fits;
mod lists;
mod proposal;
mod values;

pub use proposal::propose;

use crate::context::headers::{self, Strength};
use crate::detector::Detector;
use crate::finding::category::Category;
use values::Values;

/// A column to classify.
#[derive(Clone, Copy, Debug, Default)]
pub struct Column<'a> {
    /// The name of the table.
    pub table: &'a str,
    /// The name of the column; empty when there is none.
    pub name: &'a str,
    /// The type as the database names it; empty when unknown.
    pub data_type: &'a str,
    /// The comment on the column.
    pub comment: &'a str,
    /// Sampled values, in any order.
    pub values: &'a [&'a str],
    /// The names of the other columns of the table.
    pub neighbours: &'a [&'a str],
}

/// What a column holds, and why.
#[derive(Clone, PartialEq, Debug)]
pub struct Verdict {
    /// The category.
    pub category: Category,
    /// How sure, in percent.
    pub score: u8,
    /// The reasons, for people.
    pub reasons: Vec<String>,
}

fn about_people(column: &Column<'_>) -> bool {
    headers::are_about_people(column.table, column.neighbours.iter().copied())
}

/// Classifies a column; nothing when it does not seem to hold personal data.
#[must_use]
pub fn classify(column: &Column<'_>) -> Option<Verdict> {
    let detector = Detector::default();
    let values = Values::look(&detector, column.values);
    let data_type = column.data_type.to_ascii_lowercase();
    if data_type.starts_with("bool") {
        return None;
    }
    // Sampled, and nothing is in it.
    if !column.values.is_empty() && values.count == 0 {
        return None;
    }
    let said = headers::read(column.name).or_else(|| headers::read(column.comment));
    let seen = values.verdict();
    if let Some((category, strength, words)) = said
        && let Some(verdict) = named(column, &values, category, strength, words, seen)
    {
        return verdict;
    }
    let Some((category, share, rule)) = seen else { return of_health(column) };
    // Brands, teams and species are written like names of people.
    if category == Category::PersonName && headers::names_thing(column.name) {
        return None;
    }
    // A place is personal only beside a person.
    if category == Category::Location && !about_people(column) {
        return None;
    }
    // Names of things are written like names of people: without a word for people beside them
    // the values must be very sure.
    let score = (share * 85.0) as u8;
    let reason = format!(
        "{:.0} % of {} values look like {} ({rule})",
        share * 100.0,
        values.count,
        category.name()
    );
    Some(Verdict { category, score, reasons: vec![reason] })
}

/// The verdict on a column of a table that is about people's health, where nothing else says what
/// it holds: that there is a row is a fact about somebody's health.
fn of_health(column: &Column<'_>) -> Option<Verdict> {
    let words = headers::words(column.table);
    let table = words.iter().find(|word| HEALTH_TABLES.contains(&word.trim_end_matches('s')))?;
    let key = headers::words(column.name).last().is_some_and(|word| word == "id" || word == "key");
    let reasons = vec![format!("the table says `{table}`")];
    (!key && !column.name.is_empty()).then_some(Verdict {
        category: Category::Health,
        score: 55,
        reasons,
    })
}

/// Tables whose rows are about somebody's health, in the singular.
const HEALTH_TABLES: &[&str] = &[
    "allergie",
    "allergy",
    "vaccination",
    "immunization",
    "immunisation",
    "diagnose",
    "diagnosis",
    "medication",
    "prescription",
    "symptom",
    "surgery",
    "surgerie",
];

/// Words of names that tie a place to a person.
const OF_PEOPLE: &[&str] = &[
    "deliver",
    "delivery",
    "ship",
    "shipping",
    "bill",
    "billing",
    "invoice",
    "mailing",
    "home",
    "residence",
    "customer",
    "client",
    "user",
    "guest",
    "patient",
    "person",
    "contact",
    "employee",
    "member",
    "owner",
    "sender",
    "recipient",
    "passenger",
    "applicant",
];

/// The verdict on a column whose name says something; the outer option is whether it is final.
#[expect(clippy::option_option, reason = "nothing to say differs from nothing personal")]
fn named(
    column: &Column<'_>,
    values: &Values,
    category: Category,
    strength: Strength,
    words: &str,
    seen: Option<(Category, f64, &'static str)>,
) -> Option<Option<Verdict>> {
    let fit = values.fit(category);
    let mut reasons = vec![format!("the name says `{words}`")];
    if let Some(share) = fit {
        reasons.push(format!("{:.0} % of {} values fit", share * 100.0, values.count));
    }
    let owned = headers::words(column.name).iter().any(|word| OF_PEOPLE.contains(&word.as_str()));
    let people = about_people(column) || category == Category::Location && owned;
    // `title` of people is a form of address, or else what they do.
    let category = match category {
        Category::Title if people && values.titles().is_some_and(|share| share < 0.3) => {
            Category::Occupation
        }
        other => other,
    };
    let fit = values.fit(category);
    if people {
        reasons.push("the table is about people".to_owned());
    }
    if category == Category::Location && strength == Strength::Hint && !people {
        return match seen {
            Some((other, ..)) if other != Category::Location => None,
            _ => Some(None),
        };
    }
    // `name` alone is said of everything: the values have to look like people.
    if category == Category::PersonName
        && strength == Strength::Hint
        && !people
        && values.people().is_some_and(|share| share < 0.4)
    {
        return match seen {
            Some((Category::PersonName | Category::Location, ..)) | None => Some(None),
            Some(_) => None,
        };
    }
    let strong = seen.filter(|s| s.0 != category && s.1 >= 0.8 && s.0.is_sure());
    if let Some((other, share, rule)) = strong {
        let reason = format!("{:.0} % of the values are {} ({rule})", share * 100.0, other.name());
        return Some(Some(Verdict { category: other, score: 85, reasons: vec![reason] }));
    }
    let enough = match strength {
        Strength::Clear => 0.25,
        Strength::Hint if people => 0.3,
        Strength::Hint => 0.5,
    };
    match fit {
        Some(share) if share >= enough => {
            let score = if strength == Strength::Clear { 92 } else { 70 };
            Some(Some(Verdict { category, score, reasons }))
        }
        Some(_) => match seen {
            Some((other, ..)) if other != category => None,
            _ => Some(None),
        },
        None if strength == Strength::Clear => Some(Some(Verdict { category, score: 75, reasons })),
        None if people => Some(Some(Verdict { category, score: 60, reasons })),
        None => Some(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(name: &str, values: &[&str]) -> Option<Category> {
        classify(&Column { name, values, ..Column::default() }).map(|v| v.category)
    }

    #[test]
    fn names_and_values_together() {
        assert_eq!(
            verdict("Geburtsdatum", &["1978-01-02", "1990-12-24"]),
            Some(Category::DateOfBirth)
        );
        assert_eq!(
            verdict("customer_email", &["yes", "no", "yes"]),
            None,
            "values refute the name"
        );
        assert_eq!(verdict("phone_verified", &["true", "false"]), None);
        assert_eq!(verdict("product_name", &["Chair", "Table"]), None);
        assert_eq!(verdict("name", &["Quercus robur", "Acer platanoides"]), None);
        assert_eq!(verdict("name", &["Globex Corp", "Initech LLC", "ACME Inc."]), None);
        assert_eq!(verdict("brand_name", &["Nike", "Adidas", "Puma"]), None);
        assert_eq!(verdict("name", &["John Smith", "Eva Nowak"]), Some(Category::PersonName));
        assert_eq!(verdict("address", &["0x7fff5fbf", "0x00401000"]), None);
        assert_eq!(verdict("nazwisko", &["Kowalska", "Nowak"]), Some(Category::PersonName));
        assert_eq!(verdict("email", &[]), Some(Category::Email));
    }

    #[test]
    fn values_alone() {
        assert_eq!(verdict("", &["eva@example.org", "bo@example.com"]), Some(Category::Email));
        assert_eq!(verdict("c7", &["male", "female", "female"]), Some(Category::Gender));
        assert_eq!(verdict("c1", &["17", "4", "99"]), None);
    }
}
