//! The connectors that are there now.

use super::member::Member;
use super::registry::{Registry, RegistryError, Standing};
use crate::authority::{Authority, CredentialError, PublicKey};
use crate::invite::Fingerprint;
use crate::tls;
use portreeve_model::{ConnectorChange, ConnectorEvent};
use rustls::ServerConfig;
use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};
use tokio::sync::watch;

/// Most connectors at a time.
const CONNECTORS_MAX: usize = 1024;

/// What a hub is made of.
pub struct HubParts {
    /// Who vouches for connectors.
    pub authority: Authority,
    /// Who they are.
    pub registry: Arc<dyn Registry>,
    /// Bounds.
    pub limits: HubLimits,
}

/// Bounds of links.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct HubLimits {
    /// How long a session to come waits for a connector that is not there.
    pub wait: Duration,
    /// How long a certificate lives.
    pub certificate_lifetime: Duration,
    /// How often a connector is asked whether it is there.
    pub heartbeat: Duration,
    /// How long it may say nothing.
    pub silence_max: Duration,
    /// How long a connection may take to say who it is.
    pub login_timeout: Duration,
}

/// A connector that is there.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ConnectorState {
    /// Its name.
    pub name: String,
    /// From where it has dialled.
    pub address: IpAddr,
    /// Since when.
    pub since: SystemTime,
    /// The version of its program, as it says.
    pub software: String,
    /// What it serves.
    pub resources: Vec<String>,
    /// Open streams.
    pub streams: usize,
}

/// Where connectors come in, and where targets are reached through them.
pub struct Hub {
    pub(super) authority: Authority,
    pub(super) registry: Arc<dyn Registry>,
    pub(super) limits: HubLimits,
    pub(super) tls: Arc<ServerConfig>,
    members: Mutex<Vec<Arc<Member>>>,
    /// Counts arrivals, for those who wait for one.
    arrivals: watch::Sender<u64>,
}

impl std::fmt::Debug for Hub {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Hub").field("connectors", &self.members().len()).finish_non_exhaustive()
    }
}

/// Whether a connector is one of the hub's now.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Joined {
    Yes,
    /// There are as many as there may be.
    Full,
}

impl Hub {
    /// A hub where nobody is yet.
    ///
    /// # Errors
    /// Its certificate cannot be made.
    pub fn new(parts: HubParts) -> Result<Arc<Self>, CredentialError> {
        let HubParts { authority, registry, limits } = parts;
        let own = authority.gateway(SystemTime::now())?;
        let tls = tls::server(&authority, own)?;
        let (members, arrivals) = (Mutex::default(), watch::Sender::new(0));
        Ok(Arc::new(Self { authority, registry, limits, tls, members, arrivals }))
    }

    fn members(&self) -> MutexGuard<'_, Vec<Arc<Member>>> {
        self.members.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Those that are there, by name.
    #[must_use]
    pub fn connectors(&self) -> Vec<ConnectorState> {
        let mut states: Vec<_> = self.members().iter().map(|member| member.state()).collect();
        states.sort_by(|one, other| one.name.cmp(&other.name));
        states
    }

    /// The resources that somebody serves now.
    #[must_use]
    pub fn served(&self) -> BTreeSet<String> {
        let members = self.members();
        members.iter().flat_map(|member| member.serves().iter().cloned()).collect()
    }

    /// Who serves a resource, the least busy first, and last who did not answer.
    pub(super) fn serving(&self, resource: &str) -> Vec<Arc<Member>> {
        let mut serving: Vec<_> =
            self.members().iter().filter(|it| it.serves().contains(resource)).cloned().collect();
        serving.sort_by_key(|member| member.load());
        serving
    }

    pub(super) fn arrivals(&self) -> watch::Receiver<u64> {
        self.arrivals.subscribe()
    }

    /// Takes one in. An older link of the same key is a link that its connector has given up.
    pub(super) fn join(&self, member: &Arc<Member>) -> Joined {
        let mut members = self.members();
        members.retain(|known| {
            let is_older = known.key() == member.key();
            if is_older {
                known.end("its connector has dialled again");
            }
            !is_older
        });
        if members.len() >= CONNECTORS_MAX {
            return Joined::Full;
        }
        members.push(member.clone());
        drop(members);
        self.arrivals.send_modify(|count| *count += 1);
        Joined::Yes
    }

    pub(super) fn leave(&self, member: &Arc<Member>) {
        self.members().retain(|known| !Arc::ptr_eq(known, member));
    }

    /// Ends links whose connector was revoked, or invited for something else, for ever. The
    /// caller owns the task and ends it.
    pub async fn watch(&self) {
        loop {
            self.registry.changed().await;
            let members = self.members().clone();
            for member in members {
                self.look_again(&member).await;
            }
        }
    }

    /// Ends a link whose connector is not any more what it was when it came.
    pub(super) async fn look_again(&self, member: &Member) {
        match self.registry.standing(member.key()).await {
            Ok(Standing::Good(known)) if known == *member.known() => {}
            Ok(Standing::Good(_)) => member.end("it was invited for something else"),
            Ok(Standing::Revoked { .. } | Standing::Unknown) => member.end("it was revoked"),
            // Nobody goes on under a name that nobody can check.
            Err(error) => member.end(&format!("its standing cannot be told: {error}")),
        }
    }

    pub(super) fn refused(&self, name: &str, key: Option<&PublicKey>, of: Refused<'_>) {
        let Refused { from, why } = of;
        tracing::warn!(connector = name, address = %from, why, "a connector was refused");
        self.registry.note(ConnectorEvent {
            key: key.map(|key| Fingerprint(*key).to_string()),
            address: Some(from.to_string()),
            why: Some(why.to_owned()),
            ..ConnectorEvent::new(name, ConnectorChange::Refused)
        });
    }

    pub(super) async fn record(
        &self,
        member: &Member,
        change: ConnectorChange,
        why: Option<String>,
    ) -> Result<(), RegistryError> {
        self.registry.record(member.event(change, why)).await
    }
}

/// Who was refused, and why.
#[derive(Clone, Copy)]
pub(super) struct Refused<'a> {
    pub(super) from: IpAddr,
    pub(super) why: &'a str,
}
