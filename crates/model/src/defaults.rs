//! What holds where the configuration says nothing. These numbers stand nowhere else: the
//! configuration's reader, its schema and the engine take them from here. Those of one
//! protocol are in its [`crate::Manifest`].

use std::time::Duration;

/// Sessions open at once.
pub const SESSIONS_MAX: u32 = 1000;

/// Sessions open at once of one principal: seven eighths of all, so that nobody has every place.
#[must_use]
pub const fn sessions_per_principal_max(sessions_max: u32) -> u32 {
    sessions_max - sessions_max / 8
}

/// Bytes of evidence that are recorded of one principal on one day.
pub const EVIDENCE_PER_PRINCIPAL_MAX: u64 = 64 << 30;
/// Connections to one listener that have not logged in yet.
pub const LOGINS_MAX: u32 = 1024;
/// The same from one client address.
pub const LOGINS_PER_ADDRESS_MAX: u32 = 512;
/// From a client's connection until it is authenticated.
pub const LOGIN_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a client may be silent between commands.
pub const CLIENT_IDLE_TIMEOUT: Duration = Duration::from_secs(60 * 60);
/// How long a client may take to accept what is sent to it.
pub const CLIENT_WRITE_TIMEOUT: Duration = Duration::from_secs(5 * 60);
/// Until a target has accepted the connection and the login.
pub const TARGET_CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a session to come waits for a connector that is away.
pub const CONNECTOR_WAIT: Duration = Duration::from_secs(5);
/// How long a connector's certificate lives.
pub const CONNECTOR_CERTIFICATE_LIFETIME: Duration = Duration::from_secs(7 * 24 * 60 * 60);
/// How long either end of a link may say nothing.
pub const CONNECTOR_SILENCE_MAX: Duration = Duration::from_secs(30);
/// What is kept of a reply while a person decides about its rows.
pub const HELD_BYTES_MAX: u64 = 16 << 20;
/// How long a review may stay open.
pub const REVIEW_TIMEOUT: Duration = Duration::from_secs(10 * 60);
/// Rows that a reviewer is shown of those that a write would touch.
pub const REVIEW_EXAMPLES: u32 = 3;
/// Groups of one party of a token.
pub const GROUPS_MAX: u32 = 1024;
/// Bad tokens from one client address in a minute.
pub const AUTH_FAILURES_MAX: u32 = 10;
/// For how long an address is refused after too many of them.
pub const AUTH_REFUSAL_TIME: Duration = Duration::from_secs(60);
