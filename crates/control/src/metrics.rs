//! What the gateway counts, and how Prometheus reads it: OpenMetrics text.
//!
//! Everything is made from the configuration: resources and categories are known then, so
//! nothing is allocated while counting, and no client can make a label.

use crate::config::Config;
use crate::proposals::{Proposal, Proposals};
use crate::targets::{TargetState, Watch};
use portreeve_evidence::RetentionStatus;
use portreeve_model::{Category, Detected, Verdict};
use portreeve_session::{Observer, Step};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;
use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

/// Every metric.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    families: Families,
    /// Those of the configuration in force. Others than these are not counted.
    known: RwLock<Arc<Known>>,
    masked_other: Counter,
    detected_values: Counter,
    proposed_columns: Gauge,
    proposals: Proposals,
    auth_failures: Counter,
    auth_stale: Counter,
    auth_refused_unheard: Counter,
    reviews_open: Gauge,
    evidence_healthy: Gauge,
    search_lag: Gauge,
    witnessed: Option<Witnessed>,
    recordings_readable: Gauge,
    recordings_shredded: Gauge,
    oldest_recording_seconds: Gauge,
    holds: Gauge,
}

/// The metrics that have labels.
#[derive(Debug)]
struct Families {
    sessions: Family<ResourceLabel, Counter>,
    sessions_open: Family<ResourceLabel, Gauge>,
    requests: Family<VerdictLabels, Counter>,
    rows: Family<ResourceLabel, Counter>,
    bytes: Family<DirectionLabels, Counter>,
    masked: Family<CategoryLabel, Counter>,
    target_watched: Family<ResourceLabel, Gauge>,
    exported: Family<ExportLabel, Counter>,
    export_failures: Family<ExportLabel, Counter>,
    export_lag: Family<ExportLabel, Gauge>,
    unknown_columns: Family<ResourceLabel, Gauge>,
    steps: StepFamily,
}

type StepFamily = Family<StepLabels, Histogram, fn() -> Histogram>;

#[derive(Debug, Default)]
struct Known {
    resources: BTreeMap<String, ResourceMetrics>,
    masked: BTreeMap<Category, Counter>,
}

#[derive(Clone, Debug)]
struct ResourceMetrics {
    sessions: Counter,
    sessions_open: Gauge,
    allowed: Counter,
    denied: Counter,
    reviewed: Counter,
    rows: Counter,
    bytes_to_clients: Counter,
    bytes_from_clients: Counter,
    decide: Histogram,
    request_barrier: Histogram,
    reply_barrier: Histogram,
    dial: Histogram,
    review: Histogram,
}

/// How the witnesses are; only where some are configured.
#[derive(Debug, Default)]
struct Witnessed {
    records: Gauge,
    at_seconds: Gauge,
    failures: BTreeMap<String, Counter>,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug, EncodeLabelSet)]
struct ResourceLabel {
    resource: String,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug, EncodeLabelSet)]
struct VerdictLabels {
    resource: String,
    verdict: &'static str,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug, EncodeLabelSet)]
struct DirectionLabels {
    resource: String,
    direction: &'static str,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug, EncodeLabelSet)]
struct StepLabels {
    resource: String,
    step: &'static str,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug, EncodeLabelSet)]
struct CategoryLabel {
    category: String,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug, EncodeLabelSet)]
struct WitnessLabel {
    witness: String,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug, EncodeLabelSet)]
struct ExportLabel {
    export: String,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug, EncodeLabelSet)]
struct VersionLabel {
    version: &'static str,
}

fn counter(registry: &mut Registry, name: &str, help: &str) -> Counter {
    let counter = Counter::default();
    registry.register(name, help, counter.clone());
    counter
}

