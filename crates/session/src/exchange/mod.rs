//! One request and its whole reply: *release*, *forward* and *close*. ([`admit`](Session::admit)
//! is next door.)

mod admit;
mod barrier;
mod budget;
mod held;
mod hold;
mod judge;
mod review;

pub use admit::{Admitted, Asked};
pub use hold::{Hold, Silent, WaitsFor};

use crate::SessionError;
use crate::engine::Step;
use crate::proof::{Permitted, Released};
use crate::protocol::{
    CommandUse, End, Fence, Fenced, Masked, Notice, NoticeEncoder, Reply, TargetWord, Upload,
};
use crate::session::{Objection, Session, Snapshot};
use barrier::Pending;
use budget::Budget;
use bytes::Bytes;
use held::Held;
use portreeve_model::{
    Direction, Event, Outcome, Refusal, RefusalCode, RequestContent, Unit, Usage,
};
use review::Question;
use std::sync::Arc;
use tokio::sync::Notify;

/// Why nothing more of a reply may be released.
#[derive(Debug)]
pub enum Stop {
    /// The reply is refused. The protocol stops the target, drops what is left of the
    /// reply, and says the refusal with [`Exchange::refuse`].
    Refused(Box<Refusal>),
    /// The session must end.
    Session(SessionError),
}

impl<T: Into<SessionError>> From<T> for Stop {
    fn from(error: T) -> Self {
        Self::Session(error.into())
    }
}

/// The rule of what ran under other definitions than it was planned with.
const FENCE_RULE: &str = "definitions-changed";

/// Why a running exchange is to be stopped from outside.
#[derive(Debug)]
pub enum Interrupt {
    /// The client takes it back: the target is told to stop, and answers as it likes.
    Cancelled,
    /// It may not go on.
    Stopped(Stop),
}

/// Where whoever takes a request back is gone.
impl From<Interrupt> for Stop {
    fn from(why: Interrupt) -> Self {
        match why {
            Interrupt::Cancelled => SessionError::ClientGone.into(),
            Interrupt::Stopped(stop) => stop,
        }
    }
}

/// An exchange's place among those of its session that run; it goes with the exchange.
#[derive(Debug)]
pub(crate) struct Running {
    session: Session,
    number: u64,
    cancel: Arc<Notify>,
}

impl Running {
    pub(crate) fn new(session: Session, number: u64, cancel: Arc<Notify>) -> Self {
        Self { session, number, cancel }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.session.end_exchange(self.number);
    }
}

/// Obligations and counters of one request while its reply passes. It owns what it needs,
/// so many of one session run at once; each counts for itself, and what they share is
/// reserved before it is used.
#[must_use = "an exchange that is dropped is recorded as aborted"]
pub struct Exchange {
    running: Running,
    snapshot: Arc<Snapshot>,
    /// The commands that run.
    commands: Arc<[CommandUse]>,
    refusal: Option<Refusal>,
    budget: Budget,
    /// What a reviewer reads; none where nobody may have to be asked.
    content: Option<RequestContent>,
    /// What guards the reply; gone once it has answered for all of it.
    fence: Option<Arc<dyn Fence>>,
    held: Held,
    /// Its request's record, where that may wait for the answer's.
    pending: Pending,
    is_closed: bool,
    /// What it has changed stays: nothing can object any more.
    is_kept: bool,
}

impl std::fmt::Debug for Exchange {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Exchange").field("number", &self.number()).finish_non_exhaustive()
    }
}

impl Exchange {
    /// The session that it is in.
    #[must_use]
    pub fn session(&self) -> &Session {
        &self.running.session
    }

    /// Its number in the session, from 1.
    #[must_use]
    pub fn number(&self) -> u64 {
        self.running.number
    }

    /// The refusal, when a command of the request was refused.
    #[must_use]
    pub fn refusal(&self) -> Option<&Refusal> {
        self.refusal.as_ref()
    }

    /// What of it has passed so far.
    #[must_use]
    pub fn usage(&self) -> Usage {
        self.budget.usage()
    }

