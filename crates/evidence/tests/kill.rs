//! A writer that is killed in mid-write, over and over: what its clients were told was
//! durable is there each time, and the log goes on.
//!
//! `PORTREEVE_KILLS` is how often in all; the gate takes [`KILLS`].

#![allow(clippy::unwrap_used, clippy::print_stdout)]

use portreeve_evidence::{
    AuditorKey, EvidenceLog, LogReader, Opener, Options, Status, Trust, auditor_key_path, verify,
};
use portreeve_model::{
    Chain, CommandRecord, Decision, Direction, Event, Facts, Outcome, Party, PartyKind, SessionId,
    Usage, Verdict,
};
use std::collections::{BTreeMap, HashSet};
use std::io::{BufRead, BufReader, Write};
use std::ops::{ControlFlow, Range};
use std::path::Path;
use std::process::{Command, Stdio};

/// Tells the process that it is the writer, and where.
const WRITER: &str = "PORTREEVE_TEST_WRITER";
const KILLS: u64 = 24;
/// How many kills one log lives through; then another begins, so that a campaign's work
/// does not grow with the square of its length.
const KILLS_OF_ONE_LOG: u64 = 24;
const TEST: &str = "what_a_killed_writer_acknowledged_is_there";

fn opened() -> Event {
    let principal = Party::new(PartyKind::Service, "portreeve", "load");
    Event::SessionOpened {
        chain: Chain::new(principal, Vec::new()),
        resource: "shop".into(),
        protocol: "postgres".into(),
        client: "127.0.0.1:1".into(),
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

fn request(exchange: u64) -> Event {
    let command = CommandRecord {
        times: 1,
        runs_later: false,
        verb: "SELECT".into(),
        fingerprint: "f".into(),
        shape: String::new(),
        needs: Vec::new(),
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

/// What the client of an exchange receives.
fn answer(session: SessionId, exchange: u64) -> Vec<u8> {
    let line = format!("{session} {exchange}\n");
    let times = 1 + usize::try_from(exchange % 40).unwrap();
    line.repeat(times).into_bytes()
}

/// Runs exchanges until it is killed; says each on standard output once it is durable.
fn write(dir: &Path) {
    let mut options = Options::new(dir);
    options.segment_bytes = 64 << 10;
    let log = EvidenceLog::open(options).unwrap();
    let threads: Vec<_> = (0..4)
        .map(|_| {
            let log = log.clone();
            std::thread::spawn(move || {
                loop {
                    run_session(&log);
                }
            })
        })
        .collect();
    threads.into_iter().for_each(|thread| thread.join().unwrap());
}

fn run_session(log: &EvidenceLog) {
    let mut bytes = [0; 16];
    aws_lc_rs::rand::fill(&mut bytes).unwrap();
    let id = SessionId(uuid::Builder::from_random_bytes(bytes).into_uuid());
    let mut recorder = log.session(id).unwrap();
    recorder.stage(opened());
    for exchange in 1..=30 {
        recorder.stage_payload(request(exchange), Direction::FromClient, b"select 1");
        recorder.submit().wait().unwrap();
        let response = Event::Response {
            exchange,
            rows: 1,
            masked: BTreeMap::new(),
            detected: Vec::new(),
            revealed_by: None,
        };
        recorder.stage_payload(response, Direction::ToClient, &answer(id, exchange));
        recorder.stage(Event::ExchangeClosed {
            exchange,
            outcome: Outcome::Completed,
            rows: 1,
            changes: 0,
        });
        recorder.submit().wait().unwrap();
        let mut out = std::io::stdout().lock();
        writeln!(out, "ACK {id} {exchange}").unwrap();
        out.flush().unwrap();
    }
    recorder.stage(Event::SessionClosed { why: "done".into(), exchanges: 30, rows: 30 });
    recorder.submit().wait().unwrap();
}

/// Starts a writer, kills it after so many acknowledgements, gives all it made.
fn kill_after(dir: &Path, acknowledgements: usize) -> Vec<(SessionId, u64)> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", TEST, "--nocapture"])
        .env(WRITER, dir)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut found = Vec::new();
    let mut read = |found: &mut Vec<(SessionId, u64)>| -> bool {
        let Some(Ok(line)) = lines.next() else { return false };
        if let Some((session, exchange)) =
            line.strip_prefix("ACK ").and_then(|rest| rest.split_once(' '))
        {
            found.push((SessionId(session.parse().unwrap()), exchange.parse().unwrap()));
        }
        true
    };
    while found.len() < acknowledgements {
        assert!(read(&mut found), "the writer ended by itself");
    }
    child.kill().unwrap();
    while read(&mut found) {}
    child.wait().unwrap();
    found
}

/// Every answer in the log, opened with the auditors' key.
fn answers(dir: &Path) -> HashSet<(SessionId, u64)> {
    let mut opener = Opener::new(dir, AuditorKey::load(&auditor_key_path(dir)).unwrap());
    let (mut asked, mut answered) = (HashSet::new(), HashSet::new());
    LogReader::open(dir)
        .unwrap()
        .for_each(|entry| {
            let record = entry.record()?;
            let bytes = opener.open(&record, entry.sealed)?;
            match (record.session, &record.event) {
                (Some(session), Event::Request { exchange, .. }) => {
                    asked.insert((session, *exchange));
                }
                (Some(session), Event::Response { exchange, .. }) => {
                    assert!(asked.contains(&(session, *exchange)));
                    assert_eq!(bytes.unwrap(), answer(session, *exchange));
                    answered.insert((session, *exchange));
                }
                _ => {}
            }
            Ok(ControlFlow::Continue(()))
        })
        .unwrap();
    answered
}

#[test]
fn what_a_killed_writer_acknowledged_is_there() {
    if let Some(dir) = std::env::var_os(WRITER) {
        return write(Path::new(&dir));
    }
    let kills = std::env::var("PORTREEVE_KILLS");
    let kills = kills.map_or(KILLS, |text| text.parse().expect("PORTREEVE_KILLS is a number"));
    let mut acknowledged = 0;
    for first in (0..kills).step_by(KILLS_OF_ONE_LOG as usize) {
        acknowledged += kill_one_log(first..kills.min(first + KILLS_OF_ONE_LOG));
    }
    println!("{kills} kills, {acknowledged} acknowledged exchanges, none lost");
}

/// A log that lives through some kills; gives how many exchanges were acknowledged.
fn kill_one_log(rounds: Range<u64>) -> usize {
    // A log that lost something stays, to be looked at.
    let folder = tempfile::Builder::new().prefix("portreeve-kill-").disable_cleanup(true).tempdir();
    let folder = folder.unwrap();
    let dir = folder.path();
    let mut ledger = Vec::new();
    for round in rounds {
        let acknowledgements = 1 + usize::try_from(round * 37 % 180).unwrap();
        ledger.extend(kill_after(dir, acknowledgements));
        let report = verify(dir, &Trust::default());
        assert!(
            matches!(report.status, Status::Ok | Status::Incomplete),
            "round {round}: {:?}",
            report.findings
        );
        let found = answers(dir);
        for (session, exchange) in &ledger {
            assert!(found.contains(&(*session, *exchange)), "round {round}: {session}/{exchange}");
        }
    }
    EvidenceLog::open(Options::new(dir)).unwrap().close();
    let report = verify(dir, &Trust::default());
    assert_eq!(report.status, Status::Ok, "{:?}", report.findings);
    assert!(report.unclosed.iter().all(|session| session.cut_off));
    folder.close().unwrap();
    ledger.len()
}
