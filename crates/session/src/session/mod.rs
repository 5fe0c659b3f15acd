//! One client's time at one resource.

mod day;
mod ledger;
mod record;
mod snapshot;

pub(crate) use day::{Counted, DayUsage};
pub(crate) use snapshot::Objection;
pub use snapshot::{Classify, Snapshot};

use crate::engine::{
    Counts, Engine, Lifeline, NoRoom, OpenRequest, PrincipalKey, ReviewMode, now_us,
};
use crate::exchange::Running;
use crate::proof::{Permitted, Released};
use crate::protocol::{
    DataForm, Masked, Notice, NoticeEncoder, OwnQuestion, Reply, TargetWord, Unmaskable,
};
use crate::{Ended, SessionError};
use ledger::Ledger;
use portreeve_decide::policy::Context;
use portreeve_evidence::SessionRecorder;
use portreeve_model::{
    Chain, Decision, Refusal, RefusalCode, RequestId, RuleId, SessionId, Unit, Usage,
};
use snapshot::Asker;
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::Instant;

/// What belongs to no exchange: greetings, and what the target says unasked.
pub(crate) const NO_EXCHANGE: u64 = 0;

/// A client, a resource, and everything that holds between them. Clones are the same
/// session; it is closed in the evidence when the last one goes.
#[derive(Clone)]
pub struct Session(Arc<Shared>);

/// What the clones share. No two of the locks are ever held at once, and none across an
/// await.
struct Shared {
    engine: Arc<Engine>,
    id: SessionId,
    asker: Arc<Asker>,
    principal: PrincipalKey,
    review_mode: ReviewMode,
    notices: Arc<dyn NoticeEncoder>,
    lifeline: Arc<Lifeline>,
    counts: Arc<Counts>,
    ledger: Ledger,
    recorder: Mutex<SessionRecorder>,
    snapshot: Mutex<Arc<Snapshot>>,
    running: Mutex<RunningExchanges>,
    exchanges: AtomicU64,
    stage: Mutex<Stage>,
}

/// What runs in a session.
#[derive(Default)]
struct RunningExchanges {
    /// How each is told to stop, by its number.
    stops: HashMap<u64, Arc<Notify>>,
    /// Why the session closes once nothing runs in it any more.
    closing: Option<String>,
}

/// How far a session has come.
enum Stage {
    /// It is being decided whether it may begin.
    Asked,
    /// It is open, and counted.
    Open,
    /// It is closed in the evidence.
    Closed,
}

/// What the engine makes for a new session.
pub(crate) struct Opening {
    pub(crate) recorder: SessionRecorder,
    pub(crate) counts: Arc<Counts>,
    pub(crate) lifeline: Arc<Lifeline>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session").field("id", &self.0.id).finish_non_exhaustive()
    }
}

impl Session {
    /// A session that is not let in yet, and whether policy would let it in.
    pub(crate) fn open(
        engine: Arc<Engine>,
        ask: &OpenRequest,
        opening: Opening,
    ) -> (Self, Decision) {
        let asker = Arc::new(Asker { chain: ask.chain.clone(), resource: ask.resource.clone() });
        let hour = Context::at(now_us()).hour;
        let snapshot =
            Arc::new(Snapshot::new(asker.clone(), engine.policies(), hour, ask.classify.clone()));
        let decision = snapshot.decide_connect();
        let session = Self(Arc::new(Shared {
            engine,
            id: ask.id,
            principal: PrincipalKey::of(&ask.chain),
            asker,
            review_mode: ask.review_mode,
            notices: ask.notices.clone(),
            lifeline: opening.lifeline,
            counts: opening.counts,
            ledger: Ledger::default(),
            recorder: Mutex::new(opening.recorder),
            snapshot: Mutex::new(snapshot),
            running: Mutex::default(),
            exchanges: AtomicU64::new(0),
            stage: Mutex::new(Stage::Asked),
        }));
        session.stage_opened(ask, &decision);
        (session, decision)
    }

    /// The session's id.
    #[must_use]
    pub fn id(&self) -> SessionId {
        self.0.id
    }

    /// Who acts.
    #[must_use]
    pub fn chain(&self) -> &Chain {
        &self.0.asker.chain
    }

    /// Where.
    #[must_use]
    pub fn resource(&self) -> &str {
        &self.0.asker.resource
    }

    pub(crate) fn engine(&self) -> &Arc<Engine> {
        &self.0.engine
    }

