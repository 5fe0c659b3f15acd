//! Exports under outages: receivers that fail and close, gateways that end in the middle. What a
//! receiver has in the end is compared, id by id, with an export that nothing disturbed.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

use portreeve_control::config;
use portreeve_control::exports::Exports;
use portreeve_control::metrics::Metrics;
use portreeve_control::search::Search;
use portreeve_evidence::{EvidenceLog, Options};
use portreeve_model::{
    Action, Chain, CommandRecord, Decision, Event, Facts, Need, Object, Outcome, Party, PartyKind,
    RefusalCode, SessionId, Usage, Verdict,
};
use portreeve_protocol_postgres::MANIFEST;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

fn decision(verdict: Verdict) -> Decision {
    Decision { verdict, policy: "p".into(), reasons: Vec::new(), review_groups: Vec::new() }
}

/// A session of three exchanges, of which one is refused; `ends` or is left open.
fn session(log: &EvidenceLog, number: u128, protocol: &str, ends: bool) {
    let mut recorder = log.session(SessionId(uuid::Uuid::from_u128(number))).unwrap();
    let person = Party::new(PartyKind::Person, "portreeve", "ottilie");
    let agent = Party::new(PartyKind::Actor, "portreeve", "planner");
    recorder.stage(Event::SessionOpened {
        chain: Chain::new(person, vec![agent]),
        resource: "shop".into(),
        protocol: protocol.into(),
        client: "127.0.0.1:4711".into(),
        application: None,
        tls: "none".into(),
        hour: 0,
        decision: Box::new(decision(Verdict::Allow)),
    });
    for exchange in 1..=3 {
        let is_refused = exchange == 3;
        let verdict = if is_refused { Verdict::Deny } else { Verdict::Allow };
        let command = CommandRecord {
            verb: "SELECT".into(),
            times: 1,
            runs_later: false,
            fingerprint: "f00d".into(),
            shape: String::new(),
            needs: vec![Need {
                action: Action::Read,
                object: Object::table("public", "customers"),
            }],
            facts: Facts::default(),
            before: portreeve_model::Usage::default(),
            categories: BTreeMap::new(),
            unknown: None,
            decision: Some(decision(verdict)),
            revealed: Vec::new(),
        };
        let (session, day) = (Usage::default(), Vec::new());
        recorder.stage(Event::Request { exchange, hour: 0, session, day, commands: vec![command] });
        let outcome = match is_refused {
            true => Outcome::Refused { code: RefusalCode::Denied, rule: Some("no".into()) },
            false => Outcome::Completed,
        };
        recorder.stage(Event::ExchangeClosed { exchange, outcome, rows: 0, changes: 0 });
        recorder.submit().wait().unwrap();
    }
    if ends {
        let why = "the client left".into();
        recorder.stage(Event::SessionClosed { why, exchanges: 3, rows: 0 });
        recorder.submit().wait().unwrap();
    }
}

fn exports(folder: &Path, log: &EvidenceLog, text: &str) -> Exports {
    let whole = format!(
        "issuers: [{{local: {{}}}}]\nresources: {{shop: {{postgres: {{host: h, user: u}}}}}}\n\
         exports: {text}\n"
    );
    let config = config::parse(&folder.join("test.yaml"), &whole, &[&MANIFEST]).unwrap();
    let metrics = Arc::new(Metrics::new(&config));
    let search = Search::new(log, folder, config.anomalies.clone());
    Exports::new(&config.exports, &folder.join("cursors"), &[&MANIFEST], &search, &metrics).unwrap()
}

/// Runs exports until every one has all of the log.
async fn until_all(exports: &Exports, log: &EvidenceLog) {
    run_until(exports, log, || has_all(exports)).await;
}

fn has_all(exports: &Exports) -> bool {
    let all = exports.status();
    all.values().all(|one| one.taken > 0 && one.lag == 0 && one.failing.is_none())
}

