//! Prepared statements, portals and cursors: what each name stands for.
//!
//! SQL's PREPARE and the protocol's Parse share one name space, and so do DECLARE and
//! Bind. A name changes its meaning only when the server has said that the change
//! succeeded: otherwise a failing `PREPARE p AS <harmless>` would relabel `p`.
//! While a request is read, its own changes are looked at first (they hold if it
//! succeeds; if not, the server skips the rest).

use crate::backend::Field;
use crate::plan::Plan;
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::sync::{Arc, OnceLock};

/// Most names of each kind in one session.
pub(crate) const NAMES_MAX: usize = 10_000;

/// A prepared statement.
#[derive(Debug)]
pub(crate) struct Prepared {
    /// What it does; none for an empty statement.
    pub(crate) plan: Option<Arc<Plan>>,
    pub(crate) text: Arc<str>,
    /// The columns of its result, once the server has described them.
    pub(crate) fields: OnceLock<Arc<[Field]>>,
}

/// A portal or cursor.
#[derive(Debug)]
pub(crate) struct Portal {
    pub(crate) prepared: Arc<Prepared>,
    /// The result formats of Bind; empty is text.
    pub(crate) formats: Vec<i16>,
    /// Rows given so far, over all Executes and FETCHes.
    pub(crate) rows: AtomicU64,
    /// Its description has been asked for.
    pub(crate) is_described: AtomicBool,
    /// Statement and parameters, for a reviewer.
    pub(crate) content: String,
}

impl Portal {
    /// One that has given no rows yet.
    pub(crate) fn new(prepared: Arc<Prepared>, formats: Vec<i16>, content: String) -> Self {
        let (rows, is_described) = (AtomicU64::new(0), AtomicBool::new(false));
        Self { prepared, formats, rows, is_described, content }
    }

    /// The format of a result column. SPEC: none given is all text; one is for all.
    pub(crate) fn format(&self, column: usize) -> i16 {
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
pub(crate) enum Change {
    Prepare(String, Arc<Prepared>),
    Open(String, Arc<Portal>),
    Deallocate(String),
    DeallocateAll,
    Close(String),
    CloseAll,
    DiscardAll,
}

/// Names that hold, and the changes of the request that is being read.
#[derive(Debug, Default)]
pub(crate) struct Names {
    prepared: HashMap<String, Arc<Prepared>>,
    portals: HashMap<String, Arc<Portal>>,
    planned: Vec<Change>,
}

impl Names {
    /// Begins a new request.
    pub(crate) fn begin(&mut self) {
        self.planned.clear();
    }

    /// Notes a change that this request is about to ask for.
    pub(crate) fn plan(&mut self, change: &Change) {
        self.planned.push(change.clone());
    }

    pub(crate) fn prepared(&self, name: &str) -> Option<Arc<Prepared>> {
        for change in self.planned.iter().rev() {
            match change {
                Change::Prepare(known, prepared) if known == name => return Some(prepared.clone()),
                Change::Deallocate(known) if known == name => return None,
                Change::DeallocateAll | Change::DiscardAll => return None,
                _ => {}
            }
        }
        self.prepared.get(name).cloned()
    }

    pub(crate) fn portal(&self, name: &str) -> Option<Arc<Portal>> {
        for change in self.planned.iter().rev() {
            match change {
                Change::Open(known, portal) if known == name => return Some(portal.clone()),
                Change::Close(known) if known == name => return None,
                Change::CloseAll | Change::DiscardAll => return None,
                _ => {}
            }
        }
        self.portals.get(name).cloned()
    }

    /// Whether there is room for more.
    pub(crate) fn is_full(&self) -> bool {
        self.prepared.len().max(self.portals.len()) + self.planned.len() >= NAMES_MAX
    }

    /// The server said yes.
    pub(crate) fn apply(&mut self, change: Change) {
        match change {
            Change::Prepare(name, prepared) => {
                self.prepared.insert(name, prepared);
            }
            Change::Open(name, portal) => {
                self.portals.insert(name, portal);
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
