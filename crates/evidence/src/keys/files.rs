//! The key files of a log.
//!
//! | file | what | who should have it |
//! |---|---|---|
//! | `log.pub` | the log's public key, a signed-note verifier key | everyone |
//! | `keys/log.key` | its private half | the gateway alone |
//! | `keys/auditor.pub` | the auditors' public key | the gateway |
//! | `keys/auditor.key` | its private half, minted with it | the auditors: move it away |

use crate::error::Error;
use crate::tlog::vkey::VerifierKey;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use std::fs;
use std::path::Path;

/// The public key's file.
pub(crate) const LOG_PUBLIC: &str = "log.pub";
pub(super) const AUDITOR_PUBLIC: &str = "keys/auditor.pub";
/// Where the auditors' private key is until someone moves it.
pub(crate) const AUDITOR_PRIVATE: &str = "keys/auditor.key";
pub(super) const AUDITOR_PUBLIC_PREFIX: &str = "portreeve-auditor-public-v1 ";
pub(super) const AUDITOR_PRIVATE_PREFIX: &str = "portreeve-auditor-private-v1 ";

/// The auditors' private key: opens their share of every recording's key.
pub struct AuditorKey([u8; 32]);

impl std::fmt::Debug for AuditorKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("AuditorKey(***)")
    }
}

impl AuditorKey {
    /// Reads the key's file.
    pub fn load(path: &Path) -> Result<Self, Error> {
        read_key(path, AUDITOR_PRIVATE_PREFIX).map(Self)
    }

    pub(crate) fn bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

pub(super) fn read_key(path: &Path, prefix: &str) -> Result<[u8; 32], Error> {
    let bad = |what| Error::Key { path: path.to_owned(), what };
    let text = fs::read_to_string(path).map_err(|error| Error::store("read", path, error))?;
    let text = text.trim().strip_prefix(prefix).ok_or(bad("its prefix is missing"))?;
    let bytes = BASE64.decode(text).map_err(|_| bad("it is not base64"))?;
    bytes.try_into().map_err(|_| bad("it is not 32 bytes"))
}

/// The public key that lies with the log.
pub(crate) fn load_public(dir: &Path) -> Result<VerifierKey, Error> {
    let path = dir.join(LOG_PUBLIC);
    let text = fs::read_to_string(&path).map_err(|error| Error::store("read", &path, error))?;
    text.parse().map_err(|what| Error::Key { path, what })
}
