//! The witness's side: what is cosigned, what is refused, what is remembered.
//!
//! ```text
//! witness.key           Ed25519 seed: PRIVATE+KEY+name+id+base64(0x04, seed)
//! witness-ml-dsa.key    ML-DSA-44 seed: PRIVATE+KEY+name+id+base64(0x06, seed)
//! witness.pub           the public halves, one a line
//! logs/<origin hash>    the latest checkpoint, with the log's signatures and ours
//! lock                  locked (flock) by the process that serves
//! ```

use crate::disk::lock::take_lock;
use crate::disk::place::{Durability, put};
use crate::error::Error;
use crate::keys::mint::random;
use crate::tlog::merkle::{empty_root, sha256};
use crate::tlog::note::{Checkpoint, Note, name_is_valid};
use crate::tlog::proof::is_prefix;
use crate::tlog::signer::CosignerKey;
use crate::tlog::vkey::{KeyKind, Signed, VerifierKey};
use crate::witness::request::AddCheckpoint;
use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

const LOGS: &str = "logs";
const PUBLIC: &str = "witness.pub";
/// The keys of a witness: each cosigns every checkpoint.
const KEYS: [(&str, KeyKind); 2] =
    [("witness.key", KeyKind::CosignatureV1), ("witness-ml-dsa.key", KeyKind::MlDsa44)];

