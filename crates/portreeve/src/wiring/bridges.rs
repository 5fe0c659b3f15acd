//! Between the engine and the API.

use portreeve_control::api::Status;
use portreeve_evidence::HealthState;
use portreeve_session::Engine;
use std::sync::Arc;

/// Health and readiness.
pub(super) struct State(pub(super) Arc<Engine>);

impl Status for State {
    fn evidence(&self) -> Result<(), String> {
        let health = self.0.evidence().health();
        match health.state {
            HealthState::Healthy | HealthState::Warn => Ok(()),
            HealthState::Restricted | HealthState::Sealed => {
                Err(health.reason.unwrap_or_else(|| "sealed".into()))
            }
        }
    }

    fn missing(&self) -> Vec<String> {
        // Everything was opened and bound before the API answers; it asks for the keys of
        // issuers itself.
        Vec::new()
    }
}
