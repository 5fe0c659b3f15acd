//! The control store: one SQLite file for accounts, the local issuer's key and reviews.
//!
//! Several processes may have it open (the gateway, and the operator's commands on
//! the same machine); SQLite's locks keep them apart. Evidence is not here.

mod accounts;
mod issuer;

pub(crate) use accounts::find as find_account;
pub use accounts::{Account, AccountKind, Disabled};
pub(crate) use issuer::StoredIssuer;

use rusqlite::Connection;
use std::fs::{DirBuilder, OpenOptions, Permissions};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Why the control store did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The file or its folder.
    #[error("cannot open the control store `{}`: {why}", path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// Why.
        why: String,
    },
    /// Written by a newer Portreeve.
    #[error(
        "the control store has schema version {found}, this program knows {known}; \
         hint: use the newer program"
    )]
    Newer {
        /// In the file.
        found: i64,
        /// Here.
        known: i64,
    },
    /// SQLite said no.
    #[error("the control store failed: {0}")]
    Database(#[from] rusqlite::Error),
    /// The asked-for thing is not there.
    #[error("there is no account `{0}`; hint: `portreeve accounts ls`")]
    NoAccount(String),
    /// It is there already.
    #[error("there is an account `{0}` already")]
    AccountExists(String),
    /// The request cannot be.
    #[error("{0}")]
    Refused(String),
    /// A row that this program did not write.
    #[error("the control store holds a broken {0}")]
    Broken(&'static str),
    /// The thread that did the work is gone.
    #[error("the control store's worker ended")]
    Gone,
}

/// The control store. Cheap to clone; all clones are one connection.
#[derive(Clone)]
pub struct Store {
    connection: Arc<Mutex<Connection>>,
    path: Arc<PathBuf>,
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store").field("path", &self.path).finish_non_exhaustive()
    }
}

impl Store {
    /// Opens `control.sqlite` in a folder, and makes both where they are missing.
    /// Only the owner can read them.
    ///
    /// # Errors
    /// The folder or the file cannot be made or read, or a newer program wrote it.
    pub fn open(data_dir: &Path) -> Result<Self, StoreError> {
        let path = data_dir.join("control.sqlite");
        let open_error = |why: &dyn std::fmt::Display| StoreError::Open {
            path: path.clone(),
            why: why.to_string(),
        };
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(data_dir)
            .map_err(|e| open_error(&e))?;
        // SECURITY: the file holds a signing key. SQLite gives its journal files the
        // mode of the main file.
        OpenOptions::new()
            .create(true)
            .append(true)
            .mode(0o600)
            .open(&path)
            .and_then(|file| file.set_permissions(Permissions::from_mode(0o600)))
            .map_err(|error| open_error(&error))?;
        let mut connection = Connection::open(&path).map_err(|error| open_error(&error))?;
        connection.busy_timeout(BUSY_TIMEOUT)?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        connection.pragma_update(None, "foreign_keys", true)?;
        connection.pragma_update(None, "secure_delete", true)?;
        migrate(&mut connection)?;
        Ok(Self { connection: Arc::new(Mutex::new(connection)), path: Arc::new(path) })
    }

    /// Does work on this thread.
    pub(crate) fn with<T>(
        &self,
        work: impl FnOnce(&mut Connection) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        // A panic inside `work` rolled its transaction back: the connection is whole.
        work(&mut self.connection.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Does work where it may block.
    pub(crate) async fn call<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let store = self.clone();
        tokio::task::spawn_blocking(move || store.with(work)).await.map_err(|_| StoreError::Gone)?
    }
}

/// Brings a file to the newest schema, one version after the other, each in a
/// transaction. There is no way back.
fn migrate(connection: &mut Connection) -> Result<(), StoreError> {
    let transaction =
        connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
    let found: i64 = transaction.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let known = i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX);
    let Ok(done) = usize::try_from(found) else { return Err(StoreError::Broken("version")) };
    if found > known {
        return Err(StoreError::Newer { found, known });
    }
    for migration in MIGRATIONS.iter().skip(done) {
        transaction.execute_batch(migration)?;
    }
    transaction.pragma_update(None, "user_version", known)?;
    transaction.commit()?;
    Ok(())
}

/// Microseconds since 1970, as the store keeps times.
pub(crate) fn micros(at: SystemTime) -> i64 {
    let since = at.duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}

/// Back from [`micros`].
pub(crate) fn time(micros: i64) -> SystemTime {
    UNIX_EPOCH + Duration::from_micros(u64::try_from(micros).unwrap_or(0))
}

const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// Version n is reached by the first n of these. Never edited, only added to.
const MIGRATIONS: [&str; 1] = ["
    CREATE TABLE account (
        name        TEXT PRIMARY KEY,
        kind        TEXT NOT NULL CHECK (kind IN ('person', 'service', 'actor')),
        groups      TEXT NOT NULL,
        disabled    INTEGER NOT NULL DEFAULT 0,
        created_us  INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE issuer (
        one         INTEGER PRIMARY KEY CHECK (one = 1),
        name        TEXT NOT NULL,
        key_id      TEXT NOT NULL,
        pkcs8       BLOB NOT NULL,
        created_us  INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE review (
        id          TEXT PRIMARY KEY,
        session     TEXT NOT NULL,
        exchange    INTEGER NOT NULL,
        chain       TEXT NOT NULL,
        resource    TEXT NOT NULL,
        statement   TEXT NOT NULL,
        reason      TEXT NOT NULL,
        rule        TEXT NOT NULL,
        groups      TEXT NOT NULL,
        content     TEXT NOT NULL,
        opened_us   INTEGER NOT NULL,
        deadline_us INTEGER NOT NULL,
        state       TEXT NOT NULL CHECK (state IN
                    ('pending', 'approved', 'denied', 'expired', 'abandoned')),
        by_issuer   TEXT,
        by_subject  TEXT,
        comment     TEXT,
        closed_us   INTEGER,
        used_us     INTEGER
    ) STRICT;
    CREATE INDEX review_by_state ON review (state, deadline_us);
    CREATE INDEX review_by_content ON review (content);
"];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::folder;

    #[test]
    fn only_the_owner_can_read_it() {
        let folder = folder("store-mode");
        let store = Store::open(&folder.path).unwrap();
        store.with(|connection| Ok(connection.execute_batch("PRAGMA wal_checkpoint")?)).unwrap();
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&folder.path.join("control.sqlite")), 0o600);
        assert_eq!(mode(&folder.path.join("control.sqlite-wal")), 0o600);
    }

    #[test]
    fn a_newer_file_is_refused_and_an_old_one_is_brought_forward() {
        let folder = folder("store-version");
        drop(Store::open(&folder.path).unwrap());
        drop(Store::open(&folder.path).unwrap());
        let connection = Connection::open(folder.path.join("control.sqlite")).unwrap();
        connection.pragma_update(None, "user_version", 999).unwrap();
        let error = Store::open(&folder.path).unwrap_err();
        assert!(matches!(error, StoreError::Newer { found: 999, .. }), "{error}");
    }
}
