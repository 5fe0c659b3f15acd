//! Proofs for channels that carry several streams at once: what goes to a client's output and to
//! its error output, and how it ended, is one release, and one record.
//!
//! A proof's bytes are then pieces, one behind the other: one byte that says for which stream, the
//! length in four bytes, most significant first, and the bytes themselves.
//!
//! SECURITY: [`released_streams`] cuts a proof in pieces, each of which is a proof;
//! [`released_note`] and [`permitted_request`] give bytes out to a library that takes no
//! writer for them. Nothing here makes a proof from anything else.

use super::body::UnreadableHead;
use crate::proof::{Permitted, Released};
use bytes::Bytes;

/// The length of what stands before the bytes of a piece.
const HEAD_BYTES: usize = 5;

/// Appends a piece.
///
/// ```
/// let mut bytes = Vec::new();
/// portreeve_session::put_stream(b'o', b"hi", &mut bytes);
/// assert_eq!(bytes, b"o\x00\x00\x00\x02hi");
/// ```
pub fn put_stream(stream: u8, bytes: &[u8], out: &mut Vec<u8>) {
    let length = u32::try_from(bytes.len()).expect("a part of a reply has less than 4 GiB");
    out.push(stream);
    out.extend_from_slice(&length.to_be_bytes());
    out.extend_from_slice(bytes);
}

/// The pieces of a release.
///
/// # Errors
/// Its bytes are not pieces.
pub fn released_streams(released: Released) -> Result<Vec<(u8, Released)>, UnreadableHead> {
    let mut bytes = released.bytes;
    let mut found = Vec::new();
    while !bytes.is_empty() {
        let Some(&[stream, a, b, c, d]) = bytes.first_chunk::<HEAD_BYTES>() else {
            return Err(UnreadableHead);
        };
        let length =
            usize::try_from(u32::from_be_bytes([a, b, c, d])).map_err(|_| UnreadableHead)?;
        let end = HEAD_BYTES.checked_add(length).filter(|end| *end <= bytes.len());
        let piece = bytes.split_to(end.ok_or(UnreadableHead)?);
        found.push((stream, Released { bytes: piece.slice(HEAD_BYTES..) }));
    }
    Ok(found)
}

/// What a release says to a client that takes it as something else than bytes of a stream: a
/// number, a name.
#[must_use]
pub fn released_note(released: Released) -> Bytes {
    released.bytes
}

/// A request that a library sends to the target by itself.
#[must_use]
pub fn permitted_request(permitted: Permitted) -> Bytes {
    permitted.wire
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_those_that_were_put_there() {
        let mut bytes = Vec::new();
        put_stream(1, b"one", &mut bytes);
        put_stream(2, b"", &mut bytes);
        for length in 0..=bytes.len() {
            let cut = Bytes::copy_from_slice(&bytes[..length]);
            let found = released_streams(Released { bytes: cut });
            let is_whole = [0, HEAD_BYTES + 3, bytes.len()].contains(&length);
            assert_eq!(found.is_ok(), is_whole, "{length}");
        }
        let found = released_streams(Released { bytes: bytes.into() }).unwrap();
        let found: Vec<_> = found.iter().map(|(stream, it)| (*stream, &it.bytes[..])).collect();
        assert_eq!(found, [(1, &b"one"[..]), (2, b"")]);
    }
}
