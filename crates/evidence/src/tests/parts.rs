//! A command that is too long for a record, on its way through a log.

use super::support::{closed, folder, opened, options, response, session_id};
use crate::custody::state::Custody;
use crate::format::request::request_events;
use crate::log::evidence_log::EvidenceLog;
use crate::lookup::sessions::detail;
use crate::verify::report::Status;
use crate::verify::trust::Trust;
use crate::verify::verifier::verify;
use portreeve_model::{
    Action, Category, CommandRecord, Direction, Event, Facts, Need, Object, Revealed, Usage,
};
use std::collections::BTreeMap;

/// Reads as many columns, and reveals the last of them.
fn wide(columns: usize) -> CommandRecord {
    let column = |at: usize| Object::column("public", "wide", &format!("column_{at}"));
    let needs = (0..columns).map(|at| Need { action: Action::Read, object: column(at) });
    CommandRecord {
        verb: "SELECT".into(),
        times: 1,
        runs_later: false,
        fingerprint: "f00d".into(),
        shape: String::new(),
        needs: needs.collect(),
        facts: Facts::default(),
        before: portreeve_model::Usage::default(),
        categories: BTreeMap::new(),
        unknown: Some("for the test".into()),
        decision: None,
        revealed: vec![Revealed { object: column(columns), category: "health".into() }],
    }
}

#[test]
fn it_is_written_verified_and_read_as_one() {
    let dir = folder();
    let log = EvidenceLog::open(options(dir.path())).unwrap();
    let mut recorder = log.session(session_id(1)).unwrap();
    recorder.stage(opened());
    let commands = vec![wide(3), wide(10_000), wide(4)];
    let mut events =
        request_events(1, 0, Usage::default(), Vec::new(), commands.clone()).into_iter();
    recorder.stage_payload(events.next().unwrap(), Direction::FromClient, b"select * from wide");
    events.for_each(|event| recorder.stage(event));
    recorder.submit().wait().unwrap();
    recorder.stage_payload(response(1, 1), Direction::ToClient, b"1\n");
    recorder.stage(closed());
    recorder.submit().wait().unwrap();
    log.close();

    let report = verify(dir.path(), &Trust::default());
    assert_eq!((report.status, report.findings), (Status::Ok, Vec::new()));
    assert!(report.records > 15, "{} records", report.records);
    let session = detail(dir.path(), session_id(1)).unwrap();
    assert_eq!((session.exchanges.len(), session.summary.exchanges), (1, 1));
    assert!(session.exchanges[0].commands == commands, "the commands came back otherwise");
}

/// What a command reveals decides how long its recording is kept, wherever that stands.
#[test]
fn what_it_reveals_counts_for_retention() {
    let dir = folder();
    let log = EvidenceLog::open(options(dir.path())).unwrap();
    let mut recorder = log.session(session_id(1)).unwrap();
    recorder.stage(opened());
    let events = request_events(1, 0, Usage::default(), Vec::new(), vec![wide(2_000)]);
    assert!(matches!(events.first(), Some(Event::RequestPart { .. })), "it is not long enough");
    events.into_iter().for_each(|event| recorder.stage(event));
    recorder.submit().wait().unwrap();
    let custody = Custody::read(dir.path()).unwrap();
    let kept = custody.sessions.get(&session_id(1)).unwrap();
    assert!(kept.categories.contains(&Category::from("health")), "{:?}", kept.categories);
}
