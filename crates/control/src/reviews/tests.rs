//! Who may decide, what a race does, what is used once.

use super::*;
use crate::testing::{Folder, folder};
use portreeve_model::{Digest, RequestId, SessionId};

struct Bench {
    _folder: Folder,
    store: Store,
    reviews: Reviews,
}

fn bench(name: &str) -> Bench {
    let folder = folder(name);
    let store = Store::open(&folder.path).unwrap();
    let reviews = Reviews::start(store.clone(), SystemTime::now()).unwrap();
    Bench { _folder: folder, store, reviews }
}

fn party(kind: PartyKind, subject: &str, groups: &[&str]) -> Party {
    let groups = groups.iter().map(|group| (*group).to_owned()).collect();
    Party { kind, issuer: "https://i".into(), subject: subject.into(), groups }
}

fn identity(principal: Party, actors: &[&str]) -> Identity {
    let actors = actors.iter().map(|actor| party(PartyKind::Actor, actor, &[])).collect();
    let chain = Chain { principal, actors, purpose: None };
    let expires_at = SystemTime::now() + Duration::from_secs(60);
    Identity { chain, expires_at, token_id: None, issuer: "https://i".into() }
}

fn person(subject: &str, groups: &[&str]) -> Identity {
    identity(party(PartyKind::Person, subject, groups), &[])
}

fn ask(content: u8, wait: Duration) -> ReviewAsk {
    ReviewAsk {
        request: RequestId { session: SessionId(uuid::Uuid::nil()), exchange: 7 },
        chain: identity(party(PartyKind::Person, "ada", &["support"]), &["planner", "worker"])
            .chain,
        resource: "shop".into(),
        statement: "select * from customers".into(),
        reason: "many rows".into(),
        rule: "rows".into(),
        groups: vec!["privacy".into()],
        content: Digest([content; 32]),
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
    // Another issuer's person of the requester's name is another person.
    let mut other = person("ada", &["privacy"]);
    other.chain.principal.issuer = "https://j".into();
    bench.decide(&other, &id, Decision::Deny).await.unwrap();
    assert_eq!(bench.reviews.answer(&id).await, Answer::Denied { by: "ada".into(), comment: None });
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
    let bob = person("bob", &["privacy"]).chain.principal;
    let decide = |at: SystemTime| {
        let work = |connection: &mut rusqlite::Connection| {
            rows::decide(connection, &id, Decision::Approve, &bob, None, at)
        };
        bench.store.with(work).unwrap()
    };
    assert!(!decide(SystemTime::now() + LONG));
    assert!(decide(SystemTime::now()));
    assert!(!decide(SystemTime::now()), "once");
}

#[tokio::test]
async fn a_restart_abandons_what_was_pending() {
    let bench = bench("restart");
    let id = bench.open(1).await;
    let approved = bench.open(2).await;
    let bob = person("bob", &["privacy"]);
    bench.decide(&bob, &approved, Decision::Approve).await.unwrap();
    let restarted = Reviews::start(bench.store.clone(), SystemTime::now()).unwrap();
    assert_eq!(restarted.answer(&id).await, Answer::Abandoned);
    let late = restarted.decide(&bob, &id, Decision::Approve, None, SystemTime::now()).await;
    assert!(matches!(late, Err(DecideError::Closed(ReviewState::Abandoned))));
    let shown = restarted.show(&bob, &id, SystemTime::now()).await.unwrap();
    assert_eq!(shown.comment.as_deref(), Some("gateway restarted"));
    // What was approved can still be claimed by a client that asks again.
    let claim = restarted.claim(&ask(2, LONG)).await.unwrap();
    assert_eq!(claim, Claim::Approved { review: approved, by: "bob".into() });
}

#[tokio::test]
async fn an_approval_is_claimed_once_by_the_same_chain_for_the_same_content() {
    let bench = bench("claim");
    let id = bench.open(1).await;
    assert_eq!(bench.reviews.claim(&ask(1, LONG)).await.unwrap(), Claim::Pending(id.clone()));
    bench.decide(&person("bob", &["privacy"]), &id, Decision::Approve).await.unwrap();
    assert_eq!(bench.reviews.claim(&ask(2, LONG)).await.unwrap(), Claim::None, "other content");
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
    assert_eq!(bench.reviews.answer(&id).await, Answer::Abandoned);
}

#[tokio::test]
async fn an_old_approval_cannot_be_claimed() {
    let bench = bench("old");
    let id = bench.open(1).await;
    bench.decide(&person("bob", &["privacy"]), &id, Decision::Approve).await.unwrap();
    let claim = |at: SystemTime| {
        bench.store.with(|connection| rows::claim(connection, &ask(1, LONG), at)).unwrap()
    };
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
    assert!(answers.contains(&Answer::Abandoned));
    assert!(bench.reviews.waiting.lock().unwrap().is_empty());
}

#[tokio::test]
async fn one_requester_cannot_fill_the_desk() {
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
    let long = ReviewAsk { statement: statement.clone(), ..ask(1, LONG) };
    let id = bench.reviews.open(long).await.unwrap();
    let bob = person("bob", &["privacy"]);
    let now = SystemTime::now();
    let listed = bench.reviews.list(&bob, None, now).await.unwrap();
    assert_eq!(listed[0].statement.chars().count(), 500);
    assert_eq!(bench.reviews.show(&bob, &id, now).await.unwrap().statement, statement);
    bench.decide(&bob, &id, Decision::Deny).await.unwrap();
    let after = |days: u64| {
        let at = now + Duration::from_secs(days * 24 * 3600);
        Reviews::start(bench.store.clone(), at).unwrap();
    };
    after(29);
    assert_eq!(bench.reviews.show(&bob, &id, now).await.unwrap().statement, statement);
    after(31);
    assert_eq!(bench.reviews.show(&bob, &id, now).await.unwrap().statement, "");
}
