//! `portreeve report check`: makes a report again from the log, and compares.

use super::super::output::{Format, print, print_json};
use super::made::Made;
use portreeve_reports::Checked;
use std::process::ExitCode;

/// Make a report again from the log that it is of, and compare.
///
/// Proves that every number in it follows from the records, which `verify` alone cannot: a copy
/// of the log does, with the gateway off. A report that was made with the auditors' key needs it
/// again. Exit codes: 0 the log gives the same report, 1 it gives another one.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  portreeve report check 2026-12.json /mnt/copy/evidence\n  \
    portreeve report check breach.json --key auditor.key /mnt/copy/evidence")]
pub(crate) struct Args {
    #[command(flatten)]
    made: Made,
}

pub(super) fn run(args: &Args, format: Format) -> anyhow::Result<ExitCode> {
    let (report, dir, mut opener) = args.made.open()?;
    let checked = portreeve_reports::check(&dir, &report, opener.as_mut())?;
    match format {
        Format::Json => print_json(&checked)?,
        Format::Text => print(&match &checked {
            Checked::Same => "OK: the log gives the same report, number by number".to_owned(),
            Checked::Other { members } => format!(
                "OTHER: the log gives another report; what differs: {}\nhint: a report that was \
                 made with the auditors' key needs it again (--key), and a recording that was \
                 destroyed since then opens no more",
                members.join(", ")
            ),
        })?,
    }
    Ok(match checked {
        Checked::Same => ExitCode::SUCCESS,
        Checked::Other { .. } => ExitCode::FAILURE,
    })
}
