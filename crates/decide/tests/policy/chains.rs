//! Every hop of a chain is asked about every need.

use crate::asking::{ask, brief, check, load, object};
use portreeve_model::{Object, ObjectKind, Verdict};

const STAFF: &str = r#"
@id("people-read")
permit(principal is Person in Group::"analysts",
       action in [Action::"connect", Action::"read"],
       resource in Resource::"shop");
@id("agents-read")
permit(principal is Actor in Group::"agents",
       action in [Action::"connect", Action::"read"],
       resource in Schema::"shop/public");
@id("agents-connect")
permit(principal is Actor in Group::"agents",
       action == Action::"connect",
       resource == Resource::"shop");
@id("no-payroll")
@advice("ask the payroll team for a report")
forbid(principal, action, resource) when {
  (resource is Table && resource.name == "payroll") ||
  resource == Column::"shop/public.staff.salary"
};
"#;

#[test]
fn the_principal_and_each_actor_must_be_allowed() {
    let policies = load(STAFF);
    let check = |asked: &str, expect: &str| check(&policies, asked, expect);
    check("person ann in analysts; read public.orders", "allow");
    check("person ann in analysts; connect resource", "allow");
    check("person ann; read public.orders", "deny default-deny@ann");
    check("person ann in analysts; actor p in agents; read public.orders", "allow");
    check("person ann in analysts; actor p in agents; connect resource", "allow");
    check("person ann; actor p in agents; read public.orders", "deny default-deny@ann");
    check("person ann in analysts; actor p; read public.orders", "deny default-deny@p");
    check(
        "person ann in analysts; actor p in agents; actor q; read public.orders",
        "deny default-deny@q",
    );
    // The kind of a party is part of its name: an actor called `ann` is not the person.
    check("actor ann in analysts; read public.orders", "deny default-deny@ann");
    check("service ann in analysts; read public.orders", "deny default-deny@ann");
}

#[test]
fn every_need_must_be_allowed() {
    let policies = load(STAFF);
    let check = |asked: &str, expect: &str| check(&policies, asked, expect);
    check("person ann in analysts", "allow");
    check("person nobody", "allow");
    check("person ann in analysts; read public.a; read audit.b; read public.f()", "allow");
    check("person ann in analysts; read public.a; write public.a", "deny default-deny@ann");
    check("person ann in analysts; read public.a; read public.payroll", "deny no-payroll@ann");
    check("person ann in analysts; actor p in agents; read audit.b", "deny default-deny@p");
    check("person ann in analysts; read public.staff.salary", "deny no-payroll@ann");
}

#[test]
fn a_forbid_names_everyone_it_stops_and_gives_its_advice() {
    let policies = load(STAFF);
    let asked = ask("person ann in analysts; actor p in agents; read public.payroll");
    let decision = asked.with(|ask| policies.decide(ask));
    let parties: Vec<_> = decision.reasons.iter().filter_map(|r| r.party.as_deref()).collect();
    assert_eq!(parties, ["ann", "p"]);
    let advice = decision.reasons[0].advice.as_deref();
    assert_eq!(advice, Some("ask the payroll team for a report"));
    assert_eq!(decision.reasons[0].need, asked.needs[0]);
    assert_eq!(decision.policy, *policies.version());
}

#[test]
fn the_absence_of_a_permit_says_what_an_administrator_would_permit() {
    let asked = ask("person ann in analysts; actor p in agents; write public.orders");
    let decision = asked.with(|ask| load(STAFF).decide(ask));
    let advice = decision.reasons[1].advice.as_deref().unwrap();
    assert_eq!(
        advice,
        "no policy permits actor `p` to write public.orders; an administrator would have to \
         permit the action `write` on Table::\"shop/public.orders\""
    );
}

#[test]
fn no_policies_permit_nothing() {
    check(&load(""), "person ann in analysts; connect resource", "deny default-deny@ann");
}

#[test]
fn two_issuers_with_one_name_do_not_share_groups() {
    let policies = load(STAFF);
    // Were the two of one store, the second `p` would read with the first one's group.
    check(
        &policies,
        "person ann in analysts; actor p@one in agents; actor p@two; read public.orders",
        "deny default-deny@p",
    );
    check(
        &policies,
        "person ann in analysts; actor p@one; actor p@two in agents; read public.orders",
        "deny default-deny@p",
    );
    check(
        &policies,
        "person ann in analysts; actor p@one in agents; actor p@two in agents; read public.orders",
        "allow",
    );
    let one = r#"@id("a") permit(principal, action, resource) when { principal.issuer == "one" };"#;
    check(&load(one), "person ann@one; read public.a", "allow");
    check(&load(one), "person ann@two; read public.a", "deny default-deny@ann");
}

