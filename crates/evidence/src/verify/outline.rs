//! The parts of a record that its place among the others depends on.

use portreeve_model::{Custodian, PayloadRef, Predecessor, Pruned, SessionId};
use serde::Deserialize;
use std::borrow::Cow;

/// A record's part; read ten times faster than all of it.
#[derive(PartialEq, Debug, Deserialize)]
pub(super) struct Outline<'a> {
    pub(super) at_us: u64,
    #[serde(default)]
    pub(super) session: Option<SessionId>,
    pub(super) seq: u64,
    #[serde(borrow)]
    pub(super) event: EventOutline<'a>,
    #[serde(default)]
    pub(super) payload: Option<PayloadRef>,
}

#[derive(PartialEq, Default, Debug, Deserialize)]
pub(super) struct EventOutline<'a> {
    #[serde(borrow)]
    pub(super) event: Cow<'a, str>,
    #[serde(default)]
    pub(super) exchange: Option<u64>,
    #[serde(default)]
    pub(super) of: Option<SessionId>,
    #[serde(default)]
    pub(super) pruned: Option<Pruned>,
    #[serde(default)]
    pub(super) predecessor: Option<Predecessor>,
    #[serde(default)]
    pub(super) approvers: Vec<Custodian>,
    #[serde(borrow, default)]
    pub(super) why: Option<Cow<'a, str>>,
}

/// That this log took the place of another one.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Replacement {
    /// What was known of the other one.
    pub predecessor: Predecessor,
    /// Who authorised it.
    pub approvers: Vec<Custodian>,
    /// Why.
    pub why: String,
}

impl EventOutline<'_> {
    pub(super) fn replacement(&self) -> Option<Replacement> {
        Some(Replacement {
            predecessor: self.predecessor.clone()?,
            approvers: self.approvers.clone(),
            why: self.why.as_deref().unwrap_or_default().to_owned(),
        })
    }
}
