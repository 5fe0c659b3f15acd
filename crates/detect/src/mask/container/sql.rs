//! SQL as PostgreSQL reads it (sections 4.1.1 to 4.1.5 of its manual), with standard strings:
//! literals, numbers, quoted identifiers and comments. Dumps hold rows behind `COPY … FROM
//! stdin;`, and lines for `psql` that begin with a backslash.

use super::{Coding, Container, Leaf, Malformed, Role, Visit};
use std::ops::Range;

/// Shows the leaves of a text; a value's label is its column in `INSERT INTO t (a, b) VALUES` and
/// in COPY.
pub(super) fn walk<'t>(text: &'t str, visit: &mut Visit<'t, '_>) -> Result<(), Malformed> {
    let bytes = text.as_bytes();
    let mut reader = Reader { text, bytes, at: 0, statement: Statement::default() };
    while reader.at < bytes.len() {
        reader.token(visit)?;
    }
    Ok(())
}

/// What is known of the statement that is being read.
#[derive(Default)]
struct Statement<'t> {
    start: usize,
    verb: &'t str,
    columns: Vec<&'t str>,
    /// Whether the columns have been listed and their values follow.
    values: bool,
    depth: usize,
    column: usize,
}

struct Reader<'t> {
    text: &'t str,
    bytes: &'t [u8],
    at: usize,
    statement: Statement<'t>,
}

impl<'t> Reader<'t> {
    fn error(&self, at: usize, what: &'static str) -> Malformed {
        Malformed { container: Container::Sql, at, what }
    }

