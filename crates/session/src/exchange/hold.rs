//! How a client waits.

use crate::SessionError;
use crate::proof::Released;
use std::future::Future;

/// The protocol's share in holding an exchange: telling the client, and noticing that it
/// has left.
pub trait Hold: Send {
    /// Tells the client that its request waits for a person.
    fn tell(&mut self, notice: Released) -> impl Future<Output = Result<(), SessionError>> + Send;

    /// Resolves when the client is gone.
    fn gone(&mut self) -> impl Future<Output = ()> + Send;
}
