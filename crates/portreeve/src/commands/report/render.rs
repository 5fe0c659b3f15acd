//! `portreeve report render`: a report in another form.

use super::made::Made;
use super::make::{Form, put};
use anyhow::bail;
use portreeve_reports::Checked;
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
    #[command(flatten)]
    made: Made,
    /// How it is written.
    #[arg(long = "as", value_name = "FORM", default_value = "html")]
    form: Form,
    /// Where to write it; otherwise to standard output.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

pub(super) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let (report, dir, mut opener) = args.made.open()?;
    let (checked, made) = portreeve_reports::again(&dir, &report, opener.as_mut())?;
    if checked != Checked::Same {
        bail!("the log gives another report\nhint: `portreeve report check` says what differs");
    }
    put(args.out.as_deref(), &args.form.write(&made)?)?;
    Ok(ExitCode::SUCCESS)
}
