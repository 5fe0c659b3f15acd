//! SSH in this gateway: its resources as the configuration describes them, and the connections
//! to come when that changes.

use super::certificates::write_private;
use super::listeners::Service;
use super::places::Place;
use super::protocols::{Commit, Parts, Running};
use super::web::screen;
use anyhow::Context;
use portreeve_control::Config;
use portreeve_control::api::TargetState;
use portreeve_control::config::Resource;
use portreeve_model::Secret;
use portreeve_protocol_ssh::{
    Credential, HostKey, MANIFEST, PinnedKeys, Ssh, SshLimits, SshParts, Target, TargetParts,
};
use portreeve_session::BoxFuture;
use portreeve_transport::{TargetTls, TcpTarget};
use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};
use tokio::net::TcpStream;

/// The protocol at work.
struct SshService {
    state: RwLock<State>,
}

#[derive(Clone)]
struct State {
    /// Who serves the next connection.
    ssh: Arc<Ssh>,
    names: Vec<String>,
}

/// Starts the protocol.
///
/// # Errors
/// A secret or a key cannot be read.
pub(super) fn start(parts: Parts<'_>) -> anyhow::Result<Arc<dyn Running>> {
    let targets = targets(parts.config)?;
    let names = names(&targets);
    let ssh = Ssh::new(SshParts {
        engine: parts.engine,
        authenticator: parts.authenticator,
        targets,
        host_key: host_key(&parts.config.data_dir)?,
        limits: limits(parts.config)?,
    });
    Ok(Arc::new(SshService { state: RwLock::new(State { ssh, names }) }))
}

impl SshService {
    fn state(&self) -> State {
        self.state.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Service for SshService {
    fn serve(
        self: Arc<Self>,
        stream: TcpStream,
        client: SocketAddr,
        place: Place,
    ) -> BoxFuture<'static, ()> {
        Box::pin(self.state().ssh.serve(stream, client, place))
    }
}

impl Running for SshService {
    /// Nothing of a target is known before it is asked.
    fn watch(self: Arc<Self>) -> BoxFuture<'static, ()> {
        Box::pin(std::future::pending())
    }

    fn targets(&self) -> BTreeMap<String, TargetState> {
        self.state().names.into_iter().map(|name| (name, TargetState::default())).collect()
    }

    fn prepare(self: Arc<Self>, config: &Config) -> anyhow::Result<Commit> {
        let targets = targets(config)?;
        let names = names(&targets);
        let ssh = self.state().ssh.renewed(targets, limits(config)?);
        Ok(Box::new(move || {
            let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
            *state = State { ssh, names };
        }))
    }
}

fn names(targets: &[Arc<Target>]) -> Vec<String> {
    targets.iter().map(|target| target.name().to_owned()).collect()
}

fn targets(config: &Config) -> anyhow::Result<Vec<Arc<Target>>> {
    let own = config.resources.iter().filter(|(_, resource)| resource.protocol == MANIFEST.name);
    own.map(|(name, resource)| {
        let target =
            target(config, name, resource).with_context(|| format!("resource `{name}`"))?;
        Ok(Arc::new(target))
    })
    .collect()
}

fn target(config: &Config, name: &str, resource: &Resource) -> anyhow::Result<Target> {
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
        screen: screen(config, resource),
    }))
}

fn credential(resource: &Resource) -> anyhow::Result<Credential> {
    let settings = &resource.target;
    let secret = |key: &'static str| -> anyhow::Result<Option<Secret<String>>> {
        match settings.secret(key)? {
            Some(source) => Ok(Some(source.resolve().context(key)?)),
            None => Ok(None),
        }
    };
    match (secret("key")?, secret("password")?) {
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
