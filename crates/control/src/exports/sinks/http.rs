//! What is posted over HTTP: signed webhooks, Splunk's HEC, Elasticsearch's bulk API, OTLP logs.
//! The receiver's answer says whether it has the events.

use super::super::event::{ExportEvent, Severity};
use crate::config::Encoding;
use crate::config::{ElasticsearchExport, OtlpExport, SecretSource, SplunkExport, WebhookExport};
use crate::http::{AnswerBounds, HttpAnswer, HttpClient};
use aws_lc_rs::hmac;
use axum::http::{Method, header};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use http_body_util::Full;
use hyper::Request;
use hyper::body::Bytes;
use portreeve_model::Secret;
use serde_json::{Value, json};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

const BOUNDS: AnswerBounds = AnswerBounds { time_max: Duration::from_secs(30), bytes_max: 4 << 20 };

/// A receiver that is posted to.
pub(super) struct HttpSink {
    client: HttpClient,
    url: String,
    kind: Kind,
}

enum Kind {
    /// Signed as <https://www.standardwebhooks.com> says.
    Webhook(Option<SecretSource>),
    Splunk {
        token: SecretSource,
        index: Option<String>,
    },
    Elasticsearch {
        index: String,
        api_key: Option<SecretSource>,
    },
    Otlp(Option<SecretSource>),
}

/// A request before it is sent.
struct Post {
    path: &'static str,
    media: &'static str,
    body: String,
    headers: Vec<(&'static str, Secret<String>)>,
}

impl HttpSink {
    fn new(url: &str, ca: Option<&std::path::Path>, kind: Kind) -> Result<Self, String> {
        let client = HttpClient::new(ca, BOUNDS)?;
        Ok(Self { client, url: url.trim_end_matches('/').to_owned(), kind })
    }

    pub(super) fn webhook(config: &WebhookExport) -> Result<Self, String> {
        Self::new(&config.url, config.ca.as_deref(), Kind::Webhook(config.secret.clone()))
    }

    pub(super) fn splunk(config: &SplunkExport) -> Result<Self, String> {
        let (token, index) = (config.token.clone(), config.index.clone());
        Self::new(&config.url, config.ca.as_deref(), Kind::Splunk { token, index })
    }

    pub(super) fn elasticsearch(config: &ElasticsearchExport) -> Result<Self, String> {
        let (index, api_key) = (config.index.clone(), config.api_key.clone());
        Self::new(&config.url, config.ca.as_deref(), Kind::Elasticsearch { index, api_key })
    }

    pub(super) fn otlp(config: &OtlpExport) -> Result<Self, String> {
        Self::new(&config.url, config.ca.as_deref(), Kind::Otlp(config.token.clone()))
    }

    pub(super) async fn post(
        &self,
        events: &[ExportEvent],
        format: Encoding,
    ) -> Result<(), String> {
        let post = self.kind.post(events, format)?;
        let mut request = Request::builder()
            .method(Method::POST)
            .uri(format!("{}{}", self.url, post.path))
            .header(header::CONTENT_TYPE, post.media);
        for (name, value) in &post.headers {
            request = request.header(*name, value.reveal().as_str());
        }
        let body = Full::new(Bytes::from(post.body));
        let request = request.body(body).map_err(|error| error.to_string())?;
        let answer = self.client.send(request).await?;
        if !answer.status.is_success() {
            return Err(format!("it answered {}", answer.status));
        }
        self.kind.accepted(&answer)
    }
}

impl Kind {
    fn post(&self, events: &[ExportEvent], format: Encoding) -> Result<Post, String> {
        match self {
            Self::Webhook(secret) => webhook(secret.as_ref(), events, format),
            Self::Splunk { token, index } => {
                let header = format!("Splunk {}", resolve(token)?.reveal());
                let body: String = events
                    .iter()
                    .map(|event| splunk_event(event, index.as_deref(), format).to_string())
                    .collect::<Vec<_>>()
                    .join("\n");
                let headers = vec![("authorization", Secret::new(header))];
                let path = "/services/collector/event";
                Ok(Post { path, media: "application/json", body, headers })
            }
            Self::Elasticsearch { index, api_key } => {
                let mut body = String::new();
                for event in events {
                    // The same event twice is one document.
                    let action = json!({"create": {"_index": index, "_id": event.id}});
                    let document = match format.json(event) {
                        // A document is an object.
                        Value::String(line) => json!({"message": line}),
                        document => document,
                    };
                    body.push_str(&format!("{action}\n{document}\n"));
                }
                let headers = bearer("ApiKey", api_key.as_ref())?;
                Ok(Post { path: "/_bulk", media: "application/x-ndjson", body, headers })
            }
            Self::Otlp(token) => {
                let body = otlp(events, format).to_string();
                let headers = bearer("Bearer", token.as_ref())?;
                Ok(Post { path: "/v1/logs", media: "application/json", body, headers })
            }
        }
    }