    pub(crate) fn review_mode(&self) -> ReviewMode {
        self.0.review_mode
    }

    pub(crate) fn notices(&self) -> &dyn NoticeEncoder {
        &*self.0.notices
    }

    pub(crate) fn ledger(&self) -> &Ledger {
        &self.0.ledger
    }

    /// What the next request is decided by: the policies and the hour that hold now, and
    /// the last classification. Stays the same object as long as none of them changes.
    #[must_use]
    pub fn snapshot(&self) -> Arc<Snapshot> {
        let (policies, hour) = (self.0.engine.policies(), Context::at(now_us()).hour);
        let mut current = lock(&self.0.snapshot);
        if !current.is_of(&policies, hour) {
            *current = Arc::new(current.renewed(policies, hour));
        }
        current.clone()
    }

    /// Looks at the resource's classification afresh (it follows the target's catalog).
    pub fn reclassify(&self, classify: Classify) {
        let mut current = lock(&self.0.snapshot);
        *current = Arc::new(current.reclassified(classify));
    }

    /// Resolves when the policies or the hour may have changed, at the latest at `until`.
    pub(crate) async fn rules_changed(&self, until: Option<Instant>) {
        let mut changes = self.0.engine.policy_changes();
        changes.mark_unchanged();
        let hour_us = 3_600_000_000;
        let hour = Instant::now() + Duration::from_micros(hour_us - now_us() % hour_us);
        let until = until.map_or(hour, |until| until.min(hour));
        let _ = tokio::time::timeout_at(until, changes.changed()).await;
    }

    /// Resolves with the reason once the session must end: somebody killed it, its token
    /// has expired, or somebody of its chain lost the right to be there.
    pub async fn ended(&self) -> Ended {
        self.0.lifeline.ended().await
    }

    /// Ends the session, whatever runs in it; the first reason stays.
    pub fn end(&self, why: Ended) {
        self.0.lifeline.end(why);
    }

    pub(crate) fn check(&self) -> Result<(), Ended> {
        self.0.lifeline.check()
    }

    /// What the gateway itself says to the target. It is in no record, so no bytes of a client
    /// are in it.
    ///
    /// # Errors
    /// The session has ended.
    pub fn tell_target(&self, word: TargetWord) -> Result<Permitted, SessionError> {
        self.check()?;
        Ok(Permitted { wire: self.0.notices.to_target(word) })
    }

    /// The same, where the target has to answer.
    ///
    /// # Errors
    /// The session has ended.
    pub fn ask_target(&self, question: &dyn OwnQuestion) -> Result<Permitted, SessionError> {
        self.check()?;
        Ok(Permitted { wire: question.encode() })
    }

    /// Takes back whatever runs now, at the client's wish. What comes later is not meant.
    pub fn cancel(&self) {
        lock(&self.0.running).stops.values().for_each(|cancel| cancel.notify_one());
    }

    /// The place of a new exchange among the running ones.
    pub(crate) fn begin_exchange(&self) -> Running {
        let number = self.0.exchanges.fetch_add(1, Ordering::Relaxed) + 1;
        self.0.counts.exchanges.store(number, Ordering::Relaxed);
        let cancel = Arc::new(Notify::new());
        lock(&self.0.running).stops.insert(number, cancel.clone());
        Running::new(self.clone(), number, cancel)
    }

    /// Whatever it had to record is staged.
    pub(crate) fn end_exchange(&self, number: u64) {
        let mut running = lock(&self.0.running);
        running.stops.remove(&number);
        let last_words = running.stops.is_empty().then(|| running.closing.take()).flatten();
        drop(running);
        if let Some(why) = last_words {
            self.0.close(&why);
        }
    }

    /// A refusal of an exchange.
    pub(crate) fn refusal(
        &self,
        exchange: u64,
        code: RefusalCode,
        message: String,
        rule: Option<RuleId>,
        hint: Option<String>,
    ) -> Refusal {
        let request = RequestId { session: self.0.id, exchange };
        Refusal { code, message, rule, request, hint, review: None }
    }

