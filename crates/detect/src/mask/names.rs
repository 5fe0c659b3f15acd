//! Masked names: keys and column names that hold personal data themselves stay apart.

use super::container::{Coding, Container, Role};
use super::kind::ValueKind;
use crate::finding::Finding;
use crate::finding::category::Category;
use std::collections::{BTreeMap, BTreeSet};

/// The names of a document, before and after masking.
pub(super) struct Names {
    taken: BTreeSet<String>,
    given: BTreeMap<String, String>,
    /// The last number behind a masked name that several would have.
    numbers: BTreeMap<String, usize>,
}

impl Names {
    /// Collects the names of a document that was walked before.
    pub(super) fn of(container: Container, text: &str) -> Self {
        let mut taken = BTreeSet::new();
        let _ = container.walk(text, &mut |leaf| {
            if leaf.role == Role::Name {
                taken.insert(leaf.value(text).text.into_owned());
            }
        });
        Self { taken, given: BTreeMap::new(), numbers: BTreeMap::new() }
    }

    /// The masked form of a name: the same for the same name, and no other name's. A nested one
    /// is written in two ways, one within the other: it has no mark that either would escape.
    pub(super) fn masked(
        &mut self,
        name: &str,
        found: &[Finding],
        nested: bool,
        replace: &mut dyn FnMut(Category, &str, ValueKind) -> Option<String>,
    ) -> String {
        if let Some(given) = self.given.get(name) {
            return given.clone();
        }
        let mut plain = String::new();
        let mut at = 0;
        for finding in found {
            plain.push_str(&name[at..finding.start.max(at)]);
            let given = replace(finding.category, &name[finding.range()], ValueKind::Text);
            // A name is written the same way everywhere: no mark may need an escape.
            plain.push_str(&Coding::Text.encode(&given.unwrap_or_default(), "", ""));
            at = finding.end.max(at);
        }
        plain.push_str(&name[at..]);
        let plain = if nested { Coding::Text.encode(&plain, "", "") } else { plain };
        let plain = if plain.is_empty() { "_".to_owned() } else { plain };
        let mut masked = plain.clone();
        let number = self.numbers.entry(plain.clone()).or_insert(1);
        while self.taken.contains(&masked) {
            *number += 1;
            masked = format!("{plain} {number}");
        }
        self.taken.insert(masked.clone());
        self.given.insert(name.to_owned(), masked.clone());
        masked
    }
}
