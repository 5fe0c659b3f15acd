//! What a gateway asks for: each in a stream of its own.

use super::{Connector, ServedTarget};
use crate::counting::{Counting, Counts, opened};
use crate::message::{self, Ask, FailedBy, Told, Wanted, now_us};
use crate::mux::MuxStream;
use portreeve_model::LinkStream;
use portreeve_transport::{CancelHandle, DialError, LoggedIn};
use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncWriteExt, copy_bidirectional_with_sizes};
use tokio::time::timeout;
use uuid::Uuid;

/// How what runs for the open logins of one link is stopped.
#[derive(Default)]
pub(super) struct Logins(Mutex<HashMap<String, Arc<dyn CancelHandle>>>);

impl Logins {
    fn all(&self) -> MutexGuard<'_, HashMap<String, Arc<dyn CancelHandle>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
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
        let target = match self.target(&ask).and_then(|target| self.noted(target)) {
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
            Wanted::Cancel { of } => {
                let cancel = logins.all().get(of).cloned();
                let cancelled = match cancel {
                    Some(cancel) => cancel.cancel().await,
                    None => Err(DialError::Protocol("that login is over".into())),
                };
                match cancelled {
                    Ok(()) => Told::Done { parameters: Vec::new(), can_cancel: false },
                    Err(error) => Told::from(&error),
                }
            }
        };
        let _ = message::write(&mut stream, &told).await;
        let _ = stream.shutdown().await;
    }

    /// Nothing is carried that could not be written down.
    fn noted<'t>(&self, target: &'t ServedTarget) -> Result<&'t ServedTarget, String> {
        match self.parts.stream_log.settle() {
            Ok(()) => Ok(target),
            Err(error) => Err(format!("its stream log cannot be written: {error}")),
        }
    }

    /// The target that is asked for, if both ends mean the same one.
    fn target(&self, ask: &Ask) -> Result<&ServedTarget, String> {
        let name = &ask.resource;
        // It stands in the stream log.
        if Uuid::try_parse(&ask.stream).is_err() {
            return Err("a stream without a name".into());
        }
        let Some(target) = self.parts.targets.get(name) else {
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
        self: &Arc<Self>,
        mut stream: MuxStream,
        logged_in: LoggedIn,
        ask: &Ask,
        gateway: String,
        logins: &Arc<Logins>,
    ) {
        let LoggedIn { connection, parameters, cancel } = logged_in;
        let done = Told::Done { parameters, can_cancel: cancel.is_some() };
        if message::write(&mut stream, &done).await.is_err() {
            return;
        }
        if let Some(cancel) = cancel {
            logins.all().insert(ask.stream.clone(), cancel);
        }
        let (target, unread) = connection.into_parts();
        // Written down when it is dropped: a link that breaks drops what it carries.
        let link = Counting::new(stream, |counts| Noted {
            counts,
            note: opened(ask),
            gateway,
            connector: self.clone(),
            logins: logins.clone(),
            target: ask.facts.get("host").cloned().unwrap_or_default(),
        });
        if let Err(error) = splice(link, target, &unread).await {
            tracing::debug!(stream = ask.stream, %error, "a stream broke off");
        }
    }
}

async fn splice(
    mut link: Counting<MuxStream, Noted>,
    mut target: Box<dyn portreeve_transport::Stream>,
    unread: &[u8],
) -> io::Result<()> {
    link.write_all(unread).await?;
    copy_bidirectional_with_sizes(&mut link, &mut target, BUFFER_BYTES, BUFFER_BYTES).await?;
    Ok(())
}

/// A stream's line in the stream log, to be written when it is over.
struct Noted {
    counts: Arc<Counts>,
    note: LinkStream,
    gateway: String,
    connector: Arc<Connector>,
    logins: Arc<Logins>,
    target: String,
}

impl Drop for Noted {
    fn drop(&mut self) {
        self.logins.all().remove(&self.note.stream);
        let note = LinkStream {
            closed_us: now_us(),
            to_target: self.counts.read(),
            from_target: self.counts.written(),
            ..self.note.clone()
        };
        let (target, gateway) = (self.target.clone(), self.gateway.clone());
        if let Err(error) = self.connector.parts.stream_log.write(note, target, gateway) {
            tracing::error!(%error, "a stream is not in the stream log");
        }
    }
}
