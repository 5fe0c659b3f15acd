//! The HTTP API: health, metrics, identity, reviews, live sessions, what the evidence keeps.
//!
//! Everything under `/v1` needs an access token of a trusted issuer. Nothing here
//! carries a target's data. `docs/api.md` describes every answer.

mod error;
mod evidence;
mod handlers;
mod serve;

pub use evidence::Keeping;
pub(crate) use serve::serve_app;
pub use serve::{API_CONNECTIONS_MAX, ApiServer, ApiService, serve};

use crate::door::Door;
use crate::metrics::Metrics;
use crate::reviews::Reviews;
use crate::witness::WitnessStatus;
use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::{get, post};
use portreeve_model::{Chain, SessionId};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

/// The sessions that are open now.
pub trait Sessions: Send + Sync {
    /// All of them: who, and what the API shows.
    fn list(&self) -> Vec<(Chain, serde_json::Value)>;
    /// Ends one; false when there is none of the id.
    fn kill(&self, id: SessionId, by: &str) -> bool;
}

impl Sessions for portreeve_session::Engine {
    fn list(&self) -> Vec<(Chain, serde_json::Value)> {
        let shown = |session: portreeve_session::LiveSession| {
            let value = serde_json::to_value(&session).unwrap_or_default();
            (session.chain, value)
        };
        self.live.list().into_iter().map(shown).collect()
    }

    fn kill(&self, id: SessionId, by: &str) -> bool {
        self.live.kill(id, by)
    }
}

/// How the gateway is.
pub trait Status: Send + Sync {
    /// Whether evidence can be written.
    ///
    /// # Errors
    /// Why not, for the operator.
    fn evidence(&self) -> Result<(), String>;
    /// What someone should look at though all works, for the operator.
    fn warning(&self) -> Option<String>;
    /// What witnesses have seen of the evidence; none where none are configured.
    fn witnessed(&self) -> Option<WitnessStatus>;
    /// What is still missing before clients can be served; empty when ready.
    fn missing(&self) -> Vec<String>;
    /// Where clients are served: the addresses of each listener, by its name.
    fn listeners(&self) -> BTreeMap<String, Vec<SocketAddr>>;
}

/// What the API needs.
#[derive(Clone)]
pub struct ApiState {
    /// Who callers are.
    pub door: Arc<Door>,
    /// The reviews.
    pub reviews: Reviews,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// The open sessions.
    pub sessions: Arc<dyn Sessions>,
    /// The evidence, and who may erase in it.
    pub keeping: Keeping,
    /// Health and readiness.
    pub status: Arc<dyn Status>,
    /// Where the API is reached: `https://gateway.example.org:8440`.
    pub base_url: String,
}

impl std::fmt::Debug for ApiState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ApiState").field("base_url", &self.base_url).finish_non_exhaustive()
    }
}

/// Every route.
pub fn router(state: ApiState) -> Router {
    Router::new()
        .route("/healthz", get(handlers::healthz))
        .route("/readyz", get(handlers::readyz))
        .route("/metrics", get(handlers::metrics))
        .route("/issuer/.well-known/openid-configuration", get(handlers::issuer_discovery))
        .route("/issuer/jwks", get(handlers::issuer_jwks))
        .route("/v1/whoami", get(handlers::whoami))
        .route("/v1/listeners", get(handlers::listeners))
        .route("/v1/reviews", get(handlers::list_reviews))
        .route("/v1/reviews/{id}", get(handlers::show_review))
        .route("/v1/reviews/{id}/approve", post(handlers::approve))
        .route("/v1/reviews/{id}/deny", post(handlers::deny))
        .route("/v1/sessions", get(handlers::list_sessions))
        .route("/v1/sessions/{id}/kill", post(handlers::kill_session))
        .route("/v1/token", post(handlers::login))
        .route("/v1/token/exchange", post(handlers::exchange))
        .route("/v1/evidence", get(evidence::standing))
        .route("/v1/evidence/holds", get(evidence::holds).post(evidence::hold))
        .route("/v1/evidence/holds/{id}/release", post(evidence::release))
        .route("/v1/evidence/sessions/{id}/shred", post(evidence::shred))
        .route("/v1/evidence/sweep", post(evidence::sweep))
        .route("/v1/evidence/prune", post(evidence::prune))
        .fallback(handlers::no_such_route)
        .method_not_allowed_fallback(handlers::no_such_method)
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .layer(axum::middleware::map_response(handlers::never_store))
        .with_state(Arc::new(state))
}

/// The group that may end sessions of others.
pub const OPERATORS: &str = "operators";
const BODY_BYTES_MAX: usize = 64 * 1024;
