//! A target's catalog as last read, and how old it may be.

use crate::planner::SearchPath;
use crate::{Analyses, Plan};
use portreeve_decide::sql::Catalog;
use portreeve_model::{Category, Command, Object};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::future::Future;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};
use tokio::sync::Mutex;

/// How old the catalog may become before a new session asks again.
const AGE_MAX: Duration = Duration::from_secs(30);

/// Says the category of an object, where it has one.
pub type Classification = Arc<dyn Fn(&Object) -> Option<Category> + Send + Sync>;

/// The type of every column, by its object: bulk data does not tell them.
pub type ColumnTypes = HashMap<Object, ColumnType>;

/// The type of a column.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ColumnType {
    /// As the dialect numbers it.
    pub code: u32,
    /// What narrows it (a length, say), in the dialect's own writing; -1 for nothing.
    pub modifier: i32,
    /// Whether the column can be NULL.
    pub nulls: Nulls,
}

/// Whether a column, or a type, takes NULL.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Nulls {
    /// It does.
    Accepted,
    /// It does not.
    Refused,
}

/// Types that are made of others, by their codes. What is not here is a plain type.
pub type MadeTypes = HashMap<u32, MadeType>;

/// How a type is made.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum MadeType {
    /// Written like another type, and narrowed: a domain, a text that is compared otherwise.
    Like(ColumnType),
    /// One of these words; the first of them.
    Label(Arc<str>),
    /// Many values of one type.
    Array(u32),
    /// From one value to another.
    Range,
    /// Many ranges.
    Multirange,
    /// A row of values of these types.
    Row(Arc<[u32]>),
    /// Texts by keys that are texts.
    Pairs,
}

/// Versions of definitions as a target had them at one moment: equal versions are equal
/// definitions.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Versions {
    /// By the name of a relation, whatever its schema: a new one earlier in the search path
    /// is another candidate. A name that nothing has is not here.
    pub relations: BTreeMap<String, String>,
    /// Of the code that the target's users have made.
    pub code: String,
}

/// What a session began with, as far as statements are read by it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct SessionSettings {
    /// The schemas that it looks names up in.
    pub search_path: Vec<String>,
    /// The values of the settings that guard its role.
    pub guards: Vec<(String, String)>,
}

/// What was read of a target.
#[derive(Debug)]
pub struct CatalogRead {
    /// Structure and lineage, without a search path.
    pub catalog: Catalog,
    /// The versions that all of it has.
    pub versions: Arc<Versions>,
    /// Names of relations that each name rests on: what a view is made of, what a table
    /// inherits from and is inherited by.
    pub rests: HashMap<String, BTreeSet<String>>,
    /// The columns' types, as the dialect numbers them.
    pub types: ColumnTypes,
    /// The types that are made of others.
    pub made_types: MadeTypes,
    /// Whether the configuration says anything of columns: then it matters what a name stands
    /// for, whether or not a classified column is there now.
    pub has_rules: bool,
    /// Equal for equal catalogs.
    pub digest: u64,
}

/// Reads a target's catalog.
pub trait CatalogSource: Send + Sync {
    /// Why it cannot be read.
    type Error: Send;

    /// Reads all of it, as it is now.
    fn read(&self) -> impl Future<Output = Result<CatalogRead, Self::Error>> + Send;
}

/// A catalog with what was worked out by it. Immutable: a change makes a new one.
pub struct CatalogSnapshot {
    catalog: Catalog,
    /// By how sessions look names up: most do alike.
    views: std::sync::Mutex<Vec<(Lookup, Arc<View>)>>,
    versions: Arc<Versions>,
    rests: HashMap<String, BTreeSet<String>>,
    pub(crate) types: ColumnTypes,
    /// The types that are made of others.
    pub made_types: MadeTypes,
    classify: Classification,
    has_rules: bool,
    digest: u64,
}

/// How a session looks names up.
#[derive(PartialEq, Eq)]
struct Lookup {
    path: SearchPath,
    begun: Vec<String>,
    guards: Vec<(String, String)>,
}

/// A catalog as one kind of session sees it.
pub(crate) struct View {
    pub(crate) catalog: Arc<Catalog>,
    pub(crate) analyses: Analyses,
}

impl View {
    pub(crate) fn of(catalog: Catalog) -> Arc<Self> {
        Arc::new(Self { catalog: Arc::new(catalog), analyses: Analyses::default() })
    }
}

/// Ways of looking names up whose views are remembered.
const VIEWS_MAX: usize = 64;

impl std::fmt::Debug for CatalogSnapshot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CatalogSnapshot").field("digest", &self.digest).finish_non_exhaustive()
    }
}

impl CatalogSnapshot {
    /// Makes a snapshot of what was read.
    #[must_use]
    pub fn new(read: CatalogRead) -> Self {
        let classified = read.catalog.clone();
        Self {
            catalog: read.catalog,
            views: std::sync::Mutex::default(),
            versions: read.versions,
            rests: read.rests,
            types: read.types,
            made_types: read.made_types,
            has_rules: read.has_rules,
            classify: Arc::new(move |object| {
                let known = classified.category_of(object).cloned();
                known.or_else(|| classified.category_by_name(object))
            }),
            digest: read.digest,
        }
    }

