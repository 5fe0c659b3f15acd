//! Builds a [`Catalog`]: classification spreads to where the same values can be read.
//!
//! - Partitions and children of inheritance: a row of the child is a row of the parent, so a
//!   column classified on one of them is classified on all.
//! - Generated columns: they hold what their expression is computed from.
//! - Views: their query is analyzed once. One whose query is not known, or does not fit its
//!   columns, can hold anything.

use portreeve_model::{Action, Category, Need, Object};
use std::collections::hash_map::Entry;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use super::assemble::recalled;
use super::code::{CodeInput, FIRST_MADE, Graph, Known, Moment, OperatorInput, Owner, TypeInput};

use crate::sql::catalog::{
    Catalog, ColumnRef, Function, Relation, RelationCode, RelationKind, Volatility,
};
use crate::sql::columns::{Column, Columns};
use crate::sql::lineage::Lineage;
use crate::sql::postgres::analyzer::Analyzer;
use crate::sql::postgres::builtin::functions;
use crate::sql::postgres::parse;
use crate::sql::postgres::query::scope::{Item, Scope};
use crate::sql::statement::Shape;
use crate::sql::taint::Taint;

/// How deep views may stand on views.
const VIEW_DEPTH_MAX: usize = 32;

/// A relation as `pg_class` has it.
#[derive(Clone, Debug)]
pub struct RelationInput {
    /// `pg_class.oid`
    pub oid: u32,
    /// Its schema.
    pub schema: String,
    /// Its name.
    pub name: String,
    /// What sort of relation.
    pub kind: RelationKind,
    /// Its columns, dropped and system ones left out, in the order of `attnum`.
    pub columns: Vec<ColumnInput>,
    /// `pg_get_viewdef(oid)` of views and materialized views.
    pub definition: Option<String>,
    /// Oids of the tables that it inherits from or is a partition of (`pg_inherits`).
    pub parents: Vec<u32>,
    /// It has triggers of its own (`relhastriggers`).
    pub has_triggers: bool,
    /// It has rules (`relhasrules`; for a view, other than the one that makes it a view).
    pub has_rules: bool,
}

/// A column as `pg_attribute` has it.
#[derive(Clone, Debug)]
pub struct ColumnInput {
    /// Its name.
    pub name: String,
    /// `attnum`
    pub attnum: i16,
    /// `atttypid`
    pub type_oid: u32,
    /// `format_type(atttypid, NULL)`
    pub type_name: String,
    /// What the configuration says that it holds.
    pub category: Option<Category>,
    /// The expression of a generated column (`pg_get_expr(adbin, adrelid)`).
    pub generated: Option<String>,
}

/// A function as `pg_proc` has it.
#[derive(Clone, Debug)]
pub struct FunctionInput {
    /// Its schema.
    pub schema: String,
    /// Its name.
    pub name: String,
    /// What it promises.
    pub volatility: Volatility,
    /// `pg_language.lanname`
    pub language: String,
}

/// Collects relations, functions and what runs unseen; works out where values come from.
#[derive(Clone, Debug, Default)]
pub struct CatalogBuilder {
    pub(super) relations: Vec<RelationInput>,
    pub(super) functions: Vec<(FunctionInput, Maker)>,
    pub(super) types: Vec<TypeInput>,
    pub(super) operators: Vec<OperatorInput>,
    pub(super) code: Vec<CodeInput>,
    /// Operator classes: oid, schema, name.
    pub(super) classes: Vec<(u32, String, String)>,
    /// The keys of partitioned tables, as `PARTITION BY` has them, by oid.
    pub(super) partition_keys: HashMap<u32, String>,
    /// What is demanded of the values of columns, by relation and column.
    pub(super) demands: HashMap<u32, HashMap<String, Vec<String>>>,
    pub(super) remembered: Vec<Remembered>,
    pub(super) knows_code: bool,
    pub(super) usable_schemas: Option<BTreeSet<String>>,
    pub(super) database: Option<Arc<str>>,
    pub(super) system_columns: HashMap<String, Vec<String>>,
}

/// A column of a materialized view, and a column that its rows have once been made of.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Remembered {
    /// The column of the view.
    pub column: Object,
    /// What it was made of.
    pub source: ColumnRef,
}

