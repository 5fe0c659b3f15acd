//! `portreeve tools`: what servers of tools say of their tools.

use super::options::{ConfigOption, by_this_user};
use super::output::{Format, print, print_json, table};
use anyhow::bail;
use portreeve_control::store::{Described, DescriptionState};
use std::process::ExitCode;

/// Tools of MCP servers: what was seen of them, and what may be used.
///
/// The definition of a tool is pinned when it is first seen. One that changes later, or whose
/// name looks like that of another tool, is neither shown nor called until it is approved here.
/// Works on the control store directly, so it has to run on the gateway's machine, as its user;
/// approvals hold at once, and are recorded in the evidence as made by that user.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  portreeve tools ls --held\n  \
    portreeve tools show crm find_person\n  portreeve tools approve crm find_person")]
pub(crate) struct Args {
    #[command(flatten)]
    config: ConfigOption,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// List what was seen.
    Ls {
        /// Of this resource only.
        resource: Option<String>,
        /// Only what waits for an approval.
        #[arg(long)]
        held: bool,
    },
    /// Show a tool as it is approved, and as it was last seen.
    Show {
        /// The resource.
        resource: String,
        /// The tool.
        tool: String,
    },
    /// Let a tool be used as it was last seen.
    Approve {
        /// The resource.
        resource: String,
        /// The tool.
        tool: String,
    },
}

pub(crate) fn run(args: Args, format: Format) -> anyhow::Result<ExitCode> {
    let (_, store) = args.config.store()?;
    let descriptions = store.descriptions;
    match args.command {
        Command::Ls { resource, held } => {
            let mut found = descriptions.list(resource.as_deref())?;
            found.retain(|one| !held || one.state != DescriptionState::Approved);
            list(&found, format)?;
        }
        Command::Show { resource, tool } => {
            let found = descriptions.list(Some(&resource))?;
            let Some(found) = found.into_iter().find(|one| one.tool == tool) else {
                bail!("no tool `{tool}` of `{resource}` was seen\nhint: `portreeve tools ls`");
            };
            show(&found, format)?;
        }
        Command::Approve { resource, tool } => {
            let approved = descriptions.approve((&resource, &tool), &by_this_user()?)?;
            list(&[approved], format)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn word(state: DescriptionState) -> &'static str {
    match state {
        DescriptionState::Approved => "approved",
        DescriptionState::Changed => "changed",
        DescriptionState::LooksLike => "looks-like",
    }
}

fn list(found: &[Described], format: Format) -> anyhow::Result<()> {
    if format == Format::Json {
        return print_json(found);
    }
    let row = |one: &Described| {
        let other = one.looks_like.clone().unwrap_or_default();
        vec![one.resource.clone(), one.tool.clone(), word(one.state).to_owned(), other]
    };
    let rows = found.iter().map(row).collect();
    print(&table(&["resource", "tool", "state", "looks like"], rows))
}

fn show(one: &Described, format: Format) -> anyhow::Result<()> {
    if format == Format::Json {
        return print_json(one);
    }
    let pretty = |text: &str| match serde_json::from_str::<serde_json::Value>(text) {
        Ok(value) => serde_json::to_string_pretty(&value).unwrap_or_default(),
        Err(_) => "(nothing)".to_owned(),
    };
    let mut text = format!("{}.{}: {}\n", one.resource, one.tool, word(one.state));
    if let Some(other) = &one.looks_like {
        text.push_str(&format!("its name looks like `{other}`\n"));
    }
    if one.state != DescriptionState::Approved {
        text.push_str(&format!("\napproved:\n{}\n\nseen:\n", pretty(&one.text)));
    }
    text.push_str(&pretty(&one.seen_text));
    print(&text)
}
