//! What a gateway must know about connectors, and where it writes down what they do.

use crate::authority::PublicKey;
use portreeve_model::{ConnectorEvent, holds_pieces};
use portreeve_transport::BoxFuture;
use std::net::IpAddr;

/// A connector that may serve.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Known {
    /// Its name.
    pub name: String,
    /// What it was invited for: names of resources, with `*` for any text.
    pub resources: Vec<String>,
}

impl Known {
    /// Whether it was invited for a resource.
    #[must_use]
    pub fn may_serve(&self, resource: &str) -> bool {
        self.resources.iter().any(|pattern| matches(pattern, resource))
    }
}

/// How a key stands.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Standing {
    /// It is a connector's.
    Good(Known),
    /// It was.
    Revoked {
        /// Whose.
        name: String,
    },
    /// Nobody has enrolled it.
    Unknown,
}

/// Somebody with an invitation.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Enrolment {
    /// The invitation.
    pub invite: String,
    /// SHA-256 of what was shown once.
    pub secret_digest: [u8; 32],
    /// The key to be enrolled.
    pub key: PublicKey,
    /// From where.
    pub from: IpAddr,
}

/// Why somebody was not enrolled, or a registry did not answer.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// In words for who enrols. They tell nothing that a guesser could use.
    #[error("{0}")]
    Refused(String),
    /// The store or the evidence.
    #[error("{0}")]
    Failed(String),
}

/// The connectors of an installation.
pub trait Registry: Send + Sync {
    /// Uses up an invitation: once, and recorded before this returns.
    ///
    /// # Errors
    /// The invitation is not good, or that cannot be recorded.
    fn enrol<'a>(&'a self, enrolment: &'a Enrolment)
    -> BoxFuture<'a, Result<Known, RegistryError>>;

    /// How a key stands now.
    ///
    /// # Errors
    /// Nobody can tell.
    fn standing<'a>(&'a self, key: &'a PublicKey)
    -> BoxFuture<'a, Result<Standing, RegistryError>>;

    /// Resolves when standings may have changed, or cannot be told any more.
    fn changed(&self) -> BoxFuture<'_, ()>;

    /// Writes down what happened; durable when this returns.
    ///
    /// # Errors
    /// It is not.
    fn record(&self, happened: ConnectorEvent) -> BoxFuture<'_, Result<(), RegistryError>>;

    /// Writes down what happened. Nobody waits for it.
    fn note(&self, happened: ConnectorEvent);
}

/// Whether a name is of a pattern, where `*` stands for any text.
#[must_use]
pub fn matches(pattern: &str, name: &str) -> bool {
    holds_pieces(&pattern.split('*').collect::<Vec<_>>(), name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_of_names() {
        let check = |pattern: &str, name: &str, expect: bool| {
            assert_eq!(matches(pattern, name), expect, "{pattern} {name}");
        };
        check("shop", "shop", true);
        check("shop", "shop-2", false);
        check("shop*", "shop-2", true);
        check("*", "", true);
        check("crm-*", "crm-", true);
        check("crm-*", "crm", false);
        check("*-eu", "crm-eu", true);
        check("*-eu", "crm-eu-2", false);
        check("a*b*c", "axxbyyc", true);
        check("a*b*c", "axxcyyb", false);
        check("a*a", "a", false);
        check("", "shop", false);
    }
}
