//! The state of one statement's analysis: what it needs so far.

use portreeve_model::{Action, Need, Object, ObjectKind};
use std::collections::BTreeSet;

use crate::sql::catalog::Catalog;
use crate::sql::lineage::Lineage;
use crate::sql::statement::Missing;

/// The most expressions, sources and sub-queries of one statement.
const STEPS_MAX: u32 = 200_000;

/// What is known of a statement so far.
pub(in crate::sql) struct Analyzer<'c> {
    pub(in crate::sql) catalog: &'c Catalog,
    pub(in crate::sql) needs: BTreeSet<Need>,
    /// The first thing that was not understood.
    pub(in crate::sql) unknown: Option<String>,
    pub(in crate::sql) missing: BTreeSet<Missing>,
    /// Classified columns or opaque code are within reach.
    pub(in crate::sql) touched: bool,
    /// A relation that is not a system catalog is read.
    pub(in crate::sql) reads_user: bool,
    /// A system catalog is read.
    pub(in crate::sql) reads_system: bool,
    pub(in crate::sql) writes: bool,
    pub(in crate::sql) sets: bool,
    /// Unqualified names may stand for something else afterwards.
    pub(in crate::sql) moves_search_path: bool,
    pub(in crate::sql) notifies: bool,
    /// Relation names that were looked up.
    pub(in crate::sql) names: BTreeSet<String>,
    steps: u32,
}

impl<'c> Analyzer<'c> {
    pub(in crate::sql) fn new(catalog: &'c Catalog) -> Self {
        Self {
            catalog,
            needs: BTreeSet::new(),
            unknown: None,
            missing: BTreeSet::new(),
            touched: false,
            reads_user: false,
            reads_system: false,
            writes: false,
            sets: false,
            moves_search_path: false,
            notifies: false,
            names: BTreeSet::new(),
            steps: 0,
        }
    }

    /// Counts work; a statement that needs too much of it is refused. True: stop here.
    pub(in crate::sql) fn is_spent(&mut self) -> bool {
        self.steps = self.steps.saturating_add(1);
        if self.steps > STEPS_MAX {
            self.refuse("the statement is too complex to be analyzed".into());
            return true;
        }
        false
    }

    pub(in crate::sql) fn need(&mut self, action: Action, object: Object) {
        match action {
            Action::Write
            | Action::Define
            | Action::Administer
            | Action::Execute
            | Action::Lock => {
                self.writes = true;
            }
            Action::Connect | Action::Read | Action::Filter | Action::Probe | Action::Reveal => {}
        }
        self.needs.insert(Need { action, object });
    }

    pub(in crate::sql) fn administer(&mut self) {
        self.need(Action::Administer, Object::resource());
    }

    /// The statement cannot be understood; the first reason stays.
    pub(in crate::sql) fn refuse(&mut self, reason: String) {
        self.unknown.get_or_insert(reason);
    }

    /// A value that is not understood: refused, and it may hold anything.
    pub(in crate::sql) fn not_understood(&mut self, what: &str) -> Lineage {
        self.refuse(format!("{what} is not understood by the gateway"));
        self.everything()
    }

    pub(in crate::sql) fn everything(&mut self) -> Lineage {
        self.touched = true;
        Lineage::everything(self.catalog)
    }

    pub(in crate::sql) fn miss(&mut self, kind: ObjectKind, name: String) {
        let word = match kind {
            ObjectKind::Function => "function",
            ObjectKind::Resource | ObjectKind::Table | ObjectKind::Column => "relation",
        };
        self.refuse(format!("{word} `{name}` is not known to the gateway"));
        self.missing.insert(Missing { kind, name });
    }

    /// The client learns from rows, order or errors what this value is.
    pub(in crate::sql) fn filter(&mut self, lineage: &Lineage) {
        self.columns_need(Action::Filter, lineage);
    }

    /// The value leaves the columns that are known to hold it.
    pub(in crate::sql) fn reveal(&mut self, lineage: &Lineage) {
        self.columns_need(Action::Reveal, lineage);
    }

    fn columns_need(&mut self, action: Action, lineage: &Lineage) {
        for id in &lineage.ids {
            if let Some(column) = self.catalog.classified.get(*id as usize) {
                let object = column.object();
                self.needs.insert(Need { action, object });
            }
        }
    }
}
