//! What a log says of its own custody: which recordings can still be read, which are held,
//! which were destroyed, and what was pruned.
//!
//! The log is the only state. All of this is read from its records and can be read again;
//! nothing else remembers. A custody that is kept goes on reading where it stopped.

use crate::custody::kept::{Destroyed, Due, Hold, InForce, Kept, Mark, RetentionStatus};
use crate::custody::outline::Outline;
use crate::custody::retention::Retention;
use crate::disk::storage::{Disk, RealDisk};
use crate::error::Error;
use crate::format::frame::{self, Kind, Next, segment_name};
use crate::format::layout::segment_numbers;
use crate::format::policy_text::PolicyTexts;
use crate::format::request::RequestParts;
use crate::format::segment::is_unused;
use portreeve_model::{Event, HoldId, Pruned, Record, SessionId};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;

/// What the records say, up to a place in the log.
#[derive(Debug, Default)]
pub(crate) struct Custody {
    /// Those whose recordings were not destroyed.
    pub(crate) sessions: HashMap<SessionId, Kept>,
    pub(crate) destroyed: HashMap<SessionId, Destroyed>,
    holds: BTreeMap<HoldId, Hold>,
    pub(crate) pruned: Option<Pruned>,
    /// What the last pruning said of the policies in force at the log's beginning.
    pub(crate) in_force: InForce,
    texts: PolicyTexts,
    requests: RequestParts,
    pub(crate) marks: Vec<Mark>,
    run: u64,
    running: bool,
    segment: u64,
    offset: usize,
    /// The first place that could not be read; what follows it in its segment is unknown.
    damage: Option<(String, u64)>,
}

impl Custody {
    /// Reads the log in `dir` from its beginning, as far as it can be read.
    pub(crate) fn read(dir: &Path) -> Result<Self, Error> {
        let mut custody = Self::default();
        custody.catch_up(&RealDisk::new(dir))?;
        Ok(custody)
    }

    /// Refuses a log that could not be read to its end: a hold may stand in the rest.
    pub(crate) fn check_whole(&self) -> Result<(), Error> {
        match self.damage.clone() {
            None => Ok(()),
            Some((file, offset)) => {
                let what = "what follows cannot be read, a hold may be in it".to_owned();
                Err(Error::Damaged { file, offset, what })
            }
        }
    }

    /// Reads what was committed since the last time.
    pub(crate) fn catch_up(&mut self, disk: &dyn Disk) -> Result<(), Error> {
        let read = |number| {
            let name = segment_name(number);
            disk.read(&name).map_err(|error| Error::store("read", Path::new(&name), error))
        };
        let mut unfinished = Vec::new();
        let numbers = segment_numbers(disk)?;
        // What started the run that a pruned log begins in is gone.
        self.running |= self.segment == 0 && numbers.first().is_some_and(|first| *first > 1);
        let from = self.segment;
        for number in numbers.into_iter().filter(|number| *number >= from) {
            let bytes = read(number)?;
            if is_unused(&bytes) {
                unfinished.push(number);
                continue;
            }
            // Those before may have been in mid-write, or not begun, when they were read.
            // Now that there is one after them they are whole, or damaged.
            for before in std::mem::take(&mut unfinished) {
                let bytes = read(before)?;
                if !self.take_segment(before, &bytes)? || is_unused(&bytes) {
                    let offset = self.offset as u64;
                    self.damage.get_or_insert((segment_name(before), offset));
                }
            }
            if !self.take_segment(number, &bytes)? {
                unfinished.push(number);
            }
        }
        Ok(())
    }

    /// Takes the batches of a segment that were not taken yet; says whether nothing but
    /// zeros follows them.
    fn take_segment(&mut self, number: u64, bytes: &[u8]) -> Result<bool, Error> {
        if number != self.segment {
            (self.segment, self.offset) = (number, 0);
        }
        let mut offset = self.offset;
        let mut batch = Vec::new();
        loop {
            match frame::skim(bytes, offset) {
                Next::Frame(frame) => {
                    offset = frame.end();
                    match frame.kind {
                        Kind::Leaf => batch.push((frame.offset, frame.body)),
                        Kind::Footer => {
                            for (at, leaf) in batch.drain(..) {
                                self.take_leaf(number, at, leaf)?;
                            }
                            self.offset = offset;
                        }
                        Kind::Head | Kind::Payload => {}
                    }
                }
                Next::End => return Ok(self.offset == offset),
                Next::Broken(_) => return Ok(false),
            }
        }
    }

