//! The API from the other side: what the operator's and the reviewers' commands use.

use crate::config::is_loopback;
use crate::http::{AnswerBounds, HttpClient};
use axum::http::Uri;
use http_body_util::Full;
use hyper::body::Bytes;
use hyper::{Method, Request, header};
use portreeve_model::Secret;
use serde_json::Value;
use std::path::Path;
use std::time::Duration;

/// Why the API did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The address cannot be used.
    #[error("`{address}` cannot be the API's address: {why}")]
    Address {
        /// The address.
        address: String,
        /// Why.
        why: String,
    },
    /// No answer.
    #[error(
        "the API at `{address}` did not answer: {why}\n\
         hint: is the gateway running? give its address with `--api` or PORTREEVE_API"
    )]
    Unreachable {
        /// The address.
        address: String,
        /// Why.
        why: String,
    },
    /// It said no.
    #[error("{message}{}", hint_line(hint.as_deref()))]
    Refused {
        /// The status.
        status: u16,
        /// The code of the error.
        code: String,
        /// What is wrong.
        message: String,
        /// What to do.
        hint: Option<String>,
    },
}

fn hint_line(hint: Option<&str>) -> String {
    hint.map(|hint| format!("\nhint: {hint}")).unwrap_or_default()
}

/// An answer: the status, and the JSON of the body.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The body; null where there was none.
    pub body: Value,
}

/// Talks to the API of one gateway.
pub struct ApiClient {
    client: HttpClient,
    base: String,
    token: Option<Secret<String>>,
}

impl std::fmt::Debug for ApiClient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ApiClient").field("base", &self.base).finish_non_exhaustive()
    }
}

impl ApiClient {
    /// Prepares to talk to `https://host:port`, or `http://` on loopback.
    ///
    /// # Errors
    /// The address would carry the token in the clear, or is none.
    pub fn new(
        base: &str,
        token: Option<Secret<String>>,
        ca: Option<&Path>,
    ) -> Result<Self, ClientError> {
        let wrong = |why: &str| ClientError::Address { address: base.into(), why: why.into() };
        let uri: Uri = base.parse().map_err(|_| wrong("it is not an address"))?;
        let host = uri.host().ok_or_else(|| wrong("it names no host"))?;
        match uri.scheme_str() {
            Some("https") => {}
            Some("http") if is_loopback(host) => {}
            Some("http") => return Err(wrong("http is for loopback only; use https")),
            _ => return Err(wrong("it must begin with `http://` or `https://`")),
        }
        let client = HttpClient::new(ca, ANSWER_BOUNDS).map_err(|why| wrong(&why))?;
        Ok(Self { client, base: base.trim_end_matches('/').to_owned(), token })
    }

    /// Reads something. Only a 2xx answer is one.
    ///
    /// # Errors
    /// No answer, or a refusal.
    pub async fn get(&self, path: &str) -> Result<Value, ClientError> {
        accepted(self.send(Method::GET, path, None).await?)
    }

    /// Changes something. Only a 2xx answer is one.
    ///
    /// # Errors
    /// No answer, or a refusal.
    pub async fn post(&self, path: &str, body: &Value) -> Result<Value, ClientError> {
        accepted(self.send(Method::POST, path, Some(body)).await?)
    }

    /// Reads something, whatever the status of the answer.
    ///
    /// # Errors
    /// No answer.
    pub async fn probe(&self, path: &str) -> Result<Answer, ClientError> {
        self.send(Method::GET, path, None).await
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Answer, ClientError> {
        let sent = self.send_one(method, path, body).await;
        sent.map_err(|why| ClientError::Unreachable { address: self.base.clone(), why })
    }

    async fn send_one(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Answer, String> {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.base))
            .header(header::ACCEPT, "application/json");
        if let Some(token) = &self.token {
            request = request.header(header::AUTHORIZATION, format!("Bearer {}", token.reveal()));
        }
        if body.is_some() {
            request = request.header(header::CONTENT_TYPE, "application/json");
        }
        let bytes = body.map(|body| Bytes::from(body.to_string())).unwrap_or_default();
        let request = request.body(Full::new(bytes)).map_err(|error| error.to_string())?;
        let answer = self.client.send(request).await?;
        let body = if answer.body.is_empty() { Value::Null } else { parse(&answer.body)? };
        Ok(Answer { status: answer.status.as_u16(), body })
    }
}

fn parse(body: &[u8]) -> Result<Value, String> {
    serde_json::from_slice(body).map_err(|_| "it answered something that is not JSON".into())
}

fn accepted(answer: Answer) -> Result<Value, ClientError> {
    if (200..300).contains(&answer.status) {
        return Ok(answer.body);
    }
    let error = answer.body.get("error");
    let text = |field: &str| {
        error.and_then(|error| error.get(field)).and_then(Value::as_str).map(str::to_owned)
    };
    Err(ClientError::Refused {
        status: answer.status,
        code: text("code").unwrap_or_default(),
        message: text("message").unwrap_or_else(|| format!("the API said {}", answer.status)),
        hint: text("hint"),
    })
}

/// A list of reviews with their statements can be long.
const ANSWER_BOUNDS: AnswerBounds =
    AnswerBounds { time_max: Duration::from_secs(15), bytes_max: 64 << 20 };
