//! Who acts, for whom.

use serde::{Deserialize, Serialize};
use std::fmt;

/// What a party is, as its issuer says.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
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
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Party {
    /// Person, service or actor.
    pub kind: PartyKind,
    /// The `iss` that vouches for the name.
    pub issuer: String,
    /// The `sub`: unique within the issuer.
    pub subject: String,
    /// The groups that the issuer says it is in.
    pub groups: Vec<String>,
    /// Which human being it is, for whoever is known to several issuers: the value of the
    /// claim that the configuration links people by. Parties with the same one are one person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub person: Option<String>,
}

/// How strongly a principal was authenticated, as its issuer says.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Strength {
    /// The authentication context (`acr`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acr: Option<String>,
    /// The authentication methods (`amr`, RFC 8176): `pwd`, `mfa`, `pop`, ….
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub amr: Vec<String>,
}

impl Strength {
    /// Whether nothing is known.
    #[must_use]
    pub fn is_unknown(&self) -> bool {
        self.acr.is_none() && self.amr.is_empty()
    }
}

/// A principal and the actors that act for it, in order of delegation.
///
/// `principal → actors[0] → actors[1] …`; the last one is the party on the wire.
/// (RFC 8693 nests `act` the other way round: its outermost `act` is the current
/// actor. The reader of tokens turns it.)
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Chain {
    /// On whose behalf everything happens.
    pub principal: Party,
    /// Planner first, the current actor last; empty when the principal acts itself.
    pub actors: Vec<Party>,
    /// Why, as a signed claim says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub purpose: Option<String>,
    /// Why, as the client says itself and nobody vouches for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stated_purpose: Option<String>,
    /// How strongly the principal was authenticated.
    #[serde(default, skip_serializing_if = "Strength::is_unknown")]
    pub strength: Strength,
}

impl Chain {
    /// A chain without a purpose, that nothing else is known of.
    #[must_use]
    pub fn new(principal: Party, actors: Vec<Party>) -> Self {
        let strength = Strength::default();
        Self { principal, actors, purpose: None, stated_purpose: None, strength }
    }

    /// Every party that policy must allow, the principal first.
    pub fn hops(&self) -> impl Iterator<Item = &Party> {
        std::iter::once(&self.principal).chain(&self.actors)
    }
}

impl Party {
    /// A name of an issuer, in no group, that nothing else is known of.
    #[must_use]
    pub fn new(kind: PartyKind, issuer: impl Into<String>, subject: impl Into<String>) -> Self {
        let (issuer, subject) = (issuer.into(), subject.into());
        Self { kind, issuer, subject, groups: Vec::new(), person: None }
    }

    /// Whether both are one name of one issuer.
    #[must_use]
    pub fn is(&self, other: &Self) -> bool {
        self.issuer == other.issuer && self.subject == other.subject
    }
}

impl fmt::Display for Chain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.principal.subject)?;
        self.actors.iter().try_for_each(|actor| write!(f, " → {}", actor.subject))
    }
}
