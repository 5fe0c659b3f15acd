//! Medians, as a table for people and as JSON for programs.

use super::contender::{DIRECT, POOL_SESSION, POOL_TRANSACTION};
use super::work::{Measured, Work};
use super::{evidence, ssh};
use serde_json::{Value, json};
use std::fmt::Write;

/// Everything that was measured.
#[derive(Debug, Default)]
pub(super) struct Report {
    entries: Vec<Entry>,
    memory: Vec<(String, f64)>,
    /// What the evidence log's own bench found.
    pub(super) evidence: Option<Value>,
    /// What was found of SSH.
    pub(super) ssh: Option<Value>,
}

#[derive(Debug)]
struct Entry {
    work: Work,
    contender: &'static str,
    measured: Vec<Measured>,
    error: Option<String>,
}

/// One line of a table.
#[derive(Clone, Copy, PartialEq, Debug)]
struct Line {
    rate: f64,
    latency_ms: f64,
    /// CPU seconds per 100,000 queries, or per GB as the target sent it.
    cpu: Option<f64>,
}

impl Report {
    pub(super) fn add(
        &mut self,
        work: &Work,
        contender: &'static str,
        measured: anyhow::Result<Measured>,
    ) {
        let at = self.entries.iter().position(|entry| entry.is(work, contender));
        let at = at.unwrap_or_else(|| {
            let (work, measured) = (work.clone(), Vec::new());
            self.entries.push(Entry { work, contender, measured, error: None });
            self.entries.len() - 1
        });
        let Some(entry) = self.entries.get_mut(at) else { return };
        match measured {
            Ok(measured) => entry.measured.push(measured),
            Err(error) => entry.error = Some(format!("{error:#}")),
        }
    }

    pub(super) fn memory(&mut self, contender: &str, peak_mib: Option<f64>) {
        self.memory.extend(peak_mib.map(|peak| (contender.to_owned(), peak)));
    }

    fn works(&self) -> Vec<&Work> {
        let mut works: Vec<&Work> = Vec::new();
        for entry in &self.entries {
            if !works.contains(&&entry.work) {
                works.push(&entry.work);
            }
        }
        works
    }

    fn entry(&self, work: &Work, contender: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.is(work, contender))
    }

    fn line(&self, work: &Work, contender: &str) -> Option<Line> {
        let entry = self.entry(work, contender)?;
        let all = &entry.measured;
        let bytes_per_row = self.entry(work, DIRECT).and_then(|direct| {
            median(direct.measured.iter().map(|measured| measured.bytes / measured.count))
        });
        let cpu = |measured: &Measured| match work {
            Work::Point { .. } => Some(measured.cpu_seconds / measured.count * 1e5),
            // Masking changes lengths, so every contender's GB is that of the target.
            Work::Bulk { .. } => {
                Some(measured.cpu_seconds / (measured.count * bytes_per_row? / 1e9))
            }
        };
        Some(Line {
            rate: median(all.iter().map(|measured| measured.rate))?,
            latency_ms: median(all.iter().map(|measured| measured.latency_ms))?,
            cpu: median(all.iter().filter_map(cpu)).filter(|_| contender != DIRECT),
        })
    }

    /// PgBouncer as it is used for this work: transaction pooling for point queries where
    /// it can do them, session pooling for the rest.
    fn pool(&self, work: &Work) -> Option<Line> {
        let [first, second] = match work {
            Work::Point { .. } => [POOL_TRANSACTION, POOL_SESSION],
            Work::Bulk { .. } => [POOL_SESSION, POOL_TRANSACTION],
        };
        self.line(work, first).or_else(|| self.line(work, second))
    }

    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        for work in self.works() {
            let (rate, latency, cpu) = match work {
                Work::Point { .. } => ("queries/s", "avg ms", "CPU s/100k"),
                Work::Bulk { .. } => ("rows/s", "first ms", "CPU s/GB"),
            };
            let _ = writeln!(text, "\n{}", work.name());
            let _ = writeln!(
                text,
                "  {:<18} {rate:>10} {:>8} {:>11} {latency:>9} {cpu:>11} {:>13}",
                "", "/direct", "/pgbouncer", "CPU/pgbouncer"
            );
            for entry in self.entries.iter().filter(|entry| &entry.work == work) {
                let _ = writeln!(text, "  {:<18} {}", entry.contender, self.columns(entry));
            }
        }
        if !self.memory.is_empty() {
            text.push_str("\nmost memory at once\n");
        }
        for (name, peak) in &self.memory {
            let _ = writeln!(text, "  {name:<18} {peak:>10.1} MiB");
        }
        text.extend(self.evidence.as_ref().map(evidence::text));
        text.extend(self.ssh.as_ref().map(ssh::text));
        text
    }

    fn columns(&self, entry: &Entry) -> String {
        let Some(line) = self.line(&entry.work, entry.contender) else {
            return short(entry.error.as_deref().unwrap_or("nothing measured"));
        };
        let direct = self.line(&entry.work, DIRECT).map(|direct| line.rate / direct.rate);
        let pool = self.pool(&entry.work);
        let failed = entry.error.as_ref().map(|error| format!("  (also: {})", short(error)));
        format!(
            "{:>10.0} {:>8} {:>11} {:>9.3} {:>11} {:>13}{}",
            line.rate,
            shown(direct),
            shown(pool.map(|pool| line.rate / pool.rate)),
            line.latency_ms,
            shown(line.cpu),
            shown(pool.and_then(|pool| Some(line.cpu? / pool.cpu?))),
            failed.unwrap_or_default()
        )
    }

    pub(super) fn json(&self) -> Value {
        let entries = self.entries.iter().map(|entry| {
            let line = self.line(&entry.work, entry.contender);
            let direct = self.line(&entry.work, DIRECT);
            let pool = self.pool(&entry.work);
            let cpu_to_pool = line.zip(pool).and_then(|(line, pool)| Some(line.cpu? / pool.cpu?));
            json!({
                "work": entry.work.name(),
                "contender": entry.contender,
                "rounds": entry.measured.len(),
                "rate": line.map(|line| line.rate),
                "rate_to_direct": line.zip(direct).map(|(line, direct)| line.rate / direct.rate),
                "rate_to_pgbouncer": line.zip(pool).map(|(line, pool)| line.rate / pool.rate),
                "latency_ms": line.map(|line| line.latency_ms),
                "cpu_seconds_per_unit": line.and_then(|line| line.cpu),
                "unit": match entry.work {
                    Work::Point { .. } => "100000 queries",
                    Work::Bulk { .. } => "GB",
                },
                "cpu_to_pgbouncer": cpu_to_pool,
                "error": entry.error,
            })
        });
        let memory =
            self.memory.iter().map(|(name, peak)| json!({"contender": name, "peak_mib": peak}));
        json!({
            "results": entries.collect::<Vec<_>>(),
            "memory": memory.collect::<Vec<_>>(),
            "evidence": self.evidence,
            "ssh": self.ssh,
        })
    }
}

