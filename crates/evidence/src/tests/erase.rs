//! Destroying, holding and sweeping; and what stops and old copies make of it.

use super::failing_disk::{is_at_rest, wait_until};
use super::roundtrip::payloads;
use super::sim_disk::SimDisk;
use super::support::{
    TempDir, ada, clock, closed, copy, exchange, folder, opened, options, session_id, whole_session,
};
use crate::custody::retention::Retention;
use crate::erasure::shred::{Mode, Shredding};
use crate::error::Error;
use crate::keys::keyring;
use crate::log::evidence_log::EvidenceLog;
use crate::log::options::Options;
use crate::reader::log_reader::auditor_key_path;
use crate::verify::report::Status;
use crate::verify::trust::Trust;
use crate::verify::verifier::verify;
use portreeve_model::{Category, Custodian, Held};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

const DAY_US: u64 = 24 * 60 * 60 * 1_000_000;

fn days(count: u64) -> Duration {
    Duration::from_secs(count * 24 * 60 * 60)
}

/// Three sessions, two at `shop` and one at `crm`, and the clock that they were made by.
fn log(dir: &TempDir) -> (EvidenceLog, Arc<AtomicU64>) {
    let (now, clock) = clock();
    let log = EvidenceLog::open(Options { clock, ..options(dir.path()) }).unwrap();
    for (number, resource) in [(1, "shop"), (2, "crm"), (3, "shop")] {
        whole_session(&log, number, resource);
    }
    (log, now)
}

#[test]
fn a_session_that_goes_on_or_never_was_is_not_shredded() {
    let dir = folder();
    let (log, _) = log(&dir);
    let mut recorder = log.session(session_id(4)).unwrap();
    recorder.stage(opened());
    exchange(&mut recorder, 1);
    let shred = |number| log.shred(session_id(number), "because", ada());
    assert!(matches!(shred(4), Err(Error::StillOpen { .. })));
    assert!(matches!(shred(9), Err(Error::Absent { .. })));
    assert!(matches!(log.shred(session_id(1), " ", ada()), Err(Error::Reason { .. })));
    recorder.stage(closed());
    recorder.submit().wait().unwrap();
    assert!(matches!(shred(4), Ok(Shredding::Destroyed(_))));
    let status = log.retention_status().unwrap();
    assert_eq!((status.readable, status.shredded), (3, 1));
    assert_eq!(status.oldest_readable_us, Some(1_700_000_000_000_000));
}

#[test]
fn a_session_whose_gateway_ended_is_over() {
    let dir = folder();
    let (first, _) = log(&dir);
    let mut recorder = first.session(session_id(4)).unwrap();
    recorder.stage(opened());
    exchange(&mut recorder, 1);
    drop(recorder);
    first.close();
    drop(first);
    let log = EvidenceLog::open(options(dir.path())).unwrap();
    let shredded = log.shred(session_id(4), "because", ada()).unwrap();
    assert!(matches!(shredded, Shredding::Destroyed(_)), "{shredded:?}");
}

#[test]
fn what_is_held_is_neither_shredded_nor_swept_until_its_release() {
    for on in [
        Held::Session(session_id(1)),
        Held::Resource("shop".into()),
        Held::Principal { issuer: None, subject: "ada".into() },
    ] {
        let dir = folder();
        let (log, now) = log(&dir);
        let hold = log.hold(on.clone(), "case 7", ada()).unwrap();
        let refused = log.shred(session_id(1), "because", ada()).unwrap_err();
        assert!(matches!(&refused, Error::Held { hold: by, .. } if *by == hold.hold));
        now.fetch_add(9 * DAY_US, Ordering::Relaxed);
        let rules = Retention { default: Some(days(1)), ..Retention::default() };
        let swept = log.sweep(&rules, Mode::Act, &Custodian::Gateway).unwrap();
        assert_eq!(swept.held.len() as u64, hold.sessions, "{on}");
        assert_eq!(swept.due.len() as u64, 3 - hold.sessions, "{on}");
        assert!(swept.held.iter().any(|held| held.session == session_id(1)));
        // The log is the only state: another gateway knows the hold, too.
        log.close();
        drop(log);
        let clock = Arc::new(move || now.load(Ordering::Relaxed));
        let again = EvidenceLog::open(Options { clock, ..options(dir.path()) }).unwrap();
        assert_eq!(again.holds().unwrap(), std::slice::from_ref(&hold));
        assert_eq!(crate::erasure::shred::holds(dir.path()).unwrap(), std::slice::from_ref(&hold));
        assert!(matches!(again.shred(session_id(1), "x", ada()), Err(Error::Held { .. })));
        again.release(&hold.hold, "case closed", ada()).unwrap();
        assert!(again.holds().unwrap().is_empty());
        assert!(matches!(again.release(&hold.hold, "x", ada()), Err(Error::Absent { .. })));
        assert!(again.shred(session_id(1), "because", ada()).is_ok());
        again.close();
        let report = verify(dir.path(), &Trust::default());
        assert_eq!(report.status, Status::Ok, "{:?}", report.findings);
    }
}