    /// The catalog for sessions that began like this. Where the search path has moved since, a
    /// name that several schemas have cannot be resolved.
    pub(crate) fn view(&self, settings: &SessionSettings, path: &SearchPath) -> Arc<View> {
        let begun = match path {
            SearchPath::AsBegun => settings.search_path.clone(),
            SearchPath::Moved | SearchPath::Told(_) => Vec::new(),
        };
        let lookup = Lookup { path: path.clone(), begun, guards: settings.guards.clone() };
        let mut views = self.views.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, known)) = views.iter().find(|(known, _)| *known == lookup) {
            return known.clone();
        }
        let catalog = path.of(&self.catalog, &lookup.begun);
        let view = View::of(catalog.with_guards(lookup.guards.iter().cloned()));
        if views.len() < VIEWS_MAX {
            views.push((lookup, view.clone()));
        }
        view
    }

    /// Whether it matters what a name stands for: the configuration says something of columns.
    #[must_use]
    pub fn has_rules(&self) -> bool {
        self.has_rules || !self.catalog.classified().is_empty()
    }

    /// The columns that appeared at the target after somebody looked last.
    pub fn unknown_columns(&self) -> impl Iterator<Item = Object> + '_ {
        let classified = self.catalog.classified().iter();
        classified.filter(|column| column.category.is_unknown()).map(|column| column.object())
    }

    /// Equal for equal definitions.
    #[must_use]
    pub fn digest(&self) -> u64 {
        self.digest
    }

    /// The versions that it was made of.
    #[must_use]
    pub fn versions(&self) -> Arc<Versions> {
        self.versions.clone()
    }

    /// The names of all relations that a command rests on, views and heirs followed, by the
    /// definitions that a catalog has.
    pub(crate) fn names_behind(
        &self,
        catalog: &Catalog,
        command: &Command,
        names: &mut BTreeSet<String>,
    ) {
        let named = command.needs.iter().filter_map(|need| need.object.path.get(1));
        let mut open: Vec<String> = named.cloned().collect();
        while let Some(name) = open.pop() {
            if names.insert(name.clone()) {
                open.extend(self.rests.get(&name).into_iter().flatten().cloned());
                open.extend(catalog.rests_on(&name).cloned());
            }
        }
    }

    /// The category of a column, by the numbers that the target has for its table and for it
    /// there: whatever both are called now.
    #[must_use]
    pub fn category_at(&self, table_oid: u32, attnum: i16) -> Option<Category> {
        let column = self.catalog.column_by_origin(table_oid, attnum)?;
        Some(column.category.clone())
    }

    /// Whether what a plan rests on is the same in an older snapshot.
    #[must_use]
    pub fn agrees(&self, older: &Self, plan: &Plan) -> bool {
        let mut names = BTreeSet::new();
        for snapshot in [self, older] {
            snapshot.names_behind(&snapshot.catalog, &plan.command, &mut names);
        }
        let is_same =
            |name: &String| self.versions.relations.get(name) == older.versions.relations.get(name);
        self.versions.code == older.versions.code && names.iter().all(is_same)
    }

    /// Says the category of an object. Always the same function for the same snapshot.
    #[must_use]
    pub fn classification(&self) -> Classification {
        self.classify.clone()
    }
}

struct State {
    snapshot: Arc<CatalogSnapshot>,
    at: Instant,
}

/// The catalog of one target, shared by all of its sessions.
pub struct CatalogStore<S> {
    source: S,
    state: RwLock<Option<State>>,
    reading: Mutex<()>,
}

impl<S> std::fmt::Debug for CatalogStore<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CatalogStore").finish_non_exhaustive()
    }
}

impl<S: CatalogSource> CatalogStore<S> {
    /// A catalog that has not been read yet.
    #[must_use]
    pub fn new(source: S) -> Self {
        Self { source, state: RwLock::new(None), reading: Mutex::new(()) }
    }

    /// Where it is read from.
    #[must_use]
    pub fn source(&self) -> &S {
        &self.source
    }

    /// The catalog as last read.
    #[must_use]
    pub fn last(&self) -> Option<Arc<CatalogSnapshot>> {
        let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
        state.as_ref().map(|state| state.snapshot.clone())
    }

    /// The catalog for a new session: not older than half a minute.
    pub async fn current(&self) -> Result<Arc<CatalogSnapshot>, S::Error> {
        self.not_older_than(AGE_MAX).await
    }

    /// The catalog after definitions have changed.
    pub async fn reread(&self) -> Result<Arc<CatalogSnapshot>, S::Error> {
        self.not_older_than(Duration::ZERO).await
    }

    fn fresh(&self, asked: Instant, age: Duration) -> Option<Arc<CatalogSnapshot>> {
        let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
        let is_fresh = |state: &&State| state.at >= asked || state.at.elapsed() < age;
        state.as_ref().filter(is_fresh).map(|state| state.snapshot.clone())
    }

    async fn not_older_than(&self, age: Duration) -> Result<Arc<CatalogSnapshot>, S::Error> {
        let asked = Instant::now();
        if let Some(snapshot) = self.fresh(asked, age) {
            return Ok(snapshot);
        }
        // One reader at a time; whoever waited takes what the other one has read.
        let _one = self.reading.lock().await;
        if let Some(snapshot) = self.fresh(asked, age) {
            return Ok(snapshot);
        }
        let at = Instant::now();
        let read = self.source.read().await?;
        let snapshot = match self.last() {
            // Nothing has changed: analyses made with the old one still hold.
            Some(last) if last.digest == read.digest => last,
            _ => Arc::new(CatalogSnapshot::new(read)),
        };
        let state = State { snapshot: snapshot.clone(), at };
        *self.state.write().unwrap_or_else(PoisonError::into_inner) = Some(state);
        Ok(snapshot)
    }
}
