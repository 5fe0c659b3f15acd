//! What the columns of system relations hold beside structure: code, settings, statements of
//! others, and definitions with the constants that people have written into them.

use std::sync::Arc;

use crate::sql::catalog::Catalog;
use crate::sql::columns::{Column, Columns};
use crate::sql::lineage::{Definition, Lineage};
use crate::sql::statement::Shape;

/// What a column of a system relation holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::sql) enum Holds {
    /// Names, numbers, flags: shown as they are.
    Structure,
    /// Code, settings, statements, values: shown masked, and not to be searched.
    Closed,
    /// Closed, `name=value` one after another: names tell nothing, values may be secrets.
    Options,
    /// A definition as PostgreSQL stores it, with constants as bytes that no detector reads: shown
    /// masked. `pg_get_expr` makes words of it.
    Tree,
    /// The words of a definition, a default, a comment: looked through like data.
    Words,
    /// Between which values of its key the rows of a partition are.
    Bounds,
}

use Holds::{Bounds, Closed, Options, Structure, Tree, Words};

/// The columns of structural relations that hold more than structure.
pub(in crate::sql) fn known(name: &str) -> &'static [(&'static str, Holds)] {
    match name {
        "pg_aggregate" => &[("agginitval", Words), ("aggminitval", Words)],
        "pg_attrdef" => &[("adbin", Tree)],
        "pg_attribute" => &[("attfdwoptions", Options), ("attmissingval", Closed)],
        "pg_class" => &[("relpartbound", Bounds)],
        "pg_constraint" => &[("conbin", Tree)],
        "pg_description" | "pg_shdescription" => &[("description", Words)],
        "pg_index" => &[("indexprs", Tree), ("indpred", Tree)],
        "pg_indexes" => &[("indexdef", Words)],
        "pg_matviews" | "pg_rules" | "pg_views" => &[("definition", Words)],
        "pg_partitioned_table" => &[("partexprs", Tree)],
        "pg_policies" => &[("qual", Words), ("with_check", Words)],
        "pg_policy" => &[("polqual", Tree), ("polwithcheck", Tree)],
        "pg_prepared_xacts" => &[("gid", Words)],
        "pg_proc" => &[
            ("prosrc", Closed),
            ("prosqlbody", Closed),
            ("proconfig", Closed),
            ("proargdefaults", Closed),
        ],
        "pg_publication_rel" => &[("prqual", Tree)],
        "pg_publication_tables" => &[("rowfilter", Words)],
        "pg_rewrite" => &[("ev_action", Tree), ("ev_qual", Tree)],
        "pg_seclabel" | "pg_seclabels" | "pg_shseclabel" => &[("label", Words)],
        "pg_statistic_ext" => &[("stxexprs", Tree)],
        "pg_trigger" => &[("tgargs", Closed), ("tgqual", Tree)],
        "pg_ts_dict" => &[("dictinitoption", Words)],
        "pg_type" => &[("typdefault", Words), ("typdefaultbin", Tree)],
        "pg_db_role_setting" => {
            &[("setdatabase", Structure), ("setrole", Structure), ("setconfig", Closed)]
        }
        "pg_roles" => &[("rolconfig", Closed)],
        "pg_user" => &[("useconfig", Closed)],
        "pg_foreign_server" => &[("srvoptions", Options)],
        "pg_foreign_data_wrapper" => &[("fdwoptions", Options)],
        "pg_foreign_table" => &[("ftoptions", Options)],
        "pg_settings" => SETTINGS_COLUMNS,
        "pg_stat_activity" => {
            &[("application_name", Closed), ("client_hostname", Closed), ("query", Closed)]
        }
        "pg_subscription" => &[("subconninfo", Closed)],
        _ => counters(name),
    }
}

/// The counters that tell something of values.
fn counters(name: &str) -> &'static [(&'static str, Holds)] {
    match name {
        // How much did not fit into memory tells how long values were.
        "pg_stat_database" => &[("temp_files", Closed), ("temp_bytes", Closed)],
        "pg_stat_io" => &[
            ("writes", Closed),
            ("write_bytes", Closed),
            ("extends", Closed),
            ("extend_bytes", Closed),
        ],
        // Whether a new row fits beside the old one tells how long its values are.
        "pg_stat_all_tables" | "pg_stat_sys_tables" | "pg_stat_user_tables" => {
            &[("n_tup_hot_upd", Closed), ("n_tup_newpage_upd", Closed)]
        }
        // Counted at once, for this transaction alone: what a write or a read has met.
        "pg_stat_xact_all_tables" | "pg_stat_xact_user_tables" => &[
            ("seq_tup_read", Closed),
            ("idx_tup_fetch", Closed),
            ("n_tup_ins", Closed),
            ("n_tup_upd", Closed),
            ("n_tup_del", Closed),
            ("n_tup_hot_upd", Closed),
            ("n_tup_newpage_upd", Closed),
        ],
        _ => words_of_information(name),
    }
}

/// The definitions in `information_schema`.
fn words_of_information(name: &str) -> &'static [(&'static str, Holds)] {
    match name {
        "attributes" => &[("attribute_default", Words)],
        "check_constraints" => &[("check_clause", Words)],
        "columns" => &[("column_default", Words), ("generation_expression", Words)],
        "domains" => &[("domain_default", Words)],
        "parameters" => &[("parameter_default", Words)],
        "routines" => &[("routine_definition", Closed)],
        "triggers" => &[("action_condition", Words), ("action_statement", Words)],
        "views" => &[("view_definition", Words)],
        _ => &[],
    }
}

