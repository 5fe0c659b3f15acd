//! What a text of mail says behind its encodings: folded lines, quoted-printable, encoded words.
//!
//! It is one reading beside others: `salary=4711` says the same whether `=47` is a letter or not.

use super::text_of;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

/// SPEC: RFC 2047 section 2: 75, and more of those who do not count.
const WORD_BYTES_MAX: usize = 200;

/// What it says; none where it has none of that.
pub(crate) fn of_mail(text: &str) -> Option<String> {
    let whole = unfolded(text);
    let text = whole.as_deref().unwrap_or(text);
    let words = without_words(text);
    let text = words.as_deref().unwrap_or(text);
    quoted(text).or(words).or(whole)
}

/// A text whose lines go on where a sign says so, put together; none where none does: a blank in
/// front of the next line (RFC 5545, RFC 5322, RFC 2849), `=` at the end (RFC 2045), a backslash.
fn unfolded(text: &str) -> Option<String> {
    let mut out = String::new();
    let mut copied = 0;
    for (at, _) in text.match_indices('\n') {
        let before = text.get(copied..at).unwrap_or_default();
        let before = before.strip_suffix('\r').unwrap_or(before);
        let behind = text.get(at + 1..).unwrap_or_default();
        let is_word = |rest: &str| rest.starts_with(|c: char| !c.is_whitespace());
        let folded = behind.strip_prefix([' ', '\t']).filter(|rest| is_word(rest));
        let soft = before.strip_suffix(['=', '\\']).filter(|_| is_word(behind));
        let (before, length) = match (folded, soft) {
            (_, Some(before)) => (before, 1),
            (Some(_), None) => (before, 2),
            (None, None) => continue,
        };
        out.push_str(before);
        copied = at + length;
    }
    if copied == 0 {
        return None;
    }
    out.push_str(text.get(copied..).unwrap_or_default());
    Some(out)
}

/// A text with its encoded words (`=?utf-8?q?pr=C3=A9nom?=`) as what they say, those in
/// quoted-printable but for their letters.
fn without_words(text: &str) -> Option<String> {
    let mut out = String::new();
    let mut rest = text;
    let mut is_changed = false;
    while let Some((before, behind)) = rest.split_once("=?") {
        out.push_str(before);
        rest = behind;
        match word(behind) {
            Some((said, length)) => {
                out.push_str(&said);
                rest = behind.get(length..).unwrap_or_default();
                is_changed = true;
            }
            None => out.push_str("=?"),
        }
    }
    out.push_str(rest);
    is_changed.then_some(out)
}

/// What an encoded word says, and how long it is behind its mark.
fn word(text: &str) -> Option<(String, usize)> {
    let near = text.get(..text.floor_char_boundary(WORD_BYTES_MAX))?;
    let (_, coded) = near.split_once('?')?;
    let (coding, coded) = coded.split_once('?')?;
    let (coded, rest) = coded.split_once("?=")?;
    let said = match coding {
        "q" | "Q" => coded.replace('_', " "),
        "b" | "B" => String::from_utf8_lossy(&BASE64.decode(coded).ok()?).into_owned(),
        _ => return None,
    };
    Some((said, near.len() - rest.len()))
}

/// A text without its quoted-printable letters (RFC 2045 section 6.7); none where it has none.
fn quoted(text: &str) -> Option<String> {
    let mut out = Vec::new();
    let mut copied = 0;
    let bytes = text.as_bytes();
    for (at, _) in text.match_indices('=') {
        let digit = |at: usize| char::from(*bytes.get(at)?).to_digit(16);
        let byte = digit(at + 1).zip(digit(at + 2));
        let byte = byte.and_then(|(high, low)| u8::try_from(high << 4 | low).ok());
        if let Some(byte) = byte.filter(|_| at >= copied) {
            out.extend_from_slice(bytes.get(copied..at).unwrap_or_default());
            out.push(byte);
            copied = at + 3;
        }
    }
    if copied == 0 {
        return None;
    }
    out.extend_from_slice(bytes.get(copied..).unwrap_or_default());
    Some(text_of(&out))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folded_lines_are_put_together() {
        let check = |text: &str, expect: Option<&str>| {
            assert_eq!(unfolded(text).as_deref(), expect, "{text:?}");
        };
        check("X:sal\r\n ary: 4711\r\nY:1", Some("X:salary: 4711\r\nY:1"));
        check("sal=\nary: 1\n\tx", Some("salary: 1x"));
        check("sal\\\nary: 1", Some("salary: 1"));
        check("a: 1\nb: 2\n  c: 3\n \n", None);
        check("", None);
    }

    #[test]
    fn letters_and_words_of_mail_are_read() {
        let check = |text: &str, expect: Option<&str>| {
            assert_eq!(of_mail(text).as_deref(), expect, "{text:?}");
        };
        check("pr=C3=A9nom: Zorblax", Some("prénom: Zorblax"));
        check("sal=61ry: 1, pr=E9nom", Some("salary: 1, prénom"));
        check("=?utf-8?q?pr=C3=A9nom?=: Zorblax", Some("prénom: Zorblax"));
        check("X: =?utf-8?B?cHLDqW5vbQ==?=: Zorblax", Some("X: prénom: Zorblax"));
        check("a=b&c=d, =?x", None);
        check("=?=?=?a?q?", None);
        let many = "=?".repeat(50_000);
        assert_eq!(of_mail(&many), None);
    }
}
