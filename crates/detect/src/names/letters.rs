//! A word as one byte a letter, in small letters, and hashes of its parts. Words of the same
//! letters are the same word, however they are written; letters of scripts that do not meet in
//! one word may share a byte.

use super::tokens::Token;
use std::sync::LazyLock;

/// Letters of a word that count; the rest of a longer word is not looked at.
pub(super) const LETTERS_MAX: usize = 24;

/// Zeros before the first letter, so that the last eight letters can be read at once.
const LEAD: usize = 8;

/// The letters of one word.
pub(super) struct Letters {
    bytes: [u8; LEAD + LETTERS_MAX],
    pub(super) count: usize,
    /// Whether a letter has an accent.
    accents: bool,
}

/// The first code points: those of Latin, Greek and Cyrillic letters.
const WIDE: usize = 0x500;

/// The byte of a letter beyond ASCII, in small letters, and of the letter without its accent.
static CODES: LazyLock<[(u8, u8); WIDE]> = LazyLock::new(|| {
    std::array::from_fn(|point| {
        let Some(c) = char::from_u32(point as u32) else { return (0, 0) };
        let lower = c.to_lowercase().next().unwrap_or(c) as u32;
        (code(lower), fold(lower))
    })
});

/// The byte of a small letter. Latin letters have one of their own.
fn code(lower: u32) -> u8 {
    match lower {
        0..0x80 => lower as u8,
        0x80..0x100 => 0xC0 | (lower & 0x1F) as u8,
        0x100..0x180 => 0x80 | (lower >> 1 & 0x3F) as u8,
        _ => 0x80 | (lower & 0x7F) as u8,
    }
}

/// Small letters of Latin-1 and Latin Extended-A (U+00E0 to U+017F) without their accents.
const FOLDED: &[u8; 160] =
    b"aaaaaaaceeeeiiiidnooooo/ouuuuytyaaaaaaccccccccddddeeeeeeeeeegggggggghhhh\
iiiiiiiiiiiijjkkkllllllllllnnnnnnnnnoooooooorrrrrrssssssssttttttuuuuuuuuuuuuwwyyyzzzzzzs";

fn fold(lower: u32) -> u8 {
    match lower {
        0xE0..=0x17F => FOLDED[(lower - 0xE0) as usize],
        _ => code(lower),
    }
}

impl Letters {
    /// The letters of a token.
    #[inline]
    pub(super) fn of(text: &str, token: &Token) -> Self {
        Self::at(text, token.start as usize, token.end as usize)
    }

    /// The letters of the word `start..end` of a text.
    #[inline]
    pub(super) fn at(text: &str, start: usize, end: usize) -> Self {
        let count = end - start;
        let mut bytes = [0; LEAD + LETTERS_MAX];
        if count <= LETTERS_MAX {
            let mut high = 0;
            if let Some(chunk) = text.as_bytes().get(start..start + LETTERS_MAX) {
                // Inside a text a word is read as three words of the machine.
                for (index, eight) in chunk.chunks_exact(8).enumerate() {
                    let kept = mask(count.saturating_sub(8 * index));
                    let word = u64::from_le_bytes(eight.try_into().unwrap_or_default()) & kept;
                    high |= word;
                    let lower = word | (0x2020_2020_2020_2020 & kept);
                    bytes[LEAD + 8 * index..][..8].copy_from_slice(&lower.to_le_bytes());
                }
            } else {
                for (slot, byte) in bytes[LEAD..].iter_mut().zip(&text.as_bytes()[start..end]) {
                    high |= u64::from(*byte);
                    *slot = byte | 0x20;
                }
            }
            if high & 0x8080_8080_8080_8080 == 0 {
                return Self { bytes, count, accents: false };
            }
        }
        Self::spelled(&text[start..end], |code, _| code)
    }

    /// The letters of a word, one by one.
    pub(super) fn word(word: &str) -> Self {
        Self::spelled(word, |code, _| code)
    }

    /// The word without accents, where it has some.
    pub(super) fn folded(&self, text: &str, token: &Token) -> Option<Self> {
        self.accents.then(|| Self::spelled(token.text(text), |_, folded| folded))
    }

