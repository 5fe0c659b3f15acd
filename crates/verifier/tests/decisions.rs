//! A log's records as a gateway writes them, and as one that cheats would.

#![allow(clippy::unwrap_used)]

use portreeve_decide::policy::{Ask, Context, Counters, Policies};
use portreeve_evidence::{Inspector, request_events};
use portreeve_model::{
    Action, Category, Chain, CommandRecord, Decision, Digest, Direction, Event, Facts, Need,
    Object, ObjectUsage, Outcome, Party, PartyKind, PayloadRef, PolicyVersion, Record, RefusalCode,
    Revealed, ReviewId, ReviewOutcome, RuleId, SessionId, Usage, Verdict,
};
use portreeve_verifier::Decisions;
use std::collections::BTreeMap;

const POLICIES: &str = r#"
    @id("in") permit(principal, action == Action::"connect", resource);
    @id("read") permit(principal, action == Action::"read", resource);
    @id("dpo") permit(principal in Group::"dpo", action == Action::"reveal", resource);
    @id("night") @advice("by day only")
    forbid(principal, action == Action::"read", resource == Table::"shop/public.audit")
    when { context.hour < 6 };
    @id("many") @review("staff")
    forbid(principal, action == Action::"read", resource) when { context.rows > 100 };
    @id("salary") @review("staff")
    forbid(principal, action == Action::"read", resource in Category::"salary");
"#;

const NOON: u64 = 472_212;
const NIGHT: u64 = 472_203;

fn policies(text: &str) -> Policies {
    Policies::load(&[("p.cedar".into(), text.into())]).unwrap()
}

fn chain(groups: &[&str]) -> Chain {
    let groups = groups.iter().map(|group| (*group).to_owned()).collect();
    let principal = Party { groups, ..Party::new(PartyKind::Person, "local", "ada") };
    Chain::new(principal, Vec::new())
}

fn id() -> SessionId {
    SessionId(uuid::Uuid::from_u128(1))
}

fn read(table: &str) -> Need {
    Need { action: Action::Read, object: Object::table("public", table) }
}

/// A gateway that decides as it should, and a verifier that looks at its records.
struct Log {
    policies: Policies,
    chain: Chain,
    verifier: Decisions,
    at_us: u64,
    seq: u64,
    hour: u64,
    /// How long the client's requests are.
    client_bytes: u64,
}

impl Log {
    fn new(groups: &[&str]) -> Self {
        let mut log = Self {
            policies: policies(POLICIES),
            chain: chain(groups),
            verifier: Decisions::default(),
            at_us: NOON * 3_600_000_000,
            seq: 0,
            hour: NOON,
            client_bytes: 9,
        };
        assert_eq!(log.adopt(POLICIES), None);
        let decision =
            log.decide(&[Need { action: Action::Connect, object: Object::resource() }], &[]);
        let opened = log.opened(decision);
        assert_eq!(log.say(opened), None);
        log
    }

    fn adopt(&mut self, text: &str) -> Option<String> {
        self.policies = policies(text);
        let (policy, source) = (self.policies.version().clone(), self.policies.source().to_owned());
        self.say(Event::PolicyAdopted { policy, source })
    }

    fn say(&mut self, event: Event) -> Option<String> {
        let salt = String::new();
        let (at_us, seq) = (self.at_us, self.seq);
        self.seq += 1;
        let payload = matches!(event, Event::Request { .. }).then(|| PayloadRef {
            direction: Direction::FromClient,
            digest: Digest([0; 32]),
            bytes: self.client_bytes,
        });
        let record = Record { at_us, session: Some(id()), seq, salt, event, payload };
        let leaf = serde_json::to_value(&record).unwrap();
        let event = leaf["event"]["event"].as_str().unwrap().to_owned();
        self.verifier.record(&event, leaf.to_string().as_bytes())
    }

    fn opened(&self, decision: Decision) -> Event {
        Event::SessionOpened {
            chain: self.chain.clone(),
            resource: "shop".into(),
            protocol: "postgres".into(),
            client: "127.0.0.1:1".into(),
            application: None,
            tls: "none".into(),
            hour: self.hour,
            decision: Box::new(decision),
        }
    }

