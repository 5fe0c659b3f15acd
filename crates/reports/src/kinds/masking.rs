//! What is masked, revealed and found (Articles 5 and 25 GDPR): by category and by column.

use super::shared::{CategoryUse, touches};
use super::{Teller, Told};
use crate::categories::CategoryClass;
use crate::document::{Block, Document, Field, Source, list};
use crate::error::Error;
use crate::report::Inputs;
use crate::scope::Scope;
use crate::walk::{Exchange, Observer, Walked};
use portreeve_model::{Category, Object};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Exchanges that are cited because something passed that should not have.
const CITED_MAX: usize = 100;

/// The report while it is made.
pub(super) struct MaskingCoverage {
    scope: Scope,
    inputs: Inputs,
    categories: BTreeMap<String, CategoryUse>,
    objects: BTreeMap<(String, String), ObjectTally>,
    totals: Totals,
    cited: Vec<u64>,
}

#[derive(Default)]
struct ObjectTally {
    categories: BTreeSet<String>,
    exchanges: u64,
    exchanges_comparing: u64,
    rows_revealed: u64,
    found_masked: BTreeMap<String, u64>,
    found_revealed: BTreeMap<String, u64>,
}

/// The content.
#[derive(Serialize, Deserialize)]
struct Content {
    /// Personal values that were released unmasked without a granted exception.
    unmasked_without_exception: u64,
    observed: Totals,
    categories: Vec<CategoryRow>,
    objects: Vec<ObjectRow>,
    /// Patterns of the configuration of whose objects nothing was seen.
    configured_unseen: Vec<String>,
}

#[derive(Clone, Default, Serialize, Deserialize)]
struct Totals {
    exchanges: u64,
    rows: u64,
    values_masked: u64,
    rows_revealed: u64,
    values_found_masked: u64,
    values_found_revealed: u64,
    values_found_unrevealed: u64,
    rows_of_undecided: u64,
    disagreements: u64,
}

#[derive(Serialize, Deserialize)]
struct CategoryRow {
    #[serde(flatten)]
    class: CategoryClass,
    #[serde(flatten)]
    used: CategoryUse,
    /// How values are masked, as configured.
    method: Option<String>,
}

#[derive(Serialize, Deserialize)]
struct ObjectRow {
    resource: String,
    object: String,
    /// What it is classified as, as the log's decisions say.
    classified: Vec<String>,
    exchanges: u64,
    exchanges_comparing: u64,
    rows_revealed: u64,
    found_masked: BTreeMap<String, u64>,
    found_revealed: BTreeMap<String, u64>,
    /// Detectors find something, and nobody has classified it.
    is_unclassified: bool,
}

impl MaskingCoverage {
    pub(super) fn new(scope: Scope, inputs: Inputs) -> Self {
        Self {
            scope,
            inputs,
            categories: BTreeMap::new(),
            objects: BTreeMap::new(),
            totals: Totals::default(),
            cited: Vec::new(),
        }
    }

    fn object(&mut self, exchange: &Exchange<'_>, object: &Object) -> &mut ObjectTally {
        let key = (exchange.session.resource.clone(), object.to_string());
        self.objects.entry(key).or_default()
    }

    /// What the exchange did to each classified object.
    fn add_objects(&mut self, exchange: &Exchange<'_>) {
        let revealed = exchange.revealed();
        let mut seen: BTreeMap<&Object, (BTreeSet<&Category>, bool)> = BTreeMap::new();
        for (category, action, object) in exchange.classified() {
            let entry = seen.entry(object).or_default();
            entry.0.insert(category);
            entry.1 |=
                matches!(action, portreeve_model::Action::Filter | portreeve_model::Action::Probe);
        }
        for (object, category) in &revealed {
            seen.entry(object).or_default().0.insert(category);
        }
        let shown: BTreeSet<&Object> = revealed.iter().map(|(object, _)| *object).collect();
        for (object, (categories, is_compared)) in seen {
            let rows = if shown.contains(object) { exchange.rows } else { 0 };
            let tally = self.object(exchange, object);
            tally.exchanges += 1;
            tally.exchanges_comparing += u64::from(is_compared);
            tally.rows_revealed += rows;
            tally.categories.extend(categories.iter().map(|category| category.0.clone()));
        }
        for found in exchange.detected {
            let tally = self.object(exchange, &found.object);
            *tally.found_masked.entry(found.category.0.clone()).or_default() += found.masked;
            *tally.found_revealed.entry(found.category.0.clone()).or_default() += found.revealed;
        }
    }
}

