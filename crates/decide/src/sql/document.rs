//! Expressions that build or take apart JSON and XML with syntax of their own.

use pg_query::NodeEnum;
use pg_query::protobuf as pg;

use super::flow::Flow;
use super::scope::Scope;
use super::work::Work;

impl Work<'_> {
    /// The rest of the expressions; anything that is not one of these is refused.
    pub(super) fn document(&mut self, node: &NodeEnum, scope: &Scope<'_>) -> Flow {
        match node {
            NodeEnum::JsonObjectConstructor(object) => {
                let flow = self.mixed(&object.exprs, scope);
                self.unique(object.unique, flow)
            }
            NodeEnum::JsonKeyValue(pair) => {
                let mut flow = self.optional(pair.key.as_deref(), scope).derived();
                let value = self.json_value(pair.value.as_deref(), scope);
                flow.mix(&value);
                flow
            }
            NodeEnum::JsonValueExpr(value) => self.json_value(Some(value), scope),
            NodeEnum::JsonArrayConstructor(array) => self.mixed(&array.exprs, scope),
            NodeEnum::JsonArrayQueryConstructor(array) => match array.query.as_deref() {
                Some(query) => self.sub_query(query, &Scope::inside(scope)).mixed(),
                None => self.not_understood("an empty sub-select"),
            },
            NodeEnum::JsonObjectAgg(aggregate) => {
                let flow = match aggregate.arg.as_deref() {
                    Some(pair) => {
                        let mut flow = self.optional(pair.key.as_deref(), scope).derived();
                        let value = self.json_value(pair.value.as_deref(), scope);
                        flow.mix(&value);
                        flow
                    }
                    None => Flow::CLEAN,
                };
                self.json_aggregate(aggregate.constructor.as_deref(), scope);
                self.unique(aggregate.unique, flow)
            }
            NodeEnum::JsonArrayAgg(aggregate) => {
                let flow = self.json_value(aggregate.arg.as_deref(), scope);
                self.json_aggregate(aggregate.constructor.as_deref(), scope);
                flow.derived()
            }
            NodeEnum::JsonScalarExpr(scalar) => {
                self.optional(scalar.expr.as_deref(), scope).derived()
            }
            NodeEnum::JsonSerializeExpr(text) => self.json_value(text.expr.as_deref(), scope),
            NodeEnum::JsonParseExpr(text) => {
                let flow = self.json_value(text.expr.as_deref(), scope);
                self.filter(&flow);
                flow
            }
            NodeEnum::JsonIsPredicate(test) => self.telling(test.expr.as_deref(), scope),
            NodeEnum::JsonFuncExpr(query) => self.json_query(query, scope),
            NodeEnum::XmlExpr(xml) => {
                let mut flow = self.mixed(&xml.args, scope);
                for attribute in &xml.named_args {
                    let value = self.target_value(attribute, scope);
                    flow.mix(&value);
                }
                self.filter(&flow);
                flow
            }
            NodeEnum::XmlSerialize(xml) => self.telling(xml.expr.as_deref(), scope),
            other => self.not_understood(&format!("`{}`", kind(other))),
        }
    }

    /// `value AS name`, where a list of expressions has names.
    fn target_value(&mut self, node: &pg::Node, scope: &Scope<'_>) -> Flow {
        match &node.node {
            Some(NodeEnum::ResTarget(target)) => self.optional(target.val.as_deref(), scope),
            _ => self.value(node, scope),
        }
    }

    pub(super) fn json_value(
        &mut self,
        value: Option<&pg::JsonValueExpr>,
        scope: &Scope<'_>,
    ) -> Flow {
        match value {
            Some(value) => self.optional(value.raw_expr.as_deref(), scope).derived(),
            None => Flow::CLEAN,
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

    fn json_query(&mut self, query: &pg::JsonFuncExpr, scope: &Scope<'_>) -> Flow {
        let mut flow = self.json_value(query.context_item.as_deref(), scope);
        let path = self.optional(query.pathspec.as_deref(), scope);
        flow.mix(&path);
        let passing = self.json_arguments(&query.passing, scope);
        flow.mix(&passing);
        for behaviour in [&query.on_empty, &query.on_error].into_iter().flatten() {
            let value = self.optional(behaviour.expr.as_deref(), scope);
            flow.mix(&value);
        }
        self.filter(&flow);
        flow
    }

    pub(super) fn json_arguments(&mut self, nodes: &[pg::Node], scope: &Scope<'_>) -> Flow {
        let mut flow = Flow::CLEAN.derived();
        for node in nodes {
            let value = match &node.node {
                Some(NodeEnum::JsonArgument(argument)) => {
                    self.json_value(argument.val.as_deref(), scope)
                }
                _ => self.not_understood("a PASSING argument"),
            };
            flow.mix(&value);
        }
        flow
    }

    /// `WITH UNIQUE KEYS` fails where two keys are equal.
    fn unique(&mut self, is_unique: bool, flow: Flow) -> Flow {
        if is_unique {
            self.filter(&flow);
        }
        flow
    }
}

/// The name of a syntax node, for a message: the tree's own word for it.
pub(super) fn kind(node: &NodeEnum) -> String {
    let text = format!("{node:?}");
    text.split(['(', '{', ' ']).next().unwrap_or_default().to_owned()
}
