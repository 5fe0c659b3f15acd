//! What a principal has used of an object in a day, over all of its sessions and all
//! gateways. The engine reserves before it releases; control keeps the counts.

use crate::BoxFuture;
use portreeve_model::Usage;
use thiserror::Error;

/// Whose usage of what, on which day.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct UsageKey {
    /// The day, counted from 1970-01-01 UTC. First, so that old days sort together.
    pub day: u32,
    /// Who vouches for the principal; empty for a person whose accounts are linked.
    pub issuer: String,
    /// The principal, or that person: whoever has two accounts has one budget.
    pub subject: String,
    /// The resource.
    pub resource: String,
    /// The object in it: its kind, and its path with dots (`table public.customers`).
    pub object: String,
}

/// The counts could not be kept; nothing that has to be counted may pass.
#[derive(Debug, Error)]
#[error("usage cannot be counted: {0}")]
pub struct UsageError(pub String);

/// Counts usage that outlives sessions and is shared by gateways.
///
/// A reservation is atomic: of two that together pass a limit, at least one sees a total
/// above it. Counts that were spent are never lost; after a crash a count may be too high
/// by a part of what was reserved in advance, never too low.
pub trait UsageStore: Send + Sync {
    /// Counts amounts as used, and gives the totals of the day with them. Whoever then finds
    /// a total too high gives the amounts back, and releases nothing.
    fn reserve<'a>(
        &'a self,
        key: &'a UsageKey,
        amounts: Usage,
    ) -> BoxFuture<'a, Result<Usage, UsageError>>;

    /// Takes back what was reserved and not used. Never more than was reserved.
    fn give_back(&self, key: &UsageKey, amounts: Usage);
}
