//! `portreeve token`: tokens of the local issuer.

use super::login::{issuer, read_or_make};
use super::options::{ApiOptions, ConfigOption, by_this_user, run_async, token};
use super::output::{Format, fields, print, print_json, remark, time};
use anyhow::{Context, bail};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use portreeve_control::config::{Issuer, parse_duration};
use portreeve_control::identity::{Issued, LocalIssuer, TokenRequest};
use portreeve_control::store::Revocation;
use serde_json::{Map, Value, json};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Access tokens: make them, look into them, hand them on.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    Issue(Issue),
    Inspect(Inspect),
    Exchange(Exchange),
    Revoke(Revoke),
}

/// Make a token for an account of the local issuer.
///
/// Works on the control store directly, so it has to run on the gateway's machine, as
/// its user. Prints the token and nothing else. It is recorded in the evidence as made from
/// the files, before anybody accepts it, and decides no review: `portreeve login` is for that.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  export PORTREEVE_TOKEN=$(portreeve token issue ada)\n  \
    PGPASSWORD=$(portreeve token issue ada --act planner --act worker --purpose support) psql …")]
struct Issue {
    /// The principal: a person or a service.
    name: String,
    /// An actor that acts for it. Several in the order of delegation: planner first.
    #[arg(long = "act", value_name = "ACTOR")]
    actors: Vec<String>,
    /// Why access is wanted. Policy may demand it.
    #[arg(long)]
    purpose: Option<String>,
    /// An actor that the token may be handed on to.
    #[arg(long, value_name = "ACTOR")]
    may_act: Option<String>,
    /// For how long, at most 24h.
    #[arg(long, value_name = "DURATION", default_value = "15m", value_parser = ttl)]
    ttl: Duration,
    #[command(flatten)]
    config: ConfigOption,
}

/// Show what a token says. Does not check whether it is true.
#[derive(Debug, clap::Args)]
struct Inspect {
    /// A file with the token; `-` is standard input. Without it, PORTREEVE_TOKEN.
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
}

/// Hand your token on to an actor: the new one names it as the last of the chain.
///
/// Asks the gateway's API. The new token ends when yours does.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  WORKER_TOKEN=$(portreeve token exchange --actor worker)")]
struct Exchange {
    /// The actor: an account of kind actor.
    #[arg(long)]
    actor: String,
    /// The file with the actor's own key, by which it takes part. Not needed where your token
    /// names it (`token issue --may-act`).
    #[arg(long, value_name = "FILE")]
    actor_key: Option<PathBuf>,
    #[command(flatten)]
    api: ApiOptions,
}

/// Refuse a token, or everything that was issued to a name until now.
///
/// Works on the control store directly. Open sessions that it concerns end within a second.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  portreeve token revoke --token 3f1c…   # its `jti`\n  \
    portreeve token revoke --issuer https://id.example.org --subject ada")]
struct Revoke {
    /// The token's `jti`.
    #[arg(long, value_name = "JTI", group = "what")]
    token: Option<String>,
    /// A principal or an actor, wherever in a chain it stands.
    #[arg(long, value_name = "NAME", group = "what")]
    subject: Option<String>,
    /// Who vouches for it. By default the local issuer.
    #[arg(long, value_name = "ISSUER")]
    issuer: Option<String>,
    #[command(flatten)]
    config: ConfigOption,
}

