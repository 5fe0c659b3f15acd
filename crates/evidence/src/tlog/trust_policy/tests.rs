//! The grammar of the specification, line by line, and its quorums.

use super::*;
use crate::tlog::note::Checkpoint;
use crate::tlog::signer::{CosignerKey, SignerKey};
use crate::tlog::vkey::KeyKind;

fn cosigner(number: u8) -> CosignerKey {
    let kind = [KeyKind::CosignatureV1, KeyKind::MlDsa44][usize::from(number % 2)];
    CosignerKey::from_seed(&format!("witness.example/{number}"), kind, [number; 32]).unwrap()
}

fn signer() -> SignerKey {
    SignerKey::from_seed("portreeve/test", [200; 32]).unwrap()
}

/// `L` stands for the log's key, `W1` to `W9` for those of witnesses.
fn text(policy: &str) -> Vec<u8> {
    let mut text = policy.replace(" L", &format!(" {}", signer().verifier()));
    for number in 1..=9 {
        let key = cosigner(number).verifier().to_string();
        text = text.replace(&format!(" W{number}"), &format!(" {key}"));
    }
    text.into_bytes()
}

const EXAMPLE: &str = "log L

witness X1 W1
witness X2 W2 https://witness.example/2
witness X3 W3
group X-witnesses 2 X1 X2 X3

 \t witness Y1\t W4
witness Y2 W5
witness Y3 W6
group Y-witnesses any Y1 Y2 Y3
# a comment, \u{e9} too
  # another

group X-and-Y all X-witnesses Y-witnesses
quorum X-and-Y
";

fn note_of(numbers: &[u8]) -> String {
    let note = signer().sign(9, [4; 32]);
    let body = Checkpoint::unverified(&note).unwrap().body();
    let lines = numbers.iter().map(|number| cosigner(*number).cosign(&body, 77).unwrap());
    note.clone() + &lines.collect::<String>()
}

#[test]
fn the_example_of_the_specification_counts_as_it_says() {
    let policy = TrustPolicy::parse(&text(EXAMPLE)).unwrap();
    assert_eq!(policy.logs(), [signer().verifier()]);
    let check = |numbers: &[u8], met: bool| {
        let judgement = policy.judge(&note_of(numbers));
        assert_eq!(judgement.met, met, "{numbers:?}");
        assert_eq!(judgement.seen.len(), numbers.iter().filter(|n| **n <= 6).count());
        assert!(judgement.seen.iter().all(|seen| seen.at == 77));
    };
    check(&[1, 2, 4], true);
    check(&[1, 3, 6], true);
    check(&[1, 2, 3, 4, 5, 6, 7], true);
    check(&[1, 4, 5, 6], false);
    check(&[1, 2, 3], false);
    check(&[7, 8, 9], false);
    check(&[], false);
}

#[test]
fn a_forged_cosignature_spoils_the_note() {
    let policy = TrustPolicy::parse(&text("witness a W1\nwitness b W2\nquorum a\n")).unwrap();
    let good = note_of(&[1, 2]);
    assert!(policy.judge(&good).met);
    // The second one's line, over another checkpoint.
    let other =
        cosigner(2).cosign("portreeve/test\n8\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n", 77);
    let forged = policy.judge(&(note_of(&[1]) + &other.unwrap()));
    assert_eq!((forged.met, forged.forged), (false, vec!["b".to_owned()]));
    assert!(!policy.judge("no note").met);
}

#[test]
fn no_quorum_may_be_asked_for() {
    let policy = TrustPolicy::parse(b"quorum none\n").unwrap();
    assert!(policy.judge(&note_of(&[])).met && policy.logs().is_empty());
}

#[test]
fn what_is_not_the_format_is_refused_with_its_line() {
    let check = |policy: &str, line: usize, expect: &str| {
        let error = TrustPolicy::parse(&text(policy)).unwrap_err();
        assert_eq!(error.line, line, "{policy:?}: {error}");
        assert!(error.what.contains(expect), "{policy:?}: {error}");
    };
    check("", 1, "empty");
    check("quorum none", 1, "line end");
    check("log L\n", 1, "no `quorum`");
    check("quorum none\nquorum none\n", 2, "already");
    check("quorum a\nwitness a W1\n", 1, "not defined");
    check("witness none W1\nquorum none\n", 1, "taken");
    check("witness a W1\nwitness a W2\nquorum a\n", 2, "taken");
    check("witness a W1\nwitness b W1\nquorum a\n", 2, "before");
    check("log L\nlog L\nquorum none\n", 2, "before");
    check("witness a L\nquorum a\n", 1, "of a log");
    check("log W2\nquorum none\n", 1, "of a witness");
    check("witness a W1\ngroup g 2 a\nquorum g\n", 2, "from 1 to 1");
    check("witness a W1\ngroup g 0 a\nquorum g\n", 2, "from 1 to 1");
    check("witness a W1\ngroup g 01 a\nquorum g\n", 2, "from 1 to 1");
    check("witness a W1\ngroup g any\nquorum g\n", 2, "it is not `group");
    check("witness a W1\ngroup g any none\nquorum g\n", 2, "not defined");
    check("witness a W1\ngroup g any a\ngroup h any a\nquorum g\n", 3, "already");
    check("witness a W1\ngroup g any a a\nquorum g\n", 2, "already");
    check("group g any g\nquorum g\n", 1, "not defined");
    check("witness a W1 u extra\nquorum a\n", 1, "it is not `witness");
    check("quorum none\r\n", 1, "control");
    check("quorums none\n", 1, "none of");
    check("log nonsense\nquorum none\n", 1, "no public key");
}

#[test]
fn names_are_octets() {
    let mut policy = text("witness K W1\nwitness \u{212a} W2\n");
    policy.extend_from_slice(b"group \xff\xfe all K \xe2\x84\xaa\nquorum \xff\xfe\n");
    let policy = TrustPolicy::parse(&policy).unwrap();
    assert!(policy.judge(&note_of(&[1, 2])).met);
    assert!(!policy.judge(&note_of(&[1])).met);
}
