//! What is made of arrays fails where their lengths differ: that tells how long a classified one
//! is.
#![allow(missing_docs, clippy::unwrap_used)]

use portreeve_decide::sql::{
    Catalog, CatalogBuilder, ColumnInput, RelationInput, RelationKind, analyze,
};
use portreeve_model::{Action, Category};

fn catalog() -> Catalog {
    let mut builder = CatalogBuilder::new();
    let column = |(name, type_oid, type_name, attnum): (&str, u32, &str, i16)| ColumnInput {
        name: name.into(),
        attnum,
        type_oid,
        type_name: type_name.into(),
        category: (name != "id").then(|| Category::from("email")),
        generated: None,
    };
    let columns = [
        ("id", 23, "int4", 1),
        ("email", 25, "text", 2),
        ("mails", 1009, "text[]", 3),
        ("codes", 1007, "integer[]", 4),
        ("own", 20_000, "my_domain", 5),
        ("other", 25, "text", 6),
    ];
    builder.relation(RelationInput {
        oid: 30_000,
        schema: "public".into(),
        name: "t".into(),
        kind: RelationKind::Table,
        columns: columns.into_iter().map(column).collect(),
        definition: None,
        parents: Vec::new(),
        has_triggers: false,
        has_rules: false,
    });
    builder.build()
}

fn filters(expression: &str) -> bool {
    let sql = format!("SELECT {expression} FROM t");
    let statements = analyze(&catalog(), &sql).unwrap();
    assert_eq!(statements[0].command.unknown, None, "{sql}");
    statements[0].command.needs.iter().any(|need| need.action == Action::Filter)
}

#[test]
fn arrays_that_are_joined_need_filter() {
    for expression in [
        "ARRAY[['t', 't']] || mails",
        "mails || '{{a,b}}'",
        "mails || email",
        "codes || codes",
        "own || 'a'",
        "'{a}' || (SELECT mails)",
        "coalesce(mails, '{}') || ARRAY['a']",
        "ARRAY[mails, ARRAY['a']]",
        "array_agg(mails)",
        "ARRAY(SELECT mails FROM t)",
        "array_agg(email) || ARRAY[ARRAY['a']]",
        "ARRAY[email] || ARRAY[ARRAY['a']]",
    ] {
        assert!(filters(expression), "{expression}");
    }
}

#[test]
fn texts_that_are_joined_need_nothing() {
    for expression in [
        "email || 'x'",
        "email || ' ' || other",
        "lower(email) || upper(other)",
        "coalesce(email, '') || other",
        "'x' || (SELECT email)",
        "ARRAY[email, other]",
        "ARRAY(SELECT email FROM t)",
        "array_agg(email)",
        "id || email",
    ] {
        assert!(!filters(expression), "{expression}");
    }
}
