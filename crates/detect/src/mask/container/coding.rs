//! Writings of values: how one is read, and how a replacement is written in its place.

use crate::mask::offsets::OffsetMap;
use crate::text::entities::entity;
use std::borrow::Cow;
use std::collections::BTreeMap;

/// How the characters of a value are written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::mask) enum Coding {
    /// As they are, in a text or code without a known form.
    Text,
    /// A bare number of JSON or SQL: replaced as a whole.
    Number,
    /// A string of JSON.
    Json,
    /// A quoted cell of CSV.
    CsvQuoted,
    /// A cell without quotes that this byte ends.
    CsvBare(u8),
    /// `'…'`
    SqlQuoted,
    /// `E'…'`
    SqlEscaped,
    /// `U&'…'`
    SqlUnicode,
    /// `B'…'`, `X'…'`: nothing but digits fits in.
    SqlBits,
    /// `$tag$…$tag$`
    SqlDollar,
    /// `"…"`, or between other such marks.
    SqlIdentifier(u8),
    /// `-- …`, `/* … */`, and lines for `psql`.
    SqlComment,
    /// A cell of a row for `COPY … FROM stdin`.
    SqlCopy,
    /// An element of an array between quotes, and one without.
    ArrayQuoted,
    ArrayBare,
    /// Text between tags.
    XmlText,
    /// An attribute's value between quotes.
    XmlQuoted,
    /// An attribute's value without quotes.
    XmlBare,
    /// `<![CDATA[…]]>`
    XmlSection,
    /// `<!--…-->`, and instructions.
    XmlComment,
}

impl Coding {
    /// The value that is written, and where its characters are in the writing (the source).
    pub(super) fn decode(self, raw: &str) -> (Cow<'_, str>, OffsetMap) {
        match self {
            Self::Json => undo(raw, *b"\\\\", json_escape),
            Self::CsvQuoted => undo(raw, *b"\"\"", doubled),
            Self::SqlIdentifier(mark) => undo(raw, [mark; 2], doubled),
            Self::SqlQuoted => undo(raw, *b"''", doubled),
            Self::SqlEscaped => undo(raw, *b"'\\", sql_escape),
            Self::SqlUnicode => undo(raw, *b"'\\", sql_unicode),
            Self::ArrayQuoted | Self::ArrayBare => undo(raw, *b"\\\\", array_escape),
            Self::SqlCopy => undo(raw, *b"\\\\", sql_escape),
            Self::XmlText | Self::XmlQuoted | Self::XmlBare => undo(raw, *b"&&", entity),
            Self::Text
            | Self::Number
            | Self::CsvBare(_)
            | Self::SqlBits
            | Self::SqlDollar
            | Self::SqlComment
            | Self::XmlSection
            | Self::XmlComment => (Cow::Borrowed(raw), OffsetMap::default()),
        }
    }

