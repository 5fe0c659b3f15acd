//! The published cases as this binary ships them: the files of `corpus/bypass`, and no copy.

mod column;
mod planted;
mod words;

pub use column::{ColumnNames, ColumnPlace};
pub use planted::PlantedSchema;

use std::sync::LazyLock;

const FILES: [(&str, &str); 4] = [
    ("names", include_str!("../../../../corpus/bypass/names.sql")),
    ("text", include_str!("../../../../corpus/bypass/text.sql")),
    ("values", include_str!("../../../../corpus/bypass/values.sql")),
    ("writes", include_str!("../../../../corpus/bypass/writes.sql")),
];

static CASES: LazyLock<Vec<Case>> = LazyLock::new(|| {
    FILES
        .iter()
        .flat_map(|(file, text)| text.split("-- case: ").skip(1).map(|it| read(file, it)))
        .collect()
});

/// One attempt.
#[derive(Clone, Debug)]
pub struct Case {
    /// `file/name` of the corpus.
    pub name: String,
    /// What keeps it from leaking.
    pub expectation: Expectation,
    /// What is asked.
    pub sql: String,
    /// What it reaches beside the transaction that it is asked in; such a case is asked of no
    /// target of somebody's.
    pub outside: Option<String>,
}

/// What keeps a case from leaking.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Expectation {
    /// Places of the values in a row that must not come as they are, from 1.
    pub masked: Vec<usize>,
    /// What it must be permitted to do, in the words of policies.
    pub needs: Vec<String>,
    /// It may be refused whoever asks.
    pub refused: bool,
    /// Nothing in a row may come as it is.
    pub whole: bool,
}

/// How a statement is sent, and its answer got.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Mode {
    /// One message with the text; values come as text.
    Simple,
    /// Prepared by the driver; values come in binary.
    Extended,
    /// Through a cursor of the session.
    Cursor,
    /// As a bulk copy.
    Copy,
    /// Prepared by a statement.
    Prepared,
}

impl Mode {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::Simple, Self::Extended, Self::Cursor, Self::Copy, Self::Prepared];

    /// What it is called.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Simple => "simple",
            Self::Extended => "extended",
            Self::Cursor => "cursor",
            Self::Copy => "copy",
            Self::Prepared => "prepared",
        }
    }

    /// What is sent for a statement, in order; nothing where it cannot be asked so.
    #[must_use]
    pub fn statements(self, asked: &Asked) -> Vec<String> {
        let sql = asked.sql.trim_end_matches([';', ' ', '\n']);
        match self {
            Self::Simple | Self::Extended => vec![asked.sql.clone()],
            Self::Cursor | Self::Copy | Self::Prepared if !asked.is_query() => Vec::new(),
            Self::Cursor => vec![
                format!("declare selftest_cursor cursor for {sql}"),
                "fetch all from selftest_cursor".to_owned(),
            ],
            Self::Copy => vec![format!("copy ({sql}) to stdout")],
            Self::Prepared => vec![
                format!("prepare selftest_statement as {sql}"),
                "execute selftest_statement".to_owned(),
            ],
        }
    }
}

/// A case as it is asked at one place.
#[derive(Clone, Debug)]
pub struct Asked {
    /// The text, with the names of the place.
    pub sql: String,
    /// What keeps it from leaking there.
    pub expectation: Expectation,
}

impl Asked {
    /// Whether it is one query, whose rows other ways give as well.
    fn is_query(&self) -> bool {
        let Expectation { masked, whole, .. } = &self.expectation;
        let begins = ["select", "values", "table", "with", "("];
        (!masked.is_empty() || *whole)
            && !self.sql.trim_end_matches([';', ' ', '\n']).contains(';')
            && begins.iter().any(|word| self.sql.to_ascii_lowercase().starts_with(word))
    }
}

/// All of them, in the order of the corpus.
#[must_use]
pub fn cases() -> &'static [Case] {
    &CASES
}

fn read(file: &str, text: &str) -> Case {
    let mut lines = text.lines();
    let name = format!("{file}/{}", lines.next().unwrap_or_default().trim());
    let (mut expectation, mut outside) = (Expectation::default(), None);
    let (mut is_escaped, mut sql) = (false, String::new());
    for line in lines {
        if let Some(expect) = line.strip_prefix("-- expect: ") {
            expectation = Expectation::read(expect);
        } else if let Some(why) = line.strip_prefix("-- outside: ") {
            outside = Some(why.to_owned());
        } else if line.starts_with("-- escaped: ") {
            is_escaped = true;
        } else {
            sql.push_str(line);
            sql.push('\n');
        }
    }
    let sql = sql.trim_end_matches('\n');
    let sql = if is_escaped { unescaped(sql) } else { sql.to_owned() };
    Case { name, expectation, sql, outside }
}

impl Expectation {
    /// Conditions stand between semicolons, alternatives between `or`: what one of them asks for
    /// is looked at, whichever it is.
    fn read(text: &str) -> Self {
        let mut read = Self::default();
        for condition in text.split(';').flat_map(|one| one.split(" or ")) {
            let words: Vec<&str> = condition.split_whitespace().collect();
            match words.as_slice() {
                ["masked", place] => {
                    read.masked.extend(place.parse().ok().filter(|place: &usize| *place > 0));
                }
                ["need", action, ..] => read.needs.push((*action).to_owned()),
                ["refused"] => read.refused = true,
                ["unproven"] => read.whole = true,
                _ => {}
            }
        }
        read
    }
}

fn unescaped(text: &str) -> String {
    text.replace("\\\\", "\u{1}")
        .replace("\\r", "\r")
        .replace("\\n", "\n")
        .replace("\\0", "\0")
        .replace("\\u{b}", "\u{b}")
        .replace("\\u{c}", "\u{c}")
        .replace('\u{1}', "\\")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_case_is_read_whole() {
        let written: usize = FILES.iter().map(|(_, text)| text.matches("-- case: ").count()).sum();
        assert_eq!(cases().len(), written);
        for case in cases() {
            assert!(!case.sql.trim().is_empty(), "{}", case.name);
            let Expectation { masked, needs, refused, whole } = &case.expectation;
            assert!(
                *refused || *whole || !(masked.is_empty() && needs.is_empty()),
                "{}",
                case.name
            );
        }
    }

    #[test]
    fn a_query_has_every_way_and_a_change_two() {
        let check = |sql: &str, expect: &str, ways: usize| {
            let asked = Asked { sql: sql.into(), expectation: Expectation::read(expect) };
            let found = Mode::ALL.iter().filter(|mode| !mode.statements(&asked).is_empty());
            assert_eq!(found.count(), ways, "{sql}");
        };
        check("select email from customers", "masked 1", 5);
        check("delete from orders", "need write public.orders", 2);
        check("copy customers to stdout", "masked 1", 2);
        check("select 1; select email from customers", "masked 1", 2);
    }
}
