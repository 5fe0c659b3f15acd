//! Reaching a target through whoever serves it.

use super::hub::Hub;
use super::member::Member;
use crate::message::{Ask, Facts, FailedBy, Told, Wanted};
use aws_lc_rs::rand;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use portreeve_transport::{BoxFuture, CancelHandle, DialError, Dialer, LoggedIn, PreAuth, Signer};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, timeout, timeout_at};
use uuid::Builder;

/// A target as the gateway's configuration describes it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LinkTarget {
    /// The resource.
    pub resource: String,
    /// The protocol of its target.
    pub protocol: String,
    /// Its settings that are no secret. The connector's must be the same.
    pub facts: Facts,
    /// How long reaching it and logging in there may take.
    pub timeout: Duration,
}

/// Reaches one target through the connectors that serve it.
#[derive(Clone, Debug)]
pub struct LinkDialer {
    hub: Arc<Hub>,
    target: Arc<LinkTarget>,
}

impl LinkDialer {
    /// A way to a target.
    #[must_use]
    pub fn new(hub: Arc<Hub>, target: LinkTarget) -> Self {
        Self { hub, target: Arc::new(target) }
    }

    fn ask(&self, what: Wanted) -> Ask {
        let LinkTarget { resource, protocol, facts, .. } = &*self.target;
        Ask {
            stream: stream_name(),
            resource: resource.clone(),
            protocol: protocol.clone(),
            facts: facts.clone(),
            what,
        }
    }

    async fn log_in(&self, settings: &BTreeMap<String, String>) -> Result<LoggedIn, DialError> {
        let mut arrivals = self.hub.arrivals();
        let until = Instant::now() + self.hub.limits.wait;
        loop {
            arrivals.mark_unchanged();
            let mut why = DialError::NoConnector(self.target.resource.clone());
            for member in self.hub.serving(&self.target.resource) {
                match self.through(&member, settings).await {
                    Ok(logged_in) => return Ok(logged_in),
                    // The target's own word: another connector would hear the same.
                    Err(error @ DialError::Refused { .. }) => return Err(error),
                    Err(error) => why = error,
                }
            }
            // Somebody serves it and cannot reach it: waiting is for those who are away.
            if !matches!(why, DialError::NoConnector(_)) {
                return Err(why);
            }
            match timeout_at(until, arrivals.changed()).await {
                Ok(Ok(())) => {}
                Ok(Err(_)) | Err(_) => return Err(why),
            }
        }
    }

    async fn through(
        &self,
        member: &Arc<Member>,
        settings: &BTreeMap<String, String>,
    ) -> Result<LoggedIn, DialError> {
        let ask = self.ask(Wanted::Login { settings: settings.clone() });
        let told = timeout(self.target.timeout, member.ask(&ask)).await;
        let (stream, told) = told
            .map_err(|_| of(member, "it did not answer in time"))?
            .map_err(|error| of(member, &error.to_string()))?;
        match told {
            Told::Done { parameters, can_cancel, .. } => {
                let handle =
                    Handle { dialer: self.clone(), member: member.clone(), of: ask.stream };
                let handle = Arc::new(handle);
                Ok(LoggedIn {
                    connection: PreAuth::new(Box::new(stream)),
                    parameters,
                    cancel: can_cancel.then(|| handle.clone() as Arc<dyn CancelHandle>),
                    signer: Some(handle),
                })
            }
            Told::Failed { by, code, why } => Err(failed(member, by, code, why)),
        }
    }
}

/// A name that nobody can guess: a login is cancelled by it.
fn stream_name() -> String {
    let mut bytes = [0; 16];
    let _ = rand::fill(&mut bytes);
    Builder::from_random_bytes(bytes).into_uuid().to_string()
}

fn of(member: &Member, why: &str) -> DialError {
    DialError::Connector { name: member.name().to_owned(), why: why.to_owned() }
}

fn failed(member: &Member, by: FailedBy, code: String, why: String) -> DialError {
    match by {
        FailedBy::Target => DialError::Refused { code, message: why },
        FailedBy::Silence | FailedBy::Connector => of(member, &why),
    }
}

impl Dialer for LinkDialer {
    fn dial<'a>(
        &'a self,
        settings: &'a BTreeMap<String, String>,
    ) -> BoxFuture<'a, Result<LoggedIn, DialError>> {
        Box::pin(self.log_in(settings))
    }
}

/// What belongs to one login: the same connector is asked again.
struct Handle {
    dialer: LinkDialer,
    member: Arc<Member>,
    of: String,
}

impl Handle {
    async fn ask(&self, what: Wanted) -> Result<Told, DialError> {
        let ask = self.dialer.ask(what);
        let told = timeout(self.dialer.target.timeout, self.member.ask(&ask)).await;
        let (_, told) = told
            .map_err(|_| of(&self.member, "it did not answer in time"))?
            .map_err(|error| of(&self.member, &error.to_string()))?;
        match told {
            done @ Told::Done { .. } => Ok(done),
            Told::Failed { by, code, why } => Err(failed(&self.member, by, code, why)),
        }
    }
}

impl CancelHandle for Handle {
    fn cancel(&self) -> BoxFuture<'_, Result<(), DialError>> {
        Box::pin(async move { self.ask(Wanted::Cancel { of: self.of.clone() }).await.map(drop) })
    }
}

impl Signer for Handle {
    fn sign<'a>(&'a self, data: &'a [u8]) -> BoxFuture<'a, Result<Vec<u8>, DialError>> {
        Box::pin(async move {
            let told = self.ask(Wanted::Sign { data: BASE64.encode(data) }).await?;
            let signature = match told {
                Told::Done { signature, .. } => signature,
                Told::Failed { .. } => None,
            };
            let signature = signature.and_then(|text| BASE64.decode(text).ok());
            signature.ok_or_else(|| of(&self.member, "it gave no signature"))
        })
    }
}
