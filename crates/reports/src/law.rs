//! References to law, and what may come of a breach, as data: `data/law.json`,
//! `data/consequences.json`. Each reference says when somebody last looked at it.

use serde::{Deserialize, Serialize};
use std::sync::LazyLock;

/// A reference to law.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LawReference {
    /// Its name in the program.
    pub key: String,
    /// As lawyers cite it.
    pub title: String,
    /// What it is about.
    pub about: String,
    /// The act.
    pub act: String,
    /// Since when, or from when on, it applies.
    pub applies_from: String,
    /// Where the text is.
    pub source: String,
    /// When somebody last looked: `2026-11-28`.
    pub checked: String,
}

/// What may come of a breach of some categories.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Consequence {
    categories: Vec<String>,
    text: String,
}

static LAW: LazyLock<Vec<LawReference>> = LazyLock::new(|| {
    serde_json::from_str(include_str!("../data/law.json")).expect("a test reads it")
});

static CONSEQUENCES: LazyLock<Vec<Consequence>> = LazyLock::new(|| {
    serde_json::from_str(include_str!("../data/consequences.json")).expect("a test reads it")
});

/// The references of these keys.
pub(crate) fn references(keys: &[&str]) -> Vec<LawReference> {
    LAW.iter().filter(|law| keys.contains(&law.key.as_str())).cloned().collect()
}

/// What may come of a breach of these categories, in the order of the data.
pub(crate) fn consequences<'c>(categories: impl Iterator<Item = &'c str>) -> Vec<String> {
    let categories: Vec<&str> = categories.collect();
    let concerns =
        |one: &&Consequence| one.categories.iter().any(|name| categories.contains(&&**name));
    CONSEQUENCES.iter().filter(concerns).map(|one| one.text.clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::Kind;
    use portreeve_detect::TAXONOMY;

    #[test]
    fn every_report_cites_law_that_is_there_and_dated() {
        for kind in Kind::ALL {
            let cited = references(kind.law());
            assert_eq!(cited.len(), kind.law().len(), "{kind:?}");
            for law in cited {
                assert_eq!(law.checked.len(), 10, "{}", law.key);
                assert!(law.source.starts_with("https://"), "{}", law.key);
            }
        }
    }

    #[test]
    fn consequences_name_categories_that_there_are() {
        for consequence in CONSEQUENCES.iter() {
            for name in &consequence.categories {
                assert!(TAXONOMY.iter().any(|entry| entry.name == name), "{name}");
            }
        }
        assert_eq!(consequences(["city"].into_iter()), Vec::<String>::new());
        assert_eq!(consequences(["iban", "card"].into_iter()).len(), 1);
    }
}
