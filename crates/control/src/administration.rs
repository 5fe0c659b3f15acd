//! From the store's journal into the evidence: what was done by somebody who does not
//! write the log is recorded by a gateway that does.
//!
//! Whoever depends on it waits: a token is accepted, and an approval counts, once their
//! event is durable.

use crate::store::{Journal, StoreError, off_runtime};
use portreeve_evidence::EvidenceLog;
use portreeve_model::Event;
use portreeve_session::BoxFuture;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

/// Writes to the evidence, durably.
pub trait Recorder: Send + Sync {
    /// Records events in order; done when all of them are durable.
    ///
    /// # Errors
    /// Why they are not.
    fn record(&self, events: Vec<Event>) -> BoxFuture<'_, Result<(), String>>;
}

impl Recorder for EvidenceLog {
    fn record(&self, events: Vec<Event>) -> BoxFuture<'_, Result<(), String>> {
        let receipt = self.append_all(events);
        Box::pin(async move { receipt.durable().await.map_err(|sealed| sealed.to_string()) })
    }
}

/// Carries the journal over. Cheap to clone.
#[derive(Clone)]
pub struct AdminLog {
    journal: Arc<dyn Journal>,
    recorder: Arc<dyn Recorder>,
}

impl std::fmt::Debug for AdminLog {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AdminLog").finish_non_exhaustive()
    }
}

/// Why the journal is not in the evidence.
#[derive(Debug, thiserror::Error)]
pub enum AdminLogError {
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The log.
    #[error("the evidence cannot be written: {0}")]
    Evidence(String),
    /// Another gateway has taken it and does not come to an end.
    #[error("another gateway has not recorded it in time")]
    Elsewhere,
}

impl AdminLog {
    /// Between a journal and a log.
    #[must_use]
    pub fn new(journal: Arc<dyn Journal>, recorder: Arc<dyn Recorder>) -> Self {
        Self { journal, recorder }
    }

    /// Records everything that is in the journal now.
    ///
    /// # Errors
    /// Some of it may not be in the evidence.
    pub async fn settle(&self) -> Result<(), AdminLogError> {
        let deadline = Instant::now() + SETTLE_TIMEOUT;
        while !self.carry_over().await? {
            if Instant::now() > deadline {
                return Err(AdminLogError::Elsewhere);
            }
            tokio::time::sleep(RETRY_AFTER).await;
        }
        Ok(())
    }

    /// Records what nobody else has in hand; true when nothing is left.
    async fn carry_over(&self) -> Result<bool, AdminLogError> {
        loop {
            let journal = self.journal.clone();
            let now = SystemTime::now();
            let entries = off_runtime(move || journal.take(now, now + TAKEN_FOR)).await?;
            if entries.is_empty() {
                let journal = self.journal.clone();
                return Ok(off_runtime(move || journal.is_settled()).await?);
            }
            let numbers: Vec<i64> = entries.iter().map(|entry| entry.number).collect();
            let events = entries.into_iter().map(|entry| entry.event).collect();
            let done = self.recorder.record(events).await;
            let journal = self.journal.clone();
            if let Err(why) = done {
                off_runtime(move || journal.release(&numbers)).await?;
                return Err(AdminLogError::Evidence(why));
            }
            off_runtime(move || journal.recorded(&numbers, SystemTime::now())).await?;
        }
    }

    /// Carries over what others do, for ever. The caller owns the task that runs this, and
    /// ends it.
    pub async fn keep_settled(&self) {
        loop {
            if let Err(error) = self.settle().await {
                tracing::error!(%error, "what administrators did is not in the evidence yet");
            }
            tokio::time::sleep(SETTLE_INTERVAL).await;
        }
    }
}

const SETTLE_INTERVAL: Duration = Duration::from_secs(1);
const SETTLE_TIMEOUT: Duration = Duration::from_secs(10);
const RETRY_AFTER: Duration = Duration::from_millis(20);
/// How long somebody who took entries may need to record them.
const TAKEN_FOR: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Store;
    use crate::testing::{Notes, folder};
    use portreeve_model::Administrator;
    use std::sync::Mutex;

    fn happened(number: u32) -> Event {
        Event::ReloadAsked { refused: Some(number.to_string()), by: Administrator::Gateway }
    }

    /// Refuses until it is told not to.
    #[derive(Default)]
    struct Moody(Mutex<Option<Notes>>);

    impl Recorder for Moody {
        fn record(&self, events: Vec<Event>) -> BoxFuture<'_, Result<(), String>> {
            let notes = self.0.lock().unwrap().clone();
            Box::pin(async move {
                match notes {
                    Some(notes) => notes.record(events).await,
                    None => Err("sealed".into()),
                }
            })
        }
    }

    #[tokio::test]
    async fn the_journal_is_carried_over_whole_and_once() {
        let folder = folder("journal");
        let store = Store::open(&folder.path).unwrap();
        let notes = Notes::default();
        let log = || AdminLog::new(store.journal.clone(), Arc::new(notes.clone()));
        for number in 0..600 {
            store.journal.add(&happened(number), SystemTime::now()).unwrap();
        }
        let (one, other) = (log(), log());
        let (one, other) = tokio::join!(one.settle(), other.settle());
        one.unwrap();
        other.unwrap();
        log().settle().await.unwrap();
        let events = notes.0.lock().unwrap();
        assert_eq!(events.len(), 600);
        for number in [0, 1, 599] {
            assert!(events.contains(&happened(number)), "{number}");
        }
    }

    #[tokio::test]
    async fn what_cannot_be_recorded_stays_for_the_next() {
        let folder = folder("journal-sealed");
        let store = Store::open(&folder.path).unwrap();
        let moody = Arc::new(Moody::default());
        let log = AdminLog::new(store.journal.clone(), moody.clone());
        store.journal.add(&happened(1), SystemTime::now()).unwrap();
        assert!(matches!(log.settle().await, Err(AdminLogError::Evidence(_))));
        assert!(!store.journal.is_settled().unwrap());
        let notes = Notes::default();
        *moody.0.lock().unwrap() = Some(notes.clone());
        log.settle().await.unwrap();
        assert_eq!(*notes.0.lock().unwrap(), [happened(1)]);
        assert!(store.journal.is_settled().unwrap());
    }
}
