//! Limits bind whatever the command is, and from the moment that policy sets them.
#![allow(clippy::unwrap_used)]

use bytes::Bytes;
use portreeve_decide::policy::Policies;
use portreeve_model::Unit;
use portreeve_session::{Answer, Exchange, Session, Silent, Stop};
use portreeve_testkit::toy::{Get, Line, Lines};
use portreeve_testkit::world::World;
use std::sync::Arc;

const OPEN: &str = r#"
@id("connect") permit(principal, action == Action::"connect", resource);
@id("use") permit(principal, action in [Action::"read", Action::"write"], resource);
"#;

/// A rule that objects beyond five rows, in a scope.
fn limit(action: &str, counter: &str) -> Arc<Policies> {
    let rule = format!(
        "{OPEN} @id(\"five\") forbid(principal, action == Action::\"{action}\", resource)
         when {{ context.{counter} > 5 }};"
    );
    Arc::new(Policies::load(&[("test.cedar".into(), rule)]).unwrap())
}

fn rows(count: usize) -> Lines {
    Lines("row ada@example.com\n".repeat(count).into())
}

async fn begin(session: &Session, line: &'static str) -> Exchange {
    let request = Get::new(Bytes::from_static(line.as_bytes()));
    session.admit(request, &session.snapshot(), &mut Silent).await.unwrap().exchange
}

/// Four rows pass, the sixth does not.
async fn check(mut running: Exchange, what: &str) {
    let released = running.release(rows(4), &mut Silent).await.unwrap();
    assert_eq!(running.usage().get(Unit::Rows), 4, "{what}");
    drop(released);
    let stop = running.release(rows(2), &mut Silent).await.unwrap_err();
    let Stop::Refused(refusal) = stop else { panic!("{what}: {stop:?}") };
    assert_eq!(refusal.rule, Some("five".into()), "{what}: {refusal:?}");
}

#[tokio::test]
async fn a_reply_that_began_before_a_limit_ends_at_it() {
    for counter in ["rows", "session_rows", "day_rows"] {
        let world = World::new(OPEN, Answer::Expired).await;
        let session = world.session("toy").await.unwrap();
        let mut running = begin(&session, "get people").await;
        assert!(!running.release(rows(1), &mut Silent).await.unwrap().is_empty());
        world.engine.adopt(limit("read", counter)).await.unwrap();
        // What passed before counts.
        let _ = running.release(rows(3), &mut Silent).await.unwrap();
        let stop = running.release(rows(2), &mut Silent).await.unwrap_err();
        let Stop::Refused(refusal) = stop else { panic!("{counter}: {stop:?}") };
        assert_eq!(refusal.rule, Some("five".into()), "{counter}: {refusal:?}");
    }
}

/// The answer to a `POST`, what a function or a program says.
#[tokio::test]
async fn what_a_command_gives_that_does_not_read_is_bounded_too() {
    for (action, line) in [("read", "get people"), ("write", "set people")] {
        let world = World::new(OPEN, Answer::Expired).await;
        world.engine.adopt(limit(action, "rows")).await.unwrap();
        let session = world.session("toy").await.unwrap();
        check(begin(&session, line).await, action).await;
    }
}

/// Each is asked about as it would be with itself: six that begin at once would all begin at none.
#[tokio::test]
async fn what_a_target_asks_is_bounded_like_a_reply() {
    for counter in ["session_messages", "day_messages"] {
        let world = World::new(OPEN, Answer::Expired).await;
        world.engine.adopt(limit("read", counter)).await.unwrap();
        let session = world.session("toy").await.unwrap();
        for number in 1..=8 {
            let request = Get::new(Bytes::from_static(b"get people"));
            let snapshot = session.snapshot();
            let asked = session.admit_from_target(request, &snapshot, &mut Silent).await.unwrap();
            let rule = asked.exchange.refusal().and_then(|refusal| refusal.rule.clone());
            let passes = number <= 5;
            assert_eq!(rule, (!passes).then(|| "five".into()), "{counter}: {number}");
            assert_eq!(asked.release.is_empty(), !passes, "{counter}: {number}");
            asked.exchange.close();
        }
    }
}

#[tokio::test]
async fn what_may_not_be_sent_is_not_counted() {
    for counter in ["session_messages", "day_messages"] {
        let world = World::new(OPEN, Answer::Expired).await;
        world.engine.adopt(limit("read", counter)).await.unwrap();
        let session = world.session("toy").await.unwrap();
        let line = || Line(Bytes::from_static(b"put x"));
        let mut running = begin(&session, "get people").await;
        for _ in 0..5 {
            let _ = running.forward(line()).await.unwrap();
        }
        assert!(matches!(running.forward(line()).await, Err(Stop::Refused(_))), "{counter}");
        assert_eq!(running.usage().get(Unit::Messages), 5, "{counter}");
        running.close();
        let mut next = begin(&session, "get people").await;
        assert!(next.refusal().is_none(), "{counter}: five are not over five");
        assert!(matches!(next.forward(line()).await, Err(Stop::Refused(_))), "{counter}");
        next.close();
    }
}
