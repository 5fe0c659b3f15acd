//! A log without its beginning: what may go, that proofs hold, and that nothing else went.

use super::sim_disk::SimDisk;
use super::support::{
    TempDir, ada, clock, copy, folder, opened, options, session_id, whole_session,
};
use crate::custody::retention::Retention;
use crate::disk::storage::Disk as _;
use crate::erasure::prune::Pruning;
use crate::erasure::shred::Mode;
use crate::error::Error;
use crate::extract::tiles::{leaf_hashes, write_tiles};
use crate::format::frame::segment_name;
use crate::format::policy_text::policy_adoption;
use crate::log::evidence_log::EvidenceLog;
use crate::log::options::Options;
use crate::reader::log_reader::LogReader;
use crate::tlog::merkle::{self, consistency_holds, inclusion_holds};
use crate::verify::inspector::Inspector;
use crate::verify::report::{Report, Severity, Status};
use crate::verify::trust::Trust;
use crate::verify::verifier::{verify, verify_with};
use portreeve_model::{Custodian, Event, Held, PolicyVersion, Pruned};
use std::fs;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

const HOUR_US: u64 = 3_600_000_000;

/// A log of `sessions` sessions, an hour after the other, the first `shredded` of which
/// were destroyed.
fn log(dir: &Path, sessions: u128, shredded: u128) -> (EvidenceLog, Arc<AtomicU64>) {
    let (now, clock) = clock();
    let log = EvidenceLog::open(Options { clock, ..options(dir) }).unwrap();
    let (policy, source) = ("p1".into(), "permit(principal, action, resource);".to_owned());
    log.append(Event::PolicyAdopted { policy, source }).wait().unwrap();
    for number in 1..=sessions {
        now.fetch_add(HOUR_US, Ordering::Relaxed);
        whole_session(&log, number, "shop");
    }
    for number in 1..=shredded {
        log.shred(session_id(number), "because", ada()).unwrap();
    }
    (log, now)
}

fn prune(log: &EvidenceLog, before_us: u64, mode: Mode) -> Pruning {
    log.prune(before_us, &Retention::default(), "old", mode, &ada()).unwrap()
}

fn segments(dir: &Path) -> Vec<u64> {
    let names = fs::read_dir(dir).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap());
    let mut numbers: Vec<u64> =
        names.filter_map(|name| crate::format::frame::segment_number(&name)).collect();
    numbers.sort_unstable();
    numbers
}

fn hashes(dir: &Path) -> Vec<merkle::Hash> {
    let mut hashes = Vec::new();
    LogReader::open(dir)
        .unwrap()
        .for_each(|entry| {
            hashes.push(merkle::leaf_hash(entry.leaf));
            Ok(ControlFlow::Continue(()))
        })
        .unwrap();
    hashes
}

fn check(dir: &Path) -> Report {
    verify(dir, &Trust::default())
}

