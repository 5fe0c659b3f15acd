//! The control store in one SQLite file.
//!
//! Several processes may have it open; SQLite's locks keep them apart, and every change of
//! state is one transaction.

mod accounts;
mod certificates;
mod connectors;
mod counters;
mod descriptions;
mod journal;
mod keys;
mod reviews;
mod revocations;
mod tokens;

use super::StoreError;
use rusqlite::{Connection, Transaction, TransactionBehavior};
use std::fs::{DirBuilder, OpenOptions, Permissions};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Failed(error.into())
    }
}

/// The file.
pub(super) struct Sqlite {
    connection: Mutex<Connection>,
}

impl Sqlite {
    pub(super) fn open(data_dir: &Path) -> Result<Self, StoreError> {
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
        Ok(Self { connection: Mutex::new(connection) })
    }

    /// Reads.
    fn read<T>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        // A panic inside `work` rolled its transaction back: the connection is whole.
        work(&self.connection.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Changes: all of it or nothing.
    fn write<T>(
        &self,
        work: impl FnOnce(&Transaction<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let mut connection = self.connection.lock().unwrap_or_else(PoisonError::into_inner);
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let done = work(&transaction)?;
        transaction.commit()?;
        Ok(done)
    }
}

/// Brings a file to the newest schema, one version after the other, each in a
/// transaction. There is no way back.
fn migrate(connection: &mut Connection) -> Result<(), StoreError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
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

const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// Version n is reached by the first n of these. Never edited, only added to.
const MIGRATIONS: [&str; 8] = [
    "
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
",
    "
    ALTER TABLE account ADD COLUMN person TEXT;
    CREATE TABLE account_key (
        account     TEXT NOT NULL REFERENCES account (name) ON DELETE CASCADE,
        key         BLOB NOT NULL CHECK (length(key) = 32),
        enrolled_us INTEGER NOT NULL,
        PRIMARY KEY (account, key)
    ) STRICT;
    CREATE TABLE installation_key (
        purpose     TEXT PRIMARY KEY,
        key         BLOB NOT NULL CHECK (length(key) = 32),
        created_us  INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE journal (
        entry       INTEGER PRIMARY KEY AUTOINCREMENT,
        at_us       INTEGER NOT NULL,
        event       TEXT NOT NULL,
        taken_until_us INTEGER NOT NULL DEFAULT 0,
        recorded_us INTEGER
    ) STRICT;
    CREATE INDEX journal_open ON journal (entry) WHERE recorded_us IS NULL;
    CREATE TABLE token (
        id          TEXT PRIMARY KEY,
        origin      TEXT NOT NULL CHECK (origin IN ('files', 'login', 'exchange')),
        entry       INTEGER NOT NULL,
        expires_us  INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE assertion (
        id          TEXT PRIMARY KEY,
        until_us    INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE revocation (
        issuer      TEXT NOT NULL,
        subject     TEXT,
        token       TEXT,
        at_us       INTEGER NOT NULL,
        CHECK ((subject IS NULL) <> (token IS NULL))
    ) STRICT;
    CREATE INDEX revocation_by_subject ON revocation (issuer, subject) WHERE subject IS NOT NULL;
    CREATE INDEX revocation_by_token ON revocation (issuer, token) WHERE token IS NOT NULL;
    CREATE TABLE gateway (
        id          TEXT PRIMARY KEY,
        lease_until_us INTEGER NOT NULL
    ) STRICT;
    ALTER TABLE review ADD COLUMN gateway TEXT NOT NULL DEFAULT '';
    ALTER TABLE review ADD COLUMN approvers INTEGER NOT NULL DEFAULT 1;
    ALTER TABLE review ADD COLUMN entry INTEGER NOT NULL DEFAULT 0;
    CREATE TABLE approval (
        review      TEXT NOT NULL REFERENCES review (id),
        number      INTEGER NOT NULL,
        reviewer    TEXT NOT NULL,
        attestation TEXT NOT NULL,
        PRIMARY KEY (review, number)
    ) STRICT;
    CREATE TABLE usage (
        day         INTEGER NOT NULL,
        issuer      TEXT NOT NULL,
        subject     TEXT NOT NULL,
        resource    TEXT NOT NULL,
        object      TEXT NOT NULL,
        amounts     TEXT NOT NULL,
        PRIMARY KEY (day, issuer, subject, resource, object)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE epoch (
        topic       TEXT PRIMARY KEY,
        number      INTEGER NOT NULL
    ) STRICT;
    INSERT INTO epoch VALUES ('identity', 0), ('reviews', 0);
    CREATE TRIGGER account_added AFTER INSERT ON account
        BEGIN UPDATE epoch SET number = number + 1 WHERE topic = 'identity'; END;
    CREATE TRIGGER account_changed AFTER UPDATE ON account
        BEGIN UPDATE epoch SET number = number + 1 WHERE topic = 'identity'; END;
    CREATE TRIGGER account_removed AFTER DELETE ON account
        BEGIN UPDATE epoch SET number = number + 1 WHERE topic = 'identity'; END;
    CREATE TRIGGER revoked AFTER INSERT ON revocation
        BEGIN UPDATE epoch SET number = number + 1 WHERE topic = 'identity'; END;
    CREATE TRIGGER review_changed AFTER UPDATE OF state ON review
        BEGIN UPDATE epoch SET number = number + 1 WHERE topic = 'reviews'; END;
    CREATE TRIGGER journal_recorded AFTER UPDATE OF recorded_us ON journal
        BEGIN UPDATE epoch SET number = number + 1 WHERE topic = 'reviews'; END;
",
    // What an approval is bound to, field by field.
    "
    ALTER TABLE review ADD COLUMN fields TEXT NOT NULL DEFAULT '[]';
",
    // What servers say of their tools.
    "
    CREATE TABLE description (
        resource    TEXT NOT NULL,
        tool        TEXT NOT NULL,
        skeleton    TEXT NOT NULL,
        digest      TEXT NOT NULL,
        text        TEXT NOT NULL,
        seen_digest TEXT NOT NULL,
        seen_text   TEXT NOT NULL,
        looks_like  TEXT,
        first_us    INTEGER NOT NULL,
        seen_us     INTEGER NOT NULL,
        PRIMARY KEY (resource, tool)
    ) STRICT;
    CREATE INDEX description_by_skeleton ON description (skeleton);
",
    // Programs in other networks that reach targets.
    "
    CREATE TABLE connector (
        key         BLOB PRIMARY KEY CHECK (length(key) = 32),
        name        TEXT NOT NULL,
        resources   TEXT NOT NULL,
        enrolled_us INTEGER NOT NULL,
        revoked_us  INTEGER
    ) STRICT;
    CREATE UNIQUE INDEX connector_by_name ON connector (name) WHERE revoked_us IS NULL;
    CREATE TABLE invite (
        id          TEXT PRIMARY KEY,
        secret      BLOB NOT NULL CHECK (length(secret) = 32),
        name        TEXT NOT NULL,
        resources   TEXT NOT NULL,
        replaces    INTEGER NOT NULL,
        expires_us  INTEGER NOT NULL
    ) STRICT;
    INSERT INTO epoch VALUES ('connectors', 0);
    CREATE TRIGGER connector_added AFTER INSERT ON connector
        BEGIN UPDATE epoch SET number = number + 1 WHERE topic = 'connectors'; END;
    CREATE TRIGGER connector_changed AFTER UPDATE ON connector
        BEGIN UPDATE epoch SET number = number + 1 WHERE topic = 'connectors'; END;
",
    // Certificates that clients got for their tokens. A serial number is never used again.
    "
    CREATE TABLE certificate (
        serial      INTEGER PRIMARY KEY AUTOINCREMENT,
        id          TEXT NOT NULL UNIQUE,
        key         TEXT NOT NULL,
        resources   TEXT NOT NULL,
        chain       TEXT NOT NULL,
        issuer      TEXT NOT NULL,
        subject     TEXT NOT NULL,
        token       TEXT,
        audiences   TEXT NOT NULL,
        for_gateway INTEGER NOT NULL,
        issued_us   INTEGER NOT NULL,
        ends_us     INTEGER NOT NULL,
        until_us    INTEGER NOT NULL,
        entry       INTEGER NOT NULL
    ) STRICT;
    CREATE INDEX certificate_by_key ON certificate (key);
    CREATE INDEX certificate_by_principal ON certificate (issuer, subject, until_us);
    CREATE INDEX certificate_by_end ON certificate (until_us);
",
    "
    ALTER TABLE review ADD COLUMN examples TEXT;
",
    // Logins that their issuers have ended.
    "
    DROP TRIGGER revoked;
    DROP INDEX revocation_by_subject;
    DROP INDEX revocation_by_token;
    ALTER TABLE revocation RENAME TO revocation_before;
    CREATE TABLE revocation (
        issuer      TEXT NOT NULL,
        subject     TEXT,
        token       TEXT,
        login       TEXT,
        at_us       INTEGER NOT NULL,
        CHECK ((subject IS NULL AND login IS NULL) <> (token IS NULL))
    ) STRICT;
    INSERT INTO revocation SELECT issuer, subject, token, NULL, at_us FROM revocation_before;
    DROP TABLE revocation_before;
    CREATE INDEX revocation_by_subject ON revocation (issuer, subject) WHERE subject IS NOT NULL;
    CREATE INDEX revocation_by_token ON revocation (issuer, token) WHERE token IS NOT NULL;
    CREATE INDEX revocation_by_login ON revocation (issuer, login) WHERE login IS NOT NULL;
    CREATE TRIGGER revoked AFTER INSERT ON revocation
        BEGIN UPDATE epoch SET number = number + 1 WHERE topic = 'identity'; END;
    ALTER TABLE certificate ADD COLUMN login TEXT;
",
];

#[cfg(test)]
mod tests {
    use super::super::Store;
    use super::*;
    use crate::testing::folder;

    #[test]
    fn only_the_owner_can_read_it() {
        let folder = folder("store-mode");
        let store = Sqlite::open(&folder.path).unwrap();
        store.read(|connection| Ok(connection.execute_batch("PRAGMA wal_checkpoint")?)).unwrap();
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

    /// A file of the first version keeps its accounts; what was held by a gateway that
    /// nobody knows any more is nobody's to wait for.
    #[test]
    fn a_file_of_the_first_version_is_brought_forward() {
        let folder = folder("store-first");
        std::fs::create_dir_all(&folder.path).unwrap();
        let connection = Connection::open(folder.path.join("control.sqlite")).unwrap();
        connection.execute_batch(MIGRATIONS[0]).unwrap();
        connection.pragma_update(None, "user_version", 1).unwrap();
        connection
            .execute_batch(
                "INSERT INTO account (name, kind, groups, created_us)
                     VALUES ('ada', 'person', '[\"g\"]', 5);",
            )
            .unwrap();
        drop(connection);
        let store = Store::open(&folder.path).unwrap();
        let ada = store.accounts.find("ada").unwrap().unwrap();
        assert_eq!((ada.groups, ada.person), (vec!["g".to_owned()], None));
    }
}
