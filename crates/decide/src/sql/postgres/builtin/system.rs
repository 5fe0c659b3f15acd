//! Which system catalogs may be read.
//!
//! They describe structure: names, types, definitions, privileges, sizes, counts. What holds
//! samples of user data (statistics), passwords, files or large objects is not listed and so
//! refused, like everything that a later PostgreSQL may add. Of what is listed, single columns
//! hold more than structure: see `contents`.

/// Structural relations of `pg_catalog`, sorted.
const CATALOG: &[&str] = &[
    "pg_aggregate",
    "pg_am",
    "pg_amop",
    "pg_amproc",
    "pg_attrdef",
    "pg_attribute",
    "pg_auth_members",
    "pg_available_extension_versions",
    "pg_available_extensions",
    "pg_cast",
    "pg_class",
    "pg_collation",
    "pg_constraint",
    "pg_conversion",
    "pg_database",
    "pg_db_role_setting",
    "pg_default_acl",
    "pg_depend",
    "pg_description",
    "pg_enum",
    "pg_event_trigger",
    "pg_extension",
    "pg_foreign_data_wrapper",
    "pg_foreign_server",
    "pg_foreign_table",
    "pg_group",
    "pg_index",
    "pg_indexes",
    "pg_inherits",
    "pg_init_privs",
    "pg_language",
    "pg_largeobject_metadata",
    "pg_locks",
    "pg_matviews",
    "pg_namespace",
    "pg_opclass",
    "pg_operator",
    "pg_opfamily",
    "pg_parameter_acl",
    "pg_partitioned_table",
    "pg_policies",
    "pg_policy",
    "pg_prepared_xacts",
    "pg_proc",
    "pg_publication",
    "pg_publication_namespace",
    "pg_publication_rel",
    "pg_publication_tables",
    "pg_range",
    "pg_replication_slots",
    "pg_rewrite",
    "pg_roles",
    "pg_rules",
    "pg_seclabel",
    "pg_seclabels",
    "pg_sequence",
    "pg_sequences",
    "pg_settings",
    "pg_shdepend",
    "pg_shdescription",
    "pg_shseclabel",
    "pg_stat_activity",
    "pg_stat_all_indexes",
    "pg_stat_all_tables",
    "pg_stat_archiver",
    "pg_stat_bgwriter",
    "pg_stat_checkpointer",
    "pg_stat_database",
    "pg_stat_database_conflicts",
    "pg_stat_gssapi",
    "pg_stat_io",
    "pg_stat_progress_analyze",
    "pg_stat_progress_basebackup",
    "pg_stat_progress_cluster",
    "pg_stat_progress_copy",
    "pg_stat_progress_create_index",
    "pg_stat_progress_vacuum",
    "pg_stat_recovery_prefetch",
    "pg_stat_replication",
    "pg_stat_replication_slots",
    "pg_stat_slru",
    "pg_stat_ssl",
    "pg_stat_sys_indexes",
    "pg_stat_sys_tables",
    "pg_stat_user_functions",
    "pg_stat_user_indexes",
    "pg_stat_user_tables",
    "pg_stat_wal",
    "pg_stat_xact_all_tables",
    "pg_stat_xact_user_functions",
    "pg_stat_xact_user_tables",
    "pg_statio_all_indexes",
    "pg_statio_all_sequences",
    "pg_statio_all_tables",
    "pg_statio_user_indexes",
    "pg_statio_user_sequences",
    "pg_statio_user_tables",
    "pg_subscription",
    "pg_subscription_rel",
    "pg_tables",
    "pg_tablespace",
    "pg_timezone_abbrevs",
    "pg_timezone_names",
    "pg_transform",
    "pg_trigger",
    "pg_ts_config",
    "pg_ts_config_map",
    "pg_ts_dict",
    "pg_ts_parser",
    "pg_ts_template",
    "pg_type",
    "pg_user",
    "pg_views",
];

/// The definition of extended statistics is structure; their data (`pg_statistic_ext_data`)
/// is not.
const CATALOG_EXTRA: &[&str] = &["pg_statistic_ext"];

/// Views of `information_schema` that are not listed: they can hold passwords.
const INFORMATION_REFUSED: &[&str] = &[
    "_pg_foreign_data_wrappers",
    "_pg_foreign_servers",
    "_pg_foreign_table_columns",
    "_pg_foreign_tables",
    "_pg_user_mappings",
    "column_options",
    "foreign_data_wrapper_options",
    "foreign_server_options",
    "foreign_table_options",
    "user_mapping_options",
];