impl Metrics {
    /// Makes the metrics for the resources and categories of a configuration.
    #[must_use]
    pub fn new(config: &Config) -> Self {
        let mut registry = Registry::with_prefix("portreeve");
        let version = Info::new(VersionLabel { version: env!("CARGO_PKG_VERSION") });
        registry.register("build", "The version that runs", version);
        let families = Families::registered(&mut registry);
        let other = CategoryLabel { category: "other".into() };
        let gauge = |registry: &mut Registry, name: &str, help: &str| {
            let gauge = Gauge::default();
            registry.register(name, help, gauge.clone());
            gauge
        };
        let r = &mut registry;
        let metrics = Self {
            masked_other: families.masked.get_or_create_owned(&other),
            detected_values: counter(
                r,
                "detected_values",
                "Values that detectors found in texts that nobody has classified",
            ),
            proposed_columns: gauge(
                r,
                "proposed_columns",
                "Columns in which detectors keep finding what nobody has classified",
            ),
            proposals: Proposals::default(),
            auth_failures: counter(r, "auth_failures", "Tokens not accepted"),
            auth_stale: counter(
                r,
                "auth_stale",
                "Of them, those that are genuine: expired, or meant for somebody else",
            ),
            auth_refused_unheard: counter(
                r,
                "auth_refused_unheard",
                "Clients refused for too many bad tokens",
            ),
            reviews_open: gauge(r, "reviews_open", "Reviews that wait for a person"),
            search_lag: gauge(r, "search_lag_records", "Records that search has not read"),
            evidence_healthy: gauge(
                r,
                "evidence_healthy",
                "1 while evidence can be written; nothing passes while it is 0",
            ),
            recordings_readable: gauge(
                r,
                "evidence_recordings_readable",
                "Recordings that were not destroyed, at the last sweep",
            ),
            recordings_shredded: gauge(
                r,
                "evidence_recordings_shredded",
                "Recordings that were destroyed, as far back as the log goes",
            ),
            oldest_recording_seconds: gauge(
                r,
                "evidence_oldest_recording_timestamp_seconds",
                "When the oldest readable recording began; 0 where there is none",
            ),
            holds: gauge(r, "evidence_holds", "Legal holds in force"),
            witnessed: Witnessed::registered(r, config),
            known: RwLock::default(),
            families,
            registry,
        };
        metrics.evidence_healthy.set(1);
        metrics.adopt(config);
        metrics
    }

    /// Counts for the resources and categories of another configuration from now on. What
    /// was counted stays.
    pub fn adopt(&self, config: &Config) {
        let of_resource = |name: &String| (name.clone(), self.families.of_resource(name));
        let classified = config.resources.values().flat_map(|it| it.classify.categories());
        let categories = classified.chain(config.masking.methods.keys());
        let categories = categories.chain(portreeve_screen::categories().iter());
        let of_category = |category: &Category| {
            let label = CategoryLabel { category: category.0.clone() };
            (category.clone(), self.families.masked.get_or_create_owned(&label))
        };
        for gone in self.known().resources.keys().filter(|it| !config.resources.contains_key(*it)) {
            self.families.target_watched.remove(&ResourceLabel { resource: gone.clone() });
            self.families.unknown_columns.remove(&ResourceLabel { resource: gone.clone() });
        }
        let known = Known {
            resources: config.resources.keys().map(of_resource).collect(),
            masked: categories.map(of_category).collect(),
        };
        *self.known.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(known);
        self.proposals.adopt(config);
        self.count_proposals();
    }

    /// Columns that should be classified, or cleared.
    #[must_use]
    pub fn proposals(&self) -> Vec<Proposal> {
        self.proposals.list()
    }

    fn count_proposals(&self) {
        let count = i64::try_from(self.proposals.list().len()).unwrap_or(i64::MAX);
        self.proposed_columns.set(count);
    }

