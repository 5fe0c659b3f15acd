//! The word list, as a table of fingerprints: what a word is known as (given name, surname,
//! town, country, common word, …). About one unknown word in a thousand is taken for a known
//! one; the model weighs the flags and does not trust them.

/// Slots that are tried from a word's home slot.
const REACH: usize = 8;

/// A table read from the model file.
#[derive(Clone, Copy)]
pub(super) struct Lexicon<'a> {
    slots: &'a [u8],
    count: usize,
}

/// Hash of a word in small letters, updated letter by letter.
#[inline]
pub(super) fn step(hash: u32, c: u32) -> u32 {
    (hash ^ c).wrapping_mul(0x0100_0193)
}

pub(super) const SEED: u32 = 0x811C_9DC5;

/// Spreads the bits of a hash.
#[inline]
pub(super) fn finish(mut hash: u32) -> u32 {
    hash ^= hash >> 16;
    hash = hash.wrapping_mul(0x85EB_CA6B);
    hash ^= hash >> 13;
    hash = hash.wrapping_mul(0xC2B2_AE35);
    hash ^ (hash >> 16)
}

/// The key of two words in a row.
#[inline]
pub(super) fn pair(first: u32, second: u32) -> u32 {
    finish(first.rotate_left(5).wrapping_add(second).wrapping_mul(0x9E37_79B1))
}

/// The key of a stem, so that stems and words do not meet.
#[inline]
fn stem_key(hash: u32) -> u32 {
    finish(hash ^ 0x5EED_57E3)
}

/// The key of an entry of the list, which has one or two words, or a tilde and a stem.
pub(super) fn key(entry: &str) -> u32 {
    if let Some(stem) = entry.strip_prefix('~') {
        return stem_key(key(stem));
    }
    let hash = |word: &str| finish(word.chars().fold(SEED, |h, c| step(h, c as u32)));
    match entry.split_once(' ') {
        Some((first, second)) => pair(hash(first), hash(second)),
        None => hash(entry),
    }
}

impl<'a> Lexicon<'a> {
    pub(super) fn new(slots: &'a [u8]) -> Self {
        Self { slots, count: slots.len() / 3 }
    }

    /// The flags of a key; zero when it is not listed.
    #[inline]
    pub(super) fn flags(&self, key: u32) -> u8 {
        if self.count < REACH {
            return 0;
        }
        let home = home(key, self.count);
        let [low, high] = ((key & 0xFFFF) as u16).to_le_bytes();
        for slot in self.slots[home * 3..(home + REACH) * 3].chunks_exact(3) {
            if slot[2] == 0 {
                return 0;
            }
            if slot[0] == low && slot[1] == high {
                return slot[2];
            }
        }
        0
    }

    /// The flags of the stem with this hash; zero when it is not listed.
    #[inline]
    pub(super) fn stem_flags(&self, hash: u32) -> u8 {
        self.flags(stem_key(hash))
    }
}

#[inline]
fn home(key: u32, count: usize) -> usize {
    ((u64::from(key) * (count - REACH) as u64) >> 32) as usize
}

/// Builds the table from a list of `word TAB flags`.
pub(super) fn build(list: &str) -> Vec<u8> {
    let entries: Vec<(u32, u8)> = list
        .lines()
        .filter_map(|line| line.split_once('\t'))
        .filter_map(|(word, flags)| Some((key(word), flags.parse().ok()?)))
        .collect();
    let count = entries.len() * 3 / 2 + 64;
    let mut slots = vec![0_u8; count * 3];
    for (key, flags) in entries {
        let home = home(key, count);
        let [low, high] = ((key & 0xFFFF) as u16).to_le_bytes();
        // A word that finds no slot is left out: the table is a hint, not a set.
        for slot in slots[home * 3..(home + REACH) * 3].chunks_exact_mut(3) {
            if slot[2] == 0 || slot[0] == low && slot[1] == high {
                slot[0] = low;
                slot[1] = high;
                slot[2] |= flags;
                break;
            }
        }
    }
    slots
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
