//! The target's relations and functions, as far as the analysis needs them.
//!
//! Built once by [`CatalogBuilder`](crate::sql::CatalogBuilder) from the system catalogs; a change
//! of definitions needs a new one. The lineage of views and generated columns is worked out
//! when it is built, so that reading a view later costs no more than reading a table.

use portreeve_model::{Category, Object, ObjectKind};
use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use crate::sql::columns::Columns;
use crate::sql::lineage::{Lineage, Making};
use crate::sql::taint::Taint;

/// A classified column.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ColumnRef {
    /// Its schema.
    pub schema: String,
    /// Its table.
    pub table: String,
    /// Its name.
    pub column: String,
    /// What it holds.
    pub category: Category,
}

impl ColumnRef {
    /// The column as policy sees it.
    #[must_use]
    pub fn object(&self) -> Object {
        Object::column(&self.schema, &self.table, &self.column)
    }
}

/// SPEC: `TEXTOID`, `VARCHAROID` in pg_type.dat.
const UNBOUNDED_TEXTS: [u32; 2] = [25, 1043];

/// Whether a value that meets one demand meets another.
fn is_met(wanted: &str, given: &str) -> bool {
    let length = |demand: &str| demand.strip_prefix("length ")?.parse::<i32>().ok();
    match (length(wanted), length(given)) {
        (Some(wanted), Some(given)) => given <= wanted,
        _ => !wanted.is_empty() && wanted == given,
    }
}

/// What sort of relation it is: `relkind` of `pg_class`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RelationKind {
    /// `r`
    Table,
    /// `p`
    Partitioned,
    /// `v`
    View,
    /// `m`
    MaterializedView,
    /// `f`
    Foreign,
    /// `S`
    Sequence,
    /// `c`
    Composite,
    /// Anything else: refused where it is used.
    Other,
}

impl RelationKind {
    /// Reads `pg_class.relkind`.
    #[must_use]
    pub fn from_relkind(relkind: char) -> Self {
        match relkind {
            'r' => Self::Table,
            'p' => Self::Partitioned,
            'v' => Self::View,
            'm' => Self::MaterializedView,
            'f' => Self::Foreign,
            'S' => Self::Sequence,
            'c' => Self::Composite,
            _ => Self::Other,
        }
    }
}

/// What a function promises about its result: `provolatile` of `pg_proc`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Volatility {
    /// Depends on its arguments only.
    Immutable,
    /// May read the database.
    Stable,
    /// May do anything.
    Volatile,
}

impl Volatility {
    /// Reads `pg_proc.provolatile`; anything unexpected is the worst.
    #[must_use]
    pub fn from_provolatile(provolatile: char) -> Self {
        match provolatile {
            'i' => Self::Immutable,
            's' => Self::Stable,
            _ => Self::Volatile,
        }
    }
}

/// A relation with the lineage of its columns.
#[derive(Clone, Debug)]
pub(in crate::sql) struct Relation {
    pub(in crate::sql) schema: String,
    pub(in crate::sql) name: String,
    pub(in crate::sql) kind: RelationKind,
    pub(in crate::sql) columns: Arc<Columns>,
    /// Generated columns: `COPY` leaves them out.
    pub(in crate::sql) generated: Vec<String>,
    /// Rewrite rules other than a view's own: a write does something else than it says.
    pub(in crate::sql) has_rules: bool,
    pub(in crate::sql) has_triggers: bool,
    /// Rows of other tables, which inherit from it, may be among its own.
    pub(in crate::sql) may_have_heirs: bool,
    /// What runs beside the statements that read or write it.
    pub(in crate::sql) code: RelationCode,
    /// What the key of a partitioned table is computed from.
    pub(in crate::sql) key: Lineage,
    /// The keys of the tables that it is a partition of: which rows are here tells what they are.
    pub(in crate::sql) placed: Lineage,
    /// What is demanded of the values of its columns, by their names.
    pub(in crate::sql) demands: Arc<HashMap<String, Vec<String>>>,
    /// Set where the open transaction has made it, or tied it to another.
    pub(in crate::sql) made: Option<Arc<Made>>,
}

/// What is known of a relation that the open transaction has made.
#[derive(Clone, Debug, Default)]
pub(in crate::sql) struct Made {
    /// The names of the relations that it rests on.
    pub(in crate::sql) rests: BTreeSet<String>,
    /// How statements that name another relation get to it.
    pub(in crate::sql) reached: Reached,
}

