//! Connectors of this gateway: where they dial in, and targets that are reached through them.

use super::listeners::Service;
use super::places::Place;
use super::protocols::named;
use anyhow::Context;
use portreeve_control::administration::AdminLog;
use portreeve_control::config::{Resource, SettingValue, Settings, Via};
use portreeve_control::connectors::StoredConnectors;
use portreeve_control::{Config, Store};
use portreeve_evidence::EvidenceLog;
use portreeve_link::Authority;
use portreeve_link::gateway::{Hub, HubLimits, HubParts, LinkDialer, LinkTarget};
use portreeve_model::{KeyUse, Secret};
use portreeve_session::BoxFuture;
use portreeve_transport::{DialError, Dialer, LoggedIn};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::net::TcpStream;

/// The connectors' name in the configuration.
pub(super) const NAME: &str = "connectors";

/// The authority of an installation, which vouches for its connectors.
pub(crate) fn authority(store: &Store) -> anyhow::Result<Authority> {
    let fresh = Secret::new(super::keys::random()?);
    let seed = store.keys.key_or(KeyUse::Connectors, &fresh)?;
    Ok(Authority::new(&seed)?)
}

/// Where connectors dial in, if they may.
pub(super) fn hub(
    config: &Config,
    store: &Store,
    admin_log: AdminLog,
    log: EvidenceLog,
) -> anyhow::Result<Option<Arc<Hub>>> {
    if config.listen.connectors.is_none() {
        return Ok(None);
    }
    let limits = &config.limits;
    let hub = Hub::new(HubParts {
        authority: authority(store)?,
        registry: Arc::new(StoredConnectors::new(store, admin_log, log)),
        limits: HubLimits {
            wait: limits.connector_wait,
            certificate_lifetime: limits.connector_certificate_lifetime,
            heartbeat: limits.connector_silence_max / 3,
            silence_max: limits.connector_silence_max,
            login_timeout: limits.login_timeout,
        },
    })?;
    Ok(Some(hub))
}

/// Serves connectors.
pub(super) struct Links(pub(super) Arc<Hub>);

impl Service for Links {
    fn serve(
        self: Arc<Self>,
        stream: TcpStream,
        client: SocketAddr,
        place: Place,
    ) -> BoxFuture<'static, ()> {
        Box::pin(async move {
            let _ = stream.set_nodelay(true);
            self.0.clone().serve(Box::new(stream), client, place).await;
        })
    }
}

/// How targets are reached.
#[derive(Clone)]
pub(super) enum Ways {
    /// By the gateway alone: no connector can dial in.
    Direct,
    /// Through connectors, where a resource says so.
    Through(Arc<Hub>),
    /// Nobody is reached: what is made of a configuration is looked at only.
    Nowhere,
}

impl Ways {
    /// Those of a gateway.
    pub(super) fn of(hub: Option<Arc<Hub>>) -> Self {
        hub.map_or(Self::Direct, Self::Through)
    }

    /// The way to a target through connectors; none where the gateway reaches it itself.
    ///
    /// # Errors
    /// It is to be reached through connectors, and none can dial in.
    pub(super) fn through(
        &self,
        config: &Config,
        name: &str,
        resource: &Resource,
    ) -> anyhow::Result<Option<Arc<dyn Dialer>>> {
        match (resource.via, self) {
            (Via::Gateway, _) => Ok(None),
            (Via::Connector, Self::Through(hub)) => {
                let protocol = named(resource.protocol).context("a protocol that is built in")?;
                let target = LinkTarget {
                    resource: name.to_owned(),
                    protocol: resource.protocol.to_owned(),
                    facts: resource.target.facts(protocol.manifest),
                    timeout: config.limits.target_connect_timeout,
                };
                Ok(Some(Arc::new(LinkDialer::new(hub.clone(), target))))
            }
            (Via::Connector, Self::Nowhere) => Ok(Some(Arc::new(Unreached(name.to_owned())))),
            (Via::Connector, Self::Direct) => {
                anyhow::bail!("the first `via: connector` of a gateway takes a restart")
            }
        }
    }
}

