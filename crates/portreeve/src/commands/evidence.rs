//! `portreeve evidence`: who saw whose data, what the evidence keeps, and how it goes.

mod affected;
mod break_glass;
mod bundle;
mod hold;
mod place;
mod proof;
mod prune;
mod shred;
mod subject;
mod sweep;

pub(super) use subject::token as subject_token;

use super::output::Format;
use std::process::ExitCode;

/// Ask who saw whose data; prove; erase, hold, let age, prune, begin anew in an emergency.
///
/// Questions need the auditors' private key and no gateway. What changes the evidence talks to
/// the running gateway, which asks for a token of a custodian; where no gateway writes the
/// log, it works on its directory, on the gateway's machine. Either way the log says who did
/// what, and why.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  portreeve evidence subject email=ann@example.com\n  \
    portreeve evidence affected --since 2026-11-01T00:00:00Z\n  \
    portreeve evidence shred --session last --why \"request 4711\"\n  \
    portreeve evidence hold add --resource shop --why \"case 12/2026\"\n  \
    portreeve evidence sweep --dry-run\n  \
    portreeve evidence prune --before 2020-01-01 --why \"seven years are over\" --dry-run")]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    Subject(subject::Args),
    Affected(affected::Args),
    Proof(proof::Args),
    Bundle(bundle::Args),
    Shred(shred::Args),
    Hold(hold::Args),
    Sweep(sweep::Args),
    Prune(prune::Args),
    BreakGlass(break_glass::Args),
}

pub(crate) fn run(args: Args, format: Format) -> anyhow::Result<ExitCode> {
    match args.command {
        Command::Subject(args) => return subject::run(args, format),
        Command::Affected(args) => return affected::run(args, format),
        Command::Proof(args) => return proof::run(args, format),
        Command::Bundle(args) => return bundle::run(args, format),
        Command::Shred(args) => shred::run(args, format)?,
        Command::Hold(args) => hold::run(args, format)?,
        Command::Sweep(args) => sweep::run(args, format)?,
        Command::Prune(args) => prune::run(args, format)?,
        Command::BreakGlass(args) => break_glass::run(args, format)?,
    }
    Ok(ExitCode::SUCCESS)
}
