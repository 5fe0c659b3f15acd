//! The embedded issuer: an Ed25519 key and accounts, both in the control store.
//!
//! Its tokens are ordinary JWTs (`typ: at+jwt`, `alg: EdDSA`). On top of what any
//! issuer's token must satisfy, every hop of a chain must be an account that exists,
//! is not disabled, and is as old as the token; groups are those of the account now.
//! And it must be in the store, with its issue in the evidence: whoever copies the key
//! can sign, but nothing that is accepted.

use super::claims::{self, Mapping};
use super::keys::{KeySet, Verdict};
use super::login::{self, LOGIN_TTL_MAX, Use};
use super::random::random_text;
use super::token::Unverified;
use super::{ACTORS_MAX, AuthError, Identity};
use crate::administration::AdminLog;
use crate::store::{
    Account, Accounts, Administration, NewToken, Recorded, Store, StoreError, StoredIssuer,
    off_runtime,
};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use portreeve_model::{Administrator, Chain, Party, PartyKind, Secret, Strength, TokenOrigin};
use schemars::JsonSchema;
use serde::Serialize;
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
    /// An actor that the token may be handed on to without a credential of its own.
    pub may_act: Option<String>,
}

/// To whom a token is handed on.
#[derive(Clone, Debug)]
pub struct Handover {
    /// The actor.
    pub actor: String,
    /// The actor's own word that it takes part. Not needed where the token names it in
    /// `may_act`.
    pub assertion: Option<Secret<String>>,
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
    groups_max: usize,
    key_id: String,
    pair: Ed25519KeyPair,
    keys: KeySet,
    log: Option<AdminLog>,
}

impl std::fmt::Debug for LocalIssuer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LocalIssuer").field("name", &self.name).finish_non_exhaustive()
    }
}

/// Public keys, for who verifies (RFC 7517).
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct JwkSet {
    /// The keys.
    pub keys: Vec<Jwk>,
}

/// A public key for Ed25519 (RFC 8037).
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Jwk {
    kty: &'static str,
    crv: &'static str,
    #[serde(rename = "use")]
    used_for: &'static str,
    alg: &'static str,
    kid: String,
    x: String,
}

impl Jwk {
    fn ed25519(kid: String, x: String) -> Self {
        Self { kty: "OKP", crv: "Ed25519", used_for: "sig", alg: "EdDSA", kid, x }
    }
}

impl LocalIssuer {
    /// Opens the issuer of a store; makes name and key the first time. Its tokens are accepted
    /// with `groups_max` groups of one party.
    ///
    /// # Errors
    /// The store fails, or holds a broken key.
    pub fn open(store: Store, audience: &str, groups_max: u32) -> Result<Self, StoreError> {
        let stored = match store.keys.issuer()? {
            Some(stored) => stored,
            None => store.keys.issuer_or(fresh()?)?,
        };
        let broken = || StoreError::Broken("issuer key");
        let pair = Ed25519KeyPair::from_pkcs8(stored.pkcs8.reveal()).map_err(|_| broken())?;
        let jwks = serde_json::to_vec(&jwks(&stored.key_id, &pair)).map_err(|_| broken())?;
        let keys = KeySet::parse(&jwks).map_err(|_| broken())?;
        let (name, key_id, audience) = (stored.name, stored.key_id, audience.to_owned());
        let groups_max = usize::try_from(groups_max).unwrap_or(usize::MAX);
        Ok(Self { store, name, audience, groups_max, key_id, pair, keys, log: None })
    }

    /// Records the issue of tokens that are presented before anybody else has.
    pub(super) fn record_by(&mut self, log: AdminLog) {
        self.log = Some(log);
    }

    /// Its `iss`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its public keys, as a JWKS.
    #[must_use]
    pub fn jwks(&self) -> JwkSet {
        jwks(&self.key_id, &self.pair)
    }

