//! What a principal has used of an object in a day, over all of its sessions and all
//! gateways. The engine reserves before it releases; control keeps the counts.
//!
//! ```
//! use portreeve_session::{Amounts, Unit};
//!
//! let page = Amounts::of(Unit::Rows, 500).and(Unit::Bytes, 64_000);
//! assert_eq!(page.get(Unit::Rows), 500);
//! assert_eq!(page.get(Unit::Probes), 0);
//! ```

use crate::BoxFuture;
use thiserror::Error;

/// What is counted.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Unit {
    /// Rows, records, lines.
    Rows,
    /// Single values in them: elements of arrays, members of objects.
    Values,
    /// Bytes as the client gets them.
    Bytes,
    /// Messages of a protocol that has no rows.
    Messages,
    /// Comparisons with a classified value: one for each constant and row that it tells about.
    Probes,
    /// Different people that data are about.
    Subjects,
}

impl Unit {
    /// Every one there is, in the order of [`Amounts`].
    pub const ALL: [Self; 6] =
        [Self::Rows, Self::Values, Self::Bytes, Self::Messages, Self::Probes, Self::Subjects];

    fn index(self) -> usize {
        match self {
            Self::Rows => 0,
            Self::Values => 1,
            Self::Bytes => 2,
            Self::Messages => 3,
            Self::Probes => 4,
            Self::Subjects => 5,
        }
    }
}

/// So much of each unit.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Amounts([u64; 6]);

impl Amounts {
    /// So much of one unit, and nothing of the others.
    #[must_use]
    pub fn of(unit: Unit, amount: u64) -> Self {
        Self::default().and(unit, amount)
    }

    /// The same with so much of a unit.
    #[must_use]
    pub fn and(mut self, unit: Unit, amount: u64) -> Self {
        self.0[unit.index()] = amount;
        self
    }

    /// How much of a unit.
    #[must_use]
    pub fn get(&self, unit: Unit) -> u64 {
        self.0[unit.index()]
    }

    /// Both together, unit by unit; at most `u64::MAX`.
    #[must_use]
    pub fn plus(&self, other: &Self) -> Self {
        self.each(other, u64::saturating_add)
    }

    /// What remains of it without the other, unit by unit; at least 0.
    #[must_use]
    pub fn minus(&self, other: &Self) -> Self {
        self.each(other, u64::saturating_sub)
    }

    /// The larger of both, unit by unit.
    #[must_use]
    pub fn larger(&self, other: &Self) -> Self {
        self.each(other, u64::max)
    }

    /// Whether there is nothing of any unit.
    #[must_use]
    pub fn is_zero(&self) -> bool {
        self.0 == [0; 6]
    }

    /// Made unit by unit from two.
    #[must_use]
    pub fn each(&self, other: &Self, make: impl Fn(u64, u64) -> u64) -> Self {
        Self(std::array::from_fn(|at| make(self.0[at], other.0[at])))
    }
}

/// Whose usage of what, on which day.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct UsageKey {
    /// The day, counted from 1970-01-01 UTC. First, so that old days sort together.
    pub day: u32,
    /// Who vouches for the principal.
    pub issuer: String,
    /// The principal.
    pub subject: String,
    /// The resource.
    pub resource: String,
    /// The object in it, as policies name it (`public.customers`); empty for the resource
    /// as a whole.
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
        amounts: Amounts,
    ) -> BoxFuture<'a, Result<Amounts, UsageError>>;

    /// Takes back what was reserved and not used. Never more than was reserved.
    fn give_back(&self, key: &UsageKey, amounts: Amounts);
}
