//! A disk in memory that stops, tears, loses and reorders writes, and refuses.

use crate::disk::storage::{Disk, DiskFile};
use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard};

const SECTOR: usize = 512;

/// A small generator: the same numbers for the same seed, on every machine.
pub(super) struct Random(u64);

impl Random {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    pub(super) fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    pub(super) fn below(&mut self, bound: u64) -> u64 {
        (self.next() >> 16) % bound
    }

    pub(super) fn one_in(&mut self, chance: u64) -> bool {
        self.below(chance) == 0
    }
}

#[derive(Clone, Default)]
struct SimFile {
    /// What a read gives.
    cached: Vec<u8>,
    /// What a crash leaves for sure.
    durable: Vec<u8>,
    /// Written since the last sync.
    pending: Vec<(usize, Vec<u8>)>,
    /// Whether its name is durable.
    linked: bool,
}

struct State {
    files: BTreeMap<String, SimFile>,
    /// Removed, but not yet durably.
    ghosts: BTreeMap<String, SimFile>,
    random: Random,
    /// Operations until the power fails.
    power: u64,
    /// Operations until one fails with an input/output error; none when 0.
    fault: u64,
    /// Whether a file can grow.
    full: bool,
}

/// The disk. Clones are the same one.
#[derive(Clone)]
pub(crate) struct SimDisk(Arc<Mutex<State>>);

struct Handle {
    disk: SimDisk,
    name: String,
}

impl SimDisk {
    pub(crate) fn new(seed: u64) -> Self {
        Self(Arc::new(Mutex::new(State {
            files: BTreeMap::new(),
            ghosts: BTreeMap::new(),
            random: Random::new(seed),
            power: u64::MAX,
            fault: 0,
            full: false,
        })))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    pub(super) fn plan(&self, power: u64, fault: u64) {
        let mut state = self.state();
        (state.power, state.fault) = (power, fault);
    }

    pub(super) fn set_full(&self, full: bool) {
        self.state().full = full;
    }

    /// The machine stops: what was not synced is there, or not, or in part.
    pub(super) fn crash(&self) {
        let state = &mut *self.state();
        let random = &mut state.random;
        for (name, ghost) in std::mem::take(&mut state.ghosts) {
            if random.one_in(2) && !state.files.contains_key(&name) {
                state.files.insert(name, ghost);
            }
        }
        state.files.retain(|_, file| file.linked || random.one_in(2));
        for file in state.files.values_mut() {
            let way = random.below(4);
            let mut sectors: Vec<(usize, Vec<u8>)> = Vec::new();
            for (offset, bytes) in std::mem::take(&mut file.pending) {
                let mut at = 0;
                while at < bytes.len() {
                    let room = SECTOR - (offset + at) % SECTOR;
                    let end = bytes.len().min(at + room);
                    sectors.push((offset + at, bytes[at..end].to_vec()));
                    at = end;
                }
            }
            let keep = random.below(sectors.len() as u64 + 1);
            for (at, (offset, mut bytes)) in sectors.into_iter().enumerate() {
                let stays = match way {
                    0 => false,
                    1 => true,
                    2 => (at as u64) < keep,
                    _ => random.one_in(2),
                };
                if !stays {
                    continue;
                }
                if random.one_in(16) {
                    bytes.truncate(random.below(bytes.len() as u64 + 1) as usize);
                }
                put(&mut file.durable, offset, &bytes);
            }
            file.cached.clone_from(&file.durable);
            file.linked = true;
        }
        (state.power, state.fault, state.full) = (u64::MAX, 0, false);
    }

    /// The files as a reader sees them.
    pub(super) fn files(&self) -> BTreeMap<String, Vec<u8>> {
        self.state().files.iter().map(|(name, file)| (name.clone(), file.cached.clone())).collect()
    }
}

fn put(bytes: &mut Vec<u8>, offset: usize, new: &[u8]) {
    if bytes.len() < offset + new.len() {
        bytes.resize(offset + new.len(), 0);
    }
    bytes[offset..offset + new.len()].copy_from_slice(new);
}

impl State {
    /// Counts an operation; fails when the power is off or the fault's time has come.
    fn step(&mut self) -> io::Result<bool> {
        if self.power == 0 {
            return Err(io::Error::other("the power is off"));
        }
        self.power -= 1;
        let fails = self.fault == 1;
        self.fault = self.fault.saturating_sub(1);
        Ok(fails)
    }

    fn file(&mut self, name: &str) -> io::Result<&mut SimFile> {
        self.files.get_mut(name).ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

fn broken() -> io::Error {
    io::Error::other("input/output error")
}

impl Disk for SimDisk {
    fn list(&self, folder: &str) -> io::Result<Vec<String>> {
        let state = self.state();
        let names = state.files.keys().filter_map(|name| match folder {
            "" => (!name.contains('/')).then(|| name.clone()),
            folder => name.strip_prefix(folder)?.strip_prefix('/').map(str::to_owned),
        });
        Ok(names.collect())
    }

    fn create(&self, name: &str) -> io::Result<Box<dyn DiskFile>> {
        let mut state = self.state();
        if state.step()? {
            return Err(broken());
        }
        if state.files.contains_key(name) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        state.files.insert(name.to_owned(), SimFile::default());
        drop(state);
        self.open(name)
    }

    fn open(&self, name: &str) -> io::Result<Box<dyn DiskFile>> {
        self.state().file(name)?;
        Ok(Box::new(Handle { disk: self.clone(), name: name.to_owned() }))
    }

    fn read(&self, name: &str) -> io::Result<Vec<u8>> {
        Ok(self.state().file(name)?.cached.clone())
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        let mut state = self.state();
        if state.step()? {
            return Err(broken());
        }
        if let Some(file) = state.files.remove(name).filter(|file| file.linked) {
            state.ghosts.insert(name.to_owned(), file);
        }
        Ok(())
    }

    fn sync_folder(&self, folder: &str) -> io::Result<()> {
        let mut state = self.state();
        if state.step()? {
            return Err(broken());
        }
        let here = |name: &str| name.split_once('/').map_or("", |(folder, _)| folder) == folder;
        state.ghosts.retain(|name, _| !here(name));
        for (_, file) in state.files.iter_mut().filter(|(name, _)| here(name)) {
            file.linked = true;
        }
        Ok(())
    }
}

impl DiskFile for Handle {
    fn write_at(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let mut state = self.disk.state();
        let fails = state.step()?;
        let offset = usize::try_from(offset).unwrap();
        let end = offset + bytes.len();
        if state.full && end > state.file(&self.name)?.cached.len() {
            return Err(io::ErrorKind::StorageFull.into());
        }
        let kept = match fails {
            true => state.random.below(bytes.len() as u64 + 1) as usize,
            false => bytes.len(),
        };
        let file = state.file(&self.name)?;
        put(&mut file.cached, offset, &bytes[..kept]);
        file.pending.push((offset, bytes[..kept].to_vec()));
        if fails { Err(broken()) } else { Ok(()) }
    }

    /// A sync that fails does what real ones do: some of it is on the disk, the rest
    /// counts as clean, and no later sync will write it.
    fn sync(&mut self) -> io::Result<()> {
        let mut state = self.disk.state();
        let fails = state.step()?;
        let pending = std::mem::take(&mut state.file(&self.name)?.pending);
        for (offset, bytes) in pending {
            let stays = !fails || state.random.one_in(2);
            if stays {
                put(&mut state.file(&self.name)?.durable, offset, &bytes);
            }
        }
        if fails { Err(broken()) } else { Ok(()) }
    }
}
