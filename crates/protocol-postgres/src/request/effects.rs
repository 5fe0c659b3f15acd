//! What the messages of a request do together.

use crate::named::runs_own_code;
use crate::reply::Status;
use portreeve_decide::sql::SessionEffect;
use portreeve_sql::Plan;
use std::collections::{BTreeSet, HashSet};

/// What a request does, as far as it is put together. It begins anew, as a whole, whenever the
/// request does, so that nothing of an earlier attempt is left. Its facts are independent of each
/// other.
#[derive(Debug)]
pub(super) struct Effects {
    /// The transaction status that what comes next meets; in a failed one the target runs nothing.
    pub(super) meets: Status,
    /// Statements and portals that are described before they are used.
    pub(super) described: HashSet<(Described, String)>,
    /// The last statement sees what the open transaction has made of definitions.
    pub(super) sees_definitions: bool,
    /// It stands alone in its text.
    pub(super) is_alone: bool,
    /// Data are changed.
    pub(super) writes: bool,
    /// Definitions are changed.
    pub(super) defines: bool,
    /// Code runs that somebody made.
    pub(super) runs_own_code: bool,
    /// The relations that rows of the reply rest on.
    pub(super) rests_on: BTreeSet<String>,
    /// The relations that it has to do with at all.
    pub(super) names: BTreeSet<String>,
    /// It shows what something that it calls by a name gives.
    pub(super) calls: bool,
    /// It makes or changes functions, operators or casts itself, or may.
    pub(super) makes_code: bool,
    /// Names that nothing had before a text makes something of that name, in the transaction in
    /// which it is read.
    pub(super) made: BTreeSet<String>,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) enum Described {
    Statement,
    Portal,
}

impl Effects {
    pub(super) fn meeting(status: Status) -> Self {
        Self { meets: status, ..Self::default() }
    }

    /// What a statement does on its own.
    pub(super) fn add(&mut self, plan: &Plan) {
        self.writes |= plan.statement.is_write;
        self.defines |= plan.defines();
        // What a transaction sees of another time is known once it does.
        self.runs_own_code |=
            runs_own_code(plan) || matches!(plan.statement.session, SessionEffect::SeeAs(_));
    }

    /// A failed transaction is taken back: what comes behind that runs again.
    pub(super) fn take_back(&mut self) {
        if self.meets == Status::Failed {
            self.meets = Status::InTransaction;
        }
    }
}

impl Default for Effects {
    fn default() -> Self {
        Self {
            meets: Status::Idle,
            described: HashSet::new(),
            sees_definitions: true,
            is_alone: true,
            writes: false,
            defines: false,
            runs_own_code: false,
            rests_on: BTreeSet::new(),
            names: BTreeSet::new(),
            calls: false,
            makes_code: false,
            made: BTreeSet::new(),
        }
    }
}
