//! One exchange, put together from its records.

use super::{People, SessionFacts};
use portreeve_evidence::RequestParts;
use portreeve_model::{
    Action, Category, CommandRecord, Decision, Detected, Direction, Event, Object, Outcome, Record,
    ReviewId, ReviewOutcome, RuleId, SessionId, Verdict,
};
use std::collections::{BTreeMap, BTreeSet};

/// One exchange, as the log tells it.
#[derive(Debug)]
pub struct Exchange<'w> {
    /// Its session.
    pub session: &'w SessionFacts,
    /// Its number; 0 for what the target says unasked, and a login.
    pub number: u64,
    /// Where its first record is in the log.
    pub index: u64,
    /// Where its last record is: an exchange is known from there on.
    pub last_index: u64,
    /// When the first was recorded.
    pub at_us: u64,
    /// When its last record was.
    pub last_at_us: u64,
    /// What was asked, with every decision.
    pub commands: &'w [CommandRecord],
    /// Rows that were released.
    pub rows: u64,
    /// Bytes that were released.
    pub bytes: u64,
    /// Values in them that were masked, by category.
    pub masked: &'w BTreeMap<Category, u64>,
    /// What detectors found in texts that nobody has classified.
    pub detected: &'w [Detected],
    /// What of it was released without a policy that reveals it: `revealed` counts that.
    pub unrevealed: &'w [Detected],
    /// Columns where lineage and the target's word disagreed.
    pub disagreements: u64,
    /// The reviews that it had.
    pub reviews: &'w [ReviewFacts],
    /// How it ended; none: no end is recorded.
    pub outcome: Option<&'w Outcome>,
    /// The rule by which the last part of its reply was withheld.
    pub withheld: Option<&'w RuleId>,
    /// Whom it was about, by object.
    pub people: &'w BTreeMap<String, People>,
}

/// A review of an exchange.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ReviewFacts {
    /// Its id.
    pub review: ReviewId,
    /// Where it was opened in the log.
    pub index: u64,
    /// When.
    pub opened_at_us: u64,
    /// The rule that asked.
    pub rule: RuleId,
    /// Who could answer.
    pub groups: Vec<String>,
    /// How it ended, and when.
    pub closed: Option<(ReviewOutcome, u64)>,
    /// Who answered.
    pub by: Option<String>,
}

impl Exchange<'_> {
    /// The commands that ran or were to run with it.
    pub fn ran(&self) -> impl Iterator<Item = &CommandRecord> {
        self.commands.iter().filter(|command| !command.runs_later)
    }

    /// The strictest verdict; none where nothing could be decided.
    #[must_use]
    pub fn verdict(&self) -> Option<Verdict> {
        let strictness = |decision: &&Decision| match decision.verdict {
            Verdict::Allow => 0,
            Verdict::Review => 1,
            Verdict::Deny => 2,
        };
        let decisions = self.commands.iter().filter_map(|command| command.decision.as_ref());
        decisions.max_by_key(strictness).map(|decision| decision.verdict)
    }

    /// Whether the gateway refused it.
    #[must_use]
    pub fn is_refused(&self) -> bool {
        matches!(self.outcome, Some(Outcome::Refused { .. }))
    }

    /// What of it was revealed, each once.
    #[must_use]
    pub fn revealed(&self) -> BTreeSet<(&Object, &Category)> {
        let all = self.ran().flat_map(|command| &command.revealed);
        all.map(|revealed| (&revealed.object, &revealed.category)).collect()
    }

    /// The objects that its commands need, with what is done to each.
    #[must_use]
    pub fn needs(&self) -> BTreeSet<(Action, &Object)> {
        let needs = self.ran().flat_map(|command| &command.needs);
        needs.map(|need| (need.action, &need.object)).collect()
    }

    /// The classified objects among its needs, with what is done to each.
    #[must_use]
    pub fn classified(&self) -> BTreeSet<(&Category, Action, &Object)> {
        let mut found = BTreeSet::new();
        for command in self.ran() {
            for (category, places) in &command.categories {
                let needs = places.iter().filter_map(|place| command.needs.get(*place));
                found.extend(needs.map(|need| (category, need.action, &need.object)));
            }
        }
        found
    }

    /// Values that detectors found, and that were released without a policy that reveals them.
    #[must_use]
    pub fn found_unrevealed(&self) -> u64 {
        self.unrevealed.iter().map(|found| found.revealed).sum()
    }

    /// Whether every row of some answer in it is computed from any number of rows: then a row
    /// can be about any number of people.
    #[must_use]
    pub fn is_aggregated(&self) -> bool {
        self.ran().any(|command| command.facts.aggregated)
    }
}

/// An exchange that has not ended.
#[derive(Debug)]
pub(super) struct Live {
    number: u64,
    index: u64,
    last_index: u64,
    at_us: u64,
    last_at_us: u64,
    commands: Vec<CommandRecord>,
    released: Released,
    /// The last part of the reply, which may still be withheld.
    last: Released,
    /// Whether all that is recorded of that part was read: its bytes come last.
    is_last_whole: bool,
    reviews: Vec<ReviewFacts>,
    outcome: Option<Outcome>,
    withheld: Option<RuleId>,
}

