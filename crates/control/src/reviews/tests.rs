//! Who may decide, what a race does, what is used once.

use super::*;
use crate::administration::Recorder;
use crate::testing::{Folder, Notes, folder};
use portreeve_model::{
    Chain, ContentField, Digest, Event, Examples, Party, Quoting, RequestId, ReviewOutcome,
    SessionId, TokenOrigin,
};

struct Bench {
    folder: Folder,
    store: Store,
    reviews: Reviews,
    notes: Notes,
}

fn bench(name: &str) -> Bench {
    let folder = folder(name);
    let store = Store::open(&folder.path).unwrap();
    let notes = Notes::default();
    let reviews = start(&store, "here", Arc::new(notes.clone()), SystemTime::now());
    Bench { folder, store, reviews, notes }
}

fn start(store: &Store, gateway: &str, recorder: Arc<dyn Recorder>, at: SystemTime) -> Reviews {
    let log = AdminLog::new(store.journal.clone(), recorder);
    Reviews::start(store.clone(), GatewayId(gateway.into()), log, at).unwrap()
}

fn party(kind: PartyKind, subject: &str, groups: &[&str]) -> Party {
    let groups = groups.iter().map(|group| (*group).to_owned()).collect();
    Party { groups, ..Party::new(kind, "https://i", subject) }
}

fn identity(principal: Party, actors: &[&str]) -> Identity {
    let actors = actors.iter().map(|actor| party(PartyKind::Actor, actor, &[])).collect();
    let expires_at = SystemTime::now() + Duration::from_secs(60);
    Identity::new(Chain::new(principal, actors), "https://i", expires_at)
}

fn person(subject: &str, groups: &[&str]) -> Identity {
    identity(party(PartyKind::Person, subject, groups), &[])
}

fn examples() -> Examples {
    let row = vec![Some("7".into()), None];
    Examples { columns: vec!["id".into(), "phone".into()], rows: vec![row] }
}

fn ask(content: u8, wait: Duration) -> ReviewAsk {
    ReviewAsk {
        request: RequestId { session: SessionId(uuid::Uuid::nil()), exchange: 7 },
        chain: identity(party(PartyKind::Person, "ada", &["support"]), &["planner", "worker"])
            .chain,
        resource: "shop".into(),
        text: "select * from customers".into(),
        reason: "many rows".into(),
        rule: "rows".into(),
        groups: vec!["privacy".into()],
        approvers: 1,
        fields: vec![ContentField {
            name: "statement.1.text".into(),
            value: content.to_string(),
            label: "statement: text".into(),
            quoting: Quoting::Withheld,
        }],
        content: Digest([content; 32]),
        examples: Some(examples()),
        deadline: SystemTime::now() + wait,
    }
}

const LONG: Duration = Duration::from_secs(600);

impl Bench {
    async fn open(&self, content: u8) -> ReviewId {
        self.reviews.open(ask(content, LONG)).await.unwrap()
    }

    async fn decide(
        &self,
        who: &Identity,
        id: &ReviewId,
        what: Decision,
    ) -> Result<Review, DecideError> {
        self.reviews.decide(who, id, what, None, SystemTime::now()).await
    }
}

#[tokio::test]
async fn an_approval_wakes_who_waits_and_is_on_disk_by_then() {
    let bench = bench("approve");
    let id = bench.open(1).await;
    let reviews = bench.reviews.clone();
    let waited = id.clone();
    let waiter = tokio::spawn(async move { reviews.answer(&waited).await });
    let said = Some("go".to_owned());
    let bob = person("bob", &["privacy"]);
    bench
        .reviews
        .decide(&bob, &id, Decision::Approve, said.clone(), SystemTime::now())
        .await
        .unwrap();
    assert_eq!(waiter.await.unwrap(), Answer::Approved { by: "bob".into(), comment: said });
    let review = bench.reviews.show(&bob, &id, SystemTime::now()).await.unwrap();
    assert_eq!(review.state, ReviewState::Approved);
    assert!(review.used_at_us.is_some(), "the waiter used it up");
    assert_eq!(bench.reviews.claim(&ask(1, LONG)).await.unwrap(), Claim::None);
}

