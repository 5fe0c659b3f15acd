//! The whole log on a disk that fails: it seals, says so, and lets nothing pass.

use super::sim_disk::SimDisk;
use super::support::{TempDir, opened, options, session_id};
use crate::{Error, EvidenceLog, HealthState, SessionRecorder};
use portreeve_model::Event;
use std::sync::Arc;
use std::time::{Duration, Instant};

fn log() -> (TempDir, SimDisk, EvidenceLog, SessionRecorder) {
    let (dir, disk) = (TempDir::new(), SimDisk::new(1));
    let log = EvidenceLog::open_on(Arc::new(disk.clone()), options(dir.path())).unwrap();
    let mut recorder = log.session(session_id(1)).unwrap();
    recorder.stage(opened());
    recorder.submit().wait().unwrap();
    wait_until(&log, "the reserve is full", |log| {
        disk.files().len() >= 3 && log.health().state == HealthState::Healthy
    });
    (dir, disk, log, recorder)
}

/// Other threads bring the state about; a deadline ends the wait.
fn wait_until(log: &EvidenceLog, what: &str, mut holds: impl FnMut(&EvidenceLog) -> bool) {
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
    let (_dir, disk, log, mut recorder) = log();
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
    assert_eq!(disk.files(), before, "a sealed log writes nothing");
}

#[test]
fn a_failed_write_answers_everyone_who_waits() {
    let (_dir, disk, log, _recorder) = log();
    disk.plan(u64::MAX, 1);
    let receipts: Vec<_> = (0..50).map(|_| log.append(filler())).collect();
    for receipt in receipts {
        assert!(receipt.wait().is_err());
    }
    assert_eq!(log.health().state, HealthState::Sealed);
}

/// How many segments stand ready on the disk.
fn ready(disk: &SimDisk) -> usize {
    let segments = disk.files().into_iter().filter(|(name, _)| name.starts_with("segment-"));
    segments.filter(|(_, bytes)| crate::segment::is_unused(bytes)).count()
}

#[test]
fn a_full_disk_warns_then_restricts_then_seals_and_room_heals_the_first_two() {
    let (_dir, disk, log, mut recorder) = log();
    // Writes until so many segments are left, and waits for what the log makes of it.
    let write_until = |left: usize, recorder: &mut SessionRecorder| {
        while ready(&disk) > left {
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
