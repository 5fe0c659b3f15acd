//! The index follows the log: rows and the cursor change in one transaction, so that an index
//! that was stopped at any moment goes on where it was.

use super::feed::{Feed, Open};
use super::shape::Shapes;
use super::{findings, schema};
use aws_lc_rs::digest::{SHA256, digest};
use portreeve_evidence::{EvidenceLog, LogReader, Place};
use portreeve_reports::Walk;
use portreeve_reports::anomalies::{Rules, Watch};
use rusqlite::{
    Connection, ErrorCode, OptionalExtension, Transaction, TransactionBehavior, params,
};
use std::fs::OpenOptions;
use std::ops::ControlFlow;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Why something could not be searched.
#[derive(Debug, thiserror::Error)]
pub enum SearchError {
    /// The question cannot be.
    #[error("{0}")]
    Asked(String),
    /// It took too long.
    #[error("that takes longer than {} s", super::question::TIME_MAX.as_secs())]
    TooLong,
    /// The log cannot be read.
    #[error(transparent)]
    Log(#[from] portreeve_evidence::Error),
    /// SQLite said no.
    #[error("the index of search failed: {0}")]
    Index(#[from] rusqlite::Error),
    /// The file.
    #[error("the index of search `{}` cannot be written: {error}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
}

/// How far an index is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Progress {
    /// Records that it has read.
    pub next: u64,
    /// Records that the log has.
    pub size: u64,
}

impl Progress {
    /// Records that are still to be read.
    #[must_use]
    pub fn behind(&self) -> u64 {
        self.size.saturating_sub(self.next)
    }
}

/// The index of a log, open for writing.
#[derive(Debug)]
pub struct Index {
    log: PathBuf,
    /// None: those by which the file was made.
    rules: Option<Rules>,
    /// None: a file of nobody else, which goes with the index.
    file: Option<PathBuf>,
    connection: Connection,
    /// Records of one transaction.
    pub(super) batch_max: u64,
    /// What goes on at the cursor; none until the log was read from where that is known.
    pass: Option<Pass>,
    /// The gateway's own log knows its newest checkpoint; others look for it in the files.
    writer: Option<EvidenceLog>,
    /// The checkpoint up to which all is in the file, and how far that is.
    seen: Option<(String, Progress)>,
}

/// A pass over the log that goes on.
#[derive(Debug)]
struct Pass {
    walk: Walk,
    open: Open,
    watch: Watch,
    shapes: Shapes,
    next: u64,
    /// Where that is in the log.
    place: Option<Place>,
    /// What was known before this record is in the index.
    taken: u64,
    /// The record before `next`.
    last: Vec<u8>,
    /// Whether something was taken out that may still lie in the journal.
    forgot: bool,
}

/// The cursor, as the file has it.
struct Cursor {
    log: String,
    next: u64,
    begin: u64,
    last: Vec<u8>,
    rules: Option<Rules>,
}

/// Records that are read in one transaction.
const BATCH_RECORDS_MAX: u64 = 20_000;
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// Exchanges of many shapes change as many pages: those stay in memory, and are written back from
/// the journal once for many changes.
const CACHE_KIB_MAX: i64 = 16 << 10;
const JOURNAL_PAGES: i64 = 4_000;

impl Index {
    /// Opens the index of the log in `log`; one that is missing or cannot be used is made anew.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn open(log: &Path, file: &Path, rules: Option<Rules>) -> Result<Self, SearchError> {
        let opened = match connect(file) {
            Err(SearchError::Index(error)) if is_broken(&error) => {
                tracing::warn!(%error, "the index of search is made anew");
                remove(file)?;
                connect(file)
            }
            other => other,
        };
        Ok(Self { file: Some(file.to_owned()), ..Self::of(log, opened?, rules) })
    }

    /// An index that nobody else sees and that goes when it is dropped.
    ///
    /// # Errors
    /// There is no room for it.
    pub fn temporary(log: &Path, rules: Option<Rules>) -> Result<Self, SearchError> {
        // A file without a name: what does not fit into memory goes to the disk.
        let connection = Connection::open("")?;
        prepare(&connection)?;
        Ok(Self::of(log, connection, rules))
    }

    fn of(log: &Path, connection: Connection, rules: Option<Rules>) -> Self {
        Self {
            log: log.to_owned(),
            rules,
            file: None,
            connection,
            batch_max: BATCH_RECORDS_MAX,
            pass: None,
            writer: None,
            seen: None,
        }
    }

    /// Beside the gateway that writes the log.
    #[must_use]
    pub fn beside(self, writer: EvidenceLog) -> Self {
        Self { writer: Some(writer), ..self }
    }

    pub(super) fn connection(&mut self) -> &mut Connection {
        &mut self.connection
    }

    /// Reads what is new, at most one batch. An index that turns out to be broken, or to be that
    /// of another log, is made anew.
    ///
    /// # Errors
    /// The log cannot be read, or the file cannot be written.
    pub fn catch_up(&mut self) -> Result<Progress, SearchError> {
        match self.read() {
            Err(SearchError::Index(error)) if is_broken(&error) => {
                tracing::warn!(%error, "the index of search is made anew");
                self.renew()?;
                self.read()
            }
            other => other,
        }
    }

