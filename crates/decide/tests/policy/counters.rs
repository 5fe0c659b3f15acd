//! Row thresholds: where an answer turns while rows pass.

use crate::asking::{ask, check, load};
use portreeve_decide::policy::Counters;
use portreeve_model::Verdict;
use proptest::prelude::*;

const POLICIES: &str = r#"
@id("all") permit(principal, action, resource);
@id("export") @review("reviewers") @advice("ask for fewer rows")
forbid(principal is Actor, action == Action::"read", resource)
  when { context.rows > 1000 };
@id("budget") @advice("open a new session tomorrow")
forbid(principal is Actor, action == Action::"read", resource)
  when { context.session_rows >= 5000 };
@id("customers") @review("dpo")
forbid(principal, action == Action::"read", resource == Table::"shop/public.customers");
"#;

/// `none`, or rows, verdict beyond, groups and rule.
fn free(policies: &str, asked: &str, expect: &str) {
    let found = ask(asked).with(|ask| load(policies).rows_free(ask));
    let brief = match found.rows {
        None => "none".to_owned(),
        Some(rows) => {
            let verdict = match found.beyond {
                Some(Verdict::Review) => format!("review[{}]", found.groups.join(",")),
                Some(Verdict::Deny) => "deny".to_owned(),
                Some(Verdict::Allow) | None => "?".to_owned(),
            };
            let rule = found.rule.map_or("-".to_owned(), |rule| rule.0);
            format!("{rows} {verdict} {rule}")
        }
    };
    assert_eq!(brief, expect, "{asked}");
}

#[test]
fn rows_are_free_up_to_the_number_in_the_policy() {
    let check = |asked: &str, expect: &str| free(POLICIES, asked, expect);
    check("person ann; read public.orders", "none");
    check("person ann; actor p; read public.orders", "1000 review[reviewers] export");
    check("person ann; actor p; write public.orders", "none");
    check("person ann; actor p", "none");
    check("person ann; actor p; read public.orders; rows 1000", "1000 review[reviewers] export");
}

#[test]
fn session_rows_move_along() {
    let check = |asked: &str, expect: &str| free(POLICIES, asked, expect);
    check("person ann; actor p; read public.orders; session 3998", "1000 review[reviewers] export");
    check("person ann; actor p; read public.orders; session 4500", "499 deny budget");
    check("person ann; actor p; read public.orders; session 4500; rows 300", "499 deny budget");
    check("person ann; actor p; read public.orders; session 4999", "0 deny budget");
}

#[test]
fn what_is_denied_now_has_nothing_free() {
    let check = |asked: &str, expect: &str| free(POLICIES, asked, expect);
    check("person ann; actor p; read public.orders; session 5000", "0 deny -");
    check("person ann; actor p; read public.orders; session 4000; rows 1000", "1000 deny -");
    check("person ann; actor p; read public.orders; rows 900000", "900000 deny -");
}

#[test]
fn an_approved_review_is_free_until_another_rule_objects() {
    let check = |asked: &str, expect: &str| free(POLICIES, asked, expect);
    check("person ann; actor p; read public.customers", "1000 review[reviewers] export");
    check("person ann; actor p; read public.orders; rows 1500", "4999 deny budget");
    check("person ann; read public.customers", "none");
}

#[test]
fn permits_that_end_are_thresholds_too() {
    let some = r#"@id("some") permit(principal, action == Action::"read", resource)
        unless { context.rows >= 10 };"#;
    free(some, "person ann; read public.a", "9 deny default-deny");
    let gap = r#"@id("a") permit(principal, action, resource);
        @id("b") forbid(principal, action == Action::"read", resource)
          when { 7 == context.rows };"#;
    free(gap, "person ann; read public.a", "6 deny b");
    free(gap, "person ann; read public.a; rows 8", "none");
    let never = r#"@id("a") permit(principal, action == Action::"read", resource)
        when { context.rows >= 0 };"#;
    free(never, "person ann; read public.a", "none");
    let none = r#"@id("a") permit(principal, action == Action::"read", resource)
        when { context.rows < 1 };"#;
    free(none, "person ann; read public.a", "0 deny default-deny");
}

#[test]
fn decisions_see_the_counters() {
    let policies = load(POLICIES);
    let check = |asked: &str, expect: &str| check(&policies, asked, expect);
    check("person ann; actor p; read public.orders; rows 1000", "allow");
    check("person ann; actor p; read public.orders; rows 1001", "review[reviewers] export@p");
    check("person ann; actor p; read public.orders; session 5000", "deny budget@p");
    check("person ann; read public.orders; rows 18446744073709551615", "allow");
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::with_cases(64)
    })]
    /// The threshold is where counting row by row would find it.
    #[test]
    fn the_threshold_is_the_one_that_counting_finds(
        numbers in proptest::collection::vec(
            (0u64..40, 0usize..6, any::<bool>(), any::<bool>()),
            1..5,
        ),
        rows in 0u64..20,
        base in 0u64..20,
    ) {
        let mut text = r#"@id("all") permit(principal, action, resource);"#.to_owned();
        for (index, (number, operator, session, review)) in numbers.iter().enumerate() {
            let operator = ["<", "<=", "==", "!=", ">", ">="][*operator];
            let counter = if *session { "session_rows" } else { "rows" };
            let review = if *review { "@review(\"r\")" } else { "" };
            text.push_str(&format!(
                "@id(\"f{index}\") {review} \
                 forbid(principal, action == Action::\"read\", resource) \
                 when {{ context.{counter} {operator} {number} }};"
            ));
        }
        let sources = [("test.cedar".to_owned(), text)];
        let policies = portreeve_decide::policy::Policies::load(&sources).unwrap();
        let mut asked = ask("person ann; read public.a");
        let mut rules = |rows: u64| {
            asked.counters = Counters { rows, session_rows: base + rows };
            let decision = asked.with(|ask| policies.decide(ask));
            let denied = decision.verdict == Verdict::Deny;
            let rules: std::collections::BTreeSet<_> =
                decision.reasons.into_iter().map(|reason| reason.rule.0).collect();
            (denied, rules)
        };
        let (denied, now) = rules(rows);
        let counted = (rows + 1..100).find(|next| !rules(*next).1.is_subset(&now));
        let expect = if denied { Some(rows) } else { counted.map(|next| next - 1) };
        asked.counters = Counters { rows, session_rows: base + rows };
        let found = asked.with(|ask| policies.rows_free(ask));
        prop_assert_eq!(found.rows, expect);
        prop_assert_eq!(found.beyond.is_some(), expect.is_some());
    }
}
