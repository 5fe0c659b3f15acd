//! The log as a C2SP tlog-tiles directory: <https://c2sp.org/tlog-tiles>.
//!
//! ```text
//! checkpoint                    the last footer's signed note
//! tile/<level>/<n>[.p/<width>]  hashes, 256 a tile
//! tile/entries/<n>[.p/<width>]  the leaves, each behind its length (2 bytes, big endian)
//! ```
//!
//! Written again, only what is new is added. What is there and not of this log is an
//! error: tiles are never rewritten.

use crate::merkle::{Hash, leaf_hash, node_hash};
use crate::{Error, LogReader};
use serde::Serialize;
use std::fs;
use std::io;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

/// Hashes in a full tile, entries in a full bundle.
const WIDTH: usize = 256;

/// What a directory of tiles covers.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct Tiles {
    /// How many leaves.
    pub records: u64,
    /// How many files were added.
    pub files_added: u64,
}

/// Writes the committed part of the log in `dir` as tiles into `out`, the checkpoint last.
///
/// # Errors
/// The log cannot be read, `out` cannot be written, or holds tiles of another log.
pub fn write_tiles(dir: &Path, out: &Path) -> Result<Tiles, Error> {
    let mut writer = Writer { out, levels: Vec::new(), entries: Bundle::default(), added: 0 };
    let mut records = 0;
    let note = LogReader::open(dir)?.for_each(|entry| {
        writer.add_entry(entry.leaf)?;
        writer.add_hash(0, leaf_hash(entry.leaf))?;
        records += 1;
        Ok(ControlFlow::Continue(()))
    })?;
    writer.finish()?;
    if let Some(note) = note {
        replace(&out.join("checkpoint"), note.as_bytes())?;
    }
    Ok(Tiles { records, files_added: writer.added })
}

/// A tile or bundle that is not full yet.
#[derive(Default)]
struct Bundle {
    number: u64,
    count: usize,
    bytes: Vec<u8>,
}

struct Writer<'a> {
    out: &'a Path,
    levels: Vec<(Bundle, Vec<Hash>)>,
    entries: Bundle,
    added: u64,
}

impl Writer<'_> {
    fn add_entry(&mut self, leaf: &[u8]) -> Result<(), Error> {
        let length = u16::try_from(leaf.len()).expect("a leaf has at most 65,535 bytes");
        self.entries.bytes.extend_from_slice(&length.to_be_bytes());
        self.entries.bytes.extend_from_slice(leaf);
        self.entries.count += 1;
        if self.entries.count == WIDTH {
            let full = std::mem::take(&mut self.entries);
            self.entries.number = full.number + 1;
            self.put("entries", &full)?;
        }
        Ok(())
    }

    fn add_hash(&mut self, level: usize, hash: Hash) -> Result<(), Error> {
        if self.levels.len() == level {
            self.levels.push((Bundle::default(), Vec::new()));
        }
        let Some((tile, hashes)) = self.levels.get_mut(level) else { return Ok(()) };
        tile.bytes.extend_from_slice(&hash);
        tile.count += 1;
        hashes.push(hash);
        if tile.count < WIDTH {
            return Ok(());
        }
        let full = std::mem::take(tile);
        tile.number = full.number + 1;
        let root = full_root(std::mem::take(hashes));
        self.put(&level.to_string(), &full)?;
        self.add_hash(level + 1, root)
    }

    fn finish(&mut self) -> Result<(), Error> {
        let entries = std::mem::take(&mut self.entries);
        self.put("entries", &entries)?;
        for (level, (tile, _)) in std::mem::take(&mut self.levels).into_iter().enumerate() {
            self.put(&level.to_string(), &tile)?;
        }
        Ok(())
    }

    /// Writes a tile or bundle, unless it is there or empty.
    fn put(&mut self, level: &str, bundle: &Bundle) -> Result<(), Error> {
        if bundle.count == 0 {
            return Ok(());
        }
        let whole = self.out.join("tile").join(level).join(tile_number(bundle.number));
        let partial = with_suffix(&whole, ".p");
        let path = match bundle.count {
            WIDTH => whole.clone(),
            count => partial.join(count.to_string()),
        };
        match fs::read(&path) {
            Ok(bytes) if bytes == bundle.bytes => {}
            Ok(_) => {
                return Err(Error::Damaged {
                    file: path.display().to_string(),
                    offset: 0,
                    what: "it is not a tile of this log".to_owned(),
                });
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                replace(&path, &bundle.bytes)?;
                self.added += 1;
            }
            Err(error) => return Err(Error::store("read", &path, error)),
        }
        if bundle.count == WIDTH && partial.exists() {
            fs::remove_dir_all(&partial)
                .map_err(|error| Error::store("remove", &partial, error))?;
        }
        Ok(())
    }
}

/// The root of a full tile's hashes.
fn full_root(mut hashes: Vec<Hash>) -> Hash {
    while hashes.len() > 1 {
        hashes = hashes.chunks_exact(2).map(|pair| node_hash(&pair[0], &pair[1])).collect();
    }
    hashes.first().copied().unwrap_or_default()
}

/// A tile's number as a path: `x001/x234/067` for 1,234,067.
fn tile_number(number: u64) -> String {
    let mut path = format!("{:03}", number % 1000);
    let mut rest = number / 1000;
    while rest > 0 {
        path = format!("x{:03}/{path}", rest % 1000);
        rest /= 1000;
    }
    path
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// Puts a file in place whole or not at all.
fn replace(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let fresh = with_suffix(path, ".new");
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder)
        .and_then(|()| fs::write(&fresh, bytes))
        .and_then(|()| fs::rename(&fresh, path))
        .map_err(|error| Error::store("write", path, error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tile_numbers_are_those_of_the_specification() {
        let check = |number: u64, expect: &str| assert_eq!(tile_number(number), expect);
        check(0, "000");
        check(999, "999");
        check(1000, "x001/000");
        check(1_234_067, "x001/x234/067");
    }
}
