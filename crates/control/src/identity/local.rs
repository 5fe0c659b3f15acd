//! The embedded issuer: an Ed25519 key and accounts, both in the control store.
//!
//! Its tokens are ordinary JWTs (`typ: at+jwt`, `alg: EdDSA`). On top of what any
//! issuer's token must satisfy, every hop of a chain must be an account that exists,
//! is not disabled, and is as old as the token; groups are those of the account now.

use super::claims::{self, Mapping};
use super::keys::{KeySet, Verdict};
use super::token::Unverified;
use super::{ACTORS_MAX, AuthError, Identity};
use crate::store::{Account, Store, StoreError, StoredIssuer, find_account};
use aws_lc_rs::rand::{SecureRandom, SystemRandom};
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use portreeve_model::{Chain, Party, PartyKind, Secret};
use rusqlite::Connection;
use serde_json::{Map, Value, json};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// What a token is to say.
#[derive(Clone, Debug)]
pub struct TokenRequest {
    /// The principal: an account of kind person or service.
    pub principal: String,
    /// The actors, in order of delegation: planner first.
    pub actors: Vec<String>,
    /// Why.
    pub purpose: Option<String>,
    /// For how long, at most [`TOKEN_TTL_MAX`].
    pub ttl: Duration,
}

/// A new token.
#[derive(Clone, Debug)]
pub struct Issued {
    /// The token.
    pub token: Secret<String>,
    /// Until when it is valid.
    pub expires_at: SystemTime,
    /// Its `jti`.
    pub token_id: String,
    /// Whom it names.
    pub chain: Chain,
}

/// The issuer.
pub struct LocalIssuer {
    store: Store,
    name: String,
    audience: String,
    key_id: String,
    pair: Ed25519KeyPair,
    keys: KeySet,
}

impl std::fmt::Debug for LocalIssuer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LocalIssuer").field("name", &self.name).finish_non_exhaustive()
    }
}

impl LocalIssuer {
    /// Opens the issuer of a store; makes name and key the first time.
    ///
    /// # Errors
    /// The store fails, or holds a broken key.
    pub fn open(store: Store, audience: &str) -> Result<Self, StoreError> {
        let stored = store.issuer_or(fresh)?;
        let broken = || StoreError::Broken("issuer key");
        let pair = Ed25519KeyPair::from_pkcs8(stored.pkcs8.reveal()).map_err(|_| broken())?;
        let jwks = jwks(&stored.key_id, &pair);
        let keys = KeySet::parse(jwks.to_string().as_bytes()).map_err(|_| broken())?;
        let (name, key_id) = (stored.name, stored.key_id);
        Ok(Self { store, name, audience: audience.to_owned(), key_id, pair, keys })
    }

    /// Its `iss`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its public keys, as a JWKS.
    #[must_use]
    pub fn jwks(&self) -> Value {
        jwks(&self.key_id, &self.pair)
    }

    /// Makes a token. For the operator's own machine: asks for no credential.
    ///
    /// # Errors
    /// An account is missing, disabled or of the wrong kind, or a bound is broken.
    pub fn issue(&self, request: &TokenRequest, at: SystemTime) -> Result<Issued, StoreError> {
        if request.ttl.is_zero() || request.ttl > TOKEN_TTL_MAX {
            return Err(StoreError::Refused("a token is valid for 1s to 24h".into()));
        }
        let chain = self.store.with(|connection| {
            let mut chain = Chain {
                principal: self.party(connection, &request.principal, Place::Principal)?,
                actors: Vec::new(),
                purpose: request.purpose.clone(),
            };
            for actor in &request.actors {
                self.extend(connection, &mut chain, actor)?;
            }
            Ok(chain)
        })?;
        self.sign(chain, at, at + request.ttl)
    }

