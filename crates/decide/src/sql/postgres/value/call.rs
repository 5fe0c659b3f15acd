//! Function calls.
//!
//! An unqualified name may be a function of any schema (the search path is not trusted), so it
//! stands for all of them, and the worst of them counts.

use pg_query::NodeEnum;
use pg_query::protobuf as pg;
use portreeve_model::{Action, Object};

use crate::sql::catalog::Function;
use crate::sql::lineage::{Definition, Lineage, UNCOUNTED};
use crate::sql::postgres::analyzer::Analyzer;
use crate::sql::postgres::builtin::contents;
use crate::sql::postgres::builtin::functions::{self, Builtin, Positions};
use crate::sql::postgres::command::settings;
use crate::sql::postgres::parse;
use crate::sql::postgres::query::from::options_of;
use crate::sql::postgres::query::predicate::is_own;
use crate::sql::postgres::query::scope::Scope;
use crate::sql::postgres::value::expression::{last_name, strings};
use crate::sql::postgres::value::made::is_open;
use crate::sql::statement::Shape;

impl Analyzer<'_> {
    pub(in crate::sql) fn call(&mut self, call: &pg::FuncCall, scope: &Scope<'_>) -> Lineage {
        let mut lineages: Vec<Lineage> =
            call.args.iter().map(|argument| self.argument(argument, scope)).collect();
        if call.agg_within_group {
            // An ordered-set aggregate: it picks values by their order.
            let keys: Vec<Lineage> =
                call.agg_order.iter().map(|node| self.sort_key(node, scope)).collect();
            if last_name(&call.funcname).is_none_or(functions::asks_where_it_would_be) {
                self.hypothetical(call, &lineages, &keys);
            }
            lineages.extend(keys);
        }
        self.sorted(&call.agg_order, scope);
        self.telling(call.agg_filter.as_deref(), scope);
        if let Some(window) = call.over.as_deref() {
            self.window(window, scope);
        }
        if call.agg_distinct {
            for lineage in lineages.iter().filter(|lineage| lineage.shape == Shape::Derived) {
                self.filter(lineage);
            }
        }
        if call.func_variadic {
            // How many arguments there are, the values tell.
            lineages.iter().for_each(|lineage| self.filter(lineage));
        }
        let name = last_name(&call.funcname).unwrap_or_default();
        // A function that is not known here may make values out of anything.
        let is_known = functions::builtin(name).is_some();
        let is_fixed = is_known
            && !functions::is_polymorphic(name)
            && !self.catalog.functions.contains_key(name);
        let makes = !is_known || functions::makes_rows_of(name) || call.args.iter().any(is_open);
        if !is_fixed && makes {
            self.makes(lineages.iter());
        }
        let mut lineage = self.apply(&call.funcname, &lineages, Some(&call.args));
        if is_fixed {
            lineage.making = None;
            // What gives an array asks `filter` of what it is made of.
            lineage.listed = false;
        } else if !functions::gives_an_argument(name) {
            lineage = match name.starts_with("array") {
                true => lineage.into_array(),
                false => lineage.contained(),
            };
        }
        self.shows_definitions(name, &mut lineage);
        let is_aggregate = call.agg_star
            || call.agg_distinct
            || call.agg_within_group
            || !call.agg_order.is_empty()
            || call.agg_filter.is_some()
            || functions::is_aggregate(name);
        lineage.aggregated |= is_aggregate && call.over.is_none();
        if let Some(count) = made_of_constants(call) {
            lineage.constants = lineage.constants.max(count);
        }
        lineage
    }

    /// Words of definitions have the constants in them that people wrote there; those of a
    /// partition have values of its key.
    fn shows_definitions(&self, name: &str, lineage: &mut Lineage) {
        if !contents::gives_words(name) {
            return;
        }
        let of_key = Lineage { sources: self.catalog.partition_keys.clone(), ..Lineage::CLEAN };
        if name == "pg_get_partition_constraintdef" {
            lineage.mix(&of_key);
        }
        lineage.definition = Some(Definition::Words);
    }

    /// Where a row of these arguments would be among the others: each of them is one of the key
    /// that stands in its place.
    fn hypothetical(&mut self, call: &pg::FuncCall, given: &[Lineage], keys: &[Lineage]) {
        let order = call.agg_order.iter().zip(keys);
        for ((argument, given), (key, lineage)) in call.args.iter().zip(given).zip(order) {
            self.together(&[(argument, given), (key, lineage)]);
        }
    }

    /// `name(row)`, written as `row.name`.
    pub(in crate::sql) fn call_by_name(&mut self, name: &str, row: &Lineage) -> Lineage {
        self.resolve(None, name, std::slice::from_ref(row), None)
    }

    /// Whether `row.name` can mean `name(row)`.
    pub(in crate::sql) fn is_function(&self, name: &str) -> bool {
        self.catalog.functions.contains_key(name)
            || self.catalog.types.contains_key(name)
            || self.catalog.pure_builtins.contains(name)
            || functions::builtin(name).is_some()
    }

    fn argument(&mut self, node: &pg::Node, scope: &Scope<'_>) -> Lineage {
        match &node.node {
            Some(NodeEnum::NamedArgExpr(named)) => self.optional(named.arg.as_deref(), scope),
            _ => self.value(node, scope),
        }
    }

    fn apply(
        &mut self,
        name: &[pg::Node],
        lineages: &[Lineage],
        args: Option<&[pg::Node]>,
    ) -> Lineage {
        match strings(name).as_deref() {
            Some([name]) => self.resolve(None, name, lineages, args),
            Some([schema, name]) => self.resolve(Some(schema), name, lineages, args),
            _ => self.not_understood("a function of another database"),
        }
    }

    fn resolve(
        &mut self,
        schema: Option<&str>,
        name: &str,
        lineages: &[Lineage],
        args: Option<&[pg::Node]>,
    ) -> Lineage {
        if schema == Some("information_schema") && name.starts_with("_pg_") {
            return self.pure(&numbers_of_types(lineages));
        }
        let made: Vec<Function> = self
            .catalog
            .functions
            .get(name)
            .into_iter()
            .flatten()
            .filter(|function| schema.is_none_or(|schema| in_schema(schema, &function.schema)))
            .cloned()
            .collect();
        let builtin = match schema {
            None | Some("pg_catalog") => functions::builtin(name)
                .or_else(|| self.catalog.pure_builtins.contains(name).then_some(Builtin::Pure)),
            Some(_) => None,
        };
        let mut result: Option<Lineage> = None;
        for function in made {
            // Somebody's word that it is harmless is no proof.
            self.acts |= function.declared;
            let lineage = if function.declared || function.pure && builtin.is_some() {
                // One more overload of a built-in name, and as harmless.
                self.pure(lineages)
            } else {
                self.run(&function.schema, name, function.pure, lineages)
            };
            result = Some(merge(result, &lineage));
        }
        if let Some(builtin) = builtin {
            let lineage = self.run_builtin(builtin, name, lineages, args);
            result = match result {
                None => Some(lineage),
                Some(known) => Some(merge(Some(known), &lineage)),
            };
        }
        // `name(row)` may also be the column `name` of the row.
        if let ([row], None) = (lineages, schema)
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
        // `name(value)` may also be a cast to a type of that name.
        if let [value] = lineages
            && let Some(made) = self.made_by_name(schema, name, value)
        {
            result = Some(merge(result, &made));
        }
        result.unwrap_or_else(|| {
            let shown = schema.map_or_else(|| name.to_owned(), |schema| format!("{schema}.{name}"));
            self.miss_function(shown, lineages.len());
            self.everything()
        })
    }

    /// A function that somebody made.
    fn run(&mut self, schema: &str, name: &str, pure: bool, lineages: &[Lineage]) -> Lineage {
        self.moves_search_path = true;
        self.need(Action::Execute, Object::function(schema, name));
        for lineage in lineages {
            // It may keep, send or raise what it is given.
            self.filter(lineage);
            self.reveal(lineage);
        }
        if pure { combined(lineages) } else { self.opaque_result(Object::function(schema, name)) }
    }

    fn run_builtin(
        &mut self,
        builtin: Builtin,
        name: &str,
        lineages: &[Lineage],
        args: Option<&[pg::Node]>,
    ) -> Lineage {
        match builtin {
            Builtin::Total(_) if !is_harmless(name, args) => self.pure(lineages),
            Builtin::Total(positions) => {
                self.total(positions, lineages);
                if name == "array_agg" {
                    lineages.iter().for_each(|lineage| self.arrays_beside(lineage));
                }
                grown(name, lineages, args, combined(lineages))
            }
            Builtin::Pure => {
                let lineage = self.pure(lineages);
                grown(name, lineages, args, lineage)
            }
            Builtin::AdvisoryLock => {
                self.need(Action::Lock, Object::resource());
                self.kept_elsewhere(lineages)
            }
            Builtin::AdvisoryUnlock | Builtin::Keeps => {
                self.acts = true;
                self.kept_elsewhere(lineages)
            }
            Builtin::Count => {
                for lineage in lineages {
                    self.filter_unless_plain(lineage);
                }
                Lineage { aggregated: true, ..Lineage::CLEAN }
            }
            Builtin::Code => {
                self.pure(lineages);
                self.touched = true;
                Lineage { kept: true, ..Lineage::CLEAN }
            }
            Builtin::Closed => Lineage { kept: true, closed: true, ..Lineage::CLEAN },
            Builtin::Setting => self.current_setting(lineages, args),
            Builtin::SetConfig => self.set_config(lineages, args),
            Builtin::Notify => {
                if lineages.iter().any(|lineage| !lineage.is_clean()) {
                    self.refuse("a notification may not hold classified values".into());
                }
                self.notifies = true;
                Lineage::CLEAN
            }
            Builtin::Sequence => self.sequence(lineages, args),
            Builtin::Administer => {
                self.administer();
                self.opaque(name, lineages)
            }
            Builtin::LargeObject => {
                self.need(Action::Write, Object::resource());
                self.opaque(name, lineages)
            }
            Builtin::Export => {
                self.opaque(name, lineages);
                Lineage::CLEAN
            }
            Builtin::ReadsAs => self.reads_as(name, lineages, args),
            Builtin::Opaque => self.opaque(name, lineages),
        }
    }

    fn total(&mut self, positions: Positions, lineages: &[Lineage]) {
        // What is too long fails: of values next to something that has any length, that tells how
        // long they are.
        let is_long = lineages.iter().any(|lineage| lineage.grown);
        for (index, lineage) in lineages.iter().enumerate() {
            if is_long || !positions.allow(index) {
                self.filter(lineage);
            }
        }
    }

    /// What it is given can be read elsewhere (locks are in a catalog); what it gives is nothing of
    /// it.
    fn kept_elsewhere(&mut self, lineages: &[Lineage]) -> Lineage {
        for lineage in lineages {
            self.filter(lineage);
            self.reveal(lineage);
        }
        Lineage::CLEAN
    }

    fn opaque(&mut self, name: &str, lineages: &[Lineage]) -> Lineage {
        for lineage in lineages {
            self.filter(lineage);
            self.reveal(lineage);
        }
        self.need(Action::Execute, Object::function("pg_catalog", name));
        self.moves_search_path = true;
        self.opaque_result(Object::function("pg_catalog", name))
    }

    /// A text is read as a value of a type that another text names: a cast, if it is known to what.
    fn reads_as(&mut self, name: &str, lineages: &[Lineage], args: Option<&[pg::Node]>) -> Lineage {
        let named = args.and_then(|args| args.get(1)).and_then(settings::constant);
        let Some(named) = named.as_deref().and_then(parse::type_name) else {
            return self.opaque(name, lineages);
        };
        let lineage = self.pure(lineages);
        self.made(&named, &lineage)
    }

    fn pure(&mut self, lineages: &[Lineage]) -> Lineage {
        let lineage = combined(lineages);
        self.filter(&lineage);
        lineage
    }

    /// A setting of PostgreSQL is clean; one that applications made up may hold anything.
    fn current_setting(&mut self, lineages: &[Lineage], args: Option<&[pg::Node]>) -> Lineage {
        match args.and_then(|args| args.first()).and_then(settings::constant) {
            Some(name) if !settings::is_secret(&name) => self.pure(lineages),
            _ => {
                self.pure(lineages);
                self.touched = true;
                Lineage { kept: true, ..Lineage::CLEAN }
            }
        }
    }

    fn set_config(&mut self, lineages: &[Lineage], args: Option<&[pg::Node]>) -> Lineage {
        let constants: Option<Vec<String>> =
            args.map(|args| args.iter().filter_map(|node| self.setting_word(node)).collect());
        // Whatever the value of a harmless setting is, it is harmless: it may be a parameter.
        let named = args.and_then(|args| args.first()).and_then(|node| self.setting_word(node));
        if let Some(name) =
            named.clone().filter(|name| settings::is_free(name) && lineages.len() == 3)
            && lineages.iter().all(Lineage::is_clean)
        {
            self.set(&name, &[]);
            return Lineage::CLEAN;
        }
        match constants.as_deref() {
            Some([name, value, _is_local]) if lineages.len() == 3 => {
                self.set(name, std::slice::from_ref(value));
                Lineage::CLEAN
            }
            _ => self.set_config_unseen(lineages, named.as_deref()),
        }
    }

    /// A constant, or the name of the one setting that a query shows.
    fn setting_word(&self, node: &pg::Node) -> Option<String> {
        let pinned = self.pinned_setting.as_ref().filter(|pinned| pinned.is(node));
        settings::constant(node).or_else(|| pinned.map(|pinned| pinned.name.clone()))
    }

    /// `set_config` of a value that the text does not show.
    fn set_config_unseen(&mut self, lineages: &[Lineage], named: Option<&str>) -> Lineage {
        for lineage in lineages {
            if !lineage.is_clean() {
                // A setting can be read by whoever shares the session.
                self.refuse("a setting may not hold classified values".into());
            }
        }
        self.sets = true;
        match named {
            // An application's own: the row security of tenants lives by these.
            Some(name) if settings::is_made_up(name) => {
                self.sets_hidden.push(name.to_owned());
                Lineage::CLEAN
            }
            Some(name) => {
                // Which value is not seen, so it counts as any.
                self.set(name, &[]);
                Lineage { kept: true, ..Lineage::CLEAN }
            }
            // SECURITY: some settings change how texts are read, whatever policy says.
            None => {
                self.refuse("the setting's name in `set_config` must be a constant".into());
                self.everything()
            }
        }
    }

    fn sequence(&mut self, lineages: &[Lineage], args: Option<&[pg::Node]>) -> Lineage {
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
        for lineage in lineages {
            // A sequence keeps what it is set to.
            self.reveal(lineage);
        }
        self.pure(lineages)
    }
}

