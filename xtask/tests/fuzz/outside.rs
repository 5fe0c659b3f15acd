//! What comes from witnesses, logs and verifiers elsewhere: requests to a witness, trust
//! policies, and what was taken out of a log.

use crate::campaign::{Campaign, Folder};
use portreeve_evidence::trust_policy::TrustPolicy;
use portreeve_evidence::witness::{AddCheckpoint, Witness, cosigned, origin_hash};
use portreeve_evidence::{Status, TlogProof, Trust, VerifierKey, verify_extract};
use std::path::{Path, PathBuf};

fn vector(name: &str) -> Vec<u8> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/formats/vectors");
    std::fs::read(folder.join(name)).unwrap()
}

fn policy() -> TrustPolicy {
    TrustPolicy::parse(&vector("policy.txt")).unwrap()
}

#[test]
fn changed_extracts() {
    let folder = Folder::new("extracts");
    let path: PathBuf = folder.0.join("extract");
    let trust = Trust { policy: Some(policy()), ..Trust::default() };
    let words = ["extra ", "index ", "\"proof\":[]", "\"sealed\":\"\"", "\n\n", "— ", "AAAA"];
    for name in ["record-2.tlog-proof", "bundle.jsonl"] {
        let whole = vector(name);
        let seeds = vec![whole.clone()];
        Campaign { target: "extracts", inputs: 250, seeds, words: &words }.run(|input| {
            std::fs::write(&path, input).unwrap();
            let report = verify_extract(&path, &trust, |_, _| {});
            if report.status == Status::Ok {
                // Space in JSON, a signature line of a stranger: the same in other words.
                let (found, known) = (leaves(input), leaves(&whole));
                assert!(!found.is_empty() && report.records == found.len() as u64);
                assert!(found.iter().all(|leaf| known.contains(leaf)), "a change was called fine");
            }
        });
    }
}

/// The records in a proof or a bundle.
fn leaves(extract: &[u8]) -> Vec<Vec<u8>> {
    let text = String::from_utf8_lossy(extract);
    match TlogProof::parse(&text) {
        Ok(proof) => proof.leaf.into_iter().collect(),
        Err(_) => text
            .lines()
            .skip(1)
            .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
            .filter_map(|line| Some(line.get("leaf")?.as_str()?.as_bytes().to_vec()))
            .collect(),
    }
}

#[test]
fn trust_policies() {
    let words = ["log ", "witness ", "group g all ", "quorum none\n", "any", "2", "\t", "#"];
    let note = String::from_utf8(vector("witnessed")).unwrap();
    let seeds = vec![vector("policy.txt")];
    Campaign { target: "trust_policies", inputs: 400, seeds, words: &words }.run(|input| {
        if let Ok(policy) = TrustPolicy::parse(input) {
            let judged = policy.judge(&note);
            assert_eq!(judged, policy.judge(&note), "the same twice");
        }
    });
}

#[test]
fn requests_to_a_witness() {
    let folder = Folder::new("witness");
    let log: VerifierKey = policy().logs().first().unwrap().clone();
    let open = |name: &str| {
        let dir = folder.0.join(name);
        Witness::open(&dir, Some("w.example"), std::slice::from_ref(&log)).unwrap()
    };
    let checkpoint = String::from_utf8(vector("witnessed")).unwrap();
    let request = AddCheckpoint { old_size: 0, proof: vec![], checkpoint };
    let good = request.to_body().into_bytes();
    let witness = open("one");
    let hash = origin_hash(log.name());
    let words = ["old 0\n", "old 4\n", "\n\n", "— ", "portreeve/vectors\n", "AAAA=\n", "0\n"];
    let seeds = vec![good.clone()];
    Campaign { target: "requests_to_a_witness", inputs: 300, seeds, words: &words }.run(|input| {
        let Ok(text) = std::str::from_utf8(input) else { return };
        if let Ok(lines) = witness.add_checkpoint(text, 7) {
            let note = AddCheckpoint::parse(text).unwrap().checkpoint;
            assert!(log.open(&note).is_some(), "what the log did not sign was cosigned");
            assert!(witness.keys().iter().all(|key| cosigned(&note, &lines, key).is_ok()));
        }
        // What is remembered is the log's, whatever came.
        let kept = witness.checkpoint(&hash);
        assert!(kept.is_none_or(|note| log.open(&note).is_some_and(|kept| kept.size == 4)));
    });
}
