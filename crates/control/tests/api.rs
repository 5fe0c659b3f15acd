//! The API over real connections: who may see and do what, and what bad requests get.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs, unreachable_pub, dead_code)]

#[path = "support/document.rs"]
mod document;
mod support;

use document::{Called, CheckedClient, operations};
use portreeve_control::administration::AdminLog;
use portreeve_control::api::{ApiServer, ApiState, Keeping, ReportShelf, Sessions, Status, serve};
use portreeve_control::authenticator::TokenAuthenticator;
use portreeve_control::client::{ApiClient, ClientError};
use portreeve_control::identity::{FailureGate, LoginKey, TokenRequest};
use portreeve_control::metrics::Metrics;
use portreeve_control::search::Search;
use portreeve_control::store::{AccountKind, GatewayId};
use portreeve_control::targets::{TargetState, Watch};
use portreeve_control::{Identities, Reviews, Store};
use portreeve_evidence::{EvidenceLog, LogReader, Options, Retention};
use portreeve_model::{
    Chain, Decision, Digest, Event, Party, PartyKind, RequestId, Secret, SessionId, Verdict,
};
use portreeve_session::{Answer, ApprovalService, LiveSession, ReviewAsk};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};
use support::{Folder, add, folder, how};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

#[derive(Default)]
struct Gateway {
    sealed: AtomicBool,
    unready: AtomicBool,
    unwatched: AtomicBool,
    open: Mutex<Vec<(Chain, SessionId)>>,
    killed: Mutex<Vec<(SessionId, String)>>,
}

impl Sessions for Gateway {
    fn list(&self) -> Vec<LiveSession> {
        let open = self.open.lock().unwrap();
        let shown = |(chain, id): &(Chain, SessionId)| LiveSession {
            id: *id,
            chain: chain.clone(),
            resource: "shop".into(),
            protocol: "postgres",
            client: "127.0.0.1:5".into(),
            opened_at_us: 0,
            exchanges: 0,
            rows: 0,
        };
        open.iter().map(shown).collect()
    }

    fn kill(&self, id: SessionId, by: &str) -> bool {
        let known = self.open.lock().unwrap().iter().any(|(_, open)| *open == id);
        if known {
            self.killed.lock().unwrap().push((id, by.to_owned()));
        }
        known
    }
}

impl Status for Gateway {
    fn evidence(&self) -> Result<(), String> {
        if self.sealed.load(Ordering::Relaxed) { Err("disk full".into()) } else { Ok(()) }
    }

    fn warning(&self) -> Option<String> {
        None
    }

    fn witnessed(&self) -> Option<portreeve_control::witness::WitnessStatus> {
        None
    }

    fn missing(&self) -> Vec<String> {
        let unready = self.unready.load(Ordering::Relaxed);
        if unready { vec!["the PostgreSQL listener".into()] } else { Vec::new() }
    }

    fn targets(&self) -> BTreeMap<String, TargetState> {
        let watch = match self.unwatched.load(Ordering::Relaxed) {
            true => Watch::Unwatched,
            false => Watch::Watched,
        };
        let unknown_columns = vec!["public.orders.note".to_owned()];
        let state = TargetState { watch, unknown_columns, ..TargetState::default() };
        BTreeMap::from([("shop".to_owned(), state)])
    }