#[tokio::test]
async fn who_may_not_decide() {
    let bench = bench("who");
    let id = bench.open(1).await;
    let refused = |who: Identity, part: &'static str| {
        let (bench, id) = (&bench, id.clone());
        async move {
            let error = bench.decide(&who, &id, Decision::Approve).await.unwrap_err().to_string();
            assert!(error.contains(part), "{error}");
        }
    };
    // The principal itself, even as a member of the group.
    refused(person("ada", &["privacy"]), "asked for themselves").await;
    // The same person through an actor, and another person through one.
    let ada = party(PartyKind::Person, "ada", &["privacy"]);
    refused(identity(ada, &["planner"]), "an actor cannot decide").await;
    let bob = party(PartyKind::Person, "bob", &["privacy"]);
    refused(identity(bob, &["planner"]), "no review").await;
    // An actor of the chain under its own name.
    refused(person("worker", &["privacy"]), "asked for themselves").await;
    // A program.
    refused(identity(party(PartyKind::Service, "ci", &["privacy"]), &[]), "only a person").await;
    // Not of the group: does not even see it. An auditor sees it, and cannot decide.
    refused(person("eve", &["support"]), "no review").await;
    refused(person("olga", &["auditors"]), "member of the review's groups").await;
    // Somebody of another issuer may be the requester under another name.
    let mut other = person("eve", &["privacy"]);
    other.chain.principal.issuer = "https://j".into();
    refused(other, "another person").await;
    // Whoever has the gateway's files can be anybody.
    let minted = Identity { origin: Some(TokenOrigin::Files), ..person("bob", &["privacy"]) };
    refused(minted, "gateway's files").await;
    let own = Identity { origin: Some(TokenOrigin::Login), ..person("bob", &["privacy"]) };
    bench.decide(&own, &id, Decision::Deny).await.unwrap();
    assert_eq!(bench.reviews.answer(&id).await, Answer::Denied { by: "bob".into(), comment: None });
}

fn linked(mut identity: Identity, issuer: &str, person: &str) -> Identity {
    identity.chain.principal.issuer = issuer.into();
    identity.chain.principal.person = Some(person.into());
    identity
}

/// Under whatever name: who asks does not answer.
#[tokio::test]
async fn the_same_person_of_another_issuer_is_the_same_person() {
    let bench = bench("linked");
    let mut asked = ask(1, LONG);
    asked.chain.principal.person = Some("ann@example.org".into());
    let id = bench.reviews.open(asked).await.unwrap();
    let same = linked(person("ann-privacy", &["privacy"]), "https://j", "ann@example.org");
    let error = bench.decide(&same, &id, Decision::Approve).await.unwrap_err().to_string();
    assert!(error.contains("asked for themselves"), "{error}");
    let same = linked(person("ann-admin", &["privacy"]), "https://i", "ann@example.org");
    let error = bench.decide(&same, &id, Decision::Approve).await.unwrap_err().to_string();
    assert!(error.contains("asked for themselves"), "{error}");
    let other = linked(person("bob", &["privacy"]), "https://j", "bob@example.org");
    bench.decide(&other, &id, Decision::Approve).await.unwrap();
}

