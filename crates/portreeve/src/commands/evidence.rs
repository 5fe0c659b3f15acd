//! `portreeve evidence`: questions to the evidence.

mod affected;
mod subject;

use super::output::Format;
use clap::Subcommand;
use std::process::ExitCode;

/// Ask the evidence: who saw whose data.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Subject(subject::Args),
    Affected(affected::Args),
}

pub(crate) fn run(args: Args, format: Format) -> anyhow::Result<ExitCode> {
    match args.command {
        Command::Subject(args) => subject::run(args, format),
        Command::Affected(args) => affected::run(args, format),
    }
}
