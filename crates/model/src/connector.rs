//! What is written down about connectors.

use crate::Administrator;
use serde::{Deserialize, Serialize};

/// Something happened to a connector, or because of it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ConnectorEvent {
    /// Its name; empty where nobody has said one.
    pub connector: String,
    /// What happened.
    pub change: ConnectorChange,
    /// Its public key (Ed25519), in hexadecimal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// From where it came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// Why, where there is a reason.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// What it is invited for: names of resources, with `*` for any text.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub resources: Vec<String>,
    /// Who did it, where a person did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<Administrator>,
}

impl ConnectorEvent {
    /// Something of which no more is known.
    #[must_use]
    pub fn new(connector: &str, change: ConnectorChange) -> Self {
        Self {
            connector: connector.to_owned(),
            change,
            key: None,
            address: None,
            why: None,
            resources: Vec::new(),
            by: None,
        }
    }
}

/// What happened to a connector.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ConnectorChange {
    /// Somebody may enrol one of the name.
    Invited,
    /// A key has become its key.
    Enrolled,
    /// Its key has a certificate for another while.
    Renewed,
    /// Its key is nobody's any more.
    Revoked,
    /// It is there.
    Connected,
    /// It is gone.
    Disconnected,
    /// It was not let in, or somebody was not enrolled.
    Refused,
    /// A connection to a target through it has ended.
    StreamClosed(LinkStream),
}

/// A connection to a target through a connector, as one of the two ends counted it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct LinkStream {
    /// Its name, the same at both ends.
    pub stream: String,
    /// The resource.
    pub resource: String,
    /// When it began, microseconds since 1970.
    pub opened_us: u64,
    /// When it ended, microseconds since 1970.
    pub closed_us: u64,
    /// Bytes from the gateway to the target, behind the login.
    pub to_target: u64,
    /// Bytes from the target to the gateway, behind the login.
    pub from_target: u64,
}
