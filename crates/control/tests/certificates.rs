//! A certificate opens what its token would, as long as its token would, and never more.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs, unreachable_pub, dead_code)]

mod support;

use portreeve_control::administration::AdminLog;
use portreeve_control::identity::{
    AuthError, CertificateAsk, CertificateGiven, Identity, ShownCertificate, TokenRequest,
};
use portreeve_control::store::{
    AccountKind, CertificateBounds, Disabled, NewCertificate, Revocation,
};
use portreeve_control::{Config, Identities, Store, config};
use portreeve_model::{Chain, Party, PartyKind};
use portreeve_protocol_ssh::MANIFEST;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use support::{Folder, Notes, add, folder, how};

const MINUTE: Duration = Duration::from_secs(60);
const BOUNDS: CertificateBounds = CertificateBounds { good_max: 9, day_max: 9 };
const KEY: &str = "SHA256:hers";
const MACHINE: &str =
    "ssh: {host: h, user: u, host_key: 'SHA256:AAAA', password: {env: NOT_ASKED}}";

fn configured(issuers: &str) -> Config {
    let text = format!(
        "issuers: {issuers}\nlimits: {{ssh: {{certificate_lifetime: 10m}}}}\n\
         resources: {{web: {{{MACHINE}}}, db: {{{MACHINE}}}, apart: {{audience: own, {MACHINE}}}, \
         site: {{http: {{host: h}}}}}}\n"
    );
    let manifests = [&MANIFEST, &portreeve_protocol_http::MANIFEST];
    config::parse(Path::new("test.yaml"), &text, &manifests).unwrap()
}

struct Bench {
    _folder: Folder,
    store: Store,
    identities: Identities,
    /// Whole seconds: certificates have no others.
    now: SystemTime,
}

fn bench(name: &str) -> Bench {
    let folder = folder(name);
    let store = Store::open(&folder.0).unwrap();
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let now = UNIX_EPOCH + Duration::from_secs(seconds);
    add(&store, "ada", AccountKind::Person, &["support"], now);
    add(&store, "planner", AccountKind::Actor, &["agents"], now);
    let identities = support::recorded(&configured("[{local: {}}]"), &store);
    Bench { _folder: folder, store, identities, now }
}

impl Bench {
    /// Ada's, through her planner, for so long.
    async fn identity(&self, ttl: Duration) -> Identity {
        let request = TokenRequest {
            principal: "ada".into(),
            actors: vec!["planner".into()],
            purpose: Some("repair".into()),
            ttl,
            may_act: None,
        };
        let issued = self.identities.local().unwrap().issue(&request, &how(self.now)).unwrap();
        self.identities.authenticate(&issued.token, self.now).await.unwrap()
    }

    async fn given(&self, identity: &Identity, resources: &[&str]) -> CertificateGiven {
        self.asked(identity, resources, None).await.unwrap()
    }

    async fn asked(
        &self,
        identity: &Identity,
        resources: &[&str],
        lifetime: Option<Duration>,
    ) -> Result<CertificateGiven, String> {
        let resources = resources.iter().map(|&resource| resource.to_owned()).collect();
        let ask = CertificateAsk { key: KEY.into(), resources, lifetime };
        let given = self.identities.certify(identity, ask, self.now).await;
        given.map_err(|error| error.to_string())
    }