/// How a relation is used by statements that name another one.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(in crate::sql) enum Reached {
    /// Not at all.
    Alone,
    /// Its rows are those of its parent, too; or others made it.
    #[default]
    ByName,
    /// A write to a table that it refers to is one to it.
    ByKeys,
}

/// What the configuration says that a column holds, by its schema, table and name.
#[derive(Clone)]
pub(in crate::sql) struct ClassifyByName(Arc<Classify>);

/// Says the category of a column by `schema, table, column`.
pub type Classify = dyn Fn(&str, &str, &str) -> Option<Category> + Send + Sync;

impl ClassifyByName {
    pub(in crate::sql) fn category(
        &self,
        schema: &str,
        table: &str,
        column: &str,
    ) -> Option<Category> {
        (self.0)(schema, table, column)
    }
}

impl Default for ClassifyByName {
    fn default() -> Self {
        Self(Arc::new(|_, _, _| None))
    }
}

impl std::fmt::Debug for ClassifyByName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ClassifyByName")
    }
}

/// Functions, as policy names them.
pub(in crate::sql) type Functions = Arc<BTreeSet<Object>>;

/// The functions that run, unseen in a text, when a relation is used: those of its defaults,
/// constraints, indexes, partitions, policies, triggers, of views below it, of its types.
/// What PostgreSQL brings itself, or somebody has called harmless, is left out.
#[derive(Clone, Debug, Default)]
pub(in crate::sql) struct RelationCode {
    pub(in crate::sql) read: Functions,
    pub(in crate::sql) insert: Functions,
    pub(in crate::sql) update: Functions,
    pub(in crate::sql) delete: Functions,
    pub(in crate::sql) truncate: Functions,
    /// Run when a value is made a row of it.
    pub(in crate::sql) row: Functions,
    /// Run where it is worked out to which partition a row belongs, of it or of those above.
    pub(in crate::sql) key: Functions,
    /// Run where values of these columns are compared, by an index, say.
    pub(in crate::sql) compared: Arc<Vec<(String, Functions)>>,
    /// Relations with classified columns that a write here reaches by its foreign keys.
    pub(in crate::sql) reaches_classified: bool,
    /// Reading it may change something: a view over a sequence, a policy with a setting, a
    /// foreign table, a function that somebody has called harmless.
    pub(in crate::sql) acts: bool,
}

/// A type that brings code: a domain with a constraint, a base type, a type with casts.
#[derive(Clone, Debug, Default)]
pub(in crate::sql) struct Type {
    pub(in crate::sql) oid: u32,
    pub(in crate::sql) schema: String,
    /// Run when a value is used: its output, its casts to other types, its comparisons.
    pub(in crate::sql) used: Functions,
    /// Run when a value is made, and only look at it: constraints.
    pub(in crate::sql) checks: Functions,
    /// Run when a value is made, and give it: input, casts from other types.
    pub(in crate::sql) makes: Functions,
}

/// An operator outside `pg_catalog`, or one that somebody put there.
#[derive(Clone, Debug)]
pub(in crate::sql) struct Operator {
    pub(in crate::sql) schema: String,
    /// Its function; none where that is harmless.
    pub(in crate::sql) function: Option<Object>,
    /// The types of its sides, where they are PostgreSQL's own.
    pub(in crate::sql) sides: [Option<String>; 2],
}

/// An operator class that PostgreSQL does not bring.
#[derive(Clone, Debug)]
pub(in crate::sql) struct OperatorClass {
    pub(in crate::sql) schema: String,
    /// What it compares values with.
    pub(in crate::sql) functions: Functions,
}

/// A function outside `pg_catalog`, all overloads of its name in one schema together.
#[derive(Clone, Debug)]
pub(in crate::sql) struct Function {
    pub(in crate::sql) schema: String,
    /// Every overload is immutable and not written in a language that can hold queries.
    pub(in crate::sql) pure: bool,
    /// Every overload is harmless where nobody sees it run: the operator of the gateway says
    /// so, or an extension brought it and it changes nothing.
    pub(in crate::sql) quiet: bool,
    /// The operator of the gateway says of every overload that it is harmless.
    pub(in crate::sql) declared: bool,
}

