//! What is refused at load, and how it is said.

use portreeve_decide::policy::Policies;

fn problems(text: &str) -> String {
    match Policies::load(&[("a.cedar".to_owned(), text.to_owned())]) {
        Ok(_) => "loaded".to_owned(),
        Err(error) => error.to_string(),
    }
}

/// The message must hold each of the parts.
fn check(text: &str, expect: &[&str]) {
    let said = problems(text);
    for part in expect {
        assert!(said.contains(part), "`{part}` is not in:\n{said}\n\nof:\n{text}");
    }
}

const ANY: &str = "permit(principal, action, resource);";

#[test]
fn ids_are_demanded_and_unique() {
    check(ANY, &["a.cedar:1:1: the policy has no `@id`", "hint: write `@id("]);
    check(
        &format!("@id(\"x\") {ANY}\n\n@id(\"x\") {ANY}"),
        &["a.cedar:3:1: `@id(\"x\")` is taken by the policy at a.cedar:1"],
    );
    check(&format!("@id(\"default-deny\") {ANY}"), &["is the gateway's own"]);
    check(&format!("@id(\"policy-error\") {ANY}"), &["is the gateway's own"]);
    check(&format!("@id(\"a b\") {ANY}"), &["`@id(\"a b\")` is not a name"]);
    check(&format!("@id(\"{}\") {ANY}", "x".repeat(101)), &["is not a name"]);
    check(&format!("@id(\"x.y:z/1_2-3\") {ANY}"), &["loaded"]);
}

#[test]
fn ids_are_unique_across_files() {
    let source = |name: &str| (name.to_owned(), format!("@id(\"x\") {ANY}"));
    let error = Policies::load(&[source("b.cedar"), source("a.cedar")]).unwrap_err();
    assert_eq!(error.problems.len(), 1);
    assert_eq!(error.problems[0].file, "b.cedar");
    assert!(error.to_string().contains("a.cedar:1"), "{error}");
}

#[test]
fn every_problem_is_told() {
    let error = Policies::load(&[
        ("a.cedar".to_owned(), format!("{ANY}\n{ANY}")),
        ("b.cedar".to_owned(), "permit(".to_owned()),
    ])
    .unwrap_err();
    assert_eq!(error.problems.len(), 3, "{error}");
}

#[test]
fn syntax_errors_have_a_place() {
    check("@id(\"x\")\npermit(principal, action resource);", &["a.cedar:2:26: "]);
    check(
        "@id(\"x\") permit(principal, action, resource) when { context.rows > };",
        &["a.cedar:1:"],
    );
    check("@id(\"x\") @id(\"y\") permit(principal, action, resource);", &["a.cedar:1:"]);
}

#[test]
fn names_outside_the_schema_are_refused() {
    let head = "@id(\"x\")\npermit(principal, action, resource) when";
    check("@id(\"x\") permit(principal is User, action, resource);", &["a.cedar:1:", "User"]);
    check("@id(\"x\") permit(principal, action, resource in Database::\"x\");", &["Database"]);
    check("@id(\"x\") permit(principal, action == Action::\"select\", resource);", &["select"]);
    check(&format!("{head} {{ context.reason == \"x\" }};"), &["a.cedar:2:", "reason"]);
    check(&format!("{head} {{ context.purpose == \"x\" }};"), &["a.cedar:2:", "purpose"]);
    check(&format!("{head} {{ context.depth == \"one\" }};"), &["a.cedar:2:"]);
    check(&format!("{head} {{ principal.email == \"x\" }};"), &["email"]);
    check("@id(\"x\") permit(principal == ?principal, action, resource);", &["template"]);
}

#[test]
fn one_mistake_is_told_once() {
    let when = "@id(\"x\") permit(principal, action, resource) when { context.purpose == \"x\" };";
    for text in [when, "@id(\"x\") permit(principal is User, action, resource);"] {
        let sources = [("a.cedar".to_owned(), text.to_owned())];
        let error = Policies::load(&sources).unwrap_err();
        assert_eq!(error.problems.len(), 1, "{error}");
        assert!(error.problems[0].hint.is_some(), "{error}");
    }
}

#[test]
fn a_policy_that_never_applies_is_refused() {
    let text = "@id(\"x\") forbid(principal, action == Action::\"connect\", resource is Table);";
    check(text, &["a.cedar:1:"]);
    let text = "@id(\"x\") forbid(principal, action == Action::\"read\", resource is Column) \
                when { resource is Table };";
    check(text, &["a.cedar:1:"]);
}

#[test]
fn reviews_belong_to_forbids_and_name_groups() {
    check(
        &format!("@id(\"x\") @review(\"dpo\") {ANY}"),
        &["`@review` on a `permit`", "hint: keep"],
    );
    let forbid = "forbid(principal, action, resource);";
    check(&format!("@id(\"x\") @review {forbid}"), &["`@review` names no group"]);
    check(&format!("@id(\"x\") @review(\"\") {forbid}"), &["names no group"]);
    check(&format!("@id(\"x\") @review(\"dpo,,hr\") {forbid}"), &["names no group"]);
    check(&format!("@id(\"x\") @review(\"dpo, hr\") {forbid}"), &["loaded"]);
}

