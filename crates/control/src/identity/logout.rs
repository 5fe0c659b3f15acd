//! An issuer's word that a login has ended.
//!
//! SPEC: OpenID Connect Back-Channel Logout 1.0, sections 2.4 to 2.6. Which tokens were there
//! before is told by `iat`: a logout token that is sent once more ends nothing new.

use super::AuthError;
use super::claims::{self, Claims};
use super::parties::TokenType;
use super::token::Unverified;
use crate::store::Logout;
use serde_json::Value;
use std::time::SystemTime;

/// The login that a token comes from, where it says so.
pub(super) fn login(claims: &Claims) -> Result<Option<String>, AuthError> {
    claims::short_text(claims, "sid")
}

/// What a logout token says has ended. `clients` are names that `aud` may have for us.
pub(super) fn judge<'c>(
    token: &Unverified<'_>,
    issuer: &str,
    mut clients: impl Iterator<Item = &'c String>,
    at: SystemTime,
) -> Result<Logout, AuthError> {
    let claims = &token.claims;
    match token.typ {
        TokenType::Logout | TokenType::Jwt => {}
        TokenType::Access => return Err(AuthError::NotLogoutToken("its `typ` says so")),
    }
    claims::validity(claims, at)?;
    let ended = claims::date(claims, "iat")?
        .ok_or(AuthError::Claim { claim: "iat".into(), why: "is missing" })?;
    if !clients.any(|client| claims::names_audience(claims, client)) {
        return Err(AuthError::NotLogoutToken("its `aud` is no client that is listed"));
    }
    let event = claims.get("events").and_then(|events| events.get(LOGOUT_EVENT));
    if !event.is_some_and(Value::is_object) {
        return Err(AuthError::NotLogoutToken("its `events` has no back-channel logout"));
    }
    if claims.contains_key("nonce") {
        return Err(AuthError::NotLogoutToken("it has a `nonce`"));
    }
    let (subject, login) = (claims::short_text(claims, "sub")?, login(claims)?);
    if subject.is_none() && login.is_none() {
        return Err(AuthError::NotLogoutToken("it has neither `sub` nor `sid`"));
    }
    Ok(Logout { issuer: issuer.to_owned(), subject, login, at: ended })
}

const LOGOUT_EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";
