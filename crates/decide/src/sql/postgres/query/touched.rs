//! Which rows a write would touch, as questions that change nothing.

use pg_query::protobuf as pg;
use pg_query::{DeparseOptions, NodeEnum, deparse};

use crate::sql::postgres::parse;
use std::collections::BTreeSet;

/// Questions for the rows that a write would touch.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RowsTouched {
    /// How many they are.
    pub count: String,
    /// The columns of them.
    rows: String,
    /// The numbers of the parameters that are in either.
    pub parameters: BTreeSet<usize>,
}

impl RowsTouched {
    /// Some of them, as they are before the write.
    #[must_use]
    pub fn some(&self, rows_max: u32) -> String {
        format!("{} LIMIT {rows_max}", self.rows)
    }
}

/// Whether a text is one query, in which nothing is written but by functions.
#[must_use]
pub fn is_one_query(text: &str) -> bool {
    let Ok(parsed) = parse::parse(text) else { return false };
    let [only] = parsed.as_slice() else { return false };
    match only.node.node.as_ref() {
        Some(NodeEnum::SelectStmt(select)) => {
            let with = select.with_clause.as_ref();
            select.into_clause.is_none() && with.is_none_or(|with| with.ctes.iter().all(is_query))
        }
        _ => false,
    }
}

/// Questions for the rows of the one `UPDATE` or `DELETE` that a text is; none for everything
/// else, and where a write stands inside it.
///
/// They ask for the same rows by the same condition, so they run the same functions.
#[must_use]
pub fn rows_touched(text: &str) -> Option<RowsTouched> {
    let parsed = parse::parse(text).ok()?;
    let [only] = parsed.as_slice() else { return None };
    let (relation, more, condition, with) = match only.node.node.as_ref()? {
        NodeEnum::DeleteStmt(delete) => {
            let condition = delete.where_clause.clone();
            (delete.relation.clone()?, &delete.using_clause, condition, delete.with_clause.clone())
        }
        NodeEnum::UpdateStmt(update) => {
            let condition = update.where_clause.clone();
            (update.relation.clone()?, &update.from_clause, condition, update.with_clause.clone())
        }
        _ => return None,
    };
    let is_other = |cte: &pg::Node| is_query(cte) && !is_named(cte, &relation.relname);
    if with.as_ref().is_some_and(|with| !with.ctes.iter().all(is_other)) {
        return None;
    }
    let name = relation.alias.as_ref().map_or(&relation.relname, |alias| &alias.aliasname);
    let name = format!("\"{}\"", name.replace('"', "\"\""));
    // A row that several others meet is touched once.
    let (count, columns) = if more.is_empty() {
        ("count(*)".to_owned(), format!("{name}.*"))
    } else {
        (format!("count(DISTINCT {name}.ctid)"), format!("DISTINCT ON ({name}.ctid) {name}.*"))
    };
    let from = pg::Node { node: Some(NodeEnum::RangeVar(relation)) };
    let from: Vec<pg::Node> = std::iter::once(from).chain(more.iter().cloned()).collect();
    let ask = |what: &str| {
        let mut question = pg_query::parse(&format!("SELECT {what}"), 0).ok()?.protobuf;
        let [raw] = question.stmts.as_mut_slice() else { return None };
        let select = raw.stmt.as_mut()?.node.as_mut();
        let Some(NodeEnum::SelectStmt(select)) = select else { return None };
        select.from_clause = from.clone();
        select.where_clause = condition.clone();
        select.with_clause = with.clone();
        deparse(&question, DeparseOptions::default()).ok()
    };
    let count = ask(&format!("pg_catalog.{count}"))?;
    let parameters = parameters(&count)?;
    Some(RowsTouched { rows: ask(&columns)?, count, parameters })
}

fn parameters(text: &str) -> Option<BTreeSet<usize>> {
    let scanned = pg_query::scan(text).ok()?;
    let parameters = scanned.tokens.iter().filter(|token| token.token() == pg::Token::Param);
    let number = |token: &pg::ScanToken| {
        let range = usize::try_from(token.start).ok()?..usize::try_from(token.end).ok()?;
        text.get(range)?.strip_prefix('$')?.parse().ok()
    };
    parameters.map(number).collect()
}

/// Whether a query has the name of the table that is written, which it would hide when read.
fn is_named(node: &pg::Node, name: &str) -> bool {
    let Some(NodeEnum::CommonTableExpr(cte)) = &node.node else { return false };
    cte.ctename == name
}

fn is_query(node: &pg::Node) -> bool {
    let Some(NodeEnum::CommonTableExpr(cte)) = &node.node else { return false };
    let query = cte.ctequery.as_deref().and_then(|query| query.node.as_ref());
    matches!(query, Some(NodeEnum::SelectStmt(_)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_is_told_from_a_write() {
        let check = |text: &str, expect: bool| assert_eq!(is_one_query(text), expect, "{text}");
        check("select 1", true);
        check("with x as (select 1) select * from x union select f()", true);
        check("values (1), (2)", true);
        check("with x as (delete from t returning 1) select * from x", false);
        check("select 1 into t", false);
        check("update t set a = 1 returning a", false);
        check("explain analyze delete from t", false);
        check("select 1; select 2", false);
        check("selec 1", false);
    }

    #[test]
    fn a_write_is_counted_by_its_own_condition() {
        let check = |text: &str, expect: Option<&str>| {
            let touched = rows_touched(text).map(|touched| touched.count);
            assert_eq!(touched.as_deref(), expect, "{text}");
        };
        check(
            "delete from work.notes where id < 3",
            Some("SELECT pg_catalog.count(*) FROM work.notes WHERE id < 3"),
        );
        check("delete from t", Some("SELECT pg_catalog.count(*) FROM t"));
        check(
            "update only \"T\" x set a = b.c from b where b.id = x.id returning *",
            Some(
                "SELECT pg_catalog.count(DISTINCT x.ctid) FROM ONLY \"T\" x, b \
                 WHERE b.id = x.id",
            ),
        );
        check(
            "with old as (select 1 as id) delete from t using old where t.id = old.id",
            Some(
                "WITH old AS (SELECT 1 AS id) SELECT pg_catalog.count(DISTINCT t.ctid) \
                 FROM t, old WHERE t.id = old.id",
            ),
        );
        check("with x as (delete from t returning 1) delete from u", None);
        check("with t as (select 1 as id) delete from t where id > 0", None);
        check("insert into t values (1)", None);
        check("delete from t; delete from t", None);
        check("select 1", None);
    }

    #[test]
    fn some_of_the_rows_are_asked_for_by_the_same_condition() {
        let check = |text: &str, expect: &str| {
            assert_eq!(rows_touched(text).unwrap().some(3), expect, "{text}");
        };
        check(
            "delete from work.notes where id < 3",
            "SELECT notes.* FROM work.notes WHERE id < 3 LIMIT 3",
        );
        check(
            "update \"o\"\"dd\" x set a = b.c from b where b.id = x.id",
            "SELECT DISTINCT ON (x.ctid) x.* FROM \"o\"\"dd\" x, b WHERE b.id = x.id LIMIT 3",
        );
    }

    #[test]
    fn parameters_of_what_is_set_are_not_asked_for() {
        let touched = rows_touched("update t set a = $1 where b = $3 and c <> '$2'").unwrap();
        assert_eq!(touched.count, "SELECT pg_catalog.count(*) FROM t WHERE b = $3 AND c <> '$2'");
        assert_eq!(touched.parameters, BTreeSet::from([3]));
    }
}
