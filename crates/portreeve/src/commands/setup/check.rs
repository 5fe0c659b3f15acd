//! `portreeve check`: everything that can be known before the gateway starts.

use crate::commands::options::{ConfigOption, run_async};
use crate::commands::output::{Format, print, print_json, remark};
use crate::wiring::{
    Look, Said, discover, has_columns, manifests, never_matched, not_here, remarks, tried,
};
use portreeve_control::Config;
use portreeve_control::config::{self, ConfigError, Via};
use portreeve_decide::policy::Policies;
use serde_json::json;
use std::process::ExitCode;
use std::sync::Arc;

/// Check the configuration, its secrets, certificates and policies.
///
/// Explains every problem with line and column. Changes nothing, and starts nothing.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  portreeve check --config portreeve.yaml\n  \
    portreeve check --schema > portreeve.schema.json   # for your editor")]
pub(crate) struct Args {
    #[command(flatten)]
    config: ConfigOption,
    /// Print the JSON schema of the configuration file, and do nothing else.
    #[arg(long)]
    schema: bool,
    /// Ask each target, too: what the configuration names must be there, and what appeared
    /// since somebody looked is told. A target that a connector reaches is not asked.
    #[arg(long, conflicts_with = "schema")]
    targets: bool,
}

pub(crate) fn run(args: Args, format: Format) -> anyhow::Result<ExitCode> {
    if args.schema {
        print_json(&config::schema(&manifests()))?;
        return Ok(ExitCode::SUCCESS);
    }
    let config = match config::load(&args.config.config, &manifests()) {
        Ok(config) => config,
        Err(error) => return invalid(error, format),
    };
    let mut failures = config.preflight();
    if failures.is_empty() {
        failures = tried(&config);
    }
    let (mut version, mut notes) = (None, remarks(&config));
    match config.policy_sources() {
        Ok(sources) => match Policies::load(&sources) {
            Ok(policies) => {
                failures.extend(never_matched(&config, &policies));
                notes.extend(not_here(&config, &policies));
                version = Some(policies.version().to_string());
            }
            Err(error) => failures.push(error.to_string()),
        },
        Err(why) => failures.push(why),
    }
    if args.targets && failures.is_empty() {
        failures.extend(check_targets(&Arc::new(config.clone()), &mut notes)?);
    }
    if config.policies.is_empty() {
        remark("note: no policies are named: everything will be refused");
    }
    for note in &notes {
        remark(&format!("note: {note}"));
    }
    let good = failures.is_empty();
    match format {
        Format::Json => print_json(&json!({
            "ok": good,
            "problems": [],
            "failures": failures,
            "notes": notes,
            "resources": config.resources.keys().collect::<Vec<_>>(),
            "policy": version,
        }))?,
        Format::Text if good => print(&format!(
            "`{}` is good: {} and {}",
            args.config.config.display(),
            counted(config.resources.len(), "resource"),
            counted(config.policies.len(), "policy file"),
        ))?,
        Format::Text => {
            for failure in &failures {
                remark(&format!("error: {failure}"));
            }
        }
    }
    Ok(if good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// What does not fit between the configuration and its targets.
fn check_targets(config: &Arc<Config>, notes: &mut Vec<String>) -> anyhow::Result<Vec<String>> {
    let mut failures = Vec::new();
    for (name, resource) in &config.resources {
        if resource.via == Via::Connector {
            notes.push(format!(
                "`{name}` is reached through a connector, and was not asked: `portreeve connector \
                 check` on the connector's machine logs in there"
            ));
            continue;
        }
        // Of other targets nothing is known before they are asked.
        let says_something = !resource.classify.is_empty() || resource.known_columns.is_some();
        if !says_something || !has_columns(resource.protocol) {
            continue;
        }
        let look = Look {
            config: config.clone(),
            resource: name.clone(),
            rows_max: 0,
            progress: Arc::new(|_, _| {}),
        };
        let found = match run_async(discover(look))? {
            Ok(found) => found,
            Err(why) => {
                failures.push(format!("`resources.{name}`: {why:#}"));
                continue;
            }
        };
        for pattern in &found.unmatched {
            failures.push(format!(
                "`resources.{name}.classify` names what the target does not have: `{pattern}`"
            ));
        }
        let unknown = found.columns.iter().filter(|column| column.said == Said::Unknown).count();
        if unknown > 0 {
            notes.push(format!(
                "{unknown} columns of `{name}` appeared after somebody looked, and are masked \
                 whole: `portreeve discover {name}` names them"
            ));
        }
    }
    Ok(failures)
}

/// Shows every problem of a configuration file.
pub(crate) fn invalid(error: ConfigError, format: Format) -> anyhow::Result<ExitCode> {
    match format {
        Format::Json => {
            let problems = error.problems().iter().map(|problem| {
                let (line, column) = problem.line_and_column();
                json!({"line": line, "column": column, "message": problem.message,
                    "help": problem.help})
            });
            let problems: Vec<_> = problems.collect();
            print_json(&json!({"ok": false, "error": error.to_string(), "problems": problems}))?;
        }
        Format::Text => remark(&format!("{:?}", miette::Report::new(error))),
    }
    Ok(ExitCode::FAILURE)
}

fn counted(count: usize, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}
