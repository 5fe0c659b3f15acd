//! `SET`, `RESET`, `SHOW` and `set_config`: which settings a client may change.
//!
//! A setting may be changed freely if it changes neither how a text is read nor what a value
//! looks like to the masker, and reaches nobody but the session itself.

use pg_query::NodeEnum;
use pg_query::protobuf as pg;

use crate::sql::postgres::analyzer::Analyzer;

/// Any value is harmless. Sorted.
const FREE: &[&str] = &[
    "application_name",
    "backend_flush_after",
    "bytea_output",
    "client_connection_check_interval",
    "client_min_messages",
    "constraint_exclusion",
    "cpu_index_tuple_cost",
    "cpu_operator_cost",
    "cpu_tuple_cost",
    "cursor_tuple_fraction",
    "deadlock_timeout",
    "default_transaction_deferrable",
    "default_transaction_isolation",
    "default_transaction_read_only",
    "effective_cache_size",
    "effective_io_concurrency",
    "extra_float_digits",
    "from_collapse_limit",
    "geqo",
    "geqo_threshold",
    "hash_mem_multiplier",
    "idle_in_transaction_session_timeout",
    "idle_session_timeout",
    "intervalstyle",
    "jit",
    "jit_above_cost",
    "join_collapse_limit",
    "lock_timeout",
    "maintenance_work_mem",
    "max_parallel_workers",
    "max_parallel_workers_per_gather",
    "parallel_setup_cost",
    "parallel_tuple_cost",
    "plan_cache_mode",
    "random_page_cost",
    "search_path",
    "seq_page_cost",
    "statement_timeout",
    "tcp_keepalives_count",
    "tcp_keepalives_idle",
    "tcp_keepalives_interval",
    "tcp_user_timeout",
    "temp_buffers",
    "timezone",
    "transaction_deferrable",
    "transaction_isolation",
    "transaction_read_only",
    "transaction_timeout",
    "work_mem",
];

/// They change how texts are read or rows are guarded: never, whatever policy says.
const PINNED: &[&str] = &[
    "backslash_quote",
    "client_encoding",
    "escape_string_warning",
    "row_security",
    "session_replication_role",
    "standard_conforming_strings",
    "transform_null_equals",
];

impl Analyzer<'_> {
    pub(in crate::sql) fn variable_set(&mut self, set: &pg::VariableSetStmt) {
        self.sets = true;
        let kind =
            pg::VariableSetKind::try_from(set.kind).unwrap_or(pg::VariableSetKind::Undefined);
        let name = set.name.to_ascii_lowercase();
        match kind {
            pg::VariableSetKind::VarSetValue => {
                let values: Option<Vec<String>> = set.args.iter().map(constant_or_type).collect();
                match values {
                    Some(values) => self.set(&name, &values),
                    None => self.refuse(format!("the value of `{name}` is not understood")),
                }
            }
            pg::VariableSetKind::VarSetDefault | pg::VariableSetKind::VarReset => {
                self.reset(&name);
            }
            // Back to what the gateway started the session with.
            pg::VariableSetKind::VarResetAll => {}
            pg::VariableSetKind::VarSetMulti => match name.as_str() {
                "transaction" | "session characteristics" => {}
                _ => self.administer(),
            },
            pg::VariableSetKind::VarSetCurrent => self.reset(&name),
            pg::VariableSetKind::Undefined => {
                self.refuse("a SET is not understood by the gateway".into());
            }
        }
    }

    /// Back to what the session began with; for the search path that is the known one.
    fn reset(&mut self, name: &str) {
        if is_free(name) || name == "datestyle" {
            return;
        }
        if PINNED.contains(&name) {
            self.refuse(format!("setting `{name}` cannot be changed through the gateway"));
            return;
        }
        self.administer();
    }

    /// A setting takes a value: freely, as administration, or not at all.
    pub(in crate::sql) fn set(&mut self, name: &str, values: &[String]) {
        self.sets = true;
        let name = name.to_ascii_lowercase();
        self.moves_search_path |= name == "search_path";
        let only = match values {
            [only] => Some(only.to_ascii_lowercase()),
            _ => None,
        };
        let is_allowed = match name.as_str() {
            "client_encoding" => {
                only.as_deref().is_some_and(|value| matches!(value, "utf8" | "utf-8" | "unicode"))
            }
            "standard_conforming_strings" => {
                only.as_deref().is_some_and(|value| matches!(value, "on" | "true" | "1" | "yes"))
            }
            "datestyle" => {
                if !values.iter().any(|value| value.to_ascii_lowercase().contains("iso")) {
                    self.refuse("only the ISO `datestyle` is possible through the gateway".into());
                }
                true
            }
            name => is_free(name),
        };
        if is_allowed {
            return;
        }
        if PINNED.contains(&name.as_str()) {
            self.refuse(format!("setting `{name}` cannot be changed through the gateway"));
        } else {
            self.administer();
        }
    }
}

pub(in crate::sql) fn is_free(name: &str) -> bool {
    let name = &*name.to_ascii_lowercase();
    name.starts_with("enable_") || FREE.binary_search(&name).is_ok()
}

/// A setting that applications make up: its value may be anything.
pub(in crate::sql) fn is_made_up(name: &str) -> bool {
    name.contains('.')
}

/// The text of a constant, without casts of any consequence.
pub(in crate::sql) fn constant(node: &pg::Node) -> Option<String> {
    use pg::a_const::Val;
    match &node.node {
        Some(NodeEnum::AConst(constant)) => match &constant.val {
            Some(Val::Sval(text)) => Some(text.sval.clone()),
            Some(Val::Ival(number)) => Some(number.ival.to_string()),
            Some(Val::Fval(number)) => Some(number.fval.clone()),
            Some(Val::Boolval(truth)) => Some(truth.boolval.to_string()),
            Some(Val::Bsval(_)) | None => None,
        },
        Some(NodeEnum::TypeCast(cast)) => {
            let name = crate::sql::postgres::value::expression::last_name(
                &cast.type_name.as_ref()?.names,
            )?;
            matches!(name, "text" | "varchar" | "regclass" | "bool" | "name")
                .then(|| constant(cast.arg.as_deref()?))?
        }
        _ => None,
    }
}

/// `SET TIME ZONE INTERVAL '1' HOUR` has a typed constant.
fn constant_or_type(node: &pg::Node) -> Option<String> {
    match &node.node {
        Some(NodeEnum::TypeCast(cast)) => constant(cast.arg.as_deref()?),
        _ => constant(node),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lists_are_sorted_and_apart() {
        assert!(FREE.is_sorted());
        assert!(FREE.iter().all(|name| !PINNED.contains(name)));
    }
}
