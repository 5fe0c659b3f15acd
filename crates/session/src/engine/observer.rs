//! What the engine tells the metrics.

use portreeve_model::{Category, Detected, Verdict};
use std::time::Duration;

/// What takes time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Step {
    /// Policy.
    Decide,
    /// Until the request was durable, where the target had to wait for that.
    RequestBarrier,
    /// Until a piece of the reply was durable.
    ReplyBarrier,
    /// Until the target was reached.
    Dial,
    /// Until a person answered, or no longer could.
    Review,
}

impl Step {
    /// Its word in metrics.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Decide => "decide",
            Self::RequestBarrier => "request_barrier",
            Self::ReplyBarrier => "reply_barrier",
            Self::Dial => "dial",
            Self::Review => "review",
        }
    }
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
    /// Detectors found something in texts that nobody has classified.
    fn detected(&self, _resource: &str, _found: &Detected) {}
    /// A step of a request, or of a login, took so long.
    fn took(&self, _resource: &str, _step: Step, _time: Duration) {}
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