/// A name that stands for one of several relations, and nobody can tell which.
#[derive(Clone, Copy, Debug)]
pub(in crate::sql) struct Ambiguous;

/// The target's relations and functions.
#[derive(Clone, Debug, Default)]
pub struct Catalog {
    pub(in crate::sql) relations: Arc<Vec<Relation>>,
    /// Relation name to indexes in `relations`.
    pub(in crate::sql) by_name: Arc<HashMap<String, Vec<usize>>>,
    /// Function name to functions outside `pg_catalog`.
    pub(in crate::sql) functions: Arc<HashMap<String, Vec<Function>>>,
    /// Functions of `pg_catalog` that the target says are pure.
    pub(in crate::sql) pure_builtins: Arc<HashSet<String>>,
    /// Every column of a relation; a lineage names the one that it is a copy of by index.
    pub(in crate::sql) columns: Arc<Vec<Arc<Object>>>,
    /// Their types, in the same order.
    pub(in crate::sql) column_types: Arc<Vec<u32>>,
    /// Every classified column; a lineage names them by index.
    pub(in crate::sql) classified: Arc<Vec<Arc<ColumnRef>>>,
    /// All of `classified`.
    pub(in crate::sql) everything: Taint,
    /// Table oid and attribute number to an index in `classified`.
    pub(in crate::sql) origins: Arc<HashMap<(u32, i16), u32>>,
    /// Objects to an index in `classified`.
    pub(in crate::sql) objects: Arc<HashMap<Object, u32>>,
    /// Type name to types that bring code.
    pub(in crate::sql) types: Arc<HashMap<String, Vec<Type>>>,
    /// Names of all types that PostgreSQL does not bring.
    pub(in crate::sql) made_types: Arc<HashSet<String>>,
    /// Operator name to operators that PostgreSQL does not bring.
    pub(in crate::sql) operators: Arc<HashMap<String, Vec<Operator>>>,
    /// Name to operator classes that PostgreSQL does not bring.
    pub(in crate::sql) operator_classes: Arc<HashMap<String, Vec<OperatorClass>>>,
    /// The classified columns that keys of partitioned tables are made of.
    pub(in crate::sql) partition_keys: Taint,
    /// Functions of casts between PostgreSQL's own types that nobody has to write: they may run
    /// in any expression.
    pub(in crate::sql) anywhere: Functions,
    /// What runs unseen has been read from the target.
    pub(in crate::sql) knows_code: bool,
    /// Making, comparing or showing some value may change something unseen.
    pub(in crate::sql) values_act: bool,
    /// Relations that a transaction has made, changed or dropped, by name: they stand for all
    /// relations of the name.
    pub(in crate::sql) overlay: HashMap<String, Arc<Vec<Relation>>>,
    /// What columns hold that a transaction makes.
    pub(in crate::sql) classify: ClassifyByName,
    /// Settings that guard the target's role, with the values that a session begins with.
    pub(in crate::sql) guards: Option<Arc<HashMap<String, String>>>,
    /// The columns of system relations of which some are closed, in their order.
    pub(in crate::sql) system_columns: Arc<HashMap<String, Vec<String>>>,
    /// The name of the database, if it is known.
    pub(in crate::sql) database: Option<Arc<str>>,
    /// The schemas that a session may look anything up in, if they are known.
    pub(in crate::sql) usable_schemas: Option<Arc<BTreeSet<String>>>,
    /// Where an unqualified name is looked up, if that is known.
    search_path: Option<Arc<SearchPath>>,
}

/// Where unqualified names are looked up.
#[derive(Debug)]
struct SearchPath {
    /// The schemas, in their order.
    schemas: Vec<String>,
    /// Where what has no schema is made.
    made_in: Option<String>,
    /// The session's own temporary schema is among them, if it has one.
    is_whole: bool,
}

impl Catalog {
    /// What runs where a value becomes a row of this relation.
    pub(in crate::sql) fn making(&self, relation: &Object) -> Option<Making> {
        let [schema, name] = relation.path.as_slice() else { return None };
        let known = self.named(name).find(|known| known.schema == *schema)?;
        let functions = known.code.row.clone();
        (!functions.is_empty()).then_some(Making { functions, is_bare: false })
    }

