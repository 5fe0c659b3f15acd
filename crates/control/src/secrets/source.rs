//! Where a secret is kept, and reading it.

use super::aws::AwsSecret;
use super::kept::{Kept, Login};
use super::local::{SecretError, credential, file, variable};
use super::vault::VaultSecret;
use portreeve_model::Secret;
use schemars::JsonSchema;
use std::path::PathBuf;

/// Where a secret is kept. It is read when it is needed, not with the configuration.
#[derive(Clone, PartialEq, Eq, Debug, JsonSchema)]
#[schemars(rename_all = "lowercase")]
pub enum SecretSource {
    /// An environment variable of the process.
    Env(String),
    /// A file; one newline at its end is not part of the secret.
    #[schemars(with = "String")]
    File(PathBuf),
    /// A credential of the systemd unit: the name in `LoadCredential=`.
    Systemd(String),
    /// Vault or OpenBao.
    #[schemars(with = "VaultSecret")]
    Vault(Kept<VaultSecret>),
    /// Secrets Manager of AWS.
    #[schemars(with = "AwsSecret", rename = "aws_secret")]
    AwsSecret(Kept<AwsSecret>),
}

impl SecretSource {
    /// Reads the secret.
    ///
    /// # Errors
    /// It is not there, empty, longer than 64 KiB or not UTF-8, or its store does not give it.
    pub fn resolve(&self) -> Result<Secret<String>, SecretError> {
        self.login().map(|login| login.secret)
    }

    /// Reads the secret, and as whom it lets in where its store says that.
    ///
    /// # Errors
    /// Like [`SecretSource::resolve`].
    pub fn login(&self) -> Result<Login, SecretError> {
        let local = |secret| Login { user: None, secret, lease: None };
        match self {
            Self::Env(name) => variable(name).map(local),
            Self::File(path) => file(path).map(local),
            Self::Systemd(name) => credential(name).map(local),
            Self::Vault(kept) => kept.login(VaultSecret::read),
            Self::AwsSecret(kept) => kept.login(AwsSecret::read),
        }
    }
}
