//! `portreeve report`: what a regulator asks, answered from the evidence.

mod check;
mod made;
mod make;
mod render;

use super::output::Format;
use portreeve_reports::Kind;
use std::process::ExitCode;

/// Answer a regulator from the evidence: who processed whose data, for what, and what happened.
///
/// Every report is made by one pass over the log, with the gateway running or not. It marks
/// each field as observed in the log, configured or declared by a person (`declared.yaml`,
/// beside the configuration), lists what is missing, and ends with a proof block that
/// `portreeve verify` checks. JSON is the report itself; the other forms are for people.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  portreeve report art30 --out art30.html\n  \
    portreeve report art33 --session 0199c0de-0000-7000-8000-000000000001 --key auditor.key\n  \
    portreeve report art15 --subject email=ann@example.com --key auditor.key --out ann.html\n  \
    portreeve report masking-coverage --since 2026-11-01T00:00:00Z --as markdown\n  \
    portreeve report art30 --out 2026-12.json --since-report 2026-11.json\n  \
    portreeve report art30 --form processor --out processor.html\n  \
    portreeve report check 2026-12.json /mnt/copy/evidence\n  \
    portreeve report render 2026-12.json --as html --out 2026-12.html")]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Records of processing activities (GDPR Article 30): what is processed for whom, why,
    /// where it goes.
    Art30(make::Args),
    /// Draft of the notification of a breach (Article 33): what happened, and whom it concerns.
    Art33(make::Args),
    /// Who saw one person's data (Article 15); needs `--subject` and the auditors' key.
    Art15(make::Args),
    /// Who can do what, and does: principals, agents, exceptions, who has not been seen.
    AccessReview(make::Args),
    /// What is masked, revealed and found, by category and column.
    MaskingCoverage(make::Args),
    /// How people oversaw agents (AI Act Articles 12, 14, 19, 26).
    Oversight(make::Args),
    /// What was destroyed, by whom and why, with the records that prove it.
    Deletion(make::Args),
    Check(check::Args),
    Render(render::Args),
}

pub(crate) fn run(args: Args, format: Format) -> anyhow::Result<ExitCode> {
    match args.command {
        Command::Art30(args) => make::run(Kind::Art30, &args, format),
        Command::Art33(args) => make::run(Kind::Art33, &args, format),
        Command::Art15(args) => make::run(Kind::Art15, &args, format),
        Command::AccessReview(args) => make::run(Kind::AccessReview, &args, format),
        Command::MaskingCoverage(args) => make::run(Kind::MaskingCoverage, &args, format),
        Command::Oversight(args) => make::run(Kind::Oversight, &args, format),
        Command::Deletion(args) => make::run(Kind::Deletion, &args, format),
        Command::Check(args) => check::run(&args, format),
        Command::Render(args) => render::run(&args),
    }
}
