//! Replies, masked.

use crate::SessionError;
use bytes::Bytes;
use portreeve_decide::mask::{Masker, Subjects};
use portreeve_model::{Category, Detected, Usage};
use std::collections::BTreeMap;
use thiserror::Error;

/// Why part of a reply cannot be masked, in an operator's words (never a value).
#[derive(Clone, PartialEq, Eq, Debug, Error)]
#[error("{0}")]
pub struct Unmaskable(pub String);

impl From<Unmaskable> for SessionError {
    fn from(unmaskable: Unmaskable) -> Self {
        Self::Target(unmaskable.into())
    }
}

/// Part of a target's reply.
pub trait Reply: Send {
    /// Masks **every** data-bearing field, error texts and notices included.
    ///
    /// What cannot be masked cannot pass: the session ends.
    fn mask(self, masker: &Masker) -> Result<Masked, Unmaskable>;
}

/// How the target's reply ended. Whether the exchange was refused is the engine's word.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum End {
    /// With all of it.
    Completed,
    /// With an error.
    Failed {
        /// The target's error code (SQLSTATE, HTTP status, …).
        code: String,
    },
}

/// A masked part of a reply, ready for the recording.
#[derive(Clone, Debug, Default)]
pub struct Masked {
    /// For the client.
    pub bytes: Bytes,
    /// What is in it; the engine counts its bytes itself.
    pub usage: Usage,
    /// Masked values in it.
    pub masked: BTreeMap<Category, u64>,
    /// What detectors found in texts that nobody has classified.
    pub detected: Vec<Detected>,
    /// Columns where the target's word about the origin contradicted the analysis.
    pub disagreements: Vec<String>,
    /// Whom the rows are about.
    pub subjects: Subjects,
    /// Set with the last part.
    pub end: Option<End>,
}

impl Masked {
    /// Masked values by category, those that detectors found included.
    pub(crate) fn all_masked(&self) -> BTreeMap<Category, u64> {
        let mut all = self.masked.clone();
        for found in self.detected.iter().filter(|found| found.masked > 0) {
            *all.entry(found.category.clone()).or_default() += found.masked;
        }
        all
    }

    /// Adds what came later.
    pub(crate) fn append(&mut self, later: Self) {
        self.usage += later.usage;
        for (category, count) in later.masked {
            *self.masked.entry(category).or_default() += count;
        }
        if !later.detected.is_empty() {
            self.detected.extend(later.detected);
            Detected::gather(&mut self.detected);
        }
        self.disagreements.extend(later.disagreements);
        self.subjects.merge(later.subjects);
        self.end = later.end;
    }
}
