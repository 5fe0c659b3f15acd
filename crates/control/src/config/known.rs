//! The columns of a target that somebody has looked at.
//!
//! A file beside the configuration, written by `portreeve discover RESOURCE --adopt` and kept
//! with it: JSON with a line for each column, so that a change of it can be reviewed like a
//! change of anything else. What it does not name has appeared since, and is masked whole until
//! somebody decides. A column whose type has changed is another column.

use super::read_bounded;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::Path;

/// Columns with their types.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KnownColumns {
    /// Whose they are, for people: what counts is which resource names the file.
    resource: String,
    /// Types by schema, table and column.
    columns: BTreeMap<String, BTreeMap<String, BTreeMap<String, String>>>,
}

/// A column of a target.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct TargetColumn {
    /// Its schema.
    pub schema: String,
    /// Its table.
    pub table: String,
    /// Its name.
    pub column: String,
    /// Its type, as the target spells it.
    pub type_name: String,
}

impl KnownColumns {
    /// Takes columns.
    #[must_use]
    pub fn new(resource: &str, columns: impl IntoIterator<Item = TargetColumn>) -> Self {
        let mut known = Self { resource: resource.to_owned(), columns: BTreeMap::new() };
        for TargetColumn { schema, table, column, type_name } in columns {
            let tables = known.columns.entry(schema).or_default();
            tables.entry(table).or_default().insert(column, type_name);
        }
        known
    }

    /// Reads a file.
    ///
    /// # Errors
    /// Why it cannot be read, for the operator.
    pub fn read(file: &Path) -> Result<Self, String> {
        let name = file.display();
        let bytes = read_bounded(file, FILE_BYTES_MAX).map_err(|why| {
            format!("`{name}`: {why}\nhint: `portreeve discover RESOURCE --adopt` writes it")
        })?;
        serde_json::from_slice(&bytes).map_err(|why| format!("`{name}`: {why}"))
    }

    /// What a file has, one column a line.
    #[must_use]
    pub fn text(&self) -> String {
        let text = serde_json::to_string_pretty(self).expect("names and types are texts");
        format!("{text}\n")
    }

    /// Whether a column was there, with this type.
    #[must_use]
    pub fn holds(&self, schema: &str, table: &str, column: &str, type_name: &str) -> bool {
        let table = self.columns.get(schema).and_then(|tables| tables.get(table));
        table.and_then(|columns| columns.get(column)).is_some_and(|known| known == type_name)
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.columns.values().flat_map(BTreeMap::values).map(BTreeMap::len).sum()
    }
}

const FILE_BYTES_MAX: usize = 64 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    fn column(path: [&str; 3], type_name: &str) -> TargetColumn {
        let [schema, table, column] = path.map(str::to_owned);
        TargetColumn { schema, table, column, type_name: type_name.to_owned() }
    }

    #[test]
    fn a_column_is_known_by_its_whole_name_and_its_type() {
        let odd = column(["Odd.Schema", "it's", "E\n\"Mail\""], "character varying");
        let known =
            KnownColumns::new("shop", [column(["public", "orders", "id"], "integer"), odd.clone()]);
        let read: KnownColumns = serde_json::from_str(&known.text()).unwrap();
        assert_eq!((&read, read.count()), (&known, 2));
        let check = |path: [&str; 3], type_name: &str, expect: bool| {
            let [schema, table, column] = path;
            assert_eq!(read.holds(schema, table, column, type_name), expect, "{path:?}");
        };
        check(["public", "orders", "id"], "integer", true);
        check(["public", "orders", "id"], "text", false);
        check(["public", "orders", "note"], "text", false);
        check(["crm", "orders", "id"], "integer", false);
        check([&odd.schema, &odd.table, &odd.column], "character varying", true);
    }

    #[test]
    fn a_file_that_is_not_there_says_who_writes_it() {
        let why = KnownColumns::read(Path::new("/nowhere/shop.columns.json")).unwrap_err();
        assert!(why.contains("discover"), "{why}");
        assert!(serde_json::from_str::<KnownColumns>("{\"columns\": {}, \"x\": 1}").is_err());
    }
}
