//! What the evidence says about its own keeping: who erases, what is held, what went.

use crate::{Digest, SessionId};
use serde::{Deserialize, Serialize};
use std::fmt;

/// Who changed what the evidence keeps.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case", tag = "as")]
pub enum Custodian {
    /// Somebody of the custodians' groups, known by a token.
    Principal {
        /// Who vouches for the name.
        issuer: String,
        /// The name.
        subject: String,
    },
    /// Somebody with the gateway's files in hand, while no gateway ran. The name is the
    /// operating system's; nobody vouches for it.
    Offline {
        /// The user's name, or its number where it has none.
        user: String,
        /// The user's number.
        uid: u32,
    },
    /// The gateway, because its configuration says so.
    Gateway,
}

impl fmt::Display for Custodian {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Principal { subject, .. } => f.write_str(subject),
            Self::Offline { user, .. } => write!(f, "{user} (offline)"),
            Self::Gateway => f.write_str("the gateway"),
        }
    }
}

/// What a legal hold covers.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Held {
    /// One session.
    Session(SessionId),
    /// Every session at a resource.
    Resource(String),
    /// Every session on behalf of a principal.
    Principal {
        /// Who vouches for the name; any issuer where there is none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        issuer: Option<String>,
        /// The name.
        subject: String,
    },
}

impl Held {
    /// Whether it covers a session at `resource` of `principal`, who is an issuer and a
    /// subject; a principal that is unknown counts as any.
    #[must_use]
    pub fn covers(
        &self,
        session: SessionId,
        resource: &str,
        principal: Option<(&str, &str)>,
    ) -> bool {
        match self {
            Self::Session(held) => *held == session,
            Self::Resource(held) => held == resource,
            Self::Principal { issuer, subject } => principal.is_none_or(|principal| {
                issuer.as_deref().unwrap_or(principal.0) == principal.0 && subject == principal.1
            }),
        }
    }
}

impl fmt::Display for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Session(session) => write!(f, "session {session}"),
            Self::Resource(resource) => write!(f, "resource `{resource}`"),
            Self::Principal { issuer: None, subject } => write!(f, "principal `{subject}`"),
            Self::Principal { issuer: Some(issuer), subject } => {
                write!(f, "principal `{subject}` of `{issuer}`")
            }
        }
    }
}

/// The beginning of a log that is gone.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Pruned {
    /// The segments from the first to this one.
    pub segments: u64,
    /// The records in them, all those before: the index of the first one that is left.
    pub records: u64,
    /// The minimum index of C2SP tlog-tiles: from here on every entry bundle is there.
    pub minimum_index: u64,
    /// The root of the tree of those records.
    pub root: Digest,
}

/// What was known of a log when another one took its place.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Predecessor {
    /// The folder that it was moved to, beside the new one; none where there was nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub moved_to: Option<String>,
    /// What `verify` said of it: `ok`, `tampered`, `incomplete` or `unusable`.
    pub status: String,
    /// Its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<String>,
    /// Its public key, as it lay there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// How many records of it could be read.
    pub records: u64,
    /// The root over them, where it could be computed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub root: Option<Digest>,
    /// Its last signed checkpoint.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checkpoint: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hold_covers_what_it_names_and_nothing_else() {
        let session = SessionId(uuid::Uuid::from_u128(1));
        let check = |held: Held, expect: bool| {
            assert_eq!(held.covers(session, "shop", Some(("here", "ada"))), expect, "{held}");
        };
        let principal = |issuer: Option<&str>, subject: &str| Held::Principal {
            issuer: issuer.map(str::to_owned),
            subject: subject.to_owned(),
        };
        check(Held::Session(session), true);
        check(Held::Session(SessionId(uuid::Uuid::from_u128(2))), false);
        check(Held::Resource("shop".into()), true);
        check(Held::Resource("Shop".into()), false);
        check(principal(None, "ada"), true);
        check(principal(Some("here"), "ada"), true);
        check(principal(Some("elsewhere"), "ada"), false);
        check(principal(None, "bob"), false);
        // Nobody knows whose it is: it may be hers.
        assert!(principal(None, "ada").covers(session, "shop", None));
    }
}
