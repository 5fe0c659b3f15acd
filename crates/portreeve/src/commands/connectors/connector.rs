//! `portreeve connector`: reaches targets for gateways, from inside their network.

use super::super::gateway::start_logging;
use super::super::options::run_async;
use super::super::output::{Format, print, print_json};
use super::super::setup::check::invalid;
use super::check;
use crate::wiring::{connector_manifests, manifests, served_targets};
use anyhow::{Context, bail};
use portreeve_control::config::{ConfigError, ConnectorConfig, connector_schema, load_connector};
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
    portreeve connector check --config connector.yaml\n  \
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
    /// Say whether the configuration can be used: whether each target lets it in, and whether
    /// each gateway would take it in.
    ///
    /// Logs in at every target and leaves again; a service over HTTP is asked for the head of its
    /// first page. A connector that runs beside it goes on.
    Check {
        /// Print the JSON schema of the configuration file, and do nothing else.
        #[arg(long)]
        schema: bool,
    },
}

pub(crate) fn run(args: Args, format: Format) -> anyhow::Result<ExitCode> {
    if let Some(Command::Check { schema: true }) = args.command {
        print_json(&connector_schema(&connector_manifests()))?;
        return Ok(ExitCode::SUCCESS);
    }
    let config = match load_connector(&args.config, &manifests()) {
        Ok(config) => config,
        Err(error @ ConfigError::Unreadable { .. }) => {
            bail!("{error}\nhint: give it with `--config`")
        }
        Err(error @ ConfigError::Invalid { .. }) => return invalid(error, format),
    };
    match args.command {
        Some(Command::Enroll) => enroll(&config, format),
        Some(Command::Check { .. }) => check::run(&config, format),
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
        silence_max: config.limits.silence_max,
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
