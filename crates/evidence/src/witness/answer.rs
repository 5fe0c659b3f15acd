//! The log's side: what a witness's answer is worth.

use crate::tlog::note::{Note, SignatureLine, decimal};
use crate::tlog::vkey::{Signed, VerifierKey};

/// A cosignature that holds.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Cosigned {
    /// The signature line, without its line end.
    pub line: String,
    /// When it was made, in seconds since 1970.
    pub at: u64,
}

/// Finds `key`'s cosignature of `checkpoint` in a witness's answer; lines of other keys are
/// ignored.
///
/// # Errors
/// What is wrong, for the operator: it is missing, or does not hold.
pub fn cosigned(checkpoint: &str, answer: &str, key: &VerifierKey) -> Result<Cosigned, String> {
    let unreadable = || "its answer is not made of signature lines".to_owned();
    let note = Note::parse(checkpoint).ok_or_else(unreadable)?;
    let whole = format!("{}\n{answer}", note.body);
    let note = Note::parse(&whole).ok_or_else(unreadable)?;
    match key.signed(&note) {
        Signed::At(Some(at)) if at > 0 => {
            let is_its = |line: &SignatureLine<'_>| line.name == key.name() && line.id == key.id();
            let line = note.lines().find(is_its).map(|line| line.text.to_owned());
            Ok(Cosigned { line: line.ok_or_else(unreadable)?, at })
        }
        Signed::At(_) => Err("its cosignature has no time".to_owned()),
        Signed::Falsely => Err("its cosignature does not hold".to_owned()),
        Signed::Not => {
            Err("its answer has no cosignature of the key that is configured".to_owned())
        }
    }
}

/// Reads the size in the body of a 409: decimal, a line end.
#[must_use]
pub fn conflict_size(body: &str) -> Option<u64> {
    decimal(body.strip_suffix('\n')?)
}
