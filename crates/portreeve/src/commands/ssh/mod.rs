//! `portreeve ssh`: certificates that log in in the place of a token, and the authority that
//! machines have to trust.

mod cert;

use super::options::ConfigOption;
use super::output::{Format, print, print_json};
use crate::wiring::target_authority;
use cert::{Cert, cert};
use serde_json::json;
use std::process::ExitCode;

/// Certificates for SSH: yours, and those by which the gateway logs in at machines.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    Cert(Cert),
    Ca(Ca),
}

/// Print the public key of the authority by which the gateway logs in at machines, as
/// `TrustedUserCAKeys` of their `sshd` takes it.
///
/// Works on the control store directly, so it has to run on the gateway's machine, as its user.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  portreeve ssh ca | ssh root@web1.example \
    'cat >/etc/ssh/portreeve-ca.pub'")]
struct Ca {
    #[command(flatten)]
    config: ConfigOption,
}

pub(crate) fn run(args: Args, format: Format) -> anyhow::Result<ExitCode> {
    match args.command {
        Command::Cert(args) => cert(args, format)?,
        Command::Ca(args) => ca(args, format)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn ca(args: Ca, format: Format) -> anyhow::Result<()> {
    let (_, store) = args.config.store()?;
    let public = target_authority(store.keys.as_ref())?.public();
    match format {
        Format::Text => print(&public),
        Format::Json => print_json(&json!({ "public_key": public })),
    }
}
