//! The state of one statement's analysis: what it needs so far.

use portreeve_model::{Action, Need, Object, ObjectKind};
use std::collections::BTreeSet;

use super::catalog::Catalog;
use super::flow::Flow;
use super::statement::Missing;

/// The most expressions, sources and sub-queries of one statement.
const STEPS_MAX: u32 = 200_000;

/// What is known of a statement so far.
pub(super) struct Work<'c> {
    pub(super) catalog: &'c Catalog,
    pub(super) needs: BTreeSet<Need>,
    /// The first thing that was not understood.
    pub(super) unknown: Option<String>,
    pub(super) missing: BTreeSet<Missing>,
    /// Classified columns or opaque code are within reach.
    pub(super) touched: bool,
    /// A relation that is not a system catalog is read.
    pub(super) reads_user: bool,
    /// A system catalog is read.
    pub(super) reads_system: bool,
    pub(super) writes: bool,
    pub(super) sets: bool,
    /// Unqualified names may stand for something else afterwards.
    pub(super) moves_search_path: bool,
    pub(super) notifies: bool,
    /// Relation names that were looked up.
    pub(super) names: BTreeSet<String>,
    steps: u32,
}

impl<'c> Work<'c> {
    pub(super) fn new(catalog: &'c Catalog) -> Self {
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
    pub(super) fn is_spent(&mut self) -> bool {
        self.steps = self.steps.saturating_add(1);
        if self.steps > STEPS_MAX {
            self.refuse("the statement is too complex to be analyzed".into());
            return true;
        }
        false
    }

    pub(super) fn need(&mut self, action: Action, object: Object) {
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

    pub(super) fn administer(&mut self) {
        self.need(Action::Administer, Object::resource());
    }

    /// The statement cannot be understood; the first reason stays.
    pub(super) fn refuse(&mut self, reason: String) {
        self.unknown.get_or_insert(reason);
    }

    /// A value that is not understood: refused, and it may hold anything.
    pub(super) fn not_understood(&mut self, what: &str) -> Flow {
        self.refuse(format!("{what} is not understood by the gateway"));
        self.everything()
    }

    pub(super) fn everything(&mut self) -> Flow {
        self.touched = true;
        Flow::everything(self.catalog)
    }

    pub(super) fn miss(&mut self, kind: ObjectKind, name: String) {
        let word = match kind {
            ObjectKind::Function => "function",
            ObjectKind::Resource | ObjectKind::Table | ObjectKind::Column => "relation",
        };
        self.refuse(format!("{word} `{name}` is not known to the gateway"));
        self.missing.insert(Missing { kind, name });
    }

    /// The client learns from rows, order or errors what this value is.
    pub(super) fn filter(&mut self, flow: &Flow) {
        self.columns_need(Action::Filter, flow);
    }

    /// The value leaves the columns that are known to hold it.
    pub(super) fn reveal(&mut self, flow: &Flow) {
        self.columns_need(Action::Reveal, flow);
    }

    fn columns_need(&mut self, action: Action, flow: &Flow) {
        for id in &flow.ids {
            if let Some(column) = self.catalog.classified.get(*id as usize) {
                let object = column.object();
                self.needs.insert(Need { action, object });
            }
        }
    }
}
