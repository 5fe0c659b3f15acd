//! A copied log in which bytes were changed: the verifier must survive any of them, and
//! must never call a change fine.

use crate::campaign::{Campaign, Folder};
use portreeve_evidence::{EvidenceLog, LogReader, Options, Status, Trust, list, verify};
use portreeve_model::{Event, SessionId};
use std::ops::ControlFlow;
use std::path::Path;

const SEGMENT: &str = "segment-0000000001.log";

/// A small log, and the bytes of its segment.
fn log(dir: &Path) -> Vec<u8> {
    let mut options = Options::new(dir);
    options.segment_bytes = 64 << 10;
    let log = EvidenceLog::open(options).unwrap();
    let id = SessionId("0190b7a8-0000-7000-8000-000000000001".parse().unwrap());
    let mut recorder = log.session(id).unwrap();
    recorder.stage(Event::SessionClosed { why: "nothing".into(), exchanges: 0, rows: 0 });
    recorder.submit().wait().unwrap();
    drop(recorder);
    log.close();
    std::fs::read(dir.join(SEGMENT)).unwrap()
}

#[test]
fn changed_segments() {
    let folder = Folder::new("evidence");
    let dir = folder.0.join("log");
    let whole = log(&dir);
    assert_eq!(verify(&dir, &Trust::default()).status, Status::Ok, "unchanged");
    // What was committed; behind it are zeros that wait for more.
    let end = whole.iter().rposition(|byte| *byte != 0).unwrap() + 1;
    let committed = whole.get(..end).unwrap().to_vec();
    let words = ["HEAD", "LEAF", "SEAL", "FOOT", "\0\0\0\0", "\"size\":", "— "];
    let seeds = vec![committed.clone()];
    Campaign { target: "evidence", inputs: 250, seeds, words: &words }.run(|input| {
        std::fs::write(dir.join(SEGMENT), input).unwrap();
        let report = verify(&dir, &Trust::default());
        let rest = input.strip_prefix(committed.as_slice());
        // Zeros at the end are room, not content.
        let is_unchanged = rest.is_some_and(|rest| rest.iter().all(|byte| *byte == 0));
        assert!(is_unchanged || report.status != Status::Ok, "a change was called fine");
        let reader = LogReader::open(&dir).unwrap();
        let _ = reader.for_each(|entry| {
            let _ = entry.record();
            Ok(ControlFlow::Continue(()))
        });
        let _ = list(&dir);
    });
}

#[test]
fn changed_keys_and_heads() {
    let folder = Folder::new("evidence-files");
    let dir = folder.0.join("log");
    log(&dir);
    let files: Vec<_> = std::fs::read_dir(&dir).unwrap().map(|file| file.unwrap().path()).collect();
    for file in files {
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        if name.starts_with("segment-") || !file.is_file() {
            continue;
        }
        let whole = std::fs::read(&file).unwrap();
        let seeds = vec![whole.clone()];
        Campaign { target: "evidence-files", inputs: 60, seeds, words: &["\n", "+", "— "] }.run(
            |input| {
                std::fs::write(&file, input).unwrap();
                let _ = verify(&dir, &Trust::default());
                let _ = LogReader::open(&dir).map(|reader| reader.key().to_string());
            },
        );
        std::fs::write(&file, whole).unwrap();
    }
    assert_eq!(verify(&dir, &Trust::default()).status, Status::Ok, "put back");
}
