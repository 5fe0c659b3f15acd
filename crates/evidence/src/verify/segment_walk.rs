//! One segment of the walk: its head, its batches, and what is not committed.

use crate::disk::lock::is_live;
use crate::format::frame::{self, Frame, Kind, Next};
use crate::format::segment::{Head, footer_parts, is_cut_write, is_torn_write, is_unused};
use crate::tlog::merkle::Edge;
use crate::tlog::note::Checkpoint;
use crate::verify::batch::{Batch, session_in};
use crate::verify::report::{Finding, Severity};
use crate::verify::walk::{Segment, Start, Walk};

impl Walk<'_> {
    pub(super) fn walk_segment(&mut self, mut segment: Segment<'_>) {
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
                let was_killed = self.sequence.is_running() || self.size == 0;
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

    /// A footer commits the batch: its records become part of the sequence.
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
            let slip = self.sequence.add(&told.outline).map(|what| (Severity::Tampered, what));
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
        self.inspector.committed();
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
