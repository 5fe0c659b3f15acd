//! What the gateway is configured to do, as plain data.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The parts of a configuration that reports name.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Configured {
    /// What can be reached, by name.
    pub resources: BTreeMap<String, ConfiguredResource>,
    /// How values are masked, by category; `default` for every other one.
    pub masking: BTreeMap<String, String>,
    /// How long recordings are kept.
    pub recordings_kept: Vec<RetentionRule>,
    /// How long records are kept; none: without end.
    pub records_kept: Option<String>,
    /// How many witnesses must have seen the log.
    pub witnesses: usize,
    /// Who may erase in the evidence.
    pub custodians: Vec<String>,
}

/// Something that can be reached.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct ConfiguredResource {
    /// The protocol.
    pub protocol: String,
    /// What is said of its objects, the most specific first.
    pub columns: Vec<ConfiguredColumn>,
    /// What becomes of texts that nobody has classified: `detect`, `mask`, `clear`.
    pub unclassified: String,
    /// Objects that identify people, with the kind of identifier.
    pub subjects: BTreeMap<String, String>,
}

/// What is said of objects.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ConfiguredColumn {
    /// The pattern, as it is written in the configuration.
    pub pattern: String,
    /// The category; none where somebody has said that nobody's data is in it.
    pub category: Option<String>,
    /// Why nobody's data is in it, where somebody has said so.
    pub reason: Option<String>,
}

/// How long recordings are kept.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct RetentionRule {
    /// What it is for: `default`, `resource shop`, `category health`.
    pub of: String,
    /// How long.
    pub kept: String,
}

impl Configured {
    /// How values of a category are masked.
    #[must_use]
    pub fn method(&self, category: &str) -> Option<&str> {
        self.masking.get(category).or_else(|| self.masking.get("default")).map(String::as_str)
    }

    /// The rules that a recording of a resource with these categories falls under.
    pub(crate) fn retention_of<'c>(
        &'c self,
        resource: &str,
        categories: impl Iterator<Item = &'c str>,
    ) -> Vec<&'c RetentionRule> {
        let mut named = vec!["default".to_owned(), format!("resource {resource}")];
        named.extend(categories.map(|category| format!("category {category}")));
        self.recordings_kept.iter().filter(|rule| named.contains(&rule.of)).collect()
    }
}
