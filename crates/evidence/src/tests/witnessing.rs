//! Witnesses, what they remember, and what it is good for when a log is rolled back.

use super::support::{TempDir, copy, folder, options, small_log};
use crate::error::Error;
use crate::log::evidence_log::EvidenceLog;
use crate::reader::log_reader::LogReader;
use crate::tlog::note::Checkpoint;
use crate::tlog::signer::CosignerKey;
use crate::tlog::trust_policy::TrustPolicy;
use crate::tlog::vkey::{KeyKind, Signed, VerifierKey};
use crate::verify::report::Status;
use crate::verify::trust::Trust;
use crate::verify::verifier::verify;
use crate::witness::{
    AddCheckpoint, Cosigned, Refusal, WITNESSED_FILE, Witness, Witnessed, conflict_size, cosigned,
    origin_hash,
};
use portreeve_model::Event;
use std::fs;
use std::path::Path;

const NOW: u64 = 1_700_000_000;

fn append(dir: &Path, count: u64) {
    let log = EvidenceLog::open(options(dir)).unwrap();
    for number in 0..count {
        let refused = Event::SessionRefused {
            protocol: "postgres".into(),
            client: "192.0.2.1".into(),
            why: "the token has expired".into(),
            count: number,
        };
        log.append(refused).wait().unwrap();
    }
    log.close();
}

fn newest(dir: &Path) -> (LogReader, String, Checkpoint) {
    let reader = LogReader::open(dir).unwrap();
    let note = reader.newest_checkpoint().unwrap().unwrap();
    let checkpoint = reader.key().open(&note).unwrap();
    (reader, note, checkpoint)
}

/// The request for the log's newest checkpoint, from an older size.
fn request(dir: &Path, old_size: u64) -> AddCheckpoint {
    let (reader, note, checkpoint) = newest(dir);
    let proof = match old_size {
        0 => Vec::new(),
        old => reader.consistency(&[old], &checkpoint).unwrap().remove(0),
    };
    AddCheckpoint { old_size, proof, checkpoint: note }
}

struct Pair {
    log: TempDir,
    home: TempDir,
}

impl Pair {
    fn new() -> Self {
        let pair = Self { log: folder(), home: folder() };
        small_log(pair.log.path());
        pair
    }

    fn witness(&self) -> Witness {
        let key = LogReader::open(self.log.path()).unwrap().key().clone();
        Witness::open(self.home.path(), Some("witness.example/w1"), &[key]).unwrap()
    }

    /// Asks for the newest checkpoint, and keeps it with the cosignatures.
    fn keep(&self, witness: &Witness, old: u64) -> Witnessed {
        let request = request(self.log.path(), old);
        let answer = witness.add_checkpoint(&request.to_body(), NOW).unwrap();
        let found = witness.keys().into_iter();
        let lines: Vec<Cosigned> =
            found.map(|key| cosigned(&request.checkpoint, &answer, key).unwrap()).collect();
        let key = LogReader::open(self.log.path()).unwrap().key().clone();
        Witnessed::store(self.log.path(), &key, &request.checkpoint, &lines).unwrap()
    }
}

fn refusal(witness: &Witness, request: &AddCheckpoint) -> Refusal {
    witness.add_checkpoint(&request.to_body(), NOW).unwrap_err()
}

