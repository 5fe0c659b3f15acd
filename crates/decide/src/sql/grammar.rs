//! What a dialect of SQL supplies.

use super::catalog::Catalog;
use super::statement::{Statement, Unreadable};

/// Says whether the time is over that an analysis may take: the floor above has the clock.
pub type Late<'l> = &'l (dyn Fn() -> bool + 'l);

/// A dialect: reads a text and says what each statement in it does.
///
/// An implementation has no state of its own: what it knows of a target is in the [`Catalog`],
/// so that an answer can be had again from the same two inputs.
pub trait Grammar {
    /// Says what each statement of `text` does.
    ///
    /// Fails when the text cannot be read within the limits; nothing of it may run then. A
    /// statement that is read but not understood is answered as unknown, never left out: the
    /// answers stand for all statements of the text, in their order, and each by the definitions
    /// that those before it leave. A statement that is not read when it `is_late` is unknown.
    fn analyze(
        &self,
        catalog: &Catalog,
        text: &str,
        is_late: Late<'_>,
    ) -> Result<Vec<Statement>, Unreadable>;

    /// The catalog as a transaction sees it in which these statements of a text, by their place
    /// in it, have succeeded; none where that cannot be told.
    fn after(&self, catalog: &Catalog, text: &str, places: &[usize]) -> Option<Catalog>;
}
