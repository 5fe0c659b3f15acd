//! The table of the words that announce a kind of value.

use super::labels::LISTS;
use super::topics::Topics;
use crate::text::terms::Terms;
use std::sync::LazyLock;

/// The words, and of each its topics and whether it counts in capitals only.
pub(crate) static WORDS: LazyLock<(Terms, Vec<(Topics, bool)>)> = LazyLock::new(|| {
    let listed = LISTS.iter().flat_map(|(words, topics)| {
        words.split('|').map(|word| match word.strip_suffix('!') {
            Some(word) => (word, (*topics, true)),
            None => (word, (*topics, false)),
        })
    });
    let (words, values): (Vec<_>, Vec<_>) = listed.unzip();
    (Terms::new(words.into_iter()), values)
});