#[test]
fn a_witness_follows_a_log_and_remembers_it() {
    let pair = Pair::new();
    let witness = pair.witness();
    let kinds: Vec<KeyKind> = witness.keys().iter().map(|key| key.kind()).collect();
    assert_eq!(kinds, [KeyKind::CosignatureV1, KeyKind::MlDsa44]);
    let first = pair.keep(&witness, 0);
    let size = first.checkpoint.size;
    // The same again is answered: a fresh time for a log that rests.
    let again = witness.add_checkpoint(&request(pair.log.path(), size).to_body(), NOW + 9).unwrap();
    let key = witness.keys()[0].clone();
    assert_eq!(cosigned(&first.note, &again, &key).unwrap().at, NOW + 9);
    append(pair.log.path(), 40);
    let stale = refusal(&witness, &request(pair.log.path(), 0));
    assert!(matches!(stale, Refusal::Conflict { size: known } if known == size), "{stale}");
    // It remembers over a restart, and two processes do not share a directory.
    let other = Witness::open(pair.home.path(), None, &[]);
    assert!(matches!(other, Err(Error::Busy { .. })));
    drop(witness);
    let witness = pair.witness();
    let second = pair.keep(&witness, size);
    assert!(second.checkpoint.size > size);
    let shown = witness.checkpoint(&origin_hash(&second.checkpoint.origin)).unwrap();
    assert_eq!(shown, second.note);
    assert!(witness.keys().iter().all(|key| key.signed_note(&shown) == Signed::At(Some(NOW))));
    assert_eq!(witness.checkpoint(&origin_hash("another")), None);
}

#[test]
fn every_refusal_of_the_specification() {
    let pair = Pair::new();
    let witness = pair.witness();
    let (_, _, checkpoint) = newest(pair.log.path());
    let size = checkpoint.size;
    let good = request(pair.log.path(), 0);
    let is_malformed = |request: &AddCheckpoint| {
        assert!(matches!(refusal(&witness, request), Refusal::Malformed(_)));
    };
    is_malformed(&AddCheckpoint { old_size: size + 1, ..good.clone() });
    is_malformed(&AddCheckpoint { checkpoint: "no note\n".into(), ..good.clone() });
    assert!(matches!(witness.add_checkpoint("", NOW), Err(Refusal::Malformed(_))));

    let other = folder();
    small_log(other.path());
    let unknown = refusal(&witness, &request(other.path(), 0));
    assert!(matches!(unknown, Refusal::UnknownLog(_)));

    // The origin is known, the signature is another's, or is of another text.
    let body = good.checkpoint.split_once("\n\n").unwrap().0;
    let foreign = format!("{body}\n\n— someone.else AAAAAAAA\n");
    let unsigned = AddCheckpoint { checkpoint: foreign, ..good.clone() };
    assert!(matches!(refusal(&witness, &unsigned), Refusal::NotSigned));
    let forged = good.checkpoint.replace(&format!("\n{size}\n"), &format!("\n{}\n", size + 1));
    let forged = AddCheckpoint { checkpoint: forged, ..good.clone() };
    assert!(matches!(refusal(&witness, &forged), Refusal::NotSigned));

    let proof_from_nothing = AddCheckpoint { proof: vec![[1; 32]], ..good.clone() };
    assert!(matches!(refusal(&witness, &proof_from_nothing), Refusal::Inconsistent(_)));
    let ahead = AddCheckpoint { old_size: 1, ..good.clone() };
    assert!(matches!(refusal(&witness, &ahead), Refusal::Conflict { size: 0 }));
    assert_eq!(witness.checkpoint(&origin_hash(&checkpoint.origin)), None, "nothing was kept");

    pair.keep(&witness, 0);
    append(pair.log.path(), 5);
    let mut wrong = request(pair.log.path(), size);
    wrong.proof[0][0] ^= 1;
    assert!(matches!(refusal(&witness, &wrong), Refusal::Inconsistent(_)));
    wrong.proof.clear();
    assert!(matches!(refusal(&witness, &wrong), Refusal::Inconsistent(_)));
    assert!(witness.add_checkpoint(&request(pair.log.path(), size).to_body(), NOW).is_ok());
}

#[test]
fn a_witness_does_not_start_on_what_it_did_not_write() {
    let pair = Pair::new();
    let witness = pair.witness();
    let kept = pair.keep(&witness, 0);
    drop(witness);
    let key = LogReader::open(pair.log.path()).unwrap().key().clone();
    let open = |name| Witness::open(pair.home.path(), name, std::slice::from_ref(&key));
    assert!(matches!(open(Some("another.name")), Err(Error::Key { .. })));
    let state = pair.home.path().join("logs").join(origin_hash(key.name()));
    fs::write(&state, kept.note.replacen("=\n", "A\n", 1)).unwrap();
    assert!(matches!(open(None), Err(Error::Damaged { .. })));
    fs::write(&state, &kept.note).unwrap();
    assert!(open(None).is_ok());
    let fresh = folder();
    assert!(matches!(Witness::open(fresh.path(), None, &[]), Err(Error::Key { .. })), "no name");
    assert!(matches!(Witness::open(fresh.path(), Some("a b"), &[]), Err(Error::Key { .. })));
    let cosigner = open(None).unwrap().keys()[0].clone();
    assert!(Witness::open(fresh.path(), Some("w"), &[cosigner]).is_err(), "no log has such a key");
}

