//! Everybody is as much as was proven of them, and for as long: persons, programs, actors,
//! audiences, lives of tokens, and how they end.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs, unreachable_pub, dead_code)]

mod support;

use portreeve_control::administration::AdminLog;
use portreeve_control::authenticator::{Refused, TokenAuthenticator};
use portreeve_control::identity::{AuthError, FailureGate, LoginKey, TokenRequest};
use portreeve_control::metrics::Metrics;
use portreeve_control::store::{AccountKind, Disabled, Revocation};
use portreeve_control::{Config, Identities, Store, config};
use portreeve_model::{Event, PartyKind, Secret, TokenOrigin};
use portreeve_protocol_postgres::MANIFEST;
use portreeve_session::{Authenticator, IdentityEnd, NotAdmitted};
use serde_json::{Value, json};
use std::net::IpAddr;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};
use support::{Folder, Issuer, Key, Notes, add, folder, how, now, recorded, token};

struct Bench {
    folder: Folder,
    issuer: Issuer,
    identities: Identities,
    key: Key,
}

async fn bench(name: &str, more: &str) -> Bench {
    let folder = folder(name);
    let issuer = Issuer::start().await;
    let key = Key::ed();
    issuer.keys(&[key.jwk("k1")]);
    let store = Store::open(&folder.0).unwrap();
    let identities = Identities::new(&issuer.config_with(more), store).unwrap();
    Bench { folder, issuer, identities, key }
}

impl Bench {
    fn sign(&self, typ: &str, change: Value) -> Secret<String> {
        let mut claims = self.issuer.claims();
        for (name, value) in change.as_object().unwrap() {
            match value {
                Value::Null => drop(claims.as_object_mut().unwrap().remove(name)),
                value => claims[name] = value.clone(),
            }
        }
        let header = json!({"alg": "EdDSA", "kid": "k1", "typ": typ});
        Secret::new(token(&header, &claims, &self.key))
    }

    /// `kind subject → actor …`, or why not.
    async fn shown(&self, typ: &str, change: Value) -> String {
        let token = self.sign(typ, change);
        match self.identities.authenticate(&token, SystemTime::now()).await {
            Ok(identity) => {
                let kind = format!("{:?}", identity.chain.principal.kind).to_lowercase();
                format!("{kind} {}", identity.chain)
            }
            Err(error) => error.to_string(),
        }
    }
}

#[tokio::test]
async fn a_token_in_a_programs_hands_names_the_program() {
    let bench = bench("program", ", interactive_clients: [psql]").await;
    let check = async |change: Value, expect: &str| {
        assert_eq!(bench.shown("at+jwt", change.clone()).await, expect, "{change}");
    };
    check(json!({}), "person ada").await;
    check(json!({"azp": "agent-client", "groups": ["reviewers"]}), "person ada → agent-client")
        .await;
    check(json!({"client_id": "agent-client"}), "person ada → agent-client").await;
    check(json!({"azp": "psql"}), "person ada").await;
    check(json!({"azp": "ada"}), "service ada").await;
    check(json!({"azp": "PSQL"}), "person ada → PSQL").await;
    check(
        json!({"sub": "repo:octo/app:ref:refs/heads/main"}),
        "service repo:octo/app:ref:refs/heads/main",
    )
    .await;
    check(json!({"sub": "system:serviceaccount:a:b"}), "service system:serviceaccount:a:b").await;
    let act = json!({"sub": "worker"});
    check(json!({"azp": "agent", "act": act}), "person ada → worker → agent").await;
}

#[tokio::test]
async fn only_access_tokens_that_end_soon() {
    let bench = bench("access", ", token_lifetime_max: 1h").await;
    let refused = async |typ: &str, change: Value, part: &str| {
        let found = bench.shown(typ, change.clone()).await;
        assert!(found.contains(part), "{change}: {found}");
    };
    let id = json!({"scope": null, "azp": "portreeve"});
    refused("JWT", id, "not an access token").await;
    refused("JWT", json!({"scope": null}), "not an access token").await;
    refused("JWT", json!({"nonce": "n"}), "not an access token").await;
    refused("JWT", json!({"at_hash": "x"}), "not an access token").await;
    refused("JWT", json!({"typ": "ID"}), "not an access token").await;
    refused("JWT", json!({"token_use": "id"}), "not an access token").await;
    assert_eq!(bench.shown("JWT", json!({})).await, "person ada");
    assert_eq!(bench.shown("at+jwt", json!({"scope": null})).await, "person ada");
    let ci = json!({"scope": null, "sub": "repo:o/r:ref:x"});
    assert_eq!(bench.shown("JWT", ci).await, "service repo:o/r:ref:x");
    // The year 9000, a day, a token that was made long ago and has little left, no `iat`.
    refused("at+jwt", json!({"exp": 221_845_392_000_u64}), "lives longer").await;
    refused("at+jwt", json!({"exp": now() + 86_400}), "lives longer").await;
    refused("at+jwt", json!({"iat": now() - 86_400}), "lives longer").await;
    refused("at+jwt", json!({"iat": null}), "`iat` is missing").await;
    refused("at+jwt", json!({"exp": 1e300}), "not a time").await;
    assert_eq!(bench.shown("at+jwt", json!({"exp": now() + 3600})).await, "person ada");
}

