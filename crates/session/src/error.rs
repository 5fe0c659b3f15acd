//! Why a session cannot go on. (A refusal is not an error: the session goes on.)

use thiserror::Error;

/// The session must end.
#[derive(Debug, Error)]
pub enum Broken {
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
    Client(String),
    /// The target broke its protocol, or sent what nobody can mask.
    #[error("target: {0}")]
    Target(String),
    /// A wait took too long.
    #[error("timed out: {0}")]
    Timeout(&'static str),
    /// An operator ended the session.
    #[error("ended by `{0}`")]
    Killed(String),
}

impl From<portreeve_evidence::Sealed> for Broken {
    fn from(_: portreeve_evidence::Sealed) -> Self {
        Self::Unrecordable
    }
}

impl From<crate::Unmaskable> for Broken {
    fn from(unmaskable: crate::Unmaskable) -> Self {
        Self::Target(unmaskable.0)
    }
}
