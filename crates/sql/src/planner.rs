//! Turns the texts of one session into plans.

use crate::analyses::{Analysis, unknown};
use crate::catalog::View;
use crate::definitions::Layers;
use crate::{CatalogSnapshot, Definition, Plan, SessionSettings, ShownMasks, SubjectColumns};
use portreeve_decide::sql::{Catalog, Grammar, Statement, Unknown};
use portreeve_model::{Action, Category, Command, Need, Object, ObjectKind};
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

/// The plans of a text's statements.
pub type Plans = Arc<[Arc<Plan>]>;

/// Says whether policy reveals a column of a category.
pub type Reveals = Arc<dyn Fn(&Object, &Category) -> bool + Send + Sync>;

/// Plans that one session remembers.
const PLANS_MAX: usize = 512;
/// What is longer may be much, and comes seldom twice.
const TEXT_BYTES_KEPT: usize = 8 << 10;
/// Names that are looked up at once. What is beyond them is found within a second.
const MISSING_MAX: usize = 64;

/// A text names something that the catalog does not have; a fresh one may.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct UnknownNames;

/// A query that the gateway asks in another session.
#[derive(Clone, Debug)]
pub struct PlanForOthers {
    /// What may be seen of it.
    pub plan: Arc<Plan>,
    /// The schemas in which its names are to be looked up.
    pub search_path: Vec<String>,
    /// The relations that it rests on.
    pub names: BTreeSet<String>,
}

/// Where a session looks up names without a schema.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum SearchPath {
    /// Where it did when it began.
    AsBegun,
    /// Somewhere else. It stays so: whether a transaction takes it back is not worth being
    /// wrong about.
    Moved,
    /// Where the server has told, and nothing has happened since that could move it.
    Told(Arc<ToldPath>),
}

/// Where a session's server says that it looks names up.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ToldPath {
    /// In these schemas, in this order.
    pub schemas: Vec<String>,
    /// Those among them that no other session has.
    pub temporary: BTreeSet<String>,
    /// Where what has no schema is made.
    pub made_in: Option<String>,
}

impl SearchPath {
    /// A catalog for who looks names up there instead.
    pub(crate) fn of(&self, catalog: &Catalog, begun: &[String]) -> Catalog {
        match self {
            Self::AsBegun => catalog.with_search_path(begun.to_vec()),
            Self::Moved => catalog.without_search_path(),
            Self::Told(told) => catalog.with_told_path(told.schemas.clone(), told.made_in.clone()),
        }
    }
}

/// What a session plans with. Plans of an older catalog or policy are made again:
/// [`Planner::is_current`] is the one place that tells.
pub struct Planner {
    grammar: &'static (dyn Grammar + Send + Sync),
    /// What everybody sees.
    catalog: Arc<CatalogSnapshot>,
    /// The same, or what the server has shown to the open transaction alone.
    base: Arc<CatalogSnapshot>,
    reveals: Reveals,
    subjects: Arc<SubjectColumns>,
    shown: Arc<ShownMasks>,
    settings: SessionSettings,
    path: SearchPath,
    /// Something has moved it since the session began.
    has_moved: bool,
    view: Arc<View>,
    /// What the open transaction has changed of definitions.
    layers: Layers,
    generation: u64,
    plans: HashMap<usize, (Analysis, Plans)>,
    /// Names of relations that texts had and the catalog has not.
    missing: BTreeSet<String>,
    /// The last text has a name that several schemas have, and nobody can tell which is meant.
    is_lost_between_schemas: bool,
}

impl std::fmt::Debug for Planner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Planner").field("generation", &self.generation).finish_non_exhaustive()
    }
}

impl Planner {
    /// A session's planner, at its beginning.
    #[must_use]
    pub fn new(
        grammar: &'static (dyn Grammar + Send + Sync),
        catalog: Arc<CatalogSnapshot>,
        reveals: Reveals,
        subjects: Arc<SubjectColumns>,
        settings: SessionSettings,
    ) -> Self {
        let view = catalog.view(&settings, &SearchPath::AsBegun);
        Self {
            grammar,
            base: catalog.clone(),
            catalog,
            reveals,
            subjects,
            shown: Arc::default(),
            settings,
            path: SearchPath::AsBegun,
            has_moved: false,
            view,
            layers: Layers::default(),
            generation: 0,
            plans: HashMap::new(),
            missing: BTreeSet::new(),
            is_lost_between_schemas: false,
        }
    }

    /// The same for somebody who has been shown these masks.
    #[must_use]
    pub fn with_shown(self, shown: Arc<ShownMasks>) -> Self {
        Self { shown, ..self }
    }

    /// What everybody sees who uses the target.
    #[must_use]
    pub fn catalog(&self) -> &Arc<CatalogSnapshot> {
        &self.catalog
    }

