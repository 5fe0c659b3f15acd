//! What the gateway counts, and how Prometheus reads it.
//!
//! A few atomics, made once from the configuration: resources and categories are
//! known then, so nothing is allocated or locked while counting, and no client can
//! make a label.

use crate::config::Config;
use portreeve_evidence::RetentionStatus;
use portreeve_model::{Category, Verdict};
use portreeve_session::Observer;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// Every counter.
#[derive(Debug)]
pub struct Metrics {
    resources: BTreeMap<String, ResourceCounts>,
    masked: BTreeMap<Category, AtomicU64>,
    masked_other: AtomicU64,
    auth_failures: AtomicU64,
    auth_refused_unheard: AtomicU64,
    reviews_open: AtomicU64,
    evidence_healthy: AtomicBool,
    witnessed: Option<WitnessCounts>,
    recordings_readable: AtomicU64,
    recordings_shredded: AtomicU64,
    oldest_recording_seconds: AtomicU64,
    holds: AtomicU64,
}

/// How the witnesses are; only where some are configured.
#[derive(Debug, Default)]
struct WitnessCounts {
    records: AtomicU64,
    at_seconds: AtomicU64,
    failures: BTreeMap<String, AtomicU64>,
}

#[derive(Debug, Default)]
struct ResourceCounts {
    sessions_opened: AtomicU64,
    sessions_closed: AtomicU64,
    allowed: AtomicU64,
    denied: AtomicU64,
    reviewed: AtomicU64,
    rows: AtomicU64,
    bytes_to_clients: AtomicU64,
    bytes_from_clients: AtomicU64,
}

impl Metrics {
    /// Makes the counters for the resources and categories of a configuration.
    #[must_use]
    pub fn new(config: &Config) -> Self {
        let resources = config.resources.keys().map(|name| (name.clone(), Default::default()));
        let classified = config
            .resources
            .values()
            .flat_map(|resource| resource.classify.entries().map(|(_, category)| category.clone()));
        let categories = classified.chain(config.masking.methods.keys().cloned());
        Self {
            resources: resources.collect(),
            masked: categories.map(|category| (category, AtomicU64::new(0))).collect(),
            masked_other: AtomicU64::new(0),
            auth_failures: AtomicU64::new(0),
            auth_refused_unheard: AtomicU64::new(0),
            reviews_open: AtomicU64::new(0),
            evidence_healthy: AtomicBool::new(true),
            witnessed: (!config.evidence.witnesses.is_empty()).then(|| WitnessCounts {
                failures: config
                    .evidence
                    .witnesses
                    .iter()
                    .map(|witness| (witness.name.clone(), AtomicU64::new(0)))
                    .collect(),
                ..WitnessCounts::default()
            }),
            recordings_readable: AtomicU64::new(0),
            recordings_shredded: AtomicU64::new(0),
            oldest_recording_seconds: AtomicU64::new(0),
            holds: AtomicU64::new(0),
        }
    }

    fn count(&self, resource: &str, counter: impl Fn(&ResourceCounts) -> &AtomicU64, by: u64) {
        if let Some(counts) = self.resources.get(resource) {
            counter(counts).fetch_add(by, Ordering::Relaxed);
        }
    }

    /// A token was not accepted.
    pub fn auth_failed(&self) {
        self.auth_failures.fetch_add(1, Ordering::Relaxed);
    }

    /// A client was refused without its token being looked at.
    pub fn auth_refused_unheard(&self) {
        self.auth_refused_unheard.fetch_add(1, Ordering::Relaxed);
    }

    /// So many reviews wait for a person.
    pub fn set_reviews_open(&self, count: u64) {
        self.reviews_open.store(count, Ordering::Relaxed);
    }

    /// Whether the evidence can be written.
    pub fn set_evidence_healthy(&self, healthy: bool) {
        self.evidence_healthy.store(healthy, Ordering::Relaxed);
    }

    /// Enough witnesses have cosigned a tree of so many records, at a time in seconds.
    pub fn set_witnessed(&self, records: u64, at_seconds: u64) {
        if let Some(witnessed) = &self.witnessed {
            witnessed.records.store(records, Ordering::Relaxed);
            witnessed.at_seconds.store(at_seconds, Ordering::Relaxed);
        }
    }

