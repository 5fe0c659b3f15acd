//! A text as its readers see it once escapes are undone: those of addresses (`%2D`), of HTML and
//! XML (`&#45;`, `&amp;`) and of programs (`\\u002d`, `\\x2d`, `\\/`), mixed in whatever way.

use crate::escapes::{self, Unit};
use std::ops::Range;

/// So often may an escape be escaped.
const ROUNDS_MAX: usize = 3;
/// As far as an escape may go: `&#` may have as many zeros behind it as anybody likes.
const ESCAPE_BYTES_MAX: usize = 64;

/// A text without its escapes, and where each byte of it comes from.
#[derive(Clone, Debug)]
pub(super) struct Plain {
    bytes: Vec<u8>,
    /// INVARIANT: one longer than `bytes`; where each begins in the text, and the text's end.
    starts: Vec<usize>,
}

impl Plain {
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// What of the text stands for these bytes.
    pub(super) fn source_of(&self, place: Range<usize>) -> Range<usize> {
        let at = |index: usize| self.starts.get(index).copied().unwrap_or_default();
        at(place.start)..at(place.end)
    }

    /// With one level of escapes undone; none where there are none.
    fn once(&self) -> Option<Self> {
        let mut plain = Self { bytes: Vec::with_capacity(self.bytes.len()), starts: Vec::new() };
        let (mut at, mut is_other) = (0, false);
        while let Some(byte) = self.bytes.get(at) {
            let start = self.source_of(at..at).start;
            match escape(self.bytes.get(at..).unwrap_or_default()) {
                Some((unit, length)) => {
                    is_other = true;
                    at += length;
                    unit.put(&mut plain.bytes);
                }
                None => {
                    at += 1;
                    plain.bytes.push(*byte);
                }
            }
            plain.starts.resize(plain.bytes.len(), start);
        }
        plain.starts.push(self.source_of(at..at).start);
        is_other.then_some(plain)
    }
}

/// A text with its escapes undone, once and again where they are escaped themselves.
pub(super) fn unescaped(text: &str) -> Vec<Plain> {
    let mut found: Vec<Plain> = Vec::new();
    if !text.contains(['%', '&', '\\']) {
        return found;
    }
    let bytes = text.as_bytes().to_vec();
    let mut last = Plain { starts: (0..=bytes.len()).collect(), bytes };
    while let Some(plain) = last.once().filter(|_| found.len() < ROUNDS_MAX) {
        found.push(plain.clone());
        last = plain;
    }
    found
}

/// What an escape at the beginning stands for, and its length. Programs also escape what means
/// nothing else.
fn escape(text: &[u8]) -> Option<(Unit, usize)> {
    match text {
        [b'\\', mark @ (b'/' | b'"' | b'\\' | b'\''), ..] => Some((Unit::Byte(*mark), 2)),
        [b'\\' | b'&' | b'%', ..] => {
            let near = text.get(..ESCAPE_BYTES_MAX).unwrap_or(text);
            escapes::escape(near.utf8_chunks().next()?.valid())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_undone_and_what_they_stand_for_is_known() {
        let check = |text: &str, expect: &[&str]| {
            let found = unescaped(text);
            let plain: Vec<_> = found.iter().map(|it| String::from_utf8_lossy(&it.bytes)).collect();
            assert_eq!(plain, expect, "{text}");
            for plain in &found {
                assert_eq!(plain.source_of(0..plain.bytes.len()), 0..text.len(), "{text}");
            }
        };
        check("plain", &[]);
        check("100% & more\\", &[]);
        check("a%2Db", &["a-b"]);
        check("a%252Db", &["a%2Db", "a-b"]);
        check("&#45;&#x2d;&#45x&amp;", &["---x&"]);
        check("\\u002d\\x2D\\/", &["--/"]);
        check("sk&lowbar;a&period;b&colon;c", &["sk_a.b:c"]);
        check("&#0000000000000045;&fjlig;&nothing;", &["-fj&nothing;"]);
        check("\\u{2d}\\055%u002d\\U0000002d", &["----"]);
        check("%c3%bc", &["ü"]);
        let plain = &unescaped("xx%2Dyy")[0];
        assert_eq!(plain.source_of(2..3), 2..5);
    }
}
