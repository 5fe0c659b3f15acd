//! The columns of anything that rows come from.

use std::sync::Arc;

use crate::sql::catalog::Catalog;
use crate::sql::lineage::Lineage;

/// A column by name with what its values may hold.
#[derive(Clone, Debug)]
pub(in crate::sql) struct Column {
    pub(in crate::sql) name: Arc<str>,
    pub(in crate::sql) lineage: Lineage,
}

impl Column {
    pub(in crate::sql) fn new(name: impl Into<Arc<str>>, lineage: Lineage) -> Self {
        Self { name: name.into(), lineage }
    }
}

/// The columns of a relation, sub-select, function or row.
#[derive(Clone, Debug, Default)]
pub(in crate::sql) struct Columns {
    /// Those that are known, in order.
    pub(in crate::sql) list: Vec<Column>,
    /// `None`: the list is complete and in order. Otherwise there may be others, which
    /// may hold this.
    pub(in crate::sql) rest: Option<Lineage>,
}

impl Columns {
    /// Nothing is known but what all of them together may hold.
    pub(in crate::sql) fn open(lineage: Lineage) -> Self {
        Self { list: Vec::new(), rest: Some(lineage) }
    }

    pub(in crate::sql) fn append(&mut self, other: &Self) {
        self.list.extend_from_slice(&other.list);
        if let Some(rest) = &other.rest {
            let mut all = self.rest.take().unwrap_or(Lineage::CLEAN);
            all.mix(rest);
            self.rest = Some(all);
        }
    }

    /// Whether none of them can hold anything classified.
    pub(in crate::sql) fn is_clean(&self) -> bool {
        self.list.iter().all(|column| column.lineage.is_clean())
            && self.rest.as_ref().is_none_or(Lineage::is_clean)
    }

    pub(in crate::sql) fn is_exact(&self) -> bool {
        self.rest.is_none()
    }

    /// What a column of this name may hold; `None` if there is certainly none.
    pub(in crate::sql) fn find(&self, name: &str, catalog: &Catalog) -> Option<Lineage> {
        let mut found: Option<Lineage> = None;
        for column in self.list.iter().filter(|column| *column.name == *name) {
            found = Some(match found {
                None => column.lineage.clone(),
                Some(lineage) => lineage.either(&column.lineage, catalog),
            });
        }
        found
    }

    /// What a row of all columns may hold.
    pub(in crate::sql) fn whole(self: &Arc<Self>) -> Lineage {
        let mut lineage = self.mixed();
        lineage.row = Some(self.clone());
        lineage
    }

    /// All columns together.
    pub(in crate::sql) fn mixed(&self) -> Lineage {
        let mut lineage = Lineage::CLEAN.derived();
        for column in &self.list {
            lineage.mix(&column.lineage);
        }
        if let Some(rest) = &self.rest {
            lineage.mix(rest);
        }
        lineage
    }

    /// Gives the first columns other names, as a column alias list does.
    pub(in crate::sql) fn renamed(mut self, names: &[String], catalog: &Catalog) -> Self {
        if names.is_empty() {
            return self;
        }
        if self.is_exact() {
            for (column, name) in self.list.iter_mut().zip(names) {
                column.name = name.as_str().into();
            }
            return self;
        }
        // The positions are unknown: each new name may be any column.
        let any = self.mixed();
        let mut list: Vec<Column> =
            names.iter().map(|name| Column::new(name.as_str(), any.clone())).collect();
        list.append(&mut self.list);
        let rest = self.rest.map(|rest| rest.either(&any, catalog));
        Self { list, rest }
    }

    /// The alternatives of one name: a row is of one of them, nobody knows which.
    pub(in crate::sql) fn either(&self, other: &Self, catalog: &Catalog) -> Self {
        let same_names = self.is_exact()
            && other.is_exact()
            && self.list.len() == other.list.len()
            && self.list.iter().zip(&other.list).all(|(one, two)| one.name == two.name);
        if same_names {
            let list = self
                .list
                .iter()
                .zip(&other.list)
                .map(|(one, two)| Column {
                    name: one.name.clone(),
                    lineage: alternative(&one.lineage, &two.lineage, catalog),
                })
                .collect();
            return Self { list, rest: None };
        }
        let mut list: Vec<Column> = Vec::new();
        for column in self.list.iter().chain(&other.list) {
            match list.iter_mut().find(|known| known.name == column.name) {
                Some(known) => {
                    known.lineage = alternative(&known.lineage, &column.lineage, catalog)
                }
                None => list.push(column.clone()),
            }
        }
        // A name of only one side may not exist: resolution must go on outwards, which
        // an open remainder makes it do.
        let mut rest = Lineage::CLEAN;
        for side in [&self.rest, &other.rest].into_iter().flatten() {
            rest.mix(side);
        }
        Self { list, rest: Some(rest) }
    }
}

/// One of two relations: a clean one does not make the other's plain column computed.
fn alternative(one: &Lineage, two: &Lineage, catalog: &Catalog) -> Lineage {
    let known = if one.is_clean() {
        two.clone()
    } else if two.is_clean() {
        one.clone()
    } else {
        return one.either(two, catalog);
    };
    if one.origin == two.origin { known } else { known.without_origin() }
}
