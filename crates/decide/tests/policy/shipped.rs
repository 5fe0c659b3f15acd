//! The starting sets in `policies/`: each loads alone and with the others, and decides as
//! its comments say.

use crate::asking::{ask, check, object};
use portreeve_decide::policy::{Beyond, Policies};
use portreeve_model::{Unit, Verdict};

fn sources(names: &[&str]) -> Vec<(String, String)> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../policies/");
    let read = |name: &&str| {
        let text = std::fs::read_to_string(format!("{folder}{name}")).unwrap();
        ((*name).to_owned(), text)
    };
    names.iter().map(read).collect()
}

fn shipped(names: &[&str]) -> Policies {
    Policies::load(&sources(names)).unwrap_or_else(|error| panic!("{error}"))
}

const AGENT: &str = "read-mostly-agent.cedar";
const GDPR: &str = "gdpr-default.cedar";
const GLASS: &str = "break-glass.cedar";

#[test]
fn every_set_loads_alone_and_every_rule_that_refuses_gives_advice() {
    for name in [AGENT, GDPR, GLASS] {
        let policies = shipped(&[name]);
        for rule in policies.rules() {
            // A reveal that is not given is no refusal: the value is masked.
            let silent = rule.id.0 == "gdpr/special-categories-masked";
            assert!(rule.permits || silent || rule.advice.is_some(), "{}", rule.id);
        }
    }
}

#[test]
fn every_example_of_the_manual_loads() {
    let manual = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/policies.md");
    let manual = std::fs::read_to_string(manual).unwrap();
    let blocks = manual.split("```cedar\n").skip(1);
    let examples: Vec<_> = blocks
        .enumerate()
        .map(|(index, block)| {
            (format!("example {index}"), block.split("```").next().unwrap().into())
        })
        .collect();
    assert!(examples.len() > 5);
    Policies::load(&examples).unwrap_or_else(|error| panic!("{error}"));
}

#[test]
fn agents_mostly_read() {
    let policies = shipped(&[AGENT]);
    let check = |asked: &str, expect: &str| {
        let chain = "person ann in analysts; actor p in agents";
        check(&policies, &format!("{chain}; {asked}"), expect);
    };
    check("connect resource", "allow");
    check("read public.customers; read pg_catalog.pg_class", "allow");
    check("write public.orders", "review[reviewers] agent/write-reviewed@p");
    check("define public.orders", "deny default-deny@ann agent/no-structure@p");
    check("administer resource", "deny default-deny@ann agent/no-structure@p");
    check("execute public.f()", "deny default-deny@ann agent/no-foreign-code@p");
    check("read public.customers; rows 1001", "review[reviewers] agent/export-reviewed@p");
    check("read public.customers; session_rows 60000", "deny agent/session-budget@p");
    check("filter public.customers.email", "deny default-deny@ann default-deny@p");
    let free = ask("person ann in analysts; actor p in agents; read public.customers")
        .with(|ask| policies.threshold(ask));
    let limit = free.limit(Unit::Rows).unwrap();
    assert_eq!(limit.count_max, 1000);
    let Beyond::Review { groups, .. } = &limit.beyond else { panic!("{limit:?}") };
    assert_eq!(*groups, ["reviewers"]);
}

#[test]
fn delegation_has_an_end() {
    let policies = shipped(&[AGENT]);
    let actors = |count: usize| {
        let actors: String = (0..count).map(|i| format!("actor a{i} in agents; ")).collect();
        ask(&format!("person ann in analysts; {actors} read public.a"))
            .with(|ask| policies.decide(ask).verdict)
    };
    assert_eq!(actors(3), Verdict::Allow);
    assert_eq!(actors(4), Verdict::Deny);
}

#[test]
fn personal_data_has_a_purpose_and_an_officer() {
    let policies = shipped(&[AGENT, GDPR]);
    let check = |asked: &str, expect: &str| check(&policies, asked, expect);
    check("person ann in analysts; connect resource", "deny gdpr/purpose@ann");
    check("person ann in analysts; purpose support; connect resource", "allow");
    check(
        "person ann in analysts; purpose support; read public.a; rows 10001",
        "review[dpo] gdpr/bulk-reviewed@ann",
    );
    check("person eve in dpo; filter public.customers.email", "allow");
    check(
        "person eve in dpo; filter public.patients.diagnosis",
        "review[dpo] gdpr/special-categories-reviewed@eve",
    );
    check("person eve in dpo; write public.a", "deny default-deny@eve");
    check("person eve in dpo; actor p in agents; read public.a", "deny default-deny@eve");
    let reveals = |asked: &str| {
        let column = object("public.patients.diagnosis");
        ask(asked).with(|ask| policies.reveals(ask, &column, &"health".into()))
    };
    assert!(reveals("person eve in dpo"));
    assert!(!reveals("person ann in analysts"));
    assert!(!reveals("person eve in dpo; actor p in agents"));
}

#[test]
fn break_glass_is_for_people_and_under_the_eyes_of_another() {
    let policies = shipped(&[AGENT, GDPR, GLASS]);
    let check = |asked: &str, expect: &str| check(&policies, asked, expect);
    let bob = "person bob in break-glass; purpose break-glass";
    check(&format!("{bob}; connect resource"), "allow");
    check(&format!("{bob}; define public.a"), "review[reviewers] break-glass/reviewed@bob");
    check("person bob in break-glass; purpose fun; read public.a", "deny default-deny@bob");
    check("person ann; purpose break-glass; read public.a", "deny default-deny@ann");
    check(
        &format!("{bob}; actor p in agents; read public.a"),
        "deny break-glass/no-agents@bob break-glass/no-agents@p",
    );
    let column = object("public.patients.diagnosis");
    assert!(ask(bob).with(|ask| policies.reveals(ask, &column, &"health".into())));
}
