//! A case asked of a column that somebody has already, by reading and nothing else.

use super::words::{replaced, words};
use super::{Asked, Case, Expectation};
use std::collections::BTreeSet;

/// A column of a target.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ColumnPlace {
    /// Where it is.
    pub names: ColumnNames,
    /// Another column of the table, for cases that name rows by one.
    pub key: String,
    /// The table has so many rows that reading all of them is no test: it is read in part.
    pub is_large: bool,
}

/// The names of a column.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ColumnNames {
    /// The schema.
    pub schema: String,
    /// The table.
    pub table: String,
    /// The column.
    pub column: String,
}

/// Rows of a large table that are read.
const ROWS_OF_LARGE: u32 = 20;

/// What the cases call the table and the column that they are about.
const TABLE: &str = "customers";
const COLUMNS: [&str; 2] = ["email", "ssn"];
const KEY: &str = "id";

/// What else the corpus has: a case that names any of it is about more than a column.
const OTHERS: &str = include_str!("../../../../corpus/sql/schema.sql");

/// With what a statement begins that can be asked of somebody's own table.
const BEGINS: [&str; 6] = ["select", "table", "with", "values", "explain", "copy"];

impl ColumnPlace {
    /// A case as it is asked of the column; none where it is about more than that, or does more
    /// than read.
    #[must_use]
    pub fn asked(&self, case: &Case) -> Option<Asked> {
        let Expectation { masked, needs, whole, .. } = &case.expectation;
        let lower = case.sql.trim_start_matches('(').to_ascii_lowercase();
        let first = words(&lower).next().map(|word| word.text).unwrap_or_default();
        let names: BTreeSet<&str> =
            words(&lower).filter(|word| word.is_name).map(|word| word.text).collect();
        let only_reads = BEGINS.contains(&first)
            && (first != "copy" || names.contains("stdout"))
            && !names.contains("update")
            && needs.iter().all(|need| need == "filter" || need == "probe");
        let is_about_one = names.contains(TABLE) && !names.iter().any(|name| is_other(name));
        let says_something = !masked.is_empty() || *whole || !needs.is_empty();
        if case.outside.is_some() || !only_reads || !is_about_one || !says_something {
            return None;
        }
        let sql = self.written(&case.sql)?;
        Some(Asked { sql, expectation: case.expectation.clone() })
    }

    /// A text of the corpus with the names of the column; none where they do not fit into it.
    #[must_use]
    pub fn written(&self, sql: &str) -> Option<String> {
        let is_spelt_otherwise = words(sql).any(|word| {
            let lower = word.text.to_ascii_lowercase();
            lower != word.text && self.other_name(&lower).is_some()
        });
        if is_spelt_otherwise && !self.is_plain() {
            return None;
        }
        let rewritten = replaced(sql, |word| {
            let lower = word.text.to_ascii_lowercase();
            let other = self.other_name(&lower)?;
            Some(match (word.is_quoted, lower == word.text) {
                (true, true) => other.replace('"', "\"\""),
                // In capitals and in quotes it names something else, here and there.
                (true, false) => return None,
                (false, true) => format!("\"{}\"", other.replace('"', "\"\"")),
                (false, false) => other.to_ascii_uppercase(),
            })
        });
        // SECURITY: names of somebody's own in a text: one with a quote would end a literal.
        let names = &self.names;
        let is_odd = |name: &str| name.contains(['\'', '"', '\\', '$']);
        if [&names.schema, &names.table, &names.column, &self.key].iter().any(|it| is_odd(it)) {
            return None;
        }
        match self.is_large {
            false => Some(rewritten),
            true => rewritten.get(..6).filter(|it| it.eq_ignore_ascii_case("select")).map(|_| {
                let ColumnNames { schema, table, .. } = names;
                format!(
                    "with \"{table}\" as (select * from \"{schema}\".\"{table}\" \
                     limit {ROWS_OF_LARGE}) {rewritten}"
                )
            }),
        }
    }

