//! Encrypting either side of the gateway.

use crate::{DialError, EarlyData, PreAuth};
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ServerConfig};
use std::io;
use std::sync::Arc;
use tokio_rustls::{TlsAcceptor, TlsConnector};

/// How a target's side is encrypted.
#[derive(Clone)]
pub enum TargetTls {
    /// Verified: certificate chain and host name.
    Verified(Arc<ClientConfig>),
    /// None; the configuration allows it for loopback only.
    Disabled,
}

impl std::fmt::Debug for TargetTls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Verified(_) => "Verified",
            Self::Disabled => "Disabled",
        })
    }
}

/// A client's connection, encrypted.
#[derive(Debug)]
pub struct Accepted {
    /// The connection.
    pub connection: PreAuth,
    /// The version of TLS that was agreed on, for the record.
    pub version: String,
}

/// Encrypts a client's connection.
///
/// # Errors
/// The client sent something before the handshake, or the handshake failed.
pub async fn accept(connection: PreAuth, config: Arc<ServerConfig>) -> io::Result<Accepted> {
    let stream = connection.into_quiet_stream().map_err(early)?;
    let stream = TlsAcceptor::from(config).accept(stream).await?;
    let version = stream.get_ref().1.protocol_version();
    let version = version.map_or("TLS".to_owned(), |version| format!("{version:?}"));
    Ok(Accepted { connection: PreAuth::new(Box::new(stream)), version })
}

fn early(error: EarlyData) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}

/// A target's connection, encrypted.
#[derive(Debug)]
pub struct Connected {
    /// The connection.
    pub connection: PreAuth,
    /// The certificate that the target showed.
    pub certificate: Option<CertificateDer<'static>>,
    /// The protocol that was agreed on in the handshake (ALPN), where one was.
    pub protocol: Option<Vec<u8>>,
}

/// Encrypts a target's connection.
///
/// # Errors
/// The target's name or certificate is not what was expected, or the handshake failed.
pub async fn connect(
    connection: PreAuth,
    host: &str,
    config: Arc<ClientConfig>,
) -> Result<Connected, DialError> {
    let stream =
        connection.into_quiet_stream().map_err(|error| DialError::Protocol(error.to_string()))?;
    let name =
        ServerName::try_from(host.to_owned()).map_err(|_| DialError::HostName(host.to_owned()))?;
    let stream = TlsConnector::from(config).connect(name, stream).await?;
    let agreed = stream.get_ref().1;
    let certificates = agreed.peer_certificates();
    let certificate =
        certificates.and_then(|chain| chain.first()).map(|one| one.clone().into_owned());
    let protocol = agreed.alpn_protocol().map(<[u8]>::to_vec);
    Ok(Connected { connection: PreAuth::new(Box::new(stream)), certificate, protocol })
}