/// Logs of others may sign their checkpoints with ML-DSA-44, as a cosignature.
#[test]
fn a_log_may_have_a_key_of_the_other_kind() {
    let home = folder();
    let (name, kind) = ("pq.example/log", KeyKind::MlDsa44);
    let log = CosignerKey::from_seed(name, kind, [3; 32]).unwrap();
    let keys = [log.verifier().clone()];
    let witness = Witness::open(home.path(), Some("w"), &keys).unwrap();
    let body = Checkpoint { origin: name.to_owned(), size: 1, root: [9; 32] }.body();
    let checkpoint = format!("{body}\n{}", log.cosign(&body, NOW).unwrap());
    let request = AddCheckpoint { old_size: 0, proof: vec![], checkpoint };
    assert!(witness.add_checkpoint(&request.to_body(), NOW).is_ok());
    drop(witness);
    let witness = Witness::open(home.path(), None, &keys).unwrap();
    assert!(matches!(refusal(&witness, &request), Refusal::Conflict { size: 1 }));
}

/// Comparing and writing are one step: of two requests from the same size one is answered.
#[test]
fn two_at_once_do_not_roll_each_other_back() {
    let pair = Pair::new();
    let earlier = request(pair.log.path(), 0).to_body();
    append(pair.log.path(), 5);
    let later = request(pair.log.path(), 0).to_body();
    let key = LogReader::open(pair.log.path()).unwrap().key().clone();
    for _ in 0..20 {
        let home = folder();
        let witness = Witness::open(home.path(), Some("w"), std::slice::from_ref(&key)).unwrap();
        let start = std::sync::Barrier::new(4);
        let answered: usize = std::thread::scope(|scope| {
            let ask = |body: &String| {
                let (witness, start, body) = (&witness, &start, body.clone());
                scope.spawn(move || {
                    start.wait();
                    usize::from(witness.add_checkpoint(&body, NOW).is_ok())
                })
            };
            let asked = [&earlier, &later, &earlier, &later].map(ask);
            asked.into_iter().map(|thread| thread.join().unwrap()).sum()
        });
        assert_eq!(answered, 1);
    }
}

#[test]
fn what_cannot_be_written_is_not_cosigned() {
    let pair = Pair::new();
    let witness = pair.witness();
    let logs = pair.home.path().join("logs");
    fs::remove_dir_all(&logs).unwrap();
    fs::write(&logs, "a file where the folder was").unwrap();
    let asked = request(pair.log.path(), 0);
    assert!(matches!(refusal(&witness, &asked), Refusal::Store(_)));
    fs::remove_file(&logs).unwrap();
    fs::create_dir(&logs).unwrap();
    assert!(witness.add_checkpoint(&asked.to_body(), NOW).is_ok(), "nothing was remembered");
}

#[test]
fn answers_are_believed_with_the_configured_key_only() {
    let pair = Pair::new();
    let witness = pair.witness();
    let request = request(pair.log.path(), 0);
    let answer = witness.add_checkpoint(&request.to_body(), NOW).unwrap();
    let [key, _] = [0, 1].map(|at| witness.keys()[at].clone());
    let check = |answer: &str, expect: &str| {
        let found = cosigned(&request.checkpoint, answer, &key).unwrap_err();
        assert!(found.contains(expect), "{found}");
    };
    assert!(cosigned(&request.checkpoint, &answer, &key).is_ok());
    check("", "signature lines");
    check("hello\n", "signature lines");
    check(answer.split_inclusive('\n').nth(1).unwrap(), "no cosignature of the key");
    let (first, _) = answer.split_once('\n').unwrap();
    let mut forged = first.as_bytes().to_vec();
    let at = forged.len() - 20;
    forged[at] = if forged[at] == b'A' { b'B' } else { b'A' };
    check(&(String::from_utf8(forged).unwrap() + "\n"), "does not hold");
    assert_eq!(conflict_size("12\n"), Some(12));
    assert_eq!(
        (conflict_size("12"), conflict_size("012\n"), conflict_size("x\n")),
        (None, None, None)
    );
}

