//! `portreeve evidence`: what the evidence keeps, and how it goes.

mod break_glass;
mod hold;
mod place;
mod prune;
mod shred;
mod sweep;

use super::output::Format;
use std::process::ExitCode;

/// The evidence's keeping: erase, hold, let age, prune, begin anew in an emergency.
///
/// Talks to the running gateway, which asks for a token of a custodian. Where no gateway
/// writes the log, it works on its directory, on the gateway's machine. Either way the log
/// says who did what, and why.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  portreeve evidence shred --session last --why \"request 4711\"\n  \
    portreeve evidence hold add --resource shop --why \"case 12/2026\"\n  \
    portreeve evidence sweep --dry-run\n  \
    portreeve evidence prune --before 2020-01-01 --why \"seven years are over\" --dry-run"
)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    Shred(shred::Args),
    Hold(hold::Args),
    Sweep(sweep::Args),
    Prune(prune::Args),
    BreakGlass(break_glass::Args),
}

pub(crate) fn run(args: Args, format: Format) -> anyhow::Result<ExitCode> {
    match args.command {
        Command::Shred(args) => shred::run(args, format)?,
        Command::Hold(args) => hold::run(args, format)?,
        Command::Sweep(args) => sweep::run(args, format)?,
        Command::Prune(args) => prune::run(args, format)?,
        Command::BreakGlass(args) => break_glass::run(args, format)?,
    }
    Ok(ExitCode::SUCCESS)
}
