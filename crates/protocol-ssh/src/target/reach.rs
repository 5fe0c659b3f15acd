//! Reaching a machine: where it is, and what opens it. A gateway does it, or a
//! connector in its place.

use super::proof::HostProof;
use super::wire::Wire;
use crate::certificates::{Label, TargetAuthority};
use crate::keys::{KeyError, private};
use portreeve_model::Secret;
use portreeve_transport::{DialError, TcpTarget};
use russh::client::AuthResult;
use russh::keys::{HashAlg, PrivateKey, PrivateKeyWithHashAlg};
use std::sync::Arc;
use std::time::SystemTime;
use tokio::time::timeout;

/// What opens a target. It is in no record.
#[derive(Clone)]
pub enum Credential {
    /// A private key.
    Key(Arc<PrivateKey>),
    /// A password.
    Password(Secret<String>),
    /// A certificate for each session, which names this principal.
    Certificate {
        /// The principal.
        principal: String,
        /// Who signs it, where that is not the gateway's own authority.
        authority: Option<Box<TargetAuthority>>,
    },
}

impl std::fmt::Debug for Credential {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Key(_) => "Key",
            Self::Password(_) => "Password",
            Self::Certificate { .. } => "Certificate",
        })
    }
}

impl Credential {
    /// Reads a private key as OpenSSH writes it.
    ///
    /// # Errors
    /// It is none, or has a passphrase.
    pub fn key(text: &Secret<String>) -> Result<Self, KeyError> {
        private(text).map(|key| Self::Key(Arc::new(key)))
    }
}

/// Where a machine is, what it proves itself with, and what opens it.
#[derive(Clone, Debug)]
pub struct Reach {
    /// Where it is.
    pub address: TcpTarget,
    /// What it proves itself with.
    pub proof: HostProof,
    /// As whom commands run.
    pub user: String,
    /// What opens it.
    pub credential: Credential,
}

impl Reach {
    /// A connection that is logged in. Where it takes a certificate, this is who signs it unless
    /// the credential says so, and what stands in it.
    pub(crate) async fn dial(
        &self,
        authority: Option<&TargetAuthority>,
        label: &Label,
    ) -> Result<Wire, DialError> {
        let reached = async {
            let (stream, _) = self.address.connect().await?.into_parts();
            let mut wire = Wire::speak(stream, &self.proof).await?;
            self.log_in(&mut wire, authority, label).await?;
            Ok(wire)
        };
        timeout(self.address.timeout, reached).await.map_err(|_| DialError::Timeout)?
    }

    async fn log_in(
        &self,
        wire: &mut Wire,
        authority: Option<&TargetAuthority>,
        label: &Label,
    ) -> Result<(), DialError> {
        let user = self.user.clone();
        let mut hint = "";
        let answered = match &self.credential {
            Credential::Key(key) => {
                let key = PrivateKeyWithHashAlg::new(key.clone(), Some(HashAlg::Sha512));
                wire.handle().authenticate_publickey(user, key).await
            }
            Credential::Password(password) => {
                wire.handle().authenticate_password(user, password.reveal().clone()).await
            }
            Credential::Certificate { principal, authority: own } => {
                hint = match own {
                    Some(_) => UNTRUSTED_OWN,
                    None => UNTRUSTED,
                };
                let nobody = DialError::NoCredential("nobody signs certificates here");
                let authority = own.as_deref().or(authority).ok_or(nobody)?;
                let made = authority.fresh(label, principal, SystemTime::now());
                let (key, certificate) =
                    made.map_err(|error| DialError::Protocol(error.to_string()))?;
                wire.handle().authenticate_openssh_cert(user, Arc::new(key), certificate).await
            }
        };
        match answered {
            Ok(AuthResult::Success) => Ok(()),
            Ok(AuthResult::Failure { .. }) => Err(DialError::Refused {
                code: "login".to_owned(),
                message: format!("`{}` may not log in with what it was shown{hint}", self.user),
            }),
            Err(error) => Err(DialError::Protocol(error.to_string())),
        }
    }
}

const UNTRUSTED: &str = "; hint: the machine has to trust what `portreeve ssh ca` prints, for this \
                         principal, and its clock has to be right";
const UNTRUSTED_OWN: &str = "; hint: the machine has to trust the public half of \
                             `certificate.authority`, for this principal, and its clock has to be \
                             right";
