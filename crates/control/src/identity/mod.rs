//! Who a token names.
//!
//! A client presents an access token; [`Identities::authenticate`] says whose it is,
//! or why not. The issuer is found by the token's unverified `iss`, and then has to
//! have signed it. Nothing here decides what a party may do.

mod certificate;
mod claims;
mod error;
mod fetch;
mod gate;
mod keys;
mod local;
mod login;
mod logout;
mod oidc;
mod parties;
mod random;
mod token;
mod watch;

pub use crate::party::Identity;
pub use certificate::{CertificateAsk, CertificateGiven, ShownCertificate};
pub use error::AuthError;
pub use gate::{FailureGate, Gate, RefusedUnheard};
pub use local::{Handover, Issued, JwkSet, LocalIssuer, TOKEN_TTL_MAX, TokenRequest};
pub use login::{LOGIN_TTL_MAX, LoginKey};

use crate::administration::AdminLog;
use crate::config::{Config, Issuer};
use crate::store::{Administration, Credential, Revocation, Store, StoreError, off_runtime};
use portreeve_model::{Administrator, Secret};
use portreeve_session::{BoxFuture, IdentityEnd};
use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};
use std::time::{Duration, SystemTime};
use watch::Changes;

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
    /// What the configuration says of resources that identities depend on.
    resources: RwLock<Resources>,
    store: Store,
    changes: Changes,
    log: Option<AdminLog>,
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
        let mut identities = Self {
            local: None,
            providers: Vec::new(),
            resources: RwLock::new(Resources::of(config)),
            changes: Changes::new(store.clone()),
            store: store.clone(),
            log: None,
        };
        let groups_max = usize::try_from(config.limits.groups_max).unwrap_or(usize::MAX);
        for issuer in &config.issuers {
            match issuer {
                Issuer::Local(local) => {
                    let issuer = LocalIssuer::open(
                        store.clone(),
                        &local.audience,
                        config.limits.groups_max,
                    )?;
                    identities.local = Some(Arc::new(issuer));
                }
                Issuer::Oidc(oidc) => {
                    let name = oidc.issuer.clone();
                    let provider = oidc::Provider::new((**oidc).clone(), groups_max)
                        .map_err(|why| IdentityError::Issuer { issuer: name, why })?;
                    identities.providers.push(provider);
                }
            }
        }
        Ok(identities)
    }

    /// Accepts tokens of the local issuer whose issue is not in the evidence yet by putting
    /// it there first. Without this, they are refused.
    #[must_use]
    pub fn recorded_by(mut self, log: AdminLog) -> Self {
        if let Some(local) = self.local.as_mut().and_then(Arc::get_mut) {
            local.record_by(log.clone());
        }
        self.log = Some(log);
        self
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
            let identity = local.verify(&token, at, &self.audiences()).await?;
            return self.unrevoked(identity).await;
        }
        match self.providers.iter().find(|provider| provider.issuer() == issuer) {
            Some(provider) => {
                let identity = provider.verify(&token, at, &self.audiences()).await?;
                self.unrevoked(identity).await
            }
            None => Err(AuthError::UnknownIssuer),
        }
    }

    /// Ends a login at an issuer, which says so itself: sessions of it end within a second.
    ///
    /// # Errors
    /// Why its word is not accepted.
    pub async fn log_out(&self, token: &Secret<String>, at: SystemTime) -> Result<(), AuthError> {
        let token = token::read(token.reveal())?;
        let issuer = token.claims.get("iss").and_then(serde_json::Value::as_str);
        let provider = self.providers.iter().find(|provider| Some(provider.issuer()) == issuer);
        let provider = provider.ok_or(AuthError::UnknownIssuer)?;
        let logout = provider.logout(&token, at).await?;
        let by = Administrator::Issuer { issuer: logout.issuer.clone() };
        let revocations = self.store.revocations.clone();
        off_runtime(move || {
            let how = Administration { by, at };
            Ok(revocations.revoke(&Revocation::Logout(logout), &how)?)
        })
        .await
    }

    /// Follows the resources of another configuration.
    pub fn adopt(&self, config: &Config) {
        *self.resources.write().unwrap_or_else(PoisonError::into_inner) = Resources::of(config);
    }

    /// The audience that a resource demands for itself.
    #[must_use]
    pub fn audience_of(&self, resource: &str) -> Option<String> {
        self.resources().audiences.get(resource).cloned()
    }

    fn audiences(&self) -> Vec<String> {
        self.resources().audiences.values().cloned().collect()
    }

    fn resources(&self) -> RwLockReadGuard<'_, Resources> {
        self.resources.read().unwrap_or_else(PoisonError::into_inner)
    }

    async fn unrevoked(&self, identity: Identity) -> Result<Identity, AuthError> {
        let revocations = self.store.revocations.clone();
        off_runtime(move || {
            let credential = Credential {
                chain: &identity.chain,
                token_id: identity.token_id.as_deref(),
                login: identity.login.as_deref(),
                issued_at: identity.issued_at,
            };
            match revocations.is_revoked(credential)? {
                true => Err(AuthError::Revoked),
                false => Ok(identity),
            }
        })
        .await
    }

    /// Resolves when an identity ends, and says why.
    #[must_use]
    pub fn watch(&self, identity: &portreeve_session::Identity) -> BoxFuture<'static, IdentityEnd> {
        let local = self.local.as_ref().map(|local| local.name().to_owned());
        self.changes.watch(identity, local)
    }

    /// The issuers whose keys are missing.
    #[must_use]
    pub fn without_keys(&self) -> Vec<&str> {
        let missing = self.providers.iter().filter(|provider| !provider.is_ready());
        missing.map(oidc::Provider::issuer).collect()
    }

    /// Gets the keys of every issuer and renews them, and notices what becomes of accounts
    /// and revocations, for ever. The caller owns the task that runs this, and ends it.
    pub async fn keep_fresh(&self) {
        tokio::join!(self.keep_keys_fresh(), self.changes.keep_watching());
    }

    async fn keep_keys_fresh(&self) {
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

/// What the configuration says of resources that identities depend on.
struct Resources {
    /// Audiences that resources have for themselves, by the name of the resource.
    audiences: HashMap<String, String>,
    /// Resources whose clients log in by certificates: the protocol, and how long one may live.
    certified: HashMap<String, (&'static str, Duration)>,
}

impl Resources {
    fn of(config: &Config) -> Self {
        let own = |(name, resource): (&String, &crate::config::Resource)| {
            Some((name.clone(), resource.audience.clone()?))
        };
        let certified = |(name, resource): (&String, &crate::config::Resource)| {
            let limits = config.limits.protocols.get(resource.protocol)?;
            let longest = limits.duration(certificate::LIFETIME).ok()?;
            Some((name.clone(), (resource.protocol, longest)))
        };
        Self {
            audiences: config.resources.iter().filter_map(own).collect(),
            certified: config.resources.iter().filter_map(certified).collect(),
        }
    }
}

/// The longest token.
pub const TOKEN_BYTES_MAX: usize = 16 * 1024;
/// The deepest delegation.
pub const ACTORS_MAX: usize = 8;
const MISSING_KEYS_INTERVAL: std::time::Duration = std::time::Duration::from_secs(5);
