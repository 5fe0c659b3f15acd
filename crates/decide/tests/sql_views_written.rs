//! What is stored by a view is in the table behind it, and is shown as the table's column is: a
//! category that a view's column has by its name does not go there.
#![allow(missing_docs, clippy::unwrap_used)]

use portreeve_decide::sql::{
    Catalog, CatalogBuilder, ColumnInput, RelationInput, RelationKind, analyze,
};
use portreeve_model::{Action, Category};

/// `name` or `name:category`.
fn relation(oid: u32, name: &str, columns: &[&str], definition: Option<&str>) -> RelationInput {
    let column = |(index, text): (usize, &&str)| {
        let (name, category) = match text.split_once(':') {
            Some((name, category)) => (name, Some(Category::from(category))),
            None => (*text, None),
        };
        ColumnInput {
            name: name.into(),
            attnum: i16::try_from(index).unwrap() + 1,
            type_oid: 25,
            type_name: "text".into(),
            category,
            generated: None,
        }
    };
    RelationInput {
        oid,
        schema: "public".into(),
        name: name.into(),
        kind: if definition.is_some() { RelationKind::View } else { RelationKind::Table },
        columns: columns.iter().enumerate().map(column).collect(),
        definition: definition.map(Into::into),
        parents: Vec::new(),
        has_triggers: false,
        has_rules: false,
    }
}

fn catalog() -> Catalog {
    let mut builder = CatalogBuilder::new();
    for (oid, (name, columns, definition)) in [
        ("kept", &["id", "salary:salary"][..], None),
        ("held", &["id", "salary:salary"], None),
        ("plain", &["id", "note"], None),
        ("other", &["id", "salary:wage"], None),
        ("renamed", &["id", "salary:salary"], Some("SELECT id, note AS salary FROM plain")),
        ("renamed_2", &["id", "salary:salary"], Some("SELECT id, salary FROM renamed")),
        ("made", &["id", "salary:salary"], Some("SELECT id, lower(note) AS salary FROM plain")),
        ("recast", &["id", "salary:salary"], Some("SELECT id, salary FROM other")),
        ("shown", &["id", "salary:salary"], Some("SELECT id, salary FROM held")),
        ("few", &["id", "salary:salary"], Some("SELECT id, salary FROM held WHERE salary > 'm'")),
    ]
    .into_iter()
    .enumerate()
    {
        builder.relation(relation(1000 + u32::try_from(oid).unwrap(), name, columns, definition));
    }
    builder.build()
}

/// What moving the value of `kept` there asks for on it.
#[track_caller]
fn check(sql: &str, expect: &[Action]) {
    let statements = analyze(&catalog(), sql).unwrap();
    assert_eq!(statements[0].command.unknown, None, "{sql}");
    let needs = statements[0].command.needs.iter();
    let of_kept = needs.filter(|need| need.object.path == ["public", "kept", "salary"]);
    let actions: Vec<Action> = of_kept.map(|need| need.action).collect();
    assert_eq!(actions, expect, "{sql}");
}

#[test]
fn a_value_keeps_its_category_behind_a_view() {
    for view in ["renamed", "renamed_2", "made", "recast"] {
        check(&format!("INSERT INTO {view} SELECT id, salary FROM kept"), &[Action::Reveal]);
        check(
            &format!("UPDATE {view} v SET salary = k.salary FROM kept k WHERE k.id = v.id"),
            &[Action::Reveal],
        );
        check(
            &format!(
                "MERGE INTO {view} v USING kept k ON k.id = v.id \
                 WHEN NOT MATCHED THEN INSERT (id, salary) VALUES (k.id, k.salary)"
            ),
            &[Action::Reveal],
        );
    }
    // Beside values of one's own there, equal ones would tell: into a view or a table.
    check("INSERT INTO held SELECT id, salary FROM kept", &[Action::Filter]);
    check("UPDATE held h SET salary = k.salary FROM kept k", &[Action::Filter]);
    check("INSERT INTO kept SELECT id || 'x', salary FROM kept", &[]);
}

/// Whether a view has `CHECK OPTION` is not known here.
#[test]
fn a_view_may_refuse_rows_by_what_they_hold() {
    for view in ["shown", "few"] {
        check(&format!("INSERT INTO {view} SELECT id, salary FROM kept"), &[Action::Filter]);
    }
    check("INSERT INTO shown VALUES ('1', 'x')", &[]);
}
