//! Held commands and the people who answer.
//!
//! A review is opened by the session engine, answered by as many different people of its
//! groups as it needs, none of whom is the requester, and used once. Decisions are in the
//! evidence, with who made them and how that was known, before anyone who waits hears of
//! them. What is approved is a digest of content, made by the engine; it is compared here,
//! never interpreted.
//!
//! Several gateways share the reviews of a store. A review belongs to the gateway that
//! holds its command; a decision may come in at another one.

#[cfg(test)]
mod tests;

pub use crate::store::{Decision, Review, ReviewState};

use crate::administration::{AdminLog, AdminLogError};
use crate::identity::Identity;
use crate::people::{Same, is_in};
use crate::store::{
    AnswerGiven, Decided, GatewayId, Progress, Store, StoreError, Topic, off_runtime,
};
use portreeve_model::{Attestation, PartyKind, ReviewId};
use portreeve_session::{Answer, ApprovalError, ApprovalService, BoxFuture, Claim, ReviewAsk};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};
use tokio::sync::Notify;

/// Why a decision does not count.
#[derive(Debug, thiserror::Error)]
pub enum DecideError {
    /// None of the id, or none that the caller may see.
    #[error("there is no review `{0}` that you may see")]
    NotFound(ReviewId),
    /// The caller may not decide.
    #[error("{0}")]
    NotReviewer(&'static str),
    /// Someone was first, or it lapsed.
    #[error("the review is {0} already")]
    Closed(ReviewState),
    /// The comment is too long.
    #[error("a comment has at most {COMMENT_BYTES_MAX} bytes")]
    Comment,
    /// The same person has approved already.
    #[error("you have approved it already; somebody else has to, too")]
    Again,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The evidence cannot be written.
    #[error(transparent)]
    Evidence(#[from] AdminLogError),
}

/// The reviews of an installation, as one gateway of it sees them.
#[derive(Clone, Debug)]
pub struct Reviews {
    store: Store,
    gateway: GatewayId,
    log: AdminLog,
    waiting: Arc<Mutex<HashMap<ReviewId, Arc<Notify>>>>,
}

impl Reviews {
    /// Begins to open and answer reviews for a gateway. Whoever waited for what it asked in
    /// an earlier run is gone: that is abandoned. What other gateways ask is theirs.
    ///
    /// # Errors
    /// The store fails.
    pub fn start(
        store: Store,
        gateway: GatewayId,
        log: AdminLog,
        at: SystemTime,
    ) -> Result<Self, StoreError> {
        let abandoned = store.reviews.begin(&gateway, at, at + LEASE)?;
        if abandoned > 0 {
            tracing::info!(abandoned, "reviews of an earlier run were abandoned");
        }
        Ok(Self { store, gateway, log, waiting: Arc::default() })
    }

    /// Renews the gateway's lease, and wakes who waits when another process has decided
    /// something, for ever. The caller owns the task that runs this, and ends it.
    pub async fn keep(&self) {
        let mut known = None;
        let mut renewed: Option<Instant> = None;
        loop {
            if renewed.is_none_or(|at| at.elapsed() >= LEASE_RENEWAL) {
                renewed = Some(Instant::now());
                let (rows, gateway) = (self.store.reviews.clone(), self.gateway.clone());
                let until = SystemTime::now() + LEASE;
                if let Err(error) = off_runtime(move || rows.renew(&gateway, until)).await {
                    tracing::error!(%error, "reviews of this gateway lapse unless this ends");
                }
            }
            let journal = self.store.journal.clone();
            let epoch = off_runtime(move || journal.epoch(Topic::Reviews)).await.ok();
            if epoch.is_none() || epoch != known {
                known = epoch;
                self.wake_all();
            }
            tokio::time::sleep(ASK_INTERVAL).await;
        }
    }

    /// The reviews that someone may see, newest first, with the first 500 characters
    /// of their statements.
    ///
    /// # Errors
    /// The store fails.
    pub async fn list(
        &self,
        viewer: &Identity,
        state: Option<ReviewState>,
        at: SystemTime,
    ) -> Result<Vec<Review>, StoreError> {
        let rows = self.store.reviews.clone();
        let mut all = off_runtime(move || rows.list(state, LIST_MAX, at)).await?;
        all.retain(|review| may_see(review, viewer));
        Ok(all)
    }

    /// One review.
    ///
    /// # Errors
    /// [`DecideError::NotFound`], also when the viewer may not see it.
    pub async fn show(
        &self,
        viewer: &Identity,
        id: &ReviewId,
        at: SystemTime,
    ) -> Result<Review, DecideError> {
        let (rows, wanted) = (self.store.reviews.clone(), id.clone());
        let found = off_runtime(move || rows.find(&wanted, at)).await?;
        found
            .filter(|review| may_see(review, viewer))
            .ok_or_else(|| DecideError::NotFound(id.clone()))
    }

    /// Decides. The first no counts, or as many different people's yes as it needs. The
    /// answer is in the evidence when this returns.
    ///
    /// # Errors
    /// The caller may not, or it is too late.
    pub async fn decide(
        &self,
        reviewer: &Identity,
        id: &ReviewId,
        decision: Decision,
        comment: Option<String>,
        at: SystemTime,
    ) -> Result<Review, DecideError> {
        if comment.as_ref().is_some_and(|comment| comment.len() > COMMENT_BYTES_MAX) {
            return Err(DecideError::Comment);
        }
        let review = self.show(reviewer, id, at).await?;
        if let Some(why) = objection(&review, reviewer) {
            return Err(DecideError::NotReviewer(why));
        }
        let answer = AnswerGiven {
            said: decision,
            reviewer: reviewer.chain.principal.clone(),
            attestation: attestation(reviewer),
            comment,
        };
        let (rows, wanted) = (self.store.reviews.clone(), id.clone());
        let (decided, review) = off_runtime(move || {
            let decided = rows.decide(&wanted, &answer, at)?;
            Ok::<_, StoreError>((decided, rows.find(&wanted, at)?))
        })
        .await?;
        let review = review.ok_or_else(|| DecideError::NotFound(id.clone()))?;
        match decided {
            Decided::Closed | Decided::Counted => {
                self.log.settle().await?;
                self.wake(id);
                Ok(review)
            }
            Decided::SamePerson => Err(DecideError::Again),
            Decided::TooLate => Err(DecideError::Closed(review.state)),
        }
    }

    /// How many wait for a person.
    ///
    /// # Errors
    /// The store fails.
    pub async fn open_count(&self, at: SystemTime) -> Result<u64, StoreError> {
        let rows = self.store.reviews.clone();
        off_runtime(move || rows.pending_count(at)).await
    }

    fn wake_all(&self) {
        let waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.values().for_each(|waiter| waiter.notify_waiters());
    }

    fn wake(&self, id: &ReviewId) {
        let waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(waiter) = waiting.get(id) {
            // For who waits now, and for who is about to.
            waiter.notify_waiters();
            waiter.notify_one();
        }
    }

    async fn wait(&self, id: &ReviewId) -> Result<Answer, StoreError> {
        let waiter = Waiter::register(self, id);
        loop {
            let (rows, wanted) = (self.store.reviews.clone(), id.clone());
            let notified = waiter.notify.notified();
            tokio::pin!(notified);
            // From here on nothing is missed, though the store is asked first.
            notified.as_mut().enable();
            let now = SystemTime::now();
            let deadline = match off_runtime(move || rows.answer(&wanted, now)).await? {
                Progress::Closed(answer) => return Ok(answer),
                Progress::Open { deadline } => deadline,
            };
            let left = deadline.duration_since(SystemTime::now()).unwrap_or_default();
            // Either way the store is asked again: it decides, not the clock here.
            let _ = tokio::time::timeout(left + CLOCK_GRAIN, notified).await;
        }
    }
}

/// A place in the table of those who wait; given back when dropped.
struct Waiter<'a> {
    reviews: &'a Reviews,
    id: ReviewId,
    notify: Arc<Notify>,
}

impl<'a> Waiter<'a> {
    fn register(reviews: &'a Reviews, id: &ReviewId) -> Self {
        let mut waiting = reviews.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let notify = Arc::clone(waiting.entry(id.clone()).or_default());
        Self { reviews, id: id.clone(), notify }
    }
}

impl Drop for Waiter<'_> {
    fn drop(&mut self) {
        let mut waiting = self.reviews.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        // The table's and ours: nobody else waits for it.
        if Arc::strong_count(&self.notify) <= 2 {
            waiting.remove(&self.id);
        }
    }
}

