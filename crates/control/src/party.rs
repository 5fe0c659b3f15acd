//! Who a credential names.

use portreeve_model::{Chain, TokenOrigin};
use std::net::IpAddr;
use std::time::SystemTime;

/// A party that proved who it is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Identity {
    /// The principal, its actors, the purpose.
    pub chain: Chain,
    /// When the token ends; the session must not outlive it.
    pub expires_at: SystemTime,
    /// When it was issued.
    pub issued_at: SystemTime,
    /// The token's `jti`.
    pub token_id: Option<String>,
    /// The issuer's login that the token comes from (`sid`).
    pub login: Option<String>,
    /// The token's `iss`.
    pub issuer: String,
    /// What the token names in `aud`, as far as it means us.
    pub audiences: Vec<String>,
    /// Whether it names the gateway as a whole, and not only a resource of it.
    pub for_gateway: bool,
    /// The actor that the principal has named in advance.
    pub may_act: Option<String>,
    /// How the token came to be, where the local issuer made it.
    pub origin: Option<TokenOrigin>,
    /// Where it was presented from.
    pub address: Option<IpAddr>,
}

impl Identity {
    /// An identity of which nothing else is known.
    #[must_use]
    pub fn new(chain: Chain, issuer: &str, expires_at: SystemTime) -> Self {
        Self {
            chain,
            expires_at,
            issued_at: SystemTime::UNIX_EPOCH,
            token_id: None,
            login: None,
            issuer: issuer.to_owned(),
            audiences: Vec::new(),
            for_gateway: false,
            may_act: None,
            origin: None,
            address: None,
        }
    }

    /// Whether the token is meant for a resource that demands an audience of its own, or
    /// for one that demands none.
    #[must_use]
    pub fn is_meant_for(&self, audience: Option<&str>) -> bool {
        match audience {
            Some(audience) => self.audiences.iter().any(|named| named == audience),
            None => self.for_gateway,
        }
    }

    /// Whether the party itself has presented a credential of its own to get the token.
    /// Whoever has the gateway's files in hand can make a token of anybody: such a one
    /// speaks for nobody where a person's word counts.
    #[must_use]
    pub fn is_its_own(&self) -> bool {
        match self.origin {
            Some(TokenOrigin::Files) => false,
            Some(TokenOrigin::Login | TokenOrigin::Exchange) | None => true,
        }
    }
}
