//! Who is let in. The engine asks; control knows issuers, keys and rate limits.

use crate::BoxFuture;
use portreeve_model::{Chain, Secret};
use std::fmt;
use std::net::IpAddr;
use std::time::SystemTime;

/// Who a valid credential stands for.
#[derive(Clone, Debug)]
pub struct Identity {
    /// The names.
    pub chain: Chain,
    /// When the credential ends.
    pub expires_at: SystemTime,
    /// When it was issued: what is revoked from then on ends it.
    pub issued_at: SystemTime,
    /// Its own name (`jti`), where it has one.
    pub token_id: Option<String>,
    /// The issuer's login that it comes from, where it says so: its end is the credential's.
    pub login: Option<String>,
}

/// Why an identity, and with it every session of it, has come to its end.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum IdentityEnd {
    /// The credential's time is over.
    Expired,
    /// The credential, or everything of a party of the chain, was revoked.
    Revoked,
    /// A party of the chain was disabled or removed.
    Disabled {
        /// Which.
        subject: String,
    },
    /// A party of the chain is in other groups now: what was decided by them is void.
    Regrouped {
        /// Which.
        subject: String,
    },
    /// Nobody could find out for too long whether it still holds.
    Unknown,
}

impl fmt::Display for IdentityEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Expired => f.write_str("the access token has expired"),
            Self::Revoked => f.write_str("the access token was revoked"),
            Self::Disabled { subject } => {
                write!(f, "the account `{subject}` was disabled or removed")
            }
            Self::Regrouped { subject } => write!(f, "the groups of `{subject}` were changed"),
            Self::Unknown => f.write_str("the identity cannot be checked any more"),
        }
    }
}

/// Why a client is not let in, as far as the client may know. The authenticator has
/// already recorded the rest.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum NotAdmitted {
    /// The credential is not valid; the text says what to do.
    Invalid(String),
    /// Too many failures from this address.
    TooMany,
    /// The check could not be made.
    Unavailable,
}

/// Checks credentials.
pub trait Authenticator: Send + Sync {
    /// Checks a token that a client at an address presents to come to a resource, which may
    /// demand an audience of its own.
    fn authenticate<'a>(
        &'a self,
        protocol: &'static str,
        resource: &'a str,
        token: &'a Secret<String>,
        from: IpAddr,
    ) -> BoxFuture<'a, Result<Identity, NotAdmitted>>;

    /// Resolves when the identity ends: on time at its expiry, and within a second of a
    /// revocation or a change of any party of its chain. Whoever keeps a session open races
    /// this against everything that the session waits for, and ends it with the reason.
    /// Dropping it is all it takes to stop watching.
    fn watch(&self, identity: &Identity) -> BoxFuture<'static, IdentityEnd>;

    /// A client that was turned away before it could present a token, and why.
    fn turned_away(&self, protocol: &'static str, from: IpAddr, why: &str);
}
