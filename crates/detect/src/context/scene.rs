//! The text at hand, and what is known about where it comes from.

use super::topics::Topics;
use crate::signs::{self, Hits};
use crate::text::traits::Traits;

/// The text that is being looked at and what is known about it.
pub(crate) struct Scene<'a> {
    pub(crate) text: &'a str,
    /// Which bytes the text has, and where its words are.
    pub(crate) traits: &'a Traits,
    /// The words of lists in the text.
    pub(crate) hits: Hits,
    /// Topics of the column or field that the text comes from.
    pub(crate) label: Topics,
    /// Whether the text comes from a column or field with a name.
    pub(crate) named: bool,
    /// Whether the text was hidden behind an encoding or look-alike characters.
    pub(crate) hidden: bool,
    /// The first and last byte of the text that are not white space.
    pub(crate) trimmed: (usize, usize),
}

impl<'a> Scene<'a> {
    /// A text that nothing is known about.
    pub(crate) fn bare(text: &'a str, traits: &'a Traits) -> Self {
        let hits = signs::find(text.as_bytes(), &traits.words);
        let head = text.len() - text.trim_start().len();
        let trimmed = (head, text.trim_end().len().max(head));
        Self { text, traits, hits, label: Topics::NONE, named: false, hidden: false, trimmed }
    }

    pub(crate) fn is_whole(&self, start: usize, end: usize) -> bool {
        start <= self.trimmed.0 + 1 && end + 1 >= self.trimmed.1
    }
}
