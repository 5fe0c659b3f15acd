//! The head of a request: what is kept of it, in which spelling.

use crate::canonical::{Ambiguous, CanonicalPath, CanonicalQuery};
use http::header::{self, HeaderName};
use http::{HeaderMap, HeaderValue, Method};
use portreeve_model::Secret;
use std::collections::HashSet;
use thiserror::Error;

/// The head of a request, as it is decided and sent.
#[derive(Clone, Debug)]
pub(crate) struct Head {
    pub(crate) method: Method,
    pub(crate) path: CanonicalPath,
    pub(crate) query: CanonicalQuery,
    /// What goes on: neither the caller's credential nor what belongs to one hop.
    fields: Vec<(HeaderName, HeaderValue)>,
    /// What the target is called.
    authority: String,
    /// What opens the target; in no record.
    authorization: Option<Secret<String>>,
}

/// Why a head is refused, in the client's words.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub(crate) enum RefusedHead {
    #[error("{0}")]
    Target(#[from] Ambiguous),
    #[error("the field `{0}` stands there more than once")]
    Repeated(&'static str),
    #[error("a request with both `Content-Length` and `Transfer-Encoding` can be read in two ways")]
    Lengths,
    #[error("the field `{0}` asks for another protocol, which is not offered")]
    Upgrade(&'static str),
}

/// Fields that say once what a request is.
const ONCE: [&str; 5] = ["authorization", "content-length", "content-type", "host", "prefer"];

/// What is not sent on.
///
/// Beside what belongs to one hop: what makes another request of it than was decided (methods
/// and paths in fields), parts of answers (a mask cannot be made of half a value), validators
/// (a hash tells what a body is), encodings (they are asked for anew), and what says who the
/// client is.
const NOT_SENT: [&str; 31] = [
    "accept-encoding",
    "accept-ranges",
    "authorization",
    "connection",
    "content-length",
    "cookie",
    "expect",
    "forwarded",
    "host",
    "http2-settings",
    "if-modified-since",
    "if-none-match",
    "if-range",
    "keep-alive",
    "prefer",
    "proxy-authorization",
    "proxy-connection",
    "range",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-proto",
    "x-http-method",
    "x-http-method-override",
    "x-method-override",
    "x-original-url",
    "x-real-ip",
    "x-rewrite-url",
];

/// Fields that change what a request means; a reviewer sees them.
const MEANING: [&str; 4] = ["accept", "content-type", "if-match", "if-unmodified-since"];

impl Head {
    /// Keeps what goes on of a head.
    pub(crate) fn new(
        (method, path, query): (Method, CanonicalPath, Option<&str>),
        fields: &HeaderMap,
        (authority, authorization): (&str, Option<Secret<String>>),
    ) -> Result<Self, RefusedHead> {
        for name in ONCE {
            if fields.get_all(name).iter().nth(1).is_some() {
                return Err(RefusedHead::Repeated(name));
            }
        }
        let has = |name: HeaderName| fields.contains_key(name);
        if has(header::CONTENT_LENGTH) && has(header::TRANSFER_ENCODING) {
            return Err(RefusedHead::Lengths);
        }
        if has(header::UPGRADE) {
            return Err(RefusedHead::Upgrade("upgrade"));
        }
        let named = connection_fields(fields);
        let goes_on = |name: &HeaderName| {
            !NOT_SENT.contains(&name.as_str()) && !named.contains(name.as_str())
        };
        let kept = fields.iter().filter(|(name, _)| goes_on(name));
        Ok(Self {
            method,
            path,
            query: CanonicalQuery::read(query.unwrap_or_default())?,
            fields: kept.map(|(name, value)| (name.clone(), value.clone())).collect(),
            authority: authority.to_owned(),
            authorization,
        })
    }

    /// The path and the query, as they are sent.
    pub(crate) fn target(&self) -> String {
        match self.query.text.as_str() {
            "" => self.path.text.clone(),
            query => format!("{}?{query}", self.path.text),
        }
    }

    pub(crate) fn content_type(&self) -> Option<&str> {
        let field = self.fields.iter().find(|(name, _)| *name == header::CONTENT_TYPE);
        field.and_then(|(_, value)| value.to_str().ok())
    }

    /// What changes its meaning beside its path and body.
    pub(crate) fn settings(&self) -> Vec<String> {
        let fields = self.fields.iter().filter(|(name, _)| MEANING.contains(&name.as_str()));
        fields
            .map(|(name, value)| format!("{name}: {}", String::from_utf8_lossy(value.as_bytes())))
            .collect()
    }

    /// The head as it is recorded: what is sent, without the target's credential.
    pub(crate) fn to_record(&self) -> Vec<u8> {
        let mut out = self.start();
        out.extend_from_slice(b"\r\n");
        out
    }

    /// The head as it is sent, in front of a body of so many bytes.
    pub(crate) fn to_target(&self, body_bytes: usize) -> Vec<u8> {
        let mut out = self.start();
        if let Some(authorization) = &self.authorization {
            push_field(&mut out, "authorization", authorization.reveal().as_bytes());
        }
        if body_bytes > 0 || self.method != Method::GET {
            push_field(&mut out, "content-length", body_bytes.to_string().as_bytes());
        }
        out.extend_from_slice(b"\r\n");
        out
    }

    fn start(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(512);
        out.extend_from_slice(format!("{} {} HTTP/1.1\r\n", self.method, self.target()).as_bytes());
        push_field(&mut out, "host", self.authority.as_bytes());
        push_field(&mut out, "accept-encoding", b"identity");
        for (name, value) in &self.fields {
            push_field(&mut out, name.as_str(), value.as_bytes());
        }
        out
    }
}

fn push_field(out: &mut Vec<u8>, name: &str, value: &[u8]) {
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b": ");
    out.extend_from_slice(value);
    out.extend_from_slice(b"\r\n");
}

/// Fields that `Connection` names: they belong to this hop.
fn connection_fields(fields: &HeaderMap) -> HashSet<String> {
    let values = fields.get_all(header::CONNECTION).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).map(|name| name.trim().to_ascii_lowercase()).collect()
}

/// Whether a field belongs to one hop (RFC 9110 section 7.6.1).
pub(crate) fn is_hop_by_hop(name: &str) -> bool {
    const NAMES: [&str; 7] = [
        "connection",
        "keep-alive",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    ];
    NAMES.contains(&name)
}
