//! A connector's link, from its handshake to its end.

use super::hub::{Hub, Joined, Refused};
use super::member::{Arrived, Member};
use super::registry::{Known, Standing};
use crate::authority::PublicKey;
use crate::message::{self, FromConnector, FromGateway, VERSIONS, now_us};
use crate::mux::{self, Mux, MuxStream, Side};
use crate::tls::{self, Caller};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use portreeve_model::ConnectorChange;
use portreeve_transport::Stream;
use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio::io::AsyncWrite;
use tokio::sync::mpsc;
use tokio::time::{Instant, interval, timeout};

/// Clocks that differ by more get a warning: certificates and tokens depend on them.
const SKEW_WARNED_US: u64 = 60_000_000;

/// What a connector says of itself.
struct Hello {
    versions: Vec<u16>,
    software: String,
    time_us: u64,
    resources: Vec<String>,
}

impl Hub {
    /// Serves whoever has dialled in, to the end. `place` is what it holds until it is known
    /// who it is.
    pub async fn serve(
        self: Arc<Self>,
        stream: Box<dyn Stream>,
        client: SocketAddr,
        place: impl Send,
    ) {
        let limit = self.limits.login_timeout;
        let accepted = timeout(limit, tls::accept(stream, self.tls.clone())).await;
        let from = client.ip();
        let (stream, caller) = match accepted {
            Ok(Ok(accepted)) => accepted,
            Ok(Err(error)) => {
                let why = format!("its handshake failed: {error}");
                return self.refused("", None, Refused { from, why: &why });
            }
            Err(_) => {
                let why = "it did not say who it is in time";
                return self.refused("", None, Refused { from, why });
            }
        };
        match caller {
            Caller::Stranger => {
                let done = timeout(limit, self.enrol(stream, from)).await;
                if let Ok(Err(error)) = done {
                    tracing::debug!(%error, address = %from, "an enrolment broke off");
                }
            }
            Caller::Connector { name, key } => {
                self.link(stream, (name, key), client, place).await;
            }
        }
    }

    async fn link(
        self: Arc<Self>,
        stream: Box<dyn Stream>,
        who: (String, PublicKey),
        client: SocketAddr,
        place: impl Send,
    ) {
        let (mux, arrived, driver) = mux::over(stream, Side::Gateway);
        let driven = driver.run();
        tokio::pin!(driven);
        tokio::select! {
            _ = &mut driven => {}
            () = self.converse(mux, arrived, who, client, place) => {
                // What was said last has to get there.
                let _ = timeout(GOODBYE, driven).await;
            }
        }
    }

    /// Everything that is said over the first stream.
    async fn converse(
        self: &Arc<Self>,
        mux: Mux,
        mut arrived: mpsc::Receiver<MuxStream>,
        (name, key): (String, PublicKey),
        client: SocketAddr,
        place: impl Send,
    ) {
        let from = client.ip();
        let Ok(Some(mut control)) = timeout(self.limits.login_timeout, arrived.recv()).await else {
            let why = "it did not say hello in time";
            return self.refused(&name, Some(&key), Refused { from, why });
        };
        let said = timeout(self.limits.login_timeout, message::read(&mut control)).await;
        let hello = match said {
            Ok(Ok(FromConnector::Hello { versions, software, time_us, resources })) => {
                Hello { versions, software, time_us, resources }
            }
            Ok(Ok(FromConnector::Check { versions, resources })) => {
                let told = self.check((&name, &key), from, &versions, resources).await;
                let _ = message::write(&mut control, &told).await;
                return;
            }
            _ => {
                let why = "it did not say hello in time";
                return self.refused(&name, Some(&key), Refused { from, why });
            }
        };
        let seat = match self.admit(mux, (&name, &key), client, hello).await {
            Ok(seat) => seat,
            Err(refusal) => {
                let Refusal { why, may_change } = refusal;
                self.refused(&name, Some(&key), Refused { from, why: &why });
                let _ =
                    message::write(&mut control, &FromGateway::Refused { why, may_change }).await;
                return;
            }
        };
        drop(place);
        let welcome = FromGateway::Welcome {
            version: seat.version,
            name: seat.member.name().to_owned(),
            refused: seat.refused.clone(),
        };
        if message::write(&mut control, &welcome).await.is_err() {
            return;
        }
        let (mut reader, mut writer) = tokio::io::split(control);
        let (heard, hears) = mpsc::channel(HEARD_MAX);
        let listen = async {
            // What cannot be read ends the link, as does silence.
            while let Ok(said) = message::read::<FromConnector>(&mut reader).await {
                if heard.send(said).await.is_err() {
                    return;
                }
            }
        };
        // A connector opens no further streams: what it opens is dropped, unread.
        let drain = async { while arrived.recv().await.is_some() {} };
        let why = tokio::select! {
            () = listen => "it has gone".to_owned(),
            why = self.talk(&seat.member, &mut writer, hears) => why,
            () = async { drain.await; std::future::pending().await } => String::new(),
        };
        seat.member.end(&why);
        let refused = FromGateway::Refused { why, may_change: true };
        let _ = timeout(GOODBYE, message::write(&mut writer, &refused)).await;
    }

