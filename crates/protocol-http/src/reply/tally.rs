//! What was counted while a part was masked, and who looks through its texts.

use portreeve_model::{Category, Usage};
use portreeve_screen::TextScreen;
use std::collections::BTreeMap;

/// Counters of one part.
#[derive(Debug)]
pub(super) struct Tally<'s> {
    pub(super) usage: Usage,
    pub(super) masked: BTreeMap<Category, u64>,
    /// Looks through what nobody has classified, and counts what it finds.
    pub(super) screen: &'s mut TextScreen,
}

impl<'s> Tally<'s> {
    pub(super) fn new(screen: &'s mut TextScreen) -> Self {
        Self { usage: Usage::default(), masked: BTreeMap::new(), screen }
    }

    pub(super) fn mask(&mut self, category: &Category) {
        *self.masked.entry(category.clone()).or_default() += 1;
    }
}
