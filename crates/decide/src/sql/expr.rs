//! Expressions: what a value may hold, and what computing it tells.
//!
//! `value` adds the need `filter` for every classified column that an operation can make
//! visible other than through its own result: by failing, by choosing, by comparing.

use pg_query::NodeEnum;
use pg_query::protobuf as pg;
use std::sync::Arc;

use super::columns::{Column, Columns};
use super::flow::Flow;
use super::operators;
use super::scope::{self, Scope};
use super::work::Work;

impl Work<'_> {
    /// What an expression may hold.
    pub(super) fn value(&mut self, node: &pg::Node, scope: &Scope<'_>) -> Flow {
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
            | NodeEnum::MergeSupportFunc(_) => Flow::CLEAN,
            NodeEnum::ColumnRef(column) => self.column(column, scope),
            NodeEnum::TypeCast(cast) => self.cast(cast, scope),
            NodeEnum::FuncCall(call) => self.call(call, scope),
            NodeEnum::AExpr(operation) => self.operation(operation, scope),
            NodeEnum::BoolExpr(condition) => self.mixed(&condition.args, scope),
            NodeEnum::NullTest(test) => {
                let flow = self.optional(test.arg.as_deref(), scope);
                self.filter_unless_plain(&flow);
                Flow::CLEAN
            }
            NodeEnum::BooleanTest(test) => self.telling(test.arg.as_deref(), scope),
            NodeEnum::SubLink(link) => self.sub_link(link, scope),
            NodeEnum::CaseExpr(case) => self.case(case, scope),
            NodeEnum::CoalesceExpr(coalesce) => self.mixed(&coalesce.args, scope),
            NodeEnum::MinMaxExpr(extreme) => {
                let flow = self.mixed(&extreme.args, scope);
                self.filter(&flow);
                flow
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
                Flow::CLEAN
            }
            other => self.document(other, scope),
        }
    }

    pub(super) fn optional(&mut self, node: Option<&pg::Node>, scope: &Scope<'_>) -> Flow {
        node.map_or(Flow::CLEAN, |node| self.value(node, scope))
    }

    /// A value whose use tells what it is: it needs `filter` where it is classified.
    pub(super) fn telling(&mut self, node: Option<&pg::Node>, scope: &Scope<'_>) -> Flow {
        let flow = self.optional(node, scope);
        self.filter(&flow);
        flow.derived()
    }

    /// Something computed from all of these, and telling nothing besides.
    pub(super) fn mixed(&mut self, nodes: &[pg::Node], scope: &Scope<'_>) -> Flow {
        let mut flow = Flow::CLEAN.derived();
        for node in nodes {
            let part = self.value(node, scope);
            flow.mix(&part);
        }
        flow
    }

    /// A column, or a whole row, by name.
    fn column(&mut self, reference: &pg::ColumnRef, scope: &Scope<'_>) -> Flow {
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
            Some(flow) => flow,
            None => {
                let name = names.join(".");
                self.refuse(format!("column `{name}` cannot be found in what is selected from"));
                self.everything()
            }
        }
    }

    fn whole_row(&self, schema: Option<&str>, name: &str, scope: &Scope<'_>) -> Option<Flow> {
        let items = scope.relation(schema, name);
        let mut flows = items.iter().map(|item| item.columns.whole());
        let first = flows.next()?;
        Some(flows.fold(first, |one, other| one.either(&other, self.catalog)))
    }

    fn qualified(
        &mut self,
        schema: Option<&str>,
        relation: &str,
        column: &str,
        scope: &Scope<'_>,
    ) -> Option<Flow> {
        let row = self.whole_row(schema, relation, scope)?;
        let is_table = scope.relation(schema, relation).iter().any(|item| item.is_table);
        Some(self.field(&row, column, is_table))
    }

    /// A field of a row. PostgreSQL also reads `row.name` as `name(row)`.
    pub(super) fn field(&mut self, row: &Flow, name: &str, is_table: bool) -> Flow {
        let Some(columns) = row.row.clone() else {
            // A row of a type that is not known here: it can be any part of it.
            return row.clone().derived();
        };
        let found = columns.find(name, self.catalog);
        match (found, &columns.rest) {
            (Some(flow), None) => flow,
            (Some(flow), Some(rest)) => flow.either(rest, self.catalog),
            (None, _) if is_table && scope::is_system(name) => scope::system_flow(name, &columns),
            (None, Some(rest)) => rest.clone(),
            (None, None) => self.call_by_name(name, row),
        }
    }

    fn cast(&mut self, cast: &pg::TypeCast, scope: &Scope<'_>) -> Flow {
        let flow = self.optional(cast.arg.as_deref(), scope);
        if flow.row.is_none() && flow.is_clean() {
            return self.cast_row(cast).unwrap_or(Flow::CLEAN);
        }
        if !cast.type_name.as_ref().is_some_and(is_text) {
            self.filter(&flow);
        }
        flow.derived()
    }

    /// A client's own value as a row of a table's type: its fields have names.
    fn cast_row(&self, cast: &pg::TypeCast) -> Option<Flow> {
        let name = last_name(&cast.type_name.as_ref()?.names)?;
        let relation = self.catalog.named(name).next()?;
        let list = relation
            .columns
            .list
            .iter()
            .map(|column| Column { name: column.name.clone(), flow: Flow::CLEAN })
            .collect();
        let rest = (self.catalog.named(name).count() > 1).then_some(Flow::CLEAN);
        Some(Flow { row: Some(Arc::new(Columns { list, rest })), ..Flow::CLEAN })
    }

    fn operation(&mut self, operation: &pg::AExpr, scope: &Scope<'_>) -> Flow {
        let left = self.operand(operation.lexpr.as_deref(), scope);
        let right = self.operand(operation.rexpr.as_deref(), scope);
        let mut flow = left.derived();
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
        flow.mix(&right);
        if !name.is_some_and(operators::is_builtin) {
            // An operator that somebody made runs a function that can do anything.
            let shown = name.unwrap_or("?").to_owned();
            self.reveal(&flow);
            self.filter(&flow);
            return self.foreign_operator(&shown);
        }
        if !is_total {
            self.filter(&flow);
        }
        flow
    }

    fn foreign_operator(&mut self, name: &str) -> Flow {
        use portreeve_model::{Action, Object};
        self.need(Action::Execute, Object::function("operator", name));
        self.moves_search_path = true;
        self.everything()
    }

    /// The name of an operator, if it is one of `pg_catalog` or not qualified.
    pub(super) fn operator<'n>(&mut self, names: &'n [pg::Node]) -> Option<&'n str> {
        match strings(names).as_deref() {
            Some([name] | ["pg_catalog", name]) => Some(*name),
            Some([schema, name]) => {
                self.refuse(format!("operator `{schema}.{name}` is not known to the gateway"));
                None
            }
            _ => None,
        }
    }

    fn operand(&mut self, node: Option<&pg::Node>, scope: &Scope<'_>) -> Flow {
        match node.and_then(|node| node.node.as_ref()) {
            Some(NodeEnum::List(list)) => self.mixed(&list.items, scope),
            _ => self.optional(node, scope),
        }
    }

    fn case(&mut self, case: &pg::CaseExpr, scope: &Scope<'_>) -> Flow {
        self.telling(case.arg.as_deref(), scope);
        let mut flow = Flow::CLEAN.derived();
        for branch in &case.args {
            let Some(NodeEnum::CaseWhen(branch)) = &branch.node else {
                return self.not_understood("a CASE branch");
            };
            self.telling(branch.expr.as_deref(), scope);
            let result = self.optional(branch.result.as_deref(), scope);
            flow.mix(&result);
        }
        let default = self.optional(case.defresult.as_deref(), scope);
        flow.mix(&default);
        flow
    }

    /// A row of these values, with fields `f1`, `f2`, …; `t.*` stands for its columns.
    fn row(&mut self, nodes: &[pg::Node], scope: &Scope<'_>) -> Flow {
        let mut columns = Columns::default();
        for node in nodes {
            match self.star(node, scope) {
                Some(expanded) => columns.append(&expanded),
                None => {
                    let flow = self.value(node, scope);
                    columns.list.push(Column { name: String::new(), flow });
                }
            }
        }
        for (index, column) in columns.list.iter_mut().enumerate() {
            column.name = format!("f{}", index + 1);
        }
        Arc::new(columns).whole()
    }

    /// `value.field`, `value[index]`.
    fn indirection(&mut self, indirection: &pg::AIndirection, scope: &Scope<'_>) -> Flow {
        let mut flow = self.optional(indirection.arg.as_deref(), scope);
        for step in &indirection.indirection {
            flow = match &step.node {
                Some(NodeEnum::String(name)) => self.field(&flow, &name.sval, false),
                Some(NodeEnum::AIndices(indices)) => {
                    for bound in [&indices.lidx, &indices.uidx] {
                        let bound = self.telling(bound.as_deref(), scope);
                        flow.mix(&bound);
                    }
                    flow.derived()
                }
                Some(NodeEnum::AStar(_)) => flow,
                _ => self.not_understood("a subscript"),
            };
        }
        flow
    }

    fn sub_link(&mut self, link: &pg::SubLink, scope: &Scope<'_>) -> Flow {
        let kind =
            pg::SubLinkType::try_from(link.sub_link_type).unwrap_or(pg::SubLinkType::Undefined);
        let columns = match link.subselect.as_deref() {
            Some(query) => self.sub_query(query, &Scope::inside(scope)),
            None => return self.not_understood("an empty sub-select"),
        };
        match kind {
            pg::SubLinkType::ExistsSublink => Flow::CLEAN,
            pg::SubLinkType::ExprSublink => match columns.list.as_slice() {
                [only] if columns.is_exact() => only.flow.clone(),
                _ => columns.mixed(),
            },
            pg::SubLinkType::ArraySublink => columns.mixed(),
            pg::SubLinkType::AllSublink
            | pg::SubLinkType::AnySublink
            | pg::SubLinkType::RowcompareSublink => {
                let mut flow = self.optional(link.testexpr.as_deref(), scope).derived();
                flow.mix(&columns.mixed());
                self.filter(&flow);
                if !link.oper_name.is_empty()
                    && !self.operator(&link.oper_name).is_some_and(operators::is_builtin)
                {
                    return self.foreign_operator("?");
                }
                flow
            }
            pg::SubLinkType::MultiexprSublink
            | pg::SubLinkType::CteSublink
            | pg::SubLinkType::Undefined => self.not_understood("a sub-select"),
        }
    }
}