/// A log is copied, goes on, and the copy is put back: with the file `witnessed` from later,
/// no gateway starts on it.
#[test]
fn a_log_that_witnesses_saw_more_of_is_not_opened() {
    let pair = Pair::new();
    let witness = pair.witness();
    let before = folder();
    copy(pair.log.path(), before.path());
    append(pair.log.path(), 30);
    let kept = pair.keep(&witness, 0);
    assert!(EvidenceLog::open(options(pair.log.path())).is_ok());

    fs::write(before.path().join(WITNESSED_FILE), &kept.note).unwrap();
    let refused = EvidenceLog::open(options(before.path())).unwrap_err();
    assert!(matches!(refused, Error::BehindWitness { .. }), "{refused}");
    let report = verify(before.path(), &Trust::default());
    assert_eq!(report.status, Status::Tampered, "{:?}", report.findings);
    assert!(report.findings[0].what.contains("`witnessed`"), "{:?}", report.findings);

    // Written on, it has as many records, but others.
    fs::remove_file(before.path().join(WITNESSED_FILE)).unwrap();
    append(before.path(), 60);
    let reader = LogReader::open(before.path()).unwrap();
    let forked = reader.continues(&kept.checkpoint, "w1").unwrap_err();
    assert!(matches!(forked, Error::Forked { .. }), "{forked}");
    fs::write(before.path().join(WITNESSED_FILE), &kept.note).unwrap();
    let refused = EvidenceLog::open(options(before.path())).unwrap_err();
    assert!(matches!(refused, Error::Forked { .. }), "{refused}");
    assert_eq!(verify(before.path(), &Trust::default()).status, Status::Tampered);
    // The witness does not cosign it either.
    let (_, note, _) = newest(before.path());
    let proof = reader.consistency(&[kept.checkpoint.size], &newest(before.path()).2).unwrap();
    let fork = AddCheckpoint {
        old_size: kept.checkpoint.size,
        proof: proof.into_iter().next().unwrap(),
        checkpoint: note,
    };
    assert!(matches!(refusal(&witness, &fork), Refusal::Inconsistent(_)));
}

#[test]
fn what_is_kept_never_gets_less() {
    let pair = Pair::new();
    let witness = pair.witness();
    let both = pair.keep(&witness, 0);
    let key = LogReader::open(pair.log.path()).unwrap().key().clone();
    let store = |note: &str, lines: &[Cosigned]| {
        Witnessed::store(pair.log.path(), &key, note, lines).unwrap()
    };
    // One of them again, later: the other's line stays.
    let size = both.checkpoint.size;
    let again = request(pair.log.path(), size);
    let answer = witness.add_checkpoint(&again.to_body(), NOW + 5).unwrap();
    let first = witness.keys()[0];
    let line = cosigned(&again.checkpoint, &answer, first).unwrap();
    let kept = store(&again.checkpoint, &[line]);
    assert_eq!(first.signed_note(&kept.note), Signed::At(Some(NOW + 5)));
    assert_eq!(witness.keys()[1].signed_note(&kept.note), Signed::At(Some(NOW)));
    assert_eq!(kept.note.matches("\n— ").count(), 3);
    // A newer checkpoint begins anew, and an older one does not replace it.
    append(pair.log.path(), 2);
    let (_, newest, _) = newest(pair.log.path());
    assert_eq!(store(&newest, &[]).note.matches("\n— ").count(), 1);
    assert_eq!(store(&both.note, &[]).note, newest);
}