pub(crate) fn run(args: Args, format: Format) -> anyhow::Result<ExitCode> {
    match args.command {
        Command::Issue(args) => issue(args, format)?,
        Command::Inspect(args) => inspect(args, format)?,
        Command::Exchange(args) => exchange(args, format)?,
        Command::Revoke(args) => revoke(args, format)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn ttl(text: &str) -> Result<Duration, String> {
    parse_duration(text).ok_or_else(|| "write a number and a unit: `15m`, `8h`".into())
}

/// Makes a token with the local issuer.
pub(crate) fn issued(config: &ConfigOption, request: &TokenRequest) -> anyhow::Result<Issued> {
    let (config, store) = config.store()?;
    let local = config.issuers.iter().find_map(|issuer| match issuer {
        Issuer::Local(local) => Some(local),
        Issuer::Oidc(_) => None,
    });
    let Some(local) = local else {
        bail!("the local issuer is not in use\nhint: add `- local: {{}}` to `issuers`");
    };
    let issuer = LocalIssuer::open(store, &local.audience, config.limits.groups_max)?;
    Ok(issuer.issue(request, &by_this_user()?)?)
}

fn issue(args: Issue, format: Format) -> anyhow::Result<()> {
    let request = TokenRequest {
        principal: args.name,
        actors: args.actors,
        purpose: args.purpose,
        ttl: args.ttl,
        may_act: args.may_act,
    };
    let issued = issued(&args.config, &request)?;
    match format {
        Format::Text => {
            print(issued.token.reveal())?;
            remark(&format!("# {}, until {}", issued.chain, time(micros(issued.expires_at))));
        }
        Format::Json => print_json(&json!({
            "access_token": issued.token.reveal(),
            "token_type": "Bearer",
            "token_id": issued.token_id,
            "expires_at_us": micros(issued.expires_at),
            "chain": issued.chain,
        }))?,
    }
    Ok(())
}

fn inspect(args: Inspect, format: Format) -> anyhow::Result<()> {
    let token = token(args.token_file.as_deref())?
        .context("there is no token to inspect\nhint: set PORTREEVE_TOKEN or use --token-file")?;
    let mut parts = token.reveal().split('.');
    let (Some(header), Some(claims), Some(_), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        bail!("that is not a signed JWT: it does not have three parts");
    };
    let (header, claims) = (decode(header)?, decode(claims)?);
    if format == Format::Json {
        return print_json(&json!({"verified": false, "header": header, "claims": claims}));
    }
    let shown = |value: &Value| match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let mut lines: Vec<(&str, String)> = Vec::new();
    for name in ["alg", "typ", "kid"] {
        lines.extend(header.get(name).map(|value| (name, shown(value))));
    }
    for (name, value) in &claims {
        let text = match (name.as_str(), value.as_i64()) {
            ("exp" | "iat" | "nbf", Some(seconds)) => time(seconds.saturating_mul(1_000_000)),
            _ => shown(value),
        };
        lines.push((name.as_str(), text));
    }
    print(&fields(&lines))?;
    remark("# not verified: anyone can write such a token; `portreeve whoami` asks the gateway");
    Ok(())
}

/// The header of a token, or its claims: what they say, not whether it is true.
pub(crate) fn decode(part: &str) -> anyhow::Result<Map<String, Value>> {
    let bytes = URL_SAFE_NO_PAD.decode(part).context("that is not a signed JWT: not base64url")?;
    serde_json::from_slice(&bytes).context("that is not a signed JWT: not a JSON object")
}

fn exchange(args: Exchange, format: Format) -> anyhow::Result<()> {
    let client = args.api.client()?;
    let answer = run_async(async {
        let mut body = json!({ "actor": args.actor });
        if let Some(file) = &args.actor_key {
            let key = read_or_make(file)?;
            let word = key.assertion(&args.actor, &issuer(&client).await?, SystemTime::now())?;
            body["actor_token"] = word.reveal().as_str().into();
        }
        anyhow::Ok(client.post("/v1/token/exchange", &body).await?)
    })??;
    match format {
        Format::Json => print_json(&answer),
        Format::Text => {
            let token = answer.get("access_token").and_then(Value::as_str);
            print(token.context("the API answered without a token")?)
        }
    }
}

fn revoke(args: Revoke, format: Format) -> anyhow::Result<()> {
    let (_, store) = args.config.store()?;
    let issuer = match args.issuer {
        Some(issuer) => issuer,
        None => store.keys.issuer()?.context("there is no local issuer\nhint: give --issuer")?.name,
    };
    let (what, shown) = match (args.token, args.subject) {
        (Some(id), None) => (Revocation::Token { issuer, id: id.clone() }, id),
        (None, Some(subject)) => {
            (Revocation::Subject { issuer, subject: subject.clone() }, subject)
        }
        (None, None) | (Some(_), Some(_)) => bail!("give --token or --subject"),
    };
    store.revocations.revoke(&what, &by_this_user()?)?;
    match format {
        Format::Text => print(&format!("revoked `{shown}`")),
        Format::Json => print_json(&json!({ "revoked": shown })),
    }
}

fn micros(at: SystemTime) -> i64 {
    let since = at.duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}