    fn label(&self) -> &'t str {
        let here = self.statement.values && self.statement.depth > 0;
        let label = self.statement.columns.get(self.statement.column).filter(|_| here);
        label.copied().unwrap_or_default()
    }

    fn token(&mut self, visit: &mut Visit<'t, '_>) -> Result<(), Malformed> {
        let start = self.at;
        let rest = &self.bytes[start..];
        match rest {
            [b'-', b'-', ..] => {
                let end = memchr::memchr2(b'\n', b'\r', rest).map_or(rest.len(), |end| end);
                visit(Leaf::value_of(start + 2..start + end, Coding::SqlComment, ""));
                self.at += end;
            }
            [b'/', b'*', ..] => self.comment(visit)?,
            [b'\'', ..] => self.string(Coding::SqlQuoted, visit)?,
            [b'"' | b'`', ..] => self.identifier(rest[0], visit)?,
            [b'$', ..] => self.dollar(visit)?,
            [b'0'..=b'9', ..] => {
                let part = |b: &&u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_');
                let length = rest.iter().take_while(part).count();
                self.at += length + exponent(&rest[..length], &rest[length..]);
                visit(Leaf::value_of(start..self.at, Coding::Number, self.label()));
            }
            [b'\\', ..] => {
                let end = memchr::memchr(b'\n', rest).unwrap_or(rest.len());
                visit(Leaf::value_of(start + 1..start + end, Coding::SqlComment, ""));
                self.at += end;
            }
            [b'a'..=b'z' | b'A'..=b'Z' | b'_' | 0x80.., ..] => self.word(visit)?,
            [b';', ..] => self.end(visit)?,
            _ => {
                self.mark(rest[0]);
                self.at += 1;
            }
        }
        Ok(())
    }

    /// Counts brackets and commas, for the columns of values.
    fn mark(&mut self, byte: u8) {
        let statement = &mut self.statement;
        match byte {
            b'(' => {
                statement.depth += 1;
                if statement.depth == 1 {
                    statement.column = 0;
                }
            }
            b')' => statement.depth = statement.depth.saturating_sub(1),
            b',' if statement.depth == 1 => statement.column += 1,
            _ => {}
        }
    }

    fn word(&mut self, visit: &mut Visit<'t, '_>) -> Result<(), Malformed> {
        let rest = &self.bytes[self.at..];
        let part = |b: &&u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'$' | 0x80..);
        let length = rest.iter().take_while(part).count();
        let word = &self.text[self.at..self.at + length];
        let prefixes: [(&str, Coding); 6] = [
            ("E'", Coding::SqlEscaped),
            ("N'", Coding::SqlQuoted),
            ("B'", Coding::SqlBits),
            ("X'", Coding::SqlBits),
            ("U&'", Coding::SqlUnicode),
            ("U&\"", Coding::SqlIdentifier(b'"')),
        ];
        let quote = matches!(rest.get(length), Some(b'\'' | b'&'));
        for (prefix, coding) in prefixes.into_iter().filter(|_| quote && length == 1) {
            let here = self.text[self.at..].get(..prefix.len());
            if here.is_some_and(|here| here.eq_ignore_ascii_case(prefix)) {
                self.at += prefix.len() - 1;
                return match coding {
                    Coding::SqlIdentifier(mark) => self.identifier(mark, visit),
                    _ => self.string(coding, visit),
                };
            }
        }
        self.at += length;
        self.note(word);
        Ok(())
    }

    /// Takes notice of a word outside of quotes, or of an identifier.
    fn note(&mut self, word: &'t str) {
        let statement = &mut self.statement;
        if statement.verb.is_empty() {
            statement.verb = word;
        } else if word.eq_ignore_ascii_case("values") && statement.depth == 0 {
            statement.values = true;
        } else if statement.depth == 1 && !statement.values {
            statement.columns.push(word);
        }
    }

    /// A literal whose opening quote is here.
    fn string(&mut self, coding: Coding, visit: &mut Visit<'t, '_>) -> Result<(), Malformed> {
        let escapes = coding == Coding::SqlEscaped;
        let range = self.quoted(b'\'', escapes, "a literal does not end")?;
        visit(Leaf::value_of(range, coding, self.label()));
        Ok(())
    }

    fn identifier(&mut self, mark: u8, visit: &mut Visit<'t, '_>) -> Result<(), Malformed> {
        let range = self.quoted(mark, false, "a quoted identifier does not end")?;
        self.note(&self.text[range.clone()]);
        visit(Leaf::name_of(range, Coding::SqlIdentifier(mark)));
        Ok(())
    }

    /// Goes behind what is quoted here, and gives what is between the quotes.
    fn quoted(
        &mut self,
        mark: u8,
        escapes: bool,
        what: &'static str,
    ) -> Result<Range<usize>, Malformed> {
        let start = self.at + 1;
        let escape = if escapes { b'\\' } else { mark };
        let mut at = start;
        loop {
            let found = memchr::memchr2(mark, escape, &self.bytes[at..]);
            at += found.ok_or_else(|| self.error(start - 1, what))?;
            let is_escape = self.bytes[at] != mark;
            if !is_escape && self.bytes.get(at + 1) != Some(&mark) {
                break;
            }
            // An escape takes the next character with it, a doubled mark the next mark.
            let next = self.text[at + 1..].chars().next();
            at += 1 + next.map_or(0, char::len_utf8);
        }
        self.at = at + 1;
        Ok(start..at)
    }

    fn comment(&mut self, visit: &mut Visit<'t, '_>) -> Result<(), Malformed> {
        let start = self.at + 2;
        let mut at = start;
        let mut depth = 1;
        while depth > 0 {
            let rest = &self.bytes[at..];
            let found = memchr::memchr2(b'*', b'/', rest);
            at += found.ok_or_else(|| self.error(self.at, "a comment does not end"))?;
            depth = match self.bytes[at..] {
                [b'*', b'/', ..] => depth - 1,
                [b'/', b'*', ..] => depth + 1,
                _ => {
                    at += 1;
                    continue;
                }
            };
            at += 2;
        }
        visit(Leaf::value_of(start..at - 2, Coding::SqlComment, ""));
        self.at = at;
        Ok(())
    }

    /// `$tag$…$tag$`, or a parameter.
    fn dollar(&mut self, visit: &mut Visit<'t, '_>) -> Result<(), Malformed> {
        let rest = &self.text[self.at..];
        let tag = rest[1..].find('$').map(|end| &rest[..end + 2]).filter(|tag| {
            let name = &tag[1..tag.len() - 1];
            !name.starts_with(|c: char| c.is_ascii_digit())
                && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | 0x80..))
        });
        let Some(tag) = tag else {
            // `$1` is no number.
            self.at += 1 + rest.bytes().skip(1).take_while(u8::is_ascii_digit).count();
            return Ok(());
        };
        let length = rest[tag.len()..].find(tag);
        let start = self.at + tag.len();
        let end = start + length.ok_or_else(|| self.error(self.at, "a literal does not end"))?;
        visit(Leaf::value_of(start..end, Coding::SqlDollar, self.label()));
        self.at = end + tag.len();
        Ok(())
    }

    /// The end of a statement; rows follow behind a COPY from the same file.
    fn end(&mut self, visit: &mut Visit<'t, '_>) -> Result<(), Malformed> {
        let copies = self.statement.verb.eq_ignore_ascii_case("copy");
        let statement = &self.text[self.statement.start..self.at];
        let words = if copies { statement.to_ascii_lowercase() } else { String::new() };
        let behind = words.match_indices("stdin").map(|(at, word)| (at, at + word.len()));
        let from = behind.into_iter().find(|(at, _)| words[..*at].trim_end().ends_with("from"));
        self.at += 1;
        if let Some((_, from)) = from {
            // Other forms of rows would be divided in the wrong places.
            if !words[from..].trim().is_empty() {
                return Err(self.error(self.at - 1, "a COPY has options that are not read"));
            }
            self.rows(visit);
        }
        self.statement = Statement { start: self.at, ..Statement::default() };
        Ok(())
    }

    /// The rows of a COPY in its text format, to `\.` or the end.
    fn rows(&mut self, visit: &mut Visit<'t, '_>) {
        let line_end = |at: usize| {
            memchr::memchr(b'\n', &self.bytes[at..]).map_or(self.bytes.len(), |end| at + end)
        };
        let mut at = line_end(self.at) + 1;
        while at < self.bytes.len() {
            let end = line_end(at);
            let line = self.text[at..end].strip_suffix('\r').unwrap_or(&self.text[at..end]);
            if line == "\\." {
                at = end;
                break;
            }
            let mut start = at;
            for (column, cell) in line.split('\t').enumerate() {
                let label = self.statement.columns.get(column).copied().unwrap_or_default();
                let range = start..start + cell.len();
                start = range.end + 1;
                if cell != "\\N" {
                    visit(Leaf { range, role: Role::Value, coding: Coding::SqlCopy, label });
                }
            }
            at = end + 1;
        }
        self.at = at.min(self.bytes.len());
    }
}