/// What parts of a reply held.
#[derive(Debug, Default)]
struct Released {
    rows: u64,
    bytes: u64,
    masked: BTreeMap<Category, u64>,
    detected: Vec<Detected>,
    unrevealed: Vec<Detected>,
    disagreements: u64,
    people: BTreeMap<String, People>,
}

impl Released {
    fn add(&mut self, more: Self) {
        self.rows += more.rows;
        self.bytes += more.bytes;
        for (category, count) in more.masked {
            *self.masked.entry(category).or_default() += count;
        }
        if !more.detected.is_empty() {
            self.detected.extend(more.detected);
            Detected::gather(&mut self.detected);
        }
        if !more.unrevealed.is_empty() {
            self.unrevealed.extend(more.unrevealed);
            Detected::gather(&mut self.unrevealed);
        }
        self.disagreements += more.disagreements;
        for (object, people) in more.people {
            self.people.entry(object).or_default().add(people);
        }
    }
}

impl Live {
    pub(super) fn new(number: u64, index: u64, at_us: u64) -> Self {
        Self {
            number,
            index,
            last_index: index,
            at_us,
            last_at_us: at_us,
            commands: Vec::new(),
            released: Released::default(),
            last: Released::default(),
            is_last_whole: false,
            reviews: Vec::new(),
            outcome: None,
            withheld: None,
        }
    }

    pub(super) fn is_asked(&self) -> bool {
        self.number != 0
    }

    /// Whom the part of the reply that comes next is about.
    pub(super) fn subjects(&mut self, people: BTreeMap<String, People>) {
        self.part().add(Released { people, ..Released::default() });
    }

    /// The part of the reply that more is recorded of: what was whole before it stays released.
    fn part(&mut self) -> &mut Released {
        if std::mem::take(&mut self.is_last_whole) {
            self.settle();
        }
        &mut self.last
    }

    fn settle(&mut self) {
        self.released.add(std::mem::take(&mut self.last));
    }

    /// Takes a record; says whether the exchange has ended.
    pub(super) fn take(
        &mut self,
        session: SessionId,
        index: u64,
        record: Record,
        parts: &mut RequestParts,
    ) -> bool {
        let (at_us, payload) = (record.at_us, record.payload);
        (self.last_index, self.last_at_us) = (index, at_us);
        match record.event {
            Event::RequestPart { text, .. } => parts.add(session, self.number, &text),
            Event::Request { day, commands, .. } => {
                // Parts that are no command are the verifier's to find.
                if let Ok((_, whole)) = parts.whole(session, self.number, day, commands) {
                    self.commands.extend(whole);
                }
            }
            Event::Response { rows, masked, detected, revealed_by, .. } => {
                let shown = || detected.iter().filter(|found| found.revealed > 0).cloned();
                let unrevealed = match revealed_by {
                    Some(_) => Vec::new(),
                    None => shown().collect(),
                };
                let bytes = payload.filter(|payload| payload.direction == Direction::ToClient);
                let is_whole = bytes.is_some();
                self.part().add(Released {
                    rows,
                    bytes: bytes.map_or(0, |payload| payload.bytes),
                    masked,
                    detected,
                    unrevealed,
                    ..Released::default()
                });
                self.is_last_whole = is_whole;
            }
            Event::ReplyWithheld { rule, .. } => {
                (self.last, self.is_last_whole) = (Released::default(), false);
                self.withheld = Some(rule);
            }
            Event::Disagreement { .. } => self.part().disagreements += 1,
            Event::ReviewOpened { review, groups, rule, .. } => self.reviews.push(ReviewFacts {
                review,
                index,
                opened_at_us: at_us,
                rule,
                groups,
                closed: None,
                by: None,
            }),
            Event::ReviewClosed { review, decision, by, .. } => {
                for open in self.reviews.iter_mut().filter(|open| open.review == review) {
                    (open.closed, open.by) = (Some((decision, at_us)), by.clone());
                }
            }
            Event::ExchangeClosed { outcome, .. } => {
                self.outcome = Some(outcome);
                return true;
            }
            _ => {}
        }
        false
    }

    /// The exchange as it is now.
    pub(super) fn seen<'w>(&'w mut self, session: &'w SessionFacts) -> Exchange<'w> {
        self.settle();
        Exchange {
            session,
            number: self.number,
            index: self.index,
            last_index: self.last_index,
            at_us: self.at_us,
            last_at_us: self.last_at_us,
            commands: &self.commands,
            rows: self.released.rows,
            bytes: self.released.bytes,
            masked: &self.released.masked,
            detected: &self.released.detected,
            unrevealed: &self.released.unrevealed,
            disagreements: self.released.disagreements,
            reviews: &self.reviews,
            outcome: self.outcome.as_ref(),
            withheld: self.withheld.as_ref(),
            people: &self.released.people,
        }
    }
}
