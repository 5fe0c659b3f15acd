//! What is said of each column that a target has: by the configuration, or that nobody has
//! looked at it yet.
//!
//! Asked of what stores rows: a view shows what is stored elsewhere, and temporary tables hold
//! what their own session put there. A partition or a child holds rows of its parent: where
//! somebody has looked at the parent's column, they have looked at the child's.

use super::answers::text;
use super::rules::{ColumnName, ColumnRules};
use crate::named::is_temporary;
use portreeve_decide::sql::postgres::questions::Row;
use portreeve_model::Category;
use std::collections::HashMap;

/// How many parents are followed: a child that stands deeper is looked at anew.
const PARENTS_MAX: usize = 32;

/// Rows of the catalog, by the oid that they begin with.
type ByOid<'t> = HashMap<&'t str, Vec<&'t Row>>;

/// What a target has, as far as the rules are about it.
pub(super) struct Said<'t> {
    rules: &'t dyn ColumnRules,
    relations: HashMap<&'t str, Relation<'t>>,
    parents: &'t ByOid<'t>,
    /// What the configuration names and the target lacks.
    pub(super) unmatched: Vec<String>,
}

struct Relation<'t> {
    schema: &'t str,
    name: &'t str,
    stores: bool,
    /// Types by column.
    columns: HashMap<&'t str, &'t str>,
}

impl<'t> Said<'t> {
    pub(super) fn of(
        relations: &'t [Row],
        columns: &'t ByOid<'t>,
        parents: &'t ByOid<'t>,
        rules: &'t dyn ColumnRules,
    ) -> Self {
        let relations: HashMap<_, _> = relations
            .iter()
            .map(|row| (text(row, 0), Relation::of(row, columns.get(text(row, 0)))))
            .collect();
        let names: Vec<[&str; 3]> = relations
            .values()
            .flat_map(|it| it.columns.keys().map(|column| [it.schema, it.name, column]))
            .collect();
        let unmatched = rules.unmatched(&names);
        Self { rules, relations, parents, unmatched }
    }

    /// The category of a column; none where somebody has looked at it and given none.
    pub(super) fn category(&self, oid: &str, column: &str) -> Option<Category> {
        let relation = self.relations.get(oid)?;
        let said = self.rules.category(relation.schema, relation.name, column);
        let is_unknown = || relation.stores && !self.is_known(oid, column, PARENTS_MAX);
        said.or_else(|| is_unknown().then(Category::unknown))
    }

    fn is_known(&self, oid: &str, column: &str, depth: usize) -> bool {
        let Some(relation) = self.relations.get(oid) else { return false };
        let Some(type_name) = relation.columns.get(column) else { return false };
        let (schema, table) = (relation.schema, relation.name);
        let name = ColumnName { schema, table, column, type_name };
        let mut parents = self.parents.get(oid).into_iter().flatten();
        self.rules.is_known(&name)
            || depth > 0 && parents.any(|row| self.is_known(text(row, 1), column, depth - 1))
    }
}

impl<'t> Relation<'t> {
    fn of(row: &'t Row, columns: Option<&Vec<&'t Row>>) -> Self {
        let (schema, kind) = (text(row, 1), text(row, 3));
        let columns = columns.into_iter().flatten();
        Self {
            schema,
            name: text(row, 2),
            stores: matches!(kind, "r" | "p" | "f" | "m") && !is_temporary(schema),
            columns: columns.map(|column| (text(column, 2), text(column, 4))).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::answers::group;
    use super::*;
    use std::collections::HashSet;

    /// What was there: `schema.table.column type`.
    struct Adopted(HashSet<&'static str>);

    impl ColumnRules for Adopted {
        fn category(&self, _: &str, _: &str, column: &str) -> Option<Category> {
            (column == "email").then(|| "email".into())
        }

        fn is_known(&self, column: &ColumnName<'_>) -> bool {
            let ColumnName { schema, table, column, type_name } = column;
            self.0.contains(format!("{schema}.{table}.{column} {type_name}").as_str())
        }

        fn say_something(&self) -> bool {
            true
        }

        fn unmatched(&self, columns: &[[&str; 3]]) -> Vec<String> {
            let has = columns.iter().any(|[_, _, column]| *column == "email");
            if has { Vec::new() } else { vec!["*.*.email".into()] }
        }
    }

    fn rows(lines: &[&str]) -> Vec<Row> {
        let row = |line: &&str| line.split(' ').map(|value| Some(value.to_owned())).collect();
        lines.iter().map(row).collect()
    }

    #[test]
    fn what_appeared_since_is_unknown() {
        let relations = rows(&[
            "1 public orders r",
            "2 public orders_2027 r",
            "3 public copied r",
            "4 public shown v",
            "5 pg_temp_3 mine r",
            "6 public stored m",
        ]);
        let columns = rows(&[
            "1 1 id 23 integer",
            "1 2 note 25 text",
            "1 3 email 25 text",
            "2 1 id 23 integer",
            "2 2 note 25 text",
            "2 4 more 25 text",
            "3 1 id 23 integer",
            "4 1 id 23 integer",
            "5 1 id 23 integer",
            "6 1 id 23 integer",
        ]);
        let parents = rows(&["2 1"]);
        let (columns, parents) = (group(&columns), group(&parents));
        let adopted = Adopted(["public.orders.id integer", "public.orders.note integer"].into());
        let said = Said::of(&relations, &columns, &parents, &adopted);
        assert_eq!(said.unmatched, Vec::<String>::new());
        let check = |oid: &str, column: &str, expect: Option<&str>| {
            let got = said.category(oid, column).map(|category| category.0);
            assert_eq!(got.as_deref(), expect, "{oid} {column}");
        };
        check("1", "id", None);
        check("1", "note", Some("unknown"));
        check("1", "email", Some("email"));
        check("2", "id", None);
        check("2", "more", Some("unknown"));
        check("3", "id", Some("unknown"));
        check("4", "id", None);
        check("5", "id", None);
        check("6", "id", Some("unknown"));
    }
}
