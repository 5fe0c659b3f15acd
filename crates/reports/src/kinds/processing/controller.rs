//! The record of a controller (Article 30(1)): every activity, and what has changed.

use super::activity::{Activity, CategoryRow};
use super::measures::{Measures, Responsible};
use crate::categories::VOCABULARY;
use crate::document::{Document, Field, Source, list};
use crate::inputs::Inputs;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// The content.
#[derive(Serialize, Deserialize)]
pub(super) struct Content {
    /// Who is responsible, as declared.
    responsible: Responsible,
    activities: Vec<Activity>,
    measures: Measures,
    /// What has changed since the report before this one.
    drift: Option<Drift>,
}

#[derive(Serialize, Deserialize)]
struct Drift {
    activities_new: Vec<String>,
    activities_gone: Vec<String>,
    categories_new: Vec<String>,
}

fn drift(previous: &serde_json::Value, activities: &[Activity]) -> Drift {
    let Ok(before) = serde_json::from_value::<Content>(previous.clone()) else {
        let unreadable = "the report before this one cannot be read".to_owned();
        return Drift {
            activities_new: vec![unreadable],
            activities_gone: Vec::new(),
            categories_new: Vec::new(),
        };
    };
    let names = |all: &[Activity]| all.iter().map(Activity::name).collect::<BTreeSet<_>>();
    let categories = |all: &[Activity]| {
        let of = |one: &Activity| {
            let name = one.name();
            let category = move |row: &CategoryRow| format!("{}: {name}", row.class.category);
            one.observed.categories.iter().map(category).collect::<Vec<_>>()
        };
        all.iter().flat_map(of).collect::<BTreeSet<_>>()
    };
    let (old, new) = (names(&before.activities), names(activities));
    let (old_categories, new_categories) = (categories(&before.activities), categories(activities));
    let minus = |one: &BTreeSet<String>, two: &BTreeSet<String>| {
        one.difference(two).cloned().collect::<Vec<_>>()
    };
    Drift {
        activities_new: minus(&new, &old),
        activities_gone: minus(&old, &new),
        categories_new: minus(&new_categories, &old_categories),
    }
}

impl Content {
    pub(super) fn of(activities: Vec<Activity>, inputs: &Inputs) -> Self {
        let drift = inputs.previous.as_ref().map(|previous| drift(previous, &activities));
        Self {
            responsible: Responsible::of(inputs),
            measures: Measures::of(inputs),
            activities,
            drift,
        }
    }

    pub(super) fn document(&self, inputs: &Inputs) -> Document {
        let mut document = Document::default();
        self.responsible.put(&["controller", "data protection officer"], &mut document);
        if inputs.configured.is_none() {
            document
                .gaps
                .push("no configuration was given: retention and masking are missing".into());
        }
        let rows = |one: &Activity| (one.name(), one.observed.rows);
        document.chart("Rows released by activity", self.activities.iter().map(rows).collect());
        for activity in &self.activities {
            activity.put(&mut document);
            document.gaps.extend(activity.gaps());
        }
        self.put_processor(&mut document);
        self.measures.put(&mut document);
        if let Some(drift) = &self.drift {
            document.heading("Changed since the report before");
            document.fields(vec![
                Field::observed("activities that are new", list(&drift.activities_new)),
                Field::observed(
                    "activities that were not seen again",
                    list(&drift.activities_gone),
                ),
                Field::observed("categories that are new", list(&drift.categories_new)),
            ]);
        }
        document.text(format!("Classes of categories are those of {VOCABULARY}."));
        document
    }

    /// Article 30(2): what is processed for whom.
    fn put_processor(&self, document: &mut Document) {
        let behalf = |one: &Activity| {
            let controller = one.declared.on_behalf_of.clone()?;
            let categories = one.observed.categories.iter().map(|row| &row.class.category);
            Some(vec![controller, one.name(), list(categories)])
        };
        document.table(
            "Processing on behalf of others (Article 30(2))",
            &[
                ("controller", Source::Declared),
                ("processing", Source::Observed),
                ("categories of data", Source::Observed),
            ],
            self.activities.iter().filter_map(behalf).collect(),
        );
    }
}
