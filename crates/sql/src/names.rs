//! Prepared statements, portals and cursors: what each name stands for.
//!
//! SQL's PREPARE and the protocol's Parse share one name space, and so do DECLARE and
//! Bind. A name changes its meaning only when the server has said that the change
//! succeeded: otherwise a failing `PREPARE p AS <harmless>` would relabel `p`.
//! [`Names`] is what the server has said; it belongs to the reply side. While a request is
//! put together, its own changes are looked at first (they hold if it succeeds; if not, the
//! server skips the rest): that is the request side's [`Overlay`].

use crate::{CatalogSnapshot, Plan, ResultColumn};
use portreeve_decide::sql::CursorLifetime;
use portreeve_model::{ApprovedStatement, Parameter, ParameterValue};
use std::collections::HashMap;
use std::sync::Arc;

/// Most names of each kind in one session.
pub const NAMES_MAX: usize = 10_000;

/// Bytes of texts and parameters that the names of one session keep.
const KEPT_BYTES_MAX: usize = 8 << 20;

/// Statements of one transaction that change definitions and are followed.
pub(crate) const DEFINITIONS_MAX: usize = 1_000;
/// Text of such statements that one session keeps.
const DEFINITION_BYTES_MAX: usize = 4 << 20;

/// A prepared statement.
#[derive(Debug)]
pub struct Prepared {
    /// What it does; none for an empty statement.
    pub plan: Option<Arc<Plan>>,
    /// The text that it was prepared with.
    pub text: Arc<str>,
    /// The types that the client has declared for its parameters.
    pub types: Vec<u32>,
    /// Where the `PREPARE` stands in the text, if it was made by one.
    pub place: Option<usize>,
}

/// A portal or cursor.
#[derive(Debug)]
pub struct Portal {
    /// The statement behind it.
    pub prepared: Arc<Prepared>,
    /// The name that the statement had when the portal was made.
    pub statement: String,
    /// The result formats of Bind; empty is text.
    pub formats: Vec<i16>,
    /// The text that it was opened by, for a reviewer.
    pub text: Arc<str>,
    /// Its parameters, for a reviewer.
    pub parameters: Vec<Parameter>,
    /// How many values are in those that are arrays to compare with; none where nobody knows.
    pub listed: Option<u64>,
    /// How long the name lasts.
    pub lifetime: CursorLifetime,
}

impl Portal {
    /// Statement and parameters, for a reviewer.
    #[must_use]
    pub fn content(&self) -> ApprovedStatement {
        ApprovedStatement {
            text: self.text.to_string(),
            names: Vec::new(),
            parameters: self.parameters.clone(),
        }
    }

    fn parameter_bytes(&self) -> usize {
        self.parameters.iter().map(parameter_bytes).sum()
    }

    /// The format of a result column: none given is all text; one is for all.
    #[must_use]
    pub fn format(&self, column: usize) -> i16 {
        match self.formats.as_slice() {
            [] => 0,
            [one] => *one,
            // A column beyond the list cannot be on the wire: the server has refused.
            many => many.get(column).copied().unwrap_or(1),
        }
    }
}

/// What has changed definitions in a transaction.
#[derive(Debug)]
pub enum Definition {
    /// A statement, by its place in the text that held it.
    Statement {
        /// The whole text.
        text: Arc<str>,
        /// Which of its statements, from 0.
        place: usize,
    },
    /// Whatever changed them: behind all of it, the server has shown what the transaction sees.
    Seen(Arc<CatalogSnapshot>),
    /// Nobody can tell what.
    Unknown,
}

impl Definition {
    /// Text and place, where it is a statement.
    pub(crate) fn statement(&self) -> Option<(&Arc<str>, usize)> {
        match self {
            Self::Statement { text, place } => Some((text, *place)),
            Self::Seen(_) | Self::Unknown => None,
        }
    }
}

/// The bytes that a parameter keeps, about.
#[must_use]
pub fn parameter_bytes(parameter: &Parameter) -> usize {
    let value = match &parameter.value {
        ParameterValue::Decoded(text) => text.len(),
        ParameterValue::Opaque(bytes) => bytes.len(),
        ParameterValue::Null | ParameterValue::Hashed { .. } => 0,
    };
    size_of::<Parameter>() + parameter.type_name.len() + value
}

