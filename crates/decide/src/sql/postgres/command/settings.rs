//! `SET`, `RESET`, `SHOW` and `set_config`: which settings a client may change.
//!
//! A setting may be changed freely if it changes neither how a text is read nor what a value
//! looks like to the masker, and reaches nobody but the session itself.

use pg_query::NodeEnum;
use pg_query::protobuf as pg;

use crate::sql::catalog::Catalog;
use crate::sql::postgres::analyzer::Analyzer;
use crate::sql::statement::{SessionEffect, sqlstate};

/// Any value is harmless. Sorted. (`row_security` off makes a query fail that row security would
/// filter; it lets nobody see more.)
const FREE: &[&str] = &[
    "application_name",
    "backend_flush_after",
    "bytea_output",
    "check_function_bodies",
    "client_connection_check_interval",
    "client_min_messages",
    "constraint_exclusion",
    "cpu_index_tuple_cost",
    "cpu_operator_cost",
    "cpu_tuple_cost",
    "cursor_tuple_fraction",
    "deadlock_timeout",
    "default_table_access_method",
    "default_tablespace",
    "default_toast_compression",
    "default_transaction_deferrable",
    "default_transaction_isolation",
    "effective_cache_size",
    "effective_io_concurrency",
    "extra_float_digits",
    "from_collapse_limit",
    "geqo",
    "geqo_threshold",
    "gin_fuzzy_search_limit",
    "gin_pending_list_limit",
    "hash_mem_multiplier",
    "intervalstyle",
    "jit",
    "jit_above_cost",
    "join_collapse_limit",
    "maintenance_work_mem",
    "max_parallel_workers",
    "max_parallel_workers_per_gather",
    "parallel_setup_cost",
    "parallel_tuple_cost",
    "plan_cache_mode",
    "quote_all_identifiers",
    "random_page_cost",
    "restrict_nonsystem_relation_kind",
    "row_security",
    "search_path",
    "seq_page_cost",
    "synchronize_seqscans",
    "tcp_keepalives_count",
    "tcp_keepalives_idle",
    "tcp_keepalives_interval",
    "tcp_user_timeout",
    "temp_buffers",
    "timezone",
    "transaction_deferrable",
    "transaction_isolation",
    "work_mem",
    "xmloption",
];

/// They change how texts are read or rows are guarded: never, whatever policy says.
const PINNED: &[&str] = &[
    "backslash_quote",
    "client_encoding",
    "escape_string_warning",
    "session_replication_role",
    "standard_conforming_strings",
    "transform_null_equals",
];

/// Their values are commands, or the words to log in elsewhere with.
const SECRET: &[&str] = &[
    "archive_cleanup_command",
    "archive_command",
    "primary_conninfo",
    "recovery_end_command",
    "restore_command",
    "ssl_passphrase_command",
];

/// Whether a setting may hold a secret: a command of the server, or whatever an application
/// or an extension keeps there.
pub(in crate::sql) fn is_secret(name: &str) -> bool {
    is_made_up(name) || SECRET.contains(&&*name.to_ascii_lowercase())
}

/// They guard the target's role: making one stricter is free, loosening it is administration.
pub(in crate::sql) const GUARDS: &[(&str, Guard)] = &[
    ("default_transaction_read_only", Guard::ReadOnly),
    ("idle_in_transaction_session_timeout", Guard::Timeout),
    ("idle_session_timeout", Guard::Timeout),
    ("lock_timeout", Guard::Timeout),
    ("statement_timeout", Guard::Timeout),
    ("transaction_read_only", Guard::ReadOnly),
    ("transaction_timeout", Guard::Timeout),
];

/// How a guard is compared with another value of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::sql) enum Guard {
    /// On is stricter than off.
    ReadOnly,
    /// Less is stricter, and 0 is no guard at all.
    Timeout,
}

/// The settings that guard a role: their values when a session begins are for
/// [`Catalog::with_guards`].
pub fn guards() -> impl Iterator<Item = &'static str> {
    GUARDS.iter().map(|(name, _)| *name)
}

fn guard(name: &str) -> Option<Guard> {
    GUARDS.iter().find(|(known, _)| *known == name).map(|(_, guard)| *guard)
}

/// Whether a guard gets weaker by taking this value. Without a known beginning it always may.
fn loosens(catalog: &Catalog, name: &str, guard: Guard, value: Option<&str>) -> bool {
    // `transaction_read_only` begins as what its default says.
    let of = if guard == Guard::ReadOnly { "default_transaction_read_only" } else { name };
    let known = catalog.guards.as_ref().and_then(|guards| guards.get(of));
    match guard {
        Guard::ReadOnly => {
            let is_on = value.is_some_and(|value| truth(value) == Some(true));
            let was_off = known.is_some_and(|known| truth(known) == Some(false));
            !is_on && !was_off
        }
        Guard::Timeout => {
            let (Some(known), Some(value)) = (known.and_then(|known| millis(known)), value) else {
                // A version that lacks the setting has no guard to loosen.
                return catalog.guards.is_none() || known.is_some();
            };
            known != 0 && millis(value).is_none_or(|value| value == 0 || value > known)
        }
    }
}

