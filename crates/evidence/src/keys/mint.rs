//! Keys as they are made.

use crate::disk::place::{Durability, put};
use crate::error::Error;
use crate::keys::files::{
    AUDITOR_PRIVATE, AUDITOR_PRIVATE_PREFIX, AUDITOR_PUBLIC, AUDITOR_PUBLIC_PREFIX, LOG_PUBLIC,
    load_public, read_key,
};
use crate::keys::{hpke, keyring};
use crate::tlog::signer::SignerKey;
use aws_lc_rs::rand;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use std::fs;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;

const LOG_PRIVATE: &str = "keys/log.key";

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
    let folders = [dir.to_owned(), dir.join("keys"), dir.join(keyring::FOLDER)];
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

fn put_key(path: &Path, mode: u32, text: &str) -> Result<(), Error> {
    put(path, mode, text.as_bytes(), Durability::OfName)
}

/// The order matters: `log.key` comes last, so that its presence says that all are there.
fn mint(dir: &Path) -> Result<(), Error> {
    let mut seed = random()?;
    let name: String = seed[..8].iter().map(|byte| format!("{byte:02x}")).collect();
    seed = random()?;
    let signer = SignerKey::from_seed(&format!("portreeve/{name}"), seed)?;
    if !dir.join(AUDITOR_PUBLIC).exists() {
        let (public, secret) = hpke::generate()?;
        let (public, secret) = (BASE64.encode(public), BASE64.encode(secret));
        let (secret, public) = (
            format!("{AUDITOR_PRIVATE_PREFIX}{secret}\n"),
            format!("{AUDITOR_PUBLIC_PREFIX}{public}\n"),
        );
        put_key(&dir.join(AUDITOR_PRIVATE), 0o600, &secret)?;
        put_key(&dir.join(AUDITOR_PUBLIC), 0o644, &public)?;
    }
    put_key(&dir.join(LOG_PUBLIC), 0o644, &format!("{}\n", signer.verifier()))?;
    put_key(&dir.join(LOG_PRIVATE), 0o600, &signer.to_private_text())
}

/// Takes the auditors' public key over from another log, if it is there and a key: who
/// reads recordings need not change with the log.
pub(crate) fn copy_auditor_public(from: &Path, to: &Path) -> Result<(), Error> {
    match read_key(&from.join(AUDITOR_PUBLIC), AUDITOR_PUBLIC_PREFIX) {
        Ok(public) => {
            let text = format!("{AUDITOR_PUBLIC_PREFIX}{}\n", BASE64.encode(public));
            put_key(&to.join(AUDITOR_PUBLIC), 0o644, &text)
        }
        Err(Error::Store { .. } | Error::Key { .. }) => Ok(()),
        Err(error) => Err(error),
    }
}
