//! Words that a text is searched for at the beginnings of words: those of special categories and
//! those that announce a password. One walk finds both; a bitmap of the first three letters keeps
//! the automaton out of nearly every word.

use crate::{secrets, special};
use aho_corasick::{AhoCorasick, AhoCorasickKind, Anchored, Input, MatchKind, StartKind};
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

struct Terms {
    automaton: AhoCorasick,
    /// Bit set of the hashes of first three letters.
    heads: Vec<u64>,
    /// How many of the words are of special categories; the rest announce secrets.
    special: usize,
}

/// log2 of the number of bits in the set of heads.
const HEAD_BITS: u32 = 15;

static TERMS: LazyLock<Terms> = LazyLock::new(|| {
    let mut words: Vec<&str> = special::words().collect();
    let special = words.len();
    words.extend(secrets::ANNOUNCERS);
    let mut heads = vec![0; 1 << (HEAD_BITS - 6)];
    for word in &words {
        let head = word.as_bytes().first_chunk().expect("no word has fewer than three bytes");
        let bit = hash(*head);
        heads[bit >> 6] |= 1_u64 << (bit & 63);
    }
    let automaton = AhoCorasick::builder()
        .ascii_case_insensitive(true)
        .match_kind(MatchKind::LeftmostLongest)
        .start_kind(StartKind::Anchored)
        .kind(Some(AhoCorasickKind::DFA))
        .build(words)
        .expect("the words are fixed");
    Terms { automaton, heads, special }
});

#[inline]
fn hash(head: [u8; 3]) -> usize {
    let letters = u32::from_le_bytes([head[0] | 0x20, head[1] | 0x20, head[2] | 0x20, 0]);
    (letters.wrapping_mul(0x9E37_79B1) >> (32 - HEAD_BITS)) as usize
}

fn is_letter(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte >= 0x80
}

/// Finds the words in a text, the longest at each place.
pub(crate) fn find(bytes: &[u8]) -> Hits {
    let terms = &*TERMS;
    let mut hits = Hits::default();
    let mut inside = false;
    let mut floor = 0;
    for (start, head) in bytes.array_windows::<3>().enumerate() {
        let letter = is_letter(head[0]);
        if !letter || std::mem::replace(&mut inside, letter) || start < floor {
            inside = letter;
            continue;
        }
        let bit = hash(*head);
        if terms.heads[bit >> 6] >> (bit & 63) & 1 == 0 {
            continue;
        }
        let input = Input::new(bytes).range(start..).anchored(Anchored::Yes);
        let Some(found) = terms.automaton.find(input) else { continue };
        floor = found.end();
        let index = found.pattern().as_usize();
        let hit = Hit { index, start, end: found.end() };
        match index.checked_sub(terms.special) {
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