    /// Writes a replacement for `original`, with `next` behind it. What the writing cannot hold
    /// is left out or replaced; nothing that is written ends the value or begins another one.
    pub(in crate::mask) fn encode(self, given: &str, original: &str, next: &str) -> String {
        let plain = given.chars().filter(|c| !c.is_control() || matches!(c, '\n' | '\t'));
        match self {
            Self::Text => tame(given, original),
            // Numbers are made elsewhere, and bits have no other form.
            Self::Number | Self::SqlBits => String::new(),
            Self::Json => json_string(given),
            Self::CsvQuoted => given.replace('"', "\"\""),
            // The mark may be another one than it seems: all of them are kept in number.
            Self::CsvBare(mark) => {
                tame(given, original).replace([char::from(mark), '"', '\r', '\n'], "")
            }
            Self::SqlQuoted => plain.filter(|c| *c != '\\').collect::<String>().replace('\'', "''"),
            Self::SqlEscaped | Self::SqlUnicode => {
                plain.collect::<String>().replace('\\', "\\\\").replace('\'', "''")
            }
            Self::SqlDollar => tame(given, original).replace('$', ""),
            Self::SqlIdentifier(mark) => {
                let mark = char::from(mark).to_string();
                plain.collect::<String>().replace(&mark, &mark.repeat(2))
            }
            Self::SqlComment => {
                let kept = plain.filter(|c| !c.is_control());
                kept.map(|c| if matches!(c, '*' | '/' | '\\') { '.' } else { c }).collect()
            }
            Self::SqlCopy => copy_cell(given),
            Self::ArrayQuoted => {
                plain.collect::<String>().replace('\\', "\\\\").replace('"', "\\\"")
            }
            Self::ArrayBare => tame(given, original).replace(['{', '}', '"', '\\', ','], ""),
            Self::XmlText => xml_text(given, next),
            Self::XmlQuoted => xml_text(given, "").replace('"', "&quot;").replace('\'', "&apos;"),
            Self::XmlBare => {
                let kept = plain.filter(|c| !c.is_whitespace() && !"\"'<>=`&".contains(*c));
                kept.collect()
            }
            Self::XmlSection => plain
                .filter(|c| is_xml(*c))
                .map(|c| match c {
                    ']' | '>' => ')',
                    '[' | '<' => '(',
                    _ => c,
                })
                .collect(),
            Self::XmlComment => {
                let kept = plain.filter(|c| is_xml(*c) && !"<>?&".contains(*c));
                kept.map(|c| if c == '-' { '_' } else { c }).collect()
            }
        }
    }

    /// What has to stand before a replacement as it is written, so that the marks on its two
    /// sides do not become one: `*` and `/`, `<` and a name.
    pub(in crate::mask) fn gap(self, before: &str, written: &str, after: &str) -> &'static str {
        let whole = before.is_empty() && after.is_empty();
        let apart = before.ends_with(char::is_whitespace) || after.starts_with(char::is_whitespace);
        let touch = written.is_empty() && !whole && !apart;
        match self {
            Self::XmlText if before.ends_with('<') => " ",
            Self::SqlDollar if before.ends_with('$') => " ",
            // Its ends are no marks.
            Self::Text if before.is_empty() || after.is_empty() => "",
            Self::XmlBare if touch => "_",
            Self::Text
            | Self::CsvBare(_)
            | Self::ArrayQuoted
            | Self::ArrayBare
            | Self::SqlDollar
            | Self::SqlComment
            | Self::SqlCopy
            | Self::XmlText
            | Self::XmlSection
            | Self::XmlComment
                if touch =>
            {
                " "
            }
            _ => "",
        }
    }

    /// How an empty value is written where the empty text would be something else.
    pub(in crate::mask) fn empty(self) -> Option<&'static str> {
        match self {
            // An empty line is no record.
            Self::CsvBare(_) | Self::ArrayBare => Some("\"\""),
            Self::SqlIdentifier(_) | Self::XmlBare => Some("_"),
            _ => None,
        }
    }

    /// Whether a value stands for itself, and is no part of a running text or of code.
    pub(in crate::mask) fn is_cell(self) -> bool {
        !matches!(self, Self::Text | Self::SqlBits | Self::SqlComment | Self::XmlComment)
    }
}

/// Leaves out marks that mean something in a form of texts, as far as `original` has not had them
/// itself: as many of them may stay.
fn tame(given: &str, original: &str) -> String {
    let harmless = |c: char| !c.is_control() && !"\"'\\,;|<>&`{}".contains(c);
    let mut left: BTreeMap<char, usize> = BTreeMap::new();
    for mark in original.chars().filter(|c| !harmless(*c)) {
        *left.entry(mark).or_default() += 1;
    }
    let mut may_stay = |c: &char| {
        harmless(*c) || left.get_mut(c).filter(|left| **left > 0).map(|left| *left -= 1).is_some()
    };
    given.chars().filter(|c| may_stay(c)).collect()
}

fn json_string(given: &str) -> String {
    let mut out = String::with_capacity(given.len());
    for c in given.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\u{0}'..='\u{1f}' => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            _ => out.push(c),
        }
    }
    out
}

