//! What can be tried before the gateway starts: secrets, certificates, keys.

use super::known::KnownColumns;
use super::settings::SettingValue;
use super::types::{Config, ServerTls};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

impl Config {
    /// Tries everything that the configuration points at. One line per failure, for
    /// the operator; empty when all is well. Reads secrets, keeps none.
    #[must_use]
    pub fn preflight(&self) -> Vec<String> {
        let mut failures = Vec::new();
        for (name, resource) in &self.resources {
            for (key, value) in resource.target.iter() {
                let failure = match value {
                    SettingValue::Secret(Some(secret)) => {
                        secret.resolve().err().map(|error| (String::new(), error.to_string()))
                    }
                    SettingValue::Tls(tls) => {
                        let tried = tls.ca.as_deref().map(certificates);
                        tried.and_then(Result::err).map(|why| (".ca".to_owned(), why))
                    }
                    SettingValue::Secret(None)
                    | SettingValue::Text(_)
                    | SettingValue::Number(_) => None,
                };
                if let Some((part, why)) = failure {
                    let protocol = resource.protocol;
                    failures.push(format!("`resources.{name}.{protocol}.{key}{part}`: {why}"));
                }
            }
        }
        for (name, resource) in &self.resources {
            let known = resource.known_columns.as_deref().map(KnownColumns::read);
            if let Some(Err(why)) = known {
                failures.push(format!("`resources.{name}.known_columns`: {why}"));
            }
        }
        for (name, listener) in self.listen.all() {
            if let Some(Err(why)) = listener.tls.as_ref().map(pair) {
                failures.push(format!("`listen.{name}.tls`: {why}"));
            }
        }
        for (index, witness) in self.evidence.witnesses.iter().enumerate() {
            if let Some(file) = &witness.ca
                && let Err(why) = certificates(file)
            {
                failures.push(format!("`evidence.witnesses[{index}].ca`: {why}"));
            }
        }
        failures
    }
}

/// Reads the certificates of a PEM file.
///
/// # Errors
/// It cannot be read, or holds none.
pub(crate) fn certificates(file: &std::path::Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_file_iter(file)
        .map_err(|error| format!("`{}`: {error}", file.display()))?
        .collect();
    match found {
        Ok(found) if found.is_empty() => Err(format!("`{}` holds no certificate", file.display())),
        Ok(found) => Ok(found),
        Err(error) => Err(format!("`{}`: {error}", file.display())),
    }
}

fn pair(tls: &ServerTls) -> Result<(), String> {
    let certificates = certificates(&tls.certificate)?;
    let key = PrivateKeyDer::from_pem_file(&tls.key)
        .map_err(|error| format!("`{}`: {error}", tls.key.display()))?;
    let provider = std::sync::Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_no_client_auth()
        .with_single_cert(certificates, key)
        .map(|_| ())
        .map_err(|error| format!("the certificate and the key do not fit: {error}"))
}
