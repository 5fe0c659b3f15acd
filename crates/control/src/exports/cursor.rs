//! How far a receiver has taken a log: a small file, put in place whole.

use portreeve_files::{Durability, put};
use serde::{Deserialize, Serialize};
use std::io;
use std::path::{Path, PathBuf};

/// A durable position in a log.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Position {
    /// The log's name. Another log begins anew.
    pub(super) origin: String,
    /// Everything that was known before this record has been taken.
    pub(super) taken: u64,
    /// From where a pass has to begin so that it knows what went on at `taken`.
    pub(super) begin: u64,
    /// The number of the last finding that has been taken.
    #[serde(default)]
    pub(super) findings: i64,
}

/// The file of one export.
#[derive(Debug)]
pub(super) struct CursorFile(PathBuf);

impl CursorFile {
    pub(super) fn new(folder: &Path, name: &str) -> Self {
        Self(folder.join(format!("{name}.cursor")))
    }

    /// The position that was kept; none where there is none yet.
    pub(super) fn load(&self) -> io::Result<Option<Position>> {
        let bytes = match std::fs::read(&self.0) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        serde_json::from_slice(&bytes).map(Some).map_err(io::Error::from)
    }

    /// Keeps a position: whole or not at all, and on the disk when this returns.
    pub(super) fn keep(&self, position: &Position) -> io::Result<()> {
        let folder = self.0.parent().ok_or_else(|| io::Error::other("it has no folder"))?;
        std::fs::create_dir_all(folder)?;
        put(&self.0, 0o644, &serde_json::to_vec(position)?, Durability::OfName)
    }
}
