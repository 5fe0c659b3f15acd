//! Tokens that must be accepted, and every way to forge or bend one that must not.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs, unreachable_pub, dead_code)]

mod support;

use aws_lc_rs::hmac;
use portreeve_control::config::SignatureAlgorithm;
use portreeve_control::identity::{AuthError, Handover, TokenRequest};
use portreeve_control::store::{AccountKind, Disabled};
use portreeve_control::{Identities, Store, config};
use portreeve_model::Secret;
use portreeve_protocol_postgres::MANIFEST;
use serde_json::{Value, json};
use std::path::Path;
use std::time::{Duration, SystemTime};
use support::{Folder, Issuer, Key, add, encode, folder, how, now, recorded, token};

struct Bench {
    _folder: Folder,
    issuer: Issuer,
    identities: Identities,
    key: Key,
}

async fn bench(name: &str, key: Key) -> Bench {
    let folder = folder(name);
    let issuer = Issuer::start().await;
    issuer.keys(&[key.jwk("k1")]);
    let store = Store::open(&folder.0).unwrap();
    let identities = Identities::new(&issuer.config(), store).unwrap();
    Bench { _folder: folder, issuer, identities, key }
}

impl Bench {
    fn header(&self) -> Value {
        json!({"alg": self.key.algorithm(), "kid": "k1", "typ": "at+jwt"})
    }

    /// `who -> actors`, or why not.
    async fn try_text(&self, token: String) -> Result<String, String> {
        self.identities
            .authenticate(&Secret::new(token), SystemTime::now())
            .await
            .map(|identity| identity.chain.to_string())
            .map_err(|error| error.to_string())
    }

    async fn try_claims(&self, spoil: impl FnOnce(&mut Value)) -> Result<String, String> {
        let mut claims = self.issuer.claims();
        spoil(&mut claims);
        self.try_text(token(&self.header(), &claims, &self.key)).await
    }

    async fn try_header(&self, header: Value) -> Result<String, String> {
        self.try_text(token(&header, &self.issuer.claims(), &self.key)).await
    }
}

#[track_caller]
fn refused(found: Result<String, String>, part: &str) {
    let error = found.expect_err("must be refused");
    assert!(error.contains(part), "`{error}` does not say `{part}`");
}

#[tokio::test]
async fn good_tokens_of_every_key_type() {
    for key in [Key::rsa(), Key::ec(), Key::ed()] {
        let bench = bench("good", key).await;
        assert_eq!(bench.try_claims(|_| {}).await, Ok("ada".into()));
        let audiences = json!(["other", "portreeve"]);
        assert_eq!(bench.try_claims(|claims| claims["aud"] = audiences).await, Ok("ada".into()));
        let act = json!({"sub": "worker", "act": {"sub": "planner"}});
        let chain = bench.try_claims(|claims| claims["act"] = act).await;
        assert_eq!(chain, Ok("ada → planner → worker".into()));
        for typ in ["JWT", "jwt", "at+jwt", "application/at+jwt"] {
            let mut header = bench.header();
            header["typ"] = json!(typ);
            assert_eq!(bench.try_header(header).await, Ok("ada".into()), "{typ}");
        }
        assert_eq!(bench.issuer.asked("/jwks"), 1, "keys are kept");
    }
}

