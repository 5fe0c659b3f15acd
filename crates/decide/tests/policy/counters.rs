//! Thresholds: where an answer turns while a reply passes.

use crate::asking::{ask, check, load};
use portreeve_decide::policy::{Beyond, Counters, Limit};
use portreeve_model::{Counter, Object, Unit, Usage, Verdict};
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

fn brief(limit: &Limit) -> String {
    let rule = |rule: &Option<_>| match rule {
        Some(portreeve_model::RuleId(rule)) => rule.clone(),
        None => "-".to_owned(),
    };
    let beyond = match &limit.beyond {
        Beyond::Ask => "ask".to_owned(),
        Beyond::Deny { rule: named, .. } => format!("deny {}", rule(named)),
        Beyond::Review { rule, groups, .. } => format!("review[{}] {rule}", groups.join(",")),
    };
    format!("{} {beyond}", limit.count_max)
}

/// `none`, or how many rows, verdict beyond, groups and rule.
fn free(policies: &str, asked: &str, expect: &str) {
    let found = ask(asked).with(|ask| load(policies).threshold(ask));
    let brief = found.limit(Unit::Rows).map_or_else(|| "none".to_owned(), brief);
    assert_eq!(brief, expect, "{asked}");
}

/// Every limit, by the counter that stands there.
fn limits(policies: &str, asked: &str, expect: &[&str]) {
    let found = ask(asked).with(|ask| load(policies).threshold(ask));
    let brief = |limit: &Limit| format!("{}: {}", limit.counter, brief(limit));
    assert_eq!(found.limits.iter().map(brief).collect::<Vec<_>>(), expect, "{asked}");
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
    check(
        "person ann; actor p; read public.orders; session_rows 3998",
        "1000 review[reviewers] export",
    );
    check("person ann; actor p; read public.orders; session_rows 4500", "499 deny budget");
    check(
        "person ann; actor p; read public.orders; session_rows 4500; rows 300",
        "499 deny budget",
    );
    check("person ann; actor p; read public.orders; session_rows 4999", "0 deny budget");
}

#[test]
fn what_is_denied_now_has_nothing_free() {
    let check = |asked: &str, expect: &str| free(POLICIES, asked, expect);
    check("person ann; actor p; read public.orders; session_rows 5000", "0 deny -");
    check("person ann; actor p; read public.orders; session_rows 4000; rows 1000", "1000 deny -");
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
    check("person ann; actor p; read public.orders; session_rows 5000", "deny budget@p");
    check("person ann; read public.orders; rows 18446744073709551615", "allow");
}

#[test]
fn every_unit_has_a_limit_of_its_own() {
    let units = r#"
        @id("all") permit(principal, action, resource);
        @id("bytes") forbid(principal, action == Action::"read", resource)
          when { context.bytes > 1000 };
        @id("values") @review("dpo") forbid(principal, action == Action::"read", resource)
          when { context.session_values > 500 };
        @id("probes") forbid(principal, action == Action::"probe", resource)
          when { context.day_probes >= 30 };
        "#;
    let check = |asked: &str, expect: &[&str]| limits(units, asked, expect);
    check(
        "person ann; read public.a; probe public.a.b",
        &[
            "session_values: 500 review[dpo] values",
            "bytes: 1000 deny bytes",
            "day_probes: 29 deny probes",
        ],
    );
    check("person ann; probe public.a.b; day_probes 25", &["day_probes: 4 deny probes"]);
    check(
        "person ann; read public.a; session_values 200; values 40; bytes 7; day_bytes 5000",
        &["session_values: 300 review[dpo] values", "bytes: 1000 deny bytes"],
    );
    check("person ann; write public.a", &[]);
}

