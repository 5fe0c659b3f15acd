//! Who is responsible, and what protects the data: the same in both forms of the record.

use crate::declared::{Contact, Tested};
use crate::document::{Document, Field, list};
use crate::inputs::Inputs;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

#[derive(Serialize, Deserialize)]
pub(super) struct Responsible {
    declared: BTreeMap<String, Vec<Contact>>,
}

#[derive(Serialize, Deserialize)]
pub(super) struct Measures {
    configured: Vec<String>,
    declared: Vec<String>,
    /// When somebody tested them last, as a person says. No record of a log is about a test.
    #[serde(default)]
    tested_declared: Option<Tested>,
}

impl Responsible {
    pub(super) fn of(inputs: &Inputs) -> Self {
        let declared = &inputs.declared;
        let one = |contact: &Option<Contact>| contact.iter().cloned().collect::<Vec<_>>();
        let contacts = [
            ("controller", one(&declared.controller)),
            ("joint controllers", declared.joint_controllers.clone()),
            ("processor", one(&declared.processor)),
            ("representative", one(&declared.representative)),
            ("data protection officer", one(&declared.dpo)),
        ];
        let named = contacts.into_iter().map(|(name, contacts)| (name.to_owned(), contacts));
        Self { declared: named.collect() }
    }

    /// Writes them; those in `needed` are gaps where nobody has declared them.
    pub(super) fn put(&self, needed: &[&str], document: &mut Document) {
        document.heading("Responsible");
        for (name, contacts) in &self.declared {
            if needed.contains(&name.as_str()) && contacts.is_empty() {
                document.gaps.push(format!("no {name} is declared"));
            }
        }
        let is_shown = |(name, contacts): &(&String, &Vec<Contact>)| {
            !contacts.is_empty() || needed.contains(&name.as_str())
        };
        let named = self.declared.iter().filter(is_shown);
        document.fields(named.map(|(name, all)| Field::declared(name, lines(all))).collect());
    }
}

fn lines(contacts: &[Contact]) -> Option<String> {
    let lines: Vec<String> = contacts.iter().map(contact).collect();
    (!lines.is_empty()).then(|| lines.join("\n"))
}

/// A contact in one line.
pub(super) fn contact(contact: &Contact) -> String {
    let parts = [Some(&contact.name), contact.contact.as_ref(), contact.country.as_ref()];
    list(parts.into_iter().flatten())
}

impl Measures {
    pub(super) fn of(inputs: &Inputs) -> Self {
        let mut configured = vec![
            "every command is decided by policy for every party of its chain, and recorded before \
             the target sees it"
                .to_owned(),
            "values of classified columns are masked unless a policy reveals them".to_owned(),
            "the record is append-only, signed, and can be verified offline".to_owned(),
        ];
        if let Some(known) = &inputs.configured {
            if known.witnesses > 0 {
                configured.push(format!("{} witnesses cosign the record", known.witnesses));
            }
            if !known.custodians.is_empty() {
                let groups = list(&known.custodians);
                configured.push(format!("only members of {groups} may erase in the record"));
            }
        }
        let declared = &inputs.declared;
        Self {
            configured,
            declared: declared.measures.clone(),
            tested_declared: declared.measures_tested.clone(),
        }
    }

    pub(super) fn put(&self, document: &mut Document) {
        document.heading("Security measures");
        let tested = self.tested_declared.as_ref();
        document.fields(vec![
            Field::configured("of the gateway", Some(self.configured.join("\n"))),
            Field::declared(
                "others",
                (!self.declared.is_empty()).then(|| self.declared.join("\n")),
            ),
            Field::observed("last test", "never, as far as this log knows"),
            Field::declared("last test, as declared", tested.map(Tested::text)),
        ]);
        if tested.is_none() {
            document.gaps.push(
                "the measures were never tested as far as this log knows, and nobody has declared \
                 a test (`measures_tested`)"
                    .into(),
            );
        }
    }
}
