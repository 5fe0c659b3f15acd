//! Short histories on the simulated disk.
//!
//! The promise: whatever was acknowledged is in the committed records after any stop, in
//! order, and the keys of what was sealed are there; nothing that is there was not
//! handed over; and no stop looks like tampering.

use super::sim_disk::{Random, SimDisk};
use super::support::{folder, session_id};
use crate::error::Error;
use crate::format::frame::{self, Kind, Next, segment_number};
use crate::keys::keyring::{self, Share};
use crate::keys::mint::Keys;
use crate::log::journal::Journal;
use crate::log::recover::{Recovered, recover};
use crate::log::unit::Unit;
use crate::tlog::merkle::sha256;
use crate::tlog::signer::SignerKey;
use crate::verify::report::Status;
use crate::verify::trust::Trust;
use crate::verify::verifier::verify;
use portreeve_model::{Digest, Direction, Event, PayloadRef, Record, SessionId};
use std::ops::Range;
use std::sync::Arc;

const SEGMENT_BYTES: u64 = 4096;

fn keys() -> Keys {
    let signer = SignerKey::from_seed("portreeve/sim", [5; 32]).unwrap();
    Keys { signer, auditor_public: [0; 32] }
}

/// The leaves that are committed on the disk.
fn committed(disk: &SimDisk) -> Vec<Vec<u8>> {
    let mut leaves = Vec::new();
    for (_, bytes) in disk.files().into_iter().filter(|(name, _)| segment_number(name).is_some()) {
        let (mut batch, mut offset) = (Vec::new(), 0);
        while let Next::Frame(frame) = frame::at(&bytes, offset) {
            offset = frame.end();
            match frame.kind {
                Kind::Leaf => batch.push(frame.body.to_vec()),
                Kind::Footer => leaves.append(&mut batch),
                Kind::Head | Kind::Payload => {}
            }
        }
    }
    leaves
}

struct History {
    disk: SimDisk,
    random: Random,
    /// What a gateway told its clients was durable.
    acknowledged: Vec<Vec<u8>>,
    /// What it handed over last, without an answer.
    unanswered: Vec<Vec<u8>>,
    shares: Vec<SessionId>,
    head: Option<String>,
    seq: u64,
    count: u128,
}

impl History {
    fn new(seed: u64) -> Self {
        Self {
            disk: SimDisk::new(seed),
            random: Random::new(!seed),
            acknowledged: Vec::new(),
            unanswered: Vec::new(),
            shares: Vec::new(),
            head: None,
            seq: 0,
            count: 0,
        }
    }

    fn unit(&mut self, event: Event) -> Unit {
        let mut unit = Unit::default();
        if self.random.one_in(4) {
            self.count += 1;
            unit.shares.push(Share { session: session_id(self.count), share: [7; 32] });
        }
        let size = self.random.below(400) as usize;
        let sealed: Vec<u8> = (0..size).map(|_| self.random.next() as u8).collect();
        let payload = self.random.one_in(2).then(|| PayloadRef {
            direction: Direction::ToClient,
            digest: Digest(sha256(&sealed)),
            bytes: size as u64,
        });
        let record = Record {
            at_us: 1,
            session: None,
            seq: self.seq,
            salt: format!("{:x}", self.random.next()),
            event,
            payload,
        };
        let sealed = record.payload.is_some().then_some(sealed.as_slice());
        unit.push(&record, sealed).unwrap();
        self.seq += 1;
        self.unanswered.push(serde_json::to_vec(&record).unwrap());
        unit
    }

    /// Opens the log and compares it with what was promised.
    fn open(&mut self) -> Option<Journal> {
        let disk = Arc::new(self.disk.clone());
        let recovered = recover(disk, keys(), SEGMENT_BYTES, self.head.as_deref());
        let journal = match recovered {
            Ok(Recovered { journal, .. }) => journal,
            // The power failed or a sector could not be written: try again later.
            Err(Error::Store { .. }) => return None,
            Err(error) => panic!("a stop looks like damage: {error}"),
        };
        let found = committed(&self.disk);
        assert_eq!(journal.size(), found.len() as u64);
        let (promised, more) = found.split_at(self.acknowledged.len().min(found.len()));
        assert!(promised == self.acknowledged, "an acknowledged record is gone");
        assert!(self.unanswered.starts_with(more), "a record that nobody handed over");
        let there = keyring::sessions(&self.disk).unwrap();
        for session in &self.shares {
            assert!(there.contains(session), "a key of acknowledged bytes is gone");
        }
        self.acknowledged = found;
        self.unanswered.clear();
        Some(journal)
    }

