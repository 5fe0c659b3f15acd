//! The walk over the files: segments, footers, and what is known from elsewhere.

use super::batch::{Batch, session_in};
use super::outside::judge;
use super::pruned::Start;
use super::story::Story;
use super::{Finding, Inspector, Report, Severity, Status, Trust, Unclosed};
use crate::disk::{Disk as _, RealDisk};
use crate::frame::{self, Frame, Kind, Next, segment_name, segment_number};
use crate::layout::HEAD_FILE;
use crate::merkle::{Edge, Hash};
use crate::note::Checkpoint;
use crate::segment::{Head, footer_parts, is_cut_write, is_torn_write, is_unused};
use crate::vkey::VerifierKey;
use crate::witness::{WITNESSED_FILE, Witnessed};
use crate::{is_live, keyring, keys};
use portreeve_model::Digest;
use std::fs::File;
use std::io::Read as _;
use std::path::Path;

/// A checkpoint that the tree must agree with.
pub(super) struct Known {
    from: String,
    pub(super) note: String,
    pub(super) checkpoint: Checkpoint,
    /// The root that the log has at its size.
    pub(super) seen: Option<Hash>,
}

pub(super) struct Walk<'t> {
    pub(super) dir: &'t Path,
    pub(super) key: VerifierKey,
    pub(super) report: Report,
    pub(super) story: Story,
    pub(super) inspector: &'t mut dyn Inspector,
    /// The tree up to the last commit; unknown after damage until a head restores it.
    pub(super) edge: Option<Edge>,
    pub(super) size: u64,
    pub(super) note: Option<String>,
    pub(super) known: Vec<Known>,
    /// The end of the last commit.
    last_file: String,
    last_offset: u64,
    /// Whether any part of the tree could not be computed.
    pub(super) lost: bool,
    /// What comes before each segment that is here.
    pub(super) starts: Vec<Start>,
}

/// A segment's bytes with what the walk needs to know of it.
struct Segment<'a> {
    number: u64,
    name: &'a str,
    bytes: &'a [u8],
    /// No segment after it was ever written to.
    is_last: bool,
    /// Where its last footer ends.
    committed: usize,
}

