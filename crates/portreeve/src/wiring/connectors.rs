//! Connectors of this gateway: where they dial in, and targets that are reached through them.

use super::listeners::Service;
use super::places::Place;
use portreeve_control::administration::AdminLog;
use portreeve_control::config::{Resource, Via};
use portreeve_control::connectors::StoredConnectors;
use portreeve_control::{Config, Store};
use portreeve_evidence::EvidenceLog;
use portreeve_link::Authority;
use portreeve_link::gateway::{Hub, HubLimits, HubParts, LinkDialer, LinkTarget};
use portreeve_model::{KeyUse, Secret};
use portreeve_session::BoxFuture;
use portreeve_transport::Dialer;
use std::net::SocketAddr;
use std::sync::Arc;
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
#[derive(Clone, Default)]
pub(super) struct Ways(pub(super) Option<Arc<Hub>>);

impl Ways {
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
        match (resource.via, &self.0) {
            (Via::Gateway, _) => Ok(None),
            (Via::Connector, Some(hub)) => {
                let target = LinkTarget {
                    resource: name.to_owned(),
                    protocol: resource.protocol.to_owned(),
                    facts: resource.target.facts(),
                    timeout: config.limits.target_connect_timeout,
                };
                Ok(Some(Arc::new(LinkDialer::new(hub.clone(), target))))
            }
            (Via::Connector, None) => {
                anyhow::bail!("the first `via: connector` of a gateway takes a restart")
            }
        }
    }
}
