//! What every protocol over HTTP reads of a resource.

use super::certificates;
use anyhow::Context;
use portreeve_control::Config;
use portreeve_control::config::{Resource, TlsMode};
use portreeve_model::Secret;
use portreeve_screen::Screen;
use portreeve_transport::{TargetTls, TcpTarget};
use portreeve_web::{Address, Credential};
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

/// Where a target is, and what opens it.
pub(super) fn address(config: &Config, resource: &Resource) -> anyhow::Result<Address> {
    let settings = &resource.target;
    let tls = settings.tls("tls")?;
    let tls = match tls.mode {
        TlsMode::VerifyFull => TargetTls::Verified(certificates::client(tls)?),
        TlsMode::Disable => TargetTls::Disabled,
    };
    let place = TcpTarget {
        host: settings.text("host")?.to_owned(),
        port: settings.port("port")?,
        tls,
        timeout: config.limits.target_connect_timeout,
    };
    Ok(Address::new(place, credential(resource)?))
}

fn credential(resource: &Resource) -> anyhow::Result<Credential> {
    let settings = &resource.target;
    let secret = |key: &'static str| -> anyhow::Result<Option<Secret<String>>> {
        match settings.secret(key)? {
            Some(source) => Ok(Some(source.resolve().context(key)?)),
            None => Ok(None),
        }
    };
    let user = settings.text("user")?.to_owned();
    match (secret("token")?, secret("password")?, user.is_empty()) {
        (Some(token), None, true) => Ok(Credential::Bearer(token)),
        (None, Some(password), false) => Ok(Credential::Basic { user, password }),
        (None, None, true) => Ok(Credential::Open),
        _ => anyhow::bail!(
            "a target is opened by `token`, or by `user` and `password`\nhint: keep one of them"
        ),
    }
}

/// What becomes of texts of a resource that nobody has classified.
pub(super) fn screen(config: &Config, resource: &Resource) -> Arc<Screen> {
    let seed = RandomState::new().hash_one(0);
    let (mode, minimums) = (resource.unclassified.mode, &config.masking.confidence_min);
    Arc::new(Screen::new(mode, minimums, seed))
}
