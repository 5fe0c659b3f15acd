//! What is recorded of those who administer: accounts, tokens, keys, answers to reviews.

use crate::{Digest, PartyKind, Strength};
use serde::{Deserialize, Serialize};
use std::fmt;

/// Who changed who may come in, or with what.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "as")]
pub enum Administrator {
    /// Somebody who was known by a token.
    Principal {
        /// Who vouches for the name.
        issuer: String,
        /// The name.
        subject: String,
        /// The `jti` of the token.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        token: Option<String>,
    },
    /// Somebody with the gateway's files in hand. The name is the operating system's;
    /// nobody vouches for it.
    Offline {
        /// The user's name, or its number where it has none.
        user: String,
        /// The user's number.
        uid: u32,
    },
    /// An issuer of tokens, about what it has issued itself.
    Issuer {
        /// Its name.
        issuer: String,
    },
    /// The gateway itself: a key that was missing, a token whose time was over.
    Gateway,
}

impl fmt::Display for Administrator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Principal { subject, .. } => f.write_str(subject),
            Self::Offline { user, .. } => write!(f, "{user} (offline)"),
            Self::Issuer { issuer } => f.write_str(issuer),
            Self::Gateway => f.write_str("the gateway"),
        }
    }
}

/// What became of an account of the local issuer.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "change")]
pub enum AccountChange {
    /// It was made.
    Added {
        /// Person, service or actor.
        kind: PartyKind,
        /// Its groups.
        groups: Vec<String>,
        /// Which human being it is, where that is known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        person: Option<String>,
    },
    /// It was removed.
    Removed,
    /// Its tokens are refused.
    Disabled,
    /// Its tokens are accepted again.
    Enabled,
    /// It is in other groups.
    Regrouped {
        /// All of its groups.
        groups: Vec<String>,
    },
    /// Whoever holds the private half of this key may log in as it.
    KeyEnrolled {
        /// SHA-256 of the public key.
        key: Digest,
    },
}

/// How a token of the local issuer came to be.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TokenOrigin {
    /// Made from the gateway's files, without any credential of whom it names.
    Files,
    /// Whom it names has proven to hold the account's key.
    Login,
    /// Handed on by the holder of another token.
    Exchange,
}

/// What a key of the installation is for.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum KeyUse {
    /// Signs the local issuer's tokens.
    Issuer,
    /// Makes pseudonyms of masked values.
    Masking,
    /// Makes the tokens that stand for data subjects.
    Subjects,
    /// Signs the certificates of connectors.
    Connectors,
    /// Signs the certificates that clients log in with at the gateway.
    ClientCertificates,
    /// Signs the certificates that the gateway logs in with at targets.
    TargetCertificates,
}

/// Who answered a review, and how that was known.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Attestation {
    /// Who vouches for the name.
    pub issuer: String,
    /// The name.
    pub subject: String,
    /// Which human being it is, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub person: Option<String>,
    /// The `jti` of the token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
    /// The address that it came from (without port).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// How strongly they were authenticated.
    #[serde(default, skip_serializing_if = "Strength::is_unknown")]
    pub strength: Strength,
}