#[tokio::test]
async fn people_are_linked_by_the_configured_claim() {
    let bench = bench("person", ", person_claim: email").await;
    let person = async |change: Value| {
        let token = bench.sign("at+jwt", change);
        let identity = bench.identities.authenticate(&token, SystemTime::now()).await.unwrap();
        identity.chain.principal.person
    };
    let verified = json!({"email": "Ada@Example.org", "email_verified": true});
    assert_eq!(person(verified).await.as_deref(), Some("ada@example.org"));
    assert_eq!(person(json!({"email": "ada@example.org"})).await, None);
    let service = json!({"email": "a@b", "email_verified": true, "azp": "ada"});
    assert_eq!(person(service).await, None, "a service is nobody");
}

#[tokio::test]
async fn strength_is_the_issuers_word() {
    let bench = bench("strength", "").await;
    let token = bench.sign("at+jwt", json!({"acr": "gold", "amr": ["pwd", "otp"]}));
    let identity = bench.identities.authenticate(&token, SystemTime::now()).await.unwrap();
    let strength = identity.chain.strength;
    assert_eq!((strength.acr.as_deref(), strength.amr.len()), (Some("gold"), 2));
    assert!(bench.shown("at+jwt", json!({"amr": "otp"})).await.contains("`amr`"));
}

const SHOP: &str = "issuers: [{local: {}}]\nresources:\n  shop: {postgres: {host: h, user: u}}\n  \
                    vault: {postgres: {host: h, user: u}, audience: \"urn:vault\"}\n";

fn local(name: &str) -> (Folder, Config, Store) {
    let folder = folder(name);
    let config = config::parse(Path::new("test.yaml"), SHOP, &[&MANIFEST]).unwrap();
    let store = Store::open(&folder.0).unwrap();
    let at = SystemTime::now() - Duration::from_secs(2);
    add(&store, "ada", AccountKind::Person, &["support"], at);
    add(&store, "planner", AccountKind::Actor, &[], at);
    (folder, config, store)
}

fn request(actors: &[&str]) -> TokenRequest {
    TokenRequest {
        principal: "ada".into(),
        actors: actors.iter().map(|actor| (*actor).into()).collect(),
        purpose: None,
        ttl: Duration::from_secs(900),
        may_act: None,
    }
}

/// Whoever copies the issuer's key can sign, and is not believed.
#[tokio::test]
async fn a_local_token_that_nobody_issued_is_none() {
    let (_folder, config, store) = local("unissued");
    let identities = recorded(&config, &store);
    let at = SystemTime::now();
    let issued = identities.local().unwrap().issue(&request(&[]), &how(at)).unwrap();
    identities.authenticate(&issued.token, at).await.unwrap();
    // A store of the same key that has never heard of the token: what a copied key makes.
    let stored = store.keys.issuer().unwrap().unwrap();
    let other = folder("unissued-other");
    let copy = Store::open(&other.0).unwrap();
    add(&copy, "ada", AccountKind::Person, &["support"], at - Duration::from_secs(2));
    copy.keys.issuer_or(stored).unwrap();
    let thief = recorded(&config, &copy);
    let forged = thief.local().unwrap().issue(&request(&[]), &how(at)).unwrap();
    thief.authenticate(&forged.token, at).await.unwrap();
    let error = identities.authenticate(&forged.token, at).await.unwrap_err();
    assert!(matches!(error, AuthError::Unrecorded), "{error}");
}

#[tokio::test]
async fn a_token_is_in_the_evidence_before_it_is_accepted() {
    let (_folder, config, store) = local("recorded");
    let at = SystemTime::now();
    let notes = Notes::default();
    let log = AdminLog::new(store.journal.clone(), Arc::new(notes.clone()));
    let identities = Identities::new(&config, store.clone()).unwrap().recorded_by(log);
    let issued = identities.local().unwrap().issue(&request(&["planner"]), &how(at)).unwrap();
    // Without a log, as in a command beside the gateway, it is not.
    let beside = Identities::new(&config, store.clone()).unwrap();
    let error = beside.authenticate(&issued.token, at).await.unwrap_err();
    assert!(matches!(error, AuthError::Unrecorded), "{error}");
    let identity = identities.authenticate(&issued.token, at).await.unwrap();
    assert_eq!(identity.origin, Some(TokenOrigin::Files));
    assert!(!identity.is_its_own());
    let events = notes.0.lock().unwrap().clone();
    let found = events.iter().find_map(|event| match event {
        Event::TokenIssued { token, origin, chain, .. } => Some((token, origin, chain)),
        _ => None,
    });
    let (token, origin, chain) = found.unwrap();
    assert_eq!((token, origin), (&issued.token_id, &TokenOrigin::Files));
    assert_eq!(chain.to_string(), "ada → planner");
    assert!(beside.authenticate(&issued.token, at).await.is_ok(), "it is on record now");
}

