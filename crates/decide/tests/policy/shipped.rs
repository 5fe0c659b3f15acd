//! The starting sets in `policies/`: each loads alone and with the others, and decides as
//! its comments say.

use crate::asking::{ask, brief, check, object};
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
    check("write public.orders; bounded", "review[reviewers] agent/write-reviewed@p");
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

const CHAIN: &str = "person ann in analysts; actor p in agents; purpose support";

/// `SELECT json_agg(id) … WHERE dob IN (half of all dates)`, one statement for each bit.
#[test]
fn nobody_is_found_out_by_guessing() {
    let check = |sets: &[&str], asked: &str, expect: &str| {
        check(&shipped(sets), &format!("{asked}; probe public.customers.dob"), expect);
    };
    let agent = |asked: &str| format!("{CHAIN}; {asked}");
    check(&[AGENT], &agent("announces 5"), "allow");
    check(&[AGENT], &agent("announces 6"), "deny agent/probe-budget@p");
    check(&[AGENT], &agent("announces 1; session_probes 50"), "deny agent/probe-budget@p");
    check(&[AGENT], &agent("announces 1; day_probes 50"), "deny agent/probe-budget@p");
    let person = "person ann in analysts; purpose support";
    let held = "review[dpo] gdpr/probes-reviewed@ann";
    check(&[AGENT, GDPR], &format!("{person}; announces 20"), "allow");
    check(&[AGENT, GDPR], &format!("{person}; announces 21"), held);
    check(&[AGENT, GDPR], &format!("{person}; announces 1; day_probes 200"), held);
    // Rows that an answer tells about are probes, too: they stop it while it passes.
    let asked = ask(&format!("{CHAIN}; probe public.customers.dob; announces 1"));
    let found = asked.with(|ask| shipped(&[AGENT]).threshold(ask));
    assert_eq!(found.limit(Unit::Probes).unwrap().count_max, 5);
}

/// `SELECT json_agg(o) FROM orders o`: everything in one row.
#[test]
fn what_is_folded_into_one_row_is_counted() {
    let check = |sets: &[&str], asked: &str, expect: &str| {
        check(&shipped(sets), &format!("{CHAIN}; read public.orders; rows 1; {asked}"), expect);
    };
    let held = "review[reviewers] agent/export-reviewed@p";
    check(&[AGENT], "values 10000; bytes 1000000", "allow");
    check(&[AGENT], "values 10001", held);
    check(&[AGENT], "bytes 1000001", held);
    check(&[AGENT], "bytes 1; session_bytes 50000000", "deny agent/session-budget@p");
    let both = "review[dpo,reviewers] gdpr/bulk-reviewed@ann gdpr/bulk-reviewed@p \
                agent/export-reviewed@p agent/day-budget@p";
    let sorted = |text: &str| {
        let mut words: Vec<_> = text.split_whitespace().map(str::to_owned).collect();
        words.sort();
        words
    };
    let asked = ask(&format!("{CHAIN}; read public.orders; rows 1; values 50001"));
    let decision = asked.with(|ask| shipped(&[AGENT, GDPR]).decide(ask));
    assert_eq!(sorted(&brief(&decision)), sorted(both));
}

/// Paging with a new session for each page.
#[test]
fn portions_of_a_day_are_counted_together() {
    let check = |sets: &[&str], asked: &str, expect: &str| {
        check(&shipped(sets), &format!("{asked}; read public.orders"), expect);
    };
    let held = "review[reviewers] agent/day-budget@p";
    check(&[AGENT], &format!("{CHAIN}; rows 500; day_rows 4500"), "allow");
    check(&[AGENT], &format!("{CHAIN}; rows 500; day_rows 4501"), held);
    check(&[AGENT], &format!("{CHAIN}; values 1; day_values 50000"), held);
    let person = "person ann in analysts; purpose support";
    let held = "review[dpo] gdpr/day-reviewed@ann";
    check(&[AGENT, GDPR], &format!("{person}; rows 500; day_rows 19500"), "allow");
    check(&[AGENT, GDPR], &format!("{person}; rows 500; day_rows 19501"), held);
    check(&[AGENT, GDPR], &format!("{person}; bytes 1; day_bytes 20000000"), held);
}

/// `SELECT … FOR UPDATE`, `pg_advisory_lock`, by who may only read.
#[test]
fn who_only_reads_makes_nobody_wait() {
    let policies = shipped(&[AGENT]);
    let locks = "read public.orders; lock public.orders";
    check(&policies, &format!("{CHAIN}; {locks}"), "deny agent/no-locks@p");
    check(&policies, &format!("person ann in analysts; {locks}"), "allow");
    check(&policies, &format!("person eve in dpo; {locks}"), "deny default-deny@eve");
    let officer = format!("person eve in dpo; purpose audit; {locks}");
    check(&shipped(&[AGENT, GDPR]), &officer, "deny default-deny@eve");
    // Beside a set that forgot about it.
    let mut sources = sources(&[GDPR]);
    let open = r#"@id("open") permit(principal, action, resource);"#;
    sources.push(("open.cedar".to_owned(), open.to_owned()));
    let policies = Policies::load(&sources).unwrap();
    check(&policies, &format!("{CHAIN}; {locks}"), "deny gdpr/agents-lock-nothing@p");
    check(&policies, &format!("person ann in analysts; {locks}"), "allow");
}

/// `DELETE FROM orders`, `… WHERE true`, `TRUNCATE`, `DROP TABLE orders`.
#[test]
fn what_hits_all_of_a_table_is_told_from_what_hits_one_row() {
    let person = "person ann in analysts; purpose support; write public.orders";
    let held = "review[dpo] gdpr/unbounded-writes-reviewed@ann";
    let policies = shipped(&[AGENT, GDPR]);
    check(&policies, &format!("{person}; bounded"), "allow");
    check(&policies, &format!("{person}; unbounded"), held);
    // Nobody said how far it goes: the worst is assumed.
    check(&policies, person, held);
    let agent = ask(&format!("{CHAIN}; write public.orders; unbounded"));
    let decision = agent.with(|ask| shipped(&[AGENT]).decide(ask));
    assert_eq!(
        brief(&decision),
        "review[reviewers] agent/unbounded-writes-reviewed@p agent/write-reviewed@p"
    );
    let engineer = r#"@id("engineers") permit(principal in Group::"engineers", action, resource);"#;
    let mut sources = sources(&[GDPR]);
    sources.push(("engineers.cedar".to_owned(), engineer.to_owned()));
    let policies = Policies::load(&sources).unwrap();
    let define = "person bob in engineers; define public.orders";
    check(&policies, &format!("{define}; creates"), "allow");
    check(&policies, &format!("{define}; changes"), "allow");
    check(&policies, &format!("{define}; drops"), "review[dpo] gdpr/drop-reviewed@bob");
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
    check("person eve in dpo; write public.a; bounded", "deny default-deny@eve");
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
    check(
        &format!("{bob}; define public.a; creates"),
        "review[reviewers] break-glass/reviewed@bob",
    );
    check(
        &format!("{bob}; define public.a; drops"),
        "review[dpo,reviewers] break-glass/reviewed@bob gdpr/drop-reviewed@bob",
    );
    check("person bob in break-glass; purpose fun; read public.a", "deny default-deny@bob");
    check("person ann; purpose break-glass; read public.a", "deny default-deny@ann");
    check(
        &format!("{bob}; actor p in agents; read public.a"),
        "deny break-glass/no-agents@bob break-glass/no-agents@p",
    );
    let column = object("public.patients.diagnosis");
    assert!(ask(bob).with(|ask| policies.reveals(ask, &column, &"health".into())));
}
