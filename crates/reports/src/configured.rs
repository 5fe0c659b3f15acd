//! What the gateway is configured to do, as plain data.

use portreeve_model::holds_pieces;
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

    /// What is said of an object of a resource: the most specific that names it.
    pub(crate) fn said_of(&self, resource: &str, path: &[String]) -> Option<&ConfiguredColumn> {
        let columns = &self.resources.get(resource)?.columns;
        columns.iter().find(|column| is_named(&column.pattern, path))
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

/// Whether a pattern names a path: as many parts, each quoted and exact, or with `*` for any text.
fn is_named(pattern: &str, path: &[String]) -> bool {
    let mut rest = pattern;
    for (at, name) in path.iter().enumerate() {
        if at > 0 {
            let Some(next) = rest.strip_prefix('.') else { return false };
            rest = next;
        }
        let Some(after) = after_part(rest, name) else { return false };
        rest = after;
    }
    rest.is_empty() && !path.is_empty()
}

/// What comes behind the first part of a pattern, where that part names `name`.
fn after_part<'p>(pattern: &'p str, name: &str) -> Option<&'p str> {
    if let Some(quoted) = pattern.strip_prefix('"') {
        let exact = name.replace('"', "\"\"");
        return quoted.strip_prefix(exact.as_str())?.strip_prefix('"');
    }
    let (part, rest) = pattern.split_at(pattern.find('.').unwrap_or(pattern.len()));
    let pieces: Vec<&str> = part.split('*').collect();
    holds_pieces(&pieces, name).then_some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_names_what_the_gateway_takes_it_for() {
        let check = |pattern: &str, path: &[&str], expect: bool| {
            let path: Vec<String> = path.iter().map(|name| (*name).to_owned()).collect();
            assert_eq!(is_named(pattern, &path), expect, "{pattern} {path:?}");
        };
        check("public.customers.email", &["public", "customers", "email"], true);
        check("public.customers.email", &["public", "customers", "emails"], false);
        check("public.customers.email", &["public", "customers"], false);
        check("public.customers", &["public", "customers", "email"], false);
        check("*.*.email", &["public", "customers", "email"], true);
        check("*.*.e*l", &["public", "customers", "email"], true);
        check("*.*.e*il*il", &["public", "customers", "email"], false);
        check("*.*.*mai*", &["public", "customers", "email"], true);
        check("*.*.person_*", &["public", "customers", "person_"], true);
        check("public.\"Odd Names\".\"E-Mail\"", &["public", "Odd Names", "E-Mail"], true);
        check("public.\"a\"\"b.c\".x", &["public", "a\"b.c", "x"], true);
        check("public.\"a*\".x", &["public", "ab", "x"], false);
        check("", &[], false);
    }
}