#[test]
fn circumstances_are_known() {
    let check_when = |when: &str, asked: &str, expect: bool| {
        let text = format!("@id(\"a\") permit(principal, action, resource) when {{ {when} }};");
        let decision = ask(&format!("{asked}; read public.orders"))
            .with(|ask| load(&text).explain(ask).unwrap());
        let allowed = decision.iter().all(|hop| hop.verdict == portreeve_model::Verdict::Allow);
        assert_eq!(allowed, expect, "{when} / {asked}");
    };
    let purpose = r#"context has purpose && context.purpose == "support""#;
    check_when(purpose, "person ann; purpose support", true);
    check_when(purpose, "person ann; purpose fun", false);
    check_when(purpose, "person ann", false);
    check_when("context.depth <= 1", "person ann; actor p", true);
    check_when("context.depth <= 1", "person ann; actor p; actor q", false);
    check_when(r#"context.actors.contains("p")"#, "person ann; actor p; actor q", true);
    check_when(r#"context.actors.contains("r")"#, "person ann; actor p; actor q", false);
    check_when(r#"context.current == "q""#, "person ann; actor p; actor q", true);
    check_when(r#"context.current == "ann""#, "person ann", true);
    check_when(r#"context.principal_name == "ann""#, "person ann; actor p", true);
    check_when(r#"context.principal_issuer == "idp""#, "person ann@idp; actor p", true);
    check_when(r#"context.principal_groups.contains("dpo")"#, "person ann in dpo; actor p", true);
    // Thursday 31 December 2026, 23:59 UTC.
    let now = "person ann; at 1798761599";
    check_when("context.date == 20261231 && context.hour == 23", now, true);
    check_when("context.weekday == 4", now, true);
    check_when("context.weekday >= 6", now, false);
}

#[test]
fn the_command_is_known_as_a_whole() {
    let check_when = |when: &str, asked: &str, expect: bool| {
        let text = format!(
            "@id(\"a\") permit(principal, action in [Action::\"read\", Action::\"write\", \
             Action::\"define\"], resource) when {{ {when} }};"
        );
        let allowed = ask(asked).with(|ask| load(&text).decide(ask)).verdict == Verdict::Allow;
        assert_eq!(allowed, expect, "{when} / {asked}");
    };
    check_when(r#"context.verb == "COPY""#, "person ann; read public.a; verb COPY", true);
    check_when(r#"context.verb == "COPY""#, "person ann; read public.a; verb SELECT", false);
    check_when("context.writes", "person ann; read public.a", false);
    check_when("context.writes", "person ann; write public.a; bounded", true);
    check_when("context.bounded", "person ann; read public.a", true);
    check_when("context.bounded", "person ann; write public.a; bounded", true);
    check_when("context.bounded", "person ann; write public.a; unbounded", false);
    check_when("context.aggregated", "person ann; read public.a; aggregated", true);
    check_when("context.aggregated", "person ann; read public.a", false);
    check_when("context.counted", "person ann; read public.a", true);
    check_when("context.counted", "person ann; write public.a; bounded", true);
    check_when("context.counted", "person ann; write public.a; bounded; untold", false);
    check_when("context.changes > 99", "person ann; write public.a; bounded", false);
    check_when("context.changes > 99", "person ann; write public.a; bounded; untold", true);
    check_when(r#"context.change == "none""#, "person ann; read public.a", true);
    check_when(r#"context.change == "create""#, "person ann; define public.a; creates", true);
    check_when(r#"context.change == "change""#, "person ann; define public.a; changes", true);
    check_when(r#"context.change == "drop""#, "person ann; define public.a; drops", true);
    // What nobody said is taken for the worst.
    check_when("context.bounded", "person ann; write public.a", false);
    check_when("context.counted", "person ann; write public.a", false);
    check_when(r#"context.change == "drop""#, "person ann; define public.a", true);
}

#[test]
fn columns_are_revealed_by_category_and_by_every_hop() {
    let policies = load(
        r#"
        @id("support-email")
        permit(principal, action == Action::"reveal", resource in Category::"email")
          when { context has purpose && context.purpose == "support" };
        @id("doctors")
        permit(principal in Group::"doctors", action == Action::"reveal",
          resource in Category::"health");
        @id("not-by-actors") @review("dpo")
        forbid(principal is Actor, action == Action::"reveal", resource in Category::"health");
        "#,
    );
    let check = |asked: &str, column: &str, category: &str, expect: bool| {
        let revealed =
            ask(asked).with(|ask| policies.reveals(ask, &object(column), &category.into()));
        assert_eq!(revealed, expect, "{asked} {column} {category}");
    };
    let support = "person ann; actor p; purpose support";
    check(support, "public.customers.email", "email", true);
    check(support, "public.customers.phone", "phone", false);
    check("person ann; actor p", "public.customers.email", "email", false);
    check("person ann in doctors", "public.patients.diagnosis", "health", true);
    check("person ann; actor p in doctors", "public.patients.diagnosis", "health", false);
    // A reveal that would need a review is none.
    check(
        "person ann in doctors; actor p in doctors",
        "public.patients.diagnosis",
        "health",
        false,
    );
    // The category comes from the caller, who knows the column; not from the ask.
    check(support, "public.customers.phone", "email", true);
}

#[test]
fn filters_know_the_category_of_their_column() {
    let policies = load(
        r#"@id("a") permit(principal, action == Action::"filter", resource in Category::"email");"#,
    );
    check(&policies, "person ann; filter public.customers.email", "allow");
    check(&policies, "person ann; filter public.customers.diagnosis", "deny default-deny@ann");
    check(&policies, "person ann; filter public.customers.id", "deny default-deny@ann");
}

#[test]
fn a_failing_policy_denies_even_beside_a_permit() {
    let policies = load(
        r#"
        @id("all") permit(principal, action, resource);
        @id("sums") @review("dpo") forbid(principal, action == Action::"read", resource)
          when { context.date * 9223372036854775807 > 1 };
        "#,
    );
    let asked = ask("person ann; read public.orders; write public.orders");
    let decision = asked.with(|ask| policies.decide(ask));
    assert_eq!(brief(&decision), "deny policy-error@ann");
    assert!(decision.reasons[0].advice.as_deref().unwrap().contains("administrator"));
    check(&policies, "person ann; write public.orders", "allow");
}

#[test]
fn objects_without_the_shape_of_their_kind_are_denied() {
    let policies = load(r#"@id("all") permit(principal, action, resource);"#);
    for (kind, path) in [
        (ObjectKind::TABLE, vec!["orders"]),
        (ObjectKind::TABLE, vec!["a", "b", "c"]),
        (ObjectKind::COLUMN, vec!["a", "b"]),
        (ObjectKind::FUNCTION, vec![]),
        (ObjectKind::RESOURCE, vec!["shop"]),
    ] {
        let mut asked = ask("person ann; read public.orders");
        let path = path.into_iter().map(str::to_owned).collect();
        asked.needs[0].object = Object { kind, path };
        let decision = asked.with(|ask| policies.decide(ask));
        assert_eq!(brief(&decision), "deny policy-error@?");
    }
}

#[test]
fn names_with_dots_are_not_other_names() {
    let text = r#"@id("a") permit(principal, action, resource == Table::"shop/public.\"a.b\"");"#;
    let policies = load(text);
    let mut asked = ask("person ann; read public.b");
    asked.needs[0].object = Object::table("public", "a.b");
    assert_eq!(brief(&asked.with(|ask| policies.decide(ask))), "allow");
    asked.needs[0].object = Object::table("public.a", "b");
    assert_eq!(brief(&asked.with(|ask| policies.decide(ask))), "deny default-deny@ann");
}

#[test]
fn explaining_names_the_rules_of_each_hop() {
    let asked = ask("person ann in analysts; actor p; read public.orders; read public.payroll");
    let explained = asked.with(|ask| load(STAFF).explain(ask).unwrap());
    let lines: Vec<_> = explained
        .iter()
        .map(|line| {
            let rules: Vec<_> = line.rules.iter().map(|rule| rule.0.as_str()).collect();
            format!("{} {} {} {:?}", line.party, line.need.object, rules.join(","), line.verdict)
        })
        .collect();
    assert_eq!(
        lines,
        [
            "ann public.orders people-read Allow",
            "ann public.payroll no-payroll Deny",
            "p public.orders default-deny Deny",
            "p public.payroll no-payroll Deny",
        ]
    );
}

/// What a connection says of itself never counts as what an issuer signed.
#[test]
fn a_stated_purpose_is_no_purpose() {
    let policies = load(
        r#"
        @id("signed")
        permit(principal, action == Action::"read", resource)
        when { context has purpose && context.purpose == "support" };
        @id("stated")
        permit(principal, action == Action::"write", resource)
        when { context has stated_purpose && context.stated_purpose == "support" };
        "#,
    );
    let check = |asked: &str, expect: &str| check(&policies, asked, expect);
    check("person ann; purpose support; read public.a", "allow");
    check("person ann; states support; read public.a", "deny default-deny@ann");
    check("person ann; purpose other; states support; read public.a", "deny default-deny@ann");
    check("person ann; states support; write public.a", "allow");
    check("person ann; purpose support; write public.a", "deny default-deny@ann");
}

#[test]
fn policies_can_ask_how_strongly_somebody_was_authenticated() {
    let policies = load(
        r#"
        @id("strong")
        permit(principal, action == Action::"read", resource)
        when { context.principal_amr.contains("mfa") ||
               (context has principal_acr && context.principal_acr == "gold") };
        "#,
    );
    let check = |asked: &str, expect: &str| check(&policies, asked, expect);
    check("person ann; read public.a", "deny default-deny@ann");
    check("person ann; amr pwd; read public.a", "deny default-deny@ann");
    check("person ann; amr pwd mfa; read public.a", "allow");
    check("person ann; acr gold; read public.a", "allow");
    check("person ann; acr mfa; read public.a", "deny default-deny@ann");
}
