//! HTTP in this gateway: its resources as the configuration describes them, and the requests
//! to come when that changes.

use super::connectors::Ways;
use super::places::Place;
use super::protocols::{Parts, Protocol, Running};
use super::resources::screen;
use super::served::{Served, Serves};
use super::web::{address, fields, serve_host, served, targets};
use anyhow::{Context, bail};
use portreeve_control::Config;
use portreeve_control::config::{ConnectorResource, Resource};
use portreeve_link::connector::ServedTarget;
use portreeve_model::{ObjectKind, Unclassified};
use portreeve_protocol_http::{Http, HttpLimits, HttpParts, MANIFEST, Target, TargetParts};
use portreeve_screen::Screen;
use portreeve_session::BoxFuture;
use portreeve_web::no_route;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;

/// What the binary knows of it.
pub(super) const PROTOCOL: Protocol = Protocol {
    manifest: &MANIFEST,
    start,
    discover: None,
    serve_at: Some(serve_at),
    tried,
    never_called,
    also: &[],
};

/// Starts the protocol.
///
/// # Errors
/// A secret or an authority cannot be read.
fn start(parts: Parts<'_>) -> anyhow::Result<Arc<dyn Running>> {
    let http = Http::new(HttpParts {
        engine: parts.engine,
        authenticator: parts.authenticator,
        reviews: parts.agents,
        targets: targets(parts.config, MANIFEST.name, |config, name, resource| {
            target(config, name, resource, &parts.ways)
        })?,
        tls: parts.certificate.server(&[b"h2", b"http/1.1"]),
        limits: limits(parts.config)?,
    });
    Ok(Served::start(http, parts.config, parts.ways))
}

impl Serves for Http {
    const NAME: &'static str = MANIFEST.name;

    fn serve(
        self: Arc<Self>,
        stream: TcpStream,
        client: SocketAddr,
        place: Place,
    ) -> BoxFuture<'static, ()> {
        Box::pin(Http::serve(self, stream, client, place))
    }

    fn following(&self, config: &Config, ways: &Ways) -> anyhow::Result<Arc<Self>> {
        let targets = targets(config, MANIFEST.name, |config, name, resource| {
            target(config, name, resource, ways)
        })?;
        Ok(self.renewed(targets, limits(config)?))
    }
}

/// What keeps targets from being made.
fn tried(config: &Config) -> Vec<String> {
    super::web::tried(config, MANIFEST.name, |config, name, resource| {
        target(config, name, resource, &Ways::Nowhere)
    })
}

/// A service as a connector serves it: opened there, request by request.
fn serve_at(resource: &ConnectorResource, timeout: Duration) -> anyhow::Result<ServedTarget> {
    served(&MANIFEST, resource, timeout, |_| Ok(None))
}

/// Why no site, route or field is ever called so.
fn never_called(
    _: &str,
    resource: &Resource,
    _: ObjectKind,
    path: &[Option<&str>],
) -> Option<String> {
    let host = resource.target.text("host").unwrap_or_default();
    let named = path.first().copied().flatten();
    if named.is_some_and(|named| named != host) {
        return Some(format!("the host is `{host}`, without its port"));
    }
    path.get(1).copied().flatten().and_then(no_route)
}

fn target(config: &Config, name: &str, resource: &Resource, ways: &Ways) -> anyhow::Result<Target> {
    let settings = &resource.target;
    let address = address(config, name, resource, ways)?;
    Ok(Target::new(TargetParts {
        name: name.to_owned(),
        serve_host: serve_host(name, resource),
        fields: fields(ObjectKind::FIELD, address.host(), resource),
        address,
        screen: screen(resource, &config.masking.confidence_min),
        passed: passed(settings.text("pass_fields")?),
        takes_slashes: takes_slashes(settings.text("encoded_slash")?)?,
        outgoing: outgoing(settings.text("outgoing")?)?,
    }))
}

/// Names with commas between.
fn passed(names: &str) -> Vec<String> {
    let names = names.split(',').map(|name| name.trim().to_ascii_lowercase());
    names.filter(|name| !name.is_empty()).collect()
}

fn takes_slashes(word: &str) -> anyhow::Result<bool> {
    match word {
        "" | "refuse" => Ok(false),
        "name" => Ok(true),
        other => bail!("`encoded_slash: {other}` is none\nhint: `refuse` or `name`"),
    }
}

/// By what requests are masked, where they are: all that decides on them, whatever is said of
/// answers.
fn outgoing(word: &str) -> anyhow::Result<Option<Arc<Screen>>> {
    match word {
        "" | "refuse" => Ok(None),
        "mask" => Ok(Some(Arc::new(Screen::new(Unclassified::Detect, &BTreeMap::new(), 0)))),
        other => bail!("`outgoing: {other}` is none\nhint: `refuse` or `mask`"),
    }
}

fn limits(config: &Config) -> anyhow::Result<HttpLimits> {
    let own = config.limits.protocols.get(MANIFEST.name).context("its limits were not read")?;
    Ok(HttpLimits {
        login_timeout: config.limits.login_timeout,
        session_idle_timeout: SESSION_IDLE_TIMEOUT.min(config.limits.client_idle_timeout),
        reply_timeout: REPLY_TIMEOUT,
        request_bytes_max: own.bytes("request_bytes_max")?,
        value_bytes_max: own.bytes("value_bytes_max")?,
        head_bytes_max: own.bytes("head_bytes_max")?,
    })
}

/// A caller who has asked nothing for so long begins a new session with the next request.
const SESSION_IDLE_TIMEOUT: Duration = Duration::from_secs(300);
/// Services answer in this time, or say that they need longer.
const REPLY_TIMEOUT: Duration = Duration::from_secs(120);