impl CatalogBuilder {
    /// An empty one.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a schema that sessions may look names up in. Once one is added, those that are not
    /// are skipped wherever a search path names them.
    pub fn usable_schema(&mut self, name: String) -> &mut Self {
        self.usable_schemas.get_or_insert_default().insert(name);
        self
    }

    /// Adds the next column of a relation of the system schemas, for those of which
    /// [`super::questions::SYSTEM_COLUMNS`] asks.
    pub fn system_column(&mut self, relation: String, column: String) -> &mut Self {
        self.system_columns.entry(relation).or_default().push(column);
        self
    }

    /// Says what the database is called: names may have it in front.
    pub fn database(&mut self, name: &str) -> &mut Self {
        self.database = Some(name.into());
        self
    }

    /// Adds a relation. Those of the system schemas need not be added.
    pub fn relation(&mut self, relation: RelationInput) -> &mut Self {
        self.relations.push(relation);
        self
    }

    /// Adds a function. All functions outside `pg_catalog` must be added; those of `pg_catalog`
    /// may be, which makes immutable functions known that this version does not list.
    pub fn function(&mut self, function: FunctionInput) -> &mut Self {
        self.functions.push((function, Maker::Anybody));
        self
    }

    /// Adds a function of `pg_catalog` that PostgreSQL has not brought, or not as it is now:
    /// whoever calls one of its own by that name may run it.
    pub fn intruding_function(&mut self, function: FunctionInput) -> &mut Self {
        self.functions.push((function, Maker::Intruder));
        self
    }

    /// Adds a function that an extension brought (`pg_depend.deptype` is `e`). If it is immutable
    /// it counts as pure in whatever language: only an administrator can install extensions,
    /// and many (`citext`, `vector`) give a built-in name to another function.
    pub fn extension_function(&mut self, function: FunctionInput) -> &mut Self {
        self.functions.push((function, Maker::Extension));
        self
    }

    /// Spreads categories over partitions and inheritance, both ways.
    pub(super) fn inherit(&mut self) {
        let by_oid: HashMap<u32, usize> =
            self.relations.iter().enumerate().map(|(index, known)| (known.oid, index)).collect();
        let links: Vec<(usize, usize)> = self
            .relations
            .iter()
            .enumerate()
            .flat_map(|(child, known)| {
                known.parents.iter().filter_map(|oid| by_oid.get(oid)).map(move |to| (child, *to))
            })
            .collect();
        // Each round carries a category one link further.
        for _ in 0..=links.len() {
            let mut changed = false;
            for (child, parent) in &links {
                changed |= self.carry(*parent, *child);
                changed |= self.carry(*child, *parent);
            }
            if !changed {
                return;
            }
        }
    }

    fn carry(&mut self, from: usize, to: usize) -> bool {
        let Some(source) = self.relations.get(from) else { return false };
        let classified: Vec<(String, Category)> = source
            .columns
            .iter()
            .filter_map(|column| Some((column.name.clone(), column.category.clone()?)))
            .collect();
        let Some(target) = self.relations.get_mut(to) else { return false };
        let mut changed = false;
        for (name, category) in classified {
            let free = target
                .columns
                .iter_mut()
                .find(|column| column.name == name && column.category.is_none());
            if let Some(column) = free {
                column.category = Some(category);
                changed = true;
            }
        }
        changed
    }