fn copy_cell(given: &str) -> String {
    let mut out = String::with_capacity(given.len());
    for c in given.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\0' => {}
            _ => out.push(c),
        }
    }
    out
}

fn xml_text(given: &str, next: &str) -> String {
    let mut out = String::with_capacity(given.len());
    for c in given.chars().filter(|c| is_xml(*c)) {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            _ => out.push(c),
        }
    }
    // `]]>` must not come about at the border (XML 1.0 section 2.4).
    if out.ends_with(']') && next.starts_with([']', '>']) {
        out.pop();
        out.push_str("&#93;");
    }
    out
}

/// Whether XML can hold a character (XML 1.0 section 2.2).
fn is_xml(c: char) -> bool {
    (!c.is_control() || matches!(c, '\n' | '\t')) && !matches!(c, '\u{fffe}' | '\u{ffff}')
}

/// Reads what stands at a mark: the character that is meant, and the length of its writing.
/// Nothing if the mark means itself.
type Step = fn(&str) -> Option<(char, usize)>;

fn undo(raw: &str, marks: [u8; 2], step: Step) -> (Cow<'_, str>, OffsetMap) {
    let mut reading = OffsetMap::default();
    let next = |at: usize| memchr::memchr2(marks[0], marks[1], &raw.as_bytes()[at..]);
    let Some(mut found) = next(0) else { return (Cow::Borrowed(raw), reading) };
    let mut out = String::with_capacity(raw.len());
    let mut at = 0;
    loop {
        out.push_str(&raw[at..at + found]);
        at += found;
        match step(&raw[at..]) {
            Some((c, length)) => {
                out.push(c);
                reading.push(at..at + length, c.len_utf8());
                at += length;
            }
            // A mark is one byte.
            None => {
                out.push_str(&raw[at..=at]);
                at += 1;
            }
        }
        match next(at) {
            Some(step) => found = step,
            None => break,
        }
    }
    out.push_str(&raw[at..]);
    (Cow::Owned(out), reading)
}

/// A backslash takes the next character as it is.
fn array_escape(text: &str) -> Option<(char, usize)> {
    let next = text.strip_prefix('\\')?.chars().next()?;
    Some((next, 1 + next.len_utf8()))
}

fn doubled(text: &str) -> Option<(char, usize)> {
    let bytes = text.as_bytes();
    (bytes.first() == bytes.get(1)).then(|| (char::from(bytes[0]), 2))
}

fn hex(text: &str, range: std::ops::Range<usize>) -> Option<u32> {
    let digits = text.get(range)?;
    digits.bytes().all(|b| b.is_ascii_hexdigit()).then(|| u32::from_str_radix(digits, 16).ok())?
}

/// The character of UTF-16 units that are written `\u` and four digits each.
fn units(text: &str) -> Option<(char, usize)> {
    let high = hex(text, 2..6)?;
    if (0xD800..0xDC00).contains(&high) && text.get(6..8) == Some("\\u") {
        let low = hex(text, 8..12).filter(|low| (0xDC00..0xE000).contains(low));
        if let Some(low) = low {
            return Some((
                char::from_u32(0x1_0000 + ((high - 0xD800) << 10) + (low - 0xDC00))?,
                12,
            ));
        }
    }
    Some((char::from_u32(high).unwrap_or(char::REPLACEMENT_CHARACTER), 6))
}

fn json_escape(text: &str) -> Option<(char, usize)> {
    let plain = |c| Some((c, 2));
    match *text.as_bytes().get(1)? {
        b'u' => units(text),
        b'n' => plain('\n'),
        b't' => plain('\t'),
        b'r' => plain('\r'),
        b'b' => plain('\u{8}'),
        b'f' => plain('\u{c}'),
        other => plain(char::from(other)),
    }
}