    fn decide(&self, needs: &[Need], categories: &[(Object, &str)]) -> Decision {
        let of = |object: &Object| {
            let found = categories.iter().find(|(column, _)| column == object);
            found.map(|(_, category)| Category::from(*category))
        };
        self.policies.decide(&Ask {
            chain: &self.chain,
            resource: "shop",
            needs,
            verb: "SELECT",
            facts: Facts::default(),
            categories: &of,
            counters: Counters::default(),
            day: &|_| Usage::default(),
            context: Context { hour: self.hour },
        })
    }

    fn command(&self, needs: Vec<Need>) -> CommandRecord {
        CommandRecord {
            verb: "SELECT".into(),
            times: 1,
            runs_later: false,
            fingerprint: "f".into(),
            shape: String::new(),
            decision: Some(self.decide(&needs, &[])),
            needs,
            facts: Facts::default(),
            before: portreeve_model::Usage::default(),
            categories: BTreeMap::new(),
            unknown: None,
            revealed: Vec::new(),
        }
    }

    fn ask(&mut self, exchange: u64, command: CommandRecord) -> Option<String> {
        let commands = vec![command];
        let (hour, session) = (self.hour, Usage::default());
        self.say(Event::Request { exchange, hour, session, day: Vec::new(), commands })
    }

    fn rows(&mut self, exchange: u64, rows: u64) -> Option<String> {
        self.say(Event::Response {
            exchange,
            rows,
            masked: BTreeMap::new(),
            detected: Vec::new(),
            revealed_by: None,
        })
    }

    fn close(&mut self, exchange: u64) -> Option<String> {
        self.say(Event::ExchangeClosed {
            exchange,
            outcome: Outcome::Completed,
            rows: 0,
            changes: 0,
        })
    }

    fn approve(&mut self, exchange: u64) -> Option<String> {
        let (review, by) = (ReviewId("rv-1".into()), Some("bob".to_owned()));
        self.say(Event::ReviewClosed { exchange, review, decision: ReviewOutcome::Approved, by })
    }
}

fn assert_says(found: Option<String>, expect: &str) {
    let found = found.unwrap_or_default();
    assert!(found.contains(expect), "{found:?} lacks {expect:?}");
}

#[test]
fn what_was_decided_as_the_policies_say_is_silent() {
    let mut log = Log::new(&["dpo"]);
    let email = Object::column("public", "customers", "email");
    let mut command = log.command(vec![read("customers")]);
    command.revealed = vec![Revealed { object: email, category: "email".into() }];
    assert_eq!(log.ask(1, command), None);
    assert_eq!(log.rows(1, 100), None);
    assert_eq!(log.close(1), None);
    let denied = log.command(vec![Need { action: Action::Write, object: Object::table("a", "b") }]);
    assert_eq!(log.ask(2, denied), None);
    assert_eq!(log.verifier.decisions(), 3);
}

/// What may change anything is durable before the target gets it, so no commit holds it and the
/// first of its answer. What only reads may be recorded with its answer.
#[test]
fn a_change_that_was_recorded_with_its_answer_is_found() {
    const WRITERS: &str = r#"@id("all") permit(principal, action, resource);"#;
    let together = "recorded together with its answer";
    let write = || vec![Need { action: Action::Write, object: Object::table("public", "orders") }];
    let answered = |needs: Vec<Need>, is_committed: bool, bytes: u64, outcome: Outcome| {
        let mut log = Log::new(&[]);
        assert_eq!(log.adopt(WRITERS), None);
        log.client_bytes = bytes;
        let command = log.command(needs);
        assert_eq!(log.ask(1, command), None);
        if is_committed {
            log.verifier.committed();
        }
        assert_eq!(log.rows(1, 0), None);
        log.verifier.committed();
        log.say(Event::ExchangeClosed { exchange: 1, outcome, rows: 0, changes: 0 })
    };
    let failed = || Outcome::Failed { code: "23505".into() };
    assert_eq!(answered(write(), true, 9, Outcome::Completed), None);
    assert_eq!(answered(vec![read("orders")], false, 9, Outcome::Completed), None);
    assert_says(answered(write(), false, 9, Outcome::Completed), together);
    assert_says(answered(write(), false, 9, failed()), together);
    for action in [Action::Define, Action::Administer, Action::Execute, Action::Lock] {
        let need = Need { action, object: Object::resource() };
        assert_says(answered(vec![need], false, 9, Outcome::Completed), together);
    }
    // What a target asks is shown to the client with its record, and the client's word for it
    // goes the other way.
    assert_eq!(answered(write(), false, 0, Outcome::Completed), None);
    let refused = Outcome::Refused { code: RefusalCode::Denied, rule: None };
    assert_eq!(answered(write(), false, 9, refused), None);
}