#[tokio::test]
async fn two_approvals_are_two_peoples() {
    let bench = bench("two-people");
    let mut asked = ReviewAsk { approvers: 2, ..ask(1, LONG) };
    asked.chain.principal.person = Some("ann".into());
    let id = bench.reviews.open(asked.clone()).await.unwrap();
    let bob = linked(person("bob", &["privacy"]), "https://i", "bob");
    let review = bench.decide(&bob, &id, Decision::Approve).await.unwrap();
    assert_eq!(review.state, ReviewState::Pending);
    let again = bench.decide(&bob, &id, Decision::Approve).await;
    assert!(matches!(again, Err(DecideError::Again)), "{again:?}");
    let elsewhere = linked(person("robert", &["privacy"]), "https://j", "bob");
    let again = bench.decide(&elsewhere, &id, Decision::Approve).await;
    assert!(matches!(again, Err(DecideError::Again)), "{again:?}");
    assert_eq!(bench.reviews.claim(&asked).await.unwrap(), Claim::Pending(id.clone()));
    let cleo = linked(person("cleo", &["privacy"]), "https://j", "cleo");
    let review = bench.decide(&cleo, &id, Decision::Approve).await.unwrap();
    assert_eq!((review.state, review.approvals.len()), (ReviewState::Approved, 2));
    // One no is enough, whoever said yes before.
    let id = bench.reviews.open(ReviewAsk { approvers: 3, ..ask(2, LONG) }).await.unwrap();
    bench.decide(&person("bob", &["privacy"]), &id, Decision::Approve).await.unwrap();
    let review = bench.decide(&person("bob", &["privacy"]), &id, Decision::Deny).await.unwrap();
    assert_eq!(review.state, ReviewState::Denied);
}

/// The evidence knows who answered, by which token, from where, and how strongly known.
#[tokio::test]
async fn who_answers_is_in_the_evidence_first() {
    let bench = bench("attested");
    let id = bench.open(1).await;
    let mut bob = person("bob", &["privacy"]);
    bob.token_id = Some("t-1".into());
    bob.address = Some([10, 0, 0, 7].into());
    bob.chain.strength.amr = vec!["mfa".into()];
    bench.decide(&bob, &id, Decision::Approve).await.unwrap();
    let notes = bench.notes.0.lock().unwrap();
    let [Event::ReviewAnswered { review, decision, by }] = notes.as_slice() else {
        panic!("{notes:?}")
    };
    assert_eq!((review, decision), (&id, &ReviewOutcome::Approved));
    assert_eq!((by.issuer.as_str(), by.subject.as_str()), ("https://i", "bob"));
    assert_eq!((by.token.as_deref(), by.address.as_deref()), (Some("t-1"), Some("10.0.0.7")));
    assert_eq!(by.strength.amr, ["mfa"]);
}

/// A log that cannot be written.
struct Sealed;

impl Recorder for Sealed {
    fn record(&self, _: Vec<Event>) -> BoxFuture<'_, Result<(), String>> {
        Box::pin(std::future::ready(Err("sealed".into())))
    }
}

#[tokio::test]
async fn an_approval_that_cannot_be_recorded_is_none() {
    let bench = bench("unrecorded");
    let id = bench.open(1).await;
    let sealed = start(&bench.store, "sealed", Arc::new(Sealed), SystemTime::now());
    let bob = person("bob", &["privacy"]);
    let failed = sealed.decide(&bob, &id, Decision::Approve, None, SystemTime::now()).await;
    assert!(matches!(failed, Err(DecideError::Evidence(_))), "{failed:?}");
    assert_eq!(bench.reviews.claim(&ask(1, LONG)).await.unwrap(), Claim::Pending(id.clone()));
    let progress = bench.store.reviews.answer(&id, SystemTime::now()).unwrap();
    assert!(matches!(progress, Progress::Open { .. }), "{progress:?}");
    // Another gateway carries it over; then it counts.
    bench.reviews.log.settle().await.unwrap();
    assert!(matches!(bench.reviews.answer(&id).await, Answer::Approved { .. }));
}

