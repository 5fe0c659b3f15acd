//! The tasks that follow the log, one an export.

use super::cursor::{CursorFile, Position};
use super::event::ExportEvent;
use super::sinks::Sink;
use crate::config::Export;
use crate::metrics::Metrics;
use crate::search::Search;
use portreeve_evidence::{EvidenceLog, LogReader, Place};
use portreeve_model::{Family, Manifest, Record};
use portreeve_reports::{Exchange, Observer, SessionFacts, Walk};
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::task::{JoinSet, spawn_blocking};

/// How an export is, for people and programs.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, JsonSchema)]
pub struct ExportStatus {
    /// Everything before this record of the log has been taken by the receiver.
    pub taken: u64,
    /// Records of the log that it has not seen yet.
    pub lag: u64,
    /// Events that were delivered since the gateway started.
    pub delivered: u64,
    /// Why the last delivery failed; none while all is well.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failing: Option<String>,
}

/// The exports of a gateway.
#[derive(Debug)]
pub struct Exports {
    exports: Vec<Arc<Running>>,
}

#[derive(Debug)]
struct Running {
    name: String,
    sink: Sink,
    cursor: CursorFile,
    status: Mutex<ExportStatus>,
    families: Families,
    search: Search,
    metrics: Arc<Metrics>,
}

/// The family of each protocol, by its name.
type Families = Arc<BTreeMap<&'static str, Family>>;

/// Events that are handed over at once, at most.
const BATCH_EVENTS_MAX: usize = 500;
/// Records that are read before what was read is handed over, at most.
const BATCH_RECORDS_MAX: u64 = 20_000;
/// How often an idle export looks whether the log has grown.
const LOOK_INTERVAL: Duration = Duration::from_millis(500);
/// The first pause after a failure; each further one is twice as long.
const PAUSE_MIN: Duration = Duration::from_millis(500);
const PAUSE_MAX: Duration = Duration::from_secs(60);

impl Exports {
    /// Prepares the exports of a configuration; cursors are files in `folder`. `protocols` are
    /// those that sessions can be of; `search` has what is found.
    ///
    /// # Errors
    /// A sink cannot be used: a file of authorities, a secret.
    pub fn new(
        exports: &BTreeMap<String, Export>,
        folder: &Path,
        protocols: &[&'static Manifest],
        search: &Search,
        metrics: &Arc<Metrics>,
    ) -> Result<Self, String> {
        let families = protocols.iter().map(|manifest| (manifest.name, manifest.family));
        let families: Families = Arc::new(families.collect());
        let prepare = |(name, export): (&String, &Export)| {
            let sink = Sink::new(export).map_err(|why| format!("export `{name}`: {why}"))?;
            let (name, cursor) = (name.clone(), CursorFile::new(folder, name));
            let (status, families) = (Mutex::default(), families.clone());
            let (search, metrics) = (search.clone(), metrics.clone());
            Ok(Arc::new(Running { name, sink, cursor, status, families, search, metrics }))
        };
        let exports = exports.iter().map(prepare).collect::<Result<_, String>>()?;
        Ok(Self { exports })
    }

    /// How they are, by name.
    #[must_use]
    pub fn status(&self) -> BTreeMap<String, ExportStatus> {
        self.exports.iter().map(|one| (one.name.clone(), one.locked().clone())).collect()
    }

    /// Follows the log until the task is dropped. Nothing here is in the way of a session: a
    /// receiver that is away keeps its cursor where it is.
    pub async fn run(&self, log: &EvidenceLog) {
        let mut tasks = JoinSet::new();
        for export in &self.exports {
            let (export, log) = (export.clone(), log.clone());
            tasks.spawn(async move { export.follow(&log).await });
        }
        while let Some(ended) = tasks.join_next().await {
            if let Err(error) = ended {
                tracing::error!(%error, "an export ended by a fault of its own");
            }
        }
    }
}

impl Running {
    fn locked(&self) -> MutexGuard<'_, ExportStatus> {
        self.status.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn follow(&self, log: &EvidenceLog) {
        let mut pause = PAUSE_MIN;
        let mut follower = None;
        loop {
            match self.step(log, &mut follower).await {
                Ok(Progress::Behind) => pause = PAUSE_MIN,
                Ok(Progress::CaughtUp) => {
                    pause = PAUSE_MIN;
                    tokio::time::sleep(self.sink.gathers().unwrap_or(LOOK_INTERVAL)).await;
                }
                Err(why) => {
                    tracing::warn!(export = self.name, %why, "nothing was exported: again later");
                    self.failed(why);
                    // What was read and not taken is read again.
                    follower = None;
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(PAUSE_MAX);
                }
            }
        }
    }

    fn failed(&self, why: String) {
        self.metrics.export_failed(&self.name);
        self.locked().failing = Some(why);
    }

