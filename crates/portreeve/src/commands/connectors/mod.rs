//! `portreeve connectors`: who may reach targets for this gateway.

mod check;
pub(crate) mod compare;
pub(crate) mod connector;

use super::options::{ConfigOption, by_this_user};
use super::output::{Format, print, print_json, table, time};
use crate::wiring::{authority, random};
use anyhow::{Context, bail};
use aws_lc_rs::digest;
use portreeve_control::Config;
use portreeve_control::config::parse_duration;
use portreeve_control::store::{EnrolledConnector, Namesake, NewInvite};
use portreeve_link::{Fingerprint, Invite, is_authority};
use portreeve_model::Secret;
use serde_json::json;
use std::process::ExitCode;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Connectors: programs in other networks that hold the credentials of targets and log in there.
///
/// A connector is invited here, enrols on its own machine with `portreeve connector enroll`, and
/// from then on serves the resources that it was invited for. Works on the control store directly,
/// so it has to run on the gateway's machine, as its user; changes hold within a second, and are
/// recorded in the evidence as made by that user.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    portreeve connectors invite eu-1 --resources 'shop,crm-*' --gateway gw.example.org:8445\n  \
    portreeve connectors ls\n  portreeve connectors revoke eu-1 --why 'its machine is gone'")]
pub(crate) struct Args {
    #[command(flatten)]
    config: ConfigOption,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Print an invitation: good once, and for a few minutes.
    Invite {
        /// What the connector is called.
        name: String,
        /// What it may serve: names of resources, with `*` for any text, separated by commas.
        #[arg(long, required = true, value_delimiter = ',', value_name = "PATTERNS")]
        resources: Vec<String>,
        /// Where it reaches the gateway, `host:port`; may be given again. By default the
        /// addresses of `listen.connectors`.
        #[arg(long, value_name = "ADDRESS")]
        gateway: Vec<String>,
        /// How long the invitation is good; at most a day.
        #[arg(long, default_value = "10m", value_name = "DURATION")]
        expires: String,
        /// Take the place of the connector that has the name now.
        #[arg(long)]
        replace: bool,
    },
    /// List connectors.
    Ls {
        /// Those that were revoked, too.
        #[arg(long)]
        all: bool,
    },
    /// Show one.
    Show {
        /// Its name.
        name: String,
    },
    /// End a connector: its link breaks within a second, and its key is good for nothing any more.
    Revoke {
        /// Its name.
        name: String,
        /// Why, for the evidence.
        #[arg(long, value_name = "REASON")]
        why: String,
    },
}

