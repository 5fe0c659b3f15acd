//! `portreeve verify`: checks the evidence with public keys alone, the gateway off.

use super::connectors::compare::compare;
use super::options::{ConfigOption, directory};
use super::output::{Format, print, print_json, remark};
use portreeve_verifier::command::{self, Options};
use std::path::PathBuf;
use std::process::ExitCode;

/// Check that nothing in the evidence was changed, removed, added or reordered.
///
/// Works on a copied directory, with the gateway off, and needs no private key; and on what
/// was taken out of one: a `.tlog-proof` of one record, the bundle of a session. Without a
/// path it checks the evidence of the configuration. Exit codes: 0 everything holds, 1
/// tampered with, 2 something is missing or was never committed, 3 there is nothing that
/// could be checked with what is trusted, 4 everything holds but the policy's witnesses have
/// not seen it, 5 a decision is not what the recorded policies say.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  portreeve verify\n  portreeve verify /mnt/copy/evidence\n  \
    portreeve verify --key log.pub --checkpoint last-month.txt /mnt/copy/evidence\n  \
    portreeve verify --policy policy.txt /mnt/copy/evidence\n  \
    portreeve verify --policy policy.txt session.jsonl\n\n\
    Keep the log's public key (`log.pub`) and now and then a checkpoint (the file `head`)\n\
    away from the gateway: only against them a log that was cut short or written anew shows.\n\
    `portreeve-verify` is the same as a binary of its own, for machines without a gateway.")]
pub(crate) struct Args {
    #[command(flatten)]
    options: Options,
    /// The log of a connector's streams (`streams.jsonl`), to be held against the evidence: bytes
    /// of each stream, and by whom they were carried. Whose it is, the evidence says.
    #[arg(long, value_name = "FILE")]
    connector_log: Option<PathBuf>,
    #[command(flatten)]
    config: ConfigOption,
}

pub(crate) fn run(args: Args, format: Format) -> anyhow::Result<ExitCode> {
    let verified = command::verify(&args.options, || Ok(args.config.load()?.data_dir))?;
    let mut exit_code = verified.exit_code;
    let (mut json, mut text) = (verified.json, verified.text);
    if let Some(log) = &args.connector_log {
        let compared = compare(&directory(args.options.path.as_deref(), &args.config)?, log)?;
        text = format!("{text}\n{}", compared.text());
        json["connector"] = serde_json::to_value(&compared)?;
        exit_code = if exit_code == 0 { compared.exit_code() } else { exit_code };
    }
    match format {
        Format::Json => print_json(&json)?,
        Format::Text => print(&text)?,
    }
    verified.remark.as_deref().into_iter().for_each(remark);
    Ok(ExitCode::from(exit_code))
}
