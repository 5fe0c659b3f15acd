//! Everything that is bound is shown, compared and encoded.

use super::*;

fn party(kind: PartyKind, subject: &str, groups: &[&str]) -> Party {
    let groups = groups.iter().map(|group| (*group).to_owned()).collect();
    Party { groups, ..Party::new(kind, "https://login.example.com", subject) }
}

fn content() -> ApprovalContent {
    let column = Object::column("public", "customers", "email");
    let ann = party(PartyKind::Person, "ann", &["analysts"]);
    let planner = party(PartyKind::Actor, "planner", &["agents", "beta"]);
    ApprovalContent {
        resource: "shop".into(),
        chain: Chain {
            purpose: Some("support".into()),
            strength: Strength { acr: Some("phr".into()), amr: Vec::new() },
            ..Chain::new(ann, vec![planner])
        },
        policy: PolicyVersion("5b1c".into()),
        rule: "agent/write-reviewed".into(),
        request: RequestContent {
            role: "shop_agent".into(),
            statements: vec![ApprovedStatement {
                text: "DELETE FROM orders WHERE id = $1".into(),
                names: vec!["p".into()],
                parameters: vec![Parameter {
                    type_name: "integer".into(),
                    format: ParameterFormat::Text,
                    value: ParameterValue::Decoded("1234".into()),
                }],
            }],
            settings: vec!["SET DateStyle = 'ISO, MDY'".into()],
            search_path: vec!["public".into()],
            definitions: BTreeMap::from([("public.orders".into(), "7".into())]),
            masked: BTreeMap::from([(column, ("email".into(), MaskMethod::Partial))]),
            caps: BTreeMap::from([(Unit::Rows, 3)]),
            upload: Upload::Absent,
            examples: None,
        },
    }
}

fn differing(approved: &ApprovalContent, run: &ApprovalContent) -> Vec<String> {
    differences(&approved.fields(), &run.fields())
}

/// Changes one thing: what is said of it.
fn check(change: impl FnOnce(&mut ApprovalContent), expect: &[&str]) {
    let approved = content();
    let mut run = content();
    change(&mut run);
    assert_ne!(approved.encoding(), run.encoding(), "{expect:?}");
    assert_eq!(differing(&approved, &run), expect);
    assert_eq!(differing(&run, &approved).is_empty(), expect.is_empty());
}

#[test]
fn what_is_the_same_has_no_differences() {
    assert_eq!(content().encoding(), content().encoding());
    assert!(differing(&content(), &content()).is_empty());
}

#[test]
fn examples_are_for_the_reader_alone() {
    let mut run = content();
    run.request.examples = Some(Examples::default());
    assert_eq!(content().encoding(), run.encoding());
}

#[test]
fn statements_and_parameters_are_bound() {
    check(|run| run.request.statements[0].text.push_str(" OR true"), &["statement: text differs"]);
    check(|run| run.request.statements[0].names.clear(), &["statement: called through p → none"]);
    check(
        |run| run.request.statements[0].parameters[0].format = ParameterFormat::Binary,
        &["parameter $1: format text → binary"],
    );
    check(
        |run| run.request.statements[0].parameters[0].type_name = "text".into(),
        &["parameter $1: type integer → text"],
    );
    // The value is not told: it may be somebody's name.
    check(
        |run| run.request.statements[0].parameters[0].value = ParameterValue::Decoded("5".into()),
        &["parameter $1: value differs"],
    );
    check(
        |run| run.request.statements[0].parameters[0].value = ParameterValue::Null,
        &["parameter $1: value is not there any more", "parameter $1: null is new"],
    );
    check(
        |run| {
            run.request.statements[0].parameters[0].value = ParameterValue::Opaque(b"1234".to_vec())
        },
        &["parameter $1: value is not there any more", "parameter $1: bytes is new"],
    );
    check(
        |run| run.request.statements[0].parameters.clear(),
        &[
            "parameter $1: type is not there any more",
            "parameter $1: format is not there any more",
            "parameter $1: value is not there any more",
        ],
    );
    let more = |run: &mut ApprovalContent| {
        let (text, names, parameters) = ("COMMIT".into(), Vec::new(), Vec::new());
        run.request.statements.push(ApprovedStatement { text, names, parameters });
    };
    check(more, &["statement 2: text is new", "statement 2: called through is new"]);
}

#[test]
fn circumstances_are_bound() {
    let set = |run: &mut ApprovalContent| {
        run.request.settings[0] = "SET DateStyle = 'ISO, DMY'".into();
    };
    check(set, &["setting 1 differs"]);
    check(|run| run.request.settings.clear(), &["setting 1 is not there any more"]);
    check(
        |run| run.request.search_path.insert(0, "anon".into()),
        &["search path public → anon.public"],
    );
    check(|run| run.request.role = "postgres".into(), &["role shop_agent → postgres"]);
    check(|run| run.resource = "crm".into(), &["resource shop → crm"]);
    check(|run| run.policy = PolicyVersion("77".into()), &["policy version 5b1c → 77"]);
    check(|run| run.rule = "other".into(), &["rule agent/write-reviewed → other"]);
    check(
        |run| *run.request.definitions.values_mut().next().unwrap() = "8".into(),
        &["definition of public.orders: version 7 → 8"],
    );
    check(
        |run| run.request.masked.clear(),
        &["masking of public.customers.email is not there any more"],
    );
    check(
        |run| run.request.masked.values_mut().for_each(|(_, method)| *method = MaskMethod::Null),
        &["masking of public.customers.email partial as email → null as email"],
    );
    check(|run| *run.request.caps.get_mut(&Unit::Rows).unwrap() = 4, &["cap on rows 3 → 4"]);
    check(|run| run.request.caps.clear(), &["cap on rows is not there any more"]);
}

#[test]
fn the_chain_is_bound_as_strong_as_it_was_proven() {
    check(|run| run.chain.principal.subject = "bob".into(), &["principal: subject ann → bob"]);
    check(|run| run.chain.actors[0].kind = PartyKind::Service, &["actor 1: kind actor → service"]);
    check(|run| drop(run.chain.principal.groups.pop()), &["principal: groups analysts → none"]);
    check(|run| drop(run.chain.strength.acr.replace("pwd".into())), &["principal: acr phr → pwd"]);
    check(
        |run| drop(run.chain.actors.pop()),
        &[
            "actor 1: kind is not there any more",
            "actor 1: issuer is not there any more",
            "actor 1: subject is not there any more",
            "actor 1: groups is not there any more",
        ],
    );
    check(|run| run.chain.purpose = None, &["purpose is not there any more"]);
    check(
        |run| run.chain.stated_purpose = run.chain.purpose.take(),
        &["purpose is not there any more", "stated purpose is new"],
    );
    let mut turned = content();
    turned.chain.actors[0].groups.reverse();
    assert!(differing(&content(), &turned).is_empty());
}

#[test]
fn uploads_are_bound_by_digest_or_capped() {
    let bound = |byte| Upload::Bound { digest: Digest([byte; 32]), bytes: 9 };
    let mut approved = content();
    approved.request.upload = bound(1);
    let check = |upload, expect: &[&str]| {
        let mut run = content();
        run.request.upload = upload;
        assert_eq!(differing(&approved, &run), expect);
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
