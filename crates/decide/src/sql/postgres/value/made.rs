//! Code behind an expression that its text does not name: types and operators that somebody made.

use pg_query::NodeEnum;
use pg_query::protobuf as pg;
use pg_query::protobuf::a_const::Val;
use portreeve_model::{Action, Object};
use std::collections::BTreeSet;

use super::call::in_schema;
use super::expression::strings;
use crate::sql::catalog::Type;
use crate::sql::lineage::Lineage;
use crate::sql::postgres::analyzer::Analyzer;

/// Types of PostgreSQL that nothing turns into another without being told to.
const NEVER_CAST: &[&str] = &["bytea", "json", "jsonb", "uuid", "xml"];

/// Whether a value has no type yet, or one of its parts: it takes that of what stands beside it.
///
/// SPEC: <https://www.postgresql.org/docs/18/typeconv-union-case.html>. What a sub-select gives has
/// its type; `text[]` does not become an array of a domain over `text` by itself.
pub(in crate::sql) fn is_open(node: &pg::Node) -> bool {
    match &node.node {
        Some(NodeEnum::AConst(constant)) => matches!(constant.val, Some(Val::Sval(_))),
        Some(NodeEnum::ParamRef(_)) => true,
        Some(NodeEnum::CollateClause(collate)) => collate.arg.as_deref().is_some_and(is_open),
        Some(NodeEnum::NamedArgExpr(named)) => named.arg.as_deref().is_some_and(is_open),
        Some(NodeEnum::List(list)) => list.items.iter().any(is_open),
        Some(NodeEnum::RowExpr(row)) => row.args.iter().any(is_open),
        _ => false,
    }
}

/// Whether a side of an operator cannot take a value of a type in [`NEVER_CAST`].
fn are_apart(wanted: Option<&str>, given: Option<&str>) -> bool {
    match (wanted, given) {
        (Some(wanted), Some(given)) => wanted != given && !wanted.starts_with("any"),
        _ => false,
    }
}

impl Analyzer<'_> {
    /// A value becomes one of the named type: what it may then hold.
    pub(in crate::sql) fn made(&mut self, name: &pg::TypeName, value: &Lineage) -> Lineage {
        let named = match strings(&name.names).as_deref() {
            Some([name]) => self.made_by_name(None, name, value),
            Some([schema, name]) => self.made_by_name(Some(schema), name, value),
            _ => return self.not_understood("a type of another database"),
        };
        named.unwrap_or_else(|| value.clone().derived())
    }

    /// Like [`Self::made`]; none where the name is no type that brings code.
    pub(in crate::sql) fn made_by_name(
        &mut self,
        schema: Option<&str>,
        name: &str,
        value: &Lineage,
    ) -> Option<Lineage> {
        let catalog = self.catalog;
        for relation in catalog.named(name) {
            if schema.is_none_or(|schema| in_schema(schema, &relation.schema)) {
                self.runs(&relation.code.row);
            }
        }
        let types: Vec<&Type> = catalog
            .types
            .get(name)
            .into_iter()
            .flatten()
            .filter(|known| schema.is_none_or(|schema| in_schema(schema, &known.schema)))
            .collect();
        if types.is_empty() {
            return None;
        }
        // What runs sees the value: it may keep, send or raise it.
        self.filter(value);
        self.reveal(value);
        let mut lineage = value.clone().derived();
        for known in types {
            for functions in [&known.used, &known.checks, &known.makes] {
                self.runs(functions);
            }
            for function in known.makes.iter() {
                lineage.mix(&self.opaque_result(function.clone()));
            }
        }
        Some(lineage)
    }

    /// What an operator that somebody made may give; none where there is none of the name, or
    /// all of them are harmless.
    pub(in crate::sql) fn made_operator(
        &mut self,
        schema: Option<&str>,
        name: &str,
        operands: &[&Lineage],
    ) -> Option<Lineage> {
        self.made_operator_of(schema, name, operands, [None, None])
    }

    /// Like [`Self::made_operator`], with the types that the text gives to the two sides.
    pub(in crate::sql) fn made_operator_of(
        &mut self,
        schema: Option<&str>,
        name: &str,
        operands: &[&Lineage],
        given: [Option<&str>; 2],
    ) -> Option<Lineage> {
        let functions: BTreeSet<Object> = self
            .catalog
            .operators
            .get(name)
            .into_iter()
            .flatten()
            .filter(|known| schema.is_none_or(|schema| in_schema(schema, &known.schema)))
            .filter(|known| {
                let mut sides = known.sides.iter().zip(given);
                !sides.any(|(wanted, given)| are_apart(wanted.as_deref(), given))
            })
            .filter_map(|known| known.function.clone())
            .collect();
        let mut result: Option<Lineage> = None;
        for function in functions {
            self.moves_search_path = true;
            self.need(Action::Execute, function.clone());
            for operand in operands {
                self.filter(operand);
                self.reveal(operand);
            }
            result = Some(self.opaque_result(function));
        }
        result
    }

    /// Values that come to be of one type: what runs where those that have none become one of
    /// another's.
    pub(in crate::sql) fn together(&mut self, operands: &[(&pg::Node, &Lineage)]) {
        if operands.iter().any(|(_, lineage)| lineage.making.is_some())
            && operands.iter().any(|(node, _)| is_open(node))
        {
            self.makes_parts(operands.iter().map(|(_, lineage)| *lineage));
        }
    }

    /// Something without a type takes the type of one of these, or what that is made of.
    pub(in crate::sql) fn makes_parts<'l>(&mut self, like: impl Iterator<Item = &'l Lineage>) {
        let making = like.filter_map(|lineage| lineage.making.as_ref());
        making.filter(|making| !making.is_bare).for_each(|making| self.runs(&making.functions));
    }

    /// Something becomes a value of the type of one of these.
    pub(in crate::sql) fn makes<'l>(&mut self, like: impl Iterator<Item = &'l Lineage>) {
        let making = like.filter_map(|lineage| lineage.making.as_ref());
        making.for_each(|making| self.runs(&making.functions));
    }

    /// The type of PostgreSQL that a text gives to a value, if nothing makes another of it unseen.
    pub(in crate::sql) fn given_type<'n>(&self, node: Option<&'n pg::Node>) -> Option<&'n str> {
        let Some(NodeEnum::TypeCast(cast)) = &node?.node else { return None };
        let name = cast.type_name.as_ref().filter(|name| name.array_bounds.is_empty())?;
        let name = match strings(&name.names)?.as_slice() {
            [name] if !self.catalog.made_types.contains(*name) => *name,
            ["pg_catalog", name] => *name,
            _ => return None,
        };
        NEVER_CAST.contains(&name).then_some(name)
    }

    /// Whether somebody made an operator of this name, harmless or not.
    pub(in crate::sql) fn has_operator(&self, schema: Option<&str>, name: &str) -> bool {
        self.catalog
            .operators
            .get(name)
            .into_iter()
            .flatten()
            .any(|known| schema.is_none_or(|schema| in_schema(schema, &known.schema)))
    }
}