/// Runs exports until something holds; whoever stops them then stops them anywhere.
async fn run_until(exports: &Exports, log: &EvidenceLog, is_done: impl Fn() -> bool) {
    let watching = async {
        while !is_done() {
            tokio::task::yield_now().await;
        }
    };
    let running = async {
        tokio::select! {
            () = exports.run(log) => panic!("exports do not end"),
            () = watching => {}
        }
    };
    let done = tokio::time::timeout(Duration::from_secs(60), running).await;
    assert!(done.is_ok(), "{:?}", exports.status());
}

/// Takes posts, refuses some, closes some before it answers.
struct Receiver {
    address: SocketAddr,
    ids: Arc<Mutex<Vec<String>>>,
    asked: Arc<AtomicU64>,
}

impl Receiver {
    /// `fails` says of the number of a request whether it is refused (true) or taken.
    async fn start(fails: fn(u64) -> bool) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (ids, asked) = (Arc::new(Mutex::new(Vec::new())), Arc::new(AtomicU64::new(0)));
        let (all, count) = (ids.clone(), asked.clone());
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (all, count) = (all.clone(), count.clone());
                tokio::spawn(async move { serve(stream, &all, &count, fails).await });
            }
        });
        Self { address, ids, asked }
    }

    fn ids(&self) -> Vec<String> {
        self.ids.lock().unwrap().clone()
    }
}

async fn serve(
    mut stream: TcpStream,
    ids: &Mutex<Vec<String>>,
    asked: &AtomicU64,
    fails: fn(u64) -> bool,
) {
    while let Some(body) = request(&mut stream).await {
        let number = asked.fetch_add(1, Ordering::Relaxed);
        if fails(number) && number.is_multiple_of(2) {
            // It has the bytes, and nobody knows whether it has taken them.
            return;
        }
        let status = if fails(number) { "503 Busy" } else { "200 OK" };
        if !fails(number) {
            let body: Value = serde_json::from_slice(&body).unwrap();
            let events = body["events"].as_array().unwrap();
            let id = |event: &Value| event["metadata"]["uid"].as_str().unwrap().to_owned();
            ids.lock().unwrap().extend(events.iter().map(id));
        }
        let answer = format!("HTTP/1.1 {status}\r\ncontent-length: 2\r\n\r\n{{}}");
        if stream.write_all(answer.as_bytes()).await.is_err() {
            return;
        }
    }
}

/// The body of the next request; none when the connection ends.
async fn request(stream: &mut TcpStream) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    loop {
        let mut part = [0; 8192];
        let length = stream.read(&mut part).await.ok()?;
        if length == 0 {
            return None;
        }
        bytes.extend_from_slice(&part[..length]);
        let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else { continue };
        let head = String::from_utf8_lossy(&bytes[..end]).to_ascii_lowercase();
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "))?;
        let length: usize = length.trim().parse().ok()?;
        while bytes.len() < end + 4 + length {
            let read = stream.read(&mut part).await.ok()?;
            bytes.extend_from_slice(&part[..read]);
        }
        return Some(bytes[end + 4..end + 4 + length].to_vec());
    }
}

