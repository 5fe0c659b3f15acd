//! Arrays, rows and pairs as PostgreSQL writes them as texts, taken apart and put together again;
//! and bytes in hexadecimal.

use super::{Look, Written};
use portreeve_screen::Shown;
use std::ops::Range;
use std::sync::Arc;

/// What a text is made of pieces by.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Style {
    /// `{a,"b c",NULL}`, in several dimensions too.
    Array,
    /// `(a,"b ""c""",)`
    Row,
    /// `"a"=>"b", "c"=>NULL`
    Pairs,
}

/// A value in a text: where it is written, quotes included, and what it is; none for NULL.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Piece {
    range: Range<usize>,
    value: Option<Vec<u8>>,
}

impl Style {
    fn parts(self, byte: u8) -> bool {
        match self {
            Self::Array => matches!(byte, b'{' | b'}' | b','),
            Self::Row => matches!(byte, b'(' | b')' | b','),
            Self::Pairs => matches!(byte, b'=' | b'>' | b',' | b' '),
        }
    }

    /// Whether nothing between two marks is a value, which is NULL.
    fn has_empty(self, before: Option<u8>, mark: u8) -> bool {
        self == Self::Row && before.is_some() && matches!(mark, b',' | b')')
    }

    /// The pieces of a text; none if it is not written like this.
    fn read(self, text: &[u8]) -> Option<Vec<Piece>> {
        // Bounds of an array stand before it: `[2:3]={a,b}`.
        let begins = match self {
            Self::Array => memchr::memchr(b'{', text)?,
            Self::Row | Self::Pairs => 0,
        };
        let mut pieces = Vec::new();
        let (mut at, mut before) = (begins, None);
        while let Some(&byte) = text.get(at) {
            if self.parts(byte) {
                let is_gap = before.is_some_and(|mark| matches!(mark, b'(' | b','));
                if is_gap && self.has_empty(before, byte) {
                    pieces.push(Piece { range: at..at, value: None });
                }
                before = Some(byte);
                at += 1;
                continue;
            }
            let (end, value) = self.piece(text, at)?;
            pieces.push(Piece { range: at..end, value });
            before = None;
            at = end;
        }
        Some(pieces)
    }

    /// One value that begins at `at`: its end and what it is.
    fn piece(self, text: &[u8], at: usize) -> Option<(usize, Option<Vec<u8>>)> {
        let (mut value, mut end) = (Vec::new(), at);
        let (mut quoted, mut was_quoted) = (false, false);
        loop {
            match text.get(end) {
                None if quoted => return None,
                None => break,
                Some(b'\\') => {
                    value.push(*text.get(end + 1)?);
                    end += 1;
                }
                // A row doubles quotes inside quotes.
                Some(b'"') if quoted && self == Self::Row && text.get(end + 1) == Some(&b'"') => {
                    value.push(b'"');
                    end += 1;
                }
                Some(b'"') => {
                    quoted = !quoted;
                    was_quoted = true;
                }
                Some(byte) if !quoted && self.parts(*byte) => break,
                Some(byte) => value.push(*byte),
            }
            end += 1;
        }
        let is_null = !was_quoted && self != Self::Row && value.eq_ignore_ascii_case(b"null");
        Some((end, (!is_null).then_some(value)))
    }

    fn put(self, value: &[u8], out: &mut Vec<u8>) {
        out.push(b'"');
        for byte in value {
            match (byte, self) {
                (b'"', Self::Row) => out.push(b'"'),
                (b'"' | b'\\', _) => out.push(b'\\'),
                _ => {}
            }
            out.push(*byte);
        }
        out.push(b'"');
    }

    fn put_null(self, out: &mut Vec<u8>) {
        match self {
            Self::Array | Self::Pairs => out.extend_from_slice(b"NULL"),
            Self::Row => {}
        }
    }
}

