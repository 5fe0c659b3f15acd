//! A directory that goes away, and a small log with some of everything in it.

use crate::log::evidence_log::EvidenceLog;
use crate::log::options::Options;
use crate::log::recorder::SessionRecorder;
use portreeve_files::FRESH_PREFIX;
use portreeve_model::{
    Chain, CommandRecord, Custodian, Decision, Direction, Event, Facts, Outcome, Party, PartyKind,
    SessionId, Usage, Verdict,
};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// A directory that is removed at the end.
pub(super) use tempfile::TempDir;

pub(super) fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

/// Options with small segments and a clock that ticks by itself.
pub(super) fn options(dir: &Path) -> Options {
    let ticks = AtomicU64::new(1_700_000_000_000_000);
    let clock = Arc::new(move || ticks.fetch_add(1000, Ordering::Relaxed));
    Options { segment_bytes: 4096, clock, ..Options::new(dir) }
}

/// A custodian.
pub(crate) fn ada() -> Custodian {
    Custodian::Principal { issuer: "portreeve".into(), subject: "ada".into() }
}

/// A whole session of one exchange.
pub(super) fn whole_session(log: &EvidenceLog, number: u128, resource: &str) {
    let mut recorder = log.session(session_id(number)).unwrap();
    let mut opened = opened();
    if let Event::SessionOpened { resource: name, .. } = &mut opened {
        *name = resource.to_owned();
    }
    recorder.stage(opened);
    exchange(&mut recorder, 1);
    recorder.stage(closed());
    recorder.submit().wait().unwrap();
}

/// A clock that stands until it is moved.
pub(super) fn clock() -> (Arc<AtomicU64>, crate::log::clock::Source) {
    let now = Arc::new(AtomicU64::new(1_700_000_000_000_000));
    let seen = now.clone();
    (now, Arc::new(move || seen.load(Ordering::Relaxed)))
}

pub(crate) fn session_id(number: u128) -> SessionId {
    SessionId(uuid::Uuid::from_u128(number))
}

pub(crate) fn opened() -> Event {
    Event::SessionOpened {
        chain: Chain::new(Party::new(PartyKind::Person, "portreeve", "ada"), vec![]),
        resource: "shop".into(),
        protocol: "postgres".into(),
        client: "127.0.0.1:5".into(),
        application: None,
        tls: "none".into(),
        hour: 0,
        decision: Box::new(Decision {
            verdict: Verdict::Allow,
            policy: "none".into(),
            reasons: vec![],
            review_groups: vec![],
        }),
    }
}

pub(crate) fn request(exchange: u64) -> Event {
    let command = CommandRecord {
        times: 1,
        runs_later: false,
        verb: "SELECT".into(),
        fingerprint: "f00d".into(),
        shape: String::new(),
        needs: vec![],
        facts: Facts::default(),
        before: portreeve_model::Usage::default(),
        categories: BTreeMap::new(),
        unknown: None,
        decision: None,
        revealed: Vec::new(),
    };
    let (session, day) = (Usage::default(), Vec::new());
    Event::Request { exchange, hour: 0, session, day, commands: vec![command] }
}

pub(crate) fn response(exchange: u64, rows: u64) -> Event {
    Event::Response {
        exchange,
        rows,
        masked: [("email".into(), rows)].into(),
        detected: Vec::new(),
        revealed_by: None,
    }
}

pub(crate) fn closed() -> Event {
    Event::SessionClosed { why: "the client left".into(), exchanges: 1, rows: 2 }
}

/// One exchange: a commit for the request, one for the answer.
pub(super) fn exchange(recorder: &mut SessionRecorder, number: u64) {
    recorder.stage_payload(request(number), Direction::FromClient, b"select * from customers");
    recorder.submit().wait().unwrap();
    recorder.stage_payload(response(number, 2), Direction::ToClient, &answer());
    let outcome = Outcome::Completed;
    recorder.stage(Event::ExchangeClosed { exchange: number, outcome, rows: 2, changes: 0 });
    recorder.submit().wait().unwrap();
}

/// What the client of [`exchange`] received.
pub(super) fn answer() -> Vec<u8> {
    b"1|a...@example.com\n".repeat(20)
}

/// Two sessions, over several segments, ended in order.
pub(super) fn small_log(dir: &Path) {
    let log = EvidenceLog::open(options(dir)).unwrap();
    for number in [1, 2] {
        let mut recorder = log.session(session_id(number)).unwrap();
        recorder.stage(opened());
        exchange(&mut recorder, 1);
        recorder.stage(closed());
        recorder.submit().wait().unwrap();
    }
    log.close();
}

/// Copies a directory's files, one folder deep; of a log at work too, so without what is
/// about to be put in place.
pub(super) fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name();
        if name.to_string_lossy().starts_with(FRESH_PREFIX) {
            continue;
        }
        let target = to.join(name);
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}
