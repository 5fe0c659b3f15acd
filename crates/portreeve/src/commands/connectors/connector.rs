//! `portreeve connector`: reaches targets for gateways, from inside their network.

use super::super::gateway::start_logging;
use super::super::options::run_async;
use super::super::output::{Format, print, print_json};
use crate::wiring::{manifests, served_targets};
use anyhow::Context;
use portreeve_control::config::{ConfigError, ConnectorConfig, load_connector};
use portreeve_link::Carrier;
use portreeve_link::connector::{Connector, ConnectorParts, State, StreamLog, enrol};
use serde_json::json;
use std::io::Read;
use std::path::PathBuf;
use std::process::ExitCode;
use tokio::signal::unix::{SignalKind, signal};

/// Run a connector: it dials out to gateways, and logs in at the targets of its own network.
///
/// It needs no inbound port. Credentials of targets stay with it: what a gateway gets is a stream
/// behind the login. Runs in the foreground until SIGTERM or SIGINT.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    portreeve connector enroll --config connector.yaml < invitation\n  \
    portreeve connector --config connector.yaml")]
pub(crate) struct Args {
    /// The connector's configuration file.
    #[arg(
        long,
        global = true,
        value_name = "FILE",
        env = "PORTREEVE_CONNECTOR_CONFIG",
        default_value = "connector.yaml"
    )]
    config: PathBuf,
    /// What to log on standard error: `error`, `warn`, `info`, `debug`, or a filter.
    #[arg(
        long,
        global = true,
        env = "PORTREEVE_LOG",
        default_value = "info",
        value_name = "FILTER"
    )]
    log: String,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Enrol with an invitation, which is read from standard input.
    ///
    /// Makes a key that never leaves this machine, and gets a certificate for it.
    Enroll,
    /// Say whether the configuration can be used, and whether its targets can be reached.
    Check,
}

pub(crate) fn run(args: Args, format: Format) -> anyhow::Result<ExitCode> {
    let config = load_connector(&args.config, &manifests()).map_err(|error| match error {
        ConfigError::Unreadable { .. } => anyhow::anyhow!("{error}\nhint: give it with `--config`"),
        ConfigError::Invalid { .. } => anyhow::anyhow!("{error}"),
    })?;
    match args.command {
        Some(Command::Enroll) => enroll(&config, format),
        Some(Command::Check) => check(&config, format),
        None => {
            start_logging(&args.log, format)?;
            let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
            runtime.block_on(serve(config))?;
            Ok(ExitCode::SUCCESS)
        }
    }
}

fn enroll(config: &ConnectorConfig, format: Format) -> anyhow::Result<ExitCode> {
    let mut text = String::new();
    std::io::stdin().lock().take(INVITE_BYTES_MAX).read_to_string(&mut text)?;
    // What stands around the line is for people.
    let line = text.lines().find(|line| line.trim().starts_with("portreeve-invite."));
    let invite = line.unwrap_or(&text).parse()?;
    let carrier = Carrier { proxy: config.proxy.clone() };
    let state = run_async(enrol(&invite, &config.state_dir, &carrier))??;
    let (name, key) = (state.name(), state.fingerprint().to_string());
    match format {
        Format::Json => print_json(&json!({"name": name, "key": key}))?,
        Format::Text => print(&format!(
            "enrolled as `{name}`; its key is {key}\nnext: portreeve connector --config …"
        ))?,
    }
    Ok(ExitCode::SUCCESS)
}

fn check(config: &ConnectorConfig, format: Format) -> anyhow::Result<ExitCode> {
    let targets = served_targets(config)?;
    let reached = run_async(async {
        let mut reached = Vec::new();
        for (name, target) in &targets {
            let done = target.dialer.dial(&Default::default()).await;
            reached.push((name.clone(), done.err().map(|error| error.to_string())));
        }
        reached
    })?;
    let enrolled = State::open(&config.state_dir);
    let good = enrolled.is_ok() && reached.iter().all(|(_, why)| why.is_none());
    match format {
        Format::Json => print_json(&json!({
            "enrolled": enrolled.as_ref().ok().map(State::name),
            "targets": reached.iter().map(|(name, why)| json!({"resource": name, "error": why}))
                .collect::<Vec<_>>(),
        }))?,
        Format::Text => {
            let first = match &enrolled {
                Ok(state) => format!("enrolled as `{}`", state.name()),
                Err(error) => error.to_string(),
            };
            let line = |(name, why): &(String, Option<String>)| match why {
                None => format!("`{name}` can be reached"),
                Some(why) => format!("`{name}` cannot be used: {why}"),
            };
            let lines: Vec<String> =
                std::iter::once(first).chain(reached.iter().map(line)).collect();
            print(&lines.join("\n"))?;
        }
    }
    Ok(if good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn serve(config: ConnectorConfig) -> anyhow::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let state = State::open(&config.state_dir)?;
    let targets = served_targets(&config)?;
    let stream_log =
        StreamLog::open(&config.state_dir.join("streams.jsonl"), &state).context("stream log")?;
    tracing::info!(
        name = state.name(),
        resources = ?targets.keys().collect::<Vec<_>>(),
        "the connector is ready"
    );
    let connector = Connector::new(ConnectorParts {
        state,
        carrier: Carrier { proxy: config.proxy.clone() },
        targets,
        software: env!("CARGO_PKG_VERSION").into(),
        stream_log,
        silence_max: config.silence_max,
    });
    tokio::select! {
        () = connector.run(config.gateways) => {}
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    tracing::info!("stopped");
    Ok(())
}

const INVITE_BYTES_MAX: u64 = 64 << 10;
