//! Held commands and the people who answer.
//!
//! A review is opened by the session engine, answered once by a person of its groups
//! who is not the requester, and used once. Decisions are on disk before anyone who
//! waits hears of them. What is approved is a digest of content, made by the engine;
//! it is compared here, never interpreted.

mod rows;
#[cfg(test)]
mod tests;

pub use rows::{Review, ReviewState};

use crate::identity::Identity;
use crate::store::{Store, StoreError};
use portreeve_model::{Chain, Party, PartyKind, ReviewId};
use portreeve_session::{Answer, BoxFuture, Claim, DeskError, ReviewAsk, ReviewDesk};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};
use tokio::sync::Notify;

/// What a reviewer says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Decision {
    /// It may happen.
    Approve,
    /// It may not.
    Deny,
}

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
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The reviews of a gateway.
#[derive(Clone, Debug)]
pub struct Reviews {
    store: Store,
    waiting: Arc<Mutex<HashMap<ReviewId, Arc<Notify>>>>,
}

impl Reviews {
    /// Takes over the reviews of a store. Whoever waited for the pending ones is gone
    /// with the gateway that asked: they become abandoned.
    ///
    /// # Errors
    /// The store fails.
    pub fn start(store: Store, at: SystemTime) -> Result<Self, StoreError> {
        let abandoned = store.with(|connection| {
            rows::forget_statements(connection, at)?;
            rows::abandon_all(connection, at)
        })?;
        if abandoned > 0 {
            tracing::info!(abandoned, "reviews of an earlier run were abandoned");
        }
        Ok(Self { store, waiting: Arc::default() })
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
        let mut all = self
            .store
            .call(move |connection| {
                rows::expire(connection, at)?;
                rows::list(connection, state, LIST_MAX)
            })
            .await?;
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
        let wanted = id.clone();
        let found = self
            .store
            .call(move |connection| {
                rows::expire(connection, at)?;
                rows::find(connection, &wanted)
            })
            .await?;
        found
            .filter(|review| may_see(review, viewer))
            .ok_or_else(|| DecideError::NotFound(id.clone()))
    }

    /// Decides. The first decision counts.
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
        let (wanted, by) = (id.clone(), reviewer.chain.principal.clone());
        let (decided, review) = self
            .store
            .call(move |connection| {
                let decided = rows::decide(connection, &wanted, decision, &by, comment, at)?;
                rows::expire(connection, at)?;
                Ok((decided, rows::find(connection, &wanted)?))
            })
            .await?;
        let review = review.ok_or_else(|| DecideError::NotFound(id.clone()))?;
        self.wake(id);
        if decided { Ok(review) } else { Err(DecideError::Closed(review.state)) }
    }

    /// How many wait for a person.
    ///
    /// # Errors
    /// The store fails.
    pub async fn open_count(&self, at: SystemTime) -> Result<u64, StoreError> {
        self.store.call(move |connection| rows::pending_count(connection, at)).await
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
            let wanted = id.clone();
            let now = SystemTime::now();
            let answer =
                self.store.call(move |connection| rows::answer(connection, &wanted, now)).await?;
            let deadline = match answer {
                rows::Progress::Closed(answer) => return Ok(answer),
                rows::Progress::Open { deadline } => deadline,
            };
            let left = deadline.duration_since(SystemTime::now()).unwrap_or_default();
            // Either way the store is asked again: it decides, not the clock here.
            let _ = tokio::time::timeout(left + CLOCK_GRAIN, waiter.notify.notified()).await;
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

impl ReviewDesk for Reviews {
    fn open(&self, ask: ReviewAsk) -> BoxFuture<'_, Result<ReviewId, DeskError>> {
        Box::pin(async move {
            self.store
                .call(move |connection| rows::open(connection, &ask, SystemTime::now()))
                .await
                .map_err(|error| DeskError(error.to_string()))
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
            let result = reviews.store.with(|connection| rows::abandon(connection, &review, at));
            if let Err(error) = result {
                tracing::error!(%review, %error, "the review stays open until it lapses");
            }
            reviews.wake(&review);
        };
        match tokio::runtime::Handle::try_current() {
            // Lost when the process ends first; the next start abandons it then.
            Ok(runtime) => drop(runtime.spawn_blocking(work)),
            Err(_) => work(),
        }
    }

    fn claim(&self, ask: &ReviewAsk) -> BoxFuture<'_, Result<Claim, DeskError>> {
        let ask = ask.clone();
        Box::pin(async move {
            self.store
                .call(move |connection| rows::claim(connection, &ask, SystemTime::now()))
                .await
                .map_err(|error| DeskError(error.to_string()))
        })
    }
}

/// Whether someone may see a review: who was asked, who asks, and auditors. What an
/// actor sees is what its principal asked for, not what its principal may answer.
fn may_see(review: &Review, viewer: &Identity) -> bool {
    let principal = &viewer.chain.principal;
    if same(&review.chain.principal, principal) {
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
    if is_requester(&review.chain, person) {
        return Some("nobody can decide about what they asked for themselves");
    }
    if !person.groups.iter().any(|group| review.groups.contains(group)) {
        return Some("only a member of the review's groups can decide");
    }
    None
}

fn is_requester(chain: &Chain, person: &Party) -> bool {
    chain.hops().any(|hop| same(hop, person))
}

fn same(left: &Party, right: &Party) -> bool {
    left.issuer == right.issuer && left.subject == right.subject
}

/// The group that sees every review, and decides none for that.
pub const AUDITORS: &str = "auditors";
const COMMENT_BYTES_MAX: usize = 4096;
/// Most reviews of a list, before those that the viewer may not see are left out.
const LIST_MAX: u32 = 10_000;
/// So that a waiter does not ask a moment before the deadline, and again, and again.
const CLOCK_GRAIN: Duration = Duration::from_millis(2);
