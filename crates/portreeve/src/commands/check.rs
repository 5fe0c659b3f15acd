//! `portreeve check`: everything that can be known before the gateway starts.

use super::options::ConfigOption;
use super::output::{Format, print, print_json, remark};
use crate::wiring::manifests;
use portreeve_control::config::{self, ConfigError};
use portreeve_decide::policy::Policies;
use serde_json::json;
use std::process::ExitCode;

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
    let mut version = None;
    match config.policy_sources() {
        Ok(sources) => match Policies::load(&sources) {
            Ok(policies) => version = Some(policies.version().to_string()),
            Err(error) => failures.push(error.to_string()),
        },
        Err(why) => failures.push(why),
    }
    if config.policies.is_empty() {
        remark("note: no policies are named: everything will be refused");
    }
    let good = failures.is_empty();
    match format {
        Format::Json => print_json(&json!({
            "ok": good,
            "problems": [],
            "failures": failures,
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

fn invalid(error: ConfigError, format: Format) -> anyhow::Result<ExitCode> {
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
