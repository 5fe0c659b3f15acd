//! Everything that is bound is shown, compared and encoded.

use super::*;

fn party(kind: PartyKind, subject: &str, groups: &[&str]) -> Party {
    let groups = groups.iter().map(|group| (*group).to_owned()).collect();
    Party { groups, ..Party::new(kind, "https://login.example.com", subject) }
}

fn content() -> ApprovalContent {
    let column = Object::column("public", "customers", "email");
    ApprovalContent {
        resource: "shop".into(),
        role: "shop_agent".into(),
        hops: vec![
            ApprovedHop {
                party: party(PartyKind::Person, "ann", &["analysts"]),
                strength: BTreeMap::from([("acr".into(), "phr".into())]),
            },
            ApprovedHop {
                party: party(PartyKind::Actor, "planner", &["agents", "beta"]),
                strength: BTreeMap::new(),
            },
        ],
        purpose: Some("support".into()),
        stated_purpose: None,
        policy: PolicyVersion("5b1c".into()),
        rule: "agent/write-reviewed".into(),
        statements: vec![ApprovedStatement {
            text: "DELETE FROM orders WHERE id = $1".into(),
            names: vec!["p".into()],
            parameters: vec![Parameter {
                type_name: "integer".into(),
                format: ParameterFormat::Text,
                value: ParameterValue::Decoded("1234".into()),
            }],
        }],
        settings: BTreeMap::from([("DateStyle".into(), "ISO, MDY".into())]),
        search_path: vec!["public".into()],
        definitions: BTreeMap::from([(Object::table("public", "orders"), "7".into())]),
        masked: BTreeMap::from([(column, ("email".into(), MaskMethod::Partial))]),
        caps: BTreeMap::from([(Unit::Rows, 3)]),
        upload: Upload::Absent,
    }
}

/// Changes one thing: what is said of it.
fn check(change: impl FnOnce(&mut ApprovalContent), expect: &[&str]) {
    let approved = content();
    let mut run = content();
    change(&mut run);
    assert_ne!(approved.encoding(), run.encoding(), "{expect:?}");
    assert_eq!(approved.differences(&run), expect);
    assert_eq!(run.differences(&approved).is_empty(), expect.is_empty());
}

#[test]
fn what_is_the_same_has_no_differences() {
    assert_eq!(content().encoding(), content().encoding());
    assert!(content().differences(&content()).is_empty());
}

#[test]
fn statements_and_parameters_are_bound() {
    check(|run| run.statements[0].text.push_str(" OR true"), &["statement: text differs"]);
    check(|run| run.statements[0].names.clear(), &["statement: called through p → none"]);
    check(
        |run| run.statements[0].parameters[0].format = ParameterFormat::Binary,
        &["parameter $1: format text → binary"],
    );
    check(
        |run| run.statements[0].parameters[0].type_name = "text".into(),
        &["parameter $1: type integer → text"],
    );
    // The value is not told: it may be somebody's name.
    check(
        |run| run.statements[0].parameters[0].value = ParameterValue::Decoded("5".into()),
        &["parameter $1: value differs"],
    );
    check(
        |run| run.statements[0].parameters[0].value = ParameterValue::Null,
        &["parameter $1: value is not there any more", "parameter $1: null is new"],
    );
    check(
        |run| run.statements[0].parameters[0].value = ParameterValue::Opaque(b"1234".to_vec()),
        &["parameter $1: value is not there any more", "parameter $1: bytes is new"],
    );
    check(
        |run| run.statements[0].parameters.clear(),
        &[
            "parameter $1: type is not there any more",
            "parameter $1: format is not there any more",
            "parameter $1: value is not there any more",
        ],
    );
    let more = |run: &mut ApprovalContent| {
        let (text, names, parameters) = ("COMMIT".into(), Vec::new(), Vec::new());
        run.statements.push(ApprovedStatement { text, names, parameters });
    };
    check(more, &["statement 2: text is new", "statement 2: called through is new"]);
}