    /// Plans with another catalog, and what policy reveals now, from here on.
    pub fn renew(&mut self, catalog: Arc<CatalogSnapshot>, reveals: Reveals) {
        self.catalog = catalog;
        self.reveals = reveals;
        // Others may have made a schema, or let this session into one.
        if self.is_path_told() {
            self.path = self.untold();
        }
        self.forget();
    }

    /// Unqualified names may stand for something else from here on.
    pub fn move_path(&mut self) {
        self.has_moved = true;
        self.look_up(SearchPath::Moved);
    }

    /// What the server has told of it may not hold any more.
    pub fn doubt_path(&mut self) {
        if self.is_path_told() {
            self.look_up(self.untold());
        }
    }

    /// The search path as far as it is known without the server.
    fn untold(&self) -> SearchPath {
        if self.has_moved { SearchPath::Moved } else { SearchPath::AsBegun }
    }

    /// Where what has no schema is made, if that is known.
    #[must_use]
    pub fn made_in(&self) -> Option<&str> {
        self.view.catalog.first_schema()
    }

    /// Whether the server has told where names are looked up now.
    #[must_use]
    pub fn is_path_told(&self) -> bool {
        matches!(self.path, SearchPath::Told(_))
    }

    /// The server has told where names are looked up now.
    pub fn tell_path(&mut self, told: ToldPath) {
        self.look_up(SearchPath::Told(Arc::new(told)));
    }

    fn look_up(&mut self, path: SearchPath) {
        if self.path != path {
            self.path = path;
            self.forget();
        }
    }

    fn forget(&mut self) {
        self.layers.forget();
        self.base = self.catalog.clone();
        self.view = self.begun();
        self.generation += 1;
        self.plans.clear();
    }

    /// What lies below the layers, for who looks names up where this session does.
    fn begun(&self) -> Arc<View> {
        self.base.view(&self.settings, &self.path)
    }

    /// Takes over what the open transaction has changed of definitions so far: no more and no
    /// less than the server has said.
    pub fn follow_definitions(&mut self, defined: &[Arc<Definition>]) {
        if self.layers.follow(defined, &self.path) {
            self.settle_later();
        }
    }

    /// A statement will have changed definitions by the time that those behind it run.
    pub fn define(&mut self, definition: Arc<Definition>) {
        self.layers.push(definition, self.path.clone());
        self.settle_later();
    }

    /// What was changed may have been taken back by the time that statements run.
    pub fn doubt_definitions(&mut self) {
        if self.layers.doubt() {
            self.settle_later();
        }
    }

    fn settle_later(&mut self) {
        self.generation += 1;
        self.plans.clear();
    }

    /// Works out what the transaction sees. Whether it can be told: if not, nothing may be
    /// looked up in it.
    pub fn sees_definitions(&mut self) -> bool {
        if self.layers.is_settled() {
            return self.layers.is_followed();
        }
        self.base = self.layers.base().unwrap_or(&self.catalog).clone();
        let below = self.base.view(&self.settings, &SearchPath::AsBegun);
        let begun = &self.settings.search_path;
        self.view = match self.layers.settle(self.grammar, &below.catalog, begun, &self.catalog) {
            Some(catalog) => View::of(self.path.of(&catalog, begun)),
            None => self.begun(),
        };
        self.layers.is_followed()
    }

    /// The plan of a query that the gateway asks for a person to whom policy reveals nothing, the
    /// schemas in which its names are looked up, and the relations that it rests on. It is asked
    /// in another session, so nothing that the open transaction has made is in it; none where it
    /// is no one query that only reads, or nobody can tell where names are looked up.
    #[must_use]
    pub fn plan_for_others(&self, text: &str) -> Option<PlanForOthers> {
        let (path, search_path) = match &self.path {
            SearchPath::AsBegun => (SearchPath::AsBegun, self.settings.search_path.clone()),
            SearchPath::Told(told) => {
                let is_shared = |schema: &&String| !told.temporary.contains(*schema);
                let schemas: Vec<_> = told.schemas.iter().filter(is_shared).cloned().collect();
                let told = ToldPath { schemas: schemas.clone(), ..ToldPath::default() };
                (SearchPath::Told(Arc::new(told)), schemas)
            }
            SearchPath::Moved => return None,
        };
        let view = self.catalog.view(&self.settings, &path);
        let analysis = view.analyses.of(self.grammar, &view.catalog, text);
        let [statement] = &*analysis else { return None };
        let only_reads = statement
            .command
            .needs
            .iter()
            .all(|need| matches!(need.action, Action::Read | Action::Filter | Action::Probe));
        if statement.unknown.is_some() || !statement.missing.is_empty() || !only_reads {
            return None;
        }
        let mut names = BTreeSet::new();
        self.catalog.names_behind(&view.catalog, &statement.command, &mut names);
        let subjects = self.subjects.plan(statement);
        let plan = Plan::new(
            statement.clone(),
            self.catalog.clone(),
            view.catalog.clone(),
            subjects,
            self.generation,
            Arc::new(|_, _| false),
            Arc::default(),
        );
        Some(PlanForOthers { plan: Arc::new(plan), search_path, names })
    }

