//! The key of pseudonyms and of format-preserving masking: HMAC-SHA256 over the category and the
//! value in its canonical writing, as for classified columns, so that one key gives one pseudonym
//! for a value in a column and in a text.

use crate::Category;
use aws_lc_rs::hmac;
use std::borrow::Borrow;
use std::fmt;

/// The key. Who has it can test guesses; a new one makes new pseudonyms.
#[derive(Clone)]
pub struct MaskKey(hmac::Key);

impl MaskKey {
    /// Takes 32 random bytes: those of the gateway's `mask.key` for the gateway's pseudonyms.
    #[must_use]
    pub fn new(key: impl Borrow<[u8; 32]>) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, key.borrow()))
    }

    /// The tag of a canonical value; each shape of output has tags of its own.
    fn tag(&self, category: Category, shape: &[u8; 4], canonical: &[u8]) -> [u8; 32] {
        let name = category.name();
        let mut context = hmac::Context::with_key(&self.0);
        context.update(b"portreeve mask 1");
        context.update(shape);
        // The length keeps `ab` + `c` and `a` + `bc` apart.
        context.update(&u64::try_from(name.len()).unwrap_or(u64::MAX).to_be_bytes());
        context.update(name.as_bytes());
        context.update(canonical);
        digest(context)
    }

    /// Sixteen characters of base32 that stand for a value.
    pub(super) fn word(&self, category: Category, canonical: &str) -> String {
        let tag = self.tag(category, b"text", canonical.as_bytes());
        let bits = tag.first_chunk().map_or(0, |head: &[u8; 10]| {
            head.iter().fold(0_u128, |bits, byte| bits << 8 | u128::from(*byte))
        });
        (0..16_u32)
            .map(|index| char::from(BASE32[(bits >> (75 - 5 * index) & 31) as usize]))
            .collect()
    }

    /// A UUID of version 8 (RFC 9562 section 5.8) for the 16 bytes of another one.
    pub(super) fn uuid(&self, category: Category, uuid: u128) -> u128 {
        let tag = self.tag(category, b"uuid", &uuid.to_be_bytes());
        let bytes = tag.first_chunk().copied().map_or(0, u128::from_be_bytes);
        bytes & !(0xf << 76 | 0x3 << 62) | 0x8 << 76 | 0x2 << 62
    }

    /// A positive number of 62 bits for another one.
    pub(super) fn integer(&self, category: Category, number: i64) -> i64 {
        let tag = self.tag(category, b"int8", &number.to_be_bytes());
        tag.first_chunk().copied().map_or(0, i64::from_be_bytes) & (i64::MAX >> 1)
    }

    /// The draws that replace the characters of a value.
    pub(super) fn draws(&self, category: Category, canonical: &str) -> Draws<'_> {
        let seed = self.tag(category, b"form", canonical.as_bytes());
        Draws { key: self, seed, block: [0; 32], blocks: 0, used: 32 }
    }
}

impl fmt::Debug for MaskKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MaskKey(***)")
    }
}

fn digest(context: hmac::Context) -> [u8; 32] {
    context.sign().as_ref().try_into().expect("HMAC-SHA256 has 32 bytes")
}

/// An endless row of numbers that key, category and value determine.
pub(super) struct Draws<'k> {
    key: &'k MaskKey,
    seed: [u8; 32],
    block: [u8; 32],
    blocks: u64,
    used: usize,
}

impl Draws<'_> {
    /// A number below `limit`, each equally likely; zero for a limit of zero.
    pub(super) fn below(&mut self, limit: u16) -> u16 {
        // Numbers at or above the last whole multiple would make the small ones more likely.
        let fair = u16::MAX - u16::MAX % limit.max(1);
        loop {
            let number = self.next();
            if number < fair {
                return number % limit.max(1);
            }
        }
    }

    fn next(&mut self) -> u16 {
        if self.used == self.block.len() {
            let mut context = hmac::Context::with_key(&self.key.0);
            context.update(b"portreeve draw 1");
            context.update(&self.seed);
            context.update(&self.blocks.to_be_bytes());
            self.block = digest(context);
            self.blocks += 1;
            self.used = 0;
        }
        let pair = [self.block[self.used], self.block[self.used + 1]];
        self.used += 2;
        u16::from_be_bytes(pair)
    }
}

/// RFC 4648 base32, in lower case.
const BASE32: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_are_fair_and_stay_the_same() {
        let key = MaskKey::new([7; 32]);
        let mut draws = key.draws(Category::Phone, "1");
        let mut counts = [0_u32; 10];
        for _ in 0..10_000 {
            counts[usize::from(draws.below(10))] += 1;
        }
        assert!(counts.iter().all(|count| (850..1150).contains(count)), "{counts:?}");
        let row = |value| {
            let mut draws = key.draws(Category::Phone, value);
            [0; 8].map(|_: u8| draws.below(1000))
        };
        assert_eq!(row("1"), row("1"));
        assert_ne!(row("1"), row("2"));
        assert_eq!(draws.below(0), 0);
    }

    #[test]
    fn the_key_is_not_shown() {
        assert_eq!(format!("{:?}", MaskKey::new([7; 32])), "MaskKey(***)");
    }
}
