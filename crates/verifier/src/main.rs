//! `portreeve-verify`: the verifier alone, for who trusts neither the gateway nor its binary.
//!
//! It links nothing that writes a log, no protocol, and no parser of statements.

use clap::Parser;
use portreeve_verifier::command::{Options, verify};
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

/// Check that nothing in the evidence of a Portreeve gateway was changed, removed, added or
/// reordered, and that all was decided as the recorded policies say.
///
/// Works offline, on a copied directory, and needs no private key; and on what was taken out
/// of one: a `.tlog-proof` of one record, the bundle of a session. Exit codes: 0 everything
/// holds, 1 tampered with, 2 something is missing or was never committed, 3 there is nothing
/// that could be checked with what is trusted, 4 everything holds but the policy's witnesses
/// have not seen it, 5 a decision is not what the recorded policies say.
#[derive(Debug, Parser)]
#[command(name = "portreeve-verify", version, max_term_width = 100)]
#[command(after_help = "Examples:\n  portreeve-verify /mnt/copy/evidence\n  \
    portreeve-verify --key log.pub --checkpoint last-month.txt /mnt/copy/evidence\n  \
    portreeve-verify --policy policy.txt session.jsonl")]
struct Args {
    #[command(flatten)]
    options: Options,
    /// What to print: `text` for people, `json` for programs.
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    format: Format,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, clap::ValueEnum)]
enum Format {
    #[default]
    Text,
    Json,
}

fn main() -> ExitCode {
    let args = Args::parse();
    run(&args).unwrap_or_else(|error| {
        // Nobody is left to be told when this fails.
        let _ = writeln!(std::io::stderr(), "error: {error:#}");
        ExitCode::from(3)
    })
}

fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let verified = verify(&args.options, || Ok(PathBuf::from(".")))?;
    let shown = match args.format {
        Format::Text => verified.text,
        Format::Json => serde_json::to_string_pretty(&verified.json)?,
    };
    writeln!(std::io::stdout(), "{shown}")?;
    if let Some(remark) = verified.remark {
        writeln!(std::io::stderr(), "{remark}")?;
    }
    Ok(ExitCode::from(verified.exit_code))
}
