//! Retention: the configuration's rules, and the sweep that follows them.

use portreeve_control::Config;
use portreeve_control::api::Keeping;
use portreeve_control::metrics::Metrics;
use portreeve_evidence::{Error, EvidenceLog, Mode, Retention, Settled, Standing};
use portreeve_model::Custodian;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// How often what is over age goes.
const SWEEP_INTERVAL: Duration = Duration::from_secs(60 * 60);

/// The evidence as the API and the sweep reach it.
pub(super) fn keeping(config: &Config, log: EvidenceLog) -> Keeping {
    let custodians = config.evidence.custodians.clone().into();
    Keeping { log, custodians, retention: Arc::new(retention(config)) }
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
    loop {
        let (log, rules) = (keeping.log.clone(), keeping.retention.clone());
        match tokio::task::spawn_blocking(move || sweep(&log, &rules)).await {
            Ok(Ok(standing)) => metrics.set_standing(&standing),
            Ok(Err(error)) => tracing::error!(%error, "retention was not carried out"),
            Err(error) => tracing::error!(%error, "retention ended by a fault of its own"),
        }
        tokio::time::sleep(SWEEP_INTERVAL).await;
    }
}

fn sweep(log: &EvidenceLog, rules: &Retention) -> Result<Standing, Error> {
    let settled = log.settle()?;
    if settled != Settled::default() {
        let Settled { shares_erased, segments_removed } = settled;
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
    log.standing()
}
