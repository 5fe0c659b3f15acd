//! When what is recorded of a request is durable, shown with the toy protocol: before the target
//! gets it (B1), unless it is proven to only read; before the client gets anything (B2), always.
#![allow(clippy::unwrap_used)]

use bytes::Bytes;
use portreeve_model::{Event, Outcome};
use portreeve_session::{Answer, Exchange, Session, SessionError, Silent, Stop};
use portreeve_testkit::toy::{Get, Lines, ToyNotices};
use portreeve_testkit::world::World;

const OPEN: &str = r#"
@id("all") permit(principal, action, resource);
@id("held") @review("reviewers")
forbid(principal, action == Action::"read", resource == Table::"toy/toy.held");
@id("secret") forbid(principal, action, resource == Table::"toy/toy.secret");
"#;

async fn world() -> (World, Session) {
    let approved = Answer::Approved { by: "dana".into(), comment: None };
    let world = World::new(OPEN, approved).await;
    let session = world.session("toy").await.unwrap();
    (world, session)
}

/// How many records are durable, and by how many commits since the start.
fn durable(world: &World) -> (u64, u64) {
    let health = world.engine.evidence().health();
    (health.records, health.commits)
}

async fn admit(session: &Session, line: &'static str) -> Result<Exchange, SessionError> {
    let request = Get::new(Bytes::from_static(line.as_bytes()));
    let admitted = session.admit(request, &session.snapshot(), &mut Silent).await?;
    assert_eq!(admitted.permit.is_empty(), admitted.exchange.refusal().is_some());
    Ok(admitted.exchange)
}

fn end() -> Lines {
    Lines(Bytes::from_static(b"row x\nend\n"))
}

/// B1: without the distinction between what only reads and what may change something, this
/// fails, and a killed gateway leaves changes that nobody can find in the log.
#[tokio::test]
async fn what_may_change_something_is_durable_before_the_target_gets_it() {
    let (world, session) = world().await;
    let (records, commits) = durable(&world);
    let mut exchange = admit(&session, "set people").await.unwrap();
    assert_eq!(durable(&world), (records + 1, commits + 1));
    assert!(!exchange.release(end(), &mut Silent).await.unwrap().is_empty());
    assert_eq!(durable(&world), (records + 3, commits + 2));
    exchange.close();
}

#[tokio::test]
async fn what_only_reads_becomes_durable_with_its_answer() {
    let (world, session) = world().await;
    let (records, commits) = durable(&world);
    let mut exchange = admit(&session, "get people").await.unwrap();
    assert_eq!(durable(&world), (records, commits), "nothing was committed for the permit");
    assert!(!exchange.release(end(), &mut Silent).await.unwrap().is_empty());
    assert_eq!(durable(&world), (records + 3, commits + 1), "all of it in one commit");
    exchange.close();
}

#[tokio::test]
async fn what_a_person_was_asked_about_is_durable_before_the_target_gets_it() {
    let (world, session) = world().await;
    let (records, _) = durable(&world);
    let exchange = admit(&session, "get held").await.unwrap();
    assert!(exchange.refusal().is_none());
    let events = world.events();
    let approved = events.iter().position(|event| matches!(event, Event::ReviewClosed { .. }));
    assert!(approved.is_some_and(|at| at as u64 >= records));
    drop(exchange);
}

#[tokio::test]
async fn a_refusal_is_recorded_before_it_is_said_and_by_one_commit() {
    let (world, session) = world().await;
    let (records, commits) = durable(&world);
    for line in ["get secret", "set secret"] {
        let mut exchange = admit(&session, line).await.unwrap();
        let refusal = exchange.refusal().cloned().unwrap();
        assert!(!exchange.refuse(refusal, &ToyNotices).await.unwrap().is_empty());
        exchange.close();
    }
    assert_eq!(durable(&world), (records + 6, commits + 2));
}

/// The log is sealed while the target answers.
#[tokio::test]
async fn nothing_is_released_once_the_log_is_sealed() {
    let (world, session) = world().await;
    let mut exchange = admit(&session, "get people").await.unwrap();
    world.engine.evidence().seal("the disk is gone");
    let stop = exchange.release(end(), &mut Silent).await.unwrap_err();
    assert!(matches!(stop, Stop::Session(SessionError::Unrecordable)), "{stop:?}");
    // Nor is anything more permitted, although a read would not have waited for its record.
    for line in ["get people", "set people"] {
        let error = admit(&session, line).await.unwrap_err();
        assert!(matches!(error, SessionError::Unrecordable), "{error:?}");
    }
    drop(exchange);
    let events = world.events();
    assert!(!events.iter().any(|event| matches!(event, Event::Response { .. })));
}

/// What the target was asked is on record although nothing of its answer was released.
#[tokio::test]
async fn a_read_that_nobody_learnt_from_is_recorded_when_it_ends() {
    let (world, session) = world().await;
    drop(admit(&session, "get people").await.unwrap());
    admit(&session, "get people").await.unwrap().close();
    // Sessions that go on, and do nothing: who waits for a later record waits for those.
    world.engine.evidence().append(Event::GatewayStopped).durable().await.unwrap();
    let mut ends = Vec::new();
    for event in world.events() {
        if let Event::ExchangeClosed { outcome, .. } = event {
            ends.push(outcome);
        }
    }
    let aborted = Outcome::Aborted { why: "not completed".into() };
    assert_eq!(ends, [aborted, Outcome::Completed]);
    drop(session);
}

/// Whether the log has the request, now or once more has been recorded.
async fn is_recorded(world: &World) {
    let mut is_recorded = false;
    while !is_recorded {
        world.engine.evidence().append(Event::GatewayStopped).durable().await.unwrap();
        let reader = portreeve_evidence::LogReader::open(world.folder.path()).unwrap();
        reader
            .for_each(|entry| {
                is_recorded |= matches!(entry.record()?.event, Event::Request { exchange: 1, .. });
                Ok(std::ops::ControlFlow::Continue(()))
            })
            .unwrap();
    }
}

/// A target that takes its time does not keep the log from knowing what runs.
#[tokio::test]
async fn a_read_that_runs_long_is_recorded_while_it_runs() {
    let (world, session) = world().await;
    let mut exchange = admit(&session, "get people").await.unwrap();
    tokio::select! {
        why = exchange.interrupted() => panic!("nothing has stopped it: {why:?}"),
        () = is_recorded(&world) => {}
    }
    let _ = exchange.release(end(), &mut Silent).await.unwrap();
    exchange.close();
}
