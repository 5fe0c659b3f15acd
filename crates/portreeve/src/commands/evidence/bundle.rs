//! `portreeve evidence bundle`: one session in one file, with proofs.

use super::super::options::LogArgument;
use super::super::output::{Format, print, print_json, record_bar, remark};
use anyhow::Context;
use portreeve_evidence::write_bundle;
use portreeve_files::{Durability, Fresh};
use portreeve_model::SessionId;
use std::io::{BufWriter, IntoInnerError};
use std::path::PathBuf;
use std::process::ExitCode;

/// Write one session into one file, with the proofs that its records are in the log.
///
/// For a regulator, without the rest of the log: the session's records as they were recorded,
/// the sealed bytes, and a proof of each record against one checkpoint, the witnessed one
/// where it covers the session. `portreeve verify FILE` checks it offline. The file holds no
/// key: its recording opens with the auditors' key and the keyring, and with nothing once
/// the recording was shredded.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    portreeve evidence bundle --session 01976f5c-… session.jsonl\n  \
    portreeve verify --policy policy.txt session.jsonl")]
pub(crate) struct Args {
    /// The session, as `portreeve sessions ls` names it.
    #[arg(long, value_name = "ID")]
    session: uuid::Uuid,
    /// Where to write it.
    #[arg(value_name = "OUT")]
    out: PathBuf,
    #[command(flatten)]
    log: LogArgument,
}

pub(crate) fn run(args: Args, format: Format) -> anyhow::Result<ExitCode> {
    let dir = args.log.directory()?;
    let at = || format!("cannot write `{}`", args.out.display());
    let mut out = BufWriter::new(Fresh::beside(&args.out, 0o644).with_context(at)?);
    let bar = record_bar("bundling");
    let bundled = write_bundle(&dir, SessionId(args.session), &mut out, |done, total| {
        bar.set_length(total);
        bar.set_position(done);
    });
    bar.finish_and_clear();
    let bundled = bundled?;
    let fresh = out.into_inner().map_err(IntoInnerError::into_error).with_context(at)?;
    fresh.replace(Durability::OfName).with_context(at)?;
    match format {
        Format::Json => print_json(&bundled)?,
        Format::Text => print(&format!(
            "{} records and {} sealed payloads in `{}`, proven in a tree of {} records",
            bundled.records,
            bundled.payloads,
            args.out.display(),
            bundled.tree_records
        ))?,
    }
    if !bundled.witnessed {
        remark("note: no witness has seen all of it yet; the proofs are as good as the log's key");
    }
    Ok(ExitCode::SUCCESS)
}
