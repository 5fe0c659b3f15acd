//! What the functions of `pg_catalog` do, by name.
//!
//! A name stands for all its overloads. A name on no list is not known, and refused.

use std::collections::HashSet;
use std::sync::LazyLock;

const PURE: &str = include_str!("names/pure.txt");
const STABLE: &str = include_str!("names/stable.txt");
const OPAQUE: &str = include_str!("names/opaque.txt");

/// Which arguments of a total function may be classified.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::sql) enum Positions {
    All,
    First,
    Second,
    AllButFirst,
    /// Values, each behind its key. A document that has a classified value for a key tells it to
    /// whoever looks a key up: what is not there is NULL, and the mask leaves NULL visible.
    BehindKeys,
}

impl Positions {
    pub(in crate::sql) fn allow(self, index: usize) -> bool {
        match self {
            Self::All => true,
            Self::First => index == 0,
            Self::Second => index == 1,
            Self::AllButFirst => index > 0,
            Self::BehindKeys => index % 2 == 1,
        }
    }
}

/// What a built-in function does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::sql) enum Builtin {
    /// Never fails on the values of these arguments, and gives nothing but a value computed
    /// from them.
    Total(Positions),
    /// Computes from its arguments and from nothing that holds user data. It may fail, or
    /// return a number of rows, depending on their values.
    Pure,
    /// `count`.
    Count,
    /// `current_setting`.
    Setting,
    /// Gives the source code of a function.
    Code,
    /// Takes a lock that only applications know.
    AdvisoryLock,
    /// Gives one back.
    AdvisoryUnlock,
    /// Keeps what it is given where something else tells it.
    Keeps,
    /// Gives what columns of catalogs are closed for: all settings, counters that tell how long
    /// values are.
    Closed,
    /// `set_config`.
    SetConfig,
    /// `pg_notify`.
    Notify,
    /// `nextval`, `setval`.
    Sequence,
    /// Acts on the server, its files or other sessions.
    Administer,
    /// Large objects: reads and writes data that no table shows.
    LargeObject,
    /// Shows others what this session sees, and gives a name that the server makes up.
    Export,
    /// Reads a text as a value of a type that another one names.
    ReadsAs,
    /// Runs SQL or reads data that the text does not show.
    Opaque,
}

/// Functions of which an argument, or the result, takes its type from another argument.
///
/// SPEC: <https://www.postgresql.org/docs/18/extend-type-system.html#EXTEND-TYPES-POLYMORPHIC>
pub(in crate::sql) fn is_polymorphic(name: &str) -> bool {
    const FIXED: [&str; 7] = [
        "array_dims",
        "array_length",
        "array_lower",
        "array_ndims",
        "array_to_json",
        "array_to_string",
        "array_upper",
    ];
    const FAMILIES: [&str; 5] = ["array", "elem_contained", "enum_", "multirange", "range_"];
    const OTHERS: [&str; 10] = [
        "anytextcat",
        "btarraycmp",
        "generate_subscripts",
        "isempty",
        "lower",
        "textanycat",
        "trim_array",
        "unnest",
        "upper",
        "width_bucket",
    ];
    OTHERS.contains(&name)
        || gives_an_argument(name)
        || makes_rows_of(name)
        || !FIXED.contains(&name) && FAMILIES.iter().any(|family| name.starts_with(family))
}

/// Whether the arguments of an ordered-set aggregate can be of the types of what it is ordered by.
pub(in crate::sql) fn asks_where_it_would_be(name: &str) -> bool {
    !name.starts_with("percentile_") && name != "mode"
}

/// Functions that give one of their arguments, and nothing made of it.
pub(in crate::sql) fn gives_an_argument(name: &str) -> bool {
    matches!(
        name,
        "any_value"
            | "first_value"
            | "lag"
            | "last_value"
            | "lead"
            | "max"
            | "min"
            | "mode"
            | "nth_value"
            | "percentile_disc"
    )
}

/// Functions that make rows of the type of their first argument out of a document.
pub(in crate::sql) fn makes_rows_of(name: &str) -> bool {
    matches!(
        name,
        "json_populate_record"
            | "json_populate_recordset"
            | "jsonb_populate_record"
            | "jsonb_populate_recordset"
            | "jsonb_populate_record_valid"
    )
}

