//! The state of one statement's analysis: what it needs so far.

use portreeve_model::{Action, Change, Need, Object};
use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;

use crate::sql::catalog::{Catalog, ColumnRef, Functions};
use crate::sql::grammar::Late;
use crate::sql::lineage::{Lineage, UNCOUNTED};
use crate::sql::postgres::budget::Budget;
use crate::sql::postgres::query::shown::PinnedSetting;
use crate::sql::statement::{Brought, Comparison, Missing, Moved, Replacement, Unknown, sqlstate};
use crate::sql::taint::Taint;

/// The most columns that the sources and sub-queries of one statement have in all. A column
/// takes some 60 bytes while the statement is analyzed.
const COLUMNS_MAX: usize = 400_000;

/// The most constants and parameters of one statement whose comparisons are told one by one.
const COMPARISONS_MAX: usize = 1_000;

/// What is known of a statement so far.
pub(in crate::sql) struct Analyzer<'c> {
    pub(in crate::sql) catalog: &'c Catalog,
    /// The whole text, for positions in it.
    pub(in crate::sql) text: &'c str,
    pub(in crate::sql) needs: BTreeSet<Need>,
    /// Columns that the client learns about from rows, order or errors.
    pub(in crate::sql) filtered: Taint,
    /// Columns that are compared for equality with what the client brings.
    pub(in crate::sql) probed: Taint,
    /// Columns whose values leave those that are known to hold them.
    pub(in crate::sql) revealed: Taint,
    /// Columns whose values are used for anything.
    pub(in crate::sql) used: Taint,
    /// Columns that values are stored in.
    pub(in crate::sql) written: Taint,
    /// Constants and parameters that columns are compared with.
    pub(in crate::sql) probes: u64,
    /// Columns that conditions compare with what the client brings.
    /// The parameters that are taken for arrays of values to compare with.
    pub(in crate::sql) listed: Vec<usize>,
    pub(in crate::sql) compared: Vec<Comparison>,
    /// Constants and parameters that take the place of what is in columns.
    pub(in crate::sql) replaced: Vec<Replacement>,
    /// From which classified columns values go unchanged into which others.
    pub(in crate::sql) moved: BTreeSet<(u32, u32)>,
    /// The first thing that was not understood.
    pub(in crate::sql) unknown: Option<Unknown>,
    pub(in crate::sql) missing: BTreeSet<Missing>,
    /// Functions whose results may hold anything.
    pub(in crate::sql) opaque: BTreeSet<Object>,
    /// Classified columns or opaque code are within reach.
    pub(in crate::sql) touched: bool,
    /// A relation that is not a system catalog is read.
    pub(in crate::sql) reads_user: bool,
    /// A system catalog is read.
    pub(in crate::sql) reads_system: bool,
    pub(in crate::sql) writes: bool,
    pub(in crate::sql) sets: bool,
    /// Something runs that no need tells of and that is not proven to change nothing.
    pub(in crate::sql) acts: bool,
    /// Whether every write so far is limited by its predicate; none: nothing is written.
    pub(in crate::sql) bounded: Option<bool>,
    /// How many of its parts write rows.
    pub(in crate::sql) writings: u32,
    /// What it sets and no catalog shows.
    pub(in crate::sql) sets_hidden: Vec<String>,
    /// A constant in it tells what it does.
    pub(in crate::sql) by_constant: bool,
    /// It changes the row that a cursor stands at.
    pub(in crate::sql) at_cursor: bool,
    pub(in crate::sql) change: Option<Change>,
    /// Unqualified names may stand for something else afterwards.
    pub(in crate::sql) moves_search_path: bool,
    pub(in crate::sql) notifies: bool,
    /// It calls something by a name: a function, an operator, what makes a value of a type.
    pub(in crate::sql) calls: bool,
    /// The table that a definition makes, by schema and name.
    pub(in crate::sql) being_made: Option<(String, String)>,
    /// The one row of `pg_settings` that is shown here.
    pub(in crate::sql) pinned_setting: Option<PinnedSetting>,
    /// How many common table expressions stand on each other below what is looked at.
    pub(in crate::sql) cte_depth: u32,
    /// Relation names that were looked up.
    pub(in crate::sql) names: BTreeSet<String>,
    /// Relations that were read, in the order in which the text has them.
    reads: Vec<Object>,
    pub(in crate::sql) budget: Budget<'c>,
    /// What it is asked besides: whether the rows are limited that it writes.
    pub(in crate::sql) bounds: Budget<'c>,
    columns: usize,
}