    fn known(&self) -> Arc<Known> {
        self.known.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn with(&self, resource: &str, count: impl Fn(&ResourceMetrics)) {
        if let Some(metrics) = self.known().resources.get(resource) {
            count(metrics);
        }
    }

    /// A token was not accepted.
    pub fn auth_failed(&self) {
        self.auth_failures.inc();
    }

    /// It was genuine.
    pub fn auth_was_stale(&self) {
        self.auth_stale.inc();
    }

    /// A client was refused without its token being looked at.
    pub fn auth_refused_unheard(&self) {
        self.auth_refused_unheard.inc();
    }

    /// So many reviews wait for a person.
    pub fn set_reviews_open(&self, count: u64) {
        self.reviews_open.set(signed(count));
    }

    /// How many records the index of search has not read.
    pub fn set_search_lag(&self, records: u64) {
        self.search_lag.set(signed(records));
    }

    /// Whether evidence can be written.
    pub fn set_evidence_healthy(&self, healthy: bool) {
        self.evidence_healthy.set(i64::from(healthy));
    }

    /// How the targets are, by resource.
    pub fn set_targets(&self, targets: &BTreeMap<String, TargetState>) {
        let known = self.known();
        for (resource, state) in targets.iter().filter(|(it, _)| known.resources.contains_key(*it))
        {
            let label = ResourceLabel { resource: resource.clone() };
            let gauge = self.families.target_watched.get_or_create_owned(&label);
            gauge.set(match state.watch {
                Watch::Watched => 1,
                Watch::Unwatched => 0,
            });
            let gauge = self.families.unknown_columns.get_or_create_owned(&label);
            gauge.set(i64::try_from(state.unknown_columns.len()).unwrap_or(i64::MAX));
        }
    }

    /// Enough witnesses have cosigned a tree of so many records, at a time in seconds.
    pub fn set_witnessed(&self, records: u64, at_seconds: u64) {
        if let Some(witnessed) = &self.witnessed {
            witnessed.records.set(signed(records));
            witnessed.at_seconds.set(signed(at_seconds));
        }
    }

    /// A witness gave no cosignature.
    pub fn witness_failed(&self, name: &str) {
        if let Some(count) = self.witnessed.as_ref().and_then(|all| all.failures.get(name)) {
            count.inc();
        }
    }

    /// An export has delivered events.
    pub fn exported(&self, export: &str, events: u64) {
        let label = ExportLabel { export: export.to_owned() };
        self.families.exported.get_or_create_owned(&label).inc_by(events);
    }

    /// So many records lie before an export.
    pub fn export_lag(&self, export: &str, lag: u64) {
        let label = ExportLabel { export: export.to_owned() };
        self.families.export_lag.get_or_create_owned(&label).set(signed(lag));
    }

    /// An export could not deliver.
    pub fn export_failed(&self, export: &str) {
        let label = ExportLabel { export: export.to_owned() };
        self.families.export_failures.get_or_create_owned(&label).inc();
    }

    /// What the evidence keeps.
    pub fn set_standing(&self, standing: &RetentionStatus) {
        let oldest = standing.oldest_readable_us.unwrap_or(0) / 1_000_000;
        for (gauge, value) in [
            (&self.recordings_readable, standing.readable),
            (&self.recordings_shredded, standing.shredded),
            (&self.oldest_recording_seconds, oldest),
            (&self.holds, standing.holds),
        ] {
            gauge.set(signed(value));
        }
    }

    /// Everything, in the OpenMetrics text format 1.0.0.
    #[must_use]
    pub fn render(&self) -> String {
        let mut page = String::with_capacity(8192);
        // A text takes everything that is written to it.
        let _ = prometheus_client::encoding::text::encode(&mut page, &self.registry);
        page
    }
}

impl Families {
    fn registered(registry: &mut Registry) -> Self {
        let families = Self {
            sessions: Family::default(),
            sessions_open: Family::default(),
            requests: Family::default(),
            rows: Family::default(),
            bytes: Family::default(),
            masked: Family::default(),
            target_watched: Family::default(),
            exported: Family::default(),
            export_failures: Family::default(),
            export_lag: Family::default(),
            unknown_columns: Family::default(),
            steps: StepFamily::new_with_constructor(step_histogram),
        };
        registry.register("sessions", "Sessions opened", families.sessions.clone());
        registry.register("sessions_open", "Sessions open now", families.sessions_open.clone());
        registry.register("requests", "Requests, by verdict", families.requests.clone());
        registry.register("exported_events", "Events delivered", families.exported.clone());
        let help = "Deliveries that failed, and are made again";
        registry.register("export_failures", help, families.export_failures.clone());
        let help = "Records of the log that a receiver has not taken yet";
        registry.register("export_lag_records", help, families.export_lag.clone());
        registry.register("rows", "Rows released to clients", families.rows.clone());
        registry.register("bytes", "Bytes, by direction", families.bytes.clone());
        registry.register("masked", "Values masked, by category", families.masked.clone());
        registry.register(
            "target_watched",
            "1 while the target can be asked what its definitions are; nothing of it is released \
             while it is 0",
            families.target_watched.clone(),
        );
        registry.register(
            "unknown_columns",
            "Columns that appeared at the target after somebody looked last: they are masked whole",
            families.unknown_columns.clone(),
        );
        registry.register(
            "step_duration_seconds",
            "How long the steps of a request take",
            families.steps.clone(),
        );
        families
    }

