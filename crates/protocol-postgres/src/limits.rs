//! How much, and for how long.

use crate::manifest::{MESSAGE_BYTES_MAX, REPLY_MESSAGE_BYTES_MAX, STATEMENT_BYTES_MAX};
use portreeve_model::defaults;
use std::time::Duration;

/// Limits of the protocol.
#[derive(Clone, Debug)]
pub struct ProtocolLimits {
    /// From the first byte to the greeting.
    pub login_timeout: Duration,
    /// Without a message from the client.
    pub client_idle_timeout: Duration,
    /// One message of a client.
    pub message_bytes_max: usize,
    /// One statement text; longer ones are refused.
    pub statement_bytes_max: usize,
    /// One message of a target.
    pub reply_message_bytes_max: usize,
}

impl Default for ProtocolLimits {
    fn default() -> Self {
        let bytes = |bytes: u64| usize::try_from(bytes).unwrap_or(usize::MAX);
        Self {
            login_timeout: defaults::LOGIN_TIMEOUT,
            client_idle_timeout: defaults::CLIENT_IDLE_TIMEOUT,
            message_bytes_max: bytes(MESSAGE_BYTES_MAX),
            statement_bytes_max: bytes(STATEMENT_BYTES_MAX),
            reply_message_bytes_max: bytes(REPLY_MESSAGE_BYTES_MAX),
        }
    }
}
