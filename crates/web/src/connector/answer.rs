//! What of an answer goes back to a gateway: everything but the credential, and what belongs to
//! the connection with the service.

use super::OWN_PREFIX;
use crate::credential::hidden::{Hidden, Passing};
use crate::decoding::Decoding;
use crate::fields::is_hop_by_hop;
use bytes::Bytes;
use http::response::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header};
use hyper::body::{Body, Frame, Incoming, SizeHint};
use portreeve_session::Unmaskable;
use std::collections::HashSet;
use std::pin::Pin;
use std::task::{Context, Poll};
use thiserror::Error;

/// What a service would like to be told with the next request: that opens it, too. A gateway
/// shows none of it to anybody.
const STAYS: [&str; 2] = ["set-cookie", "set-cookie2"];

/// What tells of a body in its coding: a gateway shows none of it either.
const OF_CODED: [&str; 7] = [
    "content-digest",
    "content-encoding",
    "content-length",
    "content-md5",
    "digest",
    "etag",
    "repr-digest",
];

/// Why an answer does not go back, in an operator's words.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub(super) enum Unshowable {
    #[error("it leaves HTTP/1.1 ({0}), which nobody asked for")]
    Switch(StatusCode),
    #[error("{0}; hint: have the service heed `accept-encoding: identity`")]
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
    let decoding = check(&parts, &hidden)?;
    let fields = shown(&parts.headers, &hidden, &decoding);
    let passing = Passing::default();
    let mut response = Response::new(RelayedAnswer { body, hidden, decoding, passing });
    // Neither the reason's words nor anything else of the head goes along that is not named here.
    *response.status_mut() = parts.status;
    *response.headers_mut() = fields;
    Ok(response)
}

/// How an answer is made readable, where it has to be looked through.
///
/// SECURITY: what cannot be looked through is not passed on.
fn check(parts: &Parts, hidden: &Hidden) -> Result<Decoding, Unshowable> {
    if parts.status.is_informational() {
        return Err(Unshowable::Switch(parts.status));
    }
    if !hidden.is_something() {
        return Ok(Decoding::default());
    }
    if parts.status == StatusCode::PARTIAL_CONTENT {
        return Err(Unshowable::Part);
    }
    let codings = parts.headers.get_all(header::CONTENT_ENCODING).iter();
    let codings: Vec<&str> = codings.map(|value| value.to_str().unwrap_or("?")).collect();
    let codings = codings.join(",").to_ascii_lowercase();
    // It goes into a field of the connector's own words.
    let plain = |why: String| why.chars().filter(|c| matches!(c, ' '..='~')).take(120).collect();
    Decoding::of(&codings, None).map_err(|why| Unshowable::Coding(plain(why)))
}

fn shown(fields: &HeaderMap, hidden: &Hidden, decoding: &Decoding) -> HeaderMap {
    let named: HashSet<String> = fields
        .get_all(header::CONNECTION)
        .iter()
        .flat_map(|value| value.to_str().unwrap_or_default().split(','))
        .map(|name| name.trim().to_ascii_lowercase())
        .collect();
    let of_coded: &[&str] = if decoding.is_needed() { &OF_CODED } else { &[] };
    let stays = |name: &HeaderName| {
        let name = name.as_str();
        is_hop_by_hop(name)
            || named.contains(name)
            || STAYS.contains(&name)
            || of_coded.contains(&name)
            || name.starts_with(OWN_PREFIX)
            || hidden.hide(name.as_bytes()).is_some()
    };
    let mut shown = HeaderMap::with_capacity(fields.len());
    for (name, value) in fields.iter().filter(|(name, _)| !stays(name)) {
        let value = match hidden.hide(value.as_bytes()) {
            None => value.clone(),
            Some(bytes) => HeaderValue::from_bytes(&bytes).unwrap_or(HeaderValue::from_static("*")),
        };
        shown.append(name, value);
    }
    shown
}

/// The body of an answer: bytes without the credential and in no coding that hides it, and nothing
/// behind them.
#[derive(Debug)]
pub(crate) struct RelayedAnswer {
    body: Incoming,
    hidden: Hidden,
    decoding: Decoding,
    passing: Passing,
}

impl RelayedAnswer {
    /// What of the next bytes may go on.
    fn push(&mut self, data: Bytes) -> Result<Bytes, Broken> {
        let plain = match self.decoding.is_needed() {
            true => Bytes::from(self.decoding.push(&data).map_err(broken)?.into_owned()),
            false => data,
        };
        Ok(self.passing.push(&self.hidden, plain))
    }

    /// What is left where the service has said all; none where nothing is.
    fn finish(&mut self) -> Result<Option<Bytes>, Broken> {
        let mut rest = Vec::new();
        if self.decoding.is_needed() {
            let plain = self.decoding.finish().map_err(broken)?;
            rest.extend_from_slice(&self.passing.push(&self.hidden, plain.into()));
            self.decoding = Decoding::default();
        }
        rest.extend_from_slice(&self.passing.finish());
        Ok((!rest.is_empty()).then(|| rest.into()))
    }
}

/// Why an answer breaks off.
type Broken = Box<dyn std::error::Error + Send + Sync>;

fn broken(why: Unmaskable) -> Broken {
    let why = format!("the answer cannot be read: {}", why.0);
    tracing::warn!(why, "an answer breaks off on its way to a gateway");
    why.into()
}

impl Body for RelayedAnswer {
    type Data = Bytes;
    type Error = Broken;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        loop {
            let ready = match Pin::new(&mut self.body).poll_frame(context) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Some(Err(error))) => return Poll::Ready(Some(Err(error.into()))),
                Poll::Ready(Some(Ok(frame))) => match frame.into_data() {
                    Ok(data) => self.push(data),
                    // Fields behind the body: a gateway has no use for them.
                    Err(_) => continue,
                },
                Poll::Ready(None) => match self.finish() {
                    Ok(None) => return Poll::Ready(None),
                    Ok(Some(rest)) => Ok(rest),
                    Err(why) => Err(why),
                },
            };
            match ready {
                Ok(ready) if ready.is_empty() => {}
                ready => return Poll::Ready(Some(ready.map(Frame::data))),
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        let is_all_said = self.passing.waiting() == 0 && !self.decoding.is_needed();
        is_all_said && self.body.is_end_stream()
    }

    /// As many bytes as the service sends: what is hidden keeps its length.
    fn size_hint(&self) -> SizeHint {
        if self.decoding.is_needed() {
            return SizeHint::default();
        }
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
    use crate::credential::hidden::Signed;
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
        let shown = shown(&parts(200, &fields).headers, &hidden, &Decoding::default());
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
        let coded = |coding| parts(200, &[("content-encoding", coding)]);
        let refused = |parts: &Parts, hidden| check(parts, hidden).map(|it| it.is_needed());
        let switch = Unshowable::Switch(StatusCode::SWITCHING_PROTOCOLS);
        assert_eq!(refused(&parts(101, &[]), &open), Err(switch));
        assert_eq!(refused(&parts(206, &[]), &secret), Err(Unshowable::Part));
        let unread = Unshowable::Coding("its encoding `compress` is not read".to_owned());
        assert_eq!(refused(&coded("Compress"), &secret), Err(unread));
        // What can be read is, where there is something to look for.
        assert_eq!(refused(&coded("gzip, br"), &secret), Ok(true));
        assert_eq!(refused(&coded("identity"), &secret), Ok(false));
        assert_eq!(refused(&coded("compress"), &open), Ok(false));
    }
}