    /// Resolves when an exchange is to be stopped although nothing passes through it: the
    /// client takes it back, its session was ended, or policy does not permit it any more.
    pub async fn interrupted(&mut self) -> Interrupt {
        loop {
            tokio::select! {
                () = self.running.cancel.notified() => return Interrupt::Cancelled,
                ended = self.running.session.ended() => return Interrupt::Stopped(ended.into()),
                () = self.running.session.rules_changed(self.pending.until()) => {
                    if self.pending.is_due() {
                        self.hand_over();
                    }
                    if !self.is_kept && let Err(stop) = self.follow().await {
                        return Interrupt::Stopped(stop);
                    }
                }
            }
        }
    }

    /// Masks a part of the reply, asks policy (and people) with the counters so far,
    /// records, and only then releases.
    ///
    /// Nothing is released while a threshold is open: up to it, what comes is kept back
    /// until the reply has ended.
    pub async fn release<P: Reply, H: Hold>(
        &mut self,
        reply: P,
        hold: &mut H,
    ) -> Result<Released, Stop> {
        // Read first: whoever follows the target's messages knows then what has come, also
        // where nothing of it may pass.
        let masked = reply.mask(&self.session().engine().masker)?;
        if self.is_kept {
            return Ok(self.record(masked).await?);
        }
        self.may_go_on().await?;
        let is_last = masked.end.is_some();
        self.pass(masked, is_last, hold).await
    }

    /// What of a masked part may pass by the counters so far, what was kept back before included;
    /// all of it where it is the last, if any.
    async fn pass<H: Hold>(
        &mut self,
        mut masked: Masked,
        is_last: bool,
        hold: &mut H,
    ) -> Result<Released, Stop> {
        masked.usage.bytes = masked.bytes.len() as u64;
        masked.usage.subjects = masked.subjects.people();
        self.budget.spend(&self.running.session, masked.usage).await?;
        if let Some((unit, most)) = self.budget.beyond_approval() {
            let refusal = self.refusal_of(
                RefusalCode::NotApproved,
                format!("it makes more {unit} than the {most} that were approved: none stays"),
                Some("send it again: it will be held anew".into()),
            );
            return Err(self.refused(refusal));
        }
        if !self.budget.is_counted() {
            return self.record_fenced(masked).await;
        }
        if self.held.is_untouched()
            && self.budget.as_if_crossed(&self.snapshot, &self.running.session).is_none()
        {
            // No limit that objects is in reach: there is nothing to wait for.
            self.held.flow();
        }
        self.held.keep(masked);
        let bytes_max = self.session().engine().limits().held_bytes_max;
        if self.held.is_over(bytes_max) {
            match self.budget.as_if_crossed(&self.snapshot, &self.running.session) {
                Some(question) => self.ask(question, hold).await?,
                // No limit in reach: there is nothing to wait for.
                None => self.held.flow(),
            }
        }
        // An approval may end at a further rule that this very part has passed already.
        while let Some(question) = self.objection() {
            self.ask(question, hold).await?;
        }
        match self.held.take(is_last) {
            Some(masked) => self.record_fenced(masked).await,
            None => Ok(Released { bytes: Bytes::new() }),
        }
    }

    /// The reply goes on for as long as both sides like, so nothing waits for its end: what comes
    /// passes up to the limit that policy sets, and nothing of the part that crosses it.
    pub fn pass_as_it_comes(&mut self) {
        self.held.flow();
    }

    /// Whether a person has let it run.
    #[must_use]
    pub fn was_approved(&self) -> bool {
        !self.budget.approved().is_empty()
    }

    /// More data of the side that asked (a bulk load, an upload), or the client's answer to
    /// what the target asked: read, counted, and durable before it is forwarded.
    pub async fn forward<U: Upload>(&mut self, upload: U) -> Result<Permitted, Stop> {
        self.may_go_on().await?;
        let piece = upload.read().map_err(SessionError::Client)?;
        self.budget.spend(&self.running.session, piece.usage).await?;
        if let Some(question) = self.objection() {
            return Err(self.refused(question.into_refusal(&self.running)));
        }
        let permit = self.record_forward(&piece.received, piece.wire).await?;
        self.budget.given(piece.usage);
        Ok(permit)
    }

