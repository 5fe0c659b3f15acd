//! Who looks at the records beside the verifier.

use portreeve_model::PolicyVersion;

/// Looks at every committed record in order, beside the verifier's own checks. What it
/// finds makes the log `Status::Unreproduced`.
pub trait Inspector {
    /// The log's beginning was pruned: these policies were in force where it begins now.
    fn begins_pruned(&mut self, _policies: Option<(PolicyVersion, String)>) {}

    /// Looks at one record: the name of its event, and the leaf as it lies in the log.
    fn record(&mut self, event: &str, leaf: &[u8]) -> Option<String>;

    /// All records so far are durable together with the one before, or earlier: a footer has
    /// committed them.
    fn committed(&mut self) {}

    /// How many decisions it made again.
    fn decisions(&self) -> u64 {
        0
    }
}

pub(super) struct NoInspector;

impl Inspector for NoInspector {
    fn record(&mut self, _: &str, _: &[u8]) -> Option<String> {
        None
    }
}