#[test]
fn another_verdict_than_the_policies_say_is_found() {
    let mut log = Log::new(&[]);
    let write = Need { action: Action::Write, object: Object::table("public", "orders") };
    let mut command = log.command(vec![write]);
    let allowed = log.decide(&[read("orders")], &[]);
    command.decision = Some(allowed);
    assert_says(log.ask(1, command), "recorded is `allow`, the recorded policies say `deny`");
}

#[test]
fn another_reason_than_the_policies_give_is_found() {
    let mut log = Log::new(&[]);
    let write = Need { action: Action::Write, object: Object::table("public", "orders") };
    let mut command = log.command(vec![write]);
    command.decision.as_mut().unwrap().reasons[0].rule = RuleId("other".into());
    assert_says(log.ask(1, command), "for other reasons");
}

#[test]
fn a_command_without_a_decision_is_found() {
    let mut log = Log::new(&[]);
    let mut command = log.command(vec![read("orders")]);
    command.decision = None;
    assert_says(log.ask(1, command), "no decision");
}

#[test]
fn the_hour_counts() {
    let mut log = Log::new(&[]);
    let by_day = log.command(vec![read("audit")]);
    assert_eq!(by_day.decision.as_ref().unwrap().verdict, Verdict::Allow);
    log.hour = NIGHT;
    assert_says(log.ask(1, by_day), "the recorded policies say `deny`");
}

#[test]
fn the_category_counts() {
    let mut log = Log::new(&[]);
    let pay = Object::column("public", "staff", "pay");
    let need = Need { action: Action::Read, object: pay.clone() };
    let mut command = log.command(vec![need.clone()]);
    assert_eq!(log.ask(1, command.clone()), None);
    command.categories = [("salary".into(), vec![0])].into();
    assert_says(log.ask(2, command.clone()), "the recorded policies say `review`");
    command.decision = Some(log.decide(&[need], &[(pay, "salary")]));
    assert_eq!(log.ask(3, command.clone()), None);
    assert_says(log.rows(3, 1), "not allowed");
    assert_says(log.close(3), "without one");
    assert_eq!(log.ask(4, command.clone()), None);
    assert_eq!(log.approve(4), None);
    assert_eq!((log.rows(4, 1), log.close(4)), (None, None));
    command.categories = [("salary".into(), vec![1])].into();
    assert_says(log.ask(5, command), "of nothing that can be classified");
}

#[test]
fn rows_beyond_a_threshold_need_an_approval() {
    let mut log = Log::new(&[]);
    let command = log.command(vec![read("orders")]);
    assert_eq!(log.ask(1, command.clone()), None);
    assert_eq!(log.rows(1, 100), None);
    assert_says(log.rows(1, 1), "101 rows were released where policy gives 100");
    assert_eq!(log.ask(2, command.clone()), None);
    assert_eq!(log.approve(2), None);
    assert_eq!(log.rows(2, 5_000), None);
    let prepared = CommandRecord { runs_later: true, ..command };
    assert_eq!(log.ask(3, prepared), None);
    assert_eq!(log.rows(3, 5_000), None, "what was only prepared gives no rows and limits none");
}