    fn listeners(&self) -> BTreeMap<String, Vec<SocketAddr>> {
        BTreeMap::from([("api".to_owned(), vec!["127.0.0.1:8440".parse().unwrap()])])
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Ends {
    Yes,
    No,
}

struct Bench {
    _folder: Folder,
    url: String,
    gateway: Arc<Gateway>,
    identities: Arc<Identities>,
    /// Of everybody who can log in.
    key: LoginKey,
    log: EvidenceLog,
    reviews: Reviews,
    called: Called,
    stop: Option<tokio::sync::oneshot::Sender<()>>,
    server: Option<JoinHandle<()>>,
}

async fn bench(name: &str) -> Bench {
    bench_with(name, &["custodians"]).await
}

async fn bench_with(name: &str, custodians: &[&str]) -> Bench {
    let folder = folder(name);
    let config = support::shop_and_machine();
    let store = Store::open(&folder.0).unwrap();
    let at = SystemTime::now();
    for (name, kind, groups) in [
        ("ada", AccountKind::Person, &["support"][..]),
        ("bob", AccountKind::Person, &["privacy"]),
        ("olga", AccountKind::Person, &["auditors"]),
        ("otto", AccountKind::Person, &["operators"]),
        ("cleo", AccountKind::Person, &["custodians"]),
        ("planner", AccountKind::Actor, &[]),
        ("worker", AccountKind::Actor, &[]),
    ] {
        add(&store, name, kind, groups, at);
    }
    let (bob_key, _) = LoginKey::generate().unwrap();
    for name in ["bob", "ada", "olga", "otto", "cleo", "worker"] {
        store.accounts.enrol(name, &bob_key.public(), &how(at)).unwrap();
    }
    let log = EvidenceLog::open(Options::new(folder.0.join("evidence"))).unwrap();
    let admin_log = AdminLog::new(store.journal.clone(), Arc::new(log.clone()));
    let identities = Identities::new(&config, store.clone()).unwrap();
    let identities = Arc::new(identities.recorded_by(admin_log.clone()));
    let metrics = Arc::new(Metrics::new(&config));
    let gate = FailureGate::new(20, Duration::from_secs(60));
    let authenticator = TokenAuthenticator::new(
        Arc::clone(&identities),
        gate,
        Arc::clone(&metrics),
        Box::new(|_| {}),
    );
    let reviews = Reviews::start(store, GatewayId("test".into()), admin_log, at).unwrap();
    let gateway = Arc::new(Gateway::default());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let custodians = custodians.iter().map(|group| (*group).to_owned()).collect();
    let default = Some(Duration::from_millis(1));
    let retention = Arc::new(Retention { default, ..Retention::default() });
    let reports = Arc::new(ReportShelf::new(&config));
    let state = ApiState {
        search: Search::new(&log, &folder.0, config.anomalies.clone()),
        keeping: Keeping { log: log.clone(), custodians, retention, reports },
        authenticator: Arc::new(authenticator),
        reviews: reviews.clone(),
        metrics,
        sessions: Arc::clone(&gateway) as Arc<dyn Sessions>,
        certificates: Some(Arc::new(support::Signer)),
        status: Arc::clone(&gateway) as Arc<dyn Status>,
        base_url: url.clone(),
    };
    let (stop, stopped) = tokio::sync::oneshot::channel();
    let server = tokio::spawn(serve(ApiServer { listener, tls: None }, state, async {
        let _ = stopped.await;
    }));
    let (stop, server) = (Some(stop), Some(server));
    Bench {
        _folder: folder,
        url,
        gateway,
        identities,
        key: bob_key,
        log,
        reviews,
        called: Called::default(),
        stop,
        server,
    }
}

impl Bench {
    /// As themselves where they act for themselves, else as the operator says.
    fn token(&self, name: &str, actors: &[&str]) -> Secret<String> {
        if !actors.is_empty() {
            return self.minted(name, actors);
        }
        let (local, now) = (self.identities.local().unwrap(), SystemTime::now());
        let assertion = self.key.assertion(name, local.name(), now).unwrap();
        local.login(&assertion, Duration::from_secs(600), now).unwrap().token
    }

    fn minted(&self, name: &str, actors: &[&str]) -> Secret<String> {
        let request = TokenRequest {
            principal: name.into(),
            actors: actors.iter().map(|actor| (*actor).into()).collect(),
            purpose: None,
            ttl: Duration::from_secs(600),
            may_act: Some("worker".into()),
        };
        let how = how(SystemTime::now());
        self.identities.local().unwrap().issue(&request, &how).unwrap().token
    }

    fn client(&self, name: &str, actors: &[&str]) -> CheckedClient {
        self.client_with(Some(self.token(name, actors)))
    }

    fn anonymous(&self) -> CheckedClient {
        self.client_with(None)
    }

    fn client_with(&self, token: Option<Secret<String>>) -> CheckedClient {
        let client = ApiClient::new(&self.url, token, None).unwrap();
        CheckedClient { client, called: self.called.clone() }
    }

    fn chain(&self, name: &str) -> Chain {
        let issuer = self.identities.local().unwrap().name().to_owned();
        let party = |kind, subject: &str| Party::new(kind, issuer.as_str(), subject);
        let actors = vec![party(PartyKind::Actor, "planner")];
        Chain::new(party(PartyKind::Person, name), actors)
    }

    /// Records a session of `name`, to its end or not.
    fn session(&self, name: &str, number: u128, ends: Ends) -> SessionId {
        let id = SessionId(uuid::Uuid::from_u128(number));
        let mut recorder = self.log.session(id).unwrap();
        recorder.stage(Event::SessionOpened {
            chain: self.chain(name),
            resource: "shop".into(),
            protocol: "postgres".into(),
            client: "127.0.0.1:5".into(),
            application: None,
            tls: "none".into(),
            hour: 0,
            decision: Box::new(Decision {
                verdict: Verdict::Allow,
                policy: "none".into(),
                reasons: Vec::new(),
                review_groups: Vec::new(),
            }),
        });
        if ends == Ends::Yes {
            recorder.stage(Event::SessionClosed { why: "left".into(), exchanges: 0, rows: 0 });
        }
        recorder.submit().wait().unwrap();
        id
    }

    /// What the log holds of refusals and of custody, as JSON.
    fn events(&self) -> Vec<Value> {
        let mut events = Vec::new();
        LogReader::open(self.log.dir())
            .unwrap()
            .for_each(|entry| {
                let record = entry.record()?;
                if record.session.is_none() {
                    events.push(serde_json::to_value(record.event).unwrap());
                }
                Ok(std::ops::ControlFlow::Continue(()))
            })
            .unwrap();
        events
    }

    async fn open(&self, requester: &str) -> String {
        let ask = ReviewAsk {
            request: RequestId { session: SessionId(uuid::Uuid::nil()), exchange: 1 },
            chain: self.chain(requester),
            resource: "shop".into(),
            text: "drop table customers".into(),
            reason: "defines".into(),
            rule: "no-ddl".into(),
            groups: vec!["privacy".into()],
            approvers: 1,
            fields: Vec::new(),
            content: Digest([7; 32]),
            examples: None,
            deadline: SystemTime::now() + Duration::from_secs(60),
        };
        self.reviews.open(ask).await.unwrap().0
    }

    /// Sends bytes as they are, and reads until the server closes.
    async fn raw(&self, request: &str) -> String {
        let mut stream = TcpStream::connect(self.url.trim_start_matches("http://")).await.unwrap();
        let _ = stream.write_all(request.as_bytes()).await;
        read(stream).await
    }

    /// Sends bytes that are no request, and nothing after them.
    async fn raw_end(&self, bytes: &str) -> String {
        let mut stream = TcpStream::connect(self.url.trim_start_matches("http://")).await.unwrap();
        let _ = stream.write_all(bytes.as_bytes()).await;
        let _ = stream.shutdown().await;
        read(stream).await
    }
}

async fn read(mut stream: TcpStream) -> String {
    let mut answer = String::new();
    let _ = stream.read_to_string(&mut answer).await;
    answer
}

#[track_caller]
fn refused<T: std::fmt::Debug>(result: Result<T, ClientError>, expect_status: u16, expect: &str) {
    match result {
        Err(ClientError::Refused { status, code, .. }) => {
            assert_eq!((status, code.as_str()), (expect_status, expect));
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn health_needs_no_token_and_tells_the_truth() {
    let bench = bench("health").await;
    let client = bench.anonymous();
    assert_eq!(client.probe("/healthz").await.unwrap().status, 200);
    assert_eq!(client.probe("/readyz").await.unwrap().status, 200);
    bench.gateway.unready.store(true, Ordering::Relaxed);
    let ready = client.probe("/readyz").await.unwrap();
    assert_eq!(ready.status, 503);
    assert_eq!(ready.body["missing"], json!(["the PostgreSQL listener"]));
    assert_eq!(client.probe("/healthz").await.unwrap().status, 200);
    bench.gateway.unready.store(false, Ordering::Relaxed);
    bench.gateway.unwatched.store(true, Ordering::Relaxed);
    // The other resources are served: nobody takes the gateway away for one target's sake.
    for path in ["/readyz", "/healthz"] {
        let answer = client.probe(path).await.unwrap();
        assert_eq!((answer.status, &answer.body["unwatched"]), (200, &json!(["shop"])), "{path}");
    }
    bench.gateway.sealed.store(true, Ordering::Relaxed);
    let health = client.probe("/healthz").await.unwrap();
    assert_eq!((health.status, &health.body["evidence"]), (503, &json!("disk full")));
    let page = bench.raw("GET /metrics HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await;
    assert!(page.contains("portreeve_evidence_healthy 0\n"), "{page}");
    assert!(page.contains("portreeve_target_watched{resource=\"shop\"} 0\n"), "{page}");
    assert!(page.contains("cache-control: no-store"), "{page}");
}

#[tokio::test]
async fn everything_else_needs_a_token() {
    let bench = bench("token").await;
    let client = bench.anonymous();
    for path in ["/v1/whoami", "/v1/reviews", "/v1/reviews/rv-aaaaaaaa", "/v1/sessions"] {
        refused(client.get(path).await, 401, "no_token");
    }
    for path in ["/v1/reviews/rv-aaaaaaaa/approve", "/v1/sessions/x/kill", "/v1/token/exchange"] {
        refused(client.post(path, &json!({})).await, 401, "no_token");
    }
    for header in ["Basic YTpi", "Bearer", "Bearer  ", "bearer x.y.z", "x"] {
        let answer = bench
            .raw(&format!("GET /v1/whoami HTTP/1.1\r\nhost: x\r\nauthorization: {header}\r\nconnection: close\r\n\r\n"))
            .await;
        assert!(answer.starts_with("HTTP/1.1 401"), "{header}: {answer}");
        assert!(answer.contains("www-authenticate: Bearer"), "{answer}");
    }
    let me = bench.client("ada", &["planner"]).get("/v1/whoami").await.unwrap();
    assert_eq!(me["chain"]["principal"]["subject"], "ada");
    assert_eq!(me["chain"]["actors"][0]["subject"], "planner");
}

#[tokio::test]
async fn too_many_bad_tokens_shut_the_address_out() {
    let bench = bench("shut").await;
    let bad = ApiClient::new(&bench.url, Some(Secret::new("x.y.z".into())), None).unwrap();
    for _ in 0..20 {
        refused(bad.get("/v1/whoami").await, 401, "invalid_token");
    }
    refused(bad.get("/v1/whoami").await, 429, "too_many_failures");
    let metrics = bench.raw("GET /metrics HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await;
    assert!(metrics.contains("portreeve_auth_failures_total 20\n"), "{metrics}");
}

#[tokio::test]
async fn a_review_from_the_question_to_the_answer() {
    let bench = bench("review").await;
    let id = bench.open("ada").await;
    let show = format!("/v1/reviews/{id}");
    let approve = format!("/v1/reviews/{id}/approve");
    let said = json!({"comment": "ticket 4711"});

    let bob = bench.client("bob", &[]);
    let listed = bob.get("/v1/reviews?state=pending").await.unwrap();
    assert_eq!(listed["reviews"][0]["id"], json!(id));
    assert_eq!(bob.get(&show).await.unwrap()["statement"], "drop table customers");
    refused(bench.client("otto", &[]).get(&show).await, 404, "not_found");
    refused(bench.client("otto", &[]).post(&approve, &said).await, 404, "not_found");
    refused(bench.client("ada", &[]).post(&approve, &said).await, 403, "not_reviewer");
    refused(bench.client("ada", &["planner"]).post(&approve, &said).await, 403, "not_reviewer");
    refused(bench.client("olga", &[]).post(&approve, &said).await, 403, "not_reviewer");
    refused(bench.client("bob", &["worker"]).post(&approve, &said).await, 404, "not_found");

    let waiting = bench.reviews.clone();
    let waited = id.as_str().into();
    let waiter = tokio::spawn(async move { waiting.answer(&waited).await });
    let answer = bob.post(&approve, &said).await.unwrap();
    assert_eq!(answer["state"], "approved");
    assert_eq!(answer["by"]["subject"], "bob");
    let expect = Answer::Approved { by: "bob".into(), comment: Some("ticket 4711".into()) };
    assert_eq!(waiter.await.unwrap(), expect);
    let deny = format!("/v1/reviews/{id}/deny");
    refused(bob.post(&deny, &json!({})).await, 409, "closed");
}

#[tokio::test]
async fn sessions_are_seen_by_their_own_and_ended_by_operators() {
    let bench = bench("sessions").await;
    let id = SessionId(uuid::Uuid::from_u128(5));
    bench.gateway.open.lock().unwrap().push((bench.chain("ada"), id));
    let count = async |name: &str, actors: &[&str]| {
        let answer = bench.client(name, actors).get("/v1/sessions").await.unwrap();
        answer["sessions"].as_array().unwrap().len()
    };
    assert_eq!(count("ada", &[]).await, 1);
    assert_eq!(count("ada", &["planner"]).await, 1);
    assert_eq!(count("bob", &[]).await, 0);
    assert_eq!(count("olga", &[]).await, 1);
    assert_eq!(count("otto", &[]).await, 1);
    assert_eq!(count("otto", &["planner"]).await, 0, "an actor is no operator");
    let kill = format!("/v1/sessions/{id}/kill");
    for (name, actors) in [("ada", &[][..]), ("olga", &[]), ("otto", &["planner"])] {
        let result = bench.client(name, actors).post(&kill, &json!({})).await;
        refused(result, 403, "not_operator");
    }
    bench.client("otto", &[]).post(&kill, &json!({})).await.unwrap();
    assert_eq!(*bench.gateway.killed.lock().unwrap(), [(id, "otto".to_owned())]);
    let other = format!("/v1/sessions/{}/kill", uuid::Uuid::from_u128(6));
    refused(bench.client("otto", &[]).post(&other, &json!({})).await, 404, "not_found");
    refused(
        bench.client("otto", &[]).post("/v1/sessions/x/kill", &json!({})).await,
        404,
        "not_found",
    );
}

#[tokio::test]
async fn only_custodians_erase_and_who_tried_is_on_record() {
    let bench = bench("custody").await;
    let id = bench.session("ada", 1, Ends::Yes);
    let why = json!({"why": "asked for"});
    let shred = format!("/v1/evidence/sessions/{id}/shred");
    let routes = [
        (shred.as_str(), why.clone()),
        ("/v1/evidence/holds", json!({"on": {"resource": "shop"}, "why": "x"})),
        ("/v1/evidence/holds/hold-1/release", why.clone()),
        ("/v1/evidence/sweep", json!({})),
        ("/v1/evidence/prune", json!({"before_us": 1, "why": "x"})),
    ];
    for (route, body) in &routes {
        refused(bench.anonymous().post(route, body).await, 401, "no_token");
        for (name, actors) in
            [("ada", &[][..]), ("otto", &[]), ("olga", &[]), ("cleo", &["planner"])]
        {
            refused(bench.client(name, actors).post(route, body).await, 403, "not_custodian");
        }
    }
    let tried = bench.events();
    let tried: Vec<&Value> =
        tried.iter().filter(|event| event["event"] == "session-refused").collect();
    assert_eq!(tried.len(), routes.len() * 4);
    assert!(tried[0]["why"].as_str().unwrap().contains(&shred), "{}", tried[0]);
    assert_eq!(bench.log.retention_status().unwrap().readable, 1);
    refused(bench.client("ada", &[]).get("/v1/evidence/holds").await, 403, "not_custodian");
    bench.client("olga", &[]).get("/v1/evidence/holds").await.unwrap();

    let cleo = bench.client("cleo", &[]);
    let done = cleo.post(&shred, &why).await.unwrap();
    assert_eq!((&done["result"], &done["principal"]), (&json!("destroyed"), &json!("ada")));
    let again = cleo.post(&shred, &why).await.unwrap();
    assert_eq!(again["result"], "already-destroyed");
    assert_eq!(again["by"]["subject"], "cleo");
    let record = bench.events().into_iter().find(|event| event["event"] == "recording-shredded");
    let record = record.unwrap();
    assert_eq!((&record["why"], &record["by"]["subject"]), (&json!("asked for"), &json!("cleo")));
    assert_eq!(cleo.get("/v1/evidence").await.unwrap()["shredded"], 1);
}

#[tokio::test]
async fn without_custodians_nobody_erases() {
    let bench = bench_with("no-custodians", &[]).await;
    let id = bench.session("ada", 1, Ends::Yes);
    let shred = format!("/v1/evidence/sessions/{id}/shred");
    for name in ["cleo", "otto", "ada"] {
        let result = bench.client(name, &[]).post(&shred, &json!({"why": "x"})).await;
        refused(result, 403, "not_custodian");
    }
}

#[tokio::test]
async fn holds_and_sweeps_and_what_is_no_request() {
    let bench = bench("holds").await;
    let cleo = bench.client("cleo", &[]);
    let (held, going) = (bench.session("ada", 1, Ends::Yes), bench.session("bob", 2, Ends::No));
    let place = json!({"on": {"principal": {"subject": "ada"}}, "why": "case 12"});
    let hold = cleo.post("/v1/evidence/holds", &place).await.unwrap();
    assert_eq!(hold["sessions"], 1);
    let shred = |id: SessionId| format!("/v1/evidence/sessions/{id}/shred");
    let why = json!({"why": "asked for"});
    refused(cleo.post(&shred(held), &why).await, 409, "held");
    refused(cleo.post(&shred(going), &why).await, 409, "still_open");
    let nobody = SessionId(uuid::Uuid::from_u128(9));
    refused(cleo.post(&shred(nobody), &why).await, 404, "not_found");
    refused(cleo.post("/v1/evidence/sessions/x/shred", &why).await, 400, "bad_request");
    refused(cleo.post(&shred(held), &json!({})).await, 422, "bad_request");
    refused(cleo.post(&shred(held), &json!({"why": " "})).await, 400, "bad_request");
    let odd = json!({"on": {"table": "customers"}, "why": "x"});
    refused(cleo.post("/v1/evidence/holds", &odd).await, 422, "bad_request");

    // Retention is a millisecond here.
    let sweep_soon = async || {
        let said = cleo.post("/v1/evidence/sweep", &json!({"dry_run": true})).await.unwrap();
        said["held"].as_array().unwrap().is_empty()
    };
    while sweep_soon().await {
        tokio::task::yield_now().await;
    }
    let swept = cleo.post("/v1/evidence/sweep", &json!({})).await.unwrap();
    assert_eq!(
        (swept["due"].as_array().unwrap().len(), &swept["held"][0]["session"]),
        (0, &json!(held))
    );
    let release = format!("/v1/evidence/holds/{}/release", hold["hold"].as_str().unwrap());
    cleo.post(&release, &json!({"why": "closed"})).await.unwrap();
    refused(cleo.post(&release, &json!({"why": "closed"})).await, 404, "not_found");
    let said = cleo.post("/v1/evidence/sweep", &json!({"dry_run": true})).await.unwrap();
    assert_eq!(said["due"][0]["session"], json!(held));
    assert_eq!(bench.log.retention_status().unwrap().shredded, 0);
    cleo.post("/v1/evidence/sweep", &json!({})).await.unwrap();
    assert_eq!(bench.log.retention_status().unwrap().shredded, 1);
}

#[tokio::test]
async fn a_token_is_handed_on() {
    let bench = bench("hand-on").await;
    let ada = bench.client("ada", &["planner"]);
    let answer = ada.post("/v1/token/exchange", &json!({"actor": "worker"})).await.unwrap();
    let token = Secret::new(answer["access_token"].as_str().unwrap().to_owned());
    let worker = bench.client_with(Some(token));
    let me = worker.get("/v1/whoami").await.unwrap();
    assert_eq!(me["chain"]["actors"][1]["subject"], "worker");
    let again = worker.post("/v1/token/exchange", &json!({"actor": "planner"})).await;
    refused(again, 400, "refused");
    let nobody = ada.post("/v1/token/exchange", &json!({"actor": "nobody"})).await;
    refused(nobody, 404, "no_account");
    let discovery =
        bench.anonymous().get("/issuer/.well-known/openid-configuration").await.unwrap();
    assert_eq!(discovery["issuer"], bench.identities.local().unwrap().name());
    let keys = bench.anonymous().get("/issuer/jwks").await.unwrap();
    assert_eq!(keys["keys"][0]["crv"], "Ed25519");
    assert!(keys["keys"][0].get("d").is_none());
}

#[tokio::test]
async fn bad_requests_get_an_answer_and_do_no_harm() {
    let bench = bench("bad").await;
    let ada = bench.client("ada", &[]);
    refused(ada.get("/v1/nothing").await, 404, "not_found");
    refused(ada.get("/v1/reviews?state=odd").await, 400, "bad_request");
    refused(ada.get("/v1/reviews?stat=pending").await, 400, "bad_request");
    refused(ada.post("/v1/whoami", &json!({})).await, 405, "method_not_allowed");
    refused(ada.post("/v1/token/exchange", &json!({"actor": 5})).await, 422, "bad_request");
    refused(ada.post("/v1/token/exchange", &json!({"a": "b"})).await, 422, "bad_request");
    refused(ada.post("/v1/token/exchange", &json!([])).await, 422, "bad_request");
    let huge = json!({"actor": "x".repeat(70_000)});
    refused(ada.post("/v1/token/exchange", &huge).await, 413, "bad_request");
    let id = bench.open("ada").await;
    let long = json!({"comment": "x".repeat(5000)});
    let bob = bench.client("bob", &[]);
    refused(bob.post(&format!("/v1/reviews/{id}/deny"), &long).await, 400, "bad_request");
    for raw in [
        "\r\n\r\n\r\n",
        "GET\r\n\r\n",
        "\x16\x03\x01\x02\x00\x01\x00\x01",
        "GET / HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n",
        "GET /%2e%2e/%00 HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n",
    ] {
        let answer = bench.raw_end(raw).await;
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{raw:?}: {answer}");
    }
    let header = format!("GET /healthz HTTP/1.1\r\nx: {}\r\n\r\n", "y".repeat(100_000));
    assert!(!bench.raw_end(&header).await.contains("200 OK"));
    assert_eq!(bench.anonymous().probe("/healthz").await.unwrap().status, 200);
}

#[tokio::test]
async fn it_stops_when_told() {
    let mut bench = bench("stop").await;
    let idle = TcpStream::connect(bench.url.trim_start_matches("http://")).await.unwrap();
    bench.anonymous().probe("/healthz").await.unwrap();
    bench.stop.take().unwrap().send(()).unwrap();
    let server = bench.server.take().unwrap();
    tokio::time::timeout(Duration::from_secs(12), server).await.unwrap().unwrap();
    drop(idle);
    assert!(bench.anonymous().probe("/healthz").await.is_err());
}

#[test]
fn a_token_is_not_sent_in_the_clear_to_other_machines() {
    for base in ["http://gateway.example.org:8440", "http://192.0.2.1", "ftp://127.0.0.1", "x", ""]
    {
        assert!(ApiClient::new(base, None, None).is_err(), "{base}");
    }
    for base in ["http://127.0.0.1:8440", "http://[::1]:8440/", "https://gateway.example.org"] {
        assert!(ApiClient::new(base, None, None).is_ok(), "{base}");
    }
}

/// What the gateway's files can make is nobody's word; what is handed on needs two.
#[tokio::test]
async fn a_token_from_the_files_decides_nothing_and_is_on_record() {
    let bench = bench("files").await;
    let id = bench.open("ada").await;
    let minted = bench.minted("bob", &[]);
    let bob = ApiClient::new(&bench.url, Some(minted), None).unwrap();
    for answer in ["approve", "deny"] {
        let path = format!("/v1/reviews/{id}/{answer}");
        refused(bob.post(&path, &json!({})).await, 403, "not_reviewer");
    }
    let cleo = ApiClient::new(&bench.url, Some(bench.minted("cleo", &[])), None).unwrap();
    let session = bench.session("ada", 1, Ends::Yes);
    let shred = format!("/v1/evidence/sessions/{session}/shred");
    refused(cleo.post(&shred, &json!({"why": "x"})).await, 403, "not_custodian");
    bench.client("bob", &[]).post(&format!("/v1/reviews/{id}/approve"), &json!({})).await.unwrap();
    let events = bench.events();
    let of = |kind: &str| events.iter().filter(|event| event["event"] == kind).collect::<Vec<_>>();
    let issued = of("token-issued");
    let origins: Vec<_> = issued.iter().map(|event| event["origin"].as_str().unwrap()).collect();
    assert_eq!(origins, ["files", "files", "login"]);
    assert_eq!(issued[0]["chain"]["principal"]["subject"], "bob");
    let answered = of("review-answered");
    assert_eq!(answered.len(), 1);
    assert_eq!(answered[0]["by"]["subject"], "bob");
    assert_eq!(answered[0]["by"]["token"], issued[2]["token"]);
    assert_eq!(answered[0]["by"]["address"], "127.0.0.1");
    assert_eq!(answered[0]["by"]["strength"]["amr"], json!(["pop"]));
    assert_eq!(of("account-changed").len(), 7 + 6);
}

#[tokio::test]
async fn somebody_logs_in_with_their_own_key_once() {
    let bench = bench("login").await;
    let issuer = bench.anonymous().get("/issuer/.well-known/openid-configuration").await.unwrap();
    let issuer = issuer["issuer"].as_str().unwrap();
    let grant = "urn:ietf:params:oauth:grant-type:jwt-bearer";
    let body =
        |assertion: &Secret<String>| json!({"grant_type": grant, "assertion": assertion.reveal()});
    let now = SystemTime::now();
    let assertion = bench.key.assertion("bob", issuer, now).unwrap();
    let client = bench.anonymous();
    let answer = client.post("/v1/token", &body(&assertion)).await.unwrap();
    let token = Secret::new(answer["access_token"].as_str().unwrap().to_owned());
    let me = bench.client_with(Some(token)).get("/v1/whoami").await.unwrap();
    assert_eq!(me["chain"]["principal"]["subject"], "bob");
    refused(client.post("/v1/token", &body(&assertion)).await, 401, "invalid_token");
    let (stranger, _) = LoginKey::generate().unwrap();
    let hour = Duration::from_secs(3600);
    for bad in [
        stranger.assertion("bob", issuer, now).unwrap(),
        bench.key.assertion("nobody", issuer, now).unwrap(),
        bench.key.assertion("planner", issuer, now).unwrap(),
        bench.key.assertion("worker", issuer, now).unwrap(),
        bench.key.assertion("bob", "urn:portreeve:local:other", now).unwrap(),
        bench.key.assertion("bob", issuer, now - hour).unwrap(),
        bench.key.assertion("bob", issuer, now + hour).unwrap(),
        bench.minted("bob", &[]),
        Secret::new("x.y.z".into()),
    ] {
        refused(client.post("/v1/token", &body(&bad)).await, 401, "invalid_token");
    }
    let other = json!({"grant_type": "password", "assertion": "x"});
    refused(client.post("/v1/token", &other).await, 400, "bad_request");
    let long = bench.key.assertion("bob", issuer, now).unwrap();
    let long = json!({"grant_type": grant, "assertion": long.reveal(), "expires_in": 9 * 3600});
    refused(client.post("/v1/token", &long).await, 401, "invalid_token");
}

#[tokio::test]
async fn a_hop_takes_part_by_itself() {
    let bench = bench("consent").await;
    let issuer = bench.identities.local().unwrap().name().to_owned();
    let request = TokenRequest {
        principal: "ada".into(),
        actors: vec!["planner".into()],
        purpose: None,
        ttl: Duration::from_secs(600),
        may_act: None,
    };
    let issued =
        bench.identities.local().unwrap().issue(&request, &how(SystemTime::now())).unwrap();
    let planner = bench.client_with(Some(issued.token));
    let hand_on = async |assertion: Option<Secret<String>>| {
        let token = assertion.map(|assertion| assertion.reveal().clone());
        planner.post("/v1/token/exchange", &json!({"actor": "worker", "actor_token": token})).await
    };
    let word = |name: &str| bench.key.assertion(name, &issuer, SystemTime::now()).unwrap();
    refused(hand_on(None).await, 400, "refused");
    refused(hand_on(Some(word("bob"))).await, 400, "refused");
    refused(hand_on(Some(Secret::new("x".into()))).await, 400, "refused");
    let (stranger, _) = LoginKey::generate().unwrap();
    let forged = stranger.assertion("worker", &issuer, SystemTime::now()).unwrap();
    refused(hand_on(Some(forged)).await, 400, "refused");
    let own = word("worker");
    let answer = hand_on(Some(own.clone())).await.unwrap();
    assert_eq!(answer["chain"]["actors"][1]["subject"], "worker");
    refused(hand_on(Some(own)).await, 400, "refused");
}

/// Somebody who guesses shuts nobody out but themselves.
#[tokio::test]
async fn a_valid_token_is_heard_beside_a_flood() {
    let bench = bench("flood").await;
    let bad = ApiClient::new(&bench.url, Some(Secret::new("x.y.z".into())), None).unwrap();
    while bad
        .get("/v1/whoami")
        .await
        .is_err_and(|error| !matches!(error, ClientError::Refused { status: 429, .. }))
    {}
    let id = SessionId(uuid::Uuid::from_u128(5));
    bench.gateway.open.lock().unwrap().push((bench.chain("ada"), id));
    let kill = format!("/v1/sessions/{id}/kill");
    bench.client("otto", &[]).post(&kill, &json!({})).await.unwrap();
    let review = bench.open("ada").await;
    let approve = format!("/v1/reviews/{review}/approve");
    bench.client("bob", &[]).post(&approve, &json!({})).await.unwrap();
    refused(bad.get("/v1/whoami").await, 429, "too_many_failures");
}

/// One answer of every operation that there is; [`CheckedClient`] holds each against the
/// document, here and in every other test.
#[tokio::test]
async fn every_operation_answers_what_the_document_says() {
    let bench = bench("document").await;
    let (anyone, ada) = (bench.anonymous(), bench.client("ada", &["planner"]));
    assert!(anyone.probe("/healthz").await.is_ok() && anyone.probe("/readyz").await.is_ok());
    for path in ["/issuer/.well-known/openid-configuration", "/issuer/jwks", "/v1/openapi.json"] {
        anyone.get(path).await.unwrap();
    }
    for path in ["whoami", "listeners", "connectors", "proposals"] {
        ada.get(&format!("/v1/{path}")).await.unwrap();
    }
    ada.post("/v1/token/exchange", &json!({"actor": "worker"})).await.unwrap();
    ada.post("/v1/certificates", &support::certificate_ask()).await.unwrap();
    let issuer = bench.identities.local().unwrap().name().to_owned();
    let assertion = bench.key.assertion("bob", &issuer, SystemTime::now()).unwrap();
    let grant = "urn:ietf:params:oauth:grant-type:jwt-bearer";
    let body = json!({"grant_type": grant, "assertion": assertion.reveal(), "expires_in": 60});
    anyone.post("/v1/token", &body).await.unwrap();
    let bob = bench.client("bob", &[]);
    for verb in ["approve", "deny"] {
        let id = bench.open("ada").await;
        bob.get(&format!("/v1/reviews/{id}")).await.unwrap();
        let said = json!({"comment": "4711"});
        bob.post(&format!("/v1/reviews/{id}/{verb}"), &said).await.unwrap();
    }
    bob.get("/v1/reviews").await.unwrap();
    let id = SessionId(uuid::Uuid::from_u128(5));
    bench.gateway.open.lock().unwrap().push((bench.chain("ada"), id));
    let otto = bench.client("otto", &[]);
    for path in ["sessions", "anomalies?rule=volume", "sessions/search?outcome=refused"] {
        otto.get(&format!("/v1/{path}")).await.unwrap();
    }
    otto.post(&format!("/v1/sessions/{id}/kill"), &json!({})).await.unwrap();

    let cleo = bench.client("cleo", &[]);
    let id = bench.session("ada", 1, Ends::Yes);
    let place = json!({"on": {"session": id}, "why": "case 12"});
    let hold = cleo.post("/v1/evidence/holds", &place).await.unwrap();
    let why = json!({"why": "closed"});
    let hold = hold["hold"].as_str().unwrap();
    cleo.post(&format!("/v1/evidence/holds/{hold}/release"), &why).await.unwrap();
    cleo.post(&format!("/v1/evidence/sessions/{id}/shred"), &why).await.unwrap();
    cleo.post("/v1/evidence/sweep", &json!({"dry_run": true})).await.unwrap();
    cleo.post("/v1/evidence/prune", &json!({"before_us": 1, "why": "old"})).await.unwrap();
    for path in ["evidence", "evidence/holds", "reports/deletion"] {
        cleo.get(&format!("/v1/{path}")).await.unwrap();
    }
    let called = bench.called.lock().unwrap();
    let missed = operations().map(|(name, _)| name).filter(|name| !called.contains(name));
    // Text for Prometheus, and an issuer's form: tested where they are read.
    assert_eq!(missed.collect::<Vec<_>>(), ["get /metrics", "post /v1/logout"]);
}
