//! The whole log on a disk that fails: it seals, says so, and lets nothing pass.

use super::sim_disk::SimDisk;
use super::support::{TempDir, folder, opened, options, session_id};
use crate::error::Error;
use crate::log::evidence_log::EvidenceLog;
use crate::log::health::HealthState;
use crate::log::options::Options;
use crate::log::recorder::SessionRecorder;
use crate::log::reserve::SEGMENTS_READY;
use portreeve_model::Event;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A log whose other thread has nothing to do: all segments stand ready, and what a test
/// writes next fits into the one in use if `segment_bytes` is large.
fn log(segment_bytes: u64) -> (TempDir, SimDisk, EvidenceLog, SessionRecorder) {
    let (dir, disk) = (folder(), SimDisk::new(1));
    let options = Options { segment_bytes, ..options(dir.path()) };
    let log = EvidenceLog::open_on(Arc::new(disk.clone()), options).unwrap();
    let mut recorder = log.session(session_id(1)).unwrap();
    recorder.stage(opened());
    recorder.submit().wait().unwrap();
    wait_until(&log, "the reserve is full", is_at_rest);
    (dir, disk, log, recorder)
}

/// Whether the thread that makes segments has made all that it will.
pub(super) fn is_at_rest(log: &EvidenceLog) -> bool {
    log.segments_ready() == SEGMENTS_READY && log.health().state == HealthState::Healthy
}

/// Large enough for all that a test writes.
const ROOMY: u64 = 256 * 1024;
/// Full after a few records.
const TIGHT: u64 = 4096;

/// Other threads bring the state about; a deadline ends the wait.
pub(super) fn wait_until(
    log: &EvidenceLog,
    what: &str,
    mut holds: impl FnMut(&EvidenceLog) -> bool,
) {
    let start = Instant::now();
    while !holds(log) {
        assert!(start.elapsed() < Duration::from_secs(20), "never: {what}: {:?}", log.health());
        std::thread::yield_now();
    }
}

fn filler() -> Event {
    Event::SessionRefused {
        protocol: "p".into(),
        client: "c".repeat(900),
        why: String::new(),
        count: 1,
    }
}

#[test]
fn a_failed_sync_seals_for_good() {
    let (_dir, disk, log, mut recorder) = log(ROOMY);
    // The write of the next commit passes, its sync fails; the disk is fine afterwards.
    disk.plan(u64::MAX, 2);
    recorder.stage(filler());
    let sealed = recorder.submit().wait().unwrap_err();
    assert!(sealed.reason().contains("input/output error"), "{sealed}");
    assert_eq!(log.health().state, HealthState::Sealed);
    disk.plan(u64::MAX, 0);
    assert!(recorder.submit().wait().is_err());
    assert!(log.append(filler()).wait().is_err());
    assert!(matches!(log.session(session_id(2)), Err(Error::Sealed(_))));
    let before = disk.files();
    log.close();
    let changed = difference(&before, &disk.files());
    assert!(changed.is_empty(), "a sealed log writes nothing, but {changed:?}");
}

#[test]
fn a_failed_write_answers_everyone_who_waits() {
    let (_dir, disk, log, _recorder) = log(ROOMY);
    disk.plan(u64::MAX, 1);
    let receipts: Vec<_> = (0..50).map(|_| log.append(filler())).collect();
    for receipt in receipts {
        assert!(receipt.wait().is_err());
    }
    assert_eq!(log.health().state, HealthState::Sealed);
}

type Files = BTreeMap<String, Vec<u8>>;

/// Which files differ, and from which byte on.
fn difference(one: &Files, other: &Files) -> Vec<String> {
    let names: BTreeSet<&String> = one.keys().chain(other.keys()).collect();
    let differs = |name: &String| match (one.get(name), other.get(name)) {
        (Some(one), Some(other)) if one == other => None,
        (Some(one), Some(other)) => {
            let at = one.iter().zip(other).take_while(|(one, other)| one == other).count();
            Some(format!("{name} differs from byte {at} of {} and {}", one.len(), other.len()))
        }
        (Some(_), None) => Some(format!("{name} is gone")),
        (None, _) => Some(format!("{name} is new")),
    };
    names.into_iter().filter_map(differs).collect()
}

#[test]
fn a_difference_names_the_file_and_the_place() {
    let files = |text: &str| Files::from([("a".to_owned(), text.into()), (text.into(), vec![])]);
    let expect = ["a differs from byte 2 of 3 and 3", "one is gone", "onx is new"];
    assert_eq!(difference(&files("one"), &files("onx")), expect);
    assert_eq!(difference(&files("one"), &files("one")), [""; 0]);
}

#[test]
fn a_full_disk_warns_then_restricts_then_seals_and_room_heals_the_first_two() {
    let (_dir, disk, log, mut recorder) = log(TIGHT);
    // Writes until so many segments are left, and waits for what the log makes of it.
    let write_until = |left: usize, recorder: &mut SessionRecorder| {
        while log.segments_ready() > left {
            recorder.stage(filler());
            recorder.submit().wait().unwrap();
        }
        let expect = [HealthState::Restricted, HealthState::Warn, HealthState::Healthy][left];
        wait_until(&log, "the state follows", |log| log.health().state == expect);
    };
    disk.set_full(true);
    write_until(1, &mut recorder);
    assert!(log.session(session_id(2)).is_ok());
    write_until(0, &mut recorder);
    assert!(matches!(log.session(session_id(3)), Err(Error::Restricted { .. })));
    recorder.stage(filler());
    recorder.submit().wait().unwrap();

    disk.set_full(false);
    wait_until(&log, "room heals", |log| log.health().state == HealthState::Healthy);
    assert!(log.session(session_id(4)).is_ok());

    disk.set_full(true);
    write_until(0, &mut recorder);
    let sealed = loop {
        recorder.stage(filler());
        if let Err(sealed) = recorder.submit().wait() {
            break sealed;
        }
    };
    assert!(sealed.reason().contains("cannot write the log"), "{sealed}");
    assert_eq!(log.health().state, HealthState::Sealed);
}