    /// What a receiver says beside its status.
    fn accepted(&self, answer: &HttpAnswer) -> Result<(), String> {
        match self {
            Self::Webhook(_) => Ok(()),
            Self::Splunk { .. } => match said(&answer.body)?.get("code").and_then(Value::as_u64) {
                Some(0) => Ok(()),
                Some(code) => Err(format!("it answered code {code}")),
                None => Err("its answer has no code: it is no collector's".to_owned()),
            },
            Self::Elasticsearch { .. } => bulk_accepted(&answer.body),
            Self::Otlp(_) => {
                let body = said(&answer.body)?;
                let rejected = body.pointer("/partialSuccess/rejectedLogRecords");
                // A number, or a number in a string: 64 bits in JSON of Protocol Buffers.
                let rejected = rejected.and_then(|count| match count {
                    Value::String(text) => text.parse().ok(),
                    other => other.as_u64(),
                });
                match rejected {
                    None | Some(0) => Ok(()),
                    Some(count) => Err(format!("it rejected {count} events")),
                }
            }
        }
    }
}

/// What a receiver has said. Whoever says something else in its place (a proxy's page) has taken
/// nothing.
fn said(body: &[u8]) -> Result<Value, String> {
    serde_json::from_slice(body).map_err(|_| "its answer is not JSON".to_owned())
}

/// Each item has a status of its own; one that is there already is there.
fn bulk_accepted(body: &[u8]) -> Result<(), String> {
    let body = said(body)?;
    let items = body.get("items").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let status = |item: &Value| item.pointer("/create/status").and_then(Value::as_u64);
    let failed = items.iter().find(|item| !matches!(status(item), Some(200..=299 | 409)));
    match failed {
        None if items.is_empty() => Err("its answer names no item".to_owned()),
        None => Ok(()),
        Some(item) => {
            let reason = item.pointer("/create/error/type").and_then(Value::as_str);
            Err(format!("it refused an event: {}", reason.unwrap_or("no reason given")))
        }
    }
}

fn resolve(source: &SecretSource) -> Result<Secret<String>, String> {
    source.resolve().map_err(|error| error.to_string())
}

fn bearer(
    scheme: &str,
    source: Option<&SecretSource>,
) -> Result<Vec<(&'static str, Secret<String>)>, String> {
    let Some(source) = source else { return Ok(Vec::new()) };
    let value = format!("{scheme} {}", resolve(source)?.reveal());
    Ok(vec![("authorization", Secret::new(value))])
}

fn webhook(
    secret: Option<&SecretSource>,
    events: &[ExportEvent],
    format: Encoding,
) -> Result<Post, String> {
    let all: Vec<Value> = events.iter().map(|event| format.json(event)).collect();
    let body = json!({"events": all}).to_string();
    let first = events.first().map_or("", |event| event.id.as_str());
    let id = format!("{first}+{}", events.len());
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let mut headers = vec![
        ("webhook-id", Secret::new(id.clone())),
        ("webhook-timestamp", Secret::new(now.to_string())),
    ];
    if let Some(secret) = secret {
        let signature = signature(resolve(secret)?.reveal(), &id, now, &body);
        headers.push(("webhook-signature", Secret::new(signature)));
    }
    Ok(Post { path: "", media: "application/json", body, headers })
}

/// `v1,` and the HMAC-SHA-256 of id, time and body, in base64.
fn signature(secret: &str, id: &str, at: u64, body: &str) -> String {
    let key = secret.strip_prefix("whsec_").and_then(|text| BASE64.decode(text).ok());
    let key = key.unwrap_or_else(|| secret.as_bytes().to_vec());
    let key = hmac::Key::new(hmac::HMAC_SHA256, &key);
    let tag = hmac::sign(&key, format!("{id}.{at}.{body}").as_bytes());
    format!("v1,{}", BASE64.encode(tag.as_ref()))
}

fn splunk_event(event: &ExportEvent, index: Option<&str>, format: Encoding) -> Value {
    let mut wrapped = json!({
        "time": format!("{}.{:06}", event.at_us / 1_000_000, event.at_us % 1_000_000),
        "source": event.origin,
        "sourcetype": format!("portreeve:{}", format.word()),
        "event": format.json(event),
        "fields": {"event_id": event.id},
    });
    if let Some(index) = index {
        wrapped["index"] = index.into();
    }
    wrapped
}

/// <https://opentelemetry.io/docs/specs/otlp/>, JSON encoding.
fn otlp(events: &[ExportEvent], format: Encoding) -> Value {
    let text = |key: &str, value: &str| json!({"key": key, "value": {"stringValue": value}});
    let records: Vec<Value> = events
        .iter()
        .map(|event| {
            let (number, word) = match event.severity {
                Severity::Informational => (9, "INFO"),
                Severity::Low => (10, "INFO2"),
                Severity::Medium => (13, "WARN"),
                Severity::High => (17, "ERROR"),
            };
            json!({
                "timeUnixNano": format!("{}000", event.at_us),
                "observedTimeUnixNano": format!("{}000", event.at_us),
                "severityNumber": number,
                "severityText": word,
                "body": {"stringValue": format.write(event)},
                "attributes": [text("event.id", &event.id), text("log.origin", &event.origin)],
            })
        })
        .collect();
    json!({"resourceLogs": [{
        "resource": {"attributes": [
            text("service.name", "portreeve"),
            text("service.version", env!("CARGO_PKG_VERSION")),
        ]},
        "scopeLogs": [{"scope": {"name": "portreeve.evidence"}, "logRecords": records}],
    }]})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_webhook_is_signed_as_the_standard_says() {
        // The vector of the Standard Webhooks specification's reference libraries.
        let expect = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
        let body = "{\"test\": 2432232314}";
        let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
        let found = signature(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, body);
        assert_eq!(found, expect);
    }

    #[test]
    fn a_bulk_answer_is_read_item_by_item() {
        let check = |body: &str, expect: Result<(), &str>| {
            assert_eq!(bulk_accepted(body.as_bytes()), expect.map_err(str::to_owned), "{body}");
        };
        check(r#"{"items":[{"create":{"status":201}},{"create":{"status":409}}]}"#, Ok(()));
        check(
            r#"{"items":[{"create":{"status":429,"error":{"type":"busy"}}}]}"#,
            Err("it refused an event: busy"),
        );
        check(r#"{"items":[]}"#, Err("its answer names no item"));
        check("no", Err("its answer is not JSON"));
    }
}