impl Observer for MaskingCoverage {
    fn exchange(&mut self, exchange: &Exchange<'_>) {
        if !self.scope.holds(exchange) {
            return;
        }
        let touches = touches(exchange);
        // Rows of something that nobody has decided: there can be none.
        let is_undecided = exchange.number != 0
            && exchange.rows > 0
            && exchange
                .ran()
                .any(|command| command.decision.is_none() || command.unknown.is_some())
            && !exchange.is_refused();
        let totals = &mut self.totals;
        totals.exchanges += u64::from(exchange.number != 0);
        totals.rows += exchange.rows;
        totals.values_masked += exchange.masked.values().sum::<u64>();
        totals.rows_revealed +=
            if touches.values().any(|touch| touch.is_revealed) { exchange.rows } else { 0 };
        totals.values_found_masked += exchange.detected.iter().map(|one| one.masked).sum::<u64>();
        totals.values_found_revealed +=
            exchange.detected.iter().map(|one| one.revealed).sum::<u64>();
        totals.values_found_unrevealed += exchange.found_unrevealed;
        totals.rows_of_undecided += if is_undecided { exchange.rows } else { 0 };
        totals.disagreements += exchange.disagreements;
        if (is_undecided || exchange.found_unrevealed > 0) && self.cited.len() < CITED_MAX {
            self.cited.push(exchange.index);
        }
        for (category, touch) in touches {
            self.categories.entry(category).or_default().add(exchange, touch);
        }
        self.add_objects(exchange);
    }
}

impl Teller for MaskingCoverage {
    fn observer(&mut self) -> &mut dyn Observer {
        self
    }

    fn tell(self: Box<Self>, _walked: &Walked) -> Result<Told, Error> {
        let this = *self;
        let configured = this.inputs.configured.as_ref();
        let categories = this.categories.into_iter().map(|(category, used)| CategoryRow {
            class: CategoryClass::of(&category, &this.inputs.declared),
            method: configured.and_then(|known| known.method(&category)).map(str::to_owned),
            used,
        });
        let categories: Vec<CategoryRow> = categories.collect();
        let objects: Vec<ObjectRow> = this
            .objects
            .into_iter()
            .map(|((resource, object), tally)| ObjectRow {
                resource,
                object,
                is_unclassified: tally.categories.is_empty(),
                classified: tally.categories.into_iter().collect(),
                exchanges: tally.exchanges,
                exchanges_comparing: tally.exchanges_comparing,
                rows_revealed: tally.rows_revealed,
                found_masked: tally.found_masked,
                found_revealed: tally.found_revealed,
            })
            .collect();
        let content = Content {
            unmasked_without_exception: this.totals.values_found_unrevealed
                + this.totals.rows_of_undecided,
            observed: this.totals,
            configured_unseen: unseen(&this.inputs, &objects),
            categories,
            objects,
        };
        let document = content.document(&this.inputs);
        Told::new(&content, document, this.cited)
    }
}

/// Exact names of the configuration that no decision has named.
fn unseen(inputs: &Inputs, objects: &[ObjectRow]) -> Vec<String> {
    let seen: BTreeSet<(&str, &str)> =
        objects.iter().map(|row| (row.resource.as_str(), row.object.as_str())).collect();
    let resources = inputs.configured.iter().flat_map(|known| &known.resources);
    let unseen = resources.flat_map(|(name, resource)| {
        let classified = resource.columns.iter().filter(|column| column.category.is_some());
        let exact = classified.filter(|column| !column.pattern.contains('*'));
        let seen = &seen;
        exact
            .filter(move |column| !seen.contains(&(name.as_str(), column.pattern.as_str())))
            .map(move |column| format!("{name}: {}", column.pattern))
    });
    unseen.collect()
}