/// The names of a column reference, and whether it ends in `*`.
pub(super) fn path(fields: &[pg::Node]) -> Option<(Vec<&str>, bool)> {
    match fields.split_last() {
        Some((last, rest)) if matches!(last.node, Some(NodeEnum::AStar(_))) => {
            Some((strings(rest)?, true))
        }
        _ => Some((strings(fields)?, false)),
    }
}

/// The strings of a list of names, or none if it holds anything else.
pub(super) fn strings(nodes: &[pg::Node]) -> Option<Vec<&str>> {
    nodes
        .iter()
        .map(|node| match &node.node {
            Some(NodeEnum::String(text)) => Some(text.sval.as_str()),
            _ => None,
        })
        .collect()
}

/// The last string of a list of names.
pub(super) fn last_name(nodes: &[pg::Node]) -> Option<&str> {
    match nodes.last().and_then(|node| node.node.as_ref()) {
        Some(NodeEnum::String(text)) => Some(text.sval.as_str()),
        _ => None,
    }
}

/// `text` and `varchar`: a cast to them never fails.
pub(super) fn is_text(name: &pg::TypeName) -> bool {
    if !name.array_bounds.is_empty() || name.setof || name.pct_type {
        return false;
    }
    matches!(
        strings(&name.names).as_deref(),
        Some(["text" | "varchar"] | ["pg_catalog", "text" | "varchar"])
    )
}
