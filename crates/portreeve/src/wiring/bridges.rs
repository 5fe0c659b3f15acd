//! Between the engine and the API.

use portreeve_control::api::Status;
use portreeve_control::witness::{WitnessStatus, Witnesses};
use portreeve_evidence::HealthState;
use portreeve_session::Engine;
use std::sync::Arc;

/// Health and readiness.
pub(super) struct State {
    pub(super) engine: Arc<Engine>,
    pub(super) witnesses: Option<Arc<Witnesses>>,
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

    fn warning(&self) -> Option<String> {
        let health = self.engine.evidence().health();
        health.reason.filter(|_| health.state == HealthState::Warn)
    }

    fn witnessed(&self) -> Option<WitnessStatus> {
        self.witnesses.as_ref().map(|witnesses| witnesses.status())
    }

    fn missing(&self) -> Vec<String> {
        // Everything was opened and bound before the API answers; it asks for the keys of
        // issuers itself.
        Vec::new()
    }
}