    /// Why nothing more of this principal may be recorded, if so.
    pub(crate) async fn no_room(&self, exchange: u64) -> Result<Option<Refusal>, SessionError> {
        let (engine, now_us) = (&self.0.engine, now_us());
        let (all, who) = (&engine.evidence_use, &self.0.principal);
        if let Some(untold) = all.untold(who, now_us) {
            let total = engine.reserve(&untold.key, Usage::of(Unit::Bytes, untold.bytes)).await?;
            all.told(who, &untold, total.get(Unit::Bytes), now_us);
        }
        let day_max = engine.limits().evidence_per_principal_max;
        let room = all.room(who, day_max, engine.log.space(), now_us);
        let Err(why) = room else { return Ok(None) };
        let (code, message, hint) = match why {
            NoRoom::DayUsed => (
                RefusalCode::LimitExceeded,
                "no more can be recorded of you today, so nothing more may pass",
                "ask for less, or have an operator raise `limits.evidence_per_principal_max`",
            ),
            NoRoom::Heaviest => (
                RefusalCode::LimitExceeded,
                "the disk for evidence becomes full, and you have used most of it",
                "ask for less data at once, and try again once an operator has made room",
            ),
            NoRoom::Full => (
                RefusalCode::Unrecordable,
                "the disk for evidence is full, so nothing may pass",
                "an operator must make room",
            ),
        };
        Ok(Some(self.refusal(exchange, code, message.into(), None, Some(hint.into()))))
    }

    /// Masks, records and releases what belongs to no exchange: what the target has said
    /// of itself at its login, and what it says unasked.
    pub async fn release<P: Reply>(&self, reply: P) -> Result<Released, SessionError> {
        self.check()?;
        let masked = reply.mask(&self.0.engine.masker)?;
        if masked.bytes.is_empty() {
            return Ok(Released { bytes: masked.bytes });
        }
        self.record_release(NO_EXCHANGE, masked).await
    }

    /// Records and releases the gateway's own words.
    pub(crate) async fn say(
        &self,
        exchange: u64,
        notice: Notice<'_>,
    ) -> Result<Released, SessionError> {
        let bytes = self.0.notices.encode(notice);
        self.record_release(exchange, Masked { bytes, ..Masked::default() }).await
    }

    /// Asks for the data of a request before it is decided: [`Notice::SendData`].
    pub async fn ask_for_data(&self, form: DataForm, parts: u16) -> Result<Released, SessionError> {
        self.check()?;
        self.say(NO_EXCHANGE, Notice::SendData { form, parts }).await
    }

    /// What of a reply a reviewer may read; nothing of it goes to the client.
    pub fn mask_for_reviewers<P: Reply>(&self, reply: P) -> Result<Masked, Unmaskable> {
        reply.mask(&self.0.engine.masker)
    }

    /// Most rows that a reviewer is shown of those that a write would touch.
    #[must_use]
    pub fn review_examples(&self) -> u32 {
        self.0.engine.limits().review_examples
    }

    /// Most bytes that are kept while a person decides.
    #[must_use]
    pub fn held_bytes_max(&self) -> u64 {
        self.0.engine.limits().held_bytes_max as u64
    }

    /// The last words to the client; empty where there is nothing to say.
    pub async fn farewell(&self, why: &SessionError) -> Result<Released, SessionError> {
        self.say(NO_EXCHANGE, Notice::Ended(why)).await
    }

    /// Ends the session, with the reason that the evidence gets. Nothing begins in it any
    /// more; what still runs is told to stop, and the session's last record comes behind its.
    pub async fn close(self, why: &str) {
        self.end(Ended::Killed(why.to_owned()));
        if self.is_quiet_or_closes_later(why) {
            self.0.close(why);
        }
        let _ = self.commit().await;
    }

    fn is_quiet_or_closes_later(&self, why: &str) -> bool {
        let mut running = lock(&self.0.running);
        let is_quiet = running.stops.is_empty();
        if !is_quiet {
            running.closing.get_or_insert_with(|| why.to_owned());
        }
        is_quiet
    }
}

impl Shared {
    fn close(&self, why: &str) {
        let stage = std::mem::replace(&mut *lock(&self.stage), Stage::Closed);
        let was_open = match stage {
            Stage::Asked => false,
            Stage::Open => true,
            Stage::Closed => return,
        };
        self.record_closed(why);
        if was_open {
            self.engine.live.remove(self.id);
            self.engine.observer.session_closed(&self.asker.resource);
        }
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        // INVARIANT: every opened session is closed in the evidence, whatever ended it.
        if matches!(*lock(&self.stage), Stage::Open) {
            self.close("dropped");
        }
    }
}
