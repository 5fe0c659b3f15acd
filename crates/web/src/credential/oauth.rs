//! Tokens that an authorization server gives the gateway for its own credential (RFC 6749
//! section 4.4). One is kept until shortly before its end; many requests wait for one answer.
//!
//! What is asked here is nothing that a client has said, and no data of a target comes back.

use super::BASE64;
use crate::target::reach;
use base64::Engine as _;
use bytes::Bytes;
use http::{Request, StatusCode, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use portreeve_model::Secret;
use portreeve_transport::{TcpTarget, percent_encode};
use serde_json::Value;
use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::time::{Instant, timeout};

/// The longest answer of an authorization server.
const ANSWER_BYTES_MAX: usize = 64 << 10;
/// Tokens that are not shown to clients although a newer one is in use.
const TOKENS_KEPT: usize = 4;
/// A token of which nobody says how long it is good is used for so long.
const LIFETIME: Duration = Duration::from_secs(300);
/// A longer life is not believed.
const LIFETIME_MAX: Duration = Duration::from_secs(24 * 3600);
/// So long before its end a token is renewed, at the latest when a tenth of its life is left.
const MARGIN: Duration = Duration::from_secs(60);
/// After a failure, or for a token that a target does not accept, nobody is asked for so long.
const PAUSE: Duration = Duration::from_secs(5);
/// What the client reads.
const UNAVAILABLE: &str = "there is no credential for the target now";

/// How the gateway says who it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ClientAuth {
    /// In the field `Authorization`.
    Basic,
    /// In the body.
    Post,
}

/// Where tokens come from, and for what.
#[derive(Debug)]
pub struct OAuthParts {
    /// Where the authorization server is.
    pub place: TcpTarget,
    /// What its `Host` field says.
    pub authority: String,
    /// The path of its token endpoint.
    pub path: String,
    /// Who the gateway is there.
    pub client_id: String,
    /// Its credential there; none where a certificate is.
    pub secret: Option<Secret<String>>,
    /// How it says both.
    pub auth: ClientAuth,
    /// What it asks for; empty where it does not say.
    pub scope: String,
    /// For whom; empty where it does not say.
    pub audience: String,
}

/// A token, and until when it is used.
#[derive(Clone, Debug)]
struct Token {
    value: Secret<String>,
    taken_at: Instant,
    renew_at: Instant,
    expires_at: Instant,
}

/// What is known now.
#[derive(Debug, Default)]
struct Held {
    token: Option<Token>,
    failed_at: Option<Instant>,
}

/// Keeps a token.
#[derive(Debug)]
pub struct OAuth {
    parts: OAuthParts,
    /// Whoever holds it asks for all that wait.
    held: tokio::sync::Mutex<Held>,
    /// The newest tokens: what is not shown.
    known: Mutex<VecDeque<Secret<String>>>,
}

impl OAuth {
    /// Has no token yet.
    #[must_use]
    pub fn new(parts: OAuthParts) -> Self {
        Self { parts, held: tokio::sync::Mutex::default(), known: Mutex::default() }
    }

    pub(super) fn client_id(&self) -> &str {
        &self.parts.client_id
    }

