//! A hundred exchanges in one session at once: both origins, both directions, holds, kills,
//! changes of policy, one budget for all. Histories are drawn from seeds; whatever the
//! order, the promises hold.
#![allow(clippy::unwrap_used)]

use bytes::Bytes;
use portreeve_decide::policy::Policies;
use portreeve_evidence::{Status, Trust, verify_with};
use portreeve_model::{Event, Outcome, Refusal, RequestContent, Unit};
use portreeve_session::{
    Admitted, Answer, Asked, BoxFuture, CommandUse, Ended, Fence, Fenced, Released, Request,
    Session, SessionError, Silent, Stop,
};
use portreeve_testkit::toy::{Get, Line, Lines, ToyNotices};
use portreeve_testkit::world::World;
use portreeve_verifier::Decisions;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

const EXCHANGES: u64 = 100;
const ROWS_MAX: u64 = 150;

const OPEN: &str = r#"
@id("connect") permit(principal, action == Action::"connect", resource);
@id("read") permit(principal, action == Action::"read", resource);
"#;
const BUDGET: &str = r#"
@id("budget") forbid(principal, action == Action::"read", resource)
when { context.session_rows > 150 };
"#;
const HELD: &str = r#"
@id("held") @review("reviewers")
forbid(principal, action == Action::"read", resource == Table::"toy/toy.held");
"#;
const CLOSED: &str = r#"
@id("connect") permit(principal, action == Action::"connect", resource);
"#;

/// A generator of its own, so that a failing seed fails again.
struct Draw(u64);

impl Draw {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }
}

/// What the client has got, whoever released it.
#[derive(Default)]
struct Seen {
    rows: AtomicU64,
    /// Set before anything of the session is ended; what is released later is a breach.
    killed: AtomicU64,
    late: AtomicU64,
}

impl Seen {
    /// A release counts if the session was still alive when it was asked for.
    fn take(&self, released: &Released, rows: u64, began_alive: bool) {
        if !released.is_empty() {
            self.rows.fetch_add(rows, Ordering::SeqCst);
            self.late.fetch_add(u64::from(!began_alive), Ordering::SeqCst);
        }
    }

    fn is_alive(&self) -> bool {
        self.killed.load(Ordering::SeqCst) == 0
    }
}

/// One exchange: rows in some chunks, data the other way in between.
async fn one(session: Session, seen: Arc<Seen>, seed: u64) -> Result<(), Stop> {
    let mut draw = Draw(seed | 1);
    let mut hold = Silent;
    let snapshot = session.snapshot();
    let what = if draw.below(4) == 0 { "get held" } else { "get people" };
    let request = Get::new(Bytes::from_static(what.as_bytes()));
    let mut exchange = if draw.below(5) == 0 {
        let asked: Asked<()> = session.admit_from_target(request, &snapshot, &mut hold).await?;
        let answer = Line(Bytes::from_static(b"put answer"));
        let mut exchange = asked.exchange;
        if exchange.refusal().is_none() {
            let _permit = exchange.forward(answer).await?;
        }
        exchange
    } else {
        let Admitted { exchange, .. } = session.admit(request, &snapshot, &mut hold).await?;
        exchange
    };
    if let Some(refusal) = exchange.refusal().cloned() {
        let _ = exchange.refuse(refusal, &ToyNotices).await?;
        exchange.close();
        return Ok(());
    }
    let chunks = 1 + draw.below(3);
    let mut waiting = 0;
    for chunk in 0..chunks {
        let rows = 1 + draw.below(4);
        let mut lines = "row x\n".repeat(usize::try_from(rows).unwrap());
        if chunk + 1 == chunks {
            lines.push_str("end\n");
        }
        waiting += rows;
        let alive = seen.is_alive();
        match exchange.release(Lines(lines.into()), &mut hold).await {
            Ok(released) => {
                seen.take(&released, waiting, alive);
                if !released.is_empty() {
                    waiting = 0;
                }
            }
            Err(Stop::Refused(refusal)) => {
                let _ = exchange.refuse(*refusal, &ToyNotices).await?;
                break;
            }
            Err(stop) => return Err(stop),
        }
        if draw.below(2) == 0 {
            tokio::task::yield_now().await;
        }
    }
    match draw.below(8) {
        // Its client went away: nobody closes it.
        0 => drop(exchange),
        _ => exchange.close(),
    }
    Ok(())
}

