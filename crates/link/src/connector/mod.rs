//! The connector's end: dials out to gateways, and logs in at targets for them.

mod check;
mod enrol;
mod link;
mod state;
mod stream_log;
mod streams;

pub use check::check_link;
pub use enrol::{EnrolError, enrol};
pub use state::{State, StateError};
pub use stream_log::{Entry, SignedEntry, StreamLog, StreamLogError, read_stream_log};

use crate::carrier::Carrier;
use crate::message::Facts;
use portreeve_transport::Dialer;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;

/// A target that a connector serves.
#[derive(Clone)]
pub struct ServedTarget {
    /// The protocol.
    pub protocol: String,
    /// Its settings that are no secret. The gateway's must be the same.
    pub facts: Facts,
    /// Logs in there.
    pub dialer: Arc<dyn Dialer>,
}

/// What a connector is made of.
pub struct ConnectorParts {
    /// Its key, its certificate, and whom it believes.
    pub state: State,
    /// How gateways are reached.
    pub carrier: Carrier,
    /// What it serves.
    pub targets: BTreeMap<String, ServedTarget>,
    /// Its program's version, for people.
    pub software: String,
    /// Where it writes down what went through it.
    pub stream_log: StreamLog,
    /// A gateway that says nothing for so long is gone.
    pub silence_max: Duration,
}

/// A connector.
pub struct Connector {
    parts: ConnectorParts,
}

impl std::fmt::Debug for Connector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connector")
            .field("targets", &self.parts.targets.len())
            .finish_non_exhaustive()
    }
}

impl Connector {
    /// Puts one together.
    #[must_use]
    pub fn new(parts: ConnectorParts) -> Arc<Self> {
        Arc::new(Self { parts })
    }

    /// Serves every gateway, for ever. The caller owns the task and ends it.
    pub async fn run(self: Arc<Self>, gateways: Vec<String>) {
        let mut links = JoinSet::new();
        for gateway in gateways {
            links.spawn(self.clone().keep_linked(gateway));
        }
        while links.join_next().await.is_some() {}
    }
}
