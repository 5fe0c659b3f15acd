//! Function calls.
//!
//! An unqualified name may be a function of any schema (the search path is not trusted), so it
//! stands for all of them, and the worst of them counts.

use pg_query::NodeEnum;
use pg_query::protobuf as pg;
use portreeve_model::{Action, Object, ObjectKind};

use super::expr::strings;
use super::flow::Flow;
use super::functions::{self, Builtin};
use super::scope::Scope;
use super::settings;
use super::statement::Shape;
use super::work::Work;

impl Work<'_> {
    pub(super) fn call(&mut self, call: &pg::FuncCall, scope: &Scope<'_>) -> Flow {
        let mut flows: Vec<Flow> =
            call.args.iter().map(|argument| self.argument(argument, scope)).collect();
        if call.agg_within_group {
            // An ordered-set aggregate: it picks values by their order.
            for node in &call.agg_order {
                flows.push(self.sort_key(node, scope));
            }
        }
        self.sorted(&call.agg_order, scope);
        self.telling(call.agg_filter.as_deref(), scope);
        if let Some(window) = call.over.as_deref() {
            self.window(window, scope);
        }
        if call.agg_distinct {
            for flow in flows.iter().filter(|flow| flow.shape == Shape::Derived) {
                self.filter(flow);
            }
        }
        self.apply(&call.funcname, &flows, Some(&call.args))
    }

    /// `name(row)`, written as `row.name`.
    pub(super) fn call_by_name(&mut self, name: &str, row: &Flow) -> Flow {
        self.resolve(None, name, std::slice::from_ref(row), None)
    }

    fn argument(&mut self, node: &pg::Node, scope: &Scope<'_>) -> Flow {
        match &node.node {
            Some(NodeEnum::NamedArgExpr(named)) => self.optional(named.arg.as_deref(), scope),
            _ => self.value(node, scope),
        }
    }

    fn apply(&mut self, name: &[pg::Node], flows: &[Flow], args: Option<&[pg::Node]>) -> Flow {
        match strings(name).as_deref() {
            Some([name]) => self.resolve(None, name, flows, args),
            Some([schema, name]) => self.resolve(Some(schema), name, flows, args),
            _ => self.not_understood("a function of another database"),
        }
    }

    fn resolve(
        &mut self,
        schema: Option<&str>,
        name: &str,
        flows: &[Flow],
        args: Option<&[pg::Node]>,
    ) -> Flow {
        if schema == Some("information_schema") && name.starts_with("_pg_") {
            return self.pure(flows);
        }
        let made: Vec<(String, bool)> = self
            .catalog
            .functions
            .get(name)
            .into_iter()
            .flatten()
            .filter(|function| schema.is_none_or(|schema| in_schema(schema, &function.schema)))
            .map(|function| (function.schema.clone(), function.pure))
            .collect();
        let builtin = match schema {
            None | Some("pg_catalog") => functions::builtin(name)
                .or_else(|| self.catalog.pure_builtins.contains(name).then_some(Builtin::Pure)),
            Some(_) => None,
        };
        let mut result: Option<Flow> = None;
        for (schema, pure) in made {
            let flow = if pure && builtin.is_some() {
                // One more overload of a built-in name, and as harmless.
                self.pure(flows)
            } else {
                self.run(&schema, name, pure, flows)
            };
            result = Some(merge(result, &flow));
        }
        if let Some(builtin) = builtin {
            let flow = self.run_builtin(builtin, name, flows, args);
            result = match result {
                None => Some(flow),
                Some(known) => Some(merge(Some(known), &flow)),
            };
        }
        // `name(row)` may also be the column `name` of the row.
        if let ([row], None) = (flows, schema)
            && let Some(columns) = &row.row
            && let Some(field) = columns
                .find(name, self.catalog)
                .or_else(|| columns.rest.clone().filter(|_| result.is_none()))
        {
            result = match result {
                None => Some(field),
                Some(known) => Some(merge(Some(known), &field)),
            };
        }
        result.unwrap_or_else(|| {
            let shown = schema.map_or_else(|| name.to_owned(), |schema| format!("{schema}.{name}"));
            self.miss(ObjectKind::Function, shown);
            self.everything()
        })
    }

    /// A function that somebody made.
    fn run(&mut self, schema: &str, name: &str, pure: bool, flows: &[Flow]) -> Flow {
        self.moves_search_path = true;
        self.need(Action::Execute, Object::function(schema, name));
        for flow in flows {
            // It may keep, send or raise what it is given.
            self.filter(flow);
            self.reveal(flow);
        }
        if pure { combined(flows) } else { self.everything() }
    }

    fn run_builtin(
        &mut self,
        builtin: Builtin,
        name: &str,
        flows: &[Flow],
        args: Option<&[pg::Node]>,
    ) -> Flow {
        match builtin {
            Builtin::Total(_) if !is_harmless(name, args) => self.pure(flows),
            Builtin::Total(positions) => {
                for (index, flow) in flows.iter().enumerate() {
                    if !positions.allow(index) {
                        self.filter(flow);
                    }
                }
                combined(flows)
            }
            Builtin::Pure => self.pure(flows),
            Builtin::Count => {
                for flow in flows {
                    self.filter_unless_plain(flow);
                }
                Flow::CLEAN
            }
            Builtin::Setting => self.current_setting(flows, args),
            Builtin::SetConfig => self.set_config(flows, args),
            Builtin::Notify => {
                if flows.iter().any(|flow| !flow.is_clean()) {
                    self.refuse("a notification may not hold classified values".into());
                }
                self.notifies = true;
                Flow::CLEAN
            }
            Builtin::Sequence => self.sequence(flows, args),
            Builtin::Administer => {
                self.administer();
                self.opaque(name, flows)
            }
            Builtin::LargeObject => {
                self.need(Action::Write, Object::resource());
                self.opaque(name, flows)
            }
            Builtin::Opaque => self.opaque(name, flows),
        }
    }

    fn opaque(&mut self, name: &str, flows: &[Flow]) -> Flow {
        for flow in flows {
            self.filter(flow);
            self.reveal(flow);
        }
        self.need(Action::Execute, Object::function("pg_catalog", name));
        self.moves_search_path = true;
        self.everything()
    }

    fn pure(&mut self, flows: &[Flow]) -> Flow {
        let flow = combined(flows);
        self.filter(&flow);
        flow
    }

    /// A setting of PostgreSQL is clean; one that applications made up may hold anything.
    fn current_setting(&mut self, flows: &[Flow], args: Option<&[pg::Node]>) -> Flow {
        match args.and_then(|args| args.first()).and_then(settings::constant) {
            Some(name) if !name.contains('.') => self.pure(flows),
            _ => {
                self.pure(flows);
                self.everything()
            }
        }
    }

    fn set_config(&mut self, flows: &[Flow], args: Option<&[pg::Node]>) -> Flow {
        let constants: Option<Vec<String>> =
            args.map(|args| args.iter().filter_map(settings::constant).collect());
        // Whatever the value of a harmless setting is, it is harmless: it may be a parameter.
        let named = args.and_then(|args| args.first()).and_then(settings::constant);
        if let Some(name) = named.filter(|name| settings::is_free(name) && flows.len() == 3)
            && flows.iter().all(Flow::is_clean)
        {
            self.set(&name, &[]);
            return Flow::CLEAN;
        }
        match constants.as_deref() {
            Some([name, value, _is_local]) if flows.len() == 3 => {
                self.set(name, std::slice::from_ref(value));
                Flow::CLEAN
            }
            _ => {
                self.refuse("`set_config` is understood with constants only".into());
                self.everything()
            }
        }
    }

    fn sequence(&mut self, flows: &[Flow], args: Option<&[pg::Node]>) -> Flow {
        let named = args.and_then(|args| args.first()).and_then(settings::constant);
        match named.as_deref().and_then(sequence_name) {
            Some((schema, name)) => {
                let schema = schema.as_deref().unwrap_or_default();
                let schemas: Vec<String> = self
                    .catalog
                    .named(&name)
                    .filter(|known| schema.is_empty() || known.schema == schema)
                    .map(|known| known.schema.clone())
                    .collect();
                for schema in &schemas {
                    self.need(Action::Write, Object::table(schema, &name));
                }
                if schemas.is_empty() {
                    let schema = if schema.is_empty() { "?" } else { schema };
                    self.need(Action::Write, Object::table(schema, &name));
                }
            }
            None => self.need(Action::Write, Object::resource()),
        }
        for flow in flows {
            // A sequence keeps what it is set to.
            self.reveal(flow);
        }
        self.pure(flows)
    }
}