pub(super) fn run(
    dir: &Path,
    trust: &Trust,
    inspector: &mut dyn Inspector,
    progress: &mut dyn FnMut(u64, u64),
) -> Report {
    let beside = keys::load_public(dir);
    let (key, key_is_trusted) = match trust.log_key(beside.as_ref().map_err(ToString::to_string)) {
        Ok(found) => found,
        Err(what) => return Report::unusable(what, keys::LOG_PUBLIC),
    };
    let mut walk = Walk {
        dir,
        report: Report::new(Some(&key), key_is_trusted),
        key,
        story: Story::default(),
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
        walk.find(Severity::Tampered, keys::LOG_PUBLIC, 0, "it is not the trusted key");
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

    fn lose_track(&mut self) {
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

    fn walk_segment(&mut self, mut segment: Segment<'_>) {
        let bytes = segment.bytes;
        self.starts.push(Start {
            segment: segment.number,
            records: self.size,
            root: self.edge.as_ref().map(Edge::root),
        });
        let mut offset = match self.check_head(&segment) {
            Ok(end) => end,
            Err(what) => {
                if self.broken(&segment, 0, self.size, &what) {
                    return;
                }
                self.lose_track();
                resync(bytes, 1)
            }
        };
        let mut batch = Batch::new(segment.name, self.edge.clone(), self.size, offset);
        loop {
            let what = match frame::at(bytes, offset) {
                Next::Frame(frame) => {
                    offset = frame.end();
                    batch.take(&frame);
                    if frame.kind == Kind::Footer {
                        self.commit(&segment, &frame, batch);
                        segment.committed = offset;
                        batch = Batch::new(segment.name, self.edge.clone(), self.size, offset);
                    }
                    continue;
                }
                Next::End if is_unused(bytes.get(offset..).unwrap_or_default()) => {
                    if offset > segment.committed {
                        let what = "what follows is not committed by a footer";
                        self.broken(&segment, segment.committed, batch.size_before, what);
                    }
                    break;
                }
                Next::End => "zeros where a frame was",
                Next::Broken(what) => what,
            };
            if self.broken(&segment, offset, batch.size, what) {
                break;
            }
            self.lost = true;
            batch.lose_track();
            offset = resync(bytes, offset + 1);
        }
        if segment.committed > 0 {
            self.report.segments += 1;
        }
    }

    /// Checks the first frame against what must stand there; gives where it ends.
    fn check_head(&mut self, segment: &Segment<'_>) -> Result<usize, String> {
        let first = match frame::at(segment.bytes, 0) {
            Next::Frame(frame) if frame.kind == Kind::Head => frame,
            Next::Frame(_) => return Err("a segment does not begin with a head".to_owned()),
            Next::End => return Err("its beginning was emptied".to_owned()),
            Next::Broken(what) => return Err(what.to_owned()),
        };
        if let Some(edge) = &self.edge {
            let key = self.key.to_string();
            let expected = Head::new(segment.number, &key, edge, self.note.as_deref());
            if expected.to_body() == first.body {
                return Ok(first.end());
            }
        }
        let Some(head) = Head::parse(first.body, &self.key) else {
            return Err("its head is not one of this log".to_owned());
        };
        if head.segment != segment.number {
            let what = format!("it is segment {} under another's name", head.segment);
            self.find(Severity::Tampered, segment.name, 0, what);
        } else if self.edge.is_some() {
            let before = self.size;
            let what =
                format!("it goes on after {} records, but {before} come before it", head.size);
            self.find(Severity::Tampered, segment.name, 0, what);
        }
        // Go on from its own signed word, so that damage further on is named, too.
        self.lost = true;
        self.edge = head.edge();
        self.size = head.size;
        self.note = head.checkpoint().map(str::to_owned);
        Ok(first.end())
    }

    /// Bytes at `offset` are no frame. Says whether they end what was committed (a write
    /// that was under way); if not, they were changed.
    fn broken(&mut self, segment: &Segment<'_>, offset: usize, leaf: u64, what: &str) -> bool {
        let is_tail = segment.is_last && is_torn_write(segment.bytes, segment.committed, &self.key);
        let is_known = self.known.iter().any(|known| known.checkpoint.size > self.size);
        let (severity, what) = match is_tail && !is_known {
            false => (Severity::Tampered, what.to_owned()),
            true if is_live(self.dir) => (Severity::Note, "a write is under way here".to_owned()),
            true => {
                // A gateway that was killed leaves a write cut off, and that tells an auditor
                // no more than an end at the commit before would. One that ended leaves none.
                let was_killed = self.story.is_running() || self.size == 0;
                let is_cut = is_cut_write(segment.bytes, segment.committed);
                let severity = match was_killed && is_cut {
                    true => Severity::Note,
                    false => Severity::Incomplete,
                };
                (severity, format!("{what}; nothing from here on was committed"))
            }
        };
        self.report.add(Finding {
            severity,
            file: segment.name.to_owned(),
            offset: offset as u64,
            leaf: Some(leaf),
            session: session_in(segment.bytes, offset),
            what,
        });
        is_tail
    }

    /// A footer commits the batch: its records become part of the story.
    fn commit(&mut self, segment: &Segment<'_>, footer: &Frame<'_>, mut batch: Batch<'_>) {
        let file = segment.name;
        let parts = footer_parts(footer.body);
        let note = parts.map(|(_, note)| note);
        let signed = note.and_then(|note| self.key.open(note));
        if parts.is_some_and(|(begin, _)| begin != segment.committed as u64) && batch.edge.is_some()
        {
            let what = "the footer is of a batch that began elsewhere";
            self.find(Severity::Tampered, file, footer.offset as u64, what);
        }
        let told = std::mem::take(&mut batch.told);
        for finding in std::mem::take(&mut batch.findings) {
            self.report.add(finding);
        }
        match (&signed, batch.edge.take()) {
            (None, _) => {
                let what = "the checkpoint is not signed by the log's key";
                self.find(Severity::Tampered, file, footer.offset as u64, what);
                self.lose_track();
            }
            (Some(signed), Some(edge))
                if signed.size == edge.size() && signed.root == edge.root() =>
            {
                let size = edge.size();
                for known in self.known.iter_mut().filter(|k| k.checkpoint.size == size) {
                    known.seen = Some(signed.root);
                }
                self.edge = Some(edge);
            }
            (Some(signed), Some(_)) => {
                self.find_mismatch(file, &batch, signed);
                self.lose_track();
            }
            (Some(_), None) => self.lose_track(),
        }
        for told in told {
            let slip = self.story.add(&told.outline).map(|what| (Severity::Tampered, what));
            let differs = self.inspector.record(&told.outline.event.event, told.bytes);
            let differs = differs.map(|what| (Severity::Unreproduced, what));
            for (severity, what) in slip.into_iter().chain(differs) {
                self.report.add(Finding {
                    severity,
                    file: file.to_owned(),
                    offset: told.offset,
                    leaf: Some(told.leaf),
                    session: told.outline.session,
                    what,
                });
            }
        }
        self.size = signed.map_or(batch.size, |signed| signed.size);
        self.note = note.map(str::to_owned);
        self.last_file = file.to_owned();
        self.last_offset = footer.end() as u64;
        self.report.commits += 1;
        self.report.payloads += batch.payloads;
        self.report.payload_bytes += batch.payload_bytes;
    }

    fn find_mismatch(&mut self, file: &str, batch: &Batch<'_>, signed: &Checkpoint) {
        let what = match signed.size.cmp(&batch.size) {
            std::cmp::Ordering::Equal => format!(
                "of the records {} to {}, at least one is not the one that was signed",
                batch.size_before,
                batch.size.saturating_sub(1)
            ),
            std::cmp::Ordering::Greater => {
                format!("{} records are missing before the next footer", signed.size - batch.size)
            }
            std::cmp::Ordering::Less => {
                format!("{} records were added before the next footer", batch.size - signed.size)
            }
        };
        self.report.add(Finding {
            severity: Severity::Tampered,
            file: file.to_owned(),
            offset: batch.offset as u64,
            leaf: Some(batch.size_before),
            session: None,
            what,
        });
    }

    /// Compares the tree with the checkpoints that are known from elsewhere.
    fn compare_checkpoints(&mut self, trust: &Trust) {
        let known = std::mem::take(&mut self.known);
        let mut agreed = Vec::new();
        for known in &known {
            let size = known.checkpoint.size;
            let what = match known.seen {
                Some(root) if root == known.checkpoint.root => {
                    self.report.checkpoints_agreed += 1;
                    if known.from != HEAD_FILE {
                        agreed.push((size, known.note.as_str()));
                    }
                    continue;
                }
                Some(_) => format!("`{}` has another root for {size} records", known.from),
                None if size > self.size => format!(
                    "the end was cut off: `{}` says that {size} records were committed, \
                     {} are here (who copies a log that is being written copies `head` and \
                     `witnessed` first)",
                    known.from, self.size
                ),
                // Other findings say why it could not be compared.
                None if self.lost => continue,
                None => format!("`{}` is of {size} records; no commit here is", known.from),
            };
            self.report.add(Finding {
                severity: Severity::Tampered,
                file: self.last_file.clone(),
                offset: self.last_offset,
                leaf: Some(self.size),
                session: None,
                what,
            });
        }
        judge(&mut self.report, trust, &agreed);
    }

    fn finish(&mut self) {
        self.judge_pruning();
        self.tell_replacements();
        let shares = keyring::sessions(&RealDisk::new(self.dir)).unwrap_or_default();
        for session in std::mem::take(&mut self.story.shredded) {
            if shares.contains(&session) {
                let what = format!("session {session} was shredded, but its share is still here");
                self.find(Severity::Incomplete, keyring::FOLDER, 0, what);
            }
            self.report.shredded.push(session);
        }
        let report = &mut self.report;
        report.records = self.size;
        report.decisions = self.inspector.decisions();
        if let Some(edge) = &self.edge {
            report.root = Digest(edge.root());
        }
        report.checkpoint = self.note.take();
        report.sessions = self.story.sessions();
        let unclosed = self.story.unclosed().into_iter();
        report.unclosed =
            unclosed.map(|(session, cut_off)| Unclosed { session, cut_off }).collect();
        (report.first_at_us, report.last_at_us) = (self.story.first_us, self.story.last_us);
        if !report.key_is_trusted {
            report.limits.push(
                "the public key was taken from the directory: whoever could replace the whole \
                 directory could replace it too; give the key with --key"
                    .to_owned(),
            );
        }
        let witnessed = report
            .witnessed
            .as_ref()
            .filter(|seen| seen.policy_met == Some(true) && !seen.by.is_empty());
        report.limits.push(match witnessed {
            Some(seen) => format!(
                "the policy's witnesses have seen the first {} of {} records; an end that was cut \
                 off or rewritten after those shows only against a newer checkpoint",
                seen.records, report.records
            ),
            None => "an end that was cut off together with the files `head` and `witnessed`, and a \
                     log that the holder of the private key rewrote, show only against a checkpoint \
                     kept elsewhere (--checkpoint) or against witnesses (--policy)"
                .to_owned(),
        });
    }
}

/// Where the next whole frame begins, if there is any.
fn resync(bytes: &[u8], from: usize) -> usize {
    (from..bytes.len())
        .find(|offset| {
            bytes.get(*offset).is_some_and(|byte| *byte != 0)
                && matches!(frame::at(bytes, *offset), Next::Frame(_))
        })
        .unwrap_or(bytes.len())
}