#[test]
fn the_day_is_that_of_the_object() {
    let policies = load(
        r#"
        @id("all") permit(principal, action, resource);
        @id("day") forbid(principal, action == Action::"read", resource)
          when { context.day_rows > 100 };
        "#,
    );
    let asked = ask("person ann; read public.a; read public.b");
    let used = |object: &Object| {
        Usage::of(Unit::Rows, if *object == Object::table("public", "b") { 60 } else { 10 })
    };
    asked.with(|ask| {
        let ask = portreeve_decide::policy::Ask { day: &used, ..*ask };
        assert_eq!(policies.threshold(&ask).limit(Unit::Rows).unwrap().count_max, 40);
        assert_eq!(policies.decide(&ask).verdict, Verdict::Allow);
        let exchange = Usage::of(Unit::Rows, 41);
        let ask = portreeve_decide::policy::Ask {
            counters: Counters { exchange, ..ask.counters },
            ..ask
        };
        let decision = policies.decide(&ask);
        assert_eq!(decision.verdict, Verdict::Deny);
        assert_eq!(decision.reasons[0].need.object, Object::table("public", "b"));
        let objects = policies.counted_by_day(ask.chain, ask.needs);
        assert_eq!(objects.len(), 2);
    });
}

#[test]
fn what_a_command_announces_counts_from_the_start() {
    let policies = load(
        r#"
        @id("all") permit(principal, action, resource);
        @id("guess") forbid(principal, action == Action::"probe", resource)
          when { context.probes > 10 || context.session_probes > 50 || context.day_probes > 100 };
        "#,
    );
    let check = |asked: &str, expect: &str| {
        check(&policies, &format!("person ann; probe public.a.b; {asked}"), expect);
    };
    check("announces 10", "allow");
    check("announces 11", "deny guess@ann");
    check("announces 10; probes 10", "allow");
    check("announces 10; session_probes 40", "allow");
    check("announces 10; session_probes 41", "deny guess@ann");
    check("announces 10; day_probes 91", "deny guess@ann");
}

#[test]
fn nothing_is_counted_before_there_is_a_session() {
    let policies = load(
        r#"@id("a") permit(principal, action in [Action::"connect", Action::"read"], resource)
          when { context.day_rows == 0 && context.rows == 0 };"#,
    );
    check(&policies, "person ann; connect resource; rows 5; day_rows 5", "allow");
    check(&policies, "person ann; read public.a; day_rows 5", "deny default-deny@ann");
}

#[test]
fn what_depends_on_two_units_together_is_asked_again() {
    let both = r#"
        @id("all") permit(principal, action, resource);
        @id("both") @review("dpo") forbid(principal, action == Action::"read", resource)
          when { context.rows > 100 && context.bytes > 1000 };
        "#;
    let check = |asked: &str, expect: &[&str]| limits(both, asked, expect);
    check("person ann; read public.a", &["rows: 99 ask", "bytes: 999 ask"]);
    check("person ann; read public.a; rows 101", &["bytes: 999 ask"]);
    check("person ann; read public.a; rows 101; bytes 1000", &["bytes: 1000 review[dpo] both"]);
    check("person ann; read public.a; bytes 1001; rows 100", &["rows: 100 review[dpo] both"]);
    check("person ann; read public.a; bytes 1001; rows 101", &[]);
    // Either alone is enough: nothing has to be asked before.
    let either = r#"
        @id("all") permit(principal, action, resource);
        @id("either") forbid(principal, action == Action::"read", resource)
          when { context.depth == 0 && !(context.rows <= 100 && context.bytes <= 1000) }
          unless { context.hour > 23 };
        "#;
    limits(
        either,
        "person ann; read public.a",
        &["rows: 100 deny either", "bytes: 1000 deny either"],
    );
    limits(either, "person ann; actor p; read public.a", &[]);
    let permits = r#"
        @id("a") permit(principal, action == Action::"read", resource) unless { context.rows > 5 };
        @id("b") permit(principal, action == Action::"read", resource) unless { context.bytes > 9 };
        "#;
    limits(permits, "person ann; read public.a", &["rows: 4 ask", "bytes: 8 ask"]);
    limits(permits, "person ann; read public.a; rows 6; bytes 9", &["bytes: 9 deny default-deny"]);
}

