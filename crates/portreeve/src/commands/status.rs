//! `portreeve status`: whether a gateway is alive and ready.

use super::options::{ApiOptions, run_async};
use super::output::{Format, fields, print, print_json, time, visible};
use portreeve_control::client::Answer;
use serde_json::{Value, json};
use std::process::ExitCode;

/// Ask a gateway how it is. Exits with 1 when it is not ready.
///
/// With a token, also counts the sessions and open reviews that you may see.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    api: ApiOptions,
}

pub(crate) fn run(args: Args, format: Format) -> anyhow::Result<ExitCode> {
    let client = args.api.client_maybe_anonymous()?;
    let (health, ready, sessions, reviews, listeners, connectors) = run_async(async {
        let health = client.probe("/healthz").await?;
        let ready = client.probe("/readyz").await?;
        let sessions = client.probe("/v1/sessions").await?;
        let reviews = client.probe("/v1/reviews?state=pending").await?;
        let listeners = client.probe("/v1/listeners").await?;
        let connectors = client.probe("/v1/connectors").await?;
        anyhow::Ok((health, ready, sessions, reviews, listeners, connectors))
    })??;
    let good = health.status == 200 && ready.status == 200;
    let counted = |answer: &Answer, field: &str| {
        answer.body.get(field).and_then(Value::as_array).map(Vec::len)
    };
    let sessions = counted(&sessions, "sessions");
    let reviews = counted(&reviews, "reviews");
    let listeners = listeners.body.get("listeners").and_then(Value::as_object);
    match format {
        Format::Json => print_json(&json!({
            "ready": good,
            "health": health.body,
            "readiness": ready.body,
            "sessions_open": sessions,
            "reviews_open": reviews,
            "listeners": listeners,
            "connectors": connectors.body.get("connectors"),
        }))?,
        Format::Text => {
            let mut lines = vec![("health", word(&health)), ("ready", word(&ready))];
            lines.extend(reason(&health, "evidence").map(|why| ("evidence", why)));
            lines.extend(reason(&health, "warning").map(|why| ("warning", why)));
            lines.extend(witnessed(&health).map(|text| ("witnessed", text)));
            lines.extend(reason(&ready, "missing").map(|why| ("missing", why)));
            lines.extend(sessions.map(|count| ("sessions", count.to_string())));
            lines.extend(reviews.map(|count| ("reviews", count.to_string())));
            for (name, addresses) in listeners.into_iter().flatten() {
                let addresses = addresses.as_array().into_iter().flatten();
                let addresses: Vec<&str> = addresses.filter_map(Value::as_str).collect();
                lines.push((name.as_str(), addresses.join(", ")));
            }
            lines.extend(linked(&connectors).map(|text| ("linked", text)));
            print(&fields(&lines))?;
        }
    }
    Ok(if good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn word(answer: &Answer) -> String {
    answer.body.get("status").and_then(Value::as_str).unwrap_or("unknown").to_owned()
}

/// What witnesses have seen, where some are configured.
fn witnessed(answer: &Answer) -> Option<String> {
    let witnessed = answer.body.get("witnessed")?;
    let number = |field: &str| witnessed.get(field).and_then(Value::as_u64);
    let mut text = match number("at").and_then(|at| i64::try_from(at).ok()) {
        Some(at) => format!(
            "{} records, {} (a quorum is {} of {})",
            number("records").unwrap_or(0),
            time(at.saturating_mul(1_000_000)),
            number("quorum").unwrap_or(0),
            number("witnesses").unwrap_or(0),
        ),
        None => "not yet".to_owned(),
    };
    for (name, why) in witnessed.get("failing").and_then(Value::as_object).into_iter().flatten() {
        text.push_str(&format!("\n`{name}`: {}", why.as_str().unwrap_or("unknown")));
    }
    Some(text)
}

/// The connectors that are there, where some are.
fn linked(answer: &Answer) -> Option<String> {
    let connectors = answer.body.get("connectors").and_then(Value::as_array)?;
    let line = |one: &Value| {
        let name = one.get("name").and_then(Value::as_str).unwrap_or_default();
        let streams = one.get("streams").and_then(Value::as_u64).unwrap_or_default();
        let resources = one.get("resources").and_then(Value::as_array).into_iter().flatten();
        let resources: Vec<&str> = resources.filter_map(Value::as_str).collect();
        format!("{} ({} streams): {}", visible(name), streams, visible(&resources.join(", ")))
    };
    (!connectors.is_empty()).then(|| connectors.iter().map(line).collect::<Vec<_>>().join("\n"))
}

fn reason(answer: &Answer, field: &str) -> Option<String> {
    match answer.body.get(field)? {
        Value::Array(all) => {
            Some(all.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(", "))
        }
        Value::String(text) => Some(text.clone()),
        _ => None,
    }
}
