//! Reads JSON as our writer spells it, in one pass and without an allocation.
//!
//! It knows a part of JSON only: no white space, no escapes, whole numbers. What is
//! spelled otherwise it does not read, and its callers ask the real parser: every text
//! that it reads, that one reads to the same.

/// A place in a text.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scan<'a> {
    rest: &'a [u8],
}

/// How deep values may be nested.
const DEPTH_MAX: u8 = 16;

impl<'a> Scan<'a> {
    pub(crate) fn new(text: &'a [u8]) -> Self {
        Self { rest: text }
    }

    /// Takes exactly this.
    pub(crate) fn eat(&mut self, text: &[u8]) -> Option<()> {
        self.rest = self.rest.strip_prefix(text)?;
        Some(())
    }

    /// Whether nothing is left.
    pub(crate) fn is_at_end(self) -> bool {
        self.rest.is_empty()
    }

    /// Takes a whole number.
    pub(crate) fn number(&mut self) -> Option<u64> {
        let length = self.rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let (digits, rest) = self.rest.split_at_checked(length)?;
        if digits.is_empty() || (digits.len() > 1 && digits.starts_with(b"0")) {
            return None;
        }
        self.rest = rest;
        digits
            .iter()
            .try_fold(0u64, |sum, digit| sum.checked_mul(10)?.checked_add(u64::from(digit - b'0')))
    }

    /// Takes a string without escapes; gives what is between the quotes.
    pub(crate) fn string(&mut self) -> Option<&'a [u8]> {
        let (quote, rest) = self.rest.split_first()?;
        let end = rest.iter().position(|byte| *byte < b' ' || matches!(*byte, b'"' | b'\\'))?;
        let (string, rest) = rest.split_at_checked(end)?;
        let (end, rest) = rest.split_first()?;
        self.rest = rest;
        (*quote == b'"' && *end == b'"').then_some(string)
    }

    /// Takes any value.
    pub(crate) fn skip(&mut self) -> Option<()> {
        self.skip_nested(DEPTH_MAX)
    }

    fn skip_nested(&mut self, depth: u8) -> Option<()> {
        let depth = depth.checked_sub(1)?;
        match self.rest.first()? {
            b'"' => self.string().map(drop),
            b'0'..=b'9' => self.number().map(drop),
            b'[' => {
                self.eat(b"[")?;
                self.until(b"]", |scan| scan.skip_nested(depth))
            }
            b'{' => {
                self.eat(b"{")?;
                self.until(b"}", |scan| {
                    scan.string()?;
                    scan.eat(b":")?;
                    scan.skip_nested(depth)
                })
            }
            b't' => self.eat(b"true"),
            b'f' => self.eat(b"false"),
            b'n' => self.eat(b"null"),
            _ => None,
        }
    }

    /// Takes items with commas between them, and the end.
    fn until(&mut self, end: &[u8], mut item: impl FnMut(&mut Self) -> Option<()>) -> Option<()> {
        if self.eat(end).is_some() {
            return Some(());
        }
        loop {
            item(self)?;
            if self.eat(end).is_some() {
                return Some(());
            }
            self.eat(b",")?;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn is_read(text: &str) -> bool {
        let mut scan = Scan::new(text.as_bytes());
        scan.skip().is_some() && scan.is_at_end()
    }

    #[test]
    fn plain_values_are_read_and_everything_else_is_left() {
        for text in ["0", "17", "\"é\"", "[]", "[1,[2],{}]", r#"{"a":true,"b":[null,false]}"#] {
            assert!(is_read(text), "{text}");
        }
        for text in [
            "",
            " 1",
            "01",
            "-1",
            "1.5",
            "1e3",
            "99999999999999999999",
            "\"",
            "\"a",
            "\"\\n\"",
            "\"\n\"",
            "[",
            "[1,]",
            "[,1]",
            "[1 ,2]",
            "{",
            "{\"a\"}",
            "{\"a\":}",
            "{\"a\":1,}",
            "{a:1}",
            "tru",
            "nulls",
            "[1]]",
        ] {
            assert!(!is_read(text), "{text}");
        }
        assert!(!is_read(&"[".repeat(100)));
        assert!(!is_read(&format!("{}{}", "[".repeat(100), "]".repeat(100))));
    }

    proptest! {
        /// Strings of a grammar's own letters, so that many are JSON and more nearly are.
        #[test]
        fn what_it_reads_the_parser_reads(text in r#"[\[\]{},:"a1 \\tn]{0,12}"#) {
            if is_read(&text) {
                prop_assert!(serde_json::from_str::<serde_json::Value>(&text).is_ok(), "{text}");
            }
        }
    }
}
