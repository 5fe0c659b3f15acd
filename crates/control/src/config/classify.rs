//! Which objects hold which category of personal data, as the configuration says.
//!
//! A pattern has as many parts as its kind of object has names, `schema.table.column` for
//! columns, with `*` in any part: `public.customers.email`, `"*.*.ssn"`, `crm.person_*.*`.
//! A part with a dot or a star of its own stands in double quotes. How long a name can be,
//! and what becomes of its case, is the family's to say. The most specific pattern wins; two
//! patterns that are equally specific, can name the same object and disagree are an error of
//! the file, found when it is loaded, not when a value passes.

use portreeve_model::{Case, Category, Family, ObjectKind, holds_pieces};
use std::fmt;

/// A pattern for objects of one kind.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ObjectPattern {
    kind: ObjectKind,
    /// As many as the kind has names.
    parts: Vec<Part>,
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
        holds_pieces(&self.pieces, name)
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
        if self.is_exact() {
            return other.matches(&self.pieces.concat());
        }
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

impl ObjectPattern {
    /// Reads a pattern for a kind: `schema.table.column` for columns.
    ///
    /// # Errors
    /// Why it is not a pattern, for the operator.
    pub fn parse(kind: ObjectKind, text: &str) -> Result<Self, String> {
        let row = kind.row();
        let mut parts = Vec::new();
        let mut rest = text;
        loop {
            let (part, after) = read_part(row.family, rest)?;
            parts.push(part);
            match after.strip_prefix('.') {
                Some(next) => rest = next,
                None if after.is_empty() => break,
                None => return Err("has text after a closing quote".into()),
            }
        }
        let (count, expect) = (parts.len(), row.parts.len());
        if count != expect {
            let shape = row.parts.join(".");
            return Err(format!("has {count} of the {expect} parts `{shape}`"));
        }
        Ok(Self { kind, parts })
    }

    /// What it names objects of.
    #[must_use]
    pub const fn kind(&self) -> ObjectKind {
        self.kind
    }

    /// The names that its parts give, from the outside in; none of those with a star.
    pub fn names(&self) -> impl Iterator<Item = Option<String>> {
        self.parts.iter().map(|part| part.is_exact().then(|| part.pieces.concat()))
    }

    /// Whether the pattern names an object.
    #[must_use]
    pub fn matches<Name: AsRef<str>>(&self, kind: ObjectKind, path: &[Name]) -> bool {
        let mut pairs = self.parts.iter().zip(path);
        self.kind == kind
            && self.parts.len() == path.len()
            && pairs.all(|(part, name)| part.matches(name.as_ref()))
    }

    /// The path of the object, if it names exactly one.
    #[must_use]
    pub fn exact(&self) -> Option<Vec<String>> {
        self.is_exact().then(|| self.parts.iter().map(|part| part.pieces.concat()).collect())
    }

    fn is_exact(&self) -> bool {
        self.parts.iter().all(Part::is_exact)
    }

    /// More exact parts first, then more literal characters.
    fn specificity(&self) -> (usize, usize) {
        let exact = self.parts.iter().filter(|part| part.is_exact()).count();
        let literal = self.parts.iter().filter(|part| !part.is_exact());
        (exact, literal.map(Part::literal_chars).sum())
    }

    fn overlaps(&self, other: &Self) -> bool {
        let mut pairs = self.parts.iter().zip(&other.parts);
        self.kind == other.kind && pairs.all(|(left, right)| left.overlaps(right))
    }
}

fn read_part(family: Family, text: &str) -> Result<(Part, &str), String> {
    let (part, rest) = match text.strip_prefix('"') {
        Some(quoted) => read_quoted(quoted)?,
        None => read_bare(family, text)?,
    };
    let bytes_max = family.name_bytes_max();
    if part.pieces.iter().map(String::len).sum::<usize>() > bytes_max {
        return Err(format!("has a part longer than {bytes_max} bytes"));
    }
    Ok((part, rest))
}

fn read_quoted(text: &str) -> Result<(Part, &str), String> {
    let mut name = String::new();
    let mut rest = text;
    loop {
        let (before, after) = rest.split_once('"').ok_or("has an open quote")?;
        name.push_str(before);
        match after.strip_prefix('"') {
            Some(doubled) => {
                name.push('"');
                rest = doubled;
            }
            None if name.is_empty() => return Err("has an empty part".into()),
            None => return Ok((Part { pieces: vec![name] }, after)),
        }
    }
}

fn read_bare(family: Family, text: &str) -> Result<(Part, &str), String> {
    let end = text.find('.').unwrap_or(text.len());
    let (part, rest) = text.split_at(end);
    if part.is_empty() {
        return Err("has an empty part".into());
    }
    if part.contains(|c: char| c == '"' || c.is_whitespace()) {
        return Err("has a blank or a quote inside a part; quote the whole part".into());
    }
    match family.case() {
        // SECURITY: a pattern that silently never matches would leave a value unmasked.
        Case::Folded if part.contains(char::is_uppercase) => {
            Err("has an upper-case letter; write it in lower case, or quote the part \
                 where the target really spells it so"
                .into())
        }
        Case::Folded | Case::Kept => {
            Ok((Part { pieces: part.split('*').map(str::to_owned).collect() }, rest))
        }
    }
}

