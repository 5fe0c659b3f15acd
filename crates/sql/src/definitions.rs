//! What an open transaction has changed of definitions, laid over the catalog that everybody
//! sees, statement by statement.

use crate::Definition;
use crate::names::DEFINITIONS_MAX;
use crate::planner::SearchPath;
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
/// was last settled with; checkpoints are in order.
#[derive(Default)]
pub(crate) struct Layers {
    layers: Vec<Layer>,
    checkpoints: Vec<(usize, Catalog)>,
    known: Known,
    is_doubtful: bool,
}

impl Layers {
    /// Takes over what the server has said; whether that is something else than before.
    pub(crate) fn follow(&mut self, defined: &[Arc<Definition>], path: SearchPath) -> bool {
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
        self.layers.extend(new.map(|definition| Layer { definition, path }));
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

    /// The catalog behind all layers: none where nothing was changed, or nobody can tell.
    pub(crate) fn settle(&mut self, grammar: &dyn Grammar, begun: &Catalog) -> Option<Catalog> {
        if self.layers.is_empty() {
            self.known = Known::Followed;
            return None;
        }
        let catalog = if self.is_doubtful || self.layers.len() > DEFINITIONS_MAX {
            None
        } else {
            self.followed(grammar, begun)
        };
        self.known = if catalog.is_some() { Known::Followed } else { Known::Lost };
        catalog
    }

    fn followed(&mut self, grammar: &dyn Grammar, begun: &Catalog) -> Option<Catalog> {
        let (mut count, mut catalog) = match self.checkpoints.last() {
            Some((count, catalog)) => (*count, catalog.clone()),
            None => (0, begun.clone()),
        };
        while let Some(first) = self.layers.get(count) {
            let together = |layer: &&Layer| {
                layer.path == first.path
                    && Arc::ptr_eq(&layer.definition.text, &first.definition.text)
            };
            let run: Vec<usize> = self
                .layers
                .iter()
                .skip(count)
                .take_while(together)
                .map(|layer| layer.definition.place)
                .collect();
            let seen = match first.path {
                SearchPath::AsBegun => catalog,
                SearchPath::Moved => catalog.without_search_path(),
            };
            catalog = grammar.after(&seen, &first.definition.text, &run)?.with_path_of(begun);
            count += run.len();
        }
        if self.checkpoints.last().is_none_or(|(known, _)| *known < count) {
            self.checkpoints.push((count, catalog.clone()));
        }
        Some(catalog)
    }
}
