//! The first half of the loop: *admit*.

use super::barrier::{Barrier, Pending};
use super::held::Held;
use super::judge::{Judge, Judged};
use super::review::{self, Question};
use super::{Exchange, FENCE_RULE, Hold, Stop};
use crate::SessionError;
use crate::engine::Step;
use crate::proof::{Permitted, Released};
use crate::protocol::{CommandUse, Fence, Fenced, Masked, Request, Stage, TargetRequest};
use crate::session::{DayUsage, Objection, Session, Snapshot};
use bytes::Bytes;
use portreeve_evidence::request_events;
use portreeve_model::{
    CommandRecord, Direction, Refusal, RefusalCode, RequestContent, Unit, Usage, Verdict,
};
use std::sync::Arc;
use std::time::Instant;

/// A client's request, decided and recorded.
#[derive(Debug)]
pub struct Admitted<A> {
    /// What its reply passes through.
    pub exchange: Exchange,
    /// What the target gets; empty where all of it was refused.
    pub permit: Permitted,
    /// What the protocol has to know of what was accepted.
    pub accepted: A,
}

/// A target's request, decided, masked and recorded.
#[derive(Debug)]
pub struct Asked<A> {
    /// What the client's answer passes through.
    pub exchange: Exchange,
    /// What the client gets; empty where all of it was refused.
    pub release: Released,
    /// What the protocol has to know of what was accepted.
    pub accepted: A,
}

/// What was decided of a request.
struct Decided {
    exchange: Exchange,
    /// The first command that may not run.
    refused: Option<(usize, Refusal)>,
    /// Policy has a person asked about it.
    is_held: bool,
}

impl Session {
    /// Decides a client's request by the snapshot that it was planned with, asks people
    /// where policy says so, and records it all before the permit exists.
    ///
    /// The record of what is proven to only read is staged, and durable with that of the first
    /// thing that is released.
    pub async fn admit<R: Request, H: Hold>(
        &self,
        request: R,
        planned: &Arc<Snapshot>,
        hold: &mut H,
    ) -> Result<Admitted<R::Accepted>, SessionError> {
        let received = request.received();
        let Decided { mut exchange, refused, is_held } =
            self.decide(&request, &received, planned, hold).await?;
        let barrier = Barrier::of(&request, is_held, exchange.refusal());
        let (wire, accepted) = request.encode(refused.as_ref().map(|(at, refusal)| (*at, refusal)));
        let nothing_is_sent = refused.is_some() && wire.is_empty();
        match barrier {
            Barrier::Permit if !nothing_is_sent => self.commit_at(Step::RequestBarrier).await?,
            Barrier::Permit | Barrier::Release => {
                self.check_recordable()?;
                exchange.pending.begin();
            }
        }
        self.check()?;
        Ok(Admitted { exchange, permit: Permitted { wire }, accepted })
    }

    /// Decides what a target asks of the client. What goes the other way is a release: it
    /// is masked, counted and asked about like a reply; the client's answer goes through
    /// [`Exchange::forward`].
    pub async fn admit_from_target<R: TargetRequest, H: Hold>(
        &self,
        mut request: R,
        planned: &Arc<Snapshot>,
        hold: &mut H,
    ) -> Result<Asked<R::Accepted>, SessionError> {
        let masked = request.mask(&self.engine().masker)?;
        // What the target has said is recorded as the client gets it, never raw.
        let none = Bytes::new();
        let Decided { mut exchange, refused, .. } =
            self.decide(&request, &none, planned, hold).await?;
        let passed = match refused {
            Some((_, refusal)) => Err(refusal),
            None => match exchange.pass(masked, true, hold).await {
                Ok(released) => Ok(released),
                Err(Stop::Refused(refusal)) => Err(*refusal),
                Err(Stop::Session(error)) => return Err(error),
            },
        };
        match passed {
            Ok(release) => {
                let (_, accepted) = request.encode(None);
                Ok(Asked { exchange, release, accepted })
            }
            Err(refusal) => {
                let (bytes, accepted) = request.encode(Some((0, &refusal)));
                exchange.refusal = Some(refusal);
                let release = exchange.record(Masked { bytes, ..Masked::default() }).await?;
                Ok(Asked { exchange, release, accepted })
            }
        }
    }

