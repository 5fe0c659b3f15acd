//! JSON (RFC 8259): strings, numbers and keys of one document or of several after each other.

use super::{Coding, Container, Leaf, Malformed, Visit};
use crate::mask::numbers;

/// Shows the leaves of a text; a value's label is its key, or the key of the array it is in.
pub(in crate::mask) fn walk<'t>(text: &'t str, visit: &mut Visit<'t, '_>) -> Result<(), Malformed> {
    let at = if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
    let mut reader = Reader { text, bytes: text.as_bytes(), at, open: Vec::new(), label: "" };
    let mut next = Next::Value;
    loop {
        reader.skip_space();
        let Some(byte) = reader.peek() else { break };
        if next == Next::Done {
            next = Next::Value;
        }
        next = reader.step(byte, next, visit)?;
    }
    if next == Next::Done { Ok(()) } else { Err(reader.error("it ends within a value")) }
}

/// What has to come next.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Next {
    Value,
    /// A value, or the end of the array.
    FirstValue,
    Key,
    /// A key, or the end of the object.
    FirstKey,
    Colon,
    /// A comma, or the end of what is open.
    Rest,
    /// The document has ended.
    Done,
}

struct Reader<'t> {
    text: &'t str,
    bytes: &'t [u8],
    at: usize,
    /// The open objects and arrays, with the labels that they stand under.
    open: Vec<(u8, &'t str)>,
    label: &'t str,
}

impl<'t> Reader<'t> {
    fn error(&self, what: &'static str) -> Malformed {
        Malformed { container: Container::Json, at: self.at, what }
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn skip_space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\n' | b'\r' | b'\t')) {
            self.at += 1;
        }
    }

    fn step(&mut self, byte: u8, next: Next, visit: &mut Visit<'t, '_>) -> Result<Next, Malformed> {
        match (next, byte) {
            (Next::FirstValue, b']') | (Next::FirstKey, b'}') => Ok(self.close()),
            (Next::Rest, b']') if self.is_in(b'[') => Ok(self.close()),
            (Next::Rest, b'}') if self.is_in(b'{') => Ok(self.close()),
            (Next::Rest, b',') => {
                self.at += 1;
                Ok(if self.is_in(b'{') { Next::Key } else { Next::Value })
            }
            (Next::Rest, _) => Err(self.error("a comma or a closing bracket is missing")),
            (Next::Key | Next::FirstKey, b'"') => {
                let range = self.string()?;
                self.label = &self.text[range.clone()];
                visit(Leaf::name_of(range, Coding::Json));
                Ok(Next::Colon)
            }
            (Next::Key | Next::FirstKey, _) => Err(self.error("a key is missing")),
            (Next::Colon, b':') => {
                self.at += 1;
                Ok(Next::Value)
            }
            (Next::Colon, _) => Err(self.error("a colon is missing")),
            (Next::Value | Next::FirstValue | Next::Done, _) => self.value(byte, visit),
        }
    }

    fn value(&mut self, byte: u8, visit: &mut Visit<'t, '_>) -> Result<Next, Malformed> {
        match byte {
            b'{' | b'[' => {
                if self.open.len() == DEPTH_MAX {
                    return Err(self.error("brackets are too deep"));
                }
                self.open.push((byte, self.label));
                self.at += 1;
                return Ok(if byte == b'{' { Next::FirstKey } else { Next::FirstValue });
            }
            b'"' => {
                let range = self.string()?;
                visit(Leaf::value_of(range, Coding::Json, self.label));
            }
            b'-' | b'0'..=b'9' => {
                let rest = &self.bytes[self.at..];
                let length =
                    numbers::length(rest).ok_or_else(|| self.error("this is no number"))?;
                let range = self.at..self.at + length;
                self.at += length;
                visit(Leaf::value_of(range, Coding::Number, self.label));
            }
            _ => {
                let rest = &self.bytes[self.at..];
                let words: [&[u8]; 3] = [b"true", b"false", b"null"];
                let word = words.iter().find(|word| rest.starts_with(word));
                self.at += word.ok_or_else(|| self.error("this is no value"))?.len();
            }
        }
        Ok(if self.open.is_empty() { Next::Done } else { Next::Rest })
    }

    fn is_in(&self, bracket: u8) -> bool {
        self.open.last().is_some_and(|(open, _)| *open == bracket)
    }

    fn close(&mut self) -> Next {
        self.at += 1;
        if let Some((_, label)) = self.open.pop() {
            self.label = label;
        }
        if self.open.is_empty() {
            self.label = "";
            return Next::Done;
        }
        Next::Rest
    }

    /// Goes behind the string that begins here, and gives what is between its quotes.
    fn string(&mut self) -> Result<std::ops::Range<usize>, Malformed> {
        let start = self.at + 1;
        let mut at = start;
        loop {
            let Some(found) = memchr::memchr2(b'"', b'\\', &self.bytes[at..]) else {
                return Err(self.error("a string does not end"));
            };
            at += found;
            if self.bytes[at] == b'"' {
                break;
            }
            at += self.escape(at)?;
        }
        if self.bytes[start..at].iter().any(|byte| *byte < b' ') {
            return Err(self.error("a string holds a control character"));
        }
        self.at = at + 1;
        Ok(start..at)
    }

    fn escape(&self, at: usize) -> Result<usize, Malformed> {
        let four = || {
            let digits = self.bytes.get(at + 2..at + 6);
            digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
        };
        match self.bytes.get(at + 1) {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => Ok(2),
            Some(b'u') if four() => Ok(6),
            _ => Err(Malformed { at, ..self.error("this is no escape") }),
        }
    }
}

/// Most brackets within each other.
const DEPTH_MAX: usize = 128;

#[cfg(test)]
mod tests {
    use super::*;

    fn leaves(text: &str) -> Result<Vec<String>, Malformed> {
        super::super::leaves(crate::mask::Container::Json, "key", text)
    }

    #[test]
    fn leaves_have_the_names_of_their_values() {
        let text = r#"{"a": "x", "b": [1, {"c": -2.5e3}, "y"], "d": null, "e\"": {}} [true, "z"]"#;
        let expect = [
            "key=a",
            "a=x",
            "key=b",
            "b=1",
            "key=c",
            "c=-2.5e3",
            "b=y",
            "key=d",
            "key=e\\\"",
            "=z",
        ];
        assert_eq!(leaves(text).unwrap(), expect);
        assert_eq!(leaves("\u{feff}1\n2\n").unwrap(), ["=1", "=2"]);
    }

    #[test]
    fn what_serde_refuses_is_refused() {
        for text in [
            "",
            " ",
            "{",
            "[1,]",
            "{\"a\" 1}",
            "{\"a\":}",
            "{a:1}",
            "\"a",
            "\"\\x\"",
            "\"\\u12\"",
            "01",
            "1.",
            "nul",
            "]",
            "[1}",
            "{\"a\":1]",
            "[1 2]",
            "\"a\nb\"",
            "{,}",
            "[",
            "{\"a\"}",
        ] {
            assert!(leaves(text).is_err(), "{text}");
            assert!(serde_json::from_str::<serde_json::Value>(text).is_err(), "{text}");
        }
        assert!(leaves(&"[".repeat(1_000_000)).is_err());
    }
}
