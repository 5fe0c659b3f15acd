//! An issuer says that a login has ended (OpenID Connect Back-Channel Logout 1.0).
#![allow(clippy::unwrap_used, clippy::panic, missing_docs, unreachable_pub, dead_code)]

mod support;

use portreeve_control::identity::AuthError;
use portreeve_control::store::{Credential, Logout, Revocation};
use portreeve_control::{Identities, Store};
use portreeve_model::{Chain, Party, PartyKind, Secret};
use portreeve_session::{Identity, IdentityEnd};
use serde_json::{Value, json};
use std::time::{Duration, SystemTime};
use support::{Folder, Issuer, Key, folder, how, now, token};

const EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";

struct Bench {
    _folder: Folder,
    issuer: Issuer,
    identities: Identities,
    key: Key,
}

async fn bench(name: &str) -> Bench {
    let folder = folder(name);
    let issuer = Issuer::start().await;
    let key = Key::ed();
    issuer.keys(&[key.jwk("k1")]);
    let store = Store::open(&folder.0).unwrap();
    let config = issuer.config_with(", interactive_clients: [psql], logout_clients: [agents]");
    let identities = Identities::new(&config, store).unwrap();
    Bench { _folder: folder, issuer, identities, key }
}

fn changed(mut claims: Value, change: Value) -> Value {
    for (name, value) in change.as_object().unwrap() {
        match value {
            Value::Null => drop(claims.as_object_mut().unwrap().remove(name)),
            value => claims[name] = value.clone(),
        }
    }
    claims
}

impl Bench {
    fn signed(&self, typ: &str, claims: &Value) -> Secret<String> {
        let header = json!({"alg": "EdDSA", "kid": "k1", "typ": typ});
        Secret::new(token(&header, claims, &self.key))
    }

    fn access(&self, change: Value) -> Secret<String> {
        self.signed("at+jwt", &changed(self.issuer.claims(), change))
    }

    fn logout_claims(&self, change: Value) -> Value {
        let claims = json!({
            "iss": self.issuer.claims()["iss"], "aud": "portreeve", "iat": now(),
            "exp": now() + 120, "jti": "l1", "events": {EVENT: {}},
        });
        changed(claims, change)
    }

    async fn log_out(&self, change: Value) -> Result<(), AuthError> {
        let token = self.signed("logout+jwt", &self.logout_claims(change));
        self.identities.log_out(&token, SystemTime::now()).await
    }

    async fn is_in(&self, token: &Secret<String>) -> bool {
        match self.identities.authenticate(token, SystemTime::now()).await {
            Ok(_) => true,
            Err(AuthError::Revoked) => false,
            Err(error) => panic!("{error}"),
        }
    }
}

#[tokio::test]
async fn a_logout_ends_what_it_names() {
    let bench = bench("logout").await;
    let phone = bench.access(json!({"sid": "phone"}));
    let desk = bench.access(json!({"sid": "desk"}));
    let nowhere = bench.access(json!({}));
    let bob = bench.access(json!({"sub": "bob", "sid": "bobs"}));
    let later = bench.access(json!({"iat": now() + 20, "sid": "phone"}));
    let all = [&phone, &desk, &nowhere, &bob, &later];
    let state = async || {
        let mut state = Vec::new();
        for token in all {
            state.push(bench.is_in(token).await);
        }
        state
    };
    assert_eq!(state().await, [true; 5]);
    bench.log_out(json!({"sid": "elsewhere"})).await.unwrap();
    assert_eq!(state().await, [true; 5]);
    // A token that names no login may come from this one; a login that has ended stays so.
    bench.log_out(json!({"sub": "ada", "sid": "phone"})).await.unwrap();
    assert_eq!(state().await, [false, true, false, true, false]);
    bench.log_out(json!({"sub": "ada", "aud": ["x", "agents"]})).await.unwrap();
    assert_eq!(state().await, [false, false, false, true, false]);
    // Sent again, or late: what was issued behind it is of another login.
    bench.log_out(json!({"sub": "bob", "iat": now() - 600})).await.unwrap();
    assert_eq!(state().await, [false, false, false, true, false]);
    bench.log_out(json!({"sid": "bobs", "aud": "psql"})).await.unwrap();
    assert_eq!(state().await, [false; 5]);
    // Another actor's chain ends with it, too.
    let chain = bench.access(json!({"sub": "eve", "act": {"sub": "ada"}}));
    assert!(!bench.is_in(&chain).await);
}