    pub(super) fn add_functions(&self, catalog: &mut Catalog) {
        let mut builtins: HashMap<&str, bool> = HashMap::new();
        let mut functions: HashMap<String, Vec<Function>> = HashMap::new();
        for (function, maker) in &self.functions {
            let is_immutable = function.volatility == Volatility::Immutable;
            if function.schema == "pg_catalog" && *maker == Maker::Anybody {
                let all = builtins.entry(&function.name).or_insert(true);
                *all &= is_immutable && function.language == "internal";
                continue;
            }
            if function.schema == "information_schema" {
                continue;
            }
            let named = functions.entry(function.name.clone()).or_default();
            // SECURITY: aggregates always say that they are immutable and internal, whatever
            // the function is that they call for each row.
            let declared = *maker == Maker::Declared;
            let is_extension = *maker == Maker::Extension;
            let pure = declared
                || is_immutable
                    && (is_extension || function.language == "c")
                    && *maker != Maker::Intruder
                || is_extension && functions::is_harmless_extension(&function.name);
            let quiet = declared
                || *maker == Maker::Extension
                    && (function.volatility != Volatility::Volatile
                        || functions::is_harmless_extension(&function.name));
            match named.iter_mut().find(|known| known.schema == function.schema) {
                Some(known) => {
                    known.pure &= pure;
                    known.quiet &= quiet;
                    known.declared &= declared;
                }
                None => {
                    let schema = function.schema.clone();
                    named.push(Function { schema, pure, quiet, declared });
                }
            }
        }
        catalog.functions = Arc::new(functions);
        let pure_builtins = builtins
            .into_iter()
            .filter(|(name, pure)| *pure && functions::builtin(name).is_none())
            .map(|(name, _)| name.to_owned());
        catalog.pure_builtins = Arc::new(pure_builtins.collect());
    }

    pub(super) fn classify(&self, catalog: &mut Catalog) {
        let mut found = Classified::default();
        for relation in &self.relations {
            for column in &relation.columns {
                let Some(category) = &column.category else { continue };
                let reference = ColumnRef {
                    schema: relation.schema.clone(),
                    table: relation.name.clone(),
                    column: column.name.clone(),
                    category: category.clone(),
                };
                found.add(&reference);
            }
        }
        // What a view was made of may be gone; its rows are not.
        for known in &self.remembered {
            found.add(&known.source);
        }
        catalog.everything = Taint::first(found.columns.len());
        catalog.objects = Arc::new(found.objects);
        catalog.classified = Arc::new(found.columns);
    }

    /// Relations with their own columns; views are filled in later.
    pub(super) fn add_tables(&self, catalog: &mut Catalog) {
        let mut relations = Vec::new();
        let mut by_name: HashMap<String, Vec<usize>> = HashMap::new();
        let mut objects = Vec::new();
        let mut types = Vec::new();
        let parents: HashSet<u32> =
            self.relations.iter().flat_map(|input| input.parents.iter().copied()).collect();
        for (index, input) in self.relations.iter().enumerate() {
            let list = input
                .columns
                .iter()
                .map(|column| {
                    let object = Object::column(&input.schema, &input.name, &column.name);
                    let own = catalog.objects.get(&object);
                    let lineage = own.map_or(Lineage::CLEAN, |id| Lineage::plain(*id));
                    let listed = self.may_be_array(column);
                    let origin = u32::try_from(objects.len()).ok();
                    objects.push(Arc::new(object));
                    types.push(column.type_oid);
                    Column::new(
                        column.name.as_str(),
                        Lineage { origin, about: origin, listed, ..lineage },
                    )
                })
                .collect();
            let mut columns = Columns { list, rest: None };
            generate(input, &mut columns, catalog);
            let generated = input.columns.iter().filter(|column| column.generated.is_some());
            by_name.entry(input.name.clone()).or_default().push(index);
            relations.push(Relation {
                schema: input.schema.clone(),
                name: input.name.clone(),
                kind: input.kind,
                columns: Arc::new(columns),
                generated: generated.map(|column| column.name.clone()).collect(),
                has_rules: input.has_rules,
                has_triggers: input.has_triggers,
                may_have_heirs: parents.contains(&input.oid),
                code: RelationCode::default(),
                key: Lineage::CLEAN,
                placed: Lineage::CLEAN,
                demands: self.demands.get(&input.oid).cloned().unwrap_or_default().into(),
                made: None,
            });
        }
        catalog.columns = Arc::new(objects);
        catalog.column_types = Arc::new(types);
        catalog.relations = Arc::new(relations);
        catalog.by_name = Arc::new(by_name);
    }

    /// Whether a column may hold arrays. Those of types that nobody has told of count as if.
    fn may_be_array(&self, column: &ColumnInput) -> bool {
        let mut oid = column.type_oid;
        let mut is_domain = false;
        while let Some(known) = self.types.iter().find(|known| known.oid == oid) {
            if known.base == 0 {
                return column.type_name.ends_with("[]");
            }
            (oid, is_domain) = (known.base, true);
        }
        match is_domain || oid >= FIRST_MADE {
            true => !SCALARS.contains(&oid),
            false => column.type_name.ends_with("[]"),
        }
    }

