//! Certificates: the configured ones, or for loopback one that is made at the first start.

use super::protocols::Commit;
use anyhow::{Context, anyhow};
use portreeve_control::config::{Listener, ServerTls, TargetTls};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

/// Where the self-signed certificate for loopback is.
#[derive(Clone, Debug)]
pub(crate) struct LoopbackCertificate {
    certificate: PathBuf,
    key: PathBuf,
}

/// Makes the self-signed certificate for loopback, unless it is there already.
pub(crate) fn loopback_certificate(data_dir: &Path) -> anyhow::Result<LoopbackCertificate> {
    std::fs::create_dir_all(data_dir)
        .with_context(|| format!("cannot create `{}`", data_dir.display()))?;
    let files = LoopbackCertificate {
        certificate: data_dir.join("loopback-cert.pem"),
        key: data_dir.join("loopback-key.pem"),
    };
    if !files.certificate.exists() || !files.key.exists() {
        let names = ["localhost", "127.0.0.1", "::1"].map(str::to_owned).to_vec();
        let made = rcgen::generate_simple_self_signed(names)?;
        write_private(&files.key, &made.signing_key.serialize_pem())?;
        std::fs::write(&files.certificate, made.cert.pem())?;
    }
    Ok(files)
}

pub(super) fn write_private(path: &Path, text: &str) -> anyhow::Result<()> {
    use std::io::Write;
    let mut options = std::fs::OpenOptions::new();
    let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(path)?;
    Ok(file.write_all(text.as_bytes())?)
}

/// The certificate of a listener, and another one when it is renewed.
#[derive(Debug)]
pub(super) struct ServedCertificate {
    current: RwLock<Arc<CertifiedKey>>,
}

impl ResolvesServerCert for ServedCertificate {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.current.read().unwrap_or_else(PoisonError::into_inner).clone())
    }
}

impl ServedCertificate {
    /// The configured one, or that for loopback. The configuration's reader has made sure
    /// that only loopback goes without a certificate of its own.
    ///
    /// # Errors
    /// The files cannot be read, or do not fit.
    pub(super) fn load(
        listener: &Listener,
        loopback: &LoopbackCertificate,
    ) -> anyhow::Result<Arc<Self>> {
        let current = RwLock::new(Arc::new(certified(listener, loopback)?));
        Ok(Arc::new(Self { current }))
    }

    /// Makes ready to show what the files hold now.
    ///
    /// # Errors
    /// Like [`ServedCertificate::load`]; nothing has changed.
    pub(super) fn prepare(
        self: Arc<Self>,
        listener: &Listener,
        loopback: &LoopbackCertificate,
    ) -> anyhow::Result<Commit> {
        let fresh = Arc::new(certified(listener, loopback)?);
        Ok(Box::new(move || {
            *self.current.write().unwrap_or_else(PoisonError::into_inner) = fresh;
        }))
    }

    /// How it is shown to clients.
    pub(super) fn server(self: &Arc<Self>, protocols: &[&[u8]]) -> Arc<ServerConfig> {
        let builder = ServerConfig::builder().with_no_client_auth();
        let mut config = builder.with_cert_resolver(self.clone());
        config.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
        Arc::new(config)
    }
}

fn certified(listener: &Listener, loopback: &LoopbackCertificate) -> anyhow::Result<CertifiedKey> {
    let (certificate, key) = match &listener.tls {
        Some(tls) => (&tls.certificate, &tls.key),
        None => (&loopback.certificate, &loopback.key),
    };
    let (chain, secret) = pem(certificate, key)?;
    let provider = rustls::crypto::aws_lc_rs::default_provider();
    CertifiedKey::from_der(chain, secret, &provider)
        .with_context(|| format!("certificate `{}`", certificate.display()))
}

/// What a witness shows.
pub(crate) fn server_certificate(tls: &ServerTls) -> anyhow::Result<Arc<ServerConfig>> {
    let (chain, secret) = pem(&tls.certificate, &tls.key)?;
    let mut config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(chain, secret)
        .with_context(|| format!("certificate `{}`", tls.certificate.display()))?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

fn pem(
    certificate: &Path,
    key: &Path,
) -> anyhow::Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>)> {
    let chain = CertificateDer::pem_file_iter(certificate)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| anyhow!("certificate `{}`: {error}", certificate.display()))?;
    let secret = PrivateKeyDer::from_pem_file(key)
        .map_err(|error| anyhow!("key `{}`: {error}", key.display()))?;
    Ok((chain, secret))
}

/// How a target's certificate is checked: chain and host name, against the configured
/// authorities or those of the machine. What the gateway shows is the configured certificate.
pub(super) fn client(tls: &TargetTls) -> anyhow::Result<Arc<ClientConfig>> {
    let mut roots = RootCertStore::empty();
    match &tls.ca {
        Some(file) => {
            let at = || format!("authorities `{}`", file.display());
            let certificates = CertificateDer::pem_file_iter(file)
                .and_then(Iterator::collect::<Result<Vec<_>, _>>)
                .map_err(|error| anyhow!("{}: {error}", at()))?;
            for certificate in certificates {
                roots.add(certificate).with_context(at)?;
            }
        }
        None => {
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
    }
    let builder = ClientConfig::builder().with_root_certificates(roots);
    let config = match (&tls.certificate, &tls.key) {
        (Some(certificate), Some(key)) => {
            let (chain, secret) = pem(certificate, key)?;
            let shown = builder.with_client_auth_cert(chain, secret);
            shown.with_context(|| format!("certificate `{}`", certificate.display()))?
        }
        _ => builder.with_no_client_auth(),
    };
    Ok(Arc::new(config))
}
