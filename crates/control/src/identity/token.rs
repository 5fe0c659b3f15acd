//! A compact JWS taken apart, nothing verified yet. Pure.
//!
//! Headers that say where a key is (`jku`, `x5u`, `jwk`, `x5c`) are not even read:
//! keys come from the configured issuer only.

use super::AuthError;
use super::parties::TokenType;
use crate::config::SignatureAlgorithm;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

/// What a token says, unverified.
pub(crate) struct Unverified<'a> {
    pub(crate) algorithm: SignatureAlgorithm,
    pub(crate) key_id: Option<String>,
    pub(crate) typ: TokenType,
    pub(crate) claims: Map<String, Value>,
    /// `header.payload`, what the signature is over.
    pub(crate) signed: &'a str,
    /// The signature, still in base64url.
    pub(crate) signature: &'a str,
}

/// Takes a token apart.
pub(crate) fn read(text: &str) -> Result<Unverified<'_>, AuthError> {
    if text.len() > super::TOKEN_BYTES_MAX {
        return Err(AuthError::TooLong);
    }
    let (signed, signature) =
        text.rsplit_once('.').ok_or(AuthError::Malformed("it has no dots"))?;
    let (header, payload) =
        signed.split_once('.').ok_or(AuthError::Malformed("it has one dot, not two"))?;
    if payload.contains('.') {
        return Err(AuthError::Malformed("it has more than two dots"));
    }
    let header = object(header, "its header is not a JSON object in base64url")?;
    if header.contains_key("crit") {
        return Err(AuthError::Critical);
    }
    let typ = token_type(header.get("typ"))?;
    let algorithm = algorithm(header.get("alg"))?;
    let key_id = match header.get("kid") {
        None => None,
        Some(Value::String(kid)) if kid.len() <= KEY_ID_BYTES_MAX => Some(kid.clone()),
        Some(_) => return Err(AuthError::Malformed("its `kid` is not a short text")),
    };
    let claims = object(payload, "its claims are not a JSON object in base64url")?;
    Ok(Unverified { algorithm, key_id, typ, claims, signed, signature })
}

fn object(text: &str, why: &'static str) -> Result<Map<String, Value>, AuthError> {
    let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| AuthError::Malformed(why))?;
    serde_json::from_slice(&bytes).map_err(|_| AuthError::Malformed(why))
}

// SECURITY: only asymmetric algorithms have a variant. `none` and `HS256` cannot be
// expressed further in, so no key can be mistaken for a shared secret.
fn algorithm(alg: Option<&Value>) -> Result<SignatureAlgorithm, AuthError> {
    let Some(Value::String(name)) = alg else {
        return Err(AuthError::Malformed("its header has no `alg`"));
    };
    SignatureAlgorithm::from_name(name).ok_or_else(|| {
        AuthError::Algorithm(match name.as_str() {
            none if none.eq_ignore_ascii_case("none") => "it is not signed",
            name if name.starts_with("HS") => "it is symmetric",
            _ => "it is unknown",
        })
    })
}

fn token_type(typ: Option<&Value>) -> Result<TokenType, AuthError> {
    let Some(typ) = typ else { return Ok(TokenType::Jwt) };
    // SPEC: RFC 9068 section 4: `application/` may be left out; RFC 2045: no case.
    let word = typ.as_str().unwrap_or_default().to_ascii_lowercase();
    match word.strip_prefix("application/").unwrap_or(&word) {
        "jwt" => Ok(TokenType::Jwt),
        "at+jwt" => Ok(TokenType::Access),
        "logout+jwt" => Ok(TokenType::Logout),
        _ => Err(AuthError::Type),
    }
}

const KEY_ID_BYTES_MAX: usize = 256;