/// Whether the other arguments of a total function leave it total.
fn is_harmless(name: &str, args: Option<&[pg::Node]>) -> bool {
    let Some(args) = args else { return !matches!(name, "substring" | "format") };
    if args.iter().any(|argument| matches!(argument.node, Some(NodeEnum::NamedArgExpr(_)))) {
        return false;
    }
    match name {
        // With a pattern it gives NULL where nothing matches.
        "substring" => args.len() > 1 && args.iter().skip(1).all(is_number),
        // A width can be taken from an argument, which must then be a number.
        "format" => {
            args.first().and_then(settings::constant).is_some_and(|format| !format.contains('*'))
        }
        _ => true,
    }
}

fn is_number(node: &pg::Node) -> bool {
    match &node.node {
        Some(NodeEnum::AConst(constant)) => {
            matches!(constant.val, Some(pg::a_const::Val::Ival(_)))
        }
        _ => false,
    }
}

/// A value computed from all of these.
fn combined(flows: &[Flow]) -> Flow {
    let mut flow = Flow::CLEAN.derived();
    for part in flows {
        flow.mix(part);
    }
    flow
}

fn merge(known: Option<Flow>, other: &Flow) -> Flow {
    match known {
        None => other.clone(),
        Some(mut known) => {
            known.mix(other);
            known
        }
    }
}

/// `pg_temp` stands for the temporary schema of whatever number.
pub(super) fn in_schema(asked: &str, schema: &str) -> bool {
    asked == schema || (asked == "pg_temp" && schema.starts_with("pg_temp"))
}

/// `schema.sequence` as a text, in the simple spelling that drivers and defaults use.
fn sequence_name(text: &str) -> Option<(Option<String>, String)> {
    let simple = |part: &str| {
        let mut letters = part.chars();
        letters.next().is_some_and(|first| first.is_ascii_lowercase() || first == '_')
            && letters.all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
    };
    let parts: Vec<&str> = text.split('.').collect();
    match parts.as_slice() {
        [name] if simple(name) => Some((None, (*name).to_owned())),
        [schema, name] if simple(schema) && simple(name) => {
            Some((Some((*schema).to_owned()), (*name).to_owned()))
        }
        _ => None,
    }
}
