//! MCP in this gateway: its servers as the configuration describes them, and the requests to
//! come when that changes.

use super::connectors::Ways;
use super::places::Place;
use super::protocols::{Parts, Protocol, Running, Told};
use super::replay;
use super::resources::{screen, secret};
use super::served::{Served, Serves};
use super::web::{address, fields, serve_host, served, targets};
use anyhow::{Context, bail};
use portreeve_control::Config;
use portreeve_control::config::{ConnectorResource, Issuer, Resource, Settings, Via};
use portreeve_control::store::{self, Looked, StoreError};
use portreeve_link::connector::ServedTarget;
use portreeve_model::ObjectKind;
use portreeve_protocol_mcp::{
    Descriptions, MANIFEST, Mcp, McpLimits, McpParts, Pinned, Place as ServerPlace, Program,
    Target, TargetParts,
};
use portreeve_session::BoxFuture;
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio::net::TcpStream;

/// What the binary knows of it.
pub(super) const PROTOCOL: Protocol = Protocol {
    serve_at: Some(serve_at),
    tried,
    never_called,
    tell_agents: Some(tell_agents),
    ..Protocol::of(&MANIFEST, start, replay::mcp)
};

/// Starts the protocol.
///
/// # Errors
/// A secret or an authority cannot be read, or a command is none.
fn start(parts: Parts<'_>) -> anyhow::Result<Arc<dyn Running>> {
    let mcp = Mcp::new(McpParts {
        engine: parts.engine,
        authenticator: parts.authenticator,
        targets: targets(parts.config, MANIFEST.name, &parts.ways, target)?,
        descriptions: Arc::new(Pins(parts.descriptions)),
        offers: parts.agents,
        issuers: issuers(parts.config),
        tls: parts.certificate.server(&[b"h2", b"http/1.1"]),
        limits: limits(parts.config)?,
    });
    Ok(Served::start(mcp, parts.config, parts.ways))
}

impl Serves for Mcp {
    const NAME: &'static str = MANIFEST.name;

    fn serve(
        self: Arc<Self>,
        stream: TcpStream,
        client: SocketAddr,
        place: Place,
    ) -> BoxFuture<'static, ()> {
        Box::pin(Mcp::serve(self, stream, client, place))
    }

    fn following(&self, config: &Config, ways: &Ways) -> anyhow::Result<Arc<Self>> {
        let targets = targets(config, MANIFEST.name, ways, target)?;
        Ok(self.renewed(targets, issuers(config), limits(config)?))
    }
}

/// The store's descriptions, off the runtime.
struct Pins(Arc<dyn store::Descriptions>);

impl Pins {
    async fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&dyn store::Descriptions) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, String> {
        let store = self.0.clone();
        match tokio::task::spawn_blocking(move || question(&*store)).await {
            Ok(answer) => answer.map_err(|error| error.to_string()),
            Err(_) => Err("the control store's worker ended".to_owned()),
        }
    }
}

impl Descriptions for Pins {
    fn is_pinned<'a>(
        &'a self,
        resource: &'a str,
        tool: &'a str,
        digest: &'a str,
    ) -> BoxFuture<'a, Result<bool, String>> {
        let [resource, tool, digest] = [resource, tool, digest].map(str::to_owned);
        Box::pin(self.ask(move |store| store.is_approved((&resource, &tool), &digest)))
    }

    fn look<'a>(
        &'a self,
        resource: &'a str,
        tool: &'a str,
        digest: &'a str,
        text: &'a str,
    ) -> BoxFuture<'a, Result<Pinned, String>> {
        let [resource, tool, digest, text] = [resource, tool, digest, text].map(str::to_owned);
        let question = move |store: &dyn store::Descriptions| {
            store.look((&resource, &tool), (&digest, &text), SystemTime::now())
        };
        Box::pin(async move {
            Ok(match self.ask(question).await? {
                Looked::Approved => Pinned::Same,
                Looked::Changed => Pinned::Changed,
                Looked::LooksLike(other) => Pinned::LooksLike(other),
            })
        })
    }
}

/// Who vouches for callers, where a client can ask them.
fn issuers(config: &Config) -> Vec<String> {
    let address = |issuer: &Issuer| match issuer {
        Issuer::Oidc(oidc) => Some(oidc.issuer.clone()),
        Issuer::Local(_) => None,
    };
    config.issuers.iter().filter_map(address).collect()
}

/// What keeps targets from being made.
fn tried(config: &Config) -> Vec<String> {
    super::web::tried(config, MANIFEST.name, target)
}

/// A server as a connector serves it: at its endpoint, and nowhere else.
fn serve_at(resource: &ConnectorResource, timeout: Duration) -> anyhow::Result<ServedTarget> {
    served(&MANIFEST, resource, timeout, |settings| path(settings).map(Some))
}

/// Why no server, or nothing of one, is ever called so.
fn never_called(name: &str, _: &Resource, _: ObjectKind, path: &[Option<&str>]) -> Option<String> {
    let named = path.first().copied().flatten();
    let is_other = named.is_some_and(|named| named != name);
    is_other.then(|| format!("the server is `{name}`, as the resource"))
}

fn target(config: &Config, name: &str, resource: &Resource, ways: &Ways) -> anyhow::Result<Target> {
    Ok(Target::new(TargetParts {
        name: name.to_owned(),
        serve_host: serve_host(name, resource),
        place: place(config, name, resource, ways)?,
        fields: fields(ObjectKind::ARGUMENT, name, resource),
        screen: screen(resource, &config.masking.confidence_min),
    }))
}

