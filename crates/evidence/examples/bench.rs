//! Measures the log on this machine: durable commits, CPU, sealing, verifying.
//!
//! `cargo run --release -p portreeve-evidence --example bench [DIR]`

#![allow(clippy::unwrap_used, clippy::print_stdout)]

use portreeve_evidence::{EvidenceLog, Options, SessionRecorder, Trust, verify};
use portreeve_model::{
    Action, Chain, CommandRecord, Decision, Direction, Event, Need, Object, Party, PartyKind,
    PolicyVersion, SessionId, Verdict,
};
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
        session_rows: 0,
        commands: vec![CommandRecord {
            times: 1,
            prepared: false,
            verb: "SELECT".into(),
            fingerprint: "a0d1c9be52fcdf25".into(),
            needs: vec![Need {
                action: Action::Read,
                object: Object::table("public", "customers"),
            }],
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
        kind,
        issuer: "portreeve".into(),
        subject: subject.into(),
        groups: vec!["analysts".into()],
    };
    Event::SessionOpened {
        chain: Chain {
            principal: party(PartyKind::Person, "ada"),
            actors: vec![party(PartyKind::Actor, "planner")],
            purpose: None,
        },
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
    Event::Response { exchange, rows, masked: [("email".into(), rows)].into() }
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

fn disk_alone(dir: &Path) {
    let file = fs::File::create(dir.join("fdatasync")).unwrap();
    file.write_all_at(&vec![0; 4 << 20], 0).unwrap();
    file.sync_all().unwrap();
    let (start, mut count) = (Instant::now(), 0);
    while start.elapsed() < ROUND && count < 6000 {
        file.write_all_at(&[1; 700], count * 700).unwrap();
        file.sync_data().unwrap();
        count += 1;
    }
    let each = start.elapsed().as_secs_f64() / count as f64;
    println!("disk alone: write of 700 bytes and fdatasync     {:8.1} µs", each * 1e6);
    fs::remove_file(dir.join("fdatasync")).unwrap();
}

async fn commits(dir: &Path, writers: usize) -> PathBuf {
    let (path, log) = fresh(dir, "commits");
    let (start, cpu_start) = (Instant::now(), cpu());
    let tasks: Vec<_> = (0..writers)
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
    waits.sort_unstable();
    let count = waits.len();
    let micros = |at: usize| waits[at.min(count - 1)].as_secs_f64() * 1e6;
    println!(
        "{writers:3} writers: {:8.0} durable commits/s   p50 {:6.0} µs  p99 {:6.0} µs   \
         CPU {:5.1} µs each   {:.1} commits a sync",
        count as f64 / seconds,
        micros(count / 2),
        micros(count * 99 / 100),
        used / count as f64 * 1e6,
        count as f64 / log.health().commits as f64,
    );
    log.close();
    path
}

fn staging(dir: &Path) {
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
    println!("stage a leaf and seal 200 bytes                  {:8.2} µs", micros(spent / COUNT));
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

async fn streaming(dir: &Path) {
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
    println!(
        "stream of 64 KiB chunks: {:6.0} MB/s durable, {:6.0} MB/s sealing alone, \
         {:.2} CPU s/GB, {:.1}× smaller",
        megabytes / seconds,
        megabytes / staged.as_secs_f64(),
        used / megabytes * 1e3,
        sealed as f64 / log.health().bytes as f64,
    );
}

async fn verifying(dir: &Path) {
    let (path, log) = fresh(dir, "verifying");
    let mut recorder = session(&log);
    for at in 0..400_000u64 {
        recorder.stage(request(at + 1));
        if at % 64 == 63 {
            let receipt = recorder.submit();
            if at % 64_000 == 63_999 {
                receipt.durable().await.unwrap();
            }
        }
    }
    recorder.submit().durable().await.unwrap();
    drop(recorder);
    log.close();
    report_verify(&path, "leaves alone");
}

fn report_verify(path: &Path, what: &str) {
    let (start, cpu_start) = (Instant::now(), cpu());
    let report = verify(path, &Trust::default());
    let seconds = start.elapsed().as_secs_f64();
    println!(
        "verify, {what}: {:?}, {} records, {} footers: {:9.0} leaves/s (CPU {:.2} s)",
        report.status,
        report.records,
        report.commits,
        report.records as f64 / seconds,
        cpu() - cpu_start,
    );
    report.findings.iter().for_each(|finding| println!("  {finding}"));
}

#[tokio::main]
async fn main() {
    let dir = std::env::args().nth(1).map_or_else(std::env::temp_dir, PathBuf::from);
    let dir = dir.join(format!("portreeve-bench-{}", std::process::id()));
    fs::create_dir_all(&dir).unwrap();
    disk_alone(&dir);
    for writers in [1, 8, 64] {
        let path = commits(&dir, writers).await;
        if writers != 8 {
            report_verify(&path, "as written by them");
        }
    }
    staging(&dir);
    streaming(&dir).await;
    verifying(&dir).await;
    disk_alone(&dir);
    fs::remove_dir_all(&dir).unwrap();
}
