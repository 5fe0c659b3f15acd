//! The word list, as a table of fingerprints: what a word is known as (given name, surname,
//! town, country, common word, …). About one unknown word in a thousand is taken for a known
//! one; the model weighs the flags and does not trust them.

use super::letters::{Letters, scatter};

/// Flags of given names, surnames, towns and countries.
pub(super) const GIVEN: u8 = 1;
pub(super) const SURNAME: u8 = 2;
pub(super) const CITY: u8 = 4;
pub(super) const COUNTRY: u8 = 8;

/// The flag of words that are usually written in small letters.
pub(super) const COMMON: u8 = 16;

/// The flag of words in names of organisations.
pub(super) const ORGANISATION: u8 = 32;

/// Entries of one bucket: as many as fit into one line of the processor's cache.
const ENTRIES: usize = 21;

/// Fingerprints of two bytes, then the flags, then a byte that is not used.
const BUCKET_BYTES: usize = 64;

/// A table read from the model file.
#[derive(Clone, Copy)]
pub(super) struct Lexicon<'a> {
    buckets: &'a [[u8; BUCKET_BYTES]],
}

/// The key of two words in a row.
#[inline]
pub(super) fn pair(first: u32, second: u32) -> u32 {
    (scatter(u64::from(first) << 32 | u64::from(second)) >> 32) as u32
}

/// The key of a stem, so that stems and words do not meet.
#[inline]
fn stem_key(hash: u32) -> u32 {
    pair(hash, 0x5EED_57E3)
}

/// The key of an entry of the list, which has one or two words, or a tilde and a stem.
pub(super) fn key(entry: &str) -> u32 {
    if let Some(stem) = entry.strip_prefix('~') {
        return stem_key(key(stem));
    }
    match entry.split_once(' ') {
        Some((first, second)) => pair(key(first), Letters::word(second).hash()),
        None => Letters::word(entry).hash(),
    }
}

impl<'a> Lexicon<'a> {
    pub(super) fn new(table: &'a [u8]) -> Self {
        Self { buckets: table.as_chunks().0 }
    }

    /// The flags of the word with this hash; zero when it is not listed.
    #[inline]
    pub(super) fn flags(&self, hash: u32) -> u8 {
        let Some(bucket) = self.buckets.get(home(hash, self.buckets.len())) else { return 0 };
        let print = fingerprint(hash);
        let mut flags = 0;
        // Every entry is compared, so that there is nothing for the processor to guess.
        for index in 0..ENTRIES {
            let at = [bucket[2 * index], bucket[2 * index + 1]];
            let same = u8::from(u16::from_le_bytes(at) == print);
            flags |= bucket[2 * ENTRIES + index] & same.wrapping_neg();
        }
        flags
    }

    /// The flags of the stem with this hash; zero when it is not listed.
    #[inline]
    pub(super) fn stem_flags(&self, hash: u32) -> u8 {
        self.flags(stem_key(hash))
    }
}

#[inline]
fn home(key: u32, count: usize) -> usize {
    ((u64::from(key) * count as u64) >> 32) as usize
}

/// The part of a key that is kept; never zero, which marks an entry that is free.
#[inline]
fn fingerprint(key: u32) -> u16 {
    (key as u16).max(1)
}

/// Builds the table from a list of `word TAB flags`.
pub(super) fn build(list: &str) -> Vec<u8> {
    let entries: Vec<(u32, u8)> = list
        .lines()
        .filter_map(|line| line.split_once('\t'))
        .filter_map(|(word, flags)| Some((key(word), flags.parse().ok()?)))
        .collect();
    let count = entries.len() * 3 / 2 / ENTRIES + 1;
    let mut buckets = vec![[0_u8; BUCKET_BYTES]; count];
    for (key, flags) in entries {
        let bucket = &mut buckets[home(key, count)];
        let print = fingerprint(key).to_le_bytes();
        // A word that finds no entry is left out: the table is a hint, not a set.
        let free = (0..ENTRIES).find(|index| {
            let at = &bucket[2 * index..2 * index + 2];
            at == [0, 0] || at == print
        });
        if let Some(index) = free {
            bucket[2 * index..2 * index + 2].copy_from_slice(&print);
            bucket[2 * ENTRIES + index] |= flags;
        }
    }
    buckets.concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_what_was_put_in() {
        let slots = build("anna\t1\nnew york\t4\nhaus\t16\n");
        let lexicon = Lexicon::new(&slots);
        assert_eq!(lexicon.flags(key("anna")), 1);
        assert_eq!(lexicon.flags(key("new york")), 4);
        assert_eq!(lexicon.flags(key("york")), 0);
    }
}
