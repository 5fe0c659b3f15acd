//! Files that are there whole or not at all: written beside their place, synced, renamed (floor 1).

#![cfg_attr(test, allow(clippy::unwrap_used))]

use std::fs::{self, File, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use tempfile::{Builder, NamedTempFile};

/// How the file beside it is called. A process that is killed leaves it; see [`sweep`].
pub const FRESH_PREFIX: &str = ".fresh-";

/// What outlives a machine that stops.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Durability {
    /// Nothing for sure: who needs it syncs it later.
    Later,
    /// What is in the file. Its name may still stand for the file that was there before.
    OfContent,
    /// The file and its name.
    OfName,
}

/// Puts a file with this content and mode in the place of `path`.
///
/// # Errors
/// It cannot be written, or not put there. What was there is still there.
pub fn put(path: &Path, mode: u32, bytes: &[u8], durability: Durability) -> io::Result<()> {
    let mut fresh = Fresh::beside(path, mode)?;
    fresh.write_all(bytes)?;
    fresh.replace(durability)
}

/// A file that is not in its place yet; dropped, it is gone.
#[derive(Debug)]
pub struct Fresh {
    file: NamedTempFile,
    path: PathBuf,
}

impl Fresh {
    /// An empty one beside the place that it is for.
    ///
    /// # Errors
    /// The folder takes no files.
    pub fn beside(path: &Path, mode: u32) -> io::Result<Self> {
        let file = Builder::new()
            .prefix(FRESH_PREFIX)
            .permissions(Permissions::from_mode(mode))
            .tempfile_in(folder(path))?;
        Ok(Self { file, path: path.to_owned() })
    }

    /// Puts it in its place, whatever was there.
    ///
    /// # Errors
    /// It cannot be synced, or not put there.
    pub fn replace(self, durability: Durability) -> io::Result<()> {
        self.sync(durability)?;
        self.file.persist(&self.path).map_err(|refused| refused.error)?;
        sync_name(&self.path, durability)
    }

    /// Puts it in its place if nothing is there.
    ///
    /// # Errors
    /// Something is there (`AlreadyExists`), or it cannot be synced, or not put there.
    pub fn fill(self, durability: Durability) -> io::Result<()> {
        self.sync(durability)?;
        self.file.persist_noclobber(&self.path).map_err(|refused| refused.error)?;
        sync_name(&self.path, durability)
    }

    fn sync(&self, durability: Durability) -> io::Result<()> {
        match durability {
            Durability::Later => Ok(()),
            Durability::OfContent => self.file.as_file().sync_data(),
            Durability::OfName => self.file.as_file().sync_all(),
        }
    }
}

impl Write for Fresh {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

fn sync_name(path: &Path, durability: Durability) -> io::Result<()> {
    match durability {
        Durability::Later | Durability::OfContent => Ok(()),
        Durability::OfName => File::open(folder(path))?.sync_all(),
    }
}

fn folder(path: &Path) -> &Path {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    folder.unwrap_or(Path::new("."))
}

/// Removes what processes that were killed left in a folder. For its one writer.
///
/// # Errors
/// The folder cannot be read, or a file not removed.
pub fn sweep(folder: &Path) -> io::Result<()> {
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
    fn a_place_that_is_taken_is_not_filled() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("export");
        let fresh = |text: &str| {
            let mut fresh = Fresh::beside(&path, 0o600).unwrap();
            fresh.write_all(text.as_bytes()).unwrap();
            fresh
        };
        drop(fresh("given up"));
        assert!(names(dir.path()).is_empty());
        let (first, second) = (fresh("first"), fresh("second"));
        first.fill(Durability::OfName).unwrap();
        let refused = second.fill(Durability::OfName).unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read_to_string(&path).unwrap(), "first");
        assert_eq!(names(dir.path()), ["export"]);
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