    /// What makes the target fail as the client has been told.
    pub async fn fail_target(
        &mut self,
        encoder: &dyn NoticeEncoder,
    ) -> Result<Permitted, SessionError> {
        self.record_forward(&Bytes::new(), encoder.to_target(TargetWord::Fail)).await
    }

    /// What was deferred takes effect: what is kept back of the reply may pass now, and nobody is
    /// asked about the rest of it, which only tells whether it did.
    pub async fn keep(&mut self) -> Result<(Released, Permitted), Stop> {
        self.may_go_on().await?;
        self.held.flow();
        let released = match self.held.take(false) {
            Some(masked) => self.record_fenced(masked).await?,
            None => Released { bytes: Bytes::new() },
        };
        let permit = self.session().tell_target(TargetWord::Keep)?;
        self.is_kept = true;
        Ok((released, permit))
    }

    async fn record_forward(
        &self,
        received: &Bytes,
        wire: Bytes,
    ) -> Result<Permitted, SessionError> {
        let session = self.session();
        session.engine().observer.received(session.resource(), received.len() as u64);
        let event = Event::RequestData { exchange: self.number() };
        session.stage_payload(event, Direction::FromClient, received);
        session.commit_at(Step::RequestBarrier).await?;
        session.check()?;
        Ok(Permitted { wire })
    }

    /// Whether the session is still there, and policy still permits what runs.
    async fn may_go_on(&mut self) -> Result<(), Stop> {
        self.session().check()?;
        if let Some(refusal) = self.session().no_room(self.number()).await? {
            return Err(self.refused(refusal));
        }
        self.follow().await
    }

    fn objection(&self) -> Option<Question> {
        self.budget.objection(&self.snapshot, self.session())
    }

    /// Takes over a newer snapshot, unless it objects.
    async fn follow(&mut self) -> Result<(), Stop> {
        match self.take_over(self.session().snapshot()).await? {
            Some(why) => Err(self.revoked(why)),
            None => Ok(()),
        }
    }

    /// Takes over a snapshot; where that objects, says why.
    async fn take_over(
        &mut self,
        newest: Arc<Snapshot>,
    ) -> Result<Option<Objection>, SessionError> {
        if Arc::ptr_eq(&newest, &self.snapshot) {
            return Ok(None);
        }
        let counted = self.budget.counted(self.session());
        let objection = newest.objection(&self.commands, counted, self.budget.approved());
        if objection.is_none() {
            self.budget.follow(&self.running.session, &newest, &self.commands).await?;
            self.snapshot = newest;
        }
        Ok(objection)
    }

    fn revoked(&mut self, why: Objection) -> Stop {
        let refusal = why.into_refusal(self.session(), self.number(), RefusalCode::Revoked);
        self.refused(refusal)
    }

    /// Holds the exchange until a person has answered. An approval holds until a further
    /// rule objects.
    async fn ask<H: Hold>(&mut self, question: Question, hold: &mut H) -> Result<(), Stop> {
        // What began before any policy counted it was not kept for a reviewer to read.
        let content = self.content.clone().filter(|_| !question.groups.is_empty());
        let Some(mut content) = content else {
            return Err(self.refused(question.into_refusal(&self.running)));
        };
        // What has been changed is what is approved, also where it is taken back first.
        let changes = self.budget.usage().changes;
        content.caps.extend((changes > 0).then_some((Unit::Changes, changes)));
        let rules = question.rules.clone();
        match review::review(&self.running, &self.snapshot, question, content, hold).await? {
            None => {
                self.budget.approve(rules);
                self.held.flow();
                Ok(())
            }
            Some(refusal) => Err(self.refused(refusal)),
        }
    }

    /// Nothing that was kept back is ever released after a refusal, and what it had
    /// reserved is given back.
    fn refused(&mut self, refusal: Refusal) -> Stop {
        self.give_back();
        Stop::Refused(Box::new(refusal))
    }

    fn give_back(&mut self) {
        self.held.drop_all();
        self.budget.give_back(&self.running.session);
    }