#[tokio::test]
async fn claims_that_are_refused() {
    let bench = bench("claims", Key::ec()).await;
    let remove = |name: &'static str| {
        move |claims: &mut Value| {
            claims.as_object_mut().unwrap().remove(name);
        }
    };
    let set = |name: &'static str, value: Value| move |claims: &mut Value| claims[name] = value;
    let check = |found, part: &'static str| refused(found, part);
    check(bench.try_claims(remove("iss")).await, "`iss` is missing");
    check(bench.try_claims(remove("aud")).await, "does not name `portreeve`");
    check(bench.try_claims(remove("exp")).await, "`exp` is missing");
    check(bench.try_claims(remove("sub")).await, "`sub` is missing");
    check(
        bench.try_claims(set("iss", json!("https://evil.example"))).await,
        "none of the configured",
    );
    let slash = json!(format!("{}/", bench.issuer.url));
    check(bench.try_claims(set("iss", slash)).await, "none of the configured");
    check(bench.try_claims(set("iss", json!([bench.issuer.url]))).await, "`iss` is missing");
    check(bench.try_claims(set("aud", json!("other"))).await, "does not name");
    check(bench.try_claims(set("aud", json!(["other"]))).await, "does not name");
    check(bench.try_claims(set("aud", json!([]))).await, "does not name");
    check(bench.try_claims(set("aud", json!({"portreeve": 1}))).await, "does not name");
    check(bench.try_claims(set("exp", json!(now() - 60))).await, "expired");
    check(bench.try_claims(set("exp", json!("soon"))).await, "not a time");
    check(bench.try_claims(set("nbf", json!(now() + 300))).await, "`nbf` is in the future");
    check(bench.try_claims(set("iat", json!(now() + 300))).await, "`iat` is in the future");
    check(bench.try_claims(set("sub", json!("x".repeat(300)))).await, "`sub` is not a text");
    check(bench.try_claims(set("groups", json!("admins"))).await, "`groups` is not a list");
    check(bench.try_claims(set("act", json!({"name": "x"}))).await, "`act.sub` is missing");
    check(bench.try_claims(set("act", json!([]))).await, "not an object");
    let mut deep = json!({"sub": "a0"});
    for level in 1..9 {
        deep = json!({"sub": format!("a{level}"), "act": deep});
    }
    check(bench.try_claims(set("act", deep)).await, "deeper than 8");
    let again = json!({"sub": "a", "act": {"sub": "b", "act": {"sub": "a"}}});
    check(bench.try_claims(set("act", again)).await, "twice");
    check(bench.try_claims(set("pad", json!("x".repeat(16_384)))).await, "longer than 16 KiB");
}

#[tokio::test]
async fn signatures_that_are_refused() {
    let bench = bench("signatures", Key::rsa()).await;
    let claims = bench.issuer.claims();
    // Not signed, in every spelling.
    for none in ["none", "None", "NONE", "nOnE"] {
        let unsigned = format!(
            "{}.{}.",
            encode(json!({"alg": none, "kid": "k1"}).to_string()),
            encode(claims.to_string())
        );
        refused(bench.try_text(unsigned).await, "not signed");
    }
    // HS256 with the public key as the shared secret, in each form an attacker has it.
    let jwk = bench.key.jwk("k1");
    let n = jwk["n"].as_str().unwrap().as_bytes().to_vec();
    for secret in [bench.key.public_der(), jwk.to_string().into_bytes(), n] {
        let header = json!({"alg": "HS256", "kid": "k1", "typ": "JWT"});
        let signed = format!("{}.{}", encode(header.to_string()), encode(claims.to_string()));
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &secret), signed.as_bytes());
        refused(bench.try_text(format!("{signed}.{}", encode(tag))).await, "symmetric");
    }
    // Another key under the same `kid`.
    let forged = token(&bench.header(), &claims, &Key::rsa());
    refused(bench.try_text(forged).await, "does not verify");
    // A good signature over other claims.
    let good = token(&bench.header(), &claims, &bench.key);
    let (_, signature) = good.rsplit_once('.').unwrap();
    let mut other = claims.clone();
    other["sub"] = json!("root");
    let swapped =
        format!("{}.{}.{signature}", encode(bench.header().to_string()), encode(other.to_string()));
    refused(bench.try_text(swapped).await, "does not verify");
    // No signature, half of one, one that is not base64url.
    let (signed, _) = good.rsplit_once('.').unwrap();
    refused(bench.try_text(format!("{signed}.")).await, "does not verify");
    refused(bench.try_text(format!("{signed}.{}", &signature[..20])).await, "does not verify");
    refused(bench.try_text(format!("{signed}.{signature}=")).await, "not base64url");
    // `alg` of another family than the key's, though the issuer allows it.
    for alg in ["ES256", "EdDSA"] {
        let header = json!({"alg": alg, "kid": "k1"});
        refused(bench.try_header(header).await, "no key that fits");
    }
    // A PS256 label on a PKCS#1 signature.
    refused(bench.try_header(json!({"alg": "PS256", "kid": "k1"})).await, "does not verify");
    // Not in the allow-list of the configuration.
    refused(bench.try_header(json!({"alg": "RS512", "kid": "k1"})).await, "does not list it");
    refused(bench.try_header(json!({"alg": "RS999", "kid": "k1"})).await, "unknown");
    refused(bench.try_header(json!({"kid": "k1"})).await, "no `alg`");
}

