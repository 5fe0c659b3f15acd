//! What a person may let pass.

use crate::asking::{ask, brief, check, load};

const POLICIES: &str = r#"
@id("all") 
permit(principal, action in [Action::"read", Action::"write", Action::"define"], resource);
@id("writes") @review("reviewers") @advice("wait for a reviewer")
forbid(principal is Actor, action == Action::"write", resource);
@id("customers") @review("dpo, reviewers")
forbid(principal, action, resource in Table::"shop/public.customers");
@id("frozen") @advice("nobody writes to the ledger")
forbid(principal, action in [Action::"write", Action::"define"],
       resource == Table::"shop/public.ledger");
@id("hr-only") @review("hr")
forbid(principal, action == Action::"administer", resource);
"#;

#[test]
fn a_review_holds_what_would_otherwise_be_allowed() {
    let policies = load(POLICIES);
    let check = |asked: &str, expect: &str| check(&policies, asked, expect);
    check("person ann; write public.orders", "allow");
    check("person ann; actor p; write public.orders", "review[reviewers] writes@p");
    check(
        "person ann; actor p; actor q; write public.orders",
        "review[reviewers] writes@p writes@q",
    );
    check("person ann; read public.customers", "review[dpo,reviewers] customers@ann");
    check(
        "person ann; actor p; write public.customers",
        "review[dpo,reviewers] customers@ann customers@p writes@p",
    );
}

#[test]
fn a_plain_refusal_is_above_every_review() {
    let policies = load(POLICIES);
    let check = |asked: &str, expect: &str| check(&policies, asked, expect);
    check("person ann; actor p; write public.ledger", "deny frozen@ann frozen@p");
    check(
        "person ann; actor p; write public.orders; write public.ledger",
        "deny frozen@ann frozen@p",
    );
    // Held and not permitted at all: a review would have nothing to give.
    check("person ann; administer resource", "deny default-deny@ann");
    check("person ann; read public.customers; execute public.f()", "deny default-deny@ann");
}

#[test]
fn review_groups_are_there_for_reviews_only() {
    let policies = load(POLICIES);
    let denied = ask("person ann; actor p; write public.ledger; write public.orders")
        .with(|ask| policies.decide(ask));
    assert!(denied.review_groups.is_empty());
    let held = ask("person ann; actor p; write public.orders").with(|ask| policies.decide(ask));
    assert_eq!(held.review_groups, ["reviewers"]);
    assert_eq!(held.reasons[0].advice.as_deref(), Some("wait for a reviewer"));
}

#[test]
fn a_rule_names_at_most_sixteen_needs_of_a_party() {
    let needs: Vec<_> = (0..100).map(|i| format!("execute public.f{i}()")).collect();
    let asked = ask(&format!("person ann; actor p; {}", needs.join("; ")));
    let decision = asked.with(|ask| load(POLICIES).decide(ask));
    assert_eq!(decision.reasons.len(), 32);
    assert_eq!(brief(&decision), "deny default-deny@ann default-deny@p");
}

#[test]
fn a_decision_repeats() {
    let asked = ask("person ann; actor p; write public.customers; read public.orders");
    let first = asked.with(|ask| load(POLICIES).decide(ask));
    for _ in 0..20 {
        assert_eq!(asked.with(|ask| load(POLICIES).decide(ask)), first);
    }
}

/// What only lacks a permit is told from what somebody has something against, be it a review that
/// would have nothing to give.
#[test]
fn silence_is_no_refusal_of_a_rule() {
    let policies = load(POLICIES);
    let check = |asked: &str, expect: bool| {
        assert_eq!(ask(asked).with(|ask| policies.says_nothing(ask)), expect, "{asked}");
    };
    check("person ann; execute public.f()", true);
    check("person ann; actor p; execute public.f()", true);
    check("person ann; read public.orders; execute public.f()", true);
    check("person ann; read public.orders", false);
    check("person ann", false);
    check("person ann; administer resource", false);
    check("person ann; read public.customers; execute public.f()", false);
    check("person ann; write public.ledger", false);
}
