//! Who writes a log: the file that a gateway locks for as long as it does.

use crate::error::Error;
use std::fs::{File, TryLockError};
use std::io;
use std::path::Path;

/// Locked by the gateway that writes; empty.
pub(crate) const LOCK_FILE: &str = "lock";

/// Takes the directory for whoever writes there; it is theirs until the file is dropped.
pub(crate) fn take_lock(dir: &Path) -> Result<File, Error> {
    let path = dir.join(LOCK_FILE);
    let file = File::options()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(&path)
        .map_err(|error| Error::store("open", &path, error))?;
    judge(file.try_lock(), dir, &path).map(|()| file)
}

/// Keeps gateways from the directory for as long as the answer lives.
pub(crate) fn lock_out(dir: &Path) -> Result<Option<File>, Error> {
    let path = dir.join(LOCK_FILE);
    let file = match File::open(&path) {
        Ok(file) => file,
        // Without the file, or the directory, nobody writes there.
        Err(error) if is_absent(&error) => return Ok(None),
        Err(error) => return Err(Error::store("open", &path, error)),
    };
    judge(file.try_lock_shared(), dir, &path).map(|()| Some(file))
}

/// Whether a gateway is writing this log now.
#[must_use]
pub fn is_live(dir: &Path) -> bool {
    let lock = File::open(dir.join(LOCK_FILE));
    lock.is_ok_and(|file| matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)))
}

/// Whether there is nothing under a name.
pub(crate) fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

fn judge(taken: Result<(), TryLockError>, dir: &Path, path: &Path) -> Result<(), Error> {
    match taken {
        Ok(()) => Ok(()),
        Err(TryLockError::WouldBlock) => Err(Error::Busy { dir: dir.to_owned() }),
        Err(TryLockError::Error(error)) => Err(Error::store("lock", path, error)),
    }
}
