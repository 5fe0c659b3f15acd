//! Measures how fast reports are made on this machine: writes a log of so many exchanges (four
//! records each) and times one pass of every report over it.
//!
//! `cargo run --release -p portreeve-reports --example rate -- 100000`

#![allow(clippy::unwrap_used, clippy::print_stdout)]

use portreeve_evidence::{AuditorKey, EvidenceLog, Opener, Options, auditor_key_path};
use portreeve_model::{
    Action, Chain, CommandRecord, Decision, Direction, Event, Facts, Need, Object, Outcome, Party,
    PartyKind, SessionId, SubjectCount, Usage, Verdict,
};
use portreeve_reports::{Inputs, Kind, Scope, Subject, Wanted, make};
use std::path::Path;
use std::time::Instant;

/// Exchanges of a session.
const EXCHANGES: u64 = 100;
/// Records of an exchange: request, subjects, response, end.
const RECORDS: u64 = 4;

fn main() {
    let exchanges: u64 = std::env::args().nth(1).map_or(10_000, |text| text.parse().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    let began = Instant::now();
    write(dir, exchanges / EXCHANGES);
    let records = exchanges * RECORDS;
    println!("{records} records written in {:.1} s", began.elapsed().as_secs_f64());
    for kind in Kind::ALL {
        let mut opener = Opener::new(dir, AuditorKey::load(&auditor_key_path(dir)).unwrap());
        let subject = (kind == Kind::Art15).then(|| Subject::new("email", &token(7)));
        let scope = Scope { subject, ..Scope::default() };
        let wanted = Wanted { kind, scope, inputs: Inputs::default() };
        let began = Instant::now();
        let made = make(dir, &wanted, Some(&mut opener)).unwrap();
        let seconds = began.elapsed().as_secs_f64();
        println!(
            "{:16} {seconds:6.2} s, {:8.0} records/s, {} KiB of JSON",
            kind.name(),
            made.report.log.records as f64 / seconds,
            made.report.write().unwrap().len() / 1024
        );
    }
}

fn token(person: u64) -> [u8; 16] {
    let mut token = [0; 16];
    token[..8].copy_from_slice(&person.to_be_bytes());
    token
}

fn write(dir: &Path, sessions: u64) {
    let log = EvidenceLog::open(Options::new(dir)).unwrap();
    for number in 0..sessions {
        let mut recorder =
            log.session(SessionId(uuid::Uuid::from_u128(u128::from(number) + 1))).unwrap();
        let mut person = Party::new(PartyKind::Person, "portreeve", format!("p{}", number % 50));
        person.groups = vec!["analysts".into()];
        let agent = Party::new(PartyKind::Actor, "portreeve", format!("a{}", number % 9));
        let mut chain = Chain::new(person, vec![agent]);
        chain.purpose = Some(format!("purpose-{}", number % 5));
        recorder.stage(Event::SessionOpened {
            chain,
            resource: "shop".into(),
            protocol: "postgres".into(),
            client: "127.0.0.1:5".into(),
            application: None,
            tls: "TLSv1.3".into(),
            hour: 0,
            decision: Box::new(decision()),
        });
        for exchange in 1..=EXCHANGES {
            stage(&mut recorder, exchange, number);
        }
        let why = "the client left".into();
        recorder.stage(Event::SessionClosed { why, exchanges: EXCHANGES, rows: EXCHANGES * 5 });
        recorder.submit().wait().unwrap();
    }
    log.close();
}

fn stage(recorder: &mut portreeve_evidence::SessionRecorder, exchange: u64, number: u64) {
    let column = Object::column("public", "customers", "email");
    let command = CommandRecord {
        verb: "SELECT".into(),
        times: 1,
        runs_later: false,
        fingerprint: "a0d1c9be52fcdf25".into(),
        shape: String::new(),
        needs: vec![
            Need { action: Action::Read, object: Object::table("public", "customers") },
            Need { action: Action::Probe, object: column },
        ],
        facts: Facts::default(),
        before: portreeve_model::Usage::default(),
        categories: [("email".into(), vec![1])].into(),
        unknown: None,
        decision: Some(decision()),
        revealed: Vec::new(),
    };
    let (session, day) = (Usage::default(), Vec::new());
    let event = Event::Request { exchange, hour: 0, session, day, commands: vec![command] };
    recorder.stage_payload(event, Direction::FromClient, b"select email from customers");
    let count = SubjectCount { kind: "email".into(), people: 5, derived: 0, unresolved: 0 };
    let tokens: Vec<u8> =
        (0..5).flat_map(|at| token((number * 31 + exchange * 7 + at) % 100_000)).collect();
    let objects = [("public.customers".to_owned(), count)].into();
    recorder.stage_payload(Event::Subjects { exchange, objects }, Direction::Subjects, &tokens);
    let event = Event::Response {
        exchange,
        rows: 5,
        masked: [("email".into(), 5)].into(),
        detected: Vec::new(),
        revealed_by: None,
    };
    recorder.stage_payload(event, Direction::ToClient, &[7; 200]);
    recorder.stage(Event::ExchangeClosed {
        exchange,
        outcome: Outcome::Completed,
        rows: 5,
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
