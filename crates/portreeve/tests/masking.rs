//! `portreeve detect --mask`, run as a program, and its pseudonyms beside the gateway's.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

use portreeve_decide::mask as columns;
use portreeve_detect::mask::{MaskKey, Method, ValueKind};
use portreeve_model::MaskMethod;
use serde_json::Value;
use std::io::Write;
use std::process::{Command, Output, Stdio};
use tempfile::TempDir;

struct Folder(TempDir);

fn folder() -> Folder {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("mask.key"), [7; 32]).unwrap();
    Folder(folder)
}

impl Folder {
    fn file(&self, name: &str, text: &str) {
        std::fs::write(self.0.path().join(name), text).unwrap();
    }

    fn detect(&self, arguments: &str, input: &str) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_portreeve"));
        command.arg("detect").args(arguments.split(' ')).current_dir(self.0.path());
        let pipes = || Stdio::piped();
        let mut child = command.stdin(pipes()).stdout(pipes()).stderr(pipes()).spawn().unwrap();
        // A command that refuses its options reads nothing.
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        child.wait_with_output().unwrap()
    }

    #[track_caller]
    fn good(&self, arguments: &str, input: &str) -> String {
        let output = self.detect(arguments, input);
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success(), "{said}");
        String::from_utf8(output.stdout).unwrap()
    }

    #[track_caller]
    fn refused(&self, arguments: &str, input: &str, expect: &str) {
        let output = self.detect(arguments, input);
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(!output.status.success() && output.stdout.is_empty(), "{said}");
        assert!(said.contains(expect) && said.contains("hint"), "{said}");
    }
}

#[test]
fn documents_are_masked_and_stay_what_they_are() {
    let folder = folder();
    let text = "write to eva@example.org, card 4111 1111 1111 1111\n";
    assert_eq!(folder.good("--mask redact", text), "write to [email], card [card]\n");
    assert_eq!(folder.good("--mask token", text), folder.good("--mask redact", text));
    assert_eq!(folder.good("--mask null", text), "write to , card \n");
    assert_eq!(folder.good("--mask partial", text), "write to e***@example.org, card ****1111\n");

    folder.file("a.json", r#"{"mail": "eva\u0040example.org", "card": 4111111111111111}"#);
    let masked = folder.good("a.json --mask format-preserving --key-file mask.key", "");
    let value: Value = serde_json::from_str(&masked).unwrap();
    assert!(
        value["card"].as_u64().unwrap().to_string().len() == 16 && !masked.contains("4111111111")
    );
    assert!(value["mail"].as_str().unwrap().ends_with(".invalid"), "{masked}");

    folder.file("a.csv", "name;bsn\nx;111222333\n");
    assert_eq!(folder.good("a.csv --mask redact", ""), "name;bsn\nx;[national-id]\n");
    let sql = "INSERT INTO t VALUES (4111111111111111, 'eva@example.org');\n";
    let expect = "INSERT INTO t VALUES (0, '[email]');\n";
    assert_eq!(folder.good("--mask redact --container sql", sql), expect);
    assert_eq!(
        folder.good("--mask redact --container xml", "<a b='eva@example.org'/>"),
        "<a b='[email]'/>"
    );
}

#[test]
fn what_was_masked_is_counted_and_can_be_placed() {
    let folder = folder();
    let output = folder.detect("--mask redact", "eva@example.org\n");
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "1 value masked: 1 email\n");
    let answer = folder.good("--mask redact --format json", "to eva@example.org now");
    let answer: Value = serde_json::from_str(&answer).unwrap();
    assert_eq!(answer["masked"], "to [email] now");
    let finding = &answer["findings"][0];
    assert_eq!((finding["start"].as_u64(), finding["end"].as_u64()), (Some(3), Some(18)));
    assert_eq!(
        (finding["masked_start"].as_u64(), finding["masked_end"].as_u64()),
        (Some(3), Some(10))
    );
    let lines = "{\"id\": 1, \"text\": \"eva@example.org\"}\n";
    let answer = folder.good("--jsonl text --mask redact", lines);
    let answer: Value = serde_json::from_str(&answer).unwrap();
    assert_eq!((&answer["masked"], &answer["spans"][0]["end"]), (&"[email]".into(), &15.into()));
    assert!(!folder.good("--jsonl text", lines).contains("masked"));
}

#[test]
fn what_cannot_be_masked_is_refused_with_a_hint() {
    let folder = folder();
    folder.file("short.key", "secret\n");
    let text = "eva@example.org";
    folder.refused("--mask pseudonym", text, "needs a key");
    folder.refused("--mask pseudonym --key-file short.key", text, "has 7 bytes");
    folder.refused(
        "--mask redact --container json",
        "{\"a\": eva@example.org}",
        "no valid JSON at byte 6",
    );
    folder.refused("--mask redact --container csv", "a,\"eva@example.org", "no valid CSV");
    folder.refused("--mask redact --jsonl columns", "{\"id\": 1}", "not masked");
    let output = folder.detect("--container json", text);
    assert!(!output.status.success(), "a container is for masking");
}

#[test]
fn one_key_gives_one_pseudonym_in_columns_and_texts() {
    let key = [9; 32];
    let masker = columns::Masker::new([].into(), MaskMethod::Pseudonym, columns::MaskKey::new(key));
    let method = Method::Pseudonym(MaskKey::new(key));
    for (name, value) in [
        ("email", "Eva.Muster@Example.org"),
        ("phone", "+49 (171) 123-45 67"),
        ("card", "4111 1111 1111 1111"),
        ("iban", "de89 3704 0044 0532 0130 00"),
        ("bank-account", "532-013-000"),
        ("national-id", "514-69-0360"),
        ("tax-id", "86 095 742 719"),
        ("passport", "KR8129301"),
        ("person-name", " Eva Muster"),
        ("date-of-birth", "1978-05-10"),
        ("health", "diabetes"),
        ("username", "eva"),
        ("ip-address", "10.1.2.3"),
    ] {
        let category = portreeve_detect::Category::from_name(name).unwrap();
        let here = |value: &str, kind| method.replace(category, value, kind).unwrap();
        let there = |value: &str, kind| {
            let mut out = Vec::new();
            let masked = masker.mask(&name.into(), value.as_bytes(), kind, &mut out);
            assert_eq!(masked, columns::Masked::Replaced);
            String::from_utf8(out).unwrap()
        };
        assert_eq!(here(value, ValueKind::Text), there(value, columns::ValueKind::Text), "{name}");
        let uuid = "018f3c5e-0000-7000-8000-00000000000a";
        let text = columns::Form::Text;
        assert_eq!(here(uuid, ValueKind::Uuid), there(uuid, columns::ValueKind::Uuid(text)));
        let integer = columns::ValueKind::Integer { bytes: 8, form: text };
        assert_eq!(here("-256", ValueKind::Integer { bytes: 8 }), there("-256", integer));
        assert_eq!(here("{}", ValueKind::Json), there("{}", columns::ValueKind::Json(text)));
    }
}