    /// Whether every value of one column is one of another, too: what is stored there then fails
    /// for no value, and so tells nothing of it. A table that the open transaction has made or
    /// changed may demand anything.
    pub(in crate::sql) fn takes_all_of(&self, column: &Lineage, from: &Lineage) -> bool {
        let (Some(column), Some(from)) = (column.origin, from.origin) else { return false };
        if column == from {
            return true;
        }
        let kind = |index: u32| self.column_types.get(index as usize).copied();
        let demands = |index: u32| {
            let object = self.columns.get(index as usize)?;
            let [schema, table, column] = object.path.as_slice() else { return None };
            let known = self.named(table).find(|known| known.schema == *schema)?;
            Some(known.demands.get(column).cloned().unwrap_or_default())
        };
        let (Some(wanted), Some(given)) = (demands(column), demands(from)) else { return false };
        let is_text = |index| kind(index).is_some_and(|kind| UNBOUNDED_TEXTS.contains(&kind));
        let is_of_type = kind(column) == kind(from) || is_text(column) && is_text(from);
        is_of_type && wanted.iter().all(|wanted| given.iter().any(|given| is_met(wanted, given)))
    }

    /// Whether a column is one of a view, and no other column is known that it shows.
    pub(in crate::sql) fn is_column_of_view(&self, column: &Object) -> bool {
        let [schema, table, _] = column.path.as_slice() else { return true };
        self.named(table)
            .filter(|known| known.schema == *schema)
            .any(|known| known.kind == RelationKind::View)
    }

    /// The classified column that a `RowDescription` field names as its origin.
    ///
    /// SECURITY: this may only raise suspicion. The server gives no origin for anything that
    /// is computed, so an absent answer says nothing.
    #[must_use]
    pub fn column_by_origin(&self, table_oid: u32, attnum: i16) -> Option<&Arc<ColumnRef>> {
        let index = self.origins.get(&(table_oid, attnum))?;
        self.classified.get(*index as usize)
    }

    /// The category of a column, or none if it is not classified (or not a column).
    #[must_use]
    pub fn category_of(&self, object: &Object) -> Option<&Category> {
        if object.kind != ObjectKind::COLUMN {
            return None;
        }
        let index = self.objects.get(object)?;
        self.classified.get(*index as usize).map(|column| &column.category)
    }

    /// The category that the configuration gives a column by its name, whether there is such a
    /// column or not.
    #[must_use]
    pub fn category_by_name(&self, object: &Object) -> Option<Category> {
        match object.path.as_slice() {
            [schema, table, column] if object.kind == ObjectKind::COLUMN => {
                self.classify.category(schema, table, column)
            }
            _ => None,
        }
    }

    /// The functions that run when a value of this type comes in as a parameter: what `Parse`
    /// says of a parameter's type, the text does not.
    #[must_use]
    pub fn parameter_functions(&self, type_oid: u32) -> Vec<Object> {
        let known = self.types.values().flatten().filter(|known| known.oid == type_oid);
        let functions: BTreeSet<Object> = known
            .flat_map(|known| [&known.used, &known.checks, &known.makes])
            .flat_map(|functions| functions.iter().cloned())
            .collect();
        functions.into_iter().collect()
    }

    /// Every classified column.
    #[must_use]
    pub fn classified(&self) -> &[Arc<ColumnRef>] {
        &self.classified
    }

    /// The same catalog for a session that looks names up in these schemas, in this order:
    /// those of them that there are, and that it may use.
    ///
    /// Without it, a name that several schemas have cannot be resolved.
    #[must_use]
    pub fn with_search_path(&self, mut schemas: Vec<String>) -> Self {
        if let Some(usable) = &self.usable_schemas {
            schemas.retain(|schema| usable.contains(schema));
        }
        let made_in = schemas.first().cloned();
        let path = SearchPath { schemas, made_in, is_whole: false };
        Self { search_path: Some(Arc::new(path)), ..self.clone() }
    }

    /// The same catalog for a session whose server has told where it looks names up now, its
    /// temporary schema among the others, and where it makes what has no schema.
    #[must_use]
    pub fn with_told_path(&self, schemas: Vec<String>, made_in: Option<String>) -> Self {
        let path = SearchPath { schemas, made_in, is_whole: true };
        Self { search_path: Some(Arc::new(path)), ..self.clone() }
    }