fn lines(path: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn ids_of(events: &[Value]) -> Vec<String> {
    events.iter().map(|event| event["metadata"]["uid"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn no_event_is_lost_whoever_goes_away_and_when() {
    let folder = tempfile::tempdir().unwrap();
    let log = EvidenceLog::open(Options::new(folder.path().join("evidence"))).unwrap();
    let receiver = Receiver::start(|number| number % 3 != 2).await;
    let webhook =
        format!("{{ out: {{ webhook: {{ url: 'http://{}/hook' }} }} }}", receiver.address);
    let mut number = 0;
    for round in 0..6 {
        for _ in 0..5 {
            number += 1;
            // Some sessions are open when the exports end, and go on afterwards.
            session(&log, number, "postgres", number % 4 != 0);
        }
        // A gateway that ends in the middle of a delivery, or before or behind one.
        let exports = exports(folder.path(), &log, &webhook);
        let before = receiver.asked.load(Ordering::Relaxed);
        let is_some =
            || receiver.asked.load(Ordering::Relaxed) >= before + round || has_all(&exports);
        run_until(&exports, &log, is_some).await;
    }
    until_all(&exports(folder.path(), &log, &webhook), &log).await;
    let file = folder.path().join("all.log");
    let undisturbed = tempfile::tempdir().unwrap();
    let all = exports(
        undisturbed.path(),
        &log,
        &format!("{{ all: {{ file: {{ path: '{}' }} }} }}", file.display()),
    );
    until_all(&all, &log).await;
    let expected = ids_of(&lines(&file));
    let distinct: BTreeSet<&String> = expected.iter().collect();
    assert_eq!(distinct.len(), expected.len(), "one event has one id");
    assert_eq!(expected.iter().filter(|id| id.contains('/')).count(), expected.len());
    let found: BTreeSet<String> = receiver.ids().into_iter().collect();
    assert_eq!(found, expected.iter().cloned().collect(), "none is lost, none is made up");
    // 30 sessions of three exchanges that ended, and their openings.
    assert!(expected.len() >= 30 * 4, "{}", expected.len());
    log.close();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_exchange_that_is_open_when_exports_end_is_told_once_it_is_over() {
    let folder = tempfile::tempdir().unwrap();
    let log = EvidenceLog::open(Options::new(folder.path().join("evidence"))).unwrap();
    let file = folder.path().join("events.log");
    let text = format!("{{ all: {{ file: {{ path: '{}' }} }} }}", file.display());
    let mut recorder = log.session(SessionId(uuid::Uuid::from_u128(1))).unwrap();
    let person = Party::new(PartyKind::Person, "portreeve", "ottilie");
    recorder.stage(Event::SessionOpened {
        chain: Chain::new(person, vec![]),
        resource: "shop".into(),
        protocol: "postgres".into(),
        client: "127.0.0.1:4711".into(),
        application: None,
        tls: "none".into(),
        hour: 0,
        decision: Box::new(decision(Verdict::Allow)),
    });
    let (session, day) = (Usage::default(), Vec::new());
    recorder.stage(Event::Request { exchange: 1, hour: 0, session, day, commands: Vec::new() });
    recorder.submit().wait().unwrap();
    until_all(&exports(folder.path(), &log, &text), &log).await;
    let before = lines(&file).len();
    recorder.stage(Event::ExchangeClosed {
        exchange: 1,
        outcome: Outcome::Completed,
        rows: 7,
        changes: 0,
    });
    recorder.submit().wait().unwrap();
    until_all(&exports(folder.path(), &log, &text), &log).await;
    let events = lines(&file);
    assert_eq!(events.len(), before + 1, "the one that has ended, and no other again");
    let last = events.last().unwrap();
    assert_eq!(last["class_uid"], 6005);
    assert_eq!(last["actor"]["user"]["name"], "ottilie", "whose it is was read again");
    drop(recorder);
    log.close();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_redacted_is_in_no_form() {
    let folder = tempfile::tempdir().unwrap();
    let log = EvidenceLog::open(Options::new(folder.path().join("evidence"))).unwrap();
    session(&log, 1, "postgres", true);
    session(&log, 2, "http", true);
    let mut text = String::from("{ ");
    for format in ["ocsf", "ecs", "cef"] {
        for level in ["none", "people", "objects"] {
            let path = folder.path().join(format!("{format}-{level}.log"));
            text.push_str(&format!(
                "{format}-{level}: {{ format: {format}, redact: {level}, file: {{ path: '{}' }} }}, ",
                path.display()
            ));
        }
    }
    text.push('}');
    until_all(&exports(folder.path(), &log, &text), &log).await;
    let read = |name: &str| std::fs::read_to_string(folder.path().join(name)).unwrap();
    for format in ["ocsf", "ecs", "cef"] {
        let (none, people, objects) = (
            read(&format!("{format}-none.log")),
            read(&format!("{format}-people.log")),
            read(&format!("{format}-objects.log")),
        );
        assert!(
            none.contains("ottilie") && none.contains("127.0.0.1") && none.contains("customers")
        );
        assert!(!people.contains("ottilie") && !people.contains("127.0.0.1"), "{format}");
        assert!(people.contains("customers") && people.contains("planner"), "{format}");
        assert!(!objects.contains("ottilie") && !objects.contains("customers"), "{format}");
        assert_eq!(none.lines().count(), objects.lines().count(), "{format}");
    }
    log.close();
}
