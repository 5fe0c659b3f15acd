//! Both ends of the link, over real sockets.

mod attacks;
mod failures;
mod serving;
mod stream_log;

use crate::authority::{Authority, PublicKey};
use crate::carrier::Carrier;
use crate::connector::{Connector, ConnectorParts, ServedTarget, State, StreamLog, enrol};
use crate::gateway::{
    Enrolment, Hub, HubLimits, HubParts, Known, LinkDialer, LinkTarget, Registry, RegistryError,
    Standing,
};
use crate::invite::Invite;
use crate::message::Facts;
use portreeve_model::{ConnectorChange, ConnectorEvent, Secret};
use portreeve_transport::{BoxFuture, CancelHandle, DialError, Dialer, LoggedIn, PreAuth, Stream};
use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// A registry that is told everything by a test.
struct Book {
    keys: Mutex<HashMap<PublicKey, Standing>>,
    invites: Mutex<HashMap<String, ([u8; 32], Known)>>,
    events: watch::Sender<Vec<ConnectorEvent>>,
    changes: watch::Sender<u64>,
}

impl Book {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            keys: Mutex::default(),
            invites: Mutex::default(),
            events: watch::Sender::default(),
            changes: watch::Sender::default(),
        })
    }

    fn revoke(&self, name: &str) {
        for standing in self.keys.lock().unwrap().values_mut() {
            if matches!(standing, Standing::Good(known) if known.name == name) {
                *standing = Standing::Revoked { name: name.to_owned() };
            }
        }
        self.changes.send_modify(|count| *count += 1);
    }

    /// Waits until something was written down.
    async fn until(&self, wanted: impl Fn(&ConnectorEvent) -> bool) -> ConnectorEvent {
        let mut events = self.events.subscribe();
        let found = events.wait_for(|events| events.iter().any(&wanted)).await.unwrap();
        found.iter().find(|event| wanted(event)).unwrap().clone()
    }

    async fn until_refused(&self) -> String {
        let refused = self.until(|event| event.change == ConnectorChange::Refused).await;
        refused.why.unwrap()
    }
}

impl Registry for Book {
    fn enrol<'a>(
        &'a self,
        enrolment: &'a Enrolment,
    ) -> BoxFuture<'a, Result<Known, RegistryError>> {
        Box::pin(async move {
            let mut invites = self.invites.lock().unwrap();
            match invites.get(&enrolment.invite) {
                Some((digest, known)) if *digest == enrolment.secret_digest => {
                    let known = known.clone();
                    invites.remove(&enrolment.invite);
                    let standing = Standing::Good(known.clone());
                    self.keys.lock().unwrap().insert(enrolment.key, standing);
                    Ok(known)
                }
                _ => Err(RegistryError::Refused("the invitation is not good".into())),
            }
        })
    }

    fn standing<'a>(
        &'a self,
        key: &'a PublicKey,
    ) -> BoxFuture<'a, Result<Standing, RegistryError>> {
        let standing = self.keys.lock().unwrap().get(key).cloned();
        Box::pin(async move { Ok(standing.unwrap_or(Standing::Unknown)) })
    }

    fn changed(&self) -> BoxFuture<'_, ()> {
        let mut changes = self.changes.subscribe();
        changes.mark_unchanged();
        Box::pin(async move { changes.changed().await.unwrap() })
    }

    fn record(&self, happened: ConnectorEvent) -> BoxFuture<'_, Result<(), RegistryError>> {
        self.note(happened);
        Box::pin(async { Ok(()) })
    }

    fn note(&self, happened: ConnectorEvent) {
        self.events.send_modify(|events| events.push(happened));
    }
}

/// A gateway that takes connectors.
struct Gateway {
    hub: Arc<Hub>,
    book: Arc<Book>,
    address: SocketAddr,
    authority: PublicKey,
    serving: Vec<JoinHandle<()>>,
}

const LIMITS: HubLimits = HubLimits {
    wait: Duration::from_millis(300),
    certificate_lifetime: Duration::from_secs(3600),
    heartbeat: Duration::from_millis(100),
    silence_max: Duration::from_secs(20),
    login_timeout: Duration::from_secs(20),
};

impl Gateway {
    async fn start() -> Self {
        Self::start_with(LIMITS).await
    }

    async fn start_with(limits: HubLimits) -> Self {
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let authority = Authority::new(&Secret::new([7; 32])).unwrap();
        let (public, book) = (authority.public(), Book::new());
        let hub = Hub::new(HubParts { authority, registry: book.clone(), limits }).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (accepting, watching) = (hub.clone(), hub.clone());
        let serving = vec![
            tokio::spawn(async move {
                let mut links = tokio::task::JoinSet::new();
                loop {
                    let (stream, client) = listener.accept().await.unwrap();
                    links.spawn(accepting.clone().serve(Box::new(stream), client, ()));
                }
            }),
            tokio::spawn(async move { watching.watch().await }),
        ];
        Self { hub, book, address, authority: public, serving }
    }

