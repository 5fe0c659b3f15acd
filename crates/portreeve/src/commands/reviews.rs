//! `portreeve reviews`: what waits for a person, and the person's answer.

use super::options::{ApiOptions, run_async};
use super::output::{Format, fields, print, print_json, table, time};
use anyhow::bail;
use portreeve_model::{Chain, ContentField, Examples};
use serde::Deserialize;
use serde_json::{Value, json};
use std::process::ExitCode;

/// Held commands: look at them, approve or deny them.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  portreeve reviews ls\n  portreeve reviews show rv-2k7fqh3m\n  \
    portreeve reviews approve rv-2k7fqh3m --comment \"ticket 4711\""
)]
pub(crate) struct Args {
    #[command(flatten)]
    api: ApiOptions,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// List the reviews that you may see, newest first.
    Ls {
        /// Only those in this state; `all` for every one.
        #[arg(long, value_enum, default_value = "pending")]
        state: State,
    },
    /// Show one review with the whole statement.
    Show {
        /// The review's id.
        id: String,
    },
    /// Let the command run, once.
    Approve(Decide),
    /// Refuse the command.
    Deny(Decide),
}

#[derive(Debug, clap::Args)]
struct Decide {
    /// The review's id.
    id: String,
    /// What the requester and the record should know.
    #[arg(long)]
    comment: Option<String>,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum State {
    Pending,
    Approved,
    Denied,
    Expired,
    Abandoned,
    All,
}

impl State {
    fn query(self) -> &'static str {
        match self {
            Self::Pending => "?state=pending",
            Self::Approved => "?state=approved",
            Self::Denied => "?state=denied",
            Self::Expired => "?state=expired",
            Self::Abandoned => "?state=abandoned",
            Self::All => "",
        }
    }
}

/// A review, as far as text shows it.
#[derive(Deserialize)]
struct Review {
    id: String,
    state: String,
    session: String,
    exchange: u64,
    chain: Chain,
    resource: String,
    statement: String,
    reason: String,
    rule: String,
    groups: Vec<String>,
    approvers: u32,
    approvals: Vec<Value>,
    fields: Vec<ContentField>,
    #[serde(default)]
    examples: Option<Examples>,
    content: String,
    opened_at_us: i64,
    deadline_us: i64,
    by: Option<Reviewer>,
    comment: Option<String>,
}

#[derive(Deserialize)]
struct Reviewer {
    subject: String,
}

pub(crate) fn run(args: Args, format: Format) -> anyhow::Result<ExitCode> {
    let client = args.api.client()?;
    match args.command {
        Command::Ls { state } => {
            let path = format!("/v1/reviews{}", state.query());
            list(run_async(client.get(&path))??, format)?;
        }
        Command::Show { id } => {
            let path = format!("/v1/reviews/{}", checked(&id)?);
            show(run_async(client.get(&path))??, format)?;
        }
        Command::Approve(Decide { id, comment }) => {
            let path = format!("/v1/reviews/{}/approve", checked(&id)?);
            decided(run_async(client.post(&path, &json!({ "comment": comment })))??, format)?;
        }
        Command::Deny(Decide { id, comment }) => {
            let path = format!("/v1/reviews/{}/deny", checked(&id)?);
            decided(run_async(client.post(&path, &json!({ "comment": comment })))??, format)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// The id stands in a path: nothing but what ids are made of.
fn checked(id: &str) -> anyhow::Result<&str> {
    if !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') {
        return Ok(id);
    }
    bail!("that is no review id\nhint: an id looks like `rv-2k7fqh3m`; `portreeve reviews ls`")
}

fn list(answer: Value, format: Format) -> anyhow::Result<()> {
    if format == Format::Json {
        return print_json(&answer);
    }
    let reviews: Vec<Review> =
        serde_json::from_value(answer.get("reviews").cloned().unwrap_or_default())?;
    if reviews.is_empty() {
        return print("no reviews");
    }
    let row = |review: Review| {
        let mut start: String = review.statement.chars().take(STATEMENT_CHARS).collect();
        if start.len() < review.statement.len() {
            start.push('…');
        }
        let start = start.replace('\n', " ");
        let opened = time(review.opened_at_us);
        vec![review.id, review.state, opened, review.chain.to_string(), review.resource, start]
    };
    let header = ["review", "state", "opened", "who", "resource", "statement"];
    print(&table(&header, reviews.into_iter().map(row).collect()))
}

fn show(answer: Value, format: Format) -> anyhow::Result<()> {
    if format == Format::Json {
        return print_json(&answer);
    }
    let review: Review = serde_json::from_value(answer)?;
    let mut lines =
        vec![("review", review.id), ("state", review.state), ("who", review.chain.to_string())];
    lines.extend(review.chain.purpose.map(|purpose| ("purpose", purpose)));
    let stated = review.chain.stated_purpose;
    lines.extend(stated.map(|purpose| ("says it is for", purpose)));
    lines.extend([
        ("resource", review.resource),
        ("rule", review.rule),
        ("reason", review.reason),
        ("reviewers", review.groups.join(", ")),
        ("approvals", format!("{} of {}", review.approvals.len(), review.approvers)),
        ("opened", time(review.opened_at_us)),
        ("lapses", time(review.deadline_us)),
        ("request", format!("{}/{}", review.session, review.exchange)),
        ("content", review.content),
    ]);
    lines.extend(review.by.map(|by| ("decided by", by.subject)));
    lines.extend(review.comment.map(|comment| ("comment", comment)));
    lines.push(("statement", review.statement));
    print(&fields(&lines))?;
    // What the lines above say already is not said twice.
    let rest = review.fields.into_iter().filter(|field| {
        ["setting.", "definition.", "masked.", "cap.", "upload.", "role", "search-path"]
            .iter()
            .any(|start| field.name.starts_with(start) && !field.value.is_empty())
    });
    let rest: Vec<_> = rest.map(|field| vec![field.label, field.value]).collect();
    if !rest.is_empty() {
        print(&table(&["bound to", "value"], rest))?;
    }
    review.examples.map_or(Ok(()), |examples| print(&example_rows(&examples)))
}

/// A line for each column, so that wide rows can be read.
fn example_rows(examples: &Examples) -> String {
    let heads = (1..=examples.rows.len()).map(|number| format!("row {number}, masked"));
    let heads: Vec<String> = std::iter::once("would touch".to_owned()).chain(heads).collect();
    let heads: Vec<&str> = heads.iter().map(String::as_str).collect();
    let line = |(at, name): (usize, &String)| {
        let value = |row: &Vec<Option<String>>| {
            row.get(at).cloned().flatten().unwrap_or_else(|| "null".to_owned())
        };
        std::iter::once(name.clone()).chain(examples.rows.iter().map(value)).collect()
    };
    table(&heads, examples.columns.iter().enumerate().map(line).collect())
}

fn decided(answer: Value, format: Format) -> anyhow::Result<()> {
    if format == Format::Json {
        return print_json(&answer);
    }
    let review: Review = serde_json::from_value(answer)?;
    print(&format!("{} {}: {}", review.state, review.id, review.chain))
}

/// As much of a statement as a list shows.
const STATEMENT_CHARS: usize = 60;
