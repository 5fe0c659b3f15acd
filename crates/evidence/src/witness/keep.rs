//! What a log keeps of its witnesses' answers: the file `witnessed` in its directory.

#[cfg(feature = "writer")]
use crate::disk::place::{Durability, put};
use crate::error::Error;
use crate::tlog::note::{Checkpoint, NOTE_BYTES_MAX, Note, SignatureLine};
use crate::tlog::vkey::VerifierKey;
use crate::witness::answer::Cosigned;
use std::fs::File;
use std::io::{ErrorKind, Read as _};
use std::path::Path;

/// The file's name.
pub const WITNESSED_FILE: &str = "witnessed";

/// The newest checkpoint that enough witnesses have cosigned.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Witnessed {
    /// The signed note: the log's line and the witnesses'.
    pub note: String,
    /// What it says.
    pub checkpoint: Checkpoint,
}

impl Witnessed {
    /// Reads the file in the log's directory; `None` where there is none.
    ///
    /// # Errors
    /// It cannot be read, or `key`, the log's, has not signed it.
    pub fn load(dir: &Path, key: &VerifierKey) -> Result<Option<Self>, Error> {
        let path = dir.join(WITNESSED_FILE);
        let mut note = String::new();
        let limit = NOTE_BYTES_MAX as u64 + 1;
        match File::open(&path).and_then(|file| file.take(limit).read_to_string(&mut note)) {
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Error::store("read", &path, error)),
        }
        match key.open(&note) {
            Some(checkpoint) => Ok(Some(Self { note, checkpoint })),
            None => Err(Error::Damaged {
                file: WITNESSED_FILE.to_owned(),
                offset: 0,
                what: "it is not a checkpoint of this log".to_owned(),
            }),
        }
    }

    #[cfg(feature = "writer")]
    /// Writes the file, whole or not at all: the log's checkpoint with these cosignatures.
    ///
    /// Where the same checkpoint is there already, cosignatures of others stay on it; a
    /// newer one stays altogether. Gives what is in the file afterwards. One caller at a time.
    ///
    /// # Errors
    /// The checkpoint is none of this log, or the file cannot be read or written.
    pub fn store(
        dir: &Path,
        key: &VerifierKey,
        checkpoint: &str,
        cosigned: &[Cosigned],
    ) -> Result<Self, Error> {
        let bad = || Error::Absent { what: "what was cosigned is no checkpoint".to_owned() };
        let parts = Note::parse(checkpoint).ok_or_else(bad)?;
        let own = parts.lines().filter(|line| line.name == key.name() && line.id == key.id());
        let before = Self::load(dir, key)?;
        let kept = before.as_ref().and_then(|before| Note::parse(&before.note));
        let kept = kept.filter(|kept| kept.body == parts.body);
        let fresh: Vec<&str> = own.map(|line| line.text).collect();
        let fresh = fresh.into_iter().chain(cosigned.iter().map(|found| found.line.as_str()));
        let fresh: Vec<SignatureLine<'_>> = fresh.filter_map(SignatureLine::parse).collect();
        let is_replaced = |line: &SignatureLine<'_>| {
            fresh.iter().any(|new| new.name == line.name && new.id == line.id)
        };
        let others: Vec<SignatureLine<'_>> = kept
            .into_iter()
            .flat_map(|kept| kept.lines())
            .filter(|line| !is_replaced(line))
            .collect();
        let mut note = format!("{}\n", parts.body);
        for line in fresh.iter().chain(&others) {
            note.push_str(line.text);
            note.push('\n');
        }
        let checkpoint = key.open(&note).ok_or_else(bad)?;
        if let Some(newer) = before.filter(|before| before.checkpoint.size > checkpoint.size) {
            return Ok(newer);
        }
        put(&dir.join(WITNESSED_FILE), 0o644, note.as_bytes(), Durability::OfName)?;
        Ok(Self { note, checkpoint })
    }
}
