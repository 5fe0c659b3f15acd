//! Logs that earlier versions wrote: they verify, their decisions are made again, and their
//! recordings open. A log that was written is a log that can be read.
//!
//! `corpus/evidence/format-1` is what one wrote: policies in parts, a session with every kind
//! of exchange, one shredded, one under hold, one cut off, two runs of a gateway. Its private
//! signing key was thrown away.

#![allow(clippy::unwrap_used)]

use portreeve_evidence::{
    AuditorKey, Error, LogReader, Opener, Recording, Severity, Status, Trust, auditor_key_path,
    detail, list, verify_with,
};
use portreeve_model::{Direction, SessionId};
use portreeve_verifier::Decisions;
use std::ops::ControlFlow;
use std::path::PathBuf;

fn log() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../corpus/evidence/format-1"))
}

fn id(number: u128) -> SessionId {
    SessionId(uuid::Uuid::from_u128(number))
}

#[test]
fn it_verifies_and_every_decision_is_made_again() {
    let mut decisions = Decisions::default();
    let report = verify_with(&log(), &Trust::default(), &mut decisions, |_, _| {});
    let found: Vec<_> =
        report.findings.iter().filter(|found| found.severity != Severity::Note).collect();
    assert_eq!((report.status, found), (Status::Ok, Vec::new()));
    assert_eq!((report.records, report.payloads, report.decisions), (51, 15, 15));
    assert_eq!(
        report.root.to_string(),
        "9d0c065f419a7d86920353087030bd6f078efdd38928bacc383ee4ea19284866"
    );
    assert_eq!((report.sessions, report.shredded.as_slice()), (4, [id(2)].as_slice()));
    let cut_off: Vec<_> = report.unclosed.iter().map(|open| (open.session, open.cut_off)).collect();
    assert_eq!(cut_off, [(id(4), true)]);
}

#[test]
fn what_people_ask_of_it_is_answered() {
    let sessions = list(&log()).unwrap();
    let recordings: Vec<Recording> = sessions.iter().map(|session| session.recording).collect();
    let (readable, shredded) = (Recording::Readable, Recording::Shredded);
    assert_eq!(recordings, [readable, shredded, readable, readable]);
    let whole = detail(&log(), id(1)).unwrap();
    let commands: Vec<usize> =
        whole.exchanges.iter().map(|exchange| exchange.commands.len()).collect();
    assert_eq!(commands, [1, 3, 1, 1, 2, 1]);
}

#[test]
fn its_recordings_open() {
    let auditor = AuditorKey::load(&auditor_key_path(&log())).unwrap();
    let mut opener = Opener::new(&log(), auditor);
    let (mut statements, mut rows, mut tokens, mut shredded) = (Vec::new(), 0, 0, 0);
    let visit = |entry: portreeve_evidence::Entry<'_>| {
        let record = entry.record()?;
        match opener.open(&record, entry.sealed) {
            Ok(Some(bytes)) => match record.payload.map(|payload| payload.direction) {
                Some(Direction::FromClient) => {
                    statements.push(String::from_utf8_lossy(&bytes).into_owned());
                }
                Some(Direction::ToClient) => {
                    rows += bytes.iter().filter(|byte| **byte == b'\n').count();
                }
                Some(Direction::Subjects) | None => panic!("opened as what passed"),
            },
            Ok(None) => {
                tokens += opener.open_subjects(&record, entry.sealed)?.map_or(0, |t| t.len())
            }
            Err(Error::Shredded { session, .. }) if session == id(2) => shredded += 1,
            Err(error) => return Err(error),
        }
        Ok(ControlFlow::Continue(()))
    };
    LogReader::open(&log()).unwrap().for_each(visit).unwrap();
    assert_eq!((rows, tokens), (30 + 3 + 1 + 20, 16));
    assert!(shredded > 0, "a destroyed recording opened");
    assert_eq!(
        statements,
        [
            "select id, email from customers",
            "select * from wide; select id, email from customers",
            "delete from orders",
            "frobnicate",
            "prepared",
            "select pay from staff",
            "select * from orders",
            "select * from orders",
        ]
    );
}
