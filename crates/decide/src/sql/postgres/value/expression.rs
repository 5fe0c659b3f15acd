//! Expressions: what a value may hold, and what computing it tells.
//!
//! `value` adds the need `filter` for every classified column that an operation can make
//! visible other than through its own result: by failing, by choosing, by comparing.

use pg_query::NodeEnum;
use pg_query::protobuf as pg;
use portreeve_model::{Action, Object};
use std::sync::Arc;

use crate::sql::columns::{Column, Columns};
use crate::sql::lineage::{Lineage, UNCOUNTED};
use crate::sql::postgres::analyzer::Analyzer;
use crate::sql::postgres::builtin::operators;
use crate::sql::postgres::command::settings;
use crate::sql::postgres::query::predicate::is_own;
use crate::sql::postgres::query::scope::{self, Item, Scope};
use crate::sql::postgres::value::call;
use crate::sql::postgres::value::made::is_open;
use crate::sql::statement::sqlstate;

/// Whether something is called that somebody may have made under this name: everything but what
/// only brings, names or joins values.
fn is_call(node: &NodeEnum) -> bool {
    !matches!(
        node,
        NodeEnum::AConst(_)
            | NodeEnum::ParamRef(_)
            | NodeEnum::ColumnRef(_)
            | NodeEnum::BoolExpr(_)
            | NodeEnum::NullTest(_)
            | NodeEnum::BooleanTest(_)
            | NodeEnum::SetToDefault(_)
            | NodeEnum::CoalesceExpr(_)
            | NodeEnum::List(_)
    )
}

