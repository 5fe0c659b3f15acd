//! Cutting the byte stream into messages, with limits, and writing messages.
//!
//! SPEC: PostgreSQL "Message Formats": one tag byte, then a 32-bit length that counts
//! itself but not the tag.

use bytes::{Buf, Bytes, BytesMut};
use thiserror::Error;

/// One message.
#[derive(Clone, Debug)]
pub(crate) struct Frame {
    pub(crate) tag: u8,
    /// Tag, length and body.
    pub(crate) whole: Bytes,
}

impl Frame {
    pub(crate) fn body(&self) -> &[u8] {
        self.whole.get(HEADER_BYTES..).unwrap_or_default()
    }
}

pub(crate) const HEADER_BYTES: usize = 5;

/// Why the stream cannot be cut.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
pub(crate) enum FrameError {
    /// A length below 4.
    #[error("invalid message length `{0}`")]
    BadLength(i32),
    /// A message above the limit.
    #[error("message of `{length}` bytes is longer than the limit of `{max}`")]
    TooLong { length: usize, max: usize },
}

/// The length of the whole message that starts `bytes`, once its header is there.
pub(crate) fn message_length(bytes: &[u8], max: usize) -> Result<Option<usize>, FrameError> {
    let Some([_, a, b, c, d]) = bytes.first_chunk::<HEADER_BYTES>() else { return Ok(None) };
    let length = i32::from_be_bytes([*a, *b, *c, *d]);
    let body = usize::try_from(length).ok().filter(|length| *length >= 4);
    let length = body.ok_or(FrameError::BadLength(length))? + 1;
    if length > max {
        return Err(FrameError::TooLong { length, max });
    }
    Ok(Some(length))
}

/// Takes the first message, if all of it is there.
pub(crate) fn take(inbox: &mut BytesMut, max: usize) -> Result<Option<Frame>, FrameError> {
    match message_length(inbox, max)? {
        Some(length) if inbox.len() >= length => {
            let whole = inbox.split_to(length).freeze();
            let tag = whole.first().copied().unwrap_or_default();
            Ok(Some(Frame { tag, whole }))
        }
        _ => Ok(None),
    }
}

/// Takes the longest run of whole messages.
pub(crate) fn take_whole_messages(inbox: &mut BytesMut, max: usize) -> Result<Bytes, FrameError> {
    let mut end = 0;
    while let Some(length) = message_length(inbox.get(end..).unwrap_or_default(), max)? {
        if inbox.len() - end < length {
            break;
        }
        end += length;
    }
    Ok(inbox.split_to(end).freeze())
}

/// Takes the next message off a run of whole ones.
pub(crate) fn next_of(run: &mut Bytes) -> Option<Frame> {
    let length = message_length(run, usize::MAX).ok().flatten()?;
    (run.len() >= length).then(|| {
        let whole = run.split_to(length);
        Frame { tag: whole.chunk().first().copied().unwrap_or_default(), whole }
    })
}

/// Appends a message: tag, length, whatever `body` writes.
pub(crate) fn put(out: &mut Vec<u8>, tag: u8, body: impl FnOnce(&mut Vec<u8>)) {
    out.push(tag);
    let at = out.len();
    out.extend_from_slice(&[0; 4]);
    body(out);
    close(out, at);
}

/// Writes the length of everything from `at` on into the four bytes at `at`.
pub(crate) fn close(out: &mut [u8], at: usize) {
    let length = u32::try_from(out.len() - at).expect("messages are bounded far below 4 GiB");
    if let Some(slot) = out.get_mut(at..at + 4) {
        slot.copy_from_slice(&length.to_be_bytes());
    }
}

/// Appends text and its zero byte. A zero byte inside ends the text early, as it would
/// for the reader.
pub(crate) fn put_text(out: &mut Vec<u8>, text: &str) {
    out.extend(text.bytes().take_while(|byte| *byte != 0));
    out.push(0);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_checked_before_anything_is_waited_for() {
        let cut = |bytes: &[u8]| take(&mut BytesMut::from(bytes), 16).map(|f| f.map(|f| f.tag));
        assert_eq!(cut(b"Q\0\0\0"), Ok(None));
        assert_eq!(cut(b"Q\0\0\0\x05x"), Ok(Some(b'Q')));
        assert_eq!(cut(b"Q\0\0\0\x03"), Err(FrameError::BadLength(3)));
        assert_eq!(cut(b"Q\xff\xff\xff\xff"), Err(FrameError::BadLength(-1)));
        assert_eq!(cut(b"Q\0\0\0\x10"), Err(FrameError::TooLong { length: 17, max: 16 }));
    }

    #[test]
    fn runs_hold_whole_messages_only() {
        let mut inbox = BytesMut::from(&b"S\0\0\0\x04H\0\0\0\x04Q\0\0"[..]);
        let mut run = take_whole_messages(&mut inbox, 100).unwrap();
        assert_eq!(next_of(&mut run).map(|f| f.tag), Some(b'S'));
        assert_eq!(next_of(&mut run).map(|f| f.tag), Some(b'H'));
        assert!(next_of(&mut run).is_none());
        assert_eq!(&inbox[..], b"Q\0\0");
    }
}
