//! A machine that stops at any byte of the last write.

use super::support::{copy, exchange, folder, opened, options, session_id, small_log};
use crate::error::Error;
use crate::format::frame::{self, Kind, Next, segment_name};
use crate::log::evidence_log::EvidenceLog;
use crate::reader::log_reader::LogReader;
use crate::verify::report::{Severity, Status};
use crate::verify::trust::Trust;
use crate::verify::verifier::verify;
use std::fs;
use std::ops::ControlFlow;
use std::path::Path;

fn count(dir: &Path) -> u64 {
    let mut count = 0;
    LogReader::open(dir)
        .unwrap()
        .for_each(|_| {
            count += 1;
            Ok(ControlFlow::Continue(()))
        })
        .unwrap();
    count
}

/// Where each frame of a segment begins, and where the last one ends.
pub(super) fn frames(bytes: &[u8]) -> (Vec<(Kind, usize)>, usize) {
    let (mut found, mut offset) = (Vec::new(), 0);
    while let Next::Frame(frame) = frame::at(bytes, offset) {
        found.push((frame.kind, offset));
        offset = frame.end();
    }
    (found, offset)
}

/// A log whose last batch is in the middle of a segment; gives the segment, its bytes,
/// where the batch begins and ends, and the records before it.
fn log_with_last_batch(dir: &Path) -> (String, Vec<u8>, usize, usize, u64) {
    let log =
        EvidenceLog::open(crate::log::options::Options { segment_bytes: 8192, ..options(dir) })
            .unwrap();
    let mut recorder = log.session(session_id(1)).unwrap();
    recorder.stage(opened());
    exchange(&mut recorder, 1);
    drop(recorder);
    log.close();
    fs::remove_file(dir.join("head")).unwrap();
    let name = segment_name(1);
    let bytes = fs::read(dir.join(&name)).unwrap();
    let (frames, end) = frames(&bytes);
    let footers: Vec<usize> =
        frames.iter().filter(|(kind, _)| *kind == Kind::Footer).map(|(_, at)| *at).collect();
    let Next::Frame(before) = frame::at(&bytes, footers[footers.len() - 2]) else { panic!() };
    let records = count(dir);
    let last = frames.iter().filter(|(kind, at)| *kind == Kind::Leaf && *at > before.offset);
    (name, bytes.clone(), before.end(), end, records - last.count() as u64)
}

#[test]
fn a_write_that_stopped_at_any_byte_is_cleared_and_what_was_before_stays() {
    let dir = folder();
    let (name, whole, start, end, before) = log_with_last_batch(dir.path());
    let path = dir.path().join(&name);
    for cut in start..end {
        let mut bytes = whole.clone();
        bytes[cut..].fill(0);
        fs::write(&path, &bytes).unwrap();
        assert_eq!(count(dir.path()), before, "cut at {cut}");
        let report = verify(dir.path(), &Trust::default());
        // The head file is gone; the cut itself is no more than a note.
        assert_eq!(report.status, Status::Incomplete);
        let notes =
            |f: &&crate::verify::report::Finding| f.file == name && f.severity != Severity::Note;
        assert_eq!(report.findings.iter().find(notes), None, "cut at {cut}");
        let torn = report.findings.iter().filter(|finding| finding.file == name).count();
        assert_eq!(torn, usize::from(bytes[start..].iter().any(|b| *b != 0)), "cut at {cut}");
        // Opening costs several syncs, so only some of the cuts go on from there.
        if cut % 16 == 0 {
            let copied = folder();
            copy(dir.path(), copied.path());
            let log = EvidenceLog::open(options(copied.path())).unwrap();
            log.close();
            let report = verify(copied.path(), &Trust::default());
            assert_eq!(report.status, Status::Ok, "cut at {cut}: {:?}", report.findings);
            // Started, stopped, and what was cleared.
            let cleared = u64::from(cut > start);
            assert_eq!(report.records, before + 2 + cleared, "cut at {cut}");
        }
    }
}

#[test]
fn damage_before_the_last_batch_is_never_cleared() {
    let dir = folder();
    let (name, whole, start, ..) = log_with_last_batch(dir.path());
    let path = dir.path().join(&name);
    for at in (0..start).step_by(7) {
        let mut bytes = whole.clone();
        bytes[at] ^= 0x40;
        fs::write(&path, &bytes).unwrap();
        let opened = EvidenceLog::open(options(dir.path()));
        assert!(matches!(opened, Err(Error::Damaged { .. })), "byte {at}: {opened:?}");
        assert_eq!(fs::read(&path).unwrap(), bytes, "byte {at}");
    }
}

#[test]
fn a_log_that_was_rolled_back_is_not_written_to() {
    let dir = folder();
    small_log(dir.path());
    let last = (1..).take_while(|n| dir.path().join(segment_name(*n)).exists()).last().unwrap();
    for number in (2..=last).rev() {
        fs::remove_file(dir.path().join(segment_name(number))).unwrap();
    }
    let opened = EvidenceLog::open(options(dir.path()));
    assert!(matches!(opened, Err(Error::RolledBack { .. })), "{opened:?}");
    let report = verify(dir.path(), &Trust::default());
    assert_eq!(report.status, Status::Tampered);
    let cut = report.findings.iter().find(|f| f.what.contains("the end was cut off")).unwrap();
    assert_eq!((cut.severity, cut.file.as_str()), (Severity::Tampered, "segment-0000000001.log"));
}

#[test]
fn a_log_whose_files_are_all_gone_does_not_begin_anew() {
    let dir = folder();
    small_log(dir.path());
    for number in (1..=6).rev() {
        let _ = fs::remove_file(dir.path().join(segment_name(number)));
    }
    let opened = EvidenceLog::open(options(dir.path()));
    assert!(matches!(opened, Err(Error::RolledBack { found: 0, .. })), "{opened:?}");
}