impl Look<'_> {
    pub(super) fn array_text(&mut self, element: u32, text: &[u8], out: &mut Vec<u8>) -> Shown {
        let written = Written { code: element, format: 0 };
        self.each(Style::Array, text, out, |look, _, value, out| look.value(written, value, out))
    }

    pub(super) fn row_text(
        &mut self,
        fields: Option<Arc<[u32]>>,
        text: &[u8],
        out: &mut Vec<u8>,
    ) -> Shown {
        self.each(Style::Row, text, out, |look, index, value, out| {
            let code = fields.as_ref().and_then(|fields| fields.get(index)).copied();
            look.value(Written { code: code.unwrap_or(0), format: 0 }, value, out)
        })
    }

    pub(super) fn pairs_text(&mut self, text: &[u8], out: &mut Vec<u8>) -> Shown {
        let mut key = String::new();
        self.each(Style::Pairs, text, out, |look, index, value, out| {
            if index % 2 == 0 {
                key = String::from_utf8_lossy(value).into_owned();
                return look.text(value, portreeve_screen::Form::Text, out);
            }
            look.named(&key, value, out)
        })
    }

    /// The value of a key.
    pub(super) fn named(&mut self, key: &str, value: &[u8], out: &mut Vec<u8>) -> Shown {
        match std::str::from_utf8(value) {
            Ok(text) => self.screen.named_text(key, text, self.masking, out),
            Err(_) => self.opaque(value),
        }
    }

    fn each(
        &mut self,
        style: Style,
        text: &[u8],
        out: &mut Vec<u8>,
        mut show: impl FnMut(&mut Self, usize, &[u8], &mut Vec<u8>) -> Shown,
    ) -> Shown {
        let Some(pieces) = style.read(text) else { return self.opaque(text) };
        let (start, mut copied) = (out.len(), 0);
        let mut masked = Vec::new();
        for (index, piece) in pieces.iter().enumerate() {
            let Some(value) = &piece.value else { continue };
            masked.clear();
            let shown = show(self, index, value, &mut masked);
            if shown == Shown::AsIs {
                continue;
            }
            out.extend_from_slice(text.get(copied..piece.range.start).unwrap_or_default());
            match shown {
                Shown::Replaced => style.put(&masked, out),
                Shown::Null | Shown::AsIs => style.put_null(out),
            }
            copied = piece.range.end;
        }
        if out.len() == start && copied == 0 {
            return Shown::AsIs;
        }
        out.extend_from_slice(text.get(copied..).unwrap_or_default());
        Shown::Replaced
    }
}

/// Bytes as they are written, in hexadecimal or with octal escapes.
pub(super) fn bytes(written: &[u8]) -> Option<Vec<u8>> {
    if let Some(digits) = written.strip_prefix(b"\\x") {
        let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|d| u8::try_from(d).ok());
        let pair = |pair: &[u8]| match pair {
            [high, low] => Some(digit(*high)? << 4 | digit(*low)?),
            _ => None,
        };
        return digits.chunks(2).map(pair).collect();
    }
    let mut out = Vec::with_capacity(written.len());
    let mut rest = written;
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        if byte != b'\\' {
            out.push(byte);
            continue;
        }
        if let Some(after) = after.strip_prefix(b"\\") {
            out.push(b'\\');
            rest = after;
            continue;
        }
        let octal = std::str::from_utf8(after.get(..3)?).ok()?;
        out.push(u8::from_str_radix(octal, 8).ok()?);
        rest = after.get(3..)?;
    }
    Some(out)
}

pub(super) fn put_hex(bytes: &[u8], out: &mut Vec<u8>) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    out.extend_from_slice(b"\\x");
    for byte in bytes {
        out.push(DIGITS[usize::from(byte >> 4)]);
        out.push(DIGITS[usize::from(byte & 15)]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(style: Style, text: &str, expect: &[Option<&str>]) {
        let read = style.read(text.as_bytes()).unwrap();
        let values: Vec<_> =
            read.iter().map(|piece| piece.value.as_deref().map(String::from_utf8_lossy)).collect();
        let values: Vec<Option<&str>> = values.iter().map(Option::as_deref).collect();
        assert_eq!(values, expect, "{text}");
    }

    #[test]
    fn pieces_of_every_style() {
        check(Style::Array, "{}", &[]);
        check(
            Style::Array,
            r#"{a,"b, \"c\"",NULL,"NULL"}"#,
            &[Some("a"), Some("b, \"c\""), None, Some("NULL")],
        );
        check(Style::Array, "[2:3]={{a,b},{c,d}}", &[Some("a"), Some("b"), Some("c"), Some("d")]);
        check(Style::Row, r#"(a,,"b ""c""",)"#, &[Some("a"), None, Some("b \"c\""), None]);
        check(Style::Row, "()", &[None]);
        check(
            Style::Pairs,
            r#""a"=>"b, \"c\"", "d"=>NULL"#,
            &[Some("a"), Some("b, \"c\""), Some("d"), None],
        );
        for text in [r#"{"a"#, r"{a\"] {
            assert_eq!(Style::Array.read(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn bytes_of_both_writings() {
        assert_eq!(bytes(br"\x6162").unwrap(), b"ab");
        assert_eq!(bytes(br"a\\b\303\274").unwrap(), "a\\b\u{fc}".as_bytes());
        assert_eq!(bytes(br"\x616"), None);
        assert_eq!(bytes(br"\9"), None);
        let mut out = Vec::new();
        put_hex(b"ab\xff", &mut out);
        assert_eq!(out, br"\x6162ff");
    }
}