    /// A witness gave no cosignature.
    pub fn witness_failed(&self, name: &str) {
        if let Some(count) = self.witnessed.as_ref().and_then(|all| all.failures.get(name)) {
            count.fetch_add(1, Ordering::Relaxed);
        }
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
            gauge.store(value, Ordering::Relaxed);
        }
    }

    /// Everything, in Prometheus' text format 0.0.4.
    #[must_use]
    pub fn render(&self) -> String {
        let mut page = Page(String::with_capacity(4096));
        let load = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        page.family("portreeve_build_info", "gauge", "The version that runs.");
        page.sample("portreeve_build_info", &[("version", env!("CARGO_PKG_VERSION"))], 1);
        self.render_resources(&mut page);
        page.family("portreeve_masked_total", "counter", "Values masked, by category.");
        for (category, counter) in &self.masked {
            page.sample("portreeve_masked_total", &[("category", &category.0)], load(counter));
        }
        page.sample("portreeve_masked_total", &[("category", "other")], load(&self.masked_other));
        let single = [
            (
                "portreeve_auth_failures_total",
                "counter",
                "Tokens not accepted.",
                load(&self.auth_failures),
            ),
            (
                "portreeve_auth_refused_unheard_total",
                "counter",
                "Clients refused for too many bad tokens.",
                load(&self.auth_refused_unheard),
            ),
            (
                "portreeve_reviews_open",
                "gauge",
                "Reviews that wait for a person.",
                load(&self.reviews_open),
            ),
            (
                "portreeve_evidence_healthy",
                "gauge",
                "1 while evidence can be written; nothing passes while it is 0.",
                u64::from(self.evidence_healthy.load(Ordering::Relaxed)),
            ),
            (
                "portreeve_evidence_recordings_readable",
                "gauge",
                "Recordings that were not destroyed, at the last sweep.",
                load(&self.recordings_readable),
            ),
            (
                "portreeve_evidence_recordings_shredded",
                "gauge",
                "Recordings that were destroyed, as far back as the log goes.",
                load(&self.recordings_shredded),
            ),
            (
                "portreeve_evidence_oldest_recording_timestamp_seconds",
                "gauge",
                "When the oldest readable recording began; 0 where there is none.",
                load(&self.oldest_recording_seconds),
            ),
            ("portreeve_evidence_holds", "gauge", "Legal holds in force.", load(&self.holds)),
        ];
        for (name, kind, help, value) in single {
            page.family(name, kind, help);
            page.sample(name, &[], value);
        }
        if let Some(witnessed) = &self.witnessed {
            witnessed.render(&mut page);
        }
        page.0
    }

    fn render_resources(&self, page: &mut Page) {
        type Read = fn(&ResourceCounts) -> Vec<(&'static [(&'static str, &'static str)], u64)>;
        fn one(value: &AtomicU64) -> u64 {
            value.load(Ordering::Relaxed)
        }
        let families: [(&str, &str, &str, Read); 5] = [
            ("portreeve_sessions_total", "counter", "Sessions opened.", |counts| {
                vec![(&[], one(&counts.sessions_opened))]
            }),
            ("portreeve_sessions_open", "gauge", "Sessions open now.", |counts| {
                let closed = one(&counts.sessions_closed);
                vec![(&[], one(&counts.sessions_opened).saturating_sub(closed))]
            }),
            ("portreeve_requests_total", "counter", "Requests, by verdict.", |counts| {
                vec![
                    (&[("verdict", "allow")], one(&counts.allowed)),
                    (&[("verdict", "deny")], one(&counts.denied)),
                    (&[("verdict", "review")], one(&counts.reviewed)),
                ]
            }),
            ("portreeve_rows_total", "counter", "Rows released to clients.", |counts| {
                vec![(&[], one(&counts.rows))]
            }),
            ("portreeve_bytes_total", "counter", "Bytes, by direction.", |counts| {
                vec![
                    (&[("direction", "to_client")], one(&counts.bytes_to_clients)),
                    (&[("direction", "from_client")], one(&counts.bytes_from_clients)),
                ]
            }),
        ];
        for (name, kind, help, read) in families {
            page.family(name, kind, help);
            for (resource, counts) in &self.resources {
                for (labels, value) in read(counts) {
                    let mut all = vec![("resource", resource.as_str())];
                    all.extend_from_slice(labels);
                    page.sample(name, &all, value);
                }
            }
        }
    }
}

