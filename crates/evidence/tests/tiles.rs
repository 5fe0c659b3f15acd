//! A verifier in another language, which shares no line with ours, accepts our tiles, and
//! refuses them when a byte is changed.

#![allow(clippy::unwrap_used)]

use portreeve_evidence::{EvidenceLog, Options, Trust, VerifierKey, verify, write_tiles};
use portreeve_model::Event;
use std::fs;
use std::path::Path;
use std::process::Command;

/// Adds records up to `size`, the start and the stop among them.
fn grow(dir: &Path, size: u64) {
    let log = EvidenceLog::open(Options::new(dir)).unwrap();
    let have = log.health().records;
    for number in have + 1..size {
        drop(log.append(Event::SessionRefused {
            protocol: "postgres".into(),
            client: format!("192.0.2.{}", number % 250),
            why: "the token has expired".into(),
            count: number,
        }));
    }
    log.close();
}

/// What the Python verifier says.
fn check(tiles: &Path, key: &str) -> Result<String, String> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/check_tiles.py");
    let run = Command::new("python3").arg(script).arg(tiles).arg(key).output();
    let run = run.expect("python3 runs: the foreign verifier is written in it");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    if run.status.success() { Ok(text(&run.stdout)) } else { Err(text(&run.stderr)) }
}

#[test]
fn a_foreign_verifier_accepts_our_tiles_as_they_grow_and_no_others() {
    let (log, tiles) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut added = Vec::new();
    // Around the edges of a tile, and one of the second level.
    for size in [3, 255, 256, 258, 600, 66_000] {
        grow(log.path(), size);
        let report = verify(log.path(), &Trust::default());
        assert_eq!(report.exit_code(), 0, "{:?}", report.findings);
        let written = write_tiles(log.path(), tiles.path()).unwrap();
        assert_eq!(written.records, report.records);
        added.push(written.files_added);
        let key = fs::read_to_string(log.path().join("log.pub")).unwrap();
        let expect = format!("ok {} {}", report.records, report.root);
        assert_eq!(check(tiles.path(), key.trim()), Ok(expect));
    }
    assert_eq!(added[0], 2, "a bundle and a tile");
    assert_eq!(write_tiles(log.path(), tiles.path()).unwrap().files_added, 0);
    assert!(
        tiles.path().join("tile/1/000").exists() && tiles.path().join("tile/2/000.p/1").exists()
    );
    refuses_changes(log.path(), tiles.path());
}

fn refuses_changes(log: &Path, tiles: &Path) {
    let key = fs::read_to_string(log.join("log.pub")).unwrap();
    for name in ["checkpoint", "tile/entries/000", "tile/0/001", "tile/1/000", "tile/2/000.p/1"] {
        let path = tiles.join(name);
        let whole = fs::read(&path).unwrap();
        let mut bytes = whole.clone();
        bytes[30] ^= 1;
        fs::write(&path, &bytes).unwrap();
        let refused = check(tiles, key.trim()).unwrap_err();
        assert!(refused.starts_with("refused"), "{name}: {refused}");
        if name != "checkpoint" {
            assert!(write_tiles(log, tiles).is_err(), "{name} was rewritten");
        }
        fs::write(&path, &whole).unwrap();
    }
    let other = tempfile::tempdir().unwrap();
    grow(other.path(), 3);
    let other = fs::read_to_string(other.path().join("log.pub")).unwrap();
    assert!(other.parse::<VerifierKey>().is_ok());
    assert!(check(tiles, other.trim()).is_err());
}