    /// Reads all that is there.
    ///
    /// # Errors
    /// As [`Self::catch_up`].
    pub fn catch_up_whole(&mut self) -> Result<Progress, SearchError> {
        loop {
            let progress = self.catch_up()?;
            if progress.behind() == 0 {
                return Ok(progress);
            }
        }
    }

    /// Throws away what is there.
    fn renew(&mut self) -> Result<(), SearchError> {
        self.pass = None;
        self.seen = None;
        self.connection = match &self.file {
            None => Connection::open("")?,
            Some(file) => {
                self.connection = Connection::open("")?;
                remove(file)?;
                connect(file)?
            }
        };
        if self.file.is_none() {
            prepare(&self.connection)?;
        }
        Ok(())
    }

    fn read(&mut self) -> Result<Progress, SearchError> {
        let reader = LogReader::open(&self.log)?;
        let newest = match &self.writer {
            Some(writer) => writer.checkpoint(),
            None => reader.newest_checkpoint()?,
        };
        if let Some((_, progress)) =
            self.seen.as_ref().filter(|(seen, _)| newest.as_ref() == Some(seen))
        {
            return Ok(*progress);
        }
        let opened = newest.as_ref().and_then(|note| reader.key().open(note));
        let size = opened.map_or(0, |newest| newest.size);
        let transaction =
            self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        // What goes on is known once more when this transaction is in the file.
        let pass = self.pass.take();
        let key = reader.key().to_string();
        let (rules, batch_max) = (self.rules.clone(), self.batch_max);
        let log = Log { reader, key, size, rules, batch_max };
        let (mut pass, progress) = match advance(&transaction, &log, pass)? {
            Some(advanced) => advanced,
            None => {
                schema::clear(&transaction)?;
                schema::create(&transaction)?;
                let begun = advance(&transaction, &log, None)?;
                begun
                    .ok_or_else(|| SearchError::Asked("the log changes while it is read".into()))?
            }
        };
        transaction.commit()?;
        if pass.forgot {
            // SECURITY: what left the tables is in the journal until that is written back; whoever
            // reads at the moment has it tried again.
            let busy = "PRAGMA wal_checkpoint(TRUNCATE)";
            let busy = self.connection.query_row(busy, [], |row| row.get::<_, i64>(0))?;
            pass.forgot = busy != 0;
        }
        self.pass = Some(pass);
        self.seen = newest.filter(|_| progress.behind() == 0).map(|newest| (newest, progress));
        Ok(progress)
    }
}

/// The log, as far as it is committed now.
struct Log {
    reader: LogReader,
    key: String,
    size: u64,
    rules: Option<Rules>,
    batch_max: u64,
}

/// Goes on with the log; none where the index is not that of this log.
fn advance(
    transaction: &Transaction<'_>,
    log: &Log,
    pass: Option<Pass>,
) -> Result<Option<(Pass, Progress)>, SearchError> {
    let cursor = load(transaction)?;
    let is_other = |cursor: &Cursor| {
        let has_other_rules = match (&log.rules, &cursor.rules) {
            (Some(wanted), known) => known.as_ref() != Some(wanted),
            (None, known) => known.is_none(),
        };
        cursor.log != log.key || cursor.next > log.size || has_other_rules
    };
    if cursor.as_ref().is_some_and(is_other) {
        return Ok(None);
    }
    let known_rules = cursor.as_ref().and_then(|cursor| cursor.rules.clone());
    let rules = log.rules.clone().or(known_rules).unwrap_or_default();
    let next = cursor.as_ref().map_or(0, |cursor| cursor.next);
    let mut pass = match pass.filter(|pass| pass.next == next) {
        Some(pass) => pass,
        None => {
            // The record before `next` is looked at again: whether it is the one that was read.
            let begin =
                cursor.as_ref().map_or(0, |cursor| cursor.begin.min(next.saturating_sub(1)));
            let mut watch = Watch::new(rules.clone());
            if !findings::remember(transaction, &mut watch)? {
                return Ok(None);
            }
            let (walk, open) = (Walk::default(), Open::new());
            Pass {
                walk,
                open,
                watch,
                shapes: Shapes::default(),
                next: begin,
                place: None,
                taken: next,
                last: Vec::new(),
                forgot: false,
            }
        }
    };
    let known = cursor.map(|cursor| cursor.last).filter(|_| pass.next < next);
    if pass.next < log.size && !pass.read(transaction, log, known.as_deref())? {
        return Ok(None);
    }
    let begin = pass.open.values().map(|open| open.number).min().unwrap_or(pass.next);
    transaction
        .prepare_cached(
            "INSERT OR REPLACE INTO cursor (only, log, next, begin, last, rules)
             VALUES (1, ?1, ?2, ?3, ?4, ?5)",
        )?
        .execute(params![
            log.key,
            signed(pass.next),
            signed(begin),
            leaf_digest(&pass.last),
            rules_text(&rules)?
        ])?;
    let progress = Progress { next: pass.next, size: log.size };
    Ok(Some((pass, progress)))
}

