//! A resource's target: where it is, how to get in, and what it holds.

use crate::analyses::Analyses;
use crate::catalog::{self, ColumnTypes};
use crate::dial::{DialError, dial};
use crate::subjects::SubjectColumns;
use portreeve_decide::sql::Catalog;
use portreeve_model::{Category, Secret, SubjectColumn};
use portreeve_session::Lobby;
use rustls::ClientConfig;
use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};
use tokio::sync::Mutex;

/// How the target's side is encrypted.
#[derive(Clone)]
pub enum TargetTls {
    /// Verified: certificate chain and host name.
    Verified(Arc<ClientConfig>),
    /// None; the configuration allows it for loopback only.
    Disabled,
}

impl std::fmt::Debug for TargetTls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Verified(_) => "Verified",
            Self::Disabled => "Disabled",
        })
    }
}

/// Says the category of `schema, table, column`.
pub type ClassifyColumn = Arc<dyn Fn(&str, &str, &str) -> Option<Category> + Send + Sync>;

/// What is configured.
pub struct UpstreamConfig {
    /// The resource's name: the database name that clients ask for.
    pub name: String,
    /// Host name or address.
    pub host: String,
    /// Port.
    pub port: u16,
    /// The database at the target.
    pub database: String,
    /// The role that the gateway logs in as.
    pub user: String,
    /// Its password.
    pub password: Secret<String>,
    /// The encryption.
    pub tls: TargetTls,
    /// The configured classification.
    pub classify: ClassifyColumn,
    /// The columns that identify people.
    pub subjects: Vec<SubjectColumn>,
    /// How long reaching the target may take.
    pub dial_timeout: Duration,
}

/// How old the catalog may become before a new session asks again.
const CATALOG_MAX_AGE: Duration = Duration::from_secs(30);
/// How often at most an unknown name makes the gateway ask again.
const CATALOG_MIN_AGE: Duration = Duration::from_millis(250);

/// How often the target is asked whether definitions have changed, while it is used.
const WATCH_INTERVAL: Duration = Duration::from_secs(1);

/// A resource's target at run time.
pub struct Upstream {
    pub(crate) config: UpstreamConfig,
    pub(crate) subjects: SubjectColumns,
    state: RwLock<Option<Known>>,
    refreshing: Mutex<()>,
}

#[derive(Clone)]
pub(crate) struct Known {
    pub(crate) catalog: Arc<Catalog>,
    pub(crate) types: Arc<ColumnTypes>,
    pub(crate) analyses: Arc<Analyses>,
    /// The same for sessions whose search path is not the one they began with.
    elsewhere: Option<(Arc<Catalog>, Arc<Analyses>)>,
    digest: u64,
    at: Instant,
}

impl Known {
    /// What holds once a session has changed its search path: a name that several schemas
    /// have can then not be resolved.
    pub(crate) fn elsewhere(self) -> Self {
        match self.elsewhere.clone() {
            Some((catalog, analyses)) => Self { catalog, analyses, ..self },
            None => self,
        }
    }
}

#[cfg(test)]
impl Known {
    /// A catalog that nobody has read from a target.
    pub(crate) fn of(catalog: Catalog) -> Self {
        Self {
            catalog: Arc::new(catalog),
            types: Arc::default(),
            analyses: Arc::default(),
            elsewhere: None,
            digest: 0,
            at: Instant::now(),
        }
    }
}

impl std::fmt::Debug for Upstream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Upstream").field("name", &self.config.name).finish_non_exhaustive()
    }
}

impl Upstream {
    /// A target that has not been reached yet.
    #[must_use]
    pub fn new(config: UpstreamConfig) -> Self {
        let subjects = SubjectColumns::new(&config.subjects);
        Self { config, subjects, state: RwLock::new(None), refreshing: Mutex::new(()) }
    }

    /// The resource's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.config.name
    }

    /// The catalog as last read.
    pub(crate) fn known(&self) -> Option<Known> {
        self.state.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The catalog for a new session: not older than half a minute.
    pub(crate) async fn current(&self) -> Result<Known, DialError> {
        self.not_older_than(CATALOG_MAX_AGE).await
    }

    /// The catalog after definitions have changed, or a name was not found in it.
    pub(crate) async fn refreshed(&self) -> Result<Known, DialError> {
        self.not_older_than(CATALOG_MIN_AGE).await
    }

    /// The catalog as it is after a change that this gateway has just let through.
    pub(crate) async fn reread(&self) -> Result<Known, DialError> {
        self.not_older_than(Duration::ZERO).await
    }

    /// Keeps the catalog up to date with changes that others make, for ever, once it has
    /// been read. The caller owns the task and ends it.
    pub async fn watch(&self) {
        let mut line: Option<(Lobby, String)> = None;
        loop {
            tokio::time::sleep(WATCH_INTERVAL).await;
            if self.known().is_none() {
                continue;
            }
            if let Err(error) = self.look(&mut line).await {
                tracing::warn!(resource = self.name(), %error, "definitions cannot be watched");
                line = None;
            }
        }
    }

    async fn look(&self, line: &mut Option<(Lobby, String)>) -> Result<(), DialError> {
        let (mut lobby, before) = match line.take() {
            Some(line) => line,
            // A new line knows nothing: it makes the catalog be read again.
            None => (dial(&self.config, &BTreeMap::new()).await?.lobby, String::new()),
        };
        let asked = tokio::time::timeout(self.config.dial_timeout, catalog::stamp(&mut lobby));
        let stamp = asked.await.map_err(|_| DialError::Timeout)??;
        if stamp != before {
            self.reread().await?;
        }
        *line = Some((lobby, stamp));
        Ok(())
    }

    async fn not_older_than(&self, age: Duration) -> Result<Known, DialError> {
        let asked = Instant::now();
        let is_fresh = |known: &Known| known.at >= asked || known.at.elapsed() < age;
        if let Some(known) = self.known().filter(is_fresh) {
            return Ok(known);
        }
        // One reader at a time; whoever waited takes what the other one has read.
        let _one = self.refreshing.lock().await;
        if let Some(known) = self.known().filter(is_fresh) {
            return Ok(known);
        }
        let started = Instant::now();
        let mut lobby = dial(&self.config, &BTreeMap::new()).await?.lobby;
        let tables = tokio::time::timeout(self.config.dial_timeout, catalog::read(&mut lobby))
            .await
            .map_err(|_| DialError::Timeout)??;
        let digest = catalog::digest(&tables);
        let anywhere = catalog::build(&tables, &self.config.classify);
        let known = match self.known() {
            // Nothing has changed: analyses made with the old one still hold.
            Some(known) if known.digest == digest => Known { at: started, ..known },
            _ => Known {
                catalog: Arc::new(anywhere.with_search_path(catalog::search_path(&tables))),
                elsewhere: Some((Arc::new(anywhere), Arc::default())),
                types: Arc::new(catalog::types(&tables)),
                analyses: Arc::new(Analyses::default()),
                digest,
                at: started,
            },
        };
        *self.state.write().unwrap_or_else(PoisonError::into_inner) = Some(known.clone());
        Ok(known)
    }
}