/// How each exchange of a log ended, and what all of them released. The log is sound, and its
/// decisions are those of its policies.
fn read(world: &World) -> (BTreeMap<u64, Vec<Outcome>>, u64, u64) {
    world.engine.evidence().close();
    let (trust, mut decisions) = (Trust::default(), Decisions::default());
    let report = verify_with(world.folder.path(), &trust, &mut decisions, |_, _| {});
    assert_eq!((report.status, &report.findings[..]), (Status::Ok, &[][..]));
    assert!(report.decisions > 0 && report.records > 0, "{report:?}");
    let (mut ended, mut begun, mut rows) = (BTreeMap::<u64, Vec<Outcome>>::new(), 0, 0);
    let reader = portreeve_evidence::LogReader::open(world.folder.path()).unwrap();
    reader
        .for_each(|entry| {
            match entry.record()?.event {
                Event::Request { exchange, .. } => begun = begun.max(exchange),
                Event::ExchangeClosed { exchange, outcome, .. } => {
                    ended.entry(exchange).or_default().push(outcome);
                }
                Event::Response { rows: more, .. } => rows += more,
                _ => {}
            }
            Ok(std::ops::ControlFlow::Continue(()))
        })
        .unwrap();
    (ended, begun, rows)
}

fn policies(text: &str) -> Arc<Policies> {
    Arc::new(Policies::load(&[("test.cedar".into(), text.into())]).unwrap())
}

/// What disturbs the exchanges.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Disturbance {
    Nothing,
    Kill,
    NewPolicy,
}

