//! Where a value may come from.

use std::sync::Arc;

use super::catalog::{Catalog, Functions};
use super::columns::Columns;
use super::statement::Shape;
use super::taint::Taint;

/// More constants than anybody counts: a list whose length the text does not tell.
pub const UNCOUNTED: u64 = 1_000_000_000;

/// How many columns two rows may have together to be compared.
const COMPARED_MAX: u32 = 10_000;

/// The classified columns that a value may derive from, by index in the catalog.
///
/// Lineages form a lattice: joining two loses nothing, and the result is [`Shape::Plain`]
/// only if the value is certainly a verbatim copy from columns of one category.
#[derive(Clone, Debug)]
pub(in crate::sql) struct Lineage {
    pub(in crate::sql) sources: Taint,
    /// Meaningless while there are no sources.
    pub(in crate::sql) shape: Shape,
    /// The fields, when the value is a row whose fields are known.
    pub(in crate::sql) row: Option<Arc<Columns>>,
    /// The one column that it is a verbatim copy of, classified or not, by index in the catalog.
    pub(in crate::sql) origin: Option<u32>,
    /// A column that it is computed from, classified or not: what its name says is said of the
    /// value, too.
    pub(in crate::sql) about: Option<u32>,
    /// How many constants and parameters of the client the value can be, up to [`UNCOUNTED`].
    pub(in crate::sql) constants: u64,
    /// It is computed from any number of rows.
    pub(in crate::sql) aggregated: bool,
    /// It is a setting that an application made up: shown masked like everything classified,
    /// but compared and stored freely, because it is what a client has said before.
    pub(in crate::sql) kept: bool,
    /// It may be of any length.
    pub(in crate::sql) grown: bool,
    /// It may be an array: what is joined to one fails by how long it is.
    pub(in crate::sql) listed: bool,
    /// It is what a system catalog keeps of code, settings or statements: shown masked, and not
    /// to be searched either.
    pub(in crate::sql) closed: bool,
    /// It shows a definition that a system catalog keeps.
    pub(in crate::sql) definition: Option<Definition>,
    /// What runs where another value becomes one of its type, or of one that is made of it.
    pub(in crate::sql) making: Option<Making>,
}

/// How a value shows definitions of the target: people have written constants into them.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(in crate::sql) enum Definition {
    /// As words: they are looked through like data.
    Words,
    /// As PostgreSQL stores them: shown masked, because nobody can look through them.
    Tree,
}

/// Code that runs where a value becomes one of a type, as a constant does unseen beside another.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(in crate::sql) struct Making {
    pub(in crate::sql) functions: Functions,
    /// The type is a domain over one that runs nothing. Beside a value of it a constant becomes one
    /// of what the domain is made of; not so beside an array or a row of such values.
    pub(in crate::sql) is_bare: bool,
}

impl Lineage {
    pub(in crate::sql) const CLEAN: Self = Self {
        sources: Taint::Clean,
        shape: Shape::Plain,
        row: None,
        origin: None,
        about: None,
        constants: 0,
        aggregated: false,
        kept: false,
        grown: false,
        listed: false,
        closed: false,
        definition: None,
        making: None,
    };

    pub(in crate::sql) fn plain(id: u32) -> Self {
        Self { sources: Taint::One(id), ..Self::CLEAN }
    }

    /// What the client itself brings: a constant, a parameter.
    pub(in crate::sql) fn constant() -> Self {
        Self { constants: 1, ..Self::CLEAN }
    }

    /// Anything classified anywhere.
    pub(in crate::sql) fn everything(catalog: &Catalog) -> Self {
        Self { sources: catalog.everything.clone(), shape: Shape::Derived, ..Self::CLEAN }
    }

    /// The same value, of which nobody says any more which column it is a copy of.
    pub(in crate::sql) fn without_origin(self) -> Self {
        Self { origin: None, ..self }
    }

    /// What is made of it: an array, a row.
    pub(in crate::sql) fn contained(mut self) -> Self {
        if let Some(making) = &mut self.making {
            making.is_bare = false;
        }
        self
    }

    /// An array of it.
    pub(in crate::sql) fn into_array(self) -> Self {
        Self { listed: true, ..self.contained() }
    }

    pub(in crate::sql) fn is_clean(&self) -> bool {
        self.sources.is_clean()
    }

    /// Whether it is shown masked although no column is known that it derives from.
    pub(in crate::sql) fn is_hidden(&self) -> bool {
        self.kept || self.definition == Some(Definition::Tree)
    }

