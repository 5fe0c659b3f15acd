//! `portreeve connect`: the ordinary client of a resource, through the gateway.

use super::options::{ConfigOption, token};
use super::output::{Format, print, print_json};
use crate::wiring::manifests;
use anyhow::{Context, anyhow};
use portreeve_model::{ClientPlaces, Manifest};
use serde_json::json;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::process::{Command, ExitCode};

/// Start the ordinary client of a resource, with your token in the place of a password.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  PORTREEVE_TOKEN=$(portreeve token issue alice) portreeve \
    connect shop\n  portreeve connect shop --print    # the command line, to adapt")]
pub(crate) struct Args {
    /// The resource, as the configuration names it.
    #[arg(value_name = "RESOURCE")]
    resource: String,
    #[command(flatten)]
    config: ConfigOption,
    /// What the client calls itself. Who it is, the token says.
    #[arg(long, env = "USER", default_value = "portreeve", value_name = "NAME")]
    user: String,
    /// A file with your access token; `-` is standard input. Without it, the
    /// environment variable PORTREEVE_TOKEN.
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// Print the command line, and start nothing.
    #[arg(long)]
    print: bool,
}

pub(crate) fn run(args: Args, format: Format) -> anyhow::Result<ExitCode> {
    let config = args.config.load()?;
    let resource = config.resources.get(&args.resource).ok_or_else(|| {
        let names: Vec<String> = config.resources.keys().map(|name| format!("`{name}`")).collect();
        anyhow!("there is no resource `{}`\nhint: there are {}", args.resource, names.join(", "))
    })?;
    let known = manifests().into_iter().find(|manifest| manifest.name == resource.protocol);
    let manifest: &Manifest = known.context("every resource has a protocol")?;
    let listener = config.listen.protocols.get(manifest.name);
    let address = listener.and_then(|listener| listener.addresses.first());
    let address = local(*address.context("every protocol with a resource has an address")?);
    let arguments = manifest.client.arguments_for(&ClientPlaces {
        host: &address.ip().to_string(),
        port: address.port(),
        resource: &args.resource,
        user: &args.user,
        data_dir: &config.data_dir.to_string_lossy(),
    });
    let (program, variable) = (manifest.client.program, manifest.client.token_variable);
    if args.print {
        let quoted = arguments.iter().map(|argument| quoted(argument)).collect::<Vec<_>>();
        match format {
            Format::Json => print_json(&json!({
                "program": program, "arguments": arguments, "token_variable": variable,
            }))?,
            Format::Text => {
                print(&format!("{variable}=$PORTREEVE_TOKEN {program} {}", quoted.join(" ")))?;
            }
        }
        return Ok(ExitCode::SUCCESS);
    }
    let token = token(args.token_file.as_deref())?.context(
        "an access token is needed\nhint: set PORTREEVE_TOKEN, for example to \
         `$(portreeve token issue NAME)`, or use --token-file",
    )?;
    let mut client = Command::new(program);
    client.args(&arguments).env(variable, token.reveal()).env_remove("PORTREEVE_TOKEN");
    let status = client.status().with_context(|| {
        format!("`{program}` cannot be started; hint: install it, or use `--print`")
    })?;
    Ok(status.code().and_then(|code| u8::try_from(code).ok()).map_or(ExitCode::FAILURE, Into::into))
}

/// Where a client on this machine reaches a listener.
fn local(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

/// As a shell takes it for one word.
fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=,@".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_quoted_for_a_shell() {
        let check = |word: &str, expect: &str| assert_eq!(quoted(word), expect);
        check("host=127.0.0.1", "host=127.0.0.1");
        check("a b", "'a b'");
        check("it's", "'it'\\''s'");
        check("", "''");
        check("$(x)", "'$(x)'");
    }
}
