//! `portreeve evidence subject`: every access to one person's data.

use super::super::options::{ConfigOption, LogArgument};
use super::super::output::{Format, fields, print, print_json, table, time, visible};
use anyhow::{Context, bail};
use jiff::Timestamp;
use portreeve_decide::mask::{SubjectKey, SubjectKind};
use portreeve_evidence::{
    Access, AuditorKey, Certainty, Opener, Token, Unknown, Window, auditor_key_path,
};
use portreeve_model::SessionId;
use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// List every access to one person's data.
///
/// The person is named by an identifier of a kind that the configuration knows (`subjects`
/// of a resource). Nothing but keyed hashes is compared: neither the evidence nor this
/// command's work holds the value. Needs the auditors' private key and the keyring.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  portreeve evidence subject email=ann@example.com\n  \
    portreeve evidence subject --since 2026-11-01T00:00:00Z customer-id=4711\n  \
    portreeve evidence subject email=ann@example.com --key auditor.key /mnt/copy/evidence")]
pub(crate) struct Args {
    /// The kind of identifier and the identifier: `email=ann@example.com`. `-` as the
    /// identifier reads it from standard input, which keeps it out of process lists.
    #[arg(value_name = "KIND=IDENTIFIER")]
    subject: String,
    #[command(flatten)]
    index: IndexOptions,
}

/// Which log, which key, and which accesses.
#[derive(Debug, clap::Args)]
pub(crate) struct IndexOptions {
    #[command(flatten)]
    log: LogArgument,
    /// The auditors' private key.
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    /// Not before this time: `2026-11-22T10:00:00Z`.
    #[arg(long, value_name = "TIME")]
    since: Option<Timestamp>,
    /// Before this time.
    #[arg(long, value_name = "TIME")]
    until: Option<Timestamp>,
    /// At this resource only.
    #[arg(long, value_name = "NAME")]
    resource: Option<String>,
    /// On this principal's behalf only.
    #[arg(long, value_name = "NAME")]
    principal: Option<String>,
    /// In this session only.
    #[arg(long, value_name = "ID", value_parser = session_id)]
    session: Option<SessionId>,
}

fn session_id(text: &str) -> Result<SessionId, String> {
    text.parse().map(SessionId).map_err(|_| "it is no session's id".to_owned())
}

impl IndexOptions {
    /// The log's directory, and what opens its lists.
    pub(super) fn open(&self) -> anyhow::Result<(PathBuf, Opener)> {
        let dir = self.log.directory()?;
        let opener = opener(&dir, self.key.as_deref())?;
        Ok((dir, opener))
    }

    /// The accesses that are asked about.
    pub(super) fn window(&self) -> anyhow::Result<Window> {
        let micros = |at: Option<Timestamp>| {
            at.map(|at| u64::try_from(at.as_microsecond()).context("the time is before 1970"))
                .transpose()
        };
        let window = Window {
            since_us: micros(self.since)?,
            until_us: micros(self.until)?,
            resource: self.resource.clone(),
            principal: self.principal.clone(),
            session: self.session,
        };
        if window.since_us.zip(window.until_us).is_some_and(|(since, until)| since >= until) {
            bail!("`--since` is not before `--until`");
        }
        Ok(window)
    }
}

pub(crate) fn run(args: Args, format: Format) -> anyhow::Result<ExitCode> {
    let window = args.index.window()?;
    let (dir, mut opener) = args.index.open()?;
    let (kind, token) = token(&dir, &args.subject)?;
    let found = portreeve_evidence::accesses(&dir, &mut opener, (kind, token), &window)?;
    warn_of_unknown_kind(&args.index.log.config, kind);
    match format {
        Format::Json => print_json(&found)?,
        Format::Text => print(&describe(&found.accesses, &found.unknown))?,
    }
    Ok(ExitCode::SUCCESS)
}

