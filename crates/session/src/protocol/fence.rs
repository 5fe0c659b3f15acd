//! What a plan rests on, and whether it is still what it was.

use crate::BoxFuture;
use thiserror::Error;

/// Tells whether the definitions that a request was planned with are those that executed.
///
/// The engine asks after the first byte of a reply has arrived, beside the barrier, and
/// releases nothing before the answer: between analysis and execution a name can come to
/// stand for something else, and what the target then sends is not what was planned.
pub trait Fence: Send + Sync {
    /// Asks anew; an answer that was begun before the call does not count.
    fn check(&self) -> BoxFuture<'_, Result<(), Fenced>>;
}

/// Why a reply may not pass.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
pub enum Fenced {
    /// What the plan rests on has changed.
    #[error("definitions changed while it ran")]
    Changed,
    /// Nobody can say.
    #[error("nobody can say whether definitions changed while it ran")]
    Unknown,
}
