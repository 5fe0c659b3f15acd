//! What a PostgreSQL statement does, and what its rows may hold.
//!
//! [`analyze`] parses a text with PostgreSQL's own grammar and answers, for each statement in
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
//! | file | holds |
//! |---|---|
//! | `catalog`, `build` | relations and functions of the target, lineage of their columns |
//! | `statement` | what `analyze` answers |
//! | `parse` | the grammar, with its limits |
//! | `flow` | where a value may come from |
//! | `scope` | which names mean what at one place of a query |
//! | `query`, `from`, `with` | `SELECT`, its sources, its `WITH` clause |
//! | `expr`, `predicate`, `call` | expressions, conditions, function calls |
//! | `modify`, `define`, `utility`, `settings` | the other statements |

use portreeve_model::Action;

mod build;
mod call;
mod catalog;
mod columns;
mod copy;
mod define;
mod document;
mod expr;
mod flow;
mod from;
mod functions;
mod modify;
mod name;
mod operators;
mod parse;
mod predicate;
mod query;
mod scope;
mod settings;
mod statement;
mod system;
mod utility;
mod verb;
mod with;
mod work;

pub use build::{CatalogBuilder, ColumnInput, FunctionInput, RelationInput};
pub use catalog::{Catalog, ColumnRef, RelationKind, Volatility};
pub use statement::{
    Copy, CopyDirection, CopyFormat, Missing, Output, OutputColumn, SessionEffect, Shape,
    Statement, Unreadable,
};

/// Says what each statement of `text` does.
///
/// Fails when the text is not SQL that PostgreSQL's grammar accepts, holds a NUL, or is
/// nested or long beyond the limits; nothing of such a text may run.
pub fn analyze(catalog: &Catalog, text: &str) -> Result<Vec<Statement>, Unreadable> {
    let parsed = parse::parse(text)?;
    let mut statements: Vec<Statement> =
        parsed.iter().map(|raw| utility::statement(catalog, raw)).collect();
    refuse_use_after_definition(&mut statements);
    Ok(statements)
}

/// The catalog does not know what an earlier statement of the same text defines: a name may
/// mean something else by the time that the later statement runs.
fn refuse_use_after_definition(statements: &mut [Statement]) {
    let mut defined = false;
    for statement in statements {
        let needs = &statement.command.needs;
        let uses = needs.iter().any(|need| match need.action {
            Action::Read
            | Action::Write
            | Action::Execute
            | Action::Lock
            | Action::Filter
            | Action::Probe
            | Action::Reveal => true,
            Action::Connect | Action::Define | Action::Administer => false,
        });
        if defined && uses {
            statement.command.unknown.get_or_insert_with(|| {
                "it follows a definition in the same text; send it on its own".into()
            });
            statement.output = Output::Unproven;
        }
        defined |=
            needs.iter().any(|need| matches!(need.action, Action::Define | Action::Administer));
    }
}
