//! The head of a request: what is kept of it, in which spelling.

use super::identity::says_who;
use super::overrides::{is_of_a_method, is_override_of};
use super::routes::Routes;
use crate::description::Description;
use crate::graphql::{Graphql, Sent};
use http::header::{self, HeaderName};
use http::{HeaderMap, HeaderValue, Method};
use portreeve_web::{Ambiguous, CanonicalPath, CanonicalQuery, is_hop_by_hop, wishes};
use std::borrow::Cow;
use std::collections::HashSet;
use std::sync::Arc;
use thiserror::Error;

/// The head of a request, as it is decided and sent.
#[derive(Clone, Debug)]
pub(crate) struct Head {
    pub(crate) method: Method,
    pub(crate) path: CanonicalPath,
    pub(crate) query: CanonicalQuery,
    /// What it is about.
    pub(crate) routes: Routes,
    /// The operation that it asks for, where the service speaks GraphQL there.
    pub(crate) graphql: Option<Arc<Graphql>>,
    /// What goes on: neither the caller's credential nor what belongs to one hop.
    pub(super) fields: Vec<(HeaderName, HeaderValue)>,
    /// What the target is called.
    authority: String,
}

/// Why a head is refused, in the client's words.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub(crate) enum RefusedHead {
    #[error("{0}")]
    Target(#[from] Ambiguous),
    #[error("the field `{0}` stands there more than once")]
    Repeated(&'static str),
    #[error("`{0}` makes another request of it")]
    Override(String),
    #[error("the body names a method, which makes another request of it")]
    OverrideInBody,
    #[error("the body says that it is JSON, and cannot be read: {0}")]
    NotJson(String),
    #[error("the field `{0}` is not UTF-8")]
    NotText(String),
    #[error("the body is not encoded as `content-encoding` says, or in a way that is not read")]
    Encoded,
}

/// Fields that say once what a request is.
const ONCE: [&str; 4] = ["authorization", "content-length", "content-type", "host"];

/// What is not sent on.
///
/// Beside what belongs to one hop: what makes another request of it than was decided (methods
/// and paths in fields), parts of answers (a mask cannot be made of half a value), validators
/// (a hash tells what a body is), encodings (they are asked for anew, and undone of bodies), and
/// what says who the client is: the target believes the gateway, whose credential it sees.
const NOT_SENT: [&str; 24] = [
    "accept-encoding",
    "authorization",
    "client-ip",
    "connection",
    "content-encoding",
    "content-length",
    "content-transfer-encoding",
    "cookie",
    "cookie2",
    "expect",
    "forwarded",
    "host",
    "if-modified-since",
    "if-none-match",
    "if-range",
    "prefer",
    "range",
    "remote-user",
    "request-range",
    "sudo",
    "true-client-ip",
    "via",
    "x-host",
    "x-sudo",
];

/// Beginnings of names that are not sent on, for the same reasons.
const NOT_SENT_PREFIXES: [&str; 15] = [
    "cf-connecting",
    "http2-",
    "proxy-",
    "x-client-cert",
    "x-client-dn",
    "x-client-ip",
    "x-client-verif",
    "x-cluster-client",
    "x-envoy-",
    "x-forwarded",
    "x-ms-client-",
    "x-original",
    "x-real-",
    "x-remote-",
    "x-rewrite",
];

/// What asks for something only if a validator fits: whoever guesses one of a body that was
/// masked would be told whether it is that.
const VALIDATORS: [&str; 2] = ["if-match", "if-unmodified-since"];

/// Fields that say nothing about what is asked for: an approval holds whatever they are.
const NOT_BOUND: [&str; 8] = [
    "accept-language",
    "date",
    "dnt",
    "traceparent",
    "tracestate",
    "user-agent",
    "x-correlation-id",
    "x-request-id",
];

/// Whether a field goes on. Servers behind CGI read `_` as `-`: such a name has two readings.
fn is_sent(name: &str) -> bool {
    !is_hop_by_hop(name)
        && !name.contains('_')
        && !is_of_a_method(name)
        && !NOT_SENT.contains(&name)
        && !NOT_SENT_PREFIXES.iter().any(|prefix| name.starts_with(prefix))
}

/// Wishes about the answer that go on: whether to wait is the gateway's.
fn preferences(fields: &HeaderMap) -> Option<HeaderValue> {
    let wishes: Vec<&str> = wishes(fields).filter(|wish| !is_own_wish(wish)).collect();
    if wishes.is_empty() { None } else { HeaderValue::from_str(&wishes.join(", ")).ok() }
}

fn is_own_wish(wish: &str) -> bool {
    let name = wish.split('=').next().unwrap_or_default().trim().to_ascii_lowercase();
    matches!(name.as_str(), "" | "wait" | "respond-async")
}

impl Head {
    /// Keeps what goes on of a head.
    pub(crate) fn new(
        (method, path, query): (Method, CanonicalPath, Option<&str>),
        fields: &HeaderMap,
        (authority, passed): (&str, &[String]),
        description: Option<&Description>,
    ) -> Result<Self, RefusedHead> {
        for name in ONCE {
            if fields.get_all(name).iter().nth(1).is_some() {
                return Err(RefusedHead::Repeated(name));
            }
        }
        let query = CanonicalQuery::read(query.unwrap_or_default())?;
        let is_override = |(name, value): &&(String, String)| is_override_of(&method, name, value);
        if let Some((name, _)) = query.pairs.iter().find(is_override) {
            return Err(RefusedHead::Override(name.clone()));
        }
        let named = connection_fields(fields);
        // What says what a body is belongs to no hop, whatever somebody says.
        let is_named = |name: &str| named.contains(name) && name != "content-type";
        let is_write = !method.is_safe();
        let goes_on = |name: &HeaderName| {
            let name = name.as_str();
            let is_passed = passed.iter().any(|it| it == name);
            is_sent(name)
                && (is_passed || !says_who(name))
                && !is_named(name)
                && (is_write || !VALIDATORS.contains(&name))
        };
        let kept = fields.iter().filter(|(name, _)| goes_on(name));
        let kept: Vec<_> = kept.map(|(name, value)| (name.clone(), value.clone())).collect();
        // What is bound by an approval, and looked through, is the text that is sent.
        let is_text = |value: &HeaderValue| std::str::from_utf8(value.as_bytes()).is_ok();
        if let Some((name, _)) = kept.iter().find(|(_, value)| !is_text(value)) {
            return Err(RefusedHead::NotText(name.to_string()));
        }
        let wishes = preferences(fields).map(|wishes| (HeaderName::from_static("prefer"), wishes));
        let routes = Routes::of(&path, &method, description);
        Ok(Self {
            method,
            path,
            query,
            routes,
            graphql: None,
            fields: kept.into_iter().chain(wishes).collect(),
            authority: authority.to_owned(),
        })
    }

    /// Reads the operation that it asks for, where this route takes some. What cannot be read is a
    /// request of which nobody knows what it does.
    pub(crate) fn read_graphql(&mut self, route: &str, body: &[u8]) {
        if !self.routes.names().contains(&route) {
            return;
        }
        let sent = Sent {
            method: &self.method,
            parameters: &self.query.pairs,
            content_type: self.content_type(),
            body,
        };
        match Graphql::read(route, sent) {
            Ok(None) => {}
            Ok(Some(graphql)) => {
                let tops = graphql.tops().into_iter();
                self.routes.ask(route, graphql.action(), tops);
                self.graphql = Some(Arc::new(graphql));
            }
            Err(why) => self.routes.refuse(route, why),
        }
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

    /// What may change its meaning beside its path and body.
    pub(crate) fn settings(&self) -> Vec<String> {
        let bound = self.texts().filter(|(name, _)| !NOT_BOUND.contains(name));
        let bound = bound.map(|(name, value)| format!("{name}: {value}"));
        // No field has a name with a blank in it.
        let described = self.routes.described_by.iter().map(|it| format!("described by {it}"));
        bound.chain(described).collect()
    }

    /// The fields that go on, as texts.
    pub(crate) fn texts(&self) -> impl Iterator<Item = (&str, Cow<'_, str>)> {
        let fields = self.fields.iter();
        fields.map(|(name, value)| (name.as_str(), String::from_utf8_lossy(value.as_bytes())))
    }

    /// The head as it is recorded.
    pub(crate) fn to_record(&self) -> Vec<u8> {
        let mut out = self.start();
        out.extend_from_slice(b"\r\n");
        out
    }

    /// The head as it is sent, in front of a body of so many bytes. The target's credential is
    /// put into it behind the permit.
    pub(crate) fn to_target(&self, body_bytes: usize) -> Vec<u8> {
        let mut out = self.start();
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_says_who_somebody_is_stays() {
        for name in [
            "impersonate-user",
            "impersonate-group",
            "x-hasura-role",
            "x-hasura-user-id",
            "sudo",
            "x-webauth-user",
            "x-auth-request-email",
            "x-ms-client-principal-id",
            "x-goog-authenticated-user-email",
            "x-ssl-client-cn",
            "ssl-client-cert",
            "x-client-ip",
            "x-middleware-subrequest",
            "x-consumer-username",
            "x-forwarded-email",
            "remote-groups",
            "x-authentik-groups",
            "x-auth-request-groups",
            "x-pomerium-claim-groups",
            "x-kubernetes-group",
            "x-groups",
            "oidc-claim-groups",
            "x-userinfo",
            "x-apigateway-api-userinfo",
            "mscrmcallerid",
            "callerobjectid",
            "run-as",
            "x-sudo-as",
            "x-scope-orgid",
            "x-grafana-org-id",
            "openai-organization",
            "x-amzn-oidc-data",
            "cf-access-jwt-assertion",
            "sslclientcertsn",
            "x-subjectdn",
            "es-secondary-authorization",
            "x-hasura-admin-secret",
            "private-token",
            "x-vault-token",
            "x-amz-security-token",
            "x-api-key",
            "apikey",
            "x-auth-key",
            "x-sendfile-type",
            "x-accel-mapping",
            "x-matched-path",
            "x-invoke-path",
            "x-proxy-url",
            "real-ip",
            "x-azure-clientip",
            "x-custom-ip-authorization",
            "fastly-client-ip",
            "x-tenant",
            "x-is-admin",
            "x-permissions",
            "as",
            "uid",
        ] {
            assert!(!is_sent(name) || says_who(name), "{name}");
        }
        for name in [
            "accept",
            "accept-language",
            "accept-ranges",
            "access-control-request-headers",
            "access-control-request-method",
            "b3",
            "baggage",
            "cache-control",
            "content-disposition",
            "content-language",
            "content-type",
            "date",
            "dnt",
            "idempotency-key",
            "if-match",
            "origin",
            "priority",
            "referer",
            "save-data",
            "sec-ch-ua-platform",
            "sec-fetch-mode",
            "sentry-trace",
            "stripe-version",
            "traceparent",
            "tracestate",
            "upgrade-insecure-requests",
            "user-agent",
            "x-amz-date",
            "x-amzn-trace-id",
            "x-api-version",
            "x-b3-parentspanid",
            "x-client-version",
            "x-cloud-trace-context",
            "x-correlation-id",
            "x-csrf-token",
            "x-datadog-origin",
            "x-forge-version",
            "x-github-api-version",
            "x-goog-api-client",
            "x-kept",
            "x-ms-version",
            "x-page-size",
            "x-request-id",
            "x-requested-with",
            "x-xsrf-token",
        ] {
            assert!(is_sent(name) && !says_who(name), "{name}");
        }
    }

    #[test]
    fn a_read_asks_for_no_validator() {
        let sent = |method: Method| {
            let fields: HeaderMap = VALIDATORS
                .iter()
                .map(|name| (HeaderName::from_static(name), HeaderValue::from_static("x")))
                .collect();
            let path = CanonicalPath::read("/x").unwrap();
            Head::new((method, path, None), &fields, ("h", &[]), None).unwrap().fields.len()
        };
        assert_eq!((sent(Method::GET), sent(Method::HEAD), sent(Method::PUT)), (0, 0, 2));
    }
}
