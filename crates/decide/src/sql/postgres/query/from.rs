//! The sources of a query: tables, sub-selects, functions, joins.
//!
//! Which names a source sees of those before it follows `parse_clause.c`: functions and
//! `LATERAL` sub-selects see all of them, plain sub-selects none, and a join condition sees the
//! two sides of its join only.

use pg_query::NodeEnum;
use pg_query::protobuf as pg;
use portreeve_model::{Action, Object};
use std::collections::HashSet;
use std::sync::Arc;

use crate::sql::catalog::{Ambiguous, Relation, RelationKind};
use crate::sql::columns::{Column, Columns};
use crate::sql::lineage::{Lineage, UNCOUNTED};
use crate::sql::postgres::analyzer::Analyzer;
use crate::sql::postgres::builtin::contents;
use crate::sql::postgres::builtin::functions;
use crate::sql::postgres::builtin::system::{self, System};
use crate::sql::postgres::query::scope::{Item, Scope};
use crate::sql::postgres::value::call::{in_schema, is_counted};
use crate::sql::postgres::value::expression::strings;
use crate::sql::postgres::value::name::aliases;
use crate::sql::statement::sqlstate;

/// What one source brings: its columns, and the names by which they can be used.
pub(in crate::sql) struct Source {
    pub(in crate::sql) columns: Arc<Columns>,
    pub(in crate::sql) items: Vec<Item>,
}

impl Source {
    fn one(item: Item) -> Self {
        Self { columns: item.columns.clone(), items: vec![item] }
    }
}

impl<'c> Analyzer<'c> {
    pub(in crate::sql) fn sources(&mut self, nodes: &[pg::Node], scope: &mut Scope<'_>) {
        for node in nodes {
            let source = self.source(node, scope);
            scope.items.extend(source.items);
        }
    }

    pub(in crate::sql) fn source(&mut self, node: &pg::Node, scope: &mut Scope<'_>) -> Source {
        if self.is_spent() {
            return self.unreadable_source();
        }
        let first = self.reads_so_far();
        let mut source = self.one_source(node, scope);
        let reads = first..self.reads_so_far();
        for item in source.items.iter_mut().filter(|item| item.reads.is_empty()) {
            item.reads = reads.clone();
        }
        source
    }

    fn one_source(&mut self, node: &pg::Node, scope: &mut Scope<'_>) -> Source {
        match &node.node {
            Some(NodeEnum::RangeVar(relation)) => Source::one(self.range(relation, scope)),
            Some(NodeEnum::RangeSubselect(select)) => self.range_select(select, scope),
            Some(NodeEnum::RangeFunction(function)) => self.range_function(function, scope),
            Some(NodeEnum::JoinExpr(join)) => self.join(join, scope),
            Some(NodeEnum::RangeTableSample(sample)) => self.sample(sample, scope),
            Some(NodeEnum::RangeTableFunc(table)) => self.xml_table(table, scope),
            Some(NodeEnum::JsonTable(table)) => self.json_table(table, scope),
            _ => {
                self.not_understood("a source of rows");
                self.unreadable_source()
            }
        }
    }

    fn unreadable_source(&mut self) -> Source {
        let lineage = self.everything();
        Source::one(Item::named(None, Arc::new(Columns::open(lineage))))
    }

    /// A table, view or common table expression by name.
    fn range(&mut self, range: &pg::RangeVar, scope: &Scope<'_>) -> Item {
        let alias = range.alias.as_ref();
        let cte = if range.schemaname.is_empty() && range.catalogname.is_empty() {
            scope.cte(&range.relname)
        } else {
            None
        };
        let is_table = cte.is_none();
        let mut is_alone = false;
        let (columns, schemas, relation) = match cte {
            Some(cte) => {
                self.cte_depth = self.cte_depth.max(cte.depth);
                (cte.columns.clone(), Vec::new(), None)
            }
            None => {
                is_alone = self.are_alone(range);
                self.read(range)
            }
        };
        let name = alias.map_or(&range.relname, |alias| &alias.aliasname).clone();
        let schemas = if alias.is_some() { Vec::new() } else { schemas };
        let columns = self.rename(columns, alias);
        Item { schemas, is_table, is_alone, relation, ..Item::named(Some(name), columns) }
    }

