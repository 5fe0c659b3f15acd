//! What every protocol reads of its resources.

use anyhow::{Context, anyhow};
use portreeve_control::Config;
use portreeve_control::config::{Resource, Settings};
use portreeve_model::{Category, Secret};
use portreeve_screen::Screen;
use std::collections::BTreeMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

/// The resources of a protocol, by name.
pub(super) fn own<'c>(
    config: &'c Config,
    protocol: &'static str,
) -> impl Iterator<Item = (&'c String, &'c Resource)> {
    config.resources.iter().filter(move |(_, resource)| resource.protocol == protocol)
}

/// A resource by its name, for a command.
///
/// # Errors
/// There is no such resource; the error names those that there are.
pub(crate) fn resource<'c>(config: &'c Config, name: &str) -> anyhow::Result<&'c Resource> {
    config.resources.get(name).ok_or_else(|| {
        let names: Vec<String> = config.resources.keys().map(|name| format!("`{name}`")).collect();
        anyhow!("there is no resource `{name}`\nhint: there are {}", names.join(", "))
    })
}

/// A credential of a resource, from where it is kept; none where none is named.
///
/// # Errors
/// It cannot be read.
pub(super) fn secret(
    target: &Settings,
    key: &'static str,
) -> anyhow::Result<Option<Secret<String>>> {
    match target.secret(key)? {
        Some(source) => Ok(Some(source.resolve().context(key)?)),
        None => Ok(None),
    }
}

/// A credential with the user that it is for: what its store says, or the target's `user`.
///
/// # Errors
/// It cannot be read.
pub(super) fn login(
    target: &Settings,
    key: &'static str,
) -> anyhow::Result<(String, Option<Secret<String>>)> {
    let user = target.text("user")?.to_owned();
    let Some(source) = target.secret(key)? else { return Ok((user, None)) };
    let found = source.login().context(key)?;
    Ok((found.user.unwrap_or(user), Some(found.secret)))
}

/// What becomes of texts of a resource that nobody has classified.
pub(super) fn screen(resource: &Resource, confidence_min: &BTreeMap<Category, u8>) -> Arc<Screen> {
    let seed = RandomState::new().hash_one(0);
    Arc::new(Screen::new(resource.unclassified.mode, confidence_min, seed))
}