    /// Somebody may enrol under a name.
    fn invite(&self, name: &str, resources: &[&str]) -> Invite {
        let resources = resources.iter().map(|&it| it.to_owned()).collect();
        let known = Known { name: name.into(), resources };
        let secret = [9; 32];
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &secret);
        let digest = digest.as_ref().try_into().unwrap();
        self.book.invites.lock().unwrap().insert(name.into(), (digest, known));
        Invite {
            id: name.into(),
            secret: Secret::new(secret),
            authority: self.authority,
            gateways: vec![self.address.to_string()],
        }
    }

    fn dialer(&self, resource: &str, facts: &[(&str, &str)]) -> LinkDialer {
        let target = LinkTarget {
            resource: resource.into(),
            protocol: "echo".into(),
            facts: facts_of(facts),
            timeout: Duration::from_secs(20),
        };
        LinkDialer::new(self.hub.clone(), target)
    }

    async fn dial(&self, resource: &str) -> Result<LoggedIn, DialError> {
        self.dialer(resource, &[("host", "db")]).dial(&BTreeMap::new()).await
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        self.serving.iter().for_each(JoinHandle::abort);
    }
}

fn facts_of(facts: &[(&str, &str)]) -> Facts {
    facts.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

/// A connector at work.
struct Running {
    folder: TempDir,
    stream_log: std::path::PathBuf,
    key: PublicKey,
    work: JoinHandle<()>,
}

impl Running {
    /// Enrols with an invitation, and serves some resources with a target.
    async fn start(invite: &Invite, target: &Echo, resources: &[&str]) -> Self {
        let folder = TempDir::new().unwrap();
        let dir = folder.path().join("state");
        enrol(invite, &dir, &Carrier::default()).await.unwrap();
        Self::again(folder, invite.gateways.clone(), target, resources)
    }

    fn again(folder: TempDir, gateways: Vec<String>, target: &Echo, resources: &[&str]) -> Self {
        let state = State::open(&folder.path().join("state")).unwrap();
        let stream_log = folder.path().join("streams.jsonl");
        let key = state.fingerprint().0;
        let served = ServedTarget {
            protocol: "echo".into(),
            facts: facts_of(&[("host", "db")]),
            dialer: Arc::new(target.clone()),
        };
        let targets = resources.iter().map(|name| ((*name).to_owned(), served.clone()));
        let connector = Connector::new(ConnectorParts {
            stream_log: StreamLog::open(&stream_log, &state).unwrap(),
            state,
            carrier: Carrier::default(),
            targets: targets.collect(),
            software: "test".into(),
            silence_max: Duration::from_secs(20),
        });
        let work = tokio::spawn(connector.run(gateways));
        Self { folder, stream_log, key, work }
    }

    /// Ends at once, as if its machine had gone.
    async fn kill(self) -> TempDir {
        self.work.abort();
        let _ = self.work.await;
        self.folder
    }
}

/// A target that says everything back, and can be told to say nothing.
#[derive(Clone, Default)]
struct Echo {
    logins: Arc<AtomicUsize>,
    cancels: Arc<AtomicUsize>,
    refuses: Option<(String, String)>,
}

struct Cancel(Arc<AtomicUsize>);

impl CancelHandle for Cancel {
    fn cancel(&self) -> BoxFuture<'_, Result<(), DialError>> {
        self.0.fetch_add(1, Ordering::SeqCst);
        Box::pin(async { Ok(()) })
    }
}

impl Dialer for Echo {
    fn dial<'a>(
        &'a self,
        settings: &'a BTreeMap<String, String>,
    ) -> BoxFuture<'a, Result<LoggedIn, DialError>> {
        Box::pin(async move {
            if let Some((code, message)) = self.refuses.clone() {
                return Err(DialError::Refused { code, message });
            }
            self.logins.fetch_add(1, Ordering::SeqCst);
            let (here, there) = tokio::io::duplex(64 << 10);
            tokio::spawn(async move {
                let (mut reader, mut writer) = tokio::io::split(there);
                let _ = tokio::io::copy(&mut reader, &mut writer).await;
                let _ = writer.shutdown().await;
            });
            let parameters = settings.clone().into_iter().collect();
            Ok(LoggedIn {
                connection: PreAuth::new(Box::new(here)),
                parameters,
                cancel: Some(Arc::new(Cancel(self.cancels.clone()))),
            })
        })
    }
}

/// Sends something, and reads it back.
async fn exchange(stream: &mut Box<dyn Stream>, bytes: &[u8]) {
    let (mut reader, mut writer) = tokio::io::split(stream);
    let mut back = vec![0; bytes.len()];
    let send = async {
        writer.write_all(bytes).await.unwrap();
        writer.flush().await.unwrap();
    };
    let ((), read) = tokio::join!(send, reader.read_exact(&mut back));
    read.unwrap();
    assert_eq!(back, bytes);
}

fn stream_of(logged_in: LoggedIn) -> Box<dyn Stream> {
    logged_in.connection.into_parts().0
}
