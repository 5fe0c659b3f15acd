//! `portreeve evidence`: what can be done with the evidence besides checking it.

mod bundle;
mod proof;

use super::output::Format;
use std::process::ExitCode;

/// Take proofs and sessions out of the evidence.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    Proof(proof::Args),
    Bundle(bundle::Args),
}

pub(crate) fn run(args: Args, format: Format) -> anyhow::Result<ExitCode> {
    match args.action {
        Action::Proof(args) => proof::run(args, format),
        Action::Bundle(args) => bundle::run(args, format),
    }
}