/// What a function of `pg_catalog` does; `None` if there is no such function.
pub(in crate::sql) fn builtin(name: &str) -> Option<Builtin> {
    if let Some(positions) = total(name) {
        return Some(Builtin::Total(positions));
    }
    match name {
        "count" => return Some(Builtin::Count),
        "current_setting" => return Some(Builtin::Setting),
        "pg_get_functiondef" | "pg_get_function_sqlbody" => return Some(Builtin::Code),
        "pg_advisory_lock"
        | "pg_advisory_lock_shared"
        | "pg_advisory_xact_lock"
        | "pg_advisory_xact_lock_shared"
        | "pg_try_advisory_lock"
        | "pg_try_advisory_lock_shared"
        | "pg_try_advisory_xact_lock"
        | "pg_try_advisory_xact_lock_shared" => return Some(Builtin::AdvisoryLock),
        // Gives back what the session itself has taken: pools do at every return.
        "pg_advisory_unlock" | "pg_advisory_unlock_all" | "pg_advisory_unlock_shared" => {
            return Some(Builtin::AdvisoryUnlock);
        }
        // The numbers that follow are made of it.
        "setseed" => return Some(Builtin::Keeps),
        "pg_input_is_valid" | "pg_input_error_info" => return Some(Builtin::ReadsAs),
        "set_config" => return Some(Builtin::SetConfig),
        "pg_show_all_settings"
        | "pg_current_wal_insert_lsn"
        | "pg_stat_get_tuples_hot_updated"
        | "pg_stat_get_tuples_newpage_updated" => return Some(Builtin::Closed),
        "pg_export_snapshot" => return Some(Builtin::Export),
        "pg_notify" => return Some(Builtin::Notify),
        "nextval" | "setval" => return Some(Builtin::Sequence),
        "loread" | "lowrite" => return Some(Builtin::LargeObject),
        _ => {}
    }
    if LISTS.opaque.contains(name) {
        return Some(if name.starts_with("lo_") && !matches!(name, "lo_import" | "lo_export") {
            Builtin::LargeObject
        } else if administers(name) {
            Builtin::Administer
        } else {
            Builtin::Opaque
        });
    }
    (LISTS.pure.contains(name) || LISTS.stable.contains(name)).then_some(Builtin::Pure)
}

/// Functions of widespread extensions that change nothing although they promise it of none of
/// their results: they make identifiers and salts.
const HARMLESS_OF_EXTENSIONS: &[&str] = &[
    "crypt",
    "gen_random_bytes",
    "gen_random_uuid",
    "gen_salt",
    "uuid_generate_v1",
    "uuid_generate_v1mc",
    "uuid_generate_v4",
];

/// Whether an extension's function of this name may run unseen, and gives nothing but what is
/// computed from its arguments and from chance.
pub(in crate::sql) fn is_harmless_extension(name: &str) -> bool {
    HARMLESS_OF_EXTENSIONS.contains(&name)
}

/// Whether it computes one value from any number of rows.
pub(in crate::sql) fn is_aggregate(name: &str) -> bool {
    matches!(
        name,
        "count" | "sum" | "avg" | "min" | "max" | "any_value" | "every" | "mode" | "xmlagg"
    ) || ["_agg", "_agg_strict", "_agg_unique", "_agg_unique_strict"]
        .iter()
        .any(|end| name.ends_with(end))
        || ["bool_", "bit_and", "bit_or", "bit_xor", "stddev", "var", "corr", "covar_", "regr_"]
            .iter()
            .any(|start| name.starts_with(start) && !name.starts_with("varchar"))
        || name.starts_with("percentile_")
}

/// Functions that give nothing but a value computed from the allowed arguments: they never
/// fail because of it, and give NULL for nothing but NULL (the mask leaves NULL visible).
/// `substring` and `format` are so only with some of their other arguments: see `call`.
fn total(name: &str) -> Option<Positions> {
    let positions = match name {
        "lower" | "upper" | "initcap" | "btrim" | "ltrim" | "rtrim" | "concat" | "concat_ws"
        | "md5" | "reverse" | "translate" | "replace" | "length" | "char_length"
        | "character_length" | "octet_length" | "bit_length" | "to_json" | "to_jsonb"
        | "row_to_json" | "array_to_json" | "json_build_array" | "jsonb_build_array"
        | "array_agg" | "string_agg" | "json_agg" | "jsonb_agg" | "json_agg_strict"
        | "jsonb_agg_strict" | "any_value" | "quote_literal" | "quote_ident" | "quote_nullable"
        | "pg_typeof" | "textcat" => Positions::All,
        "left" | "right" | "substr" | "substring" | "split_part" | "lpad" | "rpad" | "encode"
        | "overlay" | "to_char" | "array_to_string" | "lag" | "lead" | "first_value"
        | "last_value" | "nth_value" | "pg_get_expr" => Positions::First,
        "extract" | "date_part" | "date_trunc" => Positions::Second,
        "format" => Positions::AllButFirst,
        "json_build_object" | "jsonb_build_object" | "json_object_agg" | "jsonb_object_agg" => {
            Positions::BehindKeys
        }
        _ => return None,
    };
    Some(positions)
}

