//! `portreeve connect`: the ordinary client of a resource, through the gateway.

use super::options::{ConfigOption, token};
use super::output::{Format, print, print_json};
use crate::wiring::{for_agents, manifests, near, resource};
use anyhow::Context;
use portreeve_control::Config;
use portreeve_model::{ClientPlaces, Manifest};
use serde_json::json;
use std::path::PathBuf;
use std::process::{Command, ExitCode};

/// Start the ordinary client of a resource, with your token in the place of a password.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  PORTREEVE_TOKEN=$(portreeve token issue alice) portreeve \
    connect shop\n  portreeve connect shop --print    # the command line, to adapt\n  \
    portreeve connect --mcp           # what to tell an agent")]
pub(crate) struct Args {
    /// The resource, as the configuration names it.
    #[arg(value_name = "RESOURCE", required_unless_present = "mcp")]
    resource: Option<String>,
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
    /// Print what the usual agents are told to reach a server of tools; without a resource,
    /// the gateway's own, which asks databases.
    #[arg(long, conflicts_with = "print")]
    mcp: bool,
}

pub(crate) fn run(args: Args, format: Format) -> anyhow::Result<ExitCode> {
    let config = args.config.load()?;
    if args.mcp {
        return tell_agents(&config, args.resource.as_deref(), format);
    }
    let name = args.resource.unwrap_or_default();
    let resource = resource(&config, &name)?;
    let known = manifests().into_iter().find(|manifest| manifest.name == resource.protocol);
    let manifest: &Manifest = known.context("every resource has a protocol")?;
    let listener = config.listen.protocols.get(manifest.name);
    let address = listener.and_then(|listener| listener.addresses.first());
    let address = near(*address.context("every protocol with a resource has an address")?);
    let arguments = manifest.client.arguments_for(&ClientPlaces {
        host: &address.ip().to_string(),
        port: address.port(),
        resource: &name,
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
    // The client may take the token by that very name: what was there goes first.
    client.args(&arguments).env_remove("PORTREEVE_TOKEN").env(variable, token.reveal());
    let status = client.status().with_context(|| {
        format!("`{program}` cannot be started; hint: install it, or use `--print`")
    })?;
    Ok(status.code().and_then(|code| u8::try_from(code).ok()).map_or(ExitCode::FAILURE, Into::into))
}

/// What agents are told, by their names.
fn tell_agents(config: &Config, name: Option<&str>, format: Format) -> anyhow::Result<ExitCode> {
    let meant = name.map(|name| resource(config, name)).transpose()?;
    let known = for_agents(meant.map(|resource| resource.protocol));
    let (manifest, tell) = known.with_context(|| {
        let name = name.unwrap_or_default();
        format!(
            "`{name}` is no server of tools\nhint: without a name, the gateway's own server is \
             meant"
        )
    })?;
    let listener = config.listen.protocols.get(manifest.name);
    let address = listener.and_then(|listener| listener.addresses.first());
    let address = address.with_context(|| {
        format!("agents are not listened for\nhint: add `{}` to `listen`", manifest.name)
    })?;
    let told = tell(near(*address), name);
    match format {
        Format::Json => {
            let agents = told.agents.iter();
            let agents = agents.map(|(agent, text)| json!({"agent": agent, "lines": text}));
            print_json(&json!({"url": told.url, "agents": agents.collect::<Vec<_>>()}))?;
        }
        Format::Text => {
            let agents = told.agents.iter().map(|(agent, text)| format!("# {agent}\n{text}\n"));
            print(&agents.collect::<Vec<_>>().join("\n"))?;
        }
    }
    Ok(ExitCode::SUCCESS)
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
