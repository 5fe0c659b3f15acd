//! The keys of the index of data subjects: one for its tokens, and a share for each month.
//!
//! A token is a keyed hash of what identifies a person, so that the same person has the
//! same token in every session and month, and nobody without the key can test a guess.
//! The lists of tokens are sealed with keys that need the month's share: destroying that
//! makes a month of the index unreadable, and nothing else.

use crate::disk::storage::Disk;
use crate::keys::keyring::FOLDER;
use crate::keys::seal::SHARE_BYTES;
use crate::tlog::merkle::sha256;
use aws_lc_rs::rand;
use std::io;

const TAG: [u8; 4] = *b"SUBJ";
const FILE_BYTES: usize = 4 + SHARE_BYTES + 8;
/// The file of the tokens' key.
pub(crate) const TOKENS: &str = "subjects";

/// The name of the month that a time is in (UTC): `2026-11`.
pub(crate) fn month_of(at_us: u64) -> String {
    let at = i64::try_from(at_us).unwrap_or(i64::MAX);
    let at = jiff::Timestamp::from_microsecond(at).unwrap_or(jiff::Timestamp::MAX);
    at.strftime("%Y-%m").to_string()
}

/// The file of a month's share.
pub(crate) fn month_file(month: &str) -> String {
    format!("{TOKENS}-{month}")
}

fn encode(key: &[u8; SHARE_BYTES]) -> Vec<u8> {
    let mut bytes = [&TAG[..], key].concat();
    let check = sha256(&bytes);
    bytes.extend_from_slice(&check[..8]);
    bytes
}

/// A key that is there whole; one that was destroyed, or never written whole, is none.
pub(crate) fn find(disk: &dyn Disk, file: &str) -> io::Result<Option<[u8; SHARE_BYTES]>> {
    let bytes = match disk.read(&format!("{FOLDER}/{file}")) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let key = bytes.get(4..4 + SHARE_BYTES).and_then(|key| key.try_into().ok());
    Ok(key.filter(|key| encode(key) == bytes))
}

/// A key, made and durable if it was not there.
///
/// A file of zeros stays: it was destroyed, and what is destroyed does not come back.
pub(crate) fn find_or_make(disk: &dyn Disk, file: &str) -> io::Result<[u8; SHARE_BYTES]> {
    let mut fresh = [0; SHARE_BYTES];
    rand::fill(&mut fresh).map_err(|_| io::Error::other("no random bytes"))?;
    find_or_put(disk, file, fresh)
}

/// The key that is there, or this one, made durable.
pub(crate) fn find_or_put(
    disk: &dyn Disk,
    file: &str,
    fresh: [u8; SHARE_BYTES],
) -> io::Result<[u8; SHARE_BYTES]> {
    if let Some(key) = find(disk, file)? {
        return Ok(key);
    }
    let name = format!("{FOLDER}/{file}");
    let mut made = match disk.create(&name) {
        Ok(made) => made,
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            let bytes = disk.read(&name)?;
            if bytes.len() == FILE_BYTES && bytes.iter().all(|byte| *byte == 0) {
                return Err(io::Error::other(format!("`{name}` was destroyed")));
            }
            // A write that was cut off: nothing can have been sealed with it.
            disk.open(&name)?
        }
        Err(error) => return Err(error),
    };
    made.write_at(0, &encode(&fresh))?;
    made.sync()?;
    disk.sync_folder(FOLDER)?;
    Ok(fresh)
}