#[test]
fn a_hold_needs_something_to_hold() {
    let dir = folder();
    let (log, _) = log(&dir);
    log.shred(session_id(1), "because", ada()).unwrap();
    for number in [1, 9] {
        let held = log.hold(Held::Session(session_id(number)), "case 7", ada());
        assert!(matches!(held, Err(Error::Absent { .. })), "{held:?}");
    }
    // What is to come can be held.
    assert_eq!(log.hold(Held::Resource("new".into()), "case 8", ada()).unwrap().sessions, 0);
}

#[test]
fn the_shortest_rule_decides_and_a_dry_run_only_says() {
    let dir = folder();
    let (log, now) = log(&dir);
    let rules = Retention {
        default: Some(days(400)),
        resources: BTreeMap::from([("shop".into(), days(90))]),
        categories: BTreeMap::from([(Category::from("health"), days(1))]),
        ..Retention::default()
    };
    let sweep = |mode| log.sweep(&rules, mode, &Custodian::Gateway).unwrap();
    let names =
        |due: &[crate::custody::kept::Due]| due.iter().map(|due| due.session).collect::<Vec<_>>();
    now.fetch_add(89 * DAY_US, Ordering::Relaxed);
    assert!(sweep(Mode::Act).due.is_empty());
    now.fetch_add(2 * DAY_US, Ordering::Relaxed);
    let said = sweep(Mode::DryRun);
    assert_eq!(names(&said.due), [session_id(1), session_id(3)]);
    assert_eq!(said.due[0].why, "retention: resource `shop` 90d");
    assert_eq!(log.retention_status().unwrap().readable, 3);
    let read =
        crate::erasure::shred::preview(dir.path(), &rules, now.load(Ordering::Relaxed)).unwrap();
    assert_eq!((read.due, read.dry_run), (said.due.clone(), true));
    assert_eq!(names(&sweep(Mode::Act).due), names(&said.due));
    assert!(sweep(Mode::Act).due.is_empty());
    assert_eq!(log.retention_status().unwrap().readable, 1);
    now.fetch_add(310 * DAY_US, Ordering::Relaxed);
    assert_eq!(names(&sweep(Mode::Act).due), [session_id(2)]);
    log.close();
    let report = verify(dir.path(), &Trust::default());
    assert_eq!((report.status, report.shredded.len()), (Status::Ok, 3), "{:?}", report.findings);
    let key = auditor_key_path(dir.path());
    let Err(Error::Shredded { by, .. }) = payloads(dir.path(), &key) else { panic!() };
    assert_eq!(by, Some(Custodian::Gateway));
}

#[test]
fn a_category_counts_where_its_values_passed() {
    let dir = folder();
    let (log, now) = log(&dir);
    now.fetch_add(3 * DAY_US, Ordering::Relaxed);
    let due = |category: &str| {
        let categories = BTreeMap::from([(Category::from(category), days(1))]);
        let rules = Retention { categories, ..Retention::default() };
        log.sweep(&rules, Mode::DryRun, &Custodian::Gateway).unwrap().due.len()
    };
    assert_eq!((due("email"), due("health")), (3, 0));
}