    /// Whether all rows of the relations of a name are in the relation itself: which one a row is
    /// in tells nothing of it then.
    fn are_alone(&self, range: &pg::RangeVar) -> bool {
        let mut named = self.catalog.named(&range.relname);
        named.all(|relation| relation.kind == RelationKind::Table && !relation.may_have_heirs)
    }

    fn rename(&mut self, columns: Arc<Columns>, alias: Option<&pg::Alias>) -> Arc<Columns> {
        match alias {
            Some(alias) if !alias.colnames.is_empty() => {
                let names = aliases(&alias.colnames);
                self.is_over(columns.list.len());
                Arc::new((*columns).clone().renamed(&names, self.catalog))
            }
            _ => columns,
        }
    }

    /// Reads a relation of the catalog: its needs, its columns, the schemas it may be in, and
    /// which one it is.
    pub(in crate::sql) fn read(
        &mut self,
        range: &pg::RangeVar,
    ) -> (Arc<Columns>, Vec<String>, Option<Object>) {
        let found = self.relations(range);
        let mut merged: Option<Arc<Columns>> = None;
        let mut schemas = Vec::new();
        let mut only = None;
        for relation in &found.user {
            let object = Object::table(&relation.schema, &relation.name);
            only = Some(object.clone());
            self.reads(object);
            self.runs(&relation.code.read);
            // Which rows are in a partition tells what their keys are.
            self.filter(&relation.placed);
            self.acts |= relation.code.acts;
            schemas.push(relation.schema.clone());
            merged = Some(match merged {
                None => relation.columns.clone(),
                Some(known) => Arc::new(known.either(&relation.columns, self.catalog)),
            });
        }
        if found.is_system {
            self.reads_system = true;
            schemas.push("pg_catalog".into());
            schemas.push(range.schemaname.clone());
            let open = contents::columns(&range.relname, self.catalog);
            merged = Some(Arc::new(match merged {
                None => open,
                Some(known) => known.either(&open, self.catalog),
            }));
        }
        match merged {
            Some(columns) => {
                self.touched |= !columns.is_clean();
                if range.schemaname == "pg_temp" {
                    schemas.push("pg_temp".into());
                }
                (columns, schemas, only)
            }
            None => (Arc::new(Columns::open(self.everything())), Vec::new(), None),
        }
    }

