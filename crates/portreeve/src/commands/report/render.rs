//! `portreeve report render`: a report in another form.

use super::make::{Form, opener, put};
use crate::commands::options::ConfigOption;
use crate::commands::verify::directory;
use anyhow::{Context, bail};
use portreeve_reports::{Checked, Report};
use std::path::PathBuf;
use std::process::ExitCode;

/// Write a report in another form, from its JSON and the log that it is of.
///
/// The report is made again, so that what people read is what the log says; one that the log
/// does not give is refused.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    portreeve report render 2026-12.json --as html --out 2026-12.html")]
pub(crate) struct Args {
    /// The report, as JSON.
    #[arg(value_name = "REPORT")]
    report: PathBuf,
    /// The evidence, or the data directory that it is in; otherwise the one that the
    /// configuration names.
    #[arg(value_name = "DIR")]
    dir: Option<PathBuf>,
    #[command(flatten)]
    config: ConfigOption,
    /// The auditors' private key.
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    /// How it is written.
    #[arg(long = "as", value_name = "FORM", default_value = "html")]
    form: Form,
    /// Where to write it; otherwise to standard output.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

pub(super) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let at = || format!("cannot use the report `{}`", args.report.display());
    let text = std::fs::read_to_string(&args.report).with_context(at)?;
    let report = Report::read(&text).with_context(at)?;
    let dir = directory(args.dir.as_deref(), &args.config)?;
    let mut opener = opener(&dir, args.key.as_deref())?;
    let (checked, made) = portreeve_reports::again(&dir, &report, opener.as_mut())?;
    if checked != Checked::Same {
        bail!("the log gives another report\nhint: `portreeve report check` says what differs");
    }
    put(args.out.as_deref(), &args.form.write(&made)?)?;
    Ok(ExitCode::SUCCESS)
}