    /// Makes a token. For the operator's own machine: asks for no credential, so it is
    /// marked as made from files.
    ///
    /// # Errors
    /// An account is missing, disabled or of the wrong kind, or a bound is broken.
    pub fn issue(
        &self,
        request: &TokenRequest,
        how: &Administration,
    ) -> Result<Issued, StoreError> {
        if request.ttl.is_zero() || request.ttl > TOKEN_TTL_MAX {
            return Err(StoreError::Refused("a token is valid for 1s to 24h".into()));
        }
        let principal = self.party(&request.principal, Place::Principal)?;
        let mut chain = Chain::new(principal, Vec::new());
        chain.purpose.clone_from(&request.purpose);
        for actor in &request.actors {
            self.extend(&mut chain, actor)?;
        }
        if let Some(actor) = &request.may_act {
            self.party(actor, Place::Actor)?;
        }
        let new = New { chain, origin: TokenOrigin::Files, expires_at: how.at + request.ttl };
        self.sign(new, request.may_act.as_deref(), how)
    }

    /// Makes a token for whoever holds the key of an account. Blocks.
    ///
    /// # Errors
    /// The assertion is not that of an enabled person or service.
    pub fn login(
        &self,
        assertion: &Secret<String>,
        ttl: Duration,
        at: SystemTime,
    ) -> Result<Issued, AuthError> {
        let name = self.holder(assertion, at)?;
        if ttl.is_zero() || ttl > LOGIN_TTL_MAX {
            return Err(AuthError::Lifetime { seconds_max: LOGIN_TTL_MAX.as_secs() });
        }
        let account = self.store.accounts.find(&name)?;
        let why = account
            .as_ref()
            .map_or(Some("does not exist"), |account| objection(account, Place::Principal));
        if let Some(why) = why {
            return Err(AuthError::Account { name, why });
        }
        let principal = self.party(&name, Place::Principal)?;
        let by = self.principal(&principal, None);
        let strength = Strength { acr: None, amr: vec![PROOF_OF_POSSESSION.into()] };
        let chain = Chain { strength, ..Chain::new(principal, Vec::new()) };
        let new = New { chain, origin: TokenOrigin::Login, expires_at: at + ttl };
        Ok(self.sign(new, None, &Administration { by, at })?)
    }

    /// Whose key signed an assertion. Blocks, and uses the assertion up.
    ///
    /// # Errors
    /// No account's.
    pub fn holder(&self, assertion: &Secret<String>, at: SystemTime) -> Result<String, AuthError> {
        let (accounts, tokens) = (self.store.accounts.as_ref(), self.store.tokens.as_ref());
        login::account_of(assertion, (&self.name, Use::Login), accounts, tokens, at)
    }

    /// Who agrees to begin another log, by their own key. Blocks.
    ///
    /// # Errors
    /// Nobody, or nobody who may log in.
    pub fn agreed(&self, agreement: &Secret<String>, at: SystemTime) -> Result<Party, AuthError> {
        let (accounts, tokens) = (self.store.accounts.as_ref(), self.store.tokens.as_ref());
        let name =
            login::account_of(agreement, (&self.name, Use::BreakGlass), accounts, tokens, at)?;
        Ok(self.party(&name, Place::Principal)?)
    }

    /// Extends the chain of a valid token of this issuer by one actor, which must want to:
    /// by its own credential, or because the token's principal named it. The new token ends
    /// when the old one does. Blocks.
    ///
    /// # Errors
    /// The token is another issuer's, the actor is no enabled account of its kind or did not
    /// consent, or the chain is full.
    pub fn exchange(
        &self,
        identity: &Identity,
        handover: &Handover,
        at: SystemTime,
    ) -> Result<Issued, StoreError> {
        if identity.issuer != self.name {
            let message = "only tokens of the local issuer can be exchanged here";
            return Err(StoreError::Refused(message.into()));
        }
        let actor = &handover.actor;
        let mut chain = identity.chain.clone();
        self.extend(&mut chain, actor)?;
        // SECURITY: nobody becomes a hop of a chain by being named by somebody else.
        let consented = match &handover.assertion {
            Some(assertion) => match self.holder(assertion, at) {
                Ok(holder) => holder == *actor,
                Err(AuthError::Store(error)) => return Err(error),
                Err(_) => false,
            },
            None => identity.may_act.as_ref() == Some(actor),
        };
        if !consented {
            return Err(StoreError::Refused(format!(
                "`{actor}` has to take part by itself; hint: send `actor_token`, an assertion \
                 signed with its own key, or a token whose `may_act` names it"
            )));
        }
        let by = self.principal(&identity.chain.principal, identity.token_id.clone());
        let new = New { chain, origin: TokenOrigin::Exchange, expires_at: identity.expires_at };
        self.sign(new, None, &Administration { by, at })
    }

