//! A store of Vault or OpenBao: what opens it, and asking it.
//!
//! SPEC: the HTTP API of Vault 1.14, which OpenBao has, too.

use super::ask::{ask, plain};
use super::local::{LocalSecret, SecretError, usable};
use hyper::Request;
use hyper::body::Bytes;
use hyper::http::HeaderValue;
use portreeve_model::Secret;
use schemars::JsonSchema;
use serde_json::{Value, json};
use std::path::PathBuf;

/// A store, and what opens it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct VaultStore {
    pub(super) address: String,
    pub(super) namespace: Option<String>,
    pub(super) ca: Option<PathBuf>,
    pub(super) opens: VaultLogin,
}

/// What opens a store.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum VaultLogin {
    Token(LocalSecret),
    /// Its token is given back when it is not needed any more.
    AppRole(AppRole),
}

/// A role of the AppRole method.
#[derive(Clone, PartialEq, Eq, Debug, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct AppRole {
    /// Where the method is.
    #[schemars(extend("default" = "approle"))]
    pub mount: String,
    /// The role.
    pub role_id: String,
    /// What proves it.
    pub secret_id: LocalSecret,
}

impl VaultStore {
    /// A token that opens it.
    pub(super) fn token(&self) -> Result<Secret<String>, SecretError> {
        let role = match &self.opens {
            VaultLogin::Token(source) => return source.resolve(),
            VaultLogin::AppRole(role) => role,
        };
        let path = format!("auth/{}/login", role.mount);
        let place = || format!("`{path}` of `{}`", self.address);
        let secret = role.secret_id.resolve()?;
        let body = json!({"role_id": role.role_id, "secret_id": secret.reveal()});
        let answer = self.ask("POST", &path, None, Some(&body));
        let answer = answer.map_err(|why| SecretError::Store { place: place(), why })?;
        let token = answer.pointer("/auth/client_token").and_then(Value::as_str);
        usable(token.unwrap_or_default().to_owned(), place)
    }

    /// What it uses next: a token of a file may be another one by now.
    pub(super) fn renewed(&self, token: &Secret<String>) -> Result<Secret<String>, String> {
        match &self.opens {
            VaultLogin::Token(source) => source.resolve().map_err(|error| error.to_string()),
            // Where the token ends, all that was made with it does.
            VaultLogin::AppRole(_) => {
                self.ask("POST", "auth/token/renew-self", Some(token), Some(&json!({})))?;
                Ok(token.clone())
            }
        }
    }

    /// A token that was made for this process is not needed any more.
    pub(super) fn give_back(&self, token: &Secret<String>) {
        if matches!(self.opens, VaultLogin::AppRole(_))
            && let Err(why) = self.ask("POST", "auth/token/revoke-self", Some(token), None)
        {
            tracing::warn!(store = self.address, why, "a token cannot be given back");
        }
    }

    /// Asks for something.
    pub(super) fn ask(
        &self,
        method: &str,
        path: &str,
        token: Option<&Secret<String>>,
        body: Option<&Value>,
    ) -> Result<Value, String> {
        let url = format!("{}/v1/{path}", self.address.trim_end_matches('/'));
        let body = body.map(|body| body.to_string().into_bytes()).unwrap_or_default();
        let mut request = Request::builder().method(method).uri(url);
        if let Some(token) = token {
            let mut value = HeaderValue::from_str(token.reveal())
                .map_err(|_| "the token cannot stand in a head".to_owned())?;
            value.set_sensitive(true);
            request = request.header("x-vault-token", value);
        }
        if let Some(namespace) = &self.namespace {
            request = request.header("x-vault-namespace", namespace);
        }
        let request = request
            .header("x-vault-request", "true")
            .body(Bytes::from(body).into())
            .map_err(|error| error.to_string())?;
        let answer = ask(self.ca.as_deref(), request)?;
        let read: Option<Value> = serde_json::from_slice(&answer.body).ok();
        match answer.status.as_u16() {
            204 => Ok(Value::Null),
            200 => read.ok_or_else(|| "its answer is no JSON".to_owned()),
            status => Err(refusal(status, read.as_ref())),
        }
    }
}

/// Why a store does not give something, in its words.
fn refusal(status: u16, answer: Option<&Value>) -> String {
    let errors = answer.and_then(|answer| answer.get("errors")).and_then(Value::as_array);
    let said: Vec<&str> = errors.into_iter().flatten().filter_map(Value::as_str).collect();
    let said = plain(&said.join("; "));
    let hint = match status {
        403 => "; hint: does a policy of the token let it read that path?",
        404 => {
            "; hint: of a key-value store of version 2, the path has `data/` behind the store's name"
        }
        503 => "; hint: is it sealed?",
        _ => "",
    };
    match said.is_empty() {
        true => format!("it answers {status}{hint}"),
        false => format!("it answers {status}: {said}{hint}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_says_what_to_look_at() {
        let said = json!({"errors": ["permission\ndenied", 7]});
        let refused = refusal(403, Some(&said));
        assert!(refused.starts_with("it answers 403: permission denied; hint: "), "{refused}");
        assert!(refusal(404, None).contains("`data/`"));
        assert_eq!(refusal(500, None), "it answers 500");
    }
}
