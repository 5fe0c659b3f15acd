//! Reads what a target has, for people who are about to classify it: tables, columns, comments,
//! and a few rows of each. Read-only, with deadlines, in a session of its own.

use super::answers::{rows, set, text};
use super::dial::{Account, PostgresDialer};
use super::rules::ColumnRules;
use crate::wire::quoted;
use portreeve_decide::sql::postgres::questions::Row;
use portreeve_transport::{DialError, Dialer, PreAuth};
use std::collections::BTreeMap;

/// A table, or something else that stores rows.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct FoundTable {
    /// Its schema.
    pub schema: String,
    /// Its name.
    pub name: String,
    /// Its columns, in order.
    pub columns: Vec<FoundColumn>,
    /// Its rows are here, and not on another server.
    is_local: bool,
}

/// A column of it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct FoundColumn {
    /// Its name.
    pub name: String,
    /// Its type, without what narrows it.
    pub type_name: String,
    /// What its comment says.
    pub comment: String,
    /// Values of some rows, cut after some hundred characters; NULL is left out.
    pub values: Vec<String>,
}

/// A session that looks.
#[derive(Debug)]
pub struct Inspection {
    connection: PreAuth,
}

/// What is read of a value.
const VALUE_CHARS_MAX: usize = 400;

/// Nobody waits for a look, and nothing is changed by one.
const BOUNDS: &str = "\
SET default_transaction_read_only = on; SET statement_timeout = '10s'; SET lock_timeout = '1s'; \
SET search_path = ''";

const TABLES: &str = "\
SELECT n.nspname, c.relname, a.attname, pg_catalog.format_type(a.atttypid, NULL),
       pg_catalog.col_description(c.oid, a.attnum), c.relkind <> 'f'
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname !~ '^pg_(toast|temp)'
  AND c.relkind IN ('r', 'p', 'f', 'm') AND NOT c.relispartition
ORDER BY n.nspname, c.relname, a.attnum";

const NAMES: &str = "\
SELECT n.nspname, c.relname, a.attname
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname !~ '^pg_toast'
  AND c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S', 'c')";

impl Inspection {
    /// Logs in.
    ///
    /// # Errors
    /// The target cannot be reached.
    pub async fn begin(account: Account) -> Result<Self, DialError> {
        let dialer = PostgresDialer::new(account);
        let mut connection = dialer.dial(&BTreeMap::new()).await?.connection;
        set(&mut connection, BOUNDS).await?;
        Ok(Self { connection })
    }

    /// Everything that stores rows, partitions left out: they hold rows of what they are parts
    /// of.
    ///
    /// # Errors
    /// The target does not answer.
    pub async fn tables(&mut self) -> Result<Vec<FoundTable>, DialError> {
        let mut tables: Vec<FoundTable> = Vec::new();
        for row in rows(&mut self.connection, TABLES).await? {
            let (schema, name) = (text(&row, 0), text(&row, 1));
            if tables.last().is_none_or(|last| last.schema != schema || last.name != name) {
                let (schema, name) = (schema.to_owned(), name.to_owned());
                let is_local = text(&row, 5) == "t";
                tables.push(FoundTable { schema, name, is_local, ..FoundTable::default() });
            }
            if let Some(table) = tables.last_mut() {
                table.columns.push(column(&row));
            }
        }
        Ok(tables)
    }

    /// What the configuration names that the target does not have, views looked at too.
    ///
    /// # Errors
    /// The target does not answer.
    pub async fn unmatched(&mut self, rules: &dyn ColumnRules) -> Result<Vec<String>, DialError> {
        let rows = rows(&mut self.connection, NAMES).await?;
        let names: Vec<[&str; 3]> =
            rows.iter().map(|row| [text(row, 0), text(row, 1), text(row, 2)]).collect();
        Ok(rules.unmatched(&names))
    }

    /// Reads some rows of a table into its columns. What is on another server is not asked for.
    ///
    /// # Errors
    /// The table cannot be read, or not in time; others may be.
    pub async fn sample(&mut self, table: &mut FoundTable, rows_max: u32) -> Result<(), DialError> {
        if !table.is_local || table.columns.is_empty() {
            return Ok(());
        }
        let question = sample_of(table, rows_max);
        for row in rows(&mut self.connection, &question).await? {
            for (column, value) in table.columns.iter_mut().zip(row) {
                column.values.extend(value);
            }
        }
        Ok(())
    }
}

fn column(row: &Row) -> FoundColumn {
    FoundColumn {
        name: text(row, 2).to_owned(),
        type_name: text(row, 3).to_owned(),
        comment: text(row, 4).to_owned(),
        values: Vec::new(),
    }
}

fn sample_of(table: &FoundTable, rows_max: u32) -> String {
    let columns: Vec<String> = table
        .columns
        .iter()
        .map(|column| match column.type_name.as_str() {
            "bytea" => "NULL".to_owned(),
            _ => {
                let name = quoted(&column.name);
                format!("pg_catalog.left({name}::pg_catalog.text, {VALUE_CHARS_MAX})")
            }
        })
        .collect();
    let (schema, name) = (quoted(&table.schema), quoted(&table.name));
    format!("SELECT {} FROM {schema}.{name} LIMIT {rows_max}", columns.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_cannot_end_the_question() {
        let column = |name: &str, type_name: &str| FoundColumn {
            name: name.into(),
            type_name: type_name.into(),
            ..FoundColumn::default()
        };
        let table = FoundTable {
            schema: "public".into(),
            name: "o\"dd".into(),
            columns: vec![column("a\" FROM x; --", "text"), column("b", "bytea")],
            is_local: true,
        };
        assert_eq!(
            sample_of(&table, 9),
            "SELECT pg_catalog.left(\"a\"\" FROM x; --\"::pg_catalog.text, 400), NULL \
             FROM \"public\".\"o\"\"dd\" LIMIT 9"
        );
    }
}
