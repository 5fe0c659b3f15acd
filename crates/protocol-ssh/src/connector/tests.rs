//! A gateway that asks for what no gateway asks for, in front of a machine that allows all of it.

use super::MachineDialer;
use crate::HOST_KEY;
use crate::certificates::{Subject, TargetAuthority};
use crate::keys::{HostKey, PinnedKeys};
use crate::target::{
    Credential, HostProof, Reach, Reached, Reaches, Target, TargetParts, WITHIN_A_LINK, Way,
};
use portreeve_decide::shell::Programs;
use portreeve_model::{Chain, Party, PartyKind, Secret, SessionId, Unclassified};
use portreeve_screen::Screen;
use portreeve_transport::{BoxFuture, DialError, Dialer, LoggedIn, TargetTls, TcpTarget};
use russh::client::{self, AuthResult};
use russh::keys::PublicKeyOrCertificate;
use russh::server::{self, Auth, ChannelOpenHandle, Msg, Session};
use russh::{Channel, ChannelId, ChannelMsg, Error};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::net::TcpListener;

const PASSWORD: &str = "the machine's own";

/// A machine that lets in who has the password, and then does whatever it is asked for.
#[derive(Clone, Default)]
struct Obliging {
    forwarded_count: Arc<AtomicUsize>,
}

impl server::Handler for Obliging {
    type Error = Error;

    async fn auth_password(&mut self, user: &str, password: &str) -> Result<Auth, Error> {
        Ok(if (user, password) == ("deploy", PASSWORD) { Auth::Accept } else { Auth::reject() })
    }

    async fn channel_open_session(
        &mut self,
        _: Channel<Msg>,
        reply: ChannelOpenHandle,
        _: &mut Session,
    ) -> Result<(), Error> {
        reply.accept().await;
        Ok(())
    }

    async fn channel_open_direct_tcpip(
        &mut self,
        _: Channel<Msg>,
        _: &str,
        _: u32,
        _: &str,
        _: u32,
        reply: ChannelOpenHandle,
        _: &mut Session,
    ) -> Result<(), Error> {
        self.forwarded_count.fetch_add(1, Ordering::SeqCst);
        reply.accept().await;
        Ok(())
    }

    async fn tcpip_forward(
        &mut self,
        _: &str,
        _: &mut u32,
        _: &mut Session,
    ) -> Result<bool, Error> {
        self.forwarded_count.fetch_add(1, Ordering::SeqCst);
        Ok(true)
    }

    async fn agent_request(&mut self, _: ChannelId, _: &mut Session) -> Result<bool, Error> {
        self.forwarded_count.fetch_add(1, Ordering::SeqCst);
        Ok(true)
    }

    async fn exec_request(
        &mut self,
        channel: ChannelId,
        line: &[u8],
        session: &mut Session,
    ) -> Result<(), Error> {
        session.channel_success(channel)?;
        session.data(channel, line.to_vec())?;
        session.extended_data(channel, 1, b"and an error".to_vec())?;
        session.exit_status_request(channel, 7)?;
        session.eof(channel)?;
        session.close(channel)
    }

    async fn subsystem_request(
        &mut self,
        channel: ChannelId,
        name: &str,
        session: &mut Session,
    ) -> Result<(), Error> {
        session.channel_success(channel)?;
        session.data(channel, name.as_bytes().to_vec())
    }
}

/// Starts a machine, and says its port and its key.
async fn machine(obliging: Obliging) -> (u16, String) {
    let (key, _) = HostKey::fresh().unwrap();
    let public = key.public();
    let config = server::Config { keys: vec![(*key.0).clone()], ..server::Config::default() };
    let config = Arc::new(config);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (config, obliging) = (config.clone(), obliging.clone());
            tokio::spawn(async move {
                if let Ok(running) = server::run_stream(config, stream, obliging).await {
                    let _ = running.await;
                }
            });
        }
    });
    (port, public)
}

fn reach(port: u16, host_key: &str, password: &str) -> Reach {
    Reach {
        address: TcpTarget {
            host: "127.0.0.1".to_owned(),
            port,
            tls: TargetTls::Disabled,
            timeout: Duration::from_secs(10),
        },
        proof: HostProof::Keys(PinnedKeys::read(host_key).unwrap()),
        user: "deploy".to_owned(),
        credential: Credential::Password(Secret::new(password.to_owned())),
    }
}

fn dialer(port: u16, host_key: &str, password: &str) -> MachineDialer {
    MachineDialer::new(reach(port, host_key, password))
}

async fn dial(dialer: &MachineDialer) -> Result<LoggedIn, DialError> {
    dialer.dial(&BTreeMap::new()).await
}

/// A gateway that believes whatever key it is shown.
struct Hostile;

impl client::Handler for Hostile {
    type Error = Error;

    async fn check_server_key(&mut self, _: &PublicKeyOrCertificate) -> Result<bool, Error> {
        Ok(true)
    }
}

async fn gateway(logged_in: LoggedIn) -> client::Handle<Hostile> {
    let (stream, _) = logged_in.connection.into_parts();
    let config = client::Config { preferred: WITHIN_A_LINK, ..client::Config::default() };
    let mut handle = client::connect_stream(Arc::new(config), stream, Hostile).await.unwrap();
    let answered = handle.authenticate_none("anybody").await.unwrap();
    assert!(matches!(answered, AuthResult::Success));
    handle
}

