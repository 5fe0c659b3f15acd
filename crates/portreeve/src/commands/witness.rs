//! `portreeve witness`: cosigns the checkpoints of other people's logs.

use super::gateway::start_logging;
use super::output::{Format, print};
use anyhow::{Context, bail};
use portreeve_control::api::ApiServer;
use portreeve_control::config::ServerTls;
use portreeve_evidence::VerifierKey;
use portreeve_evidence::witness::Witness;
use serde_json::json;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

/// Run a witness: it remembers the largest tree of each log and cosigns what continues it.
///
/// For a machine of another department than the gateway's: then neither can rewrite history
/// alone. Speaks the C2SP witness protocol (`add-checkpoint`) and shows monitors the last
/// checkpoint of each log. Its keys are minted on the first start and printed on every start;
/// give one of them to the gateway's configuration and to those who verify. Runs until
/// SIGTERM or SIGINT.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    portreeve witness --dir witness --name audit.example.org/w1 --log log.pub\n  \
    portreeve witness --dir witness --log log.pub --listen 0.0.0.0:8441 \\\n      \
    --certificate cert.pem --key key.pem\n\n\
    Keep the directory: what a witness has forgotten it cannot hold against anyone.")]
pub(crate) struct Args {
    /// Where it keeps its keys and what it has cosigned.
    #[arg(long, value_name = "DIR", default_value = "portreeve-witness")]
    dir: PathBuf,
    /// Its name, an address without a scheme; needed on the first start only.
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// The public key of a log that it knows, or a file with it; may be given again.
    #[arg(long, value_name = "KEY")]
    log: Vec<String>,
    /// Where to listen; other than loopback needs a certificate.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8441")]
    listen: SocketAddr,
    /// PEM file with the certificate, then its intermediates.
    #[arg(long, value_name = "FILE", requires = "key")]
    certificate: Option<PathBuf>,
    /// PEM file with the certificate's private key.
    #[arg(long, value_name = "FILE", requires = "certificate")]
    key: Option<PathBuf>,
    /// What to log on standard error: `error`, `warn`, `info`, `debug`, or a filter.
    #[arg(
        long = "log-level",
        env = "PORTREEVE_LOG",
        default_value = "info",
        value_name = "FILTER"
    )]
    level: String,
}

pub(crate) fn run(args: Args, format: Format) -> anyhow::Result<ExitCode> {
    start_logging(&args.level, format)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(serve(args, format))?;
    Ok(ExitCode::SUCCESS)
}

async fn serve(args: Args, format: Format) -> anyhow::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let logs = args.log.iter().map(|given| log_key(given)).collect::<Result<Vec<_>, _>>()?;
    let tls = match (args.certificate, args.key) {
        (Some(certificate), Some(key)) => {
            Some(crate::wiring::server_certificate(&ServerTls { certificate, key })?)
        }
        _ if !args.listen.ip().is_loopback() => bail!(
            "`{}` can be reached from other machines, but has no certificate\nhint: give \
             `--certificate` and `--key`, or listen on loopback behind a proxy",
            args.listen
        ),
        _ => None,
    };
    let witness = Witness::open(&args.dir, args.name.as_deref(), &logs)
        .with_context(|| format!("the witness in `{}`", args.dir.display()))?;
    if logs.is_empty() {
        tracing::warn!("it knows no log: everything will be refused until `--log` names one");
    }
    let witness = Arc::new(witness);
    let listener = TcpListener::bind(args.listen)
        .await
        .with_context(|| format!("cannot listen on `{}`", args.listen))?;
    announce(&witness, listener.local_addr()?, tls.is_some(), format)?;
    let stopped = async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    };
    portreeve_control::witness::serve(ApiServer { listener, tls }, witness, stopped).await;
    tracing::info!("stopped");
    Ok(())
}

/// Says where it is and who it is, on one line for programs.
fn announce(
    witness: &Witness,
    address: SocketAddr,
    has_tls: bool,
    format: Format,
) -> anyhow::Result<()> {
    let url = format!("{}://{address}", if has_tls { "https" } else { "http" });
    let keys: Vec<String> = witness.keys().iter().map(ToString::to_string).collect();
    let logs: Vec<&str> = witness.origins().collect();
    match format {
        Format::Json => print(&json!({"url": url, "keys": keys, "logs": logs}).to_string()),
        Format::Text => print(&format!(
            "the witness listens on {url}\nits keys, of which one is enough:\n{}\nlogs: {}",
            keys.join("\n"),
            logs.join(", "),
        )),
    }
}

fn log_key(given: &str) -> anyhow::Result<VerifierKey> {
    let text = match Path::new(given).exists() {
        true => std::fs::read_to_string(given).with_context(|| format!("cannot read `{given}`"))?,
        false => given.to_owned(),
    };
    text.parse().map_err(|what| {
        anyhow::anyhow!("`--log {given}` is no public key: {what}\nhint: give the log's `log.pub`")
    })
}
