//! `portreeve evidence hold`: what must not go.

use super::super::options::run_async;
use super::super::output::{Format, print, print_json, table};
use super::place::{Place, moment};
use anyhow::bail;
use portreeve_evidence::{Hold, holds};
use portreeve_model::{Held, HoldId};
use serde_json::{Value, json};

/// Legal holds: what they cover is neither shredded nor swept nor pruned.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  portreeve evidence hold add --principal ada --why \"case 12\"\n  \
    portreeve evidence hold ls\n  portreeve evidence hold release hold-3f9a2c1b --why closed"
)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Hold a session, a resource, or everything on behalf of a principal.
    Add(Add),
    /// End a hold.
    Release(Release),
    /// List the holds in force, the oldest first.
    Ls {
        #[command(flatten)]
        place: Place,
    },
}

#[derive(Debug, clap::Args)]
#[command(group(clap::ArgGroup::new("what").required(true)))]
struct Add {
    /// One session: its id, on the gateway's machine any beginning of it, or `last`.
    #[arg(long, value_name = "ID", group = "what")]
    session: Option<String>,
    /// Every session at a resource, those to come included.
    #[arg(long, value_name = "NAME", group = "what")]
    resource: Option<String>,
    /// Every session on behalf of a principal, those to come included.
    #[arg(long, value_name = "NAME", group = "what")]
    principal: Option<String>,
    /// Who vouches for the principal; any issuer without this.
    #[arg(long, value_name = "ISSUER", requires = "principal")]
    issuer: Option<String>,
    /// Why; it stays in the log.
    #[arg(long, value_name = "TEXT")]
    why: String,
    #[command(flatten)]
    place: Place,
}

#[derive(Debug, clap::Args)]
struct Release {
    /// The hold's name.
    hold: String,
    /// Why; it stays in the log.
    #[arg(long, value_name = "TEXT")]
    why: String,
    #[command(flatten)]
    place: Place,
}

pub(super) fn run(args: Args, format: Format) -> anyhow::Result<()> {
    match args.command {
        Command::Add(args) => add(args, format),
        Command::Release(args) => release(args, format),
        Command::Ls { place } => list(&place, format),
    }
}

fn add(args: Add, format: Format) -> anyhow::Result<()> {
    let Add { session, resource, principal, issuer, why, place } = args;
    let on = match (session, resource, principal) {
        (Some(session), _, _) => Held::Session(place.session(&session)?),
        (_, Some(resource), _) => Held::Resource(resource),
        (_, _, Some(subject)) => Held::Principal { issuer, subject },
        (None, None, None) => bail!("a hold needs something to hold"),
    };
    let body = json!({ "on": on, "why": why });
    let answer = place.open("hold")?.ask("/v1/evidence/holds", &body, |offline| {
        Ok(offline.log.hold(on.clone(), &why, offline.by.clone())?)
    })?;
    if format == Format::Json {
        return print_json(&answer);
    }
    let hold: Hold = serde_json::from_value(answer)?;
    print(&format!("{} on {}: {} recordings are held now", hold.hold, hold.on, hold.sessions))
}

fn release(args: Release, format: Format) -> anyhow::Result<()> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    if args.hold.is_empty() || !args.hold.bytes().all(plain) {
        bail!("that is no hold's name\nhint: `portreeve evidence hold ls`");
    }
    let path = format!("/v1/evidence/holds/{}/release", args.hold);
    let body = json!({ "why": args.why });
    let answer = args.place.open("hold")?.ask(&path, &body, |offline| {
        Ok(offline.log.release(&HoldId(args.hold.clone()), &args.why, offline.by.clone())?)
    })?;
    if format == Format::Json {
        return print_json(&answer);
    }
    let hold: Hold = serde_json::from_value(answer)?;
    print(&format!("released {}: {} on {}", hold.hold, hold.sessions, hold.on))
}

fn list(place: &Place, format: Format) -> anyhow::Result<()> {
    let answer = match place.local()? {
        Some(dir) => json!({ "holds": holds(&dir)? }),
        None => run_async(place.api.client()?.get("/v1/evidence/holds"))??,
    };
    if format == Format::Json {
        return print_json(&answer);
    }
    let listed = answer.get("holds").cloned().unwrap_or(Value::Array(Vec::new()));
    let listed: Vec<Hold> = serde_json::from_value(listed)?;
    if listed.is_empty() {
        return print("no holds");
    }
    let row = |hold: Hold| {
        let (on, sessions) = (hold.on.to_string(), hold.sessions.to_string());
        vec![hold.hold.to_string(), moment(hold.at_us), on, sessions, hold.by.to_string(), hold.why]
    };
    let header = ["hold", "since", "on", "recordings", "by", "why"];
    print(&table(&header, listed.into_iter().map(row).collect()))
}
