//! Measures the log on this machine: durable commits, both barriers, sealing, verifying.
//!
//! `cargo run --release -p portreeve-evidence --example bench -- [--json] [--verify-only] [DIR]`

#![allow(clippy::unwrap_used, clippy::print_stdout)]

use portreeve_evidence::{EvidenceLog, Options, SessionRecorder, Trust, verify};
use portreeve_model::{
    Action, Chain, CommandRecord, Decision, Direction, Event, Facts, Need, Object, Outcome, Party,
    PartyKind, PolicyVersion, SessionId, Usage, Verdict,
};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

const ROUND: Duration = Duration::from_secs(3);

fn request(exchange: u64) -> Event {
    Event::Request {
        exchange,
        hour: 472_222,
        session: Usage::default(),
        day: Vec::new(),
        commands: vec![CommandRecord {
            times: 1,
            runs_later: false,
            verb: "SELECT".into(),
            fingerprint: "a0d1c9be52fcdf25".into(),
            shape: String::new(),
            needs: vec![Need {
                action: Action::Read,
                object: Object::table("public", "customers"),
            }],
            facts: Facts::default(),
            before: portreeve_model::Usage::default(),
            categories: BTreeMap::new(),
            unknown: None,
            decision: Some(Decision {
                verdict: Verdict::Allow,
                policy: PolicyVersion("5b1c9f0e".into()),
                reasons: Vec::new(),
                review_groups: Vec::new(),
            }),
            revealed: Vec::new(),
        }],
    }
}

fn opened() -> Event {
    let party = |kind, subject: &str| Party {
        groups: vec!["analysts".into()],
        ..Party::new(kind, "portreeve", subject)
    };
    Event::SessionOpened {
        chain: Chain::new(
            party(PartyKind::Person, "ada"),
            vec![party(PartyKind::Actor, "planner")],
        ),
        resource: "shop".into(),
        protocol: "postgres".into(),
        client: "127.0.0.1:50000".into(),
        application: None,
        tls: "TLSv1.3".into(),
        hour: 0,
        decision: Box::new(Decision {
            verdict: Verdict::Allow,
            policy: "none".into(),
            reasons: vec![],
            review_groups: vec![],
        }),
    }
}

fn response(exchange: u64, rows: u64) -> Event {
    Event::Response {
        exchange,
        rows,
        masked: [("email".into(), rows)].into(),
        detected: Vec::new(),
        revealed_by: None,
    }
}

fn session(log: &EvidenceLog) -> SessionRecorder {
    let mut bytes = [0; 16];
    aws_lc_rs::rand::fill(&mut bytes).unwrap();
    let id = SessionId(uuid::Builder::from_random_bytes(bytes).into_uuid());
    let mut recorder = log.session(id).unwrap();
    recorder.stage(opened());
    recorder
}

/// CPU seconds of this process so far.
fn cpu() -> f64 {
    let stat = fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
    let ticks: f64 = fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap();
    ticks / 100.0
}

fn fresh(dir: &Path, name: &str) -> (PathBuf, EvidenceLog) {
    let dir = dir.join(name);
    let _ = fs::remove_dir_all(&dir);
    let log = EvidenceLog::open(Options::new(&dir)).unwrap();
    (dir, log)
}

/// A file that is written as the log is: laid out in advance, synced after each write.
struct Alone {
    file: fs::File,
    at: u64,
}

impl Alone {
    const WRITE: [u8; 700] = [1; 700];

    fn new(dir: &Path) -> Self {
        let file = fs::File::create(dir.join("fdatasync")).unwrap();
        file.write_all_at(&vec![0; 8 << 20], 0).unwrap();
        file.sync_all().unwrap();
        Self { file, at: 0 }
    }

    fn write(&mut self) -> Duration {
        let begin = Instant::now();
        self.file.write_all_at(&Self::WRITE, self.at).unwrap();
        self.file.sync_data().unwrap();
        self.at = (self.at + 700) % (4 << 20);
        begin.elapsed()
    }
}

fn disk_alone(dir: &Path) -> Value {
    let (mut alone, start, mut waits) = (Alone::new(dir), Instant::now(), Vec::new());
    while start.elapsed() < ROUND {
        waits.push(alone.write());
    }
    json!({ "write_bytes": Alone::WRITE.len(), "p50_us": share(&mut waits, 50) })
}

