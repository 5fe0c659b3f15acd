//! SSH in this gateway: its resources as the configuration describes them, and the connections
//! to come when that changes.

use super::certificates::write_private;
use super::connectors::Ways;
use super::places::Place;
use super::protocols::{Parts, Running};
use super::resources::{screen, secret, targets};
use super::served::{Served, Serves};
use anyhow::Context;
use portreeve_control::Config;
use portreeve_control::config::{Resource, Via};
use portreeve_decide::shell::canonical;
use portreeve_model::{ObjectKind, Secret};
use portreeve_protocol_ssh::{
    Credential, HostKey, MANIFEST, PinnedKeys, Programs, Ssh, SshLimits, SshParts, Target,
    TargetParts,
};
use portreeve_session::BoxFuture;
use portreeve_transport::{TargetTls, TcpTarget};
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use tokio::net::TcpStream;

/// Starts the protocol.
///
/// # Errors
/// A secret or a key cannot be read.
pub(super) fn start(parts: Parts<'_>) -> anyhow::Result<Arc<dyn Running>> {
    let ssh = Ssh::new(SshParts {
        engine: parts.engine,
        authenticator: parts.authenticator,
        targets: targets(parts.config, MANIFEST.name, target)?,
        host_key: host_key(&parts.config.data_dir)?,
        limits: limits(parts.config)?,
    });
    Ok(Served::start(ssh, parts.config, parts.ways))
}

impl Serves for Ssh {
    const NAME: &'static str = MANIFEST.name;

    fn serve(
        self: Arc<Self>,
        stream: TcpStream,
        client: SocketAddr,
        place: Place,
    ) -> BoxFuture<'static, ()> {
        Box::pin(Ssh::serve(self, stream, client, place))
    }

    fn following(&self, config: &Config, _: &Ways) -> anyhow::Result<Arc<Self>> {
        Ok(self.renewed(targets(config, MANIFEST.name, target)?, limits(config)?))
    }
}

/// What keeps targets from being made.
pub(super) fn tried(config: &Config) -> Vec<String> {
    super::resources::tried(config, MANIFEST.name, target)
}

/// Why no machine, and no file of it, is ever called so.
pub(super) fn never_called(
    _: &str,
    resource: &Resource,
    kind: ObjectKind,
    path: &[Option<&str>],
) -> Option<String> {
    let machine = resource.target.text("name").unwrap_or_default();
    let named = path.first().copied().flatten();
    if named.is_some_and(|named| named != machine) {
        return Some(format!("the machine is `{machine}`"));
    }
    let file = path.get(1).copied().flatten().filter(|_| kind == ObjectKind::FILE)?;
    if !file.starts_with('/') || file.contains('*') {
        return Some("a file is its whole path, and a folder stands for all in it".to_owned());
    }
    match canonical(file, "/") {
        Ok(known) if known == file => None,
        Ok(known) => Some(format!("the file is `{known}`")),
        Err(why) => Some(why.to_string()),
    }
}

fn target(config: &Config, name: &str, resource: &Resource) -> anyhow::Result<Target> {
    anyhow::ensure!(
        resource.via == Via::Gateway,
        "no connector reaches `{}` targets yet\nhint: remove `via`",
        MANIFEST.name
    );
    let settings = &resource.target;
    let user = settings.text("user")?.to_owned();
    let home = match settings.text("home")? {
        "" if user == "root" => "/root".to_owned(),
        "" => format!("/home/{user}"),
        home => home.trim_end_matches('/').to_owned(),
    };
    anyhow::ensure!(home.starts_with('/'), "`home` is no absolute path");
    Ok(Target::new(TargetParts {
        name: name.to_owned(),
        machine: settings.text("name")?.to_owned(),
        address: TcpTarget {
            host: settings.text("host")?.to_owned(),
            port: settings.port("port")?,
            // The protocol encrypts by itself.
            tls: TargetTls::Disabled,
            timeout: config.limits.target_connect_timeout,
        },
        keys: PinnedKeys::read(settings.text("host_key")?)?,
        user,
        credential: credential(resource)?,
        home,
        programs: Programs::read(settings.text("programs")?).map_err(anyhow::Error::msg)?,
        screen: screen(resource, &config.masking.confidence_min),
    }))
}

fn credential(resource: &Resource) -> anyhow::Result<Credential> {
    match (secret(&resource.target, "key")?, secret(&resource.target, "password")?) {
        (Some(key), None) => Ok(Credential::key(&key)?),
        (None, Some(password)) => Ok(Credential::Password(password)),
        (None, None) | (Some(_), Some(_)) => {
            anyhow::bail!("a target is opened by `key` or by `password`\nhint: keep one of them")
        }
    }
}

fn limits(config: &Config) -> anyhow::Result<SshLimits> {
    let own = config.limits.protocols.get(MANIFEST.name).context("its limits were not read")?;
    Ok(SshLimits {
        login_timeout: config.limits.login_timeout,
        idle_timeout: config.limits.client_idle_timeout,
        write_timeout: config.limits.client_write_timeout,
        line_bytes_max: own.bytes("line_bytes_max")?,
        file_bytes_max: own.bytes("file_bytes_max")?,
    })
}

/// The key that the gateway proves itself with: made at the first start, and kept.
///
/// Beside it stands what clients on this machine know it by, under the name `portreeve`.
fn host_key(data_dir: &Path) -> anyhow::Result<HostKey> {
    let path = data_dir.join("ssh-host-key");
    let at = || format!("the host key `{}`", path.display());
    let key = match std::fs::read_to_string(&path) {
        Ok(text) => HostKey::read(&Secret::new(text)).with_context(at)?,
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let (key, text) = HostKey::fresh()?;
            write_private(&path, text.reveal()).with_context(at)?;
            key
        }
        Err(error) => return Err(error).with_context(at),
    };
    let known_hosts = data_dir.join("ssh-known-hosts");
    std::fs::write(&known_hosts, format!("portreeve {}\n", key.public()))
        .with_context(|| format!("`{}`", known_hosts.display()))?;
    tracing::info!(fingerprint = key.fingerprint(), "the SSH host key");
    Ok(key)
}
