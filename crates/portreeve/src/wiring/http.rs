//! HTTP in this gateway: its resources as the configuration describes them, and the requests
//! to come when that changes.

use super::connectors::Ways;
use super::places::Place;
use super::protocols::{Parts, Protocol, Running};
use super::replay;
use super::resources::{own, screen};
use super::served::{Served, Serves};
use super::web::{address, fields_parts, serve_host, served, targets};
use anyhow::{Context, anyhow, bail, ensure};
use portreeve_control::Config;
use portreeve_control::config::{self, ConnectorResource, Resource, Settings};
use portreeve_link::connector::ServedTarget;
use portreeve_model::{ObjectKind, Unclassified};
use portreeve_protocol_http::{
    Description, Document, Http, HttpLimits, HttpParts, MANIFEST, Target, TargetParts, Undescribed,
    Writing,
};
use portreeve_screen::Screen;
use portreeve_session::BoxFuture;
use portreeve_web::{Fields, no_route};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;

/// What the binary knows of it.
pub(super) const PROTOCOL: Protocol = Protocol {
    serve_at: Some(serve_at),
    tried,
    never_called,
    remarks,
    ..Protocol::of(&MANIFEST, start, replay::http)
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
        targets: targets(parts.config, MANIFEST.name, &parts.ways, target)?,
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
        let targets = targets(config, MANIFEST.name, ways, target)?;
        Ok(self.renewed(targets, limits(config)?))
    }
}

/// What keeps targets from being made.
fn tried(config: &Config) -> Vec<String> {
    super::web::tried(config, MANIFEST.name, target)
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
    let route = path.get(1).copied().flatten()?;
    no_operation(resource, route).unwrap_or_else(|| no_route(route))
}

fn target(config: &Config, name: &str, resource: &Resource, ways: &Ways) -> anyhow::Result<Target> {
    let settings = &resource.target;
    let address = address(config, name, resource, ways)?;
    let description = description(settings)?;
    Ok(Target::new(TargetParts {
        name: name.to_owned(),
        serve_host: serve_host(name, resource),
        fields: fields(address.host(), resource, description.as_ref()),
        description,
        graphql: graphql(settings.text("graphql")?)?,
        address,
        screen: screen(resource, &config.masking.confidence_min),
        passed: passed(settings.text("pass_fields")?),
        takes_slashes: takes_slashes(settings.text("encoded_slash")?)?,
        outgoing: outgoing(settings.text("outgoing")?)?,
    }))
}

/// What describes a service.
fn description(settings: &Settings) -> anyhow::Result<Option<Description>> {
    let word = settings.text("undocumented")?;
    let Some(file) = settings.file("openapi")? else {
        let hint = "hint: name it as `openapi: ./service.yaml`, or remove `undocumented`";
        ensure!(word.is_empty(), "`undocumented` is about a document, and there is none\n{hint}");
        return Ok(None);
    };
    let undescribed = match word {
        "" | "refuse" => Undescribed::Refuse,
        "allow" => Undescribed::Allow,
        other => bail!("`undocumented: {other}` is none\nhint: `refuse` or `allow`"),
    };
    let bytes = config::read_bounded(file, DOCUMENT_BYTES_MAX);
    let bytes = bytes.with_context(|| format!("openapi: `{}`", file.display()))?;
    let is_json = file.extension().is_some_and(|it| it.eq_ignore_ascii_case("json"));
    let writing = if is_json { Writing::Json } else { Writing::Yaml };
    let document = Document::read(&bytes, writing);
    let document = document.map_err(|why| anyhow!("openapi: `{}`: {why}", file.display()))?;
    Ok(Some(Description { document: Arc::new(document), undescribed }))
}

/// The route that takes operations of GraphQL.
fn graphql(path: &str) -> anyhow::Result<String> {
    if path.is_empty() {
        return Ok(String::new());
    }
    let why = no_route(path).or_else(|| (path == "/").then(|| "it is the root".to_owned()));
    match why {
        Some(why) => bail!("`graphql: {path}` is no route: {why}\nhint: write it as `/graphql`"),
        None => Ok(path.to_owned()),
    }
}

/// Why no operation of GraphQL has a field that is called so; nothing where it is no such name.
fn no_operation(resource: &Resource, route: &str) -> Option<Option<String>> {
    let path = resource.target.text("graphql").ok().filter(|path| !path.is_empty())?;
    let (kind, name) = route.strip_prefix(path)?.strip_prefix('/')?.split_once('/')?;
    let is_letter = |byte: u8| byte == b'_' || byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let is_name = !name.is_empty() && name.bytes().all(is_letter);
    let is_good = matches!(kind, "query" | "mutation") && is_name;
    Some((!is_good).then(|| {
        format!(
            "fields of operations are `{path}/query/name` and `{path}/mutation/name`, in lower \
                 case"
        )
    }))
}

/// What the documents of services say and nothing follows, and what they could say, for the
/// operator. What keeps one from being read is told elsewhere.
fn remarks(config: &Config) -> Vec<String> {
    let mut remarks = Vec::new();
    for (name, resource) in own(config, MANIFEST.name) {
        let Ok(Some(description)) = description(&resource.target) else { continue };
        let summary = description.document.summary();
        let place = format!("`resources.{name}.http.openapi`");
        remarks.push(format!(
            "{place}: OpenAPI {}, {} paths, {} operations, {} classified fields",
            summary.version, summary.path_count, summary.operation_count, summary.field_count
        ));
        let more = summary.unused.iter().chain(&summary.proposals);
        remarks.extend(more.map(|remark| format!("{place}: {remark}")));
    }
    remarks
}

/// Which fields of a service are classified: what `classify` names without a star counts first,
/// then what the document says, then the rest of `classify`.
fn fields(owner: &str, resource: &Resource, description: Option<&Description>) -> Fields {
    let kind = ObjectKind::FIELD;
    let mut parts = fields_parts(kind, owner, resource);
    let Some(Description { document, .. }) = description else { return Fields::new(parts) };
    parts.named_of.clone_from(document.fields());
    parts.has_any |= !document.fields().is_empty();
    let (classify, document) = (Arc::new(resource.classify.clone()), document.clone());
    let (said, described) = (classify.clone(), document.clone());
    parts.category_of = Arc::new(move |path| {
        let [_, route, field] = path;
        let found = match described.category_of(route, field) {
            Some(own) if !said.names_exactly(kind, path) => Some(own),
            _ => said.category_of(kind, path),
        };
        found.cloned()
    });
    parts.clears = Arc::new(move |path| {
        let [_, route, field] = path;
        classify.clears(kind, path)
            && (classify.names_exactly(kind, path) || document.category_of(route, field).is_none())
    });
    Fields::new(parts)
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

/// The longest document: those of the largest services have ten.
const DOCUMENT_BYTES_MAX: usize = 16 << 20;
/// A caller who has asked nothing for so long begins a new session with the next request.
const SESSION_IDLE_TIMEOUT: Duration = Duration::from_secs(300);
/// Services answer in this time, or say that they need longer.
const REPLY_TIMEOUT: Duration = Duration::from_secs(120);
