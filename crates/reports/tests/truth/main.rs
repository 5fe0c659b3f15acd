//! Every count of every report, compared with what is known of made-up traffic.
//!
//! The traffic keeps its own books while it writes a log through the real writer; here the same
//! numbers are added up from the books alone. A count that the pass over the log gets wrong
//! differs. What nobody can know exactly (whom unresolved rows are about) must lie in the bounds.

#![allow(clippy::unwrap_used)]

use portreeve_evidence::{
    AuditorKey, Opener, Status, Trust, auditor_key_path, verify, verify_extract,
};
use portreeve_model::ReviewOutcome;
use portreeve_reports::{
    Checked, Controller, Declared, DeclaredActivity, Inputs, Kind, Made, ModelProvider, Period,
    RecordForm, Report, Scope, Subject, Tested, Wanted, check, make,
};
use portreeve_testkit::traffic::{self, Truth, World, token};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::OnceLock;
use tempfile::TempDir;

struct Log {
    dir: TempDir,
    world: World,
}

/// One log for all tests: nothing here changes it.
fn log() -> &'static Log {
    static LOG: OnceLock<Log> = OnceLock::new();
    LOG.get_or_init(|| {
        let dir = tempfile::tempdir().unwrap();
        let world = traffic::write(dir.path(), 7, 60);
        Log { dir, world }
    })
}

fn opener(dir: &Path) -> Opener {
    Opener::new(dir, AuditorKey::load(&auditor_key_path(dir)).unwrap())
}

fn inputs() -> Inputs {
    let declared = Declared {
        purposes: [(
            "billing".to_owned(),
            DeclaredActivity { text: Some("invoices".into()), ..DeclaredActivity::default() },
        )]
        .into(),
        model_providers: [(
            "worker".to_owned(),
            ModelProvider { provider: "Acme AI".into(), country: "FR".into(), safeguard: None },
        )]
        .into(),
        ..Declared::default()
    };
    Inputs { declared, ..Inputs::default() }
}

fn made(kind: Kind, scope: Scope) -> Made {
    let dir = log().dir.path();
    make(dir, &Wanted { kind, scope, inputs: inputs() }, Some(&mut opener(dir))).unwrap()
}

fn at<'v>(value: &'v Value, path: &str) -> &'v Value {
    value.pointer(path).unwrap_or_else(|| panic!("no {path}"))
}

fn number(value: &Value, path: &str) -> u64 {
    at(value, path).as_u64().unwrap_or_else(|| panic!("{path} is no number"))
}

/// A number that the books say, named for the message.
fn expect(value: &Value, numbers: &[(&str, u64)]) {
    for (path, expected) in numbers {
        assert_eq!(number(value, path), *expected, "{path}");
    }
}

fn sum(truths: &[&Truth], of: impl Fn(&Truth) -> u64) -> u64 {
    truths.iter().map(|truth| of(truth)).sum()
}

fn count(truths: &[&Truth], is: impl Fn(&Truth) -> bool) -> u64 {
    truths.iter().filter(|truth| is(truth)).count() as u64
}

/// Whether lists of a session can be opened: its recording was not destroyed.
fn is_readable(truth: &Truth) -> bool {
    !log().world.shredded.contains(&truth.session)
}

fn all() -> Vec<&'static Truth> {
    log().world.truths.iter().collect()
}

/// The categories that an exchange touched.
fn touched(truth: &Truth) -> BTreeSet<String> {
    let mut touched: BTreeSet<String> = truth.masked.keys().cloned().collect();
    if truth.is_revealed || truth.is_compared {
        touched.insert(truth.category.clone());
    }
    touched
}

/// A time as reports write it.
fn second(at_us: u64) -> String {
    let at_us = i64::try_from(at_us).unwrap();
    jiff::Timestamp::from_second(at_us / 1_000_000).unwrap().to_string()
}

