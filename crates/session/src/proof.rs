//! The two proofs. Their fields are private to this crate, and only the engine makes
//! them, after it has written the evidence.

use crate::protocol::sha256;
use bytes::Bytes;
use portreeve_model::Digest;

/// Bytes that may go to a target: decided, and durable in the evidence unless they are proven
/// to only read.
#[derive(Debug)]
#[must_use = "a permit that is not sent leaves the target waiting"]
pub struct Permitted {
    pub(crate) wire: Bytes,
}

impl Permitted {
    /// Whether there is nothing to send: everything was refused.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.wire.is_empty()
    }

    /// SHA-256 of the bytes: signatures of requests hold it.
    #[must_use]
    pub fn digest(&self) -> Digest {
        sha256(&self.wire)
    }
}

/// Bytes that may go to the client: masked, and durable in the evidence.
#[derive(Debug)]
#[must_use = "a release that is not sent leaves the client waiting"]
pub struct Released {
    pub(crate) bytes: Bytes,
}

impl Released {
    /// Whether there is nothing to send yet: what came is kept back until a threshold is
    /// known not to be crossed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }
}
