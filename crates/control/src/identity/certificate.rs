//! Certificates that clients log in with in the place of their token.
//!
//! A certificate says nothing but a name: what the token had proven is kept in the store under
//! it. So nothing is read out of what a client shows, and whatever ends the token ends the
//! certificate: it is asked about the chain, the accounts, the issuer and the revocations as
//! the token would be. It never lives longer than its token, and a session that it opens ends
//! when the token does.
//!
//! How a certificate is written and checked is the protocol's business.

use super::local::{refresh_hops, settle};
use super::random::random_text;
use super::{AuthError, Identities, Identity};
use crate::store::{Administration, CertificateBounds, NewCertificate, StoreError, off_runtime};
use portreeve_model::Administrator;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// What a client asks for.
#[derive(Clone, Debug)]
pub struct CertificateAsk {
    /// The fingerprint of its key.
    pub key: String,
    /// Where it is to be let in.
    pub resources: Vec<String>,
    /// For how long at most.
    pub lifetime: Option<Duration>,
}

/// What stands in a certificate that is given.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CertificateGiven {
    /// Its key id.
    pub id: String,
    /// Its serial number.
    pub serial: u64,
    /// Its principals.
    pub resources: Vec<String>,
    /// When it was given.
    pub given_at: SystemTime,
    /// Until when it is good.
    pub expires_at: SystemTime,
}

/// A certificate of this installation that a client shows, with its key proven.
#[derive(Clone, Copy, Debug)]
pub struct ShownCertificate<'a> {
    /// Its key id.
    pub id: &'a str,
    /// Its serial number.
    pub serial: u64,
    /// The fingerprint of the key that it certifies.
    pub key: &'a str,
    /// Where the client wants to go.
    pub resource: &'a str,
}

impl Identities {
    /// Keeps what a token has proven under a name that a certificate will have.
    ///
    /// # Errors
    /// A resource is not reached so, or not by this token; the principal has too many.
    pub async fn certify(
        &self,
        identity: &Identity,
        ask: CertificateAsk,
        at: SystemTime,
    ) -> Result<CertificateGiven, StoreError> {
        let CertificateAsk { key, resources, lifetime } = ask;
        let (protocol, longest) = self.may_be_certified(identity, &resources)?;
        let lifetime = lifetime.unwrap_or(longest);
        if lifetime < SECOND || lifetime > longest {
            return Err(StoreError::Refused(format!(
                "a certificate is good for 1 s to {} s; hint: the operator sets the limit \
                 (`limits.{protocol}.certificate_lifetime`)",
                longest.as_secs()
            )));
        }
        // A certificate has whole seconds.
        let until = identity.expires_at.min(at + lifetime);
        let until = until.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let expires_at = UNIX_EPOCH + Duration::from_secs(until);
        if expires_at <= at {
            let message = "the access token is about to end; hint: get a new one";
            return Err(StoreError::Refused(message.to_owned()));
        }
        let principal = &identity.chain.principal;
        let by = Administrator::Principal {
            issuer: principal.issuer.clone(),
            subject: principal.subject.clone(),
            token: identity.token_id.clone(),
        };
        let id = random_text(16)?;
        let (issued, identity) = (resources.clone(), identity.clone());
        let new = NewCertificate { id: id.clone(), key, resources: issued, identity, expires_at };
        let certificates = self.store.certificates.clone();
        let how = Administration { by, at };
        let serial = off_runtime(move || certificates.register(&new, BOUNDS, &how)).await?;
        Ok(CertificateGiven { id, serial, resources, given_at: at, expires_at })
    }

    /// How long a certificate for some resources may live, and which protocol says so.
    fn may_be_certified(
        &self,
        identity: &Identity,
        resources: &[String],
    ) -> Result<(&'static str, Duration), StoreError> {
        if resources.len() > RESOURCES_MAX {
            return Err(too_few_or_many());
        }
        let mut shortest: Option<(&'static str, Duration)> = None;
        for resource in resources {
            let Some(&(protocol, longest)) = self.resources().certified.get(resource) else {
                return Err(StoreError::Refused(format!(
                    "there is no resource `{resource}` that is opened by a certificate; hint: ask \
                     the operator for its name"
                )));
            };
            // SECURITY: a certificate is not a way round the audience of a resource.
            if !identity.is_meant_for(self.audience_of(resource).as_deref()) {
                return Err(StoreError::Refused(format!(
                    "the access token is not meant for `{resource}`; hint: ask your issuer for one \
                     whose audience names it, too"
                )));
            }
            if shortest.is_none_or(|(_, known)| longest < known) {
                shortest = Some((protocol, longest));
            }
        }
        shortest.ok_or_else(too_few_or_many)
    }

    /// Whether a key may be one that a certificate was given for.
    ///
    /// # Errors
    /// The store fails.
    pub async fn has_certified(&self, key: &str) -> Result<bool, StoreError> {
        let (certificates, key) = (self.store.certificates.clone(), key.to_owned());
        off_runtime(move || certificates.has_key(&key)).await
    }

    /// Says whom a certificate stands for, whose signature was checked.
    ///
    /// # Errors
    /// Why it is not accepted.
    pub async fn redeem(
        &self,
        shown: ShownCertificate<'_>,
        at: SystemTime,
    ) -> Result<Identity, AuthError> {
        let (certificates, id) = (self.store.certificates.clone(), shown.id.to_owned());
        let found = off_runtime(move || certificates.find(&id)).await?;
        let found =
            found.ok_or(AuthError::ForgedCertificate("nobody was given one of its name"))?;
        if found.key != shown.key || found.serial != shown.serial {
            return Err(AuthError::ForgedCertificate("another one was given under its name"));
        }
        if !found.resources.iter().any(|resource| resource == shown.resource) {
            return Err(AuthError::Certificate("was given for another resource"));
        }
        if found.expires_at <= at || found.identity.expires_at <= at {
            return Err(AuthError::Certificate("has ended"));
        }
        let mut identity = found.identity;
        let is_local = self.local.as_ref().is_some_and(|it| it.name() == identity.issuer);
        if !is_local && !self.providers.iter().any(|it| it.issuer() == identity.issuer) {
            return Err(AuthError::IssuerGone { issuer: identity.issuer });
        }
        settle(found.recorded, self.log.as_ref()).await?;
        if is_local {
            let (accounts, issued_at) = (self.store.accounts.clone(), identity.issued_at);
            let chain = identity.chain;
            identity.chain =
                off_runtime(move || refresh_hops(accounts.as_ref(), chain, issued_at)).await?;
        }
        self.unrevoked(identity).await
    }
}

fn too_few_or_many() -> StoreError {
    StoreError::Refused(format!("a certificate opens 1 to {RESOURCES_MAX} resources"))
}

/// The limit of a protocol whose clients log in by certificates.
pub(super) const LIFETIME: &str = "certificate_lifetime";
/// Of one principal.
const BOUNDS: CertificateBounds = CertificateBounds { good_max: 64, day_max: 10_000 };
/// Resources that one certificate opens.
const RESOURCES_MAX: usize = 16;
const SECOND: Duration = Duration::from_secs(1);
