//! Reaching a target through whoever serves it.

use super::hub::Hub;
use super::member::Member;
use super::stream::MemberStream;
use crate::message::{Ask, Facts, FailedBy, Told, Wanted};
use aws_lc_rs::rand;
use portreeve_transport::{BoxFuture, CancelHandle, DialError, Dialer, LoggedIn, PreAuth};
use std::collections::BTreeMap;
use std::io;
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
        let stream = stream_name()?;
        let what = Wanted::Login { settings: settings.clone() };
        let done = self.asked(member, stream.clone(), what).await?;
        let login = Login { dialer: self.clone(), member: member.clone(), stream };
        Ok(LoggedIn {
            connection: PreAuth::new(Box::new(done.stream)),
            parameters: done.parameters,
            cancel: done.can_cancel.then(|| Arc::new(login) as Arc<dyn CancelHandle>),
        })
    }

    /// Asks a connector for something, in a stream of its own.
    async fn asked(
        &self,
        member: &Arc<Member>,
        stream: String,
        what: Wanted,
    ) -> Result<Done, DialError> {
        let of = |why: &str| DialError::Connector { name: member.name().into(), why: why.into() };
        let LinkTarget { resource, protocol, facts, .. } = &*self.target;
        let ask = Ask {
            stream,
            resource: resource.clone(),
            protocol: protocol.clone(),
            facts: facts.clone(),
            what,
        };
        let told = timeout(self.target.timeout, member.ask(&ask)).await;
        let (stream, told) = told
            .map_err(|_| of("it did not answer in time"))?
            .map_err(|error| of(&error.to_string()))?;
        match told {
            Told::Done { parameters, can_cancel } => Ok(Done { stream, parameters, can_cancel }),
            Told::Failed { by: FailedBy::Target, code, why } => {
                Err(DialError::Refused { code, message: why })
            }
            Told::Failed { by: FailedBy::Silence | FailedBy::Connector, why, .. } => Err(of(&why)),
        }
    }
}

/// What was asked for is done.
struct Done {
    stream: MemberStream,
    parameters: Vec<(String, String)>,
    can_cancel: bool,
}

/// A name that nobody can guess: a login is cancelled by it.
fn stream_name() -> Result<String, DialError> {
    let mut bytes = [0; 16];
    rand::fill(&mut bytes).map_err(|_| io::Error::other("no randomness"))?;
    Ok(Builder::from_random_bytes(bytes).into_uuid().to_string())
}

impl Dialer for LinkDialer {
    fn dial<'a>(
        &'a self,
        settings: &'a BTreeMap<String, String>,
    ) -> BoxFuture<'a, Result<LoggedIn, DialError>> {
        Box::pin(self.log_in(settings))
    }
}

/// One login: what runs for it is stopped by the connector that made it.
struct Login {
    dialer: LinkDialer,
    member: Arc<Member>,
    stream: String,
}

impl CancelHandle for Login {
    fn cancel(&self) -> BoxFuture<'_, Result<(), DialError>> {
        Box::pin(async move {
            let what = Wanted::Cancel { of: self.stream.clone() };
            self.dialer.asked(&self.member, stream_name()?, what).await.map(drop)
        })
    }
}
