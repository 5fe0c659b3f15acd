//! `portreeve evidence affected`: how many people's data were given to clients.

use super::super::output::{Format, fields, print, print_json};
use super::subject::{IndexOptions, unknowns};
use portreeve_evidence::Affected;
use std::collections::BTreeMap;
use std::process::ExitCode;

/// Count the different people whose data were given to clients.
///
/// The count is exact for what the index holds; rows that named nobody, and lists that
/// cannot be read any more, are counted beside it. A notification under Art. 33 GDPR
/// needs this number, narrowed to the sessions that the breach is about.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  portreeve evidence affected --since 2026-11-01T00:00:00Z\n  \
    portreeve evidence affected --principal ann --resource shop --format json\n  \
    portreeve evidence affected --session 0199c0de-0000-7000-8000-000000000001")]
pub(crate) struct Args {
    #[command(flatten)]
    index: IndexOptions,
}

pub(crate) fn run(args: Args, format: Format) -> anyhow::Result<ExitCode> {
    let window = args.index.window()?;
    let (dir, mut opener) = args.index.open()?;
    let found = portreeve_evidence::affected(&dir, &mut opener, &window)?;
    match format {
        Format::Json => print_json(&found)?,
        Format::Text => print(&describe(&found))?,
    }
    Ok(ExitCode::SUCCESS)
}

fn describe(found: &Affected) -> String {
    let list = |counts: &BTreeMap<String, u64>| match counts.is_empty() {
        true => "none".to_owned(),
        false => {
            let line = |(name, people): (&String, &u64)| format!("{people} by {name}");
            counts.iter().map(line).collect::<Vec<_>>().join("\n")
        }
    };
    let counts = fields(&[
        ("different people", list(&found.people)),
        ("further ones, derived", list(&found.derived)),
        ("by table", list(&found.tables)),
        ("in", format!("{} exchanges of {} sessions", found.exchanges, found.sessions)),
    ]);
    format!("{counts}\n\n{}", unknowns(&found.unknown))
}
