//! How a client waits.

use crate::SessionError;
use crate::proof::Released;
use std::future::{Future, pending};

/// The protocol's share in holding an exchange: telling the client, and noticing that it
/// has left.
pub trait Hold: Send {
    /// Tells the client that its request waits for a person.
    fn tell(&mut self, notice: Released) -> impl Future<Output = Result<(), SessionError>> + Send;

    /// Resolves when the client is gone.
    fn gone(&mut self) -> impl Future<Output = ()> + Send;
}

/// A client that nothing can be said to while it waits; one that goes away takes the exchange
/// with it.
#[derive(Clone, Copy, Debug)]
pub struct Silent;

impl Hold for Silent {
    async fn tell(&mut self, _: Released) -> Result<(), SessionError> {
        Ok(())
    }

    async fn gone(&mut self) {
        pending().await
    }
}
