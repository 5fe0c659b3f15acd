//! From an invitation to a certificate.

use super::state::{State, StateError};
use crate::carrier::{Carrier, CarrierError};
use crate::invite::Invite;
use crate::key::ConnectorKey;
use crate::message::{self, FromConnector, FromGateway, now_us, proof_text};
use crate::tls;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use rustls::pki_types::CertificateDer;
use std::io;
use std::path::Path;
use std::time::Duration;
use tokio::time::timeout;

/// Why nobody was enrolled.
#[derive(Debug, thiserror::Error)]
pub enum EnrolError {
    /// This machine.
    #[error(transparent)]
    State(#[from] StateError),
    /// The way.
    #[error(transparent)]
    Carrier(#[from] CarrierError),
    /// The other end is no gateway of the invitation, or broke off.
    #[error(
        "`{gateway}` does not answer as the gateway of this invitation: {error}; hint: is that \
         its `listen.connectors`, and is nothing in between that ends TLS?"
    )]
    Gateway {
        /// Where.
        gateway: String,
        /// Why.
        error: io::Error,
    },
    /// It said no.
    #[error("the gateway refused: {0}")]
    Refused(String),
}

/// Enrols with an invitation: makes a key, and keeps it with what the gateway answers.
///
/// # Errors
/// Nothing is kept then. The invitation may be used up.
pub async fn enrol(invite: &Invite, folder: &Path, carrier: &Carrier) -> Result<State, EnrolError> {
    State::prepare(folder)?;
    let key = ConnectorKey::fresh().map_err(StateError::from)?;
    let config = tls::client(&invite.authority, None).map_err(StateError::from)?;
    let mut last = None;
    for gateway in &invite.gateways {
        let stream = match carrier.connect(gateway).await {
            Ok(stream) => stream,
            Err(error) => {
                last = Some(EnrolError::Carrier(error));
                continue;
            }
        };
        let asked = timeout(ENROL_TIMEOUT, async {
            let mut stream = tls::connect(stream, config.clone()).await?;
            message::write(&mut stream, &asked(invite, &key)).await?;
            message::read::<FromGateway>(&mut stream).await
        });
        let told = asked.await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()));
        let gateway = gateway.clone();
        let told = told.map_err(|error| EnrolError::Gateway { gateway, error })?;
        return match told {
            FromGateway::Certificate { certificate, .. } => {
                let der = BASE64.decode(certificate).unwrap_or_default();
                let certificate = CertificateDer::from(der);
                Ok(State::create(folder, key, invite.authority, certificate)?)
            }
            FromGateway::Refused { why, .. } => Err(EnrolError::Refused(why)),
            FromGateway::Welcome { .. } | FromGateway::Ping { .. } => {
                Err(EnrolError::Refused("it says something else".into()))
            }
        };
    }
    Err(last.unwrap_or_else(|| EnrolError::Refused("the invitation names no gateway".into())))
}

fn asked(invite: &Invite, key: &ConnectorKey) -> FromConnector {
    let public = key.public();
    FromConnector::Enrol {
        invite: invite.id.clone(),
        secret: BASE64.encode(invite.secret.reveal()),
        key: BASE64.encode(public),
        proof: BASE64.encode(key.sign(&proof_text(&invite.id, &public))),
        time_us: now_us(),
    }
}

const ENROL_TIMEOUT: Duration = Duration::from_secs(15);
