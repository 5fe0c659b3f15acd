//! What a text says behind its escapes, so that a name is found in whatever writing: `\u00e9`,
//! `\xe9`, `&eacute;`, `&#233;`, `%C3%A9`, and one of these inside another.
//!
//! What comes of it is looked at, and never sent: a text has more escapes than anybody knows.

mod mail;

pub(crate) use mail::of_mail;

use portreeve_detect::named_entity;
use std::borrow::Cow;
use unicode_normalization::UnicodeNormalization;

/// So often escapes are undone that stand in what escapes stood for.
const ROUNDS_MAX: usize = 4;
/// The longest name of an entity with its semicolon: `CounterClockwiseContourIntegral;`.
const ENTITY_BYTES_MAX: usize = 32;
/// Digits of a letter between braces.
const LETTER_DIGITS_MAX: usize = 6;

/// A text without its escapes, with each letter in one spelling.
#[must_use]
pub fn undone(text: &str) -> Cow<'_, str> {
    let mut seen = Cow::Borrowed(text);
    for _ in 0..ROUNDS_MAX {
        match once(&seen) {
            Some(plain) => seen = Cow::Owned(plain),
            None => break,
        }
    }
    if seen.is_ascii() {
        return seen;
    }
    let plain: String = seen.nfkc().filter(|c| !is_unseen(*c)).collect();
    if plain == seen { seen } else { Cow::Owned(plain) }
}

/// What stands in the middle of a word, and is not seen there.
pub(crate) const fn is_unseen(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2060}'..='\u{2064}' | '\u{feff}')
}

/// One layer of escapes; none where there is none.
fn once(text: &str) -> Option<String> {
    let mut out = Vec::new();
    let mut copied = 0;
    let mut at = 0;
    let marks = |from: usize| text.get(from..).and_then(|rest| rest.find(['\\', '&', '%']));
    while let Some(next) = marks(at) {
        at += next;
        let rest = text.get(at..).unwrap_or_default();
        match escape(rest) {
            Some((unit, length)) => {
                out.extend_from_slice(text.get(copied..at).unwrap_or_default().as_bytes());
                unit.put(&mut out);
                at += length;
                copied = at;
            }
            // The backslashes of a run say nothing each.
            None => at += rest.len() - rest.trim_start_matches('\\').len().min(rest.len() - 1),
        }
    }
    if copied == 0 {
        return None;
    }
    out.extend_from_slice(text.get(copied..).unwrap_or_default().as_bytes());
    Some(text_of(&out))
}

/// What an escape stands for.
pub(crate) enum Unit {
    Letter(char),
    /// One letter or two.
    Letters(&'static str),
    /// Of UTF-8, or of a charset of one byte.
    Byte(u8),
}

impl Unit {
    pub(crate) fn put(&self, out: &mut Vec<u8>) {
        match self {
            Self::Letters(text) => out.extend_from_slice(text.as_bytes()),
            Self::Letter(c) => out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
            Self::Byte(byte) => out.push(*byte),
        }
    }
}

/// Bytes as a text: what is no UTF-8 is what it is in Latin-1.
fn text_of(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        text.extend(chunk.invalid().iter().map(|byte| char::from(*byte)));
    }
    text
}

/// What the escape stands for that a text begins with, and its length.
pub(crate) fn escape(text: &str) -> Option<(Unit, usize)> {
    match text.as_bytes().first() {
        Some(b'\\') => backslash(text),
        Some(b'&') => entity(text),
        Some(b'%') => percent(text),
        _ => None,
    }
}

/// A number in so many digits, in front of a text.
fn number(text: &str, digits: usize, radix: u32) -> Option<u32> {
    let digits = text.get(..digits)?;
    let is_number = digits.chars().all(|c| c.is_digit(radix));
    is_number.then(|| u32::from_str_radix(digits, radix).ok()).flatten()
}

fn byte(number: u32) -> Option<Unit> {
    u8::try_from(number).ok().map(Unit::Byte)
}

/// `\u0061`, `\u{61}`, `\U00000061`, `\x61`, `\141`, behind as many backslashes as there are
/// documents around it.
fn backslash(text: &str) -> Option<(Unit, usize)> {
    let behind = text.trim_start_matches('\\');
    let slashes = text.len() - behind.len();
    let kind = behind.chars().next()?;
    let digits = behind.get(kind.len_utf8()..)?;
    let (unit, length) = match kind {
        'u' if digits.starts_with('{') => {
            let inner = digits.get(1..)?;
            let end = inner.bytes().take(LETTER_DIGITS_MAX + 1).position(|byte| byte == b'}')?;
            let inner = inner.get(..end)?;
            let code = number(inner, inner.len(), 16)?;
            (Unit::Letter(char::from_u32(code)?), inner.len() + 3)
        }
        'u' => wide(digits)?,
        'U' => (Unit::Letter(char::from_u32(number(digits, 8, 16)?)?), 9),
        'x' => (byte(number(digits, 2, 16)?)?, 3),
        '0'..='3' => (byte(number(behind, 3, 8)?)?, 3),
        _ => return None,
    };
    Some((unit, slashes + length))
}

