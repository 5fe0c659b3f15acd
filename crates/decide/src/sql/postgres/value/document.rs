//! Expressions that build or take apart JSON and XML with syntax of their own.

use pg_query::NodeEnum;
use pg_query::protobuf as pg;

use crate::sql::lineage::Lineage;
use crate::sql::postgres::analyzer::Analyzer;
use crate::sql::postgres::query::scope::Scope;

/// The type that a document is written as: a domain brings code.
fn written_as(node: &NodeEnum) -> Option<&pg::TypeName> {
    let output = match node {
        NodeEnum::XmlSerialize(xml) => return xml.type_name.as_ref(),
        NodeEnum::JsonObjectConstructor(object) => &object.output,
        NodeEnum::JsonArrayConstructor(array) => &array.output,
        NodeEnum::JsonArrayQueryConstructor(array) => &array.output,
        NodeEnum::JsonObjectAgg(aggregate) => &aggregate.constructor.as_ref()?.output,
        NodeEnum::JsonArrayAgg(aggregate) => &aggregate.constructor.as_ref()?.output,
        NodeEnum::JsonScalarExpr(scalar) => &scalar.output,
        NodeEnum::JsonSerializeExpr(text) => &text.output,
        NodeEnum::JsonParseExpr(text) => &text.output,
        NodeEnum::JsonFuncExpr(query) => &query.output,
        _ => return None,
    };
    output.as_ref()?.type_name.as_ref()
}

impl Analyzer<'_> {
    /// The rest of the expressions; anything that is not one of these is refused.
    pub(in crate::sql) fn document(&mut self, node: &NodeEnum, scope: &Scope<'_>) -> Lineage {
        let lineage = self.document_of(node, scope);
        match written_as(node) {
            Some(name) => self.made(name, &lineage),
            None => lineage,
        }
    }

    fn document_of(&mut self, node: &NodeEnum, scope: &Scope<'_>) -> Lineage {
        match node {
            NodeEnum::JsonObjectConstructor(object) => {
                let lineage = self.mixed(&object.exprs, scope);
                self.unique(object.unique, lineage)
            }
            NodeEnum::JsonKeyValue(pair) => self.behind_key(pair, scope),
            NodeEnum::JsonValueExpr(value) => self.json_value(Some(value), scope),
            NodeEnum::JsonArrayConstructor(array) => self.mixed(&array.exprs, scope),
            NodeEnum::JsonArrayQueryConstructor(array) => match array.query.as_deref() {
                Some(query) => self.sub_query(query, &Scope::inside(scope)).mixed(),
                None => self.not_understood("an empty sub-select"),
            },
            NodeEnum::JsonObjectAgg(aggregate) => {
                let pair = aggregate.arg.as_deref();
                let lineage = pair.map_or(Lineage::CLEAN, |pair| self.behind_key(pair, scope));
                self.json_aggregate(aggregate.constructor.as_deref(), scope);
                self.unique(aggregate.unique, lineage)
            }
            NodeEnum::JsonArrayAgg(aggregate) => {
                let lineage = self.json_value(aggregate.arg.as_deref(), scope);
                self.json_aggregate(aggregate.constructor.as_deref(), scope);
                lineage.derived()
            }
            NodeEnum::JsonScalarExpr(scalar) => {
                self.optional(scalar.expr.as_deref(), scope).derived()
            }
            NodeEnum::JsonSerializeExpr(text) => self.json_value(text.expr.as_deref(), scope),
            NodeEnum::JsonParseExpr(text) => {
                let lineage = self.json_value(text.expr.as_deref(), scope);
                self.filter(&lineage);
                lineage
            }
            NodeEnum::JsonIsPredicate(test) => self.telling(test.expr.as_deref(), scope),
            NodeEnum::JsonFuncExpr(query) => self.json_query(query, scope),
            NodeEnum::XmlExpr(xml) => {
                let mut lineage = self.mixed(&xml.args, scope);
                for attribute in &xml.named_args {
                    let value = self.target_value(attribute, scope);
                    lineage.mix(&value);
                }
                self.filter(&lineage);
                lineage
            }
            NodeEnum::XmlSerialize(xml) => self.telling(xml.expr.as_deref(), scope),
            other => self.not_understood(&format!("`{}`", kind(other))),
        }
    }

    /// A key tells what it is to whoever looks it up.
    fn behind_key(&mut self, pair: &pg::JsonKeyValue, scope: &Scope<'_>) -> Lineage {
        let mut lineage = self.telling(pair.key.as_deref(), scope);
        let value = self.json_value(pair.value.as_deref(), scope);
        lineage.mix(&value);
        lineage
    }

    /// `value AS name`, where a list of expressions has names.
    fn target_value(&mut self, node: &pg::Node, scope: &Scope<'_>) -> Lineage {
        match &node.node {
            Some(NodeEnum::ResTarget(target)) => self.optional(target.val.as_deref(), scope),
            _ => self.value(node, scope),
        }
    }

    pub(in crate::sql) fn json_value(
        &mut self,
        value: Option<&pg::JsonValueExpr>,
        scope: &Scope<'_>,
    ) -> Lineage {
        match value {
            Some(value) => self.optional(value.raw_expr.as_deref(), scope).derived(),
            None => Lineage::CLEAN,
        }
    }

    fn json_aggregate(&mut self, constructor: Option<&pg::JsonAggConstructor>, scope: &Scope<'_>) {
        let Some(constructor) = constructor else { return };
        self.telling(constructor.agg_filter.as_deref(), scope);
        self.sorted(&constructor.agg_order, scope);
        if let Some(window) = constructor.over.as_deref() {
            self.window(window, scope);
        }
    }

    fn json_query(&mut self, query: &pg::JsonFuncExpr, scope: &Scope<'_>) -> Lineage {
        let mut lineage = self.json_value(query.context_item.as_deref(), scope);
        let path = self.optional(query.pathspec.as_deref(), scope);
        lineage.mix(&path);
        let passing = self.json_arguments(&query.passing, scope);
        lineage.mix(&passing);
        for behaviour in [&query.on_empty, &query.on_error].into_iter().flatten() {
            let value = self.optional(behaviour.expr.as_deref(), scope);
            lineage.mix(&value);
        }
        self.filter(&lineage);
        lineage
    }

    pub(in crate::sql) fn json_arguments(
        &mut self,
        nodes: &[pg::Node],
        scope: &Scope<'_>,
    ) -> Lineage {
        let mut lineage = Lineage::CLEAN.derived();
        for node in nodes {
            let value = match &node.node {
                Some(NodeEnum::JsonArgument(argument)) => {
                    self.json_value(argument.val.as_deref(), scope)
                }
                _ => self.not_understood("a PASSING argument"),
            };
            lineage.mix(&value);
        }
        lineage
    }

    /// `WITH UNIQUE KEYS` fails where two keys are equal.
    fn unique(&mut self, is_unique: bool, lineage: Lineage) -> Lineage {
        if is_unique {
            self.filter(&lineage);
        }
        lineage
    }
}

/// The name of a syntax node, for a message: the tree's own word for it.
pub(in crate::sql) fn kind(node: &NodeEnum) -> String {
    let text = format!("{node:?}");
    text.split(['(', '{', ' ']).next().unwrap_or_default().to_owned()
}