async fn history(seed: u64, disturbance: Disturbance) {
    let approved = Answer::Approved { by: "dana".into(), comment: None };
    let world = World::new(&format!("{OPEN}{BUDGET}{HELD}"), approved).await;
    let session = world.session("toy").await.unwrap();
    let seen = Arc::new(Seen::default());
    let mut draw = Draw(seed);
    let tasks: Vec<_> = (0..EXCHANGES)
        .map(|_| tokio::spawn(one(session.clone(), seen.clone(), draw.below(u64::MAX))))
        .collect();
    for _ in 0..draw.below(40) {
        tokio::task::yield_now().await;
    }
    match disturbance {
        Disturbance::Nothing => {}
        Disturbance::Kill => {
            world.engine.live.kill(session.id(), "an operator");
            seen.killed.store(1, Ordering::SeqCst);
        }
        Disturbance::NewPolicy => world.engine.adopt(policies(CLOSED)).await.unwrap(),
    }
    let mut killed = 0;
    for task in tasks {
        match task.await.unwrap() {
            Ok(()) => {}
            Err(Stop::Refused(_)) => {}
            Err(Stop::Session(SessionError::Ended(_))) => killed += 1,
            Err(other) => panic!("seed {seed}: {other:?}"),
        }
    }
    assert!(disturbance == Disturbance::Kill || killed == 0, "seed {seed}");
    if disturbance == Disturbance::NewPolicy {
        // Nothing begins under the new policies, in the same session.
        let snapshot = session.snapshot();
        let request = Get::new(Bytes::from_static(b"get people"));
        let late = session.admit(request, &snapshot, &mut Silent).await.unwrap();
        assert!(late.exchange.refusal().is_some() && late.permit.is_empty(), "seed {seed}");
        late.exchange.close();
    }
    drop(session);

    let rows = seen.rows.load(Ordering::SeqCst);
    assert!(rows <= ROWS_MAX, "seed {seed}: {rows} rows of a budget of {ROWS_MAX}");
    assert_eq!(seen.late.load(Ordering::SeqCst), 0, "seed {seed}: released after the kill");
    let (ended, begun, recorded) = read(&world);
    assert!(recorded >= rows && recorded <= ROWS_MAX, "seed {seed}: {recorded} recorded, {rows}");
    for exchange in 1..=begun {
        let outcomes = ended.get(&exchange).map(Vec::as_slice).unwrap_or_default();
        assert_eq!(outcomes.len(), 1, "seed {seed}: exchange {exchange} ended {outcomes:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_shared_budget_is_never_overspent_and_every_exchange_is_closed() {
    for seed in 1..=12 {
        history(seed * 7919, Disturbance::Nothing).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nothing_is_released_after_a_kill() {
    for seed in 1..=12 {
        history(seed * 104_729, Disturbance::Kill).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nothing_begins_under_policies_that_are_gone() {
    for seed in 1..=12 {
        history(seed * 1_299_709, Disturbance::NewPolicy).await;
    }
}

#[tokio::test]
async fn an_idle_exchange_is_told_that_policy_does_not_permit_it_any_more() {
    let world = World::new(OPEN, Answer::Expired).await;
    let session = world.session("toy").await.unwrap();
    let snapshot = session.snapshot();
    let request = Get::new(Bytes::from_static(b"get people"));
    let mut running = session.admit(request, &snapshot, &mut Silent).await.unwrap().exchange;
    let told = tokio::spawn(async move {
        let told = running.interrupted().await;
        (running, told)
    });
    tokio::task::yield_now().await;
    world.engine.adopt(policies(CLOSED)).await.unwrap();
    let (running, told) = told.await.unwrap();
    let portreeve_session::Interrupt::Stopped(Stop::Refused(refusal)) = told else {
        panic!("{told:?}");
    };
    assert!(refusal.message.contains("policy changed"), "{}", refusal.message);
    assert_eq!(running.usage().get(Unit::Rows), 0);
}

#[tokio::test]
async fn a_cancel_is_for_what_runs_and_for_nothing_later() {
    let world = World::new(OPEN, Answer::Expired).await;
    let session = world.session("toy").await.unwrap();
    let snapshot = session.snapshot();
    let request = || Get::new(Bytes::from_static(b"get people"));
    // Nothing runs: it is void.
    session.cancel();
    let mut first = session.admit(request(), &snapshot, &mut Silent).await.unwrap().exchange;
    let mut second = session.admit(request(), &snapshot, &mut Silent).await.unwrap().exchange;
    session.cancel();
    for running in [&mut first, &mut second] {
        assert!(matches!(running.interrupted().await, portreeve_session::Interrupt::Cancelled));
    }
}

/// A reply that tells whether it was looked at.
struct Watched(Arc<AtomicU64>);

impl portreeve_session::Reply for Watched {
    fn mask(
        self,
        _: &portreeve_decide::mask::Masker,
    ) -> Result<portreeve_session::Masked, portreeve_session::Unmaskable> {
        self.0.fetch_add(1, Ordering::SeqCst);
        Ok(portreeve_session::Masked { bytes: "row x\n".into(), ..Default::default() })
    }
}

/// Otherwise whoever follows the target's messages waits for one that has come already.
#[tokio::test]
async fn what_may_not_pass_is_read_all_the_same() {
    let world = World::new(OPEN, Answer::Expired).await;
    let session = world.session("toy").await.unwrap();
    let snapshot = session.snapshot();
    let request = Get::new(Bytes::from_static(b"get people"));
    let mut running = session.admit(request, &snapshot, &mut Silent).await.unwrap().exchange;
    world.engine.adopt(policies(CLOSED)).await.unwrap();
    let read = Arc::new(AtomicU64::new(0));
    let stop = running.release(Watched(read.clone()), &mut Silent).await.unwrap_err();
    assert!(matches!(stop, Stop::Refused(_)), "{stop:?}");
    assert_eq!(read.load(Ordering::SeqCst), 1);
}

/// Evidence whose session ends before something that ran in it looks forged.
#[tokio::test]
async fn a_sessions_last_record_is_its_last() {
    let world = World::new(OPEN, Answer::Expired).await;
    let session = world.session("toy").await.unwrap();
    let snapshot = session.snapshot();
    let request = Get::new(Bytes::from_static(b"get people"));
    let running = session.admit(request, &snapshot, &mut Silent).await.unwrap().exchange;
    session.clone().close("its time is over").await;
    let late = Get::new(Bytes::from_static(b"get people"));
    assert!(session.admit(late, &snapshot, &mut Silent).await.is_err(), "nothing begins");
    drop((running, session));
    world.engine.evidence().close();
    let mut last = None;
    let reader = portreeve_evidence::LogReader::open(world.folder.path()).unwrap();
    reader
        .for_each(|entry| {
            let record = entry.record()?;
            if record.session.is_some() {
                last = Some(record.event);
            }
            Ok(std::ops::ControlFlow::Continue(()))
        })
        .unwrap();
    assert!(matches!(&last, Some(Event::SessionClosed { why, .. }) if why == "its time is over"));
}

/// A request whose definitions are asked about while its reply is recorded: an operator ends the
/// session just then.
struct Interrupted {
    get: Get,
    killed: Arc<KilledMeanwhile>,
}

struct KilledMeanwhile(Session);

impl Fence for KilledMeanwhile {
    fn check(&self) -> BoxFuture<'_, Result<(), Fenced>> {
        self.0.end(Ended::Killed("an operator".into()));
        Box::pin(async { Ok(()) })
    }
}

impl Request for Interrupted {
    type Accepted = ();

    fn commands(&self) -> &[CommandUse] {
        self.get.commands()
    }

    fn received(&self) -> Bytes {
        self.get.received()
    }

    fn content(&self) -> RequestContent {
        self.get.content()
    }

    fn fence(&self) -> Option<Arc<dyn Fence>> {
        Some(self.killed.clone())
    }

    fn encode(self, refused: Option<(usize, &Refusal)>) -> (Bytes, ()) {
        self.get.encode(refused)
    }
}

/// What was asked for before the end and is recorded behind it stays here.
#[tokio::test]
async fn nothing_is_released_whose_session_ends_while_it_is_recorded() {
    let world = World::new(OPEN, Answer::Expired).await;
    let session = world.session("toy").await.unwrap();
    let snapshot = session.snapshot();
    let get = Get::new(Bytes::from_static(b"get people"));
    let request = Interrupted { get, killed: Arc::new(KilledMeanwhile(session.clone())) };
    let mut running = session.admit(request, &snapshot, &mut Silent).await.unwrap().exchange;
    let lines = Lines(Bytes::from_static(b"row x\nend\n"));
    let released = running.release(lines, &mut Silent).await;
    assert!(matches!(released, Err(Stop::Session(SessionError::Ended(_)))), "{released:?}");
}
