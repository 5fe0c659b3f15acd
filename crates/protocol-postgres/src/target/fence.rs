//! The fence: a plan is bound to the definitions that executed.
//!
//! A session of the gateway's own asks the target for the versions behind the names in
//! flight; it is shared by all sessions of a resource, like a group commit: whoever asks
//! while a question is on its way waits for the next one. Where nothing was committed since
//! the last question, its answer still holds. A question that cannot be asked releases
//! nothing.

use super::answers::rows;
use super::versions::{self, read_some};
use portreeve_session::{BoxFuture, Fence, Fenced};
use portreeve_sql::Versions;
use portreeve_transport::{DialError, Dialer, PreAuth};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{Mutex, mpsc, oneshot};
use tokio::time::{Instant, timeout};

/// Questions that wait.
const QUESTIONS_MAX: usize = 4096;
/// How long an answer is as good as a new one for who only begins to plan.
const FRESH: Duration = Duration::from_millis(100);
/// Names whose versions are remembered.
const NAMES_MAX: usize = 10_000;

/// So many names are remembered whether something has them or not.
const ABSENT_MAX: usize = 500;

struct Question {
    names: Arc<BTreeSet<String>>,
    /// A session whose locks are asked for, too.
    process: Option<u32>,
    answer: oneshot::Sender<Result<Answer, Fenced>>,
}

#[derive(Clone)]
struct Answer {
    versions: Versions,
    has_changed: bool,
}

/// Whether a session has an open transaction, and holds a lock in it that only a change of a
/// relation's definition, or its truncation, takes.
///
/// SPEC: "Explicit Locking": an open transaction always holds a lock on itself.
const LOCKS: &str = "\
SELECT pg_catalog.count(*) > 0, pg_catalog.bool_or(locktype = 'relation' AND granted
         AND mode = 'AccessExclusiveLock' AND relation >= 16384)
FROM pg_catalog.pg_locks WHERE pid = ";

/// The asking end, shared by all sessions of a resource.
pub(crate) struct FenceLine {
    questions: mpsc::Sender<Question>,
    /// For the one task that asks the target.
    waiting: Mutex<mpsc::Receiver<Question>>,
    last: std::sync::Mutex<LastAnswer>,
    timeout: Duration,
}

/// What came of asking the last time.
#[derive(Default)]
struct LastAnswer {
    /// When that was; none where definitions have changed since.
    at: Option<Instant>,
    /// The target could not be asked.
    is_missing: bool,
}

impl FenceLine {
    pub(crate) fn new(timeout: Duration) -> Self {
        let (questions, waiting) = mpsc::channel(QUESTIONS_MAX);
        Self { questions, waiting: Mutex::new(waiting), last: std::sync::Mutex::default(), timeout }
    }

    fn last(&self) -> MutexGuard<'_, LastAnswer> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the target was asked a moment ago.
    fn is_fresh(&self) -> bool {
        self.last().at.is_some_and(|at| at.elapsed() < FRESH)
    }

    /// Definitions have changed: who plans next asks.
    pub(crate) fn forget_answer(&self) {
        self.last().at = None;
    }

    /// Whether definitions in use are others than those of a catalog, asked only after a
    /// quiet time. It saves a client the refusal that the fence has for old plans, and
    /// nothing rests on it.
    pub(crate) async fn is_outdated(&self, planned: &Versions) -> bool {
        if self.is_fresh() {
            return false;
        }
        let Ok(now) = self.ask(Arc::default(), None).await else { return false };
        let now = now.versions;
        let is_other = |(name, version)| planned.relations.get(name) != Some(version);
        now.code != planned.code || now.relations.iter().any(is_other)
    }

    /// Whether the target has other definitions behind some names than a catalog, or other
    /// code; also where it cannot be asked.
    pub(crate) async fn has_news(&self, names: Arc<BTreeSet<String>>, known: &Versions) -> bool {
        let Ok(now) = self.ask(names.clone(), None).await else { return true };
        let now = now.versions;
        let is_other = |name: &String| now.relations.get(name) != known.relations.get(name);
        now.code != known.code || names.iter().any(is_other)
    }

    /// Whether the target could be asked the last time.
    pub(crate) fn is_answered(&self) -> bool {
        !self.last().is_missing
    }

    /// Whether the open transaction of another session has changed definitions, as far as its
    /// locks tell: changes that nobody else can see yet.
    pub(crate) async fn has_changed_definitions(&self, process: u32) -> Result<bool, Fenced> {
        self.ask(Arc::default(), Some(process)).await.map(|answer| answer.has_changed)
    }

    /// The versions behind some names, as they are after the call began.
    async fn ask(
        &self,
        names: Arc<BTreeSet<String>>,
        process: Option<u32>,
    ) -> Result<Answer, Fenced> {
        let (answer, answered) = oneshot::channel();
        let question = Question { names, process, answer };
        let asked = async {
            self.questions.send(question).await.map_err(|_| Fenced::Unknown)?;
            answered.await.map_err(|_| Fenced::Unknown)?
        };
        timeout(self.timeout, asked).await.map_err(|_| Fenced::Unknown)?
    }