    fn take_leaf(&mut self, segment: u64, offset: usize, leaf: &[u8]) -> Result<(), Error> {
        let unreadable = |error: serde_json::Error| Error::Damaged {
            file: segment_name(segment),
            offset: offset as u64,
            what: format!("the record cannot be read: {error}"),
        };
        let outline: Outline<'_> = serde_json::from_slice(leaf).map_err(unreadable)?;
        if self.marks.last().is_none_or(|mark| mark.segment < segment) {
            self.marks.push(Mark { segment, first_us: outline.at_us });
        }
        match outline.session {
            Some(session) => {
                self.take_of_session(session, segment, outline).map_err(unreadable)?;
            }
            None if outline.is_of_custody() => {
                self.take(segment, serde_json::from_slice(leaf).map_err(unreadable)?);
            }
            None => {}
        }
        Ok(())
    }

    fn take_of_session(
        &mut self,
        id: SessionId,
        segment: u64,
        outline: Outline<'_>,
    ) -> serde_json::Result<()> {
        let run = self.run;
        let kept = self.sessions.entry(id).or_insert_with(|| Kept {
            opened_at_us: outline.at_us,
            last_us: 0,
            resource: String::new(),
            principal: None,
            categories: BTreeSet::new(),
            payload_bytes: 0,
            first_segment: segment,
            closed: false,
            run,
        });
        outline.add_to(kept, &mut self.requests)
    }

    fn take(&mut self, segment: u64, record: Record) {
        let at_us = record.at_us;
        let text = self.texts.take(&record.event);
        match record.event {
            Event::GatewayStarted { .. } => (self.run, self.running) = (self.run + 1, true),
            Event::GatewayStopped => self.running = false,
            Event::RecordingShredded { of, why, by } => {
                let kept = self.sessions.remove(&of);
                self.destroyed.entry(of).or_insert(Destroyed { at_us, why, by, kept });
            }
            Event::HoldPlaced { hold, on, why, by } => {
                let placed = Hold { hold, on, why, by, at_us, sessions: 0, segment };
                self.holds.insert(placed.hold.clone(), placed);
            }
            Event::HoldReleased { hold, .. } => drop(self.holds.remove(&hold)),
            Event::LogPruned { pruned, policy, .. } => {
                self.pruned = Some(pruned);
                self.in_force = InForce { policy, source: text };
                self.marks.retain(|mark| mark.segment > pruned.segments);
            }
            Event::LogRecovered { .. }
            | Event::PolicyPart { .. }
            | Event::Subjects { .. }
            | Event::LogReplaced { .. }
            | Event::RecordingKey { .. }
            | Event::PolicyAdopted { .. }
            | Event::SessionOpened { .. }
            | Event::SessionRefused { .. }
            | Event::ReviewAnswered { .. }
            | Event::AccountChanged { .. }
            | Event::TokenIssued { .. }
            | Event::CertificateIssued { .. }
            | Event::AccessRevoked { .. }
            | Event::DescriptionApproved { .. }
            | Event::KeyMade { .. }
            | Event::ReloadAsked { .. }
            | Event::ColumnsAdopted { .. }
            | Event::SelftestRun { .. }
            | Event::Connector(_)
            | Event::RequestPart { .. }
            | Event::Request { .. }
            | Event::RequestData { .. }
            | Event::Response { .. }
            | Event::ReplyWithheld { .. }
            | Event::Disagreement { .. }
            | Event::ExchangeClosed { .. }
            | Event::ReviewOpened { .. }
            | Event::ReviewClosed { .. }
            | Event::SessionClosed { .. } => {}
        }
    }

