//! `portreeve discover`: what a target has, and what its columns should be classified as.

use crate::commands::options::{ConfigOption, by_this_user, run_async};
use crate::commands::output::{Format, print, print_json, remark, table_bar};
use crate::wiring::{Discovered, Discovery, Look, Said, discover};
use anyhow::{Context, anyhow};
use aws_lc_rs::digest;
use portreeve_control::{Config, Store};
use portreeve_files::Durability;
use portreeve_model::{Digest, Event};
use serde_json::json;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::SystemTime;

/// Look at the columns of a target, and propose what to classify.
///
/// Reads names, types and comments, and some rows of each table, in a session of its own that
/// can change nothing. Prints the lines to add to `classify` with the reasons for each; values
/// are not shown, and not kept.
///
/// With `--adopt` it also writes the file that `known_columns` of the resource names: all columns
/// that the target has now. What appears later is masked whole until somebody decides.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  portreeve discover shop\n  \
    portreeve discover shop --adopt     # after its proposals have been looked at\n  \
    portreeve discover shop --format json | jq '.columns[] | select(.said == \"unknown\")'")]
pub(crate) struct Args {
    /// The resource, as the configuration names it.
    #[arg(value_name = "RESOURCE")]
    resource: String,
    #[command(flatten)]
    config: ConfigOption,
    /// How many rows of each table to look at.
    #[arg(long, value_name = "COUNT", default_value_t = 200)]
    rows: u32,
    /// Take all columns that the target has now for known.
    #[arg(long)]
    adopt: bool,
}

pub(crate) fn run(args: Args, format: Format) -> anyhow::Result<ExitCode> {
    let config = Arc::new(args.config.load()?);
    let bar = table_bar("looking");
    let told = bar.clone();
    let look = Look {
        config: config.clone(),
        resource: args.resource.clone(),
        rows_max: args.rows,
        progress: Arc::new(move |done, all| {
            told.set_length(all as u64);
            told.set_position(done as u64);
        }),
    };
    let found = run_async(discover(look))??;
    bar.finish_and_clear();
    for table in &found.unread {
        remark(&format!("warning: no rows of {table}"));
    }
    let adopted = match args.adopt {
        true => Some(adopt(&config, &args.resource, &found)?),
        false => None,
    };
    match format {
        Format::Json => print_json(&as_json(&args.resource, &found, adopted.as_deref()))?,
        Format::Text => {
            print(&as_yaml(&args.resource, &found))?;
            if let Some(file) = adopted {
                remark(&format!(
                    "adopted {} columns in `{}`; a running gateway follows it on SIGHUP",
                    found.columns.len(),
                    file.display()
                ));
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Writes what somebody has looked at; recorded first.
fn adopt(config: &Config, name: &str, found: &Discovered) -> anyhow::Result<Arc<Path>> {
    let resource = config.resources.get(name).context("the resource is gone")?;
    let file = resource.known_columns.as_deref().ok_or_else(|| {
        anyhow!(
            "`resources.{name}` does not say where known columns are kept\n\
             hint: add `known_columns: {name}.columns.json` to it"
        )
    })?;
    let text = found.known(name).text();
    let hash = digest::digest(&digest::SHA256, text.as_bytes());
    let event = Event::ColumnsAdopted {
        resource: name.to_owned(),
        columns: found.columns.len() as u64,
        digest: Digest(hash.as_ref().try_into().context("SHA-256 has 32 bytes")?),
        by: by_this_user()?.by,
    };
    Store::open(&config.data_dir)?.journal.add(&event, SystemTime::now())?;
    portreeve_files::put(file, 0o644, text.as_bytes(), Durability::OfName)
        .with_context(|| format!("cannot write `{}`", file.display()))?;
    Ok(file.into())
}

fn as_json(resource: &str, found: &Discovered, adopted: Option<&Path>) -> serde_json::Value {
    let columns = found.columns.iter().map(|Discovery { column, said, verdict }| {
        let said = match said {
            Said::Classified(category) => json!({ "category": category }),
            Said::Cleared => json!("cleared"),
            Said::Nothing => json!("nothing"),
            Said::Unknown => json!("unknown"),
        };
        json!({
            "schema": column.schema,
            "table": column.table,
            "column": column.column,
            "type": column.type_name,
            "said": said,
            "proposed": verdict.as_ref().map(|verdict| json!({
                "category": verdict.category.name(),
                "confidence": verdict.score,
                "reasons": verdict.reasons,
            })),
        })
    });
    json!({
        "resource": resource,
        "tables": found.tables,
        "columns": columns.collect::<Vec<_>>(),
        "unmatched": found.unmatched,
        "unread": found.unread,
        "adopted": adopted,
    })
}

/// The lines to add, as the configuration has them.
fn as_yaml(resource: &str, found: &Discovered) -> String {
    let classified = found.columns.iter().filter(|it| matches!(it.said, Said::Classified(_)));
    let (columns, classified) = (found.columns.len(), classified.count());
    let mut lines = vec![format!(
        "# `{resource}`: {columns} columns in {} tables, {classified} of them classified.",
        found.tables
    )];
    for pattern in &found.unmatched {
        lines.push(format!("# `classify` names what is not there: {pattern}"));
    }
    let open = |it: &&Discovery| matches!(it.said, Said::Nothing | Said::Unknown);
    for it in found.columns.iter().filter(|it| it.said == Said::Unknown) {
        lines.push(format!("# new since somebody looked: {}", it.pattern()));
    }
    let proposed: Vec<(&Discovery, _)> = found
        .columns
        .iter()
        .filter(open)
        .filter_map(|it| Some((it, it.verdict.as_ref()?)))
        .collect();
    if proposed.is_empty() {
        lines.push("# Nothing else looks like personal data.".to_owned());
        return lines.join("\n");
    }
    lines.extend(["resources:".into(), format!("  {resource}:"), "    classify:".into()]);
    for (it, verdict) in proposed {
        let reasons = verdict.reasons.join("; ").replace(['\n', '\r'], " ");
        lines.push(format!("      # {} %: {reasons}", verdict.score));
        lines.push(format!("      {}: {}", it.key(), verdict.category.name()));
    }
    lines.join("\n")
}
