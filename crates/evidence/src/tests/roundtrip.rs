//! What goes in comes out, and what may not happen is refused.

use super::support::{
    ada, answer, closed, copy, exchange, folder, opened, options, request, session_id, small_log,
};
use crate::erasure::shred::Shredding;
use crate::error::Error;
use crate::keys::files::AuditorKey;
use crate::log::evidence_log::EvidenceLog;
use crate::log::health::HealthState;
use crate::lookup::summary::{Recording, SessionState};
use crate::reader::log_reader::{LogReader, auditor_key_path};
use crate::reader::opener::Opener;
use crate::verify::report::Status;
use crate::verify::trust::Trust;
use crate::verify::verifier::verify;
use portreeve_model::{Direction, Event, Record};
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

fn records(dir: &Path) -> Vec<Record> {
    let mut records = Vec::new();
    LogReader::open(dir)
        .unwrap()
        .for_each(|entry| {
            assert_eq!(entry.index, records.len() as u64);
            records.push(entry.record()?);
            Ok(ControlFlow::Continue(()))
        })
        .unwrap();
    records
}

pub(super) fn payloads(dir: &Path, key: &Path) -> Result<Vec<(Direction, Vec<u8>)>, Error> {
    let mut opener = Opener::new(dir, AuditorKey::load(key)?);
    let mut found = Vec::new();
    LogReader::open(dir)?.for_each(|entry| {
        let record = entry.record()?;
        if let Some(bytes) = opener.open(&record, entry.sealed)? {
            found.push((record.payload.unwrap().direction, bytes));
        }
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(found)
}

#[test]
fn records_and_payloads_come_back_in_order_over_segments() {
    let dir = folder();
    small_log(dir.path());
    let records = records(dir.path());
    let names: Vec<String> = records
        .iter()
        .map(|record| serde_json::to_value(&record.event).unwrap()["event"].to_string())
        .collect();
    let session = [
        "recording-key",
        "session-opened",
        "request",
        "response",
        "exchange-closed",
        "session-closed",
    ];
    let expect = [&["gateway-started"][..], &session, &session, &["gateway-stopped"]].concat();
    assert_eq!(names, expect.iter().map(|name| format!("\"{name}\"")).collect::<Vec<_>>());
    assert!(dir.path().join("segment-0000000003.log").exists());
    let payloads = payloads(dir.path(), &auditor_key_path(dir.path())).unwrap();
    let asked = (Direction::FromClient, b"select * from customers".to_vec());
    let answered = (Direction::ToClient, answer());
    assert_eq!(payloads, [asked.clone(), answered.clone(), asked, answered]);
    let report = verify(dir.path(), &Trust::default());
    assert_eq!(report.status, Status::Ok, "{:?}", report.findings);
    assert_eq!((report.sessions, report.payloads, report.checkpoints_agreed), (2, 4, 1));
    assert!(report.unclosed.is_empty());
}

#[test]
fn a_log_goes_on_after_a_restart() {
    let dir = folder();
    small_log(dir.path());
    let log = EvidenceLog::open(options(dir.path())).unwrap();
    let mut recorder = log.session(session_id(3)).unwrap();
    recorder.stage(opened());
    exchange(&mut recorder, 1);
    drop(recorder);
    log.close();
    let report = verify(dir.path(), &Trust::default());
    assert_eq!(report.status, Status::Ok, "{:?}", report.findings);
    assert_eq!(report.sessions, 3);
    let unclosed: Vec<_> = report.unclosed.iter().map(|u| (u.session, u.cut_off)).collect();
    assert_eq!(unclosed, [(session_id(3), true)]);
    let sessions = crate::lookup::sessions::list(dir.path()).unwrap();
    let states: Vec<_> = sessions.iter().map(|session| session.state).collect();
    assert_eq!(states, [SessionState::Closed, SessionState::Closed, SessionState::CutOff]);
    let detail = crate::lookup::sessions::detail(dir.path(), session_id(2)).unwrap();
    assert_eq!(detail.exchanges.len(), 1);
    assert_eq!((detail.exchanges[0].rows, detail.summary.masked), (2, 2));
    assert_eq!(detail.closed_because.as_deref(), Some("the client left"));
}

#[test]
fn a_second_writer_is_refused_and_the_first_goes_on() {
    let dir = folder();
    let log = EvidenceLog::open(options(dir.path())).unwrap();
    assert!(matches!(EvidenceLog::open(options(dir.path())), Err(Error::Busy { .. })));
    log.append(Event::GatewayStopped).wait().unwrap();
    log.close();
    drop(log);
    EvidenceLog::open(options(dir.path())).unwrap().close();
}

#[test]
fn a_live_log_verifies_and_reads_from_elsewhere() {
    let dir = folder();
    let log = EvidenceLog::open(options(dir.path())).unwrap();
    let mut recorder = log.session(session_id(1)).unwrap();
    recorder.stage(opened());
    exchange(&mut recorder, 1);
    let sessions = crate::lookup::sessions::list(dir.path()).unwrap();
    assert_eq!(sessions[0].state, SessionState::Open);
    assert_eq!(records(dir.path()).len(), 6);
    // The head file of a log that just began may not be there yet; all else must hold.
    let report = verify(dir.path(), &Trust::default());
    assert!(report.findings.iter().all(|f| f.file == "head"), "{:?}", report.findings);
    assert_eq!(report.unclosed.iter().map(|u| u.cut_off).collect::<Vec<_>>(), [false]);
}

#[test]
fn a_recording_needs_both_shares_and_shredding_leaves_the_proofs() {
    let dir = folder();
    small_log(dir.path());
    let backup = folder();
    copy(dir.path(), backup.path());
    let key = auditor_key_path(dir.path());
    assert_eq!(payloads(dir.path(), &key).unwrap().len(), 4);

    let other = folder();
    small_log(other.path());
    let wrong = payloads(dir.path(), &auditor_key_path(other.path()));
    assert!(matches!(wrong, Err(Error::Unreadable { .. })));

    let log = EvidenceLog::open(options(dir.path())).unwrap();
    let shred = |why| log.shred(session_id(1), why, ada()).unwrap();
    assert!(matches!(shred("asked for"), Shredding::Destroyed(_)));
    let Shredding::AlreadyDestroyed { why, by, .. } = shred("again") else { panic!() };
    assert_eq!((why.as_str(), by), ("asked for", Some(ada())));
    log.close();
    let refused = payloads(dir.path(), &key).unwrap_err();
    assert!(matches!(&refused, Error::Shredded { why, .. } if why == "asked for"), "{refused}");
    let report = verify(dir.path(), &Trust::default());
    assert_eq!(report.status, Status::Ok, "{:?}", report.findings);
    assert_eq!(report.shredded, [session_id(1)]);
    let sessions = crate::lookup::sessions::list(dir.path()).unwrap();
    let recordings: Vec<_> = sessions.iter().map(|session| session.recording).collect();
    assert_eq!(recordings, [Recording::Shredded, Recording::Readable]);

    // A copy of the log without its keyring stays unreadable; the share itself is not in
    // any file of the log any more.
    let shares =
        crate::keys::keyring::shares(&crate::disk::storage::RealDisk::new(backup.path())).unwrap();
    let share = shares[&session_id(1)];
    for entry in std::fs::read_dir(dir.path().join("keyring")).unwrap() {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        assert!(!bytes.windows(share.len()).any(|window| window == share));
    }
    // The claim of a shredding is checked: put back, the share is found.
    copy(&backup.path().join("keyring"), &dir.path().join("keyring"));
    let report = verify(dir.path(), &Trust::default());
    assert_eq!(report.status, Status::Incomplete);
    assert!(report.findings[0].what.contains("its share is still here"));
    // Whatever came back: the record stands above it, for every reader.
    assert!(matches!(payloads(dir.path(), &key), Err(Error::Shredded { .. })));
    assert_eq!(
        crate::lookup::sessions::list(dir.path()).unwrap()[0].recording,
        Recording::Shredded
    );
}

#[test]
fn no_clear_byte_and_no_key_is_in_the_log() {
    let dir = folder();
    small_log(dir.path());
    for number in 1..=3 {
        let path = dir.path().join(crate::format::frame::segment_name(number));
        let bytes = std::fs::read(path).unwrap();
        for text in [&b"customers"[..], b"example.com"] {
            assert!(!bytes.windows(text.len()).any(|window| window == text));
        }
    }
}

#[test]
fn a_record_beyond_the_limit_stops_its_session_and_no_other() {
    let dir = folder();
    let log = EvidenceLog::open(options(dir.path())).unwrap();
    let mut large = log.session(session_id(1)).unwrap();
    let mut small = log.session(session_id(2)).unwrap();
    large.stage(opened());
    large.stage(Event::SessionClosed { why: "x".repeat(70_000), exchanges: 0, rows: 0 });
    assert!(large.submit().wait().is_err());
    large.stage(closed());
    assert!(large.submit().wait().is_err());
    small.stage(opened());
    exchange(&mut small, 1);
    assert_eq!(log.health().state, HealthState::Healthy);
    drop(large);
    drop(small);
    log.close();
    let report = verify(dir.path(), &Trust::default());
    assert_eq!(report.status, Status::Ok, "{:?}", report.findings);
    assert_eq!(report.sessions, 1);
}

#[test]
fn a_unit_larger_than_a_segment_is_written_whole() {
    let dir = folder();
    let log = EvidenceLog::open(options(dir.path())).unwrap();
    let mut recorder = log.session(session_id(1)).unwrap();
    recorder.stage(opened());
    let mut noise = vec![0; 20_000];
    aws_lc_rs::rand::fill(&mut noise).unwrap();
    recorder.stage_payload(request(1), Direction::FromClient, &noise);
    recorder.submit().wait().unwrap();
    exchange(&mut recorder, 2);
    drop(recorder);
    log.close();
    let found = payloads(dir.path(), &auditor_key_path(dir.path())).unwrap();
    assert_eq!(found[0].1, noise);
    assert_eq!(verify(dir.path(), &Trust::default()).status, Status::Ok);
}

#[test]
fn a_closed_log_takes_nothing() {
    let dir = folder();
    let log = EvidenceLog::open(options(dir.path())).unwrap();
    let mut recorder = log.session(session_id(1)).unwrap();
    log.close();
    recorder.stage(opened());
    assert!(recorder.submit().wait().is_err());
    assert!(log.append(Event::GatewayStopped).wait().is_err());
}

#[test]
fn a_clock_that_stands_before_the_log_is_not_believed() {
    let dir = folder();
    small_log(dir.path());
    let early =
        crate::log::options::Options { clock: Arc::new(|| 1_000_000), ..options(dir.path()) };
    assert!(matches!(EvidenceLog::open(early), Err(Error::ClockBehind { .. })));
    let now = Arc::new(AtomicU64::new(2_000_000_000_000_000));
    let seen = now.clone();
    let clock = Arc::new(move || seen.load(Ordering::Relaxed));
    let log =
        EvidenceLog::open(crate::log::options::Options { clock, ..options(dir.path()) }).unwrap();
    now.store(1_900_000_000_000_000, Ordering::Relaxed);
    log.append(Event::GatewayStopped).wait().unwrap();
    assert_eq!(log.health().state, HealthState::Restricted);
    assert!(matches!(log.session(session_id(9)), Err(Error::Restricted { .. })));
}

#[test]
fn many_threads_share_commits_and_nothing_is_lost() {
    let dir = folder();
    let log = EvidenceLog::open(options(dir.path())).unwrap();
    let done = Arc::new(Mutex::new(0));
    let threads: Vec<_> = (1..=8u128)
        .map(|number| {
            let (log, done) = (log.clone(), done.clone());
            std::thread::spawn(move || {
                let mut recorder = log.session(session_id(number)).unwrap();
                recorder.stage(opened());
                for number in 1..=20 {
                    exchange(&mut recorder, number);
                }
                *done.lock().unwrap() += 1;
            })
        })
        .collect();
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    log.close();
    assert_eq!(*done.lock().unwrap(), 8);
    let report = verify(dir.path(), &Trust::default());
    assert_eq!(report.status, Status::Ok, "{:?}", report.findings);
    assert_eq!(report.records, 2 + 8 * (2 + 20 * 3));
}

#[test]
fn waiting_inside_a_runtime_does_not_hang() {
    let dir = folder();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let log = EvidenceLog::open(options(dir.path())).unwrap();
        for _ in 0..300 {
            log.append(Event::GatewayStopped).wait().unwrap();
        }
        log.append(Event::GatewayStopped).durable().await.unwrap();
        log.close();
    });
}

#[test]
fn a_session_is_found_by_its_end_its_beginning_and_its_name_and_reads_as_in_the_list() {
    let dir = folder();
    small_log(dir.path());
    let listed = crate::lookup::sessions::list(dir.path()).unwrap();
    assert_eq!(listed.len(), 2);
    for session in &listed {
        let detail = crate::lookup::sessions::detail(dir.path(), session.id).unwrap();
        assert_eq!(detail.summary, *session);
        let rows: u64 = detail.exchanges.iter().map(|exchange| exchange.rows).sum();
        assert_eq!((rows, detail.exchanges.len()), (session.rows, 1));
        assert_eq!(detail.closed_because.as_deref(), Some("the client left"));
    }
    assert_eq!(crate::lookup::sessions::last_begun(dir.path()).unwrap(), Some(session_id(2)));
    let begun = |text: &str| crate::lookup::sessions::begun_with(dir.path(), text).unwrap();
    assert_eq!(begun("0000"), [session_id(1), session_id(2)]);
    assert_eq!(begun(&session_id(1).to_string()), [session_id(1)]);
    assert_eq!(begun("1"), []);
    assert!(matches!(
        crate::lookup::sessions::detail(dir.path(), session_id(3)),
        Err(Error::Absent { .. })
    ));
}
