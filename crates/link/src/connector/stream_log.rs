//! What went through a connector, in its own hand: one line for each stream, each with the
//! hash of the line before it, signed with the connector's key. Held against the gateway's
//! evidence by `portreeve verify --connector-log`.
//!
//! Layout: `docs/formats/link.md`. It holds no byte of any stream.

use crate::authority::PublicKey;
use crate::key::{ConnectorKey, is_signed};
use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use portreeve_model::{Digest, LinkStream};
use serde::{Deserialize, Serialize};
use std::cmp::Ordering;
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// One line, without its signature.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Entry {
    /// Its number, from 0.
    pub number: u64,
    /// SHA-256 of the line before it, in hexadecimal; zeros in the first one.
    pub previous: String,
    /// The stream.
    #[serde(flatten)]
    pub stream: LinkStream,
    /// The target's host, as both ends call it.
    pub target: String,
    /// The gateway that asked for it.
    pub gateway: String,
}

/// A whole line.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct SignedEntry {
    /// What is signed: JSON.
    pub entry: String,
    /// Ed25519, base64.
    pub signature: String,
}

/// Why a stream log is not good.
#[derive(Debug, thiserror::Error)]
pub enum StreamLogError {
    /// The file.
    #[error("cannot use `{}`: {error}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// What is in it.
    #[error("line {line} {why}")]
    Line {
        /// Which, from 1.
        line: usize,
        /// Why.
        why: &'static str,
    },
}

/// A connector's stream log. Cheap to clone.
#[derive(Clone)]
pub struct StreamLog {
    key: Arc<ConnectorKey>,
    end: Arc<Mutex<End>>,
}

/// Where the next line goes.
struct End {
    file: File,
    /// Up to the last whole line.
    length: u64,
    number: u64,
    previous: String,
    /// Lines that could not be written, for a disk that was full.
    late: Vec<(LinkStream, String, String)>,
}

impl std::fmt::Debug for StreamLog {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StreamLog").finish_non_exhaustive()
    }
}

/// A line is not longer.
const LINE_BYTES_MAX: u64 = 16 << 10;

impl StreamLog {
    /// Goes on with a file, or begins it.
    ///
    /// # Errors
    /// It cannot be used, another connector writes it, or its last whole line is not this
    /// connector's. What a crash has left of a line is cut off.
    pub fn open(path: &Path, state: &super::State) -> Result<Self, StreamLogError> {
        let failed = |error| StreamLogError::File { path: path.to_owned(), error };
        let mut options = OpenOptions::new();
        options.read(true).append(true).create(true).mode(0o600);
        let mut file = options.open(path).map_err(failed)?;
        file.try_lock().map_err(|_| failed(io::Error::other("another connector writes it")))?;
        let tail = last_line(&mut file).map_err(failed)?;
        let (number, previous) = match tail {
            Some(line) => {
                let entry = checked(&line, &state.key().public())
                    .map_err(|why| StreamLogError::Line { line: 0, why })?;
                (entry.number + 1, hash(line.as_bytes()))
            }
            None => (0, "0".repeat(64)),
        };
        let length = file.metadata().map_err(failed)?.len();
        let end = Arc::new(Mutex::new(End { file, length, number, previous, late: Vec::new() }));
        Ok(Self { key: state.key().clone(), end })
    }

    /// Writes down a stream.
    ///
    /// # Errors
    /// It is not written yet: [`Self::settle`] tries again.
    pub fn write(&self, stream: LinkStream, target: String, gateway: String) -> io::Result<()> {
        let mut end = self.end();
        end.late.push((stream, target, gateway));
        end.write_late(&self.key)
    }

    /// Writes what could not be written before.
    ///
    /// # Errors
    /// It still cannot.
    pub fn settle(&self) -> io::Result<()> {
        self.end().write_late(&self.key)
    }

    fn end(&self) -> MutexGuard<'_, End> {
        self.end.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl End {
    fn write_late(&mut self, key: &ConnectorKey) -> io::Result<()> {
        while let Some((stream, target, gateway)) = self.late.first().cloned() {
            let (number, previous) = (self.number, self.previous.clone());
            let entry = Entry { number, previous, stream, target, gateway };
            let entry = serde_json::to_string(&entry)?;
            let signature = BASE64.encode(key.sign(entry.as_bytes()));
            let line = serde_json::to_string(&SignedEntry { entry, signature })?;
            match self.file.metadata()?.len().cmp(&self.length) {
                Ordering::Equal => {}
                // What a full disk has left of a line would spoil the next one.
                Ordering::Greater => self.file.set_len(self.length)?,
                Ordering::Less => return Err(io::Error::other("somebody has cut it off")),
            }
            self.file.write_all(format!("{line}\n").as_bytes())?;
            self.length += line.len() as u64 + 1;
            self.number += 1;
            self.previous = hash(line.as_bytes());
            self.late.remove(0);
        }
        Ok(())
    }
}

fn hash(bytes: &[u8]) -> String {
    let mut hash = Digest([0; 32]);
    hash.0.copy_from_slice(digest::digest(&digest::SHA256, bytes).as_ref());
    hash.to_string()
}

/// The last whole line; what stands behind it is cut off.
fn last_line(file: &mut File) -> io::Result<Option<String>> {
    let length = file.metadata()?.len();
    let start = length.saturating_sub(2 * LINE_BYTES_MAX);
    file.seek(SeekFrom::Start(start))?;
    let mut tail = Vec::new();
    file.read_to_end(&mut tail)?;
    let Some(newline) = tail.iter().rposition(|byte| *byte == b'\n') else {
        file.set_len(start)?;
        return Ok(None);
    };
    let whole = start + u64::try_from(newline).unwrap_or(u64::MAX) + 1;
    file.set_len(whole)?;
    let lines = tail.get(..newline).unwrap_or_default();
    let line = lines.rsplit(|byte| *byte == b'\n').next().unwrap_or_default();
    Ok(Some(String::from_utf8_lossy(line).into_owned()))
}

fn checked(line: &str, key: &PublicKey) -> Result<Entry, &'static str> {
    let signed: SignedEntry = serde_json::from_str(line).map_err(|_| "cannot be read")?;
    let signature = BASE64.decode(&signed.signature).map_err(|_| "has no signature")?;
    if !is_signed(signed.entry.as_bytes(), &signature, key) {
        return Err("is not signed with the connector's key");
    }
    serde_json::from_str(&signed.entry).map_err(|_| "cannot be read")
}

/// Reads a stream log that a key has signed, line by line, in its order.
///
/// # Errors
/// The first line that is not as it must be.
pub fn read_stream_log(path: &Path, key: &PublicKey) -> Result<Vec<Entry>, StreamLogError> {
    let failed = |error| StreamLogError::File { path: path.to_owned(), error };
    let file = BufReader::new(File::open(path).map_err(failed)?);
    let mut entries = Vec::new();
    let mut previous = "0".repeat(64);
    for (index, line) in file.lines().enumerate() {
        let line = line.map_err(failed)?;
        let wrong = |why| StreamLogError::Line { line: index + 1, why };
        let entry = checked(&line, key).map_err(wrong)?;
        if entry.previous != previous || entry.number != index as u64 {
            return Err(wrong("does not follow the one before it"));
        }
        previous = hash(line.as_bytes());
        entries.push(entry);
    }
    Ok(entries)
}
