//! The columns of anything that rows come from.

use std::sync::Arc;

use super::catalog::Catalog;
use super::flow::Flow;

/// A column by name with what its values may hold.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Column {
    pub(super) name: String,
    pub(super) flow: Flow,
}

/// The columns of a relation, sub-select, function or row.
#[derive(Clone, Debug, PartialEq, Default)]
pub(super) struct Columns {
    /// Those that are known, in order.
    pub(super) list: Vec<Column>,
    /// `None`: the list is complete and in order. Otherwise there may be others, which
    /// may hold this.
    pub(super) rest: Option<Flow>,
}

impl Columns {
    /// Nothing is known but what all of them together may hold.
    pub(super) fn open(flow: Flow) -> Self {
        Self { list: Vec::new(), rest: Some(flow) }
    }

    pub(super) fn append(&mut self, other: &Self) {
        self.list.extend_from_slice(&other.list);
        if let Some(rest) = &other.rest {
            let mut all = self.rest.take().unwrap_or(Flow::CLEAN);
            all.mix(rest);
            self.rest = Some(all);
        }
    }

    pub(super) fn is_exact(&self) -> bool {
        self.rest.is_none()
    }

    /// What a column of this name may hold; `None` if there is certainly none.
    pub(super) fn find(&self, name: &str, catalog: &Catalog) -> Option<Flow> {
        let mut found: Option<Flow> = None;
        for column in self.list.iter().filter(|column| column.name == name) {
            found = Some(match found {
                None => column.flow.clone(),
                Some(flow) => flow.either(&column.flow, catalog),
            });
        }
        found
    }

    /// What a row of all columns may hold.
    pub(super) fn whole(self: &Arc<Self>) -> Flow {
        let mut flow = self.mixed();
        flow.row = Some(self.clone());
        flow
    }

    /// All columns together.
    pub(super) fn mixed(&self) -> Flow {
        let mut flow = Flow::CLEAN.derived();
        for column in &self.list {
            flow.mix(&column.flow);
        }
        if let Some(rest) = &self.rest {
            flow.mix(rest);
        }
        flow
    }

    /// Gives the first columns other names, as a column alias list does.
    pub(super) fn renamed(mut self, names: &[String], catalog: &Catalog) -> Self {
        if names.is_empty() {
            return self;
        }
        if self.is_exact() {
            for (column, name) in self.list.iter_mut().zip(names) {
                column.name.clone_from(name);
            }
            return self;
        }
        // The positions are unknown: each new name may be any column.
        let any = self.mixed();
        let mut list: Vec<Column> =
            names.iter().map(|name| Column { name: name.clone(), flow: any.clone() }).collect();
        list.append(&mut self.list);
        let rest = self.rest.map(|rest| rest.either(&any, catalog));
        Self { list, rest }
    }

    /// The alternatives of one name: a row is of one of them, nobody knows which.
    pub(super) fn either(&self, other: &Self, catalog: &Catalog) -> Self {
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
                    flow: alternative(&one.flow, &two.flow, catalog),
                })
                .collect();
            return Self { list, rest: None };
        }
        let mut list: Vec<Column> = Vec::new();
        for column in self.list.iter().chain(&other.list) {
            match list.iter_mut().find(|known| known.name == column.name) {
                Some(known) => known.flow = alternative(&known.flow, &column.flow, catalog),
                None => list.push(column.clone()),
            }
        }
        // A name of only one side may not exist: resolution must go on outwards, which
        // an open remainder makes it do.
        let mut rest = Flow::CLEAN;
        for side in [&self.rest, &other.rest].into_iter().flatten() {
            rest.mix(side);
        }
        Self { list, rest: Some(rest) }
    }
}

/// One of two relations: a clean one does not make the other's plain column computed.
fn alternative(one: &Flow, two: &Flow, catalog: &Catalog) -> Flow {
    if one.is_clean() {
        return two.clone();
    }
    if two.is_clean() {
        return one.clone();
    }
    one.either(two, catalog)
}