    /// Which column a field of a `RowDescription` is.
    pub(super) fn add_origins(&self, catalog: &mut Catalog) {
        let mut origins = HashMap::new();
        for (input, known) in self.relations.iter().zip(catalog.relations.iter()) {
            for (column, resolved) in input.columns.iter().zip(&known.columns.list) {
                if let Some(id) = resolved.lineage.sources.ids().next() {
                    origins.insert((input.oid, column.attnum), id);
                }
            }
        }
        catalog.origins = Arc::new(origins);
    }
}

/// Who made a function.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Maker {
    Anybody,
    /// Whoever has put it among PostgreSQL's own.
    Intruder,
    Extension,
    /// Whoever it was: the operator of the gateway has looked at it.
    Declared,
}

/// The classified columns, each once.
#[derive(Default)]
struct Classified {
    columns: Vec<Arc<ColumnRef>>,
    objects: HashMap<Object, u32>,
}

impl Classified {
    fn add(&mut self, column: &ColumnRef) {
        let id = u32::try_from(self.columns.len()).unwrap_or(u32::MAX);
        if let Entry::Vacant(free) = self.objects.entry(column.object()) {
            free.insert(id);
            self.columns.push(Arc::new(column.clone()));
        }
    }
}

/// Types of PostgreSQL that domains are made of and that are no arrays.
///
/// SPEC: `pg_type.dat`: `bool` to `text`, JSON, XML, networks, numbers, texts, times, UUID.
const SCALARS: [u32; 24] = [
    16, 17, 18, 19, 20, 21, 23, 25, 26, 114, 142, 650, 700, 701, 869, 1042, 1043, 1082, 1083, 1114,
    1184, 1700, 2950, 3802,
];

/// Generated columns hold what their expressions are computed from.
fn generate(input: &RelationInput, columns: &mut Columns, catalog: &Catalog) {
    let base = Arc::new(columns.clone());
    for (column, resolved) in input.columns.iter().zip(&mut columns.list) {
        let Some(expression) = &column.generated else { continue };
        if !resolved.lineage.is_clean() {
            continue;
        }
        resolved.lineage = expression_flow(expression, input, &base, catalog);
    }
}

fn expression_flow(
    expression: &str,
    input: &RelationInput,
    columns: &Arc<Columns>,
    catalog: &Catalog,
) -> Lineage {
    let Ok(parsed) = parse::parse(&format!("SELECT {expression}")) else {
        return Lineage::everything(catalog);
    };
    let mut analyzer = Analyzer::new(catalog);
    let mut scope = fragment_scope(columns.clone());
    scope.items.push(Item::named(Some(input.name.clone()), columns.clone()));
    match parsed.as_slice() {
        [only] => {
            let lineage = analyzer.sub_query(&only.node, &scope).mixed();
            if analyzer.unknown.is_some() { Lineage::everything(catalog) } else { lineage }
        }
        _ => Lineage::everything(catalog),
    }
}

/// One level whose columns these are, for an expression of a definition.
pub(super) fn fragment_scope(columns: Arc<Columns>) -> Scope<'static> {
    let mut scope = Scope::outermost();
    scope.items.push(Item { is_table: true, ..Item::named(None, columns) });
    scope
}

/// Views in the order in which they stand on each other.
pub(super) struct Views<'b> {
    pub(super) inputs: &'b [RelationInput],
    pub(super) by_oid: &'b HashMap<u32, usize>,
    /// Functions that the target says a view calls.
    pub(super) hidden: HashMap<u32, Vec<Object>>,
    pub(super) remembered: &'b [Remembered],
    pub(super) states: HashMap<usize, State>,
    pub(super) graph: &'b mut Graph,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    Open,
    Done,
}