    /// The relations that a name stands for. What is not found is refused.
    pub(in crate::sql) fn relations(&mut self, range: &pg::RangeVar) -> Relations<'c> {
        let (schema, name) = (range.schemaname.as_str(), range.relname.as_str());
        let mut found = Relations { user: Vec::new(), is_system: false };
        if !self.catalog.is_of_this_database(range) {
            self.refuse_other_database(range);
            return found;
        }
        self.names.insert(name.to_owned());
        let kind = system::relation(schema, name);
        found.user = if schema.is_empty() {
            let catalog = self.catalog;
            let known = match catalog.unqualified(name) {
                // Which of both it is, is not worth being wrong about.
                Ok(Some(_)) if system::is_shadowing(name, catalog) => Err(Ambiguous),
                known => known,
            };
            known.map(|known| known.into_iter().collect()).unwrap_or_else(|_| {
                self.touched = true;
                self.refuse_as(
                    sqlstate::AMBIGUOUS_ALIAS,
                    format!(
                        "several schemas have a relation `{name}`: say which one, as in \
                             `schema.{name}`"
                    ),
                );
                catalog.named(name).collect()
            })
        } else {
            self.catalog
                .named(name)
                .filter(|known| !system::is_system_schema(&known.schema))
                .filter(|known| in_schema(schema, &known.schema))
                .collect()
        };
        for relation in &found.user {
            if matches!(relation.kind, RelationKind::Other | RelationKind::Composite) {
                self.refuse(format!("relation `{name}` is of a kind the gateway does not know"));
            }
        }
        match kind {
            System::Structural => found.is_system = true,
            System::Refused => {
                self.touched = true;
                self.refuse_as(
                    sqlstate::INSUFFICIENT_PRIVILEGE,
                    format!(
                        "system relation `{name}` can hold data of users or secrets and is not \
                         open to clients"
                    ),
                );
            }
            System::Foreign if found.user.is_empty() => {
                let shown =
                    if schema.is_empty() { name.to_owned() } else { format!("{schema}.{name}") };
                let place = if schema.is_empty() { "?" } else { schema };
                self.need(Action::Read, Object::table(place, name));
                self.miss_relation(shown, name, range.location);
            }
            System::Foreign => {}
        }
        found
    }

    fn range_select(&mut self, range: &pg::RangeSubselect, scope: &Scope<'_>) -> Source {
        let outer = if range.lateral { Scope::inside(scope) } else { Scope::beside(scope) };
        let columns = match range.subquery.as_deref() {
            Some(query) => self.sub_query(query, &outer),
            None => Columns::open(self.not_understood("an empty sub-select")),
        };
        let alias = range.alias.as_ref();
        let columns = self.rename(Arc::new(columns), alias);
        Source::one(Item::named(alias.map(|alias| alias.aliasname.clone()), columns))
    }

    fn sample(&mut self, sample: &pg::RangeTableSample, scope: &mut Scope<'_>) -> Source {
        if !matches!(
            strings(&sample.method).as_deref(),
            Some(["bernoulli" | "system"] | ["pg_catalog", "bernoulli" | "system"])
        ) {
            self.refuse("the sampling method is not known to the gateway".into());
        }
        for argument in sample.args.iter().chain(sample.repeatable.as_deref()) {
            self.telling(Some(argument), scope);
        }
        match sample.relation.as_deref() {
            Some(relation) => self.source(relation, scope),
            None => self.unreadable_source(),
        }
    }

    /// `FROM f(…)`, `ROWS FROM (f(…), g(…))`.
    fn range_function(&mut self, range: &pg::RangeFunction, scope: &Scope<'_>) -> Source {
        let alias = range.alias.as_ref();
        let is_only = range.functions.len() == 1;
        let mut columns = Columns::default();
        for node in &range.functions {
            let Some(NodeEnum::List(pair)) = &node.node else {
                self.not_understood("a function in FROM");
                return self.unreadable_source();
            };
            let Some(call) = pair.items.first() else {
                self.not_understood("an empty function in FROM");
                return self.unreadable_source();
            };
            if let Some(options) = self.options(call, scope) {
                columns.append(&options);
                continue;
            }
            let lineage = self.value(call, scope);
            let lineage = if is_counted(call) { lineage } else { of_any_number(lineage) };
            if !self.is_shadowed(call) {
                // The number of rows tells what the arguments are.
                self.filter(&lineage);
            }
            let own = match pair.items.get(1).and_then(|item| item.node.as_ref()) {
                Some(NodeEnum::List(list)) if !list.items.is_empty() => {
                    self.column_definitions(&list.items, &lineage)
                }
                _ if !range.coldeflist.is_empty() => {
                    self.column_definitions(&range.coldeflist, &lineage)
                }
                _ if self.is_shadowed(call) => Columns::open(lineage),
                _ if is_all_settings(call) => contents::all_settings(self.catalog),
                _ => function_columns(call, &lineage, alias.filter(|_| is_only)),
            };
            columns.append(&own);
        }
        if range.ordinality {
            let name = "ordinality".to_owned();
            columns.list.push(Column::new(name, Lineage::CLEAN));
        }
        let columns = self.rename(Arc::new(columns), alias);
        let name = alias.map(|alias| alias.aliasname.clone()).or_else(|| {
            let call = range.functions.first()?;
            match &call.node {
                Some(NodeEnum::List(pair)) => {
                    crate::sql::postgres::value::name::of(pair.items.first()?)
                }
                _ => None,
            }
        });
        Source::one(Item::named(name, columns))
    }

    /// The options of a catalog one by one. How many there are, and their names, is no secret.
    fn options(&mut self, call: &pg::Node, scope: &Scope<'_>) -> Option<Columns> {
        let of = options_of(call).filter(|_| !self.is_shadowed(call))?;
        let of = self.value(of, scope);
        contents::options(&of, self.catalog)
    }

    /// Whether it may be a function that somebody made, with columns that are not known.
    fn is_shadowed(&self, call: &pg::Node) -> bool {
        match &call.node {
            Some(NodeEnum::FuncCall(call)) => {
                crate::sql::postgres::value::expression::last_name(&call.funcname)
                    .is_none_or(|name| self.catalog.functions.contains_key(name))
            }
            _ => false,
        }
    }

    fn column_definitions(&mut self, nodes: &[pg::Node], lineage: &Lineage) -> Columns {
        let mut columns = Columns::default();
        for node in nodes {
            match &node.node {
                Some(NodeEnum::ColumnDef(column)) => {
                    let mut own = lineage.clone().derived();
                    if let Some(name) = &column.type_name {
                        own.mix(&self.made(name, lineage));
                    }
                    columns.list.push(Column::new(column.colname.as_str(), own));
                }
                _ => return Columns::open(self.not_understood("a column definition")),
            }
        }
        columns
    }

    fn join(&mut self, join: &pg::JoinExpr, scope: &mut Scope<'_>) -> Source {
        let (Some(left), Some(right)) = (join.larg.as_deref(), join.rarg.as_deref()) else {
            self.not_understood("half a join");
            return self.unreadable_source();
        };
        let left = self.source(left, scope);
        // The right side may refer to the left one, if it is LATERAL or a function.
        let before = scope.items.len();
        scope.items.extend(left.items.iter().cloned());
        let right = self.source(right, scope);
        scope.items.truncate(before);

        let mut items = left.items;
        items.extend(right.items);
        let (columns, merged) = self.join_columns(join, &left.columns, &right.columns);
        let columns = self.rename(Arc::new(columns), join.alias.as_ref());
        if let Some(alias) = &join.join_using_alias {
            let renamed = self.rename(Arc::new(merged), Some(alias));
            let using =
                Item { by_column: false, ..Item::named(Some(alias.aliasname.clone()), renamed) };
            items.push(using);
        }
        let saved = std::mem::replace(&mut scope.items, items);
        self.condition(join.quals.as_deref(), scope);
        let mut items = std::mem::replace(&mut scope.items, saved);

        match &join.alias {
            // An alias hides what is inside.
            Some(_) => items.clear(),
            None => items.iter_mut().for_each(|item| item.by_column = false),
        }
        let name = join.alias.as_ref().map(|alias| alias.aliasname.clone());
        let is_table = items.iter().any(|item| item.is_table);
        items.push(Item { is_table, ..Item::named(name, columns.clone()) });
        Source { columns, items }
    }

    /// All columns of a join, and those that USING or NATURAL merged.
    fn join_columns(
        &mut self,
        join: &pg::JoinExpr,
        left: &Arc<Columns>,
        right: &Arc<Columns>,
    ) -> (Columns, Columns) {
        let named = aliases(&join.using_clause);
        let using: Vec<String> = if join.is_natural {
            let others: HashSet<&str> = right.list.iter().map(|other| &*other.name).collect();
            left.list
                .iter()
                .filter(|column| others.contains(&*column.name))
                .map(|column| column.name.to_string())
                .collect()
        } else {
            named
        };
        if join.is_natural && !(left.is_exact() && right.is_exact()) {
            // Which columns are compared is not known.
            let mut all = left.mixed();
            all.mix(&right.mixed());
            self.compare(&left.mixed(), &right.mixed());
            return (Columns::open(all.clone()), Columns::open(all));
        }
        let mut merged = Columns::default();
        for name in &using {
            if self.is_spent_by(left.list.len().saturating_add(right.list.len())) {
                return (Columns::open(self.everything()), merged);
            }
            let one = side(left, name, self.catalog);
            let two = side(right, name, self.catalog);
            self.compare(&one, &two);
            let _ = self.made_operator(None, "=", &[&one, &two]);
            let lineage = one.either(&two, self.catalog);
            merged.list.push(Column::new(name.as_str(), lineage));
        }
        let mut columns = merged.clone();
        if self.is_over(left.list.len().saturating_add(right.list.len())) {
            return (Columns::open(self.everything()), merged);
        }
        let using: HashSet<&str> = using.iter().map(String::as_str).collect();
        for part in [left, right] {
            let others = part.list.iter().filter(|column| !using.contains(&*column.name));
            let rest = Columns { list: others.cloned().collect(), rest: part.rest.clone() };
            columns.append(&rest);
        }
        (columns, merged)
    }

    fn xml_table(&mut self, table: &pg::RangeTableFunc, scope: &Scope<'_>) -> Source {
        let mut lineage = self.telling(table.docexpr.as_deref(), scope);
        lineage.mix(&self.telling(table.rowexpr.as_deref(), scope));
        for node in &table.namespaces {
            match &node.node {
                Some(NodeEnum::ResTarget(target)) => {
                    lineage.mix(&self.telling(target.val.as_deref(), scope));
                }
                _ => return self.unknown_table("an XML namespace"),
            }
        }
        let mut columns = Columns::default();
        for node in &table.columns {
            let Some(NodeEnum::RangeTableFuncCol(column)) = &node.node else {
                return self.unknown_table("a column of XMLTABLE");
            };
            lineage.mix(&self.telling(column.colexpr.as_deref(), scope));
            lineage.mix(&self.telling(column.coldefexpr.as_deref(), scope));
            if let Some(name) = &column.type_name {
                lineage.mix(&self.made(name, &lineage.clone()));
            }
            columns.list.push(Column::new(column.colname.as_str(), Lineage::CLEAN));
        }
        let lineage = of_any_number(lineage);
        columns.list.iter_mut().for_each(|column| column.lineage = lineage.clone());
        self.table_item(columns, table.alias.as_ref(), "xmltable")
    }

    fn json_table(&mut self, table: &pg::JsonTable, scope: &Scope<'_>) -> Source {
        let mut lineage = self.json_value(table.context_item.as_deref(), scope);
        lineage.mix(&self.json_arguments(&table.passing, scope));
        let behaviour = table.on_error.as_deref().and_then(|error| error.expr.as_deref());
        lineage.mix(&self.optional(behaviour, scope));
        let mut names = Vec::new();
        self.json_columns(&table.columns, scope, &mut names, &mut lineage);
        self.filter(&lineage);
        let lineage = of_any_number(lineage);
        let list =
            names.into_iter().map(|name| Column::new(name, lineage.clone().derived())).collect();
        self.table_item(Columns { list, rest: None }, table.alias.as_ref(), "json_table")
    }

    fn json_columns(
        &mut self,
        nodes: &[pg::Node],
        scope: &Scope<'_>,
        names: &mut Vec<String>,
        lineage: &mut Lineage,
    ) {
        for node in nodes {
            let Some(NodeEnum::JsonTableColumn(column)) = &node.node else {
                *lineage = self.not_understood("a column of JSON_TABLE");
                return;
            };
            for behaviour in [&column.on_empty, &column.on_error].into_iter().flatten() {
                let value = self.optional(behaviour.expr.as_deref(), scope);
                lineage.mix(&value);
            }
            if column.coltype == pg::JsonTableColumnType::JtcNested as i32 {
                self.json_columns(&column.columns, scope, names, lineage);
            } else {
                if let Some(name) = &column.type_name {
                    lineage.mix(&self.made(name, &lineage.clone()));
                }
                names.push(column.name.clone());
            }
        }
    }

    fn table_item(&mut self, columns: Columns, alias: Option<&pg::Alias>, default: &str) -> Source {
        let columns = self.rename(Arc::new(columns), alias);
        let name = alias.map_or_else(|| default.to_owned(), |alias| alias.aliasname.clone());
        Source::one(Item::named(Some(name), columns))
    }

    fn unknown_table(&mut self, what: &str) -> Source {
        self.not_understood(what);
        self.unreadable_source()
    }
}

