//! PostgreSQL's dialect, through PostgreSQL's own parser.
//!
//! | room | holds |
//! |---|---|
//! | `parse` | the grammar, with its limits |
//! | `analyzer` | what is known of a statement so far |
//! | `query` | `SELECT`, its sources, its `WITH` clause, conditions, writes |
//! | `value` | expressions, function calls, names of output columns |
//! | `command` | the other statements: definitions, settings, `COPY`, the session |
//! | `builtin` | what the functions, operators and catalogs of PostgreSQL itself do |
//! | `snapshot` | how a catalog is made of what the target answers |

use super::catalog::Catalog;
use super::grammar::Grammar;
use super::statement::{Output, Statement, Unknown, Unreadable, sqlstate};

mod analyzer;
mod builtin;
mod command;
mod parse;
mod query;
mod snapshot;
mod value;

pub use command::settings::guards;
pub use snapshot::build::{CatalogBuilder, ColumnInput, FunctionInput, RelationInput, Remembered};
pub use snapshot::code::{CodeInput, Moment, OperatorInput, Owner, Runs, TypeInput};
pub use snapshot::overlay::Classify;
pub use snapshot::questions;

/// The dialect of PostgreSQL 13 to 18.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Postgres;

impl Grammar for Postgres {
    fn analyze(&self, catalog: &Catalog, text: &str) -> Result<Vec<Statement>, Unreadable> {
        let parsed = parse::parse(text)?;
        let mut statements: Vec<Statement> =
            parsed.iter().map(|raw| command::utility::statement(catalog, text, raw)).collect();
        refuse_use_after_definition(&mut statements);
        Ok(statements)
    }
}

/// The catalog does not know what an earlier statement of the same text defines: a name may
/// mean something else by the time that the later statement runs.
fn refuse_use_after_definition(statements: &mut [Statement]) {
    let mut defined = false;
    for statement in statements {
        let needs = &statement.command.needs;
        let uses = needs.iter().any(|need| need.action.uses_objects());
        if defined && uses {
            let message = "it follows a definition in the same text; send it on its own";
            let unknown = statement.unknown.get_or_insert_with(|| {
                Unknown::new(sqlstate::FEATURE_NOT_SUPPORTED, message.into())
            });
            statement.command.unknown = Some(unknown.message.clone());
            statement.output = Output::Unproven;
        }
        defined |= needs.iter().any(|need| need.action.defines());
    }
}