    /// A gateway's life: until its end, or until something fails.
    fn run(&mut self, mut journal: Journal, commits: u64) {
        self.seq = 0;
        for number in 0..commits {
            if self.random.one_in(8) {
                let full = self.random.one_in(2);
                self.disk.set_full(full);
            }
            if self.random.one_in(2) && journal.reserve.fill_one().is_err() {
                // What the other thread sees: it warns, or seals.
            }
            let mut units = Vec::new();
            for _ in 0..=self.random.below(3) {
                let event = match number + units.len() as u64 {
                    0 => Event::GatewayStarted { version: "0".into(), durability: "strict".into() },
                    _ => Event::SessionRefused {
                        protocol: "x".into(),
                        client: "y".repeat(self.random.below(200) as usize),
                        why: String::new(),
                        count: 1,
                    },
                };
                units.push(self.unit(event));
            }
            if journal.commit(&units).is_err() {
                return;
            }
            self.acknowledged.append(&mut self.unanswered);
            self.shares.extend(units.iter().flat_map(|u| &u.shares).map(|share| share.session));
            if self.random.one_in(2) {
                self.head = journal.note().map(str::to_owned);
            }
        }
    }

    /// The directory as an auditor gets it.
    fn audit(&self) {
        let dir = folder();
        std::fs::create_dir(dir.path().join(keyring::FOLDER)).unwrap();
        for (name, bytes) in self.disk.files() {
            std::fs::write(dir.path().join(name), bytes).unwrap();
        }
        let key = keys().signer.verifier().to_string();
        std::fs::write(dir.path().join("log.pub"), key).unwrap();
        if let Some(head) = &self.head {
            std::fs::write(dir.path().join("head"), head).unwrap();
        }
        let report = verify(dir.path(), &Trust::default());
        assert_ne!(report.status, Status::Tampered, "{:?}", report.findings);
        assert_eq!(report.records, self.acknowledged.len() as u64);
    }
}

fn history(seed: u64) {
    let mut history = History::new(seed);
    for _ in 0..3 {
        let power = 1 + history.random.below(80);
        let fault = if history.random.one_in(3) { 1 + history.random.below(60) } else { 0 };
        history.disk.plan(power, fault);
        if let Some(journal) = history.open() {
            let commits = 1 + history.random.below(5);
            history.run(journal, commits);
        }
        // A stop of the machine, or of the gateway alone.
        if history.random.one_in(4) {
            history.disk.plan(u64::MAX, 0);
            history.disk.set_full(false);
        } else {
            history.disk.crash();
        }
    }
    history.disk.crash();
    let journal = history.open().expect("nothing fails any more");
    history.run(journal, 1);
    history.open().expect("nothing fails any more");
    if seed.is_multiple_of(100) {
        history.audit();
    }
}

/// The seeds to run: `PORTREEVE_SEEDS` is how many, or a range such as `10000..200000`.
fn seeds() -> Range<u64> {
    let Ok(text) = std::env::var("PORTREEVE_SEEDS") else { return 0..10_000 };
    let (first, end) = text.split_once("..").unwrap_or(("0", &text));
    let number = |text: &str| text.parse().expect("PORTREEVE_SEEDS is a count or a range");
    number(first)..number(end)
}

/// Runs seeds of one residue.
fn histories(part: u64, parts: u64) {
    for seed in seeds().filter(|seed| seed % parts == part) {
        let run = std::panic::catch_unwind(|| history(seed));
        assert!(run.is_ok(), "seed {seed}");
    }
}

#[test]
fn what_was_acknowledged_survives_every_history_first_half() {
    histories(0, 2);
}

#[test]
fn what_was_acknowledged_survives_every_history_second_half() {
    histories(1, 2);
}