/// Four digits behind `u`, or two times four that are one letter.
fn wide(digits: &str) -> Option<(Unit, usize)> {
    let first = number(digits, 4, 16)?;
    if let Some(letter) = char::from_u32(first) {
        return Some((Unit::Letter(letter), 5));
    }
    let behind = digits.get(4..)?;
    let mark = behind.trim_start_matches('\\');
    let second = mark.strip_prefix('u').and_then(|digits| number(digits, 4, 16));
    let letter = second.and_then(|second| {
        let units = [u16::try_from(first).ok()?, u16::try_from(second).ok()?];
        char::decode_utf16(units).next()?.ok()
    });
    Some(match letter {
        Some(letter) => (Unit::Letter(letter), 5 + (behind.len() - mark.len()) + 5),
        None => (Unit::Letter(char::REPLACEMENT_CHARACTER), 5),
    })
}

/// `%61`, `%u0061`.
fn percent(text: &str) -> Option<(Unit, usize)> {
    let digits = text.get(1..)?;
    match digits.strip_prefix('u') {
        Some(digits) => wide(digits).map(|(unit, length)| (unit, length + 1)),
        None => Some((byte(number(digits, 2, 16)?)?, 3)),
    }
}

/// What stands behind percent-encodings; what is none stays as it is.
#[must_use]
pub fn percent_decoded(text: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, behind)) = rest.split_first() {
        let digit = |at: usize| behind.get(at).and_then(|byte| char::from(*byte).to_digit(16));
        let byte =
            digit(0).zip(digit(1)).and_then(|(high, low)| u8::try_from(high << 4 | low).ok());
        match byte.filter(|_| *first == b'%') {
            Some(byte) => {
                out.push(byte);
                rest = behind.get(2..).unwrap_or_default();
            }
            None => {
                out.push(*first);
                rest = behind;
            }
        }
    }
    out
}

/// `&#97;`, `&#x61;`, `&eacute;`.
fn entity(text: &str) -> Option<(Unit, usize)> {
    let name = text.get(1..)?;
    if let Some(number) = name.strip_prefix('#') {
        let (digits, radix, mark) = match number.strip_prefix(['x', 'X']) {
            Some(digits) => (digits, 16, 3),
            None => (number, 10, 2),
        };
        let length = digits.find(|c: char| !c.is_digit(radix)).unwrap_or(digits.len());
        let code = u32::from_str_radix(digits.get(..length)?, radix).ok()?;
        let end = usize::from(digits.get(length..)?.starts_with(';'));
        return Some((Unit::Letter(char::from_u32(code)?), mark + length + end));
    }
    let end = name.bytes().take(ENTITY_BYTES_MAX).position(|byte| byte == b';')?;
    Some((Unit::Letters(named_entity(name.get(..end)?)?), end + 2))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_percent_encoding_stays() {
        let check = |text: &str, expect: &[u8]| assert_eq!(percent_decoded(text), expect, "{text}");
        check("a%2Fb%c3%BC+", "a/b\u{fc}+".as_bytes());
        check("100% %zz %4 %+1", b"100% %zz %4 %+1");
        check("%ff", b"\xff");
    }

    #[test]
    fn what_escapes_stand_for_is_read() {
        let check = |text: &str, expect: &str| assert_eq!(undone(text), expect, "{text}");
        check("salary", "salary");
        check(r"pr\u00e9nom", "prénom");
        check(r#""{\"pr\\u00e9nom\": 1}""#, r#""{\"prénom\": 1}""#);
        check(r"sal\x61ry sal\u{61}ry sal\141ry \U00000061", "salary salary salary a");
        check(r"pr\xe9nom pr\xc3\xa9nom", "prénom prénom");
        check("Pr&eacute;nom Sal&#97;ry Sal&#x61;ry &#97b", "Prénom Salary Salary ab");
        check("Dvo&rcaron;&aacute;k &Yuml; user&lowbar;id &fjlig;ord", "Dvořák Ÿ user_id fjord");
        check("sal%61ry pr%C3%A9nom pr%E9nom %u0061", "salary prénom prénom a");
        check("sal%2561ry &amp;#97; %5Cu0061", "salary a a");
        check(r"\ud83d\ude00 \ud83d", "😀 \u{fffd}");
        check("pre\u{301}nom ｓａｌａｒｙ sal\u{ad}ary", "prénom salary salary");
        check("&quot;salary&quot;:1", "\"salary\":1");
        for plain in [r"a\b", "100 %", "a & b", r"\\", "\\", "&nothing;", "%", "%zz", "&#;", "&é;"]
        {
            check(plain, plain);
        }
    }

    #[test]
    fn it_ends() {
        let deep = format!("%{}61", "25".repeat(10_000));
        assert!(undone(&deep).len() < deep.len());
        let slashes = "\\".repeat(100_000);
        assert_eq!(undone(&slashes), slashes);
    }
}
