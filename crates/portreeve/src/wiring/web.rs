//! What every protocol over HTTP reads of a resource.

use super::certificates;
use super::connectors::{Rotating, Ways, kept};
use super::resources::{login, own, secret};
use super::served::Make;
use anyhow::{Context, anyhow, bail};
use http::{HeaderName, HeaderValue, Uri};
use portreeve_control::Config;
use portreeve_control::config::{
    ConnectorResource, Resource, Settings, TargetTls as TlsSettings, TlsMode,
};
use portreeve_link::connector::ServedTarget;
use portreeve_model::{Manifest, ObjectKind, Secret};
use portreeve_transport::{Dialer, TargetTls, TcpTarget};
use portreeve_web::{
    Address, Aws, AwsParts, ClientAuth, Credential, Fields, FieldsParts, Http2, OAuth, OAuthParts,
    Service, ServiceDialer, authority,
};
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

/// Where a target is, and who opens it.
///
/// # Errors
/// Like [`service`], or it is to be reached through connectors, and none can dial in.
pub(super) fn address(
    config: &Config,
    name: &str,
    resource: &Resource,
    ways: &Ways,
) -> anyhow::Result<Address> {
    let settings = &resource.target;
    let Some(dialer) = ways.through(config, name, resource)? else {
        // What is read of them now stays in use until the next configuration.
        let mut leases = Vec::new();
        kept(settings, &mut leases)?;
        let service = service(settings, config.limits.target_connect_timeout)?;
        return Ok(Address::new(service.holding(Box::new(leases))));
    };
    let (host, port, user) =
        (settings.text("host")?, settings.port("port")?, settings.text("user")?);
    Ok(Address::through(dialer, host, port, user))
}

/// A service as a connector serves it; at this path of it only, where one is named.
///
/// # Errors
/// Like [`service`].
pub(super) fn served(
    manifest: &Manifest,
    resource: &ConnectorResource,
    timeout: Duration,
    path: fn(&Settings) -> anyhow::Result<Option<String>>,
) -> anyhow::Result<ServedTarget> {
    let made = move |settings: &Settings| -> anyhow::Result<Arc<dyn Dialer>> {
        let path = path(settings)?;
        let service = service(settings, timeout)?;
        Ok(Arc::new(ServiceDialer::new(service, path.as_deref())?))
    };
    let target = &resource.target;
    Ok(ServedTarget {
        protocol: manifest.name.to_owned(),
        facts: target.facts(manifest),
        dialer: Arc::new(Rotating::new(target, made)?),
    })
}

/// Where a service is, and what opens it.
///
/// # Errors
/// A credential or a certificate cannot be read, or what opens the service is said twice.
fn service(settings: &Settings, timeout: Duration) -> anyhow::Result<Service> {
    let place = TcpTarget {
        host: settings.text("host")?.to_owned(),
        port: settings.port("port")?,
        tls: tls(settings.tls("tls")?)?,
        timeout,
    };
    let http2 = match settings.text("http2")? {
        "" | "offered" => Http2::Offered,
        "always" => Http2::Always,
        "never" => Http2::Never,
        other => bail!("`http2: {other}` is none\nhint: `offered`, `always` or `never`"),
    };
    Ok(Service::new(place, http2, credential(settings, timeout)?))
}

fn tls(settings: &TlsSettings) -> anyhow::Result<TargetTls> {
    Ok(match settings.mode {
        TlsMode::VerifyFull => TargetTls::Verified(certificates::client(settings)?),
        TlsMode::Disable => TargetTls::Disabled,
    })
}

/// The one thing that opens a target.
fn credential(settings: &Settings, timeout: Duration) -> anyhow::Result<Credential> {
    let (user, password) = login(settings, "password")?;
    let named = secret(settings, "token")?.map(Credential::Bearer);
    let basic = match (password, user.is_empty()) {
        (Some(password), false) => Some(Credential::Basic { user, password }),
        (None, true) => None,
        _ => bail!("`user` and `password` go together\nhint: write both, or neither"),
    };
    let header = settings.section("header")?.map(header).transpose().context("header")?;
    let oauth = settings.section("oauth")?.map(|it| oauth(it, timeout));
    let oauth = oauth.transpose().context("oauth")?.map(|it| Credential::OAuth(Box::new(it)));
    let aws = settings.section("aws")?.map(aws).transpose().context("aws")?;
    let mut all = [named, basic, header, oauth, aws].into_iter().flatten();
    match (all.next(), all.next()) {
        (None, _) if settings.tls("tls")?.certificate.is_some() => Ok(Credential::Certificate),
        (None, _) => Ok(Credential::Open),
        (Some(one), None) => Ok(one),
        (Some(_), Some(_)) => bail!(
            "a target is opened by one of `token`, `user` and `password`, `header`, `oauth` and \
             `aws`\nhint: keep one of them"
        ),
    }
}

fn needed(settings: &Settings, key: &'static str) -> anyhow::Result<Secret<String>> {
    secret(settings, key)?.with_context(|| format!("`{key}` is missing"))
}

fn header(settings: &Settings) -> anyhow::Result<Credential> {
    let name = settings.text("name")?;
    let known: Option<HeaderName> = name.to_ascii_lowercase().parse().ok();
    let is_taken = |name: &HeaderName| {
        ["host", "connection", "content-length", "content-type", "transfer-encoding"]
            .contains(&name.as_str())
    };
    let name = known.filter(|name| !is_taken(name)).with_context(|| {
        format!("`{name}` is not the name of a field that opens something\nhint: as `x-api-key`")
    })?;
    let value = needed(settings, "value")?;
    HeaderValue::from_str(value.reveal()).context("`value` cannot stand in a field of a head")?;
    Ok(Credential::Field { name, value })
}

