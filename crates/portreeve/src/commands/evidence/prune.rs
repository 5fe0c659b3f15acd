//! `portreeve evidence prune`: the oldest records.

use super::super::output::{Format, print, print_json, table};
use super::place::{HEADER, Place, confirm, row};
use portreeve_evidence::{Mode, Pruning};
use serde_json::json;

/// Remove the oldest segments of the log, and keep their hashes.
///
/// A segment goes when all of it is old enough, its sessions are over, their recordings are
/// destroyed, and no hold needs it. With `evidence.retention.log`, recordings older than
/// that are destroyed before. Every proof still holds, of what went, too.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  portreeve evidence prune --before 2020-01-01 --why \
    \"seven years are over\" --dry-run\n  portreeve evidence prune --before \
    2020-01-01T00:00:00Z --why \"seven years are over\" --yes")]
pub(super) struct Args {
    /// Only records from before this day or moment (UTC).
    #[arg(long, value_name = "DATE", value_parser = moment_us)]
    before: u64,
    /// Why; it stays in the log.
    #[arg(long, value_name = "TEXT")]
    why: String,
    /// Only say what would go.
    #[arg(long)]
    dry_run: bool,
    /// Do not ask.
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    place: Place,
}

fn moment_us(text: &str) -> Result<u64, String> {
    let day = text.parse::<jiff::civil::Date>().ok();
    let day = day.and_then(|day| day.to_zoned(jiff::tz::TimeZone::UTC).ok());
    let moment = day.map(|day| day.timestamp()).or_else(|| text.parse().ok());
    let moment: jiff::Timestamp =
        moment.ok_or("write a day, `2020-01-31`, or a moment, `2020-01-31T12:00:00Z`")?;
    u64::try_from(moment.as_microsecond()).map_err(|_| "it is before 1970".to_owned())
}

pub(super) fn run(args: Args, format: Format) -> anyhow::Result<()> {
    let mode = if args.dry_run { Mode::DryRun } else { Mode::Act };
    confirm(args.yes || args.dry_run, "removing records")?;
    let Args { before, why, dry_run, place, .. } = args;
    let body = json!({ "before_us": before, "why": why, "dry_run": dry_run });
    let answer = place.open("prune")?.ask("/v1/evidence/prune", &body, |offline| {
        Ok(offline.log.prune(before, &offline.retention()?, &why, mode, &offline.by)?)
    })?;
    if format == Format::Json {
        return print_json(&answer);
    }
    let pruning: Pruning = serde_json::from_value(answer)?;
    if !pruning.due.is_empty() {
        print(&table(&HEADER, pruning.due.iter().map(row).collect()))?;
    }
    let done = if pruning.dry_run { "would go" } else { "went" };
    let records = pruning.pruned.map_or(0, |pruned| pruned.records);
    print(&format!(
        "{} segments {done}, the log begins at record {records}; nothing more, because {}",
        pruning.segments_removed, pruning.stops_because
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_and_moments_are_utc() {
        let check = |text: &str, expect: Option<u64>| assert_eq!(moment_us(text).ok(), expect);
        check("2020-01-01", Some(1_577_836_800_000_000));
        check("2020-01-01T00:00:00Z", Some(1_577_836_800_000_000));
        check("2020-01-01T01:00:00+01:00", Some(1_577_836_800_000_000));
        check("1969-12-31", None);
        check("yesterday", None);
        check("2020-13-01", None);
    }
}
