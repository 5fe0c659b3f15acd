//! `portreeve gateway`: the data path.

use super::options::ConfigOption;
use super::output::Format;
use crate::wiring::{Gateway, loopback_certificate};
use anyhow::Context;
use std::process::ExitCode;
use std::sync::Arc;
use tokio::signal::unix::{SignalKind, signal};

/// Run the gateway: PostgreSQL on 15432, API on 8440 unless the configuration says otherwise.
///
/// Runs in the foreground until SIGTERM or SIGINT; then open sessions are ended and the
/// evidence is closed. SIGHUP reads the policies again: running sessions follow them from
/// their next command on, and a set with an error leaves the old one in force.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  portreeve gateway --config portreeve.yaml\n  \
    PORTREEVE_LOG=debug portreeve gateway    # more to read on standard error")]
pub(crate) struct Args {
    #[command(flatten)]
    config: ConfigOption,
    /// What to log on standard error: `error`, `warn`, `info`, `debug`, or a filter.
    #[arg(long, env = "PORTREEVE_LOG", default_value = "info", value_name = "FILTER")]
    log: String,
}

pub(crate) fn run(args: Args, format: Format) -> anyhow::Result<ExitCode> {
    start_logging(&args.log, format)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(serve(args))?;
    Ok(ExitCode::SUCCESS)
}

pub(super) fn start_logging(filter: &str, format: Format) -> anyhow::Result<()> {
    let filter = tracing_subscriber::EnvFilter::try_new(filter).context("log filter")?;
    // Nobody reading the log is no reason to fail: nothing is said about it.
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .log_internal_errors(false)
        .with_writer(std::io::stderr);
    match format {
        Format::Text => builder.with_target(false).init(),
        Format::Json => builder.json().init(),
    }
    Ok(())
}

async fn serve(args: Args) -> anyhow::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut hangup = signal(SignalKind::hangup())?;
    let config = args.config.load()?;
    let certificate = loopback_certificate(&config.data_dir)?;
    let gateway = Arc::new(Gateway::start(config, &certificate).await?);
    let running = tokio::spawn(gateway.clone().run());
    tracing::info!(
        postgres = %gateway.postgres_address()?,
        api = %gateway.api_address()?,
        "gateway is ready"
    );
    loop {
        tokio::select! {
            _ = terminate.recv() => break,
            _ = interrupt.recv() => break,
            _ = hangup.recv() => {
                match gateway.reload_policies(&args.config.config).await {
                    Ok(version) => tracing::info!(%version, "policies read again"),
                    Err(error) => tracing::error!(%error, "policies stay as they were"),
                }
            }
        }
    }
    tracing::info!("stopping");
    gateway.stop();
    running.await?;
    gateway.close().await;
    Ok(())
}