#[tokio::test]
async fn a_login_is_the_partys_own() {
    let (_folder, config, store) = local("own");
    let identities = recorded(&config, &store);
    let local = identities.local().unwrap();
    let (key, _) = LoginKey::generate().unwrap();
    let at = SystemTime::now();
    store.accounts.enrol("ada", &key.public(), &how(at)).unwrap();
    let word = key.assertion("ada", local.name(), at).unwrap();
    let issued = local.login(&word, Duration::from_secs(60), at).unwrap();
    let identity = identities.authenticate(&issued.token, at).await.unwrap();
    assert!(identity.is_its_own());
    assert_eq!(identity.chain.strength.amr, ["pop"]);
    assert_eq!(identity.chain.principal.kind, PartyKind::Person);
    store.accounts.disable("ada", Disabled::Yes, &how(at)).unwrap();
    let word = key.assertion("ada", local.name(), at).unwrap();
    let error = local.login(&word, Duration::from_secs(60), at).unwrap_err();
    assert!(matches!(error, AuthError::Account { .. }), "{error}");
}

fn authenticator(
    identities: Identities,
    config: &Config,
) -> (Arc<TokenAuthenticator>, Arc<Mutex<Vec<Event>>>) {
    let records: Arc<Mutex<Vec<Event>>> = Arc::default();
    let sink = records.clone();
    let authenticator = TokenAuthenticator::new(
        Arc::new(identities),
        FailureGate::new(5, Duration::from_secs(60)),
        Arc::new(Metrics::new(config)),
        Box::new(move |event| sink.lock().unwrap().push(event)),
    );
    (Arc::new(authenticator), records)
}

const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

#[tokio::test]
async fn a_resource_may_demand_an_audience_of_its_own() {
    let folder = folder("audience");
    let issuer = Issuer::start().await;
    let key = Key::ed();
    issuer.keys(&[key.jwk("k1")]);
    let text = SHOP.replace("{local: {}}", &format!("{{oidc: {{issuer: \"{}\"}}}}", issuer.url));
    let config = config::parse(Path::new("test.yaml"), &text, &[&MANIFEST]).unwrap();
    let store = Store::open(&folder.0).unwrap();
    let (authenticator, _) = authenticator(Identities::new(&config, store).unwrap(), &config);
    let check = async |audience: Value, resource: &str, expect: bool| {
        let mut claims = issuer.claims();
        claims["aud"] = audience.clone();
        let header = json!({"alg": "EdDSA", "kid": "k1", "typ": "at+jwt"});
        let token = Secret::new(token(&header, &claims, &key));
        let found = match resource {
            "api" => authenticator.admit(&token, HERE).await.is_ok(),
            resource => {
                authenticator.authenticate("postgres", resource, &token, HERE).await.is_ok()
            }
        };
        assert_eq!(found, expect, "{audience} {resource}");
    };
    check(json!("portreeve"), "shop", true).await;
    check(json!("portreeve"), "vault", false).await;
    check(json!("portreeve"), "api", true).await;
    check(json!("urn:vault"), "vault", true).await;
    check(json!("urn:vault"), "shop", false).await;
    check(json!("urn:vault"), "api", false).await;
    check(json!(["portreeve", "urn:vault"]), "vault", true).await;
    check(json!(["portreeve", "urn:vault"]), "shop", true).await;
    check(json!(["urn:other"]), "vault", false).await;
    check(json!("urn:vault/x"), "vault", false).await;
}