#[tokio::test]
async fn of_many_who_decide_at_once_one_counts() {
    let bench = bench("race");
    for round in 0..20u8 {
        let id = bench.open(round).await;
        let mut tasks = tokio::task::JoinSet::new();
        for number in 0..8 {
            let (reviews, id) = (bench.reviews.clone(), id.clone());
            tasks.spawn(async move {
                let who = person(&format!("reviewer-{number}"), &["privacy"]);
                let what = if number % 2 == 0 { Decision::Approve } else { Decision::Deny };
                reviews.decide(&who, &id, what, None, SystemTime::now()).await
            });
        }
        let results = tasks.join_all().await;
        let winners: Vec<_> = results.iter().filter_map(|result| result.as_ref().ok()).collect();
        assert_eq!(winners.len(), 1);
        let by = winners[0].by.clone().unwrap().subject;
        let answer = bench.reviews.answer(&id).await;
        let expect = match winners[0].state {
            ReviewState::Approved => Answer::Approved { by, comment: None },
            _ => Answer::Denied { by, comment: None },
        };
        assert_eq!(answer, expect);
    }
}

#[tokio::test]
async fn nobody_answers_in_time() {
    let bench = bench("expiry");
    let id = bench.reviews.open(ask(1, Duration::from_millis(80))).await.unwrap();
    assert_eq!(bench.reviews.answer(&id).await, Answer::Expired);
    let late = bench.decide(&person("bob", &["privacy"]), &id, Decision::Approve).await;
    assert!(matches!(late, Err(DecideError::Closed(ReviewState::Expired))), "{late:?}");
}

#[tokio::test]
async fn a_decision_after_the_deadline_is_refused_though_nobody_looked() {
    let bench = bench("late");
    let id = bench.open(1).await;
    let at = SystemTime::now() + LONG;
    let bob = person("bob", &["privacy"]);
    let late = bench.reviews.decide(&bob, &id, Decision::Approve, None, at).await;
    assert!(matches!(late, Err(DecideError::Closed(ReviewState::Expired))), "{late:?}");
}

/// The row itself refuses, whatever was looked at before.
#[tokio::test]
async fn a_row_takes_no_decision_after_its_deadline() {
    let bench = bench("row");
    let id = bench.open(1).await;
    let bob = person("bob", &["privacy"]);
    let bob = AnswerGiven {
        said: Decision::Approve,
        reviewer: bob.chain.principal.clone(),
        attestation: attestation(&bob),
        comment: None,
    };
    let decide = |at: SystemTime| bench.store.reviews.decide(&id, &bob, at).unwrap();
    assert_eq!(decide(SystemTime::now()), Decided::Closed);
    assert_eq!(decide(SystemTime::now()), Decided::TooLate, "once");
    let id = bench.open(2).await;
    let late = bench.store.reviews.decide(&id, &bob, SystemTime::now() + LONG).unwrap();
    assert_eq!(late, Decided::TooLate);
}

#[tokio::test]
async fn a_restart_abandons_what_was_pending() {
    let bench = bench("restart");
    let id = bench.open(1).await;
    let approved = bench.open(2).await;
    let bob = person("bob", &["privacy"]);
    bench.decide(&bob, &approved, Decision::Approve).await.unwrap();
    let restarted = start(&bench.store, "here", Arc::new(Notes::default()), SystemTime::now());
    assert_eq!(restarted.answer(&id).await, Answer::Abandoned);
    let late = restarted.decide(&bob, &id, Decision::Approve, None, SystemTime::now()).await;
    assert!(matches!(late, Err(DecideError::Closed(ReviewState::Abandoned))));
    let shown = restarted.show(&bob, &id, SystemTime::now()).await.unwrap();
    assert_eq!(shown.comment.as_deref(), Some("gateway restarted"));
    // What was approved can still be claimed by a client that asks again.
    let claim = restarted.claim(&ask(2, LONG)).await.unwrap();
    assert_eq!(claim, Claim::Approved { review: approved, by: "bob".into() });
}

