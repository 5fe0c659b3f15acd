//! Certificates: the configured ones, or for loopback one that is made at the first start.

use anyhow::{Context, anyhow};
use portreeve_control::config::{Listener, ServerTls, TargetTls};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Where the self-signed certificate for loopback is.
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

fn write_private(path: &Path, text: &str) -> anyhow::Result<()> {
    use std::io::Write;
    let mut options = std::fs::OpenOptions::new();
    let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(path)?;
    Ok(file.write_all(text.as_bytes())?)
}

/// What a listener shows. The configuration's reader has made sure that only loopback
/// goes without a certificate of its own.
pub(super) fn server(
    listener: &Listener,
    loopback: &LoopbackCertificate,
    protocols: &[&[u8]],
) -> anyhow::Result<Arc<ServerConfig>> {
    let (certificate, key) = match &listener.tls {
        Some(tls) => (&tls.certificate, &tls.key),
        None => (&loopback.certificate, &loopback.key),
    };
    pair(certificate, key, protocols)
}

/// What a witness shows.
pub(crate) fn server_certificate(tls: &ServerTls) -> anyhow::Result<Arc<ServerConfig>> {
    pair(&tls.certificate, &tls.key, &[b"http/1.1"])
}

fn pair(certificate: &Path, key: &Path, protocols: &[&[u8]]) -> anyhow::Result<Arc<ServerConfig>> {
    let chain = CertificateDer::pem_file_iter(certificate)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| anyhow!("certificate `{}`: {error}", certificate.display()))?;
    let secret = PrivateKeyDer::from_pem_file(key)
        .map_err(|error| anyhow!("key `{}`: {error}", key.display()))?;
    let mut config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(chain, secret)
        .with_context(|| format!("certificate `{}`", certificate.display()))?;
    config.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
    Ok(Arc::new(config))
}

/// How a target's certificate is checked: chain and host name, against the configured
/// authorities or those of the machine.
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
    let config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    Ok(Arc::new(config))
}