    /// Every session of which something is known, destroyed or not.
    pub(crate) fn all(&self) -> impl Iterator<Item = (SessionId, &Kept)> {
        let destroyed = self.destroyed.iter();
        let destroyed = destroyed.filter_map(|(id, gone)| Some((*id, gone.kept.as_ref()?)));
        self.sessions.iter().map(|(id, kept)| (*id, kept)).chain(destroyed)
    }

    /// Whether nothing more comes of a session: it ended, or its gateway did.
    pub(crate) fn is_over(&self, kept: &Kept) -> bool {
        kept.closed || kept.run != self.run || !self.running
    }

    /// Whether a recording was destroyed: a record says so, or its records were pruned,
    /// which happens to destroyed ones alone. What is older than the log's beginning and
    /// not in the log was pruned; a session's id says how old it is (UUIDv7).
    pub(crate) fn is_destroyed(&self, session: SessionId) -> bool {
        let begins_us = match (&self.pruned, self.marks.first()) {
            (Some(_), Some(mark)) => mark.first_us,
            (None, _) | (_, None) => 0,
        };
        let made_us = session.0.get_timestamp().map(|made| {
            let (seconds, nanos) = made.to_unix();
            seconds.saturating_mul(1_000_000) + u64::from(nanos / 1000)
        });
        let was_pruned = !self.sessions.contains_key(&session)
            && made_us.is_some_and(|made_us| made_us < begins_us);
        was_pruned || self.destroyed.contains_key(&session)
    }

    /// The hold that covers a session, the oldest first.
    pub(crate) fn hold_on(&self, session: SessionId, kept: &Kept) -> Option<&Hold> {
        let covers = |hold: &&Hold| hold.on.covers(session, &kept.resource, kept.named());
        self.holds.values().filter(covers).min_by_key(|hold| hold.at_us)
    }

    /// The holds in force, the oldest first, each with what it covers now.
    pub(crate) fn holds(&self) -> Vec<Hold> {
        let mut holds: Vec<Hold> = self.holds.values().cloned().collect();
        for hold in &mut holds {
            let covers = |(id, kept): &(&SessionId, &Kept)| {
                hold.on.covers(**id, &kept.resource, kept.named())
            };
            hold.sessions = self.sessions.iter().filter(covers).count() as u64;
        }
        holds.sort_by_key(|hold| hold.at_us);
        holds
    }

    /// One hold in force.
    pub(crate) fn hold(&self, id: &HoldId) -> Option<Hold> {
        self.holds().into_iter().find(|hold| hold.hold == *id)
    }

    /// The recordings whose time is over at `now_us`, in the order of their beginning.
    pub(crate) fn due(&self, rules: &Retention, now_us: u64) -> Vec<Due> {
        let ended = self.sessions.iter().filter(|(_, kept)| self.is_over(kept));
        let mut due: Vec<Due> = ended
            .filter_map(|(session, kept)| {
                let rule = rules.rule_for(kept)?;
                let age_us = u128::from(now_us.saturating_sub(kept.last_us));
                (age_us > rule.after.as_micros())
                    .then(|| self.describe(*session, kept, rule.to_string()))
            })
            .collect();
        due.sort_by_key(|due| (due.opened_at_us, due.session));
        due
    }

    pub(crate) fn describe(&self, session: SessionId, kept: &Kept, why: String) -> Due {
        Due {
            session,
            resource: kept.resource.clone(),
            principal: kept.principal.as_ref().map(|(_, subject)| subject.clone()),
            opened_at_us: kept.opened_at_us,
            ended_at_us: kept.last_us,
            payload_bytes: kept.payload_bytes,
            why,
            held_by: self.hold_on(session, kept).map(|hold| hold.hold.clone()),
        }
    }

    /// How much is kept.
    pub(crate) fn retention_status(&self) -> RetentionStatus {
        RetentionStatus {
            readable: self.sessions.len() as u64,
            shredded: self.destroyed.len() as u64,
            oldest_readable_us: self.sessions.values().map(|kept| kept.opened_at_us).min(),
            holds: self.holds.len() as u64,
        }
    }
}
