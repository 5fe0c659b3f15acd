//! Prepared statements, portals and cursors: what each name stands for.
//!
//! SQL's PREPARE and the protocol's Parse share one name space, and so do DECLARE and
//! Bind. A name changes its meaning only when the server has said that the change
//! succeeded: otherwise a failing `PREPARE p AS <harmless>` would relabel `p`.
//! [`Names`] is what the server has said; it belongs to the reply side. While a request is
//! put together, its own changes are looked at first (they hold if it succeeds; if not, the
//! server skips the rest): that is the request side's [`Overlay`].

use crate::{Plan, ResultColumn};
use std::collections::HashMap;
use std::sync::Arc;

/// Most names of each kind in one session.
pub const NAMES_MAX: usize = 10_000;

/// A prepared statement.
#[derive(Debug)]
pub struct Prepared {
    /// What it does; none for an empty statement.
    pub plan: Option<Arc<Plan>>,
    /// The text that it was prepared with.
    pub text: Arc<str>,
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
    /// Statement and parameters, for a reviewer.
    pub content: String,
}

impl Portal {
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
}

/// The names that the server has.
#[derive(Debug, Default)]
pub struct Names {
    prepared: HashMap<String, PreparedEntry>,
    portals: HashMap<String, PortalEntry>,
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
                self.portals.insert(name, PortalEntry { portal, columns, rows: 0 });
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
        }
    }
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
                | Change::CloseAll => {}
            }
        }
        names.prepared(name).map(|entry| entry.prepared.clone())
    }

    /// What a portal's name will stand for, and what it has given so far.
    #[must_use]
    pub fn portal(&self, names: &Names, name: &str) -> Option<(Arc<Portal>, u64)> {
        for change in self.planned.iter().rev() {
            match change {
                Change::Open(known, portal) if known == name => return Some((portal.clone(), 0)),
                Change::Close(known) if known == name => return None,
                Change::CloseAll | Change::DiscardAll => return None,
                Change::Prepare(..)
                | Change::Open(..)
                | Change::Deallocate(_)
                | Change::DeallocateAll
                | Change::Close(_) => {}
            }
        }
        names.portal(name).map(|entry| (entry.portal.clone(), entry.rows))
    }

    /// Whether there is room for more.
    #[must_use]
    pub fn is_full(&self, names: &Names) -> bool {
        names.count() + self.planned.len() >= NAMES_MAX
    }
}
