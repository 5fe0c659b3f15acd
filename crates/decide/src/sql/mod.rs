//! What a SQL statement does, and what its rows may hold.
//!
//! [`analyze`] parses a text with the grammar of its server and answers, for each statement in
//! it, what must be permitted ([`Command::needs`](portreeve_model::Command)) and from which
//! classified columns each output column can derive ([`Output`]). It is a pure function of the
//! text and a [`Catalog`].
//!
//! The rule of this folder: **what is not understood is refused or tainted, never ignored.**
//! Every match over syntax nodes ends in a refusing default; a name that cannot be resolved, a
//! function that is not known, a system view that is not listed make the statement unknown.
//! A function name without a schema stands for every function of that name in any schema, and the
//! worst of them counts. A relation name that several schemas have is refused, unless the caller
//! vouches for the search path ([`Catalog::with_search_path`]) and no statement has moved it.
//!
//! It is not a planner and knows no types beyond names, and it never sees a value.
//!
//! What every dialect shares is here; a dialect is a folder that implements [`Grammar`]:
//!
//! | file | holds |
//! |---|---|
//! | `grammar` | what a dialect supplies |
//! | `catalog` | relations and functions of the target, lineage of their columns |
//! | `columns`, `lineage`, `taint` | the columns of a source of rows, where a value may come from |
//! | `statement` | what `analyze` answers |
//! | `postgres` | PostgreSQL's dialect |

mod catalog;
mod columns;
mod grammar;
mod lineage;
pub mod postgres;
mod statement;
mod taint;

pub use catalog::{Catalog, Classify, ColumnRef, RelationKind, Volatility};
pub use grammar::{Grammar, Late};
pub use lineage::UNCOUNTED;
pub use postgres::{
    CatalogBuilder, ColumnInput, FunctionInput, Postgres, RelationInput, Remembered,
};
pub use statement::{
    Brought, Comparison, Copy, CopyDirection, CopyFormat, CursorLifetime, Missing, Moved, Output,
    OutputColumn, Replacement, RowsOf, SessionEffect, Shape, Statement, TransactionEffect, Unknown,
    Unreadable,
};

/// Says what each statement of a PostgreSQL `text` does: [`Postgres`] as a [`Grammar`].
///
/// Fails when the text is not SQL that the grammar accepts, holds a NUL, or is nested or long
/// beyond the limits; nothing of such a text may run. It takes as long as it takes.
pub fn analyze(catalog: &Catalog, text: &str) -> Result<Vec<Statement>, Unreadable> {
    Postgres.analyze(catalog, text, &|| false)
}
