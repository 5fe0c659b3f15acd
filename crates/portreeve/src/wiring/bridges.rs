//! Between the traits of the engine and the types of control.

use portreeve_control::api::{Sessions, Status};
use portreeve_control::door::{Door, Refused};
use portreeve_control::metrics::Metrics;
use portreeve_evidence::HealthState;
use portreeve_model::{Category, Chain, Secret, SessionId, Verdict};
use portreeve_session::{BoxFuture, Engine, Gatekeeper, Identity, NotAdmitted, Observer};
use std::net::IpAddr;
use std::sync::Arc;

/// The door as the engine's gatekeeper.
pub(super) struct Minder(pub(super) Arc<Door>);

impl Gatekeeper for Minder {
    fn authenticate<'a>(
        &'a self,
        protocol: &'static str,
        token: &'a Secret<String>,
        from: IpAddr,
    ) -> BoxFuture<'a, Result<Identity, NotAdmitted>> {
        Box::pin(async move {
            match self.0.admit(protocol, token, from).await {
                Ok(identity) => {
                    Ok(Identity { chain: identity.chain, expires_at: identity.expires_at })
                }
                Err(Refused::Invalid { message, hint }) => {
                    Err(NotAdmitted::Invalid(format!("{message}; {hint}")))
                }
                Err(Refused::TooMany) => Err(NotAdmitted::TooMany),
                Err(Refused::Unavailable) => Err(NotAdmitted::Unavailable),
            }
        })
    }

    fn turned_away(&self, protocol: &'static str, from: IpAddr, why: &str) {
        self.0.turned_away(protocol, from, why);
    }
}

/// The metrics as the engine's observer.
pub(super) struct Counting(pub(super) Arc<Metrics>);

impl Observer for Counting {
    fn session_opened(&self, resource: &str) {
        self.0.session_opened(resource);
    }

    fn session_closed(&self, resource: &str) {
        self.0.session_closed(resource);
    }

    fn decided(&self, resource: &str, verdict: Verdict) {
        self.0.decided(resource, verdict);
    }

    fn released(&self, resource: &str, bytes: u64, rows: u64) {
        self.0.released(resource, bytes, rows);
    }

    fn received(&self, resource: &str, bytes: u64) {
        self.0.received(resource, bytes);
    }

    fn masked(&self, category: &Category, values: u64) {
        self.0.masked(category, values);
    }
}

/// The open sessions for the API.
pub(super) struct LiveSessions(pub(super) Arc<Engine>);

impl Sessions for LiveSessions {
    fn list(&self) -> Vec<(Chain, serde_json::Value)> {
        let shown = |session: portreeve_session::LiveSession| {
            let value = serde_json::to_value(&session).unwrap_or_default();
            (session.chain, value)
        };
        self.0.live.list().into_iter().map(shown).collect()
    }

    fn kill(&self, id: SessionId, by: &str) -> bool {
        self.0.live.kill(id, by)
    }
}

/// Health and readiness.
pub(super) struct State {
    pub(super) engine: Arc<Engine>,
    pub(super) door: Arc<Door>,
}

impl Status for State {
    fn evidence(&self) -> Result<(), String> {
        let health = self.engine.evidence().health();
        match health.state {
            HealthState::Healthy | HealthState::Warn => Ok(()),
            HealthState::Restricted | HealthState::Sealed => {
                Err(health.reason.unwrap_or_else(|| "sealed".into()))
            }
        }
    }

    fn missing(&self) -> Vec<String> {
        let ready = self.door.identities().is_ready();
        if ready { Vec::new() } else { vec!["the keys of an issuer".into()] }
    }
}
