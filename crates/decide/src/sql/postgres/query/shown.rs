//! Which settings a query of `pg_settings` can show: its condition may say so.
//!
//! Values of settings are closed, since some hold commands and secrets. A query that names the
//! ones that it wants, or wants numbers, switches and words of a list only, can hold none of
//! these.

use pg_query::NodeEnum;
use pg_query::protobuf as pg;

use crate::sql::postgres::analyzer::Analyzer;
use crate::sql::postgres::builtin::contents;
use crate::sql::postgres::command::settings::{constant, is_secret};
use crate::sql::postgres::query::scope::{Item, Scope};
use crate::sql::postgres::value::expression::strings;

/// The types of settings that have no free text as a value.
const WORDLESS: &[&str] = &["bool", "enum", "integer", "real"];

/// The one setting that a condition leaves.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(in crate::sql) struct PinnedSetting {
    /// What `pg_settings` is called in this query.
    alias: String,
    pub(in crate::sql) name: String,
}

impl PinnedSetting {
    /// Whether an expression is the name of that setting.
    pub(in crate::sql) fn is(&self, node: &pg::Node) -> bool {
        column_of(node, &self.alias) == Some("name")
    }
}

impl Analyzer<'_> {
    /// Opens the values of `pg_settings` in a query whose condition leaves harmless ones only;
    /// and says which one, if it is one.
    pub(in crate::sql) fn open_settings(
        &mut self,
        select: &pg::SelectStmt,
        scope: &mut Scope<'_>,
    ) -> Option<PinnedSetting> {
        let alias = select.from_clause.iter().find_map(settings_alias)?;
        self.by_constant = true;
        let shown = shown(select.where_clause.as_deref()?, &alias)?;
        let open = contents::open_settings();
        // A common table expression, or a table that somebody made, can have the name, too.
        let is_it = |item: &&mut Item| {
            item.name.as_ref() == Some(&alias)
                && item.is_table
                && item.relation.is_none()
                && item.columns.is_clean()
        };
        scope.items.iter_mut().find(is_it)?.columns = open;
        match shown.as_slice() {
            [name] => Some(PinnedSetting { alias, name: name.clone() }),
            _ => None,
        }
    }
}

/// What `pg_settings` is called, where it is what rows come from.
fn settings_alias(node: &pg::Node) -> Option<String> {
    match &node.node {
        Some(NodeEnum::RangeVar(range)) => {
            let is_settings =
                range.relname == "pg_settings" && matches!(&*range.schemaname, "" | "pg_catalog");
            let has_columns = range.alias.as_ref().is_some_and(|alias| !alias.colnames.is_empty());
            if !is_settings || has_columns {
                return None;
            }
            let alias = range.alias.as_ref().map(|alias| alias.aliasname.clone());
            Some(alias.unwrap_or_else(|| range.relname.clone()))
        }
        Some(NodeEnum::JoinExpr(join)) if join.alias.is_none() => {
            let sides = [join.larg.as_deref(), join.rarg.as_deref()];
            sides.into_iter().flatten().find_map(settings_alias)
        }
        _ => None,
    }
}

/// The settings that a condition names; none of them where it tells by their types. `None`:
/// others may be shown, too.
fn shown(condition: &pg::Node, alias: &str) -> Option<Vec<String>> {
    match &condition.node {
        Some(NodeEnum::BoolExpr(all)) if all.boolop == pg::BoolExprType::AndExpr as i32 => {
            all.args.iter().find_map(|part| shown(part, alias))
        }
        Some(NodeEnum::AExpr(comparison)) => compared(comparison, alias),
        _ => None,
    }
}

fn compared(comparison: &pg::AExpr, alias: &str) -> Option<Vec<String>> {
    use pg::AExprKind as Kind;
    if strings(&comparison.name)?.last() != Some(&"=") {
        return None;
    }
    let column = column_of(comparison.lexpr.as_deref()?, alias)?;
    let right = comparison.rexpr.as_deref()?;
    let words = match (Kind::try_from(comparison.kind).ok()?, &right.node) {
        (Kind::AexprOp, _) => vec![constant(right)?],
        (Kind::AexprIn, Some(NodeEnum::List(list))) => constants(&list.items)?,
        (Kind::AexprOpAny, Some(NodeEnum::AArrayExpr(array))) => constants(&array.elements)?,
        _ => return None,
    };
    match column {
        "vartype" if words.iter().all(|word| WORDLESS.contains(&word.as_str())) => Some(Vec::new()),
        "name" if !words.iter().any(|word| is_secret(word)) => Some(words),
        _ => None,
    }
}

fn constants(nodes: &[pg::Node]) -> Option<Vec<String>> {
    nodes.iter().map(constant).collect()
}

/// The name of a column of what has this alias.
fn column_of<'n>(node: &'n pg::Node, alias: &str) -> Option<&'n str> {
    let node = match &node.node {
        Some(NodeEnum::TypeCast(cast)) => cast.arg.as_deref()?,
        _ => node,
    };
    let Some(NodeEnum::ColumnRef(reference)) = &node.node else { return None };
    match strings(&reference.fields)?.as_slice() {
        [name] => Some(name),
        [qualifier, name] if *qualifier == alias => Some(name),
        _ => None,
    }
}