    /// Whether it may hold anything, so that it is not to be searched, nor put elsewhere.
    pub(in crate::sql) fn is_sealed(&self) -> bool {
        self.closed || self.definition == Some(Definition::Tree)
    }

    /// The same value, of which nothing is said any more of what a system catalog keeps.
    pub(in crate::sql) fn of_columns_only(self) -> Self {
        Self { kept: false, closed: false, definition: None, ..self }
    }

    /// The same sources, but computed.
    pub(in crate::sql) fn derived(mut self) -> Self {
        self.shape = Shape::Derived;
        self.row = None;
        self.origin = None;
        self
    }

    /// Adds what `other` may hold to what this value is computed from.
    pub(in crate::sql) fn mix(&mut self, other: &Self) {
        self.sources.join(&other.sources);
        self.constants = match (self.constants, other.constants) {
            (0, many) | (many, 0) => many,
            (one, two) => one.saturating_mul(two).min(UNCOUNTED),
        };
        self.note(other);
        self.shape = Shape::Derived;
        self.row = None;
        self.origin = None;
    }

    /// The value is either this or `other` (set operations, alternatives of a name).
    pub(in crate::sql) fn either(&self, other: &Self, catalog: &Catalog) -> Self {
        let mut both = self.clone();
        both.sources.join(&other.sources);
        both.constants = self.constants.saturating_add(other.constants).min(UNCOUNTED);
        both.note(other);
        let verbatim = self.shape == Shape::Plain
            && other.shape == Shape::Plain
            && self.is_clean() == other.is_clean()
            && one_category(&both.sources, catalog);
        both.shape = if verbatim { Shape::Plain } else { Shape::Derived };
        both.origin = self.origin.filter(|_| self.origin == other.origin);
        both.row = match (&self.row, &other.row) {
            (Some(one), Some(two)) if one.same(two) => Some(one.clone()),
            _ => None,
        };
        both
    }

    /// Whether both say the same of a value.
    pub(in crate::sql) fn same(&self, other: &Self, left: &mut u32) -> bool {
        if *left == 0 {
            return false;
        }
        *left -= 1;
        let rows = match (&self.row, &other.row) {
            (None, None) => true,
            (Some(one), Some(two)) => one.same_within(two, left),
            (Some(_), None) | (None, Some(_)) => false,
        };
        rows && self.sources == other.sources
            && (self.origin, self.about) == (other.origin, other.about)
            && (self.shape == other.shape || self.is_clean())
            && self.constants == other.constants
            && (self.aggregated, self.kept, self.grown)
                == (other.aggregated, other.kept, other.grown)
            && self.listed == other.listed
            && (self.closed, self.definition) == (other.closed, other.definition)
            && self.making == other.making
    }

    fn note(&mut self, other: &Self) {
        self.about = self.about.or(other.about);
        self.aggregated |= other.aggregated;
        self.kept |= other.kept;
        self.grown |= other.grown;
        self.listed |= other.listed;
        self.closed |= other.closed;
        self.definition = self.definition.max(other.definition);
        self.making = match (self.making.take(), &other.making) {
            (Some(one), Some(two)) if one != *two => Some(Making {
                functions: Arc::new(&*one.functions | &*two.functions),
                is_bare: one.is_bare && two.is_bare,
            }),
            (one, two) => one.or_else(|| two.clone()),
        };
    }
}

impl Columns {
    /// Whether both have the same columns in the same order. Rows inside rows share their
    /// parts, so a comparison of all of it could take for ever: what is too large differs.
    pub(in crate::sql) fn same(self: &Arc<Self>, other: &Arc<Self>) -> bool {
        self.same_within(other, &mut { COMPARED_MAX })
    }

    fn same_within(self: &Arc<Self>, other: &Arc<Self>, left: &mut u32) -> bool {
        if Arc::ptr_eq(self, other) {
            return true;
        }
        let rests = match (&self.rest, &other.rest) {
            (None, None) => true,
            (Some(one), Some(two)) => one.same(two, left),
            (Some(_), None) | (None, Some(_)) => false,
        };
        rests
            && self.list.len() == other.list.len()
            && self
                .list
                .iter()
                .zip(&other.list)
                .all(|(one, two)| one.name == two.name && one.lineage.same(&two.lineage, left))
    }
}

fn one_category(sources: &Taint, catalog: &Catalog) -> bool {
    let mut categories =
        sources.ids().map(|id| catalog.classified.get(id as usize).map(|column| &column.category));
    let first = categories.next();
    categories.all(|category| Some(category) == first)
}