#[test]
fn proofs_come_from_every_segment_of_a_log() {
    let log = folder();
    small_log(log.path());
    append(log.path(), 60);
    let (reader, _, checkpoint) = newest(log.path());
    assert!(fs::read_dir(log.path()).unwrap().count() > 8, "several segments");
    for old in 1..=checkpoint.size {
        let proof = reader.consistency(&[old], &checkpoint).unwrap().remove(0);
        let root = reader.root_at(old).unwrap();
        assert!(crate::tlog::proof::is_prefix(old, &root, &checkpoint, &proof), "{old}");
    }
    let indexes: Vec<u64> = (0..checkpoint.size).collect();
    let mut proofs = reader.inclusion(&indexes, &checkpoint).unwrap().into_iter();
    reader
        .for_each(|entry| {
            let proof = proofs.next().unwrap();
            assert!(proof.holds(&crate::tlog::merkle::leaf_hash(entry.leaf), &checkpoint));
            assert_eq!(reader.inclusion(&[entry.index], &checkpoint).unwrap(), [proof]);
            Ok(std::ops::ControlFlow::Continue(()))
        })
        .unwrap();
    assert!(reader.inclusion(&[checkpoint.size], &checkpoint).is_err());
    assert!(reader.consistency(&[0], &checkpoint).is_err());
    assert!(reader.root_at(checkpoint.size + 1).is_err());
    let other = Checkpoint { root: [0; 32], ..checkpoint };
    assert!(matches!(reader.inclusion(&[0], &other), Err(Error::Forked { .. })));
}

fn policy(log: &VerifierKey, witness: &VerifierKey, rest: &str) -> Trust {
    let text = format!("log {log}\nwitness w1 {witness}\n{rest}\n");
    let policy = Some(TrustPolicy::parse(text.as_bytes()).unwrap());
    Trust { policy, ..Trust::default() }
}

#[test]
fn a_policy_is_met_by_what_its_witnesses_saw() {
    let pair = Pair::new();
    let witness = pair.witness();
    let log = LogReader::open(pair.log.path()).unwrap().key().clone();
    let check = |trust: &Trust| verify(pair.log.path(), trust);
    let wanted = policy(&log, witness.keys()[1], "quorum w1");
    let report = check(&wanted);
    assert_eq!((report.status, report.exit_code()), (Status::PolicyUnmet, 4));
    assert!(report.key_is_trusted, "the policy names the log");
    assert_eq!(check(&policy(&log, witness.keys()[1], "quorum none")).status, Status::Ok);

    let kept = pair.keep(&witness, 0);
    append(pair.log.path(), 3);
    let report = check(&wanted);
    assert_eq!(report.status, Status::Ok, "{:?}", report.findings);
    let seen = report.witnessed.unwrap();
    assert_eq!((seen.records, seen.policy_met), (kept.checkpoint.size, Some(true)));
    assert_eq!((seen.by[0].witness.as_str(), seen.by[0].at), ("w1", NOW));
    assert!(report.limits.iter().any(|limit| limit.contains("have seen the first")));
    assert_eq!(check(&Trust::default()).witnessed.unwrap().policy_met, None);

    let stranger = Pair::new().witness().keys()[0].clone();
    assert_eq!(check(&policy(&log, &stranger, "quorum w1")).status, Status::PolicyUnmet);
    let other = folder();
    small_log(other.path());
    let other = LogReader::open(other.path()).unwrap().key().clone();
    assert_eq!(check(&policy(&other, &stranger, "quorum none")).status, Status::Unusable);

    // A cosignature that does not hold is no missing one.
    let path = pair.log.path().join(WITNESSED_FILE);
    let forged = kept.note.trim_end().to_owned();
    let last = if forged.ends_with("A==") { "B==" } else { "A==" };
    let forged = format!("{}{last}\n", &forged[..forged.len() - 3]);
    fs::write(&path, forged).unwrap();
    assert_ne!(check(&wanted).status, Status::Ok);
    fs::write(&path, "nonsense").unwrap();
    assert_eq!(check(&Trust::default()).status, Status::Tampered);
}
