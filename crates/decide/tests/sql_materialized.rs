//! The rows of a materialized view are those of its last refresh: it carries the taint of what
//! it was made of then, whatever its definition leads to now.
#![allow(missing_docs, clippy::unwrap_used)]

use portreeve_decide::sql::{
    Catalog, CatalogBuilder, ColumnInput, Output, RelationInput, RelationKind, Remembered, analyze,
};
use portreeve_model::Category;

fn column(name: &str, attnum: i16) -> ColumnInput {
    ColumnInput {
        name: name.into(),
        attnum,
        type_oid: 25,
        type_name: "text".into(),
        category: (name == "email").then(|| Category::from("email")),
        generated: None,
    }
}

fn relation(
    oid: u32,
    name: &str,
    kind: RelationKind,
    columns: &[&str],
    sql: &str,
) -> RelationInput {
    RelationInput {
        oid,
        schema: "public".into(),
        name: name.into(),
        kind,
        columns: columns.iter().zip(1..).map(|(name, attnum)| column(name, attnum)).collect(),
        definition: (!sql.is_empty()).then(|| sql.into()),
        parents: Vec::new(),
        has_triggers: false,
        has_rules: false,
    }
}

/// A materialized view over a view with this definition.
fn catalog(customers: &[&str], view: &str, past: &[Remembered]) -> Catalog {
    let mut builder = CatalogBuilder::new();
    builder.relation(relation(1, "customers", RelationKind::Table, customers, ""));
    builder.relation(relation(2, "v", RelationKind::View, &["note"], view));
    let kept = "SELECT note FROM public.v";
    builder.relation(relation(3, "m", RelationKind::MaterializedView, &["note"], kept));
    builder.relation(relation(4, "w", RelationKind::View, &["note"], "SELECT note FROM public.m"));
    past.iter().for_each(|past| {
        builder.remember(past.clone());
    });
    builder.build()
}

fn sources(catalog: &Catalog, sql: &str) -> Vec<String> {
    let statement = analyze(catalog, sql).unwrap().remove(0);
    let Output::Columns(columns) = statement.output else { panic!("{sql}") };
    columns[0].sources.iter().map(|source| source.object().to_string()).collect()
}

#[test]
fn what_a_view_was_made_of_is_not_forgotten() {
    let email = ["public.customers.email"];
    let before = catalog(&["id", "email"], "SELECT email AS note FROM public.customers", &[]);
    assert_eq!(sources(&before, "SELECT note FROM m"), email);
    let past = before.materialized();
    assert_eq!(past.len(), 1);

    // The view is redacted; the rows are not.
    let redacted = "SELECT '-'::text AS note FROM public.customers";
    let after = catalog(&["id", "email"], redacted, &past);
    assert_eq!(sources(&after, "SELECT note FROM v"), Vec::<String>::new());
    assert_eq!(sources(&after, "SELECT note FROM m"), email);
    assert_eq!(sources(&after, "SELECT note FROM w"), email);
    assert_eq!(sources(&after, "SELECT lower(note) FROM m"), email);
    // It is remembered on and on.
    assert_eq!(after.materialized(), past);

    // Not even when the column itself is gone.
    let gone = catalog(&["id"], redacted, &after.materialized());
    assert_eq!(sources(&gone, "SELECT note FROM w"), email);
    // Without memory it would be clean.
    assert_eq!(
        sources(&catalog(&["id"], redacted, &[]), "SELECT note FROM m"),
        Vec::<String>::new()
    );
}
