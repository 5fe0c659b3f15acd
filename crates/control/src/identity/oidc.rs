//! One OpenID Connect provider: discovery, and its keys kept fresh.
//!
//! Keys are asked for by one task at a time. A token with an unknown `kid` forces a
//! refresh, at most one per 30 seconds whatever anybody sends; otherwise keys are
//! renewed in the background. Keys that could not be renewed for a day are not used.

use super::claims::{self, Mapping};
use super::fetch::Fetcher;
use super::keys::{KeySet, Verdict};
use super::token::Unverified;
use super::{AuthError, Identity, logout, parties};
use crate::config::{OidcIssuer, secure_url};
use crate::store::Logout;
use serde_json::Value;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, SystemTime};
use tokio::time::Instant;

/// A provider.
pub(crate) struct Provider {
    config: OidcIssuer,
    groups_max: usize,
    fetcher: Fetcher,
    keys: RwLock<Option<Loaded>>,
    /// Held while keys are being asked for.
    refresh: tokio::sync::Mutex<Attempts>,
}

#[derive(Clone)]
struct Loaded {
    set: Arc<KeySet>,
    at: Instant,
}

#[derive(Default)]
struct Attempts {
    last: Option<Instant>,
    last_forced: Option<Instant>,
    failure: Option<String>,
}

impl Provider {
    /// # Errors
    /// The authorities to trust cannot be read.
    pub(crate) fn new(config: OidcIssuer, groups_max: usize) -> Result<Self, String> {
        let fetcher = Fetcher::new(config.ca.as_deref())?;
        let (keys, refresh) = Default::default();
        Ok(Self { config, groups_max, fetcher, keys, refresh })
    }

    pub(crate) fn issuer(&self) -> &str {
        &self.config.issuer
    }

    /// Whether there are keys to verify with.
    pub(crate) fn is_ready(&self) -> bool {
        self.usable().is_some()
    }

    /// Verifies a token that names this provider.
    pub(crate) async fn verify(
        &self,
        token: &Unverified<'_>,
        at: SystemTime,
        audiences: &[String],
    ) -> Result<Identity, AuthError> {
        // What the claims say counts only once it is known who wrote them: a genuine token
        // that is expired is a mistake, one that nobody signed is an attempt.
        let judged = self.judge(token, at, audiences);
        match self.check_signature(token, judged.is_ok()).await {
            Ok(()) => judged,
            // The key of an old token may be gone.
            Err(AuthError::UnknownKey { .. }) if matches!(judged, Err(AuthError::Expired(_))) => {
                judged
            }
            Err(error) => Err(error),
        }
    }

    /// What this provider says has ended.
    pub(super) async fn logout(
        &self,
        token: &Unverified<'_>,
        at: SystemTime,
    ) -> Result<Logout, AuthError> {
        let config = &self.config;
        let clients = [&config.interactive_clients, &config.logout_clients];
        let names = std::iter::once(&config.audience).chain(clients.into_iter().flatten());
        let judged = logout::judge(token, self.issuer(), names, at);
        self.check_signature(token, judged.is_ok()).await?;
        judged
    }

    /// What the claims say.
    fn judge(
        &self,
        token: &Unverified<'_>,
        at: SystemTime,
        audiences: &[String],
    ) -> Result<Identity, AuthError> {
        let config = &self.config;
        let claims = &token.claims;
        let expires_at = claims::validity(claims, at)?;
        let issued_at = claims::lifetime(claims, expires_at, config.token_lifetime_max, at)?;
        let audiences = claims::audiences(claims, &config.audience, audiences)?;
        let mapping = Mapping {
            groups: &config.groups_claim,
            purpose: &config.purpose_claim,
            person: config.person_claim.as_deref(),
            interactive_clients: &config.interactive_clients,
            groups_max: self.groups_max,
        };
        let chain = claims::chain(claims, self.issuer(), &mapping)?;
        parties::check_is_access_token(claims, token.typ, &chain.principal.subject)?;
        Ok(Identity {
            for_gateway: audiences.contains(&config.audience),
            audiences,
            issued_at,
            token_id: claims::token_id(claims),
            login: logout::login(claims)?,
            ..Identity::new(chain, self.issuer(), expires_at)
        })
    }

    async fn check_signature(
        &self,
        token: &Unverified<'_>,
        is_of_use: bool,
    ) -> Result<(), AuthError> {
        if !self.config.algorithms.contains(&token.algorithm) {
            return Err(AuthError::Algorithm("the configuration does not list it"));
        }
        let keys = match self.usable() {
            Some(keys) => keys,
            None => self.load().await?,
        };
        match keys.verify(token)? {
            Verdict::Signed => return Ok(()),
            Verdict::NotSigned => return Err(self.not_signed()),
            // Nobody is asked for a key again for the sake of a token that is of no use.
            Verdict::NoKey if !is_of_use => return Err(self.unknown_key()),
            Verdict::NoKey => {}
        }
        match self.reload_for_unknown_key(&keys).await {
            Some(keys) => match keys.verify(token)? {
                Verdict::Signed => Ok(()),
                Verdict::NotSigned => Err(self.not_signed()),
                Verdict::NoKey => Err(self.unknown_key()),
            },
            None => Err(self.unknown_key()),
        }
    }