/// A target that nobody reaches.
struct Unreached(String);

impl Dialer for Unreached {
    fn dial<'a>(
        &'a self,
        _: &'a BTreeMap<String, String>,
    ) -> BoxFuture<'a, Result<LoggedIn, DialError>> {
        Box::pin(async { Err(DialError::NoConnector(self.0.clone())) })
    }
}

/// Logs in with what is kept now: a credential that has changed is used for the next login.
pub(super) struct Rotating<R> {
    settings: Settings,
    read: R,
    /// What was made last, and of what.
    made: Mutex<Option<Made>>,
}

#[derive(Clone)]
struct Made {
    of: Vec<Secret<Vec<u8>>>,
    dialer: Arc<dyn Dialer>,
}

impl<R> Rotating<R>
where
    R: Fn(&Settings) -> anyhow::Result<Arc<dyn Dialer>> + Clone + Send + Sync + 'static,
{
    /// Makes a dialer of settings whenever what they name has changed.
    ///
    /// # Errors
    /// The first cannot be made.
    pub(super) fn new(settings: &Settings, read: R) -> anyhow::Result<Self> {
        let made = Made { of: kept(settings)?, dialer: read(settings)? };
        Ok(Self { settings: settings.clone(), read, made: Mutex::new(Some(made)) })
    }

    async fn dialer(&self) -> Result<Arc<dyn Dialer>, DialError> {
        let last = self.made.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let (settings, read) = (self.settings.clone(), self.read.clone());
        let fresh = tokio::task::spawn_blocking(move || {
            let of = kept(&settings)?;
            match last.filter(|last| last.of == of) {
                Some(last) => Ok(last),
                None => Ok(Made { of, dialer: read(&settings)? }),
            }
        });
        let fresh: anyhow::Result<Made> = fresh.await.unwrap_or_else(|error| Err(error.into()));
        let fresh = fresh.map_err(|error| {
            tracing::error!(error = format!("{error:#}"), "a credential cannot be read");
            DialError::NoCredential("the connector cannot read it; its log says why")
        })?;
        let dialer = fresh.dialer.clone();
        *self.made.lock().unwrap_or_else(PoisonError::into_inner) = Some(fresh);
        Ok(dialer)
    }
}

impl<R> Dialer for Rotating<R>
where
    R: Fn(&Settings) -> anyhow::Result<Arc<dyn Dialer>> + Clone + Send + Sync + 'static,
{
    fn dial<'a>(
        &'a self,
        settings: &'a BTreeMap<String, String>,
    ) -> BoxFuture<'a, Result<LoggedIn, DialError>> {
        Box::pin(async move { self.dialer().await?.dial(settings).await })
    }

    fn check(&self) -> BoxFuture<'_, Result<(), DialError>> {
        Box::pin(async move { self.dialer().await?.check().await })
    }
}

/// Everything that settings name and that may say something else later: credentials, and the
/// files of `tls`.
fn kept(settings: &Settings) -> anyhow::Result<Vec<Secret<Vec<u8>>>> {
    let mut found = Vec::new();
    for (name, value) in settings.iter() {
        match value {
            SettingValue::Secret(Some(source)) => {
                let secret = source.resolve().context(name)?;
                found.push(Secret::new(secret.reveal().clone().into_bytes()));
            }
            SettingValue::Tls(tls) => {
                for file in [&tls.ca, &tls.certificate, &tls.key].into_iter().flatten() {
                    let read = std::fs::read(file);
                    let read = read.with_context(|| format!("`{}`", file.display()))?;
                    found.push(Secret::new(read));
                }
            }
            SettingValue::Section(Some(inner)) => found.extend(kept(inner)?),
            SettingValue::Secret(None)
            | SettingValue::Section(None)
            | SettingValue::Text(_)
            | SettingValue::Number(_)
            | SettingValue::Duration(_)
            | SettingValue::File(_) => {}
        }
    }
    Ok(found)
}