    fn other_name(&self, word: &str) -> Option<&str> {
        match word {
            TABLE => Some(&self.names.table),
            KEY => Some(&self.key),
            word if COLUMNS.contains(&word) => Some(&self.names.column),
            "public" => Some(&self.names.schema),
            _ => None,
        }
    }

    /// Whether its names may stand without quotes, in capitals.
    fn is_plain(&self) -> bool {
        [&self.names.table, &self.names.column, &self.key].iter().all(|name| {
            let is_part = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
            name.starts_with(|c: char| c.is_ascii_lowercase()) && name.chars().all(is_part)
        })
    }
}

/// Whether the corpus calls something so that is neither the table nor the column.
fn is_other(name: &str) -> bool {
    const KNOWN: [&str; 4] = [TABLE, KEY, "email", "ssn"];
    static NAMES: std::sync::LazyLock<BTreeSet<&str>> = std::sync::LazyLock::new(made_names);
    !KNOWN.contains(&name) && NAMES.contains(name)
}

/// The names of relations, columns, types and functions that the corpus makes: those that stand
/// behind CREATE, and the first of every line of columns.
fn made_names() -> BTreeSet<&'static str> {
    let mut names: BTreeSet<&str> = [
        "full_name",
        "phone",
        "dob",
        "iban",
        "notes",
        "country",
        "customer_id",
        "amount",
        "status",
        "price",
        "tags",
        "spec",
        "history",
        "label",
        "customer_email",
        "tax_id",
        "salary",
        "note",
        "employees",
        "events_2024",
        "pg_class",
    ]
    .into();
    let all: Vec<&str> = words(OTHERS).filter(|it| it.is_name).map(|it| it.text).collect();
    for (kind, name) in all.iter().zip(all.iter().skip(1)) {
        if ["TABLE", "VIEW", "SEQUENCE", "FUNCTION", "PROCEDURE", "TYPE", "DOMAIN", "SCHEMA"]
            .contains(kind)
            && *name != "reverse"
        {
            names.insert(name);
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cases::cases;

    fn place(table: &str, column: &str, is_large: bool) -> ColumnPlace {
        let names =
            ColumnNames { schema: "crm".into(), table: table.into(), column: column.into() };
        ColumnPlace { names, key: "no".into(), is_large }
    }

    fn asked(place: &ColumnPlace, name: &str) -> Option<String> {
        let case = cases().iter().find(|case| case.name == name).unwrap();
        Some(place.asked(case)?.sql)
    }

    #[test]
    fn cases_are_asked_of_other_columns() {
        let people = place("people", "mail", false);
        let check = |name: &str, expect: Option<&str>| {
            assert_eq!(asked(&people, name).as_deref(), expect, "{name}");
        };
        check("values/alias", Some("select \"mail\" as x from \"people\""));
        check("values/like", Some("select \"no\" from \"people\" where \"mail\" like 'a%'"));
        check("text/quoted-identifier", Some("SELECT \"mail\" FROM \"people\""));
        check("text/upper-case", Some("SELECT MAIL FROM PEOPLE"));
        check("names/view-renames", None);
        check("values/insert-select", None);
        check("writes/do", None);
        check("values/dblink", None);
    }

    #[test]
    fn odd_names_and_large_tables() {
        let odd = place("Odd Names", "E-Mail", false);
        assert_eq!(
            asked(&odd, "values/alias").unwrap(),
            "select \"E-Mail\" as x from \"Odd Names\""
        );
        assert_eq!(asked(&odd, "text/upper-case"), None);
        assert_eq!(asked(&place("a'; drop table b; --", "c", false), "values/alias"), None);
        let large = place("people", "mail", true);
        let text = asked(&large, "values/alias").unwrap();
        assert!(text.starts_with("with \"people\" as (select * from \"crm\".\"people\" limit 20)"));
        assert_eq!(asked(&large, "names/table-command"), None);
    }

    #[test]
    fn many_cases_fit_a_column() {
        let people = place("people", "mail", false);
        let count = cases().iter().filter(|case| people.asked(case).is_some()).count();
        assert!(count >= 120, "only {count}");
    }
}