#[test]
fn who_counts_knows_what_to_count() {
    let policies = load(POLICIES);
    let names = |asked: &str| {
        let counted = ask(asked).with(|ask| policies.counted(ask.chain, ask.needs));
        counted.iter().map(Counter::name).collect::<Vec<_>>()
    };
    assert_eq!(names("person ann; actor p; read public.a"), ["rows", "session_rows"]);
    assert!(names("person ann; read public.a").is_empty());
    assert!(names("person ann; actor p; write public.a").is_empty());
    // A word in a comment, an advice or a text is none in a policy.
    let text = r#"
        // context.session_rows
        @id("a") @advice("see context.day_rows") permit(principal, action, resource)
          when { context.current == "context.bytes" };"#;
    assert!(load(text).counters().is_empty());
    assert_eq!(
        policies.counters().iter().map(Counter::name).collect::<Vec<_>>(),
        ["rows", "session_rows"]
    );
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
            (0u64..40, 0usize..6, 0usize..3, any::<bool>()),
            1..5,
        ),
        rows in 0u64..20,
        session in 0u64..20,
        day in 0u64..20,
    ) {
        let mut text = r#"@id("all") permit(principal, action, resource);"#.to_owned();
        for (index, (number, operator, scope, review)) in numbers.iter().enumerate() {
            let operator = ["<", "<=", "==", "!=", ">", ">="][*operator];
            let counter = ["rows", "session_rows", "day_rows"][*scope];
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
        asked.counters.session = Usage::of(Unit::Rows, session);
        asked.day = Usage::of(Unit::Rows, day);
        let mut rules = |rows: u64| {
            asked.counters.exchange = Usage::of(Unit::Rows, rows);
            let decision = asked.with(|ask| policies.decide(ask));
            let denied = decision.verdict == Verdict::Deny;
            let rules: std::collections::BTreeSet<_> =
                decision.reasons.into_iter().map(|reason| reason.rule.0).collect();
            (denied, rules)
        };
        let (denied, now) = rules(rows);
        let counted = (rows + 1..100).find(|next| !rules(*next).1.is_subset(&now));
        let expect = if denied { Some(rows) } else { counted.map(|next| next - 1) };
        asked.counters.exchange = Usage::of(Unit::Rows, rows);
        let found = asked.with(|ask| policies.threshold(ask));
        prop_assert_eq!(found.limit(Unit::Rows).map(|limit| limit.count_max), expect);
    }

    /// Within all limits at once nothing objects, whatever the policies compare together.
    #[test]
    fn nothing_objects_within_all_limits_at_once(
        rules in proptest::collection::vec(
            ((0u64..4, 0usize..6, 0usize..3), (0u64..4, 0usize..6, 0usize..3), 0usize..4),
            1..5,
        ),
        start in (0u64..3, 0u64..3, 0u64..3),
    ) {
        let mut text = r#"@id("connect") permit(principal, action == Action::"connect", resource);"#
            .to_owned();
        for (index, (left, right, kind)) in rules.iter().enumerate() {
            let compare = |(number, operator, unit): &(u64, usize, usize)| {
                let operator = ["<", "<=", "==", "!=", ">", ">="][*operator];
                format!("context.{} {operator} {number}", ["rows", "bytes", "values"][*unit])
            };
            let head = ["permit", "permit", "forbid", "@review(\"r\") forbid"][*kind];
            let joint = ["&&", "||"][index % 2];
            text.push_str(&format!(
                "@id(\"f{index}\") {head}(principal, action == Action::\"read\", resource) \
                 when {{ {} {joint} {} }};",
                compare(left),
                compare(right),
            ));
        }
        let sources = [("test.cedar".to_owned(), text)];
        let policies = portreeve_decide::policy::Policies::load(&sources).unwrap();
        let mut asked = ask("person ann; read public.a");
        let usage = |(rows, bytes, values)| Usage { rows, bytes, values, ..Usage::default() };
        let mut rules = |at| {
            asked.counters.exchange = usage(at);
            let decision = asked.with(|ask| policies.decide(ask));
            let rules: std::collections::BTreeSet<_> =
                decision.reasons.into_iter().map(|reason| reason.rule.0).collect();
            (decision.verdict, rules)
        };
        let (verdict, now) = rules(start);
        prop_assume!(verdict != Verdict::Deny);
        let mut objecting = Vec::new();
        for rows in start.0..6 {
            for bytes in start.1..6 {
                for values in start.2..6 {
                    if !rules((rows, bytes, values)).1.is_subset(&now) {
                        objecting.push((rows, bytes, values));
                    }
                }
            }
        }
        asked.counters.exchange = usage(start);
        let threshold = asked.with(|ask| policies.threshold(ask));
        for at in objecting {
            prop_assert!(threshold.passed(usage(at)).is_some(), "{:?} at {at:?}", threshold);
        }
    }
}
