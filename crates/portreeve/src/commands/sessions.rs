//! `portreeve sessions`: who did what, and what they saw.

mod export;
mod player;
mod replay;
mod selection;

use super::options::LogOption;
use super::output::{Format, fields, print, print_json, remark, table, time};
use anyhow::{Context, bail};
use portreeve_control::search::{FoundSession, Question, ask_offline};
use portreeve_evidence::{ExchangeSummary, Recording, SessionDetail, SessionState, SessionSummary};
use portreeve_model::{Outcome, ReviewOutcome, SessionId, Verdict};
pub(super) use selection::moment;
use selection::{Search, Selection};
use std::path::Path;
use std::process::ExitCode;

/// Sessions in the evidence: list them, look at one, replay it, export them.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  portreeve sessions ls --since 24h --principal ada\n  \
    portreeve sessions ls --object public.customers --outcome refused --text 'delete cust*'\n  \
    portreeve sessions show last\n  portreeve sessions replay 0199c2 --speed 4\n  \
    portreeve sessions export --since 24h -o yesterday.parquet\n\nA session is named by its id, by any \
    beginning of it that no other has, or by `last`.")]
pub(crate) struct Args {
    #[command(flatten)]
    log: LogOption,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// List sessions, newest first.
    Ls {
        /// At most so many.
        #[arg(long, value_name = "N", default_value_t = 50)]
        limit: usize,
        #[command(flatten)]
        selection: Selection,
        #[command(flatten)]
        search: Search,
    },
    /// Show what a session asked and what was decided.
    Show {
        /// The session.
        id: String,
    },
    Replay(replay::Args),
    Export(export::Args),
}

pub(crate) fn run(args: Args, format: Format) -> anyhow::Result<ExitCode> {
    let dir = args.log.directory()?;
    match args.command {
        Command::Ls { limit, selection, search } => {
            list(&dir, &search.question(&selection, limit), format)?;
        }
        Command::Show { id } => show(&dir, &id, format)?,
        Command::Replay(args) => replay::run(&dir, args, format)?,
        Command::Export(args) => export::run(&dir, args, format)?,
    }
    Ok(ExitCode::SUCCESS)
}

/// The one session that a text names. A whole id is taken at its word; `last` looks at
/// the end of the log only.
pub(super) fn resolve(dir: &Path, name: &str) -> anyhow::Result<SessionId> {
    if let Ok(id) = name.parse() {
        return Ok(SessionId(id));
    }
    if name == "last" {
        return portreeve_evidence::last_begun(dir)?.context("there are no sessions");
    }
    match portreeve_evidence::begun_with(dir, &name.to_lowercase())?.as_slice() {
        [id] => Ok(*id),
        [] => bail!("no session begins with `{name}`\nhint: `portreeve sessions ls`"),
        several => {
            let count = several.len();
            bail!("{count} sessions begin with `{name}`\nhint: give more of the id")
        }
    }
}

fn micros(at_us: u64) -> String {
    time(i64::try_from(at_us).unwrap_or(i64::MAX))
}

fn state(session: &SessionSummary) -> &'static str {
    match session.state {
        SessionState::Open => "open",
        SessionState::Closed => "closed",
        SessionState::CutOff => "cut off",
    }
}

fn who(session: &SessionSummary) -> String {
    session.chain.as_ref().map_or_else(|| "-".to_owned(), ToString::to_string)
}

fn list(dir: &Path, question: &Question, format: Format) -> anyhow::Result<()> {
    let found = ask_offline(dir, question)?;
    if found.behind > 0 {
        let behind = found.behind;
        remark(&format!("# the gateway has {behind} records still to read: ask again in a while"));
    }
    if format == Format::Json {
        return print_json(&found);
    }
    if found.sessions.is_empty() {
        return print("no sessions");
    }
    let row = |found: &FoundSession| {
        let session = &found.session;
        let matches = found.matches.as_ref().map(|found| found.count.to_string());
        let mut row = vec![
            session.id.to_string(),
            micros(session.opened_at_us),
            who(session),
            session.resource.clone(),
            session.exchanges.to_string(),
            session.rows.to_string(),
            session.masked.to_string(),
            session.refusals.to_string(),
            state(session).to_owned(),
        ];
        row.extend(matches);
        row
    };
    let mut header =
        vec!["session", "opened", "who", "resource", "exchanges", "rows", "masked", "refused"];
    header.push("state");
    if found.sessions.iter().any(|session| session.matches.is_some()) {
        header.push("matches");
    }
    print(&table(&header, found.sessions.iter().map(row).collect()))?;
    if let Some(next) = found.next {
        remark(&format!("# there are more: `--before {next}`"));
    }
    Ok(())
}

