//! PostgreSQL's dialect, through PostgreSQL's own parser.
//!
//! | room | holds |
//! |---|---|
//! | `parse` | the grammar, with its limits |
//! | `copies` | what the parser writes several times over |
//! | `budget` | what an analysis may take |
//! | `analyzer` | what is known of a statement so far |
//! | `query` | `SELECT`, its sources, its `WITH` clause, conditions, writes |
//! | `value` | expressions, function calls, names of output columns |
//! | `command` | the other statements: definitions, settings, `COPY`, the session |
//! | `builtin` | what the functions, operators and catalogs of PostgreSQL itself do |
//! | `named` | what can be known of a statement without a catalog |
//! | `wording` | the shape of a statement in words, without anything that a client makes up |
//! | `snapshot` | how a catalog is made of what the target answers |

use super::catalog::Catalog;
use super::grammar::{Grammar, Late};
use super::statement::{Output, Statement, Unknown, Unreadable, sqlstate};

mod analyzer;
mod budget;
mod builtin;
mod command;
mod copies;
mod named;
mod parse;
mod query;
mod snapshot;
mod value;
mod wording;

use snapshot::overlay::InTurn;
pub use snapshot::overlay::{MadeAnew, made_anew};

pub use command::settings::{guards, is_made_up};
pub use named::{Named, named};
pub use query::touched::{RowsTouched, is_one_query, rows_touched};
pub use snapshot::build::{CatalogBuilder, ColumnInput, FunctionInput, RelationInput, Remembered};
pub use snapshot::code::{CodeInput, Moment, OperatorInput, Owner, Runs, TypeInput};
pub use snapshot::questions;

/// The dialect of PostgreSQL 13 to 18.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Postgres;

impl Grammar for Postgres {
    fn analyze(
        &self,
        catalog: &Catalog,
        text: &str,
        is_late: Late<'_>,
    ) -> Result<Vec<Statement>, Unreadable> {
        let parsed = parse::parse(text)?;
        let mut in_turn = InTurn::new(catalog);
        let mut statements = Vec::with_capacity(parsed.len());
        for raw in &parsed {
            let mut statement = command::utility::statement(in_turn.catalog(), text, raw, is_late);
            if !in_turn.is_followed() && statement.uses_objects() {
                refuse_after_definition(&mut statement);
            }
            if let Some(node) = &raw.node.node {
                in_turn.pass(node, &statement);
            }
            statements.push(statement);
        }
        Ok(statements)
    }

    fn after(&self, catalog: &Catalog, text: &str, places: &[usize]) -> Option<Catalog> {
        catalog.after(text, places)
    }
}

/// Nobody knows what an earlier statement of the same text has made of a name by the time that
/// this one runs.
fn refuse_after_definition(statement: &mut Statement) {
    let message = "it follows a definition in the same text; send it on its own";
    let unknown = statement
        .unknown
        .get_or_insert_with(|| Unknown::new(sqlstate::FEATURE_NOT_SUPPORTED, message.into()));
    statement.command.unknown = Some(unknown.message.clone());
    statement.output = Output::Unproven;
}
