//! What a gateway asks for: each in a stream of its own.

use super::{Connector, ServedTarget};
use crate::counting::Counting;
use crate::message::{self, Ask, FailedBy, Told, Wanted, now_us};
use crate::mux::MuxStream;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use portreeve_model::LinkStream;
use portreeve_transport::{CancelHandle, DialError, LoggedIn};
use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncWriteExt, copy_bidirectional_with_sizes};
use tokio::time::timeout;

/// What belongs to the open logins of one link.
#[derive(Default)]
pub(super) struct Logins(Mutex<HashMap<String, Login>>);

#[derive(Clone)]
struct Login {
    cancel: Option<Arc<dyn CancelHandle>>,
}

impl Logins {
    fn find(&self, stream: &str) -> Option<Login> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(stream).cloned()
    }

    fn add(&self, stream: &str, login: Login) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.insert(stream.to_owned(), login);
    }

    fn remove(&self, stream: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(stream);
    }
}

/// How long a gateway may take to say what a stream is for.
const ASK_TIMEOUT: Duration = Duration::from_secs(15);
/// Of each stream, each way.
const BUFFER_BYTES: usize = 32 << 10;

impl Connector {
    /// Serves one stream to its end.
    pub(super) async fn stream(
        self: Arc<Self>,
        mut stream: MuxStream,
        gateway: String,
        logins: Arc<Logins>,
    ) {
        let asked = timeout(ASK_TIMEOUT, message::read::<Ask>(&mut stream)).await;
        let Ok(Ok(ask)) = asked else { return };
        let target = match self.target(&ask) {
            Ok(target) => target,
            Err(why) => {
                tracing::warn!(gateway, resource = ask.resource, why, "a stream was refused");
                let refused = Told::Failed { by: FailedBy::Connector, code: String::new(), why };
                let _ = message::write(&mut stream, &refused).await;
                return;
            }
        };
        let told = match &ask.what {
            Wanted::Login { settings } => {
                return match target.dialer.dial(settings).await {
                    Ok(logged_in) => {
                        self.carry(stream, logged_in, &ask, gateway, &logins).await;
                    }
                    Err(error) => {
                        tracing::warn!(resource = ask.resource, %error, "a target was not reached");
                        let _ = message::write(&mut stream, &Told::from(&error)).await;
                    }
                };
            }
            Wanted::Cancel { of } => match logins.find(of).and_then(|login| login.cancel) {
                Some(cancel) => told(cancel.cancel().await.map(|()| None)),
                None => told(Err(DialError::Protocol("that login is over".into()))),
            },
            Wanted::Sign { data } => match (&target.signer, BASE64.decode(data)) {
                (Some(signer), Ok(data)) => told(signer.sign(&data).await.map(Some)),
                _ => told(Err(DialError::Authentication("nothing is signed for this target"))),
            },
        };
        let _ = message::write(&mut stream, &told).await;
        let _ = stream.shutdown().await;
    }

    /// The target that is asked for, if both ends mean the same one.
    fn target(&self, ask: &Ask) -> Result<&ServedTarget, String> {
        let name = &ask.resource;
        let Some(target) = self.targets.get(name) else {
            return Err(format!("it has no resource `{name}`"));
        };
        if target.protocol != ask.protocol {
            let (here, there) = (&target.protocol, &ask.protocol);
            return Err(format!(
                "`{name}` is `{here}` at the connector and `{there}` at the gateway"
            ));
        }
        let keys = target.facts.keys().chain(ask.facts.keys());
        for key in keys {
            let (here, there) = (target.facts.get(key), ask.facts.get(key));
            if here != there {
                let shown = |it: Option<&String>| it.map_or("nothing", String::as_str).to_owned();
                return Err(format!(
                    "`{key}` of `{name}` is `{}` at the connector and `{}` at the gateway; hint: \
                     both must say the same",
                    shown(here),
                    shown(there)
                ));
            }
        }
        Ok(target)
    }

    /// Carries bytes between a gateway and a target.
    async fn carry(
        &self,
        mut stream: MuxStream,
        logged_in: LoggedIn,
        ask: &Ask,
        gateway: String,
        logins: &Arc<Logins>,
    ) {
        let LoggedIn { connection, parameters, cancel, .. } = logged_in;
        let done = Told::Done { parameters, can_cancel: cancel.is_some(), signature: None };
        if message::write(&mut stream, &done).await.is_err() {
            return;
        }
        logins.add(&ask.stream, Login { cancel });
        let (target, unread) = connection.into_parts();
        let link = Counting::new(stream);
        let note = LinkStream {
            stream: ask.stream.clone(),
            resource: ask.resource.clone(),
            opened_us: now_us(),
            closed_us: 0,
            to_target: 0,
            from_target: 0,
        };
        // Written down when it is dropped: a link that breaks drops what it carries.
        let noted = Noted {
            counts: link.counts().clone(),
            note,
            gateway,
            connector: self,
            logins: logins.clone(),
            target: ask.facts.get("host").cloned().unwrap_or_default(),
        };
        if let Err(error) = splice(link, target, &unread).await {
            tracing::debug!(stream = ask.stream, %error, "a stream broke off");
        }
        drop(noted);
    }
}

async fn splice(
    mut link: Counting<MuxStream>,
    mut target: Box<dyn portreeve_transport::Stream>,
    unread: &[u8],
) -> io::Result<()> {
    link.write_all(unread).await?;
    copy_bidirectional_with_sizes(&mut link, &mut target, BUFFER_BYTES, BUFFER_BYTES).await?;
    Ok(())
}

fn told(done: Result<Option<Vec<u8>>, DialError>) -> Told {
    match done {
        Ok(signature) => {
            let signature = signature.map(|bytes| BASE64.encode(bytes));
            Told::Done { parameters: Vec::new(), can_cancel: false, signature }
        }
        Err(error) => Told::from(&error),
    }
}

/// A stream's line in the stream log, to be written when it is over.
struct Noted<'c> {
    counts: Arc<crate::counting::Counts>,
    note: LinkStream,
    gateway: String,
    connector: &'c Connector,
    logins: Arc<Logins>,
    target: String,
}

impl Drop for Noted<'_> {
    fn drop(&mut self) {
        self.logins.remove(&self.note.stream);
        let note = LinkStream {
            closed_us: now_us(),
            to_target: self.counts.read(),
            from_target: self.counts.written(),
            ..self.note.clone()
        };
        let (target, gateway) = (self.target.clone(), self.gateway.clone());
        if let Err(error) = self.connector.stream_log.write(note, target, gateway) {
            tracing::error!(%error, "a stream is not in the stream log");
        }
    }
}