    fn principal(&self, party: &Party, token: Option<String>) -> Administrator {
        let (issuer, subject) = (party.issuer.clone(), party.subject.clone());
        Administrator::Principal { issuer, subject, token }
    }

    /// Verifies a token that names this issuer.
    pub(crate) async fn verify(
        &self,
        token: &Unverified<'_>,
        at: SystemTime,
        audiences: &[String],
    ) -> Result<Identity, AuthError> {
        match self.keys.verify(token)? {
            Verdict::Signed => {}
            Verdict::NotSigned => return Err(AuthError::Signature { issuer: self.name.clone() }),
            Verdict::NoKey => return Err(AuthError::UnknownKey { issuer: self.name.clone() }),
        }
        let claims = &token.claims;
        let expires_at = claims::validity(claims, at)?;
        let issued_at = claims::lifetime(claims, expires_at, TOKEN_TTL_MAX, at)?;
        let audiences = claims::audiences(claims, &self.audience, audiences)?;
        let mapping = Mapping {
            groups: "groups",
            purpose: "purpose",
            person: None,
            interactive_clients: &[],
            groups_max: self.groups_max,
        };
        let chain = claims::chain(claims, &self.name, &mapping)?;
        let may_act = claims::may_act(claims)?;
        let token_id = claims::token_id(claims)
            .ok_or(AuthError::Claim { claim: "jti".into(), why: "is missing" })?;
        let (store, id) = (self.store.clone(), token_id.clone());
        let (chain, origin, recorded) = off_runtime(move || {
            let issued = store.tokens.find(&id)?.ok_or(AuthError::Unrecorded)?;
            let chain = refresh_hops(store.accounts.as_ref(), chain, issued_at)?;
            Ok::<_, AuthError>((chain, issued.origin, issued.recorded))
        })
        .await?;
        settle(recorded, self.log.as_ref()).await?;
        Ok(Identity {
            issued_at,
            token_id: Some(token_id),
            for_gateway: audiences.contains(&self.audience),
            audiences,
            may_act,
            origin: Some(origin),
            ..Identity::new(chain, &self.name, expires_at)
        })
    }

    fn party(&self, name: &str, place: Place) -> Result<Party, StoreError> {
        let account = self.store.accounts.find(name)?;
        let account = account.ok_or_else(|| StoreError::NoAccount(name.to_owned()))?;
        match objection(&account, place) {
            Some(why) => Err(StoreError::Refused(format!("the account `{name}` {why}"))),
            None => Ok(Party {
                groups: account.groups,
                person: account.person,
                ..Party::new(account.kind, &self.name, account.name)
            }),
        }
    }

    fn extend(&self, chain: &mut Chain, actor: &str) -> Result<(), StoreError> {
        if chain.actors.len() >= ACTORS_MAX {
            let message = format!("a delegation chain has at most {ACTORS_MAX} actors");
            return Err(StoreError::Refused(message));
        }
        if chain.hops().any(|hop| hop.subject == actor) {
            let message = format!("`{actor}` is in the delegation chain already");
            return Err(StoreError::Refused(message));
        }
        chain.actors.push(self.party(actor, Place::Actor)?);
        Ok(())
    }

    /// Registers a token, and only then makes it.
    fn sign(
        &self,
        new: New,
        may_act: Option<&str>,
        how: &Administration,
    ) -> Result<Issued, StoreError> {
        let New { chain, origin, expires_at } = new;
        let token_id = random_text(16)?;
        // The claim has whole seconds.
        let expires_at = UNIX_EPOCH + Duration::from_secs(seconds(expires_at));
        let registered =
            NewToken { id: token_id.clone(), origin, chain: chain.clone(), expires_at };
        self.store.tokens.register(&registered, how)?;
        let mut claims = self.claims(&chain, &token_id, how.at, expires_at);
        if let Some(actor) = may_act {
            claims.insert("may_act".into(), json!({ "sub": actor }));
        }
        let header = json!({"alg": "EdDSA", "typ": "at+jwt", "kid": self.key_id});
        let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", encode(&header), encode(&Value::Object(claims)));
        let signature = URL_SAFE_NO_PAD.encode(self.pair.sign(signed.as_bytes()).as_ref());
        let token = Secret::new(format!("{signed}.{signature}"));
        Ok(Issued { token, expires_at, token_id, chain })
    }

