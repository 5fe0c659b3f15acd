//! Keys that machines prove themselves with: the gateway's own, and those of targets.

use portreeve_model::Secret;
use russh::keys::ssh_key::LineEnding;
use russh::keys::{Algorithm, HashAlg, PrivateKey, PublicKey, decode_secret_key};
use std::sync::Arc;
use thiserror::Error;

/// Why a key cannot be read, in an operator's words. Nothing of the key is in it.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
#[error("{0}")]
pub struct KeyError(String);

impl KeyError {
    pub(crate) fn new(why: String) -> Self {
        Self(why)
    }
}

/// The key that the gateway proves itself with to clients.
#[derive(Clone)]
pub struct HostKey(pub(crate) Arc<PrivateKey>);

impl std::fmt::Debug for HostKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("HostKey").field(&self.fingerprint()).finish()
    }
}

impl HostKey {
    /// A new key, and its file.
    ///
    /// # Errors
    /// It could not be written.
    pub fn fresh() -> Result<(Self, Secret<String>), KeyError> {
        let (key, text) = fresh()?;
        Ok((Self(Arc::new(key)), text))
    }

    /// Reads a key's file.
    ///
    /// # Errors
    /// It is none.
    pub fn read(text: &Secret<String>) -> Result<Self, KeyError> {
        private(text).map(|key| Self(Arc::new(key)))
    }

    /// As `known_hosts` has it, without the host.
    #[must_use]
    pub fn public(&self) -> String {
        self.0.public_key().to_openssh().unwrap_or_default()
    }

    /// As clients show it when they ask.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        self.0.public_key().fingerprint(HashAlg::Sha256).to_string()
    }
}

/// A new key for a client: its public half in one line, and its file.
///
/// # Errors
/// It could not be written.
pub fn fresh_key() -> Result<(String, Secret<String>), KeyError> {
    let (key, text) = fresh()?;
    Ok((line(&key)?, text))
}

/// The public half of a private key, in one line.
///
/// # Errors
/// It is none, or has a passphrase.
pub fn public_half(text: &Secret<String>) -> Result<String, KeyError> {
    line(&private(text)?)
}

fn fresh() -> Result<(PrivateKey, Secret<String>), KeyError> {
    let failed = |error: russh::keys::ssh_key::Error| KeyError(error.to_string());
    let mut random = russh::keys::key::safe_rng();
    let key = PrivateKey::random(&mut random, Algorithm::Ed25519).map_err(failed)?;
    let text = key.to_openssh(LineEnding::LF).map_err(failed)?.to_string();
    Ok((key, Secret::new(text)))
}

fn line(key: &PrivateKey) -> Result<String, KeyError> {
    key.public_key().to_openssh().map_err(|error| KeyError(error.to_string()))
}

/// Reads a private key.
pub(crate) fn private(text: &Secret<String>) -> Result<PrivateKey, KeyError> {
    decode_secret_key(text.reveal(), None).map_err(|_| {
        KeyError(
            "the private key cannot be read\nhint: use an Ed25519 or ECDSA key without a \
             passphrase (`ssh-keygen -t ed25519 -N ''`)"
                .to_owned(),
        )
    })
}

/// Which keys a target may prove itself with.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PinnedKeys(Vec<Pin>);

#[derive(Clone, PartialEq, Eq, Debug)]
enum Pin {
    Key(Box<PublicKey>),
    Fingerprint(String),
}

impl PinnedKeys {
    /// Reads keys or fingerprints, one a line.
    ///
    /// # Errors
    /// One is neither.
    pub fn read(text: &str) -> Result<Self, KeyError> {
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
        let pins = lines.map(|line| {
            if line.starts_with("SHA256:") {
                return Ok(Pin::Fingerprint(line.trim_end_matches('=').to_owned()));
            }
            // `ssh-keyscan` writes the host before the key.
            let at = line.find("ssh-").or_else(|| line.find("ecdsa-")).unwrap_or_default();
            let key = line.get(at..).unwrap_or_default();
            let key = PublicKey::from_openssh(key).map_err(|_| {
                KeyError(
                    "`host_key` is no public key\nhint: `ssh-keyscan -t ed25519 HOST` shows it"
                        .to_owned(),
                )
            })?;
            Ok(Pin::Key(Box::new(key)))
        });
        let pins = pins.collect::<Result<Vec<_>, _>>()?;
        match pins.is_empty() {
            true => Err(KeyError("`host_key` is empty".to_owned())),
            false => Ok(Self(pins)),
        }
    }

    /// Whether a key is one of them.
    pub(crate) fn holds(&self, key: &PublicKey) -> bool {
        self.0.iter().any(|pin| match pin {
            Pin::Key(known) => known.key_data() == key.key_data(),
            Pin::Fingerprint(known) => key.fingerprint(HashAlg::Sha256).to_string() == *known,
        })
    }

    /// The algorithms of the keys, so that a target that has several shows the right one; none
    /// where only fingerprints are known.
    pub(crate) fn algorithms(&self) -> Vec<Algorithm> {
        let algorithm = |pin: &Pin| match pin {
            Pin::Key(key) => Some(key.algorithm()),
            Pin::Fingerprint(_) => None,
        };
        let known: Option<Vec<_>> = self.0.iter().map(algorithm).collect();
        known.unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_kept_and_pinned_by_either_name() {
        let (key, text) = HostKey::fresh().unwrap();
        let (other, _) = HostKey::fresh().unwrap();
        assert_eq!(HostKey::read(&text).unwrap().public(), key.public());
        let scanned = format!("host.example {}", key.public());
        for pin in [key.public(), key.fingerprint(), scanned] {
            let pinned = PinnedKeys::read(&pin).unwrap();
            assert!(pinned.holds(key.0.public_key()), "{pin}");
            assert!(!pinned.holds(other.0.public_key()), "{pin}");
        }
        for text in ["", "\n", "ssh-ed25519 AAAA", "no key"] {
            assert!(PinnedKeys::read(text).is_err(), "{text}");
        }
    }
}