#[test]
fn what_is_destroyed_goes_and_every_proof_still_holds() {
    let (dir, tiles) = (folder(), folder());
    let (log, now) = log(dir.path(), 90, 80);
    let before = hashes(dir.path());
    let old = check(dir.path()).checkpoint.unwrap();
    write_tiles(dir.path(), tiles.path()).unwrap();
    let said = prune(&log, now.load(Ordering::Relaxed), Mode::DryRun);
    assert_eq!(segments(dir.path())[0], 1, "a dry run removes nothing");
    let done = prune(&log, now.load(Ordering::Relaxed), Mode::Act);
    let pruned = done.pruned.unwrap();
    assert_eq!(said.pruned, done.pruned);
    assert!(pruned.records > 300, "{pruned:?}");
    assert_eq!(segments(dir.path())[0], pruned.segments + 1);
    assert!(done.stops_because.contains("was not destroyed"), "{}", done.stops_because);

    // With an old checkpoint from elsewhere: the tree is the one that it was.
    let trust = Trust { checkpoints: vec![old], ..Trust::default() };
    let report = verify(dir.path(), &trust);
    assert_eq!(report.status, Status::Ok, "{:?}", report.findings);
    assert_eq!((report.pruned, report.checkpoints_agreed), (Some(pruned), 2));
    assert_eq!(
        crate::lookup::sessions::list(dir.path()).unwrap().last().unwrap().id,
        session_id(90)
    );

    let mut after = leaf_hashes(dir.path(), pruned.records).unwrap();
    after.extend(hashes(dir.path()));
    assert_eq!(after[..before.len()], before);
    let (size, root) = (after.len() as u64, merkle::root(&after));
    assert_eq!((size, root), (report.records, report.root.0));
    let reader = LogReader::open(dir.path()).unwrap();
    let note = reader.newest_checkpoint().unwrap().unwrap();
    let checkpoint = reader.key().open(&note).unwrap();
    assert_eq!((checkpoint.size, checkpoint.root), (size, root));
    for index in [5, size - 1] {
        let path = reader.inclusion(&[index], &checkpoint).unwrap().remove(0).path;
        let leaf = &after[usize::try_from(index).unwrap()];
        assert!(inclusion_holds(leaf, index, size, &path, &root), "also of a record that went");
    }
    for was in [3, pruned.records, before.len() as u64] {
        let path = reader.consistency(&[was], &checkpoint).unwrap().remove(0);
        let old = merkle::root(&after[..usize::try_from(was).unwrap()]);
        assert_eq!(reader.root_at(was).unwrap(), old);
        assert!(consistency_holds(was, &old, size, &root, &path), "from {was}");
    }

    // Tiles that somebody has go on, and fresh ones have all hashes and the entries that
    // the minimum index promises.
    log.close();
    write_tiles(dir.path(), tiles.path()).unwrap();
    let fresh = folder();
    write_tiles(dir.path(), fresh.path()).unwrap();
    let first = pruned.minimum_index / 256;
    for number in 0..report.records / 256 {
        let has = |name: &str| fresh.path().join(format!("tile/{name}/{number:03}")).exists();
        assert_eq!((has("0"), has("entries")), (true, number >= first), "{number}");
    }
    let mut folders = vec![std::path::PathBuf::from("tile")];
    let mut compared = 0;
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(fresh.path().join(&folder)).unwrap() {
            let name = folder.join(entry.unwrap().file_name());
            if fresh.path().join(&name).is_dir() {
                folders.push(name);
                continue;
            }
            let file = |of: &TempDir| fs::read(of.path().join(&name)).unwrap();
            assert_eq!(file(&tiles), file(&fresh), "{}", name.display());
            compared += 1;
        }
    }
    assert!(compared > 4, "{compared}");
}

#[test]
fn a_log_goes_on_and_is_pruned_again() {
    let dir = folder();
    let (first, now) = log(dir.path(), 60, 30);
    let before = hashes(dir.path());
    let once = prune(&first, u64::MAX, Mode::Act).pruned.unwrap();
    for number in 31..=55 {
        first.shred(session_id(number), "because", ada()).unwrap();
    }
    let twice = prune(&first, u64::MAX, Mode::Act).pruned.unwrap();
    assert!(twice.records > once.records + 100);
    first.close();
    drop(first);
    let clock = Arc::new(move || now.load(Ordering::Relaxed));
    let again = EvidenceLog::open(Options { clock, ..options(dir.path()) }).unwrap();
    assert_eq!(again.reconcile().unwrap().segments_removed, 0);
    whole_session(&again, 99, "shop");
    // What adopted the policies went long ago; the record of the pruning has them.
    let mut sources = Vec::new();
    LogReader::open(dir.path())
        .unwrap()
        .for_each(|entry| {
            if let Event::LogPruned { source, .. } = entry.record()?.event {
                sources.push(source.unwrap());
            }
            Ok(ControlFlow::Continue(()))
        })
        .unwrap();
    assert!(sources.iter().all(|source| source.starts_with("permit")), "{sources:?}");
    again.close();
    let report = check(dir.path());
    assert_eq!(report.status, Status::Ok, "{:?}", report.findings);
    assert_eq!(leaf_hashes(dir.path(), twice.records).unwrap(), before[..twice.records as usize]);
    let entries = dir.path().join("tiles/tile/entries");
    let kept = fs::read_dir(entries).unwrap().filter(|entry| {
        let entry = entry.as_ref().unwrap().path();
        !entry.is_dir() || fs::read_dir(entry).unwrap().next().is_some()
    });
    assert!(kept.count() <= 1, "the entries of what went are not kept");
}

