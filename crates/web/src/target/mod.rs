//! Where a target is, and how it is asked.

mod line;
mod source;

pub(crate) use line::reach;
pub use line::{Http2, Line};
pub use source::{More, Source};

use crate::credential::Credential;
use http::{Request, Response, StatusCode};
use hyper::body::Incoming;
use line::Unsent;
use portreeve_session::{Permitted, PermittedBody, permitted_body, permitted_head};
use portreeve_transport::{TargetTls, TcpTarget};
use std::time::Duration;

/// A target's address, and what opens it.
#[derive(Debug)]
pub struct Address {
    place: TcpTarget,
    http2: Http2,
    credential: Credential,
    /// As the `Host` field says it.
    authority: String,
}

impl Address {
    /// Puts it together.
    #[must_use]
    pub fn new(place: TcpTarget, http2: Http2, credential: Credential) -> Self {
        let place = http2.offered_by(place);
        Self { authority: authority(&place), place, http2, credential }
    }

    /// The host that policies know.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.place.host
    }

    /// What the `Host` field says.
    #[must_use]
    pub fn authority(&self) -> &str {
        &self.authority
    }

    /// As whom the target is asked, for reviewers.
    #[must_use]
    pub fn role(&self) -> &str {
        self.credential.role()
    }

    /// A text without what opens the target, if it holds that.
    #[must_use]
    pub fn without_credential(&self, text: &str) -> Option<String> {
        self.credential.without(text)
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
        self.credential.put(&mut parts, rest.digest()).await?;
        let (sender, body) = permitted_body();
        sender.send(rest).await.map_err(|_| "the request could not be sent")?;
        sender.finish().await;
        let (line, response) =
            self.send(Request::from_parts(parts, body), line, reply_timeout).await?;
        if response.status() == StatusCode::UNAUTHORIZED {
            self.credential.refused().await;
        }
        Ok((line, response))
    }

    async fn send(
        &self,
        mut request: Request<PermittedBody>,
        line: Option<Line>,
        reply_timeout: Duration,
    ) -> Result<(Line, Response<Incoming>), &'static str> {
        if let Some(line) = line {
            match line.send(request, reply_timeout).await {
                Ok(answered) => return Ok(answered),
                // It was closed before it took anything.
                Err(Unsent::Whole(back)) => request = *back,
                Err(Unsent::Lost(why)) => return Err(why),
            }
        }
        let line = Line::dial(&self.place, self.http2).await.map_err(|error| {
            tracing::warn!(target = %self.authority, %error, "a target cannot be reached");
            "the target cannot be reached"
        })?;
        match line.send(request, reply_timeout).await {
            Ok(answered) => Ok(answered),
            Err(Unsent::Whole(_)) => Err("the target closed the connection"),
            Err(Unsent::Lost(why)) => Err(why),
        }
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
