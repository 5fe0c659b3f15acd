//! A resource's target: where it is, how to get in, and what it holds.

use super::catalog::{self, CatalogReader};
use super::fence::FenceLine;
use super::rules::ColumnRules;
use super::versions::moment;
use crate::look::Screening;
use portreeve_model::{Object, SubjectColumn};
use portreeve_sql::{CatalogStore, ShownMasks, SubjectColumns, Versions};
use portreeve_transport::{DialError, Dialer, PreAuth};
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

/// What is configured.
pub struct UpstreamConfig {
    /// The resource's name: the database name that clients ask for.
    pub name: String,
    /// Reaches it, and logs in there.
    pub dialer: Arc<dyn Dialer>,
    /// What the configuration says of its columns.
    pub rules: Arc<dyn ColumnRules>,
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

/// How often the target is asked whether definitions have changed. Nothing rests on it: it
/// saves clients the refusals that the fence has for old plans.
const WATCH_INTERVAL: Duration = Duration::from_secs(1);
/// Where asking takes long, it is done seldom: it is to take no more than a tenth of the
/// target's time.
const WATCH_SHARE: u32 = 10;
const WATCH_INTERVAL_MAX: Duration = Duration::from_secs(60);

/// A resource's target at run time.
pub struct Upstream {
    name: String,
    pub(crate) dialer: Arc<dyn Dialer>,
    pub(crate) screening: Screening,
    pub(crate) subjects: Arc<SubjectColumns>,
    pub(crate) catalog: CatalogStore<CatalogReader>,
    pub(crate) fence: FenceLine,
    pub(crate) exported: ExportedSnapshots,
    /// Somebody is told what a transaction sees of definitions.
    pub(crate) looking: tokio::sync::Mutex<()>,
    /// By chain, the masks that it has been shown, as long as it has a session.
    shown: std::sync::Mutex<HashMap<String, Weak<ShownMasks>>>,
    dial_timeout: Duration,
}

/// The definitions that held when transactions began whose snapshots others may see by.
#[derive(Debug, Default)]
pub(crate) struct ExportedSnapshots(Mutex<HashMap<String, Weak<Versions>>>);

/// So many are known at once; who sees by another one is refused what has definitions.
const EXPORTED_MAX: usize = 1000;

impl ExportedSnapshots {
    /// Notes one, for as long as its transaction is there.
    pub(crate) fn note(&self, snapshot: String, begun: &Arc<Versions>) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= EXPORTED_MAX {
            known.retain(|_, begun| begun.strong_count() > 0);
        }
        if known.len() < EXPORTED_MAX {
            known.insert(snapshot, Arc::downgrade(begun));
        }
    }

    pub(crate) fn of(&self, snapshot: &str) -> Option<Arc<Versions>> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(snapshot).and_then(Weak::upgrade)
    }
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
        let dialer = config.dialer;
        let reader = CatalogReader {
            dialer: dialer.clone(),
            resource: config.name.clone(),
            rules: config.rules,
            harmless: config.harmless_functions,
            last: std::sync::Mutex::default(),
        };
        Self {
            name: config.name,
            dialer,
            screening: config.screening,
            subjects: Arc::new(SubjectColumns::new(&config.subjects)),
            catalog: CatalogStore::new(reader),
            fence: FenceLine::new(config.dial_timeout),
            exported: ExportedSnapshots::default(),
            looking: tokio::sync::Mutex::default(),
            shown: std::sync::Mutex::default(),
            dial_timeout: config.dial_timeout,
        }
    }

    /// The masks that a chain has been shown here.
    pub(crate) fn shown_to(&self, chain: &str) -> Arc<ShownMasks> {
        let mut known = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(shown) = known.get(chain).and_then(Weak::upgrade) {
            return shown;
        }
        known.retain(|_, shown| shown.strong_count() > 0);
        let shown = Arc::<ShownMasks>::default();
        known.insert(chain.to_owned(), Arc::downgrade(&shown));
        shown
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
        self.fence.is_answered() && !self.catalog.source().last().is_unreadable
    }

    /// Columns that appeared at the target after somebody looked last, as far as it was asked.
    #[must_use]
    pub fn unknown_columns(&self) -> Vec<Object> {
        self.catalog.last().map(|last| last.unknown_columns().collect()).unwrap_or_default()
    }

    /// What the configuration names that the target does not have, as far as it was asked.
    #[must_use]
    pub fn unmatched(&self) -> Vec<String> {
        self.catalog.source().last().unmatched.clone()
    }

    /// Answers what the fence asks, and keeps the catalog up to date with changes that others
    /// make, for ever. The caller owns the task and ends it.
    pub async fn watch(&self) {
        tokio::join!(self.fence.serve(&*self.dialer), self.follow());
    }

    async fn follow(&self) {
        let mut line = None;
        // What is wrong with the configuration of a target should not wait for a client.
        if let Err(error) = self.catalog.current().await {
            tracing::warn!(resource = self.name(), %error, "the target cannot be reached yet");
        }
        let mut interval = WATCH_INTERVAL;
        loop {
            tokio::time::sleep(interval).await;
            if self.catalog.last().is_none() {
                continue;
            }
            let began = Instant::now();
            if let Err(error) = self.look(&mut line).await {
                tracing::warn!(resource = self.name(), %error, "definitions cannot be watched");
                line = None;
            }
            let took = began.elapsed().saturating_mul(WATCH_SHARE);
            interval = took.clamp(WATCH_INTERVAL, WATCH_INTERVAL_MAX);
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
        let is_partial = self.catalog.source().last().is_partial;
        if looked.map_err(|_| DialError::Timeout)?? || is_partial {
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
        let moment = moment(&mut self.connection).await?;
        if moment == self.moment {
            return Ok(false);
        }
        let version = catalog::version(&mut self.connection).await?;
        let is_new = version != self.version;
        (self.moment, self.version) = (moment, version);
        Ok(is_new)
    }
}