impl ApprovalService for Reviews {
    fn open(&self, ask: ReviewAsk) -> BoxFuture<'_, Result<ReviewId, ApprovalError>> {
        Box::pin(async move {
            let (rows, gateway) = (self.store.reviews.clone(), self.gateway.clone());
            off_runtime(move || rows.open(&gateway, &ask, SystemTime::now()))
                .await
                .map_err(|error: StoreError| ApprovalError(error.to_string()))
        })
    }

    fn answer(&self, review: &ReviewId) -> BoxFuture<'_, Answer> {
        let review = review.clone();
        Box::pin(async move {
            self.wait(&review).await.unwrap_or_else(|error| {
                tracing::error!(%review, %error, "the review cannot be read; nothing is run");
                Answer::Abandoned
            })
        })
    }

    fn abandon(&self, review: &ReviewId) {
        let (reviews, review) = (self.clone(), review.clone());
        let work = move || {
            let at = SystemTime::now();
            if let Err(error) = reviews.store.reviews.abandon(&review, at) {
                tracing::error!(%review, %error, "the review stays open until it lapses");
            }
            reviews.wake(&review);
        };
        match tokio::runtime::Handle::try_current() {
            // Lost when the process ends first; its lease ends then, or its next run begins.
            Ok(runtime) => drop(runtime.spawn_blocking(work)),
            Err(_) => work(),
        }
    }

    fn claim(&self, ask: &ReviewAsk) -> BoxFuture<'_, Result<Claim, ApprovalError>> {
        let ask = ask.clone();
        Box::pin(async move {
            let rows = self.store.reviews.clone();
            off_runtime(move || rows.claim(&ask, SystemTime::now()))
                .await
                .map_err(|error: StoreError| ApprovalError(error.to_string()))
        })
    }
}