#[tokio::test]
async fn only_an_issuers_own_word_counts() {
    let bench = bench("logout-word").await;
    let ada = bench.access(json!({}));
    let refused = async |change: Value, part: &str| {
        let error = bench.log_out(change.clone()).await.expect_err(part).to_string();
        assert!(error.contains(part), "{change}: {error}");
        assert!(bench.is_in(&ada).await, "{change}");
    };
    refused(json!({"sub": "ada", "aud": "another"}), "`aud`").await;
    refused(json!({"sub": "ada", "events": null}), "`events`").await;
    refused(json!({"sub": "ada", "events": [EVENT]}), "`events`").await;
    refused(json!({"sub": "ada", "events": {EVENT: 1}}), "`events`").await;
    refused(json!({"sub": "ada", "nonce": "n"}), "`nonce`").await;
    refused(json!({}), "neither `sub` nor `sid`").await;
    refused(json!({"sub": "ada", "sid": 7}), "`sid`").await;
    refused(json!({"sub": "ada", "iat": null}), "`iat`").await;
    refused(json!({"sub": "ada", "iat": now() + 900}), "`iat`").await;
    refused(json!({"sub": "ada", "exp": now() - 90}), "expired").await;
    refused(json!({"sub": "ada", "iss": "https://other.example"}), "`iss`").await;

    let claims = bench.logout_claims(json!({"sub": "ada"}));
    let forged = Key::ed();
    let header = json!({"alg": "EdDSA", "kid": "k1", "typ": "logout+jwt"});
    let forged = Secret::new(token(&header, &claims, &forged));
    let error = bench.identities.log_out(&forged, SystemTime::now()).await.unwrap_err();
    assert!(error.is_guess(), "{error}");
    let as_access = bench.signed("at+jwt", &claims);
    assert!(bench.identities.log_out(&as_access, SystemTime::now()).await.is_err());
    assert!(bench.is_in(&ada).await);

    // And the other way round: an access token ends nothing, a logout token opens nothing.
    assert!(bench.identities.log_out(&ada, SystemTime::now()).await.is_err());
    for typ in ["logout+jwt", "JWT"] {
        let claims = changed(claims.clone(), json!({"scope": "query"}));
        let word = bench.signed(typ, &claims);
        let error = bench.identities.authenticate(&word, SystemTime::now()).await.unwrap_err();
        assert!(matches!(error, AuthError::NotAccessToken(_)), "{error}");
    }
    // The type of older issuers.
    let old = bench.signed("JWT", &claims);
    bench.identities.log_out(&old, SystemTime::now()).await.unwrap();
    assert!(!bench.is_in(&ada).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_ends_with_its_login() {
    let bench = bench("logout-watch").await;
    let identity = bench
        .identities
        .authenticate(&bench.access(json!({"sid": "phone"})), SystemTime::now())
        .await
        .unwrap();
    let watched = Identity {
        chain: identity.chain,
        expires_at: identity.expires_at,
        issued_at: identity.issued_at,
        token_id: identity.token_id,
        login: identity.login,
    };
    let watch = bench.identities.watch(&watched);
    bench.log_out(json!({"sid": "phone"})).await.unwrap();
    let end = tokio::time::timeout(Duration::from_secs(4), watch).await;
    assert_eq!(end, Ok(IdentityEnd::Revoked));
}

/// Issuers send one for every login that ends.
#[tokio::test]
async fn what_has_no_tokens_any_more_is_forgotten() {
    let folder = folder("logout-kept");
    let store = Store::open(&folder.0).unwrap();
    let at = SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000);
    let day = Duration::from_secs(24 * 60 * 60);
    let revoke = |login: &str, at: SystemTime| {
        let (issuer, login) = ("https://id.example".to_owned(), Some(login.to_owned()));
        let logout = Logout { issuer, subject: None, login, at };
        store.revocations.revoke(&Revocation::Logout(logout), &how(at)).unwrap();
    };
    let is_kept = |login: &str| {
        let principal = Party::new(PartyKind::Person, "https://id.example", "ada");
        let chain = Chain::new(principal, Vec::new());
        let login = Some(login);
        let credential = Credential { chain: &chain, token_id: None, login, issued_at: at };
        store.revocations.is_revoked(credential).unwrap()
    };
    revoke("old", at);
    revoke("recent", at + 6 * day);
    assert!(is_kept("old") && is_kept("recent"));
    revoke("new", at + 8 * day);
    assert!(!is_kept("old") && is_kept("recent") && is_kept("new"));
}
