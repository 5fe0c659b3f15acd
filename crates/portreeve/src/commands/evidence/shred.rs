//! `portreeve evidence shred`: one recording, for good.

use super::super::output::{Format, print, print_json};
use super::place::{Place, confirm, moment};
use portreeve_evidence::Shredding;
use serde_json::json;

/// Destroy the gateway's share of a recording's key: nobody can read it any more.
///
/// The records stay, with who asked what and what was decided, and every proof of them
/// holds. A session that goes on, or is under legal hold, is refused.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  portreeve evidence shred --session 0199c2 --why \
    \"erasure request 4711\"\n  portreeve evidence shred --session last --why test --yes")]
pub(super) struct Args {
    /// The session: its id, on the gateway's machine any beginning of it, or `last`.
    #[arg(long, value_name = "ID")]
    session: String,
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
    let session = args.place.session(&args.session)?;
    confirm(args.yes, &format!("shredding the recording of session {session}"))?;
    let path = format!("/v1/evidence/sessions/{session}/shred");
    let body = json!({ "why": args.why });
    let answer = args.place.open("shred")?.ask(&path, &body, |offline| {
        Ok(offline.log.shred(session, &args.why, offline.by.clone())?)
    })?;
    if format == Format::Json {
        return print_json(&answer);
    }
    let text = match serde_json::from_value(answer)? {
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
    };
    print(&text)
}
