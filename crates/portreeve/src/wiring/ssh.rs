//! SSH in this gateway: its resources as the configuration describes them, and the connections
//! to come when that changes.

use super::bridges::State;
use super::certificates::write_private;
use super::connectors::{Leased, Rotating, Ways};
use super::keys::random;
use super::places::Place;
use super::protocols::{Parts, Protocol, Running};
use super::replay;
use super::resources::{login, screen, secret};
use super::served::{Served, Serves, targets};
use anyhow::Context;
use portreeve_control::Config;
use portreeve_control::api::CertificateSigner;
use portreeve_control::authenticator::TokenAuthenticator;
use portreeve_control::config::{ConnectorResource, Resource, Settings};
use portreeve_control::identity::{AuthError, CertificateGiven, ShownCertificate};
use portreeve_control::store::IssuerKeys;
use portreeve_decide::shell::canonical;
use portreeve_link::connector::ServedTarget;
use portreeve_model::{KeyUse, ObjectKind, Secret};
use portreeve_protocol_ssh::{
    Authorities, Certificates, ClientAuthority, Credential, Flaw, HostAuthority, HostKey,
    HostProof, MANIFEST, MachineDialer, PinnedKeys, Programs, Reach, Reached, Reaches, Shown, Ssh,
    SshLimits, SshParts, Target, TargetAuthority, TargetParts, ToCertify, Way,
};
use portreeve_session::{BoxFuture, Identity, NotAdmitted};
use portreeve_transport::{DialError, Dialer, TargetTls, TcpTarget};
use std::io::ErrorKind;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;

/// What the binary knows of it.
pub(super) const PROTOCOL: Protocol = Protocol {
    serve_at: Some(serve_at),
    tried,
    never_called,
    also: ALSO,
    signer,
    ..Protocol::of(&MANIFEST, start, replay::ssh)
};

/// Starts the protocol.
///
/// # Errors
/// A secret or a key cannot be read.
fn start(parts: Parts<'_>) -> anyhow::Result<Arc<dyn Running>> {
    let authorities = Authorities {
        clients: client_authority(parts.keys.as_ref())?,
        targets: target_authority(parts.keys.as_ref())?,
    };
    let host_key = host_key(&parts.config.data_dir)?;
    tracing::info!(fingerprint = host_key.fingerprint(), "the SSH host key");
    let ssh = Ssh::new(SshParts {
        engine: parts.engine,
        certificates: Arc::new(Given(parts.authenticator.clone())),
        authenticator: parts.authenticator,
        authorities: Arc::new(authorities),
        targets: targets(parts.config, MANIFEST.name, &parts.ways, target)?,
        host_key,
        limits: limits(parts.config)?,
    });
    Ok(Served::start(ssh, parts.config, parts.ways))
}

/// The authority that lets clients in.
fn client_authority(keys: &dyn IssuerKeys) -> anyhow::Result<ClientAuthority> {
    let fresh = Secret::new(random()?);
    Ok(ClientAuthority::new(&keys.key_or(KeyUse::ClientCertificates, &fresh)?))
}

/// The authority by which the gateway logs in at targets: another key, so that what lets a
/// client in here opens no target.
pub(crate) fn target_authority(keys: &dyn IssuerKeys) -> anyhow::Result<TargetAuthority> {
    let fresh = Secret::new(random()?);
    Ok(TargetAuthority::new(&keys.key_or(KeyUse::TargetCertificates, &fresh)?))
}

/// What the API needs to give certificates; none where nobody is served by SSH.
fn signer(
    config: &Config,
    keys: &dyn IssuerKeys,
    state: &State,
) -> anyhow::Result<Option<Arc<dyn CertificateSigner>>> {
    let own = state.listeners.iter().find(|listener| listener.name == MANIFEST.name);
    let Some(address) = own.and_then(|listener| listener.addresses.first()) else {
        return Ok(None);
    };
    Ok(Some(Arc::new(Signer {
        authority: client_authority(keys)?,
        host_key: host_key(&config.data_dir)?,
        port: address.port(),
    })))
}

