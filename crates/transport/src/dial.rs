//! Reaching a target and logging in there.

use crate::{DialError, PreAuth, TargetTls};
use std::collections::BTreeMap;
use std::future::Future;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpStream, lookup_host};

/// A boxed future, for traits that are used as objects.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

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

    /// Whether the target can be reached and lets this end in, for an operator who asks. A
    /// protocol that shows that with a command only uses one that changes nothing.
    fn check(&self) -> BoxFuture<'_, Result<(), DialError>> {
        Box::pin(async move { self.dial(&BTreeMap::new()).await.map(drop) })
    }
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
    /// Nobody listens there, or it is no place for a target.
    pub async fn connect(&self) -> Result<PreAuth, DialError> {
        let mut refused = None;
        for address in lookup_host((self.host.as_str(), self.port)).await? {
            // SECURITY: looked at after the name was resolved, and dialled as looked at.
            if is_of_the_network(address.ip()) {
                refused = Some(DialError::Forbidden(address.ip()));
                continue;
            }
            match TcpStream::connect(address).await {
                Ok(stream) => {
                    stream.set_nodelay(true)?;
                    return Ok(PreAuth::new(Box::new(stream)));
                }
                Err(error) => refused = Some(error.into()),
            }
        }
        Err(refused.unwrap_or_else(|| {
            io::Error::new(io::ErrorKind::NotFound, "its name has no address").into()
        }))
    }
}

/// Addresses that machines get credentials from, or that are nobody's: a name that leads there
/// leads to no target.
fn is_of_the_network(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(v4) => {
            v4.is_link_local()
                || v4.is_multicast()
                || v4.is_broadcast()
                || v4.is_unspecified()
                || METADATA_V4.contains(&v4)
        }
        IpAddr::V6(v6) => {
            v6.is_unicast_link_local()
                || v6.is_multicast()
                || v6.is_unspecified()
                || METADATA_V6.contains(&v6)
        }
    }
}

/// Where clouds have their metadata, beside the link-local addresses: Alibaba Cloud, Azure's
/// host, Oracle Cloud's old one.
const METADATA_V4: [Ipv4Addr; 3] = [
    Ipv4Addr::new(100, 100, 100, 200),
    Ipv4Addr::new(168, 63, 129, 16),
    Ipv4Addr::new(192, 0, 0, 192),
];
/// AWS, and Google Cloud.
const METADATA_V6: [Ipv6Addr; 2] = [
    Ipv6Addr::new(0xfd00, 0x0ec2, 0, 0, 0, 0, 0, 0x0254),
    Ipv6Addr::new(0xfd20, 0x00ce, 0, 0, 0, 0, 0, 0x0254),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_leads_to_the_network_itself() {
        let check = |address: &str, expect: bool| {
            assert_eq!(is_of_the_network(address.parse().unwrap()), expect, "{address}");
        };
        for address in ["169.254.169.254", "::ffff:169.254.169.254", "fe80::1", "0.0.0.0"] {
            check(address, true);
        }
        for address in ["fd00:ec2::254", "100.100.100.200", "224.0.0.1", "255.255.255.255", "::"] {
            check(address, true);
        }
        for address in ["127.0.0.1", "::1", "10.0.0.1", "192.168.1.1", "8.8.8.8", "fd00::1"] {
            check(address, false);
        }
    }
}
