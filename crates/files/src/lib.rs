//! Files that are put in place whole or not at all: written beside it, synced, renamed.

use crate::error::Error;
use std::fs::{self, File, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use tempfile::Builder;

/// How the file beside it is called. A process that is killed leaves it; see [`sweep`].
pub(crate) const FRESH_PREFIX: &str = ".fresh-";

/// What outlives a machine that stops.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Durability {
    /// Nothing for sure: who needs it syncs it later.
    Later,
    /// What is in the file. Its name may still stand for the file that was there before.
    OfContent,
    /// The file and its name.
    OfName,
}

/// Puts a file with this content and mode in the place of `path`.
pub(crate) fn put(
    path: &Path,
    mode: u32,
    bytes: &[u8],
    durability: Durability,
) -> Result<(), Error> {
    try_put(path, mode, bytes, durability).map_err(|error| Error::store("write", path, error))
}

fn try_put(path: &Path, mode: u32, bytes: &[u8], durability: Durability) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    let mut fresh = Builder::new()
        .prefix(FRESH_PREFIX)
        .permissions(Permissions::from_mode(mode))
        .tempfile_in(folder)?;
    fresh.write_all(bytes)?;
    match durability {
        Durability::Later => {}
        Durability::OfContent => fresh.as_file().sync_data()?,
        Durability::OfName => fresh.as_file().sync_all()?,
    }
    fresh.persist(path).map_err(|refused| refused.error)?;
    match durability {
        Durability::Later | Durability::OfContent => Ok(()),
        Durability::OfName => File::open(folder)?.sync_all(),
    }
}

/// Removes what processes that were killed left in a folder. For its one writer.
pub(crate) fn sweep(folder: &Path) -> Result<(), Error> {
    try_sweep(folder).map_err(|error| Error::store("clear", folder, error))
}

fn try_sweep(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with(FRESH_PREFIX) {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }

    #[test]
    fn a_file_is_there_whole_with_its_mode_and_nothing_beside_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("key");
        for text in ["first", "second, and longer"] {
            put(&path, 0o600, text.as_bytes(), Durability::OfName).unwrap();
            assert_eq!(fs::read_to_string(&path).unwrap(), text);
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
            assert_eq!(names(dir.path()), ["key"]);
        }
    }

    #[test]
    fn what_cannot_be_put_in_place_leaves_nothing() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("key")).unwrap();
        assert!(put(&dir.path().join("key"), 0o600, b"x", Durability::Later).is_err());
        assert_eq!(names(dir.path()), ["key"]);
    }

    #[test]
    fn what_a_killed_process_left_goes_and_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join(".fresh-a1B2c3"), "half of").unwrap();
        fs::write(dir.path().join("head"), "whole").unwrap();
        sweep(dir.path()).unwrap();
        assert_eq!(names(dir.path()), ["head"]);
    }
}