    /// What a connector would be told that comes to serve. It does not come.
    async fn check(
        &self,
        (name, key): (&str, &PublicKey),
        from: IpAddr,
        versions: &[u16],
        resources: Vec<String>,
    ) -> FromGateway {
        match self.known((name, key), versions).await {
            Ok((version, known)) => {
                let (_, refused) = sorted(&known, resources);
                FromGateway::Welcome { version, name: known.name, refused }
            }
            Err(Refusal { why, may_change }) => {
                self.refused(name, Some(key), Refused { from, why: &why });
                FromGateway::Refused { why, may_change }
            }
        }
    }

    /// Who a connector is, and what is spoken with it.
    async fn known(
        &self,
        (name, key): (&str, &PublicKey),
        versions: &[u16],
    ) -> Result<(u16, Known), Refusal> {
        let version = VERSIONS.into_iter().find(|version| versions.contains(version));
        let Some(version) = version else {
            return Err(Refusal::lasting(format!(
                "it speaks versions {versions:?} of the link, this gateway {VERSIONS:?}; hint: \
                 upgrade the older of the two"
            )));
        };
        match self.registry.standing(key).await {
            Ok(Standing::Good(known)) if known.name == name => Ok((version, known)),
            Ok(Standing::Good(known)) => {
                Err(Refusal::lasting(format!("its key is that of `{}`", known.name)))
            }
            Ok(Standing::Revoked { .. }) => {
                Err(Refusal::lasting("it was revoked; hint: invite it anew".into()))
            }
            Ok(Standing::Unknown) => Err(Refusal::lasting("nobody has enrolled its key".into())),
            Err(error) => {
                tracing::error!(%error, "the standing of a connector cannot be told");
                Err(Refusal::passing("the gateway cannot tell who it is now".into()))
            }
        }
    }

    /// Whether a connector may serve what it has.
    async fn admit(
        self: &Arc<Self>,
        mux: Mux,
        (name, key): (&str, &PublicKey),
        client: SocketAddr,
        hello: Hello,
    ) -> Result<Seat, Refusal> {
        let (version, known) = self.known((name, key), &hello.versions).await?;
        let skew = hello.time_us.abs_diff(now_us());
        if skew > SKEW_WARNED_US {
            let seconds = skew / 1_000_000;
            tracing::warn!(connector = name, seconds, "a connector's clock differs from this one");
        }
        let (serves, refused) = sorted(&known, hello.resources);
        let member = Member::new(Arrived {
            known,
            key: *key,
            address: client.ip(),
            software: hello.software.chars().take(SOFTWARE_CHARS_MAX).collect(),
            serves,
            mux,
            registry: self.registry.clone(),
        });
        let recorded = self.record(&member, ConnectorChange::Connected, None).await;
        if let Err(error) = recorded {
            tracing::error!(%error, "a connector's coming cannot be recorded");
            return Err(Refusal::passing("the gateway cannot record it now".into()));
        }
        match self.join(&member) {
            Joined::Yes => {}
            Joined::Full => {
                return Err(Refusal::passing("there are too many connectors".into()));
            }
        }
        // Whoever is among the members is ended by the next change; this one came meanwhile.
        self.look_again(&member).await;
        tracing::info!(
            connector = name, address = %client, resources = ?member.serves(),
            "a connector is there"
        );
        Ok(Seat { hub: self.clone(), member, version, refused })
    }

