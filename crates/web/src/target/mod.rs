//! Where a target is, and how it is asked.

mod line;
mod lines;
mod service;
mod source;

pub use line::{Http2, Line};
pub(crate) use line::{RequestBody, reach};
pub(crate) use lines::Lines;
pub(crate) use service::NoAnswer;
pub use service::{Service, authority};
pub use source::{More, Source};

use crate::connector::{BODY_DIGEST, Refusal};
use crate::credential::Strike;
use http::request::Parts;
use http::{HeaderValue, Request, Response, header};
use http_body_util::Either;
use hyper::body::Incoming;
use portreeve_model::Digest;
use portreeve_session::{Permitted, permitted_body, permitted_head};
use portreeve_transport::Dialer;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// A target's address, and who opens it.
#[derive(Debug)]
pub struct Address {
    /// No two have the same, however alike they are.
    number: u64,
    host: String,
    /// As the `Host` field says it.
    authority: String,
    way: Way,
}

/// Counts addresses.
static ADDRESSES: AtomicU64 = AtomicU64::new(0);

fn next_number() -> u64 {
    ADDRESSES.fetch_add(1, Ordering::Relaxed)
}

/// Who reaches a target, and opens it.
enum Way {
    /// The gateway does.
    Gateway(Box<Service>),
    /// A connector does: what is sent to it has no credential.
    Connector { dialer: Arc<dyn Dialer>, role: String },
}

impl std::fmt::Debug for Way {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Gateway(service) => f.debug_tuple("Gateway").field(service).finish(),
            Self::Connector { .. } => f.debug_struct("Connector").finish_non_exhaustive(),
        }
    }
}

impl Address {
    /// Of a service that the gateway reaches itself.
    #[must_use]
    pub fn new(service: Service) -> Self {
        let (host, authority) = (service.host().to_owned(), service.authority().to_owned());
        Self { number: next_number(), host, authority, way: Way::Gateway(Box::new(service)) }
    }

    /// Of one that is reached through connectors: `user` is as whom, where that is a name.
    #[must_use]
    pub fn through(dialer: Arc<dyn Dialer>, host: &str, port: u16, user: &str) -> Self {
        // Whether TLS is spoken there is the connector's; who may go without it is on loopback.
        let authority = if port == 443 { host.to_owned() } else { format!("{host}:{port}") };
        let role = if user.is_empty() { "the connector's account" } else { user };
        let way = Way::Connector { dialer, role: role.to_owned() };
        Self { number: next_number(), host: host.to_owned(), authority, way }
    }

    /// The host that policies know.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// What the `Host` field says.
    #[must_use]
    pub fn authority(&self) -> &str {
        &self.authority
    }

    /// As whom the target is asked, for reviewers.
    #[must_use]
    pub fn role(&self) -> &str {
        match &self.way {
            Way::Gateway(service) => service.credential.role(),
            Way::Connector { role, .. } => role,
        }
    }

    /// A text without what opens the target, if it holds that. A connector has taken it out.
    #[must_use]
    pub fn without_credential(&self, text: &str) -> Option<String> {
        match &self.way {
            Way::Gateway(service) => service.hidden().without(text),
            Way::Connector { .. } => None,
        }
    }

    /// What takes the credential out of a body that nobody looks into.
    #[must_use]
    pub fn strike(&self) -> Option<Strike> {
        match &self.way {
            Way::Gateway(service) => Some(Strike::new(service.hidden())),
            Way::Connector { .. } => None,
        }
    }

    /// Sends what was permitted with the target's credential, and waits for the head of the
    /// answer; over a line that an earlier answer has left where there is one.
    ///
    /// # Errors
    /// Why there is no answer, in words for the client.
    pub async fn ask(
        &self,
        permit: Permitted,
        line: Option<Line>,
        reply_timeout: Duration,
    ) -> Result<(Line, Response<Incoming>), &'static str> {
        let unreadable = |_| "the request could not be written";
        let (mut parts, rest) = permitted_head(permit).map_err(unreadable)?;
        self.open(&mut parts, rest.digest()).await?;
        let (sender, body) = permitted_body();
        sender.send(rest).await.map_err(|_| "the request could not be sent")?;
        sender.finish().await;
        let request = Request::from_parts(parts, Either::Left(body));
        let answered = match &self.way {
            Way::Gateway(service) => service.ask(request, line, reply_timeout).await,
            Way::Connector { dialer, .. } => {
                service::over(through(&**dialer), request, line, reply_timeout).await
            }
        };
        let (line, response) = answered.map_err(|why| self.no_answer(why))?;
        line.belong_to(self.number);
        match (&self.way, Refusal::of(response.headers())) {
            (Way::Connector { .. }, Some((refusal, why))) => {
                let target = &self.authority;
                tracing::warn!(target, why, "a connector has no answer of a target");
                Err(refusal.for_client())
            }
            _ => Ok((line, response)),
        }
    }

    /// Puts in what opens the target, or what its connector needs to do that.
    async fn open(&self, parts: &mut Parts, body: Digest) -> Result<(), &'static str> {
        match &self.way {
            Way::Gateway(service) => service.credential.put(parts, body).await,
            Way::Connector { .. } => {
                parts.headers.remove(header::AUTHORIZATION);
                let digest = HeaderValue::from_str(&body.to_string());
                let digest = digest.map_err(|_| "the request could not be written")?;
                parts.headers.insert(BODY_DIGEST, digest);
                Ok(())
            }
        }
    }

    fn no_answer(&self, why: NoAnswer) -> &'static str {
        match why {
            NoAnswer::Lost(why) => why,
            NoAnswer::Unreached(error) => {
                tracing::warn!(target = %self.authority, %error, "a target cannot be reached");
                "the target cannot be reached"
            }
        }
    }
}

/// A fresh connection through a connector: a stream that takes requests without a credential.
async fn through(dialer: &dyn Dialer) -> Result<Line, portreeve_transport::DialError> {
    let (stream, unread) = dialer.dial(&BTreeMap::new()).await?.connection.into_parts();
    match unread.is_empty() {
        true => Line::over(stream).await,
        false => Err(portreeve_transport::DialError::Protocol("it speaks unasked".to_owned())),
    }
}