#[test]
fn what_others_had_reserved_and_gave_back_counts_for_nobody() {
    let mut log = Log::new(&[]);
    let budget = r#"@id("budget") forbid(principal, action == Action::"read", resource)
        when { context.session_rows > 150 };"#;
    assert_eq!(log.adopt(&format!("{POLICIES}{budget}")), None);
    let command = log.command(vec![read("orders")]);
    let ask = |log: &mut Log, exchange, rows| {
        let session = Usage { rows, ..Usage::default() };
        let commands = vec![command.clone()];
        log.say(Event::Request { exchange, hour: NOON, session, day: Vec::new(), commands })
    };
    assert_eq!((ask(&mut log, 1, 0), log.rows(1, 40)), (None, None));
    // Others hold 108 more just then, and give none of them.
    assert_eq!((ask(&mut log, 2, 148), log.rows(2, 100)), (None, None));
    // What was given counts for everybody.
    assert_eq!((ask(&mut log, 3, 148), log.rows(3, 10)), (None, None));
    assert_says(log.rows(3, 1), "11 rows were released where policy gives 10");
}

#[test]
fn rows_of_a_denied_command_are_found() {
    let mut log = Log::new(&[]);
    let write = Need { action: Action::Write, object: Object::table("public", "orders") };
    let command = log.command(vec![write]);
    assert_eq!(log.ask(1, command), None);
    assert_says(log.rows(1, 1), "not allowed");
    assert_says(log.close(1), "said to have completed");
    assert_says(log.rows(9, 1), "no command asked for");
}

#[test]
fn a_reveal_that_no_policy_permits_is_found() {
    let mut log = Log::new(&["sales"]);
    let column = Object::column("public", "customers", "email");
    let mut command = log.command(vec![read("customers")]);
    command.revealed = vec![Revealed { object: column, category: "email".into() }];
    assert_says(log.ask(1, command), "customers.email was shown unmasked");
}

#[test]
fn a_session_that_should_not_have_been_let_in_is_found() {
    let mut log = Log::new(&[]);
    let allowed = log.decide(&[Need { action: Action::Connect, object: Object::resource() }], &[]);
    log.chain.principal.subject = "eve".into();
    let text = r#"@id("ada") permit(principal == Person::"ada", action, resource);"#;
    assert_eq!(log.adopt(text), None);
    let version = log.policies.version().clone();
    let opened = log.opened(Decision { policy: version, ..allowed });
    assert_says(log.say(opened), "the recorded policies say `deny`");
}