#[test]
fn annotations_are_known_ones() {
    check(&format!("@id(\"x\") @reveiw(\"dpo\") {ANY}"), &["`@reveiw` is not known", "`@review`"]);
    check(&format!("@id(\"x\") @advice {ANY}"), &["`@advice` is not one line of text"]);
    check(&format!("@id(\"x\") @advice(\"a\\nb\") {ANY}"), &["not one line"]);
    check(&format!("@id(\"x\") @description(\"why\") {ANY}"), &["loaded"]);
}

#[test]
fn ids_of_objects_have_their_shape() {
    let policy = |resource: &str| {
        format!("@id(\"x\") forbid(principal, action == Action::\"read\", resource {resource});")
    };
    check(&policy("== Table::\"customers\""), &["resource/schema.name"]);
    check(&policy("== Table::\"public.customers\""), &["is not the name of anything"]);
    check(&policy("== Column::\"shop/public.customers\""), &["resource/schema.table.column"]);
    check(&policy("in Schema::\"public\""), &["resource/schema"]);
    check(&policy("in Table::\"shop/public.customers\""), &["loaded"]);
    check(&policy("in Schema::\"shop/public\""), &["loaded"]);
    check(&policy("in Category::\"email\""), &["loaded"]);
}

#[test]
fn counters_are_compared_with_numbers_only() {
    let policy = |when: &str| {
        format!(
            "@id(\"x\") forbid(principal, action == Action::\"read\", resource) when {{ {when} }};"
        )
    };
    check(&policy("context.rows > 10 || (context.depth > 1 && 5 <= context.rows)"), &["loaded"]);
    check(&policy("context has rows && context.rows > 10"), &["loaded"]);
    check(&policy("context[\"rows\"] > 10"), &["loaded"]);
    check(&policy("context.rows + 1 > 10"), &["computes with `context.rows`", "hint: compare"]);
    check(&policy("context.rows > context.depth"), &["compares `context.rows`"]);
    check(&policy("context.session_rows > context.rows"), &["compares `context.session_rows`"]);
    check(&policy("context.day_probes > 10 && context.session_bytes < 5"), &["loaded"]);
    check(&policy("context.day_probes * 2 > 10"), &["computes with `context.day_probes`"]);
    check(&policy("context.day_lines > 10"), &["a.cedar:1:", "day_lines"]);
    check(&policy("[1, 2].contains(context.rows)"), &["computes with `context.rows`"]);
    check(&policy("{a: context.rows}.a > 5"), &["computes with"]);
    check(&policy("(if context.depth > 1 then context else context).rows > 5"), &["as a whole"]);
    check(&policy("context == context"), &["`context` as a whole"]);
}

#[test]
fn reveals_do_not_depend_on_counters_or_commands() {
    let policy = |scope: &str, when: &str| {
        format!("@id(\"x\") permit(principal, {scope}, resource) when {{ {when} }};")
    };
    for when in ["context.rows < 10", "context.day_probes < 10"] {
        let expect = ["`reveal` cannot depend on counters", "hint: name the actions"];
        check(&policy("action", when), &expect);
        check(&policy("action == Action::\"reveal\"", when), &expect);
        check(&policy("action in [Action::\"read\", Action::\"reveal\"]", when), &expect);
        check(&policy("action in [Action::\"read\", Action::\"filter\"]", when), &["loaded"]);
    }
    for when in ["context.verb == \"COPY\"", "context.bounded", "!context.aggregated"] {
        let expect = ["`reveal` cannot depend on the command (`context.", "hint: name the actions"];
        check(&policy("action", when), &expect);
        check(&policy("action in [Action::\"read\", Action::\"reveal\"]", when), &expect);
        check(&policy("action == Action::\"write\"", when), &["loaded"]);
    }
}

#[test]
fn limits_are_refusals() {
    let many: String = (0..2001).map(|i| format!("@id(\"p{i}\") {ANY}\n")).collect();
    check(&many, &["2001 policies are more than 2000"]);
    check(&"/".repeat((1 << 20) + 1), &["bytes are more than"]);
}

#[test]
fn the_version_is_that_of_the_texts() {
    let source = |name: &str, id: &str| (name.to_owned(), format!("@id(\"{id}\") {ANY}"));
    let one = Policies::load(&[source("a", "x"), source("b", "y")]).unwrap();
    let turned = Policies::load(&[source("b", "y"), source("a", "x")]).unwrap();
    let other = Policies::load(&[source("a", "x"), source("b", "z")]).unwrap();
    assert_eq!(one.version(), turned.version());
    assert_ne!(one.version(), other.version());
    assert_eq!(one.version().0.len(), 64);
    let again = Policies::from_source(one.source()).unwrap();
    assert_eq!(again.version(), one.version());
    assert_eq!(again.rules(), one.rules());
}

#[test]
fn policies_go_between_threads() {
    fn goes<T: Send + Sync>() {}
    goes::<Policies>();
}
