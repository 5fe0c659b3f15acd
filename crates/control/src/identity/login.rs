//! Logging in at the local issuer: an account's own Ed25519 key signs a short assertion
//! (RFC 7523), and the issuer gives a token for it.
//!
//! The private half never leaves the machine of whom it belongs to. That is what makes such
//! a token the word of its party: whoever owns the gateway's files can make tokens, but not
//! this signature.

use super::claims::{self, Claims};
use super::{AuthError, token};
use crate::config::SignatureAlgorithm;
use crate::store::{Accounts, StoreError, Tokens};
use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use portreeve_model::Secret;
use serde_json::{Value, json};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The private half of an account's key, on its owner's machine.
pub struct LoginKey(Ed25519KeyPair);

impl std::fmt::Debug for LoginKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("LoginKey").finish_non_exhaustive()
    }
}

impl LoginKey {
    /// Makes one; gives what to keep of it, too.
    ///
    /// # Errors
    /// There is no randomness.
    pub fn generate() -> Result<(Self, Secret<Vec<u8>>), StoreError> {
        let pair = Ed25519KeyPair::generate().map_err(|_| StoreError::Broken("random source"))?;
        let kept = pair.to_pkcs8().map_err(|_| StoreError::Broken("key"))?.as_ref().to_vec();
        Ok((Self(pair), Secret::new(kept)))
    }

    /// Reads one that was kept.
    ///
    /// # Errors
    /// It is none.
    pub fn read(kept: &Secret<Vec<u8>>) -> Result<Self, StoreError> {
        let pair = Ed25519KeyPair::from_pkcs8(kept.reveal());
        pair.map(Self).map_err(|_| StoreError::Refused("that is no Ed25519 key in PKCS#8".into()))
    }

    /// The public half, as an operator enrols it.
    #[must_use]
    pub fn public(&self) -> [u8; 32] {
        let mut public = [0; 32];
        public.copy_from_slice(self.0.public_key().as_ref());
        public
    }

    /// Says to an issuer that its holder is an account of it. Good once, for a minute.
    ///
    /// # Errors
    /// There is no randomness.
    pub fn assertion(
        &self,
        account: &str,
        issuer: &str,
        at: SystemTime,
    ) -> Result<Secret<String>, StoreError> {
        self.sign(account, issuer, Use::Login, at)
    }

    /// Says that its holder agrees to begin another log, while no gateway is there to log in
    /// at. Good for nothing else, and for an hour: two people have to meet.
    ///
    /// # Errors
    /// There is no randomness.
    pub fn agreement(
        &self,
        account: &str,
        issuer: &str,
        at: SystemTime,
    ) -> Result<Secret<String>, StoreError> {
        self.sign(account, issuer, Use::BreakGlass, at)
    }

    fn sign(
        &self,
        account: &str,
        issuer: &str,
        what_for: Use,
        at: SystemTime,
    ) -> Result<Secret<String>, StoreError> {
        let now = at.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let claims = json!({
            "iss": account, "sub": account, "aud": what_for.audience(issuer), "iat": now,
            "exp": now + what_for.life().as_secs(), "jti": super::random::random_text(16)?,
        });
        let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed =
            format!("{}.{}", encode(&json!({"alg": "EdDSA", "typ": "JWT"})), encode(&claims));
        let signature = URL_SAFE_NO_PAD.encode(self.0.sign(signed.as_bytes()).as_ref());
        Ok(Secret::new(format!("{signed}.{signature}")))
    }
}

/// What an assertion is good for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Use {
    /// A token.
    Login,
    /// Agreeing to begin another log.
    BreakGlass,
}

impl Use {
    fn audience(self, issuer: &str) -> String {
        match self {
            Self::Login => issuer.to_owned(),
            Self::BreakGlass => format!("{issuer}/break-glass"),
        }
    }

    fn life(self) -> Duration {
        match self {
            Self::Login => Duration::from_secs(60),
            Self::BreakGlass => Duration::from_secs(3600),
        }
    }
}

/// Whose assertion it is; blocks, and uses one for a login up.
///
/// # Errors
/// Nobody's: every reason is the same to whoever presents it.
pub(super) fn account_of(
    assertion: &Secret<String>,
    (issuer, what_for): (&str, Use),
    accounts: &dyn Accounts,
    tokens: &dyn Tokens,
    at: SystemTime,
) -> Result<String, AuthError> {
    let token = token::read(assertion.reveal())?;
    if token.algorithm != SignatureAlgorithm::EdDSA {
        return Err(AuthError::Algorithm("an account's key is an Ed25519 key"));
    }
    let name = own_name(&token.claims)?;
    let signature = URL_SAFE_NO_PAD
        .decode(token.signature)
        .map_err(|_| AuthError::Malformed("its signature is not base64url"))?;
    let signed_by = |key: &[u8; 32]| {
        UnparsedPublicKey::new(&ED25519, key).verify(token.signed.as_bytes(), &signature).is_ok()
    };
    if !accounts.keys_of(&name)?.iter().any(signed_by) {
        return Err(AuthError::Signature { issuer: issuer.to_owned() });
    }
    let expires = claims::validity(&token.claims, at)?;
    claims::lifetime(&token.claims, expires, what_for.life(), at)?;
    claims::audiences(&token.claims, &what_for.audience(issuer), &[])?;
    let id = claims::token_id(&token.claims)
        .ok_or(AuthError::Claim { claim: "jti".into(), why: "is missing" })?;
    match what_for {
        // SECURITY: who listens may not say it again.
        Use::Login => {
            let until = expires + REPLAY_MARGIN;
            match tokens.use_assertion(&format!("{name} {id}"), until, at)? {
                true => Ok(name),
                false => Err(AuthError::Revoked),
            }
        }
        // Two people agree to one thing, that may take an attempt more.
        Use::BreakGlass => Ok(name),
    }
}

fn own_name(claims: &Claims) -> Result<String, AuthError> {
    let name = claims.get("sub").and_then(Value::as_str);
    match name.filter(|name| claims.get("iss").and_then(Value::as_str) == Some(name)) {
        Some(name) => Ok(name.to_owned()),
        None => Err(AuthError::Claim { claim: "iss".into(), why: "is not its `sub`" }),
    }
}

/// The longest life of a token that somebody logged in for: a day of work.
pub const LOGIN_TTL_MAX: Duration = Duration::from_secs(8 * 3600);
/// Longer than clocks may differ.
const REPLAY_MARGIN: Duration = Duration::from_secs(120);