impl Entry {
    fn is(&self, work: &Work, contender: &str) -> bool {
        self.work == *work && self.contender == contender
    }
}

/// The beginning of an error; JSON has all of it.
fn short(error: &str) -> String {
    error.chars().take(90).collect()
}

fn shown(number: Option<f64>) -> String {
    number.map_or_else(|| "-".into(), |number| format!("{number:.2}"))
}

fn median(numbers: impl Iterator<Item = f64>) -> Option<f64> {
    let mut sorted: Vec<f64> = numbers.collect();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match sorted.len() % 2 {
        0 => Some((sorted.get(middle.checked_sub(1)?)? + sorted.get(middle)?) / 2.0),
        _ => sorted.get(middle).copied(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::contender::PORTREEVE;

    fn measured(rate: f64, cpu_seconds: f64) -> Measured {
        Measured { rate, latency_ms: 0.5, count: 100_000.0, bytes: 0.0, cpu_seconds }
    }

    #[test]
    fn ratios_are_those_of_medians() {
        let work = Work::Point { mode: "simple".into(), clients: 8, seconds: 1 };
        let mut report = Report::default();
        for (rate, cpu) in [(90.0, 4.0), (50.0, 2.0), (10.0, 3.0)] {
            report.add(&work, DIRECT, Ok(measured(rate * 2.0, 0.0)));
            report.add(&work, POOL_TRANSACTION, Ok(measured(rate, 2.0)));
            report.add(&work, PORTREEVE, Ok(measured(rate, cpu)));
        }
        let json = report.json();
        let ours = json.pointer("/results/2").unwrap();
        assert_eq!(ours.pointer("/rate_to_direct"), Some(&json!(0.5)));
        assert_eq!(ours.pointer("/cpu_seconds_per_unit"), Some(&json!(3.0)));
        assert_eq!(ours.pointer("/cpu_to_pgbouncer"), Some(&json!(1.5)));
    }

    #[test]
    fn a_contender_that_fails_is_shown_with_its_error() {
        let work = Work::Point { mode: "prepared".into(), clients: 8, seconds: 1 };
        let mut report = Report::default();
        report.add(&work, POOL_TRANSACTION, Err(anyhow::anyhow!("no prepared statements")));
        assert!(report.text().contains("pgbouncer-tx       no prepared statements"));
    }

    #[test]
    fn medians_of_few_numbers() {
        assert_eq!(median([].into_iter()), None);
        assert_eq!(median([3.0].into_iter()), Some(3.0));
        assert_eq!(median([3.0, 1.0].into_iter()), Some(2.0));
        assert_eq!(median([3.0, 1.0, 9.0].into_iter()), Some(3.0));
    }
}