#[tokio::test]
async fn headers_that_are_refused_or_ignored() {
    let bench = bench("headers", Key::ec()).await;
    let with = |name: &str, value: Value| {
        let mut header = bench.header();
        header[name] = value;
        header
    };
    refused(bench.try_header(with("crit", json!(["exp"]))).await, "`crit`");
    refused(bench.try_header(with("crit", json!([]))).await, "`crit`");
    refused(bench.try_header(with("typ", json!("JWE"))).await, "neither");
    refused(bench.try_header(with("typ", json!("dpop+jwt"))).await, "neither");
    refused(bench.try_header(with("typ", json!(5))).await, "neither");
    refused(bench.try_header(with("kid", json!(5))).await, "`kid`");
    refused(bench.try_header(with("kid", json!("k".repeat(300)))).await, "`kid`");
    refused(bench.try_header(with("kid", json!("../../etc/passwd"))).await, "no key that fits");
    // A token that brings its own key, or says where to find it, is judged by ours.
    let attacker = Issuer::start().await;
    let own = Key::ec();
    attacker.keys(&[own.jwk("k1")]);
    for (name, value) in [
        ("jku", json!(format!("{}/jwks", attacker.url))),
        ("x5u", json!(format!("{}/cert", attacker.url))),
        ("jwk", own.jwk("k1")),
        ("x5c", json!(["MIIB"])),
    ] {
        let header = with(name, value);
        let forged = token(&header, &bench.issuer.claims(), &own);
        refused(bench.try_text(forged).await, "does not verify");
        assert_eq!(bench.try_header(header).await, Ok("ada".into()), "ignored: {name}");
    }
    assert_eq!(attacker.asked("/jwks") + attacker.asked("/cert"), 0);
    // Without a `kid`, every key that fits is tried.
    assert_eq!(bench.try_header(json!({"alg": "ES256"})).await, Ok("ada".into()));
}

#[tokio::test]
async fn texts_that_are_no_tokens() {
    let bench = bench("texts", Key::ed()).await;
    let good = token(&bench.header(), &bench.issuer.claims(), &bench.key);
    for text in [
        String::new(),
        ".".into(),
        "..".into(),
        "...".into(),
        "hunter2".into(),
        format!("{good}.x"),
        format!("x.{good}"),
        format!(" {good}"),
        good.replace('.', "-"),
        format!("{}.{}.{}", encode("[]"), encode("{}"), encode("x")),
        format!("{}.{}.{}", encode("{"), encode("{}"), encode("x")),
        "a".repeat(20_000),
    ] {
        let error = bench.try_text(text.clone()).await.unwrap_err();
        assert!(text.len() < 3 || !error.contains(&text), "an error holds no token");
    }
}

/// Cut or flipped anywhere, a good token is no token.
#[tokio::test]
async fn every_changed_byte_is_noticed() {
    let bench = bench("bytes", Key::ed()).await;
    let good = token(&bench.header(), &bench.issuer.claims(), &bench.key);
    assert!(bench.try_text(good.clone()).await.is_ok());
    for at in 0..good.len() {
        assert!(bench.try_text(good[..at].to_owned()).await.is_err(), "cut at {at}");
        let mut bytes = good.clone().into_bytes();
        bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
        let changed = String::from_utf8(bytes).unwrap();
        assert!(bench.try_text(changed).await.is_err(), "changed at {at}");
    }
}