/// A stop at every operation of a shredding: afterwards the recording is untouched and
/// nothing is said, or it is gone, if not at once, then after the next start.
#[test]
fn a_stop_between_the_record_and_the_erasure_is_finished_by_the_next_start() {
    let mut finished_later = 0;
    for power in 0..12 {
        let (dir, disk) = (folder(), SimDisk::new(power + 1));
        // One segment is enough for all of it, so that nobody else writes meanwhile.
        let roomy = || Options { segment_bytes: 64 * 1024, ..options(dir.path()) };
        let open = || EvidenceLog::open_on(Arc::new(disk.clone()), roomy()).unwrap();
        let log = open();
        whole_session(&log, 1, "shop");
        wait_until(&log, "the reserve is full", is_at_rest);
        disk.plan(power, 0);
        let shredded = log.shred(session_id(1), "because", ada());
        disk.plan(0, 0);
        drop(log);
        disk.crash();
        let log = open();
        let recorded = log.retention_status().unwrap().shredded == 1;
        let is_there = || keyring::sessions(&disk).unwrap().contains(&session_id(1));
        assert!(recorded || shredded.is_err(), "said to be done without a record, {power}");
        assert!(recorded || is_there(), "erased without a record, {power}");
        assert!(shredded.is_err() || !is_there(), "said to be done, {power}");
        finished_later += u64::from(recorded && is_there());
        let reconciled = log.reconcile().unwrap();
        assert_eq!(is_there(), !recorded, "power {power}: {reconciled:?}");
        assert_eq!(log.reconcile().unwrap().shares_erased, 0);
    }
    assert!(finished_later > 0, "no stop came between the record and the erasure");
}

/// Where a hold may stand in what cannot be read, nothing is destroyed.
#[test]
fn a_log_that_is_damaged_in_the_middle_is_not_swept() {
    let (first, second) =
        (crate::format::frame::segment_name(1), crate::format::frame::segment_name(2));
    let check = |name: &str, change: &dyn Fn(&mut Vec<u8>)| {
        let dir = folder();
        let (log, now) = log(&dir);
        now.fetch_add(9 * DAY_US, Ordering::Relaxed);
        let path = dir.path().join(name);
        let mut bytes = std::fs::read(&path).unwrap();
        change(&mut bytes);
        std::fs::write(&path, bytes).unwrap();
        let rules = Retention { default: Some(days(1)), ..Retention::default() };
        let swept = log.sweep(&rules, Mode::Act, &Custodian::Gateway);
        assert!(matches!(&swept, Err(Error::Damaged { file, .. }) if file == name), "{swept:?}");
        assert!(log.shred(session_id(1), "because", ada()).is_err());
        assert!(crate::erasure::shred::holds(dir.path()).is_err());
        let shares = keyring::sessions(&crate::disk::storage::RealDisk::new(dir.path())).unwrap();
        assert_eq!(shares.len(), 3);
    };
    check(&first, &|bytes| bytes[700] ^= 1);
    check(&first, &|bytes| bytes.fill(0));
    check(&second, &|bytes| bytes[1500..].fill(0));
}

#[test]
fn shares_that_an_old_keyring_brings_back_go_again() {
    let (dir, backup) = (folder(), folder());
    let (first, _) = log(&dir);
    copy(&dir.path().join("keyring"), backup.path());
    first.shred(session_id(1), "because", ada()).unwrap();
    first.close();
    drop(first);
    copy(backup.path(), &dir.path().join("keyring"));
    assert_eq!(verify(dir.path(), &Trust::default()).status, Status::Incomplete);
    let log = EvidenceLog::open(options(dir.path())).unwrap();
    assert_eq!(log.reconcile().unwrap().shares_erased, 1);
    log.close();
    let report = verify(dir.path(), &Trust::default());
    assert_eq!(report.status, Status::Ok, "{:?}", report.findings);
    let shares = keyring::sessions(&crate::disk::storage::RealDisk::new(dir.path())).unwrap();
    assert_eq!(shares, [session_id(2), session_id(3)].into());
}