    /// Decides a request, and asks people where policy says so. Whatever ends it, the
    /// exchange is closed in the evidence.
    async fn decide<R: Request, H: Hold>(
        &self,
        request: &R,
        received: &Bytes,
        planned: &Arc<Snapshot>,
        hold: &mut H,
    ) -> Result<Decided, SessionError> {
        self.check()?;
        let running = self.begin_exchange();
        let observer = self.engine().observer.clone();
        observer.received(self.resource(), received.len() as u64);
        let began = Instant::now();
        let snapshot = planned.clone();
        let objects = snapshot.counted_by_day(request.commands());
        let day = DayUsage::read(self, snapshot.hour(), objects).await?;
        let exchange = running.number;
        let judge = Judge { session: self, snapshot: &snapshot, exchange, day: &day };
        let Judged { session, records, refused, review, mut budget } =
            judge.judge(request.commands());
        observer.took(self.resource(), Step::Decide, began.elapsed());
        let no_room = self.no_room(exchange).await?;
        // What would fill the disk is not kept: that it was asked for is.
        let kept = if no_room.is_some() { &[][..] } else { received };
        self.stage_request(exchange, &snapshot, (session, &day), records, kept);
        budget.count_days(day);
        let mut exchange = Exchange {
            content: budget.is_counted().then(|| request.content()),
            running,
            snapshot,
            commands: running_commands(request.commands(), refused.as_ref()),
            refusal: None,
            budget,
            fence: request.fence(),
            // Who waits to be told to send more gets no answer that is kept back.
            held: if request.has_unseen_data() { Held::flowing() } else { Held::default() },
            pending: Pending::default(),
            is_closed: false,
            is_kept: false,
        };
        let refused = no_room.map(|refusal| (0, refusal)).or(refused);
        let refused = exchange.catch_up(refused).await?;
        let is_held = review.is_some();
        let refused = match (refused, review) {
            // SECURITY: what goes before a refused command is sent, so nothing that
            // still waits for a person may be among it.
            (Some((at, refusal)), Some((held, _))) => Some((at.min(held), refusal)),
            (Some(refused), None) => Some(refused),
            (None, Some(_)) if request.has_unseen_data() => {
                let message = "what is loaded must be approved, and its data are not here yet";
                let hint = "send it as one command of its own, so that its data can be taken first";
                let code = RefusalCode::Denied;
                Some((0, exchange.refusal_of(code, message.into(), Some(hint.into()))))
            }
            (None, Some((_, question))) => {
                let definitions = request.definitions();
                let content = request.content();
                let refusal = exchange.held_back(question, content, definitions, hold).await?;
                refusal.map(|refusal| (0, refusal))
            }
            (None, None) => None,
        };
        let refused = exchange.look_again(request, refused, is_held).await;
        let verdict = if refused.is_some() { Verdict::Deny } else { Verdict::Allow };
        if verdict == Verdict::Allow {
            exchange.spend_probes().await?;
        }
        observer.decided(self.resource(), verdict);
        exchange.refusal = refused.as_ref().map(|(_, refusal)| refusal.clone());
        Ok(Decided { exchange, refused, is_held })
    }

    /// Stages the request's records; the bytes as they came go with the first.
    fn stage_request(
        &self,
        exchange: u64,
        snapshot: &Snapshot,
        (session, day): (Usage, &DayUsage),
        records: Vec<CommandRecord>,
        received: &[u8],
    ) {
        let mut events =
            request_events(exchange, snapshot.hour(), session, day.to_record(), records)
                .into_iter();
        if let Some(first) = events.next() {
            self.stage_payload(first, Direction::FromClient, received);
        }
        events.for_each(|event| self.stage(event));
    }
}

