//! Who follows a log sees every record once, in order, wherever it stops; and reads nothing twice.

use super::support::{folder, options, whole_session};
use crate::log::evidence_log::EvidenceLog;
use crate::log::options::Options;
use crate::reader::follow::Place;
use crate::reader::log_reader::LogReader;
use std::fs;
use std::ops::ControlFlow;
use std::path::Path;

/// The leaves of a log, all at once.
fn leaves(dir: &Path) -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    let visited = LogReader::open(dir).unwrap().for_each(|entry| {
        assert_eq!(entry.index, all.len() as u64);
        all.push(entry.leaf.to_vec());
        Ok(ControlFlow::Continue(()))
    });
    visited.unwrap();
    all
}

fn size(log: &EvidenceLog) -> u64 {
    let reader = LogReader::open(log.dir()).unwrap();
    reader.key().open(&log.checkpoint().unwrap()).unwrap().size
}

/// Follows up to `size`, at most `count` leaves more.
fn more(dir: &Path, place: &mut Option<Place>, seen: &mut Vec<Vec<u8>>, size: u64, count: usize) {
    let stop = seen.len().saturating_add(count);
    let followed = LogReader::open(dir).unwrap().follow(place, seen.len() as u64, size, |entry| {
        assert_eq!(entry.index, seen.len() as u64);
        seen.push(entry.leaf.to_vec());
        Ok(match seen.len() >= stop {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        })
    });
    followed.unwrap();
}

#[test]
fn every_record_comes_once_wherever_it_stops() {
    for count in [1, 2, 3, 7, 1_000] {
        let dir = folder();
        let log = EvidenceLog::open(options(dir.path())).unwrap();
        let (mut place, mut seen) = (None, Vec::new());
        for number in 1..=20 {
            whole_session(&log, number, "shop");
            more(dir.path(), &mut place, &mut seen, size(&log), count);
        }
        more(dir.path(), &mut place, &mut seen, size(&log), usize::MAX);
        assert_eq!(seen, leaves(dir.path()), "{count} at a time");
        assert!(fs::read_dir(dir.path()).unwrap().count() > 5, "there are several segments");
        log.close();
    }
}

#[test]
fn no_more_is_told_than_was_asked_for() {
    let dir = folder();
    let log = EvidenceLog::open(options(dir.path())).unwrap();
    (1..=3).for_each(|number| whole_session(&log, number, "shop"));
    let whole = size(&log);
    let (mut place, mut seen) = (None, Vec::new());
    // Between two checkpoints, too.
    for size in 0..=whole {
        more(dir.path(), &mut place, &mut seen, size, usize::MAX);
        assert_eq!(seen.len() as u64, size);
    }
    assert_eq!(seen, leaves(dir.path()));
    log.close();
}

#[test]
fn what_was_read_is_not_read_again() {
    let dir = folder();
    let one_segment = Options { segment_bytes: 1 << 20, ..options(dir.path()) };
    let log = EvidenceLog::open(one_segment).unwrap();
    let (mut place, mut seen) = (None, Vec::new());
    whole_session(&log, 1, "shop");
    more(dir.path(), &mut place, &mut seen, size(&log), usize::MAX);
    whole_session(&log, 2, "shop");
    let expect = leaves(dir.path());
    // The first record: who read it now would stop there.
    let segment = dir.path().join("segment-0000000001.log");
    let mut bytes = fs::read(&segment).unwrap();
    let first = bytes.windows(4).position(|found| found == b"LEAF").unwrap();
    bytes[first + 20] ^= 1;
    fs::write(&segment, bytes).unwrap();
    assert!(leaves(dir.path()).is_empty());
    more(dir.path(), &mut place, &mut seen, size(&log), usize::MAX);
    assert_eq!(seen, expect);
}

#[test]
fn a_place_that_is_not_there_is_looked_for() {
    let (dir, other) = (folder(), folder());
    let mut places = Vec::new();
    for (folder, sessions) in [(&dir, 30), (&other, 3)] {
        let log = EvidenceLog::open(options(folder.path())).unwrap();
        (1..=sessions).for_each(|number| whole_session(&log, number, "shop"));
        let (mut place, mut seen) = (None, Vec::new());
        more(folder.path(), &mut place, &mut seen, size(&log), usize::MAX);
        places.push((place, size(&log)));
        log.close();
    }
    let [(far, _), (_, whole)] = &places[..] else { panic!("there are two") };
    // Of a longer log: behind what is asked for, and in a segment that this one does not have.
    let (mut place, mut seen) = (far.clone(), Vec::new());
    more(other.path(), &mut place, &mut seen, *whole, usize::MAX);
    assert_eq!(seen.len() as u64, *whole);
}
