//! `portreeve evidence proof`: one record with the proof that it is in the log.

use super::super::options::LogArgument;
use super::super::output::{Format, print, print_json, remark};
use anyhow::Context;
use portreeve_evidence::{LogReader, TlogProof, checkpoint_for};
use serde_json::json;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::process::ExitCode;

/// Write one record with the proof that it is in the log, as a C2SP `.tlog-proof`.
///
/// The proof leads to the checkpoint that witnesses have cosigned, where that covers the
/// record; otherwise to the newest. `portreeve verify FILE` checks it, and so do tools of
/// other makers: the record is the file's extra data.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  portreeve evidence proof --record 1731\n  \
    portreeve evidence proof --record 1731 --out 1731.tlog-proof /mnt/copy/evidence\n  \
    portreeve verify --policy policy.txt 1731.tlog-proof")]
pub(crate) struct Args {
    #[command(flatten)]
    log: LogArgument,
    /// The record's place in the log, from 0: `portreeve verify` names it in its findings.
    #[arg(long, value_name = "N")]
    record: u64,
    /// Where to write it; otherwise standard output.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

pub(crate) fn run(args: Args, format: Format) -> anyhow::Result<ExitCode> {
    let dir = args.log.directory()?;
    let reader = LogReader::open(&dir)?;
    let (note, witnessed) = checkpoint_for(&reader, args.record)?;
    let checkpoint = reader.key().open(&note).context("the log's checkpoint does not hold")?;
    let inclusion = reader.inclusion(&[args.record], &checkpoint)?.into_iter().next();
    let inclusion = inclusion.context("the log gave no proof")?;
    let mut leaf = None;
    reader.for_each_since(args.record, |entry| {
        leaf = (entry.index == args.record).then(|| entry.leaf.to_vec());
        Ok(ControlFlow::Break(()))
    })?;
    let leaf = Some(leaf.context("the record was pruned: only its hash is left")?);
    let text = TlogProof { leaf, inclusion, checkpoint: note }.to_text();
    let about = json!({
        "record": args.record,
        "tree_records": checkpoint.size,
        "witnessed": witnessed,
    });
    match (&args.out, format) {
        (Some(path), Format::Json) => {
            write(path, &text)?;
            print_json(&about)?;
        }
        (Some(path), Format::Text) => {
            write(path, &text)?;
            print(&format!("record {} proven in `{}`", args.record, path.display()))?;
        }
        (None, Format::Json) => {
            let mut about = about;
            about["proof"] = text.into();
            print_json(&about)?;
        }
        (None, Format::Text) => print(text.trim_end_matches('\n'))?,
    }
    if !witnessed {
        remark("note: no witness has seen this record yet; the proof is as good as the log's key");
    }
    Ok(ExitCode::SUCCESS)
}

fn write(path: &std::path::Path, text: &str) -> anyhow::Result<()> {
    std::fs::write(path, text).with_context(|| format!("cannot write `{}`", path.display()))
}
