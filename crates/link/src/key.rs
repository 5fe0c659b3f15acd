//! A connector's own key: made where it is used, and never anywhere else.

use crate::authority::{CredentialError, PublicKey, public_of};
use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, UnparsedPublicKey};
use portreeve_model::Secret;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::sign::CertifiedKey;

/// What a connector proves itself with.
pub struct ConnectorKey {
    pair: Ed25519KeyPair,
    pkcs8: Secret<Vec<u8>>,
    public: PublicKey,
}

impl std::fmt::Debug for ConnectorKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ConnectorKey").finish_non_exhaustive()
    }
}

impl ConnectorKey {
    /// A fresh one.
    ///
    /// # Errors
    /// There is no randomness.
    pub fn fresh() -> Result<Self, CredentialError> {
        let pair =
            Ed25519KeyPair::generate().map_err(|_| CredentialError::new("a key cannot be made"))?;
        let pkcs8 = pair.to_pkcs8().map_err(CredentialError::new)?;
        Self::read(&Secret::new(pkcs8.as_ref().to_vec()))
    }

    /// Reads one from PKCS #8.
    ///
    /// # Errors
    /// It is no Ed25519 key.
    pub fn read(pkcs8: &Secret<Vec<u8>>) -> Result<Self, CredentialError> {
        let pair = Ed25519KeyPair::from_pkcs8(pkcs8.reveal())
            .map_err(|_| CredentialError::new("it is no Ed25519 key"))?;
        let public = public_of(&pair)?;
        Ok(Self { pair, pkcs8: pkcs8.clone(), public })
    }

    /// For the file that it is kept in.
    #[must_use]
    pub fn pkcs8(&self) -> &Secret<Vec<u8>> {
        &self.pkcs8
    }

    /// What others know it by.
    #[must_use]
    pub fn public(&self) -> PublicKey {
        self.public
    }

    /// Signs a text.
    #[must_use]
    pub fn sign(&self, text: &[u8]) -> Vec<u8> {
        self.pair.sign(text).as_ref().to_vec()
    }

    pub(crate) fn certified(
        &self,
        certificate: CertificateDer<'static>,
    ) -> Result<CertifiedKey, CredentialError> {
        let secret = PrivatePkcs8KeyDer::from(self.pkcs8.reveal().clone());
        let provider = rustls::crypto::aws_lc_rs::default_provider();
        CertifiedKey::from_der(vec![certificate], PrivateKeyDer::Pkcs8(secret), &provider)
            .map_err(CredentialError::new)
    }
}

/// Whether a text was signed by who has a key.
#[must_use]
pub(crate) fn is_signed(text: &[u8], signature: &[u8], key: &PublicKey) -> bool {
    UnparsedPublicKey::new(&ED25519, key).verify(text, signature).is_ok()
}