#[test]
fn nothing_goes_that_is_young_open_readable_or_held() {
    let dir = folder();
    let (log, now) = log(dir.path(), 40, 40);
    let mut recorder = log.session(session_id(50)).unwrap();
    recorder.stage(opened());
    recorder.submit().wait().unwrap();
    for number in 51..=54 {
        whole_session(&log, number, "shop");
        log.shred(session_id(number), "because", ada()).unwrap();
    }
    // As for age: the first ten hours only.
    let ten = 1_700_000_000_000_000 + 10 * HOUR_US;
    let early = prune(&log, ten, Mode::DryRun);
    let all = prune(&log, u64::MAX, Mode::DryRun);
    assert!(early.segments_removed > 3 && early.segments_removed < all.segments_removed);
    assert!(early.stops_because.contains("not old enough"), "{}", early.stops_because);
    assert!(all.stops_because.contains("goes on"), "{}", all.stops_because);
    assert!(prune(&log, 0, Mode::DryRun).pruned.is_none());

    let other = folder();
    let (held, _) = self::log(other.path(), 40, 20);
    let hold = held.hold(Held::Session(session_id(22)), "case 7", ada()).unwrap();
    let rules = Retention { log: Some(Duration::from_secs(60)), ..Retention::default() };
    let pruning = held.prune(u64::MAX, &rules, "old", Mode::Act, &Custodian::Gateway).unwrap();
    let stops = pruning.stops_because;
    assert!(stops.contains("legal hold") || stops.contains("hold `"), "{stops}");
    let status = held.retention_status().unwrap();
    assert_eq!(status.readable, 2, "the held one, and the last, which is not a minute old");
    let sessions = crate::lookup::sessions::list(other.path()).unwrap();
    assert!(sessions.iter().any(|session| session.id == session_id(22)));
    held.release(&hold.hold, "case closed", ada()).unwrap();
    // The records of what was destroyed can be held, too.
    held.shred(session_id(22), "because", ada()).unwrap();
    let all = held.hold(Held::Resource("shop".into()), "case 8", ada()).unwrap();
    assert!(prune(&held, u64::MAX, Mode::DryRun).pruned.is_none());
    held.release(&all.hold, "case closed", ada()).unwrap();
    assert!(prune(&held, u64::MAX, Mode::DryRun).pruned.is_some());
    now.fetch_add(HOUR_US, Ordering::Relaxed);
    drop((log, held));
    for dir in [&dir, &other] {
        let report = check(dir.path());
        assert_eq!(report.status, Status::Ok, "{:?}", report.findings);
    }
}

/// A session that spans the cut: its rest is accepted because its recording is destroyed.
#[test]
fn the_rest_of_a_session_that_was_cut_is_accepted() {
    let dir = folder();
    let (now, clock) = clock();
    let log = EvidenceLog::open(Options { clock, ..options(dir.path()) }).unwrap();
    let mut long = log.session(session_id(100)).unwrap();
    long.stage(opened());
    for number in 1..=12 {
        now.fetch_add(HOUR_US, Ordering::Relaxed);
        super::support::exchange(&mut long, number);
        whole_session(&log, number.into(), "shop");
    }
    long.stage(super::support::closed());
    long.submit().wait().unwrap();
    for number in (1..=12).chain([100]) {
        log.shred(session_id(number), "because", ada()).unwrap();
    }
    let six = 1_700_000_000_000_000 + 6 * HOUR_US;
    assert!(prune(&log, six, Mode::Act).pruned.is_some());
    log.close();
    let report = check(dir.path());
    assert_eq!(report.status, Status::Ok, "{:?}", report.findings);
}