    fn not_signed(&self) -> AuthError {
        AuthError::Signature { issuer: self.issuer().to_owned() }
    }

    fn unknown_key(&self) -> AuthError {
        AuthError::UnknownKey { issuer: self.issuer().to_owned() }
    }

    fn loaded(&self) -> Option<Loaded> {
        self.keys.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn usable(&self) -> Option<Arc<KeySet>> {
        self.loaded().filter(|keys| keys.at.elapsed() < KEYS_AGE_MAX).map(|keys| keys.set)
    }

    /// Asks for keys because there are none.
    async fn load(&self) -> Result<Arc<KeySet>, AuthError> {
        let mut attempts = self.refresh.lock().await;
        // Another task may have had the lock, and the keys.
        if let Some(keys) = self.usable() {
            return Ok(keys);
        }
        let waited = attempts.last.is_none_or(|last| last.elapsed() >= RETRY_AFTER);
        if !waited {
            let why = attempts.failure.clone().unwrap_or_default();
            return Err(AuthError::Unavailable { issuer: self.issuer().to_owned(), why });
        }
        self.ask(&mut attempts).await
    }

    /// Asks again for the sake of a `kid` that `seen` does not have.
    async fn reload_for_unknown_key(&self, seen: &Arc<KeySet>) -> Option<Arc<KeySet>> {
        let mut attempts = self.refresh.lock().await;
        if let Some(newer) = self.usable().filter(|keys| !Arc::ptr_eq(keys, seen)) {
            return Some(newer);
        }
        if attempts.last_forced.is_some_and(|last| last.elapsed() < FORCED_REFRESH_INTERVAL) {
            return None;
        }
        attempts.last_forced = Some(Instant::now());
        self.ask(&mut attempts).await.ok()
    }

    /// Asks for keys because they are getting old. A failure is logged; the old keys
    /// stay until [`KEYS_AGE_MAX`].
    pub(crate) async fn renew(&self) {
        let mut attempts = self.refresh.lock().await;
        if let Err(error) = self.ask(&mut attempts).await {
            tracing::warn!(issuer = self.issuer(), %error, "keys were not renewed");
        }
    }

    async fn ask(&self, attempts: &mut Attempts) -> Result<Arc<KeySet>, AuthError> {
        attempts.last = Some(Instant::now());
        match self.fetch().await {
            Ok(set) => {
                let set = Arc::new(set);
                attempts.failure = None;
                let loaded = Loaded { set: Arc::clone(&set), at: Instant::now() };
                *self.keys.write().unwrap_or_else(PoisonError::into_inner) = Some(loaded);
                Ok(set)
            }
            Err(why) => {
                attempts.failure = Some(why.clone());
                Err(AuthError::Unavailable { issuer: self.issuer().to_owned(), why })
            }
        }
    }

    /// SPEC: OpenID Connect Discovery 1.0 section 4.
    async fn fetch(&self) -> Result<KeySet, String> {
        let base = self.issuer().trim_end_matches('/');
        let address = format!("{base}/.well-known/openid-configuration");
        let body = self.fetcher.get(&address).await?;
        let document: Value =
            serde_json::from_slice(&body).map_err(|_| "the discovery document is not JSON")?;
        // SPEC: section 4.3: the issuer must be exactly the one that was asked for.
        if document.get("issuer").and_then(Value::as_str) != Some(self.issuer()) {
            return Err("the discovery document names another issuer".into());
        }
        let Some(keys) = document.get("jwks_uri").and_then(Value::as_str) else {
            return Err("the discovery document has no `jwks_uri`".into());
        };
        let plain = self.issuer().starts_with("http://");
        secure_url(keys).map_err(|why| format!("the issuer's `jwks_uri` {why}"))?;
        if !plain && !keys.starts_with("https://") {
            return Err("the issuer's `jwks_uri` is not https".into());
        }
        KeySet::parse(&self.fetcher.get(keys).await?)
    }
}

/// How often keys are renewed in the background.
pub(crate) const RENEWAL_INTERVAL: Duration = Duration::from_secs(600);
const KEYS_AGE_MAX: Duration = Duration::from_secs(24 * 3600);
const FORCED_REFRESH_INTERVAL: Duration = Duration::from_secs(30);
/// After a failure, for everybody.
const RETRY_AFTER: Duration = Duration::from_secs(2);
