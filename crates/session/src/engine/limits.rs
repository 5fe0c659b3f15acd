//! The engine's named limits. Hitting one is a refusal, never a truncation.

use std::time::Duration;

/// Limits that hold for every session.
#[derive(Clone, Debug)]
pub struct Limits {
    /// How long a review may stay open.
    pub review_timeout: Duration,
    /// Most bytes of a reply that are kept back while a row threshold is open; a
    /// longer reply is held for review as if the threshold were crossed.
    pub held_bytes_max: usize,
    /// Most bytes read from one side and not yet worked on.
    pub inbox_bytes_max: usize,
    /// How long one write to a side may take.
    pub write_timeout: Duration,
    /// Most sessions at once.
    pub sessions_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            review_timeout: Duration::from_secs(600),
            held_bytes_max: 8 << 20,
            inbox_bytes_max: 256 << 10,
            write_timeout: Duration::from_secs(60),
            sessions_max: 1000,
        }
    }
}
