//! Expressions: what a value may hold, and what computing it tells.
//!
//! `value` adds the need `filter` for every classified column that an operation can make
//! visible other than through its own result: by failing, by choosing, by comparing.

use pg_query::NodeEnum;
use pg_query::protobuf as pg;
use std::sync::Arc;

use crate::sql::columns::{Column, Columns};
use crate::sql::lineage::Lineage;
use crate::sql::postgres::analyzer::Analyzer;
use crate::sql::postgres::builtin::operators;
use crate::sql::postgres::query::scope::{self, Scope};

impl Analyzer<'_> {
    /// What an expression may hold.
    pub(in crate::sql) fn value(&mut self, node: &pg::Node, scope: &Scope<'_>) -> Lineage {
        if self.is_spent() {
            return self.everything();
        }
        let Some(node) = &node.node else {
            return self.not_understood("an empty expression");
        };
        match node {
            NodeEnum::AConst(_)
            | NodeEnum::ParamRef(_)
            | NodeEnum::SqlvalueFunction(_)
            | NodeEnum::SetToDefault(_)
            | NodeEnum::CurrentOfExpr(_)
            | NodeEnum::MergeSupportFunc(_) => Lineage::CLEAN,
            NodeEnum::ColumnRef(column) => self.column(column, scope),
            NodeEnum::TypeCast(cast) => self.cast(cast, scope),
            NodeEnum::FuncCall(call) => self.call(call, scope),
            NodeEnum::AExpr(operation) => self.operation(operation, scope),
            NodeEnum::BoolExpr(condition) => self.mixed(&condition.args, scope),
            NodeEnum::NullTest(test) => {
                let lineage = self.optional(test.arg.as_deref(), scope);
                self.filter_unless_plain(&lineage);
                Lineage::CLEAN
            }
            NodeEnum::BooleanTest(test) => self.telling(test.arg.as_deref(), scope),
            NodeEnum::SubLink(link) => self.sub_link(link, scope),
            NodeEnum::CaseExpr(case) => self.case(case, scope),
            NodeEnum::CoalesceExpr(coalesce) => self.mixed(&coalesce.args, scope),
            NodeEnum::MinMaxExpr(extreme) => {
                let lineage = self.mixed(&extreme.args, scope);
                self.filter(&lineage);
                lineage
            }
            NodeEnum::RowExpr(row) => self.row(&row.args, scope),
            NodeEnum::AArrayExpr(array) => self.mixed(&array.elements, scope),
            NodeEnum::AIndirection(indirection) => self.indirection(indirection, scope),
            NodeEnum::CollateClause(collate) => {
                self.optional(collate.arg.as_deref(), scope).derived()
            }
            NodeEnum::NamedArgExpr(argument) => self.optional(argument.arg.as_deref(), scope),
            NodeEnum::GroupingFunc(grouping) => {
                self.mixed(&grouping.args, scope);
                Lineage::CLEAN
            }
            other => self.document(other, scope),
        }
    }

    pub(in crate::sql) fn optional(
        &mut self,
        node: Option<&pg::Node>,
        scope: &Scope<'_>,
    ) -> Lineage {
        node.map_or(Lineage::CLEAN, |node| self.value(node, scope))
    }

    /// A value whose use tells what it is: it needs `filter` where it is classified.
    pub(in crate::sql) fn telling(
        &mut self,
        node: Option<&pg::Node>,
        scope: &Scope<'_>,
    ) -> Lineage {
        let lineage = self.optional(node, scope);
        self.filter(&lineage);
        lineage.derived()
    }

    /// Something computed from all of these, and telling nothing besides.
    pub(in crate::sql) fn mixed(&mut self, nodes: &[pg::Node], scope: &Scope<'_>) -> Lineage {
        let mut lineage = Lineage::CLEAN.derived();
        for node in nodes {
            let part = self.value(node, scope);
            lineage.mix(&part);
        }
        lineage
    }

    /// A column, or a whole row, by name.
    fn column(&mut self, reference: &pg::ColumnRef, scope: &Scope<'_>) -> Lineage {
        let Some((names, star)) = path(&reference.fields) else {
            return self.not_understood("a column reference");
        };
        let found = match (names.as_slice(), star) {
            ([name], false) => {
                scope.column(name, self.catalog).or_else(|| self.whole_row(None, name, scope))
            }
            ([relation], true) => self.whole_row(None, relation, scope),
            ([schema, relation], true) => self.whole_row(Some(schema), relation, scope),
            ([relation, column], false) => self.qualified(None, relation, column, scope),
            ([schema, relation, column], false) => {
                self.qualified(Some(schema), relation, column, scope)
            }
            _ => None,
        };
        match found {
            Some(lineage) => lineage,
            None => {
                let name = names.join(".");
                self.refuse(format!("column `{name}` cannot be found in what is selected from"));
                self.everything()
            }
        }
    }

    fn whole_row(&self, schema: Option<&str>, name: &str, scope: &Scope<'_>) -> Option<Lineage> {
        let items = scope.relation(schema, name);
        let mut lineages = items.iter().map(|item| item.columns.whole());
        let first = lineages.next()?;
        Some(lineages.fold(first, |one, other| one.either(&other, self.catalog)))
    }

    fn qualified(
        &mut self,
        schema: Option<&str>,
        relation: &str,
        column: &str,
        scope: &Scope<'_>,
    ) -> Option<Lineage> {
        let row = self.whole_row(schema, relation, scope)?;
        let is_table = scope.relation(schema, relation).iter().any(|item| item.is_table);
        Some(self.field(&row, column, is_table))
    }

    /// A field of a row. PostgreSQL also reads `row.name` as `name(row)`.
    pub(in crate::sql) fn field(&mut self, row: &Lineage, name: &str, is_table: bool) -> Lineage {
        let Some(columns) = row.row.clone() else {
            // A row of a type that is not known here: it can be any part of it.
            return row.clone().derived();
        };
        let found = columns.find(name, self.catalog);
        match (found, &columns.rest) {
            (Some(lineage), None) => lineage,
            (Some(lineage), Some(rest)) => lineage.either(rest, self.catalog),
            (None, _) if is_table && scope::is_system(name) => scope::system_flow(name, &columns),
            (None, Some(rest)) => rest.clone(),
            (None, None) => self.call_by_name(name, row),
        }
    }

    fn cast(&mut self, cast: &pg::TypeCast, scope: &Scope<'_>) -> Lineage {
        let lineage = self.optional(cast.arg.as_deref(), scope);
        if lineage.row.is_none() && lineage.is_clean() {
            return self.cast_row(cast).unwrap_or(Lineage::CLEAN);
        }
        if !cast.type_name.as_ref().is_some_and(is_text) {
            self.filter(&lineage);
        }
        lineage.derived()
    }

    /// A client's own value as a row of a table's type: its fields have names.
    fn cast_row(&self, cast: &pg::TypeCast) -> Option<Lineage> {
        let name = last_name(&cast.type_name.as_ref()?.names)?;
        let relation = self.catalog.named(name).next()?;
        let list = relation
            .columns
            .list
            .iter()
            .map(|column| Column { name: column.name.clone(), lineage: Lineage::CLEAN })
            .collect();
        let rest = (self.catalog.named(name).count() > 1).then_some(Lineage::CLEAN);
        Some(Lineage { row: Some(Arc::new(Columns { list, rest })), ..Lineage::CLEAN })
    }

    fn operation(&mut self, operation: &pg::AExpr, scope: &Scope<'_>) -> Lineage {
        let left = self.operand(operation.lexpr.as_deref(), scope);
        let right = self.operand(operation.rexpr.as_deref(), scope);
        let mut lineage = left.derived();
        let kind = pg::AExprKind::try_from(operation.kind).unwrap_or(pg::AExprKind::Undefined);
        let is_between = matches!(
            kind,
            pg::AExprKind::AexprBetween
                | pg::AExprKind::AexprNotBetween
                | pg::AExprKind::AexprBetweenSym
                | pg::AExprKind::AexprNotBetweenSym
        );
        // BETWEEN is named after itself, and compares.
        let name = if is_between { Some("<=") } else { self.operator(&operation.name) };
        let is_total = kind == pg::AExprKind::AexprOp
            && name.is_some_and(operators::is_total)
            && (right.is_clean() || name == Some("||"));
        lineage.mix(&right);
        if !name.is_some_and(operators::is_builtin) {
            // An operator that somebody made runs a function that can do anything.
            let shown = name.unwrap_or("?").to_owned();
            self.reveal(&lineage);
            self.filter(&lineage);
            return self.foreign_operator(&shown);
        }
        if !is_total {
            self.filter(&lineage);
        }
        lineage
    }

    fn foreign_operator(&mut self, name: &str) -> Lineage {
        use portreeve_model::{Action, Object};
        self.need(Action::Execute, Object::function("operator", name));
        self.moves_search_path = true;
        self.everything()
    }

    /// The name of an operator, if it is one of `pg_catalog` or not qualified.
    pub(in crate::sql) fn operator<'n>(&mut self, names: &'n [pg::Node]) -> Option<&'n str> {
        match strings(names).as_deref() {
            Some([name] | ["pg_catalog", name]) => Some(*name),
            Some([schema, name]) => {
                self.refuse(format!("operator `{schema}.{name}` is not known to the gateway"));
                None
            }
            _ => None,
        }
    }

    fn operand(&mut self, node: Option<&pg::Node>, scope: &Scope<'_>) -> Lineage {
        match node.and_then(|node| node.node.as_ref()) {
            Some(NodeEnum::List(list)) => self.mixed(&list.items, scope),
            _ => self.optional(node, scope),
        }
    }

    fn case(&mut self, case: &pg::CaseExpr, scope: &Scope<'_>) -> Lineage {
        self.telling(case.arg.as_deref(), scope);
        let mut lineage = Lineage::CLEAN.derived();
        for branch in &case.args {
            let Some(NodeEnum::CaseWhen(branch)) = &branch.node else {
                return self.not_understood("a CASE branch");
            };
            self.telling(branch.expr.as_deref(), scope);
            let result = self.optional(branch.result.as_deref(), scope);
            lineage.mix(&result);
        }
        let default = self.optional(case.defresult.as_deref(), scope);
        lineage.mix(&default);
        lineage
    }

    /// A row of these values, with fields `f1`, `f2`, …; `t.*` stands for its columns.
    fn row(&mut self, nodes: &[pg::Node], scope: &Scope<'_>) -> Lineage {
        let mut columns = Columns::default();
        for node in nodes {
            match self.star(node, scope) {
                Some(expanded) => columns.append(&expanded),
                None => {
                    let lineage = self.value(node, scope);
                    columns.list.push(Column { name: String::new(), lineage });
                }
            }
        }
        for (index, column) in columns.list.iter_mut().enumerate() {
            column.name = format!("f{}", index + 1);
        }
        Arc::new(columns).whole()
    }

    /// `value.field`, `value[index]`.
    fn indirection(&mut self, indirection: &pg::AIndirection, scope: &Scope<'_>) -> Lineage {
        let mut lineage = self.optional(indirection.arg.as_deref(), scope);
        for step in &indirection.indirection {
            lineage = match &step.node {
                Some(NodeEnum::String(name)) => self.field(&lineage, &name.sval, false),
                Some(NodeEnum::AIndices(indices)) => {
                    for bound in [&indices.lidx, &indices.uidx] {
                        let bound = self.telling(bound.as_deref(), scope);
                        lineage.mix(&bound);
                    }
                    lineage.derived()
                }
                Some(NodeEnum::AStar(_)) => lineage,
                _ => self.not_understood("a subscript"),
            };
        }
        lineage
    }

    fn sub_link(&mut self, link: &pg::SubLink, scope: &Scope<'_>) -> Lineage {
        let kind =
            pg::SubLinkType::try_from(link.sub_link_type).unwrap_or(pg::SubLinkType::Undefined);
        let columns = match link.subselect.as_deref() {
            Some(query) => self.sub_query(query, &Scope::inside(scope)),
            None => return self.not_understood("an empty sub-select"),
        };
        match kind {
            pg::SubLinkType::ExistsSublink => Lineage::CLEAN,
            pg::SubLinkType::ExprSublink => match columns.list.as_slice() {
                [only] if columns.is_exact() => only.lineage.clone(),
                _ => columns.mixed(),
            },
            pg::SubLinkType::ArraySublink => columns.mixed(),
            pg::SubLinkType::AllSublink
            | pg::SubLinkType::AnySublink
            | pg::SubLinkType::RowcompareSublink => {
                let mut lineage = self.optional(link.testexpr.as_deref(), scope).derived();
                lineage.mix(&columns.mixed());
                self.filter(&lineage);
                if !link.oper_name.is_empty()
                    && !self.operator(&link.oper_name).is_some_and(operators::is_builtin)
                {
                    return self.foreign_operator("?");
                }
                lineage
            }
            pg::SubLinkType::MultiexprSublink
            | pg::SubLinkType::CteSublink
            | pg::SubLinkType::Undefined => self.not_understood("a sub-select"),
        }
    }
}

