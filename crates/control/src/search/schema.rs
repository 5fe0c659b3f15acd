//! The tables of the index.
//!
//! A session is named by the place of its first record in the log, an exchange by its session and
//! its number there: so rows sort as things began, and a row that is written twice is the same row.

use rusqlite::Connection;

/// Another number is another index: it is made anew.
pub(super) const FORMAT: i64 = 3;

/// What was read, in one row.
const CURSOR: &str = "
CREATE TABLE cursor (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    -- The log's public key: another log is another index.
    log TEXT NOT NULL,
    -- The next record to read, and from where what goes on at that record is known.
    next INTEGER NOT NULL,
    begin INTEGER NOT NULL,
    -- SHA-256 of the record before `next`: the log that was read is the one that is there.
    last BLOB NOT NULL,
    -- The bounds by which something was found, as JSON: with others, other things are.
    rules TEXT NOT NULL
);";

const TABLES: &str = "
CREATE TABLE session (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    opened_at_us INTEGER NOT NULL,
    last_at_us INTEGER NOT NULL,
    issuer TEXT,
    principal TEXT,
    purpose TEXT,
    stated_purpose TEXT,
    resource TEXT NOT NULL,
    state INTEGER NOT NULL,
    shredded INTEGER NOT NULL DEFAULT 0,
    summary TEXT NOT NULL
);
CREATE INDEX session_of ON session (principal, number);
CREATE TABLE actor (
    name TEXT NOT NULL, session INTEGER NOT NULL, PRIMARY KEY (name, session)
) WITHOUT ROWID;
CREATE INDEX actor_of ON actor (session);
-- What exchanges have in common: most are of a shape that was there before.
CREATE TABLE shape (
    id INTEGER PRIMARY KEY,
    -- SHA-256 of all of it, the rows of `touched`, `category` and `stated` included.
    digest BLOB NOT NULL UNIQUE,
    verdict INTEGER,
    ended INTEGER NOT NULL,
    rule TEXT
);
CREATE TABLE exchange (
    session INTEGER NOT NULL,
    exchange INTEGER NOT NULL,
    at_us INTEGER NOT NULL,
    shape INTEGER NOT NULL,
    PRIMARY KEY (session, exchange)
) WITHOUT ROWID;
-- Asked over all sessions: shapes, time, and the session, which is in it as part of the key.
CREATE INDEX exchange_of ON exchange (shape, at_us);
CREATE TABLE object (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
CREATE TABLE touched (
    object INTEGER NOT NULL, shape INTEGER NOT NULL, PRIMARY KEY (object, shape)
) WITHOUT ROWID;
CREATE INDEX touched_by ON touched (shape);
CREATE TABLE category (
    name TEXT NOT NULL, shape INTEGER NOT NULL, PRIMARY KEY (name, shape)
) WITHOUT ROWID;
CREATE INDEX category_of ON category (shape);
CREATE TABLE statement (id INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE);
CREATE TABLE stated (
    statement INTEGER NOT NULL, shape INTEGER NOT NULL, PRIMARY KEY (statement, shape)
) WITHOUT ROWID;
CREATE INDEX stated_by ON stated (shape);
CREATE TABLE finding (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    at_us INTEGER NOT NULL,
    rule TEXT NOT NULL,
    principal TEXT NOT NULL,
    resource TEXT NOT NULL,
    text TEXT NOT NULL
);
-- What the rules remember of the past, as of the cursor.
CREATE TABLE history (name TEXT PRIMARY KEY, text TEXT NOT NULL) WITHOUT ROWID;
CREATE VIRTUAL TABLE words USING fts5(
    text, content='statement', content_rowid='id',
    tokenize=\"unicode61 remove_diacritics 2 tokenchars '_'\"
);
-- SECURITY: what leaves the index leaves the file.
INSERT INTO words(words, rank) VALUES ('secure-delete', 1);";

/// Removes every table, whatever is there.
pub(super) fn clear(connection: &Connection) -> rusqlite::Result<()> {
    let mut names = connection.prepare(
        "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'
         ORDER BY (sql LIKE 'CREATE VIRTUAL%') DESC",
    )?;
    let names =
        names.query_map([], |row| row.get::<_, String>(0))?.collect::<Result<Vec<_>, _>>()?;
    for name in names {
        // The tables of the full-text index go with it.
        connection.execute_batch(&format!("DROP TABLE IF EXISTS \"{name}\""))?;
    }
    Ok(())
}

/// Makes them, empty.
pub(super) fn create(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch(CURSOR)?;
    connection.execute_batch(TABLES)?;
    connection.pragma_update(None, "user_version", FORMAT)
}

/// Whether they are those of this program.
pub(super) fn is_current(connection: &Connection) -> rusqlite::Result<bool> {
    let found: i64 = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    Ok(found == FORMAT)
}