    /// Records a part of the reply, while it is asked whether the definitions that it was
    /// planned with are those that executed. Nothing passes before both have answered.
    async fn record_fenced(&mut self, masked: Masked) -> Result<Released, Stop> {
        if let Some(hidden) = self.snapshot.hidden(&masked.detected) {
            let why = Objection::hidden(&hidden.category);
            return Err(self.revoked(why));
        }
        let Some(fence) = self.fence.clone().filter(|_| !masked.bytes.is_empty()) else {
            return Ok(self.record(masked).await?);
        };
        // INVARIANT: the first byte of this part is here, so the check begins behind it.
        let (answer, recorded) = tokio::join!(fence.check(), self.record(masked));
        let released = recorded?;
        if let Err(fenced) = answer {
            let refusal = self.fenced(fenced);
            let (exchange, rule) = (self.number(), FENCE_RULE.into());
            self.session().stage(Event::ReplyWithheld { exchange, rule });
            return Err(self.refused(refusal));
        }
        // One command holds what it reads from its start to its end: one answer is for all
        // of it.
        if self.commands.len() <= 1 {
            self.fence = None;
        }
        Ok(released)
    }

    /// Whether what runs in it may have changed something.
    #[must_use]
    pub fn writes(&self) -> bool {
        self.commands.iter().any(|one| one.command.writes())
    }

    fn fenced(&self, why: Fenced) -> Refusal {
        let (code, hint) = match (why, self.writes()) {
            (_, true) => (
                RefusalCode::WithheldAfterChange,
                "the command has run, and its rows are withheld: look at its effect, do not send it again",
            ),
            (Fenced::Changed, false) => (RefusalCode::DefinitionsChanged, "send it again"),
            (Fenced::Unknown, false) => {
                (RefusalCode::Unmaskable, "an operator must look at the gateway's health")
            }
        };
        let rule = Some(FENCE_RULE.into());
        let hint = Some(hint.to_owned());
        self.session().refusal(self.number(), code, why.to_string(), rule, hint)
    }

    async fn record(&mut self, mut masked: Masked) -> Result<Released, SessionError> {
        let end = masked.end.take();
        self.budget.given(masked.usage);
        self.session().stage_release(self.number(), &masked, &self.snapshot);
        if let Some(end) = end {
            self.stage_closed(self.outcome(end));
        }
        // What this waits for is durable after all that was staged before.
        self.pending.end();
        self.session().commit_at(Step::ReplyBarrier).await?;
        self.session().check()?;
        Ok(Released { bytes: masked.bytes })
    }

    /// Records the refusal, then releases its words.
    pub async fn refuse(
        &mut self,
        refusal: Refusal,
        encoder: &dyn NoticeEncoder,
    ) -> Result<Released, SessionError> {
        let bytes = encoder.encode(Notice::Refused(&refusal));
        self.refusal = Some(refusal);
        self.record(Masked { bytes, end: Some(End::Completed), ..Masked::default() }).await
    }

    /// A refusal of this exchange, for the protocol's own reasons.
    #[must_use]
    pub fn refusal_of(&self, code: RefusalCode, message: String, hint: Option<String>) -> Refusal {
        self.session().refusal(self.number(), code, message, None, hint)
    }

    /// Ends the exchange. One that is dropped instead is recorded as aborted.
    pub fn close(mut self) {
        self.stage_closed(self.outcome(End::Completed));
    }

    /// What the evidence says of the end: whether it was refused is known here, not in a
    /// protocol's parser.
    fn outcome(&self, end: End) -> Outcome {
        match (&self.refusal, end) {
            (Some(refusal), _) => {
                Outcome::Refused { code: refusal.code, rule: refusal.rule.clone() }
            }
            (None, End::Completed) => Outcome::Completed,
            (None, End::Failed { code }) => Outcome::Failed { code },
        }
    }

    /// What is staged becomes durable although nobody waits for it.
    fn hand_over(&mut self) {
        if self.pending.end() {
            self.session().hand_over();
        }
    }

    fn stage_closed(&mut self, outcome: Outcome) {
        if !self.is_closed {
            self.is_closed = true;
            let (exchange, Usage { rows, changes, .. }) = (self.number(), self.budget.usage());
            self.session().stage(Event::ExchangeClosed { exchange, outcome, rows, changes });
        }
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        self.give_back();
        self.stage_closed(Outcome::Aborted { why: "not completed".into() });
        // That the target was asked is recorded, too, where nothing was released.
        self.hand_over();
    }
}
