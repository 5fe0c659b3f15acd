//! A report that was made, and the log that it is of.

use super::make::opener;
use crate::commands::options::LogArgument;
use anyhow::Context;
use portreeve_evidence::Opener;
use portreeve_reports::Report;
use std::path::PathBuf;

/// Where they are.
#[derive(Debug, clap::Args)]
pub(super) struct Made {
    /// The report, as JSON.
    #[arg(value_name = "REPORT")]
    report: PathBuf,
    #[command(flatten)]
    log: LogArgument,
    /// The auditors' private key.
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
}

impl Made {
    /// The report, the directory of its log, and what opens the lists in that.
    pub(super) fn open(&self) -> anyhow::Result<(Report, PathBuf, Option<Opener>)> {
        let at = || format!("cannot use the report `{}`", self.report.display());
        let text = std::fs::read_to_string(&self.report).with_context(at)?;
        let report = Report::read(&text).with_context(at)?;
        let dir = self.log.directory()?;
        let opener = opener(&dir, self.key.as_deref())?;
        Ok((report, dir, opener))
    }
}
