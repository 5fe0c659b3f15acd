//! Code that runs unseen: what an expression or a write sets off beside what its text says.
//!
//! A default, a constraint, an index, a policy, a trigger, a cast, a domain calls functions that
//! nobody wrote into the statement. The target knows all of them: [`CodeInput`] says which place
//! calls what, and a place can lead to another (a domain over a domain, a view over a table with
//! a policy, a cascade to a table with a trigger). What is not harmless needs `execute`.

use portreeve_model::{Action, Object};
use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use super::build::{RelationInput, fragment_scope};
use crate::sql::catalog::{Catalog, Functions, RelationCode, RelationKind, Type};
use crate::sql::columns::Columns;
use crate::sql::lineage::{Lineage, Making};
use crate::sql::postgres::analyzer::Analyzer;
use crate::sql::postgres::builtin::functions::{self, Builtin};
use crate::sql::postgres::parse;

/// When the code of a place runs.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Moment {
    /// `r`: rows of a relation are read.
    Read,
    /// `a`: rows come into it.
    Insert,
    /// `u`: rows of it change.
    Update,
    /// `d`: rows of it go.
    Delete,
    /// `t`: it is emptied.
    Truncate,
    /// `o`: a value of a type is shown, compared or made into another type.
    Use,
    /// `c`: a value of a type is made, and looked at. For a partitioned table: where a row
    /// belongs is worked out, by whichever partition it comes in.
    Check,
    /// `i`: a value of a type is made, and comes out of the code.
    Make,
}

const RELATION_MOMENTS: [Moment; 5] =
    [Moment::Read, Moment::Insert, Moment::Update, Moment::Delete, Moment::Truncate];
const TYPE_MOMENTS: [Moment; 3] = [Moment::Use, Moment::Check, Moment::Make];

impl Moment {
    /// Reads the letters of [`questions`](super::questions). A letter that is not known stands
    /// for no moment.
    pub fn from_letters(letters: &str) -> Vec<Self> {
        let moment = |letter| match letter {
            'r' => Some(Self::Read),
            'a' => Some(Self::Insert),
            'u' => Some(Self::Update),
            'd' => Some(Self::Delete),
            't' => Some(Self::Truncate),
            'o' => Some(Self::Use),
            'c' => Some(Self::Check),
            'i' => Some(Self::Make),
            _ => None,
        };
        letters.chars().filter_map(moment).collect()
    }
}

/// A place that calls code.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Owner {
    /// A relation, by `pg_class.oid`.
    Relation(u32),
    /// A type, by `pg_type.oid`.
    Type(u32),
    /// An operator class, by `pg_opclass.oid`: what compares the values of an index.
    Class(u32),
    /// Any expression: casts between PostgreSQL's own types.
    Anywhere,
}

/// What a place calls, or leads to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Runs {
    /// A function.
    Function {
        /// Its schema.
        schema: String,
        /// Its name.
        name: String,
    },
    /// An expression in SQL, with the columns of the relation by their names.
    Expression(String),
    /// `pg_get_triggerdef`: its condition.
    Trigger(String),
    /// Another relation, at the same moment (a cascade), or read (a policy).
    Relation(u32),
    /// A type, at the same moment.
    Type(u32),
}

/// One place and what it calls.
#[derive(Clone, Debug)]
pub struct CodeInput {
    /// The place.
    pub owner: Owner,
    /// When.
    pub moments: Vec<Moment>,
    /// What.
    pub runs: Runs,
}

/// A type as `pg_type` has it. Row types of tables need not be given.
#[derive(Clone, Debug)]
pub struct TypeInput {
    /// `pg_type.oid`
    pub oid: u32,
    /// Its schema.
    pub schema: String,
    /// Its name.
    pub name: String,
    /// `typbasetype`: what a domain is made of; 0 for all others.
    pub base: u32,
}

