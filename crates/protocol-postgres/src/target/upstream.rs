//! A resource's target: where it is, how to get in, and what it holds.

use super::catalog::{self, CatalogReader};
use super::dial::{Account, PostgresDialer};
use super::fence::FenceLine;
use super::versions::{MOMENT, first};
use crate::look::Screening;
use portreeve_model::{Category, Secret, SubjectColumn};
use portreeve_sql::{CatalogStore, SubjectColumns};
use portreeve_transport::{DialError, Dialer, PreAuth, TargetTls, TcpTarget};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

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
    /// What becomes of what nobody has classified.
    pub screening: Screening,
    /// The columns that identify people.
    pub subjects: Vec<SubjectColumn>,
    /// Functions that the operator says are harmless, by their signatures, and the digests of
    /// their definitions.
    pub harmless_functions: BTreeMap<String, String>,
    /// How long reaching the target may take.
    pub dial_timeout: Duration,
}

/// How often the target is asked whether definitions have changed, while it is used.
const WATCH_INTERVAL: Duration = Duration::from_secs(1);

/// A resource's target at run time.
pub struct Upstream {
    name: String,
    pub(crate) dialer: Arc<dyn Dialer>,
    pub(crate) screening: Screening,
    pub(crate) subjects: Arc<SubjectColumns>,
    pub(crate) catalog: CatalogStore<CatalogReader>,
    pub(crate) fence: FenceLine,
    dial_timeout: Duration,
}

impl std::fmt::Debug for Upstream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Upstream").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Upstream {
    /// A target that has not been reached yet.
    #[must_use]
    pub fn new(config: UpstreamConfig) -> Self {
        let dialer: Arc<dyn Dialer> = Arc::new(PostgresDialer::new(Account {
            target: TcpTarget {
                host: config.host,
                port: config.port,
                tls: config.tls,
                timeout: config.dial_timeout,
            },
            database: config.database,
            user: config.user,
            password: config.password,
        }));
        let reader = CatalogReader {
            dialer: dialer.clone(),
            resource: config.name.clone(),
            classify: config.classify,
            harmless: config.harmless_functions,
            timeout: config.dial_timeout,
            materialized: std::sync::Mutex::default(),
        };
        Self {
            name: config.name,
            dialer,
            screening: config.screening,
            subjects: Arc::new(SubjectColumns::new(&config.subjects)),
            catalog: CatalogStore::new(reader),
            fence: FenceLine::new(config.dial_timeout),
            dial_timeout: config.dial_timeout,
        }
    }

    /// The resource's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether the target can be asked what its definitions are; if not, nothing of it is
    /// released.
    #[must_use]
    pub fn is_watched(&self) -> bool {
        self.fence.is_answered()
    }

    /// Answers what the fence asks, and keeps the catalog up to date with changes that others
    /// make, for ever. The caller owns the task and ends it.
    pub async fn watch(&self) {
        tokio::join!(self.fence.serve(&*self.dialer), self.follow());
    }

    async fn follow(&self) {
        let mut line = None;
        loop {
            tokio::time::sleep(WATCH_INTERVAL).await;
            if self.catalog.last().is_none() {
                continue;
            }
            if let Err(error) = self.look(&mut line).await {
                tracing::warn!(resource = self.name(), %error, "definitions cannot be watched");
                line = None;
            }
        }
    }

    async fn look(&self, line: &mut Option<Watch>) -> Result<(), DialError> {
        let mut watch = match line.take() {
            Some(watch) => watch,
            // A new one knows nothing: it makes the catalog be read again.
            None => Watch {
                connection: self.dialer.dial(&BTreeMap::new()).await?.connection,
                moment: String::new(),
                version: String::new(),
            },
        };
        let looked = tokio::time::timeout(self.dial_timeout, watch.look()).await;
        if looked.map_err(|_| DialError::Timeout)?? {
            self.catalog.reread().await?;
        }
        *line = Some(watch);
        Ok(())
    }
}

/// What the watch has seen last.
struct Watch {
    connection: PreAuth,
    moment: String,
    version: String,
}

impl Watch {
    /// Whether definitions have changed since the last look. Costs next to nothing where
    /// nothing was committed.
    async fn look(&mut self) -> Result<bool, DialError> {
        let moment = first(catalog::rows(&mut self.connection, MOMENT).await?);
        if moment == self.moment {
            return Ok(false);
        }
        let version = catalog::version(&mut self.connection).await?;
        let is_new = version != self.version;
        (self.moment, self.version) = (moment, version);
        Ok(is_new)
    }
}
