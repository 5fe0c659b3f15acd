//! A link to one gateway, made again whenever it breaks.

use super::Connector;
use super::streams::Logins;
use crate::authority::CLOCK_SKEW_MAX;
use crate::message::{self, FromConnector, FromGateway, VERSIONS, now_us};
use crate::mux::{self, Mux, MuxStream, Side};
use crate::tls;
use aws_lc_rs::rand;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use rustls::pki_types::CertificateDer;
use std::io;
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio::io::AsyncWrite;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

/// Waiting begins with this, doubles, and ends with the other.
const BACKOFF_MIN: Duration = Duration::from_millis(250);
const BACKOFF_MAX: Duration = Duration::from_secs(30);
/// A gateway that says that asking again is no use is asked seldom: somebody may change its mind.
const REFUSED_BACKOFF: Duration = Duration::from_secs(60);
/// How long the other end may take to say the next thing of a handshake.
pub(super) const LOGIN_TIMEOUT: Duration = Duration::from_secs(15);
/// How often it is looked whether the certificate should be renewed.
const RENEW_INTERVAL: Duration = Duration::from_secs(1);
const HEARD_MAX: usize = 8;

/// Why there is no link any more.
enum Ended {
    /// Before the gateway took it in.
    NotLinked(String),
    /// After that.
    Broken(String),
    /// The gateway does not want it.
    Refused(String),
}

impl Connector {
    /// Keeps a link to a gateway, for ever.
    pub(super) async fn keep_linked(self: Arc<Self>, gateway: String) {
        let mut backoff = BACKOFF_MIN;
        loop {
            let wait = match self.link(&gateway).await {
                Ended::Broken(why) => {
                    tracing::warn!(gateway, why, "the link broke; it is made again");
                    backoff = BACKOFF_MIN;
                    jittered(backoff)
                }
                Ended::NotLinked(why) => {
                    let wait = jittered(backoff);
                    backoff = (backoff * 2).min(BACKOFF_MAX);
                    tracing::warn!(gateway, why, ?wait, "no link; trying again");
                    wait
                }
                Ended::Refused(why) => {
                    tracing::error!(gateway, why, "the gateway refuses this connector");
                    jittered(REFUSED_BACKOFF)
                }
            };
            sleep(wait).await;
        }
    }

    async fn link(self: &Arc<Self>, gateway: &str) -> Ended {
        let stream = match self.parts.carrier.connect(gateway).await {
            Ok(stream) => stream,
            Err(error) => return Ended::NotLinked(error.to_string()),
        };
        let own = Some((&**self.parts.state.key(), self.parts.state.certificate()));
        let config = match tls::client(self.parts.state.authority(), own) {
            Ok(config) => config,
            Err(error) => return Ended::Refused(error.to_string()),
        };
        let stream = match timeout(LOGIN_TIMEOUT, tls::connect(stream, config)).await {
            Ok(Ok(stream)) => stream,
            Ok(Err(error)) => return Ended::NotLinked(self.parts.state.explained(&error)),
            Err(_) => return Ended::NotLinked("no handshake in time".into()),
        };
        let (mux, arrived, driver) = mux::over(stream, Side::Connector);
        tokio::select! {
            why = driver.run() => {
                Ended::NotLinked(self.parts.state.explained(&io::Error::other(why)))
            }
            ended = self.converse(mux, arrived, gateway) => ended,
        }
    }

    async fn converse(
        self: &Arc<Self>,
        mux: Mux,
        mut arrived: mpsc::Receiver<MuxStream>,
        gateway: &str,
    ) -> Ended {
        let control = timeout(LOGIN_TIMEOUT, self.hello(&mux)).await;
        let (control, welcome) = match control {
            Ok(Ok(said)) => said,
            Ok(Err(error)) => return Ended::NotLinked(self.parts.state.explained(&error)),
            Err(_) => return Ended::NotLinked("it does not answer in time".into()),
        };
        match welcome {
            FromGateway::Welcome { name, refused, .. } => {
                tracing::info!(gateway, name, "linked");
                for resource in refused {
                    tracing::warn!(gateway, resource, "it was not invited for this resource");
                }
            }
            FromGateway::Refused { why, may_change: false } => return Ended::Refused(why),
            FromGateway::Refused { why, .. } => return Ended::NotLinked(why),
            FromGateway::Certificate { .. } | FromGateway::Ping { .. } => {
                return Ended::NotLinked("it says no welcome".into());
            }
        }
        let (mut reader, mut writer) = tokio::io::split(control);
        let (heard, hears) = mpsc::channel(HEARD_MAX);
        let listen = async {
            while let Ok(said) = message::read::<FromGateway>(&mut reader).await {
                if heard.send(said).await.is_err() {
                    return;
                }
            }
        };
        let logins = Arc::new(Logins::default());
        let mut streams = JoinSet::new();
        let serve = async {
            loop {
                tokio::select! {
                    stream = arrived.recv() => match stream {
                        Some(stream) => {
                            let (gateway, logins) = (gateway.to_owned(), logins.clone());
                            streams.spawn(self.clone().stream(stream, gateway, logins));
                        }
                        None => return,
                    },
                    Some(_) = streams.join_next(), if !streams.is_empty() => {}
                }
            }
        };
        // Dropped with the link: what it carried ends with it.
        tokio::select! {
            () = listen => Ended::Broken("the gateway has gone".into()),
            () = serve => Ended::Broken("the gateway has gone".into()),
            () = mux.over() => Ended::Broken("the connection broke".into()),
            ended = self.talk(&mut writer, hears) => ended,
        }
    }

