//! Verifiers that others wrote accept what we write: the crates `signed_note` and
//! `tlog_tiles`, with a cryptography of their own.
//!
//! `tests/e2e/foreign` does the same with the packages of Go's own checksum database.

#![allow(clippy::unwrap_used)]

use portreeve_evidence::witness::{AddCheckpoint, Witness, Witnessed, cosigned};
use portreeve_evidence::{Checkpoint, EvidenceLog, LogReader, Options, write_tiles};
use portreeve_model::Event;
use signed_note::{Note, NoteError, StandardVerifier, VerifierList};
use std::fs;
use std::path::{Path, PathBuf};
use tlog_tiles::{Error, Hash, HashReader as _, Tile, TileHashReader, TileReader};

/// Adds records up to `size`; gives the newest checkpoint.
fn grow(dir: &Path, size: u64) -> (String, Checkpoint) {
    let log = EvidenceLog::open(Options::new(dir)).unwrap();
    for count in log.health().records..size {
        let (protocol, client) = ("postgres".into(), "192.0.2.1".into());
        let why = "the token has expired".into();
        drop(log.append(Event::SessionRefused { protocol, client, why, count }));
    }
    log.close();
    let reader = LogReader::open(dir).unwrap();
    let note = reader.newest_checkpoint().unwrap().unwrap();
    let checkpoint = reader.key().open(&note).unwrap();
    (note, checkpoint)
}

/// A note as the foreign crate sees it: verified by the log's key, with so many lines of
/// keys that it does not know.
fn open_note(note: &str, key: &str) -> Result<(Checkpoint, usize), NoteError> {
    let note = Note::from_bytes(note.as_bytes())?;
    let verifier = StandardVerifier::new(key.trim()).unwrap();
    let (known, unknown) = note.verify(&VerifierList::new(vec![Box::new(verifier)]))?;
    assert_eq!(known.len(), 1);
    let found = tlog_tiles::Checkpoint::from_bytes(note.text()).unwrap();
    let (origin, size) = (found.origin().to_owned(), found.size());
    Ok((Checkpoint { origin, size, root: found.hash().0 }, unknown.len()))
}

#[test]
fn signed_note_opens_our_checkpoints_cosigned_or_not() {
    let (log, home) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (note, checkpoint) = grow(log.path(), 20);
    let key = fs::read_to_string(log.path().join("log.pub")).unwrap();
    assert_eq!(open_note(&note, &key).unwrap(), (checkpoint.clone(), 0));

    let log_key = LogReader::open(log.path()).unwrap().key().clone();
    let witness = Witness::open(home.path(), Some("w.example"), std::slice::from_ref(&log_key));
    let witness = witness.unwrap();
    let request = AddCheckpoint { old_size: 0, proof: vec![], checkpoint: note };
    let answer = witness.add_checkpoint(&request.to_body(), 1_700_000_000).unwrap();
    let lines: Vec<_> = witness
        .keys()
        .into_iter()
        .map(|key| cosigned(&request.checkpoint, &answer, key).unwrap())
        .collect();
    let kept = Witnessed::store(log.path(), &log_key, &request.checkpoint, &lines).unwrap();
    assert_eq!(open_note(&kept.note, &key).unwrap(), (checkpoint, 2));
    let size = kept.checkpoint.size;
    let changed = kept.note.replacen(&format!("\n{size}\n"), &format!("\n{}\n", size + 1), 1);
    assert!(matches!(open_note(&changed, &key), Err(NoteError::InvalidSignature { .. })));
}

struct Directory(PathBuf);

impl TileReader for Directory {
    fn height(&self) -> u8 {
        8
    }

    fn read_tiles(&self, tiles: &[Tile]) -> Result<Vec<Vec<u8>>, Error> {
        // The crate's paths name the height, those of the specification do not.
        let path = |tile: &Tile| self.0.join(tile.path().replacen("tile/8/", "tile/", 1));
        Ok(tiles.iter().map(|tile| fs::read(path(tile)).unwrap()).collect())
    }

    fn save_tiles(&self, _: &[Tile], _: &[Vec<u8>]) {}
}

#[test]
fn tlog_tiles_accepts_our_tiles_and_our_proofs() {
    let (log, tiles) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut before: Vec<Checkpoint> = Vec::new();
    for size in [3, 256, 700] {
        let (_, checkpoint) = grow(log.path(), size);
        write_tiles(log.path(), tiles.path()).unwrap();
        let directory = Directory(tiles.path().to_owned());
        let root = Hash(checkpoint.root);
        let hashes = TileHashReader::new(checkpoint.size, root, &directory);
        let whole = tlog_tiles::tree_hash(checkpoint.size, &hashes).unwrap();
        assert_eq!(whole.0, checkpoint.root);

        let reader = LogReader::open(log.path()).unwrap();
        let mut wrong = 0;
        reader
            .for_each(|entry| {
                let proof = reader.inclusion(&[entry.index], &checkpoint)?.remove(0);
                let path: Vec<Hash> = proof.path.iter().map(|hash| Hash(*hash)).collect();
                let leaf = tlog_tiles::record_hash(entry.leaf);
                let (size, index) = (checkpoint.size, entry.index);
                tlog_tiles::check_record(&path, size, root, index, leaf).unwrap();
                let stored = tlog_tiles::stored_hash_index(0, index);
                assert_eq!(hashes.read_hashes(&[stored]).unwrap()[0].0, leaf.0);
                let other = tlog_tiles::record_hash(b"another record");
                wrong +=
                    u64::from(tlog_tiles::check_record(&path, size, root, index, other).is_err());
                Ok(std::ops::ControlFlow::Continue(()))
            })
            .unwrap();
        assert_eq!(wrong, checkpoint.size);
        for old in &before {
            let proof = reader.consistency(&[old.size], &checkpoint).unwrap().remove(0);
            let proof: Vec<Hash> = proof.into_iter().map(Hash).collect();
            let (size, old_root) = (checkpoint.size, Hash(old.root));
            tlog_tiles::check_tree(&proof, size, root, old.size, old_root).unwrap();
            let theirs = tlog_tiles::prove_tree(size, old.size, &hashes).unwrap();
            assert_eq!(proof, theirs, "the same proof, hash by hash");
            assert!(tlog_tiles::check_tree(&proof, size, root, old.size, root).is_err());
        }
        before.push(checkpoint);
    }
}
