//! Secrets Manager of AWS.
//!
//! SPEC: AWS Secrets Manager API Reference, GetSecretValue.

use super::ask::{ask, plain};
use super::kept::{Given, Login};
use super::local::{LocalSecret, SecretError, usable};
use crate::sigv4::{Signed, Signer, now};
use aws_lc_rs::digest::{SHA256, digest};
use hyper::Request;
use hyper::body::Bytes;
use hyper::http::Uri;
use portreeve_model::{Digest, Secret};
use schemars::JsonSchema;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// A secret at Secrets Manager.
#[derive(Clone, PartialEq, Eq, Debug, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct AwsSecret {
    /// Its name or ARN.
    pub id: String,
    /// The region.
    pub region: String,
    /// Which field of its JSON is the secret. By default all of its text is.
    pub field: Option<String>,
    /// Which field of its JSON is the user: `username`. Then the target's `user` is not used to log
    /// in.
    pub user_field: Option<String>,
    /// Where Secrets Manager is asked, where that is not its public place in the region.
    pub endpoint: Option<String>,
    /// The key's id. By default `{ env: AWS_ACCESS_KEY_ID }`.
    #[schemars(extend("default" = "{ env: AWS_ACCESS_KEY_ID }"))]
    pub access_key_id: LocalSecret,
    /// The key. By default `{ env: AWS_SECRET_ACCESS_KEY }`.
    #[schemars(extend("default" = "{ env: AWS_SECRET_ACCESS_KEY }"))]
    pub secret_access_key: LocalSecret,
    /// What goes with a key for a time.
    pub session_token: Option<LocalSecret>,
    /// How long it is kept before it is asked for again, at most an hour.
    #[schemars(with = "String", extend("default" = "1m"))]
    pub keep: Duration,
}

impl AwsSecret {
    /// Asks for it.
    pub(super) fn read(&self) -> Result<Given, SecretError> {
        let place = || format!("`{}` of Secrets Manager in `{}`", self.id, self.region);
        let failed = |why: String| SecretError::Store { place: place(), why };
        let answer = ask(None, self.request()?).map_err(failed)?;
        let read: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        if answer.status.as_u16() != 200 {
            let said = |key: &str| read.get(key).and_then(Value::as_str).unwrap_or_default();
            let kind = said("__type").rsplit('#').next().unwrap_or_default().to_owned();
            let message = format!("{}{}", said("Message"), said("message"));
            let said = plain(&format!("{kind}: {message}"));
            return Err(failed(format!("it answers {}: {said}", answer.status.as_u16())));
        }
        let Some(text) = read.get("SecretString").and_then(Value::as_str) else {
            return Err(failed("it is no text; hint: keep it as a `SecretString`".to_owned()));
        };
        let whole: Option<Value> = serde_json::from_str(text).ok();
        let part = |field: &str| {
            let found = whole.as_ref().and_then(|whole| whole.get(field)).and_then(Value::as_str);
            found.map(str::to_owned).ok_or_else(|| failed(format!("it has no text `{field}`")))
        };
        let secret = match &self.field {
            Some(field) => part(field)?,
            None => text.to_owned(),
        };
        let user = self.user_field.as_deref().map(part).transpose()?;
        let login = Login { user, secret: usable(secret, place)?, lease: None };
        Ok(Given::new(login, Instant::now() + self.keep))
    }

    fn request(&self) -> Result<Request<http_body_util::Full<Bytes>>, SecretError> {
        let failed = |why: String| SecretError::Store { place: "Secrets Manager".to_owned(), why };
        let unwritten = |error: hyper::http::Error| failed(error.to_string());
        let url = match &self.endpoint {
            Some(endpoint) => format!("{}/", endpoint.trim_end_matches('/')),
            None => format!("https://secretsmanager.{}.{}/", self.region, domain(&self.region)),
        };
        let uri: Uri = url.parse().map_err(|_| failed("its address is none".to_owned()))?;
        let host = uri.authority().map(ToString::to_string).unwrap_or_default();
        let body = json!({"SecretId": self.id}).to_string().into_bytes();
        let id = self.access_key_id.resolve()?;
        let key = self.secret_access_key.resolve()?;
        let token = self.session_token.as_ref().map(LocalSecret::resolve).transpose()?;
        let time = now();
        let mut fields = vec![
            ("content-type", CONTENT_TYPE.to_owned()),
            ("host", host),
            ("x-amz-date", time.clone()),
        ];
        fields.extend(
            token.map(|token: Secret<String>| ("x-amz-security-token", token.reveal().clone())),
        );
        fields.push(("x-amz-target", TARGET.to_owned()));
        let headers: Vec<_> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let mut hash = Digest([0; 32]);
        hash.0.copy_from_slice(digest(&SHA256, &body).as_ref());
        let signer = Signer {
            access_key: id.reveal(),
            secret_key: key.reveal(),
            region: &self.region,
            service: "secretsmanager",
        };
        let authorization = signer.authorization(&Signed {
            method: "POST",
            path: "/",
            headers: &headers,
            body_hash: &hash.to_string(),
            time: &time,
        });
        let mut request = Request::post(uri).header("authorization", authorization);
        for (name, value) in fields {
            request = request.header(name, value);
        }
        request.body(Bytes::from(body).into()).map_err(unwritten)
    }
}

/// SPEC: AWS General Reference, partitions.
fn domain(region: &str) -> &'static str {
    match region.starts_with("cn-") {
        true => "amazonaws.com.cn",
        false => "amazonaws.com",
    }
}

const CONTENT_TYPE: &str = "application/x-amz-json-1.1";
const TARGET: &str = "secretsmanager.GetSecretValue";