/// The column of which `pg_get_expr` gives the words, where it is called `relpartbound`.
pub(in crate::sql) fn bound_of(node: &pg::Node) -> Option<&pg::Node> {
    let Some(NodeEnum::FuncCall(call)) = &node.node else { return None };
    let names = strings(&call.funcname)?;
    let is_it = matches!(names.as_slice(), ["pg_get_expr"] | ["pg_catalog", "pg_get_expr"]);
    let of = call.args.first().filter(|_| is_it)?;
    matches!(of.node, Some(NodeEnum::ColumnRef(_))).then_some(of)
}

/// How many values a function that gives many can make of the client's own; none where it gives
/// one, or is given other values.
fn made_of_constants(call: &pg::FuncCall) -> Option<u64> {
    let name = last_name(&call.funcname)?;
    if !call.args.iter().all(is_own) || call.args.is_empty() {
        return None;
    }
    if name == "unnest" && call.args.iter().all(is_counted) {
        return None;
    }
    let is_told = call.args.iter().all(|argument| settings::constant(argument).is_some());
    let numbers: Vec<Option<i64>> =
        call.args.iter().map(|argument| settings::constant(argument)?.parse().ok()).collect();
    match (name, numbers.as_slice()) {
        ("generate_series", [Some(first), Some(last)]) => {
            Some(last.saturating_sub(*first).unsigned_abs().saturating_add(1).min(UNCOUNTED))
        }
        ("generate_series", _) => Some(UNCOUNTED),
        (
            "string_to_table"
            | "string_to_array"
            | "regexp_split_to_table"
            | "regexp_split_to_array"
            | "regexp_matches"
            | "json_array_elements"
            | "json_array_elements_text"
            | "jsonb_array_elements"
            | "jsonb_array_elements_text"
            | "json_each_text"
            | "jsonb_each_text"
            | "json_to_recordset"
            | "jsonb_to_recordset"
            | "jsonb_path_query"
            | "unnest"
            | "xpath"
            | "parse_ident"
            | "tsvector_to_array",
            _,
        ) => {
            // Of a parameter nobody knows how many.
            if !is_told {
                return Some(UNCOUNTED);
            }
            // No more values than the text has characters.
            let letters = call.args.iter().filter_map(settings::constant).map(|text| text.len());
            Some((letters.sum::<usize>() as u64).max(1))
        }
        _ => None,
    }
}

