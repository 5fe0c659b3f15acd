//! Words that a text is searched for at the beginnings of words: those of special categories and
//! those that announce a password. One walk finds both.

use crate::words::Beginnings;
use crate::{secrets, special};
use std::sync::LazyLock;

/// One word that was found.
#[derive(Clone, Copy)]
pub(crate) struct Hit {
    /// Index into the list of the module that the word belongs to.
    pub(crate) index: usize,
    pub(crate) start: usize,
    pub(crate) end: usize,
}

/// The words found in a text, in the order of the text.
#[derive(Default)]
pub(crate) struct Hits {
    pub(crate) special: Vec<Hit>,
    pub(crate) secret: Vec<Hit>,
}

/// The words with their places in the list; those of special categories come first.
static TERMS: LazyLock<(Beginnings<usize>, usize)> = LazyLock::new(|| {
    let words = special::words().chain(secrets::ANNOUNCERS);
    let terms = Beginnings::new(words.enumerate().map(|(index, word)| (word, index)));
    (terms, special::words().count())
});

fn is_letter(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte >= 0x80
}

/// Finds the words in a text, the longest at each place.
pub(crate) fn find(bytes: &[u8]) -> Hits {
    let (terms, special) = &*TERMS;
    let mut hits = Hits::default();
    let mut inside = false;
    let mut floor = 0;
    for (start, byte) in bytes.iter().enumerate() {
        let letter = is_letter(*byte);
        if !letter || std::mem::replace(&mut inside, letter) || start < floor {
            inside = letter;
            continue;
        }
        let mut longest = None;
        terms.each(&bytes[start..], |length, index| longest = Some((length, index)));
        let Some((length, index)) = longest else { continue };
        floor = start + length;
        let hit = Hit { index, start, end: floor };
        match index.checked_sub(*special) {
            Some(index) => hits.secret.push(Hit { index, ..hit }),
            None => hits.special.push(hit),
        }
    }
    hits
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_found_where_they_begin() {
        let text = b"a Catholic, uncatholic; client_secret and secrets";
        let hits = find(text);
        let at = |hits: &[Hit]| hits.iter().map(|h| (h.start, h.end)).collect::<Vec<_>>();
        assert_eq!(at(&hits.special), [(2, 10)]);
        assert_eq!(at(&hits.secret), [(24, 37), (42, 48)]);
    }
}
