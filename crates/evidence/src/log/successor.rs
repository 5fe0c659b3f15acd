//! The log that takes another one's place: where it is made, and how it gets there.

use crate::disk::lock::is_absent;
use crate::error::Error;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

/// Puts a successor in place whose making was stopped between the two renames.
pub(crate) fn finish(dir: &Path) -> Result<(), Error> {
    match dir.exists() {
        true => Ok(()),
        false => move_if_there(&successor(dir), dir),
    }
}

pub(crate) fn successor(dir: &Path) -> PathBuf {
    dir.with_extension("successor")
}

/// Renames durably, never over something; what is not there need not be moved.
pub(crate) fn move_if_there(from: &Path, to: &Path) -> Result<(), Error> {
    if fs::symlink_metadata(from).is_err_and(|error| is_absent(&error)) {
        return Ok(());
    }
    if fs::symlink_metadata(to).is_ok() {
        let exists = io::Error::from(io::ErrorKind::AlreadyExists);
        return Err(Error::store("move a log to", to, exists));
    }
    let folder = to.parent().filter(|folder| !folder.as_os_str().is_empty());
    fs::rename(from, to)
        .and_then(|()| File::open(folder.unwrap_or(Path::new(".")))?.sync_all())
        .map_err(|error| Error::store("move", from, error))
}
