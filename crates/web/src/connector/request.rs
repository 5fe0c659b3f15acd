//! What a gateway may ask: requests of one reading, to the service that the connector has.

use super::{BODY_DIGEST, OWN_PREFIX};
use crate::fields::is_hop_by_hop;
use bytes::Bytes;
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Version, header};
use hyper::body::{Body, Frame, Incoming, SizeHint};
use portreeve_model::Digest;
use std::pin::Pin;
use std::task::{Context, Poll};
use thiserror::Error;

/// Fields that a gateway never sends. What they ask for, nobody has decided.
///
/// SECURITY: of a part of an answer nobody can say that it holds no part of the credential.
const NEVER_SENT: [&str; 6] =
    ["expect", "if-range", "range", "request-range", "trailer", "upgrade"];

/// What of a service is asked for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Asked<'a> {
    /// As the `Host` field says it, with and without its port.
    pub(super) authorities: [&'a str; 2],
    /// The only path, where there is one.
    pub(super) path: Option<&'a str>,
}

/// Why a request is not sent, in an operator's words.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub(super) enum Unsendable {
    #[error("it is no request of HTTP/1.1")]
    Version,
    #[error("`{0}` is no method for a service")]
    Method(Method),
    #[error("it names a place and not a path")]
    Form,
    #[error(
        "it is for `{0}`; hint: `host` and `port` of the resource must be the service's at both ends"
    )]
    Host(String),
    #[error("it is for another path than `{0}`; hint: `path` must be the same at both ends")]
    Path(String),
    #[error("it holds `{0}`, which no gateway sends")]
    Field(String),
    #[error("its framing has more than one reading")]
    Framing,
    #[error("the gateway does not say what its body is; hint: upgrade the gateway")]
    Digest,
}

impl Asked<'_> {
    /// Looks at a request, and takes out what is between the gateway and the connector; gives
    /// what the gateway says of its body.
    pub(super) fn check(&self, parts: &mut Parts) -> Result<Digest, Unsendable> {
        if parts.version != Version::HTTP_11 {
            return Err(Unsendable::Version);
        }
        // SECURITY: TRACE has the service say what it was told; CONNECT makes a way elsewhere.
        if matches!(parts.method, Method::CONNECT | Method::TRACE) {
            return Err(Unsendable::Method(parts.method.clone()));
        }
        let is_path = parts.uri.path().starts_with('/');
        if parts.uri.scheme().is_some() || parts.uri.authority().is_some() || !is_path {
            return Err(Unsendable::Form);
        }
        if let Some(path) = self.path.filter(|path| *path != parts.uri.path()) {
            return Err(Unsendable::Path(path.to_owned()));
        }
        self.check_host(&parts.headers)?;
        check_framing(&parts.headers)?;
        if let Some(name) = NEVER_SENT.iter().find(|name| parts.headers.contains_key(**name)) {
            return Err(Unsendable::Field((*name).to_owned()));
        }
        let digest = parts.headers.get(BODY_DIGEST).and_then(|digest| digest.to_str().ok());
        let digest = digest.and_then(Digest::from_hex).ok_or(Unsendable::Digest)?;
        strip(&mut parts.headers)?;
        Ok(digest)
    }

    /// A machine may serve many names, and each of them is another service.
    fn check_host(&self, fields: &HeaderMap) -> Result<(), Unsendable> {
        let mut hosts = fields.get_all(header::HOST).iter();
        let host = hosts.next().map(HeaderValue::as_bytes).unwrap_or_default();
        let is_ours = |known: &&str| host.eq_ignore_ascii_case(known.as_bytes());
        match (self.authorities.iter().any(is_ours), hosts.next()) {
            (true, None) => Ok(()),
            _ => {
                let shown =
                    |byte: &u8| if byte.is_ascii_graphic() { char::from(*byte) } else { '?' };
                Err(Unsendable::Host(host.iter().take(80).map(shown).collect()))
            }
        }
    }
}

/// SPEC: RFC 9112 sections 6.1, 6.3: a length or chunks, each said once. The library has refused
/// what contradicts itself.
fn check_framing(fields: &HeaderMap) -> Result<(), Unsendable> {
    let mut codings = fields.get_all(header::TRANSFER_ENCODING).iter();
    let mut lengths = fields.get_all(header::CONTENT_LENGTH).iter();
    let coding = codings.next().map(HeaderValue::as_bytes);
    let length = lengths.next().map(HeaderValue::as_bytes);
    let is_number = |text: &[u8]| !text.is_empty() && text.iter().all(u8::is_ascii_digit);
    let is_clear = match (coding, length) {
        (None, None) => true,
        (Some(coding), None) => coding == b"chunked",
        (None, Some(length)) => is_number(length),
        (Some(_), Some(_)) => false,
    };
    match is_clear && codings.next().is_none() && lengths.next().is_none() {
        true => Ok(()),
        false => Err(Unsendable::Framing),
    }
}