/// Whether someone may see a review: who was asked, who asks, and auditors. What an
/// actor sees is what its principal asked for, not what its principal may answer.
fn may_see(review: &Review, viewer: &Identity) -> bool {
    let principal = &viewer.chain.principal;
    if review.chain.principal.is(principal) {
        return true;
    }
    let in_group = |group: &String| group == AUDITORS || review.groups.contains(group);
    viewer.chain.actors.is_empty() && principal.groups.iter().any(in_group)
}

/// Why someone may not decide.
// SECURITY: the order is of no importance; every line is needed. Tests name each.
fn objection(review: &Review, reviewer: &Identity) -> Option<&'static str> {
    let person = &reviewer.chain.principal;
    if !reviewer.chain.actors.is_empty() {
        return Some(
            "an actor cannot decide, for nobody; a person has to, with a token of their own",
        );
    }
    if person.kind != PartyKind::Person {
        return Some("only a person can decide");
    }
    match is_in(&review.chain, person) {
        Same::Yes => return Some("nobody can decide about what they asked for themselves"),
        Same::Unknown => {
            return Some(
                "nobody can say that you are another person than who asked, whom another issuer \
                 knows; the operator can link people with `person_claim`",
            );
        }
        Same::No => {}
    }
    if !reviewer.is_its_own() {
        return Some(
            "a token that was made from the gateway's files cannot decide; log in with your own \
             key: `portreeve login`",
        );
    }
    if !person.groups.iter().any(|group| review.groups.contains(group)) {
        return Some("only a member of the review's groups can decide");
    }
    None
}

fn attestation(reviewer: &Identity) -> Attestation {
    let principal = &reviewer.chain.principal;
    Attestation {
        issuer: principal.issuer.clone(),
        subject: principal.subject.clone(),
        person: principal.person.clone(),
        token: reviewer.token_id.clone(),
        address: reviewer.address.map(|address| address.to_string()),
        strength: reviewer.chain.strength.clone(),
    }
}

/// The group that sees every review, and decides none for that.
pub const AUDITORS: &str = "auditors";
const COMMENT_BYTES_MAX: usize = 4096;
/// Most reviews of a list, before those that the viewer may not see are left out.
const LIST_MAX: u32 = 10_000;
/// How long a gateway that says nothing may still be there. What it asked is abandoned then.
const LEASE: Duration = Duration::from_secs(30);
const LEASE_RENEWAL: Duration = Duration::from_secs(5);
/// How soon a decision that came in elsewhere is heard of.
const ASK_INTERVAL: Duration = Duration::from_millis(250);
/// So that a waiter does not ask a moment before the deadline, and again, and again.
const CLOCK_GRAIN: Duration = Duration::from_millis(2);