/// Whether the text tells how many values of the client's own an array is.
pub(in crate::sql) fn is_counted(node: &pg::Node) -> bool {
    match &node.node {
        Some(NodeEnum::AConst(_)) => true,
        Some(NodeEnum::TypeCast(cast)) => cast.arg.as_deref().is_some_and(is_counted),
        Some(NodeEnum::AArrayExpr(array)) => array.elements.iter().all(is_counted),
        Some(NodeEnum::FuncCall(call)) => made_of_constants(call).is_some(),
        _ => false,
    }
}

/// Constants longer than this make what is built of them long.
const SHORT: usize = 10_000;

/// What a function gives, as one of any length where it may be that: clean texts can be made of any
/// length, and longer ones by putting much in the place of little.
fn grown(name: &str, lineages: &[Lineage], args: Option<&[pg::Node]>, lineage: Lineage) -> Lineage {
    let constant =
        |index: usize| args.and_then(|args| args.get(index)).and_then(settings::constant);
    let is_short = match name {
        "repeat" | "lpad" | "rpad" => constant(1)
            .and_then(|count| count.parse().ok())
            .is_some_and(|count: usize| count <= SHORT),
        "replace" => match (constant(1), constant(2)) {
            (Some(before), Some(after)) => after.len() <= before.len(),
            _ => false,
        },
        // The parts of one value, put together again.
        "array_to_string" => {
            constant(1).is_some_and(|between| between.len() <= SHORT)
                && args.and_then(|args| args.first()).is_some_and(is_of_options)
        }
        // As long as there are rows: of values of the tables that is what the tables hold.
        _ => functions::is_aggregate(name) && lineages.iter().any(|one| !one.is_clean()),
    };
    let grown = lineage.grown || functions::grows(name) && !is_short;
    Lineage { grown, ..lineage }
}

