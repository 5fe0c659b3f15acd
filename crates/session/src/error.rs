//! Why a session cannot go on. (A refusal is not an error: the session goes on.)

use std::error::Error;
use thiserror::Error;

/// What a side did wrong: the protocol's own error.
pub type Fault = Box<dyn Error + Send + Sync>;

/// The session must end.
#[derive(Debug, Error)]
pub enum SessionError {
    /// The evidence cannot be written: nothing may pass.
    #[error("evidence cannot be written")]
    Unrecordable,
    /// The client went away.
    #[error("client went away")]
    ClientGone,
    /// The target went away.
    #[error("target went away")]
    TargetGone,
    /// The client broke its protocol.
    #[error("client: {0}")]
    Client(Fault),
    /// The target broke its protocol, or sent what nobody can mask.
    #[error("target: {0}")]
    Target(Fault),
    /// A wait took too long.
    #[error("timed out: {0}")]
    Timeout(&'static str),
    /// Somebody or something ended it.
    #[error(transparent)]
    Ended(#[from] Ended),
}

/// Why a session was ended from outside.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub enum Ended {
    /// An operator ended it, or the gateway stops.
    #[error("ended by `{0}`")]
    Killed(String),
    /// The token that it was opened with is not valid any more.
    #[error("the access token has expired")]
    Expired,
    /// Somebody of its chain lost the right to be there; the text says how.
    #[error("{0}")]
    Revoked(String),
}

impl From<portreeve_evidence::Sealed> for SessionError {
    fn from(_: portreeve_evidence::Sealed) -> Self {
        Self::Unrecordable
    }
}