impl Exchange {
    /// Takes over the newest snapshot before anything runs; where that objects, nothing does.
    async fn catch_up(
        &mut self,
        refused: Option<(usize, Refusal)>,
    ) -> Result<Option<(usize, Refusal)>, SessionError> {
        if matches!(refused, Some((0, _))) {
            return Ok(refused);
        }
        let newest = self.session().snapshot();
        let objection = match newest.is_classified_like(&self.snapshot) {
            true => self.take_over(newest).await?,
            false => Some(Objection::reclassified()),
        };
        let Some(why) = objection else { return Ok(refused) };
        Ok(Some((0, why.into_refusal(self.session(), self.number(), RefusalCode::Denied))))
    }

    /// What its commands compare classified values with is told by any answer: it is used
    /// when they run.
    async fn spend_probes(&mut self) -> Result<(), SessionError> {
        let probes = self.commands.iter().map(|one| one.command.facts.probes).sum();
        if probes == 0 {
            return Ok(());
        }
        let probes = Usage::of(Unit::Probes, probes);
        self.budget.spend(&self.running.session, probes).await?;
        self.budget.given(probes);
        Ok(())
    }

    /// What of a request may not run, after a last look at what its names stand for. Where a
    /// person was asked, that look was taken when they had answered.
    async fn look_again<R: Request>(
        &mut self,
        request: &R,
        refused: Option<(usize, Refusal)>,
        is_held: bool,
    ) -> Option<(usize, Refusal)> {
        let refused = match refused {
            refused if is_held || matches!(refused, Some((0, _))) => refused,
            refused => match self.outdated(request).await {
                Some(outdated) => Some((0, outdated)),
                None => refused,
            },
        };
        if matches!(refused, Some((0, _))) {
            // Nothing of it runs: what the client hears rests on nothing.
            self.fence = None;
        }
        refused
    }

    /// Why what may change something does not run: its names may stand for something else by now
    /// than policy was asked about. What only reads is asked about when its answer is there.
    async fn outdated<R: Request>(&self, request: &R) -> Option<Refusal> {
        if self.commands.iter().all(|one| one.command.only_reads()) {
            return None;
        }
        let (code, message, hint) = match request.definitions()?.check().await.err()? {
            Fenced::Changed => (
                RefusalCode::DefinitionsChanged,
                "definitions have changed since it was read, and it did not run",
                "send it again",
            ),
            Fenced::Unknown => (
                RefusalCode::Unmaskable,
                "nobody can say what its names stand for now, and it did not run",
                "an operator must look at the gateway's health",
            ),
        };
        let rule = Some(FENCE_RULE.into());
        Some(self.session().refusal(self.number(), code, message.into(), rule, Some(hint.into())))
    }

    /// Holds a request until a person has answered, and then looks whether policy still
    /// permits it. `None` lets it run.
    async fn held_back<H: Hold>(
        &mut self,
        question: Question,
        content: RequestContent,
        definitions: Option<Arc<dyn Fence>>,
        hold: &mut H,
    ) -> Result<Option<Refusal>, SessionError> {
        let rules = question.rules.clone();
        let caps = content.caps.clone();
        let refusal =
            review::review(&self.running, &self.snapshot, question, content, hold).await?;
        if refusal.is_some() {
            return Ok(refusal);
        }
        if let Some(definitions) = definitions
            && definitions.check().await.is_err()
        {
            let message = "what was approved is not what would run: definitions have changed, \
                           or it would touch more rows than were approved";
            let hint = Some("send it again: it will be held anew".to_owned());
            return Ok(Some(self.refusal_of(RefusalCode::NotApproved, message.into(), hint)));
        }
        self.budget.approve(rules);
        self.budget.cap(caps);
        match self.follow().await {
            Ok(()) => Ok(None),
            Err(Stop::Refused(refusal)) => Ok(Some(*refusal)),
            Err(Stop::Session(error)) => Err(error),
        }
    }
}

/// The commands that run: those before the first that was refused.
fn running_commands(
    commands: &[CommandUse],
    refused: Option<&(usize, Refusal)>,
) -> Arc<[CommandUse]> {
    let end = refused.map_or(commands.len(), |(index, _)| *index);
    let before = commands.iter().take(end);
    before.filter(|one| one.stage == Stage::Run).cloned().collect()
}