impl Analyzer<'_> {
    /// What an expression may hold.
    pub(in crate::sql) fn value(&mut self, node: &pg::Node, scope: &Scope<'_>) -> Lineage {
        if self.is_spent() {
            return self.everything();
        }
        let Some(node) = &node.node else {
            return self.not_understood("an empty expression");
        };
        self.calls |= is_call(node);
        match node {
            NodeEnum::AConst(constant) => written(constant),
            NodeEnum::ParamRef(_) | NodeEnum::SqlvalueFunction(_) => Lineage::constant(),
            NodeEnum::CurrentOfExpr(_) => {
                self.at_cursor = true;
                Lineage::CLEAN
            }
            NodeEnum::SetToDefault(_) | NodeEnum::MergeSupportFunc(_) => Lineage::CLEAN,
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
            NodeEnum::CoalesceExpr(coalesce) => self.alike(&coalesce.args, scope),
            NodeEnum::MinMaxExpr(extreme) => {
                let lineage = self.alike(&extreme.args, scope);
                self.filter(&lineage);
                lineage
            }
            NodeEnum::RowExpr(row) => self.row(&row.args, scope).contained(),
            NodeEnum::AArrayExpr(array) => {
                let elements = self.listed(&array.elements, scope);
                if array.elements.len() > 1 {
                    self.arrays_beside(&elements);
                }
                elements.into_array()
            }
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

    /// Like [`Self::mixed`], of values that come to be of one type.
    fn alike(&mut self, nodes: &[pg::Node], scope: &Scope<'_>) -> Lineage {
        let parts: Vec<Lineage> = nodes.iter().map(|node| self.value(node, scope)).collect();
        self.together(&nodes.iter().zip(&parts).collect::<Vec<_>>());
        let mut lineage = Lineage::CLEAN.derived();
        parts.iter().for_each(|part| lineage.mix(part));
        lineage
    }

    /// One of these values: their constants add up.
    pub(in crate::sql) fn listed(&mut self, nodes: &[pg::Node], scope: &Scope<'_>) -> Lineage {
        let parts: Vec<Lineage> = nodes.iter().map(|node| self.value(node, scope)).collect();
        self.together(&nodes.iter().zip(&parts).collect::<Vec<_>>());
        let mut lineage = Lineage::CLEAN.derived();
        let mut constants: u64 = 0;
        for part in &parts {
            constants = constants.saturating_add(part.constants).min(UNCOUNTED);
            lineage.mix(part);
        }
        Lineage { constants, ..lineage }
    }

    /// A column, or a whole row, by name.
    fn column(&mut self, reference: &pg::ColumnRef, scope: &Scope<'_>) -> Lineage {
        let Some((names, star)) = path(&reference.fields) else {
            return self.not_understood("a column reference");
        };
        let found = match (names.as_slice(), star) {
            ([name], false) => {
                let column = scope.column(name, self.catalog);
                // Where not all columns are known, a name may be the row or one of them.
                let is_open = |item: &&Item| !item.columns.is_exact();
                let is_either = scope.relation(None, name).iter().any(is_open);
                match column {
                    Some(column) if is_either => {
                        let row = self.whole_row(None, name, scope);
                        row.map(|row| column.either(&row, self.catalog))
                    }
                    Some(column) => Some(column),
                    None => self.whole_row(None, name, scope),
                }
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
            Some(lineage) => {
                self.uses(&lineage);
                lineage
            }
            None => {
                self.miss_column(&names, reference.location, scope);
                self.everything()
            }
        }
    }

    fn whole_row(&self, schema: Option<&str>, name: &str, scope: &Scope<'_>) -> Option<Lineage> {
        let items = scope.relation(schema, name);
        let mut lineages = items.iter().map(|item| {
            let making = item.relation.as_ref().and_then(|relation| self.catalog.making(relation));
            let row = item.columns.whole().contained();
            Lineage { making: making.or(row.making), ..row }
        });
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
        let items = scope.relation(schema, relation);
        let is_table = items.iter().any(|item| item.is_table);
        if let [only] = items.as_slice()
            && only.columns.is_exact()
            && only.columns.find(column, self.catalog).is_none()
            && !(is_table && scope::is_system(column))
            && !self.is_function(column)
        {
            return None;
        }
        if let [only] = items.as_slice()
            && only.is_alone
            && only.columns.is_exact()
            && scope::is_system(column)
            && only.columns.find(column, self.catalog).is_none()
        {
            return Some(Lineage::CLEAN);
        }
        let row = match items.as_slice() {
            // Only the field is looked at: a row of many columns is not put together for it.
            [only] => Lineage { row: Some(only.columns.clone()), ..Lineage::CLEAN },
            _ => self.whole_row(schema, relation, scope)?,
        };
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
            (None, None) => self.call_by_name(name, &columns.whole()),
        }
    }

    fn cast(&mut self, cast: &pg::TypeCast, scope: &Scope<'_>) -> Lineage {
        let lineage = self.optional(cast.arg.as_deref(), scope);
        let Some(name) = &cast.type_name else { return self.not_understood("a cast") };
        let made = self.made(name, &lineage);
        if lineage.row.is_none() && lineage.is_clean() && made.is_clean() {
            let constants = lineage.constants;
            let value = self.cast_row(cast).unwrap_or(Lineage::CLEAN);
            let origin = lineage.origin.filter(|_| is_text(name));
            let about = lineage.about;
            return Lineage { constants, kept: lineage.kept, origin, about, ..value };
        }
        if !is_text(name) {
            self.filter(&lineage);
        }
        made
    }

    /// A client's own value as a row of a table's type: its fields have names.
    fn cast_row(&self, cast: &pg::TypeCast) -> Option<Lineage> {
        let name = last_name(&cast.type_name.as_ref()?.names)?;
        let relation = self.catalog.named(name).next()?;
        let list = relation
            .columns
            .list
            .iter()
            .map(|column| Column::new(column.name.clone(), Lineage::constant()))
            .collect();
        let rest = (self.catalog.named(name).count() > 1).then_some(Lineage::CLEAN);
        Some(Lineage { row: Some(Arc::new(Columns { list, rest })), ..Lineage::CLEAN })
    }

    fn operation(&mut self, operation: &pg::AExpr, scope: &Scope<'_>) -> Lineage {
        let kind = pg::AExprKind::try_from(operation.kind).unwrap_or(pg::AExprKind::Undefined);
        let left = self.operand(operation.lexpr.as_deref(), pg::AExprKind::AexprOp, scope);
        let right = self.operand(operation.rexpr.as_deref(), kind, scope);
        if let (Some(one), Some(two)) = (operation.lexpr.as_deref(), operation.rexpr.as_deref()) {
            self.together(&[(one, &left), (two, &right)]);
        }
        // BETWEEN is named after itself, and compares.
        if is_between(kind) {
            let lineage = both(&left, &right);
            self.filter(&lineage);
            let made = ["<=", ">="].map(|name| self.made_operator(None, name, &[&left, &right]));
            return made.into_iter().flatten().next().unwrap_or(lineage);
        }
        let Some((schema, name)) = qualified_operator(&operation.name) else {
            return self.not_understood("an operator");
        };
        let lineage = both(&left, &right);
        let given =
            [&operation.lexpr, &operation.rexpr].map(|side| self.given_type(side.as_deref()));
        if !operators::is_builtin(name) {
            // One that an extension brings can fill a row.
            self.makes([&left, &right].into_iter());
        }
        if let Some(made) = self.operator_of(schema, name, &[&left, &right], given) {
            return made;
        }
        let is_total = kind == pg::AExprKind::AexprOp
            && operators::is_total(name)
            && (name == "||" || right.is_clean() && operation.rexpr.as_deref().is_some_and(is_own))
            && !lineage.grown
            && !(name == "||" && lineage.listed);
        if self.is_default_bound(operation, [&left, &right]) {
            return Lineage::CLEAN;
        }
        if is_equality(kind, name, operation.rexpr.as_deref()) {
            self.compare(&left, &right);
            // Counted: what comes out is a truth value, or for NULLIF the left side.
            return Lineage { constants: left.constants, ..lineage };
        } else if !is_total {
            self.filter(&lineage);
        } else if name != "||" && !self.is_column_of_a_row(operation, name, scope) {
            self.looks_up(&left, right.constants);
        }
        lineage
    }

    /// Whether the bound of a partition, in words, is compared with what no bound with values is:
    /// those begin with `FOR VALUES`.
    fn is_default_bound(&self, operation: &pg::AExpr, sides: [&Lineage; 2]) -> bool {
        let is_equal = operation.kind == pg::AExprKind::AexprOp as i32
            && matches!(strings(&operation.name).as_deref(), Some(["=" | "<>"]));
        let other = operation.rexpr.as_deref().and_then(settings::constant);
        let of = operation.lexpr.as_deref().and_then(call::bound_of);
        is_equal
            && of.is_some()
            && sides[0].sources == self.catalog.partition_keys
            && sides[1].is_clean()
            && other.is_some_and(|other| !other.starts_with("FOR VALUES"))
            && !self.catalog.functions.contains_key("pg_get_expr")
    }

    /// Whether one step goes into a whole row that is made a document here: what it has, its
    /// columns say, and no row of it has more or less.
    fn is_column_of_a_row(&self, operation: &pg::AExpr, name: &str, scope: &Scope<'_>) -> bool {
        let Some(Some(NodeEnum::FuncCall(call))) =
            operation.lexpr.as_deref().map(|left| left.node.as_ref())
        else {
            return false;
        };
        let names = strings(&call.funcname);
        let function = names.as_deref().and_then(<[&str]>::last).copied();
        let [Some(NodeEnum::ColumnRef(row))] =
            call.args.iter().map(|it| it.node.as_ref()).collect::<Vec<_>>()[..]
        else {
            return false;
        };
        matches!(name, "->" | "->>")
            && matches!(function, Some("row_to_json" | "to_json" | "to_jsonb"))
            && matches!(strings(&row.fields).as_deref(), Some([relation])
                if scope.column(relation, self.catalog).is_none()
                    && self.whole_row(None, relation, scope).is_some())
    }

    /// What is made of several arrays fails where they are not of one length.
    pub(in crate::sql) fn arrays_beside(&mut self, elements: &Lineage) {
        if elements.listed {
            self.filter(elements);
        }
    }

    /// A part of a document or an array that is not there is NULL, and the mask leaves NULL
    /// visible: each step that the client names asks whether there is one.
    fn looks_up(&mut self, whole: &Lineage, steps: u64) {
        self.probe(whole, steps.max(1));
    }

    /// What an operator may give besides what its operands hold; none where it is PostgreSQL's
    /// own, or harmless.
    pub(in crate::sql) fn operator(
        &mut self,
        schema: Option<&str>,
        name: &str,
        operands: &[&Lineage],
    ) -> Option<Lineage> {
        self.operator_of(schema, name, operands, [None, None])
    }

    fn operator_of(
        &mut self,
        schema: Option<&str>,
        name: &str,
        operands: &[&Lineage],
        given: [Option<&str>; 2],
    ) -> Option<Lineage> {
        let is_own = matches!(schema, None | Some("pg_catalog")) && operators::is_builtin(name);
        let made = self.made_operator_of(schema, name, operands, given);
        if made.is_some() || is_own || self.has_operator(schema, name) {
            return made;
        }
        operands.iter().for_each(|operand| {
            self.reveal(operand);
            self.filter(operand);
        });
        if let Some(schema) = schema {
            self.refuse_as(
                sqlstate::UNDEFINED_FUNCTION,
                format!("operator `{schema}.{name}` is not known to the gateway"),
            );
            return Some(self.everything());
        }
        // An operator that somebody made runs a function that can do anything.
        let function = Object::function("operator", name);
        self.need(Action::Execute, function.clone());
        self.moves_search_path = true;
        Some(self.opaque_result(function))
    }

    pub(in crate::sql) fn operand(
        &mut self,
        node: Option<&pg::Node>,
        kind: pg::AExprKind,
        scope: &Scope<'_>,
    ) -> Lineage {
        let lineage = match node.and_then(|node| node.node.as_ref()) {
            Some(NodeEnum::List(list)) => self.listed(&list.items, scope),
            _ => self.optional(node, scope),
        };
        let is_array = matches!(kind, pg::AExprKind::AexprOpAny | pg::AExprKind::AexprOpAll);
        match node.and_then(settings::constant) {
            _ if !is_array => lineage,
            // An array as a text: at most as many elements as it has separators, and one.
            Some(text) => {
                let elements = 1 + text.bytes().filter(|byte| *byte == b',').count() as u64;
                Lineage { constants: elements, ..lineage }
            }
            None if let Some(number) = node.and_then(parameter) => {
                self.listed.push(number);
                lineage
            }
            // SECURITY: how many values are computed of the client's own, no text tells.
            None if lineage.constants > 0 && !node.is_some_and(call::is_counted) => {
                Lineage { constants: UNCOUNTED, ..lineage }
            }
            None => lineage,
        }
    }

    fn case(&mut self, case: &pg::CaseExpr, scope: &Scope<'_>) -> Lineage {
        let chosen = self.telling(case.arg.as_deref(), scope);
        let mut lineage = Lineage::CLEAN.derived();
        let mut results = Vec::new();
        for branch in &case.args {
            let Some(NodeEnum::CaseWhen(branch)) = &branch.node else {
                return self.not_understood("a CASE branch");
            };
            let when = self.telling(branch.expr.as_deref(), scope);
            if let (Some(one), Some(two)) = (case.arg.as_deref(), branch.expr.as_deref()) {
                self.together(&[(one, &chosen), (two, &when)]);
                self.compare(&chosen, &when);
                if let Some(made) = self.made_operator(None, "=", &[&chosen, &when]) {
                    lineage.mix(&made);
                }
            }
            results.extend(branch.result.as_deref());
        }
        results.extend(case.defresult.as_deref());
        let parts: Vec<Lineage> = results.iter().map(|node| self.value(node, scope)).collect();
        self.together(&results.into_iter().zip(&parts).collect::<Vec<_>>());
        parts.iter().for_each(|part| lineage.mix(part));
        lineage
    }

    /// A row of these values, with fields `f1`, `f2`, ….
    fn row(&mut self, nodes: &[pg::Node], scope: &Scope<'_>) -> Lineage {
        Arc::new(self.row_columns(nodes, "f", scope)).whole()
    }

    /// `value.field`, `value[index]`.
    fn indirection(&mut self, indirection: &pg::AIndirection, scope: &Scope<'_>) -> Lineage {
        let mut lineage = self.optional(indirection.arg.as_deref(), scope);
        for step in &indirection.indirection {
            lineage = match &step.node {
                Some(NodeEnum::String(name)) => self.field(&lineage, &name.sval, false),
                Some(NodeEnum::AIndices(indices)) => {
                    let mut steps: u64 = 0;
                    for bound in [&indices.lidx, &indices.uidx] {
                        if bound.as_deref().is_some_and(|bound| !is_own(bound)) {
                            // One row after the other could ask for what is there.
                            self.filter(&lineage);
                        }
                        let bound = self.telling(bound.as_deref(), scope);
                        steps = steps.saturating_add(bound.constants);
                        lineage.mix(&bound);
                    }
                    self.looks_up(&lineage, steps);
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
            pg::SubLinkType::ArraySublink => {
                let elements = columns.mixed();
                self.arrays_beside(&elements);
                Lineage { aggregated: true, ..elements.into_array() }
            }
            pg::SubLinkType::AllSublink
            | pg::SubLinkType::AnySublink
            | pg::SubLinkType::RowcompareSublink => {
                let tested = self.optional(link.testexpr.as_deref(), scope).derived();
                let found = columns.mixed();
                if link.testexpr.as_deref().is_some_and(is_open) {
                    self.makes_parts([&found].into_iter());
                }
                self.compare(&tested, &found);
                let (schema, name) = match link.oper_name.as_slice() {
                    [] => (None, "="),
                    names => match qualified_operator(names) {
                        Some(named) => named,
                        None => return self.not_understood("an operator"),
                    },
                };
                let lineage = both(&tested, &found);
                self.operator(schema, name, &[&tested, &found]).unwrap_or(lineage)
            }
            pg::SubLinkType::MultiexprSublink
            | pg::SubLinkType::CteSublink
            | pg::SubLinkType::Undefined => self.not_understood("a sub-select"),
        }
    }
}

fn both(one: &Lineage, two: &Lineage) -> Lineage {
    let mut lineage = one.clone().derived();
    lineage.mix(two);
    lineage
}

fn is_between(kind: pg::AExprKind) -> bool {
    matches!(
        kind,
        pg::AExprKind::AexprBetween
            | pg::AExprKind::AexprNotBetween
            | pg::AExprKind::AexprBetweenSym
            | pg::AExprKind::AexprNotBetweenSym
    )
}

/// Whether the operation tells if one of its sides is the other: `LIKE` does so where its
/// pattern has no wildcard, or nobody can see whether it has.
fn is_equality(kind: pg::AExprKind, name: &str, right: Option<&pg::Node>) -> bool {
    match kind {
        pg::AExprKind::AexprLike | pg::AExprKind::AexprIlike => {
            right.and_then(settings::constant).is_none_or(|pattern| !pattern.contains(['%', '_']))
        }
        _ => matches!(name, "=" | "<>" | "!=" | "~=" | "~~" | "~~*" | "!~~" | "!~~*" | "@>" | "<@"),
    }
}

/// The schema and name of an operator.
pub(in crate::sql) fn qualified_operator(names: &[pg::Node]) -> Option<(Option<&str>, &str)> {
    match strings(names)?.as_slice() {
        [name] => Some((None, name)),
        [schema, name] => Some((Some(schema), name)),
        _ => None,
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

/// The number of the parameter that a value is, cast or not.
fn parameter(node: &pg::Node) -> Option<usize> {
    match &node.node {
        Some(NodeEnum::ParamRef(parameter)) => usize::try_from(parameter.number).ok(),
        Some(NodeEnum::TypeCast(cast)) => parameter(cast.arg.as_deref()?),
        _ => None,
    }
}

/// A constant of the text. One that is written like an array or a document can be as many
/// values as it has parts.
fn written(constant: &pg::AConst) -> Lineage {
    let Some(pg::a_const::Val::Sval(text)) = &constant.val else { return Lineage::constant() };
    let is_list = text.sval.trim_start().starts_with(['{', '[']);
    let parts = if is_list { text.sval.matches(',').count() as u64 + 1 } else { 1 };
    Lineage { constants: parts.min(UNCOUNTED), ..Lineage::constant() }
}
