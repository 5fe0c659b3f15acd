//! What the engine tells the metrics.

use portreeve_model::{Category, Verdict};
use std::time::Duration;

/// Which of the two waits for the disk it was.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Barrier {
    /// Before a target sees a command.
    Request,
    /// Before a client sees a reply.
    Reply,
}

/// Who counts. Nothing here may block.
pub trait Observer: Send + Sync {
    /// A session began.
    fn session_opened(&self, resource: &str);
    /// A session ended.
    fn session_closed(&self, resource: &str);
    /// A request was decided.
    fn decided(&self, resource: &str, verdict: Verdict);
    /// Bytes and rows went to a client.
    fn released(&self, resource: &str, bytes: u64, rows: u64);
    /// Bytes came from a client.
    fn received(&self, resource: &str, bytes: u64);
    /// Values were masked.
    fn masked(&self, category: &Category, values: u64);
    /// How long deciding a request took, reviews not included.
    fn decided_in(&self, _took: Duration) {}
    /// How long a record took to become durable.
    fn durable_in(&self, _barrier: Barrier, _took: Duration) {}
}

/// Counts nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoObserver;

impl Observer for NoObserver {
    fn session_opened(&self, _: &str) {}
    fn session_closed(&self, _: &str) {}
    fn decided(&self, _: &str, _: Verdict) {}
    fn released(&self, _: &str, _: u64, _: u64) {}
    fn received(&self, _: &str, _: u64) {}
    fn masked(&self, _: &Category, _: u64) {}
}