    fn claims(
        &self,
        chain: &Chain,
        token_id: &str,
        at: SystemTime,
        expires_at: SystemTime,
    ) -> Map<String, Value> {
        let principal = &chain.principal;
        let mut claims = Map::new();
        claims.insert("iss".into(), self.name.as_str().into());
        claims.insert("aud".into(), self.audience.as_str().into());
        claims.insert("sub".into(), principal.subject.as_str().into());
        claims.insert("iat".into(), seconds(at).into());
        claims.insert("nbf".into(), seconds(at).into());
        claims.insert("exp".into(), seconds(expires_at).into());
        claims.insert("jti".into(), token_id.into());
        claims.insert("groups".into(), principal.groups.clone().into());
        if principal.kind == PartyKind::Service {
            claims.insert("client_id".into(), principal.subject.as_str().into());
        }
        if let Some(purpose) = &chain.purpose {
            claims.insert("purpose".into(), purpose.as_str().into());
        }
        if !chain.strength.amr.is_empty() {
            claims.insert("amr".into(), chain.strength.amr.clone().into());
        }
        if let Some(act) = nested(&chain.actors) {
            claims.insert("act".into(), act);
        }
        claims
    }
}

/// What is not in the evidence yet is put there before anybody is let in by it.
pub(super) async fn settle(recorded: Recorded, log: Option<&AdminLog>) -> Result<(), AuthError> {
    match (recorded, log) {
        (Recorded::Yes, _) => Ok(()),
        (Recorded::No, None) => Err(AuthError::Unrecorded),
        (Recorded::No, Some(log)) => {
            log.settle().await.map_err(|error| AuthError::Unrecordable(error.to_string()))
        }
    }
}

/// What a token is made of.
struct New {
    chain: Chain,
    origin: TokenOrigin,
    expires_at: SystemTime,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Principal,
    Actor,
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

/// Replaces what the token says about each hop by what the store says now.
pub(super) fn refresh_hops(
    accounts: &dyn Accounts,
    mut chain: Chain,
    issued_at: SystemTime,
) -> Result<Chain, AuthError> {
    let principal = std::iter::once((&mut chain.principal, Place::Principal));
    let actors = chain.actors.iter_mut().map(|actor| (actor, Place::Actor));
    for (hop, place) in principal.chain(actors) {
        let refused = |why| AuthError::Account { name: hop.subject.clone(), why };
        let Some(account) = accounts.find(&hop.subject)? else {
            return Err(refused("does not exist"));
        };
        if let Some(why) = objection(&account, place) {
            return Err(refused(why));
        }
        if is_younger(&account, issued_at) {
            return Err(refused("is younger than the token"));
        }
        hop.kind = account.kind;
        hop.groups = account.groups;
        hop.person = account.person;
    }
    Ok(chain)
}

/// Whether an account was made after a token was issued.
// SECURITY: a name that was removed and given away again is another party.
// `iat` has whole seconds, so the second of the creation is let pass.
pub(super) fn is_younger(account: &Account, issued_at: SystemTime) -> bool {
    seconds(issued_at) < seconds(account.created)
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

fn jwks(key_id: &str, pair: &Ed25519KeyPair) -> JwkSet {
    let x = URL_SAFE_NO_PAD.encode(pair.public_key().as_ref());
    JwkSet { keys: vec![Jwk::ed25519(key_id.to_owned(), x)] }
}

fn seconds(at: SystemTime) -> u64 {
    at.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

/// The longest life of a local token.
pub const TOKEN_TTL_MAX: Duration = Duration::from_secs(24 * 3600);

/// RFC 8176: who logged in has shown to hold a key.
const PROOF_OF_POSSESSION: &str = "pop";
