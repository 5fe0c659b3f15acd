//! What custody is about: recordings that are kept, held, due or destroyed.

use portreeve_model::{Category, Custodian, Held, HoldId, PolicyVersion, SessionId};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// A session, as far as custody depends on it.
#[derive(Clone, Debug)]
pub(crate) struct Kept {
    pub(crate) opened_at_us: u64,
    /// The time of its last record.
    pub(crate) last_us: u64,
    pub(crate) resource: String,
    /// The issuer and the subject of its principal.
    pub(crate) principal: Option<(String, String)>,
    /// Of which categories values passed, masked or revealed.
    pub(crate) categories: BTreeSet<Category>,
    pub(crate) payload_bytes: u64,
    pub(crate) first_segment: u64,
    pub(super) closed: bool,
    pub(super) run: u64,
}

impl Kept {
    pub(super) fn named(&self) -> Option<(&str, &str)> {
        self.principal.as_ref().map(|(issuer, subject)| (issuer.as_str(), subject.as_str()))
    }
}

/// A legal hold that is in force.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Hold {
    /// Its name.
    pub hold: HoldId,
    /// What it covers.
    pub on: Held,
    /// Why.
    pub why: String,
    /// Who placed it.
    pub by: Custodian,
    /// When, in microseconds since 1970.
    pub at_us: u64,
    /// How many readable recordings it covers now.
    pub sessions: u64,
    /// The segment that its record is in.
    #[serde(skip)]
    pub(crate) segment: u64,
}

/// How a recording was destroyed.
#[derive(Clone, Debug)]
pub(crate) struct Destroyed {
    pub(crate) at_us: u64,
    pub(crate) why: String,
    pub(crate) by: Option<Custodian>,
    /// What is known of its session: a hold may cover its records.
    pub(crate) kept: Option<Kept>,
}

/// The policies in force where a log begins.
#[derive(Clone, Debug, Default)]
pub(crate) struct InForce {
    pub(crate) policy: Option<PolicyVersion>,
    pub(crate) source: Option<String>,
}

/// Where a segment begins in time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mark {
    pub(crate) segment: u64,
    pub(crate) first_us: u64,
}

/// How much is kept.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct RetentionStatus {
    /// Recordings that were not destroyed.
    pub readable: u64,
    /// Recordings that were, as far back as the log goes.
    pub shredded: u64,
    /// When the oldest readable one began, in microseconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub oldest_readable_us: Option<u64>,
    /// Legal holds in force.
    pub holds: u64,
}

/// A recording that is to be destroyed, or was.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Due {
    /// Its session.
    pub session: SessionId,
    /// Where.
    pub resource: String,
    /// On whose behalf.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub principal: Option<String>,
    /// When the session began, in microseconds since 1970.
    pub opened_at_us: u64,
    /// The time of its last record.
    pub ended_at_us: u64,
    /// How many bytes passed.
    pub payload_bytes: u64,
    /// Why: the rule, or a person's words.
    pub why: String,
    /// The hold that keeps it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub held_by: Option<HoldId>,
}
