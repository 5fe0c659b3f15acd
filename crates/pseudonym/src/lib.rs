//! The key of pseudonyms (floor 0): equal values stay equal, and nobody without the key can go
//! back.
//!
//! HMAC-SHA256 over the category and the value in its canonical writing. Whoever masks a column
//! and whoever masks a text use this one construction, so that one key gives one pseudonym for a
//! value wherever it stands. The key never enters a database.

use aws_lc_rs::hmac;
use std::borrow::Borrow;
use std::fmt;

/// The key of all pseudonyms. Who has it can test guesses; a new one makes new pseudonyms.
#[derive(Clone)]
pub struct MaskKey(hmac::Key);

impl MaskKey {
    /// Takes 32 random bytes.
    #[must_use]
    pub fn new(key: impl Borrow<[u8; 32]>) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, key.borrow()))
    }

    /// The tag of a canonical value; each shape of output has tags of its own.
    #[must_use]
    pub fn tag(&self, category: &str, shape: &[u8; 4], canonical: &[u8]) -> [u8; 32] {
        let mut context = hmac::Context::with_key(&self.0);
        context.update(b"portreeve mask 1");
        context.update(shape);
        // The length keeps `ab` + `c` and `a` + `bc` apart.
        context.update(&u64::try_from(category.len()).unwrap_or(u64::MAX).to_be_bytes());
        context.update(category.as_bytes());
        context.update(canonical);
        signed(context)
    }

    /// Sixteen letters and digits of base32 (80 bits), in ASCII, that stand for a value.
    #[must_use]
    pub fn word(&self, category: &str, canonical: &[u8]) -> [u8; 16] {
        let tag = self.tag(category, b"text", canonical);
        let bits = tag[..10].iter().fold(0_u128, |bits, byte| bits << 8 | u128::from(*byte));
        std::array::from_fn(|index| BASE32[(bits >> (75 - 5 * index) & 31) as usize])
    }

    /// A UUID of version 8 (RFC 9562 section 5.8) for the 16 bytes of another one.
    #[must_use]
    pub fn uuid(&self, category: &str, uuid: u128) -> u128 {
        let tag = self.tag(category, b"uuid", &uuid.to_be_bytes());
        let bytes = tag.first_chunk().copied().map_or(0, u128::from_be_bytes);
        bytes & !(0xf << 76 | 0x3 << 62) | 0x8 << 76 | 0x2 << 62
    }

    /// A positive number of 62 bits for another one.
    #[must_use]
    pub fn integer(&self, category: &str, number: i64) -> i64 {
        let tag = self.tag(category, b"int8", &number.to_be_bytes());
        tag.first_chunk().copied().map_or(0, i64::from_be_bytes) & (i64::MAX >> 1)
    }

    /// Block `number` of an endless row that a tag determines.
    #[must_use]
    pub fn block(&self, seed: &[u8; 32], number: u64) -> [u8; 32] {
        let mut context = hmac::Context::with_key(&self.0);
        context.update(b"portreeve draw 1");
        context.update(seed);
        context.update(&number.to_be_bytes());
        signed(context)
    }
}

impl fmt::Debug for MaskKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MaskKey(***)")
    }
}

fn signed(context: hmac::Context) -> [u8; 32] {
    context.sign().as_ref().try_into().expect("HMAC-SHA256 has 32 bytes")
}

/// RFC 4648 base32, in lower case.
const BASE32: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_keep_category_shape_and_value_apart() {
        let key = MaskKey::new([7; 32]);
        assert_ne!(key.tag("ab", b"text", b"c"), key.tag("a", b"text", b"bc"));
        assert_ne!(key.tag("a", b"text", b"c"), key.tag("a", b"uuid", b"c"));
        assert_ne!(key.word("a", b"c"), MaskKey::new([8; 32]).word("a", b"c"));
        assert!(key.integer("a", -1) >= 0);
        assert_eq!(key.uuid("a", 1) >> 76 & 0xf, 8);
    }

    #[test]
    fn the_key_is_not_shown() {
        assert_eq!(format!("{:?}", MaskKey::new([7; 32])), "MaskKey(***)");
    }
}