#[test]
fn what_is_tampered_with_after_a_pruning_is_found() {
    let first = folder();
    let (log, _) = log(first.path(), 90, 70);
    let pruned = prune(&log, u64::MAX, Mode::Act).pruned.unwrap();
    log.close();
    drop(log);
    assert_eq!(check(first.path()).status, Status::Ok);
    let begin = pruned.segments + 1;
    let with = |change: &dyn Fn(&Path)| {
        let dir = folder();
        copy(first.path(), dir.path());
        change(dir.path());
        check(dir.path())
    };
    let missing = with(&|dir| fs::remove_file(dir.join(segment_name(begin))).unwrap());
    let named = |report: &Report, file: &str| {
        let found = report.findings.iter().find(|f| f.severity == Severity::Tampered);
        let found = found.unwrap_or_else(|| panic!("{:?}", report.findings));
        assert_eq!(found.file, file, "{found}");
    };
    named(&missing, &segment_name(begin));
    let hole = with(&|dir| fs::remove_file(dir.join(segment_name(begin + 1))).unwrap());
    named(&hole, &segment_name(begin + 1));
    let hashes = with(&|dir| {
        let tile = dir.join("tiles/tile/0/000");
        let mut bytes = fs::read(&tile).unwrap();
        bytes[40] ^= 1;
        fs::write(tile, bytes).unwrap();
    });
    named(&hashes, "tiles");
    let gone = with(&|dir| fs::remove_dir_all(dir.join("tiles")).unwrap());
    assert_eq!(gone.status, Status::Incomplete, "{:?}", gone.findings);
    // Every byte of the head that the log now begins with.
    let path = first.path().join(segment_name(begin));
    let whole = fs::read(&path).unwrap();
    let crate::format::frame::Next::Frame(head) = crate::format::frame::at(&whole, 0) else {
        panic!()
    };
    for at in (0..head.end()).step_by(11) {
        let mut bytes = whole.clone();
        bytes[at] ^= 4;
        fs::write(&path, bytes).unwrap();
        assert_eq!(check(first.path()).status, Status::Tampered, "byte {at}");
    }
}

#[test]
fn a_beginning_that_goes_without_a_record_is_tampering() {
    let dir = folder();
    let (log, _) = log(dir.path(), 30, 30);
    log.close();
    drop(log);
    for number in 1..=3 {
        fs::remove_file(dir.path().join(segment_name(number))).unwrap();
        let report = check(dir.path());
        assert_eq!(report.status, Status::Tampered);
        let found = &report.findings.iter().find(|f| f.severity == Severity::Tampered).unwrap();
        assert_eq!(found.file, segment_name(1), "{found}");
    }
}

/// A stop after the record, at any point of the removal.
#[test]
fn a_pruning_that_was_stopped_is_finished_by_the_next_start() {
    let (dir, whole) = (folder(), folder());
    let (log, now) = log(dir.path(), 60, 40);
    copy(dir.path(), whole.path());
    let pruned = prune(&log, u64::MAX, Mode::Act).pruned.unwrap();
    log.close();
    drop(log);
    let after = hashes(dir.path());
    for left in [1, 2, pruned.segments] {
        for number in pruned.segments - left + 1..=pruned.segments {
            let name = segment_name(number);
            fs::copy(whole.path().join(&name), dir.path().join(&name)).unwrap();
        }
        let report = check(dir.path());
        assert_eq!(report.status, Status::Ok, "{left} left: {:?}", report.findings);
        assert!(report.findings[0].what.contains("was not finished"), "{:?}", report.findings);
        let now = now.clone();
        let clock = Arc::new(move || now.load(Ordering::Relaxed));
        let again = EvidenceLog::open(Options { clock, ..options(dir.path()) }).unwrap();
        assert_eq!(again.reconcile().unwrap().segments_removed, left);
        again.close();
        drop(again);
        assert_eq!(check(dir.path()).findings, []);
        assert!(hashes(dir.path()).starts_with(&after));
    }
}

/// A keyring from before a pruning has shares of sessions that no record names any more.
#[test]
fn shares_of_sessions_that_were_pruned_do_not_come_back() {
    let (dir, backup) = (folder(), folder());
    let (now, clock) = clock();
    let log = EvidenceLog::open(Options { clock, ..options(dir.path()) }).unwrap();
    let millis = |us: u64| us / 1000;
    let id_at = |us| {
        let id = uuid::Builder::from_unix_timestamp_millis(millis(us), &[7; 10]).into_uuid();
        portreeve_model::SessionId(id)
    };
    let record = |id| {
        let mut recorder = log.session(id).unwrap();
        recorder.stage(opened());
        super::support::exchange(&mut recorder, 1);
        recorder.stage(super::support::closed());
        recorder.submit().wait().unwrap();
    };
    let old: Vec<_> = (0..30)
        .map(|_| {
            let id = id_at(now.fetch_add(HOUR_US, Ordering::Relaxed));
            record(id);
            id
        })
        .collect();
    copy(&dir.path().join("keyring"), backup.path());
    for id in &old {
        log.shred(*id, "because", ada()).unwrap();
    }
    let young = id_at(now.fetch_add(HOUR_US, Ordering::Relaxed));
    record(young);
    let gone = prune(&log, u64::MAX, Mode::Act).pruned.unwrap();
    log.close();
    drop(log);
    copy(backup.path(), &dir.path().join("keyring"));
    let clock = Arc::new(move || now.load(Ordering::Relaxed));
    let again = EvidenceLog::open(Options { clock, ..options(dir.path()) }).unwrap();
    assert!(gone.records > 100, "{gone:?}");
    assert_eq!(again.reconcile().unwrap().shares_erased, 30);
    let shares =
        crate::keys::keyring::sessions(&crate::disk::storage::RealDisk::new(dir.path())).unwrap();
    assert!(!old.iter().any(|id| shares.contains(id)));
}

