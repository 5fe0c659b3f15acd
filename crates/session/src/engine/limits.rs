//! The engine's named limits. Hitting one is a refusal, never a truncation.

use portreeve_model::defaults;
use std::time::Duration;

/// Limits that hold for every session.
#[derive(Clone, Debug)]
pub struct Limits {
    /// How long a review may stay open.
    pub review_timeout: Duration,
    /// Most rows that a reviewer is shown of those that a write would touch.
    pub review_examples: u32,
    /// Most bytes of a reply that are kept back while a row threshold is open; a
    /// longer reply is held for review as if the threshold were crossed.
    pub held_bytes_max: usize,
    /// Most bytes read from one side and not yet worked on.
    pub inbox_bytes_max: usize,
    /// How long one write to a side may take.
    pub write_timeout: Duration,
    /// Most sessions at once.
    pub sessions_max: usize,
    /// Most sessions at once of one principal.
    pub sessions_per_principal_max: usize,
    /// Most bytes of evidence that are recorded of one principal on one day (UTC).
    pub evidence_per_principal_max: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            review_timeout: defaults::REVIEW_TIMEOUT,
            review_examples: defaults::REVIEW_EXAMPLES,
            held_bytes_max: usize::try_from(defaults::HELD_BYTES_MAX).unwrap_or(usize::MAX),
            inbox_bytes_max: INBOX_BYTES_MAX,
            write_timeout: defaults::CLIENT_WRITE_TIMEOUT,
            sessions_max: usize::try_from(defaults::SESSIONS_MAX).unwrap_or(usize::MAX),
            sessions_per_principal_max: {
                let most = defaults::sessions_per_principal_max(defaults::SESSIONS_MAX);
                usize::try_from(most).unwrap_or(usize::MAX)
            },
            evidence_per_principal_max: defaults::EVIDENCE_PER_PRINCIPAL_MAX,
        }
    }
}

/// Nothing for operators: the least that keeps a side busy while the other one is worked on.
const INBOX_BYTES_MAX: usize = 256 << 10;