/// Old tokens are a mistake, and guesses are nobody else's fault.
#[tokio::test]
async fn only_guesses_count_and_nobody_else_is_shut_out() {
    let (_folder, config, store) = local("gate");
    let identities = recorded(&config, &store);
    let at = SystemTime::now();
    let issue = |at| identities.local().unwrap().issue(&request(&[]), &how(at)).unwrap().token;
    let (old, good) = (issue(at - Duration::from_secs(1_800)), issue(at));
    let (authenticator, records) = authenticator(recorded(&config, &store), &config);
    let enter = async |token: &Secret<String>| {
        authenticator.authenticate("postgres", "shop", token, HERE).await.map(drop)
    };
    // A pool that presents its expired token a hundred times hears each time what to do.
    for _ in 0..100 {
        let Err(NotAdmitted::Invalid(text)) = enter(&old).await else { panic!("accepted") };
        assert!(text.contains("expired"), "{text}");
    }
    assert!(enter(&good).await.is_ok());
    let bad = Secret::new("x.y.z".to_owned());
    for attempt in 0..20 {
        let refused = enter(&bad).await.unwrap_err();
        assert_eq!(refused == NotAdmitted::TooMany, attempt >= 5, "{attempt}: {refused:?}");
    }
    assert!(enter(&good).await.is_ok(), "a valid token is always heard");
    assert!(authenticator.admit(&good, HERE).await.is_ok());
    let api = authenticator.admit(&bad, HERE).await.unwrap_err();
    assert!(matches!(api, Refused::Invalid { .. }), "the API counts for itself: {api:?}");
    authenticator.report();
    let records = records.lock().unwrap();
    assert_eq!(records.len(), 5 + 5 + 1 + 2, "few records");
    let counts = records.iter().map(|event| match event {
        Event::SessionRefused { count, .. } => *count,
        other => panic!("{other:?}"),
    });
    assert_eq!(counts.sum::<u64>(), 100 + 20 + 1, "and each refusal is counted");
}

/// What ends an identity ends it within a second, wherever in the chain it happens.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_ends_with_its_identity() {
    let (folder, config, store) = local("watch");
    let beside = Store::open(&folder.0).unwrap();
    let (authenticator, _) = authenticator(recorded(&config, &store), &config);
    let keeper = tokio::spawn({
        let authenticator = authenticator.clone();
        async move { authenticator.identities().keep_fresh().await }
    });
    let at = SystemTime::now();
    let name = authenticator.identities().local().unwrap().name().to_owned();
    let enter = async |ttl: u64| {
        let request = TokenRequest { ttl: Duration::from_secs(ttl), ..request(&["planner"]) };
        let issued = authenticator.identities().local().unwrap().issue(&request, &how(at)).unwrap();
        let identity =
            authenticator.authenticate("postgres", "shop", &issued.token, HERE).await.unwrap();
        (issued.token_id, authenticator.watch(&identity))
    };
    let soon = async |watch| tokio::time::timeout(Duration::from_secs(4), watch).await;
    let (_, watch) = enter(2).await;
    assert_eq!(soon(watch).await, Ok(IdentityEnd::Expired));

    let (id, one) = enter(900).await;
    let (_, other) = enter(900).await;
    let what = Revocation::Token { issuer: name.clone(), id };
    beside.revocations.revoke(&what, &how(SystemTime::now())).unwrap();
    assert_eq!(soon(one).await, Ok(IdentityEnd::Revoked));
    let mut other = other;
    let early = tokio::time::timeout(Duration::from_millis(900), &mut other).await;
    assert!(early.is_err(), "another token of the same names goes on");

    beside.accounts.disable("planner", Disabled::Yes, &how(at)).unwrap();
    assert_eq!(soon(other).await, Ok(IdentityEnd::Disabled { subject: "planner".into() }));
    beside.accounts.disable("planner", Disabled::No, &how(at)).unwrap();

    let (_, watch) = enter(900).await;
    beside.accounts.regroup("ada", &["other".into()], &how(at)).unwrap();
    assert_eq!(soon(watch).await, Ok(IdentityEnd::Regrouped { subject: "ada".into() }));

    let (_, watch) = enter(900).await;
    let what = Revocation::Subject { issuer: name, subject: "planner".into() };
    beside.revocations.revoke(&what, &how(SystemTime::now())).unwrap();
    assert_eq!(soon(watch).await, Ok(IdentityEnd::Revoked));

    let issued = authenticator
        .identities()
        .local()
        .unwrap()
        .issue(&request(&["planner"]), &how(at))
        .unwrap();
    let error = authenticator.identities().authenticate(&issued.token, SystemTime::now()).await;
    assert!(matches!(error, Err(AuthError::Revoked)), "an older token stays revoked: {error:?}");
    keeper.abort();
}

/// A change between the login and the watch is not missed.
#[tokio::test]
async fn a_watch_looks_at_once() {
    let (_folder, config, store) = local("watch-at-once");
    let (authenticator, _) = authenticator(recorded(&config, &store), &config);
    let at = SystemTime::now();
    let issued =
        authenticator.identities().local().unwrap().issue(&request(&[]), &how(at)).unwrap();
    let identity =
        authenticator.authenticate("postgres", "shop", &issued.token, HERE).await.unwrap();
    store.accounts.remove("ada", &how(at)).unwrap();
    let end = tokio::time::timeout(Duration::from_secs(2), authenticator.watch(&identity)).await;
    assert_eq!(end, Ok(IdentityEnd::Disabled { subject: "ada".into() }));
}
