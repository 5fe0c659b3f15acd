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

use crate::disk::place::{Durability, put};
use crate::error::Error;
use crate::format::layout::TILES_FOLDER;
use crate::format::policy_text::PolicyTexts;
use crate::reader::entry::Entry;
use crate::reader::log_reader::LogReader;
use crate::tlog::merkle::{Hash, leaf_hash, node_hash};
use portreeve_model::{Event, PolicyVersion, Pruned};
use serde::Serialize;
use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

/// Hashes in a full tile, entries in a full bundle.
const WIDTH: usize = 256;
/// The same, as a number of records.
pub(crate) const BUNDLE: u64 = WIDTH as u64;
const HASH_BYTES: usize = size_of::<Hash>();

/// What a directory of tiles covers.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct Tiles {
    /// How many leaves.
    pub records: u64,
    /// How many files were added.
    pub files_added: u64,
}

/// Writes the committed part of the log in `dir` as tiles into `out`, the checkpoint last.
/// Of records that were pruned there are the hashes, and no entries.
///
/// # Errors
/// The log cannot be read, `out` cannot be written, or holds tiles of another log.
pub fn write_tiles(dir: &Path, out: &Path) -> Result<Tiles, Error> {
    let reader = LogReader::open(dir)?;
    let mut records = reader.begins_at()?;
    let mut writer = Writer::begin(out, &dir.join(TILES_FOLDER), records)?;
    let note = reader.for_each(|entry| {
        writer.add(entry.leaf)?;
        records += 1;
        Ok(ControlFlow::Continue(()))
    })?;
    writer.finish()?;
    if let Some(note) = note {
        replace(&out.join("checkpoint"), note.as_bytes())?;
    }
    Ok(Tiles { records, files_added: writer.added.len() as u64 })
}

/// What [`keep_hashes`] saw on its way.
pub(crate) struct Passed {
    /// The last policies that were adopted in what goes.
    pub(crate) in_force: Option<(PolicyVersion, String)>,
}

/// Writes the hashes of what is to be pruned into the log's own tiles, durably, and checks
/// them against the signed root.
pub(crate) fn keep_hashes(dir: &Path, pruned: &Pruned) -> Result<Passed, Error> {
    let reader = LogReader::open(dir)?;
    let tiles = dir.join(TILES_FOLDER);
    let mut writer = Writer::begin(&tiles, &tiles, reader.begins_at()?)?;
    writer.first_bundle = pruned.minimum_index / BUNDLE;
    let (mut passed, mut texts) = (Passed { in_force: None }, PolicyTexts::default());
    reader.for_each(|entry: Entry<'_>| {
        if entry.segment > pruned.segments {
            return Ok(ControlFlow::Break(()));
        }
        writer.add(entry.leaf)?;
        let event = entry.record()?.event;
        if let (Some(source), Event::PolicyAdopted { policy, .. }) = (texts.take(&event), event) {
            passed.in_force = Some((policy, source));
        }
        Ok(ControlFlow::Continue(()))
    })?;
    writer.finish()?;
    make_durable(dir, &writer.added)?;
    let kept = leaf_hashes(dir, pruned.records)?;
    if crate::tlog::merkle::root(&kept) != pruned.root.0 {
        let (file, what) = (TILES_FOLDER.to_owned(), "its hashes are not the log's".to_owned());
        return Err(Error::Damaged { file, offset: 0, what });
    }
    Ok(passed)
}

/// The hashes of the first `count` leaves of a log, of which the pruning of them has kept
/// the tiles.
///
/// # Errors
/// A tile is missing or too short.
pub fn leaf_hashes(dir: &Path, count: u64) -> Result<Vec<Hash>, Error> {
    let tiles = dir.join(TILES_FOLDER).join("tile").join("0");
    let mut hashes = Vec::new();
    for number in 0..count.div_ceil(BUNDLE) {
        let width = usize::try_from(count - number * BUNDLE).unwrap_or(WIDTH).min(WIDTH);
        hashes.extend(read_hashes(&tiles, number, width)?);
    }
    Ok(hashes)
}

/// Removes the entry bundles before the minimum index.
pub(crate) fn drop_old_bundles(dir: &Path, pruned: &Pruned) -> Result<(), Error> {
    let entries = dir.join(TILES_FOLDER).join("tile").join("entries");
    let kept = entries.join(tile_number(pruned.minimum_index / BUNDLE));
    let partial = with_suffix(&kept, ".p");
    let mut folders = vec![entries];
    while let Some(folder) = folders.pop() {
        for path in paths_in(&folder)? {
            if path == kept || path == partial {
                continue;
            }
            match path.is_dir() {
                true => folders.push(path),
                false => {
                    fs::remove_file(&path).map_err(|error| Error::store("remove", &path, error))?
                }
            }
        }
    }
    Ok(())
}

/// What lies in a folder; nothing where there is none.
fn paths_in(folder: &Path) -> Result<Vec<PathBuf>, Error> {
    let list = || -> io::Result<Vec<PathBuf>> {
        fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect()
    };
    match list() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        listed => listed.map_err(|error| Error::store("list", folder, error)),
    }
}

