//! Objects in a bucket of S3, or of what speaks like it: one for each delivery, of JSON lines.
//!
//! An object is put whole or not at all. Its name is that of its first and its last event, so
//! that objects sort as the log does; a delivery that is made again may put another object with
//! some of the same events, and those have the same ids.

use super::super::event::ExportEvent;
use crate::config::Encoding;
use crate::config::S3Export;
use crate::http::{AnswerBounds, HttpClient};
use crate::sigv4::{Signed, Signer, now};
use aws_lc_rs::digest::{SHA256, digest};
use axum::http::{Method, Uri, header};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use http_body_util::Full;
use hyper::Request;
use hyper::body::Bytes;
use portreeve_model::Digest;
use portreeve_transport::percent_encode;
use std::time::Duration;

const BOUNDS: AnswerBounds =
    AnswerBounds { time_max: Duration::from_secs(60), bytes_max: 64 << 10 };

/// A bucket.
pub(super) struct S3Sink {
    client: HttpClient,
    config: S3Export,
    /// As the header `Host` has it.
    host: String,
    base: String,
}

impl S3Sink {
    pub(super) fn new(config: &S3Export) -> Result<Self, String> {
        let client = HttpClient::new(config.ca.as_deref(), BOUNDS)?;
        let base = config.url.trim_end_matches('/').to_owned();
        let uri: Uri = base.parse().map_err(|error| format!("`{base}`: {error}"))?;
        if uri.path() != "/" {
            return Err(format!("`{base}` has a path: the bucket is a key of its own"));
        }
        let host = uri.authority().ok_or_else(|| format!("`{base}` has no host"))?.to_string();
        Ok(Self { client, config: config.clone(), host, base })
    }

    pub(super) async fn put(&self, events: &[ExportEvent], format: Encoding) -> Result<(), String> {
        let (Some(first), Some(last)) = (events.first(), events.last()) else { return Ok(()) };
        let mut body = String::new();
        for event in events {
            body.push_str(&format.write(event));
            body.push('\n');
        }
        let path = self.path(first, last);
        let resolve = |source: &crate::config::SecretSource| {
            source.resolve().map_err(|error| error.to_string())
        };
        let access_key = resolve(&self.config.access_key)?;
        let secret_key = resolve(&self.config.secret_key)?;
        let mut hash = Digest([0; 32]);
        hash.0.copy_from_slice(digest(&SHA256, body.as_bytes()).as_ref());
        let (time, body_hash) = (now(), hash.to_string());
        // A bucket that locks its objects takes none without.
        let checksum = BASE64.encode(hash.0);
        let headers = [
            ("content-type", "application/x-ndjson"),
            ("host", self.host.as_str()),
            ("x-amz-checksum-sha256", checksum.as_str()),
            ("x-amz-content-sha256", body_hash.as_str()),
            ("x-amz-date", time.as_str()),
        ];
        let signer = Signer {
            access_key: access_key.reveal(),
            secret_key: secret_key.reveal(),
            region: &self.config.region,
            service: "s3",
        };
        let signed = Signed {
            method: "PUT",
            path: &path,
            headers: &headers,
            body_hash: &body_hash,
            time: &time,
        };
        let mut request = Request::builder()
            .method(Method::PUT)
            .uri(format!("{}{path}", self.base))
            .header(header::AUTHORIZATION, signer.authorization(&signed));
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let request = request.body(Full::new(Bytes::from(body)));
        let answer = self.client.send(request.map_err(|error| error.to_string())?).await?;
        if answer.status.is_success() {
            return Ok(());
        }
        let said = String::from_utf8_lossy(&answer.body);
        Err(match code(&said) {
            Some(code) => format!("it answered {}: {code}", answer.status),
            None => format!("it answered {}", answer.status),
        })
    }

    /// `/BUCKET/PREFIXLOG/YYYY/MM/DD/FIRST-LAST.EXTENSION`, by the day of the first event.
    fn path(&self, first: &ExportEvent, last: &ExportEvent) -> String {
        let at = i64::try_from(first.at_us / 1_000).unwrap_or(i64::MAX);
        let day = jiff::Timestamp::from_millisecond(at).unwrap_or_default().strftime("%Y/%m/%d");
        let (prefix, origin) = (&self.config.prefix, &first.origin);
        let name = format!("{prefix}{origin}/{day}/{:012}-{:012}.jsonl", first.index, last.index);
        let parts = std::iter::once(self.config.bucket.as_str()).chain(name.split('/'));
        parts.map(|part| format!("/{}", percent_encode(part.as_bytes(), ""))).collect()
    }
}

/// What an error of S3 says in one word.
fn code(body: &str) -> Option<&str> {
    let (_, rest) = body.split_once("<Code>")?;
    let (code, _) = rest.split_once("</Code>")?;
    code.chars().all(|char| char.is_ascii_alphanumeric()).then_some(code)
}

#[cfg(test)]
mod tests {
    use super::code;

    #[test]
    fn an_error_is_told_by_its_code() {
        assert_eq!(code("<Error><Code>NoSuchBucket</Code></Error>"), Some("NoSuchBucket"));
        assert_eq!(code("<Code>no <b>such</b></Code>"), None);
        assert_eq!(code("nothing"), None);
    }
}