/// How much of what was released is masked: one column is revealed in an exchange, or none.
fn of_share(truths: &[&Truth]) -> [(&'static str, u64); 3] {
    let masked = sum(truths, |truth| truth.masked.values().sum());
    let clear = sum(truths, |truth| revealed_rows(truth) + truth.found_revealed);
    [
        ("/values_masked", masked),
        ("/values_released_max", masked + clear),
        ("/percent_min", masked * 100 / (masked + clear)),
    ]
}

/// What the books say of one category.
fn of_category(truths: &[&Truth], category: &str) -> [(&'static str, u64); 7] {
    let own = |truth: &Truth| truth.category == category;
    [
        ("/exchanges", count(truths, |truth| touched(truth).contains(category))),
        ("/values_masked", sum(truths, |truth| truth.masked.get(category).copied().unwrap_or(0))),
        (
            "/rows_revealed",
            sum(truths, |truth| if own(truth) && truth.is_revealed { truth.rows } else { 0 }),
        ),
        (
            "/values_revealed_max",
            sum(truths, |truth| if own(truth) { revealed_rows(truth) } else { 0 }),
        ),
        (
            "/values_found_revealed",
            if category == "phone" { sum(truths, |truth| truth.found_revealed) } else { 0 },
        ),
        ("/exchanges_comparing", count(truths, |truth| own(truth) && truth.is_compared)),
        (
            "/exchanges_refused",
            count(truths, |truth| touched(truth).contains(category) && truth.refused_by.is_some()),
        ),
    ]
}

fn check_categories(rows: &Value, truths: &[&Truth]) {
    let rows = rows.as_array().unwrap();
    let names: BTreeSet<String> = truths.iter().flat_map(|truth| touched(truth)).collect();
    let found: BTreeSet<String> =
        rows.iter().map(|row| at(row, "/category").as_str().unwrap().to_owned()).collect();
    assert_eq!(found, names);
    for row in rows {
        let category = at(row, "/category").as_str().unwrap();
        expect(row, &of_category(truths, category));
        let of_it = truths.iter().filter(|truth| touched(truth).contains(category));
        let times: Vec<u64> = of_it.map(|truth| truth.at_us).collect();
        assert_eq!(at(row, "/first_seen"), &second(*times.iter().min().unwrap()));
        assert_eq!(at(row, "/last_seen"), &second(*times.iter().max().unwrap()));
    }
}

fn revealed_rows(truth: &Truth) -> u64 {
    if truth.is_revealed { truth.rows } else { 0 }
}

#[test]
fn art30_has_every_activity_with_its_counts() {
    let content = made(Kind::Art30, Scope::default()).report.content;
    let mut books: BTreeMap<(String, Option<String>, String), Vec<&Truth>> = BTreeMap::new();
    for truth in all() {
        let key = (truth.resource.clone(), truth.purpose.clone(), truth.acting.clone());
        books.entry(key).or_default().push(truth);
    }
    let activities = at(&content, "/activities").as_array().unwrap();
    assert_eq!(activities.len(), books.len());
    for activity in activities {
        let text = |path: &str| at(activity, path).as_str().map(str::to_owned);
        let key = (text("/resource").unwrap(), text("/purpose/purpose"), text("/acting").unwrap());
        let truths = &books[&key];
        let distinct = |of: fn(&Truth) -> String| {
            truths.iter().map(|truth| of(truth)).collect::<BTreeSet<_>>().len() as u64
        };
        expect(
            at(activity, "/observed"),
            &[
                ("/exchanges", truths.len() as u64),
                ("/exchanges_refused", count(truths, |truth| truth.refused_by.is_some())),
                ("/rows", sum(truths, |truth| truth.rows)),
                ("/sessions", distinct(|truth| truth.session.to_string())),
                ("/principals", distinct(|truth| truth.principal.clone())),
            ],
        );
        check_categories(at(activity, "/observed/categories"), truths);
        if truths.iter().any(|truth| !touched(truth).is_empty() && truth.rows > 0) {
            expect(at(activity, "/observed/masked_share"), &of_share(truths));
        }
    }
}

/// Billing is done for a bank, the rest of the shop's for the shop, and the service's for nobody
/// who is declared.
fn as_processor() -> Inputs {
    let mut inputs = Inputs { form: RecordForm::Processor, ..inputs() };
    let billing = inputs.declared.purposes.get_mut("billing").unwrap();
    billing.on_behalf_of = Some("Bank".into());
    let shop = Controller {
        contact: Some("Musterstr. 1".into()),
        processing: vec!["support".into()],
        resources: vec!["shop".into()],
        ..Controller::default()
    };
    let clinic = Controller { resources: vec!["clinic".into()], ..Controller::default() };
    inputs.declared.controllers =
        [("Shop GmbH".to_owned(), shop), ("Clinic".to_owned(), clinic)].into();
    inputs.declared.measures_tested = Some(Tested { at: "2026-01-02".into(), how: None });
    inputs
}

#[test]
fn art30_of_a_processor_has_what_is_done_for_each_controller() {
    let dir = log().dir.path();
    let (scope, inputs) = (Scope::default(), as_processor());
    let made = make(dir, &Wanted { kind: Kind::Art30, scope, inputs }, None).unwrap();
    let rows = at(&made.report.content, "/controllers").as_array().unwrap();
    let names: Vec<&str> = rows.iter().filter_map(|row| at(row, "/controller").as_str()).collect();
    assert_eq!(names, ["Bank", "Clinic", "Shop GmbH"]);
    let is_billing = |truth: &Truth| truth.purpose.as_deref() == Some("billing");
    let of_shop = |truth: &Truth| !is_billing(truth) && truth.resource == "shop";
    let only = |is: &dyn Fn(&Truth) -> bool| -> Vec<&Truth> {
        all().into_iter().filter(|truth| is(truth)).collect()
    };
    for (row, truths) in [(&rows[0], only(&is_billing)), (&rows[2], only(&of_shop))] {
        let counts = [
            ("/observed/exchanges", truths.len() as u64),
            ("/observed/rows", sum(&truths, |truth| truth.rows)),
        ];
        expect(row, &counts);
        expect(at(row, "/observed/masked_share"), &of_share(&truths));
        let names: BTreeSet<String> = truths.iter().flat_map(|truth| touched(truth)).collect();
        assert_eq!(at(row, "/observed/categories"), &serde_json::json!(names));
    }
    expect(&rows[1], &[("/observed/exchanges", 0)]);
    let for_nobody = only(&|truth| !is_billing(truth) && truth.resource == "crm-api");
    let activities: BTreeSet<(Option<&str>, &str)> =
        for_nobody.iter().map(|truth| (truth.purpose.as_deref(), &*truth.acting)).collect();
    let listed = at(&made.report.content, "/for_nobody").as_array().unwrap();
    assert_eq!(listed.len(), activities.len());
    let has = |text: &str| made.report.gaps.iter().any(|gap| gap.contains(text));
    assert!(has("Clinic: nothing was seen") && has("Bank: how the controller is reached"));
    assert!(!has("Shop GmbH: "));
    assert_eq!(check(dir, &made.report, None).unwrap(), Checked::Same);
}

#[test]
fn art30_says_whether_measures_were_tested() {
    let tested = |inputs| {
        let wanted = Wanted { kind: Kind::Art30, scope: Scope::default(), inputs };
        let made = make(log().dir.path(), &wanted, None).unwrap();
        let text = made.document.render(portreeve_reports::Rendering::Markdown);
        assert!(text.contains("never, as far as this log knows"));
        let is_gap = made.report.gaps.iter().any(|gap| gap.contains("never tested"));
        (text.contains("2026-01-02"), is_gap)
    };
    assert_eq!(tested(inputs()), (false, true));
    assert_eq!(tested(Inputs { form: RecordForm::Controller, ..as_processor() }), (true, false));
}

#[test]
fn art30_names_what_nobody_has_declared_and_nothing_that_somebody_has() {
    let report = made(Kind::Art30, Scope::default()).report;
    let has = |text: &str| report.gaps.iter().any(|gap| gap.contains(text));
    assert!(has("no controller is declared"));
    assert!(has("whose model `planner` runs on"));
    assert!(!has("whose model `worker` runs on"));
    assert!(has("curiosity (stated)") && has("nobody has declared what the purpose means"));
    let billing = report.gaps.iter().filter(|gap| gap.contains("billing"));
    assert!(!billing.into_iter().any(|gap| gap.contains("what the purpose means")));
}

#[test]
fn art30_says_what_has_changed_since_the_report_before() {
    let dir = log().dir.path();
    let half = log().world.truths[log().world.truths.len() / 2].at_us;
    let period = Period { since_us: None, until_us: Some(half) };
    let before = made(Kind::Art30, Scope { period, ..Scope::default() }).report;
    let previous = Some(before.content.clone());
    let wanted = Wanted {
        kind: Kind::Art30,
        scope: Scope::default(),
        inputs: Inputs { previous, ..inputs() },
    };
    let after = make(dir, &wanted, None).unwrap().report;
    let names = |report: &Report| {
        let name = |activity: &Value| {
            let text = |path: &str| at(activity, path).as_str().unwrap_or("-").to_owned();
            (text("/resource"), text("/purpose/purpose"), text("/acting"))
        };
        let activities = at(&report.content, "/activities").as_array().unwrap();
        activities.iter().map(name).collect::<BTreeSet<_>>()
    };
    let new = names(&after).difference(&names(&before)).count();
    assert_eq!(at(&after.content, "/drift/activities_new").as_array().unwrap().len(), new);
    assert_eq!(at(&after.content, "/drift/activities_gone").as_array().unwrap().len(), 0);
}

/// The counts of an incident report, for the exchanges that are in it.
fn check_incident(scope: Scope, truths: &[&Truth]) -> Value {
    let content = made(Kind::Art33, scope).report.content;
    expect(
        at(&content, "/observed"),
        &[
            ("/exchanges", truths.len() as u64),
            ("/exchanges_refused", count(truths, |truth| truth.refused_by.is_some())),
            ("/statements", sum(truths, |truth| truth.statements)),
            (
                "/statements_denied",
                sum(truths, |truth| if truth.refused_by.is_some() { truth.statements } else { 0 }),
            ),
            ("/rows", sum(truths, |truth| truth.rows)),
            ("/values_masked", sum(truths, |truth| truth.masked.values().sum())),
            ("/rows_revealed", sum(truths, revealed_rows)),
            ("/values_found_revealed", sum(truths, |truth| truth.found_revealed)),
            ("/replies_withheld", count(truths, |truth| truth.is_withheld)),
        ],
    );
    check_categories(at(&content, "/categories"), truths);
    let readable = || truths.iter().filter(|truth| is_readable(truth));
    let named: BTreeSet<_> = readable().flat_map(|truth| &truth.named).collect();
    let derived: BTreeSet<_> = readable().flat_map(|truth| &truth.derived).collect();
    let derived = derived.difference(&named).count() as u64;
    let unread = sum(truths, |truth| match is_readable(truth) {
        true => 0,
        false => (truth.named.len() + truth.derived.len()) as u64,
    });
    let unresolved = sum(truths, |truth| truth.unresolved);
    let people = at(&content, "/people");
    let of = |path: &str| people.pointer(path).and_then(Value::as_u64).unwrap_or(0);
    assert_eq!(of("/named/email"), named.len() as u64);
    assert_eq!(of("/derived/email"), derived);
    assert_eq!(of("/rows_unresolved"), unresolved);
    assert_eq!(of("/people_unread"), unread);
    assert_eq!(of("/at_least"), named.len() as u64);
    let is_unbounded = truths.iter().any(|truth| truth.is_aggregated && truth.unresolved > 0);
    let most = people.pointer("/at_most").and_then(Value::as_u64);
    let expected = named.len() as u64 + derived + unresolved + unread;
    assert_eq!(most, (!is_unbounded).then_some(expected));
    content
}

#[test]
fn art33_counts_what_is_in_its_scope_and_nothing_else() {
    let all = all();
    check_incident(Scope::default(), &all);
    let only = |is: &dyn Fn(&Truth) -> bool| -> Vec<&Truth> {
        all.iter().copied().filter(|truth| is(truth)).collect()
    };
    let session = all[0].session;
    check_incident(
        Scope { session: Some(session), ..Scope::default() },
        &only(&|truth| truth.session == session),
    );
    check_incident(
        Scope { principal: Some("eve".into()), ..Scope::default() },
        &only(&|truth| truth.principal == "eve"),
    );
    check_incident(
        Scope { actor: Some("worker".into()), ..Scope::default() },
        &only(&|truth| truth.actor.as_deref() == Some("worker")),
    );
    check_incident(
        Scope { object: Some("public.patients".into()), ..Scope::default() },
        &only(&|truth| truth.table == "public.patients"),
    );
    let (since, until) = (all[all.len() / 4].at_us, all[all.len() / 2].at_us);
    check_incident(
        Scope {
            period: Period { since_us: Some(since), until_us: Some(until) },
            ..Scope::default()
        },
        &only(&|truth| truth.at_us >= since && truth.at_us < until),
    );
    let readable = || all.iter().filter(|truth| is_readable(truth));
    let person = *readable().find_map(|truth| truth.named.first()).unwrap();
    check_incident(
        Scope { subject: Some(Subject::new("email", &person)), ..Scope::default() },
        &only(&|truth| {
            is_readable(truth) && (truth.named.contains(&person) || truth.derived.contains(&person))
        }),
    );
    let nothing = Scope { principal: Some("nobody".into()), ..Scope::default() };
    check_incident(nothing, &[]);
}

/// What a statement of the books is told by: all but its count and its times.
fn asked(truth: &Truth) -> (String, String, Option<String>, String) {
    let verdict = if truth.refused_by.is_some() { "deny" } else { "allow" };
    let who = (truth.principal.clone(), truth.actor.clone());
    (truth.shape.clone(), who.0, who.1, verdict.to_owned())
}

#[test]
fn art33_lists_what_was_asked_by_whom_and_when() {
    let report = made(Kind::Art33, Scope::default()).report;
    let mut books: BTreeMap<_, Vec<&Truth>> = BTreeMap::new();
    for truth in all() {
        books.entry(asked(truth)).or_default().push(truth);
    }
    let rows = at(&report.content, "/statements/listed").as_array().unwrap();
    assert_eq!(rows.len(), books.len());
    expect(&report.content, &[("/statements/unlisted", 0), ("/statements/not_told_apart", 0)]);
    for row in rows {
        let text = |path: &str| at(row, path).as_str().unwrap().to_owned();
        let actors = at(row, "/actors").as_array().unwrap();
        let actor = actors.last().map(|actor| actor.as_str().unwrap().to_owned());
        let key = (text("/shape"), text("/principal"), actor, text("/verdict"));
        let truths = &books[&key];
        let refused = |truth: &Truth| match truth.refused_by {
            Some(_) => truth.statements,
            None => 0,
        };
        expect(
            row,
            &[
                ("/count", sum(truths, |truth| truth.statements)),
                ("/refused", sum(truths, refused)),
            ],
        );
        let times = || truths.iter().map(|truth| truth.at_us);
        assert_eq!(text("/first_seen"), second(times().min().unwrap()));
        assert_eq!(text("/last_seen"), second(times().max().unwrap()));
    }
    let counts: Vec<u64> = rows.iter().map(|row| number(row, "/count")).collect();
    assert!(counts.is_sorted_by(|one, two| one >= two), "the most frequent first");
    expect(&report.content, &[("/observed/statements", counts.iter().sum())]);
}

#[test]
fn art33_without_the_key_says_so_and_bounds_hold() {
    let dir = log().dir.path();
    let wanted = Wanted { kind: Kind::Art33, scope: Scope::default(), inputs: inputs() };
    let report = make(dir, &wanted, None).unwrap().report;
    assert!(report.gaps.iter().any(|gap| gap.contains("--key")));
    let truths = all();
    let listed = sum(&truths, |truth| (truth.named.len() + truth.derived.len()) as u64);
    expect(&report.content, &[("/people/people_unread", listed), ("/people/at_least", 0)]);
    let named: BTreeSet<_> = truths.iter().flat_map(|truth| &truth.named).collect();
    if let Some(most) = at(&report.content, "/people/at_most").as_u64() {
        assert!(most >= named.len() as u64, "the truth lies in the bounds");
    }
}

#[test]
fn art33_draft_has_its_clocks() {
    let dir = log().dir.path();
    let mut inputs = inputs();
    inputs.declared.incident = Some(portreeve_reports::Incident {
        aware_at: Some("2026-02-27T10:00:00Z".into()),
        ..portreeve_reports::Incident::default()
    });
    let wanted = Wanted { kind: Kind::Art33, scope: Scope::default(), inputs };
    let content = make(dir, &wanted, None).unwrap().report.content;
    assert_eq!(at(&content, "/clocks/notify_until"), "2026-03-02T10:00:00Z");
}

#[test]
fn art15_lists_every_access_to_a_person_and_no_other() {
    for person in (0..300).step_by(23) {
        let token = token(person);
        let subject = Some(Subject::new("email", &token));
        let report = made(Kind::Art15, Scope { subject, ..Scope::default() }).report;
        let accesses = at(&report.content, "/accesses").as_array().unwrap();
        let mut expected: Vec<(String, String)> = Vec::new();
        for truth in all().into_iter().filter(|truth| is_readable(truth)) {
            let how = match (truth.named.contains(&token), truth.derived.contains(&token)) {
                (true, _) => "named",
                (false, true) => "derived",
                (false, false) => continue,
            };
            expected.push((how.to_owned(), truth.resource.clone()));
        }
        let mut found: Vec<(String, String)> = accesses
            .iter()
            .map(|access| {
                let text = |path: &str| at(access, path).as_str().unwrap().to_owned();
                (text("/certainty"), text("/resource"))
            })
            .collect();
        expected.sort();
        found.sort();
        assert_eq!(found, expected, "person {person}");
        let unresolved = sum(&all(), |truth| truth.unresolved);
        expect(&report.content, &[("/observed/rows_unresolved", unresolved)]);
        let text = report.content.to_string();
        for name in ["ada", "bob", "eve"] {
            assert!(!text.contains(&format!("\"{name}\"")), "staff are named by role");
        }
    }
}

#[test]
fn art15_needs_a_person_and_the_key() {
    let dir = log().dir.path();
    let wanted = |scope| Wanted { kind: Kind::Art15, scope, inputs: inputs() };
    let error = make(dir, &wanted(Scope::default()), Some(&mut opener(dir))).unwrap_err();
    assert!(error.to_string().contains("--subject"), "{error}");
    let subject = Some(Subject::new("email", &token(1)));
    let error = make(dir, &wanted(Scope { subject, ..Scope::default() }), None).unwrap_err();
    assert!(error.to_string().contains("--key"), "{error}");
}

#[test]
fn access_review_has_every_party_with_its_counts() {
    let content = made(Kind::AccessReview, Scope::default()).report.content;
    let parties = at(&content, "/parties").as_array().unwrap();
    let all = all();
    for (name, is_actor) in
        [("ada", false), ("bob", false), ("eve", false), ("worker", true), ("planner", true)]
    {
        let row = parties.iter().find(|row| at(row, "/party") == name).unwrap();
        let truths: Vec<&Truth> = all
            .iter()
            .copied()
            .filter(|truth| match (is_actor, name) {
                (false, _) => truth.principal == name,
                // The worker acts behind the planner.
                (true, "planner") => truth.actor.is_some(),
                (true, _) => truth.actor.as_deref() == Some(name),
            })
            .collect();
        let refused = count(&truths, |truth| truth.refused_by.is_some());
        expect(
            at(row, "/observed"),
            &[("/exchanges", truths.len() as u64), ("/exchanges_refused", refused)],
        );
        let approvals =
            count(&truths, |truth| matches!(truth.review, Some((ReviewOutcome::Approved, _, _))));
        expect(at(row, "/observed"), &[("/approvals", approvals)]);
        let reveals = at(row, "/observed/reveals").as_object().unwrap();
        let found: u64 = reveals.values().filter_map(Value::as_u64).sum();
        assert_eq!(found, count(&truths, |truth| truth.is_revealed), "{name}");
        let probes = at(row, "/observed/used").as_object().unwrap().iter();
        let found: u64 = probes
            .filter(|(what, _)| what.starts_with("probe "))
            .filter_map(|(_, n)| n.as_u64())
            .sum();
        let expected = count(&truths, |truth| truth.is_compared && truth.refused_by.is_none());
        assert_eq!(found, expected, "{name}");
    }
}

#[test]
fn masking_coverage_has_every_category_and_nothing_that_passed_by_no_rule() {
    let content = made(Kind::MaskingCoverage, Scope::default()).report.content;
    let all = all();
    expect(
        &content,
        &[
            ("/unmasked_without_exception", 0),
            ("/observed/exchanges", all.len() as u64),
            ("/observed/rows", sum(&all, |truth| truth.rows)),
            ("/observed/values_masked", sum(&all, |truth| truth.masked.values().sum())),
            ("/observed/rows_revealed", sum(&all, revealed_rows)),
            ("/observed/values_found_masked", sum(&all, |truth| truth.found_masked)),
            ("/observed/values_found_revealed", sum(&all, |truth| truth.found_revealed)),
        ],
    );
    check_categories(at(&content, "/categories"), &all);
    let rows = at(&content, "/objects").as_array().unwrap();
    for (table, column) in [
        ("public.customers", "email"),
        ("public.customers", "iban"),
        ("public.patients", "diagnosis"),
    ] {
        let object = format!("{table}.{column}");
        let row = rows.iter().find(|row| at(row, "/object") == object.as_str()).unwrap();
        let truths: Vec<&Truth> = all
            .iter()
            .copied()
            .filter(|truth| truth.table == table && truth.column == column)
            .collect();
        expect(
            row,
            &[
                ("/exchanges", count(&truths, |truth| truth.is_revealed || truth.is_compared)),
                ("/exchanges_comparing", count(&truths, |truth| truth.is_compared)),
                ("/rows_revealed", sum(&truths, revealed_rows)),
            ],
        );
    }
    expect(at(&content, "/masked_share"), &of_share(&all));
    let found = rows.iter().filter(|row| at(row, "/is_unclassified") == true);
    let masked: u64 = found.map(|row| number(row, "/found_masked/phone")).sum();
    assert_eq!(masked, sum(&all, |truth| truth.found_masked));
}

#[test]
fn oversight_counts_reviews_refusals_and_waits() {
    let content = made(Kind::Oversight, Scope::default()).report.content;
    let all = all();
    let with = |outcome| {
        count(&all, |truth| matches!(&truth.review, Some((found, _, _)) if *found == outcome))
    };
    expect(
        &content,
        &[
            ("/observed/exchanges", all.len() as u64),
            ("/observed/exchanges_of_agents", count(&all, |truth| truth.actor.is_some())),
            ("/observed/exchanges_refused", count(&all, |truth| truth.refused_by.is_some())),
            ("/observed/reviews", count(&all, |truth| truth.review.is_some())),
            ("/observed/approved", with(ReviewOutcome::Approved)),
            ("/observed/denied", with(ReviewOutcome::Denied)),
            ("/observed/open", 0),
        ],
    );
    for rule in ["no-iban", "no-night"] {
        let refused = count(&all, |truth| truth.refused_by.as_deref() == Some(rule));
        expect(&content, &[(&format!("/refusals/{rule}"), refused)]);
    }
    let mut waits: Vec<u64> = all
        .iter()
        .filter_map(|truth| truth.review.as_ref().map(|(_, _, us)| us / 1_000_000))
        .collect();
    waits.sort_unstable();
    let half = waits[waits.len().div_ceil(2) - 1];
    expect(&content, &[("/observed/wait_median_s", half)]);
    let olga = count(
        &all,
        |truth| matches!(&truth.review, Some((ReviewOutcome::Approved, by, _)) if by == "olga"),
    );
    expect(&content, &[("/reviewers/olga/approved", olga)]);
}

#[test]
fn the_register_of_deletions_has_every_one_with_its_record() {
    let report = made(Kind::Deletion, Scope::default()).report;
    let world = &log().world;
    expect(
        &report.content,
        &[
            ("/observed/recordings_destroyed", world.shredded.len() as u64),
            ("/observed/by_people", world.shredded.len() as u64),
            ("/observed/holds_open", world.holds_open),
        ],
    );
    let found: BTreeSet<String> = at(&report.content, "/destroyed")
        .as_array()
        .unwrap()
        .iter()
        .map(|row| at(row, "/session").as_str().unwrap().to_owned())
        .collect();
    assert_eq!(found, world.shredded.iter().map(ToString::to_string).collect());
    for row in at(&report.content, "/destroyed").as_array().unwrap() {
        let index = number(row, "/index");
        assert!(report.proof.cited.iter().any(|cited| cited.index == index), "{index} is proven");
    }
}

/// Removing one exchange's books must break a comparison: the tests above can fail.
#[test]
fn a_wrong_book_is_found() {
    let content = made(Kind::MaskingCoverage, Scope::default()).report.content;
    let all = all();
    let all_but_one = &all[1..];
    assert_ne!(number(&content, "/observed/exchanges"), all_but_one.len() as u64);
}

#[test]
fn every_report_is_proven_and_is_made_again_the_same() {
    let dir = log().dir.path();
    assert_eq!(verify(dir, &Trust::default()).status, Status::Ok);
    for kind in Kind::ALL {
        let subject = (kind == Kind::Art15).then(|| Subject::new("email", &token(3)));
        let report = made(kind, Scope { subject, ..Scope::default() }).report;
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("report.json");
        std::fs::write(&file, report.write().unwrap()).unwrap();
        let found = verify_extract(&file, &Trust::default(), |_, _| {});
        assert_eq!(found.status, Status::Ok, "{kind:?} {:?}", found.findings);
        assert_eq!(found.records, report.proof.cited.len() as u64);
        let read = Report::read(&std::fs::read_to_string(&file).unwrap()).unwrap();
        assert_eq!(read, report, "{kind:?}");
        assert_eq!(check(dir, &read, Some(&mut opener(dir))).unwrap(), Checked::Same, "{kind:?}");
    }
}

/// What a forger could change, and who finds out.
#[test]
fn a_report_that_was_changed_is_found() {
    let dir = log().dir.path();
    let report = made(Kind::Deletion, Scope::default()).report;
    let status = |changed: &Report| {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("report.json");
        std::fs::write(&file, changed.write().unwrap()).unwrap();
        verify_extract(&file, &Trust::default(), |_, _| {}).status
    };
    let mut changed = report.clone();
    changed.content["observed"]["recordings_destroyed"] = 0.into();
    assert_eq!(status(&changed), Status::Tampered, "a number");
    let mut changed = report.clone();
    changed.gaps.clear();
    changed.gaps.push("none".into());
    assert_eq!(status(&changed), Status::Tampered, "the gaps");
    let mut changed = report.clone();
    let leaf = &mut changed.proof.cited[0].leaf;
    *leaf = leaf.replace("request 4711", "request 4712");
    assert_eq!(status(&changed), Status::Tampered, "a cited record");
    let mut changed = report.clone();
    changed.proof.checkpoint = changed.proof.checkpoint.replacen('\n', "x\n", 1);
    assert_ne!(status(&changed), Status::Ok, "the checkpoint");
    // Who also makes a new digest is found by who has the log.
    let mut changed = report;
    changed.content["observed"]["recordings_destroyed"] = 0.into();
    let members = serde_json::to_value(&changed).unwrap();
    changed.proof.digest = portreeve_evidence::report_digest(members.as_object().unwrap());
    assert_eq!(status(&changed), Status::Ok);
    let checked = check(dir, &changed, Some(&mut opener(dir))).unwrap();
    let members = vec!["content".to_owned(), "proof".to_owned()];
    assert_eq!(checked, Checked::Other { members });
}

#[test]
fn every_form_of_every_report_has_its_numbers_and_no_script() {
    for kind in Kind::ALL {
        let subject = (kind == Kind::Art15).then(|| Subject::new("email", &token(3)));
        let made = made(kind, Scope { subject, ..Scope::default() });
        let html = made.document.render(portreeve_reports::Rendering::Html);
        assert!(!html.contains("<script") && html.ends_with("</html>\n"), "{kind:?}");
        assert!(html.contains(&made.report.proof.digest.to_string()), "{kind:?}");
        for rendering in [portreeve_reports::Rendering::Markdown, portreeve_reports::Rendering::Csv]
        {
            let text = made.document.render(rendering);
            assert!(text.contains(&made.report.proof.digest.to_string()), "{kind:?}");
        }
        for gap in &made.report.gaps {
            assert!(made.document.gaps.contains(gap), "{kind:?} {gap}");
        }
    }
}
