//! Key files of the gateway.

use anyhow::Context;
use std::fs::OpenOptions;
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// The key of pseudonyms: made at the first start. Whoever loses it gets other
/// pseudonyms; whoever copies it can test guesses.
pub(super) fn mask_key(data_dir: &Path) -> anyhow::Result<[u8; 32]> {
    let path = data_dir.join("mask.key");
    let at = || format!("the masking key `{}`", path.display());
    let mut key = [0; 32];
    aws_lc_rs::rand::fill(&mut key).map_err(|_| anyhow::anyhow!("no randomness"))?;
    let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path);
    match made {
        Ok(mut file) => {
            file.write_all(&key).and_then(|()| file.sync_all()).with_context(at)?;
        }
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            let mut file = std::fs::File::open(&path).with_context(at)?;
            // INVARIANT: exactly 32 bytes; anything else is not our key.
            file.read_exact(&mut key).with_context(at)?;
            anyhow::ensure!(file.read(&mut [0])? == 0, "{} is longer than 32 bytes", at());
        }
        Err(error) => return Err(error).with_context(at),
    }
    Ok(key)
}