/// Views of `information_schema` that may be read, sorted.
const INFORMATION: &[&str] = &[
    "administrable_role_authorizations",
    "applicable_roles",
    "attributes",
    "character_sets",
    "check_constraint_routine_usage",
    "check_constraints",
    "collation_character_set_applicability",
    "collations",
    "column_column_usage",
    "column_domain_usage",
    "column_privileges",
    "column_udt_usage",
    "columns",
    "constraint_column_usage",
    "constraint_table_usage",
    "data_type_privileges",
    "domain_constraints",
    "domain_udt_usage",
    "domains",
    "element_types",
    "enabled_roles",
    "foreign_data_wrappers",
    "foreign_servers",
    "foreign_tables",
    "information_schema_catalog_name",
    "key_column_usage",
    "parameters",
    "referential_constraints",
    "role_column_grants",
    "role_routine_grants",
    "role_table_grants",
    "role_udt_grants",
    "role_usage_grants",
    "routine_column_usage",
    "routine_privileges",
    "routine_routine_usage",
    "routine_sequence_usage",
    "routine_table_usage",
    "routines",
    "schemata",
    "sequences",
    "sql_features",
    "sql_implementation_info",
    "sql_parts",
    "sql_sizing",
    "table_constraints",
    "table_privileges",
    "tables",
    "transforms",
    "triggered_update_columns",
    "triggers",
    "udt_privileges",
    "usage_privileges",
    "user_defined_types",
    "user_mappings",
    "view_column_usage",
    "view_routine_usage",
    "view_table_usage",
    "views",
];

/// What a name of a system schema stands for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::sql) enum System {
    /// Structure: may be read.
    Structural,
    /// It holds, or may hold, more than structure.
    Refused,
    /// Not a system relation.
    Foreign,
}

/// Whether only PostgreSQL itself puts things into this schema.
pub(in crate::sql) fn is_system_schema(schema: &str) -> bool {
    matches!(schema, "pg_catalog" | "information_schema") || schema.starts_with("pg_toast")
}

/// Whether a relation of the information schema has the name, too, and names are looked up there.
pub(in crate::sql) fn is_shadowing(name: &str, catalog: &crate::sql::catalog::Catalog) -> bool {
    let is_known = INFORMATION.binary_search(&name).is_ok() || INFORMATION_REFUSED.contains(&name);
    is_known && catalog.may_look_in("information_schema")
}

/// What a relation name means to the system schemas. `schema` is empty when not given.
pub(in crate::sql) fn relation(schema: &str, name: &str) -> System {
    let known = CATALOG.binary_search(&name).is_ok() || CATALOG_EXTRA.contains(&name);
    match schema {
        "" if known => System::Structural,
        // pg_catalog is always on the search path.
        "" if name.starts_with("pg_") => System::Refused,
        "" => System::Foreign,
        "pg_catalog" if known => System::Structural,
        "information_schema"
            if INFORMATION.binary_search(&name).is_ok() && !INFORMATION_REFUSED.contains(&name) =>
        {
            System::Structural
        }
        _ if is_system_schema(schema) => System::Refused,
        _ => System::Foreign,
    }
}

/// All structural relations.
#[cfg(test)]
pub(in crate::sql) fn listed() -> impl Iterator<Item = &'static str> {
    CATALOG.iter().chain(CATALOG_EXTRA).chain(INFORMATION).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lists_are_sorted() {
        assert!(CATALOG.is_sorted());
        assert!(INFORMATION.is_sorted());
        assert!(INFORMATION_REFUSED.is_sorted());
    }

    #[test]
    fn what_is_not_listed_is_refused() {
        let check = |schema, name, expected| assert_eq!(relation(schema, name), expected);
        check("", "pg_class", System::Structural);
        check("pg_catalog", "pg_class", System::Structural);
        check("", "pg_stats", System::Refused);
        check("pg_catalog", "pg_statistic", System::Refused);
        check("", "pg_authid", System::Refused);
        check("", "pg_invented_tomorrow", System::Refused);
        check("pg_toast", "pg_toast_2619", System::Refused);
        check("information_schema", "tables", System::Structural);
        check("information_schema", "user_mapping_options", System::Refused);
        check("", "tables", System::Foreign);
        check("public", "pg_class", System::Foreign);
    }
}
