//! What was counted while a part was masked.

use portreeve_model::{Category, Usage};
use std::collections::BTreeMap;

/// Counters of one part.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) usage: Usage,
    pub(super) masked: BTreeMap<Category, u64>,
}

impl Tally {
    pub(super) fn mask(&mut self, category: &Category) {
        *self.masked.entry(category.clone()).or_default() += 1;
    }
}
