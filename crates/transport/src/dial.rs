//! Reaching a target and logging in there.

use crate::{PreAuth, TargetTls};
use std::collections::BTreeMap;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use thiserror::Error;
use tokio::net::TcpStream;

/// A boxed future, for traits that are used as objects.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Why a target cannot be reached, in an operator's words.
#[derive(Debug, Error)]
pub enum DialError {
    /// The network.
    #[error("target cannot be reached: {0}")]
    Io(#[from] io::Error),
    /// Nobody answered.
    #[error("target did not answer in time")]
    Timeout,
    /// The target speaks in the clear only.
    #[error(
        "target does not offer TLS; hint: switch TLS on there, or `tls: disable` for a target on loopback"
    )]
    NoTls,
    /// A name that no certificate can have.
    #[error("target's host name `{0}` is not valid for TLS")]
    HostName(String),
    /// The target said no.
    #[error("target refused the gateway ({code}): {message}")]
    Refused {
        /// The target's own code: a SQLSTATE, a status.
        code: String,
        /// The target's own words.
        message: String,
    },
    /// The target wants to be convinced in a way that is not offered.
    #[error("target asks for an authentication that is not supported: {0}")]
    Authentication(&'static str),
    /// The target said something unexpected.
    #[error("target broke the protocol: {0}")]
    Protocol(String),
}

/// Tells a target to stop what runs for one login.
pub trait CancelHandle: Send + Sync {
    /// Asks; that the target has heard it does not mean that it obeys.
    fn cancel(&self) -> BoxFuture<'_, Result<(), DialError>>;
}

/// A target that is ready for commands.
pub struct LoggedIn {
    /// The connection, after its handshakes.
    pub connection: PreAuth,
    /// What the target says of itself, in its order: names and values.
    pub parameters: Vec<(String, String)>,
    /// How to stop what runs, where the protocol has a way.
    pub cancel: Option<Arc<dyn CancelHandle>>,
}

impl std::fmt::Debug for LoggedIn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LoggedIn")
            .field("parameters", &self.parameters.len())
            .finish_non_exhaustive()
    }
}

/// Reaches one target. Who holds the credential, the gateway or a connector, is the
/// dialer's own business: it never leaves it.
pub trait Dialer: Send + Sync {
    /// Reaches the target and logs in, with settings that the client chose.
    fn dial<'a>(
        &'a self,
        settings: &'a BTreeMap<String, String>,
    ) -> BoxFuture<'a, Result<LoggedIn, DialError>>;
}

/// Where a target is on the network.
#[derive(Clone, Debug)]
pub struct TcpTarget {
    /// Host name or address.
    pub host: String,
    /// Port.
    pub port: u16,
    /// The encryption.
    pub tls: TargetTls,
    /// How long reaching it and logging in may take.
    pub timeout: Duration,
}

impl TcpTarget {
    /// A plain connection; the protocol encrypts it in its own way.
    ///
    /// # Errors
    /// Nobody listens there.
    pub async fn connect(&self) -> Result<PreAuth, DialError> {
        let stream = TcpStream::connect((self.host.as_str(), self.port)).await?;
        stream.set_nodelay(true)?;
        Ok(PreAuth::new(Box::new(stream)))
    }
}