/// What a message or statement does to names, once it has succeeded.
#[derive(Clone, Debug)]
pub enum Change {
    /// A name for a statement.
    Prepare(String, Arc<Prepared>),
    /// A name for a portal or cursor.
    Open(String, Arc<Portal>),
    /// A statement goes.
    Deallocate(String),
    /// All statements go.
    DeallocateAll,
    /// A portal goes.
    Close(String),
    /// All portals go.
    CloseAll,
    /// Everything goes.
    DiscardAll,
    /// The transaction ends: so do the portals that live as long as it does.
    EndTransaction,
    /// A savepoint of this name.
    Savepoint(String),
    /// Back to a savepoint: portals that were opened since are gone.
    RollbackTo(String),
    /// A savepoint goes, and those behind it.
    Release(String),
    /// Code runs that can do anything with portals, but with the one of this name that it runs
    /// in.
    RunCode(Option<String>),
}

impl Change {
    /// The bytes that it adds behind names, at most.
    fn bytes(&self) -> usize {
        match self {
            Self::Prepare(_, prepared) => prepared.text.len(),
            Self::Open(_, portal) => portal.parameter_bytes(),
            Self::Deallocate(_)
            | Self::DeallocateAll
            | Self::Close(_)
            | Self::CloseAll
            | Self::DiscardAll
            | Self::EndTransaction
            | Self::Savepoint(_)
            | Self::RollbackTo(_)
            | Self::Release(_)
            | Self::RunCode(_) => 0,
        }
    }
}

/// A statement that the server has, and what it has said of it.
#[derive(Debug)]
pub struct PreparedEntry {
    /// The statement.
    pub prepared: Arc<Prepared>,
    /// The columns of its result, once the server has described them.
    pub columns: Option<Arc<[ResultColumn]>>,
}

/// A portal that the server has, and what has come of it.
#[derive(Debug)]
pub struct PortalEntry {
    /// The portal.
    pub portal: Arc<Portal>,
    /// The columns of its result, once the server has described them.
    pub columns: Option<Arc<[ResultColumn]>>,
    /// Rows given so far, over all executions and fetches.
    pub rows: u64,
    /// Whether the name may stand for something else by now: code has run that can close
    /// it and open another one of the same name. What it gives is then opaque.
    pub is_doubtful: bool,
    /// Whether what it rests on has changed since it was planned: the target may have opened it
    /// by other definitions. What it gives is then opaque.
    pub is_outdated: bool,
    /// Counts portals in the order in which they were opened.
    number: u64,
    /// Whether the transaction that opened it was committed.
    is_committed: bool,
}

/// The names that the server has.
#[derive(Debug, Default)]
pub struct Names {
    prepared: HashMap<String, PreparedEntry>,
    portals: HashMap<String, PortalEntry>,
    opened: u64,
    /// What the running transaction has changed of definitions: nobody else sees it yet.
    defined: Vec<Arc<Definition>>,
    savepoints: Vec<Savepoint>,
    /// The running transaction has run code.
    has_run_code: bool,
}

/// A savepoint of the running transaction, and what there was then.
#[derive(Debug)]
struct Savepoint {
    name: String,
    portals: u64,
    definitions: usize,
}

impl Names {
    /// The statement behind a name.
    #[must_use]
    pub fn prepared(&self, name: &str) -> Option<&PreparedEntry> {
        self.prepared.get(name)
    }

    /// The portal behind a name.
    #[must_use]
    pub fn portal(&self, name: &str) -> Option<&PortalEntry> {
        self.portals.get(name)
    }

    /// The portal behind a name, to note what came of it.
    pub fn portal_mut(&mut self, name: &str) -> Option<&mut PortalEntry> {
        self.portals.get_mut(name)
    }

    /// The server has described a statement's result.
    pub fn describe_statement(&mut self, name: &str, columns: Arc<[ResultColumn]>) {
        if let Some(entry) = self.prepared.get_mut(name) {
            entry.columns = Some(columns);
        }
    }

    /// The server has described a portal's result; its statement's is the same but for
    /// formats, which are the portal's own.
    pub fn describe_portal(&mut self, name: &str, columns: Arc<[ResultColumn]>) {
        let Some(entry) = self.portals.get_mut(name) else { return };
        entry.columns = Some(columns.clone());
        let portal = &entry.portal;
        if let Some(statement) = self.prepared.get_mut(&portal.statement)
            && Arc::ptr_eq(&statement.prepared, &portal.prepared)
        {
            statement.columns = Some(columns);
        }
    }

    /// How many names there are of the kind that has most.
    #[must_use]
    pub fn count(&self) -> usize {
        self.prepared.len().max(self.portals.len())
    }

