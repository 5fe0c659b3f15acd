//! Retention: the configuration's rules, and the sweep that follows them.

use portreeve_control::Config;
use portreeve_control::api::{Keeping, ReportShelf};
use portreeve_control::metrics::Metrics;
use portreeve_evidence::{Error, EvidenceLog, Mode, Reconciled, Retention, RetentionStatus};
use portreeve_model::Custodian;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// How often what is over age goes.
const SWEEP_INTERVAL: Duration = Duration::from_secs(60 * 60);

/// The evidence as the API and the sweep reach it.
pub(super) fn keeping(config: &Config, log: EvidenceLog) -> Keeping {
    let custodians = config.evidence.custodians.clone().into();
    let reports = Arc::new(ReportShelf::new(config));
    Keeping { log, custodians, retention: Arc::new(retention(config)), reports }
}

/// The rules of a configuration.
pub(crate) fn retention(config: &Config) -> Retention {
    let rules = config.evidence.retention.clone();
    Retention {
        default: rules.default,
        resources: rules.resources,
        categories: rules.categories,
        log: rules.log,
    }
}

/// Does what the log and the rules say, at once and then every hour. The caller owns the
/// task that runs this, and ends it.
pub(super) async fn sweep_hourly(keeping: Keeping, metrics: Arc<Metrics>) {
    let start = (Instant::now(), SystemTime::now());
    loop {
        if let Some(days) = clock_jump_days(start) {
            // What a wrong clock destroys, a right one does not bring back.
            tracing::error!(days, "the system clock was moved: retention waits for a restart");
            tokio::time::sleep(SWEEP_INTERVAL).await;
            continue;
        }
        let (log, rules) = (keeping.log.clone(), keeping.retention.clone());
        match tokio::task::spawn_blocking(move || sweep(&log, &rules)).await {
            Ok(Ok(standing)) => metrics.set_standing(&standing),
            Ok(Err(error)) => tracing::error!(%error, "retention was not carried out"),
            Err(error) => tracing::error!(%error, "retention ended by a fault of its own"),
        }
        tokio::time::sleep(SWEEP_INTERVAL).await;
    }
}

/// By how many days the system clock went another way than time did; none within one.
fn clock_jump_days((instant, time): (Instant, SystemTime)) -> Option<u64> {
    const DAY: Duration = Duration::from_secs(24 * 60 * 60);
    let expected = time + instant.elapsed();
    let now = SystemTime::now();
    let apart = now.duration_since(expected).or_else(|_| expected.duration_since(now)).ok()?;
    (apart > DAY).then(|| apart.as_secs() / DAY.as_secs())
}

fn sweep(log: &EvidenceLog, rules: &Retention) -> Result<RetentionStatus, Error> {
    let reconciled = log.reconcile()?;
    if reconciled != Reconciled::default() {
        let Reconciled { shares_erased, segments_removed } = reconciled;
        tracing::warn!(shares_erased, segments_removed, "what was destroyed had come back");
    }
    let swept = log.sweep(rules, Mode::Act, &Custodian::Gateway)?;
    tracing::info!(
        shredded = swept.due.len(),
        held = swept.held.len(),
        "recordings over age were destroyed"
    );
    if let Some(age) = rules.log {
        let before = SystemTime::now().checked_sub(age).unwrap_or(UNIX_EPOCH);
        let before = before.duration_since(UNIX_EPOCH).unwrap_or_default().as_micros();
        let before_us = u64::try_from(before).unwrap_or(u64::MAX);
        let why = "retention of the log";
        let pruned = log.prune(before_us, rules, why, Mode::Act, &Custodian::Gateway)?;
        tracing::info!(segments = pruned.segments_removed, "old segments were pruned");
    }
    log.retention_status()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_was_moved_is_noticed_either_way() {
        let days = |count: u64| Duration::from_secs(count * 24 * 60 * 60 + 60);
        let check = |time: SystemTime, expect| {
            assert_eq!(clock_jump_days((Instant::now(), time)), expect);
        };
        check(SystemTime::now(), None);
        check(SystemTime::now() - Duration::from_secs(60 * 60), None);
        check(SystemTime::now() - days(400), Some(400));
        check(SystemTime::now() + days(3), Some(3));
    }
}