/// Whether an array has a part for each option of one value, and is made of nothing else.
fn is_of_options(node: &pg::Node) -> bool {
    let Some(NodeEnum::SubLink(link)) = &node.node else { return false };
    let query = link.subselect.as_deref().and_then(|query| query.node.as_ref());
    let Some(NodeEnum::SelectStmt(select)) = query else { return false };
    let [only] = select.from_clause.as_slice() else { return false };
    let Some(NodeEnum::RangeFunction(range)) = &only.node else { return false };
    let [function] = range.functions.as_slice() else { return false };
    let Some(NodeEnum::List(pair)) = &function.node else { return false };
    pair.items.first().is_some_and(|call| options_of(call).is_some())
        && is_set_free(&select.target_list)
}

/// Whether each of the columns is one value for each row.
fn is_set_free(targets: &[pg::Node]) -> bool {
    targets.iter().all(|target| match &target.node {
        Some(NodeEnum::ResTarget(target)) => target.val.as_deref().is_some_and(is_joined),
        _ => false,
    })
}

/// Columns, constants and what quotes them, joined.
fn is_joined(node: &pg::Node) -> bool {
    match &node.node {
        Some(NodeEnum::ColumnRef(_) | NodeEnum::AConst(_)) => true,
        Some(NodeEnum::AExpr(joined)) => {
            strings(&joined.name).as_deref().and_then(<[&str]>::last) == Some(&"||")
                && [&joined.lexpr, &joined.rexpr].into_iter().flatten().all(|side| is_joined(side))
        }
        Some(NodeEnum::FuncCall(call)) => {
            let name = last_name(&call.funcname);
            matches!(name, Some("quote_ident" | "quote_literal")) && call.args.iter().all(is_joined)
        }
        _ => false,
    }
}

