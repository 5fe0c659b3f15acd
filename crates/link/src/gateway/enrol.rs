//! Somebody has an invitation.

use super::hub::{Hub, Refused};
use super::registry::{Enrolment, RegistryError};
use crate::authority::PublicKey;
use crate::key::is_signed;
use crate::message::{self, FromConnector, FromGateway, proof_text};
use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use portreeve_transport::Stream;
use std::io;
use std::net::IpAddr;
use std::time::SystemTime;

impl Hub {
    /// Takes an invitation, and gives a certificate for it.
    pub(super) async fn enrol(&self, mut stream: Box<dyn Stream>, from: IpAddr) -> io::Result<()> {
        let answer = match message::read(&mut stream).await? {
            FromConnector::Enrol { invite, secret, key, proof, .. } => {
                match self.use_up(&invite, &secret, (&key, &proof), from).await {
                    Ok(answer) => answer,
                    Err(why) => {
                        self.refused("", None, Refused { from, why: &why });
                        FromGateway::Refused { why, may_change: false }
                    }
                }
            }
            FromConnector::Hello { .. }
            | FromConnector::Check { .. }
            | FromConnector::Renew
            | FromConnector::Pong { .. } => {
                let why = "it shows no certificate; hint: `portreeve connector enroll`".to_owned();
                FromGateway::Refused { why, may_change: false }
            }
        };
        message::write(&mut stream, &answer).await?;
        tokio::io::AsyncWriteExt::shutdown(&mut stream).await
    }

    async fn use_up(
        &self,
        invite: &str,
        secret: &str,
        (key, proof): (&str, &str),
        from: IpAddr,
    ) -> Result<FromGateway, String> {
        let unreadable = || "the request to enrol cannot be read".to_owned();
        let bytes = |text: &str| BASE64.decode(text).map_err(|_| unreadable());
        let (secret, key, proof) = (bytes(secret)?, bytes(key)?, bytes(proof)?);
        let key = PublicKey::try_from(key.as_slice()).map_err(|_| unreadable())?;
        if !is_signed(&proof_text(invite, &key), &proof, &key) {
            return Err("it does not have the private key of the public key that it shows".into());
        }
        let mut secret_digest = [0; 32];
        secret_digest.copy_from_slice(digest::digest(&digest::SHA256, &secret).as_ref());
        let enrolment = Enrolment { invite: invite.to_owned(), secret_digest, key, from };
        let known = self.registry.enrol(&enrolment).await.map_err(|error| match error {
            RegistryError::Refused(why) => why,
            RegistryError::Failed(why) => {
                tracing::error!(why, "a connector cannot be enrolled");
                "the gateway cannot enrol anybody now".to_owned()
            }
        })?;
        let lifetime = self.limits.certificate_lifetime;
        let made = self.authority.connector(&known.name, &key, SystemTime::now(), lifetime);
        let certificate = made.map_err(|error| error.to_string())?;
        let certificate = BASE64.encode(&certificate);
        tracing::info!(connector = known.name, address = %from, "a connector was enrolled");
        Ok(FromGateway::Certificate { certificate, name: known.name })
    }
}
