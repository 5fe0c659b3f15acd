//! Signatures of AWS (Signature Version 4): each request is signed as it is sent, behind its
//! permit, so that one that a person has held is not signed too early.
//!
//! SPEC: AWS General Reference, "Create a signed AWS API request".

use super::SIGNATURE;
use crate::escapes::percent_decoded;
use http::request::Parts;
use http::{HeaderName, HeaderValue, header};
use portreeve_model::{Digest, Secret};
use portreeve_transport::{AWS_ALGORITHM, AwsKey, AwsSignature, percent_encode};
use std::collections::BTreeMap;
use std::time::SystemTime;

const DATE: HeaderName = HeaderName::from_static("x-amz-date");
const CONTENT: HeaderName = HeaderName::from_static("x-amz-content-sha256");
const TOKEN: HeaderName = HeaderName::from_static("x-amz-security-token");

/// What signs.
#[derive(Debug)]
pub struct AwsParts {
    /// The region that the target is in.
    pub region: String,
    /// What the target is called in signatures: `execute-api`, `s3`.
    pub service: String,
    /// The name of the key.
    pub key_id: String,
    /// The key.
    pub secret: Secret<String>,
    /// What temporary keys come with.
    pub session_token: Option<Secret<String>>,
}

/// Signs requests.
#[derive(Debug)]
pub struct Aws(AwsParts);

impl Aws {
    /// Signs with these.
    #[must_use]
    pub const fn new(parts: AwsParts) -> Self {
        Self(parts)
    }

    pub(super) fn key_id(&self) -> &str {
        &self.0.key_id
    }