    async fn redeemed(
        &self,
        given: &CertificateGiven,
        change: impl FnOnce(&mut ShownCertificate<'_>),
        at: SystemTime,
    ) -> Result<Identity, String> {
        let mut shown =
            ShownCertificate { id: &given.id, serial: given.serial, key: KEY, resource: "web" };
        change(&mut shown);
        self.identities.redeem(shown, at).await.map_err(|error| error.to_string())
    }
}

#[tokio::test]
async fn a_certificate_stands_for_all_that_the_token_proved() {
    let bench = bench("certificate-whole");
    let identity = bench.identity(30 * MINUTE).await;
    let given = bench.given(&identity, &["web", "db"]).await;
    assert_eq!(given.expires_at, bench.now + 10 * MINUTE, "the limit of the configuration");
    let redeemed = bench.redeemed(&given, |_| {}, bench.now).await.unwrap();
    assert_eq!(redeemed.chain, identity.chain);
    assert_eq!(redeemed.expires_at, identity.expires_at, "a session is its token's");
    assert_eq!(
        (redeemed.issued_at, redeemed.token_id, redeemed.for_gateway),
        (identity.issued_at, identity.token_id, true)
    );
    assert!(bench.identities.has_certified(KEY).await.unwrap());
    assert!(!bench.identities.has_certified("SHA256:other").await.unwrap());
}

#[tokio::test]
async fn what_is_not_as_it_was_given_is_refused() {
    let bench = bench("certificate-refused");
    let given = bench.given(&bench.identity(30 * MINUTE).await, &["web", "db"]).await;
    let other = bench.given(&bench.identity(30 * MINUTE).await, &["web"]).await;
    type Change<'a> = &'a dyn Fn(&mut ShownCertificate<'_>);
    let check = async |change: Change<'_>, at: SystemTime, expect: &str| {
        let refused = bench.redeemed(&given, |shown| change(shown), at).await.unwrap_err();
        assert_eq!(refused, expect);
    };
    let now = bench.now;
    let unknown = "the certificate is forged: nobody was given one of its name";
    let differs = "the certificate is forged: another one was given under its name";
    let elsewhere = "the certificate was given for another resource";
    let ended = "the certificate has ended";
    check(&|shown| shown.id = "ada", now, unknown).await;
    check(&|shown| shown.id = "", now, unknown).await;
    check(&|shown| shown.key = "SHA256:his", now, differs).await;
    check(&|shown| shown.serial = other.serial, now, differs).await;
    check(&|shown| shown.resource = "apart", now, elsewhere).await;
    check(&|shown| shown.resource = "nowhere", now, elsewhere).await;
    check(&|_| {}, now + 10 * MINUTE, ended).await;
    check(&|_| {}, now + 60 * MINUTE, ended).await;
    assert!(bench.redeemed(&given, |_| {}, now + 10 * MINUTE - MINUTE / 60).await.is_ok());
    // One name is another one's by no part of it.
    let crossed = bench.redeemed(&other, |shown| shown.resource = "db", now).await.unwrap_err();
    assert_eq!(crossed, elsewhere);
}

#[tokio::test]
async fn what_ends_the_token_ends_the_certificate() {
    let bench = bench("certificate-ends");
    let local = bench.identities.local().unwrap().name().to_owned();
    let identity = bench.identity(30 * MINUTE).await;
    let given = bench.given(&identity, &["web"]).await;
    let how = how(bench.now);
    let check = async |expect: Option<&str>| {
        let redeemed = bench.redeemed(&given, |_| {}, bench.now).await;
        assert_eq!(redeemed.err().as_deref(), expect);
    };
    for name in ["ada", "planner"] {
        bench.store.accounts.disable(name, Disabled::Yes, &how).unwrap();
        check(Some(&format!("the account `{name}` is disabled"))).await;
        bench.store.accounts.disable(name, Disabled::No, &how).unwrap();
        check(None).await;
    }
    bench.store.accounts.regroup("ada", &["other".into()], &how).unwrap();
    let redeemed = bench.redeemed(&given, |_| {}, bench.now).await.unwrap();
    assert_eq!(redeemed.chain.principal.groups, ["other"], "groups are those of now");

    let token = identity.token_id.clone().unwrap();
    let what = Revocation::Token { issuer: local.clone(), id: token };
    bench.store.revocations.revoke(&what, &how).unwrap();
    check(Some("the token was revoked")).await;

    for name in ["ada", "planner"] {
        let other = Bench { ..self::bench("certificate-subject") };
        let given = other.given(&other.identity(30 * MINUTE).await, &["web"]).await;
        let issuer = other.identities.local().unwrap().name().to_owned();
        let what = Revocation::Subject { issuer, subject: name.into() };
        let later = support::how(other.now + MINUTE);
        other.store.revocations.revoke(&what, &later).unwrap();
        let refused = other.redeemed(&given, |_| {}, other.now).await.unwrap_err();
        assert_eq!(refused, "the token was revoked", "{name}");
    }
    // A name that was removed and given away again is another party.
    let other = self::bench("certificate-again");
    let given = other.given(&other.identity(30 * MINUTE).await, &["web"]).await;
    other.store.accounts.remove("ada", &how).unwrap();
    let refused = other.redeemed(&given, |_| {}, other.now).await.unwrap_err();
    assert_eq!(refused, "the account `ada` does not exist");
    add(&other.store, "ada", AccountKind::Person, &["support"], other.now + MINUTE);
    let refused = other.redeemed(&given, |_| {}, other.now).await.unwrap_err();
    assert_eq!(refused, "the account `ada` is younger than the token");
}

#[tokio::test]
async fn an_issuer_that_is_not_trusted_any_more_vouches_for_nobody() {
    let bench = bench("certificate-issuer");
    let given = bench.given(&bench.identity(30 * MINUTE).await, &["web"]).await;
    let others = configured("[{oidc: {issuer: 'https://id.example', audience: portreeve}}]");
    let identities = support::recorded(&others, &bench.store);
    let shown = ShownCertificate { id: &given.id, serial: 1, key: KEY, resource: "web" };
    let refused = identities.redeem(shown, bench.now).await.unwrap_err();
    assert!(matches!(refused, AuthError::IssuerGone { .. }), "{refused}");
    assert!(!refused.is_guess(), "its holder has not guessed");

    // The other way round: somebody of an issuer that this installation never had.
    let stranger = Party::new(PartyKind::Person, "https://gone.example", "eve");
    let identity =
        Identity::new(Chain::new(stranger, Vec::new()), "https://gone.example", bench.now + MINUTE);
    let new = NewCertificate {
        id: "x".into(),
        key: KEY.into(),
        resources: vec!["web".into()],
        identity,
        expires_at: bench.now + MINUTE,
    };
    let serial = bench.store.certificates.register(&new, BOUNDS, &how(bench.now)).unwrap();
    let shown = ShownCertificate { id: "x", serial, key: KEY, resource: "web" };
    let refused = bench.identities.redeem(shown, bench.now).await.unwrap_err();
    assert!(matches!(refused, AuthError::IssuerGone { .. }), "{refused}");
}

#[tokio::test]
async fn one_that_is_not_on_record_opens_nothing() {
    let bench = bench("certificate-unrecorded");
    let given = bench.given(&bench.identity(30 * MINUTE).await, &["web"]).await;
    let config = configured("[{local: {}}]");
    let shown = ShownCertificate { id: &given.id, serial: given.serial, key: KEY, resource: "web" };
    let without = Identities::new(&config, bench.store.clone()).unwrap();
    let refused = without.redeem(shown, bench.now).await.unwrap_err();
    assert!(matches!(refused, AuthError::Unrecorded), "{refused}");
    // Whoever can record it does so before anybody is let in by it.
    let notes = Notes::default();
    let log = AdminLog::new(bench.store.journal.clone(), Arc::new(notes.clone()));
    let with = Identities::new(&config, bench.store.clone()).unwrap().recorded_by(log);
    with.redeem(shown, bench.now).await.unwrap();
    let events = format!("{:?}", notes.0.lock().unwrap());
    assert!(events.contains("CertificateIssued") && events.contains(&given.id), "{events}");
}

#[tokio::test]
async fn nothing_is_certified_that_the_token_does_not_open() {
    let bench = bench("certificate-asked");
    let identity = bench.identity(30 * MINUTE).await;
    let check = async |resources: &[&str], lifetime: Option<Duration>, expect: &str| {
        let refused = bench.asked(&identity, resources, lifetime).await.unwrap_err();
        assert!(refused.contains(expect), "{refused}");
    };
    check(&[], None, "1 to 16 resources").await;
    check(&["web"; 17], None, "1 to 16 resources").await;
    check(&["nowhere"], None, "there is no resource `nowhere` that is opened by a certificate")
        .await;
    check(&["web", "site"], None, "there is no resource `site` that is opened by a certificate")
        .await;
    check(&["web", "apart"], None, "the access token is not meant for `apart`").await;
    check(&["web"], Some(11 * MINUTE), "is good for 1 s to 600 s").await;
    check(&["web"], Some(Duration::ZERO), "is good for 1 s to 600 s").await;
    let own = Identity { audiences: vec!["own".into()], for_gateway: false, ..identity.clone() };
    assert!(bench.asked(&own, &["apart"], None).await.is_ok());
    let refused = bench.asked(&own, &["web"], None).await.unwrap_err();
    assert!(refused.contains("not meant for `web`"), "{refused}");
    // A token that ends earlier, or now.
    let brief = bench.identity(2 * MINUTE).await;
    assert_eq!(bench.given(&brief, &["web"]).await.expires_at, bench.now + 2 * MINUTE);
    let over = Identity { expires_at: bench.now, ..identity };
    let refused = bench.asked(&over, &["web"], None).await.unwrap_err();
    assert!(refused.contains("about to end"), "{refused}");
}
