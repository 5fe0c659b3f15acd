//! What was counted while a part was masked, and who looks through its texts.

use portreeve_model::{Category, Usage};
use portreeve_screen::TextScreen;
use std::collections::BTreeMap;

/// Counters of one part.
#[derive(Debug)]
pub struct Tally<'s> {
    /// What is in it.
    pub usage: Usage,
    /// Masked values in it.
    pub masked: BTreeMap<Category, u64>,
    /// Looks through what nobody has classified, and counts what it finds.
    pub screen: &'s mut TextScreen,
    /// In how many others the text stands that is looked at, written in other letters.
    pub(super) nested: u8,
}

impl<'s> Tally<'s> {
    /// Nothing yet.
    pub fn new(screen: &'s mut TextScreen) -> Self {
        Self { usage: Usage::default(), masked: BTreeMap::new(), screen, nested: 0 }
    }

    /// One value of a category was masked.
    pub fn mask(&mut self, category: &Category) {
        *self.masked.entry(category.clone()).or_default() += 1;
    }
}