    /// The names of all relations that a command rests on, views and heirs followed.
    pub fn names_behind(&self, command: &Command, names: &mut BTreeSet<String>) {
        self.base.names_behind(&self.view.catalog, command, names);
    }

    /// What a text's statements may show this session. Names that the catalog does not have
    /// make a statement unknown; with them comes the word that a fresh catalog may help.
    pub fn plans_of(&mut self, text: &str) -> (Plans, Result<(), UnknownNames>) {
        self.sees_definitions();
        let view = &self.view;
        let analysis = view.analyses.of(self.grammar, &view.catalog, text);
        let is_known = analysis
            .iter()
            .all(|statement| statement.missing.is_empty() && !statement.misses_column());
        self.is_lost_between_schemas = analysis
            .iter()
            .any(|statement| statement.unknown.as_ref().is_some_and(Unknown::is_between_schemas));
        if !is_known {
            self.miss(&analysis);
        }
        let known = if is_known { Ok(()) } else { Err(UnknownNames) };
        let key = Arc::as_ptr(&analysis).cast::<()>() as usize;
        if let Some((_, plans)) = self.plans.get(&key) {
            return (plans.clone(), known);
        }
        let plans: Plans = analysis.iter().map(|statement| self.plan(statement.clone())).collect();
        if text.len() > TEXT_BYTES_KEPT {
            return (plans, known);
        }
        if self.plans.len() >= PLANS_MAX {
            self.plans.clear();
        }
        self.plans.insert(key, (analysis, plans.clone()));
        (plans, known)
    }

    /// Whether the last text has a name that several schemas have, and where names are looked up
    /// has not been told.
    #[must_use]
    pub fn is_lost_between_schemas(&self) -> bool {
        self.is_lost_between_schemas && !self.is_path_told()
    }

    fn miss(&mut self, analysis: &Analysis) {
        let missing = analysis.iter().flat_map(|statement| &statement.missing);
        let tables = missing.filter(|missing| missing.kind == ObjectKind::TABLE);
        let names = tables.filter_map(|missing| missing.name.rsplit('.').next());
        // Somebody may have added a column to any of these.
        let looked_in = analysis
            .iter()
            .filter(|statement| statement.misses_column())
            .flat_map(|statement| &statement.command.needs)
            .filter(|need| need.object.kind == ObjectKind::TABLE)
            .filter_map(|need| need.object.path.last().map(String::as_str));
        let room = MISSING_MAX.saturating_sub(self.missing.len());
        self.missing.extend(names.chain(looked_in).take(room).map(str::to_owned));
    }

    /// The names of relations that the catalog did not have, or not whole, since this was last
    /// asked.
    pub fn take_missing(&mut self) -> BTreeSet<String> {
        std::mem::take(&mut self.missing)
    }

    /// The plan of one statement.
    #[must_use]
    pub fn plan(&self, statement: Arc<Statement>) -> Arc<Plan> {
        let (snapshot, catalog) = (self.base.clone(), self.view.catalog.clone());
        let subjects = self.subjects.plan(&statement);
        Arc::new(Plan::new(
            statement,
            snapshot,
            catalog,
            subjects,
            self.generation,
            self.reveals.clone(),
            self.shown.clone(),
        ))
    }

    /// The same for a statement whose parameters have been declared to have these types, as the
    /// dialect numbers them: what a type brings runs when a value of it comes in, and no text
    /// shows it.
    #[must_use]
    pub fn given_types(&self, plan: Arc<Plan>, types: &[u32]) -> Arc<Plan> {
        let catalog = &self.view.catalog;
        let functions: BTreeSet<Object> =
            types.iter().flat_map(|code| catalog.parameter_functions(*code)).collect();
        if functions.is_empty() {
            return plan;
        }
        let mut statement = (*plan.statement).clone();
        let needs = functions.into_iter().map(|object| Need { action: Action::Execute, object });
        statement.command.needs.extend(needs);
        statement.touches_classified = true;
        statement.moves_search_path = true;
        self.plan(Arc::new(statement))
    }

    /// Whether a plan was made with the catalog and by the policy that hold now.
    #[must_use]
    pub fn is_current(&self, plan: &Plan) -> bool {
        plan.generation == self.generation
    }

    /// A plan of an open cursor or portal under the policy that holds now. What it gives was
    /// settled when it was opened; what of it may be seen was not.
    #[must_use]
    pub fn under(&self, plan: &Arc<Plan>) -> Arc<Plan> {
        if self.is_current(plan) {
            plan.clone()
        } else {
            Arc::new(plan.under(self.reveals.clone()))
        }
    }

    /// The plan of something that cannot be judged, with the code that the server would give.
    #[must_use]
    pub fn plan_unknown(&self, sqlstate: &'static str, why: &str) -> Arc<Plan> {
        let (message, position) = (why.to_owned(), None);
        let why = Unknown { sqlstate, message, position, candidates: Vec::new() };
        self.plan(Arc::new(unknown(why)))
    }
}