fn place(
    config: &Config,
    name: &str,
    resource: &Resource,
    ways: &Ways,
) -> anyhow::Result<ServerPlace> {
    let settings = &resource.target;
    let command = settings.text("command")?;
    if command.is_empty() {
        let address = Box::new(address(config, name, resource, ways)?);
        return Ok(ServerPlace::Http { address, path: path(settings)? });
    }
    if resource.via == Via::Connector {
        bail!("a program runs beside the gateway\nhint: remove `via: connector`, or `command`");
    }
    let variable = settings.text("token_variable")?;
    let token = match (secret(&resource.target, "token")?, variable.is_empty()) {
        (Some(token), false) => Some((variable.to_owned(), token)),
        (None, true) => None,
        _ => {
            bail!("a program gets its `token` in a `token_variable`\nhint: write both, or neither")
        }
    };
    Ok(ServerPlace::Program(Program { words: words(command)?, token }))
}

/// The endpoint of a server.
fn path(settings: &Settings) -> anyhow::Result<String> {
    let path = settings.text("path")?;
    let path = if path.is_empty() { "/mcp" } else { path };
    let is_plain = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'?' | b'#');
    if !path.starts_with('/') || !path.bytes().all(is_plain) {
        bail!("`path` is not a path\nhint: write it as `/mcp`");
    }
    Ok(path.to_owned())
}

/// The words of a command: spaces stand between them, quotes keep them together.
fn words(command: &str) -> anyhow::Result<Vec<String>> {
    let (mut words, mut word, mut quote) = (Vec::new(), None::<String>, None);
    for c in command.chars() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (None, '"' | '\'') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (None, c) if c.is_whitespace() => words.extend(word.take()),
            (_, c) => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    if quote.is_some() || words.is_empty() {
        bail!("`command` cannot be read\nhint: a program and its arguments, quotes in pairs");
    }
    Ok(words)
}

fn limits(config: &Config) -> anyhow::Result<McpLimits> {
    let own = config.limits.protocols.get(MANIFEST.name).context("its limits were not read")?;
    Ok(McpLimits {
        login_timeout: config.limits.login_timeout,
        session_idle_timeout: SESSION_IDLE_TIMEOUT.min(config.limits.client_idle_timeout),
        request_bytes_max: own.bytes("request_bytes_max")?,
        message_bytes_max: own.bytes("message_bytes_max")?,
        head_bytes_max: own.bytes("head_bytes_max")?,
    })
}

/// What agents are told of a server behind the gateway, or of its own.
fn tell_agents(gateway: SocketAddr, resource: Option<&str>) -> Told {
    let path = resource.map(|name| format!("/{name}")).unwrap_or_default();
    let url = format!("http://{gateway}{path}/mcp");
    let own = resource.map_or_else(|| "portreeve".to_owned(), |name| format!("portreeve-{name}"));
    Told { agents: lines(&own, &url), url }
}

/// Every agent takes the token from the environment: no file holds it.
fn lines(name: &str, url: &str) -> Vec<(&'static str, String)> {
    let bearer = |variable: &str| format!("Bearer {variable}");
    let pretty = |value: Value| serde_json::to_string_pretty(&value).unwrap_or_default();
    let server = |key: &str, variable: &str| {
        let headers = json!({"Authorization": bearer(variable)});
        json!({"mcpServers": {name: {key: url, "headers": headers}}})
    };
    let input = json!({"type": "promptString", "id": "portreeve-token", "password": true,
        "description": "An access token (`portreeve token`)"});
    let code = json!({
        "servers": {name: {"type": "http", "url": url,
            "headers": {"Authorization": bearer("${input:portreeve-token}")}}},
        "inputs": [input],
    });
    vec![
        (
            "Claude Code",
            format!(
                "claude mcp add --transport http {name} {url} \\\n  \
                 --header \"Authorization: Bearer $PORTREEVE_TOKEN\""
            ),
        ),
        ("Cursor: .cursor/mcp.json", pretty(server("url", "${env:PORTREEVE_TOKEN}"))),
        ("VS Code: .vscode/mcp.json", pretty(code)),
        ("Gemini CLI: .gemini/settings.json", pretty(server("httpUrl", "$PORTREEVE_TOKEN"))),
        (
            "Codex: ~/.codex/config.toml",
            format!(
                "[mcp_servers.{name}]\nurl = \"{url}\"\n\
                 bearer_token_env_var = \"PORTREEVE_TOKEN\""
            ),
        ),
    ]
}

/// A caller who has asked nothing for so long begins a new session with the next request.
const SESSION_IDLE_TIMEOUT: Duration = Duration::from_secs(1800);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agents_are_told_where_a_server_is_and_no_token() {
        let gateway = SocketAddr::from(([127, 0, 0, 1], 18081));
        let check = |resource, url: &str, name: &str| {
            let told = tell_agents(gateway, resource);
            assert_eq!(told.url, url);
            for (agent, lines) in told.agents {
                assert!(lines.contains(url) && lines.contains(name), "{agent}: {lines}");
            }
        };
        check(None, "http://127.0.0.1:18081/mcp", "portreeve");
        check(Some("crm"), "http://127.0.0.1:18081/crm/mcp", "portreeve-crm");
    }

    #[test]
    fn commands_are_words() {
        let check = |command, expect: &[&str]| assert_eq!(words(command).unwrap(), expect);
        check("/bin/server", &["/bin/server"]);
        check(" node  'my server.js' --x=\"a b\"c ''", &["node", "my server.js", "--x=a bc", ""]);
        assert!(words("node 'x").is_err());
        assert!(words("  ").is_err());
    }
}
