//! Who acts, for whom.

use serde::{Deserialize, Serialize};
use std::fmt;

/// What a party is, as its issuer says.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PartyKind {
    /// A human being.
    Person,
    /// A program that acts on its own account.
    Service,
    /// An AI agent that acts for a principal.
    Actor,
}

/// One authenticated name in a delegation chain.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct Party {
    /// Person, service or actor.
    pub kind: PartyKind,
    /// The `iss` that vouches for the name.
    pub issuer: String,
    /// The `sub`: unique within the issuer.
    pub subject: String,
    /// The groups that the issuer says it is in.
    pub groups: Vec<String>,
}

/// A principal and the actors that act for it, in order of delegation.
///
/// `principal → actors[0] → actors[1] …`; the last one is the party on the wire.
/// (RFC 8693 nests `act` the other way round: its outermost `act` is the current
/// actor. The reader of tokens turns it.)
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct Chain {
    /// On whose behalf everything happens.
    pub principal: Party,
    /// Planner first, the current actor last; empty when the principal acts itself.
    pub actors: Vec<Party>,
    /// Why, as the token or the connection says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub purpose: Option<String>,
}

impl Chain {
    /// Every party that policy must allow, the principal first.
    pub fn hops(&self) -> impl Iterator<Item = &Party> {
        std::iter::once(&self.principal).chain(&self.actors)
    }
}

impl fmt::Display for Chain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.principal.subject)?;
        self.actors.iter().try_for_each(|actor| write!(f, " → {}", actor.subject))
    }
}