/// Certifies keys of clients.
struct Signer {
    authority: ClientAuthority,
    host_key: HostKey,
    port: u16,
}

impl CertificateSigner for Signer {
    fn fingerprint(&self, public_key: &str) -> Result<String, String> {
        ClientAuthority::fingerprint(public_key).map_err(|why| why.to_string())
    }

    fn sign(&self, public_key: &str, given: &CertificateGiven) -> Result<String, String> {
        let asked = ToCertify {
            public_key,
            id: &given.id,
            serial: given.serial,
            resources: &given.resources,
            from: given.given_at,
            until: given.expires_at,
        };
        self.authority.certify(&asked).map_err(|why| why.to_string())
    }

    fn host_key(&self) -> String {
        self.host_key.public()
    }

    fn port(&self) -> u16 {
        self.port
    }
}

/// What certificates of clients stand for.
struct Given(Arc<TokenAuthenticator>);

impl Certificates for Given {
    fn has_certified<'a>(&'a self, key: &'a str) -> BoxFuture<'a, bool> {
        Box::pin(async move {
            let found = self.0.identities().has_certified(key).await;
            found.unwrap_or_else(|error| {
                tracing::error!(%error, "a key that a client offers cannot be looked up");
                false
            })
        })
    }

    fn redeem<'a>(
        &'a self,
        shown: Shown<'a>,
        from: IpAddr,
    ) -> BoxFuture<'a, Result<Identity, NotAdmitted>> {
        Box::pin(async move {
            let Shown { id, serial, ref key, resource } = shown;
            let shown = ShownCertificate { id, serial, key, resource };
            self.0.redeem(MANIFEST.name, shown, from).await
        })
    }

    fn refuse(&self, flaw: Flaw, from: IpAddr) -> NotAdmitted {
        let why = match flaw.is_forged() {
            true => AuthError::ForgedCertificate(flaw.text()),
            false => AuthError::Certificate(flaw.text()),
        };
        self.0.refuse_certificate(MANIFEST.name, &why, from)
    }
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

    fn following(&self, config: &Config, ways: &Ways) -> anyhow::Result<Arc<Self>> {
        let targets = targets(config, MANIFEST.name, ways, target)?;
        Ok(self.renewed(targets, limits(config)?))
    }
}

/// What keeps targets from being made.
fn tried(config: &Config) -> Vec<String> {
    super::served::tried(config, MANIFEST.name, target)
}

/// What is named by SQL in a command line.
const ALSO: &[ObjectKind] = &[ObjectKind::SCHEMA, ObjectKind::TABLE];

