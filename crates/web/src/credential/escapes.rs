//! A text as its readers see it once escapes are undone: those of addresses (`%2D`), of HTML and
//! XML (`&#45;`, `&amp;`) and of programs (`\\u002d`, `\\x2d`, `\\/`), mixed in whatever way.

use super::SECRET_BYTES_MIN;
use crate::escapes::{self, Unit, is_unseen};
use std::ops::Range;

/// So often may an escape be escaped.
const ROUNDS_MAX: usize = 3;
/// As far as an escape may go: `&#` may have as many zeros behind it as anybody likes.
const ESCAPE_BYTES_MAX: usize = 64;

/// A text without its escapes, and where each byte of it comes from.
#[derive(Clone, Debug)]
pub(super) struct Plain {
    bytes: Vec<u8>,
    /// INVARIANT: as long as `bytes`; where in the text each comes from. What is not seen stands
    /// between the places of two.
    places: Vec<Range<usize>>,
}

impl Plain {
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// What of the text stands for these bytes.
    pub(super) fn source_of(&self, place: Range<usize>) -> Range<usize> {
        let mut places = self.places.get(place).unwrap_or_default().iter();
        let first = places.next().cloned().unwrap_or_default();
        first.start..places.next_back().unwrap_or(&first).end
    }

    /// A text as it is.
    fn of(text: &str) -> Self {
        let bytes = text.as_bytes().to_vec();
        Self { places: (0..bytes.len()).map(|at| at..at + 1).collect(), bytes }
    }

    /// With one level of escapes undone; none where there are none.
    fn once(&self) -> Option<Self> {
        if !may_escape(&self.bytes) {
            return None;
        }
        let mut plain = Self { bytes: Vec::with_capacity(self.bytes.len()), places: Vec::new() };
        let (mut at, mut is_other) = (0, false);
        while let Some(byte) = self.bytes.get(at) {
            let length = match escape(self.bytes.get(at..).unwrap_or_default()) {
                Some((unit, length)) => {
                    is_other = true;
                    unit.put(&mut plain.bytes);
                    length
                }
                None => {
                    plain.bytes.push(*byte);
                    1
                }
            };
            plain.places.resize(plain.bytes.len(), self.source_of(at..at + length));
            at += length;
        }
        is_other.then_some(plain)
    }
}

/// A text with its escapes undone, once and again where they are escaped themselves; as it is seen,
/// and as its numbers say it.
pub(super) fn unescaped(text: &str) -> Vec<Plain> {
    let mut found: Vec<Plain> = Vec::new();
    let whole = may_escape(text.as_bytes()).then(|| Plain::of(text));
    let seen = seen(text);
    for base in whole.into_iter().chain(seen.clone()) {
        let mut last = base;
        for _ in 0..ROUNDS_MAX {
            let Some(plain) = last.once() else { break };
            found.push(plain.clone());
            last = plain;
        }
    }
    found.extend(seen);
    found.extend(numbers(text));
    found
}

/// As far as a tag may go.
const TAG_BYTES_MAX: usize = 200;

/// A text without what is not seen in it, with one dash for all; none where that is the same.
fn seen(text: &str) -> Option<Plain> {
    if text.is_ascii() && !text.contains('<') {
        return None;
    }
    let mut plain = Plain { bytes: Vec::with_capacity(text.len()), places: Vec::new() };
    let mut from = 0;
    for (at, c) in text.char_indices().filter(|(_, c)| *c != '\u{a0}') {
        if at < from || is_unseen(c) {
            continue;
        }
        let near = text.as_bytes().get(at..text.len().min(at + TAG_BYTES_MAX)).unwrap_or_default();
        if c == '<'
            && let Some(end) = near.iter().position(|byte| *byte == b'>')
        {
            from = at + end + 1;
            continue;
        }
        let place = at..at + c.len_utf8();
        let c = if is_dash(c) { '-' } else { c };
        plain.bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
        plain.places.resize(plain.bytes.len(), place);
    }
    (plain.bytes.len() < text.len()).then_some(plain)
}

/// What the numbers of a text say as bytes: `116 104 101`, `0x74, 0x68`; none where there are few.
fn numbers(text: &str) -> Option<Plain> {
    // Each has one digit at least.
    let digits = text.bytes().filter(u8::is_ascii_digit).take(SECRET_BYTES_MIN);
    if digits.count() < SECRET_BYTES_MIN {
        return None;
    }
    let mut plain = Plain { bytes: Vec::new(), places: Vec::new() };
    let (mut at, mut said) = (0, 0);
    for word in text.split_inclusive(|c: char| !c.is_ascii_alphanumeric()) {
        let number = word.trim_end_matches(|c: char| !c.is_ascii_alphanumeric());
        let byte = match number.strip_prefix("0x").or_else(|| number.strip_prefix("0X")) {
            Some(digits) => u8::from_str_radix(digits, 16).ok(),
            None => number.parse::<u8>().ok(),
        };
        // Blanks and brackets between two numbers say nothing; a word does.
        if byte.is_some() || !number.is_empty() {
            plain.bytes.push(byte.unwrap_or_default());
            plain.places.push(at..at + number.len());
        }
        said += usize::from(byte.is_some());
        at += word.len();
    }
    (said >= SECRET_BYTES_MIN).then_some(plain)
}

/// Whether an escape could begin somewhere: those that `escape` knows begin so.
fn may_escape(text: &[u8]) -> bool {
    text.iter().any(|byte| matches!(byte, b'\\' | b'=' | b'&' | b'%'))
}

/// What an escape at the beginning stands for, and its length. Programs also escape what means
/// nothing else.
fn escape(text: &[u8]) -> Option<(Unit, usize)> {
    match text {
        [b'\\', mark @ (b'/' | b'"' | b'\\' | b'\''), ..] => Some((Unit::Byte(*mark), 2)),
        // SPEC: RFC 2045 section 6.7.
        [b'=', b'\r', b'\n', ..] => Some((Unit::Letters(""), 3)),
        [b'=', b'\n', ..] => Some((Unit::Letters(""), 2)),
        [b'=', high, low, ..] if is_digit(*high) && is_digit(*low) => {
            let digits = std::str::from_utf8(text.get(1..3)?).ok()?;
            Some((Unit::Byte(u8::from_str_radix(digits, 16).ok()?), 3))
        }
        [b'\\' | b'&' | b'%', ..] => {
            let near = text.get(..ESCAPE_BYTES_MAX).unwrap_or(text);
            let (unit, length) = escapes::escape(near.utf8_chunks().next()?.valid())?;
            Some((with_one_dash(unit), length))
        }
        _ => None,
    }
}

const fn is_dash(c: char) -> bool {
    matches!(c, '\u{2010}'..='\u{2015}' | '\u{2212}')
}

/// `&hyphen;` is seen as any other dash.
fn with_one_dash(unit: Unit) -> Unit {
    match unit {
        Unit::Letter(c) if is_dash(c) => Unit::Byte(b'-'),
        Unit::Letters(text) if text.chars().all(is_dash) => Unit::Byte(b'-'),
        other => other,
    }
}

/// Digits of quoted-printable, which are in upper case.
const fn is_digit(byte: u8) -> bool {
    byte.is_ascii_digit() || matches!(byte, b'A'..=b'F')
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
        check("a=2Db=\r\nc", &["a-bc"]);
        let plain = &unescaped("xx%2Dyy")[0];
        assert_eq!(plain.source_of(2..3), 2..5);
    }
}
