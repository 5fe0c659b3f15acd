//! What is taken out of a log proves itself, and nothing that was changed does.

use super::support::{folder, session_id, small_log};
use crate::extract::bundle::{checkpoint_for, write_bundle};
use crate::reader::log_reader::LogReader;
use crate::tlog::tlog_proof::TlogProof;
use crate::tlog::trust_policy::TrustPolicy;
use crate::verify::extract::{ExtractReport, verify_extract};
use crate::verify::report::Status;
use crate::verify::trust::Trust;
use crate::witness::{AddCheckpoint, Witness, Witnessed, cosigned};
use std::fs;
use std::ops::ControlFlow;
use std::path::Path;

fn check(dir: &Path, text: &str, trust: &Trust) -> ExtractReport {
    let path = dir.join("extract");
    fs::write(&path, text).unwrap();
    verify_extract(&path, trust, |_, _| {})
}

fn trusting(reader: &LogReader) -> Trust {
    Trust { key: Some(reader.key().clone()), ..Trust::default() }
}

fn proof_of(dir: &Path, index: u64) -> TlogProof {
    let reader = LogReader::open(dir).unwrap();
    let (note, _) = checkpoint_for(&reader, index).unwrap();
    let checkpoint = reader.key().open(&note).unwrap();
    let inclusion = reader.inclusion(&[index], &checkpoint).unwrap().remove(0);
    let mut leaf = None;
    reader
        .for_each_since(index, |entry| {
            leaf = Some(entry.leaf.to_vec());
            Ok(ControlFlow::Break(()))
        })
        .unwrap();
    TlogProof { leaf, inclusion, checkpoint: note }
}

#[test]
fn a_record_is_proven_by_one_file() {
    let log = folder();
    small_log(log.path());
    let reader = LogReader::open(log.path()).unwrap();
    let trust = trusting(&reader);
    for index in [0, 1, 7] {
        let proof = proof_of(log.path(), index);
        let text = proof.to_text();
        let report = check(log.path(), &text, &trust);
        assert_eq!((report.status, report.records), (Status::Ok, 1), "{:?}", report.findings);
        assert!(report.record.is_some());
        let wrong = |proof: TlogProof, expect: Status| {
            let found = check(log.path(), &proof.to_text(), &trust);
            assert_eq!(found.status, expect, "{:?}", found.findings);
        };
        let mut other = proof.clone();
        other.inclusion.index += 1;
        wrong(other, Status::Tampered);
        let mut other = proof.clone();
        other.leaf.as_mut().unwrap()[20] ^= 1;
        wrong(other, Status::Tampered);
        let mut other = proof.clone();
        other.checkpoint = other.checkpoint.replacen('\n', "x\n", 1);
        wrong(other, Status::Tampered);
        wrong(TlogProof { leaf: None, ..proof.clone() }, Status::Unusable);
    }
    let text = proof_of(log.path(), 3).to_text();
    assert_eq!(check(log.path(), &text, &Trust::default()).status, Status::Unusable);
}

fn bundle_of(dir: &Path, session: u128) -> String {
    let mut out = Vec::new();
    let bundled = write_bundle(dir, session_id(session), &mut out, |_, _| {}).unwrap();
    let text = String::from_utf8(out).unwrap();
    assert_eq!(text.lines().count() as u64, bundled.records + 1);
    text
}

#[test]
fn a_session_is_handed_over_in_one_file() {
    let log = folder();
    small_log(log.path());
    let reader = LogReader::open(log.path()).unwrap();
    for session in [1, 2] {
        let report = check(log.path(), &bundle_of(log.path(), session), &trusting(&reader));
        assert_eq!(report.status, Status::Ok, "{:?}", report.findings);
        assert_eq!(
            (report.session, report.session_is_whole),
            (Some(session_id(session)), Some(true))
        );
        assert_eq!((report.records, report.payloads), (6, 2));
    }
    let unknown = write_bundle(log.path(), session_id(9), &mut Vec::new(), |_, _| {});
    assert!(unknown.unwrap_err().to_string().contains("no session"));
}

#[test]
fn a_changed_bundle_is_found() {
    let log = folder();
    small_log(log.path());
    let reader = LogReader::open(log.path()).unwrap();
    let good = bundle_of(log.path(), 1);
    let lines: Vec<&str> = good.split_inclusive('\n').collect();
    let find = |text: String| {
        let report = check(log.path(), &text, &trusting(&reader));
        assert_ne!(report.status, Status::Ok, "{text}");
    };
    let bytes = good.as_bytes();
    for at in (0..bytes.len()).step_by(7) {
        let mut bad = bytes.to_vec();
        bad[at] = if bad[at] == b'A' { b'B' } else { b'A' };
        if let Ok(text) = String::from_utf8(bad) {
            find(text);
        }
    }
    for leave_out in 0..lines.len() {
        let rest = lines.iter().enumerate().filter(|(at, _)| *at != leave_out);
        find(rest.map(|(_, line)| *line).collect());
    }
    find(lines.concat() + lines[1]);
    let mut swapped = lines.clone();
    swapped.swap(2, 3);
    find(swapped.concat());
    find(good[..good.len() - 1].to_owned());
    let other: Vec<String> =
        bundle_of(log.path(), 2).split_inclusive('\n').map(str::to_owned).collect();
    find(lines[0].to_owned() + &other[1..].concat());
    // A copy without its end says so even where its count was put right.
    let shorter = lines[..lines.len() - 1].concat().replacen("\"records\":6", "\"records\":5", 1);
    let report = check(log.path(), &shorter, &trusting(&reader));
    assert_eq!((report.status, report.session_is_whole), (Status::Ok, Some(false)));
}

#[test]
fn extracts_bring_the_witnesses_word() {
    let (log, home) = (folder(), folder());
    small_log(log.path());
    let reader = LogReader::open(log.path()).unwrap();
    let key = reader.key().clone();
    let witness = Witness::open(home.path(), Some("w"), std::slice::from_ref(&key)).unwrap();
    let name = witness.keys()[1];
    let policy = format!("log {key}\nwitness w {name}\nquorum w\n");
    let policy = Some(TrustPolicy::parse(policy.as_bytes()).unwrap());
    let trust = Trust { policy, ..Trust::default() };
    let texts = || [proof_of(log.path(), 2).to_text(), bundle_of(log.path(), 1)];
    for text in texts() {
        let report = check(log.path(), &text, &trust);
        assert_eq!((report.status, report.exit_code()), (Status::PolicyUnmet, 4));
    }
    let checkpoint = reader.newest_checkpoint().unwrap().unwrap();
    let request = AddCheckpoint { old_size: 0, proof: vec![], checkpoint };
    let answer = witness.add_checkpoint(&request.to_body(), 77).unwrap();
    let line = cosigned(&request.checkpoint, &answer, name).unwrap();
    Witnessed::store(log.path(), &key, &request.checkpoint, &[line]).unwrap();
    for text in texts() {
        let report = check(log.path(), &text, &trust);
        assert_eq!(report.status, Status::Ok, "{:?}", report.findings);
        assert_eq!(report.witnessed.unwrap().by[0].at, 77);
        let forged = text.replacen("\nwitness", "", 1);
        assert_eq!(check(log.path(), &forged, &trust).status, Status::Ok);
    }
}
