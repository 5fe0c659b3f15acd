//! Texts that are written byte by byte in hexadecimal, with something between the bytes:
//! `73 61 6c 61 72 79`, `0x73, 0x61`, `73:61`.

use super::codes::text_of;
use super::{Coded, TEXT_BYTES_MIN};

/// Bytes in digits alone are numbers of a column, unless there are as many as these.
const DIGITS_MIN: usize = 20;

/// The texts that stand so in a text. Bytes that are none are digests and addresses.
pub(super) fn spaced(text: &str) -> Vec<Coded> {
    let mut found = Vec::new();
    let mut open = Open::default();
    let mut at = 0;
    let bytes = text.as_bytes();
    while at < bytes.len() {
        match byte_at(bytes, at) {
            Some((byte, length, is_sure)) => {
                if open.end > 0 && !is_between(bytes.get(open.end..at)) {
                    found.extend(std::mem::take(&mut open).close());
                }
                open.push(byte, at, length, is_sure);
                at += length;
            }
            None => at += 1,
        }
    }
    found.extend(open.close());
    found
}

#[derive(Debug, Default)]
struct Open {
    start: usize,
    /// Nothing has begun where it is 0.
    end: usize,
    said: Vec<u8>,
    is_sure: bool,
}

impl Open {
    fn push(&mut self, byte: u8, at: usize, length: usize, is_sure: bool) {
        if self.end == 0 {
            self.start = at;
        }
        self.end = at + length;
        self.said.push(byte);
        self.is_sure |= is_sure;
    }

    fn close(self) -> Option<Coded> {
        let is_long = self.said.len() >= TEXT_BYTES_MIN;
        let is_text = is_long && (self.is_sure || self.said.len() >= DIGITS_MIN);
        let text = is_text.then(|| text_of(self.said)).flatten()?;
        Some(Coded { place: self.start..self.end, text: Some(text) })
    }
}

/// A byte in two digits that nothing else is written together with; whether it is no number.
fn byte_at(bytes: &[u8], at: usize) -> Option<(u8, usize, bool)> {
    let before = at.checked_sub(1).and_then(|at| bytes.get(at));
    if before.is_some_and(u8::is_ascii_alphanumeric) {
        return None;
    }
    let rest = bytes.get(at..)?;
    let marked = rest.strip_prefix(b"0x").or_else(|| rest.strip_prefix(b"0X"));
    let digits = marked.unwrap_or(rest);
    let (first, second) = (*digits.first()?, *digits.get(1)?);
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let byte = u8::try_from(digit(first)? << 4 | digit(second)?).ok()?;
    if digits.get(2).is_some_and(u8::is_ascii_alphanumeric) {
        return None;
    }
    let is_sure = marked.is_some() || !(first.is_ascii_digit() && second.is_ascii_digit());
    Some((byte, rest.len() - digits.len() + 2, is_sure))
}

/// Whether so little stands between two bytes of one text.
fn is_between(between: Option<&[u8]>) -> bool {
    const BYTES_MAX: usize = 4;
    let is_sign = |byte: &u8| byte.is_ascii_whitespace() || b",:;-_|".contains(byte);
    between.is_some_and(|it| it.len() <= BYTES_MAX && it.iter().all(is_sign))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_with_something_between_are_a_text() {
        let check = |text: &str, expect: &[&str]| {
            let found: Vec<String> = spaced(text).into_iter().filter_map(|it| it.text).collect();
            assert_eq!(found, expect, "{text}");
        };
        check("x 73 61 6c 61 72 79 3a 31 y", &["salary:1"]);
        check("[0x73, 0x61, 0x6c, 0x61, 0x72, 0x79, 0x3a, 0x31]", &["salary:1"]);
        check("73:61:6c:61:72:79:3a:31", &["salary:1"]);
        for none in [
            "00:1a:2b:3c:4d:5e",
            "43:51:43:67:3e:a2:5b:ff:9c:00:01",
            "45 67 52 41 62 70 33 44 55",
            "2026-11-30 10:20:30 73 61",
            "be ad de fa ce to be ad",
            "",
        ] {
            check(none, &[]);
        }
    }
}