#[tokio::test]
async fn keys_rotate_and_unknown_ones_do_not_make_us_ask_again_and_again() {
    let bench = bench("rotation", Key::ec()).await;
    assert!(bench.try_claims(|_| {}).await.is_ok());
    let next = Key::ec();
    bench.issuer.keys(&[bench.key.jwk("k1"), next.jwk("k2")]);
    let header = json!({"alg": "ES256", "kid": "k2"});
    let rotated = token(&header, &bench.issuer.claims(), &next);
    assert_eq!(bench.try_text(rotated).await, Ok("ada".into()));
    assert_eq!(bench.issuer.asked("/jwks"), 2);
    for number in 0..50 {
        let header = json!({"alg": "ES256", "kid": format!("made-up-{number}")});
        refused(bench.try_header(header).await, "no key that fits");
    }
    assert_eq!(bench.issuer.asked("/jwks"), 2, "one forced refresh per 30 s");
}

#[tokio::test]
async fn many_at_once_ask_for_keys_once() {
    let bench = std::sync::Arc::new(bench("once", Key::ec()).await);
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..50 {
        let bench = std::sync::Arc::clone(&bench);
        tasks.spawn(async move { bench.try_claims(|_| {}).await });
    }
    assert!(tasks.join_all().await.iter().all(Result::is_ok));
    assert_eq!(bench.issuer.asked("/jwks"), 1);
    assert_eq!(bench.issuer.asked("/.well-known/openid-configuration"), 1);
}

#[tokio::test]
async fn issuers_that_are_not_trusted_with_their_own_documents() {
    let discovery = "/.well-known/openid-configuration";
    let check = async |spoil: &dyn Fn(&Issuer), part: &'static str| {
        let bench = bench("documents", Key::ec()).await;
        spoil(&bench.issuer);
        refused(bench.try_claims(|_| {}).await, part);
        assert_eq!(bench.identities.without_keys(), [bench.issuer.url.as_str()]);
    };
    check(&|issuer| issuer.publish("https://other.example", "x"), "names another issuer").await;
    let slash = |issuer: &Issuer| issuer.publish(&format!("{}/", issuer.url), "x");
    check(&slash, "names another issuer").await;
    check(&|issuer| issuer.publish(&issuer.url, "http://192.0.2.1/jwks"), "plain http").await;
    check(&|issuer| issuer.publish(&issuer.url, "file:///etc/passwd"), "`jwks_uri`").await;
    check(&|issuer| issuer.set(discovery, 200, "<html>".into()), "not JSON").await;
    check(&|issuer| issuer.set(discovery, 500, String::new()), "status 500").await;
    let redirect = |issuer: &Issuer| issuer.set(discovery, 302, format!("{}/x", issuer.url));
    check(&redirect, "status 302").await;
    check(&|issuer| issuer.set("/jwks", 200, "{}".into()), "no `keys`").await;
    check(&|issuer| issuer.keys(&[]), "no usable key").await;
    check(
        &|issuer| issuer.keys(&[json!({"kty": "oct", "k": "c2VjcmV0", "kid": "k1"})]),
        "no usable",
    )
    .await;
    let huge = |issuer: &Issuer| {
        let keys = json!({"keys": [Key::ec().jwk("k1")], "pad": "x".repeat(70_000)});
        issuer.set("/jwks", 200, keys.to_string());
    };
    check(&huge, "longer than 64 KiB").await;
}

#[tokio::test]
async fn keys_that_are_for_something_else_verify_nothing() {
    let bench = bench("purposes", Key::ec()).await;
    for (field, value) in
        [("use", json!("enc")), ("key_ops", json!(["encrypt"])), ("alg", json!("ES384"))]
    {
        let mut jwk = bench.key.jwk("k1");
        jwk[field] = value;
        bench.issuer.keys(&[jwk, Key::ed().jwk("other")]);
        let folder = folder("purposes-again");
        let store = Store::open(&folder.0).unwrap();
        let identities = Identities::new(&bench.issuer.config(), store).unwrap();
        let good = token(&bench.header(), &bench.issuer.claims(), &bench.key);
        let found = identities.authenticate(&Secret::new(good), SystemTime::now()).await;
        assert!(matches!(found, Err(AuthError::UnknownKey { .. })), "{field}: {found:?}");
    }
}

