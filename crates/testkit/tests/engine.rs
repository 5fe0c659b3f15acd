//! The engine's promises, shown with the toy protocol.
#![allow(clippy::unwrap_used)]

use portreeve_model::{Event, Outcome};
use portreeve_session::{Answer, ClientSide, Limits, TargetSide};
use portreeve_testkit::toy::serve;
use portreeve_testkit::world::World;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, DuplexStream};

const OPEN: &str = r#"
@id("connect") permit(principal, action == Action::"connect", resource);
@id("read") permit(principal, action == Action::"read", resource);
@id("secret") @advice("ask for the public table")
forbid(principal is Actor, action, resource == Table::"toy/toy.secret");
@id("held") @review("reviewers")
forbid(principal, action == Action::"read", resource == Table::"toy/toy.held");
@id("bulk") @review("reviewers")
forbid(principal, action == Action::"read", resource) when { context.rows > 2 };
"#;

struct Talk {
    client: BufReader<DuplexStream>,
    target: BufReader<DuplexStream>,
    running: tokio::task::JoinHandle<()>,
}

impl Talk {
    async fn start(world: &World) -> Self {
        let (client, far_client) = World::wire();
        let (target, far_target) = World::wire();
        let session = world.session("toy").await.unwrap();
        let running = tokio::spawn(async move {
            let limits = Limits::default();
            let mut client = ClientSide::new(client, &limits);
            let mut target = TargetSide::new(target, &limits);
            let ended = serve(&session, &mut client, &mut target).await;
            session.close(&ended.unwrap_err().to_string()).await;
        });
        Self { client: BufReader::new(far_client), target: BufReader::new(far_target), running }
    }

    async fn ask(&mut self, line: &str) {
        self.client.get_mut().write_all(format!("{line}\n").as_bytes()).await.unwrap();
    }

    async fn target_answers(&mut self, request: &str, reply: &str) {
        assert_eq!(line(&mut self.target).await, request);
        self.target.get_mut().write_all(reply.as_bytes()).await.unwrap();
    }

    /// What the target has received since, once the client has left.
    async fn leave(mut self) -> String {
        drop(self.client);
        self.running.await.unwrap();
        let mut rest = String::new();
        tokio::io::AsyncReadExt::read_to_string(&mut self.target, &mut rest).await.unwrap();
        rest
    }
}

async fn line(from: &mut BufReader<DuplexStream>) -> String {
    let mut line = String::new();
    from.read_line(&mut line).await.unwrap();
    line.trim_end().to_owned()
}

fn approved() -> Answer {
    Answer::Approved { by: "dana".into(), comment: None }
}

fn denied() -> Answer {
    Answer::Denied { by: "dana".into(), comment: Some("no".into()) }
}

#[tokio::test]
async fn values_are_masked_and_the_exchange_is_recorded() {
    let world = World::new(OPEN, denied()).await;
    let mut talk = Talk::start(&world).await;
    talk.ask("get people").await;
    talk.target_answers("get people", "row anna@example.com\nend\n").await;
    assert_eq!(line(&mut talk.client).await, "row [email]");
    assert_eq!(line(&mut talk.client).await, "end");
    assert_eq!(talk.leave().await, "");
    let events = world.events();
    let closed = events.iter().any(|event| {
        matches!(
            event,
            Event::ExchangeClosed { exchange: 1, outcome: Outcome::Completed, rows: 1, .. }
        )
    });
    assert!(closed, "{events:#?}");
}

#[tokio::test]
async fn a_refused_command_never_reaches_the_target() {
    let world = World::new(OPEN, approved()).await;
    let mut talk = Talk::start(&world).await;
    for refused in ["get secret", "drop people"] {
        talk.ask(refused).await;
        assert!(line(&mut talk.client).await.starts_with("no "), "{refused}");
    }
    // The connection is still usable.
    talk.ask("get people").await;
    talk.target_answers("get people", "end\n").await;
    assert_eq!(line(&mut talk.client).await, "end");
    assert_eq!(talk.leave().await, "");
}

#[tokio::test]
async fn a_held_command_waits_for_a_person() {
    for (answer, runs) in [(approved(), true), (denied(), false), (Answer::Expired, false)] {
        let world = World::new(OPEN, answer).await;
        let mut talk = Talk::start(&world).await;
        talk.ask("get held").await;
        assert!(line(&mut talk.client).await.starts_with("note held for review `rv-test`"));
        if runs {
            talk.target_answers("get held", "end\n").await;
            assert_eq!(line(&mut talk.client).await, "end");
        } else {
            assert!(line(&mut talk.client).await.starts_with("no review `rv-test`"));
        }
        assert_eq!(talk.leave().await, "");
        assert_eq!(world.approvals.asked.lock().unwrap().len(), 1);
    }
}

#[tokio::test]
async fn nothing_is_released_before_a_row_threshold_is_decided() {
    let world = World::new(OPEN, denied()).await;
    let mut talk = Talk::start(&world).await;
    talk.ask("get people").await;
    // The first rows alone would be allowed: they must be kept back all the same.
    talk.target_answers("get people", "row a\nrow b\n").await;
    talk.target.get_mut().write_all(b"row c\nend\n").await.unwrap();
    assert!(line(&mut talk.client).await.starts_with("note held for review"));
    assert!(line(&mut talk.client).await.starts_with("no review `rv-test` was denied"));
    assert_eq!(talk.leave().await, "");
}

#[tokio::test]
async fn a_reply_that_cannot_be_masked_ends_the_session() {
    let world = World::new(OPEN, denied()).await;
    let mut talk = Talk::start(&world).await;
    talk.ask("get people").await;
    talk.target_answers("get people", "surprise anna@example.com\n").await;
    assert_eq!(line(&mut talk.client).await, "");
    assert_eq!(talk.leave().await, "");
    let aborted = world.events().into_iter().any(|event| {
        matches!(event, Event::ExchangeClosed { outcome: Outcome::Aborted { .. }, .. })
    });
    assert!(aborted, "an exchange that is dropped is recorded as aborted");
}

#[tokio::test]
async fn without_a_policy_nobody_connects() {
    let world = World::new("", approved()).await;
    let refusal = world.session("toy").await.unwrap_err();
    assert_eq!(refusal.rule.unwrap().0, "default-deny");
}