/// An operator that PostgreSQL does not bring (`oid >= 16384`).
#[derive(Clone, Debug)]
pub struct OperatorInput {
    /// Its schema.
    pub schema: String,
    /// Its name.
    pub name: String,
    /// The schema of its function (`oprcode`).
    pub function_schema: String,
    /// The name of its function.
    pub function_name: String,
    /// The types of its left and right side, where they are PostgreSQL's own.
    pub sides: [Option<String>; 2],
}

/// SPEC: `FirstNormalObjectId` in transam.h.
pub(super) const FIRST_MADE: u32 = 16_384;

/// A function that cannot be named: the place calls something that cannot be read.
fn unreadable() -> Object {
    Object::function("?", "?")
}

type Place = (Owner, Moment);

/// Which place calls which functions and leads to which places.
#[derive(Default)]
pub(super) struct Graph {
    calls: HashMap<Place, BTreeSet<Object>>,
    leads: HashMap<Place, HashSet<Place>>,
    /// Where something may change that no function in `calls` tells of.
    acting: HashSet<Place>,
}

impl Graph {
    /// Notes that nobody can say of a place that it changes nothing.
    pub(super) fn acts(&mut self, place: Place) {
        self.acting.insert(place);
    }

    pub(super) fn has_acting(&self) -> bool {
        !self.acting.is_empty()
    }

    pub(super) fn calls(&mut self, place: Place, function: Object) {
        self.calls.entry(place).or_default().insert(function);
    }

    fn leads(&mut self, from: Place, to: Place) {
        if from != to {
            self.leads.entry(from).or_default().insert(to);
        }
    }

    /// Types of columns, children of tables.
    pub(super) fn relation(&mut self, input: &RelationInput, types: &HashSet<u32>) {
        let own = Owner::Relation(input.oid);
        if input.kind == RelationKind::Foreign {
            // Another server's tables, views and programs may be behind it.
            self.acts((own, Moment::Read));
        }
        for moment in RELATION_MOMENTS {
            for parent in &input.parents {
                self.leads((Owner::Relation(*parent), moment), (own, moment));
            }
        }
        for parent in &input.parents {
            for moment in [Moment::Insert, Moment::Update, Moment::Check] {
                self.leads((own, moment), (Owner::Relation(*parent), Moment::Check));
            }
        }
        let is_made = |oid| oid >= FIRST_MADE || types.contains(&oid);
        for column in input.columns.iter().filter(|column| is_made(column.type_oid)) {
            let of = Owner::Type(column.type_oid);
            self.leads((own, Moment::Read), (of, Moment::Use));
            for at in TYPE_MOMENTS {
                self.leads((own, Moment::Make), (of, at));
            }
            for (moment, at) in [Moment::Insert, Moment::Update]
                .iter()
                .flat_map(|moment| TYPE_MOMENTS.map(|at| (*moment, at)))
            {
                self.leads((own, moment), (of, at));
            }
        }
    }

    pub(super) fn input(&mut self, input: &CodeInput, known: &Known<'_>) {
        for moment in &input.moments {
            let place = (input.owner, *moment);
            match &input.runs {
                Runs::Function { schema, name } => {
                    if !is_harmless(known.catalog, schema, name) {
                        self.calls(place, Object::function(schema, name));
                    } else if !is_proven(known.catalog, schema, name) {
                        self.acts(place);
                    }
                }
                Runs::Type(oid) => match input.owner {
                    Owner::Type(_) => self.leads(place, (Owner::Type(*oid), *moment)),
                    Owner::Relation(_) | Owner::Class(_) | Owner::Anywhere => {
                        for at in TYPE_MOMENTS {
                            self.leads(place, (Owner::Type(*oid), at));
                        }
                    }
                },
                Runs::Relation(oid) => {
                    self.leads(place, (Owner::Relation(*oid), *moment));
                    let other = if *moment == Moment::Read { Moment::Read } else { Moment::Update };
                    self.leads(place, (Owner::Relation(*oid), other));
                }
                Runs::Expression(text) => self.text(place, &format!("SELECT {text}"), known),
                Runs::Trigger(text) => self.text(place, text, known),
            }
        }
    }