pub(crate) fn run(args: Args, format: Format) -> anyhow::Result<ExitCode> {
    let (config, store) = args.config.store()?;
    let connectors = store.connectors.clone();
    match args.command {
        Command::Invite { name, resources, gateway, expires, replace } => {
            let lasts = parse_duration(&expires).filter(|lasts| *lasts <= EXPIRES_MAX);
            let Some(lasts) = lasts else {
                bail!("`--expires {expires}` cannot be\nhint: write `10m`; at most `24h`");
            };
            let resources = patterns(&config, resources)?;
            let gateways = gateways(&config, gateway)?;
            let secret = random()?;
            let id: String = Fingerprint(random()?).to_string().chars().take(16).collect();
            let mut secret_digest = [0; 32];
            secret_digest.copy_from_slice(digest::digest(&digest::SHA256, &secret).as_ref());
            let expires_at = SystemTime::now() + lasts;
            let namesake = if replace { Namesake::IsReplaced } else { Namesake::Stays };
            let invite =
                NewInvite { id: id.clone(), secret_digest, name, resources, expires_at, namesake };
            connectors.invite(&invite, &by_this_user()?)?;
            let authority = authority(&store)?.public();
            let secret = Secret::new(secret);
            let text = Invite { id, secret, authority, gateways }.reveal();
            match format {
                Format::Json => print_json(&json!({
                    "invite": text,
                    "name": invite.name,
                    "resources": invite.resources,
                    "expires_us": us(expires_at),
                }))?,
                Format::Text => print(&format!(
                    "{text}\n\non the connector's machine, before {}:\n  portreeve connector \
                     enroll --config connector.yaml < the line above",
                    time(us(expires_at))
                ))?,
            }
        }
        Command::Ls { all } => {
            let mut found = connectors.list()?;
            found.retain(|one| all || one.revoked_at.is_none());
            list(&found, format)?;
        }
        Command::Show { name } => {
            let mut found = connectors.list()?;
            found.retain(|one| one.name == name);
            if found.is_empty() {
                bail!("there is no connector `{name}`\nhint: `portreeve connectors ls`");
            }
            list(&found, format)?;
        }
        Command::Revoke { name, why } => {
            connectors.revoke(&name, &why, &by_this_user()?)?;
            match format {
                Format::Text => print(&format!("revoked `{name}`"))?,
                Format::Json => print_json(&json!({ "revoked": name }))?,
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// A pattern of which no resource is one is a slip.
fn patterns(config: &Config, patterns: Vec<String>) -> anyhow::Result<Vec<String>> {
    let patterns: Vec<String> = patterns.iter().map(|it| it.trim().to_owned()).collect();
    for pattern in &patterns {
        let is_clean = pattern.chars().all(|c| c.is_ascii_alphanumeric() || "_-.*".contains(c));
        if pattern.is_empty() || !is_clean {
            bail!("`{pattern}` names no resources\nhint: letters, digits, `_`, `-`, `.` and `*`");
        }
        let is_one = |name: &String| portreeve_link::gateway::matches(pattern, name);
        if !config.resources.keys().any(is_one) {
            super::output::remark(&format!(
                "warning: no resource of the configuration is `{pattern}` yet"
            ));
        }
    }
    Ok(patterns)
}

fn gateways(config: &Config, given: Vec<String>) -> anyhow::Result<Vec<String>> {
    if let Some(wrong) = given.iter().find(|gateway| !is_authority(gateway)) {
        bail!("`{wrong}` is not where a gateway takes connectors\nhint: write `host:port`");
    }
    if !given.is_empty() {
        return Ok(given);
    }
    let listener = config.listen.connectors.as_ref().context(
        "this gateway takes no connectors\nhint: add `listen.connectors`, or `via: connector` to \
         a resource",
    )?;
    let is_any = |address: &std::net::SocketAddr| address.ip().is_unspecified();
    if listener.addresses.iter().any(is_any) {
        bail!(
            "`listen.connectors` does not say by which name connectors reach it\nhint: give \
             `--gateway gateway.example.org:8445`"
        );
    }
    Ok(listener.addresses.iter().map(ToString::to_string).collect())
}

fn us(at: SystemTime) -> i64 {
    let since = at.duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}

fn list(found: &[EnrolledConnector], format: Format) -> anyhow::Result<()> {
    if format == Format::Json {
        let entry = |one: &EnrolledConnector| {
            json!({
                "name": one.name,
                "key": Fingerprint(one.key).to_string(),
                "resources": one.resources,
                "enrolled_us": us(one.enrolled_at),
                "revoked_us": one.revoked_at.map(us),
            })
        };
        return print_json(&found.iter().map(entry).collect::<Vec<_>>());
    }
    if found.is_empty() {
        return print("no connectors; `portreeve connectors invite NAME --resources …` makes one");
    }
    let row = |one: &EnrolledConnector| {
        let state = match one.revoked_at {
            Some(at) => format!("revoked {}", time(us(at))),
            None => "enrolled".to_owned(),
        };
        let key = Fingerprint(one.key).to_string().chars().take(16).collect();
        vec![one.name.clone(), state, time(us(one.enrolled_at)), one.resources.join(", "), key]
    };
    let rows = found.iter().map(row).collect();
    print(&table(&["name", "state", "since", "resources", "key"], rows))
}

const EXPIRES_MAX: Duration = Duration::from_secs(24 * 3600);
