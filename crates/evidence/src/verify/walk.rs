//! The walk over the files of a log, in order.

use crate::disk::storage::{Disk as _, RealDisk};
use crate::format::frame::{segment_name, segment_number};
use crate::format::layout::HEAD_FILE;
use crate::format::segment::is_unused;
use crate::keys::files::{LOG_PUBLIC, load_public};
use crate::tlog::merkle::{Edge, Hash};
use crate::tlog::note::Checkpoint;
use crate::tlog::vkey::VerifierKey;
use crate::verify::inspector::Inspector;
use crate::verify::report::{Finding, Report, Severity, Status};
use crate::verify::sequence::RecordSequence;
use crate::verify::trust::Trust;
use crate::witness::keep::{WITNESSED_FILE, Witnessed};
use std::fs::File;
use std::io::Read as _;
use std::path::Path;

/// A checkpoint that the tree must agree with.
pub(super) struct Known {
    pub(super) from: String,
    pub(super) note: String,
    pub(super) checkpoint: Checkpoint,
    /// The root that the log has at its size.
    pub(super) seen: Option<Hash>,
}

/// What comes before a segment.
pub(super) struct Start {
    pub(super) segment: u64,
    pub(super) records: u64,
    /// Unknown after damage.
    pub(super) root: Option<Hash>,
}

pub(super) struct Walk<'t> {
    pub(super) dir: &'t Path,
    pub(super) key: VerifierKey,
    pub(super) report: Report,
    pub(super) sequence: RecordSequence,
    pub(super) inspector: &'t mut dyn Inspector,
    /// The tree up to the last commit; unknown after damage until a head restores it.
    pub(super) edge: Option<Edge>,
    pub(super) size: u64,
    pub(super) note: Option<String>,
    pub(super) known: Vec<Known>,
    /// The end of the last commit.
    pub(super) last_file: String,
    pub(super) last_offset: u64,
    /// Whether any part of the tree could not be computed.
    pub(super) lost: bool,
    /// What comes before each segment that is here.
    pub(super) starts: Vec<Start>,
}

/// A segment's bytes with what the walk needs to know of it.
pub(super) struct Segment<'a> {
    pub(super) number: u64,
    pub(super) name: &'a str,
    pub(super) bytes: &'a [u8],
    /// No segment after it was ever written to.
    pub(super) is_last: bool,
    /// Where its last footer ends.
    pub(super) committed: usize,
}

pub(super) fn run(
    dir: &Path,
    trust: &Trust,
    inspector: &mut dyn Inspector,
    progress: &mut dyn FnMut(u64, u64),
) -> Report {
    let beside = load_public(dir);
    let (key, key_is_trusted) = match trust.log_key(beside.as_ref().map_err(ToString::to_string)) {
        Ok(found) => found,
        Err(what) => return Report::unusable(what, LOG_PUBLIC),
    };
    let mut walk = Walk {
        dir,
        report: Report::new(Some(&key), key_is_trusted),
        key,
        sequence: RecordSequence::default(),
        inspector,
        edge: Some(Edge::default()),
        size: 0,
        note: None,
        known: Vec::new(),
        last_file: segment_name(1),
        last_offset: 0,
        lost: false,
        starts: Vec::new(),
    };
    if beside.is_ok_and(|beside| beside != walk.key) {
        walk.find(Severity::Tampered, LOG_PUBLIC, 0, "it is not the trusted key");
    }
    if walk.learn_checkpoints(trust) {
        walk.walk_segments(progress);
        walk.compare_checkpoints(trust);
        walk.finish();
    }
    walk.report
}