    /// The bytes of the texts and parameters behind the names. A text that several portals
    /// share counts for its statement only.
    fn kept_bytes(&self) -> usize {
        let statements = self.prepared.values().map(|entry| entry.prepared.text.len());
        let portals = self.portals.values().map(|entry| {
            let portal = &entry.portal;
            let is_shared = self
                .prepared
                .get(&portal.statement)
                .is_some_and(|entry| Arc::ptr_eq(&entry.prepared.text, &portal.text));
            portal.parameter_bytes() + if is_shared { 0 } else { portal.text.len() }
        });
        statements.chain(portals).sum()
    }

    /// The server said yes.
    pub fn apply(&mut self, change: Change) {
        match change {
            Change::Prepare(name, prepared) => {
                self.prepared.insert(name, PreparedEntry { prepared, columns: None });
            }
            Change::Open(name, portal) => {
                let statement = self.prepared.get(&portal.statement);
                let statement =
                    statement.filter(|entry| Arc::ptr_eq(&entry.prepared, &portal.prepared));
                let columns = statement.and_then(|entry| entry.columns.clone());
                self.opened += 1;
                let entry = PortalEntry {
                    portal,
                    columns,
                    rows: 0,
                    is_doubtful: false,
                    is_outdated: false,
                    number: self.opened,
                    is_committed: false,
                };
                self.portals.insert(name, entry);
            }
            Change::Deallocate(name) => {
                self.prepared.remove(&name);
            }
            Change::DeallocateAll => self.prepared.clear(),
            Change::Close(name) => {
                self.portals.remove(&name);
            }
            Change::CloseAll => self.portals.clear(),
            Change::DiscardAll => {
                self.prepared.clear();
                self.portals.clear();
            }
            Change::EndTransaction => self.end_transaction(Ended::Committed),
            Change::Savepoint(name) => {
                let (portals, definitions) = (self.opened, self.defined.len());
                self.savepoints.push(Savepoint { name, portals, definitions });
            }
            Change::RollbackTo(name) => {
                if let Some(at) = self.savepoint(&name) {
                    self.savepoints.truncate(at + 1);
                    let savepoint = self.savepoints.last();
                    let opened = savepoint.map_or(0, |savepoint| savepoint.portals);
                    self.defined.truncate(savepoint.map_or(0, |savepoint| savepoint.definitions));
                    self.portals.retain(|_, entry| entry.is_committed || entry.number <= opened);
                }
            }
            Change::Release(name) => {
                if let Some(at) = self.savepoint(&name) {
                    self.savepoints.truncate(at);
                }
            }
            Change::RunCode(within) => {
                self.has_run_code = true;
                self.doubt_portals(within.as_deref());
            }
        }
    }

    fn savepoint(&self, name: &str) -> Option<usize> {
        self.savepoints.iter().rposition(|savepoint| savepoint.name == name)
    }

    /// The transaction has ended. Ending it once more changes nothing.
    pub fn end_transaction(&mut self, ended: Ended) {
        self.savepoints.clear();
        self.defined.clear();
        self.portals.retain(|_, entry| {
            let holds = entry.portal.lifetime == CursorLifetime::Session;
            entry.is_committed || (holds && ended == Ended::Committed)
        });
        self.portals.values_mut().for_each(|entry| entry.is_committed = true);
        // SECURITY: triggers that were deferred to the end may have opened others by now.
        if std::mem::take(&mut self.has_run_code) {
            self.doubt_portals(None);
        }
    }

    /// A statement has changed definitions.
    ///
    /// Of a transaction with more of them than are followed only so much is kept that it shows.
    pub fn define(&mut self, definition: Arc<Definition>) {
        let texts = self.defined.iter().filter_map(|known| known.statement());
        let bytes: usize = texts.map(|(text, _)| text.len()).sum();
        if self.defined.len() > DEFINITIONS_MAX {
            return;
        }
        let is_lost = bytes > DEFINITION_BYTES_MAX;
        self.defined.push(if is_lost { Arc::new(Definition::Unknown) } else { definition });
    }

    /// The running transaction has changed definitions, and nobody can tell how.
    pub fn lose_definitions(&mut self) {
        self.define(Arc::new(Definition::Unknown));
    }

    /// The server has shown what the running transaction sees by now, whatever it has changed.
    ///
    /// Only one such view is kept: a transaction that goes back to before it is shown another.
    pub fn see_definitions(&mut self, seen: Arc<CatalogSnapshot>) {
        let kept = self.savepoints.last().map_or(0, |savepoint| savepoint.definitions);
        self.defined.truncate(kept);
        for known in &mut self.defined {
            if matches!(**known, Definition::Seen(_)) {
                *known = Arc::new(Definition::Unknown);
            }
        }
        self.defined.push(Arc::new(Definition::Seen(seen)));
    }

