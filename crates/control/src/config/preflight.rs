//! What can be tried before the gateway starts: secrets, certificates, keys.

use super::known::KnownColumns;
use super::settings::{SettingValue, Settings};
use super::types::Config;
use crate::files::certificates;
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject;
use std::path::Path;

impl Config {
    /// Tries everything that the configuration points at. One line per failure, for
    /// the operator; empty when all is well. Reads secrets, keeps none.
    #[must_use]
    pub fn preflight(&self) -> Vec<String> {
        let mut failures = Vec::new();
        for (name, resource) in &self.resources {
            let place = format!("resources.{name}.{}", resource.protocol);
            try_settings(&place, &resource.target, &mut failures);
        }
        for (name, resource) in &self.resources {
            let known = resource.known_columns.as_deref().map(KnownColumns::read);
            if let Some(Err(why)) = known {
                failures.push(format!("`resources.{name}.known_columns`: {why}"));
            }
        }
        for (name, listener) in self.listen.all() {
            if let Some(Err(why)) =
                listener.tls.as_ref().map(|tls| pair(&tls.certificate, &tls.key))
            {
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

/// Tries what the keys of one section point at.
fn try_settings(place: &str, settings: &Settings, failures: &mut Vec<String>) {
    for (key, value) in settings.iter() {
        let place = format!("{place}.{key}");
        match value {
            SettingValue::Secret(Some(secret)) => {
                if let Err(why) = secret.resolve() {
                    failures.push(format!("`{place}`: {why}"));
                }
            }
            SettingValue::File(Some(file)) => {
                if let Err(why) = std::fs::metadata(file) {
                    failures.push(format!("`{place}`: `{}`: {why}", file.display()));
                }
            }
            SettingValue::Tls(tls) => {
                if let Some(Err(why)) = tls.ca.as_deref().map(certificates) {
                    failures.push(format!("`{place}.ca`: {why}"));
                }
                if let (Some(certificate), Some(key)) = (&tls.certificate, &tls.key)
                    && let Err(why) = pair(certificate, key)
                {
                    failures.push(format!("`{place}.certificate`: {why}"));
                }
            }
            SettingValue::Section(Some(settings)) => try_settings(&place, settings, failures),
            SettingValue::Secret(None)
            | SettingValue::File(None)
            | SettingValue::Section(None)
            | SettingValue::Text(_)
            | SettingValue::Number(_)
            | SettingValue::Duration(_) => {}
        }
    }
}

fn pair(certificate: &Path, key: &Path) -> Result<(), String> {
    let certificates = certificates(certificate)?;
    let key = PrivateKeyDer::from_pem_file(key)
        .map_err(|error| format!("`{}`: {error}", key.display()))?;
    let provider = std::sync::Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_no_client_auth()
        .with_single_cert(certificates, key)
        .map(|_| ())
        .map_err(|error| format!("the certificate and the key do not fit: {error}"))
}
