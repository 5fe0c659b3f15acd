//! TLS of the link: version 1.3, one authority, and both sides with a certificate of it. Only
//! who enrols has none yet; that is another protocol (ALPN), and does nothing else.

use crate::authority::{Authority, CredentialError, GATEWAY_NAME, PublicKey, holder, roots};
use crate::key::ConnectorKey;
use portreeve_transport::Stream;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::server::WebPkiClientVerifier;
use rustls::sign::CertifiedKey;
use rustls::{ClientConfig, ServerConfig, version};
use std::io;
use std::sync::Arc;
use tokio_rustls::{TlsAcceptor, TlsConnector};

const LINK: &[u8] = b"portreeve-link";
const ENROL: &[u8] = b"portreeve-enrol";

/// Who has dialled a gateway.
pub(crate) enum Caller {
    /// A connector with a certificate: what it says of itself is its name and its key.
    Connector { name: String, key: PublicKey },
    /// Somebody with an invitation.
    Stranger,
}

/// What a gateway shows to connectors, and whom it believes.
///
/// # Errors
/// The library cannot use it.
pub(crate) fn server(
    authority: &Authority,
    own: CertifiedKey,
) -> Result<Arc<ServerConfig>, CredentialError> {
    let trusted = Arc::new(roots(&authority.public()));
    let clients = WebPkiClientVerifier::builder(trusted)
        .allow_unauthenticated()
        .build()
        .map_err(CredentialError::new)?;
    let mut config = ServerConfig::builder_with_protocol_versions(&[&version::TLS13])
        .with_client_cert_verifier(clients)
        .with_cert_resolver(Arc::new(rustls::sign::SingleCertAndKey::from(own)));
    config.alpn_protocols = vec![LINK.to_vec(), ENROL.to_vec()];
    // A ticket would carry over who somebody was.
    config.send_tls13_tickets = 0;
    Ok(Arc::new(config))
}

/// Lets somebody in who has dialled this gateway.
pub(crate) async fn accept(
    stream: Box<dyn Stream>,
    config: Arc<ServerConfig>,
) -> io::Result<(Box<dyn Stream>, Caller)> {
    let stream = TlsAcceptor::from(config).accept(stream).await?;
    let connection = stream.get_ref().1;
    let shown = connection.peer_certificates().and_then(<[CertificateDer<'_>]>::first);
    let caller = match (connection.alpn_protocol(), shown) {
        (Some(LINK), Some(certificate)) => {
            let (name, key) = holder(certificate).map_err(invalid)?;
            Caller::Connector { name, key }
        }
        (Some(ENROL), None) => Caller::Stranger,
        (Some(LINK), None) => return Err(invalid("it shows no certificate")),
        _ => return Err(invalid("it is no connector of this protocol")),
    };
    Ok((Box::new(stream), caller))
}

fn invalid(why: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why)
}

/// How a connector dials: with its certificate, or to get one.
///
/// # Errors
/// Key and certificate do not fit.
pub(crate) fn client(
    authority: &PublicKey,
    own: Option<(&ConnectorKey, CertificateDer<'static>)>,
) -> Result<Arc<ClientConfig>, CredentialError> {
    let builder = ClientConfig::builder_with_protocol_versions(&[&version::TLS13])
        .with_root_certificates(roots(authority));
    let mut config = match own {
        Some((key, certificate)) => {
            let own = rustls::sign::SingleCertAndKey::from(key.certified(certificate)?);
            let mut config = builder.with_client_cert_resolver(Arc::new(own));
            config.alpn_protocols = vec![LINK.to_vec()];
            config
        }
        None => {
            let mut config = builder.with_no_client_auth();
            config.alpn_protocols = vec![ENROL.to_vec()];
            config
        }
    };
    config.resumption = rustls::client::Resumption::disabled();
    Ok(Arc::new(config))
}

/// Encrypts a connection to a gateway, which must be one of the authority's.
pub(crate) async fn connect(
    stream: Box<dyn Stream>,
    config: Arc<ClientConfig>,
) -> io::Result<Box<dyn Stream>> {
    let name = ServerName::try_from(GATEWAY_NAME).map_err(invalid)?;
    Ok(Box::new(TlsConnector::from(config).connect(name, stream).await?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use portreeve_model::Secret;
    use std::time::{Duration, SystemTime};

    const DAY: Duration = Duration::from_secs(24 * 3600);

    fn authority(seed: u8) -> Authority {
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        Authority::new(&Secret::new([seed; 32])).unwrap()
    }

    /// A handshake of a connector with a gateway of one authority.
    async fn shake(of: &Authority, config: Arc<ClientConfig>) -> io::Result<Caller> {
        let own = of.gateway(SystemTime::now()).unwrap();
        let server = server(of, own).unwrap();
        let (here, there) = tokio::io::duplex(1 << 16);
        let client = tokio::spawn(async move {
            let mut stream = connect(Box::new(there), config).await?;
            // TLS 1.3: the client hears of a refusal when it reads.
            let mut byte = [0];
            tokio::io::AsyncReadExt::read(&mut stream, &mut byte).await
        });
        let accepted = accept(Box::new(here), server).await;
        let caller = accepted.map(|(_, caller)| caller);
        client.await.unwrap().ok();
        caller
    }

    fn with(of: &Authority, by: &Authority, at: SystemTime) -> Arc<ClientConfig> {
        let key = ConnectorKey::fresh().unwrap();
        let certificate = by.connector("eu", &key.public(), at, DAY).unwrap();
        client(&of.public(), Some((&key, certificate))).unwrap()
    }

    #[tokio::test]
    async fn each_side_believes_its_authority_only() {
        let (ours, other, now) = (authority(1), authority(2), SystemTime::now());
        let config = with(&ours, &ours, now);
        assert!(matches!(
            shake(&ours, config).await,
            Ok(Caller::Connector { name, .. }) if name == "eu"
        ));
        // A certificate of another authority, one that has ended, one that is not good yet.
        assert!(shake(&ours, with(&ours, &other, now)).await.is_err());
        assert!(shake(&ours, with(&ours, &ours, now - 3 * DAY)).await.is_err());
        assert!(shake(&ours, with(&ours, &ours, now + DAY)).await.is_err());
        // A gateway of another authority.
        assert!(shake(&other, with(&ours, &other, now)).await.is_err());
        // An invitation's holder.
        let stranger = client(&ours.public(), None).unwrap();
        assert!(matches!(shake(&ours, stranger).await, Ok(Caller::Stranger)));
    }

    #[tokio::test]
    async fn nothing_older_or_half_authenticated_comes_in() {
        let ours = authority(1);
        // Says that it is a connector, and shows no certificate.
        let mut bare = (*client(&ours.public(), None).unwrap()).clone();
        bare.alpn_protocols = vec![LINK.to_vec()];
        assert!(shake(&ours, Arc::new(bare)).await.is_err());
        let mut old = (*client(&ours.public(), None).unwrap()).clone();
        old.alpn_protocols = vec![b"h2".to_vec()];
        assert!(shake(&ours, Arc::new(old)).await.is_err());
        let builder = ClientConfig::builder_with_protocol_versions(&[&version::TLS12]);
        let mut tls12 = builder.with_root_certificates(roots(&ours.public())).with_no_client_auth();
        tls12.alpn_protocols = vec![ENROL.to_vec()];
        assert!(shake(&ours, Arc::new(tls12)).await.is_err());
    }
}
