//! Keys as they are made, and files as they are put in place.

use super::{
    AUDITOR_PRIVATE, AUDITOR_PRIVATE_PREFIX, AUDITOR_PUBLIC, AUDITOR_PUBLIC_PREFIX, LOG_PUBLIC,
    load_public, read_key,
};
use crate::signer::SignerKey;
use crate::{Error, hpke};
use aws_lc_rs::rand;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

const LOG_PRIVATE: &str = "keys/log.key";

/// Puts a file in place whole and durably, or not at all.
pub(crate) fn put(path: &Path, mode: u32, text: &str) -> Result<(), Error> {
    let fresh = path.with_extension("new");
    let write = || -> io::Result<()> {
        let mut file = fs::OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(mode)
            .open(&fresh)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&fresh, path)?;
        let folder = path.parent().unwrap_or(Path::new("."));
        fs::File::open(folder)?.sync_all()
    };
    write().map_err(|error| Error::store("write", path, error))
}

pub(crate) fn random() -> Result<[u8; 32], Error> {
    let mut bytes = [0; 32];
    rand::fill(&mut bytes).map_err(|_| Error::Crypto("no random bytes"))?;
    Ok(bytes)
}

/// What the writer needs.
pub(crate) struct Keys {
    pub(crate) signer: SignerKey,
    pub(crate) auditor_public: [u8; 32],
}

/// Makes the directory's folders, readable by their owner only.
pub(crate) fn make_folders(dir: &Path) -> Result<(), Error> {
    let folders = [dir.to_owned(), dir.join("keys"), dir.join(crate::keyring::FOLDER)];
    folders.iter().try_for_each(|folder| make_folder(folder))
}

/// Makes a folder and those above it, readable by their owner only.
pub(crate) fn make_folder(folder: &Path) -> Result<(), Error> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .map_err(|error| Error::store("create", folder, error))
}

/// Reads the keys, or mints them where the log is new.
pub(crate) fn load_or_mint(dir: &Path, is_new: bool) -> Result<Keys, Error> {
    let private = dir.join(LOG_PRIVATE);
    if is_new && !private.exists() {
        mint(dir)?;
    }
    let text =
        fs::read_to_string(&private).map_err(|error| Error::store("read", &private, error))?;
    let signer = SignerKey::from_private_text(&text, &private)?;
    if load_public(dir)? != signer.verifier() {
        let path = dir.join(LOG_PUBLIC);
        return Err(Error::Key { path, what: "it is not the public half of the log's key" });
    }
    let auditor_public = read_key(&dir.join(AUDITOR_PUBLIC), AUDITOR_PUBLIC_PREFIX)?;
    Ok(Keys { signer, auditor_public })
}

/// The order matters: `log.key` comes last, so that its presence says that all are there.
fn mint(dir: &Path) -> Result<(), Error> {
    let mut seed = random()?;
    let name: String = seed[..8].iter().map(|byte| format!("{byte:02x}")).collect();
    seed = random()?;
    let signer = SignerKey::from_seed(&format!("portreeve/{name}"), seed)?;
    if !dir.join(AUDITOR_PUBLIC).exists() {
        let auditor = random()?;
        let public = BASE64.encode(hpke::public_key(&auditor)?);
        let secret = BASE64.encode(auditor);
        put(&dir.join(AUDITOR_PRIVATE), 0o600, &format!("{AUDITOR_PRIVATE_PREFIX}{secret}\n"))?;
        put(&dir.join(AUDITOR_PUBLIC), 0o644, &format!("{AUDITOR_PUBLIC_PREFIX}{public}\n"))?;
    }
    put(&dir.join(LOG_PUBLIC), 0o644, &format!("{}\n", signer.verifier()))?;
    put(&dir.join(LOG_PRIVATE), 0o600, &signer.to_private_text())
}

/// Takes the auditors' public key over from another log, if it is there and a key: who
/// reads recordings need not change with the log.
pub(crate) fn copy_auditor_public(from: &Path, to: &Path) -> Result<(), Error> {
    match read_key(&from.join(AUDITOR_PUBLIC), AUDITOR_PUBLIC_PREFIX) {
        Ok(public) => {
            let text = format!("{AUDITOR_PUBLIC_PREFIX}{}\n", BASE64.encode(public));
            put(&to.join(AUDITOR_PUBLIC), 0o644, &text)
        }
        Err(Error::Store { .. } | Error::Key { .. }) => Ok(()),
        Err(error) => Err(error),
    }
}