    /// What the running transaction has changed of definitions, in its order.
    #[must_use]
    pub fn defined(&self) -> &[Arc<Definition>] {
        &self.defined
    }

    /// Definitions have changed: whether those that a portal's plan rests on are among them.
    pub fn outdate_portals(&mut self, is_changed: impl Fn(&Plan) -> bool) {
        for entry in self.portals.values_mut() {
            let plan = entry.portal.prepared.plan.as_ref();
            entry.is_outdated |= plan.is_some_and(|plan| is_changed(plan));
        }
    }

    fn doubt_portals(&mut self, within: Option<&str>) {
        for (name, entry) in &mut self.portals {
            entry.is_doubtful |= within != Some(name.as_str());
        }
    }
}

/// How a transaction ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ended {
    /// What was made in it stays.
    Committed,
    /// It is as if it had not been.
    RolledBack,
}

/// What a portal's name will stand for.
#[derive(Debug)]
pub struct PlannedPortal {
    /// The portal.
    pub portal: Arc<Portal>,
    /// Rows that it has given so far.
    pub rows: u64,
    /// Whether it may be another one by then.
    pub is_doubtful: bool,
    /// Whether definitions under it have changed.
    pub is_outdated: bool,
}

/// The changes that a request which is being put together is about to ask for.
#[derive(Debug, Default)]
pub struct Overlay {
    planned: Vec<Change>,
}

impl Overlay {
    /// Begins a new request.
    pub fn begin(&mut self) {
        self.planned.clear();
    }

    /// Notes a change.
    pub fn plan(&mut self, change: &Change) {
        self.planned.push(change.clone());
    }

    /// What a statement's name will stand for.
    #[must_use]
    pub fn prepared(&self, names: &Names, name: &str) -> Option<Arc<Prepared>> {
        for change in self.planned.iter().rev() {
            match change {
                Change::Prepare(known, prepared) if known == name => return Some(prepared.clone()),
                Change::Deallocate(known) if known == name => return None,
                Change::DeallocateAll | Change::DiscardAll => return None,
                Change::Prepare(..)
                | Change::Open(..)
                | Change::Deallocate(_)
                | Change::Close(_)
                | Change::CloseAll
                | Change::EndTransaction
                | Change::Savepoint(_)
                | Change::RollbackTo(_)
                | Change::Release(_)
                | Change::RunCode(_) => {}
            }
        }
        names.prepared(name).map(|entry| entry.prepared.clone())
    }

    /// Whether a portal's name stands for what it did before.
    #[must_use]
    pub fn is_kept(&self, name: &str) -> bool {
        let opens = |change: &Change| matches!(change, Change::Open(opened, _) if opened == name);
        !self.planned.iter().any(opens)
    }

    /// What a portal's name will stand for; none where it will be gone, or may be.
    #[must_use]
    pub fn portal(&self, names: &Names, name: &str) -> Option<PlannedPortal> {
        let mut is_doubtful = false;
        for change in self.planned.iter().rev() {
            match change {
                Change::Open(known, portal) if known == name => {
                    let portal = portal.clone();
                    return Some(PlannedPortal {
                        portal,
                        rows: 0,
                        is_doubtful,
                        is_outdated: false,
                    });
                }
                Change::RunCode(within) => is_doubtful |= within.as_deref() != Some(name),
                Change::Close(known) if known == name => return None,
                Change::CloseAll
                | Change::DiscardAll
                | Change::EndTransaction
                | Change::RollbackTo(_) => return None,
                Change::Prepare(..)
                | Change::Open(..)
                | Change::Deallocate(_)
                | Change::DeallocateAll
                | Change::Close(_)
                | Change::Savepoint(_)
                | Change::Release(_) => {}
            }
        }
        names.portal(name).map(|entry| PlannedPortal {
            portal: entry.portal.clone(),
            rows: entry.rows,
            is_doubtful: is_doubtful || entry.is_doubtful,
            is_outdated: entry.is_outdated,
        })
    }

    /// Whether there is no room for one more name with this many bytes behind it.
    #[must_use]
    pub fn is_full(&self, names: &Names, bytes: usize) -> bool {
        let planned: usize = self.planned.iter().map(Change::bytes).sum();
        let planned_count =
            self.planned.iter().filter(|change| !matches!(change, Change::RunCode(_))).count();
        names.count() + planned_count >= NAMES_MAX
            || (bytes > 0 && names.kept_bytes() + planned + bytes > KEPT_BYTES_MAX)
    }
}