#[tokio::test]
async fn short_rsa_keys_verify_nothing() {
    // 1024 bits: made outside, since nothing here makes such a key any more.
    let n = "u1SU1LfVLPHCozMxH2Mo4lgOEePzNm0tRgeLezV6ffAt0gunVTLw7onLRnrq0_IzW7yWR7QkrmBL7jTKEn5u-qKhbwKfBstIs-bMY2Zkp18gnTxKLxoS2tFczGkPLPgizskuemMghRniWaoLcyehkd3qqGElvW_VDL5AaWTg0nLVkjRo9z-40RQzuVaE8AkAFmxZzow3x-VJYKdjykkJ0iT9wCS0DRTXu269V264Vf_3jvredZiKRkgwlL9xNAwxXFg0x_XFw005UWVRIkdgcKWTjpBP2dPwVZ4WWC-9aGVd-Gyn1o0CLelf4rEjGoXbAAEgAqeGUxrcIlbjXfbcmw";
    let short = &n[..171];
    let bench = bench("short", Key::rsa()).await;
    bench.issuer.keys(&[json!({"kty": "RSA", "kid": "k1", "n": short, "e": "AQAB"})]);
    assert!(bench.try_claims(|_| {}).await.is_err());
}

#[tokio::test]
async fn an_issuer_over_tls_is_asked_only_with_a_certificate_that_we_trust() {
    let folder = folder("tls");
    let (ca, other) = (folder.0.join("ca.pem"), folder.0.join("other.pem"));
    let issuer = Issuer::start_tls(&ca).await;
    let _other = Issuer::start_tls(&other).await;
    let key = Key::ec();
    issuer.keys(&[key.jwk("k1")]);
    let header = json!({"alg": "ES256", "kid": "k1"});
    let good = Secret::new(token(&header, &issuer.claims(), &key));
    let check = async |name: &str, more: String| {
        let store = Store::open(&folder.0.join(name)).unwrap();
        let identities = Identities::new(&issuer.config_with(&more), store).unwrap();
        identities.authenticate(&good, SystemTime::now()).await
    };
    let trusted = check("trusted", format!(", ca: {}", ca.display())).await;
    assert_eq!(trusted.unwrap().chain.to_string(), "ada");
    for (name, more) in [("other", format!(", ca: {}", other.display())), ("none", String::new())] {
        let error = check(name, more).await.unwrap_err();
        assert!(matches!(error, AuthError::Unavailable { .. }), "{error}");
        assert!(error.to_string().contains("certificate"), "{error}");
    }
    // An issuer over TLS cannot send us to keys in the clear, not even on loopback.
    let plain = Issuer::start().await;
    plain.keys(&[key.jwk("k1")]);
    issuer.publish(&issuer.url, &format!("{}/jwks", plain.url));
    let error = check("plain", format!(", ca: {}", ca.display())).await.unwrap_err();
    assert!(error.to_string().contains("not https"), "{error}");
    assert_eq!(plain.asked("/jwks"), 0);
}

fn local_config() -> portreeve_control::Config {
    let text = "issuers: [{local: {}}]\nresources: {shop: {postgres: {host: h, user: u}}}\n";
    config::parse(Path::new("test.yaml"), text, &[&MANIFEST]).unwrap()
}

fn request(principal: &str, actors: &[&str]) -> TokenRequest {
    TokenRequest {
        principal: principal.into(),
        actors: actors.iter().map(|actor| (*actor).into()).collect(),
        purpose: Some("support".into()),
        ttl: Duration::from_secs(900),
        may_act: None,
    }
}

fn handover(actor: &str) -> Handover {
    Handover { actor: actor.into(), assertion: None }
}

