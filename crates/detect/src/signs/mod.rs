//! Values that a rare sign or a listed word gives away: addresses of mail and machines,
//! credentials, special categories. The words of all lists are found in one walk.

pub(crate) mod contact;
pub(crate) mod secrets;
pub(crate) mod special;

use crate::context::announcers::WORDS;
use crate::text::terms::{Beginning, Hit, Terms};
use crate::text::traits::{Places, Words};
use std::sync::LazyLock;

/// The words found in a text, in the order of the text.
#[derive(Default)]
pub(crate) struct Hits {
    pub(crate) special: Vec<Hit>,
    pub(crate) secret: Vec<Hit>,
    /// Where words may begin that announce a kind of value.
    pub(crate) announcing: Places,
}

/// The words of special categories, how many they are, and behind them those that announce a
/// password.
static TERMS: LazyLock<(Terms, usize)> = LazyLock::new(|| {
    let words = special::words().chain(secrets::ANNOUNCERS);
    (Terms::new(words), special::words().count())
});

/// Finds the words of special categories and those that announce a password, the longest at each
/// place.
pub(crate) fn find(bytes: &[u8], words: &Words) -> Hits {
    let mut search = Search::new();
    words.each_start(|start| search.look(bytes, start));
    search.hits
}

/// Whether such a word begins at one of some places, which come in order.
pub(crate) fn has_words(bytes: &[u8], starts: impl Iterator<Item = usize>) -> bool {
    let mut search = Search::new();
    starts.for_each(|start| search.look(bytes, start));
    !(search.hits.special.is_empty() && search.hits.secret.is_empty())
}

struct Search {
    terms: &'static Terms,
    /// How many of them are of special categories.
    special: usize,
    announcers: &'static Terms,
    hits: Hits,
    /// Where the last word ends.
    floor: usize,
}

impl Search {
    fn new() -> Self {
        let ((terms, special), (announcers, _)) = (&*TERMS, &*WORDS);
        Self { terms, special: *special, announcers, hits: Hits::default(), floor: 0 }
    }

    #[inline]
    fn look(&mut self, bytes: &[u8], start: usize) {
        let beginning = Beginning::of(bytes, start);
        let is_term = self.terms.may_have(&beginning);
        if self.announcers.may_have(&beginning) {
            self.hits.announcing.add(start);
        }
        if is_term && start >= self.floor {
            self.add(bytes, start);
        }
    }

    /// Adds the longest word that begins at a place.
    #[inline(never)]
    fn add(&mut self, bytes: &[u8], start: usize) {
        let Some((index, length)) = self.terms.at(&bytes[start..]).last() else { return };
        self.floor = start + length;
        let hit = Hit { index, start, end: self.floor };
        match index.checked_sub(self.special) {
            Some(index) => self.hits.secret.push(Hit { index, ..hit }),
            None => self.hits.special.push(hit),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::traits::Traits;

    #[test]
    fn words_are_found_where_they_begin() {
        let text = b"a Catholic, uncatholic; client_secret and secrets";
        let hits = find(text, &Traits::of(text).words);
        let at = |hits: &[Hit]| hits.iter().map(|h| (h.start, h.end)).collect::<Vec<_>>();
        assert_eq!(at(&hits.special), [(2, 10)]);
        assert_eq!(at(&hits.secret), [(24, 37), (42, 48)]);
    }
}
