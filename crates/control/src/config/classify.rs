//! Which column holds which category of personal data, as the configuration says.
//!
//! `schema.table.column` with `*` in any part: `public.customers.email`,
//! `"*.*.ssn"`, `crm.person_*.*`. A part with a dot or a star of its own stands in
//! double quotes. The most specific pattern wins; two patterns that are equally
//! specific, can name the same column and disagree are an error of the file, found
//! when it is loaded, not when a row passes.

use portreeve_model::Category;
use std::fmt;

/// A pattern for columns.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ColumnPattern {
    parts: [Part; 3],
}

/// One part: literal pieces with any text between them.
///
/// `["email"]` is exact; `["", ""]` is `*`; `["person_", ""]` is `person_*`.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Part {
    pieces: Vec<String>,
}

impl Part {
    fn is_exact(&self) -> bool {
        self.pieces.len() == 1
    }

    fn literal_chars(&self) -> usize {
        self.pieces.iter().map(|piece| piece.chars().count()).sum()
    }

    fn matches(&self, name: &str) -> bool {
        let Some((first, rest)) = self.pieces.split_first() else {
            return false;
        };
        let Some(mut left) = name.strip_prefix(first.as_str()) else {
            return false;
        };
        let Some((last, middle)) = rest.split_last() else {
            return left.is_empty();
        };
        for piece in middle {
            let Some(at) = left.find(piece.as_str()) else {
                return false;
            };
            left = left.get(at + piece.len()..).unwrap_or_default();
        }
        left.ends_with(last.as_str())
    }

    /// The symbols of the part: a character, or `None` for any text.
    fn symbols(&self) -> Vec<Option<char>> {
        let mut symbols = Vec::new();
        for (index, piece) in self.pieces.iter().enumerate() {
            if index > 0 {
                symbols.push(None);
            }
            symbols.extend(piece.chars().map(Some));
        }
        symbols
    }

    /// Whether some name matches both.
    fn overlaps(&self, other: &Self) -> bool {
        let (left, right) = (self.symbols(), other.symbols());
        // reach[i][j]: the first i symbols of one and j of the other can spell the same text.
        let mut reach = vec![vec![false; right.len() + 1]; left.len() + 1];
        reach[0][0] = true;
        for i in 0..=left.len() {
            for j in 0..=right.len() {
                let skip_left = i > 0 && left[i - 1].is_none() && reach[i - 1][j];
                let skip_right = j > 0 && right[j - 1].is_none() && reach[i][j - 1];
                // A star of one side swallows a symbol of the other.
                let swallow_left = i > 0 && j > 0 && right[j - 1].is_none() && reach[i - 1][j];
                let swallow_right = i > 0 && j > 0 && left[i - 1].is_none() && reach[i][j - 1];
                let equal = i > 0
                    && j > 0
                    && left[i - 1].is_some()
                    && left[i - 1] == right[j - 1]
                    && reach[i - 1][j - 1];
                reach[i][j] |= skip_left || skip_right || swallow_left || swallow_right || equal;
            }
        }
        reach[left.len()][right.len()]
    }
}

impl ColumnPattern {
    /// Reads `schema.table.column`.
    ///
    /// # Errors
    /// Why it is not a pattern, for the operator.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut parts = Vec::new();
        let mut rest = text;
        loop {
            let (part, after) = read_part(rest)?;
            parts.push(part);
            match after.strip_prefix('.') {
                Some(next) => rest = next,
                None if after.is_empty() => break,
                None => return Err("has text after a closing quote".into()),
            }
        }
        let count = parts.len();
        let parts = <[Part; 3]>::try_from(parts)
            .map_err(|_| format!("has {count} of the three parts `schema.table.column`"))?;
        Ok(Self { parts })
    }

    /// Whether the pattern names a column.
    #[must_use]
    pub fn matches(&self, schema: &str, table: &str, column: &str) -> bool {
        self.parts.iter().zip([schema, table, column]).all(|(part, name)| part.matches(name))
    }

    /// The schema, table and column, if it names exactly one.
    #[must_use]
    pub fn exact(&self) -> Option<[String; 3]> {
        let is_exact = self.parts.iter().all(Part::is_exact);
        is_exact.then(|| self.parts.each_ref().map(|part| part.pieces.concat()))
    }

    /// More exact parts first, then more literal characters.
    fn specificity(&self) -> (usize, usize) {
        let exact = self.parts.iter().filter(|part| part.is_exact()).count();
        let literal = self.parts.iter().filter(|part| !part.is_exact());
        (exact, literal.map(Part::literal_chars).sum())
    }

    fn overlaps(&self, other: &Self) -> bool {
        self.parts.iter().zip(&other.parts).all(|(left, right)| left.overlaps(right))
    }
}