impl Content {
    fn document(&self, inputs: &Inputs) -> Document {
        let mut document = Document::default();
        document.blocks.push(Block::Headline {
            name: "personal values released unmasked without a granted exception".into(),
            value: self.unmasked_without_exception.to_string(),
            meaning: "target 0; anything else is an incident, and its records are cited".into(),
        });
        let totals = &self.observed;
        document.heading("Totals");
        document.fields(vec![
            Field::observed(
                "exchanges, rows released",
                format!("{}, {}", totals.exchanges, totals.rows),
            ),
            Field::observed("values masked", totals.values_masked),
            Field::observed("rows with revealed columns", totals.rows_revealed),
            Field::observed("found in texts and masked", totals.values_found_masked),
            Field::observed("found in texts and revealed by policy", totals.values_found_revealed),
            Field::observed(
                "where the target disagreed about a column's origin (masked)",
                totals.disagreements,
            ),
        ]);
        let masked = |row: &CategoryRow| (row.class.category.clone(), row.used.values_masked);
        document.chart("Values masked, by category", self.categories.iter().map(masked).collect());
        self.put_categories(&mut document);
        self.put_objects(&mut document);
        document.heading("Configured, and not seen");
        document.fields(vec![Field::configured(
            "classified, of which nothing was decided",
            Some(list(&self.configured_unseen)),
        )]);
        let unlisted = inputs.configured.iter().flat_map(|known| &known.resources);
        for (name, resource) in unlisted {
            if resource.unclassified == "clear" {
                document.gaps.push(format!(
                    "texts of `{name}` that nobody has classified pass unseen: `unclassified: \
                     clear`"
                ));
            }
            for column in resource.columns.iter().filter(|column| column.category.is_none()) {
                let reason = column.reason.as_deref().unwrap_or("no reason is given");
                document
                    .gaps
                    .push(format!("`{name}`: {} is not looked through: {reason}", column.pattern));
            }
        }
        for row in self.objects.iter().filter(|row| row.is_unclassified) {
            document.gaps.push(format!(
                "`{}`: detectors find personal data in {}, which nobody has classified",
                row.resource, row.object
            ));
        }
        if inputs.configured.is_none() {
            document
                .gaps
                .push("no configuration was given: how categories are masked is missing".into());
        }
        document
    }

    fn put_categories(&self, document: &mut Document) {
        let row = |row: &CategoryRow| {
            vec![
                row.class.category.clone(),
                row.class.provision.clone(),
                row.method.clone().unwrap_or_else(|| "–".to_owned()),
                row.used.exchanges.to_string(),
                row.used.values_masked.to_string(),
                row.used.rows_revealed.to_string(),
                row.used.values_found_revealed.to_string(),
                row.used.exchanges_comparing.to_string(),
            ]
        };
        document.table(
            "By category",
            &[
                ("category", Source::Observed),
                ("provision", Source::Configured),
                ("mask", Source::Configured),
                ("exchanges", Source::Observed),
                ("values masked", Source::Observed),
                ("rows revealed", Source::Observed),
                ("found, revealed", Source::Observed),
                ("exchanges comparing", Source::Observed),
            ],
            self.categories.iter().map(row).collect(),
        );
    }

    fn put_objects(&self, document: &mut Document) {
        let counts = |counts: &BTreeMap<String, u64>| {
            let some = counts.iter().filter(|(_, count)| **count > 0);
            list(some.map(|(category, count)| format!("{category} {count}")))
        };
        let row = |row: &ObjectRow| {
            vec![
                row.resource.clone(),
                row.object.clone(),
                match row.is_unclassified {
                    true => "unclassified".to_owned(),
                    false => list(&row.classified),
                },
                row.exchanges.to_string(),
                row.exchanges_comparing.to_string(),
                row.rows_revealed.to_string(),
                counts(&row.found_masked),
                counts(&row.found_revealed),
            ]
        };
        document.table(
            "By column or field that a decision or a detector named",
            &[
                ("resource", Source::Observed),
                ("object", Source::Observed),
                ("classified as", Source::Observed),
                ("exchanges", Source::Observed),
                ("comparing", Source::Observed),
                ("rows revealed", Source::Observed),
                ("found, masked", Source::Observed),
                ("found, revealed", Source::Observed),
            ],
            self.objects.iter().map(row).collect(),
        );
        document.text(
            "Masked values are counted by category; a decision names a column where its values \
             leave it, are compared or are revealed.",
        );
    }
}
