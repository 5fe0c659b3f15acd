//! A fixed set of words, asked for every word of a text: a word that is not of the set costs a
//! few steps and no comparison.

use std::borrow::Cow;

/// Words in a table, by their hashes.
pub(crate) struct WordSet {
    /// Each word with its key at the slot of its hash or behind it, one slot in four taken.
    slots: Box<[(u64, &'static str)]>,
    /// The lengths of the words that end with each byte, one bit for each length.
    ends: Box<[u64; 256]>,
}

/// Bytes of the longest word; what is longer is in no set.
const BYTES_MAX: usize = 63;

impl WordSet {
    pub(crate) fn new(words: &[&'static str]) -> Self {
        let count = (words.len() * 4).next_power_of_two();
        let mut set = Self { slots: vec![(0, ""); count].into(), ends: Box::new([0; 256]) };
        for word in words {
            set.add(word);
        }
        set
    }

    /// The words of a list that is divided by bars.
    pub(crate) fn of(list: &'static str) -> Self {
        Self::new(&list.split('|').collect::<Vec<_>>())
    }

    fn add(&mut self, word: &'static str) {
        assert!((1..=BYTES_MAX).contains(&word.len()), "`{word}` is no word of a set");
        let key = key(word.as_bytes());
        let mut slot = self.home(key);
        while !self.slots[slot].1.is_empty() {
            slot = (slot + 1) & (self.slots.len() - 1);
        }
        self.slots[slot] = (key, word);
        self.ends[usize::from(word.as_bytes()[word.len() - 1])] |= 1 << word.len();
    }

    fn home(&self, key: u64) -> usize {
        (key.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40) as usize & (self.slots.len() - 1)
    }

    #[inline]
    pub(crate) fn contains(&self, word: &str) -> bool {
        let Some(last) = word.as_bytes().last() else { return false };
        let lengths = self.ends[usize::from(*last)];
        word.len() <= BYTES_MAX && lengths >> word.len() & 1 == 1 && self.holds(word)
    }

    fn holds(&self, word: &str) -> bool {
        let key = key(word.as_bytes());
        let mut slot = self.home(key);
        loop {
            let (known, kept) = self.slots[slot];
            if kept.is_empty() || known == key && kept == word {
                return !kept.is_empty();
            }
            slot = (slot + 1) & (self.slots.len() - 1);
        }
    }

    /// Whether a word ends with one of the set, of at most `bytes_max` bytes.
    pub(crate) fn ends(&self, word: &str, bytes_max: usize) -> bool {
        let Some(last) = word.as_bytes().last() else { return false };
        let most = bytes_max.min(word.len()).min(BYTES_MAX);
        // Only the lengths of words that end with the same byte.
        let mut lengths = self.ends[usize::from(*last)] & (u64::MAX >> (BYTES_MAX - most));
        while lengths != 0 {
            let length = lengths.trailing_zeros() as usize;
            if word.get(word.len() - length..).is_some_and(|end| self.holds(end)) {
                return true;
            }
            lengths &= lengths - 1;
        }
        false
    }
}

/// A word in small letters, which most words are written in.
pub(crate) fn small(word: &str) -> Cow<'_, str> {
    match word.bytes().all(|byte| byte.is_ascii() && !byte.is_ascii_uppercase()) {
        true => Cow::Borrowed(word),
        false => Cow::Owned(word.to_lowercase()),
    }
}

/// The first and the last bytes of a word: all of it where it is short.
#[inline]
fn key(word: &[u8]) -> u64 {
    match (word.first_chunk(), word.last_chunk()) {
        (Some(first), Some(last)) => {
            u64::from(u32::from_le_bytes(*first)) | u64::from(u32::from_le_bytes(*last)) << 32
        }
        _ => word.iter().fold(0, |key, byte| key << 8 | u64::from(*byte)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_ends() {
        let set = WordSet::new(&["weg", "straße", "gata", "weg"]);
        assert!(set.contains("weg") && !set.contains("we") && !set.contains(""));
        assert!(set.ends("waldweg", 12) && set.ends("hauptstraße", 12) && !set.ends("wegen", 12));
        assert!(!set.ends("hauptstraße", 6) && !set.ends("", 12) && set.ends("weg", 12));
    }

    #[test]
    fn words_of_all_lengths_are_told_from_those_like_them() {
        let words = ["a", "ab", "abc", "abcd", "abcde", "abcdefgh", "abcdefghi", "abcdXefghi", "ж"];
        let set = WordSet::new(&words);
        assert!(words.iter().all(|word| set.contains(word)));
        let others = ["b", "ba", "acc", "abcdYefghi", "abcdefghij", "abcdeefgh", "é", "abcdfghi"];
        assert!(!others.iter().any(|word| set.contains(word)));
        assert!(!set.contains(&"abcdefghi".repeat(9)));
    }
}