    /// Signs a request with this body.
    pub(super) fn sign(
        &self,
        parts: &mut Parts,
        body: Digest,
        now: SystemTime,
    ) -> Result<(), &'static str> {
        let unusable = |_| "the gateway's credential cannot be written into a request";
        let now = jiff::Timestamp::try_from(now).map_err(|_| "the gateway has no time")?;
        let now = now.strftime("%Y%m%dT%H%M%SZ").to_string();
        for name in [DATE, CONTENT, TOKEN] {
            parts.headers.remove(name);
        }
        parts.headers.insert(DATE, HeaderValue::from_str(&now).map_err(unusable)?);
        if self.is_storage() {
            let body = HeaderValue::from_str(&body.to_string()).map_err(unusable)?;
            parts.headers.insert(CONTENT, body);
        }
        if let Some(token) = &self.0.session_token {
            let mut token = HeaderValue::from_str(token.reveal()).map_err(unusable)?;
            token.set_sensitive(true);
            parts.headers.insert(TOKEN, token);
        }
        let (canonical, names) = self.canonical(parts, body)?;
        let AwsParts { region, service, key_id, secret, .. } = &self.0;
        let key = AwsKey { secret: secret.reveal(), region, service };
        let AwsSignature { scope, signature } = key.sign(&now, &canonical);
        let value = format!(
            "{AWS_ALGORITHM} Credential={key_id}/{scope}, SignedHeaders={names}, \
             {SIGNATURE}{signature}"
        );
        let mut value = HeaderValue::from_str(&value).map_err(unusable)?;
        value.set_sensitive(true);
        parts.headers.insert(header::AUTHORIZATION, value);
        Ok(())
    }

    /// What signs; the name of its key belongs to it.
    pub(super) fn secrets(&self) -> Vec<Secret<String>> {
        let AwsParts { key_id, secret, session_token, .. } = &self.0;
        let named = [secret.clone(), Secret::new(key_id.clone())];
        named.into_iter().chain(session_token.clone()).collect()
    }

    /// Object storage has rules of its own.
    fn is_storage(&self) -> bool {
        self.0.service.starts_with("s3")
    }

    /// The request in the one spelling that both sides sign, and the names of the fields in it:
    /// where it goes, what its body is, and what AWS reads.
    fn canonical(&self, parts: &Parts, body: Digest) -> Result<(String, String), &'static str> {
        let path = parts.uri.path();
        let path = match self.is_storage() {
            // It decodes a path before it looks at it, and everything else does not.
            true => percent_encode(&percent_decoded(path), "/"),
            false => percent_encode(path.as_bytes(), "/"),
        };
        let mut query: Vec<(String, String)> = Vec::new();
        for pair in parts.uri.query().unwrap_or_default().split('&').filter(|it| !it.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            query.push((
                percent_encode(&percent_decoded(name), ""),
                percent_encode(&percent_decoded(value), ""),
            ));
        }
        query.sort();
        let query: Vec<String> =
            query.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let mut fields: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        for (name, value) in &parts.headers {
            let name = name.as_str();
            let is_signed = matches!(name, "host" | "content-type" | "content-md5")
                || name.starts_with("x-amz-");
            if is_signed {
                let value = value.to_str().map_err(|_| "a field that is signed is not ASCII")?;
                let words: Vec<&str> = value.split(' ').filter(|word| !word.is_empty()).collect();
                fields.entry(name).or_default().push(words.join(" "));
            }
        }
        let names = fields.keys().copied().collect::<Vec<_>>().join(";");
        let fields: String =
            fields.iter().map(|(name, values)| format!("{name}:{}\n", values.join(","))).collect();
        let (method, query) = (&parts.method, query.join("&"));
        Ok((format!("{method}\n{path}\n{query}\n{fields}\n{names}\n{body}"), names))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::credential::hidden::{Hidden, Signed};
    use aws_lc_rs::digest::{SHA256, digest};
    use std::time::Duration;

    /// The key of AWS's test suite, and the second at which it signs.
    fn signed(method: &str, target: &str, kind: Option<&str>, body: &str) -> String {
        let aws = Aws::new(AwsParts {
            region: "us-east-1".into(),
            service: "service".into(),
            key_id: "AKIDEXAMPLE".into(),
            secret: Secret::new("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY".into()),
            session_token: None,
        });
        sign(&aws, method, target, kind, body)
    }

    fn sign(aws: &Aws, method: &str, target: &str, kind: Option<&str>, body: &str) -> String {
        let request = http::Request::builder().method(method).uri(target);
        let mut request = request.header("host", "example.amazonaws.com").header("accept", "x");
        if let Some(kind) = kind {
            request = request.header("content-type", kind);
        }
        let (mut parts, ()) = request.body(()).unwrap().into_parts();
        let mut body_digest = Digest([0; 32]);
        body_digest.0.copy_from_slice(digest(&SHA256, body.as_bytes()).as_ref());
        let at = SystemTime::UNIX_EPOCH + Duration::from_secs(1_440_938_160);
        aws.sign(&mut parts, body_digest, at).unwrap();
        assert_eq!(parts.headers["x-amz-date"], "20150830T123600Z");
        parts.headers["authorization"].to_str().unwrap().to_owned()
    }

    /// Signatures that AWS has published with its test suite for Signature Version 4.
    #[test]
    fn requests_are_signed_as_aws_says() {
        let check =
            |(method, target): (&str, &str), kind: Option<&str>, body: &str, expect: &str| {
                let found = signed(method, target, kind, body);
                let names = if kind.is_some() { "content-type;host" } else { "host" };
                let scope = "AKIDEXAMPLE/20150830/us-east-1/service/aws4_request";
                let whole = format!(
                    "AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders={names};x-amz-date, \
                 Signature={expect}"
                );
                assert_eq!(found, whole, "{target}");
            };
        check(
            ("GET", "/"),
            None,
            "",
            "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
        );
        check(
            ("GET", "/?Param2=value2&Param1=value1"),
            None,
            "",
            "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
        );
        check(
            ("GET", "/?Param-3=Value3&Param=Value2&%E1%88%B4=Value1"),
            None,
            "",
            "371d3713e185cc334048618a97f809c9ffe339c62934c032af5a0e595648fcac",
        );
        check(
            ("POST", "/?Param1=value1"),
            None,
            "",
            "28038455d6de14eafc1f9222cf5aa6f1a96197d7deb8263271d420d138af7f11",
        );
        check(
            ("POST", "/"),
            Some("application/x-www-form-urlencoded"),
            "Param1=value1",
            "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a",
        );
    }

    #[test]
    fn a_path_is_encoded_once_more_except_for_storage() {
        let aws = |service: &str| {
            Aws::new(AwsParts {
                region: "r".into(),
                service: service.into(),
                key_id: "AKID".into(),
                secret: Secret::new("secret".into()),
                session_token: Some(Secret::new("temporary".into())),
            })
        };
        let canonical = |service: &str, target: &str| {
            let (parts, ()) = http::Request::get(target).body(()).unwrap().into_parts();
            aws(service).canonical(&parts, Digest([0; 32])).unwrap().0
        };
        assert!(canonical("execute-api", "/a%20b/c@d").starts_with("GET\n/a%2520b/c%40d\n"));
        assert!(canonical("s3", "/a%20b/c@d").starts_with("GET\n/a%20b/c%40d\n"));
        assert!(canonical("s3", "/?b&a=@&a=%20").contains("\na=%20&a=%40&b=\n"));
        let signed = sign(&aws("s3"), "GET", "/", None, "");
        assert!(signed.contains("host;x-amz-content-sha256;x-amz-date;x-amz-security-token"));
        let echo = format!("you said {signed} with temporary");
        let shown = Hidden::long_enough(&aws("s3").secrets(), Signed::Yes).without(&echo).unwrap();
        assert!(shown.ends_with("Signature=[credential] with [credential]"), "{shown}");
        assert!(!shown.contains("AKID"));
    }
}
