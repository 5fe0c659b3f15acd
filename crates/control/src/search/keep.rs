//! The index of a gateway, and what asks it.

use super::findings::{self, FindingQuestion, FoundFindings};
use super::index::{Index, Progress, SearchError, position};
use super::question::{Found, Own, Question};
use crate::metrics::Metrics;
use portreeve_evidence::{EvidenceLog, LogReader, is_live, shares};
use portreeve_model::Party;
use portreeve_reports::anomalies::{Finding, Rules};
use rusqlite::{Connection, OpenFlags};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::task::spawn_blocking;

/// Beside the evidence.
pub const INDEX_FILE: &str = "search.sqlite";
/// How often the log is looked at.
const LOOK_INTERVAL: Duration = Duration::from_millis(500);
/// After a failure.
const PAUSE: Duration = Duration::from_secs(10);
/// A log of no more records is read at once.
const SMALL_RECORDS: u64 = 2_000;
/// How long a command waits until the index of a running gateway has read what is in the log.
const WAIT_MAX: Duration = Duration::from_secs(10);

/// The index of a gateway. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Search {
    log: EvidenceLog,
    file: PathBuf,
    rules: Rules,
    index: Arc<Mutex<Option<Index>>>,
}

impl Search {
    /// The index of the gateway's log, which lies in `data_dir`; `rules` say what is found.
    /// Nothing is opened yet.
    #[must_use]
    pub fn new(log: &EvidenceLog, data_dir: &Path, rules: Rules) -> Self {
        let file = data_dir.join(INDEX_FILE);
        Self { log: log.clone(), file, rules, index: Arc::default() }
    }

    /// Follows the log until the task is dropped.
    pub async fn run(&self, metrics: &Metrics) {
        loop {
            let began = Instant::now();
            let search = self.clone();
            let read = spawn_blocking(move || search.catch_up()).await;
            let pause = match read {
                Ok(Ok(progress)) => {
                    metrics.set_search_lag(progress.behind());
                    // Others have the processor half of the time.
                    if progress.behind() > 0 { began.elapsed() } else { LOOK_INTERVAL }
                }
                Ok(Err(error)) => {
                    tracing::warn!(%error, "search does not follow the log: again later");
                    PAUSE
                }
                Err(error) => {
                    tracing::error!(%error, "search ended by a fault of its own");
                    PAUSE
                }
            };
            tokio::time::sleep(pause).await;
        }
    }

    fn catch_up(&self) -> Result<Progress, SearchError> {
        let mut index = self.index.lock().unwrap_or_else(PoisonError::into_inner);
        let open = match index.take() {
            Some(open) => open,
            None => Index::open(self.log.dir(), &self.file, Some(self.rules.clone()))?
                .beside(self.log.clone()),
        };
        // What failed is opened anew.
        index.insert(open).catch_up().inspect_err(|_| *index = None)
    }

    /// Answers a question from all that the log holds now, or says how much is still to be read.
    /// Somebody who may see no more than what is their own is named by `own`.
    ///
    /// # Errors
    /// See [`SearchError`].
    pub async fn ask(&self, question: Question, own: Option<Party>) -> Result<Found, SearchError> {
        let search = self.clone();
        let work = move || {
            let progress = search.catch_up()?;
            let own = own.as_ref().map(|party| (party.issuer.as_str(), party.subject.as_str()));
            let mut found = search.answer(&question, own)?;
            found.behind = progress.behind();
            Ok(found)
        };
        match spawn_blocking(work).await {
            Ok(answer) => answer,
            Err(error) => {
                Err(SearchError::Asked(format!("it ended by a fault of its own: {error}")))
            }
        }
    }

    /// Findings, as of all that the log holds now.
    ///
    /// # Errors
    /// See [`SearchError`].
    pub async fn findings(&self, question: FindingQuestion) -> Result<FoundFindings, SearchError> {
        let search = self.clone();
        let work = move || {
            let progress = search.catch_up()?;
            let found = question.ask(&mut read_only(&search.file)?)?;
            Ok(FoundFindings { behind: progress.behind(), ..found })
        };
        match spawn_blocking(work).await {
            Ok(answer) => answer,
            Err(error) => {
                Err(SearchError::Asked(format!("it ended by a fault of its own: {error}")))
            }
        }
    }

