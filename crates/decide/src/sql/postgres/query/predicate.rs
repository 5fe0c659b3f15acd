//! Conditions: which uses of a classified column in `WHERE`, `HAVING` and `ON` need nothing.
//!
//! A classified column may be compared for equality with what the client itself brings
//! (`col = $1`, `col IN ('a', 'b')`, `col = ANY($1)`), which needs `probe`, and tested for NULL.
//! Everything else tells more about the values than whether the client guessed one, and needs
//! `filter`.

use pg_query::NodeEnum;
use pg_query::protobuf as pg;
use pg_query::protobuf::a_const::Val;

use crate::sql::postgres::analyzer::Analyzer;
use crate::sql::postgres::builtin::functions::{self, Builtin};
use crate::sql::postgres::query::scope::Scope;
use crate::sql::postgres::value::expression::{is_text, strings};
use crate::sql::statement::{Brought, Shape};

impl Analyzer<'_> {
    /// A condition that chooses rows.
    pub(in crate::sql) fn condition(&mut self, node: Option<&pg::Node>, scope: &Scope<'_>) {
        let Some(node) = node else { return };
        if self.is_spent() {
            return;
        }
        match &node.node {
            Some(NodeEnum::BoolExpr(expression)) => {
                for part in &expression.args {
                    self.condition(Some(part), scope);
                }
            }
            Some(NodeEnum::AExpr(comparison)) => {
                if !self.guess(comparison, scope) {
                    self.telling(Some(node), scope);
                }
            }
            _ => {
                self.telling(Some(node), scope);
            }
        }
    }

    /// Whether it is an equality of a plain column with the client's own values.
    fn guess(&mut self, comparison: &pg::AExpr, scope: &Scope<'_>) -> bool {
        let kind = pg::AExprKind::try_from(comparison.kind).unwrap_or(pg::AExprKind::Undefined);
        let by_kind = matches!(
            kind,
            pg::AExprKind::AexprOp | pg::AExprKind::AexprIn | pg::AExprKind::AexprOpAny
        );
        let is_equality =
            matches!(strings(&comparison.name).as_deref(), Some(["="] | ["pg_catalog", "="]));
        let (Some(left), Some(right)) = (&comparison.lexpr, &comparison.rexpr) else {
            return false;
        };
        if !by_kind || !is_equality {
            return false;
        }
        let swapped = kind == pg::AExprKind::AexprOp && is_column(right) && is_own(left);
        let (column, own) = if swapped { (right, left) } else { (left, right) };
        if !is_column(column) || !is_own(own) {
            return false;
        }
        // The values are looked at for what else they need (a function, say).
        let brought = match &own.node {
            Some(NodeEnum::List(list)) => self.listed(&list.items, scope),
            _ => self.operand(Some(own), kind, scope),
        };
        let lineage = self.plain_column(column, scope);
        self.together(&[(column, &lineage), (own, &brought)]);
        if self.has_operator(None, "=") {
            let _ = self.made_operator(None, "=", &[&lineage, &brought]);
        }
        if !brought.is_clean() || (!lineage.is_clean() && lineage.shape != Shape::Plain) {
            self.compare(&lineage, &brought);
        } else {
            self.probe(&lineage, brought.constants.max(1));
            let mut operands = Vec::new();
            match (kind, &own.node) {
                // The text of an array.
                (pg::AExprKind::AexprOpAny, Some(NodeEnum::AConst(_) | NodeEnum::ParamRef(_))) => {
                    operands.push(Brought::Computed);
                }
                _ => operands_of(own, &mut operands),
            }
            // NULL equals nothing.
            operands.retain(|operand| *operand != Brought::Null);
            self.compares(&lineage, &operands);
        }
        true
    }

    fn plain_column(&mut self, node: &pg::Node, scope: &Scope<'_>) -> crate::sql::lineage::Lineage {
        match &node.node {
            Some(NodeEnum::TypeCast(cast)) => match cast.arg.as_deref() {
                Some(inner) => self.plain_column(inner, scope),
                None => self.value(node, scope),
            },
            _ => self.value(node, scope),
        }
    }
}

/// A column by name, or one as text.
fn is_column(node: &pg::Node) -> bool {
    match &node.node {
        Some(NodeEnum::ColumnRef(_)) => true,
        Some(NodeEnum::AIndirection(steps)) => {
            steps.indirection.iter().all(|step| matches!(step.node, Some(NodeEnum::String(_))))
        }
        Some(NodeEnum::TypeCast(cast)) => {
            cast.type_name.as_ref().is_some_and(is_text)
                && cast.arg.as_deref().is_some_and(is_column)
        }
        _ => false,
    }
}

/// Whether the client itself brings the value: constants, parameters, and pure functions of
/// these. No column, no sub-select.
pub(in crate::sql) fn is_own(node: &pg::Node) -> bool {
    match &node.node {
        Some(NodeEnum::AConst(_) | NodeEnum::ParamRef(_) | NodeEnum::SqlvalueFunction(_)) => true,
        Some(NodeEnum::TypeCast(cast)) => cast.arg.as_deref().is_some_and(is_own),
        Some(NodeEnum::AArrayExpr(array)) => array.elements.iter().all(is_own),
        Some(NodeEnum::List(list)) => list.items.iter().all(is_own),
        Some(NodeEnum::AExpr(operation)) => {
            [&operation.lexpr, &operation.rexpr].into_iter().flatten().all(|side| is_own(side))
        }
        Some(NodeEnum::FuncCall(call)) => {
            let pure = strings(&call.funcname)
                .and_then(|names| names.last().copied())
                .and_then(functions::builtin);
            matches!(pure, Some(Builtin::Pure | Builtin::Total(_)))
                && call.args.iter().all(is_own)
                && call.agg_filter.is_none()
                && call.agg_order.is_empty()
                && call.over.is_none()
        }
        _ => false,
    }
}

/// What a value of the client's own is made of, one by one.
pub(in crate::sql) fn operands_of(node: &pg::Node, into: &mut Vec<Brought>) {
    match &node.node {
        Some(NodeEnum::AConst(constant)) => into.push(constant_of(constant)),
        Some(NodeEnum::ParamRef(parameter)) => into
            .push(usize::try_from(parameter.number).map_or(Brought::Computed, Brought::Parameter)),
        Some(NodeEnum::TypeCast(cast)) => {
            cast.arg.iter().for_each(|inner| operands_of(inner, into));
        }
        Some(NodeEnum::AArrayExpr(array)) => {
            array.elements.iter().for_each(|element| operands_of(element, into));
        }
        Some(NodeEnum::List(list)) => list.items.iter().for_each(|item| operands_of(item, into)),
        _ => into.push(Brought::Computed),
    }
}

fn constant_of(constant: &pg::AConst) -> Brought {
    if constant.isnull {
        return Brought::Null;
    }
    let value = match &constant.val {
        Some(Val::Sval(text)) => Some(text.sval.clone()),
        Some(Val::Ival(number)) => Some(number.ival.to_string()),
        Some(Val::Fval(number)) => Some(number.fval.clone()),
        Some(Val::Boolval(_) | Val::Bsval(_)) | None => None,
    };
    let at = usize::try_from(constant.location).ok();
    at.zip(value).map_or(Brought::Computed, |(at, value)| Brought::Constant { at, value })
}