#[tokio::test]
async fn the_local_issuer_and_its_accounts() {
    let folder = folder("local");
    let store = Store::open(&folder.0).unwrap();
    let at = SystemTime::now();
    let support = ["support"];
    add(&store, "ada", AccountKind::Person, &support, at);
    add(&store, "ci", AccountKind::Service, &[], at);
    for actor in ["planner", "worker"] {
        add(&store, actor, AccountKind::Actor, &[], at);
    }
    let identities = recorded(&local_config(), &store);
    let local = identities.local().unwrap();

    let issued = local.issue(&request("ada", &["planner", "worker"]), &how(at)).unwrap();
    let identity = identities.authenticate(&issued.token, at).await.unwrap();
    assert_eq!(identity.chain.to_string(), "ada → planner → worker");
    assert_eq!(identity.chain, issued.chain);
    assert_eq!(identity.chain.purpose.as_deref(), Some("support"));
    assert_eq!(identity.chain.principal.groups, ["support"]);
    assert_eq!(identity.expires_at, issued.expires_at);
    assert_eq!(identity.token_id, Some(issued.token_id.clone()));

    let service = local.issue(&request("ci", &[]), &how(at)).unwrap();
    let service = identities.authenticate(&service.token, at).await.unwrap();
    assert_eq!(service.chain.principal.kind, AccountKind::Service);

    // What cannot be issued.
    for (principal, actors) in [
        ("nobody", &[][..]),
        ("planner", &[]),
        ("ada", &["ci"]),
        ("ada", &["planner", "planner"]),
        ("ada", &["nobody"]),
    ] {
        assert!(
            local.issue(&request(principal, actors), &how(at)).is_err(),
            "{principal} {actors:?}"
        );
    }
    let forever = TokenRequest { ttl: Duration::from_secs(86_401), ..request("ada", &[]) };
    assert!(local.issue(&forever, &how(at)).is_err());

    // Disabled, enabled again, removed: each hop counts.
    for name in ["ada", "planner", "worker"] {
        store.accounts.disable(name, Disabled::Yes, &how(at)).unwrap();
        let error = identities.authenticate(&issued.token, at).await.unwrap_err();
        assert_eq!(error.to_string(), format!("the account `{name}` is disabled"));
        store.accounts.disable(name, Disabled::No, &how(at)).unwrap();
        assert!(identities.authenticate(&issued.token, at).await.is_ok());
    }
    store.accounts.remove("worker", &how(at)).unwrap();
    let error = identities.authenticate(&issued.token, at).await.unwrap_err();
    assert!(error.to_string().contains("does not exist"));
    // A new account of the old name is another party.
    let later = at + Duration::from_secs(5);
    add(&store, "worker", AccountKind::Actor, &[], later);
    let error = identities.authenticate(&issued.token, later).await.unwrap_err();
    assert!(error.to_string().contains("younger"), "{error}");

    // Ends in time.
    let end = issued.expires_at + Duration::from_secs(31);
    let error = identities.authenticate(&issued.token, end).await.unwrap_err();
    assert!(matches!(error, AuthError::Expired(_)), "{error}");
}

#[tokio::test]
async fn groups_are_those_of_now() {
    let folder = folder("groups");
    let store = Store::open(&folder.0).unwrap();
    let at = SystemTime::now();
    add(&store, "ada", AccountKind::Person, &["privacy"], at);
    let identities = recorded(&local_config(), &store);
    let issued = identities.local().unwrap().issue(&request("ada", &[]), &how(at)).unwrap();
    store.accounts.remove("ada", &how(at)).unwrap();
    add(&store, "ada", AccountKind::Person, &[], at);
    let identity = identities.authenticate(&issued.token, at).await.unwrap();
    assert!(identity.chain.principal.groups.is_empty(), "the token still says `privacy`");
}

