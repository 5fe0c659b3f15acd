//! The tables of the corpus in a schema of their own, with people who do not exist.

use super::words::{replaced, words};
use super::{Asked, Case};
use crate::canary::{Canaries, Person};

/// The tables that the cases speak of.
const TABLES: &str = include_str!("../../../../corpus/sql/schema.sql");
/// How every planted schema begins: what is older than a run is removed by the next.
const PREFIX: &str = "portreeve_selftest_";
const ARCHIVE: &str = "_archive";

/// Columns that hold values of people, by the names that the cases have for them: table, column,
/// type.
const COLUMNS: [(&str, &str, &str); 12] = [
    ("customers", "email", "text"),
    ("customers", "full_name", "text"),
    ("customers", "phone", "character varying"),
    ("customers", "ssn", "text"),
    ("customers", "dob", "date"),
    ("customers", "iban", "text"),
    ("customers", "notes", "text"),
    ("events", "customer_email", "text"),
    ("people", "tax_id", "text"),
    ("accounts", "iban_upper", "text"),
    ("contacts", "address", "address"),
    ("contacts", "history", "jsonb"),
];

/// A planted schema, and the one beside it that some cases look in.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PlantedSchema {
    name: String,
    /// When it was planted, in seconds since 1970-01-01 UTC.
    planted_at_s: u64,
}

impl PlantedSchema {
    /// Names one: by the time, and by chance.
    #[must_use]
    pub fn new(now_s: u64, chance: u32) -> Self {
        Self { name: format!("{PREFIX}{now_s:010x}_{chance:08x}"), planted_at_s: now_s }
    }

    /// Reads a name of one; none of any other schema, and none of what stands beside one.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        let (at, chance) = name.strip_prefix(PREFIX)?.split_once('_')?;
        let is_hex = |text: &str, length: usize| {
            text.len() == length && text.bytes().all(|byte| byte.is_ascii_hexdigit())
        };
        let planted_at_s = u64::from_str_radix(at, 16).ok()?;
        (is_hex(at, 10) && is_hex(chance, 8)).then(|| Self { name: name.to_owned(), planted_at_s })
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How long ago it was planted, in seconds.
    #[must_use]
    pub fn age_s(&self, now_s: u64) -> u64 {
        now_s.saturating_sub(self.planted_at_s)
    }

    /// Makes and fills the tables, and lets a role at them, named in quotes.
    #[must_use]
    pub fn plant(&self, canaries: &Canaries, role: &str) -> String {
        let name = &self.name;
        let made = self.rewritten(TABLES);
        let filled: String = canaries.people().iter().zip(1..).map(filled).collect();
        let grants: String = [name.clone(), format!("{name}{ARCHIVE}")]
            .iter()
            .map(|schema| {
                format!(
                    "GRANT ALL ON SCHEMA {schema} TO {role};\n\
                     GRANT ALL ON ALL TABLES IN SCHEMA {schema} TO {role};\n\
                     GRANT ALL ON ALL SEQUENCES IN SCHEMA {schema} TO {role};\n"
                )
            })
            .collect();
        format!(
            "CREATE SCHEMA {name};\nSET search_path = {name};\n{made}\n{filled}\
             INSERT INTO orders VALUES (1, 1, 10, 'new'), (2, 2, 20, 'paid');\n\
             INSERT INTO products (id, name, price) VALUES (1, 'chair', 40), (2, 'table', 90);\n\
             REFRESH MATERIALIZED VIEW m_customers;\n{grants}"
        )
    }

    /// Removes them.
    #[must_use]
    pub fn remove(&self) -> String {
        let name = &self.name;
        format!("DROP SCHEMA IF EXISTS {name}, {name}{ARCHIVE} CASCADE")
    }

    /// A case as it is asked here.
    #[must_use]
    pub fn asked(&self, case: &Case) -> Asked {
        Asked { sql: self.rewritten(&case.sql), expectation: case.expectation.clone() }
    }

    /// The columns with values of people that a case speaks of: table, column, type.
    /// One that names none reads rows whole.
    #[must_use]
    pub fn columns_of(&self, case: &Case) -> Vec<(&'static str, &'static str, &'static str)> {
        let lower = case.sql.to_ascii_lowercase();
        let named: Vec<&str> = words(&lower).filter(|it| it.is_name).map(|it| it.text).collect();
        let spoken = COLUMNS.into_iter().filter(|(_, column, _)| named.contains(column));
        let spoken: Vec<_> = spoken.collect();
        if !spoken.is_empty() {
            return spoken;
        }
        let whole = COLUMNS.into_iter().filter(|(table, ..)| named.contains(table));
        let whole: Vec<_> = whole.collect();
        if whole.is_empty() { vec![("customers", "email", "text")] } else { whole }
    }

    fn rewritten(&self, sql: &str) -> String {
        let archive = format!("{}{ARCHIVE}", self.name);
        replaced(sql, |word| match word.text {
            "public" => Some(self.name.clone()),
            "archive" => Some(archive.clone()),
            _ => None,
        })
    }
}

fn filled((person, id): (&Person, u32)) -> String {
    let Person { name, email, phone, national_id, birth_date, iban } = person;
    format!(
        "INSERT INTO customers VALUES ({id}, '{name}', '{email}', '{phone}', '{national_id}', \
         '{birth_date}', '{iban}', 'spoke to {name}, write to {email}', 'DE');\n\
         INSERT INTO contacts VALUES ({id}, '{email}', ROW('Main Street {id}', 'Berlin'), \
         '{{\"mail\": \"{email}\", \"call\": \"{phone}\"}}', 'contact {id}');\n\
         INSERT INTO accounts (id, iban) VALUES ({id}, '{iban}');\n\
         INSERT INTO events VALUES ({id}, '{email}', '2024-05-0{id}');\n\
         INSERT INTO employees VALUES ('{name}', '{national_id}', 1000);\n\
         INSERT INTO clients VALUES ({id}, 'firm {id}');\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cases::cases;

    #[test]
    fn names_say_when() {
        let planted = PlantedSchema::new(1_800_000_000, 7);
        assert_eq!(PlantedSchema::named(planted.name()), Some(planted.clone()));
        assert_eq!(planted.age_s(1_800_000_060), 60);
        for other in ["public", "portreeve_selftest_x_y", "portreeve_selftest_"] {
            assert_eq!(PlantedSchema::named(other), None, "{other}");
        }
        assert_eq!(PlantedSchema::named(&format!("{}_archive", planted.name())), None);
    }

    #[test]
    fn nothing_outside_the_schema_is_made() {
        let planted = PlantedSchema::new(1_800_000_000, 7);
        let text = planted.plant(&Canaries::new([3; 32]), "\"r\"");
        assert!(!text.contains("public.") && !text.contains("SCHEMA archive"));
        assert!(text.contains(&format!("CREATE SCHEMA {}_archive;", planted.name())));
    }

    #[test]
    fn a_case_speaks_of_columns() {
        let planted = PlantedSchema::new(1_800_000_000, 7);
        let of = |name: &str| {
            let case = cases().iter().find(|case| case.name == name).unwrap();
            planted.columns_of(case).iter().map(|(_, column, _)| *column).collect::<Vec<_>>()
        };
        assert_eq!(of("values/alias"), ["ssn"]);
        assert_eq!(of("names/partition-directly"), ["customer_email"]);
        assert!(of("names/table-command").contains(&"iban"));
    }
}