/// Whether what it gives may be of any length, whatever it is made of.
pub(in crate::sql) fn grows(name: &str) -> bool {
    matches!(
        name,
        "repeat"
            | "lpad"
            | "rpad"
            | "replace"
            | "regexp_replace"
            | "array_fill"
            | "array_to_string"
    ) || is_aggregate(name)
}

fn administers(name: &str) -> bool {
    const PREFIXES: [&str; 17] = [
        "binary_upgrade_",
        "lo_import",
        "lo_export",
        "pg_backup_",
        "pg_copy_",
        "pg_create_",
        "pg_drop_",
        "pg_import_",
        "pg_log_",
        "pg_logical_",
        "pg_ls_",
        "pg_promote",
        "pg_read_",
        "pg_replication_",
        "pg_stat_reset",
        "pg_switch_",
        "pg_wal_replay_",
    ];
    PREFIXES.iter().any(|prefix| name.starts_with(prefix))
        || matches!(
            name,
            "pg_cancel_backend"
                | "pg_terminate_backend"
                | "pg_reload_conf"
                | "pg_rotate_logfile"
                | "pg_rotate_logfile_old"
                | "pg_stat_file"
        )
}

/// The columns of the row that a built-in function returns in `FROM`; `None`: not known here.
/// An empty answer is a function that returns one value, named after itself.
pub(in crate::sql) fn row_columns(name: &str) -> Option<&'static [&'static str]> {
    let columns: &[&str] = match name {
        "json_each" | "jsonb_each" | "json_each_text" | "jsonb_each_text" => &["key", "value"],
        "json_array_elements"
        | "jsonb_array_elements"
        | "json_array_elements_text"
        | "jsonb_array_elements_text" => &["value"],
        "aclexplode" => &["grantor", "grantee", "privilege_type", "is_grantable"],
        "pg_options_to_table" => &["option_name", "option_value"],
        "pg_partition_ancestors" => &["relid"],
        "pg_partition_tree" => &["relid", "parentrelid", "isleaf", "level"],
        "pg_timezone_names" | "pg_timezone_abbrevs" => return None,
        "ts_stat" | "ts_debug" | "ts_parse" | "ts_token_type" => return None,
        "generate_series"
        | "unnest"
        | "generate_subscripts"
        | "regexp_matches"
        | "regexp_split_to_table"
        | "string_to_table"
        | "json_object_keys"
        | "jsonb_object_keys"
        | "jsonb_path_query"
        | "current_database"
        | "current_schema"
        | "version"
        | "now"
        | "length"
        | "lower"
        | "upper"
        | "concat"
        | "format"
        | "current_setting"
        | "pg_backend_pid"
        | "random"
        | "coalesce"
        | "current_schemas"
        | "array_agg"
        | "to_jsonb"
        | "to_json"
        | "row_to_json"
        | "jsonb_path_query_array"
        | "jsonb_path_query_first"
        | "regexp_split_to_array"
        | "string_to_array"
        | "abs"
        | "txid_current"
        | "gen_random_uuid"
        | "current_user"
        | "session_user" => &[],
        _ => return None,
    };
    Some(columns)
}

struct Lists {
    pure: HashSet<&'static str>,
    stable: HashSet<&'static str>,
    opaque: HashSet<&'static str>,
}

static LISTS: LazyLock<Lists> = LazyLock::new(|| Lists {
    pure: names(PURE).collect(),
    stable: names(STABLE).collect(),
    opaque: names(OPAQUE).collect(),
});

fn names(list: &'static str) -> impl Iterator<Item = &'static str> {
    list.lines().filter(|line| !line.is_empty() && !line.starts_with('#'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_on_one_list_only() {
        for name in LISTS.opaque.iter() {
            assert!(!LISTS.pure.contains(name) && !LISTS.stable.contains(name), "{name}");
            assert!(total(name).is_none(), "{name}");
        }
    }

    #[test]
    fn dangerous_functions_are_never_pure() {
        for name in [
            "query_to_xml",
            "table_to_xml",
            "database_to_xml",
            "cursor_to_xml",
            "ts_stat",
            "ts_rewrite",
            "pg_read_file",
            "pg_ls_dir",
            "lo_get",
            "lo_from_bytea",
            "lo_export",
            "set_config",
            "pg_notify",
            "pg_terminate_backend",
            "pg_mcv_list_items",
            "nextval",
            "pg_stat_get_activity",
            "pg_prepared_statement",
            "pg_cursor",
            "pg_reload_conf",
            "pg_stat_get_backend_activity",
            "pg_logical_slot_get_changes",
            "pg_export_snapshot",
        ] {
            let found = builtin(name);
            let harmless = matches!(found, None | Some(Builtin::Pure | Builtin::Total(_)));
            assert!(!harmless, "{name} is {found:?}");
        }
    }
}
