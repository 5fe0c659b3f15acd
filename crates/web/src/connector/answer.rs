//! What of an answer goes back to a gateway: everything but the credential, and what belongs to
//! the connection with the service.

use super::OWN_PREFIX;
use super::hidden::{Hidden, Passing};
use crate::fields::is_hop_by_hop;
use bytes::Bytes;
use http::response::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header};
use hyper::body::{Body, Frame, Incoming, SizeHint};
use std::collections::HashSet;
use std::pin::Pin;
use std::task::{Context, Poll};
use thiserror::Error;

/// What a service would like to be told with the next request: that opens it, too. A gateway
/// shows none of it to anybody.
const STAYS: [&str; 2] = ["set-cookie", "set-cookie2"];

/// Why an answer does not go back, in an operator's words.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub(super) enum Unshowable {
    #[error("it leaves HTTP/1.1 ({0}), which nobody asked for")]
    Switch(StatusCode),
    #[error(
        "it comes in the coding `{0}`, which nobody asked for; hint: have the service heed \
             `accept-encoding: identity`"
    )]
    Coding(String),
    #[error("it is a part, which nobody asked for")]
    Part,
}

/// An answer as it goes back.
pub(super) fn relayed(
    answer: Response<Incoming>,
    hidden: Hidden,
) -> Result<Response<RelayedAnswer>, Unshowable> {
    let (parts, body) = answer.into_parts();
    check(&parts, &hidden)?;
    let mut response = Response::new(RelayedAnswer { body, hidden, passing: Passing::default() });
    // Neither the reason's words nor anything else of the head goes along that is not named here.
    *response.status_mut() = parts.status;
    *response.headers_mut() = shown(&parts.headers, &response.body().hidden);
    Ok(response)
}

/// SECURITY: what cannot be looked through is not passed on.
fn check(parts: &Parts, hidden: &Hidden) -> Result<(), Unshowable> {
    if parts.status.is_informational() {
        return Err(Unshowable::Switch(parts.status));
    }
    if !hidden.is_something() {
        return Ok(());
    }
    if parts.status == StatusCode::PARTIAL_CONTENT {
        return Err(Unshowable::Part);
    }
    for coding in parts.headers.get_all(header::CONTENT_ENCODING) {
        let coding = coding.to_str().unwrap_or("?").trim();
        if !coding.is_empty() && !coding.eq_ignore_ascii_case("identity") {
            let shown = |c: char| if c.is_ascii_alphanumeric() { c } else { '?' };
            return Err(Unshowable::Coding(coding.chars().take(40).map(shown).collect()));
        }
    }
    Ok(())
}

fn shown(fields: &HeaderMap, hidden: &Hidden) -> HeaderMap {
    let named: HashSet<String> = fields
        .get_all(header::CONNECTION)
        .iter()
        .flat_map(|value| value.to_str().unwrap_or_default().split(','))
        .map(|name| name.trim().to_ascii_lowercase())
        .collect();
    let goes_on = |name: &HeaderName| {
        let name = name.as_str();
        !is_hop_by_hop(name)
            && !named.contains(name)
            && !STAYS.contains(&name)
            && !name.starts_with(OWN_PREFIX)
            && hidden.hide(name.as_bytes()).is_none()
    };
    let mut shown = HeaderMap::with_capacity(fields.len());
    for (name, value) in fields.iter().filter(|(name, _)| goes_on(name)) {
        let value = match hidden.hide(value.as_bytes()) {
            None => value.clone(),
            Some(bytes) => HeaderValue::from_bytes(&bytes).unwrap_or(HeaderValue::from_static("*")),
        };
        shown.append(name, value);
    }
    shown
}

/// The body of an answer: bytes without the credential, and nothing behind them.
#[derive(Debug)]
pub(crate) struct RelayedAnswer {
    body: Incoming,
    hidden: Hidden,
    passing: Passing,
}

impl Body for RelayedAnswer {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        loop {
            let this = &mut *self;
            let ready = match Pin::new(&mut this.body).poll_frame(context) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Some(Err(error))) => return Poll::Ready(Some(Err(error))),
                Poll::Ready(Some(Ok(frame))) => match frame.into_data() {
                    Ok(data) => this.passing.push(&this.hidden, data),
                    // Fields behind the body: a gateway has no use for them.
                    Err(_) => continue,
                },
                Poll::Ready(None) if this.passing.waiting() == 0 => return Poll::Ready(None),
                Poll::Ready(None) => this.passing.finish(),
            };
            if !ready.is_empty() {
                return Poll::Ready(Some(Ok(Frame::data(ready))));
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.passing.waiting() == 0 && self.body.is_end_stream()
    }

    /// As many bytes as the service sends: what is hidden keeps its length.
    fn size_hint(&self) -> SizeHint {
        let waiting = self.passing.waiting() as u64;
        let inner = self.body.size_hint();
        let mut hint = SizeHint::new();
        hint.set_lower(inner.lower().saturating_add(waiting));
        if let Some(upper) = inner.upper() {
            hint.set_upper(upper.saturating_add(waiting));
        }
        hint
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connector::hidden::Signed;
    use portreeve_model::Secret;

    fn parts(status: u16, fields: &[(&str, &str)]) -> Parts {
        let mut answer = Response::builder().status(status);
        for (name, value) in fields {
            answer = answer.header(*name, *value);
        }
        answer.body(()).unwrap().into_parts().0
    }

    #[test]
    fn fields_go_back_without_the_credential_and_without_what_is_the_connections() {
        let hidden = Hidden::new(&[Secret::new("s3cret-token".to_owned())], Signed::No);
        let fields = [
            ("content-length", "5"),
            ("x-you", "Bearer s3cret-token"),
            ("x-s3cret-token", "1"),
            ("set-cookie", "session=1"),
            ("portreeve-refused", "lost; ha"),
            ("connection", "close, x-hop"),
            ("x-hop", "1"),
            ("keep-alive", "timeout=5"),
            ("transfer-encoding", "chunked"),
            ("location", "/?token=s3cret-token"),
        ];
        let shown = shown(&parts(200, &fields).headers, &hidden);
        let shown: Vec<_> =
            shown.iter().map(|(name, value)| (name.as_str(), value.to_str().unwrap())).collect();
        let expect = [
            ("content-length", "5"),
            ("x-you", "Bearer ************"),
            ("location", "/?token=************"),
        ];
        assert_eq!(shown, expect);
    }

    #[test]
    fn what_nobody_asked_for_does_not_go_back() {
        let secret = Hidden::new(&[Secret::new("s3cret-token".to_owned())], Signed::No);
        let open = Hidden::new(&[], Signed::No);
        let gzip = [("content-encoding", "gzip")];
        assert_eq!(
            check(&parts(101, &[]), &open),
            Err(Unshowable::Switch(StatusCode::SWITCHING_PROTOCOLS))
        );
        assert_eq!(check(&parts(206, &[]), &secret), Err(Unshowable::Part));
        assert_eq!(check(&parts(200, &gzip), &secret), Err(Unshowable::Coding("gzip".to_owned())));
        assert_eq!(check(&parts(200, &[("content-encoding", "identity")]), &secret), Ok(()));
        assert_eq!(check(&parts(200, &gzip), &open), Ok(()));
    }
}
