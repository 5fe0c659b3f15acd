//! `portreeve evidence sweep`: retention, now.

use super::super::output::{Format, print, print_json, table};
use super::place::{HEADER, Place, row};
use portreeve_evidence::{Mode, Sweep};
use serde_json::json;

/// Destroy the recordings whose time is over, by `evidence.retention` of the configuration.
///
/// A gateway does so every hour; this is for who does not want to wait, or wants to see.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  portreeve evidence sweep --dry-run\n  \
    portreeve evidence sweep --format json")]
pub(super) struct Args {
    /// Only list what would go, and what a hold keeps.
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    place: Place,
}

pub(super) fn run(args: Args, format: Format) -> anyhow::Result<()> {
    let mode = if args.dry_run { Mode::DryRun } else { Mode::Act };
    let body = json!({ "dry_run": args.dry_run });
    let answer = args.place.open("sweep")?.ask("/v1/evidence/sweep", Some(&body), |offline| {
        Ok(offline.log.sweep(&offline.retention()?, mode, &offline.by)?)
    })?;
    if format == Format::Json {
        return print_json(&answer);
    }
    let sweep: Sweep = serde_json::from_value(answer)?;
    let rows: Vec<_> = sweep.due.iter().chain(&sweep.held).map(row).collect();
    if !rows.is_empty() {
        print(&table(&HEADER, rows))?;
    }
    let done = if sweep.dry_run { "would be destroyed" } else { "were destroyed" };
    print(&format!("{} recordings {done}, {} are held", sweep.due.len(), sweep.held.len()))
}
