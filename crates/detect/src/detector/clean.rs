//! Values that hold nothing personal whatever they are made of: small numbers, single short words
//! and hashes. Most cells of most tables are such; telling them apart costs a walk over their
//! bytes and nothing more.
//!
//! INVARIANT: what is clean has no finding in a full look. A property test compares.

use crate::evasion::hides_text;
use crate::signs;

/// Most digits of a number that no scheme, telephone or date is written in.
const DIGITS_MAX: usize = 6;

/// Longest word that no encoding fits in.
const WORD_BYTES_MAX: usize = 11;

/// Lengths of hexadecimal digests that no identifier has.
const HASH_BYTES: [usize; 3] = [40, 64, 128];
const UUID_BYTES: usize = 36;

/// Whether a value of which nothing is known holds nothing personal, for certain.
pub(super) fn is_clean(text: &str) -> bool {
    let bytes = text.as_bytes();
    match bytes {
        [] => true,
        [b'0'..=b'9' | b'-' | b'+', ..] if bytes.len() <= DIGITS_MAX + 2 && is_number(bytes) => {
            true
        }
        [b'a'..=b'z', ..] if bytes.len() <= WORD_BYTES_MAX => is_word(bytes),
        [b'0'..=b'9' | b'a'..=b'f', ..] if bytes.len() == UUID_BYTES => is_uuid(text),
        [b'0'..=b'9' | b'a'..=b'f', ..] if HASH_BYTES.contains(&bytes.len()) => {
            bytes.iter().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) && !hides_text(bytes)
        }
        _ => false,
    }
}

/// A sign, digits and one point at most.
fn is_number(bytes: &[u8]) -> bool {
    let digits = bytes.strip_prefix(b"-").unwrap_or(bytes);
    let (mut points, mut count) = (0, 0);
    for byte in digits {
        match byte {
            b'0'..=b'9' => count += 1,
            b'.' => points += 1,
            _ => return false,
        }
    }
    points <= 1 && (1..=DIGITS_MAX).contains(&count)
}

/// Small letters in one word that no list has.
fn is_word(bytes: &[u8]) -> bool {
    let letters = bytes.iter().all(|b| b.is_ascii_lowercase() || *b == b'_');
    letters && {
        let begins = |at: &usize| {
            let before = at.checked_sub(1).map(|before| bytes[before]);
            before.is_none_or(|before| before == b'_')
        };
        !signs::has_words(bytes, (0..bytes.len()).filter(begins))
    }
}

/// A UUID whose bytes are no text.
fn is_uuid(text: &str) -> bool {
    let mut digits = [0; 32];
    let mut count = 0;
    for (place, byte) in text.bytes().enumerate() {
        match (place, byte) {
            (8 | 13 | 18 | 23, b'-') => {}
            (8 | 13 | 18 | 23, _) => return false,
            (_, b'0'..=b'9' | b'a'..=b'f') if count < digits.len() => {
                digits[count] = byte;
                count += 1;
            }
            _ => return false,
        }
    }
    // Its first block has a digit and a letter, so that the whole is one chain of no number.
    let head = &digits[..8];
    head.iter().any(u8::is_ascii_digit)
        && head.iter().any(u8::is_ascii_lowercase)
        && !hides_text(&digits)
        && !hides_text(text.as_bytes())
}