/// What a relation name stands for.
pub(in crate::sql) struct Relations<'c> {
    pub(in crate::sql) user: Vec<&'c Relation>,
    pub(in crate::sql) is_system: bool,
}

/// The column whose options a call gives one by one.
pub(in crate::sql) fn options_of(call: &pg::Node) -> Option<&pg::Node> {
    let Some(NodeEnum::FuncCall(call)) = &call.node else { return None };
    match (strings(&call.funcname).as_deref(), call.args.as_slice()) {
        (Some(["pg_options_to_table"] | ["pg_catalog", "pg_options_to_table"]), [only]) => {
            matches!(only.node, Some(NodeEnum::ColumnRef(_))).then_some(only)
        }
        _ => None,
    }
}

/// Whether a call gives what `pg_settings` gives.
fn is_all_settings(call: &pg::Node) -> bool {
    let Some(NodeEnum::FuncCall(call)) = &call.node else { return false };
    matches!(
        strings(&call.funcname).as_deref(),
        Some(["pg_show_all_settings"] | ["pg_catalog", "pg_show_all_settings"])
    )
}

/// The column `name` of one side of a join.
fn side(columns: &Columns, name: &str, catalog: &crate::sql::catalog::Catalog) -> Lineage {
    match (columns.find(name, catalog), &columns.rest) {
        (Some(lineage), None) => lineage,
        (Some(lineage), Some(rest)) => lineage.either(rest, catalog),
        (None, Some(rest)) => rest.clone(),
        (None, None) => Lineage::CLEAN,
    }
}