/// Gateways of one store leave each other's reviews alone, until one of them is gone.
#[tokio::test]
async fn another_gateway_abandons_nothing_that_is_not_its_own() {
    let bench = bench("gateways");
    let id = bench.open(1).await;
    let now = SystemTime::now();
    let other = Store::open(&bench.folder.path).unwrap();
    let there = start(&other, "there", Arc::new(Notes::default()), now);
    let bob = person("bob", &["privacy"]);
    let shown = there.show(&bob, &id, now).await.unwrap();
    assert_eq!(shown.state, ReviewState::Pending);
    // It says nothing for longer than its lease, while the other one goes on.
    let later = now + LEASE + Duration::from_secs(1);
    other.reviews.renew(&GatewayId("there".into()), later + LEASE).unwrap();
    let kept = there.open(ask(2, LONG)).await.unwrap();
    assert_eq!(there.show(&bob, &id, later).await.unwrap().state, ReviewState::Abandoned);
    assert_eq!(there.show(&bob, &kept, later).await.unwrap().state, ReviewState::Pending);
}

/// An answer that comes in at another process reaches who waits here.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_is_heard_across_processes() {
    let bench = bench("across");
    let id = bench.open(1).await;
    let keeper = tokio::spawn({
        let reviews = bench.reviews.clone();
        async move { reviews.keep().await }
    });
    let waiter = tokio::spawn({
        let (reviews, id) = (bench.reviews.clone(), id.clone());
        async move { reviews.answer(&id).await }
    });
    let other = Store::open(&bench.folder.path).unwrap();
    let there = start(&other, "there", Arc::new(Notes::default()), SystemTime::now());
    let bob = person("bob", &["privacy"]);
    there.decide(&bob, &id, Decision::Approve, None, SystemTime::now()).await.unwrap();
    let answer = tokio::time::timeout(Duration::from_secs(5), waiter).await.unwrap().unwrap();
    assert_eq!(answer, Answer::Approved { by: "bob".into(), comment: None });
    keeper.abort();
}

#[tokio::test]
async fn an_approval_is_claimed_once_by_the_same_chain_for_the_same_content() {
    let bench = bench("claim");
    let id = bench.open(1).await;
    assert_eq!(bench.reviews.claim(&ask(1, LONG)).await.unwrap(), Claim::Pending(id.clone()));
    bench.decide(&person("bob", &["privacy"]), &id, Decision::Approve).await.unwrap();
    let differences = vec!["statement: text differs".to_owned()];
    let different = Claim::Different { review: id.clone(), differences };
    assert_eq!(bench.reviews.claim(&ask(2, LONG)).await.unwrap(), different, "other content");
    let mut other = ask(1, LONG);
    other.chain.actors.pop();
    assert_eq!(bench.reviews.claim(&other).await.unwrap(), Claim::None, "other chain");
    let mut other = ask(1, LONG);
    other.resource = "crm".into();
    assert_eq!(bench.reviews.claim(&other).await.unwrap(), Claim::None, "other resource");
    let mut claims = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let reviews = bench.reviews.clone();
        claims.spawn(async move { reviews.claim(&ask(1, LONG)).await.unwrap() });
    }
    let claims = claims.join_all().await;
    let used = claims.iter().filter(|claim| matches!(claim, Claim::Approved { .. })).count();
    assert_eq!(used, 1);
    // Who still waits for it finds it used.
    assert_eq!(bench.reviews.answer(&id).await, Answer::Used);
}

#[tokio::test]
async fn an_old_approval_cannot_be_claimed() {
    let bench = bench("old");
    let id = bench.open(1).await;
    bench.decide(&person("bob", &["privacy"]), &id, Decision::Approve).await.unwrap();
    let claim = |at: SystemTime| bench.store.reviews.claim(&ask(1, LONG), at).unwrap();
    assert_eq!(claim(SystemTime::now() + LONG * 2), Claim::None);
    assert!(matches!(claim(SystemTime::now()), Claim::Approved { .. }));
}

#[tokio::test]
async fn who_goes_away_leaves_nothing_to_decide() {
    let bench = bench("abandon");
    let id = bench.open(1).await;
    bench.reviews.abandon(&id);
    assert_eq!(bench.reviews.answer(&id).await, Answer::Abandoned);
    let late = bench.decide(&person("bob", &["privacy"]), &id, Decision::Approve).await;
    assert!(matches!(late, Err(DecideError::Closed(ReviewState::Abandoned))));
    assert!(bench.reviews.waiting.lock().unwrap().is_empty());
}

