//! Where a value may come from.

use std::sync::Arc;

use crate::sql::catalog::Catalog;
use crate::sql::columns::Columns;
use crate::sql::statement::Shape;

/// The classified columns that a value may derive from, by index in the catalog.
///
/// Flows form a lattice: joining two loses nothing, and the result is [`Shape::Plain`]
/// only if the value is certainly a verbatim copy from columns of one category.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::sql) struct Lineage {
    /// Sorted, each once.
    pub(in crate::sql) ids: Vec<u32>,
    /// Meaningless while `ids` is empty.
    pub(in crate::sql) shape: Shape,
    /// The fields, when the value is a row whose fields are known.
    pub(in crate::sql) row: Option<Arc<Columns>>,
}

impl Lineage {
    pub(in crate::sql) const CLEAN: Self = Self { ids: Vec::new(), shape: Shape::Plain, row: None };

    pub(in crate::sql) fn plain(id: u32) -> Self {
        Self { ids: vec![id], shape: Shape::Plain, row: None }
    }

    /// Anything classified anywhere.
    pub(in crate::sql) fn everything(catalog: &Catalog) -> Self {
        let count = u32::try_from(catalog.classified.len()).unwrap_or(u32::MAX);
        Self { ids: (0..count).collect(), shape: Shape::Derived, row: None }
    }

    pub(in crate::sql) fn is_clean(&self) -> bool {
        self.ids.is_empty()
    }

    /// The same sources, but computed.
    pub(in crate::sql) fn derived(mut self) -> Self {
        self.shape = Shape::Derived;
        self.row = None;
        self
    }

    /// Adds what `other` may hold to what this value is computed from.
    pub(in crate::sql) fn mix(&mut self, other: &Self) {
        self.add(&other.ids);
        self.shape = Shape::Derived;
        self.row = None;
    }

    /// The value is either this or `other` (set operations, alternatives of a name).
    pub(in crate::sql) fn either(&self, other: &Self, catalog: &Catalog) -> Self {
        if self.row.is_none() && other.row.is_none() && self.is_clean() && other.is_clean() {
            return Self::CLEAN;
        }
        let mut both = self.clone();
        both.add(&other.ids);
        let verbatim = self.shape == Shape::Plain
            && other.shape == Shape::Plain
            && !self.is_clean()
            && !other.is_clean()
            && both.one_category(catalog);
        both.shape = if verbatim { Shape::Plain } else { Shape::Derived };
        both.row = match (&self.row, &other.row) {
            (Some(one), Some(two)) if one == two => Some(one.clone()),
            _ => None,
        };
        both
    }

    fn add(&mut self, ids: &[u32]) {
        if ids.is_empty() || self.ids == ids {
            return;
        }
        self.ids.extend_from_slice(ids);
        self.ids.sort_unstable();
        self.ids.dedup();
    }

    fn one_category(&self, catalog: &Catalog) -> bool {
        let mut categories = self
            .ids
            .iter()
            .map(|id| catalog.classified.get(*id as usize).map(|column| &column.category));
        let first = categories.next();
        categories.all(|category| Some(category) == first)
    }
}
