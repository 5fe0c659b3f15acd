//! The shape of a statement's text: equal for texts whose analysis cannot differ.
//!
//! Analysing every literal-carrying statement anew costs 15–20 µs. Two texts that differ
//! only in a literal right after `=` have the same analysis, if we are sure what is a
//! literal. So a text has a shape only when its lexing is beyond doubt: no comments, no
//! quoted identifiers, no backslashes, no dollar quotes, no doubled quotes, no prefixed
//! strings. Anything else is its own shape.

/// The shape, or the text itself.
pub(crate) fn of(text: &str) -> std::borrow::Cow<'_, str> {
    replaced(text, |_| {}).map_or(text.into(), Into::into)
}

/// The literals of a text that its shape leaves out, in order, as they are written.
pub(crate) fn blanks(text: &str) -> Vec<Blank<'_>> {
    let mut blanks = Vec::new();
    let shape = replaced(text, |blank| blanks.push(blank));
    if shape.is_some() { blanks } else { Vec::new() }
}

/// A literal that a shape leaves out.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Blank<'t> {
    /// Where it begins, in bytes from 0.
    pub(crate) at: usize,
    /// Its value: digits, or a string without quotes in or around it.
    pub(crate) value: &'t str,
}

const VERBS: [&str; 4] = ["select ", "insert ", "update ", "delete "];

fn replaced<'t>(text: &'t str, mut blank: impl FnMut(Blank<'t>)) -> Option<String> {
    let bytes = text.as_bytes();
    let verb = text.get(..7)?;
    if !VERBS.iter().any(|known| verb.eq_ignore_ascii_case(known)) {
        return None;
    }
    let mut shape = String::with_capacity(text.len());
    let mut at = 0;
    let mut after_equals = false;
    while let Some(&byte) = bytes.get(at) {
        let next = bytes.get(at + 1).copied();
        match byte {
            b'"' | b'\\' | b'$' | b'?' | b'#' | b'`' => return None,
            // SECURITY: only the first verb was looked at. `…; SET x = 'off'` is another thing
            // than `…; SET x = 'on'`.
            b';' if !bytes.get(at + 1..)?.trim_ascii().is_empty() => return None,
            b'-' if next == Some(b'-') => return None,
            b'/' if next == Some(b'*') => return None,
            b'\'' => {
                // A prefix (E'', U&'', B'') makes it another kind of string.
                let before = at.checked_sub(1).and_then(|at| bytes.get(at)).copied()?;
                if is_word(before) || before == b'&' {
                    return None;
                }
                let length = bytes.get(at + 1..)?.iter().position(|byte| *byte == b'\'')?;
                let end = at + 1 + length;
                let string = text.get(at..=end)?;
                // A backslash is data here, but not worth being wrong about.
                if bytes.get(end + 1) == Some(&b'\'') || string.contains('\\') {
                    return None;
                }
                if after_equals {
                    blank(Blank { at, value: text.get(at + 1..end)? });
                }
                shape.push_str(if after_equals { "'?'" } else { string });
                at = end + 1;
                after_equals = false;
                continue;
            }
            b'0'..=b'9' if after_equals => {
                let digits = bytes.get(at..)?.iter().take_while(|b| b.is_ascii_digit()).count();
                let value = text.get(at..at + digits)?;
                blank(Blank { at, value });
                at += digits;
                // `1e5`, `1.5`, `0x10`, `1abc`: not a plain integer.
                if bytes.get(at).is_some_and(|b| is_word(*b) || *b == b'.') {
                    return None;
                }
                // Integers of up to nine digits have one type; longer ones may not.
                shape.push_str(if digits <= 9 { "?" } else { "??" });
                after_equals = false;
                continue;
            }
            b'=' => after_equals = true,
            b' ' | b'\n' | b'\t' => {}
            _ => after_equals = false,
        }
        let char = text.get(at..)?.chars().next()?;
        shape.push(char);
        at += char.len_utf8();
    }
    Some(shape)
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expect: &str) {
        assert_eq!(of(text), expect, "{text}");
    }

    #[test]
    fn only_literals_beyond_doubt_are_replaced() {
        check("SELECT a FROM t WHERE id = 17", "SELECT a FROM t WHERE id = ?");
        check(
            "SELECT a FROM t WHERE id=17 AND b = 'x y'",
            "SELECT a FROM t WHERE id=? AND b = '?'",
        );
        check("UPDATE t SET a = a + -41 WHERE b = 2;", "UPDATE t SET a = a + -41 WHERE b = ?;");
        check("SELECT a FROM t ORDER BY 1 LIMIT 5", "SELECT a FROM t ORDER BY 1 LIMIT 5");
        check("SELECT 'it' FROM t", "SELECT 'it' FROM t");
    }

    #[test]
    fn what_a_shape_leaves_out_is_told_in_order() {
        let check = |text: &str, expect: &[(usize, &str)]| {
            let blanks: Vec<_> = blanks(text).iter().map(|blank| (blank.at, blank.value)).collect();
            assert_eq!(blanks, expect, "{text}");
        };
        check("SELECT a FROM t WHERE b = 'ä y' AND c=17", &[(26, "ä y"), (39, "17")]);
        check("SELECT 'x' FROM t WHERE b IN ('y')", &[]);
        check("SELECT a FROM t WHERE b = 'x' AND c = E'y'", &[]);
    }

    #[test]
    fn doubtful_texts_are_their_own_shape() {
        for text in [
            "SELECT 1 -- = 'x\n; DROP TABLE t; --'",
            "SELECT 1 /* = ' */ ; DROP TABLE t; /* ' */",
            "SELECT $$ = ' $$",
            "SELECT \" = ' \" FROM t WHERE a = ' x '",
            "SELECT a FROM t WHERE a = E'\\'' OR b = ''",
            "SELECT a FROM t WHERE a = 'it''s'",
            "SELECT a FROM t WHERE a = U&'x'",
            "SELECT a FROM t WHERE a = 1e5",
            "SELECT a FROM t WHERE a = 0x10",
            "SELECT a FROM t WHERE a = 'open",
            "SET a = 1",
            "SELECT 1; SET standard_conforming_strings = 'off'",
            "SELECT a FROM t WHERE b = 1; SET role = 'postgres';",
            "EXPLAIN SELECT 1",
        ] {
            check(text, text);
        }
        // A literal that looks like a replaced one shares its shape with others: so it must be
        // a literal behind `=`.
        check("SELECT '?' FROM t WHERE b = 'x'", "SELECT '?' FROM t WHERE b = '?'");
    }
}