    /// Extends the chain of a valid token of this issuer by one actor. The new token
    /// ends when the old one does.
    ///
    /// # Errors
    /// The token is another issuer's, the actor is no enabled account of its kind, or
    /// the chain is full.
    pub async fn exchange(
        &self,
        identity: &Identity,
        actor: &str,
        at: SystemTime,
    ) -> Result<Issued, StoreError> {
        if identity.issuer != self.name {
            let message = "only tokens of the local issuer can be exchanged here";
            return Err(StoreError::Refused(message.into()));
        }
        let mut chain = identity.chain.clone();
        let (issuer, actor) = (self.name.clone(), actor.to_owned());
        let chain = self
            .store
            .call(move |connection| {
                extend(connection, &issuer, &mut chain, &actor)?;
                Ok(chain)
            })
            .await?;
        self.sign(chain, at, identity.expires_at)
    }

    /// Verifies a token that names this issuer.
    pub(crate) async fn verify(
        &self,
        token: &Unverified<'_>,
        at: SystemTime,
    ) -> Result<Identity, AuthError> {
        match self.keys.verify(token)? {
            Verdict::Signed => {}
            Verdict::NotSigned => return Err(AuthError::Signature { issuer: self.name.clone() }),
            Verdict::NoKey => return Err(AuthError::UnknownKey { issuer: self.name.clone() }),
        }
        let expires_at = claims::validity(&token.claims, at)?;
        claims::audience(&token.claims, &self.audience)?;
        let issued_at = claims::date(&token.claims, "iat")?
            .ok_or(AuthError::Claim { claim: "iat".into(), why: "is missing" })?;
        let mut chain = claims::chain(&token.claims, &self.name, &MAPPING)?;
        chain = self
            .store
            .call(move |connection| Ok(refresh_hops(connection, chain, issued_at)))
            .await??;
        let token_id = claims::token_id(&token.claims);
        Ok(Identity { chain, expires_at, token_id, issuer: self.name.clone() })
    }

    fn party(
        &self,
        connection: &Connection,
        name: &str,
        place: Place,
    ) -> Result<Party, StoreError> {
        party(connection, &self.name, name, place)
    }

    fn extend(
        &self,
        connection: &Connection,
        chain: &mut Chain,
        actor: &str,
    ) -> Result<(), StoreError> {
        extend(connection, &self.name, chain, actor)
    }

    fn sign(
        &self,
        chain: Chain,
        at: SystemTime,
        expires_at: SystemTime,
    ) -> Result<Issued, StoreError> {
        let token_id = random_text(16)?;
        let mut claims = Map::new();
        claims.insert("iss".into(), self.name.as_str().into());
        claims.insert("aud".into(), self.audience.as_str().into());
        claims.insert("sub".into(), chain.principal.subject.as_str().into());
        claims.insert("iat".into(), seconds(at).into());
        claims.insert("nbf".into(), seconds(at).into());
        claims.insert("exp".into(), seconds(expires_at).into());
        claims.insert("jti".into(), token_id.as_str().into());
        claims.insert("groups".into(), chain.principal.groups.clone().into());
        if chain.principal.kind == PartyKind::Service {
            claims.insert("client_id".into(), chain.principal.subject.as_str().into());
        }
        if let Some(purpose) = &chain.purpose {
            claims.insert("purpose".into(), purpose.as_str().into());
        }
        if let Some(act) = nested(&chain.actors) {
            claims.insert("act".into(), act);
        }
        let header = json!({"alg": "EdDSA", "typ": "at+jwt", "kid": self.key_id});
        let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", encode(&header), encode(&Value::Object(claims)));
        let signature = URL_SAFE_NO_PAD.encode(self.pair.sign(signed.as_bytes()).as_ref());
        let token = Secret::new(format!("{signed}.{signature}"));
        // The claim has whole seconds.
        let expires_at = UNIX_EPOCH + Duration::from_secs(seconds(expires_at));
        Ok(Issued { token, expires_at, token_id, chain })
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Principal,
    Actor,
}

fn party(
    connection: &Connection,
    issuer: &str,
    name: &str,
    place: Place,
) -> Result<Party, StoreError> {
    let account =
        find_account(connection, name)?.ok_or_else(|| StoreError::NoAccount(name.to_owned()))?;
    match objection(&account, place) {
        Some(why) => Err(StoreError::Refused(format!("the account `{name}` {why}"))),
        None => Ok(Party {
            kind: account.kind,
            issuer: issuer.to_owned(),
            subject: account.name,
            groups: account.groups,
        }),
    }
}

fn objection(account: &Account, place: Place) -> Option<&'static str> {
    match (place, account.kind) {
        _ if account.disabled => Some("is disabled"),
        (Place::Principal, PartyKind::Actor) => Some("is an actor, and acts only for a principal"),
        (Place::Actor, PartyKind::Person | PartyKind::Service) => Some("is not an actor"),
        (Place::Principal, PartyKind::Person | PartyKind::Service)
        | (Place::Actor, PartyKind::Actor) => None,
    }
}