    /// What PostgreSQL's own functions in a stored expression do: its list of dependencies has
    /// all others.
    fn text(&mut self, place: Place, text: &str, known: &Known<'_>) {
        let columns = match place.0 {
            Owner::Relation(oid) => known.columns(oid),
            Owner::Type(_) | Owner::Class(_) | Owner::Anywhere => {
                Arc::new(Columns::open(Lineage::CLEAN))
            }
        };
        let Ok(parsed) = parse::parse(text) else {
            return self.calls(place, unreadable());
        };
        let mut analyzer = Analyzer::new(known.catalog);
        let scope = fragment_scope(columns);
        for raw in &parsed {
            analyzer.fragment(&raw.node, &scope);
        }
        if analyzer.is_spent() {
            self.calls(place, unreadable());
        }
        self.analyzed(place, &analyzer, known);
    }

    /// What an analysis found: functions that run, relations that are read.
    pub(super) fn analyzed(&mut self, place: Place, analyzer: &Analyzer<'_>, known: &Known<'_>) {
        if analyzer.acts_beside_calls() {
            self.acts(place);
        }
        for need in &analyzer.needs {
            match need.action {
                Action::Execute | Action::Administer => self.calls(place, need.object.clone()),
                Action::Read => {
                    for oid in known.oid(&need.object) {
                        self.leads(place, (Owner::Relation(oid), Moment::Read));
                        if place.1 != Moment::Read {
                            self.leads(place, (Owner::Relation(oid), place.1));
                        }
                    }
                }
                Action::Connect
                | Action::Write
                | Action::Define
                | Action::Lock
                | Action::Filter
                | Action::Probe
                | Action::Reveal => {}
            }
        }
    }

    /// Everything that a place calls, directly or through others, and where it leads.
    fn reach(&self, place: Place) -> (Functions, HashSet<Place>) {
        let mut functions = BTreeSet::new();
        let mut seen = HashSet::from([place]);
        let mut open = vec![place];
        while let Some(place) = open.pop() {
            functions.extend(self.calls.get(&place).into_iter().flatten().cloned());
            for next in self.leads.get(&place).into_iter().flatten() {
                if seen.insert(*next) {
                    open.push(*next);
                }
            }
        }
        (Arc::new(functions), seen)
    }

    fn is_plain(&self, place: Place) -> bool {
        !self.calls.contains_key(&place)
            && !self.leads.contains_key(&place)
            && !self.acting.contains(&place)
    }

    /// The code of a relation.
    pub(super) fn relation_code(&self, oid: u32, classified: &HashSet<u32>) -> RelationCode {
        let own = Owner::Relation(oid);
        let mut reaches_classified = false;
        let mut acts = false;
        let mut at = |moment| {
            if self.is_plain((own, moment)) {
                return Functions::default();
            }
            let (functions, seen) = self.reach((own, moment));
            acts |= moment == Moment::Read && !seen.is_disjoint(&self.acting);
            reaches_classified |= moment != Moment::Read
                && seen.iter().any(|(owner, _)| match owner {
                    Owner::Relation(oid) => classified.contains(oid),
                    Owner::Type(_) | Owner::Class(_) | Owner::Anywhere => false,
                });
            functions
        };
        RelationCode {
            read: at(Moment::Read),
            insert: at(Moment::Insert),
            update: at(Moment::Update),
            delete: at(Moment::Delete),
            truncate: at(Moment::Truncate),
            row: at(Moment::Make),
            key: self.reach((own, Moment::Check)).0,
            compared: Arc::default(),
            reaches_classified,
            acts,
        }
    }

    /// The code of a type, if it has any.
    pub(super) fn type_code(&self, input: &TypeInput) -> Option<Type> {
        let at = |moment| self.reach((Owner::Type(input.oid), moment)).0;
        let found = Type {
            oid: input.oid,
            schema: input.schema.clone(),
            used: at(Moment::Use),
            checks: at(Moment::Check),
            makes: at(Moment::Make),
        };
        let has_code =
            [&found.used, &found.checks, &found.makes].iter().any(|code| !code.is_empty());
        has_code.then_some(found)
    }