/// A truth value as PostgreSQL reads it; none where it is not one.
fn truth(value: &str) -> Option<bool> {
    match value.to_ascii_lowercase().as_str() {
        "on" | "true" | "yes" | "1" | "t" | "y" | "tr" | "tru" | "ye" => Some(true),
        "off" | "false" | "no" | "0" | "f" | "n" | "of" | "fa" | "fal" | "fals" => Some(false),
        _ => None,
    }
}

/// A time as PostgreSQL reads it, in milliseconds, rounded up.
fn millis(value: &str) -> Option<u64> {
    let value = value.trim();
    let end = value.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(value.len());
    let (number, unit) = value.split_at(end);
    let number: u64 = number.parse().ok()?;
    match unit.trim() {
        "" | "ms" => Some(number),
        "us" => Some(number.div_ceil(1_000)),
        "s" => number.checked_mul(1_000),
        "min" => number.checked_mul(60_000),
        "h" => number.checked_mul(3_600_000),
        "d" => number.checked_mul(86_400_000),
        _ => None,
    }
}

impl Analyzer<'_> {
    /// `READ WRITE` as an option of a transaction.
    pub(in crate::sql) fn transaction_options(&mut self, options: &[pg::Node]) {
        for option in options {
            let Some(NodeEnum::DefElem(option)) = &option.node else {
                self.refuse("a transaction option is not understood by the gateway".into());
                continue;
            };
            if option.defname == "transaction_read_only" {
                let value = option.arg.as_deref().and_then(constant);
                self.set_guard(&option.defname, Guard::ReadOnly, value.as_deref());
            }
        }
    }

    fn set_guard(&mut self, name: &str, guard: Guard, value: Option<&str>) {
        if loosens(self.catalog, name, guard, value) {
            self.administer();
        }
    }

    pub(in crate::sql) fn variable_set(&mut self, set: &pg::VariableSetStmt) -> SessionEffect {
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
                "transaction" | "session characteristics" => self.transaction_options(&set.args),
                "transaction snapshot" if lent_snapshot(set).is_some() => {}
                _ => self.administer(),
            },
            pg::VariableSetKind::VarSetCurrent => self.reset(&name),
            pg::VariableSetKind::Undefined => {
                self.refuse("a SET is not understood by the gateway".into());
            }
        }
        lent_snapshot(set).map_or(SessionEffect::Set, SessionEffect::SeeAs)
    }

    /// Back to what the session began with; for the search path that is the known one.
    fn reset(&mut self, name: &str) {
        if is_free(name) || name == "datestyle" || is_made_up(name) || guard(name).is_some() {
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
        // A role may have a schema of its own in the path, and may not use others.
        let is_role = matches!(name.as_str(), "role" | "session_authorization");
        self.moves_search_path |= is_role || name == "search_path";
        if is_made_up(&name) || is_role {
            self.sets_hidden.push(name.clone());
        }
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
            name => match guard(name) {
                Some(guard) => {
                    self.set_guard(name, guard, only.as_deref());
                    true
                }
                // An application's own: the row security of tenants lives by these.
                None => is_free(name) || is_made_up(name),
            },
        };
        if is_allowed {
            return;
        }
        if PINNED.contains(&name.as_str()) {
            self.refuse_as(
                sqlstate::INSUFFICIENT_PRIVILEGE,
                format!("setting `{name}` cannot be changed through the gateway"),
            );
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
#[must_use]
pub fn is_made_up(name: &str) -> bool {
    name.contains('.')
}

/// The snapshot of another session by which a transaction is to see.
fn lent_snapshot(set: &pg::VariableSetStmt) -> Option<String> {
    let is_lent = set.name.eq_ignore_ascii_case("transaction snapshot");
    set.args.first().filter(|_| is_lent).and_then(constant)
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
        assert!(FREE.iter().all(|name| !PINNED.contains(name) && guard(name).is_none()));
    }

    #[test]
    fn guards_get_stricter_only() {
        let guarded = |name: &str, value: &str| {
            Catalog::default().with_guards([(name.to_owned(), value.to_owned())])
        };
        let check = |catalog: &Catalog, name: &str, value: Option<&str>, expected: bool| {
            let kind = guard(name).unwrap();
            assert_eq!(loosens(catalog, name, kind, value), expected, "{name} {value:?}");
        };
        let second = guarded("statement_timeout", "1000");
        check(&second, "statement_timeout", Some("500ms"), false);
        check(&second, "statement_timeout", Some("1s"), false);
        check(&second, "statement_timeout", Some("2s"), true);
        check(&second, "statement_timeout", Some("0"), true);
        check(&second, "statement_timeout", Some("1e1"), true);
        check(&second, "statement_timeout", None, true);
        check(&second, "lock_timeout", Some("0"), false);
        let free = guarded("statement_timeout", "0");
        check(&free, "statement_timeout", Some("0"), false);
        let unknown = Catalog::default();
        check(&unknown, "statement_timeout", Some("1"), true);
        let read = guarded("default_transaction_read_only", "on");
        check(&read, "transaction_read_only", Some("off"), true);
        check(&read, "transaction_read_only", Some("on"), false);
        check(&read, "default_transaction_read_only", None, true);
        let write = guarded("default_transaction_read_only", "off");
        check(&write, "transaction_read_only", Some("0"), false);
        check(&unknown, "transaction_read_only", Some("on"), false);
    }
}