#[test]
fn policies_that_were_never_adopted_or_are_replaced_do_not_decide() {
    let mut log = Log::new(&[]);
    let old = log.command(vec![read("orders")]);
    let mut command = old.clone();
    command.decision.as_mut().unwrap().policy = PolicyVersion("0".into());
    assert_says(log.ask(1, command), "never adopted");
    assert_eq!(log.adopt(r#"@id("none") forbid(principal, action, resource);"#), None);
    assert_eq!(log.ask(2, old.clone()), None, "a moment later it may still be recorded");
    log.at_us += 11_000_000;
    assert_says(log.ask(3, old), "no longer in force");
}

#[test]
fn a_text_that_is_not_of_its_version_is_found() {
    let mut log = Log::new(&[]);
    let source = r#"@id("all") permit(principal, action, resource);"#.to_owned();
    let policy = PolicyVersion("f00d".into());
    assert_says(log.say(Event::PolicyAdopted { policy, source }), "not that of policies");
}

#[test]
fn a_long_policy_text_comes_in_parts() {
    let mut log = Log::new(&[]);
    let long = format!("// {}\n{POLICIES}", "é".repeat(20_000));
    let policies = policies(&long);
    let (first, last) = policies.source().split_at(policies.source().floor_char_boundary(9_999));
    let policy = policies.version().clone();
    let part = Event::PolicyPart { policy: policy.clone(), text: first.to_owned() };
    assert_eq!(log.say(part), None);
    assert_eq!(log.say(Event::PolicyAdopted { policy, source: last.to_owned() }), None);
    log.policies = policies;
    let command = log.command(vec![read("orders")]);
    assert_eq!(log.ask(1, command), None);
}

const BUDGETS: &str = r#"
    @id("in") permit(principal, action == Action::"connect", resource);
    @id("all") permit(principal, action in [Action::"read", Action::"write"], resource);
    @id("session") forbid(principal, action == Action::"read", resource)
    when { context.session_bytes > 1000 };
    @id("day") forbid(principal, action == Action::"read", resource)
    when { context.day_rows > 50 };
    @id("bounded") forbid(principal, action == Action::"write", resource)
    unless { context.bounded };
    @id("verb") forbid(principal, action == Action::"read", resource)
    when { context.verb == "COPY" };
"#;

/// What was used, and what the command is as a whole, is part of what is decided again.
#[test]
fn what_was_used_and_what_the_command_is_count() {
    let mut exchange = 0;
    let mut check =
        |verb: &str, need: Need, facts: Facts, session: u64, day: u64, expect: Verdict| {
            let mut log = Log::new(&[]);
            assert_eq!(log.adopt(BUDGETS), None);
            let used = Usage { rows: day, ..Usage::default() };
            let session = Usage { bytes: session, ..Usage::default() };
            let decision = log.policies.decide(&Ask {
                chain: &log.chain,
                resource: "shop",
                verb,
                needs: std::slice::from_ref(&need),
                facts,
                categories: &|_| None,
                counters: Counters { exchange: Usage::default(), session },
                day: &|_| used,
                context: Context { hour: log.hour },
            });
            assert_eq!(decision.verdict, expect);
            let mut command = log.command(vec![need.clone()]);
            (command.verb, command.facts, command.decision) = (verb.into(), facts, Some(decision));
            exchange += 1;
            let day = vec![ObjectUsage { object: need.object, used }];
            let commands = vec![command];
            let event = Event::Request { exchange, hour: log.hour, session, day, commands };
            assert_eq!(log.say(event.clone()), None);
            // A gateway that hides what was used, or what the command is, is found.
            if let (Verdict::Deny, Event::Request { mut commands, hour, .. }) = (expect, event) {
                (commands[0].facts, commands[0].verb) =
                    (Facts { bounded: Some(true), ..facts }, "SELECT".into());
                let (session, day) = (Usage::default(), Vec::new());
                let hidden = Event::Request { exchange, hour, session, day, commands };
                assert_says(
                    log.say(hidden),
                    "recorded is `deny`, the recorded policies say `allow`",
                );
            }
        };
    let write = || Need { action: Action::Write, object: Object::table("public", "orders") };
    let plain = Facts::default();
    let bounded = |bounded| Facts { bounded: Some(bounded), ..plain };
    check("SELECT", read("orders"), plain, 1000, 50, Verdict::Allow);
    check("SELECT", read("orders"), plain, 1001, 50, Verdict::Deny);
    check("SELECT", read("orders"), plain, 1000, 51, Verdict::Deny);
    check("COPY", read("orders"), plain, 0, 0, Verdict::Deny);
    check("DELETE", write(), bounded(true), 0, 0, Verdict::Allow);
    check("DELETE", write(), bounded(false), 0, 0, Verdict::Deny);
}

#[test]
fn a_command_that_touches_very_much_comes_in_parts_and_is_decided_as_a_whole() {
    let mut log = Log::new(&[]);
    let column = |at: usize| Object::column("public", "wide", &format!("column_{at}"));
    let needs: Vec<Need> =
        (0..3_000).map(|at| Need { action: Action::Read, object: column(at) }).collect();
    let mut command = log.command(needs);
    let decided = log.verifier.decisions();
    let ask = |log: &mut Log, exchange, command: &CommandRecord| {
        let (hour, session, day) = (log.hour, Usage::default(), Vec::new());
        let events = request_events(exchange, hour, session, day, vec![command.clone()]);
        assert!(events.len() > 3, "{} records", events.len());
        let mut found: Vec<Option<String>> =
            events.into_iter().map(|event| log.say(event)).collect();
        let last = found.pop().unwrap();
        assert!(found.iter().all(Option::is_none), "{found:?}");
        last
    };
    assert_eq!(ask(&mut log, 1, &command), None);
    assert_eq!(log.verifier.decisions(), decided + 1);
    assert_eq!((log.rows(1, 100), log.close(1)), (None, None));
    // What stands in its last part counts like what stands in the first.
    command.categories = [("salary".into(), vec![2_999])].into();
    assert_says(ask(&mut log, 2, &command), "the recorded policies say `review`");
    let part = Event::RequestPart { exchange: 3, text: "half of".into() };
    assert_eq!(log.say(part), None);
    let small = log.command(vec![read("orders")]);
    assert_says(log.ask(3, small), "its parts are no command");
}