/// Why no machine, and no file of it, is ever called so.
fn never_called(
    _: &str,
    resource: &Resource,
    kind: ObjectKind,
    path: &[Option<&str>],
) -> Option<String> {
    // Other machines are contacted, and hold databases.
    if kind == ObjectKind::HOST || ALSO.contains(&kind) {
        return None;
    }
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

/// A machine as a connector serves it.
///
/// # Errors
/// What opens it, or what it proves itself with, cannot be read.
fn serve_at(resource: &ConnectorResource, timeout: Duration) -> anyhow::Result<ServedTarget> {
    let made = move |settings: &Settings| -> anyhow::Result<Arc<dyn Dialer>> {
        let reach = reach(settings, timeout)?;
        let needs_authority =
            matches!(reach.credential, Credential::Certificate { authority: None, .. });
        anyhow::ensure!(
            !needs_authority,
            "a connector has no authority that signs certificates\n\
             hint: `certificate: {{ authority: {{ file: … }} }}`, a key of `ssh-keygen -t ed25519 \
             -N ''` whose public half the machine trusts (`TrustedUserCAKeys`)"
        );
        Ok(Arc::new(MachineDialer::new(reach)))
    };
    let target = &resource.target;
    Ok(ServedTarget {
        protocol: MANIFEST.name.to_owned(),
        facts: target.facts(&MANIFEST),
        dialer: Arc::new(Rotating::new(target, made)?),
    })
}

fn target(config: &Config, name: &str, resource: &Resource, ways: &Ways) -> anyhow::Result<Target> {
    let settings = &resource.target;
    let user = settings.text("user")?.to_owned();
    let home = match settings.text("home")? {
        "" if user == "root" => "/root".to_owned(),
        "" => format!("/home/{user}"),
        "/" => "/".to_owned(),
        home => home.trim_end_matches('/').to_owned(),
    };
    anyhow::ensure!(home.starts_with('/'), "`home` is no absolute path");
    Ok(Target::new(TargetParts {
        name: name.to_owned(),
        machine: settings.text("name")?.to_owned(),
        way: match ways.through(config, name, resource)? {
            Some(dialer) => Way::Through(dialer),
            None => {
                let timeout = config.limits.target_connect_timeout;
                let made = move |settings: &Settings| reach(settings, timeout).map(Arc::new);
                Way::Direct(Arc::new(Machine(Rotating::new(settings, made)?)))
            }
        },
        user,
        home,
        programs: Programs::read(settings.text("programs")?).map_err(anyhow::Error::msg)?,
        screen: screen(resource, &config.masking.confidence_min),
    }))
}

/// A machine that the gateway reaches, with what opens it then.
struct Machine<R>(Rotating<Reach, R>);

impl<R> Reaches for Machine<R>
where
    R: Fn(&Settings) -> anyhow::Result<Arc<Reach>> + Clone + Send + Sync + 'static,
{
    fn reach(&self) -> BoxFuture<'_, Result<Reached, DialError>> {
        Box::pin(async {
            let Leased { made, leases } = self.0.now().await?;
            Ok(Reached { reach: made, held: Box::new(leases) })
        })
    }
}

/// Where the machine is, and what opens it.
fn reach(settings: &Settings, timeout: Duration) -> anyhow::Result<Reach> {
    let (user, credential) = credential(settings)?;
    Ok(Reach {
        address: TcpTarget {
            host: settings.text("host")?.to_owned(),
            port: settings.port("port")?,
            // The protocol encrypts by itself.
            tls: TargetTls::Disabled,
            timeout,
        },
        proof: proof(settings)?,
        credential,
        user,
    })
}

/// How the machine proves that it is the one that is meant.
fn proof(settings: &Settings) -> anyhow::Result<HostProof> {
    match (settings.text("host_key")?, settings.text("host_ca")?) {
        (key, "") if !key.is_empty() => Ok(HostProof::Keys(PinnedKeys::read(key)?)),
        ("", ca) if !ca.is_empty() => {
            Ok(HostProof::Certificate(HostAuthority::read(ca, settings.text("host")?)?))
        }
        _ => anyhow::bail!(
            "a machine proves itself by `host_key` or by a certificate of `host_ca`\n\
             hint: keep one of them; nothing is trusted on first use"
        ),
    }
}

/// What opens the machine, and for which user.
fn credential(settings: &Settings) -> anyhow::Result<(String, Credential)> {
    let opens =
        (login(settings, "key")?, login(settings, "password")?, settings.section("certificate")?);
    match opens {
        ((user, Some(key)), (_, None), None) => Ok((user, Credential::key(&key)?)),
        ((_, None), (user, Some(password)), None) => Ok((user, Credential::Password(password))),
        ((user, None), (_, None), Some(certificate)) => {
            let principal = match certificate.text("principal")? {
                "" => &user,
                principal => principal,
            };
            let authority = secret(certificate, "authority")?;
            let authority = authority.map(|key| TargetAuthority::read(&key)).transpose();
            let authority = authority.context("certificate.authority")?.map(Box::new);
            let principal = principal.to_owned();
            Ok((user, Credential::Certificate { principal, authority }))
        }
        _ => anyhow::bail!(
            "a target is opened by `key`, by `password` or by `certificate`\n\
             hint: keep one of them"
        ),
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
    Ok(key)
}
