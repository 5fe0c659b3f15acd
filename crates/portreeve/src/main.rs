//! The `portreeve` binary: wires the floors below together and has no logic of its own.

mod commands;
mod wiring;

use clap::{Parser, Subcommand};
use commands::connectors::connector;
use commands::output::Format;
use commands::setup::{check, discover, selftest};
use commands::{
    accounts, anomalies, connect, connectors, detect, evidence, gateway, login, policy, report,
    reviews, sessions, ssh, status, token, tools, verify, whoami, witness,
};
use portreeve_control::secrets::Lease;
use std::process::ExitCode;
use std::time::Duration;

/// A data-path gateway between AI agents and the systems that hold personal data.
///
/// Clients connect with their own drivers and a short-lived token instead of a password.
/// Every statement is decided by policy, personal values are masked before they leave,
/// risky commands wait for a person, and everything is recorded so that it can be
/// verified offline.
#[derive(Debug, Parser)]
#[command(name = "portreeve", version, propagate_version = true, max_term_width = 100)]
#[command(after_help = "Start here:\n  portreeve check --config portreeve.yaml\n  \
    portreeve accounts add alice --kind person --group analysts\n  \
    portreeve gateway --config portreeve.yaml\n  \
    PGPASSWORD=$(portreeve token issue alice) psql -h 127.0.0.1 -p 15432 -U alice shop")]
struct Cli {
    /// What to print: `text` for people, `json` for programs.
    #[arg(long, global = true, value_enum, default_value_t, value_name = "FORMAT")]
    format: Format,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Gateway(gateway::Args),
    Check(check::Args),
    Connect(connect::Args),
    Connector(connector::Args),
    Connectors(connectors::Args),
    Accounts(accounts::Args),
    Tools(tools::Args),
    Login(login::Args),
    Token(token::Args),
    Ssh(ssh::Args),
    Whoami(whoami::Args),
    Status(status::Args),
    Reviews(reviews::Args),
    Sessions(sessions::Args),
    Anomalies(anomalies::Args),
    Policy(policy::Args),
    Verify(verify::Args),
    Evidence(evidence::Args),
    Report(report::Args),
    Witness(witness::Args),
    Detect(detect::Args),
    Discover(discover::Args),
    Selftest(selftest::Args),
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let format = cli.format;
    let result = match cli.command {
        Command::Gateway(args) => gateway::run(args, format),
        Command::Check(args) => check::run(args, format),
        Command::Connect(args) => connect::run(args, format),
        Command::Connector(args) => connector::run(args, format),
        Command::Connectors(args) => connectors::run(args, format),
        Command::Accounts(args) => accounts::run(args, format),
        Command::Tools(args) => tools::run(args, format),
        Command::Login(args) => login::run(args, format),
        Command::Token(args) => token::run(args, format),
        Command::Ssh(args) => ssh::run(args, format),
        Command::Whoami(args) => whoami::run(args, format),
        Command::Status(args) => status::run(args, format),
        Command::Reviews(args) => reviews::run(args, format),
        Command::Sessions(args) => sessions::run(args, format),
        Command::Anomalies(args) => anomalies::run(args, format),
        Command::Policy(args) => policy::run(args, format),
        Command::Verify(args) => verify::run(args, format),
        Command::Evidence(args) => evidence::run(args, format),
        Command::Report(args) => report::run(args, format),
        Command::Witness(args) => witness::run(args, format),
        Command::Detect(args) => detect::run(args, format),
        Command::Discover(args) => discover::run(args, format),
        Command::Selftest(args) => selftest::run(args, format),
    };
    Lease::give_all_back(GIVE_BACK_TIME);
    result.unwrap_or_else(|error| {
        tell(&error, format);
        ExitCode::FAILURE
    })
}

/// How long what a store of secrets has made for this process may take to be given back.
const GIVE_BACK_TIME: Duration = Duration::from_secs(5);

/// Says on standard error what went wrong.
fn tell(error: &anyhow::Error, format: Format) {
    match format {
        Format::Text => commands::output::remark(&format!("error: {error:#}")),
        Format::Json => {
            let told = serde_json::json!({"error": {"message": format!("{error:#}")}});
            commands::output::remark(&told.to_string());
        }
    }
}
