//! `detect --onnx` as a program, with the network of the tests of `detect-onnx`.
#![allow(clippy::unwrap_used, missing_docs)]

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

fn detect(arguments: &[&str], input: &str) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_portreeve"));
    command.arg("detect").args(arguments).stdin(Stdio::piped());
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // A command that refuses its options reads nothing.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    child.wait_with_output().unwrap()
}

#[track_caller]
fn refused(arguments: &[&str], why: &str) {
    let output = detect(arguments, "Anna");
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success());
    // Lines are wrapped to the terminal.
    let error = error.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(error.contains(why), "{error}");
}

fn model() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../detect-onnx/tests/model")
}

#[cfg(not(feature = "onnx"))]
#[test]
fn a_binary_without_the_feature_says_so() {
    refused(&["--onnx", model().to_str().unwrap()], "build --release --features onnx");
}

#[cfg(feature = "onnx")]
mod built_in {
    use super::*;
    use tempfile::TempDir;

    fn good(arguments: &[&str], input: &str) -> String {
        let output = detect(arguments, input);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    /// A copy of the model's folder with one file changed, or without it.
    fn damaged(file: &str, content: Option<&str>) -> TempDir {
        let folder = tempfile::tempdir().unwrap();
        for name in ["model.onnx", "tokenizer.json", "config.json"] {
            std::fs::copy(model().join(name), folder.path().join(name)).unwrap();
        }
        match content {
            Some(content) => std::fs::write(folder.path().join(file), content).unwrap(),
            None => std::fs::remove_file(folder.path().join(file)).unwrap(),
        }
        folder
    }

    #[test]
    fn the_model_finds_what_the_detector_does_not() {
        let model = model();
        let options = ["--onnx", model.to_str().unwrap()];
        let text = "notiz: Łódź und 李明 an eva@example.org";
        let found: serde_json::Value =
            serde_json::from_str(&good(&[&options[..], &["--format", "json"]].concat(), text))
                .unwrap();
        let found: Vec<_> = found.as_array().unwrap().iter().collect();
        let of_model: Vec<_> = found.iter().filter(|it| it["rule"] == "onnx").collect();
        let span = |it: &serde_json::Value| {
            let at = |end: &str| usize::try_from(it[end].as_u64().unwrap()).unwrap();
            text[at("start")..at("end")].to_owned()
        };
        assert!(of_model.iter().any(|it| span(it) == "李明"), "{found:?}");
        assert!(found.iter().any(|it| span(it) == "eva@example.org" && it["rule"] != "onnx"));

        let line = "{\"id\": 7, \"text\": \"— 李明 met Anna\"}\n";
        let line = good(&[&options[..], &["--jsonl", "text"]].concat(), line);
        let line: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!(line["id"], 7);
        assert_eq!((&line["spans"][0]["start"], &line["spans"][0]["end"]), (&2.into(), &4.into()));
        assert_eq!(line["spans"][0]["type"], "PERSON");
    }

    #[test]
    fn labels_can_be_mapped_and_must_be_known() {
        let folder = damaged("config.json", Some(&misc()));
        let folder = folder.path().to_str().unwrap();
        refused(&["--onnx", folder], "--onnx-label MISC=none");
        refused(&["--onnx", folder, "--onnx-label", "MISC=nome"], "there is no category `nome`");
        refused(&["--onnx", folder, "--onnx-label", "MISC"], "is not `LABEL=CATEGORY`");
        refused(&["--onnx", folder, "--onnx-label", "X=none"], "the model has no label `X`");
        refused(&["--onnx-label", "X=none"], "--onnx <DIR>");
        let found = good(&["--onnx", folder, "--onnx-label", "MISC=religion"], "das 李明");
        assert!(found.contains("[李明](religion)"), "{found}");
    }

    fn misc() -> String {
        let text = std::fs::read_to_string(model().join("config.json")).unwrap();
        text.replace("-PER", "-MISC")
    }

    #[test]
    fn a_folder_that_is_no_model_is_refused() {
        let masked = ["--onnx", "/nowhere", "--mask", "redact"];
        refused(&masked, "cannot be used with");
        let columns = ["--onnx", "/nowhere", "--jsonl", "columns"];
        refused(&columns, "searches texts, not columns");
        refused(&["--onnx", "/nowhere"], "cannot read `/nowhere/model.onnx`; hint:");
        for (file, content, why) in [
            ("tokenizer.json", None, "tokenizer.json`; hint:"),
            ("model.onnx", Some("PK"), "it is no ONNX file"),
            ("tokenizer.json", Some("{}"), "the tokenizer is refused"),
            ("config.json", Some("{}"), "`id2label` has 0 labels"),
        ] {
            let folder = damaged(file, content);
            refused(&["--onnx", folder.path().to_str().unwrap()], why);
        }
    }
}
