//! Every byte that comes to a client, whatever its library makes of it.

use portreeve_selftest::{Answer, Traces};
use portreeve_transport::Stream;
use portreeve_wire::Cursor;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A stream that keeps what is read from it.
pub(super) struct Tap {
    stream: Box<dyn Stream>,
    seen: Seen,
}

/// What was read since somebody last took it.
#[derive(Clone, Default)]
pub(super) struct Seen(Arc<Mutex<Kept>>);

#[derive(Default)]
struct Kept {
    bytes: Vec<u8>,
    /// Where the rows of the answer begin: before it stand those that the client asked for itself.
    begin: usize,
    is_cut: bool,
}

/// What is kept of one answer.
const ANSWER_BYTES_MAX: usize = 8 << 20;

impl Tap {
    pub(super) fn new(stream: Box<dyn Stream>) -> (Self, Seen) {
        let seen = Seen::default();
        (Self { stream, seen: seen.clone() }, seen)
    }
}

impl Seen {
    fn keep(&self, bytes: &[u8]) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let room = ANSWER_BYTES_MAX.saturating_sub(kept.bytes.len());
        kept.is_cut |= bytes.len() > room;
        kept.bytes.extend_from_slice(bytes.get(..room.min(bytes.len())).unwrap_or_default());
    }

    pub(super) fn forget(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Kept::default();
    }

    /// What is read from here on is the answer. What was read before may hold no trace either.
    pub(super) fn begin(&self) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.begin = kept.bytes.len();
    }

    /// What was answered, as the bytes say it.
    pub(super) fn answer(&self, traces: &Traces) -> Answer {
        let kept = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        let mut answer = read(kept.bytes.get(kept.begin..).unwrap_or_default());
        answer.trace = traces.found_in(&kept.bytes);
        if kept.is_cut {
            answer.broken = Some(format!("its answer has more than {ANSWER_BYTES_MAX} bytes"));
        }
        answer
    }
}

/// SPEC: PostgreSQL "Message Formats": DataRow, CopyData, ErrorResponse. Whatever else there is,
/// traces are looked for in all of it.
fn read(bytes: &[u8]) -> Answer {
    let mut answer = Answer::default();
    let mut cursor = Cursor::new(bytes);
    while let (Ok(tag), Ok(length)) = (cursor.u8(), cursor.u32()) {
        let length = usize::try_from(length).unwrap_or_default().saturating_sub(4);
        let Ok(body) = cursor.take(length) else { break };
        match tag {
            b'D' => answer.rows.extend(row(body)),
            b'd' => answer.rows.push(copied(body)),
            b'E' if answer.failed.is_none() => answer.failed = Some(code(body)),
            _ => {}
        }
    }
    answer
}

fn row(body: &[u8]) -> Option<Vec<Option<Vec<u8>>>> {
    let mut cursor = Cursor::new(body);
    let count = cursor.u16().ok()?;
    (0..count).map(|_| Some(cursor.optional_value().ok()?.map(<[u8]>::to_vec))).collect()
}

fn copied(body: &[u8]) -> Vec<Option<Vec<u8>>> {
    let line = body.strip_suffix(b"\n").unwrap_or(body);
    let values = line.split(|byte| *byte == b'\t');
    values.map(|value| (value != b"\\N").then(|| value.to_vec())).collect()
}

fn code(body: &[u8]) -> String {
    let mut cursor = Cursor::new(body);
    while let (Ok(field), Ok(text)) = (cursor.u8(), cursor.text()) {
        if field == b'C' {
            return text.chars().filter(char::is_ascii_alphanumeric).take(5).collect();
        }
    }
    "unknown".to_owned()
}

impl AsyncRead for Tap {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        self.seen.keep(buffer.filled().get(before..).unwrap_or_default());
        read
    }
}

impl AsyncWrite for Tap {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(tag: u8, body: &[u8]) -> Vec<u8> {
        let length = u32::try_from(body.len() + 4).expect("short").to_be_bytes();
        [&[tag], length.as_slice(), body].concat()
    }

    #[test]
    fn answers_are_read_from_their_bytes() {
        let bytes = [
            message(b'D', b"\0\x02\0\0\0\x01a\xff\xff\xff\xff"),
            message(b'd', b"b\t\\N\n"),
            message(b'E', b"SERROR\0C42501\0Mno\0\0"),
            message(b'Z', b"I"),
        ]
        .concat();
        let answer = read(&bytes);
        let value = |text: &str| Some(text.as_bytes().to_vec());
        assert_eq!(answer.rows, [[value("a"), None], [value("b"), None]]);
        assert_eq!(answer.failed.as_deref(), Some("42501"));
        for end in 0..bytes.len() {
            read(&bytes[..end]);
        }
    }

    #[test]
    fn a_trace_is_found_in_any_byte() {
        let seen = Seen::default();
        let traces = Traces::of([("email", "quixmarker@x.example".to_owned())]);
        seen.keep(&message(b'N', b"SNOTICE\0Mto quixmarker@x.example\0\0"));
        assert_eq!(seen.answer(&traces).trace, Some("email"));
        assert_eq!(seen.answer(&traces).trace, None);
        seen.keep(&message(b'D', b"\0\x01\0\0\0\x14quixmarker@x.example"));
        seen.begin();
        let answer = seen.answer(&traces);
        assert_eq!((answer.rows.len(), answer.trace), (0, Some("email")));
        seen.keep(&vec![0; ANSWER_BYTES_MAX + 1]);
        assert!(seen.answer(&traces).broken.is_some());
    }
}
