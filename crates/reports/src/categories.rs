//! Categories of personal data, as law and vocabularies know them.
//!
//! The table is that of the detectors; what only an installation has is declared.

use crate::declared::Declared;
use portreeve_detect::{Entry, Provision, TAXONOMY};
use serde::{Deserialize, Serialize};

/// The vocabulary that classes are named in.
pub(crate) const VOCABULARY: &str = "https://w3id.org/dpv/2.0/pd";

/// What a category is.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) struct CategoryClass {
    /// Its name in the configuration.
    pub category: String,
    /// The class in the Data Privacy Vocabulary, where one is known.
    pub dpv: Option<String>,
    /// What it is to the GDPR: `personal`, `special`, `criminal`, `confidential`, `unknown`.
    pub provision: String,
}

impl CategoryClass {
    /// Looks a category up.
    pub(crate) fn of(category: &str, declared: &Declared) -> Self {
        let entry = TAXONOMY.iter().find(|entry| entry.name == category);
        let dpv = declared.dpv.get(category).cloned();
        let dpv = dpv.or_else(|| entry.map(|entry| entry.dpv.to_owned()));
        let is_flagged = declared.special_categories.iter().any(|flagged| flagged == category);
        let provision = if is_flagged { "special" } else { provision(entry) };
        Self { category: category.to_owned(), dpv, provision: provision.to_owned() }
    }

    /// Whether it is about people, as far as anybody knows: not where it is told to be
    /// confidential for another reason.
    pub(crate) fn is_personal(&self) -> bool {
        self.provision != "confidential"
    }

    /// Whether it needs more than other personal data: Articles 9 and 10.
    pub(crate) fn is_special(&self) -> bool {
        matches!(self.provision.as_str(), "special" | "criminal")
    }
}

fn provision(entry: Option<&Entry>) -> &'static str {
    match entry.map(|entry| entry.provision) {
        None => "unknown",
        Some(Provision::Personal) => "personal",
        Some(Provision::Special) => "special",
        Some(Provision::Criminal) => "criminal",
        Some(Provision::Confidential) => "confidential",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_law_protects_more_is_known_or_declared() {
        let declared = Declared {
            dpv: [("customer-id".to_owned(), "pd:Identifier".to_owned())].into(),
            special_categories: vec!["union-card".into()],
            ..Declared::default()
        };
        let check = |category: &str, dpv: Option<&str>, provision: &str, is_special: bool| {
            let class = CategoryClass::of(category, &declared);
            assert_eq!((class.dpv.as_deref(), &*class.provision), (dpv, provision), "{category}");
            assert_eq!(class.is_special(), is_special, "{category}");
        };
        check("email", Some("pd:EmailAddress"), "personal", false);
        check("health", Some("pd:Health"), "special", true);
        check("criminal", Some("pd:Criminal"), "criminal", true);
        check("customer-id", Some("pd:Identifier"), "unknown", false);
        check("union-card", None, "special", true);
    }
}