    /// Asks the target for all who wait, for ever. One task at a time does it.
    pub(crate) async fn serve(&self, dialer: &dyn Dialer) {
        let mut waiting = self.waiting.lock().await;
        let mut line = Line { dialer, connection: None, last: None, timeout: self.timeout };
        while let Some(first) = waiting.recv().await {
            let mut asked = vec![first];
            while let Ok(more) = waiting.try_recv() {
                asked.push(more);
            }
            // INVARIANT: what is read from here on was read after all of them had asked.
            let names: BTreeSet<String> =
                asked.iter().flat_map(|question| question.names.iter().cloned()).collect();
            let read = line.versions(&names).await;
            *self.last() = LastAnswer { at: Some(Instant::now()), is_missing: read.is_err() };
            if let Err(error) = &read {
                tracing::warn!(%error, "definitions cannot be asked for: nothing is released");
            }
            for question in asked {
                let answer = match (&read, question.process) {
                    (Ok(versions), None) => {
                        Ok(Answer { versions: versions.clone(), has_changed: false })
                    }
                    (Ok(versions), Some(process)) => {
                        let locks = line.has_changed(process).await;
                        let versions = versions.clone();
                        locks.map(|has_changed| Answer { versions, has_changed })
                    }
                    (Err(_), _) => Err(Fenced::Unknown),
                };
                let _ = question.answer.send(answer);
            }
        }
    }
}

/// The target's end.
struct Line<'a> {
    dialer: &'a dyn Dialer,
    connection: Option<PreAuth>,
    /// What was read last, and the moment that it is of.
    last: Option<(String, BTreeSet<String>, Versions)>,
    timeout: Duration,
}

impl Line<'_> {
    async fn versions(&mut self, names: &BTreeSet<String>) -> Result<Versions, DialError> {
        // A connection that fails is not used again.
        let (mut connection, is_old) = match self.connection.take() {
            Some(connection) => (connection, true),
            None => (self.dialer.dial(&BTreeMap::new()).await?.connection, false),
        };
        let mut read = timeout(self.timeout, self.read(&mut connection, names)).await;
        if is_old && !matches!(read, Ok(Ok(_))) {
            // The target may have ended it while it was idle; a new one tells.
            connection = self.dialer.dial(&BTreeMap::new()).await?.connection;
            read = timeout(self.timeout, self.read(&mut connection, names)).await;
        }
        let versions = read.map_err(|_| DialError::Timeout)??;
        self.connection = Some(connection);
        Ok(versions)
    }

    async fn has_changed(&mut self, process: u32) -> Result<bool, Fenced> {
        let connection = self.connection.as_mut().ok_or(Fenced::Unknown)?;
        let asked = timeout(self.timeout, rows(connection, &format!("{LOCKS}{process}"))).await;
        let Ok(Ok(locks)) = asked else {
            // A connection that fails is not used again.
            self.connection = None;
            return Err(Fenced::Unknown);
        };
        let is_true = |value: &Option<String>| value.as_deref() == Some("t");
        match locks.first().map(Vec::as_slice) {
            Some([is_open, has_changed]) => Ok(!is_true(is_open) || is_true(has_changed)),
            _ => Err(Fenced::Unknown),
        }
    }

    async fn read(
        &mut self,
        connection: &mut PreAuth,
        names: &BTreeSet<String>,
    ) -> Result<Versions, DialError> {
        if let Some((moment, known, versions)) = &self.last
            && names.is_subset(known)
            && *moment == versions::moment(connection).await?
        {
            return Ok(versions.clone());
        }
        let mut names = names.clone();
        if let Some((_, known, _)) =
            self.last.take().filter(|(_, known, _)| known.len() < NAMES_MAX)
        {
            names.extend(known);
        }
        let (moment, versions) = read_some(connection, &names).await?;
        if names.len() > ABSENT_MAX {
            // Names that clients have made up are not asked for again and again.
            names.retain(|name| versions.relations.contains_key(name));
        }
        self.last = moment.map(|moment| (moment, names, versions.clone()));
        Ok(versions)
    }
}

/// What one request rests on.
pub(crate) struct PlanFence {
    pub(crate) upstream: Arc<super::Upstream>,
    pub(crate) names: Arc<BTreeSet<String>>,
    /// The versions that the request was planned with.
    pub(crate) planned: Arc<Versions>,
}

impl Fence for PlanFence {
    fn check(&self) -> BoxFuture<'_, Result<(), Fenced>> {
        Box::pin(async move {
            let now = self.upstream.fence.ask(self.names.clone(), None).await?.versions;
            let is_same =
                |name: &String| now.relations.get(name) == self.planned.relations.get(name);
            if now.code == self.planned.code && self.names.iter().all(is_same) {
                return Ok(());
            }
            // So that the same command can be sent again at once.
            let _ = self.upstream.catalog.reread().await;
            Err(Fenced::Changed)
        })
    }
}
