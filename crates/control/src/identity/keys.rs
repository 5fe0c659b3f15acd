//! Public keys of an issuer, and which of them may verify which algorithm.

use super::AuthError;
use super::token::Unverified;
use crate::config::SignatureAlgorithm as Alg;
use jsonwebtoken::jwk::{
    AlgorithmParameters, EllipticCurve, Jwk, KeyAlgorithm, KeyOperations, PublicKeyUse,
};
use jsonwebtoken::{Algorithm, DecodingKey};
use serde_json::Value;

/// The keys of one issuer.
pub(crate) struct KeySet {
    keys: Vec<PublicKey>,
}

struct PublicKey {
    id: Option<String>,
    /// What the key's type, curve and own `alg` allow.
    algorithms: Vec<Alg>,
    key: DecodingKey,
}

/// What a set says about a token.
pub(crate) enum Verdict {
    /// One of its keys signed it.
    Signed,
    /// A key fits, but did not sign it.
    NotSigned,
    /// No key fits.
    NoKey,
}

impl KeySet {
    /// Reads a JWKS. Keys of unknown types are left out: an issuer may have some for
    /// other purposes.
    pub(crate) fn parse(body: &[u8]) -> Result<Self, String> {
        let value: Value =
            serde_json::from_slice(body).map_err(|_| "the key set is not JSON".to_owned())?;
        let Some(listed) = value.get("keys").and_then(Value::as_array) else {
            return Err("the key set has no `keys`".into());
        };
        let keys: Vec<_> =
            listed.iter().take(KEYS_MAX).filter_map(|key| PublicKey::read(key.clone())).collect();
        if keys.is_empty() {
            return Err("the key set has no usable key".into());
        }
        Ok(Self { keys })
    }

    /// Looks for the key that signed a token: by `kid` where there is one, among all
    /// that fit where there is none.
    pub(crate) fn verify(&self, token: &Unverified<'_>) -> Result<Verdict, AuthError> {
        let named = |key: &&PublicKey| token.key_id.is_none() || key.id == token.key_id;
        let fits = |key: &&PublicKey| key.algorithms.contains(&token.algorithm);
        let mut verdict = Verdict::NoKey;
        for key in self.keys.iter().filter(named).filter(fits) {
            let signed = jsonwebtoken::crypto::verify(
                token.signature,
                token.signed.as_bytes(),
                &key.key,
                jwt_algorithm(token.algorithm),
            );
            match signed {
                Ok(true) => return Ok(Verdict::Signed),
                Ok(false) => verdict = Verdict::NotSigned,
                Err(_) => return Err(AuthError::Malformed("its signature is not base64url")),
            }
        }
        Ok(verdict)
    }
}

impl PublicKey {
    fn read(value: Value) -> Option<Self> {
        let jwk: Jwk = serde_json::from_value(value).ok()?;
        let for_signatures = match &jwk.common.public_key_use {
            None | Some(PublicKeyUse::Signature) => true,
            Some(PublicKeyUse::Encryption | PublicKeyUse::Other(_)) => false,
        };
        let may_verify = jwk
            .common
            .key_operations
            .as_ref()
            .is_none_or(|operations| operations.contains(&KeyOperations::Verify));
        if !for_signatures || !may_verify {
            return None;
        }
        let mut algorithms = fitting(&jwk.algorithm);
        if let Some(own) = jwk.common.key_algorithm {
            algorithms.retain(|algorithm| key_algorithm(*algorithm) == own);
        }
        if algorithms.is_empty() {
            return None;
        }
        let key = DecodingKey::from_jwk(&jwk).ok()?;
        Some(Self { id: jwk.common.key_id, algorithms, key })
    }
}

/// SECURITY: the key decides which algorithms it can verify, never the token alone.
fn fitting(parameters: &AlgorithmParameters) -> Vec<Alg> {
    match parameters {
        AlgorithmParameters::RSA(_) => {
            vec![Alg::RS256, Alg::RS384, Alg::RS512, Alg::PS256, Alg::PS384, Alg::PS512]
        }
        AlgorithmParameters::EllipticCurve(key) => match key.curve {
            EllipticCurve::P256 => vec![Alg::ES256],
            EllipticCurve::P384 => vec![Alg::ES384],
            _ => Vec::new(),
        },
        AlgorithmParameters::OctetKeyPair(key) => match key.curve {
            EllipticCurve::Ed25519 => vec![Alg::EdDSA],
            _ => Vec::new(),
        },
        // Symmetric keys and types we do not know verify nothing.
        _ => Vec::new(),
    }
}

fn key_algorithm(algorithm: Alg) -> KeyAlgorithm {
    match algorithm {
        Alg::RS256 => KeyAlgorithm::RS256,
        Alg::RS384 => KeyAlgorithm::RS384,
        Alg::RS512 => KeyAlgorithm::RS512,
        Alg::PS256 => KeyAlgorithm::PS256,
        Alg::PS384 => KeyAlgorithm::PS384,
        Alg::PS512 => KeyAlgorithm::PS512,
        Alg::ES256 => KeyAlgorithm::ES256,
        Alg::ES384 => KeyAlgorithm::ES384,
        Alg::EdDSA => KeyAlgorithm::EdDSA,
    }
}

fn jwt_algorithm(algorithm: Alg) -> Algorithm {
    match algorithm {
        Alg::RS256 => Algorithm::RS256,
        Alg::RS384 => Algorithm::RS384,
        Alg::RS512 => Algorithm::RS512,
        Alg::PS256 => Algorithm::PS256,
        Alg::PS384 => Algorithm::PS384,
        Alg::PS512 => Algorithm::PS512,
        Alg::ES256 => Algorithm::ES256,
        Alg::ES384 => Algorithm::ES384,
        Alg::EdDSA => Algorithm::EdDSA,
    }
}

/// Each key may cost one verification of a token without a `kid`.
const KEYS_MAX: usize = 32;