    async fn hello(&self, mux: &Mux) -> io::Result<(MuxStream, FromGateway)> {
        let mut control = mux.open().await?;
        let hello = FromConnector::Hello {
            versions: VERSIONS.to_vec(),
            software: self.parts.software.clone(),
            time_us: now_us(),
            resources: self.parts.targets.keys().cloned().collect(),
        };
        message::write(&mut control, &hello).await?;
        let welcome = message::read(&mut control).await?;
        Ok((control, welcome))
    }

    /// Answers the gateway, and has the certificate renewed; until the link ends.
    async fn talk(
        &self,
        writer: &mut (impl AsyncWrite + Unpin),
        mut hears: mpsc::Receiver<FromGateway>,
    ) -> Ended {
        let mut looks = tokio::time::interval(RENEW_INTERVAL);
        let mut heard_at = tokio::time::Instant::now();
        let mut asked_at: Option<tokio::time::Instant> = None;
        loop {
            let said = tokio::select! {
                said = hears.recv() => said,
                _ = looks.tick() => {
                    if heard_at.elapsed() > self.parts.silence_max {
                        return Ended::Broken("the gateway says nothing any more".into());
                    }
                    let is_asked = asked_at.is_some_and(|at| at.elapsed() < LOGIN_TIMEOUT);
                    if !is_asked && self.is_half_over() {
                        asked_at = Some(tokio::time::Instant::now());
                        if message::write(writer, &FromConnector::Renew).await.is_err() {
                            return Ended::Broken("the connection broke".into());
                        }
                    }
                    continue;
                }
            };
            heard_at = tokio::time::Instant::now();
            match said {
                Some(FromGateway::Ping { number }) => {
                    let pong = FromConnector::Pong { number };
                    match timeout(self.parts.silence_max, message::write(writer, &pong)).await {
                        Ok(Ok(())) => {}
                        Ok(Err(_)) | Err(_) => return Ended::Broken("the connection broke".into()),
                    }
                }
                Some(FromGateway::Certificate { certificate, .. }) => {
                    asked_at = None;
                    let der = CertificateDer::from(BASE64.decode(certificate).unwrap_or_default());
                    match self.parts.state.renew(der) {
                        Ok(()) => tracing::info!("the certificate was renewed"),
                        Err(error) => tracing::error!(%error, "the certificate is not renewed"),
                    }
                }
                Some(FromGateway::Refused { why, may_change: false }) => {
                    return Ended::Refused(why);
                }
                Some(FromGateway::Refused { why, .. }) => return Ended::Broken(why),
                Some(FromGateway::Welcome { .. }) => {
                    return Ended::Broken("it says welcome again".into());
                }
                None => return Ended::Broken("the gateway has gone".into()),
            }
        }
    }

    /// Whether the certificate has lived half its life.
    fn is_half_over(&self) -> bool {
        let validity = self.parts.state.validity();
        validity.is_ok_and(|validity| has_lived_half(validity, SystemTime::now()))
    }
}

/// Whether half of a certificate's life is over. It holds from before it was made, for clocks that
/// differ.
fn has_lived_half((from, until): (SystemTime, SystemTime), now: SystemTime) -> bool {
    let made = from + CLOCK_SKEW_MAX;
    now > made + until.duration_since(made).unwrap_or_default() / 2
}

/// Between half and all of a time: connectors that lost one gateway do not come back as one.
fn jittered(wait: Duration) -> Duration {
    let mut byte = [0];
    let _ = rand::fill(&mut byte);
    wait / 2 + wait.mul_f64(f64::from(byte[0]) / 510.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_is_renewed_at_half_its_life_however_short_that_is() {
        let check = |lifetime_s: u64, age_s: u64, expect: bool| {
            let made = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000);
            let validity = (made - CLOCK_SKEW_MAX, made + Duration::from_secs(lifetime_s));
            let now = made + Duration::from_secs(age_s);
            assert_eq!(has_lived_half(validity, now), expect, "{lifetime_s} {age_s}");
        };
        check(60, 0, false);
        check(60, 29, false);
        check(60, 31, true);
        check(7 * 86_400, 3 * 86_400, false);
        check(7 * 86_400, 4 * 86_400, true);
    }
}
