//! What is done to things.

use serde::{Deserialize, Serialize};
use std::fmt;

/// What policy is asked about an object: what happens to it, or one of the finer questions.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// Open a session with a resource.
    Connect,
    /// Data leaves the object.
    Read,
    /// Data in the object changes.
    Write,
    /// The object itself is created, changed or removed.
    Define,
    /// Rights, settings or the running of the target change.
    Administer,
    /// Code that we cannot look into runs.
    Execute,
    /// Make others wait: row, table and advisory locks that a plain read does not take.
    Lock,
    /// Use a classified column in a way that lets the client learn from rows, order
    /// or errors what it holds.
    Filter,
    /// Compare a classified column for equality with values that the client names: each
    /// answer tells whether one of them is there.
    Probe,
    /// See a classified column unmasked.
    Reveal,
}

impl Action {
    /// Every action, in the order of their numbers.
    pub const ALL: [Self; 10] = [
        Self::Connect,
        Self::Read,
        Self::Write,
        Self::Define,
        Self::Administer,
        Self::Execute,
        Self::Lock,
        Self::Filter,
        Self::Probe,
        Self::Reveal,
    ];

    /// Whether it changes what names stand for.
    #[must_use]
    pub const fn defines(self) -> bool {
        matches!(self, Self::Define | Self::Administer)
    }

    /// Whether who does it needs to know what names stand for.
    #[must_use]
    pub const fn uses_objects(self) -> bool {
        match self {
            Self::Read
            | Self::Write
            | Self::Execute
            | Self::Lock
            | Self::Filter
            | Self::Probe
            | Self::Reveal => true,
            Self::Connect | Self::Define | Self::Administer => false,
        }
    }

    /// The word used in policies and records.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::Read => "read",
            Self::Write => "write",
            Self::Define => "define",
            Self::Administer => "administer",
            Self::Execute => "execute",
            Self::Lock => "lock",
            Self::Filter => "filter",
            Self::Probe => "probe",
            Self::Reveal => "reveal",
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}