    fn of_resource(&self, name: &str) -> ResourceMetrics {
        let resource = name.to_owned();
        let label = ResourceLabel { resource: resource.clone() };
        let requests = |verdict| {
            let labels = VerdictLabels { resource: resource.clone(), verdict };
            self.requests.get_or_create_owned(&labels)
        };
        let bytes = |direction| {
            let labels = DirectionLabels { resource: resource.clone(), direction };
            self.bytes.get_or_create_owned(&labels)
        };
        let step = |step: Step| {
            let labels = StepLabels { resource: resource.clone(), step: step.name() };
            self.steps.get_or_create_owned(&labels)
        };
        ResourceMetrics {
            sessions: self.sessions.get_or_create_owned(&label),
            sessions_open: self.sessions_open.get_or_create_owned(&label),
            allowed: requests("allow"),
            denied: requests("deny"),
            reviewed: requests("review"),
            rows: self.rows.get_or_create_owned(&label),
            bytes_to_clients: bytes("to_client"),
            bytes_from_clients: bytes("from_client"),
            decide: step(Step::Decide),
            request_barrier: step(Step::RequestBarrier),
            reply_barrier: step(Step::ReplyBarrier),
            dial: step(Step::Dial),
            review: step(Step::Review),
        }
    }
}

impl Witnessed {
    fn registered(registry: &mut Registry, config: &Config) -> Option<Self> {
        if config.evidence.witnesses.is_empty() {
            return None;
        }
        let failures = Family::<WitnessLabel, Counter>::default();
        let of_witness = |name: &str| {
            let label = WitnessLabel { witness: name.to_owned() };
            (name.to_owned(), failures.get_or_create_owned(&label))
        };
        let names = config.evidence.witnesses.iter().map(|witness| witness.name.as_str());
        let witnessed = Self { failures: names.map(of_witness).collect(), ..Self::default() };
        registry.register(
            "evidence_witnessed_records",
            "Records in the tree that enough witnesses have cosigned",
            witnessed.records.clone(),
        );
        registry.register(
            "evidence_witnessed_timestamp_seconds",
            "When they did, in seconds since 1970; 0 for never",
            witnessed.at_seconds.clone(),
        );
        let help = "Requests for a cosignature that brought none";
        registry.register("witness_failures", help, failures);
        Some(witnessed)
    }
}

impl Observer for Metrics {
    fn session_opened(&self, resource: &str) {
        self.with(resource, |metrics| {
            metrics.sessions.inc();
            metrics.sessions_open.inc();
        });
    }

    fn session_closed(&self, resource: &str) {
        // A session may outlive its resource's place in the configuration.
        let label = ResourceLabel { resource: resource.to_owned() };
        if let Some(open) = self.families.sessions_open.get(&label) {
            open.dec();
        }
    }

    fn decided(&self, resource: &str, verdict: Verdict) {
        self.with(resource, |metrics| {
            match verdict {
                Verdict::Allow => metrics.allowed.inc(),
                Verdict::Deny => metrics.denied.inc(),
                Verdict::Review => metrics.reviewed.inc(),
            };
        });
    }

    fn released(&self, resource: &str, bytes: u64, rows: u64) {
        self.with(resource, |metrics| {
            metrics.bytes_to_clients.inc_by(bytes);
            metrics.rows.inc_by(rows);
        });
    }

    fn received(&self, resource: &str, bytes: u64) {
        self.with(resource, |metrics| {
            metrics.bytes_from_clients.inc_by(bytes);
        });
    }

    fn detected(&self, resource: &str, found: &Detected) {
        self.detected_values.inc_by(found.masked + found.revealed);
        if let Some(Proposal { column, line, .. }) = self.proposals.count(resource, found) {
            tracing::warn!(
                resource,
                column,
                hint = format!("add `{line}` to `classify`, or `{{ clear: \"reason\" }}`"),
                "detectors keep finding personal data in a column that nobody has classified"
            );
            self.count_proposals();
        }
    }

    fn masked(&self, category: &Category, values: u64) {
        let known = self.known();
        known.masked.get(category).unwrap_or(&self.masked_other).inc_by(values);
    }

