//! By column or field: what is said of it, what detectors find in it, what became of that.

use crate::configured::Configured;
use crate::document::{Document, Source, list};
use crate::walk::Exchange;
use portreeve_model::{Action, Category, Object};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Columns while a pass counts, by resource and name.
#[derive(Default)]
pub(super) struct Columns {
    tallies: BTreeMap<(String, String), Tally>,
}

#[derive(Default)]
struct Tally {
    path: Vec<String>,
    categories: BTreeSet<String>,
    exchanges: u64,
    exchanges_comparing: u64,
    rows_revealed: u64,
    found_masked: BTreeMap<String, u64>,
    found_revealed: BTreeMap<String, u64>,
    found_unrevealed: BTreeMap<String, u64>,
}

/// One column, as a report lists it.
#[derive(Serialize, Deserialize)]
pub(super) struct ColumnRow {
    pub(super) resource: String,
    pub(super) object: String,
    configured: ColumnConfigured,
    /// What it is classified as, as the log's decisions say.
    classified: Vec<String>,
    exchanges: u64,
    exchanges_comparing: u64,
    /// At most so many values of it were revealed.
    rows_revealed: u64,
    /// Values that detectors found, by category: masked.
    found_masked: BTreeMap<String, u64>,
    /// Released, those in `found_unrevealed` included.
    found_revealed: BTreeMap<String, u64>,
    /// Released, and no policy reveals them.
    found_unrevealed: BTreeMap<String, u64>,
    /// Detectors find something, and no decision knew a category.
    is_unclassified: bool,
}

/// What is said of a column.
#[derive(Default, Serialize, Deserialize)]
struct ColumnConfigured {
    /// As it is written; none where nobody says anything of the column.
    pattern: Option<String>,
    category: Option<String>,
    /// How its values are masked; `none` where somebody says that nobody's data is in it; what
    /// becomes of texts that nobody has classified where nobody says anything.
    rule: Option<String>,
}

impl Columns {
    fn tally(&mut self, exchange: &Exchange<'_>, object: &Object) -> &mut Tally {
        let key = (exchange.session.resource.clone(), object.to_string());
        let tally = self.tallies.entry(key).or_default();
        tally.path.clone_from(&object.path);
        tally
    }

    /// What the exchange did to each classified column, and what was found in the others.
    pub(super) fn add(&mut self, exchange: &Exchange<'_>) {
        let revealed = exchange.revealed();
        let mut seen: BTreeMap<&Object, (BTreeSet<&Category>, bool)> = BTreeMap::new();
        for (category, action, object) in exchange.classified() {
            let entry = seen.entry(object).or_default();
            entry.0.insert(category);
            entry.1 |= matches!(action, Action::Filter | Action::Probe);
        }
        for (object, category) in &revealed {
            seen.entry(object).or_default().0.insert(category);
        }
        let shown: BTreeSet<&Object> = revealed.iter().map(|(object, _)| *object).collect();
        for (object, (categories, is_compared)) in seen {
            let rows = if shown.contains(object) { exchange.rows } else { 0 };
            let tally = self.tally(exchange, object);
            tally.exchanges += 1;
            tally.exchanges_comparing += u64::from(is_compared);
            tally.rows_revealed += rows;
            tally.categories.extend(categories.iter().map(|category| category.0.clone()));
        }
        for found in exchange.detected {
            let tally = self.tally(exchange, &found.object);
            *tally.found_masked.entry(found.category.0.clone()).or_default() += found.masked;
            *tally.found_revealed.entry(found.category.0.clone()).or_default() += found.revealed;
        }
        for found in exchange.unrevealed {
            let tally = self.tally(exchange, &found.object);
            *tally.found_unrevealed.entry(found.category.0.clone()).or_default() += found.revealed;
        }
    }