    fn spelled(word: &str, pick: impl Fn(u8, u8) -> u8) -> Self {
        let mut letters = Self { bytes: [0; LEAD + LETTERS_MAX], count: 0, accents: false };
        let codes = &*CODES;
        for c in word.chars().take(LETTERS_MAX) {
            let byte = match codes.get(c as usize) {
                _ if c.is_ascii() => c as u8 | 0x20,
                Some((code, folded)) => {
                    letters.accents |= code != folded;
                    pick(*code, *folded)
                }
                None => 0x80 | (c as u32 & 0x7F) as u8,
            };
            letters.bytes[LEAD + letters.count] = byte;
            letters.count += 1;
        }
        letters
    }

    fn eight(&self, index: usize) -> u64 {
        let at = LEAD + 8 * index;
        self.bytes[at..].first_chunk().map_or(0, |eight| u64::from_le_bytes(*eight))
    }

    /// Hash of the word.
    #[inline]
    pub(super) fn hash(&self) -> u32 {
        self.prefix(self.count)
    }

    /// Hash of the first letters.
    #[inline]
    pub(super) fn prefix(&self, length: usize) -> u32 {
        let mut hash = scatter(SEED ^ self.eight(0) & mask(length));
        for index in 1..LETTERS_MAX / 8 {
            if length > 8 * index {
                hash = scatter(hash ^ self.eight(index) & mask(length - 8 * index));
            }
        }
        (hash >> 32) as u32
    }

    /// The first letters, at most eight.
    pub(super) fn head(&self, length: usize) -> u64 {
        self.eight(0) & mask(length)
    }

    /// The last letters, at most eight; a shorter word has zeros before it.
    #[inline]
    pub(super) fn tail(&self, length: usize) -> u64 {
        let last = self.bytes[self.count..].first_chunk().map_or(0, |e| u64::from_le_bytes(*e));
        last >> (64 - 8 * length)
    }
}

/// The lowest bytes of a word of the machine, as many as there are letters, at most eight.
#[inline]
fn mask(letters: usize) -> u64 {
    if letters >= 8 { u64::MAX } else { (1 << (8 * letters)) - 1 }
}

const SEED: u64 = 0x243F_6A88_85A3_08D3;

/// Spreads the bits of a number: the halves of a product that is twice as wide, put together.
#[inline]
pub(super) fn scatter(value: u64) -> u64 {
    let wide = u128::from(value ^ 0x9E37_79B9_7F4A_7C15) * 0xD6E8_FEB8_6659_FD93_u128;
    (wide as u64) ^ (wide >> 64) as u64
}

#[cfg(test)]
mod tests {
    use super::super::tokens;
    use super::*;
    use crate::text::traits::Traits;

    fn of(text: &str) -> Vec<Letters> {
        let mut found = Vec::new();
        tokens::split(text, &Traits::of(text.as_bytes()).words, 0, &mut found);
        found.iter().map(|t| Letters::of(text, t)).collect()
    }

    #[test]
    fn a_word_is_the_same_however_it_is_written() {
        let long = " and much more text so that it is read in one piece";
        for word in ["Anna", "ANNA", "anna", "Zoë", "ZOË", "Жана", "ŽIŽEK"] {
            let (inside, alone) = (&of(&format!("{word}{long}"))[0], &of(word)[0]);
            assert_eq!(inside.bytes, alone.bytes, "{word}");
            assert_eq!(alone.hash(), Letters::word(&word.to_lowercase()).hash(), "{word}");
        }
        assert_ne!(Letters::word("sas").hash(), Letters::word("šaš").hash());
    }

    #[test]
    fn parts_of_words() {
        let word = Letters::word("Konstantinopel");
        assert_eq!(word.tail(3), u64::from_le_bytes(*b"pel\0\0\0\0\0"));
        assert_eq!(word.prefix(12), Letters::word("konstantinop").hash());
        assert_eq!(Letters::word("ab").tail(4) >> 16, u64::from_le_bytes(*b"ab\0\0\0\0\0\0"));
    }

    #[test]
    fn accents_can_be_left_out() {
        let text = "Zoë";
        let mut found = Vec::new();
        tokens::split(text, &Traits::of(text.as_bytes()).words, 0, &mut found);
        let folded = of(text)[0].folded(text, &found[0]).unwrap();
        assert_eq!(folded.hash(), Letters::word("zoe").hash());
        assert!(of("Anna")[0].folded("Anna", &found[0]).is_none());
    }
}
