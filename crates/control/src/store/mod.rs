//! The control store: accounts, keys, tokens, reviews and counts, each behind a port of
//! its own, so that another store can stand behind them.
//!
//! Several processes use one store at once: gateways, and the operator's commands.
//! Evidence is not here. What has to be in the evidence and is done by somebody who does
//! not write the log (an operator's command, another gateway) is put into the [`Journal`]
//! together with the change itself; a gateway carries it over.

mod certificates;
mod ports;
mod revocations;
mod sqlite;

pub use certificates::{CertificateBounds, Certificates, IssuedCertificate, NewCertificate};
pub use ports::{
    Account, AccountKind, Accounts, Administration, AnswerGiven, Connectors, Counters, Decided,
    Decision, Described, DescriptionState, Descriptions, Disabled, EnrolledConnector, GatewayId,
    IssuedToken, IssuerKeys, Journal, JournalEntry, Looked, Namesake, NewAccount, NewInvite,
    NewToken, Progress, Recorded, Review, ReviewRows, ReviewState, Reviewer, StoredIssuer, Tokens,
    Topic,
};
pub use revocations::{Credential, Logout, Revocation, Revocations};

use std::path::{Path, PathBuf};
use std::sync::Arc;
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
    /// What keeps it said no.
    #[error("the control store failed: {0}")]
    Failed(Box<dyn std::error::Error + Send + Sync>),
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

/// The control store of an installation. Cheap to clone.
///
/// Its ports may block; `off_runtime` is how asynchronous code calls them.
#[derive(Clone)]
pub struct Store {
    /// Names that the local issuer vouches for.
    pub accounts: Arc<dyn Accounts>,
    /// Keys of the installation.
    pub keys: Arc<dyn IssuerKeys>,
    /// Tokens that the local issuer made.
    pub tokens: Arc<dyn Tokens>,
    /// Certificates that clients got for their tokens.
    pub certificates: Arc<dyn Certificates>,
    /// What was revoked.
    pub revocations: Arc<dyn Revocations>,
    /// What has to be in the evidence.
    pub journal: Arc<dyn Journal>,
    /// Held commands.
    pub reviews: Arc<dyn ReviewRows>,
    /// What principals have used.
    pub counters: Arc<dyn Counters>,
    /// What servers say of their tools.
    pub descriptions: Arc<dyn Descriptions>,
    /// Programs in other networks that reach targets.
    pub connectors: Arc<dyn Connectors>,
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store").finish_non_exhaustive()
    }
}

impl Store {
    /// Opens `control.sqlite` in a folder, and makes both where they are missing.
    /// Only the owner can read them.
    ///
    /// # Errors
    /// The folder or the file cannot be made or read, or a newer program wrote it.
    pub fn open(data_dir: &Path) -> Result<Self, StoreError> {
        let store = Arc::new(sqlite::Sqlite::open(data_dir)?);
        Ok(Self {
            accounts: store.clone(),
            keys: store.clone(),
            tokens: store.clone(),
            certificates: store.clone(),
            revocations: store.clone(),
            journal: store.clone(),
            reviews: store.clone(),
            counters: store.clone(),
            descriptions: store.clone(),
            connectors: store,
        })
    }
}

/// Does work of the store where it may block.
pub(crate) async fn off_runtime<T: Send + 'static, E: From<StoreError> + Send + 'static>(
    work: impl FnOnce() -> Result<T, E> + Send + 'static,
) -> Result<T, E> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|_| Err(StoreError::Gone.into()))
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
