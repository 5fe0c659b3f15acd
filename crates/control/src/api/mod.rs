//! The HTTP API: health, metrics, identity, reviews, live sessions, what the evidence keeps.
//!
//! Everything under `/v1` needs an access token of a trusted issuer. Nothing here
//! carries a target's data. Each room has the routes of one subject; [`document`] describes
//! them all.

mod anomalies;
mod caller;
mod certificates;
mod error;
mod evidence;
mod gateway;
mod identity;
mod reports;
mod reviews;
mod routes;
mod serve;
mod sessions;

pub use certificates::CertificateSigner;
pub use evidence::Keeping;
pub use reports::ReportShelf;
pub(crate) use serve::serve_app;
pub use serve::{API_CONNECTIONS_MAX, ApiServer, ApiService, serve};

use crate::authenticator::TokenAuthenticator;
use crate::metrics::Metrics;
use crate::reviews::Reviews;
use crate::search::Search;
use crate::targets::TargetState;
use crate::witness::WitnessStatus;
use axum::Router;
use axum::extract::DefaultBodyLimit;
use portreeve_link::gateway::ConnectorState;
use portreeve_model::SessionId;
use portreeve_session::LiveSession;
use routes::Routes;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

/// The sessions that are open now.
pub trait Sessions: Send + Sync {
    /// All of them.
    fn list(&self) -> Vec<LiveSession>;
    /// Ends one; false when there is none of the id.
    fn kill(&self, id: SessionId, by: &str) -> bool;
}

impl Sessions for portreeve_session::Engine {
    fn list(&self) -> Vec<LiveSession> {
        self.live.list()
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
    /// The targets, by resource.
    fn targets(&self) -> BTreeMap<String, TargetState>;
    /// The connectors that are there now.
    fn connectors(&self) -> Vec<ConnectorState> {
        Vec::new()
    }
    /// Where clients are served: the addresses of each listener, by its name.
    fn listeners(&self) -> BTreeMap<String, Vec<SocketAddr>>;
}

/// What the API needs.
#[derive(Clone)]
pub struct ApiState {
    /// Who callers are.
    pub authenticator: Arc<TokenAuthenticator>,
    /// The reviews.
    pub reviews: Reviews,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// The open sessions.
    pub sessions: Arc<dyn Sessions>,
    /// What is found in the evidence.
    pub search: Search,
    /// The evidence, and who may erase in it.
    pub keeping: Keeping,
    /// Who writes certificates; none where no client logs in by one.
    pub certificates: Option<Arc<dyn CertificateSigner>>,
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

fn routes() -> Routes {
    let rooms = [
        gateway::routes,
        identity::routes,
        certificates::routes,
        reviews::routes,
        sessions::routes,
        anomalies::routes,
        evidence::routes,
        reports::routes,
    ];
    rooms.into_iter().fold(Routes::new(), |routes, room| room(routes))
}

/// The OpenAPI document of every route.
#[must_use]
pub fn document() -> serde_json::Value {
    routes().finish().1
}

/// Every route.
pub fn router(state: ApiState) -> Router {
    let (router, _) = routes().finish();
    router
        .fallback(gateway::no_such_route)
        .method_not_allowed_fallback(gateway::no_such_method)
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .layer(axum::middleware::map_response(gateway::never_store))
        .with_state(Arc::new(state))
}

/// The group that may end sessions of others.
pub const OPERATORS: &str = "operators";
const BODY_BYTES_MAX: usize = 64 * 1024;
