//! The test vectors of `docs/formats/`: made again from fixed keys, byte by byte.

use super::sim_disk::SimDisk;
use super::support::{folder, opened, request, response, session_id};
use crate::extract::bundle::write_bundle;
use crate::keys::hpke;
use crate::keys::mint::Keys;
use crate::keys::seal::{PayloadKey, share_info};
use crate::log::recover::recover;
use crate::log::unit::Unit;
use crate::reader::log_reader::LogReader;
use crate::tlog::merkle::sha256;
use crate::tlog::note::Checkpoint;
use crate::tlog::signer::{CosignerKey, SignerKey};
use crate::tlog::tlog_proof::TlogProof;
use crate::tlog::trust_policy::TrustPolicy;
use crate::tlog::vkey::KeyKind;
use crate::verify::extract::verify_extract;
use crate::verify::report::Status;
use crate::verify::trust::Trust;
use crate::witness::{Cosigned, Witnessed};
use aws_lc_rs::agreement::{PrivateKey, X25519};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use portreeve_model::{Digest, Direction, Event, PayloadRef, Record};
use serde_json::json;
use std::path::PathBuf;
use std::sync::Arc;

const AUDITOR: [u8; 32] = [9; 32];
const AUDITORS_SHARE: [u8; 32] = [1; 32];
const GATEWAYS_SHARE: [u8; 32] = [2; 32];
const EPHEMERAL: [u8; 32] = [3; 32];
const LOG_SEED: [u8; 32] = [7; 32];
const WITNESS_SEED: [u8; 32] = [5; 32];

/// [`AUDITORS_SHARE`] as [`EPHEMERAL`] seals it to the auditors: whoever seals draws a fresh key.
const SEALED_SHARE: &str = "Xf7dO2vUf2+ijuFdlp1bsOpTd01Ii9r53xxuASSz7yJayaSNEl+OJC4hj3sz\
                            FwbR5DaXPUixmfzKNSSenSoIl7WuignULKas8ER2W99yLwg=";

fn auditor_public() -> [u8; 32] {
    let private = PrivateKey::from_private_key(&X25519, &AUDITOR).unwrap();
    private.compute_public_key().unwrap().as_ref().try_into().unwrap()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The clear payloads: one that is stored as it is, one that is compressed.
fn clear() -> [(Direction, Vec<u8>); 2] {
    [
        (Direction::FromClient, b"select * from customers;".to_vec()),
        (Direction::ToClient, b"1|a...@example.com\n".repeat(20)),
    ]
}

fn records() -> Vec<(Record, Option<Vec<u8>>)> {
    let session = session_id(1);
    let sealed = BASE64.decode(SEALED_SHARE).unwrap();
    assert_eq!(hpke::open(&AUDITOR, &share_info(session), &sealed).unwrap(), AUDITORS_SHARE);
    let share = SEALED_SHARE.to_owned();
    let key = PayloadKey::from_shares(session, &AUDITORS_SHARE, &GATEWAYS_SHARE).unwrap();
    let [asked, answered] = clear();
    let events = [
        (Event::RecordingKey { share }, None),
        (opened(), None),
        (request(1), Some(asked)),
        (response(1, 20), Some(answered)),
    ];
    let made = (0u64..).zip(events).map(|(seq, (event, clear))| {
        let sealed = clear.map(|(direction, bytes)| {
            let sealed = key.seal(seq, direction, &bytes).unwrap();
            let digest = Digest(sha256(&sealed));
            (PayloadRef { direction, digest, bytes: bytes.len() as u64 }, sealed)
        });
        let record = Record {
            at_us: 1_700_000_000_000_000 + seq,
            session: Some(session),
            seq,
            salt: format!("{seq:032x}"),
            event,
            payload: sealed.as_ref().map(|(payload, _)| payload.clone()),
        };
        (record, sealed.map(|(_, sealed)| sealed))
    });
    made.collect()
}

fn vectors() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/formats/vectors")
}