fn oauth(settings: &Settings, timeout: Duration) -> anyhow::Result<OAuth> {
    let written = settings.text("url")?;
    let hint = "hint: write it as `https://id.example.org/token`";
    let url: Uri = written.parse().with_context(|| format!("`url` is none\n{hint}"))?;
    let host = url.host().unwrap_or_default().trim_matches(['[', ']']).to_owned();
    let is_loopback = host == "localhost" || host.parse().is_ok_and(|it: IpAddr| it.is_loopback());
    let (tls, standard) = match url.scheme_str() {
        Some("https") => (tls(settings.tls("tls")?)?, 443),
        Some("http") if is_loopback => (TargetTls::Disabled, 80),
        _ => bail!("`url` is not one of https\n{hint}; http is for loopback only"),
    };
    if url.authority().is_some_and(|it| it.as_str().contains('@')) || written.contains('#') {
        bail!("`url` holds a name or a fragment\n{hint}");
    }
    let auth = match settings.text("client_auth")? {
        "" | "basic" => ClientAuth::Basic,
        "post" => ClientAuth::Post,
        other => bail!("`client_auth: {other}` is none\nhint: `basic` or `post`"),
    };
    let secret = secret(settings, "client_secret")?;
    if secret.is_none() && settings.tls("tls")?.certificate.is_none() {
        bail!("`client_secret` is missing\nhint: write it, or a `certificate` under `tls`");
    }
    let path = url.path_and_query().map_or("/", |path| path.as_str()).to_owned();
    let place = TcpTarget { host, port: url.port_u16().unwrap_or(standard), tls, timeout };
    Ok(OAuth::new(OAuthParts {
        authority: authority(&place),
        place,
        path,
        client_id: settings.text("client_id")?.to_owned(),
        secret,
        auth,
        scope: settings.text("scope")?.to_owned(),
        audience: settings.text("audience")?.to_owned(),
    }))
}

fn aws(settings: &Settings) -> anyhow::Result<Credential> {
    let word = |key: &'static str| -> anyhow::Result<String> {
        let word = settings.text(key)?;
        let is_word = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        if word.is_empty() || !word.bytes().all(is_word) {
            bail!("`{key}` is letters, digits and `-`");
        }
        Ok(word.to_owned())
    };
    Ok(Credential::Aws(Aws::new(AwsParts {
        region: word("region")?,
        service: word("service")?,
        key_id: word("access_key_id")?,
        secret: needed(settings, "secret_access_key")?,
        session_token: secret(settings, "session_token")?,
    })))
}

/// What clients ask for a resource by, as it is compared: in lower case, without the dot that ends
/// a name.
pub(super) fn serve_host(name: &str, resource: &Resource) -> String {
    let host = resource.target.text("serve_host").unwrap_or_default();
    let host = if host.is_empty() { name } else { host };
    host.trim_end_matches('.').to_ascii_lowercase()
}

/// The targets of a protocol over HTTP, each under a host of its own.
///
/// # Errors
/// One of them cannot be made, or two have one host.
pub(super) fn targets<T>(
    config: &Config,
    protocol: &'static str,
    ways: &Ways,
    make: Make<T>,
) -> anyhow::Result<Vec<Arc<T>>> {
    taken_hosts(config, protocol).map_err(|why| anyhow!(why))?;
    super::served::targets(config, protocol, ways, make)
}

/// What keeps them from being made, for the operator.
pub(super) fn tried<T>(config: &Config, protocol: &'static str, make: Make<T>) -> Vec<String> {
    let mut failures = super::served::tried(config, protocol, make);
    failures.extend(taken_hosts(config, protocol).err());
    failures
}

/// Whether one name of a host would mean two resources.
///
/// # Errors
/// Which do.
fn taken_hosts(config: &Config, protocol: &'static str) -> Result<(), String> {
    for (name, resource) in own(config, protocol) {
        let host = serve_host(name, resource);
        let takes = |(other, it): &(&String, &Resource)| {
            *other != name && (host == other.to_ascii_lowercase() || host == serve_host(other, it))
        };
        if let Some((other, _)) = own(config, protocol).find(takes) {
            return Err(format!(
                "`resources.{name}` and `resources.{other}` are both `{host}` for clients\n\
                 hint: give each a `serve_host` of its own"
            ));
        }
    }
    Ok(())
}

/// Which fields of what a target takes and answers are classified.
pub(super) fn fields(kind: ObjectKind, owner: &str, resource: &Resource) -> Fields {
    Fields::new(fields_parts(kind, owner, resource))
}

/// What the configuration says of them.
pub(super) fn fields_parts(kind: ObjectKind, owner: &str, resource: &Resource) -> FieldsParts {
    let said = Arc::new(resource.classify.clone());
    let (classified, cleared, apart) = (said.clone(), said.clone(), said);
    FieldsParts {
        kind,
        owner: owner.to_owned(),
        category_of: Arc::new(move |path| classified.category_of(kind, path).cloned()),
        clears: Arc::new(move |path| cleared.clears(kind, path)),
        category_apart: Arc::new(move |path, subject| {
            let [owner, _, field] = path;
            apart.category_apart(kind, path, &[*owner, subject, *field]).cloned()
        }),
        named: resource.classify.last_names(),
        named_of: BTreeMap::new(),
        has_any: resource.classify.holds_any(),
    }
}