/// The names of a column reference, and whether it ends in `*`.
pub(in crate::sql) fn path(fields: &[pg::Node]) -> Option<(Vec<&str>, bool)> {
    match fields.split_last() {
        Some((last, rest)) if matches!(last.node, Some(NodeEnum::AStar(_))) => {
            Some((strings(rest)?, true))
        }
        _ => Some((strings(fields)?, false)),
    }
}

/// The strings of a list of names, or none if it holds anything else.
pub(in crate::sql) fn strings(nodes: &[pg::Node]) -> Option<Vec<&str>> {
    nodes
        .iter()
        .map(|node| match &node.node {
            Some(NodeEnum::String(text)) => Some(text.sval.as_str()),
            _ => None,
        })
        .collect()
}

/// The last string of a list of names.
pub(in crate::sql) fn last_name(nodes: &[pg::Node]) -> Option<&str> {
    match nodes.last().and_then(|node| node.node.as_ref()) {
        Some(NodeEnum::String(text)) => Some(text.sval.as_str()),
        _ => None,
    }
}

/// `text` and `varchar`: a cast to them never fails.
pub(in crate::sql) fn is_text(name: &pg::TypeName) -> bool {
    if !name.array_bounds.is_empty() || name.setof || name.pct_type {
        return false;
    }
    matches!(
        strings(&name.names).as_deref(),
        Some(["text" | "varchar"] | ["pg_catalog", "text" | "varchar"])
    )
}