/// The kind, and the token of the person, that `KIND=IDENTIFIER` names.
pub(in crate::commands) fn token<'s>(
    dir: &Path,
    subject: &'s str,
) -> anyhow::Result<(&'s str, Token)> {
    let (kind, identifier) = subject
        .split_once('=')
        .filter(|(kind, identifier)| !kind.is_empty() && !identifier.is_empty())
        .context("the person is named by KIND=IDENTIFIER, like `email=ann@example.com`")?;
    let identifier = match identifier {
        "-" => std::io::read_to_string(std::io::stdin().lock())?.trim().to_owned(),
        given => given.to_owned(),
    };
    let key = SubjectKey::new(portreeve_evidence::subject_key(dir)?);
    Ok((kind, key.token(&SubjectKind::from(kind), &identifier)))
}

/// The sessions whose recordings are about a person, in order.
pub(super) fn sessions_about(
    dir: &Path,
    subject: &str,
    key: Option<&Path>,
) -> anyhow::Result<Vec<SessionId>> {
    let mut opener = opener(dir, key)?;
    let person = token(dir, subject)?;
    let found = portreeve_evidence::accesses(dir, &mut opener, person, &Window::default())?;
    let mut sessions: Vec<SessionId> = found.accesses.iter().map(|access| access.session).collect();
    let mut seen = HashSet::new();
    sessions.retain(|session| seen.insert(*session));
    Ok(sessions)
}

fn opener(dir: &Path, key: Option<&Path>) -> anyhow::Result<Opener> {
    let path = key.map_or_else(|| auditor_key_path(dir), Path::to_owned);
    let key = AuditorKey::load(&path)
        .context("the auditors' private key opens the index\nhint: give its file with --key")?;
    Ok(Opener::new(dir, key))
}

/// A kind that no resource knows finds nothing, which must not look like an answer.
fn warn_of_unknown_kind(config: &ConfigOption, kind: &str) {
    let Ok(config) = config.load() else { return };
    let known: std::collections::BTreeSet<&str> = config
        .resources
        .values()
        .flat_map(|resource| resource.subjects.iter().map(|subject| subject.kind.as_str()))
        .collect();
    if !known.contains(kind) {
        let known: Vec<&str> = known.into_iter().collect();
        super::super::output::remark(&format!(
            "warning: no resource has the kind `{kind}` now; known: {}",
            if known.is_empty() { "none".to_owned() } else { known.join(", ") }
        ));
    }
}

fn describe(accesses: &[Access], unknown: &Unknown) -> String {
    let mut text = match accesses.len() {
        0 => "no access to this person's data is recorded".to_owned(),
        _ => table(
            &[
                "time", "session", "exchange", "who", "purpose", "resource", "how", "tables",
                "commands", "unmasked",
            ],
            accesses.iter().map(row).collect(),
        ),
    };
    text.push_str(&format!("\n\n{}", unknowns(unknown)));
    text
}

fn row(access: &Access) -> Vec<String> {
    let join = |words: Vec<String>| words.join(", ");
    vec![
        i64::try_from(access.at_us).map_or_else(|_| "-".to_owned(), time),
        access.session.to_string(),
        access.exchange.to_string(),
        visible(&access.chain.to_string()),
        visible(access.chain.purpose.as_deref().unwrap_or("-")),
        access.resource.clone(),
        match access.certainty {
            Certainty::Named => "named".to_owned(),
            Certainty::Derived => "derived".to_owned(),
        },
        join(access.tables.iter().cloned().collect()),
        join(access.commands.iter().map(|command| command.verb.clone()).collect()),
        match access.revealed.is_empty() {
            true => "-".to_owned(),
            false => join(access.revealed.iter().map(|r| r.object.to_string()).collect()),
        },
    ]
}

/// What an answer leaves open.
pub(super) fn unknowns(unknown: &Unknown) -> String {
    fields(&[
        (
            "rows of nobody knows whom",
            format!("{} (they held no column that identifies a person)", unknown.rows_unresolved),
        ),
        (
            "people who may be in rows",
            format!(
                "{} (derived: computed from what identifies them, or looked for by it)",
                unknown.people_derived
            ),
        ),
        (
            "lists that cannot be read",
            format!(
                "{}, with {} people (shredded, or their keys are not here)",
                unknown.lists_unreadable, unknown.people_unreadable
            ),
        ),
    ])
}