    fn took(&self, resource: &str, step: Step, time: Duration) {
        self.with(resource, |metrics| {
            let histogram = match step {
                Step::Decide => &metrics.decide,
                Step::RequestBarrier => &metrics.request_barrier,
                Step::ReplyBarrier => &metrics.reply_barrier,
                Step::Dial => &metrics.dial,
                Step::Review => &metrics.review,
            };
            histogram.observe(time.as_secs_f64());
        });
    }
}

/// From 50 µs, a decision, over 1 ms, a sync, to an hour, a person: each bound four times
/// the one before.
fn step_histogram() -> Histogram {
    const BUCKETS: u16 = 14;
    Histogram::new(prometheus_client::metrics::histogram::exponential_buckets(
        0.000_05, 4.0, BUCKETS,
    ))
}

fn signed(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "issuers: [{local: {}}]\nresources:\n  shop:\n    \
        postgres: {host: 127.0.0.1, user: u}\n    classify: {\"*.*.email\": email}\n";

    #[track_caller]
    fn has(page: &str, line: &str) {
        assert!(page.lines().any(|found| found == line), "{line}\n{page}");
    }

    #[test]
    fn the_page_is_what_prometheus_reads() {
        let metrics = Metrics::new(&crate::testing::config(TEXT));
        metrics.session_opened("shop");
        metrics.session_opened("shop");
        metrics.session_closed("shop");
        let unwatched = |name: &str| {
            let unknown_columns = vec!["public.orders.note".to_owned()];
            let state =
                TargetState { watch: Watch::Unwatched, unknown_columns, ..TargetState::default() };
            (name.to_owned(), state)
        };
        metrics.set_targets(&["shop", "made up by a client"].map(unwatched).into());
        metrics.session_opened("made up by a client");
        metrics.session_closed("made up by a client");
        metrics.decided("shop", Verdict::Deny);
        metrics.released("shop", 512, 3);
        metrics.masked(&"email".into(), 3);
        metrics.masked(&"found".into(), 1);
        let steps = [
            (Step::Decide, "decide"),
            (Step::RequestBarrier, "request_barrier"),
            (Step::ReplyBarrier, "reply_barrier"),
            (Step::Dial, "dial"),
            (Step::Review, "review"),
        ];
        // Each as often as no other, so that none is counted as another.
        for (at, (step, _)) in steps.iter().enumerate() {
            (0..=at).for_each(|_| metrics.took("shop", *step, Duration::from_micros(120)));
        }
        metrics.took("made up by a client", Step::Dial, Duration::from_secs(1));
        let page = metrics.render();
        for line in [
            "portreeve_sessions_total{resource=\"shop\"} 2",
            "portreeve_sessions_open{resource=\"shop\"} 1",
            "portreeve_requests_total{resource=\"shop\",verdict=\"deny\"} 1",
            "portreeve_rows_total{resource=\"shop\"} 3",
            "portreeve_bytes_total{resource=\"shop\",direction=\"to_client\"} 512",
            "portreeve_masked_total{category=\"email\"} 3",
            "portreeve_masked_total{category=\"other\"} 1",
            "portreeve_target_watched{resource=\"shop\"} 0",
            "portreeve_unknown_columns{resource=\"shop\"} 1",
            "portreeve_evidence_healthy 1",
            "portreeve_auth_failures_total 0",
            "portreeve_auth_stale_total 0",
            "# TYPE portreeve_sessions counter",
            "# EOF",
        ] {
            has(&page, line);
        }
        for (at, (_, name)) in steps.iter().enumerate() {
            let labels = format!("{{resource=\"shop\",step=\"{name}\"}}");
            has(&page, &format!("portreeve_step_duration_seconds_count{labels} {}", at + 1));
        }
        let version =
            format!("portreeve_build_info{{version=\"{}\"}} 1", env!("CARGO_PKG_VERSION"));
        has(&page, &version);
        assert!(!page.contains("made up"));
        assert!(!page.contains("witness"), "none are configured");
    }

    #[test]
    fn another_configuration_counts_on() {
        let metrics = Metrics::new(&crate::testing::config(TEXT));
        metrics.session_opened("shop");
        metrics.set_targets(&[("shop".to_owned(), TargetState::default())].into());
        has(&metrics.render(), "portreeve_target_watched{resource=\"shop\"} 1");
        let more = TEXT.replace("shop:", "mail:").replace(": email}", ": contact}");
        metrics.adopt(&crate::testing::config(&more));
        metrics.session_opened("mail");
        metrics.session_opened("shop");
        metrics.session_closed("shop");
        metrics.masked(&"contact".into(), 2);
        let page = metrics.render();
        has(&page, "portreeve_sessions_total{resource=\"mail\"} 1");
        has(&page, "portreeve_sessions_total{resource=\"shop\"} 1");
        has(&page, "portreeve_sessions_open{resource=\"shop\"} 0");
        has(&page, "portreeve_masked_total{category=\"contact\"} 2");
        assert!(!page.contains("portreeve_target_watched{"), "nobody watches it any more");
        assert!(!page.contains("portreeve_unknown_columns{"), "nobody watches it any more");
    }
}
