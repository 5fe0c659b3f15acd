//! What can be said when all of a log was seen.

use crate::disk::storage::RealDisk;
use crate::format::layout::HEAD_FILE;
use crate::keys::keyring;
use crate::verify::outside::judge;
use crate::verify::report::{Finding, Severity, Unclosed};
use crate::verify::trust::Trust;
use crate::verify::walk::Walk;
use portreeve_model::Digest;

impl Walk<'_> {
    /// Compares the tree with the checkpoints that are known from elsewhere.
    pub(super) fn compare_checkpoints(&mut self, trust: &Trust) {
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

    pub(super) fn finish(&mut self) {
        self.judge_pruning();
        self.tell_replacements();
        let shares = keyring::sessions(&RealDisk::new(self.dir)).unwrap_or_default();
        for session in std::mem::take(&mut self.sequence.shredded) {
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
        report.sessions = self.sequence.sessions();
        let unclosed = self.sequence.unclosed().into_iter();
        report.unclosed =
            unclosed.map(|(session, cut_off)| Unclosed { session, cut_off }).collect();
        (report.first_at_us, report.last_at_us) = (self.sequence.first_us, self.sequence.last_us);
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
