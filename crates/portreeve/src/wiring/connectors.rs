//! Connectors of this gateway: where they dial in, and targets that are reached through them.

use super::listeners::Service;
use super::places::Place;
use super::protocols::named;
use anyhow::Context;
use portreeve_control::administration::AdminLog;
use portreeve_control::config::{Resource, SettingValue, Settings, Via};
use portreeve_control::connectors::StoredConnectors;
use portreeve_control::secrets::{Lease, Login};
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

/// Makes what logs in of what is kept now: a credential that has changed is used for the next
/// login.
pub(super) struct Rotating<T: ?Sized, R> {
    settings: Settings,
    read: R,
    /// What was made last, and of what.
    last: Mutex<Option<Made<T>>>,
}

struct Made<T: ?Sized> {
    of: Vec<Secret<Vec<u8>>>,
    made: Arc<T>,
}

impl<T: ?Sized> Clone for Made<T> {
    fn clone(&self) -> Self {
        Self { of: self.of.clone(), made: self.made.clone() }
    }
}

/// What logs in, and what is somebody's as long as they use it.
pub(super) struct Leased<T: ?Sized> {
    pub(super) made: Arc<T>,
    pub(super) leases: Vec<Arc<Lease>>,
}

impl<T, R> Rotating<T, R>
where
    T: ?Sized + Send + Sync + 'static,
    R: Fn(&Settings) -> anyhow::Result<Arc<T>> + Clone + Send + Sync + 'static,
{
    /// Makes it of settings whenever what they name has changed.
    ///
    /// # Errors
    /// The first cannot be made.
    pub(super) fn new(settings: &Settings, read: R) -> anyhow::Result<Self> {
        let mut leases = Vec::new();
        let of = kept(settings, &mut leases)?;
        let made = Made { of, made: read(settings)? };
        Ok(Self { settings: settings.clone(), read, last: Mutex::new(Some(made)) })
    }

    /// What logs in now.
    ///
    /// # Errors
    /// A credential cannot be had. What it was before does not take its place.
    pub(super) async fn now(&self) -> Result<Leased<T>, DialError> {
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let (settings, read) = (self.settings.clone(), self.read.clone());
        // A store of secrets is asked there, and may take its time.
        let fresh = tokio::task::spawn_blocking(move || {
            let mut leases = Vec::new();
            let of = kept(&settings, &mut leases)?;
            let made = match last.filter(|last| last.of == of) {
                Some(last) => last,
                None => Made { of, made: read(&settings)? },
            };
            Ok((made, leases))
        });
        let fresh: anyhow::Result<(Made<T>, Vec<Arc<Lease>>)> =
            fresh.await.unwrap_or_else(|error| Err(error.into()));
        let (fresh, leases) = fresh.map_err(|error| {
            tracing::error!(error = format!("{error:#}"), "a credential cannot be read");
            DialError::NoCredential("it cannot be read; the log of who logs in says why")
        })?;
        let made = fresh.made.clone();
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(fresh);
        Ok(Leased { made, leases })
    }
}

impl<R> Dialer for Rotating<dyn Dialer, R>
where
    R: Fn(&Settings) -> anyhow::Result<Arc<dyn Dialer>> + Clone + Send + Sync + 'static,
{
    fn dial<'a>(
        &'a self,
        settings: &'a BTreeMap<String, String>,
    ) -> BoxFuture<'a, Result<LoggedIn, DialError>> {
        Box::pin(async move {
            let Leased { made, leases } = self.now().await?;
            let mut logged_in = made.dial(settings).await?;
            if !leases.is_empty() {
                logged_in.connection = logged_in.connection.holding(leases);
            }
            Ok(logged_in)
        })
    }

    fn check(&self) -> BoxFuture<'_, Result<(), DialError>> {
        Box::pin(async move {
            let Leased { made, leases } = self.now().await?;
            let checked = made.check().await;
            drop(leases);
            checked
        })
    }
}

/// Everything that settings name and that may say something else later: credentials, and the
/// files of `tls`. Leases are for as long as somebody has them.
pub(super) fn kept(
    settings: &Settings,
    leases: &mut Vec<Arc<Lease>>,
) -> anyhow::Result<Vec<Secret<Vec<u8>>>> {
    let mut found = Vec::new();
    for (name, value) in settings.iter() {
        match value {
            SettingValue::Secret(Some(source)) => {
                let Login { user, secret, lease } = source.login().context(name)?;
                found.push(Secret::new(secret.reveal().clone().into_bytes()));
                found.extend(user.map(|user| Secret::new(user.into_bytes())));
                leases.extend(lease);
            }
            SettingValue::Tls(tls) => {
                for file in [&tls.ca, &tls.certificate, &tls.key].into_iter().flatten() {
                    let read = std::fs::read(file);
                    let read = read.with_context(|| format!("`{}`", file.display()))?;
                    found.push(Secret::new(read));
                }
            }
            SettingValue::Section(Some(inner)) => found.extend(kept(inner, leases)?),
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
