//! The record of a processor (Article 30(2)): by controller, what is processed on its behalf.

use super::activity::Activity;
use super::measures::{Measures, Responsible, contact};
use crate::declared::{Contact, Controller};
use crate::document::{Document, Field, list};
use crate::inputs::{Inputs, RecordForm};
use crate::kinds::shared::MaskedShare;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// The content.
#[derive(Serialize, Deserialize)]
pub(super) struct Content {
    form: RecordForm,
    responsible: Responsible,
    controllers: Vec<OnBehalf>,
    /// Activities of which nobody has declared, or more than one has, whom they are for.
    for_nobody: Vec<String>,
    measures: Measures,
}

/// What is processed for one controller.
#[derive(Serialize, Deserialize)]
struct OnBehalf {
    controller: String,
    declared: Declared,
    observed: Observed,
}

#[derive(Serialize, Deserialize)]
struct Declared {
    contact: Option<Contact>,
    representative: Option<Contact>,
    dpo: Option<Contact>,
    /// The categories of processing, in words.
    processing: Vec<String>,
    /// Where data go: other recipients, and whose models actors run on.
    recipients: Vec<String>,
}

#[derive(Default, Serialize, Deserialize)]
struct Observed {
    activities: Vec<String>,
    categories: Vec<String>,
    exchanges: u64,
    rows: u64,
    masked_share: MaskedShare,
    first_seen: Option<String>,
    last_seen: Option<String>,
}

impl Content {
    pub(super) fn of(activities: &[Activity], inputs: &Inputs) -> Self {
        let known = &inputs.declared.controllers;
        let mut by_controller: BTreeMap<&str, Vec<&Activity>> =
            known.keys().map(|name| (name.as_str(), Vec::new())).collect();
        let mut for_nobody = Vec::new();
        for activity in activities {
            match &activity.declared.on_behalf_of {
                Some(name) => by_controller.entry(name).or_default().push(activity),
                None => for_nobody.push(activity.name()),
            }
        }
        let row = |(name, activities): (&str, Vec<&Activity>)| OnBehalf {
            controller: name.to_owned(),
            declared: Declared::of(name, known.get(name), &activities),
            observed: Observed::of(&activities),
        };
        Self {
            form: RecordForm::Processor,
            responsible: Responsible::of(inputs),
            controllers: by_controller.into_iter().map(row).collect(),
            for_nobody,
            measures: Measures::of(inputs),
        }
    }

    pub(super) fn document(&self) -> Document {
        let mut document = Document::default();
        self.responsible.put(&["processor", "data protection officer"], &mut document);
        for row in &self.controllers {
            row.put(&mut document);
        }
        if self.controllers.is_empty() {
            document.gaps.push("no controller is declared for whom data are processed".into());
        }
        for name in &self.for_nobody {
            document.gaps.push(format!(
                "{name}: on whose behalf is not declared, or more than one controller has the \
                 resource"
            ));
        }
        self.measures.put(&mut document);
        document
    }
}

impl Declared {
    fn of(name: &str, known: Option<&Controller>, activities: &[&Activity]) -> Self {
        let going = |activity: &&Activity| [activity.recipients(), activity.models()].concat();
        let recipients: BTreeSet<String> = activities.iter().flat_map(going).collect();
        Self {
            contact: known.map(|known| Contact {
                name: name.to_owned(),
                contact: known.contact.clone(),
                country: known.country.clone(),
            }),
            representative: known.and_then(|known| known.representative.clone()),
            dpo: known.and_then(|known| known.dpo.clone()),
            processing: known.map(|known| known.processing.clone()).unwrap_or_default(),
            recipients: recipients.into_iter().collect(),
        }
    }
}

impl Observed {
    fn of(activities: &[&Activity]) -> Self {
        let rows = || activities.iter().flat_map(|one| &one.observed.categories);
        let categories: BTreeSet<String> = rows().map(|row| row.class.category.clone()).collect();
        let seen = || activities.iter().map(|one| &one.observed);
        Self {
            activities: activities.iter().map(|one| one.name()).collect(),
            categories: categories.into_iter().collect(),
            exchanges: seen().map(|one| one.exchanges).sum(),
            rows: seen().map(|one| one.rows).sum(),
            masked_share: MaskedShare::of(rows().map(|row| (&row.class, &row.used))),
            first_seen: seen().map(|one| one.first_seen.clone()).min(),
            last_seen: seen().map(|one| one.last_seen.clone()).max(),
        }
    }
}

impl OnBehalf {
    fn put(&self, document: &mut Document) {
        let (observed, declared) = (&self.observed, &self.declared);
        document.heading(format!("On behalf of {}", self.controller));
        let text = |words: &[String]| (!words.is_empty()).then(|| words.join("\n"));
        let seen = observed.first_seen.as_ref().zip(observed.last_seen.as_ref());
        document.fields(vec![
            Field::declared("controller", declared.contact.as_ref().map(contact)),
            Field::declared("its representative", declared.representative.as_ref().map(contact)),
            Field::declared("its data protection officer", declared.dpo.as_ref().map(contact)),
            Field::declared("categories of processing", text(&declared.processing)),
            Field::declared("recipients, models, countries", text(&declared.recipients)),
            Field::observed("activities", observed.activities.join("\n")),
            Field::observed("categories of data", list(&observed.categories)),
            Field::observed(
                "exchanges, rows",
                format!("{}, {}", observed.exchanges, observed.rows),
            ),
            Field::observed(
                "personal values masked, of those released",
                observed.masked_share.text(),
            ),
            Field::observed(
                "first and last seen",
                seen.map_or_else(|| "–".to_owned(), |(first, last)| format!("{first} to {last}")),
            ),
        ]);
        let mut missing = |is_missing: bool, what: &str| {
            if is_missing {
                document.gaps.push(format!("{}: {what}", self.controller));
            }
        };
        missing(declared.contact.is_none(), "how the controller is reached is not declared");
        missing(declared.processing.is_empty(), "no category of processing is declared");
        missing(observed.activities.is_empty(), "nothing was seen on its behalf in this period");
    }
}