impl WitnessCounts {
    fn render(&self, page: &mut Page) {
        let name = "portreeve_evidence_witnessed_records";
        page.family(name, "gauge", "Records in the tree that enough witnesses have cosigned.");
        page.sample(name, &[], self.records.load(Ordering::Relaxed));
        let name = "portreeve_evidence_witnessed_timestamp_seconds";
        page.family(name, "gauge", "When they did, in seconds since 1970; 0 for never.");
        page.sample(name, &[], self.at_seconds.load(Ordering::Relaxed));
        let name = "portreeve_witness_failures_total";
        page.family(name, "counter", "Requests for a cosignature that brought none.");
        for (witness, count) in &self.failures {
            page.sample(name, &[("witness", witness)], count.load(Ordering::Relaxed));
        }
    }
}

impl Observer for Metrics {
    fn session_opened(&self, resource: &str) {
        self.count(resource, |counts| &counts.sessions_opened, 1);
    }

    fn session_closed(&self, resource: &str) {
        self.count(resource, |counts| &counts.sessions_closed, 1);
    }

    fn decided(&self, resource: &str, verdict: Verdict) {
        match verdict {
            Verdict::Allow => self.count(resource, |counts| &counts.allowed, 1),
            Verdict::Deny => self.count(resource, |counts| &counts.denied, 1),
            Verdict::Review => self.count(resource, |counts| &counts.reviewed, 1),
        }
    }

    fn released(&self, resource: &str, bytes: u64, rows: u64) {
        self.count(resource, |counts| &counts.bytes_to_clients, bytes);
        self.count(resource, |counts| &counts.rows, rows);
    }

    fn received(&self, resource: &str, bytes: u64) {
        self.count(resource, |counts| &counts.bytes_from_clients, bytes);
    }

    fn masked(&self, category: &Category, values: u64) {
        self.masked
            .get(category)
            .unwrap_or(&self.masked_other)
            .fetch_add(values, Ordering::Relaxed);
    }
}

/// A page under construction. Label values are names from the configuration, which
/// cannot hold a quote, a backslash or a line end.
struct Page(String);

impl Page {
    fn family(&mut self, name: &str, kind: &str, help: &str) {
        let _ = writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: u64) {
        self.0.push_str(name);
        for (index, (label, text)) in labels.iter().enumerate() {
            let open = if index == 0 { '{' } else { ',' };
            let _ = write!(self.0, "{open}{label}=\"{text}\"");
        }
        let close = if labels.is_empty() { "" } else { "}" };
        let _ = writeln!(self.0, "{close} {value}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_is_what_prometheus_reads() {
        let text = "issuers: [{local: {}}]\nresources:\n  shop:\n    postgres: {host: 127.0.0.1, \
            user: u}\n    classify: {\"*.*.email\": email}\n";
        let config = crate::config::parse(std::path::Path::new("x.yaml"), text).unwrap();
        let metrics = Metrics::new(&config);
        metrics.session_opened("shop");
        metrics.session_opened("shop");
        metrics.session_closed("shop");
        metrics.session_opened("made up by a client");
        metrics.decided("shop", Verdict::Deny);
        metrics.released("shop", 512, 3);
        metrics.masked(&"email".into(), 3);
        metrics.masked(&"found".into(), 1);
        let page = metrics.render();
        for line in [
            "portreeve_sessions_total{resource=\"shop\"} 2",
            "portreeve_sessions_open{resource=\"shop\"} 1",
            "portreeve_requests_total{resource=\"shop\",verdict=\"deny\"} 1",
            "portreeve_rows_total{resource=\"shop\"} 3",
            "portreeve_bytes_total{resource=\"shop\",direction=\"to_client\"} 512",
            "portreeve_masked_total{category=\"email\"} 3",
            "portreeve_masked_total{category=\"other\"} 1",
            "portreeve_evidence_healthy 1",
        ] {
            assert!(page.lines().any(|found| found == line), "{line}\n{page}");
        }
        assert!(!page.contains("made up"));
    }
}
