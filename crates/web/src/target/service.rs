//! A service: where it is, how it is spoken with, and what opens it. The same at a gateway that
//! asks it, and at a connector that asks it for one.

use super::line::{Http2, Line, RequestBody, Unsent};
use crate::credential::{Credential, Hidden};
use http::{Request, Response, StatusCode};
use hyper::body::Incoming;
use portreeve_model::Secret;
use portreeve_transport::{DialError, TargetTls, TcpTarget};
use std::any::Any;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// A service, and what opens it.
#[derive(Debug)]
pub struct Service {
    place: TcpTarget,
    http2: Http2,
    pub(crate) credential: Credential,
    /// As the `Host` field says it.
    authority: String,
    hidden: Mutex<Option<Known>>,
    _held: Option<Box<dyn Any + Send + Sync>>,
}

/// What shows nowhere, and what it was made of: tokens become others.
#[derive(Debug)]
struct Known {
    secrets: Vec<Secret<String>>,
    hidden: Arc<Hidden>,
}

impl Service {
    /// Puts it together.
    #[must_use]
    pub fn new(place: TcpTarget, http2: Http2, credential: Credential) -> Self {
        let place = http2.offered_by(place);
        let authority = authority(&place);
        Self { authority, place, http2, credential, hidden: Mutex::default(), _held: None }
    }

    /// The same with something that is dropped with it: what its credential is borrowed by.
    #[must_use]
    pub fn holding(self, held: Box<dyn Any + Send + Sync>) -> Self {
        Self { _held: Some(held), ..self }
    }

    /// What opens the service now, as it is looked for in answers.
    pub(crate) fn hidden(&self) -> Arc<Hidden> {
        let secrets = self.credential.secrets();
        let mut known = self.hidden.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = known.as_ref().filter(|known| known.secrets == secrets) {
            return known.hidden.clone();
        }
        let hidden = Arc::new(Hidden::long_enough(&secrets, self.credential.signed()));
        *known = Some(Known { secrets, hidden: hidden.clone() });
        hidden
    }

    pub(crate) fn host(&self) -> &str {
        &self.place.host
    }

    pub(crate) const fn port(&self) -> u16 {
        self.place.port
    }

    /// How long reaching it may take.
    pub(crate) const fn timeout(&self) -> Duration {
        self.place.timeout
    }

    pub(crate) fn authority(&self) -> &str {
        &self.authority
    }

    /// A fresh connection.
    pub(crate) async fn dial(&self) -> Result<Line, DialError> {
        Line::dial(&self.place, self.http2).await
    }

    /// Asks for an answer, over a line that an earlier one has left where there is one. The
    /// request has what opens the service in it.
    pub(crate) async fn ask(
        &self,
        request: Request<RequestBody>,
        line: Option<Line>,
        reply_timeout: Duration,
    ) -> Result<(Line, Response<Incoming>), NoAnswer> {
        let answered = over(self.dial(), request, line, reply_timeout).await?;
        if answered.1.status() == StatusCode::UNAUTHORIZED {
            self.credential.refused().await;
        }
        Ok(answered)
    }
}

/// Why there is no answer.
#[derive(Debug)]
pub(crate) enum NoAnswer {
    /// Nobody was reached.
    Unreached(DialError),
    /// It was reached and does not answer, in words for the client.
    Lost(&'static str),
}

/// Sends over a line that is there, or over a fresh one where that has taken nothing.
pub(crate) async fn over(
    dial: impl Future<Output = Result<Line, DialError>>,
    mut request: Request<RequestBody>,
    line: Option<Line>,
    reply_timeout: Duration,
) -> Result<(Line, Response<Incoming>), NoAnswer> {
    if let Some(line) = line {
        match line.send(request, reply_timeout).await {
            Ok(answered) => return Ok(answered),
            // It was closed before it took anything.
            Err(Unsent::Whole(back)) => request = *back,
            Err(Unsent::Lost(why)) => return Err(NoAnswer::Lost(why)),
        }
    }
    let line = dial.await.map_err(NoAnswer::Unreached)?;
    match line.send(request, reply_timeout).await {
        Ok(answered) => Ok(answered),
        Err(Unsent::Whole(_)) => Err(NoAnswer::Lost("the target closed the connection")),
        Err(Unsent::Lost(why)) => Err(NoAnswer::Lost(why)),
    }
}

/// How a place is called where the protocol's own port is left out.
#[must_use]
pub fn authority(place: &TcpTarget) -> String {
    let TcpTarget { host, port, tls, .. } = place;
    let standard = match tls {
        TargetTls::Verified(_) => 443,
        TargetTls::Disabled => 80,
    };
    match *port == standard {
        true => host.clone(),
        false => format!("{host}:{port}"),
    }
}