    /// Looks whether a connector is there, and renews its certificate; until the link has to end.
    async fn talk(
        &self,
        member: &Arc<Member>,
        writer: &mut (impl AsyncWrite + Unpin),
        mut hears: mpsc::Receiver<FromConnector>,
    ) -> String {
        let mut beat = interval(self.limits.heartbeat);
        let mut heard_at = Instant::now();
        let mut number = 0;
        loop {
            let answer = tokio::select! {
                why = member.ending() => return why,
                _ = beat.tick() => {
                    if heard_at.elapsed() > self.limits.silence_max {
                        return "it does not answer".to_owned();
                    }
                    number += 1;
                    FromGateway::Ping { number }
                }
                said = hears.recv() => match said {
                    Some(FromConnector::Pong { .. }) => {
                        heard_at = Instant::now();
                        continue;
                    }
                    Some(FromConnector::Renew) => match self.renew(member).await {
                        Ok(certificate) => certificate,
                        Err(why) => return why,
                    },
                    Some(
                        FromConnector::Hello { .. }
                        | FromConnector::Check { .. }
                        | FromConnector::Enrol { .. },
                    ) => {
                        return "it says hello again".to_owned();
                    }
                    None => return "it has gone".to_owned(),
                },
            };
            // Who takes nothing any more is not there, whatever its socket says.
            match timeout(self.limits.silence_max, message::write(writer, &answer)).await {
                Ok(Ok(())) => {}
                Ok(Err(_)) => return "it has gone".to_owned(),
                Err(_) => return "it takes nothing any more".to_owned(),
            }
        }
    }

    async fn renew(&self, member: &Arc<Member>) -> Result<FromGateway, String> {
        self.record(member, ConnectorChange::Renewed, None).await.map_err(|why| why.to_string())?;
        let (lifetime, now) = (self.limits.certificate_lifetime, SystemTime::now());
        let made = self.authority.connector(member.name(), member.key(), now, lifetime);
        let certificate = BASE64.encode(made.map_err(|error| error.to_string())?);
        Ok(FromGateway::Certificate { certificate, name: member.name().to_owned() })
    }
}

/// What a connector was invited for of what it has, and the rest.
fn sorted(known: &Known, resources: Vec<String>) -> (BTreeSet<String>, Vec<String>) {
    resources.into_iter().take(RESOURCES_MAX).fold(Default::default(), |mut sorted, name| {
        let (serves, refused): &mut (BTreeSet<String>, Vec<String>) = &mut sorted;
        match known.may_serve(&name) {
            true => drop(serves.insert(name)),
            false => refused.push(name),
        }
        sorted
    })
}

/// Why a connector may not serve.
struct Refusal {
    why: String,
    may_change: bool,
}

impl Refusal {
    fn lasting(why: String) -> Self {
        Self { why, may_change: false }
    }

    fn passing(why: String) -> Self {
        Self { why, may_change: true }
    }
}

/// A connector's place in the hub. Dropped, it is given back, and that is written down.
struct Seat {
    hub: Arc<Hub>,
    member: Arc<Member>,
    version: u16,
    refused: Vec<String>,
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.member.end("its connection broke");
        self.hub.leave(&self.member);
        let why = self.member.ended().unwrap_or_default();
        tracing::info!(connector = self.member.name(), why, "a connector is gone");
        let happened = self.member.event(ConnectorChange::Disconnected, Some(why));
        self.hub.registry.note(happened);
    }
}

/// How long the last words may take.
const GOODBYE: Duration = Duration::from_secs(1);
const HEARD_MAX: usize = 8;
/// Most resources of one connector.
const RESOURCES_MAX: usize = 1024;
const SOFTWARE_CHARS_MAX: usize = 64;