    pub(super) fn rows(self, configured: Option<&Configured>) -> Vec<ColumnRow> {
        let row = |((resource, object), tally): ((String, String), Tally)| ColumnRow {
            configured: configured
                .map(|known| ColumnConfigured::of(known, &resource, &tally.path))
                .unwrap_or_default(),
            resource,
            object,
            is_unclassified: tally.categories.is_empty(),
            classified: tally.categories.into_iter().collect(),
            exchanges: tally.exchanges,
            exchanges_comparing: tally.exchanges_comparing,
            rows_revealed: tally.rows_revealed,
            found_masked: tally.found_masked,
            found_revealed: tally.found_revealed,
            found_unrevealed: tally.found_unrevealed,
        };
        self.tallies.into_iter().map(row).collect()
    }
}

impl ColumnConfigured {
    fn of(configured: &Configured, resource: &str, path: &[String]) -> Self {
        let Some(said) = configured.said_of(resource, path) else {
            let known = configured.resources.get(resource);
            let rule = known.map(|known| format!("unclassified: {}", known.unclassified));
            return Self { rule, ..Self::default() };
        };
        let rule = match &said.category {
            Some(category) => configured.method(category).map(str::to_owned),
            None => Some("none".to_owned()),
        };
        Self { pattern: Some(said.pattern.clone()), category: said.category.clone(), rule }
    }
}

impl ColumnRow {
    /// What is missing about it.
    pub(super) fn gap(&self) -> Option<String> {
        let (resource, object) = (&self.resource, &self.object);
        let declared = self.configured.category.as_ref();
        if self.is_unclassified {
            let since = match (declared, &self.configured.pattern) {
                (Some(category), _) => format!("no decision knew as {category}"),
                (None, Some(_)) => "the configuration says is nobody's".to_owned(),
                (None, None) => "nobody has classified".to_owned(),
            };
            return Some(format!(
                "`{resource}`: detectors find personal data in {object}, which {since}"
            ));
        }
        // Nothing is said of it where no configuration was given.
        self.configured.rule.as_ref()?;
        let is_other = declared.is_none_or(|category| !self.classified.contains(category));
        is_other.then(|| {
            format!(
                "`{resource}`: decisions took {object} for {}, and the configuration says {}",
                list(&self.classified),
                declared.map_or("nothing of it", String::as_str)
            )
        })
    }

    fn cells(&self) -> Vec<String> {
        let counts = |counts: &BTreeMap<String, u64>| {
            let some = counts.iter().filter(|(_, count)| **count > 0);
            list(some.map(|(category, count)| format!("{category} {count}")))
        };
        let dash = |word: &Option<String>| word.clone().unwrap_or_else(|| "–".to_owned());
        vec![
            self.resource.clone(),
            self.object.clone(),
            dash(&self.configured.category),
            dash(&self.configured.rule),
            match self.is_unclassified {
                true => "unclassified".to_owned(),
                false => list(&self.classified),
            },
            self.exchanges.to_string(),
            self.exchanges_comparing.to_string(),
            self.rows_revealed.to_string(),
            counts(&self.found_masked),
            counts(&self.found_revealed),
            counts(&self.found_unrevealed),
        ]
    }
}

pub(super) fn put_columns(rows: &[ColumnRow], document: &mut Document) {
    document.table(
        "By column or field that a decision or a detector named",
        &[
            ("resource", Source::Observed),
            ("object", Source::Observed),
            ("declared as", Source::Configured),
            ("rule", Source::Configured),
            ("classified as", Source::Observed),
            ("exchanges", Source::Observed),
            ("comparing", Source::Observed),
            ("rows revealed", Source::Observed),
            ("found, masked", Source::Observed),
            ("found, released", Source::Observed),
            ("of these by no rule", Source::Observed),
        ],
        rows.iter().map(ColumnRow::cells).collect(),
    );
    document.text(
        "Masked values are counted by category; a decision names a column where its values \
         leave it, are compared or are revealed.",
    );
}
