//! A committed leaf, where it lies.

use crate::error::Error;
use crate::format::frame::segment_name;
use crate::format::outline::Outline;
use portreeve_model::Record;

/// A committed leaf as it lies in the log.
#[derive(Clone, Copy, Debug)]
pub struct Entry<'a> {
    /// Its place in the tree.
    pub index: u64,
    /// The number of its segment.
    pub segment: u64,
    /// Where its frame begins there.
    pub offset: u64,
    /// The leaf, verbatim.
    pub leaf: &'a [u8],
    /// The sealed bytes that it vouches for.
    pub sealed: Option<&'a [u8]>,
}

impl Entry<'_> {
    /// Reads the leaf.
    ///
    /// # Errors
    /// It is not a record of this version's vocabulary.
    pub fn record(&self) -> Result<Record, Error> {
        serde_json::from_slice(self.leaf).map_err(|error| self.damaged(&error))
    }

    /// Reads what the leaf begins with: whose it is. Many times faster than all of it.
    ///
    /// # Errors
    /// As [`Self::record`], as far as it looks.
    pub fn outline(&self) -> Result<Outline, Error> {
        Outline::of(self.leaf).map_err(|error| self.damaged(&error))
    }

    fn damaged(&self, error: &serde_json::Error) -> Error {
        Error::Damaged {
            file: segment_name(self.segment),
            offset: self.offset,
            what: format!("record {} cannot be read: {error}", self.index),
        }
    }
}
