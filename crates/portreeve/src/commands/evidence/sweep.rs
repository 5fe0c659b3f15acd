//! `portreeve evidence sweep`: retention, now.

use super::super::output::{Format, print, print_json, table};
use super::place::{HEADER, Place, row, working};
use portreeve_evidence::{Mode, Sweep, preview};
use serde_json::{Value, json};

/// Destroy the recordings whose time is over, by `evidence.retention` of the configuration.
///
/// A gateway does so every hour; this is for who does not want to wait, or wants to see.
/// With --dir and --dry-run it only reads, by the rules of --config, while a gateway runs.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  portreeve evidence sweep --dry-run\n  \
    portreeve evidence sweep --dry-run --dir portreeve-data --config new.yaml")]
pub(super) struct Args {
    /// Only list what would go, and what a hold keeps.
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    place: Place,
}

/// Sweeps, or lists, by the rules that the gateway has.
fn ask(args: &Args) -> anyhow::Result<Value> {
    let mode = if args.dry_run { Mode::DryRun } else { Mode::Act };
    let body = json!({ "dry_run": args.dry_run });
    args.place.open("sweep")?.ask("/v1/evidence/sweep", &body, |offline| {
        Ok(offline.log.sweep(&offline.retention()?, mode, &offline.by)?)
    })
}

pub(super) fn run(args: Args, format: Format) -> anyhow::Result<()> {
    let answer = match args.place.named()?.filter(|_| args.dry_run) {
        Some((dir, rules)) => {
            let now = jiff::Timestamp::now().as_microsecond();
            let bar = working();
            let sweep = preview(&dir, &rules, u64::try_from(now).unwrap_or(0))?;
            bar.finish_and_clear();
            serde_json::to_value(sweep)?
        }
        None => ask(&args)?,
    };
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
