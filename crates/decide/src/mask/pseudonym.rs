//! Keyed pseudonyms: equal values stay equal, and nobody without the key can go back.
//!
//! HMAC-SHA256 over the category and the value in its canonical writing. The key never
//! enters a database, so the same pseudonym serves every system behind the gateway.

use super::family::{Family, push_label};
use aws_lc_rs::hmac;
use portreeve_model::Category;
use std::borrow::{Borrow, Cow};
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
    fn tag(&self, category: &Category, shape: &[u8; 4], canonical: &[u8]) -> [u8; 32] {
        let mut context = hmac::Context::with_key(&self.0);
        context.update(b"portreeve mask 1");
        context.update(shape);
        // The length keeps `ab` + `c` and `a` + `bc` apart.
        context.update(&u64::try_from(category.0.len()).unwrap_or(u64::MAX).to_be_bytes());
        context.update(category.0.as_bytes());
        context.update(canonical);
        context.sign().as_ref().try_into().expect("HMAC-SHA256 has 32 bytes")
    }

    /// Appends `email_k7m2…`, or an address under `masked.invalid` for e-mail.
    pub(super) fn push_text(
        &self,
        category: &Category,
        family: Family,
        value: &[u8],
        out: &mut Vec<u8>,
    ) {
        let tag = self.tag(category, b"text", &canonical(family, value));
        if family == Family::Email {
            out.extend_from_slice(b"u-");
            push_base32(&tag, out);
            out.extend_from_slice(b"@masked.invalid");
        } else {
            push_label(category, LABEL_CHARS_MAX, out);
            out.push(b'_');
            push_base32(&tag, out);
        }
    }

    /// A UUID of version 8 (RFC 9562 section 5.8) for the 16 bytes of another one.
    pub(super) fn uuid(&self, category: &Category, uuid: [u8; 16]) -> [u8; 16] {
        let tag = self.tag(category, b"uuid", &uuid);
        let mut out: [u8; 16] = *tag.first_chunk().expect("a tag has 32 bytes");
        out[6] = out[6] & 0x0f | 0x80;
        out[8] = out[8] & 0x3f | 0x80;
        out
    }

    /// A positive number of 62 bits for another one.
    pub(super) fn integer(&self, category: &Category, number: i64) -> i64 {
        let tag = self.tag(category, b"int8", &number.to_be_bytes());
        let bytes: [u8; 8] = *tag.first_chunk().expect("a tag has 32 bytes");
        i64::from_be_bytes(bytes) & (i64::MAX >> 1)
    }
}

impl fmt::Debug for MaskKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MaskKey(***)")
    }
}

/// One writing for all writings of a value: `Ann@X.org` and `ann@x.org` are one address.
pub(super) fn canonical(family: Family, value: &[u8]) -> Cow<'_, [u8]> {
    let Ok(text) = std::str::from_utf8(value) else {
        return Cow::Borrowed(value);
    };
    match family {
        Family::Email => Cow::Owned(text.trim().to_lowercase().into_bytes()),
        Family::Digits | Family::Identifier => {
            let significant = text.chars().filter(|character| !" -./()".contains(*character));
            Cow::Owned(significant.flat_map(char::to_uppercase).collect::<String>().into_bytes())
        }
        Family::Name | Family::Date | Family::Other => Cow::Borrowed(text.trim().as_bytes()),
    }
}

/// Appends 80 bits in 16 characters.
fn push_base32(tag: &[u8; 32], out: &mut Vec<u8>) {
    for five in tag[..10].chunks_exact(5) {
        let bits = five.iter().fold(0u64, |bits, byte| bits << 8 | u64::from(*byte));
        let letter =
            |index: u32| ALPHABET[usize::try_from(bits >> (35 - 5 * index) & 31).unwrap_or(0)];
        out.extend((0..8).map(letter));
    }
}

/// RFC 4648 base32, in lower case.
const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
const LABEL_CHARS_MAX: usize = 16;
