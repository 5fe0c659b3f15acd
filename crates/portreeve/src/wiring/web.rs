//! What every protocol over HTTP reads of a resource.

use super::certificates;
use super::resources::secret;
use portreeve_control::Config;
use portreeve_control::config::{Resource, TlsMode};
use portreeve_model::ObjectKind;
use portreeve_transport::{TargetTls, TcpTarget};
use portreeve_web::{Address, Credential, Fields, FieldsParts};
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
    let user = resource.target.text("user")?.to_owned();
    match (
        secret(&resource.target, "token")?,
        secret(&resource.target, "password")?,
        user.is_empty(),
    ) {
        (Some(token), None, true) => Ok(Credential::Bearer(token)),
        (None, Some(password), false) => Ok(Credential::Basic { user, password }),
        (None, None, true) => Ok(Credential::Open),
        _ => anyhow::bail!(
            "a target is opened by `token`, or by `user` and `password`\nhint: keep one of them"
        ),
    }
}

/// Which fields of what a target takes and answers are classified.
pub(super) fn fields(kind: ObjectKind, owner: &str, resource: &Resource) -> Fields {
    let (classified, cleared) = (resource.classify.clone(), resource.classify.clone());
    Fields::new(FieldsParts {
        kind,
        owner: owner.to_owned(),
        category_of: Arc::new(move |path| classified.category_of(kind, path).cloned()),
        clears: Arc::new(move |path| cleared.clears(kind, path)),
        named: resource.classify.last_names(),
    })
}