impl Views<'_> {
    pub(super) fn resolve(&mut self, index: usize, catalog: &mut Catalog, depth: usize) {
        let Some(input) = self.inputs.get(index) else { return };
        if !matches!(input.kind, RelationKind::View | RelationKind::MaterializedView) {
            return;
        }
        if self.states.contains_key(&index) {
            return;
        }
        self.states.insert(index, State::Open);
        let columns =
            if depth > VIEW_DEPTH_MAX { None } else { self.analyzed(input, catalog, depth) };
        if columns.is_none() {
            self.graph.acts((Owner::Relation(input.oid), Moment::Read));
        }
        let own = catalog.relations.get(index).map(|known| known.columns.clone());
        let mut resolved = merge(own.as_deref(), columns.as_ref(), catalog);
        let is_kept = input.kind == RelationKind::MaterializedView;
        for (column, own) in resolved.list.iter_mut().zip(own.iter().flat_map(|own| &own.list)) {
            // Rows of a materialized view are its own, and what a view computes has no other name.
            if is_kept || column.lineage.origin.is_none() {
                column.lineage.origin = own.lineage.origin;
            }
        }
        if is_kept {
            for column in &mut resolved.list {
                let object = Object::column(&input.schema, &input.name, &column.name);
                column.lineage = recalled(self.remembered, &object, &column.lineage, catalog);
            }
        }
        if let Some(known) = Arc::make_mut(&mut catalog.relations).get_mut(index) {
            known.columns = Arc::new(resolved);
        }
        self.states.insert(index, State::Done);
    }

    /// The columns of a view's query, if they can be told.
    fn analyzed(
        &mut self,
        input: &RelationInput,
        catalog: &mut Catalog,
        depth: usize,
    ) -> Option<Columns> {
        let parsed = parse::parse(input.definition.as_deref()?).ok()?;
        let [only] = parsed.as_slice() else { return None };
        // First what it stands on: every relation that its text can name.
        let mut dry = Analyzer::new(catalog);
        dry.sub_query(&only.node, &Scope::outermost());
        let words = dry.names;
        for other in 0..self.inputs.len() {
            let is_named = self.inputs.get(other).is_some_and(|known| words.contains(&known.name));
            if is_named {
                self.resolve(other, catalog, depth.saturating_add(1));
            }
        }
        let is_circular = (0..self.inputs.len()).any(|other| {
            self.states.get(&other) == Some(&State::Open)
                && self
                    .inputs
                    .get(other)
                    .is_some_and(|known| !std::ptr::eq(known, input) && words.contains(&known.name))
        });
        if is_circular {
            return None;
        }
        let mut analyzer = Analyzer::new(catalog);
        let columns = analyzer.sub_query(&only.node, &Scope::outermost());
        let known = Known { catalog, inputs: self.inputs, by_oid: self.by_oid };
        // A write to the view is one to what it stands on.
        for moment in
            [Moment::Read, Moment::Insert, Moment::Update, Moment::Delete, Moment::Truncate]
        {
            self.graph.analyzed((Owner::Relation(input.oid), moment), &analyzer, &known);
        }
        let hides = self.hidden.get(&input.oid).into_iter().flatten().any(|function| {
            let object = function.clone();
            !analyzer.needs.contains(&Need { action: Action::Execute, object })
        });
        let fits = !hides
            && analyzer.unknown.is_none()
            && columns.is_exact()
            && columns.list.len() == input.columns.len();
        fits.then_some(columns)
    }
}

/// What the configuration says of a view's columns, and what its query says.
fn merge(own: Option<&Columns>, analyzed: Option<&Columns>, catalog: &Catalog) -> Columns {
    let Some(own) = own else { return Columns::open(Lineage::everything(catalog)) };
    let mut columns = own.clone();
    for (index, column) in columns.list.iter_mut().enumerate() {
        let inner = match analyzed {
            Some(analyzed) => analyzed.list.get(index).map(|column| column.lineage.clone()),
            None => Some(Lineage::everything(catalog)),
        };
        let inner = inner.unwrap_or_else(|| Lineage::everything(catalog));
        let (origin, about) = (inner.origin, inner.about);
        column.lineage = match (column.lineage.is_clean(), inner.is_clean()) {
            (true, _) => inner,
            (false, true) => column.lineage.clone(),
            (false, false) => column.lineage.either(&inner, catalog),
        };
        column.lineage.row = None;
        column.lineage.origin = origin;
        column.lineage.about = about;
        if column.lineage.is_clean() {
            column.lineage.shape = Shape::Plain;
        }
    }
    columns
}