#[test]
fn circumstances_are_bound() {
    let set = |run: &mut ApprovalContent| {
        run.settings.insert("DateStyle".into(), "ISO, DMY".into());
    };
    check(set, &["setting `DateStyle` differs"]);
    check(|run| run.settings.clear(), &["setting `DateStyle` is not there any more"]);
    check(|run| run.search_path.insert(0, "anon".into()), &["search path public → anon.public"]);
    check(|run| run.role = "postgres".into(), &["role shop_agent → postgres"]);
    check(|run| run.resource = "crm".into(), &["resource shop → crm"]);
    check(|run| run.policy = PolicyVersion("77".into()), &["policy version 5b1c → 77"]);
    check(|run| run.rule = "other".into(), &["rule agent/write-reviewed → other"]);
    check(
        |run| *run.definitions.values_mut().next().unwrap() = "8".into(),
        &["definition of public.orders: version 7 → 8"],
    );
    check(|run| run.masked.clear(), &["masking of public.customers.email is not there any more"]);
    check(
        |run| run.masked.values_mut().for_each(|(_, method)| *method = MaskMethod::Null),
        &["masking of public.customers.email partial as email → null as email"],
    );
    check(|run| *run.caps.get_mut(&Unit::Rows).unwrap() = 4, &["cap on rows 3 → 4"]);
    check(|run| run.caps.clear(), &["cap on rows is not there any more"]);
}

#[test]
fn the_chain_is_bound_as_strong_as_it_was_proven() {
    check(|run| run.hops[0].party.subject = "bob".into(), &["principal: subject ann → bob"]);
    check(|run| run.hops[1].party.kind = PartyKind::Service, &["actor 1: kind actor → service"]);
    check(|run| drop(run.hops[0].party.groups.pop()), &["principal: groups analysts → none"]);
    check(
        |run| drop(run.hops[0].strength.insert("acr".into(), "pwd".into())),
        &["principal: strength.acr phr → pwd"],
    );
    check(
        |run| drop(run.hops.pop()),
        &[
            "actor 1: kind is not there any more",
            "actor 1: issuer is not there any more",
            "actor 1: subject is not there any more",
            "actor 1: groups is not there any more",
        ],
    );
    check(|run| run.purpose = None, &["purpose is not there any more"]);
    check(
        |run| run.stated_purpose = run.purpose.take(),
        &["purpose is not there any more", "stated purpose is new"],
    );
    let mut turned = content();
    turned.hops[1].party.groups.reverse();
    assert!(content().differences(&turned).is_empty());
}

#[test]
fn uploads_are_bound_by_digest_or_capped() {
    let bound = |byte| Upload::Bound { digest: Digest([byte; 32]), bytes: 9 };
    let mut approved = content();
    approved.upload = bound(1);
    let check = |upload, expect: &[&str]| {
        let run = ApprovalContent { upload, ..content() };
        assert_eq!(approved.differences(&run), expect);
        assert_ne!(approved.encoding(), run.encoding());
    };
    check(bound(2), &["upload: digest differs"]);
    check(
        Upload::Capped { bytes_max: 9 },
        &[
            "upload: digest is not there any more",
            "upload: bytes is not there any more",
            "upload: bytes at most is new",
        ],
    );
    check(
        Upload::Absent,
        &["upload: digest is not there any more", "upload: bytes is not there any more"],
    );
}

/// Names that could be taken for one another are not.
#[test]
fn no_two_lists_are_written_alike() {
    let lists: [&[&str]; 7] =
        [&[], &[""], &["a", "b"], &["a.b"], &["\"a\"", "b"], &["a", "", "b"], &["", ""]];
    let written: BTreeSet<_> = lists
        .iter()
        .map(|list| quoted_path(&list.iter().map(|part| (*part).to_owned()).collect::<Vec<_>>()))
        .collect();
    assert_eq!(written.len(), lists.len(), "{written:?}");
}

/// `docs/formats/vectors/approval.json`, which other implementations can be held against.
#[test]
fn the_encoding_is_the_documented_one() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/formats/vectors/approval.json");
    let fields: Vec<_> =
        content().fields().into_iter().map(|field| [field.name, field.value]).collect();
    let vector: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    assert_eq!(vector["fields"], serde_json::json!(fields));
    assert_eq!(vector["encoding"], hexadecimal(&content().encoding()));
}
