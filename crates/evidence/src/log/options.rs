//! How a log is kept.

use crate::log::clock;
use std::path::PathBuf;

/// How a log is kept.
#[derive(Clone)]
pub struct Options {
    /// The log's own directory.
    pub dir: PathBuf,
    /// The size of a segment file.
    pub segment_bytes: u64,
    /// The gateway's version, for the record of its start.
    pub version: String,
    pub(crate) clock: clock::Source,
}

impl std::fmt::Debug for Options {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Options({}, {} bytes)", self.dir.display(), self.segment_bytes)
    }
}

impl Options {
    /// The defaults for a log in `dir`.
    #[must_use]
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Self {
            dir: dir.into(),
            segment_bytes: 8 << 20,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            clock: clock::system(),
        }
    }

    /// The same with another clock: microseconds since 1970. For logs of times that were made up.
    #[must_use]
    pub fn with_clock(self, now_us: impl Fn() -> u64 + Send + Sync + 'static) -> Self {
        Self { clock: std::sync::Arc::new(now_us), ..self }
    }
}