/// The length of the signed exponent (`-5`) that goes on behind a number (`1e`).
fn exponent(number: &[u8], rest: &[u8]) -> usize {
    let digits = rest.iter().skip(1).take_while(|b| b.is_ascii_digit()).count();
    let [b'+' | b'-', ..] = rest else { return 0 };
    let open = matches!(number, [b'0'..=b'9', whole @ .., b'e' | b'E']
        if whole.iter().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'_')));
    if open && digits > 0 { 1 + digits } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leaves(text: &str) -> Vec<String> {
        super::super::leaves(crate::mask::Container::Sql, "name", text).unwrap()
    }

    #[test]
    fn literals_of_all_kinds_are_leaves() {
        assert_eq!(
            leaves(
                r#"SELECT 'it''s', E'a\'b', $q$it's $1$q$, U&'\0061', x'1f', $1, a1, 2.5e3 -- 'c'"#
            ),
            ["=it''s", r"=a\'b", "=it's $1", r"=\0061", "=1f", "=2.5e3", "= 'c'"]
        );
        assert_eq!(leaves("/* a /* b */ c */ \"d\"\"e\""), ["= a /* b */ c ", "name=d\"\"e"]);
        assert_eq!(leaves("\\connect shop 'x\nSELECT 1"), ["=connect shop 'x", "=1"]);
        assert_eq!(leaves(r"'a\'"), [r"=a\"], "standard strings");
        assert_eq!(leaves("1.5e-3+2, 0x1e-5, 1e+x"), ["=1.5e-3", "=2", "=0x1e", "=5", "=1e"]);
    }

    #[test]
    fn values_have_the_names_of_their_columns() {
        assert_eq!(
            leaves("INSERT INTO t (a, \"b c\") VALUES (1, 'x'), (f(2, 3), 'y'); SELECT 'z'"),
            ["name=b c", "a=1", "b c=x", "a=2", "a=3", "b c=y", "=z"]
        );
        assert_eq!(
            leaves("COPY public.t (a, b) FROM stdin;\n1\tit's\n\\N\ta\\tb\n\\.\n\nSELECT 'z';"),
            ["a=1", "b=it's", "b=a\\tb", "=z"]
        );
        assert_eq!(leaves("COPY t (a)\nFROM  STDIN ;\nx y\n\\.\n"), ["a=x y"]);
    }

    #[test]
    fn what_does_not_end_is_refused() {
        for text in [
            "'a",
            "\"a",
            "E'a\\'",
            "/* a",
            "$q$ a",
            "COPY t FROM stdin WITH (FORMAT csv);\na,b\n\\.",
            "COPY t\nFROM  STDIN (FORMAT csv);\na,b\n\\.",
        ] {
            assert!(walk(text, &mut |_| ()).is_err(), "{text}");
        }
    }
}
