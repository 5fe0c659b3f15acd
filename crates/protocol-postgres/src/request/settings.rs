//! What is set in a session, as its server tells it. Statements can mean something else under
//! other settings, so an approval is bound to the values that hold, not to the words that set
//! them: those may have failed, been taken back, or stand behind a name or a parameter.

use crate::wire::literal;
use portreeve_decide::sql::postgres::is_made_up;
use portreeve_decide::sql::{SessionEffect, TransactionEffect};
use portreeve_sql::Plan;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

/// So many settings that no catalog shows are asked for by their names.
const HIDDEN_MAX: usize = 64;

/// The name of a setting, as a client has made it up.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct SettingName(String);

impl SettingName {
    /// As a value in SQL, which is the one way to write it.
    pub(crate) fn literal(&self) -> String {
        literal(&self.0)
    }
}

/// What is known of what is set.
#[derive(Debug, Default)]
pub(crate) struct Settings {
    /// Something has been set, or may have been, since the session began.
    has_set: bool,
    /// What holds may be something else than is known.
    is_stale: bool,
    /// The request that is put together sets something itself.
    is_setting: bool,
    /// It takes some back, and which nobody can tell before.
    takes_back: bool,
    /// Something of it that may be held runs behind that.
    is_doubtful: bool,
    /// Settings that no catalog shows.
    hidden: BTreeSet<SettingName>,
    known: InForce,
}

/// What has been set in a session, with its values.
#[derive(Clone, Debug, Default)]
pub(crate) enum InForce {
    /// Nothing.
    #[default]
    Nothing,
    /// These.
    Known(Arc<BTreeMap<String, String>>),
    /// Nobody can tell. What was approved before is something else, so each time is its own.
    Unknown,
}

impl Settings {
    /// A statement is about to run.
    pub(super) fn follow(&mut self, plan: &Plan) {
        let statement = &plan.statement;
        if self.hidden.len() <= HIDDEN_MAX {
            self.hidden.extend(statement.sets_hidden.iter().cloned().map(SettingName));
        }
        let sets = plan.runs_code()
            || matches!(
                statement.session,
                SessionEffect::Set | SessionEffect::SeeAs(_) | SessionEffect::DiscardAll
            );
        let takes_back = match &statement.session {
            SessionEffect::Transaction(effect) => *effect != TransactionEffect::Other,
            _ => false,
        };
        self.has_set |= sets;
        self.is_setting |= sets || takes_back;
        self.takes_back |= takes_back;
    }

    /// Whether the request that is put together has taken some back.
    pub(super) fn has_taken_back(&self) -> bool {
        self.has_set && self.takes_back
    }

    /// Under which it runs nobody can tell.
    pub(super) fn doubt(&mut self) {
        self.is_doubtful = true;
    }

    /// A session that begins with these can go back to them.
    pub(super) fn begin_with<'n>(&mut self, names: impl Iterator<Item = &'n String>) {
        self.hidden.extend(names.filter(|name| is_made_up(name)).cloned().map(SettingName));
    }

    /// Whether the server has to be asked before what holds is known.
    pub(crate) fn must_ask(&self) -> bool {
        self.has_set && self.is_stale
    }

    /// The request runs: what it sets itself is not what it began under.
    pub(crate) fn begin(&mut self) {
        self.is_stale |= std::mem::take(&mut self.is_setting);
        self.takes_back = false;
        self.is_doubtful = false;
    }

    /// The names to ask for beside those that a catalog shows; none where they are too many.
    pub(crate) fn hidden(&self) -> Option<Vec<SettingName>> {
        (self.hidden.len() <= HIDDEN_MAX).then(|| self.hidden.iter().cloned().collect())
    }

    /// The server has answered, or has not.
    pub(crate) fn learn(&mut self, told: Option<BTreeMap<String, String>>) {
        self.known = told.map_or(InForce::Unknown, |told| InForce::Known(Arc::new(told)));
        self.is_stale = false;
    }

    pub(crate) fn in_force(&self) -> &InForce {
        if self.is_doubtful { &InForce::Unknown } else { &self.known }
    }
}

impl InForce {
    /// Their values, as a reviewer reads them.
    pub(super) fn shown(&self) -> Vec<String> {
        match self {
            Self::Nothing => Vec::new(),
            Self::Known(known) => {
                // What the session began with may not hold any more.
                let these = std::iter::once("as set in the session:".to_owned());
                these.chain(known.iter().map(|(name, value)| format!("{name} = {value}"))).collect()
            }
            Self::Unknown => {
                let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
                vec![format!("not known at {} ns", now.as_nanos())]
            }
        }
    }

    /// The values to ask something under; none where nobody knows them.
    pub(crate) fn values(&self) -> Option<BTreeMap<String, String>> {
        match self {
            Self::Nothing => Some(BTreeMap::new()),
            Self::Known(known) => Some((**known).clone()),
            Self::Unknown => None,
        }
    }
}