impl<'c> Analyzer<'c> {
    pub(in crate::sql) fn new(catalog: &'c Catalog) -> Self {
        Self {
            catalog,
            text: "",
            needs: BTreeSet::new(),
            filtered: Taint::Clean,
            probed: Taint::Clean,
            revealed: Taint::Clean,
            used: Taint::Clean,
            written: Taint::Clean,
            probes: 0,
            listed: Vec::new(),
            compared: Vec::new(),
            replaced: Vec::new(),
            moved: BTreeSet::new(),
            unknown: None,
            missing: BTreeSet::new(),
            opaque: BTreeSet::new(),
            touched: false,
            reads_user: false,
            reads_system: false,
            writes: false,
            sets: false,
            acts: false,
            bounded: None,
            writings: 0,
            sets_hidden: Vec::new(),
            by_constant: false,
            at_cursor: false,
            change: None,
            moves_search_path: false,
            notifies: false,
            calls: false,
            being_made: None,
            pinned_setting: None,
            cte_depth: 0,
            names: BTreeSet::new(),
            reads: Vec::new(),
            budget: Budget::new(&|| false),
            bounds: Budget::new(&|| false),
            columns: 0,
        }
    }

    /// Like [`Self::new`], for a statement of this text.
    pub(in crate::sql) fn of(catalog: &'c Catalog, text: &'c str, is_late: Late<'c>) -> Self {
        let [budget, bounds] = [Budget::new(is_late), Budget::new(is_late)];
        Self { text, budget, bounds, ..Self::new(catalog) }
    }

    /// Counts work; a statement that needs too much of it is refused. True: stop here.
    pub(in crate::sql) fn is_spent(&mut self) -> bool {
        self.is_spent_by(1)
    }

    /// Like [`Self::is_spent`], for that many small things.
    pub(in crate::sql) fn is_spent_by(&mut self, count: usize) -> bool {
        let is_spent = self.budget.small_steps(count) || self.bounds.is_spent();
        if is_spent || self.columns > COLUMNS_MAX {
            self.refuse_as(
                sqlstate::STATEMENT_TOO_COMPLEX,
                "the statement is too complex to be analyzed".into(),
            );
            return true;
        }
        false
    }

