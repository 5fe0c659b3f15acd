//! A text as its readers see it once escapes are undone: those of addresses (`%2D`), of HTML and
//! XML (`&#45;`, `&amp;`) and of programs (`\\u002d`, `\\x2d`, `\\/`), mixed in whatever way.

use std::ops::Range;

/// So often may an escape be escaped.
const ROUNDS_MAX: usize = 3;
/// Characters of the longest escape.
const ESCAPE_BYTES_MAX: usize = 12;

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
            let rest = self.bytes.get(at..).unwrap_or_default();
            let rest = rest.get(..ESCAPE_BYTES_MAX).unwrap_or(rest);
            match escape(rest) {
                Some((c, length)) => {
                    is_other = true;
                    at += length;
                    let mut buffer = [0; 4];
                    let written: &[u8] = match c {
                        Escaped::Byte(byte) => {
                            buffer[0] = byte;
                            &buffer[..1]
                        }
                        Escaped::Char(c) => c.encode_utf8(&mut buffer).as_bytes(),
                    };
                    plain.bytes.extend_from_slice(written);
                    plain.starts.extend(written.iter().map(|_| start));
                }
                None => {
                    at += 1;
                    plain.bytes.push(*byte);
                    plain.starts.push(start);
                }
            }
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

enum Escaped {
    Byte(u8),
    Char(char),
}

/// What an escape at the beginning stands for, and its length.
fn escape(text: &[u8]) -> Option<(Escaped, usize)> {
    match text {
        [b'%', rest @ ..] => Some((Escaped::Byte(hexadecimal(rest, 2)?.try_into().ok()?), 3)),
        [b'\\', b'x', rest @ ..] => {
            Some((Escaped::Byte(hexadecimal(rest, 2)?.try_into().ok()?), 4))
        }
        [b'\\', b'u', rest @ ..] => {
            Some((Escaped::Char(char::from_u32(hexadecimal(rest, 4)?)?), 6))
        }
        [b'\\', mark @ (b'/' | b'"' | b'\\' | b'\''), ..] => Some((Escaped::Byte(*mark), 2)),
        [b'&', b'#', b'x' | b'X', rest @ ..] => numbered(rest, 16, 3),
        [b'&', b'#', rest @ ..] => numbered(rest, 10, 2),
        [b'&', ..] => {
            let named = [("&amp;", '&'), ("&lt;", '<'), ("&gt;", '>'), ("&quot;", '"')];
            let others = [("&apos;", '\''), ("&sol;", '/'), ("&plus;", '+'), ("&equals;", '=')];
            let mut all = named.into_iter().chain(others);
            all.find(|(name, _)| text.starts_with(name.as_bytes()))
                .map(|(name, c)| (Escaped::Char(c), name.len()))
        }
        _ => None,
    }
}

fn hexadecimal(text: &[u8], digits: usize) -> Option<u32> {
    let text = std::str::from_utf8(text.get(..digits)?).ok()?;
    let is_number = text.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_number.then(|| u32::from_str_radix(text, 16).ok())?
}

/// A character by its number; browsers do without the semicolon.
fn numbered(text: &[u8], radix: u32, before: usize) -> Option<(Escaped, usize)> {
    let digits = text.iter().take_while(|byte| char::from(**byte).is_digit(radix)).count();
    let number = std::str::from_utf8(text.get(..digits)?).ok()?;
    let c = char::from_u32(u32::from_str_radix(number, radix).ok()?)?;
    let end = usize::from(text.get(digits) == Some(&b';'));
    Some((Escaped::Char(c), before + digits + end))
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
        check("%c3%bc", &["ü"]);
        let plain = &unescaped("xx%2Dyy")[0];
        assert_eq!(plain.source_of(2..3), 2..5);
    }
}