/// The columns of a function in FROM without a column definition list.
fn function_columns(call: &pg::Node, lineage: &Lineage, alias: Option<&pg::Alias>) -> Columns {
    let scalar = |name: String| Columns {
        list: vec![Column::new(name, lineage.clone().derived())],
        rest: None,
    };
    let call = match &call.node {
        Some(NodeEnum::FuncCall(call)) => call,
        // `FROM current_date` and the like: one value.
        Some(NodeEnum::SqlvalueFunction(_)) => {
            let name = crate::sql::postgres::value::name::of_node(call);
            return scalar(alias.map_or(name, |alias| alias.aliasname.clone()));
        }
        _ => return Columns::open(lineage.clone()),
    };
    let name = match strings(&call.funcname).as_deref() {
        Some([name] | ["pg_catalog", name]) => *name,
        Some(["information_schema", "_pg_expandarray"]) => {
            return listed(&["x", "n"], lineage);
        }
        _ => return Columns::open(lineage.clone()),
    };
    match functions::row_columns(name) {
        // An array of rows would give the columns of the row.
        Some([]) if name == "unnest" && !is_simple(&call.args) => Columns::open(lineage.clone()),
        Some([]) if name == "unnest" && call.args.len() > 1 => {
            let list = call.args.iter().map(|_| Column::new(name, lineage.clone().derived()));
            Columns { list: list.collect(), rest: None }
        }
        Some([]) => scalar(alias.map_or_else(|| name.to_owned(), |alias| alias.aliasname.clone())),
        Some(names) => listed(names, lineage),
        None => Columns::open(lineage.clone()),
    }
}