    /// Counts columns that are about to be made. True: there would be too many.
    pub(in crate::sql) fn is_over(&mut self, columns: usize) -> bool {
        self.columns = self.columns.saturating_add(columns);
        self.columns > COLUMNS_MAX && self.is_spent()
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

    /// Functions run that the text does not show.
    pub(in crate::sql) fn runs(&mut self, functions: &Functions) {
        if functions.is_empty() {
            return;
        }
        self.touched = true;
        self.moves_search_path = true;
        for function in functions.iter() {
            self.need(Action::Execute, function.clone());
        }
    }

    /// Casts that nobody has to write may run in any expression, and give anything. True: there
    /// are such casts, and expressions.
    pub(in crate::sql) fn runs_anywhere(&mut self) -> bool {
        let functions = self.catalog.anywhere.clone();
        let runs = !self.budget.is_whole() && !functions.is_empty();
        if runs {
            self.runs(&functions);
            self.opaque.extend(functions.iter().cloned());
        }
        runs
    }

    /// The statement cannot be understood; the first reason stays.
    pub(in crate::sql) fn refuse(&mut self, message: String) {
        self.refuse_as(sqlstate::FEATURE_NOT_SUPPORTED, message);
    }

    pub(in crate::sql) fn refuse_as(&mut self, sqlstate: &'static str, message: String) {
        self.refuse_with(Unknown::new(sqlstate, message));
    }

    pub(in crate::sql) fn refuse_with(&mut self, unknown: Unknown) {
        self.unknown.get_or_insert(unknown);
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

    /// The result of a function that nobody can look into.
    pub(in crate::sql) fn opaque_result(&mut self, function: Object) -> Lineage {
        self.opaque.insert(function);
        self.everything()
    }

    /// A name is not there. What may have been meant is looked for once: nobody hears of others.
    pub(in crate::sql) fn miss(&mut self, unknown: impl FnOnce(&Self) -> Unknown) {
        if self.unknown.is_none() {
            self.unknown = Some(unknown(self));
        }
    }

    /// The client learns from rows, order or errors what this value is.
    pub(in crate::sql) fn filter(&mut self, lineage: &Lineage) {
        self.filtered.join(&lineage.sources);
        self.search(lineage);
    }

    /// What is closed can hold anything: so does what is learnt from it.
    fn search(&mut self, lineage: &Lineage) {
        if lineage.is_sealed() {
            self.filtered.join(&self.catalog.everything);
        }
    }

    pub(in crate::sql) fn uses(&mut self, lineage: &Lineage) {
        self.used.join(&lineage.sources);
    }

    /// The value leaves the columns that are known to hold it.
    pub(in crate::sql) fn reveal(&mut self, lineage: &Lineage) {
        self.revealed.join(&lineage.sources);
        if lineage.is_sealed() {
            self.revealed.join(&self.catalog.everything);
        }
    }

    /// A value is compared for equality with something that can be `constants` values of the
    /// client.
    pub(in crate::sql) fn probe(&mut self, lineage: &Lineage, constants: u64) {
        self.search(lineage);
        if !lineage.is_clean() && constants > 0 {
            self.probed.join(&lineage.sources);
            self.probes = self.probes.saturating_add(constants).min(UNCOUNTED);
        }
    }

    /// A condition compares a plain column with these operands.
    pub(in crate::sql) fn compares(&mut self, lineage: &Lineage, operands: &[Brought]) {
        for id in lineage.sources.ids() {
            let Some(column) = self.catalog.classified.get(id as usize) else { continue };
            let room = COMPARISONS_MAX.saturating_sub(self.compared.len());
            let computed = [Brought::Computed];
            let operands = if operands.len() > room { computed.as_slice() } else { operands };
            let comparison =
                |with: &Brought| Comparison { column: column.clone(), with: with.clone() };
            self.compared.extend(operands.iter().map(comparison));
        }
    }

    /// What is in a column makes room for these.
    pub(in crate::sql) fn replaces(&mut self, lineage: &Lineage, operands: Vec<Brought>) {
        let column = lineage.origin.and_then(|origin| self.catalog.columns.get(origin as usize));
        let Some(column) = column else { return };
        let room = COMPARISONS_MAX.saturating_sub(self.replaced.len());
        let replacement = |with| Replacement { column: column.clone(), with };
        self.replaced.extend(operands.into_iter().take(room).map(replacement));
    }

    pub(in crate::sql) fn has_room_for_replacements(&self) -> bool {
        self.replaced.len() < COMPARISONS_MAX
    }

    /// Two values are compared for equality: each may be what the client brings.
    pub(in crate::sql) fn compare(&mut self, one: &Lineage, two: &Lineage) {
        self.probe(one, two.constants);
        self.probe(two, one.constants);
        self.filter(one);
        self.filter(two);
    }

    /// A write is limited by a predicate, or is not.
    pub(in crate::sql) fn bound(&mut self, is_bounded: bool) {
        self.bounded = Some(self.bounded.unwrap_or(true) && is_bounded);
        self.writings += 1;
        if self.bounds.is_spent() {
            // Whether it is limited was not found out.
            self.is_spent();
        }
    }

    pub(in crate::sql) fn changes(&mut self, change: Change) {
        self.change = self.change.max(Some(change));
    }

    /// Whether everything that runs for the statement has been seen, and changes nothing. Where
    /// definitions were changed in the open transaction, names rest on more than the catalog.
    pub(in crate::sql) fn is_proven_to_read(&self) -> bool {
        let catalog = self.catalog;
        catalog.knows_code
            && !catalog.values_act
            && catalog.overlay.is_empty()
            && self.changes_nothing()
            && !self.moves_search_path
            && self.opaque.is_empty()
    }

    /// Whether something may change that is not told by the functions that it calls.
    pub(in crate::sql) fn acts_beside_calls(&self) -> bool {
        let acts = |need: &Need| match need.action {
            Action::Write | Action::Define | Action::Lock => true,
            Action::Connect
            | Action::Read
            | Action::Administer
            | Action::Execute
            | Action::Filter
            | Action::Probe
            | Action::Reveal => false,
        };
        self.acts
            || self.sets
            || self.notifies
            || self.bounded.is_some()
            || self.change.is_some()
            || self.unknown.is_some()
            || self.needs.iter().any(acts)
    }

    /// Whether nothing of it may change anything. What runs somebody's code counts as a change.
    pub(in crate::sql) fn changes_nothing(&self) -> bool {
        !(self.writes || self.sets || self.acts || self.notifies)
            && self.bounded.is_none()
            && self.change.is_none()
            && self.unknown.is_none()
    }

    /// A relation is read here.
    pub(in crate::sql) fn reads(&mut self, relation: Object) {
        self.reads_user = true;
        self.reads.push(relation.clone());
        self.need(Action::Read, relation);
    }

    /// How many relations have been read so far: the start or end of a range for `locks`.
    pub(in crate::sql) fn reads_so_far(&self) -> usize {
        self.reads.len()
    }

    /// The rows of the relations that were read in this part of the text are locked.
    pub(in crate::sql) fn locks(&mut self, part: Range<usize>) {
        let locked: Vec<Object> = self.reads.get(part).unwrap_or_default().to_vec();
        for object in locked {
            if self.is_spent() {
                return;
            }
            self.need(Action::Lock, object);
        }
    }

    /// All needs, those of columns included.
    pub(in crate::sql) fn all_needs(&self) -> Vec<Need> {
        let mut needs = self.needs.clone();
        for (action, taint) in [
            (Action::Filter, &self.filtered),
            (Action::Probe, &self.probed),
            (Action::Reveal, &self.revealed),
        ] {
            for id in taint.ids() {
                if let Some(column) = self.catalog.classified.get(id as usize) {
                    needs.insert(Need { action, object: column.object() });
                }
            }
        }
        needs.into_iter().collect()
    }

    /// The columns that values are stored in.
    pub(in crate::sql) fn written_columns(&self) -> Vec<Arc<ColumnRef>> {
        let known = |id: u32| self.catalog.classified.get(id as usize).cloned();
        let mut columns: Vec<_> = self.written.ids().filter_map(known).collect();
        columns.sort();
        columns
    }

    /// The columns between which values go unchanged.
    pub(in crate::sql) fn moves(&self) -> Vec<Moved> {
        let known = |id: u32| self.catalog.classified.get(id as usize).cloned();
        let moved = |(from, to): &(u32, u32)| Some(Moved { from: known(*from)?, to: known(*to)? });
        self.moved.iter().filter_map(moved).collect()
    }

    /// Takes over what a statement inside this one needs.
    pub(in crate::sql) fn absorb(&mut self, inner: &Self) {
        self.needs.extend(inner.needs.iter().cloned());
        self.filtered.join(&inner.filtered);
        self.probed.join(&inner.probed);
        self.revealed.join(&inner.revealed);
        self.written.join(&inner.written);
        self.moved.extend(&inner.moved);
        self.probes = self.probes.saturating_add(inner.probes);
        self.listed.extend(&inner.listed);
        self.missing.extend(inner.missing.iter().cloned());
        self.opaque.extend(inner.opaque.iter().cloned());
        if let Some(unknown) = &inner.unknown {
            self.refuse_with(unknown.clone());
        }
        self.touched |= inner.touched;
        self.calls |= inner.calls;
        self.writes |= inner.writes;
        self.by_constant |= inner.by_constant;
        self.sets_hidden.extend(inner.sets_hidden.iter().cloned());
        self.acts |= inner.acts || inner.sets || inner.notifies;
        self.moves_search_path |= inner.moves_search_path;
    }
}