/// The beginning of a tile or bundle, which may be whole by now or was cut at some width.
fn read_part(level: &Path, number: u64, width: usize) -> Result<Vec<u8>, Error> {
    let whole = level.join(tile_number(number));
    let widths = paths_in(&with_suffix(&whole, ".p"))?.into_iter().filter_map(|path| {
        let found: usize = path.file_name()?.to_str()?.parse().ok()?;
        (found >= width).then_some(path)
    });
    let path = match whole.exists() {
        true => whole,
        false => widths.min().unwrap_or(whole),
    };
    fs::read(&path).map_err(|error| Error::store("read", &path, error))
}

fn read_hashes(level: &Path, number: u64, width: usize) -> Result<Vec<Hash>, Error> {
    let bytes = read_part(level, number, width)?;
    let (hashes, _) = bytes.as_chunks::<HASH_BYTES>();
    let part = hashes.get(..width).map(<[Hash]>::to_vec);
    part.ok_or_else(|| cut_short(level, number))
}

fn cut_short(level: &Path, number: u64) -> Error {
    let file = level.join(tile_number(number)).display().to_string();
    Error::Damaged { file, offset: 0, what: "it holds less than it should".to_owned() }
}

/// Makes files below `dir` durable, and their names.
fn make_durable(dir: &Path, files: &[PathBuf]) -> Result<(), Error> {
    let above = |file: &'_ PathBuf| {
        let folders = file.ancestors().skip(1).take_while(|folder| folder.starts_with(dir));
        folders.map(Path::to_owned).collect::<Vec<_>>()
    };
    let folders: BTreeSet<PathBuf> = files.iter().flat_map(above).collect();
    for path in files.iter().chain(&folders) {
        fs::File::open(path)
            .and_then(|file| file.sync_all())
            .map_err(|error| Error::store("sync", path, error))?;
    }
    Ok(())
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
    /// Bundles before this one are not written.
    first_bundle: u64,
    /// Whether a part of a tile goes when the whole is there. In the log's own tiles it
    /// stays: until the next record of a pruning is durable, the part is needed.
    parts: Parts,
    added: Vec<PathBuf>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Parts {
    Stay,
    Go,
}

impl<'a> Writer<'a> {
    /// A writer of a tree that goes on after `size` leaves, whose hashes are in `kept`.
    fn begin(out: &'a Path, kept: &Path, size: u64) -> Result<Self, Error> {
        let (levels, entries, added) = (Vec::new(), Bundle::default(), Vec::new());
        let (first_bundle, parts) = (0, if out == kept { Parts::Stay } else { Parts::Go });
        let mut writer = Self { out, levels, entries, first_bundle, parts, added };
        if size == 0 {
            return Ok(writer);
        }
        let kept = kept.join("tile");
        writer.first_bundle = size / BUNDLE;
        writer.entries = resumed_bundle(&kept.join("entries"), size)?;
        let mut below = size;
        for level in 0usize.. {
            let (number, count) = (below / BUNDLE, (below % BUNDLE) as usize);
            let folder = kept.join(level.to_string());
            let hashes = match count {
                0 => Vec::new(),
                count => read_hashes(&folder, number, count)?,
            };
            for full in 0..number {
                let bytes = read_part(&folder, full, WIDTH)?;
                writer.put(&level.to_string(), &Bundle { number: full, count: WIDTH, bytes })?;
            }
            let bytes = hashes.concat();
            writer.levels.push((Bundle { number, count, bytes }, hashes));
            if number == 0 {
                break;
            }
            below = number;
        }
        Ok(writer)
    }

    fn add(&mut self, leaf: &[u8]) -> Result<(), Error> {
        self.add_entry(leaf)?;
        self.add_hash(0, leaf_hash(leaf))
    }

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
        if bundle.count == 0 || (level == "entries" && bundle.number < self.first_bundle) {
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
                self.added.push(path);
            }
            Err(error) => return Err(Error::store("read", &path, error)),
        }
        if bundle.count == WIDTH && self.parts == Parts::Go && partial.exists() {
            fs::remove_dir_all(&partial)
                .map_err(|error| Error::store("remove", &partial, error))?;
        }
        Ok(())
    }
}

/// The bundle that a log of `size` leaves goes on in.
fn resumed_bundle(entries: &Path, size: u64) -> Result<Bundle, Error> {
    let (number, count) = (size / BUNDLE, (size % BUNDLE) as usize);
    let mut bundle = Bundle { number, count, bytes: Vec::new() };
    if count > 0 {
        let bytes = read_part(entries, number, count)?;
        let mut end = 0;
        for _ in 0..count {
            let length = bytes.get(end..).and_then(|rest| rest.first_chunk::<2>());
            let length = length.ok_or_else(|| cut_short(entries, number))?;
            end += 2 + usize::from(u16::from_be_bytes(*length));
        }
        let part = bytes.get(..end).ok_or_else(|| cut_short(entries, number))?;
        bundle.bytes = part.to_vec();
    }
    Ok(bundle)
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

/// Puts a file in place, and makes the folders above it.
fn replace(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder).map_err(|error| Error::store("create", folder, error))?;
    put(path, 0o644, bytes, Durability::Later)
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