fn listed(names: &[&str], lineage: &Lineage) -> Columns {
    let list = names.iter().map(|name| Column::new(*name, lineage.clone().derived())).collect();
    Columns { list, rest: None }
}

/// Arguments that can only be arrays of simple values.
fn is_simple(args: &[pg::Node]) -> bool {
    args.iter().all(|argument| match &argument.node {
        Some(NodeEnum::AArrayExpr(array)) => {
            array.elements.iter().all(|element| matches!(element.node, Some(NodeEnum::AConst(_))))
        }
        Some(NodeEnum::TypeCast(cast)) => cast
            .type_name
            .as_ref()
            .and_then(|name| crate::sql::postgres::value::expression::last_name(&name.names))
            .is_some_and(|name| {
                matches!(name, "int2" | "int4" | "int8" | "text" | "varchar" | "uuid" | "oid")
            }),
        Some(NodeEnum::FuncCall(call)) => matches!(
            strings(&call.funcname).as_deref(),
            Some(["string_to_array"] | ["pg_catalog", "string_to_array"])
        ),
        _ => false,
    })
}

/// Of what the client brings, a source of rows makes as many values as it likes.
fn of_any_number(lineage: Lineage) -> Lineage {
    let constants = if lineage.constants > 0 { UNCOUNTED } else { 0 };
    Lineage { constants, ..lineage }
}
