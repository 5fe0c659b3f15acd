//! `portreeve whoami`: what the gateway makes of a token.

use super::options::{ApiOptions, run_async};
use super::output::{Format, fields, print, print_json, time};
use portreeve_model::{Chain, Party};
use serde::{Deserialize, Serialize};
use std::process::ExitCode;

/// Ask the gateway whom your token names.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    api: ApiOptions,
}

#[derive(Serialize, Deserialize)]
struct Answer {
    chain: Chain,
    issuer: String,
    token_id: Option<String>,
    expires_at_us: i64,
}

pub(crate) fn run(args: Args, format: Format) -> anyhow::Result<ExitCode> {
    let client = args.api.client()?;
    let answer = run_async(client.get("/v1/whoami"))??;
    let answer: Answer = serde_json::from_value(answer)?;
    match format {
        Format::Json => print_json(&answer)?,
        Format::Text => {
            let mut lines = vec![("principal", party(&answer.chain.principal))];
            lines.extend(answer.chain.actors.iter().map(|actor| ("actor", party(actor))));
            lines.extend(answer.chain.purpose.clone().map(|purpose| ("purpose", purpose)));
            let strength = &answer.chain.strength;
            lines.extend(strength.acr.clone().map(|acr| ("acr", acr)));
            if !strength.amr.is_empty() {
                lines.push(("amr", strength.amr.join(", ")));
            }
            lines.push(("issuer", answer.issuer));
            lines.push(("expires", time(answer.expires_at_us)));
            print(&fields(&lines))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn party(party: &Party) -> String {
    let kind = match party.kind {
        portreeve_model::PartyKind::Person => "person",
        portreeve_model::PartyKind::Service => "service",
        portreeve_model::PartyKind::Actor => "actor",
    };
    if party.groups.is_empty() {
        format!("{} ({kind})", party.subject)
    } else {
        format!("{} ({kind}; groups: {})", party.subject, party.groups.join(", "))
    }
}
