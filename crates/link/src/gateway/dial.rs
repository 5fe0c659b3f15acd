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
            let serving = self.hub.serving(&self.target.resource);
            let over = Instant::now() + self.target.timeout;
            for (tried, member) in serving.iter().enumerate() {
                // One that says nothing leaves the others their time.
                let left = over.saturating_duration_since(Instant::now());
                let share = left / u32::try_from(serving.len() - tried).unwrap_or(u32::MAX);
                match self.through(member, settings, share).await {
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
        time_max: Duration,
    ) -> Result<LoggedIn, DialError> {
        let stream = stream_name()?;
        let what = Wanted::Login { settings: settings.clone() };
        let done = self.asked(member, stream.clone(), what, time_max).await?;
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
        time_max: Duration,
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
        let told = timeout(time_max, member.ask(&ask)).await;
        member.note_silence(told.is_err());
        let (stream, told) = told
            .map_err(|_| of("it did not answer in time"))?
            .map_err(|error| of(&error.to_string()))?;
        match told {
            Told::Done { parameters, can_cancel } => Ok(Done { stream, parameters, can_cancel }),
            Told::Failed { by: FailedBy::Target, code, why } => {
                Err(DialError::Refused { code: plain(&code), message: plain(&why) })
            }
            Told::Failed { by: FailedBy::Silence | FailedBy::Connector, why, .. } => {
                Err(of(&plain(&why)))
            }
        }
    }
}

/// What a connector says, fit for a line of a log: it is no friend of the gateway's.
fn plain(said: &str) -> String {
    let shown = |c: char| if c.is_control() { ' ' } else { c };
    said.chars().take(SAID_CHARS_MAX).map(shown).collect()
}

const SAID_CHARS_MAX: usize = 500;

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
            let time_max = self.dialer.target.timeout;
            self.dialer.asked(&self.member, stream_name()?, what, time_max).await.map(drop)
        })
    }
}