/// What the two barriers add to a command of one client, beside two writes of the disk
/// alone, by turns.
async fn barriers(dir: &Path) -> Value {
    let (_, log) = fresh(dir, "barriers");
    let mut recorder = session(&log);
    let (mut alone, start) = (Alone::new(dir), Instant::now());
    let (mut ours, mut disk, mut count) = (Vec::new(), Vec::new(), 0u64);
    let reply = rows(1000);
    while start.elapsed() < ROUND {
        count += 1;
        let begin = Instant::now();
        recorder.stage_payload(request(count), Direction::FromClient, &[b'q'; 200]);
        recorder.submit().durable().await.unwrap();
        recorder.stage_payload(response(count, 1), Direction::ToClient, &reply);
        recorder.submit().durable().await.unwrap();
        ours.push(begin.elapsed());
        disk.push(alone.write() + alone.write());
    }
    log.close();
    let (ours, disk) = (share(&mut ours, 50), share(&mut disk, 50));
    json!({ "both_p50_us": ours, "two_fdatasyncs_p50_us": disk, "added_p50_us": ours - disk })
}

/// So many per cent of these are not longer, in microseconds.
fn share(waits: &mut [Duration], percent: usize) -> f64 {
    waits.sort_unstable();
    let at = (waits.len() * percent / 100).min(waits.len().saturating_sub(1));
    waits.get(at).map_or(0.0, |wait| micros(*wait))
}

async fn commits(dir: &Path, clients: usize) -> Value {
    let (_, log) = fresh(dir, "commits");
    let (start, cpu_start) = (Instant::now(), cpu());
    let tasks: Vec<_> = (0..clients)
        .map(|_| {
            let mut recorder = session(&log);
            tokio::spawn(async move {
                let (mut count, mut waits) = (0u64, Vec::new());
                while start.elapsed() < ROUND {
                    let begin = Instant::now();
                    recorder.stage_payload(request(count + 1), Direction::FromClient, &[b'q'; 200]);
                    recorder.submit().durable().await.unwrap();
                    waits.push(begin.elapsed());
                    count += 1;
                }
                waits
            })
        })
        .collect();
    let mut waits = Vec::new();
    for task in tasks {
        waits.extend(task.await.unwrap());
    }
    let (seconds, used) = (start.elapsed().as_secs_f64(), cpu() - cpu_start);
    let count = waits.len() as f64;
    let commits = log.health().commits as f64;
    log.close();
    json!({
        "clients": clients,
        "durable_per_s": count / seconds,
        "p50_us": share(&mut waits, 50),
        "p99_us": share(&mut waits, 99),
        "cpu_us_each": used / count * 1e6,
        "commands_per_sync": count / commits,
    })
}

fn staging(dir: &Path) -> Value {
    let (_, log) = fresh(dir, "staging");
    let mut recorder = session(&log);
    const COUNT: u32 = 100_000;
    let mut spent = Duration::ZERO;
    for at in 0..COUNT {
        let begin = Instant::now();
        recorder.stage_payload(request(u64::from(at) + 1), Direction::FromClient, &[b'q'; 200]);
        spent += begin.elapsed();
        if at % 1000 == 0 {
            recorder.submit().wait().unwrap();
        }
    }
    json!({ "leaf_with_200_bytes_us": micros(spent / COUNT) })
}

fn micros(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e6
}

/// Rows as a database answers them: names, numbers, dates, a little free text.
fn rows(bytes: usize) -> Vec<u8> {
    let words = ["amber", "birch", "copper", "delta", "ember", "fjord", "grove", "harbour"];
    let mut state = 1u64;
    let mut out = Vec::with_capacity(bytes + 300);
    while out.len() < bytes {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let pick = |shift: u32| words[(state >> shift) as usize % words.len()];
        out.extend_from_slice(
            format!(
                "{}\t{} {}\tc…@example.com\t{}\t2026-{:02}-{:02}\t{} {} {}\t{:x}\n",
                state >> 33,
                pick(20),
                pick(24),
                state >> 50,
                state % 12 + 1,
                state % 28 + 1,
                pick(30),
                pick(34),
                pick(38),
                state,
            )
            .as_bytes(),
        );
    }
    out.truncate(bytes);
    out
}

async fn streaming(dir: &Path) -> Value {
    let (_, log) = fresh(dir, "streaming");
    let mut recorder = session(&log);
    recorder.stage(request(1));
    let chunk = rows(64 << 10);
    let (start, cpu_start) = (Instant::now(), cpu());
    let (mut sealed, mut before, mut staged) = (0u64, None, Duration::ZERO);
    while start.elapsed() < ROUND {
        let begin = Instant::now();
        recorder.stage_payload(response(1, 220), Direction::ToClient, &chunk);
        staged += begin.elapsed();
        let receipt = recorder.submit();
        if let Some(before) = before.replace(receipt) {
            before.durable().await.unwrap();
        }
        sealed += chunk.len() as u64;
    }
    before.unwrap().durable().await.unwrap();
    let (seconds, used) = (start.elapsed().as_secs_f64(), cpu() - cpu_start);
    let megabytes = sealed as f64 / 1e6;
    let smaller = sealed as f64 / log.health().bytes as f64;
    log.close();
    json!({
        "chunk_bytes": chunk.len(),
        "durable_mb_per_s": megabytes / seconds,
        "sealing_alone_mb_per_s": megabytes / staged.as_secs_f64(),
        "cpu_s_per_gb": used / megabytes * 1e3,
        "times_smaller": smaller,
    })
}

