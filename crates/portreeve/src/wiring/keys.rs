//! Keys of the installation that the data path uses.

use anyhow::Context;
use portreeve_control::Store;
use portreeve_control::store::GatewayId;
use portreeve_evidence::EvidenceLog;
use portreeve_model::{KeyUse, Secret};
use std::fs::OpenOptions;
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// The key of pseudonyms: made at the first start of the first gateway, and the same for
/// all of an installation. Whoever loses it gets other pseudonyms; whoever copies it can
/// test guesses.
///
/// The store has it. The file `mask.key` in the data directory is a copy for other programs
/// (`portreeve detect`); one that was there first is taken over.
pub(super) fn mask_key(store: &Store, data_dir: &Path) -> anyhow::Result<[u8; 32]> {
    let path = data_dir.join("mask.key");
    let found = from_file(&path)?;
    let fresh = match found {
        Some(key) => key,
        None => random()?,
    };
    let key = *store.keys.key_or(KeyUse::Masking, &Secret::new(fresh))?.reveal();
    match found {
        None => copy(&path, &key)?,
        Some(found) => anyhow::ensure!(
            found == key,
            "`{}` is not the masking key of this installation\nhint: the control store has \
             another one; move the file away if that one is right",
            path.display()
        ),
    }
    Ok(key)
}

/// The key of the tokens that stand for data subjects: one for the installation, so that a
/// person has the same token in the log of every gateway, and in one that takes the place of
/// another. The keyring of each log has a copy, for auditors; one that was there first is
/// taken over.
pub(super) fn subject_key(store: &Store, log: &EvidenceLog) -> anyhow::Result<[u8; 32]> {
    let fresh = match log.subject_key()? {
        Some(found) => found,
        None => random()?,
    };
    let key = *store.keys.key_or(KeyUse::Subjects, &Secret::new(fresh))?.reveal();
    anyhow::ensure!(
        log.keep_subject_key(key)? == key,
        "the keyring in `{}` has another key for data subjects than the installation\n\
         hint: the log belongs to another control store",
        log.dir().display()
    );
    Ok(key)
}

pub(crate) fn random() -> anyhow::Result<[u8; 32]> {
    let mut key = [0; 32];
    aws_lc_rs::rand::fill(&mut key).map_err(|_| anyhow::anyhow!("no randomness"))?;
    Ok(key)
}

fn copy(path: &Path, key: &[u8; 32]) -> anyhow::Result<()> {
    let at = || format!("the copy of the masking key `{}`", path.display());
    let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    let mut file = made.with_context(at)?;
    file.write_all(key).and_then(|()| file.sync_all()).with_context(at)
}

/// Which gateway of the installation this is: the one that holds the key of its log.
pub(super) fn gateway_id(evidence: &Path) -> anyhow::Result<GatewayId> {
    let path = evidence.join("log.pub");
    let name = std::fs::read_to_string(&path)
        .with_context(|| format!("the name of the log `{}`", path.display()))?;
    Ok(GatewayId(name.trim().to_owned()))
}

fn from_file(path: &Path) -> anyhow::Result<Option<[u8; 32]>> {
    let at = || format!("the masking key `{}`", path.display());
    let mut file = match std::fs::File::open(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        other => other.with_context(at)?,
    };
    let mut key = [0; 32];
    // INVARIANT: exactly 32 bytes; anything else is not our key.
    file.read_exact(&mut key).with_context(at)?;
    anyhow::ensure!(file.read(&mut [0])? == 0, "{} is longer than 32 bytes", at());
    Ok(Some(key))
}
