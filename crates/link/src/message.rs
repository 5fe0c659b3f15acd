//! What the two ends say to each other: JSON, each message behind its length.
//!
//! Members that an end does not know are passed over, so that one version can talk with the
//! next. Layout and limits: `docs/formats/link.md`.

use portreeve_transport::DialError;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::io;
use std::time::{SystemTime, UNIX_EPOCH};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// The versions that this program speaks, the newest first.
pub(crate) const VERSIONS: [u16; 1] = [1];
/// The longest message.
pub(crate) const MESSAGE_BYTES_MAX: usize = 64 << 10;

/// What both ends must agree on about a target: the settings that are no secret.
pub type Facts = BTreeMap<String, String>;

/// From a connector, over its first stream.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum FromConnector {
    /// It is here.
    Hello {
        /// What it speaks.
        versions: Vec<u16>,
        /// Its program's version, for people.
        software: String,
        /// Its clock, microseconds since 1970.
        time_us: u64,
        /// The resources that it has.
        resources: Vec<String>,
    },
    /// Would it be taken in? Nothing changes by asking; a link of the same key goes on.
    Check {
        /// What it speaks.
        versions: Vec<u16>,
        /// The resources that it has.
        resources: Vec<String>,
    },
    /// It has an invitation.
    Enrol {
        /// Which.
        invite: String,
        /// What was shown once: base64.
        secret: String,
        /// Its public key: base64.
        key: String,
        /// That it has the private one: a signature of [`proof_text`], base64.
        proof: String,
        /// Its clock, microseconds since 1970.
        time_us: u64,
    },
    /// Its certificate has lived half its life.
    Renew,
    /// It has heard.
    Pong {
        /// What.
        number: u64,
    },
}

/// From a gateway, over a connector's first stream.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum FromGateway {
    /// It may serve.
    Welcome {
        /// What is spoken from here on.
        version: u16,
        /// Its name.
        name: String,
        /// Its resources that it was not invited for; they are not asked of it.
        refused: Vec<String>,
    },
    /// It may not.
    Refused {
        /// Why.
        why: String,
        /// Whether asking again can help.
        may_change: bool,
    },
    /// A certificate for its key.
    Certificate {
        /// In DER, base64.
        certificate: String,
        /// Its name.
        name: String,
    },
    /// Is it there?
    Ping {
        /// Comes back.
        number: u64,
    },
}

/// What a connector signs to show that a key is its own.
pub(crate) fn proof_text(invite: &str, key: &[u8]) -> Vec<u8> {
    [b"portreeve enrol 1\n", invite.as_bytes(), b"\n", key].concat()
}

/// From a gateway, at the beginning of a stream of its own.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) struct Ask {
    /// The stream's name in the records of both ends.
    pub(crate) stream: String,
    /// The resource.
    pub(crate) resource: String,
    /// The protocol of its target.
    pub(crate) protocol: String,
    /// What the gateway's configuration says of the target.
    pub(crate) facts: Facts,
    /// What is wanted.
    pub(crate) what: Wanted,
}

/// What a stream is for.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Wanted {
    /// A connection to the target, logged in. Its bytes follow.
    Login {
        /// Settings that the client chose.
        settings: BTreeMap<String, String>,
    },
    /// That what runs for an earlier login stops. Nothing follows.
    Cancel {
        /// The stream of that login.
        of: String,
    },
}

/// From a connector, at the beginning of a stream.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Told {
    /// Done.
    Done {
        /// What the target says of itself.
        parameters: Vec<(String, String)>,
        /// Whether what runs can be stopped.
        can_cancel: bool,
    },
    /// Not done.
    Failed {
        /// Who says so.
        by: FailedBy,
        /// The target's own code, where it has one.
        code: String,
        /// Why.
        why: String,
    },
}

/// Who says that something failed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum FailedBy {
    /// The target, in its own words.
    Target,
    /// The target does not answer.
    Silence,
    /// The connector: it cannot reach the target, or does not want to.
    Connector,
}

impl From<&DialError> for Told {
    fn from(error: &DialError) -> Self {
        let (by, code, why) = match error {
            DialError::Refused { code, message } => {
                (FailedBy::Target, code.clone(), message.clone())
            }
            DialError::Timeout => (FailedBy::Silence, String::new(), error.to_string()),
            DialError::Io(_)
            | DialError::NoTls
            | DialError::HostName(_)
            | DialError::Authentication(_)
            | DialError::NoCredential(_)
            | DialError::Protocol(_)
            | DialError::Forbidden(_)
            | DialError::NoConnector(_)
            | DialError::Connector { .. } => {
                (FailedBy::Connector, String::new(), error.to_string())
            }
        };
        Self::Failed { by, code, why }
    }
}

/// Microseconds since 1970.
pub(crate) fn now_us() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
}

/// Writes a message.
pub(crate) async fn write<M: Serialize>(
    stream: &mut (impl AsyncWrite + Unpin),
    message: &M,
) -> io::Result<()> {
    let json = serde_json::to_vec(message)?;
    if json.len() > MESSAGE_BYTES_MAX {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "the message is too long"));
    }
    let length = u32::try_from(json.len()).unwrap_or(u32::MAX).to_be_bytes();
    stream.write_all(&[length.as_slice(), &json].concat()).await?;
    stream.flush().await
}

/// Reads a message; not one byte behind it.
pub(crate) async fn read<M: DeserializeOwned>(
    stream: &mut (impl AsyncRead + Unpin),
) -> io::Result<M> {
    let length = usize::try_from(stream.read_u32().await?).unwrap_or(usize::MAX);
    if length > MESSAGE_BYTES_MAX {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "a message is too long"));
    }
    let mut json = vec![0; length];
    stream.read_exact(&mut json).await?;
    serde_json::from_slice(&json)
        .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "a message cannot be read"))
}
