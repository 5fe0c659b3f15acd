//! What is masked, revealed and found (Articles 5 and 25 GDPR): by category and by column.

mod columns;
#[cfg(test)]
mod tests;

use super::shared::{CategoryUse, MaskedShare, touches};
use super::{Teller, Told};
use crate::categories::CategoryClass;
use crate::document::{Block, Document, Field, Source, list};
use crate::error::Error;
use crate::inputs::Inputs;
use crate::scope::Scope;
use crate::time;
use crate::walk::{Exchange, Observer, SessionFacts, Walked};
use columns::{ColumnRow, Columns, put_columns};
use portreeve_model::{Event, Record};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Exchanges that are cited because something passed that should not have.
const CITED_MAX: usize = 100;

/// The report while it is made.
pub(super) struct MaskingCoverage {
    scope: Scope,
    inputs: Inputs,
    categories: BTreeMap<String, CategoryUse>,
    columns: Columns,
    adopted: BTreeMap<String, Adopted>,
    tested: BTreeMap<String, Tested>,
    totals: Totals,
    cited: Vec<u64>,
}

/// The content.
#[derive(Serialize, Deserialize)]
struct Content {
    /// Personal values that were released unmasked without a granted exception.
    unmasked_without_exception: u64,
    observed: Totals,
    categories: Vec<CategoryRow>,
    objects: Vec<ColumnRow>,
    /// How much of what was released is masked.
    masked_share: MaskedShare,
    /// When somebody has looked at the columns of a target, and how many there were.
    columns_adopted: BTreeMap<String, Adopted>,
    /// The last self-test of a resource, and what came of it.
    #[serde(default)]
    last_selftest: BTreeMap<String, Tested>,
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

#[derive(Clone, Serialize, Deserialize)]
struct Adopted {
    columns: u64,
    at: String,
}

/// What came of a self-test, in cases.
#[derive(Clone, Serialize, Deserialize)]
struct Tested {
    at: String,
    /// On whose behalf it asked.
    subject: String,
    leaked: u64,
    permitted: u64,
    masked: u64,
    refused: u64,
    not_applicable: u64,
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

impl MaskingCoverage {
    pub(super) fn new(scope: Scope, inputs: Inputs) -> Self {
        Self {
            scope,
            inputs,
            categories: BTreeMap::new(),
            columns: Columns::default(),
            adopted: BTreeMap::new(),
            tested: BTreeMap::new(),
            totals: Totals::default(),
            cited: Vec::new(),
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
        totals.values_found_unrevealed += exchange.found_unrevealed();
        totals.rows_of_undecided += if is_undecided { exchange.rows } else { 0 };
        totals.disagreements += exchange.disagreements;
        if (is_undecided || exchange.found_unrevealed() > 0) && self.cited.len() < CITED_MAX {
            self.cited.push(exchange.index);
        }
        for (category, touch) in touches {
            self.categories.entry(category).or_default().add(exchange, touch);
        }
        self.columns.add(exchange);
    }

    fn event(&mut self, _index: u64, record: &Record, _session: Option<&SessionFacts>) {
        let wanted = self.scope.resource.as_ref();
        let is_asked_for = |resource: &String| {
            self.scope.period.holds(record.at_us) && wanted.is_none_or(|name| name == resource)
        };
        let at = || time::text(record.at_us);
        match &record.event {
            Event::ColumnsAdopted { resource, columns, .. } if is_asked_for(resource) => {
                self.adopted.insert(resource.clone(), Adopted { columns: *columns, at: at() });
            }
            Event::SelftestRun {
                resource,
                subject,
                leaked,
                permitted,
                masked,
                refused,
                not_applicable,
                by: _,
            } if is_asked_for(resource) => {
                let tested = Tested {
                    at: at(),
                    subject: subject.clone(),
                    leaked: *leaked,
                    permitted: *permitted,
                    masked: *masked,
                    refused: *refused,
                    not_applicable: *not_applicable,
                };
                self.tested.insert(resource.clone(), tested);
            }
            _ => {}
        }
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
        let masked_share = MaskedShare::of(categories.iter().map(|row| (&row.class, &row.used)));
        let objects = this.columns.rows(configured);
        let content = Content {
            unmasked_without_exception: this.totals.values_found_unrevealed
                + this.totals.rows_of_undecided,
            observed: this.totals,
            masked_share,
            columns_adopted: this.adopted,
            last_selftest: this.tested,
            configured_unseen: unseen(&this.inputs, &objects),
            categories,
            objects,
        };
        let document = content.document(&this.inputs);
        Told::new(&content, document, this.cited)
    }
}

/// Exact names of the configuration that no decision has named.
fn unseen(inputs: &Inputs, objects: &[ColumnRow]) -> Vec<String> {
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
            Field::observed("personal values masked, of those released", self.masked_share.text()),
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
        put_columns(&self.objects, &mut document);
        self.put_adopted(&mut document);
        self.put_tested(&mut document);
        document.heading("Configured, and not seen");
        document.fields(vec![Field::configured(
            "classified, of which nothing was decided",
            Some(list(&self.configured_unseen)),
        )]);
        self.put_gaps(inputs, &mut document);
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

    fn put_adopted(&self, document: &mut Document) {
        let row = |(resource, adopted): (&String, &Adopted)| {
            vec![resource.clone(), adopted.columns.to_string(), adopted.at.clone()]
        };
        document.table(
            "Columns that somebody has looked at",
            &[
                ("resource", Source::Observed),
                ("columns", Source::Observed),
                ("last", Source::Observed),
            ],
            self.columns_adopted.iter().map(row).collect(),
        );
    }

    fn put_tested(&self, document: &mut Document) {
        let row = |(resource, tested): (&String, &Tested)| {
            let Tested { at, subject, leaked, permitted, masked, refused, not_applicable } = tested;
            let mut cells = vec![resource.clone(), at.clone(), subject.clone()];
            let counts = [leaked, permitted, masked, refused, not_applicable];
            cells.extend(counts.map(u64::to_string));
            cells
        };
        document.table(
            "Last self-test",
            &[
                ("resource", Source::Observed),
                ("at", Source::Observed),
                ("asked as", Source::Observed),
                ("leaked", Source::Observed),
                ("permitted", Source::Observed),
                ("masked", Source::Observed),
                ("refused", Source::Observed),
                ("not applicable", Source::Observed),
            ],
            self.last_selftest.iter().map(row).collect(),
        );
    }

    fn put_gaps(&self, inputs: &Inputs, document: &mut Document) {
        let unlisted = inputs.configured.iter().flat_map(|known| &known.resources);
        for (name, resource) in unlisted {
            let tested = self.last_selftest.get(name);
            document.gaps.extend(match tested {
                Some(tested) if tested.leaked > 0 => Some(format!(
                    "the last self-test of `{name}` found {} ways in which values show",
                    tested.leaked
                )),
                Some(_) | None => None,
            });
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
        self.objects.iter().filter_map(ColumnRow::gap).for_each(|gap| document.gaps.push(gap));
        document.gaps.push(
            "the log counts masked values of classified columns by category, not by column, and \
             names a column only where it was compared or revealed, or where detectors found \
             something in it"
                .into(),
        );
        if inputs.configured.is_none() {
            document
                .gaps
                .push("no configuration was given: how categories are masked is missing".into());
        }
    }
}
