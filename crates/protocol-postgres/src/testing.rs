//! What the tests of both sides plan with: one table, one classified column.

use portreeve_decide::sql::{
    Catalog, CatalogBuilder, ColumnInput, Postgres, RelationInput, RelationKind,
};
use portreeve_sql::{CatalogRead, CatalogSnapshot, Plan, Planner, SessionSettings, SubjectColumns};
use std::sync::Arc;

pub(crate) const TABLE_OID: u32 = 16_400;

/// people(id, email), with `email` classified.
fn people() -> Catalog {
    let column = |name: &str, attnum, type_oid, category: Option<&str>| ColumnInput {
        name: name.into(),
        attnum,
        type_oid,
        type_name: "text".into(),
        category: category.map(Into::into),
        generated: None,
    };
    let mut builder = CatalogBuilder::new();
    builder.relation(RelationInput {
        oid: TABLE_OID,
        schema: "public".into(),
        name: "people".into(),
        kind: RelationKind::Table,
        columns: vec![column("id", 1, 23, None), column("email", 2, 25, Some("email"))],
        definition: None,
        parents: Vec::new(),
        has_triggers: false,
        has_rules: false,
    });
    builder.build()
}

pub(crate) fn catalog() -> Arc<CatalogSnapshot> {
    Arc::new(CatalogSnapshot::new(CatalogRead {
        catalog: people(),
        versions: Arc::default(),
        rests: [].into(),
        types: [].into(),
        made_types: [].into(),
        has_rules: true,
        digest: 1,
    }))
}

/// A planner for somebody to whom nothing is revealed.
pub(crate) fn planner() -> Planner {
    let subjects = Arc::new(SubjectColumns::default());
    let search_path = vec!["public".into()];
    let settings = SessionSettings { search_path, ..SessionSettings::default() };
    Planner::new(&Postgres, catalog(), Arc::new(|_, _| false), subjects, settings)
}

pub(crate) fn plan(text: &str) -> Arc<Plan> {
    let (plans, known) = planner().plans_of(text);
    assert_eq!(known, Ok(()), "{text}");
    let plan = plans.first().cloned().unwrap();
    assert_eq!(plan.command.unknown, None, "{text}");
    plan
}
