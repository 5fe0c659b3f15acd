//! Who a token names.
//!
//! A client presents an access token; [`Identities::authenticate`] says whose it is,
//! or why not. The issuer is found by the token's unverified `iss`, and then has to
//! have signed it. Nothing here decides what a party may do.

mod claims;
mod error;
mod fetch;
mod gate;
mod keys;
mod local;
mod oidc;
mod token;

pub use error::AuthError;
pub use gate::{FailureGate, Gate, RefusedUnheard};
pub use local::{Issued, LocalIssuer, TOKEN_TTL_MAX, TokenRequest};

use crate::config::{Config, Issuer};
use crate::store::{Store, StoreError};
use portreeve_model::{Chain, Secret};
use std::sync::Arc;
use std::time::SystemTime;

/// A party that proved who it is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Identity {
    /// The principal, its actors, the purpose.
    pub chain: Chain,
    /// When the token ends; the session must not outlive it.
    pub expires_at: SystemTime,
    /// The token's `jti`.
    pub token_id: Option<String>,
    /// The token's `iss`.
    pub issuer: String,
}

/// Why identities cannot be checked at all.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// The local issuer.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// An issuer's connection settings.
    #[error("the issuer `{issuer}` cannot be used: {why}")]
    Issuer {
        /// Which.
        issuer: String,
        /// Why.
        why: String,
    },
}

/// Every issuer that is trusted.
pub struct Identities {
    local: Option<Arc<LocalIssuer>>,
    providers: Vec<oidc::Provider>,
}

impl std::fmt::Debug for Identities {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Identities").field("local", &self.local).finish_non_exhaustive()
    }
}

impl Identities {
    /// Prepares the issuers of a configuration; asks none of them anything yet.
    ///
    /// # Errors
    /// The local issuer's key or an issuer's authorities cannot be read.
    pub fn new(config: &Config, store: Store) -> Result<Self, IdentityError> {
        let mut identities = Self { local: None, providers: Vec::new() };
        for issuer in &config.issuers {
            match issuer {
                Issuer::Local(local) => {
                    let issuer = LocalIssuer::open(store.clone(), &local.audience)?;
                    identities.local = Some(Arc::new(issuer));
                }
                Issuer::Oidc(oidc) => {
                    let name = oidc.issuer.clone();
                    let provider = oidc::Provider::new(oidc.clone())
                        .map_err(|why| IdentityError::Issuer { issuer: name, why })?;
                    identities.providers.push(provider);
                }
            }
        }
        Ok(identities)
    }

    /// The embedded issuer, where it is configured.
    #[must_use]
    pub fn local(&self) -> Option<&Arc<LocalIssuer>> {
        self.local.as_ref()
    }

    /// Says whose a token is.
    ///
    /// # Errors
    /// Why it is not accepted; see [`AuthError::client_text`] for what a client hears.
    pub async fn authenticate(
        &self,
        token: &Secret<String>,
        at: SystemTime,
    ) -> Result<Identity, AuthError> {
        let token = token::read(token.reveal())?;
        let issuer = token.claims.get("iss").and_then(serde_json::Value::as_str);
        let issuer = issuer.ok_or(AuthError::Claim { claim: "iss".into(), why: "is missing" })?;
        if let Some(local) = self.local.as_ref().filter(|local| local.name() == issuer) {
            return local.verify(&token, at).await;
        }
        match self.providers.iter().find(|provider| provider.issuer() == issuer) {
            Some(provider) => provider.verify(&token, at).await,
            None => Err(AuthError::UnknownIssuer),
        }
    }

    /// Whether the keys of every issuer are there.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.providers.iter().all(oidc::Provider::is_ready)
    }

    /// Gets the keys of every issuer, and renews them for ever. The caller owns the
    /// task that runs this, and ends it.
    pub async fn keep_fresh(&self) {
        loop {
            let mut missing = false;
            for provider in &self.providers {
                provider.renew().await;
                missing |= !provider.is_ready();
            }
            let pause = if missing { MISSING_KEYS_INTERVAL } else { oidc::RENEWAL_INTERVAL };
            tokio::time::sleep(pause).await;
        }
    }
}

/// The longest token.
pub const TOKEN_BYTES_MAX: usize = 16 * 1024;
/// The deepest delegation.
pub const ACTORS_MAX: usize = 8;
const MISSING_KEYS_INTERVAL: std::time::Duration = std::time::Duration::from_secs(5);
