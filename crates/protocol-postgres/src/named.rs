//! What names mean that PostgreSQL itself has given.

use portreeve_model::{Action, Need, ObjectKind};
use portreeve_sql::Plan;
use std::collections::BTreeSet;

/// What stands for the temporary schema of whatever session, and begins the names of all of them.
const TEMPORARY: &str = "pg_temp";

/// Whether a schema is a session's own, and gone with it.
pub(crate) fn is_temporary(schema: &str) -> bool {
    schema.starts_with(TEMPORARY)
}

/// The relations that a plan names, whatever it does with them.
pub(crate) fn tables(plan: &Plan) -> BTreeSet<(&str, &str)> {
    let tables = plan.command.needs.iter().filter(|need| need.object.kind == ObjectKind::TABLE);
    let names = tables.map(|need| match need.object.path.as_slice() {
        // The session's own, before and after the transaction that has made it.
        [schema, table] if is_temporary(schema) => (TEMPORARY, table.as_str()),
        [schema, table] => (schema.as_str(), table.as_str()),
        _ => ("", ""),
    });
    names.collect()
}

/// Whether a plan runs code that somebody made: it can change definitions where no statement
/// shows it.
pub(crate) fn runs_own_code(plan: &Plan) -> bool {
    let is_own = |need: &Need| {
        need.action == Action::Execute
            && need.object.path.first().is_none_or(|schema| schema != "pg_catalog")
    };
    plan.command.needs.iter().any(is_own)
}

/// Whether a plan's rows may name a snapshot that other sessions can see by.
pub(crate) fn exports_snapshot(plan: &Plan) -> bool {
    let exports = |need: &Need| {
        need.action == Action::Execute && need.object.path == ["pg_catalog", "pg_export_snapshot"]
    };
    plan.command.needs.iter().any(exports)
}
