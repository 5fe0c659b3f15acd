//! `portreeve gateway`: the data path.

use super::options::ConfigOption;
use super::output::Format;
use crate::wiring::{Gateway, Reloaded, loopback_certificate};
use anyhow::Context;
use std::process::ExitCode;
use std::sync::Arc;
use tokio::signal::unix::{SignalKind, signal};

/// Run the gateway: a listener for each protocol that resources have, and the API on 8440.
///
/// Runs in the foreground until SIGTERM or SIGINT; then open sessions are ended and the
/// evidence is closed. SIGHUP reads the configuration again. Running sessions follow the
/// policies from their next command on; certificates, resources with their secrets, and
/// limits hold for sessions to come. A configuration with an error changes nothing.
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

pub(crate) fn start_logging(filter: &str, format: Format) -> anyhow::Result<()> {
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
    let gateway = Arc::new(Gateway::start(config, certificate).await?);
    let running = tokio::spawn(gateway.clone().run());
    let addresses = gateway.addresses().flat_map(|(name, addresses)| {
        addresses.iter().map(move |address| format!("{name}={address}"))
    });
    tracing::info!("gateway is ready {}", addresses.collect::<Vec<_>>().join(" "));
    loop {
        tokio::select! {
            _ = terminate.recv() => break,
            _ = interrupt.recv() => break,
            _ = hangup.recv() => {
                match gateway.reload(&args.config.config).await {
                    Ok(Reloaded { version, waiting }) => {
                        tracing::info!(%version, "the configuration was read again");
                        if !waiting.is_empty() {
                            let keys = waiting.join(", ");
                            tracing::warn!(keys, "these have changed and take a restart");
                        }
                    }
                    Err(error) => {
                        tracing::error!(
                            error = format!("{error:#}"),
                            "policies, resources and certificates stay as they were"
                        );
                    }
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
