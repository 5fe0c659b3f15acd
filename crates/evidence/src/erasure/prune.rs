//! Pruning: the oldest segments go, their hashes stay, and the log says so.
//!
//! ```text
//! tiles/tile/<level>/<n>     the hashes of what went, as C2SP tlog-tiles has them
//! tiles/tile/entries/<n>…    the one bundle that the log now begins in the middle of
//! ```
//!
//! The order is the promise: hashes durable, then the record, then the files. Proofs about
//! old records need the hashes alone, so they go on to hold.
// SPEC: C2SP tlog-tiles, "Pruning".

use crate::custody::kept::Due;
use crate::custody::retention::Retention;
use crate::custody::state::Custody;
use crate::erasure::removal;
use crate::erasure::shred::{Mode, check_reason};
use crate::error::Error;
use crate::extract::tiles::{self, BUNDLE};
use crate::format::policy_text::parts;
use crate::log::evidence_log::EvidenceLog;
use crate::reader::log_reader::LogReader;
use portreeve_model::{Custodian, Event, Pruned};
use serde::{Deserialize, Serialize};

/// What a pruning found and did.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Pruning {
    /// Whether it was only said.
    pub dry_run: bool,
    /// What goes; none where nothing can.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pruned: Option<Pruned>,
    /// Recordings older than the log's own retention, which are destroyed before.
    pub due: Vec<Due>,
    /// How many segment files go.
    pub segments_removed: u64,
    /// Why nothing more goes.
    pub stops_because: String,
}

/// Where a pruning stops, and why.
struct Cut {
    /// The last segment that goes.
    segment: u64,
    because: String,
}

impl Cut {
    /// Nothing of `segment` or after it goes.
    fn before(&mut self, segment: u64, because: impl FnOnce() -> String) {
        if segment <= self.segment {
            *self = Self { segment: segment.saturating_sub(1), because: because() };
        }
    }
}

impl EvidenceLog {
    /// Removes the oldest segments whose every record is older than `before_us`, as far as
    /// their sessions are over and their recordings destroyed, and no hold needs them.
    /// Recordings older than `rules.log` are destroyed first.
    ///
    /// # Errors
    /// The log cannot be read or written; the next `settle` finishes what was
    /// recorded.
    pub fn prune(
        &self,
        before_us: u64,
        rules: &Retention,
        why: &str,
        mode: Mode,
        by: &Custodian,
    ) -> Result<Pruning, Error> {
        check_reason(why)?;
        let mut custody = self.custody()?;
        let mut due = Vec::new();
        if let Some(rule) = rules.rule_of_log() {
            let only = Retention { default: Some(rule.after), ..Retention::default() };
            due = custody.due(&only, self.now_us());
            due.retain(|due| due.held_by.is_none());
            due.iter_mut().for_each(|due| due.why = rule.to_string());
        }
        if mode == Mode::Act {
            self.destroy(&due, by)?;
            custody.catch_up(self.disk())?;
        }
        let cut = cut(&custody, before_us, &due);
        let first = custody.marks.first().map_or(1, |mark| mark.segment);
        let mut pruning = Pruning {
            dry_run: mode == Mode::DryRun,
            pruned: None,
            due,
            segments_removed: (cut.segment + 1).saturating_sub(first),
            stops_because: cut.because,
        };
        if pruning.segments_removed > 0 {
            let pruned = self.describe_cut(cut.segment)?;
            pruning.pruned = Some(pruned);
            if mode == Mode::Act {
                self.record_and_remove(&custody, pruned, why, by)?;
                custody.catch_up(self.disk())?;
            }
        }
        Ok(pruning)
    }

    /// What goes with the segments up to `segment`, as the next one's signed head says.
    fn describe_cut(&self, segment: u64) -> Result<Pruned, Error> {
        let head = LogReader::open(self.dir())?.head(segment + 1)?;
        let root = head.edge().map(|edge| edge.root());
        let root = root.ok_or(Error::Crypto("a head without an edge"))?;
        Ok(Pruned {
            segments: segment,
            records: head.size,
            minimum_index: head.size - head.size % BUNDLE,
            root: portreeve_model::Digest(root),
        })
    }

    fn record_and_remove(
        &self,
        custody: &Custody,
        pruned: Pruned,
        why: &str,
        by: &Custodian,
    ) -> Result<(), Error> {
        let kept = tiles::keep_hashes(self.dir(), &pruned)?;
        let (policy, source) = match kept.in_force {
            Some((policy, source)) => (Some(policy), Some(source)),
            None => (custody.in_force.policy.clone(), custody.in_force.source.clone()),
        };
        let (why, by) = (why.to_owned(), by.clone());
        let (mut events, source) = match (&policy, source) {
            (Some(policy), Some(source)) => {
                let (parts, rest) = parts(policy, &source);
                (parts, Some(rest))
            }
            (_, source) => (Vec::new(), source),
        };
        events.push(Event::LogPruned { pruned, policy, source, why, by });
        self.append_all(events).wait()?;
        removal::remove(self.disk(), self.dir(), &pruned)?;
        Ok(())
    }
}

/// The last segment that can go. `due` are gone already, or as good as.
fn cut(custody: &Custody, before_us: u64, due: &[Due]) -> Cut {
    let last = custody.marks.last().map_or(0, |mark| mark.segment);
    let because = "the segment that is written stays".to_owned();
    let mut cut = Cut { segment: last.saturating_sub(1), because };
    // A segment is older than what comes after it, for time does not go back.
    if let Some(young) = custody.marks.iter().skip(1).find(|mark| mark.first_us >= before_us) {
        cut.before(young.segment - 1, || "what follows is not old enough".to_owned());
    }
    let going: std::collections::HashSet<_> = due.iter().map(|due| due.session).collect();
    for (session, kept) in custody.all() {
        let hold = custody.hold_on(session, kept);
        let is_gone = going.contains(&session) || custody.destroyed.contains_key(&session);
        if hold.is_none() && is_gone {
            continue;
        }
        cut.before(kept.first_segment, || match hold {
            Some(hold) => format!("session {session} is under legal hold `{}`", hold.hold),
            None if custody.is_over(kept) => {
                format!("the recording of session {session} was not destroyed")
            }
            None => format!("session {session} goes on"),
        });
    }
    for hold in custody.holds() {
        cut.before(hold.segment, || format!("the record of hold `{}` is there", hold.hold));
    }
    cut
}