    /// Findings that were made after one, in the order in which they were made; each with its
    /// number. What follows the log asks for them.
    pub(crate) async fn findings_after(
        &self,
        number: i64,
        count: usize,
    ) -> Result<Vec<(i64, Finding)>, SearchError> {
        let search = self.clone();
        let work = move || match search.file.exists() {
            true => Ok(findings::after(&read_only(&search.file)?, number, count)?),
            false => Ok(Vec::new()),
        };
        match spawn_blocking(work).await {
            Ok(answer) => answer,
            Err(error) => {
                Err(SearchError::Asked(format!("it ended by a fault of its own: {error}")))
            }
        }
    }

    fn answer(&self, question: &Question, own: Own<'_>) -> Result<Found, SearchError> {
        let mut connection = read_only(&self.file)?;
        question.ask(&mut connection, own, &shares(self.log.dir())?)
    }
}

/// Answers a question about the log in `log` without a gateway's API: from the index beside it,
/// where one is kept up; otherwise from one that is made for this question.
///
/// # Errors
/// See [`SearchError`].
pub fn ask_offline(log: &Path, question: &Question) -> Result<Found, SearchError> {
    let shares = shares(log)?;
    offline(log, None, |connection, behind| {
        Ok(Found { behind, ..question.ask(connection, None, &shares)? })
    })
}

/// The same for findings; `rules` are those of the configuration, or those by which the index
/// was made.
///
/// # Errors
/// See [`SearchError`].
pub fn findings_offline(
    log: &Path,
    rules: Option<Rules>,
    question: &FindingQuestion,
) -> Result<FoundFindings, SearchError> {
    offline(log, rules, |connection, behind| {
        Ok(FoundFindings { behind, ..question.ask(connection)? })
    })
}

/// One finding by its id.
///
/// # Errors
/// See [`SearchError`].
pub fn finding_offline(
    log: &Path,
    rules: Option<Rules>,
    id: &str,
) -> Result<Option<Finding>, SearchError> {
    offline(log, rules, |connection, _| Ok(findings::named(connection, id)?))
}

fn offline<T>(
    log: &Path,
    rules: Option<Rules>,
    ask: impl Fn(&mut Connection, u64) -> Result<T, SearchError>,
) -> Result<T, SearchError> {
    let file = log.parent().map(|folder| folder.join(INDEX_FILE)).filter(|file| is_mine(file));
    let temporary = || Index::temporary(log, rules.clone());
    let mut index = match file {
        // It is the gateway that writes it: two that do would read the log twice. A little is read
        // sooner than the gateway looks again.
        Some(file) if is_live(log) => {
            let (key, size) = whole(log)?;
            let waited = if size > SMALL_RECORDS { wait(&file, &key, size).ok() } else { None };
            match waited {
                Some(behind) => return ask(&mut read_only(&file)?, behind),
                None => temporary()?,
            }
        }
        // A folder that cannot be written has one that cannot be kept up.
        Some(file) => Index::open(log, &file, rules.clone()).or_else(|_| temporary())?,
        None => temporary()?,
    };
    let behind = index.catch_up_whole()?.behind();
    ask(index.connection(), behind)
}

/// The key of a log, and how many records it has.
fn whole(log: &Path) -> Result<(String, u64), SearchError> {
    let reader = LogReader::open(log)?;
    let newest = reader.newest_checkpoint()?;
    let size = newest.and_then(|note| reader.key().open(&note)).map_or(0, |newest| newest.size);
    Ok((reader.key().to_string(), size))
}

/// Until the index has read what is in the log now; says what it has not.
fn wait(file: &Path, key: &str, size: u64) -> Result<u64, SearchError> {
    let began = Instant::now();
    loop {
        let read = match position(&read_only(file)?)? {
            Some((of, next)) if of == key => next,
            _ => 0,
        };
        if read >= size || began.elapsed() > WAIT_MAX {
            return Ok(size.saturating_sub(read));
        }
        std::thread::sleep(LOOK_INTERVAL / 10);
    }
}

/// Whether the file is there and belongs to who runs this: files that somebody else wrote beside
/// it the gateway could not open.
fn is_mine(file: &Path) -> bool {
    let uid = |path: &Path| std::fs::metadata(path).map(|found| found.uid()).ok();
    uid(file).is_some_and(|owner| uid(Path::new("/proc/self")) == Some(owner))
}

fn read_only(file: &Path) -> Result<Connection, SearchError> {
    let connection = Connection::open_with_flags(file, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    connection.busy_timeout(Duration::from_secs(5))?;
    Ok(connection)
}