/// A machine that stops at any operation of the removal never leaves a gap, and what it
/// left goes the next time.
#[test]
fn a_stop_in_the_removal_leaves_no_gap() {
    let dir = folder();
    let left = |disk: &SimDisk| crate::format::layout::segment_numbers(disk).unwrap();
    let root = portreeve_model::Digest(merkle::empty_root());
    let pruned = Pruned { segments: 4, records: 9, minimum_index: 0, root };
    let mut stopped = 0;
    for seed in 0..200 {
        let disk = SimDisk::new(seed);
        for number in 1..=6 {
            drop(disk.create(&segment_name(number)).unwrap());
        }
        disk.sync_folder("").unwrap();
        disk.plan(seed % 10, 0);
        stopped += u64::from(crate::erasure::removal::remove(&disk, dir.path(), &pruned).is_err());
        disk.crash();
        let found = left(&disk);
        assert_eq!(found.last(), Some(&6), "seed {seed}: {found:?}");
        crate::erasure::removal::remove(&disk, dir.path(), &pruned).unwrap();
        assert_eq!(left(&disk), [5, 6], "seed {seed}");
    }
    assert!(stopped > 100, "{stopped}");
}

#[test]
fn hashes_that_cannot_be_written_keep_the_log_whole() {
    let dir = folder();
    let (log, _) = log(dir.path(), 30, 30);
    fs::write(dir.path().join("tiles"), "in the way").unwrap();
    let refused = log.prune(u64::MAX, &Retention::default(), "old", Mode::Act, &ada());
    assert!(matches!(refused, Err(Error::Store { .. })), "{refused:?}");
    assert_eq!(segments(dir.path())[0], 1);
    assert!(check(dir.path()).pruned.is_none());
}

/// Keeps what the verifier is told of the policies at the beginning.
#[derive(Default)]
struct Told(Option<(PolicyVersion, String)>);

impl Inspector for Told {
    fn begins_pruned(&mut self, policies: Option<(PolicyVersion, String)>) {
        self.0 = policies;
    }

    fn record(&mut self, _: &str, _: &[u8]) -> Option<String> {
        None
    }
}

#[test]
fn a_long_policy_text_outlives_prunings_and_adoptions() {
    let dir = folder();
    let (now, clock) = clock();
    let log = EvidenceLog::open(Options { clock, ..options(dir.path()) }).unwrap();
    let (policy, source) = (PolicyVersion("p1".into()), "permit \"é\"\n".repeat(3_000));
    let adopt = || log.append_all(policy_adoption(&policy, &source)).wait().unwrap();
    let grow = |from: u128| {
        for number in from..from + 40 {
            now.fetch_add(HOUR_US, Ordering::Relaxed);
            whole_session(&log, number, "shop");
            log.shred(session_id(number), "because", ada()).unwrap();
        }
    };
    let told = || {
        let mut told = Told::default();
        let report = verify_with(dir.path(), &Trust::default(), &mut told, |_, _| {});
        assert_eq!(report.status, Status::Ok, "{:?}", report.findings);
        told.0.unwrap()
    };
    adopt();
    grow(1);
    assert!(prune(&log, now.load(Ordering::Relaxed), Mode::Act).segments_removed > 0);
    assert_eq!(told(), (policy.clone(), source.clone()));
    // What goes now adopted nothing: the text is that of the pruning before.
    grow(101);
    assert!(prune(&log, now.load(Ordering::Relaxed), Mode::Act).segments_removed > 0);
    assert_eq!(told(), (policy.clone(), source.clone()));
    // The same policies again, as after every start, do not mix with it.
    adopt();
    grow(201);
    assert!(prune(&log, now.load(Ordering::Relaxed), Mode::Act).segments_removed > 0);
    adopt();
    assert_eq!(told(), (policy.clone(), source.clone()));
}