#[tokio::test]
async fn sessions_are_relayed_and_nothing_else() {
    let obliging = Obliging::default();
    let (port, host_key) = machine(obliging.clone()).await;
    let logged_in = dial(&dialer(port, &host_key, PASSWORD)).await.unwrap();
    // The key of the stream is the stream's own: not the machine's, and not one that is kept.
    let (name, key) = logged_in.parameters.first().cloned().unwrap();
    assert_eq!((name.as_str(), logged_in.parameters.len()), (HOST_KEY, 1));
    assert_ne!(key, host_key);
    let handle = gateway(logged_in).await;

    let mut channel = handle.channel_open_session().await.unwrap();
    channel.exec(true, "uptime").await.unwrap();
    let mut heard = Vec::new();
    while let Some(message) = channel.wait().await {
        heard.push(match message {
            ChannelMsg::Success => "accepted".to_owned(),
            ChannelMsg::Data { data } => String::from_utf8(data.to_vec()).unwrap(),
            ChannelMsg::ExtendedData { data, ext } => format!("{ext}: {} bytes", data.len()),
            ChannelMsg::ExitStatus { exit_status } => format!("status {exit_status}"),
            ChannelMsg::Eof => "end".to_owned(),
            _ => continue,
        });
    }
    assert_eq!(heard, ["accepted", "uptime", "1: 12 bytes", "status 7", "end"]);

    let forwarded = handle.channel_open_direct_tcpip("10.0.0.1", 5432, "127.0.0.1", 1).await;
    assert!(forwarded.is_err(), "a port in the connector's network");
    assert!(handle.tcpip_forward("0.0.0.0", 0).await.is_err());
    let mut channel = handle.channel_open_session().await.unwrap();
    channel.agent_forward(true).await.unwrap();
    channel.request_subsystem(true, "netconf").await.unwrap();
    let refused = [channel.wait().await, channel.wait().await];
    assert!(refused.iter().all(|it| matches!(it, Some(ChannelMsg::Failure))), "{refused:?}");
    assert_eq!(obliging.forwarded_count.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_machine_that_is_another_or_says_no_gives_no_stream() {
    let (port, host_key) = machine(Obliging::default()).await;
    let (other, _) = HostKey::fresh().unwrap();
    let check = async |host_key: &str, password: &str, expect: &str| {
        let why = dial(&dialer(port, host_key, password)).await.unwrap_err().to_string();
        assert!(why.contains(expect), "{why}");
        assert!(!why.contains(password), "{why}");
    };
    check(&host_key, "wrong", "`deploy` may not log in with what it was shown").await;
    check(&other.public(), PASSWORD, "it is not the machine of `host_key`").await;
}

#[tokio::test]
async fn a_machine_that_goes_away_ends_the_stream() {
    let (port, host_key) = machine(Obliging::default()).await;
    let relayed = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let between = relayed.local_addr().unwrap().port();
    let cut = Arc::new(tokio::sync::Notify::new());
    let cuts = cut.clone();
    tokio::spawn(async move {
        let (mut near, _) = relayed.accept().await.unwrap();
        let mut far = tokio::net::TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        tokio::select! {
            _ = tokio::io::copy_bidirectional(&mut near, &mut far) => {}
            () = cuts.notified() => {}
        }
    });
    let handle = gateway(dial(&dialer(between, &host_key, PASSWORD)).await.unwrap()).await;
    let _channel = handle.channel_open_session().await.unwrap();
    cut.notify_one();
    let ended = tokio::time::timeout(Duration::from_secs(20), handle).await;
    assert!(ended.is_ok(), "the gateway waits for a machine that is gone");
}

/// Opens a machine with what is somebody's for as long as they have it.
struct Lent {
    reach: Arc<Reach>,
    lease: Mutex<Option<Arc<()>>>,
}

impl Reaches for Lent {
    fn reach(&self) -> BoxFuture<'_, Result<Reached, DialError>> {
        let lease = self.lease.lock().unwrap().take();
        Box::pin(async move { Ok(Reached { reach: self.reach.clone(), held: Box::new(lease) }) })
    }
}

#[tokio::test]
async fn what_opens_a_machine_is_kept_as_long_as_the_connection() {
    let (port, host_key) = machine(Obliging::default()).await;
    let lease = Arc::new(());
    let is_kept = Arc::downgrade(&lease);
    let lent =
        Lent { reach: Arc::new(reach(port, &host_key, PASSWORD)), lease: Mutex::new(Some(lease)) };
    let target = Target::new(TargetParts {
        name: "web".to_owned(),
        machine: "web-1".to_owned(),
        user: "deploy".to_owned(),
        way: Way::Direct(Arc::new(lent)),
        home: "/srv/deploy".to_owned(),
        programs: Programs::default(),
        screen: Arc::new(Screen::new(Unclassified::Detect, &BTreeMap::new(), 1)),
    });
    let party = Party::new(PartyKind::Person, "https://id.example", "alice");
    let chain = Chain::new(party, Vec::new());
    let session = SessionId("0190a000-0000-7000-8000-000000000001".parse().unwrap());
    let authority = TargetAuthority::new(&Secret::new([4; 32]));
    let line = target.dial(&authority, Subject { chain: &chain, session }).await.unwrap();
    assert!(is_kept.upgrade().is_some());
    drop(line);
    assert!(is_kept.upgrade().is_none());
}