/// Whether `known` has all columns of the relation, in their order.
fn is_listed_whole(name: &str) -> bool {
    matches!(name, "pg_settings" | "pg_db_role_setting")
}

/// The columns of `pg_settings`: applications and roles keep secrets in settings.
const SETTINGS_COLUMNS: &[(&str, Holds)] = &[
    ("name", Structure),
    ("setting", Closed),
    ("unit", Structure),
    ("category", Structure),
    ("short_desc", Structure),
    ("extra_desc", Structure),
    ("context", Structure),
    ("vartype", Structure),
    ("source", Structure),
    ("min_val", Structure),
    ("max_val", Structure),
    ("enumvals", Structure),
    ("boot_val", Structure),
    ("reset_val", Closed),
    ("sourcefile", Structure),
    ("sourceline", Structure),
    ("pending_restart", Structure),
];

/// Functions that give the words of definitions, defaults or comments.
pub(in crate::sql) fn gives_words(name: &str) -> bool {
    matches!(
        name,
        "col_description"
            | "obj_description"
            | "shobj_description"
            | "pg_get_constraintdef"
            | "pg_get_expr"
            | "pg_get_function_arg_default"
            | "pg_get_function_arguments"
            | "pg_get_indexdef"
            | "pg_get_partition_constraintdef"
            | "pg_get_partkeydef"
            | "pg_get_publication_tables"
            | "pg_get_ruledef"
            | "pg_get_statisticsobjdef"
            | "pg_get_statisticsobjdef_expressions"
            | "pg_get_triggerdef"
            | "pg_get_viewdef"
    )
}

/// The columns of `pg_settings` for a query that can show nothing secret in them.
pub(in crate::sql) fn open_settings() -> Arc<Columns> {
    let list = SETTINGS_COLUMNS.iter().map(|(name, _)| Column::new(*name, Lineage::CLEAN));
    Arc::new(Columns { list: list.collect(), rest: None })
}

/// The columns of `pg_show_all_settings`, which is what `pg_settings` is made of.
pub(in crate::sql) fn all_settings(catalog: &Catalog) -> Columns {
    let list = SETTINGS_COLUMNS
        .iter()
        .map(|(name, holds)| Column::new(*name, lineage(*holds, catalog)))
        .collect();
    Columns { list, rest: None }
}

/// The columns of `SHOW ALL`.
pub(in crate::sql) fn shown_settings(catalog: &Catalog) -> Columns {
    let columns = [("name", Structure), ("setting", Closed), ("description", Structure)];
    let list = columns.map(|(name, holds)| Column::new(name, lineage(holds, catalog))).to_vec();
    Columns { list, rest: None }
}

/// The columns of `pg_options_to_table` of what is a verbatim copy of options; none of anything
/// else.
pub(in crate::sql) fn options(of: &Lineage, catalog: &Catalog) -> Option<Columns> {
    let is_copy = of.is_clean() && of.closed && of.listed && of.shape == Shape::Plain;
    let columns = [("option_name", Structure), ("option_value", Closed)];
    let list = columns.map(|(name, holds)| Column::new(name, lineage(holds, catalog)));
    is_copy.then(|| Columns { list: list.to_vec(), rest: None })
}

/// The columns of a system relation, all of them where the target has told which it has.
pub(in crate::sql) fn columns(name: &str, catalog: &Catalog) -> Columns {
    let known = known(name);
    // Tools tell settings that differ from their defaults by comparing them.
    let is_compared = name == "pg_settings";
    let column = |name: &str, holds: Holds| {
        let mut own = lineage(holds, catalog);
        own.closed &= !is_compared;
        Column::new(name, own)
    };
    if let Some(told) = catalog.system_columns.get(name) {
        let holds = |name: &str| known.iter().find(|(known, _)| *known == name);
        let of = |name: &String| column(name, holds(name).map_or(Structure, |(_, holds)| *holds));
        return Columns { list: told.iter().map(of).collect(), rest: None };
    }
    let list = known.iter().map(|(name, holds)| column(name, *holds)).collect();
    let rest = (!is_listed_whole(name)).then_some(Lineage::CLEAN);
    Columns { list, rest }
}

fn lineage(holds: Holds, catalog: &Catalog) -> Lineage {
    match holds {
        Structure => Lineage::CLEAN,
        Closed => Lineage { kept: true, closed: true, ..Lineage::CLEAN },
        Options => Lineage { kept: true, closed: true, listed: true, ..Lineage::CLEAN },
        Tree => Lineage { definition: Some(Definition::Tree), ..Lineage::CLEAN },
        Words => Lineage { definition: Some(Definition::Words), ..Lineage::CLEAN },
        Bounds => {
            let sources = catalog.partition_keys.clone();
            Lineage { sources, definition: Some(Definition::Tree), ..Lineage::CLEAN }.derived()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::postgres::builtin::system;

    #[test]
    fn settings_and_code_are_closed() {
        let check = |relation, column| {
            assert!(known(relation).contains(&(column, Closed)), "{relation}.{column}");
        };
        check("pg_settings", "setting");
        check("pg_proc", "prosrc");
        check("routines", "routine_definition");
        check("pg_db_role_setting", "setconfig");
        check("pg_attribute", "attmissingval");
    }

    #[test]
    fn relations_that_hold_more_than_structure_are_asked_for() {
        let question = crate::sql::postgres::questions::SYSTEM_COLUMNS;
        for name in system::listed() {
            let is_asked = question.contains(&format!("'{name}'"));
            assert_eq!(is_asked, !known(name).is_empty(), "{name}");
        }
    }
}
