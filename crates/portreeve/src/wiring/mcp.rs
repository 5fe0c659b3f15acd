//! MCP in this gateway: its servers as the configuration describes them, and the requests to
//! come when that changes.

use super::listeners::Service;
use super::places::Place;
use super::protocols::{Commit, Parts, Running};
use super::web::{address, screen};
use anyhow::{Context, bail};
use portreeve_control::Config;
use portreeve_control::api::TargetState;
use portreeve_control::config::{Issuer, Resource};
use portreeve_control::store::{self, Looked};
use portreeve_model::ObjectKind;
use portreeve_protocol_mcp::{
    Descriptions, Fields, MANIFEST, Mcp, McpLimits, McpParts, Pinned, Place as ServerPlace,
    Program, Target, TargetParts,
};
use portreeve_session::BoxFuture;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, SystemTime};
use tokio::net::TcpStream;

/// The protocol at work.
struct McpService {
    state: RwLock<State>,
}

#[derive(Clone)]
struct State {
    /// Who serves the next connection.
    mcp: Arc<Mcp>,
    names: Vec<String>,
}

/// Starts the protocol.
///
/// # Errors
/// A secret or an authority cannot be read, or a command is none.
pub(super) fn start(parts: Parts<'_>) -> anyhow::Result<Arc<dyn Running>> {
    let targets = targets(parts.config)?;
    let names = names(&targets);
    let mcp = Mcp::new(McpParts {
        engine: parts.engine,
        authenticator: parts.authenticator,
        targets,
        descriptions: Arc::new(Pins(parts.descriptions)),
        offers: parts.agents,
        issuers: issuers(parts.config),
        tls: parts.certificate.server(&[b"h2", b"http/1.1"]),
        limits: limits(parts.config)?,
    });
    Ok(Arc::new(McpService { state: RwLock::new(State { mcp, names }) }))
}

impl McpService {
    fn state(&self) -> State {
        self.state.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Service for McpService {
    fn serve(
        self: Arc<Self>,
        stream: TcpStream,
        client: SocketAddr,
        place: Place,
    ) -> BoxFuture<'static, ()> {
        Box::pin(self.state().mcp.serve(stream, client, place))
    }
}

impl Running for McpService {
    /// Nothing of a server is known before it is asked.
    fn watch(self: Arc<Self>) -> BoxFuture<'static, ()> {
        Box::pin(std::future::pending())
    }

    fn targets(&self) -> BTreeMap<String, TargetState> {
        self.state().names.into_iter().map(|name| (name, TargetState::default())).collect()
    }

    fn prepare(self: Arc<Self>, config: &Config) -> anyhow::Result<Commit> {
        let targets = targets(config)?;
        let names = names(&targets);
        let mcp = self.state().mcp.renewed(targets, issuers(config), limits(config)?);
        Ok(Box::new(move || {
            let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
            *state = State { mcp, names };
        }))
    }
}

/// The store's descriptions, off the runtime.
struct Pins(Arc<dyn store::Descriptions>);

impl Descriptions for Pins {
    fn look<'a>(
        &'a self,
        resource: &'a str,
        tool: &'a str,
        digest: &'a str,
        text: &'a str,
    ) -> BoxFuture<'a, Result<Pinned, String>> {
        let store = self.0.clone();
        let owned = [resource, tool, digest, text].map(str::to_owned);
        Box::pin(async move {
            let look = move || {
                let [resource, tool, digest, text] = &owned;
                store.look((resource, tool), (digest, text), SystemTime::now())
            };
            match tokio::task::spawn_blocking(look).await {
                Ok(Ok(Looked::Approved)) => Ok(Pinned::Same),
                Ok(Ok(Looked::Changed)) => Ok(Pinned::Changed),
                Ok(Ok(Looked::LooksLike(other))) => Ok(Pinned::LooksLike(other)),
                Ok(Err(error)) => Err(error.to_string()),
                Err(_) => Err("the control store's worker ended".to_owned()),
            }
        })
    }
}

fn names(targets: &[Arc<Target>]) -> Vec<String> {
    targets.iter().map(|target| target.name().to_owned()).collect()
}

/// Who vouches for callers, where a client can ask them.
fn issuers(config: &Config) -> Vec<String> {
    let address = |issuer: &Issuer| match issuer {
        Issuer::Oidc(oidc) => Some(oidc.issuer.clone()),
        Issuer::Local(_) => None,
    };
    config.issuers.iter().filter_map(address).collect()
}

fn targets(config: &Config) -> anyhow::Result<Vec<Arc<Target>>> {
    let own = config.resources.iter().filter(|(_, resource)| resource.protocol == MANIFEST.name);
    own.map(|(name, resource)| {
        let target =
            target(config, name, resource).with_context(|| format!("resource `{name}`"))?;
        Ok(Arc::new(target))
    })
    .collect()
}

fn target(config: &Config, name: &str, resource: &Resource) -> anyhow::Result<Target> {
    let settings = &resource.target;
    let classification = resource.classify.clone();
    let (named, cleared) = (classification.last_names(), classification.clone());
    Ok(Target::new(TargetParts {
        name: name.to_owned(),
        serve_host: settings.text("serve_host")?.to_ascii_lowercase(),
        place: place(config, resource)?,
        fields: Fields {
            category_of: Arc::new(move |path| {
                classification.category_of(ObjectKind::ARGUMENT, path).cloned()
            }),
            clears: Arc::new(move |path| cleared.clears(ObjectKind::ARGUMENT, path)),
            named,
        },
        screen: screen(config, resource),
    }))
}

fn place(config: &Config, resource: &Resource) -> anyhow::Result<ServerPlace> {
    let settings = &resource.target;
    let (command, path) = (settings.text("command")?, settings.text("path")?);
    if command.is_empty() {
        let path = if path.is_empty() { "/mcp" } else { path };
        let is_plain = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'?' | b'#');
        if !path.starts_with('/') || !path.bytes().all(is_plain) {
            bail!("`path` is not a path\nhint: write it as `/mcp`");
        }
        let address = address(config, resource)?;
        return Ok(ServerPlace::Http { address, path: path.to_owned() });
    }
    let variable = settings.text("token_variable")?;
    let token = match (settings.secret("token")?, variable.is_empty()) {
        (Some(source), false) => Some((variable.to_owned(), source.resolve().context("token")?)),
        (None, true) => None,
        _ => {
            bail!("a program gets its `token` in a `token_variable`\nhint: write both, or neither")
        }
    };
    Ok(ServerPlace::Program(Program { words: words(command)?, token }))
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

/// A caller who has asked nothing for so long begins a new session with the next request.
const SESSION_IDLE_TIMEOUT: Duration = Duration::from_secs(1800);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_words() {
        let check = |command, expect: &[&str]| assert_eq!(words(command).unwrap(), expect);
        check("/bin/server", &["/bin/server"]);
        check(" node  'my server.js' --x=\"a b\"c ''", &["node", "my server.js", "--x=a bc", ""]);
        assert!(words("node 'x").is_err());
        assert!(words("  ").is_err());
    }
}