fn compare(name: &str, made: &str) {
    let path = vectors().join(name);
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, made).unwrap();
    }
    let kept = std::fs::read_to_string(&path).unwrap();
    assert!(kept == made, "`{name}` is not what the crate writes; UPDATE=1 rewrites it");
}

#[test]
fn the_vectors_hold() {
    let disk = SimDisk::new(0);
    let signer = SignerKey::from_seed("portreeve/vectors", LOG_SEED).unwrap();
    let public = signer.verifier().to_string();
    let keys = Keys { signer, auditor_public: auditor_public() };
    let mut journal = recover(Arc::new(disk.clone()), keys, 8192, None).unwrap().journal;
    let records = records();
    for pair in records.chunks(2) {
        let mut unit = Unit::default();
        for (record, sealed) in pair {
            unit.push(record, sealed.as_deref()).unwrap();
        }
        journal.commit(&[unit]).unwrap();
    }
    let segment = disk.files().remove("segment-0000000001.log").unwrap();
    let written = segment.iter().rposition(|byte| *byte != 0).unwrap() + 1;
    let lines: Vec<String> = segment[..written].chunks(32).map(hex).collect();
    compare("segment-0000000001.hex", &(lines.join("\n") + "\n"));
    let log = json!({
        "log_public": public,
        "log_seed": hex(&LOG_SEED),
        "auditor_private": hex(&AUDITOR),
        "auditors_share": hex(&AUDITORS_SHARE),
        "gateways_share": hex(&GATEWAYS_SHARE),
        "hpke_ephemeral_private": hex(&EPHEMERAL),
        "records": records.iter().map(|(record, _)| record).collect::<Vec<_>>(),
        "payloads": clear().map(|(_, bytes)| String::from_utf8(bytes).unwrap()),
        "size": journal.size(),
        "checkpoint": journal.note(),
    });
    compare("log.json", &(serde_json::to_string_pretty(&log).unwrap() + "\n"));
    extracts_hold(&segment, &public, journal.note().unwrap());
}

/// What is taken out of that log, with a witness's word: `witnessed`, a proof, a bundle, and
/// a policy that they meet.
fn extracts_hold(segment: &[u8], public: &str, note: &str) {
    let dir = folder();
    std::fs::write(dir.path().join("segment-0000000001.log"), segment).unwrap();
    std::fs::write(dir.path().join("log.pub"), public).unwrap();
    let kind = KeyKind::CosignatureV1;
    let witness = CosignerKey::from_seed("witness.example/vectors", kind, WITNESS_SEED).unwrap();
    let body = Checkpoint::unverified(note).unwrap().body();
    let line = witness.cosign(&body, 1_700_000_001).unwrap();
    let key = public.parse().unwrap();
    let cosigned = Cosigned { line: line.trim_end().to_owned(), at: 1_700_000_001 };
    let witnessed = Witnessed::store(dir.path(), &key, note, &[cosigned]).unwrap();
    compare("witnessed", &witnessed.note);
    let policy = format!("log {public}\nwitness w {}\nquorum w\n", witness.verifier());
    compare("policy.txt", &policy);

    let mut bundle = Vec::new();
    write_bundle(dir.path(), session_id(1), &mut bundle, |_, _| {}).unwrap();
    compare("bundle.jsonl", &String::from_utf8(bundle).unwrap());
    let reader = LogReader::open(dir.path()).unwrap();
    let inclusion = reader.inclusion(&[2], &witnessed.checkpoint).unwrap().remove(0);
    let leaf = serde_json::to_vec(&records()[2].0).unwrap();
    let proof = TlogProof { leaf: Some(leaf), inclusion, checkpoint: witnessed.note };
    compare("record-2.tlog-proof", &proof.to_text());

    let policy = Some(TrustPolicy::parse(policy.as_bytes()).unwrap());
    let trust = Trust { policy, ..Trust::default() };
    for name in ["bundle.jsonl", "record-2.tlog-proof"] {
        let report = verify_extract(&vectors().join(name), &trust, |_, _| {});
        assert_eq!(report.status, Status::Ok, "{name}: {:?}", report.findings);
    }
}