    /// A token that is good.
    ///
    /// # Errors
    /// There is none, in words for the client.
    pub(super) async fn token(&self) -> Result<Secret<String>, &'static str> {
        let mut held = self.held.lock().await;
        let now = Instant::now();
        if let Some(token) = held.token.as_ref().filter(|token| now < token.renew_at) {
            return Ok(token.value.clone());
        }
        let is_early = held.failed_at.is_some_and(|failed| now < failed + PAUSE);
        if !is_early {
            let late = |_| "it does not answer in time".to_owned();
            let asked = timeout(self.parts.place.timeout, self.ask()).await.map_err(late);
            match asked.and_then(|asked| asked) {
                Ok(token) => {
                    self.keep(&token.value);
                    let value = token.value.clone();
                    *held = Held { token: Some(token), failed_at: None };
                    return Ok(value);
                }
                Err(why) => {
                    let server = &self.parts.authority;
                    tracing::warn!(server, why, "an authorization server gives no token");
                    held.failed_at = Some(Instant::now());
                }
            }
        }
        let good = held.token.as_ref().filter(|token| Instant::now() < token.expires_at);
        good.map(|token| token.value.clone()).ok_or(UNAVAILABLE)
    }

    /// A target does not accept the token: another one is asked for, unless it is fresh.
    pub(super) async fn forget(&self) {
        let mut held = self.held.lock().await;
        if held.token.as_ref().is_some_and(|token| token.taken_at + PAUSE <= Instant::now()) {
            held.token = None;
        }
    }

    /// What is secret.
    pub(super) fn secrets(&self) -> Vec<Secret<String>> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.iter().chain(self.parts.secret.as_ref()).cloned().collect()
    }

    fn keep(&self, token: &Secret<String>) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.truncate(TOKENS_KEPT - 1);
        known.push_front(token.clone());
    }

    /// Asks for a token; the errors are an operator's, and hold no word of the server's own but
    /// its error code.
    async fn ask(&self) -> Result<Token, String> {
        let stream = reach(&self.parts.place).await.map_err(|error| error.to_string())?.0;
        let broken = |error: hyper::Error| format!("it does not speak HTTP/1.1: {error}");
        let made = http1::Builder::new().handshake(TokioIo::new(stream)).await;
        let (mut sender, connection) = made.map_err(broken)?;
        let request = self.request().map_err(|error| error.to_string())?;
        let asked = async {
            let answer = sender.send_request(request).await.map_err(broken)?;
            let status = answer.status();
            let body = Limited::new(answer.into_body(), ANSWER_BYTES_MAX).collect().await;
            let body = body.map_err(|_| "its answer is broken, or too long".to_owned())?;
            read(status, &body.to_bytes())
        };
        tokio::pin!(asked);
        // The connection has no task of its own: it ends with the question.
        tokio::select! {
            found = &mut asked => found,
            _ = connection => asked.await,
        }
    }

    fn request(&self) -> Result<Request<Full<Bytes>>, http::Error> {
        let OAuthParts { authority, path, client_id, secret, auth, scope, audience, .. } =
            &self.parts;
        let encoded = |text: &str| percent_encode(text.as_bytes(), "");
        let mut form = "grant_type=client_credentials".to_owned();
        let mut add = |name: &str, value: &str| {
            if !value.is_empty() {
                form.push_str(&format!("&{name}={}", encoded(value)));
            }
        };
        add("scope", scope);
        add("audience", audience);
        let mut request = Request::post(path.as_str())
            .header(header::HOST, authority.as_str())
            .header(header::ACCEPT, "application/json")
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        match (secret, auth) {
            // SPEC: RFC 6749 section 2.3.1: both are encoded before they are joined.
            (Some(secret), ClientAuth::Basic) => {
                let both = format!("{}:{}", encoded(client_id), encoded(secret.reveal()));
                let value = format!("Basic {}", BASE64.encode(both));
                request = request.header(header::AUTHORIZATION, value);
            }
            (Some(secret), ClientAuth::Post) => {
                add("client_id", client_id);
                add("client_secret", secret.reveal());
            }
            // SPEC: RFC 8705 section 2: the certificate says who it is, and the name whose.
            (None, _) => add("client_id", client_id),
        }
        request.body(Full::new(form.into()))
    }
}

/// Reads what an authorization server says.
///
/// SPEC: RFC 6749 sections 5.1, 5.2.
fn read(status: StatusCode, body: &[u8]) -> Result<Token, String> {
    let said: Value = serde_json::from_slice(body).unwrap_or_default();
    if status != StatusCode::OK {
        let is_code = |byte: u8| byte.is_ascii_lowercase() || byte == b'_';
        let code = said.get("error").and_then(Value::as_str).unwrap_or_default();
        let code = if code.len() <= 64 && code.bytes().all(is_code) { code } else { "" };
        return Err(format!("it says {} {code}", status.as_u16()));
    }
    let kind = said.get("token_type").and_then(Value::as_str).unwrap_or_default();
    if !kind.eq_ignore_ascii_case("bearer") {
        return Err("it gives no bearer token".to_owned());
    }
    let token = said.get("access_token").and_then(Value::as_str).unwrap_or_default();
    if token.is_empty() || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err("it gives no token that can be sent".to_owned());
    }
    let lifetime = match said.get("expires_in") {
        // There are servers that write the number as a text.
        Some(Value::String(text)) => text.parse().ok(),
        Some(number) => number.as_u64(),
        None => Some(LIFETIME.as_secs()),
    };
    let lifetime = lifetime.ok_or("it does not say how long its token is good")?;
    let lifetime = Duration::from_secs(lifetime).min(LIFETIME_MAX);
    let taken_at = Instant::now();
    Ok(Token {
        value: Secret::new(token.to_owned()),
        taken_at,
        renew_at: taken_at + lifetime - MARGIN.min(lifetime / 10),
        expires_at: taken_at + lifetime,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_server_says_is_read_or_refused() {
        let check = |status: u16, body: &str, expect: Result<u64, &str>| {
            let read = read(StatusCode::from_u16(status).unwrap(), body.as_bytes());
            let lifetime = read.map(|token| (token.renew_at - token.taken_at).as_secs());
            assert_eq!(lifetime, expect.map_err(str::to_owned), "{body}");
        };
        let good = |rest: &str| format!(r#"{{"access_token":"t","token_type":"Bearer"{rest}}}"#);
        check(200, &good(r#","expires_in":3600"#), Ok(3540));
        check(200, &good(r#","expires_in":"100""#), Ok(90));
        check(200, &good(""), Ok(270));
        check(
            200,
            &good(r#","expires_in":1e300"#),
            Err("it does not say how long its token is good"),
        );
        check(200, &good(r#","expires_in":18446744073709551615"#), Ok(86_340));
        check(200, r#"{"access_token":"t","token_type":"mac"}"#, Err("it gives no bearer token"));
        let broken = r#"{"access_token":"a\nb","token_type":"bearer"}"#;
        check(200, broken, Err("it gives no token that can be sent"));
        check(401, r#"{"error":"invalid_client"}"#, Err("it says 401 invalid_client"));
        check(400, r#"{"error":"secret-1 is wrong"}"#, Err("it says 400 "));
        check(500, "<html>", Err("it says 500 "));
    }
}