impl Pass {
    /// Reads a batch, and what was read before as far as it is needed; says whether the log is
    /// the one that was read.
    fn read(
        &mut self,
        transaction: &Transaction<'_>,
        log: &Log,
        mut known: Option<&[u8]>,
    ) -> Result<bool, SearchError> {
        let (walk, next, last, taken) =
            (&mut self.walk, &mut self.next, &mut self.last, self.taken);
        let shapes = &mut self.shapes;
        let mut feed = Feed::new(transaction, &mut self.open, &mut self.watch, shapes, taken);
        let (mut fresh, mut failed) = (0, None);
        log.reader.follow(&mut self.place, *next, log.size, |entry| {
            if let Some(expected) = known
                && entry.index + 1 >= taken
            {
                let is_same = entry.index + 1 == taken && leaf_digest(entry.leaf) == expected;
                if !is_same {
                    return Ok(ControlFlow::Break(()));
                }
                known = None;
            }
            walk.take(&entry, None, &mut feed)?;
            if let Err(error) = feed.settle() {
                failed = Some(error);
                return Ok(ControlFlow::Break(()));
            }
            *next = entry.index + 1;
            last.clear();
            last.extend_from_slice(entry.leaf);
            fresh += u64::from(entry.index >= taken);
            Ok(match fresh >= log.batch_max {
                true => ControlFlow::Break(()),
                false => ControlFlow::Continue(()),
            })
        })?;
        if let Some(error) = failed {
            return Err(error.into());
        }
        self.forgot |= feed.finish()?;
        self.taken = self.taken.max(self.next);
        Ok(known.is_none())
    }
}

fn rules_text(rules: &Rules) -> rusqlite::Result<String> {
    serde_json::to_string(rules)
        .map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))
}

fn leaf_digest(leaf: &[u8]) -> Vec<u8> {
    digest(&SHA256, leaf).as_ref().to_vec()
}

fn signed(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

fn load(connection: &Connection) -> rusqlite::Result<Option<Cursor>> {
    let unsigned = |count: i64| u64::try_from(count).unwrap_or(0);
    connection
        .prepare_cached("SELECT log, next, begin, last, rules FROM cursor")?
        .query_row([], |row| {
            Ok(Cursor {
                log: row.get(0)?,
                next: unsigned(row.get(1)?),
                begin: unsigned(row.get(2)?),
                last: row.get(3)?,
                // Rules of another version are other rules.
                rules: serde_json::from_str(&row.get::<_, String>(4)?).ok(),
            })
        })
        .optional()
}

/// How many records of which log an index has read.
pub(super) fn position(connection: &Connection) -> rusqlite::Result<Option<(String, u64)>> {
    Ok(load(connection)?.map(|cursor| (cursor.log, cursor.next)))
}

fn connect(file: &Path) -> Result<Connection, SearchError> {
    let unusable = |error| SearchError::File { path: file.to_owned(), error };
    if let Some(folder) = file.parent() {
        std::fs::create_dir_all(folder).map_err(unusable)?;
    }
    // SECURITY: it names people. SQLite gives its journal files the mode of the main file.
    OpenOptions::new().create(true).append(true).mode(0o600).open(file).map_err(unusable)?;
    let connection = Connection::open(file)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    // Below zero SQLite has KiB, above it pages.
    connection.pragma_update(None, "cache_size", -CACHE_KIB_MAX)?;
    connection.pragma_update(None, "wal_autocheckpoint", JOURNAL_PAGES)?;
    // What a power cut takes is read from the log once more.
    connection.pragma_update(None, "synchronous", "NORMAL")?;
    prepare(&connection)?;
    Ok(connection)
}

fn prepare(connection: &Connection) -> Result<(), SearchError> {
    connection.pragma_update(None, "secure_delete", true)?;
    connection.set_prepared_statement_cache_capacity(64);
    if !schema::is_current(connection)? {
        let transaction = connection.unchecked_transaction()?;
        schema::clear(&transaction)?;
        schema::create(&transaction)?;
        transaction.commit()?;
    }
    Ok(())
}

/// Whether the file is to blame, and not its surroundings.
fn is_broken(error: &rusqlite::Error) -> bool {
    match error.sqlite_error_code() {
        Some(code) => matches!(
            code,
            // A table or a row that this program did not write is as bad as a broken page.
            ErrorCode::DatabaseCorrupt
                | ErrorCode::NotADatabase
                | ErrorCode::ConstraintViolation
                | ErrorCode::Unknown
        ),
        None => true,
    }
}

fn remove(file: &Path) -> Result<(), SearchError> {
    for ending in ["", "-wal", "-shm", "-journal"] {
        let mut path = file.to_owned().into_os_string();
        path.push(ending);
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(SearchError::File { path: path.into(), error });
            }
            _ => {}
        }
    }
    Ok(())
}
