//! A resource's target: where it is, how to get in, and what it holds.

use super::catalog::{self, CatalogReader};
use super::dial::{Account, PostgresDialer};
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
    /// The columns that identify people.
    pub subjects: Vec<SubjectColumn>,
    /// How long reaching the target may take.
    pub dial_timeout: Duration,
}

/// How often the target is asked whether definitions have changed, while it is used.
const WATCH_INTERVAL: Duration = Duration::from_secs(1);

/// A resource's target at run time.
pub struct Upstream {
    name: String,
    pub(crate) dialer: Arc<dyn Dialer>,
    pub(crate) subjects: Arc<SubjectColumns>,
    pub(crate) catalog: CatalogStore<CatalogReader>,
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
            classify: config.classify,
            timeout: config.dial_timeout,
        };
        Self {
            name: config.name,
            dialer,
            subjects: Arc::new(SubjectColumns::new(&config.subjects)),
            catalog: CatalogStore::new(reader),
            dial_timeout: config.dial_timeout,
        }
    }

    /// The resource's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Keeps the catalog up to date with changes that others make, for ever, once it has
    /// been read. The caller owns the task and ends it.
    pub async fn watch(&self) {
        let mut line: Option<(PreAuth, String)> = None;
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

    async fn look(&self, line: &mut Option<(PreAuth, String)>) -> Result<(), DialError> {
        let (mut connection, before) = match line.take() {
            Some(line) => line,
            // A new line knows nothing: it makes the catalog be read again.
            None => (self.dialer.dial(&BTreeMap::new()).await?.connection, String::new()),
        };
        let asked = tokio::time::timeout(self.dial_timeout, catalog::version(&mut connection));
        let version = asked.await.map_err(|_| DialError::Timeout)??;
        if version != before {
            self.catalog.reread().await?;
        }
        *line = Some((connection, version));
        Ok(())
    }
}
