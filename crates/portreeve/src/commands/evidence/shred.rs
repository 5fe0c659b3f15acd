//! `portreeve evidence shred`: one recording, or all in which a person's data passed, for
//! good.

use super::super::output::{Format, print, print_json};
use super::place::{Place, confirm, moment};
use super::subject::sessions_about;
use anyhow::{Context, bail};
use portreeve_evidence::Shredding;
use portreeve_model::SessionId;
use serde_json::{Value, json};
use std::path::PathBuf;

/// Destroy the gateway's share of a recording's key: nobody can read it any more.
///
/// The records stay, with who asked what and what was decided, and every proof of them
/// holds. A session that goes on, or is under legal hold, is refused.
///
/// With `--subject` it is every recording in which that person's data passed, as the index of
/// data subjects tells; the recordings' part of the index goes with them. That needs the
/// auditors' key, on the machine that has the evidence.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  portreeve evidence shred --session 0199c2 --why \
    \"erasure request 4711\"\n  portreeve evidence shred --session last --why test --yes\n  \
    portreeve evidence shred --subject email=ann@example.com --why \"erasure request 4711\"")]
pub(super) struct Args {
    /// The session: its id, on the gateway's machine any beginning of it, or `last`.
    #[arg(long, value_name = "ID", required_unless_present = "subject")]
    session: Option<String>,
    /// The person, by an identifier: every recording in which their data passed. `-` as the
    /// identifier reads it from standard input.
    #[arg(long, value_name = "KIND=IDENTIFIER", conflicts_with = "session")]
    subject: Option<String>,
    /// The auditors' private key, which opens the index of data subjects.
    #[arg(long, value_name = "FILE", requires = "subject")]
    key: Option<PathBuf>,
    /// Why; it stays in the log. No personal data, please.
    #[arg(long, value_name = "TEXT")]
    why: String,
    /// Do not ask.
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    place: Place,
}

pub(super) fn run(args: Args, format: Format) -> anyhow::Result<()> {
    if let Some(subject) = &args.subject {
        return shred_subject(subject, &args, format);
    }
    let session = args.place.session(args.session.as_deref().unwrap_or_default())?;
    confirm(args.yes, &format!("shredding the recording of session {session}"))?;
    let answer = shred(&args, &[session])?.remove(0)?;
    match format {
        Format::Json => print_json(&answer),
        Format::Text => print(&describe(answer)?),
    }
}

fn shred(args: &Args, sessions: &[SessionId]) -> anyhow::Result<Vec<anyhow::Result<Value>>> {
    let body = json!({ "why": args.why });
    let path = |session: &SessionId| format!("/v1/evidence/sessions/{session}/shred");
    let paths: Vec<String> = sessions.iter().map(path).collect();
    args.place.open("shred")?.ask_each(&paths, &body, |offline, at| {
        let session = sessions.get(at).copied().context("a session without an answer")?;
        Ok(offline.log.shred(session, &args.why, offline.by.clone())?)
    })
}

fn shred_subject(subject: &str, args: &Args, format: Format) -> anyhow::Result<()> {
    let dir = args.place.local()?.context(
        "the index of data subjects is read on the machine that has the evidence\nhint: name \
         its directory with --dir",
    )?;
    let sessions = sessions_about(&dir, subject, args.key.as_deref())?;
    if sessions.is_empty() {
        bail!("no readable recording is about this person\nhint: `portreeve evidence subject`");
    }
    let count = sessions.len();
    confirm(args.yes, &format!("shredding {count} recordings"))?;
    let answers = shred(args, &sessions)?;
    let failed = answers.iter().filter(|answer| answer.is_err()).count();
    let (mut lines, mut all) = (Vec::new(), Vec::new());
    for (session, answer) in sessions.iter().zip(answers) {
        match answer {
            Ok(answer) => {
                lines.push(describe(answer.clone())?);
                all.push(answer);
            }
            Err(error) => {
                lines.push(format!("not destroyed: {error:#}"));
                all.push(json!({ "session": session, "error": format!("{error:#}") }));
            }
        }
    }
    match format {
        Format::Json => print_json(&json!({ "recordings": all }))?,
        Format::Text => print(&lines.join("\n"))?,
    }
    if failed > 0 {
        bail!("{failed} of {count} recordings were not destroyed");
    }
    Ok(())
}

fn describe(answer: Value) -> anyhow::Result<String> {
    Ok(match serde_json::from_value(answer)? {
        Shredding::Destroyed(due) => format!(
            "destroyed: {} bytes of session {} at `{}`, {}; nobody can read them any more",
            due.payload_bytes,
            due.session,
            due.resource,
            moment(due.opened_at_us)
        ),
        Shredding::ShareWasMissing(due) => format!(
            "recorded; there was no share of session {} to destroy: it was lost before, or \
             lies in another keyring",
            due.session
        ),
        Shredding::AlreadyDestroyed { session, at_us, why, by } => {
            let by = by.map(|by| format!(" by {by}")).unwrap_or_default();
            format!("session {session} was shredded{by} on {}: {why}", moment(at_us))
        }
    })
}
