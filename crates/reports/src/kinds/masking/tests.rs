//! What passed by no rule, and what the configuration says of columns.

use super::*;
use crate::configured::{Configured, ConfiguredColumn, ConfiguredResource};
use crate::walk::SessionFacts;
use portreeve_model::{Chain, Detected, Object, Outcome, Party, PartyKind, SessionId};
use serde_json::{Value, json};

fn inputs() -> Inputs {
    let said = |pattern: &str, category: Option<&str>| ConfiguredColumn {
        pattern: pattern.to_owned(),
        category: category.map(str::to_owned),
        reason: None,
    };
    let columns = vec![said("public.notes.title", None), said("*.*.email", Some("email"))];
    let shop = ConfiguredResource {
        columns,
        unclassified: "detect".into(),
        ..ConfiguredResource::default()
    };
    let configured = Configured {
        resources: [("shop".to_owned(), shop)].into(),
        masking: [("default".to_owned(), "redact".to_owned())].into(),
        ..Configured::default()
    };
    Inputs { configured: Some(configured), ..Inputs::default() }
}

fn found(column: &str, masked: u64, revealed: u64) -> Detected {
    Detected {
        category: "phone".into(),
        object: Object::column("public", "notes", column),
        place: column.into(),
        masked,
        revealed,
    }
}

/// The report of one exchange in which detectors found something.
fn told(detected: &[Detected], unrevealed: &[Detected]) -> Told {
    let session = SessionFacts {
        id: SessionId(uuid::Uuid::from_u128(1)),
        index: 0,
        opened_at_us: 0,
        chain: Chain::new(Party::new(PartyKind::Person, "portreeve", "ada"), Vec::new()),
        resource: "shop".into(),
        protocol: "postgres".into(),
        client: String::new(),
    };
    let mut report = MaskingCoverage::new(Scope::default(), inputs());
    report.exchange(&Exchange {
        session: &session,
        number: 1,
        index: 7,
        last_index: 8,
        at_us: 0,
        last_at_us: 0,
        commands: &[],
        rows: 3,
        bytes: 0,
        masked: &BTreeMap::new(),
        detected,
        unrevealed,
        disagreements: 0,
        reviews: &[],
        outcome: Some(&Outcome::Completed),
        withheld: None,
        people: &BTreeMap::new(),
    });
    Box::new(report).tell(&Walked::default()).unwrap()
}

fn column<'v>(told: &'v Told, object: &str) -> &'v Value {
    let rows = told.content["objects"].as_array().unwrap();
    rows.iter().find(|row| row["object"] == object).unwrap()
}

#[test]
fn what_passed_by_no_rule_is_counted_by_column_and_cited() {
    let all = [found("body", 2, 4), found("email", 1, 0), found("title", 0, 3)];
    let told = told(&all, &[found("body", 2, 4)]);
    assert_eq!(told.content["unmasked_without_exception"], 4);
    assert_eq!(told.cited, [7]);
    let body = column(&told, "public.notes.body");
    assert_eq!(body["found_masked"], json!({ "phone": 2 }));
    assert_eq!(body["found_revealed"], json!({ "phone": 4 }));
    assert_eq!(body["found_unrevealed"], json!({ "phone": 4 }));
    let title = column(&told, "public.notes.title");
    assert_eq!(title["found_unrevealed"], json!({}));
}

#[test]
fn a_column_has_the_rule_that_the_configuration_gives_it() {
    let told = told(&[found("body", 1, 0), found("email", 1, 0), found("title", 1, 0)], &[]);
    assert_eq!(told.content["unmasked_without_exception"], 0);
    let check = |object: &str, pattern: Value, category: Value, rule: &str| {
        let configured = &column(&told, object)["configured"];
        let expect = json!({ "pattern": pattern, "category": category, "rule": rule });
        assert_eq!(configured, &expect, "{object}");
    };
    check("public.notes.body", Value::Null, Value::Null, "unclassified: detect");
    check("public.notes.email", json!("*.*.email"), json!("email"), "redact");
    check("public.notes.title", json!("public.notes.title"), Value::Null, "none");
    let is_gap = |text: &str| told.gaps.iter().any(|gap| gap.contains(text));
    assert!(is_gap("public.notes.body, which nobody has classified"));
    assert!(is_gap("public.notes.email, which no decision knew as email"));
    assert!(is_gap("public.notes.title, which the configuration says is nobody's"));
    assert!(is_gap("by category, not by column"));
}