/// Takes out what belongs to the link; how the body is framed stays as it is.
fn strip(fields: &mut HeaderMap) -> Result<(), Unsendable> {
    for value in fields.get_all(header::CONNECTION) {
        let words = value.to_str().unwrap_or("?").split(',').map(str::trim);
        let is_plain = |word: &str| {
            word.is_empty()
                || ["close", "keep-alive"].iter().any(|it| word.eq_ignore_ascii_case(it))
        };
        // A field that is named here would be one for the service to some, and to others not.
        if let Some(word) = words.clone().find(|word| !is_plain(word)) {
            return Err(Unsendable::Field(format!("connection: {word}")));
        }
    }
    let is_link = |name: &HeaderName| {
        let is_hop = is_hop_by_hop(name.as_str()) && *name != header::TRANSFER_ENCODING;
        is_hop || name.as_str().starts_with(OWN_PREFIX)
    };
    // Made anew: taking one out would give the others another order.
    let kept = fields.iter().filter(|(name, _)| !is_link(name));
    let mut sent = HeaderMap::with_capacity(fields.len());
    for (name, value) in kept {
        sent.append(name, value.clone());
    }
    *fields = sent;
    Ok(())
}

/// The body of a request as a gateway sends it, where it has one: bytes, and nothing behind them.
#[derive(Debug)]
pub(crate) struct RelayedBody(pub(super) Option<Incoming>);

/// What stands behind a body is none that a gateway has written.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
#[error("fields stand behind the body of a request")]
pub(crate) struct Trailers;

impl Body for RelayedBody {
    type Data = Bytes;
    type Error = Box<dyn std::error::Error + Send + Sync>;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let Some(body) = &mut self.0 else { return Poll::Ready(None) };
        match Pin::new(body).poll_frame(context) {
            Poll::Ready(Some(Ok(frame))) if frame.is_trailers() => {
                Poll::Ready(Some(Err(Trailers.into())))
            }
            Poll::Ready(Some(Err(error))) => Poll::Ready(Some(Err(error.into()))),
            Poll::Ready(Some(Ok(frame))) => Poll::Ready(Some(Ok(frame))),
            Poll::Ready(None) => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        }
    }

    fn is_end_stream(&self) -> bool {
        self.0.as_ref().is_none_or(Incoming::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.0.as_ref().map_or(SizeHint::with_exact(0), Incoming::size_hint)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOTHING: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    fn checked(
        start: (&str, &str),
        fields: &[(&str, &str)],
        path: Option<&str>,
    ) -> Result<Vec<String>, String> {
        let mut request = http::Request::builder().method(start.0).uri(start.1);
        for (name, value) in fields.iter().chain(&[("portreeve-body-digest", NOTHING)]) {
            request = request.header(*name, *value);
        }
        let (mut parts, ()) = request.body(()).unwrap().into_parts();
        let asked = Asked { authorities: ["crm.internal", "crm.internal:443"], path };
        asked.check(&mut parts).map_err(|why| why.to_string())?;
        Ok(parts.headers.keys().map(ToString::to_string).collect())
    }

    #[test]
    fn what_has_one_reading_and_is_for_the_service_goes_on() {
        let host = ("host", "crm.internal");
        let check = |fields: &[(&str, &str)], expect: &[&str]| {
            let fields = [&[host], fields].concat();
            assert_eq!(checked(("POST", "/a?b"), &fields, None).unwrap(), expect);
        };
        check(&[("content-length", "2"), ("x-a", "b")], &["host", "content-length", "x-a"]);
        check(&[("transfer-encoding", "chunked")], &["host", "transfer-encoding"]);
        check(&[("connection", "keep-alive"), ("te", "trailers"), ("keep-alive", "1")], &["host"]);
        check(&[("portreeve-refused", "x"), ("proxy-authorization", "x")], &["host"]);
        assert!(checked(("GET", "/"), &[("host", "CRM.internal:443")], None).is_ok());
        assert!(checked(("POST", "/mcp"), &[host], Some("/mcp")).is_ok());
    }

    #[test]
    fn everything_else_is_refused_with_its_reason() {
        let host = ("host", "crm.internal");
        let check = |start, fields: &[(&str, &str)], expect: &str| {
            let why = checked(start, fields, Some("/mcp")).unwrap_err();
            assert!(why.contains(expect), "{start:?} {fields:?}: {why}");
        };
        let post = ("POST", "/mcp");
        check(("TRACE", "/mcp"), &[host], "`TRACE`");
        check(("CONNECT", "/mcp"), &[host], "`CONNECT`");
        check(("GET", "http://other/mcp"), &[host], "names a place");
        check(("OPTIONS", "*"), &[host], "names a place");
        check(("GET", "/other"), &[host], "another path than `/mcp`");
        check(post, &[("host", "other.internal")], "it is for `other.internal`");
        check(post, &[("host", "crm.internal:444")], "it is for");
        check(post, &[host, host], "it is for");
        check(post, &[], "it is for");
        check(post, &[host, ("content-length", "1"), ("content-length", "1")], "framing");
        check(post, &[host, ("content-length", "+1")], "framing");
        check(post, &[host, ("content-length", "1"), ("transfer-encoding", "chunked")], "framing");
        check(post, &[host, ("transfer-encoding", "gzip, chunked")], "framing");
        check(
            post,
            &[host, ("transfer-encoding", "x"), ("transfer-encoding", "chunked")],
            "framing",
        );
        check(post, &[host, ("expect", "100-continue")], "`expect`");
        check(post, &[host, ("range", "bytes=0-3")], "`range`");
        check(post, &[host, ("connection", "upgrade"), ("upgrade", "h2c")], "`upgrade`");
        check(post, &[host, ("connection", "close, x-a"), ("x-a", "1")], "connection: x-a");
        check(post, &[host, ("trailer", "x-a")], "`trailer`");
    }
}
