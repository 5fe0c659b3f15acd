//! Who is let in. The engine asks; control knows issuers, keys and rate limits.

use crate::BoxFuture;
use portreeve_model::{Chain, Secret};
use std::net::IpAddr;
use std::time::SystemTime;

/// Who a valid credential stands for.
#[derive(Clone, Debug)]
pub struct Identity {
    /// The names.
    pub chain: Chain,
    /// When the credential ends.
    pub expires_at: SystemTime,
}

/// Why a client is not let in, as far as the client may know. The gatekeeper has
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
pub trait Gatekeeper: Send + Sync {
    /// Checks a token that a client at an address presents.
    fn authenticate<'a>(
        &'a self,
        protocol: &'static str,
        token: &'a Secret<String>,
        from: IpAddr,
    ) -> BoxFuture<'a, Result<Identity, NotAdmitted>>;

    /// A client that was turned away before it could present a token, and why.
    fn turned_away(&self, protocol: &'static str, from: IpAddr, why: &str);
}
