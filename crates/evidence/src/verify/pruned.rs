//! A log whose beginning is gone: allowed as far as its own records say so, and no further.

use crate::extract::tiles::leaf_hashes;
use crate::format::frame::segment_name;
use crate::format::layout::TILES_FOLDER;
use crate::format::policy_text::PolicyTexts;
use crate::reader::log_reader::LogReader;
use crate::tlog::merkle::Edge;
use crate::verify::report::{Finding, Severity};
use crate::verify::sequence::RecordSequence;
use crate::verify::walk::Walk;
use portreeve_model::{Event, PolicyVersion, Pruned};
use std::ops::ControlFlow;

/// The policies in force where the log begins, as the record of the pruning tells: that
/// record comes later, and is checked when it does.
fn policies_at(reader: &LogReader, first: u64) -> Option<(PolicyVersion, String)> {
    let (mut found, mut texts) = (None, PolicyTexts::default());
    let visited = reader.for_each(|entry| {
        if entry.outline()?.session.is_none() {
            let event = entry.record()?.event;
            if let (Some(source), Event::LogPruned { pruned, policy: Some(policy), .. }) =
                (texts.take(&event), event)
                && pruned.segments < first
            {
                found = Some((policy, source));
            }
        }
        Ok(ControlFlow::Continue(()))
    });
    // Damage on the way is found, and named, by the walk itself.
    drop(visited);
    found
}

impl Walk<'_> {
    /// Begins at a segment that is not the first, on the word of its signed head. Whether
    /// that is allowed is judged at the end, when the records have been read.
    pub(super) fn begin_after_pruning(&mut self, first: u64) -> bool {
        let reader = LogReader::with_key(self.dir, self.key.clone());
        let Ok(head) = reader.head(first) else { return false };
        let Some(edge) = head.edge().filter(|_| head.segment == first) else { return false };
        self.size = edge.size();
        self.note = head.checkpoint().map(str::to_owned);
        self.sequence = RecordSequence::after_pruning();
        self.check_kept_hashes(&edge);
        self.edge = Some(edge);
        self.inspector.begins_pruned(policies_at(&reader, first));
        true
    }

    /// The hashes of what went must give the tree that the log goes on from. With them,
    /// checkpoints from before the cut can be compared.
    fn check_kept_hashes(&mut self, edge: &Edge) {
        let hashes = match leaf_hashes(self.dir, edge.size()) {
            Ok(hashes) => hashes,
            Err(error) => {
                self.lost = true;
                let what = format!(
                    "the hashes of the records that were pruned are not there ({error}), so \
                     nothing can be proven of them"
                );
                return self.find(Severity::Incomplete, TILES_FOLDER, 0, what);
            }
        };
        let mut grown = Edge::default();
        for hash in hashes {
            grown.push(hash);
            let size = grown.size();
            for known in self.known.iter_mut().filter(|k| k.checkpoint.size == size) {
                known.seen = Some(grown.root());
            }
        }
        if grown != *edge {
            self.lost = true;
            let what = "the hashes of the records that were pruned are not those of this log";
            self.find(Severity::Tampered, TILES_FOLDER, 0, what);
        }
    }

    /// Compares what is missing with what the records allow.
    pub(super) fn judge_pruning(&mut self) {
        let allowed = self.sequence.pruned;
        self.report.pruned = allowed;
        let first = self.starts.first().map_or(1, |start| start.segment);
        let missing = first - 1;
        match allowed {
            None if missing == 0 => {}
            None => self.find_missing(1, missing, "no record says that they were pruned"),
            Some(pruned) if missing > pruned.segments => {
                let why = "no record says that these were pruned, too";
                self.find_missing(pruned.segments + 1, missing, why);
            }
            Some(pruned) => self.compare_pruned(&pruned, missing),
        }
        let shredded = &self.sequence.shredded;
        let kept: Vec<_> =
            self.sequence.rests.iter().filter(|rest| !shredded.contains(rest)).copied().collect();
        for session in kept {
            self.report.add(Finding {
                severity: Severity::Tampered,
                file: segment_name(first),
                offset: 0,
                leaf: None,
                session: Some(session),
                what: "its beginning is gone, though its recording was not destroyed".to_owned(),
            });
        }
    }

    fn find_missing(&mut self, from: u64, to: u64, why: &str) {
        let what = match from == to {
            true => format!("it is missing, and {why}"),
            false => format!("it and all up to {} are missing, and {why}", segment_name(to)),
        };
        self.find(Severity::Tampered, &segment_name(from), 0, what);
    }

    fn compare_pruned(&mut self, pruned: &Pruned, missing: u64) {
        let next = segment_name(pruned.segments + 1);
        let start = self.starts.iter().find(|start| start.segment == pruned.segments + 1);
        match start.map(|start| (start.records, start.root)) {
            Some((records, Some(root))) if (records, root) == (pruned.records, pruned.root.0) => {}
            Some((_, None)) => {}
            Some((_, Some(_))) | None => {
                let what = "the log does not go on here where the record of its pruning says";
                self.find(Severity::Tampered, &next, 0, what);
            }
        }
        if missing < pruned.segments {
            let what = format!(
                "the pruning of {} segments was not finished; the next start of a gateway does",
                pruned.segments - missing
            );
            self.find(Severity::Note, &segment_name(missing + 1), 0, what);
        } else {
            self.report.limits.push(format!(
                "{} records were pruned, as the log says: their hashes are here, what was in \
                 them is not",
                pruned.records
            ));
        }
    }

    /// That the log took another one's place is never silent.
    pub(super) fn tell_replacements(&mut self) {
        for replaced in std::mem::take(&mut self.sequence.replacements) {
            let names: Vec<String> = replaced.approvers.iter().map(ToString::to_string).collect();
            let other = &replaced.predecessor;
            let what = format!(
                "BREAK-GLASS: this log took the place of {} ({}, {} records), which was set \
                 aside by {}: {}",
                other.origin.as_deref().unwrap_or("a log that could not be read"),
                other.status,
                other.records,
                names.join(" and "),
                replaced.why
            );
            self.find(Severity::Note, &segment_name(1), 0, what);
            self.report.replacements.push(replaced);
        }
    }
}
