//! Measures what the index of search costs on this machine: writes a log of so many exchanges of
//! some shapes, and tells the processor's time in which an index of it is made.
//!
//! `cargo run --release -p portreeve-control --example search_cost -- [EXCHANGES] [SHAPES]`

#![allow(clippy::unwrap_used, clippy::print_stdout)]

use portreeve_control::search::Index;
use portreeve_evidence::{EvidenceLog, LogReader, Options, SessionRecorder, request_events};
use portreeve_model::{
    Action, Chain, CommandRecord, Decision, Direction, Event, Facts, Need, Object, Outcome, Party,
    PartyKind, SessionId, Usage, Verdict,
};
use std::ops::ControlFlow;
use std::path::Path;
use std::time::Duration;

/// Sessions that go on side by side.
const SESSIONS: u64 = 32;
/// Exchanges of a session.
const EXCHANGES: u64 = 500;
/// Exchanges of all sessions between two looks at the log.
const LOOK: u64 = 2_500;

fn main() {
    let mut numbers = std::env::args().skip(1).map(|text| text.parse().unwrap());
    let (exchanges, shapes) = (numbers.next().unwrap_or(200_000), numbers.next().unwrap_or(20));
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("evidence");
    let rounds = (exchanges / (SESSIONS * EXCHANGES)).max(1);
    let exchanges = rounds * SESSIONS * EXCHANGES;
    println!("{exchanges} exchanges of {shapes} shapes");
    let tell = |what: &str, time: Duration| {
        let each = time.as_secs_f64() * 1e6 / exchanges as f64;
        println!("{what:24} {each:6.2} us of CPU an exchange");
    };
    let mut follower = None;
    let mut follow = |log: &EvidenceLog| {
        let file = folder.path().join("followed.sqlite");
        let open = || Index::open(log.dir(), &file, None).unwrap().beside(log.clone());
        timed(|| _ = follower.get_or_insert_with(open).catch_up_whole().unwrap())
    };
    tell("the log is followed", write(&log, rounds, shapes, &mut follow));
    tell("the log is read alone", timed(|| read(&log)));
    let file = folder.path().join("search.sqlite");
    // Closing it writes the journal back.
    let make = || _ = Index::open(&log, &file, None).unwrap().catch_up_whole().unwrap();
    tell("the index is made", timed(make));
    let size = std::fs::metadata(&file).unwrap().len();
    println!("{:24} {:6.1} bytes an exchange", "its file", size as f64 / exchanges as f64);
}

/// Every record, parsed: less is not to be had.
fn read(log: &Path) {
    let reader = LogReader::open(log).unwrap();
    let visited = reader.for_each(|entry| {
        std::hint::black_box(entry.record()?);
        Ok(ControlFlow::Continue(()))
    });
    visited.unwrap();
}

fn timed(work: impl FnOnce()) -> Duration {
    let before = cpu_time();
    work();
    cpu_time() - before
}

/// Of this thread.
fn cpu_time() -> Duration {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    Duration::from_nanos(text.split_whitespace().next().unwrap().parse().unwrap())
}

/// Says what it took to follow.
fn write(
    dir: &Path,
    rounds: u64,
    shapes: u64,
    follow: &mut dyn FnMut(&EvidenceLog) -> Duration,
) -> Duration {
    let mut followed = Duration::ZERO;
    let log = EvidenceLog::open(Options::new(dir)).unwrap();
    for round in 0..rounds {
        let mut open: Vec<_> =
            (0..SESSIONS).map(|place| begin(&log, round * SESSIONS + place)).collect();
        for exchange in 1..=EXCHANGES {
            let receipts = open.iter_mut().zip(0..).map(|(recorder, place)| {
                let number = (round * EXCHANGES + exchange) * SESSIONS + place;
                stage(recorder, exchange, number % shapes);
                recorder.submit()
            });
            receipts.collect::<Vec<_>>().into_iter().for_each(|receipt| receipt.wait().unwrap());
            if exchange % (LOOK / SESSIONS) == 0 {
                followed += follow(&log);
            }
        }
        for mut recorder in open {
            let why = "the client left".into();
            recorder.stage(Event::SessionClosed { why, exchanges: EXCHANGES, rows: EXCHANGES });
            recorder.submit().wait().unwrap();
        }
    }
    followed += follow(&log);
    log.close();
    followed
}

fn begin(log: &EvidenceLog, number: u64) -> SessionRecorder {
    let mut recorder =
        log.session(SessionId(uuid::Uuid::from_u128(u128::from(number) + 1))).unwrap();
    let person = Party::new(PartyKind::Person, "portreeve", format!("p{}", number % 50));
    let agent = Party::new(PartyKind::Actor, "portreeve", format!("a{}", number % 9));
    recorder.stage(Event::SessionOpened {
        chain: Chain::new(person, vec![agent]),
        resource: "shop".into(),
        protocol: "postgres".into(),
        client: "127.0.0.1:5".into(),
        application: None,
        tls: "TLSv1.3".into(),
        hour: 0,
        decision: Box::new(decision()),
    });
    recorder
}

/// A point query: what it needs, one row with a masked value, its end.
fn stage(recorder: &mut SessionRecorder, exchange: u64, shape: u64) {
    let table = format!("table_{shape}");
    let column = |name: &str| Object::column("public", &table, name);
    let probe = |name: &str| Need { action: Action::Probe, object: column(name) };
    let needs = vec![
        Need { action: Action::Read, object: Object::table("public", &table) },
        probe("id"),
        probe("email"),
    ];
    let command = CommandRecord {
        verb: "SELECT".into(),
        times: 1,
        runs_later: false,
        fingerprint: format!("{shape:016x}"),
        shape: format!("select id, name, email, city from {table} where id = ? and email <> ?"),
        needs,
        facts: Facts::default(),
        before: portreeve_model::Usage::default(),
        categories: [("email".into(), vec![2])].into(),
        unknown: None,
        decision: Some(decision()),
        revealed: Vec::new(),
    };
    for event in request_events(exchange, 0, Usage::default(), Vec::new(), vec![command]) {
        recorder.stage_payload(event, Direction::FromClient, b"select id, name, email, city");
    }
    let event = Event::Response {
        exchange,
        rows: 1,
        masked: [("email".into(), 1)].into(),
        detected: Vec::new(),
        revealed_by: None,
    };
    recorder.stage_payload(event, Direction::ToClient, &[7; 100]);
    recorder.stage(Event::ExchangeClosed {
        exchange,
        outcome: Outcome::Completed,
        rows: 1,
        changes: 0,
    });
}

fn decision() -> Decision {
    Decision {
        verdict: Verdict::Allow,
        policy: "5b1c9f0e".into(),
        reasons: Vec::new(),
        review_groups: Vec::new(),
    }
}