    /// The same catalog for a session of which nobody knows where it looks names up.
    #[must_use]
    pub fn without_search_path(&self) -> Self {
        Self { search_path: None, ..self.clone() }
    }

    /// The same catalog for a session that looks names up where another one does.
    #[must_use]
    pub fn with_path_of(&self, other: &Self) -> Self {
        Self { search_path: other.search_path.clone(), ..self.clone() }
    }

    /// The same catalog with what the configuration says of columns that are not there yet.
    #[must_use]
    pub fn with_classification(&self, classify: Arc<Classify>) -> Self {
        Self { classify: ClassifyByName(classify), ..self.clone() }
    }

    /// The same catalog for a session that began with these values of the settings that guard
    /// it (`statement_timeout`, `default_transaction_read_only` and the like, as `SHOW` writes
    /// them). A statement may then set them to these or to stricter values.
    ///
    /// Without it, whatever may loosen a guard is administration.
    #[must_use]
    pub fn with_guards(&self, values: impl IntoIterator<Item = (String, String)>) -> Self {
        Self { guards: Some(Arc::new(values.into_iter().collect())), ..self.clone() }
    }

    /// What an unqualified relation name stands for, or none if nobody can tell.
    ///
    /// SECURITY: a temporary relation of the name comes first in PostgreSQL, if it is the
    /// session's own. Unless the server has told which that is, nobody can tell.
    pub(in crate::sql) fn unqualified<'c>(
        &'c self,
        name: &str,
    ) -> Result<Option<&'c Relation>, Ambiguous> {
        let mut known = self.named(name);
        let (first, second) = (known.next(), known.next());
        if second.is_none() {
            return Ok(first);
        }
        let path = self.search_path.as_ref().ok_or(Ambiguous)?;
        let is_temporary = |relation: &Relation| relation.schema.starts_with("pg_temp");
        if !path.is_whole && self.named(name).any(is_temporary) {
            return Err(Ambiguous);
        }
        let is_in = |relation: &Relation, schema: &str| {
            // What this transaction has made is its own.
            relation.schema == schema
                || (relation.schema == "pg_temp" && schema.starts_with("pg_temp_"))
        };
        let found = path
            .schemas
            .iter()
            .find_map(|schema| self.named(name).find(|relation| is_in(relation, schema)));
        if found.is_none() && !path.is_whole { Err(Ambiguous) } else { Ok(found) }
    }

    /// Whether a name has no database in it, or this one.
    pub(in crate::sql) fn is_of_this_database(&self, range: &pg_query::protobuf::RangeVar) -> bool {
        let name = range.catalogname.as_str();
        name.is_empty() || self.database.as_deref() == Some(name)
    }

    /// Whether names without a schema may stand for relations of a schema.
    pub(in crate::sql) fn may_look_in(&self, schema: &str) -> bool {
        let path = self.search_path.as_ref();
        path.is_none_or(|path| path.schemas.iter().any(|known| known == schema))
    }

    /// Where an unqualified name is made, if that is known.
    #[must_use]
    pub fn first_schema(&self) -> Option<&str> {
        self.search_path.as_ref()?.made_in.as_deref()
    }

    /// The columns of everything in a schema.
    pub(in crate::sql) fn columns_in(&self, schema: &str) -> Columns {
        let own = self.overlay.values().flat_map(|own| own.iter());
        let known = self.relations.iter().filter(|it| !self.overlay.contains_key(&it.name));
        let all = own.chain(known).filter(|relation| relation.schema == schema);
        let list = all.clone().flat_map(|relation| relation.columns.list.iter().cloned()).collect();
        let rest =
            all.filter_map(|relation| relation.columns.rest.clone()).reduce(|mut all, one| {
                all.mix(&one);
                all
            });
        Columns { list, rest }
    }

    /// Relations of this name in any schema.
    pub(in crate::sql) fn named<'c>(&'c self, name: &str) -> impl Iterator<Item = &'c Relation> {
        let own = self.overlay.get(name);
        let known = if own.is_some() { None } else { self.by_name.get(name) };
        let known = known.into_iter().flatten().filter_map(|index| self.relations.get(*index));
        own.into_iter().flat_map(|own| own.iter()).chain(known)
    }
}
