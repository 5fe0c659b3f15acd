//! What a connector keeps: its key, the certificate for it, and whom it believes.

use crate::authority::{CredentialError, PublicKey, holder, validity};
use crate::invite::Fingerprint;
use crate::key::ConnectorKey;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use portreeve_files::{Durability, put};
use portreeve_model::Secret;
use rustls::pki_types::CertificateDer;
use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::SystemTime;

/// A connector's folder. Cheap to clone.
#[derive(Clone, Debug)]
pub struct State {
    folder: PathBuf,
    key: Arc<ConnectorKey>,
    authority: PublicKey,
    certificate: Arc<RwLock<CertificateDer<'static>>>,
    name: String,
}

/// Why there is none.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// Nobody has enrolled here.
    #[error(
        "no connector is enrolled in `{}`; hint: `portreeve connectors invite` on the gateway's \
         machine, then `portreeve connector enroll` here", .0.display()
    )]
    NotEnrolled(PathBuf),
    /// Somebody has.
    #[error(
        "`{}` holds the key of a connector already; hint: move the folder away to enrol anew",
        .0.display()
    )]
    Enrolled(PathBuf),
    /// A file.
    #[error("cannot use `{}`: {why}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        why: String,
    },
    /// A key or a certificate.
    #[error(transparent)]
    Credential(#[from] CredentialError),
}

const KEY: &str = "connector-key";
const CERTIFICATE: &str = "connector-certificate";
const AUTHORITY: &str = "gateway-authority";
/// Written and removed again, to see whether the folder can be written.
const PROBE: &str = "can-be-written";

impl State {
    /// Reads what was enrolled.
    ///
    /// # Errors
    /// Nothing was, or it cannot be read.
    pub fn open(folder: &Path) -> Result<Self, StateError> {
        if !folder.join(KEY).exists() {
            return Err(StateError::NotEnrolled(folder.to_owned()));
        }
        let key = ConnectorKey::read(&Secret::new(read(folder, KEY)?))?;
        let certificate = CertificateDer::from(read(folder, CERTIFICATE)?);
        let authority = PublicKey::try_from(read(folder, AUTHORITY)?.as_slice())
            .map_err(|_| CredentialError::new("the gateway's authority is no key"))?;
        Self::of(folder, key, authority, certificate)
    }

    fn of(
        folder: &Path,
        key: ConnectorKey,
        authority: PublicKey,
        certificate: CertificateDer<'static>,
    ) -> Result<Self, StateError> {
        let (name, own) = holder(&certificate)?;
        if own != key.public() {
            return Err(CredentialError::new("the certificate is not that of the key").into());
        }
        let certificate = Arc::new(RwLock::new(certificate));
        Ok(Self { folder: folder.to_owned(), key: Arc::new(key), authority, certificate, name })
    }

    /// That nobody has enrolled here, and what is enrolled can be kept.
    pub(crate) fn prepare(folder: &Path) -> Result<(), StateError> {
        if folder.join(KEY).exists() {
            return Err(StateError::Enrolled(folder.to_owned()));
        }
        let made = DirBuilder::new().recursive(true).mode(0o700).create(folder);
        made.map_err(|error| StateError::File { path: folder.into(), why: error.to_string() })?;
        // Before the invitation is used up: it is good once.
        write(folder, PROBE, &[])?;
        let path = folder.join(PROBE);
        let removed = std::fs::remove_file(&path);
        removed.map_err(|error| StateError::File { path, why: error.to_string() })
    }

    /// Keeps what was enrolled. The key comes last: without it, nobody is.
    pub(crate) fn create(
        folder: &Path,
        key: ConnectorKey,
        authority: PublicKey,
        certificate: CertificateDer<'static>,
    ) -> Result<Self, StateError> {
        write(folder, AUTHORITY, &authority)?;
        write(folder, CERTIFICATE, &certificate)?;
        write(folder, KEY, key.pkcs8().reveal())?;
        Self::of(folder, key, authority, certificate)
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its key, for people.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint(self.key.public())
    }

    pub(crate) fn key(&self) -> &Arc<ConnectorKey> {
        &self.key
    }

    pub(crate) fn authority(&self) -> &PublicKey {
        &self.authority
    }

    pub(crate) fn certificate(&self) -> CertificateDer<'static> {
        self.certificate.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// From when until when the certificate holds.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn validity(&self) -> Result<(SystemTime, SystemTime), CredentialError> {
        validity(&self.certificate())
    }

    /// What a failed handshake may come from.
    pub(super) fn explained(&self, error: &io::Error) -> String {
        let now = SystemTime::now();
        match self.validity() {
            Ok((from, _)) if now < from => format!(
                "{error}; hint: this machine's clock is behind, its certificate is not good yet"
            ),
            Ok((_, until)) if now > until => format!(
                "{error}; hint: its certificate has ended while it could not renew it: invite it \
                 anew, or set this machine's clock"
            ),
            Ok(_) | Err(_) => error.to_string(),
        }
    }

    /// Takes over a certificate for the same key.
    pub(crate) fn renew(&self, certificate: CertificateDer<'static>) -> Result<(), StateError> {
        let (name, key) = holder(&certificate)?;
        if key != self.key.public() || name != self.name {
            return Err(CredentialError::new("a certificate for somebody else came").into());
        }
        write(&self.folder, CERTIFICATE, &certificate)?;
        *self.certificate.write().unwrap_or_else(PoisonError::into_inner) = certificate;
        Ok(())
    }
}

fn read(folder: &Path, name: &str) -> Result<Vec<u8>, StateError> {
    let path = folder.join(name);
    let wrong = |why: String| StateError::File { path: path.clone(), why };
    let text = std::fs::read_to_string(&path).map_err(|error| wrong(error.to_string()))?;
    BASE64.decode(text.trim()).map_err(|_| wrong("it is not base64".into()))
}

fn write(folder: &Path, name: &str, bytes: &[u8]) -> Result<(), StateError> {
    let path = folder.join(name);
    let text = format!("{}\n", BASE64.encode(bytes));
    put(&path, 0o600, text.as_bytes(), Durability::OfName)
        .map_err(|error| StateError::File { path, why: error.to_string() })
}