const VERIFY_SESSIONS: usize = 50;
const VERIFY_EXCHANGES: u64 = 4000;

/// Verifies a log of many clients, whose records share footers. `stage` makes the records
/// of one exchange of one session.
async fn verifying(dir: &Path, stage: impl Fn(&mut SessionRecorder, u64)) -> Value {
    let (path, log) = fresh(dir, "verifying");
    let mut recorders: Vec<_> = (0..VERIFY_SESSIONS).map(|_| session(&log)).collect();
    let mut last = None;
    for exchange in 1..=VERIFY_EXCHANGES {
        for recorder in &mut recorders {
            stage(recorder, exchange);
            last = Some(recorder.submit());
        }
        if let Some(receipt) = last.take() {
            receipt.durable().await.unwrap();
        }
    }
    drop(recorders);
    log.close();
    let (start, cpu_start) = (Instant::now(), cpu());
    let report = verify(&path, &Trust::default());
    let (seconds, used) = (start.elapsed().as_secs_f64(), cpu() - cpu_start);
    assert_eq!(report.status, portreeve_evidence::Status::Ok, "{:?}", report.findings);
    json!({
        "leaves": report.records,
        "footers": report.commits,
        "sealed_mb": report.payload_bytes as f64 / 1e6,
        "leaves_per_s": report.records as f64 / seconds,
        "leaves_per_core_s": report.records as f64 / used,
        "memory_peak_mib": memory_peak_mib(),
    })
}

/// Two logs: requests alone, and whole exchanges: a request with its bytes, an answer with
/// a kilobyte of rows, an end.
async fn verifying_both(dir: &Path) -> Value {
    let answer = rows(1000);
    let requests = verifying(dir, |recorder, exchange| recorder.stage(request(exchange))).await;
    let exchanges = verifying(dir, |recorder, exchange| {
        recorder.stage_payload(request(exchange), Direction::FromClient, &[b'q'; 200]);
        recorder.stage_payload(response(exchange, 9), Direction::ToClient, &answer);
        let outcome = Outcome::Completed;
        recorder.stage(Event::ExchangeClosed { exchange, outcome, rows: 9, changes: 0 });
    })
    .await;
    json!({ "requests": requests, "exchanges": exchanges })
}

/// Most memory that this process has held at once.
fn memory_peak_mib() -> f64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.split_whitespace().next().unwrap().parse::<f64>().unwrap() / 1024.0
}

async fn measure(dir: &Path, is_verify_only: bool) -> Value {
    if is_verify_only {
        return json!({ "verify": verifying_both(dir).await });
    }
    let before = disk_alone(dir);
    let mut commands = Vec::new();
    for clients in [1, 8, 64] {
        commands.push(commits(dir, clients).await);
    }
    json!({
        "commands": commands,
        "barriers": barriers(dir).await,
        "staging": staging(dir),
        "stream": streaming(dir).await,
        "verify": verifying_both(dir).await,
        "disk": { "before": before, "after": disk_alone(dir) },
    })
}

fn show(name: &str, value: &Value) {
    match value {
        Value::Object(fields) => {
            fields.iter().for_each(|(field, value)| show(&format!("{name} {field}"), value));
        }
        Value::Array(all) => all.iter().for_each(|value| show(name, value)),
        Value::Number(number) => println!("{name:42} {:14.1}", number.as_f64().unwrap_or(0.0)),
        other => println!("{name:42} {other}"),
    }
}

#[tokio::main]
async fn main() {
    let (flags, places): (Vec<String>, Vec<String>) =
        std::env::args().skip(1).partition(|word| word.starts_with("--"));
    let has = |flag: &str| flags.iter().any(|word| word == flag);
    let dir = places.first().map_or_else(std::env::temp_dir, PathBuf::from);
    fs::create_dir_all(&dir).unwrap();
    let folder = tempfile::tempdir_in(dir).unwrap();
    let report = measure(folder.path(), has("--verify-only")).await;
    match has("--json") {
        true => println!("{report:#}"),
        false => show("evidence", &report),
    }
}