fn show(dir: &Path, name: &str, format: Format) -> anyhow::Result<()> {
    let detail = portreeve_evidence::detail(dir, resolve(dir, name)?)?;
    if format == Format::Json {
        return print_json(&detail);
    }
    print(&fields(&facts(&detail)))?;
    if detail.exchanges.is_empty() {
        return print("\nno exchanges");
    }
    let rows = detail.exchanges.iter().map(|exchange| row(exchange, &detail.summary)).collect();
    let header = ["", "after", "command", "decision", "rows", "masked", "outcome"];
    print(&format!("\n{}", table(&header, rows)))?;
    let found: Vec<Vec<String>> = detail.exchanges.iter().flat_map(found).collect();
    if found.is_empty() {
        return Ok(());
    }
    let header = ["", "found by detectors", "in", "masked", "revealed"];
    print(&format!("\n{}", table(&header, found)))
}

/// What detectors found in texts that nobody has classified.
fn found(exchange: &ExchangeSummary) -> impl Iterator<Item = Vec<String>> + '_ {
    exchange.detected.iter().map(|found| {
        let place = match found.object.path.is_empty() {
            true => found.place.clone(),
            false => found.object.to_string(),
        };
        vec![
            exchange.exchange.to_string(),
            found.category.to_string(),
            place,
            found.masked.to_string(),
            found.revealed.to_string(),
        ]
    })
}

fn facts(detail: &SessionDetail) -> Vec<(&'static str, String)> {
    let session = &detail.summary;
    let mut facts = vec![("session", session.id.to_string()), ("who", who(session))];
    let purpose = session.chain.as_ref().and_then(|chain| chain.purpose.clone());
    facts.extend(purpose.map(|purpose| ("purpose", purpose)));
    facts.extend([
        ("resource", format!("{} ({})", session.resource, session.protocol)),
        ("client", session.client.clone()),
    ]);
    facts.extend(session.application.clone().map(|name| ("application", name)));
    facts.push(("opened", micros(session.opened_at_us)));
    facts.extend(session.closed_at_us.map(|at| ("closed", micros(at))));
    let why = detail.closed_because.as_ref().map(|why| format!(": {why}")).unwrap_or_default();
    facts.push(("state", format!("{}{why}", state(session))));
    let recording = match session.recording {
        Recording::Readable => "can be replayed with the auditors' key",
        Recording::Shredded => "shredded: nobody can read it any more",
        Recording::KeyMissing => "the gateway's share of its key is not here",
    };
    facts.push(("recording", format!("{} bytes, {recording}", session.payload_bytes)));
    facts
}

fn row(exchange: &ExchangeSummary, session: &SessionSummary) -> Vec<String> {
    let verbs: Vec<&str> = exchange.commands.iter().map(|command| command.verb.as_str()).collect();
    let masked: Vec<String> =
        exchange.masked.iter().map(|(category, count)| format!("{count} {category}")).collect();
    vec![
        exchange.exchange.to_string(),
        replay::clock(exchange.at_us.saturating_sub(session.opened_at_us)),
        verbs.join("; "),
        decision(exchange),
        exchange.rows.to_string(),
        masked.join(", "),
        outcome(exchange.outcome.as_ref()),
    ]
}

fn decision(exchange: &ExchangeSummary) -> String {
    let mut lines = vec![match exchange.verdict() {
        Some(Verdict::Allow) => "allow".to_owned(),
        Some(Verdict::Deny) => "deny".to_owned(),
        Some(Verdict::Review) => "review".to_owned(),
        None if exchange.commands.is_empty() => "nothing to decide".to_owned(),
        None => "not understood".to_owned(),
    }];
    let decisions = exchange.commands.iter().filter_map(|command| command.decision.as_ref());
    for reason in decisions.flat_map(|decision| &decision.reasons) {
        let line = format!("{}: {} {}", reason.rule, reason.need.action, reason.need.object);
        if !lines.contains(&line) {
            lines.push(line);
        }
    }
    lines.extend(exchange.commands.iter().filter_map(|command| command.unknown.clone()));
    for review in &exchange.reviews {
        let decision = match review.decision {
            None => "waits",
            Some(ReviewOutcome::Approved) => "approved",
            Some(ReviewOutcome::Denied) => "denied",
            Some(ReviewOutcome::Expired) => "expired",
            Some(ReviewOutcome::Abandoned) => "abandoned",
            Some(ReviewOutcome::Used) => "approved, and used by another request",
        };
        let by = review.by.as_ref().map(|by| format!(" by {by}")).unwrap_or_default();
        lines.push(format!("{} {decision}{by} ({})", review.review, review.rule));
    }
    lines.join("\n")
}

fn outcome(outcome: Option<&Outcome>) -> String {
    match outcome {
        None => "-".to_owned(),
        Some(Outcome::Completed) => "completed".to_owned(),
        Some(Outcome::Failed { code }) => format!("failed: {code}"),
        Some(Outcome::Refused { rule, .. }) => match rule {
            Some(rule) => format!("refused: {rule}"),
            None => "refused".to_owned(),
        },
        Some(Outcome::Aborted { why }) => format!("aborted: {why}"),
    }
}