#[tokio::test]
async fn a_token_is_handed_on_and_never_gets_longer() {
    let folder = folder("exchange");
    let store = Store::open(&folder.0).unwrap();
    let at = SystemTime::now();
    add(&store, "ada", AccountKind::Person, &[], at);
    for number in 0..9 {
        add(&store, &format!("actor-{number}"), AccountKind::Actor, &[], at);
    }
    let identities = recorded(&local_config(), &store);
    let local = identities.local().unwrap();
    let first = local.issue(&request("ada", &[]), &how(at)).unwrap();
    let mut identity = identities.authenticate(&first.token, at).await.unwrap();
    for number in 0..8 {
        let later = at + Duration::from_secs(number * 10);
        let actor = format!("actor-{number}");
        identity.may_act = Some(actor.clone());
        let issued = local.exchange(&identity, &handover(&actor), later).unwrap();
        assert_eq!(issued.expires_at, first.expires_at);
        assert_ne!(issued.token_id, first.token_id);
        identity = identities.authenticate(&issued.token, later).await.unwrap();
        assert_eq!(identity.chain.actors.len(), usize::try_from(number).unwrap() + 1);
        assert_eq!(identity.chain.purpose.as_deref(), Some("support"));
    }
    assert!(local.exchange(&identity, &handover("actor-8"), at).is_err(), "no ninth actor");
    let one = identities.authenticate(&first.token, at).await.unwrap();
    assert!(local.exchange(&one, &handover("ada"), at).is_err(), "a person is no actor");
    assert!(local.exchange(&one, &handover("nobody"), at).is_err());
    store.accounts.disable("actor-0", Disabled::Yes, &how(at)).unwrap();
    assert!(local.exchange(&one, &handover("actor-0"), at).is_err());
    let mut foreign = one;
    foreign.issuer = "https://other".into();
    assert!(local.exchange(&foreign, &handover("actor-1"), at).is_err());
}

#[tokio::test]
async fn two_stores_do_not_trust_each_other() {
    let (one, two) = (folder("store-one"), folder("store-two"));
    let at = SystemTime::now();
    let open = |folder: &Folder| {
        let store = Store::open(&folder.0).unwrap();
        add(&store, "ada", AccountKind::Person, &[], at);
        recorded(&local_config(), &store)
    };
    let (one, two) = (open(&one), open(&two));
    let issued = one.local().unwrap().issue(&request("ada", &[]), &how(at)).unwrap();
    assert!(one.authenticate(&issued.token, at).await.is_ok());
    let error = two.authenticate(&issued.token, at).await.unwrap_err();
    assert!(matches!(error, AuthError::UnknownIssuer), "{error}");
}

#[test]
fn no_symmetric_algorithm_can_be_configured() {
    for name in ["HS256", "HS384", "HS512", "none", "dir", "A128KW"] {
        assert_eq!(SignatureAlgorithm::from_name(name), None);
    }
}

#[tokio::test]
async fn the_configuration_says_how_many_groups_a_token_may_name() {
    let folder = folder("groups-max");
    let issuer = Issuer::start().await;
    let key = Key::ec();
    issuer.keys(&[key.jwk("k1")]);
    let with_limits = |limits: &str| {
        let text = format!(
            "issuers: [{{oidc: {{issuer: \"{}\"}}}}]\nlimits: {{{limits}}}\n\
             resources: {{shop: {{postgres: {{host: h, user: u}}}}}}\n",
            issuer.url
        );
        let config = config::parse(Path::new("test.yaml"), &text, &[&MANIFEST]).unwrap();
        Identities::new(&config, Store::open(&folder.0).unwrap()).unwrap()
    };
    let header = json!({"alg": key.algorithm(), "kid": "k1", "typ": "at+jwt"});
    let check = async |limits: &str, groups: usize, expect: Option<&str>| {
        let mut claims = issuer.claims();
        claims["groups"] = (0..groups).map(|number| format!("group-{number:04}")).collect();
        let token = Secret::new(token(&header, &claims, &key));
        let found = with_limits(limits).authenticate(&token, SystemTime::now()).await;
        match (found, expect) {
            (Ok(identity), None) => assert_eq!(identity.chain.principal.groups.len(), groups),
            (Err(error), Some(part)) => {
                assert!(error.to_string().contains(part), "{error}");
                assert!(error.client_text().0.contains("too many groups"), "{error}");
                assert!(!error.is_guess(), "the token is genuine");
            }
            (found, expect) => panic!("{groups} under `{limits}`: {found:?}, not {expect:?}"),
        }
    };
    check("", 300, None).await;
    check("groups_max: 300", 300, None).await;
    check("groups_max: 300", 301, Some("names 301 groups; 300 are accepted")).await;
    check("groups_max: 1", 2, Some("raise `limits.groups_max`")).await;
}