impl fmt::Display for ObjectPattern {
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

/// What is said of the objects that a pattern names.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Said {
    /// They hold personal data.
    Holds(Category),
    /// They hold none: nobody looks through them.
    Clear {
        /// How that is known, for people.
        reason: String,
    },
}

impl Said {
    /// The category of what they hold.
    fn category(&self) -> Option<&Category> {
        match self {
            Self::Holds(category) => Some(category),
            Self::Clear { .. } => None,
        }
    }

    /// Whether both mean the same for a value: reasons may differ.
    fn is_like(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Holds(one), Self::Holds(two)) => one == two,
            (Self::Clear { .. }, Self::Clear { .. }) => true,
            (Self::Holds(_), Self::Clear { .. }) | (Self::Clear { .. }, Self::Holds(_)) => false,
        }
    }
}

/// What the `classify` section of a resource says.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Classification {
    /// Most specific first.
    entries: Vec<(ObjectPattern, Said)>,
}

/// Two patterns that disagree about an object.
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
    pub fn new(entries: Vec<(ObjectPattern, Said)>) -> Result<Self, Vec<Conflict>> {
        let mut conflicts = Vec::new();
        for (second, (pattern, said)) in entries.iter().enumerate() {
            for (first, (earlier, other)) in entries.iter().take(second).enumerate() {
                let equal = earlier.specificity() == pattern.specificity();
                if equal && !other.is_like(said) && earlier.overlaps(pattern) {
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

    /// The category of an object, as the target spells its names.
    #[must_use]
    pub fn category_of<Name: AsRef<str>>(
        &self,
        kind: ObjectKind,
        path: &[Name],
    ) -> Option<&Category> {
        self.said_of(kind, path)?.category()
    }

    /// The category of an object by patterns that do not name another one.
    #[must_use]
    pub fn category_apart<Name: AsRef<str>>(
        &self,
        kind: ObjectKind,
        path: &[Name],
        other: &[Name],
    ) -> Option<&Category> {
        let is_apart =
            |pattern: &ObjectPattern| pattern.matches(kind, path) && !pattern.matches(kind, other);
        let (_, said) = self.entries.iter().find(|(pattern, _)| is_apart(pattern))?;
        said.category()
    }

    /// Whether a pattern without a star names an object.
    #[must_use]
    pub fn names_exactly<Name: AsRef<str>>(&self, kind: ObjectKind, path: &[Name]) -> bool {
        let is_it = |pattern: &ObjectPattern| pattern.matches(kind, path) && pattern.is_exact();
        self.entries.iter().any(|(pattern, _)| is_it(pattern))
    }

    /// Whether somebody has said that an object holds nothing personal.
    #[must_use]
    pub fn clears<Name: AsRef<str>>(&self, kind: ObjectKind, path: &[Name]) -> bool {
        matches!(self.said_of(kind, path), Some(Said::Clear { .. }))
    }

    fn said_of<Name: AsRef<str>>(&self, kind: ObjectKind, path: &[Name]) -> Option<&Said> {
        let found = self.entries.iter().find(|(pattern, _)| pattern.matches(kind, path));
        found.map(|(_, said)| said)
    }

    /// Everything that is said, the most specific patterns first.
    pub fn entries(&self) -> impl Iterator<Item = (&ObjectPattern, &Said)> {
        self.entries.iter().map(|(pattern, said)| (pattern, said))
    }

    /// Whether anything is said of any object.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Whether somebody has said what an object holds.
    #[must_use]
    pub fn names<Name: AsRef<str>>(&self, kind: ObjectKind, path: &[Name]) -> bool {
        self.said_of(kind, path).is_some()
    }

    /// The patterns that name none of these objects, as the file would spell them: a slip of
    /// the pen, or something that is gone.
    #[must_use]
    pub fn unmatched<Name: AsRef<str>>(&self, kind: ObjectKind, paths: &[&[Name]]) -> Vec<String> {
        let is_idle = |pattern: &&ObjectPattern| !paths.iter().any(|it| pattern.matches(kind, it));
        let patterns = self.entries.iter().map(|(pattern, _)| pattern);
        patterns.filter(is_idle).map(ToString::to_string).collect()
    }

    /// The categories that are given, those of the most specific patterns first.
    pub fn categories(&self) -> impl Iterator<Item = &Category> {
        self.entries.iter().filter_map(|(_, said)| said.category())
    }

    /// Whether any pattern gives a category.
    #[must_use]
    pub fn holds_any(&self) -> bool {
        self.categories().next().is_some()
    }

    /// The last names of patterns that end without a star, each once.
    #[must_use]
    pub fn last_names(&self) -> Vec<String> {
        let classified = self.entries.iter().filter(|(_, said)| matches!(said, Said::Holds(_)));
        let lasts = classified.filter_map(|(pattern, _)| pattern.parts.last());
        let exact = lasts.filter(|part| part.is_exact()).map(|part| part.pieces.concat());
        exact.collect::<std::collections::BTreeSet<_>>().into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn columns(text: &str) -> Result<ObjectPattern, String> {
        ObjectPattern::parse(ObjectKind::COLUMN, text)
    }

    fn classification(entries: &[(&str, &str)]) -> Result<Classification, Vec<Conflict>> {
        let read = |(pattern, category): &(&str, &str)| {
            let said = match *category {
                "clear" => Said::Clear { reason: format!("of {pattern}") },
                category => Said::Holds(category.into()),
            };
            (columns(pattern).unwrap(), said)
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
            let found = all.category_of(ObjectKind::COLUMN, &path);
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
    fn what_is_cleared_has_no_category() {
        let all = classification(&[
            ("*.*.name", "person-name"),
            ("public.products.*", "clear"),
            ("public.products.owner", "person-name"),
            ("public.*.name", "clear"),
        ])
        .unwrap();
        let check = |path: [&str; 3], category: bool, clear: bool| {
            let kind = ObjectKind::COLUMN;
            let got = (all.category_of(kind, &path).is_some(), all.clears(kind, &path));
            assert_eq!(got, (category, clear), "{path:?}");
        };
        check(["public", "products", "name"], false, true);
        check(["public", "products", "owner"], true, false);
        check(["crm", "people", "name"], true, false);
        check(["crm", "people", "note"], false, false);
        assert!(classification(&[("a.b.*_id", "clear"), ("a.b.id_*", "x")]).is_err());
        assert!(classification(&[("a.b.*_id", "clear"), ("a.b.id_*", "clear")]).is_ok());
    }

    #[test]
    fn patterns_that_name_nothing_are_found() {
        let all = classification(&[("public.customers.emial", "email"), ("*.*.ssn", "clear")]);
        let all = all.unwrap();
        let check = |columns: &[&[&str]], expect: &[&str]| {
            assert_eq!(all.unmatched(ObjectKind::COLUMN, columns), expect, "{columns:?}");
        };
        check(&[&["public", "customers", "email"]], &["public.customers.emial", "*.*.ssn"]);
        check(&[&["crm", "people", "ssn"]], &["public.customers.emial"]);
        check(&[&["crm", "people", "ssn"], &["public", "customers", "emial"]], &[]);
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
        let part = |text: &str| read_part(Family::Sql, text).unwrap().0;
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
            assert!(columns(text).is_err(), "{text}");
        }
        for text in ["a.b.c", "*.*.x", "\"A b\".\"c.d\".e\u{fc}", "a.\"x\"\"y\".c"] {
            assert_eq!(columns(text).unwrap().to_string(), text);
        }
    }

    #[test]
    fn a_kind_says_how_many_parts_and_how_long_and_in_which_case() {
        let long = "a".repeat(64);
        let check = |kind, text: &str, expect: &str| {
            let why = ObjectPattern::parse(kind, text).err().unwrap_or_default();
            assert_eq!(why, expect, "{text}");
        };
        check(ObjectKind::COLUMN, "a.b", "has 2 of the 3 parts `schema.table.column`");
        check(ObjectKind::ROUTE, "a", "has 1 of the 2 parts `host.route`");
        check(ObjectKind::COLUMN, &format!("a.b.{long}"), "has a part longer than 63 bytes");
        check(ObjectKind::COLUMN, &format!("a.b.\"{long}\""), "has a part longer than 63 bytes");
        check(ObjectKind::FIELD, &format!("*.\"/{long}/{{id}}\".Email"), "");
        check(
            ObjectKind::FIELD,
            &format!("*.*.{}", "a".repeat(8_001)),
            "has a part longer than 8000 bytes",
        );
        check(ObjectKind::ARGUMENT, "crm.find_person.eMail", "");
        let folded = columns("a.b.eMail").unwrap_err();
        assert!(folded.contains("upper-case"), "{folded}");
    }

    #[test]
    fn a_pattern_names_objects_of_its_kind() {
        let field = ObjectPattern::parse(ObjectKind::FIELD, "*.\"/people/{id}\".email").unwrap();
        let path = ["api.example.com", "/people/{id}", "email"];
        assert!(field.matches(ObjectKind::FIELD, &path));
        assert!(!field.matches(ObjectKind::COLUMN, &path));
        assert!(!field.matches(ObjectKind::FIELD, &path[..2]));
        let all = Classification::new(vec![(field, Said::Holds("email".into()))]).unwrap();
        assert_eq!(all.category_of(ObjectKind::FIELD, &path), Some(&Category::from("email")));
        assert_eq!(all.category_of(ObjectKind::ARGUMENT, &path), None);
    }
}