impl Walk<'_> {
    pub(super) fn find(
        &mut self,
        severity: Severity,
        file: &str,
        offset: u64,
        what: impl Into<String>,
    ) {
        let (leaf, session) = (None, None);
        let what = what.into();
        self.report.add(Finding { severity, file: file.to_owned(), offset, leaf, session, what });
    }

    /// Reads the head file and the caller's checkpoints; false if one of the caller's is
    /// not of this log, for then its policy is not met.
    fn learn_checkpoints(&mut self, trust: &Trust) -> bool {
        for (at, note) in trust.checkpoints.iter().enumerate() {
            let from = format!("checkpoint {}", at + 1);
            let Some(checkpoint) = self.key.open(note) else {
                self.report.status = Status::Unusable;
                self.find(Severity::Incomplete, &from, 0, "it is not signed by the log's key");
                return false;
            };
            self.known.push(Known { from, note: note.clone(), checkpoint, seen: None });
        }
        match Witnessed::load(self.dir, &self.key) {
            Ok(None) => {}
            Ok(Some(Witnessed { note, checkpoint })) => {
                let from = WITNESSED_FILE.to_owned();
                self.known.push(Known { from, note, checkpoint, seen: None });
            }
            Err(_) => {
                let what = "it is not a checkpoint of this log";
                self.find(Severity::Tampered, WITNESSED_FILE, 0, what);
            }
        }
        let head = std::fs::read(self.dir.join(HEAD_FILE)).map(String::from_utf8);
        let opened = |note: String| self.key.open(&note).map(|checkpoint| (note, checkpoint));
        match head.map(|text| text.ok().and_then(opened)) {
            Ok(Some((note, checkpoint))) => {
                let from = HEAD_FILE.to_owned();
                self.known.push(Known { from, note, checkpoint, seen: None });
            }
            Ok(None) => {
                let what = "it is not a checkpoint of this log";
                self.find(Severity::Tampered, HEAD_FILE, 0, what);
            }
            Err(error) => {
                let what = format!("it cannot be read ({error}), so a cut end would not be seen");
                self.find(Severity::Incomplete, HEAD_FILE, 0, what);
            }
        }
        true
    }

    /// Reads a file into `bytes`, which keep their memory from file to file; says whether
    /// it could be read.
    fn read(&mut self, name: &str, bytes: &mut Vec<u8>) -> bool {
        bytes.clear();
        let read = File::open(self.dir.join(name)).and_then(|mut file| file.read_to_end(bytes));
        if let Err(error) = &read {
            self.find(Severity::Incomplete, name, 0, format!("it cannot be read: {error}"));
            self.lose_track();
        }
        read.is_ok()
    }

    pub(super) fn lose_track(&mut self) {
        self.edge = None;
        self.lost = true;
    }

    fn walk_segments(&mut self, progress: &mut dyn FnMut(u64, u64)) {
        let names = RealDisk::new(self.dir).list("").unwrap_or_default();
        let mut numbers: Vec<u64> = names.iter().filter_map(|n| segment_number(n)).collect();
        numbers.sort_unstable();
        let length = |number: &u64| {
            std::fs::metadata(self.dir.join(segment_name(*number))).map_or(0, |meta| meta.len())
        };
        let total: u64 = numbers.iter().map(length).sum();
        let is_written = |number: &&u64| {
            !std::fs::read(self.dir.join(segment_name(**number))).is_ok_and(|b| is_unused(&b))
        };
        let last = numbers.iter().rev().find(is_written).copied().unwrap_or(0);
        let (mut done, mut expected) = (0, 1);
        if let Some(first) = numbers.first().copied().filter(|first| *first > 1)
            && self.begin_after_pruning(first)
        {
            expected = first;
        }
        let mut bytes = Vec::new();
        for number in numbers {
            if number > expected {
                let file = segment_name(expected);
                let what = format!("{} segments are missing from here on", number - expected);
                self.find(Severity::Tampered, &file, 0, what);
                self.lose_track();
            }
            expected = number + 1;
            let name = segment_name(number);
            if !self.read(&name, &mut bytes) {
                continue;
            }
            done += bytes.len() as u64;
            let is_last = number >= last;
            let segment = Segment { number, name: &name, bytes: &bytes, is_last, committed: 0 };
            if !is_unused(&bytes) {
                self.walk_segment(segment);
            } else if number < last {
                self.find(Severity::Tampered, &name, 0, "it was emptied");
                self.lose_track();
            }
            progress(done, total);
        }
        if expected == 1 {
            self.find(Severity::Incomplete, &segment_name(1), 0, "there are no segments");
        }
    }
}
