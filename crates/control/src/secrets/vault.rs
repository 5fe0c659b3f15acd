//! Vault and OpenBao: key-value secrets of both versions, and credentials that a database engine
//! makes or changes.
//!
//! SPEC: the HTTP API of Vault 1.14, which OpenBao has, too.

use super::kept::{Given, Login};
use super::lease::{Lease, Made};
use super::local::{LocalSecret, SecretError, usable};
use super::store::{AppRole, VaultLogin, VaultStore};
use schemars::JsonSchema;
use serde_json::Value;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// A secret at Vault or OpenBao.
#[derive(Clone, PartialEq, Eq, Debug, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct VaultSecret {
    /// Where it is: `https://vault.example.org:8200`.
    pub address: String,
    /// As its API has it: `secret/data/shop`, `database/creds/reader`.
    pub path: String,
    /// Which field of it is the secret.
    #[schemars(extend("default" = "password"))]
    pub field: String,
    /// Which field of it is the user, where the store makes one: `username`. Then the target's
    /// `user` is not used to log in.
    pub user_field: Option<String>,
    /// A token that opens the store, as an agent beside it keeps one in a file: `{ file: PATH }`,
    /// `{ env: NAME }` or `{ systemd: NAME }`. It is read anew each time.
    pub token: Option<LocalSecret>,
    /// In the place of a token: a role of the AppRole method.
    pub app_role: Option<AppRole>,
    /// The namespace, where the store has some.
    pub namespace: Option<String>,
    /// PEM file with the authorities that may vouch for it; by default those of the machine.
    #[schemars(with = "Option<String>")]
    pub ca: Option<PathBuf>,
    /// How long it is kept before it is asked for again, at most `1h`. A lease is kept for as long
    /// as a session uses it.
    #[schemars(with = "String", extend("default" = "1m"))]
    pub keep: Duration,
}

impl VaultSecret {
    /// Asks for it.
    pub(super) fn read(&self) -> Result<Given, SecretError> {
        let place = || format!("`{}` of `{}`", self.path, self.address);
        let failed = |why: String| SecretError::Store { place: place(), why };
        let store = self.store().ok_or_else(|| failed("nothing opens it".to_owned()))?;
        let token = store.token()?;
        let answer = store.ask("GET", &self.path, Some(&token), None).map_err(failed)?;
        let data = fields(&answer);
        let text = |field: &str| match data.and_then(|data| data.get(field)) {
            Some(Value::String(text)) => Ok(text.clone()),
            Some(Value::Number(number)) => Ok(number.to_string()),
            _ => Err(failed(format!("it has no text `{field}`{}", named(data)))),
        };
        let secret = text(&self.field).and_then(|text| usable(text, place));
        let user = self.user_field.as_deref().map(&text).transpose();
        let lease = lease_of(&answer).map(|(id, lasts)| {
            Lease::keep(Made { store: store.clone(), token: token.clone(), id, lasts })
        });
        if lease.is_none() {
            store.give_back(&token);
        }
        let login = Login { user: user?, secret: secret?, lease };
        let keep = if login.lease.is_some() { LEASED } else { self.keep };
        Ok(Given::new(login, Instant::now() + keep))
    }

    fn store(&self) -> Option<VaultStore> {
        let opens = match (&self.token, &self.app_role) {
            (Some(token), _) => VaultLogin::Token(token.clone()),
            (None, Some(role)) => VaultLogin::AppRole(role.clone()),
            (None, None) => return None,
        };
        let Self { address, namespace, ca, .. } = self.clone();
        Some(VaultStore { address, namespace, ca, opens })
    }
}

/// SPEC: of version 2 of the key-value engine, `data` holds the secret's own `data`, and
/// `metadata` beside it.
fn fields(answer: &Value) -> Option<&Value> {
    let data = answer.get("data")?;
    match (data.get("data"), data.get("metadata")) {
        (Some(inner), Some(_)) => Some(inner),
        _ => Some(data),
    }
}

/// The names of what is there: they are no secret.
fn named(data: Option<&Value>) -> String {
    let names = data.and_then(Value::as_object).map(|data| data.keys().cloned());
    let names: Vec<String> = names.into_iter().flatten().take(NAMES_MAX).collect();
    match names.is_empty() {
        true => String::new(),
        false => format!("; it has `{}`", names.join("`, `")),
    }
}

fn lease_of(answer: &Value) -> Option<(String, Duration)> {
    let id = answer.get("lease_id")?.as_str().filter(|id| !id.is_empty())?;
    Some((id.to_owned(), Duration::from_secs(answer.get("lease_duration")?.as_u64()?)))
}

/// A lease says itself when it is over.
const LEASED: Duration = Duration::from_secs(365 * 24 * 3600);
const NAMES_MAX: usize = 20;

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn fields_of_every_engine_are_found() {
        let check = |answer: Value, expect: Option<&str>| {
            let found =
                fields(&answer).and_then(|data| data.get("password")).and_then(Value::as_str);
            assert_eq!(found, expect, "{answer}");
        };
        check(json!({"data": {"password": "one"}}), Some("one"));
        check(
            json!({"data": {"data": {"password": "two"}, "metadata": {"version": 3}}}),
            Some("two"),
        );
        // Of version 1, a secret may have a field of any name.
        check(json!({"data": {"data": "x", "password": "three"}}), Some("three"));
        // Of version 2, one that was deleted has no data any more.
        check(json!({"data": {"data": null, "metadata": {"deletion_time": "…"}}}), None);
        check(json!({"errors": []}), None);
    }

    #[test]
    fn leases_are_those_that_end() {
        let check = |answer: Value, expect: Option<(&str, u64)>| {
            let found = lease_of(&answer);
            let found = found.as_ref().map(|(id, lasts)| (id.as_str(), lasts.as_secs()));
            assert_eq!(found, expect, "{answer}");
        };
        check(
            json!({"lease_id": "database/creds/r/1", "lease_duration": 60}),
            Some(("database/creds/r/1", 60)),
        );
        check(json!({"lease_id": "", "lease_duration": 2_764_800}), None);
        check(json!({"data": {}}), None);
    }
}