fn read_part(text: &str) -> Result<(Part, &str), String> {
    if let Some(quoted) = text.strip_prefix('"') {
        let mut name = String::new();
        let mut rest = quoted;
        loop {
            let Some(at) = rest.find('"') else {
                return Err("has an open quote".into());
            };
            name.push_str(rest.get(..at).unwrap_or_default());
            rest = rest.get(at + 1..).unwrap_or_default();
            match rest.strip_prefix('"') {
                Some(after) => {
                    name.push('"');
                    rest = after;
                }
                None => break,
            }
        }
        if name.is_empty() {
            return Err("has an empty part".into());
        }
        return Ok((Part { pieces: vec![name] }, rest));
    }
    let end = text.find('.').unwrap_or(text.len());
    let (part, rest) = text.split_at(end);
    if part.is_empty() {
        return Err("has an empty part".into());
    }
    if part.len() > PART_BYTES_MAX {
        return Err(format!("has a part longer than {PART_BYTES_MAX} bytes"));
    }
    if part.contains(|c: char| c == '"' || c.is_whitespace()) {
        return Err("has a blank or a quote inside a part; quote the whole part".into());
    }
    if part.contains(char::is_uppercase) {
        // SECURITY: targets fold unquoted names; a pattern that silently never
        // matches would leave a column unmasked.
        return Err("has an upper-case letter; write it in lower case, or quote the part \
             where the target really spells it so"
            .into());
    }
    Ok((Part { pieces: part.split('*').map(str::to_owned).collect() }, rest))
}

impl fmt::Display for ColumnPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, part) in self.parts.iter().enumerate() {
            if index > 0 {
                f.write_str(".")?;
            }
            let quoted = part.is_exact() && part.pieces.iter().any(|piece| needs_quotes(piece));
            if quoted {
                write!(f, "\"{}\"", part.pieces.concat().replace('"', "\"\""))?;
            } else {
                f.write_str(&part.pieces.join("*"))?;
            }
        }
        Ok(())
    }
}

fn needs_quotes(piece: &str) -> bool {
    piece.contains(|c: char| matches!(c, '.' | '*' | '"') || c.is_whitespace() || c.is_uppercase())
}

/// What the `classify` section of a resource says.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Classification {
    /// Most specific first.
    entries: Vec<(ColumnPattern, Category)>,
}

/// Two patterns that disagree about a column.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Conflict {
    /// Index of the one.
    pub first: usize,
    /// Index of the other, later in the file.
    pub second: usize,
}

impl Classification {
    /// Orders patterns.
    ///
    /// # Errors
    /// Every pair of patterns that are equally specific, overlap and disagree.
    pub fn new(entries: Vec<(ColumnPattern, Category)>) -> Result<Self, Vec<Conflict>> {
        let mut conflicts = Vec::new();
        for (second, (pattern, category)) in entries.iter().enumerate() {
            for (first, (earlier, other)) in entries.iter().take(second).enumerate() {
                let equal = earlier.specificity() == pattern.specificity();
                if equal && other != category && earlier.overlaps(pattern) {
                    conflicts.push(Conflict { first, second });
                }
            }
        }
        if !conflicts.is_empty() {
            return Err(conflicts);
        }
        let mut entries = entries;
        entries.sort_by_key(|(pattern, _)| std::cmp::Reverse(pattern.specificity()));
        Ok(Self { entries })
    }