/// Whether the other arguments of a total function leave it total.
fn is_harmless(name: &str, args: Option<&[pg::Node]>) -> bool {
    let Some(args) = args else {
        return !matches!(name, "substring" | "format" | "to_char" | "length");
    };
    if args.iter().any(|argument| matches!(argument.node, Some(NodeEnum::NamedArgExpr(_)))) {
        return false;
    }
    let constant = |index: usize| args.get(index).and_then(settings::constant);
    match name {
        // With an encoding it fails where the bytes are none of it.
        "length" => args.len() == 1,
        // Some of what a format can say fails for large numbers.
        "to_char" => constant(1).is_some_and(|format| {
            let format = format.to_ascii_uppercase();
            !["V", "RN", "EEEE"].iter().any(|part| format.contains(part))
        }),
        // With a pattern it gives NULL where nothing matches.
        "substring" => args.len() > 1 && args.iter().skip(1).all(is_number),
        // A width can be taken from an argument, which must then be a number.
        "format" => constant(0).is_some_and(|format| !format.contains('*')),
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

/// Of whole rows of catalogs the helpers of `information_schema` read what numbers types have.
fn numbers_of_types(lineages: &[Lineage]) -> Vec<Lineage> {
    let read = |lineage: &Lineage| match lineage.row {
        Some(_) => lineage.clone().of_columns_only(),
        None => lineage.clone(),
    };
    lineages.iter().map(read).collect()
}

/// A value computed from all of these.
fn combined(lineages: &[Lineage]) -> Lineage {
    let mut lineage = Lineage::CLEAN.derived();
    for part in lineages {
        lineage.mix(part);
    }
    lineage
}

fn merge(known: Option<Lineage>, other: &Lineage) -> Lineage {
    match known {
        None => other.clone(),
        Some(mut known) => {
            known.mix(other);
            known
        }
    }
}

/// `pg_temp` stands for the temporary schema of whatever number.
pub(in crate::sql) fn in_schema(asked: &str, schema: &str) -> bool {
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