/// PostgreSQL's escapes in `E'…'` and in rows for COPY (sections 4.1.2.2 and COPY, text format).
fn sql_escape(text: &str) -> Option<(char, usize)> {
    if text.starts_with("''") {
        return Some(('\'', 2));
    }
    let rest = text.strip_prefix('\\')?;
    let first = rest.chars().next()?;
    let byte = |code: u32| char::from_u32(code).filter(char::is_ascii).unwrap_or('\u{fffd}');
    match first {
        'n' => Some(('\n', 2)),
        't' => Some(('\t', 2)),
        'r' => Some(('\r', 2)),
        'b' => Some(('\u{8}', 2)),
        'f' => Some(('\u{c}', 2)),
        'v' => Some(('\u{b}', 2)),
        'u' => units(text),
        'U' => hex(text, 2..10).and_then(char::from_u32).map(|c| (c, 10)),
        'x' => {
            let digits = rest[1..].bytes().take(2).take_while(u8::is_ascii_hexdigit).count();
            hex(rest, 1..1 + digits).map(|code| (byte(code), 2 + digits))
        }
        '0'..='7' => {
            let digits = rest.bytes().take(3).take_while(|b| (b'0'..=b'7').contains(b)).count();
            let code = u32::from_str_radix(&rest[..digits], 8).ok()?;
            Some((byte(code), 1 + digits))
        }
        _ => Some((first, 1 + first.len_utf8())),
    }
}

/// `\0061`, `\+000061` and doubled marks in `U&'…'`.
fn sql_unicode(text: &str) -> Option<(char, usize)> {
    if text.starts_with("''") || text.starts_with("\\\\") {
        return doubled(text);
    }
    match text.starts_with("\\+") {
        true => hex(text, 2..8).and_then(char::from_u32).map(|c| (c, 8)),
        false => hex(text, 1..5).and_then(char::from_u32).map(|c| (c, 5)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writings_are_read() {
        let check = |coding: Coding, raw: &str, expect: &str| {
            assert_eq!(coding.decode(raw).0, expect, "{raw}");
        };
        check(Coding::Json, r#"a\"\\\/\n\u0040\ud83d\ude00\ud800x"#, "a\"\\/\n@😀\u{fffd}x");
        check(Coding::CsvQuoted, "a\"\"b", "a\"b");
        check(Coding::SqlQuoted, r"it''s \n", r"it's \n");
        check(
            Coding::SqlEscaped,
            r"it''s \'\n\x40\100\u0040\U00000040\q\xff",
            "it's '\n@@@@q\u{fffd}",
        );
        check(Coding::SqlUnicode, r"\0061\+000062\\''", "ab\\'");
        check(Coding::SqlCopy, r"a\tb\\c\N", "a\tb\\cN");
        check(Coding::XmlText, "a&#64;b&#x2e;org &amp;co &foo; &", "a@b.org &co &foo; &");
    }

    #[test]
    fn offsets_of_a_writing_are_kept() {
        let (text, reading) = Coding::Json.decode(r"é\u0040b\nc");
        assert_eq!(text, "é@b\nc");
        assert_eq!(reading.source_range(2..3), 2..8);
        assert_eq!(reading.source_range(3..4), 8..9);
        assert_eq!(reading.target_range(4..9), 2..4);
    }

    #[test]
    fn what_is_written_is_read_again() {
        let odd = "a\"b'c\\d\ne\tf&g<h>i]j[k,l;m|n$o*p/q-r?s`t😀";
        for coding in [
            Coding::Json,
            Coding::CsvQuoted,
            Coding::SqlEscaped,
            Coding::SqlUnicode,
            Coding::SqlCopy,
            Coding::SqlIdentifier(b'"'),
            Coding::XmlText,
            Coding::XmlQuoted,
        ] {
            let written = coding.encode(odd, "", "");
            assert_eq!(coding.decode(&written).0, odd, "{coding:?}");
        }
        assert_eq!(Coding::XmlText.encode("[x]", "", "]>"), "[x&#93;");
        assert_eq!(Coding::Text.encode("a\",\nb", "", ""), "ab");
        assert_eq!(Coding::Text.encode("1,2,3", "7,8", ""), "1,23");
    }
}
