//! What an open transaction has changed of definitions, laid over the catalog that everybody
//! sees, statement by statement.

use crate::names::DEFINITIONS_MAX;
use crate::planner::SearchPath;
use crate::{CatalogSnapshot, Definition};
use portreeve_decide::sql::{Catalog, Grammar};
use std::sync::Arc;

/// A statement, and where names without a schema were made when it ran.
struct Layer {
    definition: Arc<Definition>,
    path: SearchPath,
}

/// What is known of the definitions of the open transaction.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
enum Known {
    /// All of them.
    #[default]
    Followed,
    /// They changed since it was worked out.
    Unsettled,
    /// What they are cannot be told.
    Lost,
}

/// The layers.
///
/// INVARIANT: a checkpoint is the catalog behind as many layers as it says, by the catalog that
/// was last settled with, or by what was shown since; checkpoints are in order.
#[derive(Default)]
pub(crate) struct Layers {
    layers: Vec<Layer>,
    checkpoints: Vec<(usize, Catalog)>,
    known: Known,
    is_doubtful: bool,
}

impl Layers {
    /// Takes over what the server has said; whether that is something else than before.
    pub(crate) fn follow(&mut self, defined: &[Arc<Definition>], path: &SearchPath) -> bool {
        let is_same =
            |(own, other): &(&Layer, &Arc<Definition>)| Arc::ptr_eq(&own.definition, other);
        let common = self.layers.iter().zip(defined).take_while(is_same).count();
        if !self.is_doubtful && common == self.layers.len() && common == defined.len() {
            return false;
        }
        self.is_doubtful = false;
        self.layers.truncate(common);
        self.checkpoints.retain(|(count, _)| *count <= common);
        let new = defined.iter().skip(common).cloned();
        self.layers.extend(new.map(|definition| Layer { definition, path: path.clone() }));
        self.known = Known::Unsettled;
        true
    }

    pub(crate) fn push(&mut self, definition: Arc<Definition>, path: SearchPath) {
        self.layers.push(Layer { definition, path });
        self.known = Known::Unsettled;
    }

    /// What was changed may be taken back. Whether there is anything that could be.
    pub(crate) fn doubt(&mut self) -> bool {
        self.is_doubtful |= !self.layers.is_empty();
        if self.is_doubtful {
            self.known = Known::Unsettled;
        }
        self.is_doubtful
    }

    /// Another catalog lies below.
    pub(crate) fn forget(&mut self) {
        self.checkpoints.clear();
        self.known = if self.layers.is_empty() { Known::Followed } else { Known::Unsettled };
    }

    pub(crate) fn is_settled(&self) -> bool {
        self.known != Known::Unsettled
    }

    pub(crate) fn is_followed(&self) -> bool {
        self.known == Known::Followed
    }

    /// What the server has shown the transaction last, if it has, and how many layers that is
    /// the whole of.
    fn shown(&self) -> (usize, Option<&Arc<CatalogSnapshot>>) {
        let seen = self.layers.iter().enumerate().rev().find_map(|(place, layer)| {
            match &*layer.definition {
                Definition::Seen(snapshot) => Some((place + 1, Some(snapshot))),
                Definition::Statement { .. } | Definition::Unknown => None,
            }
        });
        seen.unwrap_or((0, None))
    }

    /// What lies below the layers that are to be followed.
    pub(crate) fn base(&self) -> Option<&Arc<CatalogSnapshot>> {
        self.shown().1
    }

    /// The catalog behind all layers, the first of which lies on `below`: none where nothing was
    /// changed, or nobody can tell. `begun` is the search path that the session began with, `now`
    /// what everybody sees.
    pub(crate) fn settle(
        &mut self,
        grammar: &dyn Grammar,
        below: &Catalog,
        begun: &[String],
        now: &CatalogSnapshot,
    ) -> Option<Catalog> {
        let (first, shown) = self.shown();
        // SECURITY: what others have changed since it was shown is not in it.
        let is_now = |shown: &Arc<CatalogSnapshot>| {
            let (shown, now) = (shown.versions(), now.versions());
            Arc::ptr_eq(&shown, &now) || shown == now
        };
        let is_old = shown.is_some_and(|shown| !is_now(shown));
        let count = self.layers.len() - first;
        if self.is_doubtful || is_old || count > DEFINITIONS_MAX {
            self.known = Known::Lost;
            return None;
        }
        if count == 0 {
            self.known = Known::Followed;
            return None;
        }
        let catalog = self.followed(grammar, below, begun, first);
        self.known = if catalog.is_some() { Known::Followed } else { Known::Lost };
        catalog
    }

    fn followed(
        &mut self,
        grammar: &dyn Grammar,
        below: &Catalog,
        begun: &[String],
        from: usize,
    ) -> Option<Catalog> {
        let checkpoint = self.checkpoints.last().filter(|(count, _)| *count > from);
        let (mut count, mut catalog) = match checkpoint {
            Some((count, catalog)) => (*count, catalog.clone()),
            None => (from, below.clone()),
        };
        while let Some(first) = self.layers.get(count) {
            let (text, _) = first.definition.statement()?;
            let place_together = |layer: &Layer| {
                let (other, place) = layer.definition.statement()?;
                (layer.path == first.path && Arc::ptr_eq(other, text)).then_some(place)
            };
            let run: Vec<usize> =
                self.layers.iter().skip(count).map_while(place_together).collect();
            let seen = first.path.of(&catalog, begun);
            catalog = grammar.after(&seen, text, &run)?.with_path_of(below);
            count += run.len();
        }
        if self.checkpoints.last().is_none_or(|(known, _)| *known < count) {
            self.checkpoints.push((count, catalog.clone()));
        }
        Some(catalog)
    }
}