fn extend(
    connection: &Connection,
    issuer: &str,
    chain: &mut Chain,
    actor: &str,
) -> Result<(), StoreError> {
    if chain.actors.len() >= ACTORS_MAX {
        let message = format!("a delegation chain has at most {ACTORS_MAX} actors");
        return Err(StoreError::Refused(message));
    }
    if chain.hops().any(|hop| hop.subject == actor) {
        let message = format!("`{actor}` is in the delegation chain already");
        return Err(StoreError::Refused(message));
    }
    chain.actors.push(party(connection, issuer, actor, Place::Actor)?);
    Ok(())
}

/// Replaces what the token says about each hop by what the store says now.
fn refresh_hops(
    connection: &Connection,
    mut chain: Chain,
    issued_at: SystemTime,
) -> Result<Chain, AuthError> {
    let principal = std::iter::once((&mut chain.principal, Place::Principal));
    let actors = chain.actors.iter_mut().map(|actor| (actor, Place::Actor));
    for (hop, place) in principal.chain(actors) {
        let refused = |why| AuthError::Account { name: hop.subject.clone(), why };
        let Some(account) = find_account(connection, &hop.subject)? else {
            return Err(refused("does not exist"));
        };
        if let Some(why) = objection(&account, place) {
            return Err(refused(why));
        }
        // SECURITY: a name that was removed and given away again is another party.
        // `iat` has whole seconds, so the second of the creation is let pass.
        if seconds(issued_at) < seconds(account.created) {
            return Err(refused("is younger than the token"));
        }
        hop.kind = account.kind;
        hop.groups = account.groups;
    }
    Ok(chain)
}

/// SPEC: RFC 8693 section 4.1: the current actor is outermost.
fn nested(actors: &[Party]) -> Option<Value> {
    actors.iter().fold(None, |inner, actor| {
        let mut act = Map::new();
        act.insert("sub".into(), actor.subject.as_str().into());
        act.insert("groups".into(), actor.groups.clone().into());
        if let Some(inner) = inner {
            act.insert("act".into(), inner);
        }
        Some(Value::Object(act))
    })
}

fn fresh() -> Result<StoredIssuer, StoreError> {
    let random = SystemRandom::new();
    let pkcs8 =
        Ed25519KeyPair::generate_pkcs8(&random).map_err(|_| StoreError::Broken("random source"))?;
    Ok(StoredIssuer {
        name: format!("urn:portreeve:local:{}", random_text(12)?),
        key_id: random_text(8)?,
        pkcs8: Secret::new(pkcs8.as_ref().to_vec()),
    })
}

fn random_text(bytes: usize) -> Result<String, StoreError> {
    let mut random = vec![0u8; bytes];
    SystemRandom::new().fill(&mut random).map_err(|_| StoreError::Broken("random source"))?;
    Ok(random.iter().map(|byte| format!("{byte:02x}")).collect())
}

fn jwks(key_id: &str, pair: &Ed25519KeyPair) -> Value {
    let x = URL_SAFE_NO_PAD.encode(pair.public_key().as_ref());
    json!({"keys": [{"kty": "OKP", "crv": "Ed25519", "use": "sig", "alg": "EdDSA",
        "kid": key_id, "x": x}]})
}

fn seconds(at: SystemTime) -> u64 {
    at.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

/// The longest life of a local token.
pub const TOKEN_TTL_MAX: Duration = Duration::from_secs(24 * 3600);

const MAPPING: Mapping<'static> = Mapping { groups: "groups", purpose: "purpose" };
