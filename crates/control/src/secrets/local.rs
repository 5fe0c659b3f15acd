//! Secrets on this machine: in the environment, in files, and from systemd.

use crate::files::read_bounded;
use portreeve_model::Secret;
use schemars::JsonSchema;
use std::path::{Component, Path, PathBuf};

/// Where what opens a store of secrets is kept: on this machine.
#[derive(Clone, PartialEq, Eq, Debug, JsonSchema)]
#[schemars(rename_all = "lowercase")]
pub enum LocalSecret {
    /// An environment variable of the process.
    Env(String),
    /// A file; one newline at its end is not part of the secret.
    #[schemars(with = "String")]
    File(PathBuf),
    /// A credential of the systemd unit: the name in `LoadCredential=`.
    Systemd(String),
}

/// Why a secret could not be had. Never holds it.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// No such variable.
    #[error("the environment variable `{0}` is not set")]
    NoVariable(String),
    /// Not readable.
    #[error("cannot read the secret file `{}`: {error}", file.display())]
    NoFile {
        /// Which.
        file: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// systemd has given none.
    #[error(
        "systemd has given no credential `{0}`; hint: `LoadCredential={0}:PATH` in the unit, and a \
         name without `/`"
    )]
    NoCredential(String),
    /// Nothing in it, or too much.
    #[error("the secret in {0} is empty, longer than 64 KiB or not UTF-8")]
    Unusable(String),
    /// A store of secrets does not give it.
    #[error("{place}: {why}")]
    Store {
        /// Which store, and what was asked for.
        place: String,
        /// Why not.
        why: String,
    },
}

impl LocalSecret {
    pub(super) fn resolve(&self) -> Result<Secret<String>, SecretError> {
        match self {
            Self::Env(name) => variable(name),
            Self::File(path) => file(path),
            Self::Systemd(name) => credential(name),
        }
    }
}

pub(super) fn variable(name: &str) -> Result<Secret<String>, SecretError> {
    let value = std::env::var_os(name).ok_or_else(|| SecretError::NoVariable(name.to_owned()))?;
    usable(value.into_string().unwrap_or_default(), || format!("`${name}`"))
}

pub(super) fn file(path: &Path) -> Result<Secret<String>, SecretError> {
    let bytes = read_bounded(path, SECRET_BYTES_MAX)
        .map_err(|error| SecretError::NoFile { file: path.to_owned(), error })?;
    let mut text = String::from_utf8(bytes).unwrap_or_default();
    if text.ends_with('\n') {
        text.pop();
    }
    usable(text, || format!("`{}`", path.display()))
}

/// SPEC: systemd.exec(5), `LoadCredential=`.
pub(super) fn credential(name: &str) -> Result<Secret<String>, SecretError> {
    match std::env::var_os("CREDENTIALS_DIRECTORY") {
        Some(folder) => credential_in(Path::new(&folder), name),
        None => Err(SecretError::NoCredential(name.to_owned())),
    }
}

/// One name in the unit's folder, and no way out of it.
fn credential_in(folder: &Path, name: &str) -> Result<Secret<String>, SecretError> {
    let mut parts = Path::new(name).components();
    match (parts.next(), parts.next()) {
        (Some(Component::Normal(_)), None) => file(&folder.join(name)),
        _ => Err(SecretError::NoCredential(name.to_owned())),
    }
}

/// A secret that can be one.
pub(super) fn usable(
    text: String,
    place: impl Fn() -> String,
) -> Result<Secret<String>, SecretError> {
    match text.len() {
        1..=SECRET_BYTES_MAX => Ok(Secret::new(text)),
        _ => Err(SecretError::Unusable(place())),
    }
}

const SECRET_BYTES_MAX: usize = 64 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_credential_of_a_unit_is_one_name_in_its_folder() {
        let outer = tempfile::tempdir().unwrap();
        let folder = outer.path().join("unit");
        std::fs::create_dir_all(folder.join("inner")).unwrap();
        for place in [outer.path().join("other"), folder.join("inner/deep"), folder.join("own")] {
            std::fs::write(place, "what is in it\n").unwrap();
        }
        let read = |name: &str| credential_in(&folder, name).map(|it| it.reveal().clone());
        assert_eq!(read("own").unwrap(), "what is in it");
        let absolute = outer.path().join("other").display().to_string();
        for name in ["", ".", "..", "../other", "inner/deep", "inner/../own", &absolute] {
            assert!(matches!(read(name), Err(SecretError::NoCredential(_))), "{name}");
        }
        assert!(matches!(read("none"), Err(SecretError::NoFile { .. })));
    }
}