    /// What runs where a value becomes one of this type, if anything does.
    ///
    /// SPEC: `select_common_type` in parse_coerce.c, and operators: beside a domain a constant
    /// becomes one of what the domain is made of. Domains inside of arrays, rows and ranges stay.
    pub(super) fn making(&self, oid: u32, bases: &HashMap<u32, u32>) -> Option<Making> {
        let functions = self.makes(oid);
        let mut base = oid;
        while let Some(next) = bases.get(&base) {
            base = *next;
        }
        let is_bare = self.makes(base).is_empty();
        (!functions.is_empty()).then(|| Making { functions: Arc::new(functions), is_bare })
    }

    fn makes(&self, oid: u32) -> BTreeSet<Object> {
        let mut functions = BTreeSet::new();
        for at in [Moment::Check, Moment::Make] {
            if !self.is_plain((Owner::Type(oid), at)) {
                functions.extend(self.reach((Owner::Type(oid), at)).0.iter().cloned());
            }
        }
        functions
    }

    /// What runs where values of a type are compared, as an index does.
    pub(super) fn comparing(&self, oid: u32) -> Functions {
        self.reach((Owner::Type(oid), Moment::Use)).0
    }

    /// What an operator class compares values with.
    pub(super) fn class(&self, oid: u32) -> Functions {
        self.reach((Owner::Class(oid), Moment::Use)).0
    }

    pub(super) fn anywhere(&self) -> Functions {
        self.reach((Owner::Anywhere, Moment::Use)).0
    }
}

/// What is known while the graph is made.
pub(super) struct Known<'b> {
    pub(super) catalog: &'b Catalog,
    pub(super) inputs: &'b [RelationInput],
    pub(super) by_oid: &'b HashMap<u32, usize>,
}

impl Known<'_> {
    fn columns(&self, oid: u32) -> Arc<Columns> {
        self.by_oid
            .get(&oid)
            .and_then(|index| self.catalog.relations.get(*index))
            .map_or_else(|| Arc::new(Columns::open(Lineage::CLEAN)), |known| known.columns.clone())
    }

    fn oid<'k>(&'k self, object: &'k Object) -> impl Iterator<Item = u32> + 'k {
        let (schema, name) = match object.path.as_slice() {
            [schema, name] => (schema.as_str(), name.as_str()),
            _ => ("", ""),
        };
        self.catalog
            .by_name
            .get(name)
            .into_iter()
            .flatten()
            .filter_map(|index| self.inputs.get(*index))
            .filter(move |input| input.schema == schema)
            .map(|input| input.oid)
    }
}

/// Whether a function may run without anybody seeing it.
pub(super) fn is_harmless(catalog: &Catalog, schema: &str, name: &str) -> bool {
    match schema {
        "information_schema" => true,
        "pg_catalog" => {
            catalog.pure_builtins.contains(name)
                || matches!(
                    functions::builtin(name),
                    Some(
                        Builtin::Total(_)
                            | Builtin::Pure
                            | Builtin::Count
                            | Builtin::Setting
                            | Builtin::Sequence
                            | Builtin::AdvisoryUnlock
                    )
                )
        }
        _ => catalog
            .functions
            .get(name)
            .into_iter()
            .flatten()
            .any(|function| function.schema == schema && function.quiet),
    }
}

/// Whether a function changes nothing, wherever it runs, and that is more than somebody's word.
/// One that is not harmless is told of by what it needs.
pub(super) fn is_proven(catalog: &Catalog, schema: &str, name: &str) -> bool {
    match schema {
        "pg_catalog" => {
            let found = functions::builtin(name);
            !matches!(found, Some(Builtin::Sequence | Builtin::AdvisoryUnlock))
        }
        _ => !catalog
            .functions
            .get(name)
            .into_iter()
            .flatten()
            .any(|function| function.schema == schema && function.declared),
    }
}
