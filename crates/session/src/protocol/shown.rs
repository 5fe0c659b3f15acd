//! Values as a reviewer is shown them, and as an approval is bound to them.

use aws_lc_rs::digest::{SHA256, digest};
use portreeve_model::{Digest, ParameterValue};

/// Longest text that a reviewer is shown in full.
const SHOWN_CHARS_MAX: usize = 2000;

/// A value that is text: itself where a reviewer can read it, its digest where it is too long
/// or no text after all.
#[must_use]
pub fn shown_text(bytes: &[u8]) -> ParameterValue {
    match std::str::from_utf8(bytes) {
        Ok(text) if text.chars().count() <= SHOWN_CHARS_MAX => {
            ParameterValue::Decoded(text.to_owned())
        }
        _ => shown_digest(bytes),
    }
}

/// A value that nobody reads: how long it is, and its digest.
#[must_use]
pub fn shown_digest(bytes: &[u8]) -> ParameterValue {
    ParameterValue::Hashed { digest: sha256(bytes), bytes: bytes.len() as u64 }
}

pub(crate) fn sha256(bytes: &[u8]) -> Digest {
    let mut hash = Digest([0; 32]);
    hash.0.copy_from_slice(digest(&SHA256, bytes).as_ref());
    hash
}