/// Why a checkpoint is not cosigned. SPEC: tlog-witness, "add-checkpoint".
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// 400: it cannot be read, or the old size is above the checkpoint's.
    #[error("{0}")]
    Malformed(&'static str),
    /// 404: no key is trusted for this origin.
    #[error("no key is known for the log `{0}`; hint: start the witness with `--log KEY`")]
    UnknownLog(String),
    /// 403: no trusted key signed it, or a signature of one does not hold.
    #[error("the checkpoint is not signed by the log's key")]
    NotSigned,
    /// 409: another size was cosigned last.
    #[error("the checkpoint cosigned last is of {size} records")]
    Conflict {
        /// That size.
        size: u64,
    },
    /// 422: it is not proven that the tree continues the one that was cosigned last.
    #[error("{0}")]
    Inconsistent(&'static str),
    /// 500: what was decided could not be written down, so it was not said.
    #[error(transparent)]
    Store(#[from] Error),
}

/// What the witness remembers of a log.
#[derive(Default)]
struct Last {
    /// The checkpoint cosigned last, with all its signatures.
    note: Option<String>,
    size: u64,
    root: Option<crate::tlog::merkle::Hash>,
}

struct WatchedLog {
    keys: Vec<VerifierKey>,
    last: Mutex<Last>,
}

/// A witness: its keys, the logs that it knows, and what it has cosigned.
pub struct Witness {
    dir: PathBuf,
    keys: Vec<CosignerKey>,
    logs: BTreeMap<String, WatchedLog>,
    /// Held as long as the witness lives.
    _lock: File,
}

impl std::fmt::Debug for Witness {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Witness({}, {} logs)", self.dir.display(), self.logs.len())
    }
}

/// How a log is named in addresses: the SHA-256 of its origin, hexadecimal.
#[must_use]
pub fn origin_hash(origin: &str) -> String {
    sha256(origin.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

impl Witness {
    /// Opens the witness in `dir`, or makes one there with fresh keys under `name`.
    ///
    /// # Errors
    /// Another process serves it; its files are not what a witness wrote, or are of another
    /// name; a log's key is one that logs do not have.
    pub fn open(dir: &Path, name: Option<&str>, logs: &[VerifierKey]) -> Result<Self, Error> {
        crate::keys::mint::make_folder(&dir.join(LOGS))?;
        let lock = take_lock(dir)?;
        let keys = KEYS.map(|(file, kind)| load_or_mint(dir, file, kind, name));
        let keys = keys.into_iter().collect::<Result<Vec<_>, _>>()?;
        let public: String = keys.iter().map(|key| format!("{}\n", key.verifier())).collect();
        put(&dir.join(PUBLIC), 0o644, public.as_bytes(), Durability::OfName)?;
        let mut witness = Self { dir: dir.to_owned(), keys, logs: BTreeMap::new(), _lock: lock };
        for key in logs {
            if !key.kind().is_for_logs() {
                let path = PathBuf::from(key.to_string());
                return Err(Error::Key { path, what: "such a key cannot be a log's" });
            }
            let last = match witness.logs.remove(key.name()) {
                Some(WatchedLog { mut keys, last }) => {
                    keys.push(key.clone());
                    WatchedLog { keys, last }
                }
                None => WatchedLog { keys: vec![key.clone()], last: Mutex::default() },
            };
            witness.logs.insert(key.name().to_owned(), last);
        }
        for (origin, log) in &witness.logs {
            *locked(&log.last) = witness.remembered(origin, log)?;
        }
        Ok(witness)
    }

    /// The public keys.
    #[must_use]
    pub fn keys(&self) -> Vec<&VerifierKey> {
        self.keys.iter().map(CosignerKey::verifier).collect()
    }

    /// The origins of the logs that it knows.
    pub fn origins(&self) -> impl Iterator<Item = &str> {
        self.logs.keys().map(String::as_str)
    }

    /// Reads what was cosigned last, and believes it only with our own signature.
    fn remembered(&self, origin: &str, log: &WatchedLog) -> Result<Last, Error> {
        let path = self.state_path(origin);
        let note = match std::fs::read_to_string(&path) {
            Ok(note) => note,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Ok(Last::default());
            }
            Err(error) => return Err(Error::store("read", &path, error)),
        };
        let is_ours =
            |key: &CosignerKey| matches!(key.verifier().signed_note(&note), Signed::At(_));
        let is_the_logs =
            log.keys.iter().any(|key| matches!(key.signed_note(&note), Signed::At(_)));
        let checkpoint = Checkpoint::unverified(&note)
            .filter(|found| found.origin == origin && is_the_logs && self.keys.iter().all(is_ours));
        let Some(Checkpoint { size, root, .. }) = checkpoint else {
            return Err(Error::Damaged {
                file: path.display().to_string(),
                offset: 0,
                what: "it is not a checkpoint that this witness cosigned".to_owned(),
            });
        };
        Ok(Last { note: Some(note), size, root: Some(root) })
    }

    fn state_path(&self, origin: &str) -> PathBuf {
        self.dir.join(LOGS).join(origin_hash(origin))
    }

    /// Answers `add-checkpoint`: cosigns, and gives the signature lines. `now` is in
    /// seconds since 1970. Waits for the disk.
    ///
    /// # Errors
    /// Why it is refused; nothing was changed then.
    pub fn add_checkpoint(&self, body: &str, now: u64) -> Result<String, Refusal> {
        let request = AddCheckpoint::parse(body).map_err(Refusal::Malformed)?;
        let note = Note::parse(&request.checkpoint)
            .ok_or(Refusal::Malformed("the checkpoint is not a signed note"))?;
        let checkpoint = Checkpoint::parse(note.body)
            .ok_or(Refusal::Malformed("the signed note is not a checkpoint"))?;
        let log = self
            .logs
            .get(&checkpoint.origin)
            .ok_or_else(|| Refusal::UnknownLog(checkpoint.origin.clone()))?;
        let trusted = signed_lines(&log.keys, &note).ok_or(Refusal::NotSigned)?;
        if request.old_size > checkpoint.size {
            return Err(Refusal::Malformed("the old size is above the checkpoint's"));
        }
        // INVARIANT: from the comparison to the write nobody else may answer for this log.
        let mut last = locked(&log.last);
        if request.old_size != last.size {
            return Err(Refusal::Conflict { size: last.size });
        }
        check_tree(&request, &checkpoint, &last)?;
        let lines = self
            .keys
            .iter()
            .map(|key| key.cosign(note.body, now.max(1)))
            .collect::<Result<String, Error>>()?;
        let kept = format!("{}\n{trusted}{lines}", note.body);
        put(&self.state_path(&checkpoint.origin), 0o644, kept.as_bytes(), Durability::OfName)?;
        *last = Last { note: Some(kept), size: checkpoint.size, root: Some(checkpoint.root) };
        Ok(lines)
    }

    /// The checkpoint cosigned last of the log with this [`origin_hash`].
    #[must_use]
    pub fn checkpoint(&self, hash: &str) -> Option<String> {
        let (_, log) = self.logs.iter().find(|(origin, _)| origin_hash(origin) == hash)?;
        locked(&log.last).note.clone()
    }
}

fn locked(last: &Mutex<Last>) -> std::sync::MutexGuard<'_, Last> {
    last.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The signature lines of trusted keys, if there is one and all of them hold.
fn signed_lines(keys: &[VerifierKey], note: &Note<'_>) -> Option<String> {
    let signed: Vec<Signed> = keys.iter().map(|key| key.signed(note)).collect();
    if signed.contains(&Signed::Falsely) || signed.iter().all(|found| *found == Signed::Not) {
        return None;
    }
    let is_trusted = |name: &str, id| keys.iter().any(|key| key.name() == name && key.id() == id);
    let lines = note.lines().filter(|line| is_trusted(line.name, line.id));
    Some(lines.map(|line| format!("{}\n", line.text)).collect())
}

fn check_tree(
    request: &AddCheckpoint,
    checkpoint: &Checkpoint,
    last: &Last,
) -> Result<(), Refusal> {
    if checkpoint.size == 0 && checkpoint.root != empty_root() {
        return Err(Refusal::Inconsistent("an empty tree has another root"));
    }
    let old_root = last.root.unwrap_or_else(empty_root);
    match is_prefix(request.old_size, &old_root, checkpoint, &request.proof) {
        true => Ok(()),
        false => Err(Refusal::Inconsistent(
            "it is not proven that this tree continues the one that was cosigned last",
        )),
    }
}

fn load_or_mint(
    dir: &Path,
    file: &str,
    kind: KeyKind,
    name: Option<&str>,
) -> Result<CosignerKey, Error> {
    let path = dir.join(file);
    let bad = |what| Err(Error::Key { path: path.clone(), what });
    match std::fs::read_to_string(&path) {
        Ok(text) => {
            let key = CosignerKey::from_private_text(&text, &path)?;
            match key.verifier() {
                found if found.kind() != kind => bad("it is of another kind"),
                found if name.is_some_and(|name| name != found.name()) => {
                    bad("it was made under another name: leave `--name` out, or use another \
                         directory")
                }
                _ => Ok(key),
            }
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let Some(name) = name else {
                return bad("it is not there yet, and needs a name: give `--name`");
            };
            if !name_is_valid(name) || name.len() > 255 {
                return bad("a name has 1 to 255 bytes, no space and no `+`");
            }
            let key = CosignerKey::from_seed(name, kind, random()?)?;
            put(&path, 0o600, key.to_private_text().as_bytes(), Durability::OfName)?;
            Ok(key)
        }
        Err(error) => Err(Error::store("read", &path, error)),
    }
}