    /// The category of a column, as the target spells its names.
    #[must_use]
    pub fn category_of(&self, schema: &str, table: &str, column: &str) -> Option<&Category> {
        self.entries
            .iter()
            .find(|(pattern, _)| pattern.matches(schema, table, column))
            .map(|(_, category)| category)
    }

    /// The patterns, most specific first.
    pub fn entries(&self) -> impl Iterator<Item = (&ColumnPattern, &Category)> {
        self.entries.iter().map(|(pattern, category)| (pattern, category))
    }
}

const PART_BYTES_MAX: usize = 63;

#[cfg(test)]
mod tests {
    use super::*;

    fn classification(entries: &[(&str, &str)]) -> Result<Classification, Vec<Conflict>> {
        let read = |(pattern, category): &(&str, &str)| {
            (ColumnPattern::parse(pattern).unwrap(), Category::from(*category))
        };
        Classification::new(entries.iter().map(read).collect())
    }

    #[test]
    fn the_most_specific_pattern_wins() {
        let all = classification(&[
            ("*.*.*", "other"),
            ("*.*.email", "email"),
            ("public.customers.*", "customer"),
            ("public.customers.email", "login"),
            ("*.*.*_mail", "email"),
            ("\"Odd.Schema\".\"a*b\".x", "odd"),
        ])
        .unwrap();
        let check = |path: [&str; 3], expect: &str| {
            let found = all.category_of(path[0], path[1], path[2]);
            assert_eq!(found, Some(&Category::from(expect)), "{path:?}");
        };
        check(["public", "customers", "email"], "login");
        check(["public", "customers", "name"], "customer");
        check(["crm", "people", "email"], "email");
        check(["crm", "people", "work_mail"], "email");
        check(["crm", "people", "x"], "other");
        check(["Odd.Schema", "a*b", "x"], "odd");
        check(["Odd.Schema", "aXb", "x"], "other");
    }

    #[test]
    fn equal_patterns_that_disagree_are_found() {
        let conflict = |entries: &[(&str, &str)]| classification(entries).is_err();
        assert!(conflict(&[("public.*.email", "a"), ("*.customers.email", "b")]));
        assert!(!conflict(&[("public.*.email", "a"), ("*.customers.email", "a")]));
        assert!(!conflict(&[("public.*.email", "a"), ("crm.*.email", "b")]));
        assert!(conflict(&[("a.b.*_id", "a"), ("a.b.id_*", "b")]));
        assert!(!conflict(&[("a.b.x_*", "a"), ("a.b.y_*", "b")]));
        assert!(conflict(&[("a.b.c", "a"), ("a.b.c", "b")]));
    }

    #[test]
    fn overlap_agrees_with_trying_every_short_name() {
        let texts = ["*", "a", "a*", "*a", "a*b", "b*", "*ab*", "ab", "ba*", "**"];
        let names: Vec<String> = (0..=4u32)
            .flat_map(|length| (0..2u32.pow(length)).map(move |bits| (length, bits)))
            .map(|(length, bits)| {
                (0..length).map(|at| if bits >> at & 1 == 0 { 'a' } else { 'b' }).collect()
            })
            .collect();
        let part = |text: &str| read_part(text).unwrap().0;
        for left in texts {
            for right in texts {
                let both = |name: &String| part(left).matches(name) && part(right).matches(name);
                let expect = names.iter().any(both);
                assert_eq!(part(left).overlaps(&part(right)), expect, "{left} {right}");
            }
        }
    }

    #[test]
    fn patterns_that_are_none() {
        for text in [
            "",
            "a",
            "a.b",
            "a.b.c.d",
            "a..c",
            "a.\"b.c",
            "a.\"b\"x.c",
            "a.b c.d",
            "a.\"\".c",
            "a.B.c",
        ] {
            assert!(ColumnPattern::parse(text).is_err(), "{text}");
        }
        for text in ["a.b.c", "*.*.x", "\"A b\".\"c.d\".e\u{fc}", "a.\"x\"\"y\".c"] {
            assert_eq!(ColumnPattern::parse(text).unwrap().to_string(), text);
        }
    }
}