#[tokio::test]
async fn each_sees_their_own() {
    let bench = bench("list");
    let id = bench.open(1).await;
    let count = |who: Identity| {
        let bench = &bench;
        async move { bench.reviews.list(&who, None, SystemTime::now()).await.unwrap().len() }
    };
    assert_eq!(count(person("ada", &[])).await, 1, "the requester");
    assert_eq!(count(person("bob", &["privacy"])).await, 1, "a reviewer");
    assert_eq!(count(person("olga", &["auditors"])).await, 1, "an auditor");
    assert_eq!(count(person("eve", &["support"])).await, 0, "nobody else");
    let through = identity(party(PartyKind::Person, "bob", &["privacy", "auditors"]), &["planner"]);
    assert_eq!(count(through).await, 0, "an actor does not read for a reviewer");
    let bob = person("bob", &["privacy"]);
    let list = |state| bench.reviews.list(&bob, Some(state), SystemTime::now());
    assert_eq!(list(ReviewState::Denied).await.unwrap().len(), 0);
    assert_eq!(list(ReviewState::Pending).await.unwrap()[0].id, id);
    assert_eq!(bench.reviews.open_count(SystemTime::now()).await.unwrap(), 1);
}

#[tokio::test]
async fn of_two_who_wait_for_one_approval_one_may_go_on() {
    let bench = bench("two");
    let id = bench.open(1).await;
    let mut waiters = tokio::task::JoinSet::new();
    for _ in 0..2 {
        let (reviews, id) = (bench.reviews.clone(), id.clone());
        waiters.spawn(async move { reviews.answer(&id).await });
    }
    bench.decide(&person("bob", &["privacy"]), &id, Decision::Approve).await.unwrap();
    let answers = waiters.join_all().await;
    let go = |answer: &&Answer| matches!(answer, Answer::Approved { .. });
    assert_eq!(answers.iter().filter(go).count(), 1, "{answers:?}");
    assert!(answers.contains(&Answer::Used));
    assert!(bench.reviews.waiting.lock().unwrap().is_empty());
}

#[tokio::test]
async fn one_requester_cannot_fill_the_service() {
    let bench = bench("room");
    for number in 0..50u8 {
        bench.open(number).await;
    }
    let error = bench.reviews.open(ask(50, LONG)).await.unwrap_err();
    assert!(error.to_string().contains("50 reviews of `ada`"), "{error}");
    let mut other = ask(50, LONG);
    other.chain.principal.subject = "eve".into();
    bench.reviews.open(other).await.unwrap();
}

#[tokio::test]
async fn a_long_statement_is_whole_where_it_is_decided_and_gone_in_time() {
    let bench = bench("statement");
    let statement = format!("select '{}'", "é".repeat(5000));
    let long = ReviewAsk { text: statement.clone(), ..ask(1, LONG) };
    let id = bench.reviews.open(long).await.unwrap();
    let bob = person("bob", &["privacy"]);
    let now = SystemTime::now();
    let listed = bench.reviews.list(&bob, None, now).await.unwrap();
    assert_eq!(listed[0].statement.chars().count(), 500);
    assert_eq!(listed[0].examples, None);
    let shown = bench.reviews.show(&bob, &id, now).await.unwrap();
    assert_eq!((shown.statement, shown.examples), (statement.clone(), Some(examples())));
    bench.decide(&bob, &id, Decision::Deny).await.unwrap();
    let after = |days: u64| {
        let at = now + Duration::from_secs(days * 24 * 3600);
        start(&bench.store, "here", Arc::new(Notes::default()), at);
    };
    after(29);
    assert_eq!(bench.reviews.show(&bob, &id, now).await.unwrap().statement, statement);
    after(31);
    let shown = bench.reviews.show(&bob, &id, now).await.unwrap();
    assert_eq!((shown.statement.as_str(), shown.examples), ("", None));
}
