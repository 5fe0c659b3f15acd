//! Break-glass: what two people may do to a log that cannot be gone on with.

use super::support::{TempDir, ada, folder, options, small_log, whole_session};
use crate::erasure::replace::replace;
use crate::error::Error;
use crate::format::frame::segment_name;
use crate::log::evidence_log::EvidenceLog;
use crate::verify::report::{Severity, Status};
use crate::verify::trust::Trust;
use crate::verify::verifier::verify;
use portreeve_model::Custodian;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

fn bob() -> Custodian {
    Custodian::Principal { issuer: "portreeve".into(), subject: "bob".into() }
}

fn files(dir: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    let files = entries.filter(|path| path.is_file()).map(|path| {
        (path.file_name().unwrap().to_string_lossy().into_owned(), fs::read(path).unwrap())
    });
    files.collect()
}

/// A data directory with a damaged log in it.
fn damaged() -> (TempDir, std::path::PathBuf, std::path::PathBuf) {
    let data = folder();
    let (dir, aside) = (data.path().join("evidence"), data.path().join("evidence.broken-1"));
    fs::create_dir(&dir).unwrap();
    small_log(&dir);
    fs::remove_file(dir.join(segment_name(2))).unwrap();
    assert!(EvidenceLog::open(options(&dir)).is_err());
    (data, dir, aside)
}

#[test]
fn two_people_begin_a_log_that_says_so_and_nothing_is_lost() {
    let (_data, dir, aside) = damaged();
    let before = files(&dir);
    let auditors = fs::read(dir.join("keys/auditor.pub")).unwrap();
    let done = replace(&options(&dir), &aside, [ada(), bob()], "disk died").unwrap();
    assert_eq!(files(&aside), before, "the old log is untouched");
    assert_eq!(done.predecessor.status, "tampered");
    assert_eq!(done.predecessor.moved_to.as_deref(), Some("evidence.broken-1"));
    assert_ne!(Some(&done.origin), done.predecessor.origin.as_ref());
    assert_eq!(fs::read(dir.join("keys/auditor.pub")).unwrap(), auditors);
    let log = EvidenceLog::open(options(&dir)).unwrap();
    whole_session(&log, 9, "shop");
    log.close();
    let report = verify(&dir, &Trust::default());
    assert_eq!(report.status, Status::Ok, "{:?}", report.findings);
    let loud = &report.findings[0];
    assert_eq!(loud.severity, Severity::Note);
    assert!(loud.what.contains("BREAK-GLASS") && loud.what.contains("ada and bob"), "{loud}");
    assert_eq!(report.replacements[0].predecessor, done.predecessor);
    assert_eq!(report.replacements[0].why, "disk died");
}

#[test]
fn one_person_twice_a_live_log_and_a_taken_place_are_refused() {
    let (data, dir, aside) = damaged();
    let before = files(&dir);
    let twice = replace(&options(&dir), &aside, [ada(), ada()], "disk died");
    assert!(matches!(twice, Err(Error::OnePerson { .. })), "{twice:?}");
    let empty = replace(&options(&dir), &aside, [ada(), bob()], "");
    assert!(matches!(empty, Err(Error::Reason { .. })), "{empty:?}");
    fs::create_dir(&aside).unwrap();
    let taken = replace(&options(&dir), &aside, [ada(), bob()], "disk died");
    assert!(matches!(taken, Err(Error::Store { .. })), "{taken:?}");
    assert_eq!(files(&dir), before);

    let live = data.path().join("live");
    let log = EvidenceLog::open(options(&live)).unwrap();
    let busy = replace(&options(&live), &data.path().join("b"), [ada(), bob()], "disk died");
    assert!(matches!(busy, Err(Error::Busy { .. })), "{busy:?}");
    log.close();
}

#[test]
fn a_log_that_is_gone_altogether_has_a_successor_that_says_so() {
    let data = folder();
    let (dir, aside) = (data.path().join("evidence"), data.path().join("aside"));
    let done = replace(&options(&dir), &aside, [ada(), bob()], "stolen").unwrap();
    assert_eq!(done.predecessor.status, "unusable");
    assert_eq!((done.predecessor.moved_to, done.predecessor.records), (None, 0));
    assert_eq!(verify(&dir, &Trust::default()).replacements.len(), 1);
}

/// A stop between the renames: the log that the two people authorised is the one that the
/// next start goes on with, and not one that knows nothing of it.
#[test]
fn a_stop_between_the_renames_is_finished_by_the_next_start() {
    let (_data, dir, aside) = damaged();
    replace(&options(&dir), &aside, [ada(), bob()], "disk died").unwrap();
    fs::rename(&dir, dir.with_extension("successor")).unwrap();
    EvidenceLog::open(options(&dir)).unwrap().close();
    let report = verify(&dir, &Trust::default());
    assert_eq!((report.status, report.replacements.len()), (Status::Ok, 1));
}