    /// Reads what is new, hands it over, and moves the cursor: in this order.
    async fn step(
        &self,
        log: &EvidenceLog,
        kept: &mut Option<Follower>,
    ) -> Result<Progress, String> {
        let mut follower = match kept.take() {
            Some(follower) => follower,
            None => {
                let position = self.cursor.load().map_err(|error| error.to_string())?;
                Follower::new(log, position, self.families.clone())?
            }
        };
        let before = follower.taken;
        let read = spawn_blocking(move || follower.read().map(|batch| (follower, batch)));
        let (mut follower, batch) = read.await.map_err(|error| error.to_string())??;
        // What a receiver that is away has not taken shows before it has.
        self.stands(before, batch.size);
        for events in batch.events.chunks(BATCH_EVENTS_MAX) {
            // A delivery that takes too long is a failure: sinks have their own bounds.
            self.sink.deliver(events).await?;
        }
        if batch.records > 0 {
            let position = follower.position();
            self.cursor.keep(&position).map_err(|error| error.to_string())?;
        }
        let found = self.findings(&mut follower).await?;
        let lag = self.stands(follower.next, batch.size);
        let delivered = batch.events.len() as u64 + found;
        self.metrics.exported(&self.name, delivered);
        let mut status = self.locked();
        status.delivered += delivered;
        status.failing = None;
        *kept = Some(follower);
        Ok(if lag > 0 { Progress::Behind } else { Progress::CaughtUp })
    }

    /// Says how far the receiver is behind a log of this size.
    fn stands(&self, taken: u64, size: u64) -> u64 {
        let lag = size.saturating_sub(taken);
        self.metrics.export_lag(&self.name, lag);
        let mut status = self.locked();
        (status.taken, status.lag) = (taken, lag);
        lag
    }

    /// Hands over what was found since, and says how much that was.
    async fn findings(&self, follower: &mut Follower) -> Result<u64, String> {
        let after = follower.findings;
        let found = self.search.findings_after(after, BATCH_EVENTS_MAX).await;
        // What is found can be read once more later: records do not wait for it.
        let found = found.unwrap_or_else(|error| {
            tracing::warn!(export = self.name, %error, "anomalies are exported later");
            Vec::new()
        });
        let Some((last, _)) = found.last() else { return Ok(0) };
        let last = *last;
        let event = |(_, finding)| ExportEvent::of_finding(&follower.origin, finding);
        let events: Vec<ExportEvent> = found.into_iter().map(event).collect();
        self.sink.deliver(&events).await?;
        follower.findings = last;
        self.cursor.keep(&follower.position()).map_err(|error| error.to_string())?;
        Ok(events.len() as u64)
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Progress {
    Behind,
    CaughtUp,
}

/// A pass that goes on with the log.
struct Follower {
    log: EvidenceLog,
    origin: String,
    families: Families,
    walk: Walk,
    /// The next record to read, and where it is in the log.
    next: u64,
    place: Option<Place>,
    /// Events that were known before this record were taken by the receiver.
    taken: u64,
    /// The number of the last finding that was.
    findings: i64,
}

/// What was read at once.
struct Batch {
    events: Vec<ExportEvent>,
    records: u64,
    /// How many records the log has.
    size: u64,
}

impl Follower {
    /// Goes on where the cursor is; another log begins anew.
    fn new(
        log: &EvidenceLog,
        position: Option<Position>,
        families: Families,
    ) -> Result<Self, String> {
        let reader = LogReader::open(log.dir()).map_err(|error| error.to_string())?;
        let origin = reader.key().name().to_owned();
        let position = position.filter(|position| position.origin == origin).unwrap_or_default();
        Ok(Self {
            log: log.clone(),
            origin,
            families,
            walk: Walk::default(),
            next: position.begin,
            place: None,
            taken: position.taken,
            findings: position.findings,
        })
    }

    fn position(&self) -> Position {
        let begin = self.walk.oldest_open().unwrap_or(self.next);
        let (origin, findings) = (self.origin.clone(), self.findings);
        Position { origin, taken: self.next, begin, findings }
    }

    fn read(&mut self) -> Result<Batch, String> {
        let reader = LogReader::open(self.log.dir()).map_err(|error| error.to_string())?;
        let newest = self.log.checkpoint();
        let size = newest.and_then(|note| reader.key().open(&note)).map_or(0, |newest| newest.size);
        let mut collected = Collected {
            origin: &self.origin,
            families: &self.families,
            taken: self.taken,
            index: 0,
            events: Vec::new(),
        };
        let (walk, next) = (&mut self.walk, &mut self.next);
        let mut records = 0;
        if *next < size {
            let read = reader.follow(&mut self.place, *next, size, |entry| {
                collected.index = entry.index;
                walk.take(&entry, None, &mut collected)?;
                *next = entry.index + 1;
                records += 1;
                let is_full =
                    records >= BATCH_RECORDS_MAX || collected.events.len() >= BATCH_EVENTS_MAX;
                Ok(if is_full { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
            });
            read.map_err(|error| error.to_string())?;
        }
        let events = collected.events;
        self.taken = self.taken.max(self.next);
        Ok(Batch { events, records, size })
    }
}

/// Events of a stretch of the log, without those that were taken before.
struct Collected<'c> {
    origin: &'c str,
    families: &'c BTreeMap<&'static str, Family>,
    taken: u64,
    /// The record that is being read: an exchange is known from its end on, wherever that is.
    index: u64,
    events: Vec<ExportEvent>,
}

impl Observer for Collected<'_> {
    fn exchange(&mut self, exchange: &Exchange<'_>) {
        if exchange.number != 0 && self.index >= self.taken {
            let protocol = exchange.session.protocol.as_str();
            let family = self.families.get(protocol).copied().unwrap_or(Family::Any);
            self.events.push(ExportEvent::of_exchange(self.origin, exchange, family));
        }
    }

    fn event(&mut self, index: u64, record: &Record, session: Option<&SessionFacts>) {
        if index >= self.taken {
            self.events.extend(ExportEvent::of_record(self.origin, index, record, session));
        }
    }
}
