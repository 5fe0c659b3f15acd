//! How a client waits.

use crate::SessionError;
use crate::proof::Released;
use std::future::{Future, pending};
use std::time::Duration;

/// The protocol's share in holding an exchange: telling the client, and noticing that it
/// has left.
pub trait Hold: Send {
    /// Tells the client that its request waits for a person.
    fn tell(&mut self, notice: Released) -> impl Future<Output = Result<(), SessionError>> + Send;

    /// Resolves when the client is gone.
    fn gone(&mut self) -> impl Future<Output = ()> + Send;

    /// How long the client waits; none where it waits for as long as it takes. One that waits so
    /// long and no longer hears then that its review is open, and asks again: whoever sends the
    /// same request waits for the same review.
    fn wait_max(&self) -> Option<Duration> {
        None
    }
}

/// A client that nothing can be said to while it waits, and that waits no longer than this, if it
/// says how long.
#[derive(Clone, Copy, Debug)]
pub struct WaitsFor(pub Option<Duration>);

impl Hold for WaitsFor {
    async fn tell(&mut self, _: Released) -> Result<(), SessionError> {
        Ok(())
    }

    async fn gone(&mut self) {
        pending().await
    }

    fn wait_max(&self) -> Option<Duration> {
        self.0
    }
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
