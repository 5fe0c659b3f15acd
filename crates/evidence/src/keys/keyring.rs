//! The gateway's shares of the recordings' keys: small, mutable, erasable.
//!
//! Files `keyring/shares-NNNN` of fixed slots; a slot of zeros is free. Erasing a share
//! writes zeros over its slot, which is what makes the recording unreadable, together
//! with every copy of it. (What a disk keeps below its own mapping of blocks, and what
//! backups hold of the keyring, is beyond this file; back up the keyring apart, and
//! not for long.)
//!
//! ```text
//! "SHAR" · session 16 bytes · share 32 bytes · check 8 bytes · zeros 4 bytes
//! ```

use crate::disk::storage::{Disk, DiskFile};
use crate::keys::seal::SHARE_BYTES;
use crate::tlog::merkle::sha256;
use portreeve_model::SessionId;
use std::collections::{HashMap, HashSet};
use std::io;

/// The folder's name.
pub(crate) const FOLDER: &str = "keyring";
const TAG: [u8; 4] = *b"SHAR";
const SLOT_BYTES: usize = 64;
/// Slots in a file; few in tests, so that they fill several.
const SLOTS: usize = if cfg!(test) { 8 } else { 2048 };

/// A share with its session.
#[derive(Clone)]
pub(crate) struct Share {
    pub(crate) session: SessionId,
    pub(crate) share: [u8; SHARE_BYTES],
}

impl Share {
    fn to_slot(&self) -> [u8; SLOT_BYTES] {
        let mut slot = [0; SLOT_BYTES];
        slot[..4].copy_from_slice(&TAG);
        slot[4..20].copy_from_slice(self.session.0.as_bytes());
        slot[20..52].copy_from_slice(&self.share);
        let check = sha256(&slot[..52]);
        slot[52..60].copy_from_slice(&check[..8]);
        slot
    }

    fn from_slot(slot: &[u8]) -> Option<Self> {
        let share = slot.get(20..52)?.try_into().ok()?;
        let found = Self { session: slot_session(slot)?, share };
        (found.to_slot() == slot).then_some(found)
    }
}

/// The session that a slot names.
fn slot_session(slot: &[u8]) -> Option<SessionId> {
    let id: [u8; 16] = slot.get(4..20)?.try_into().ok()?;
    Some(SessionId(uuid::Uuid::from_bytes(id)))
}

fn file_name(number: u64) -> String {
    format!("{FOLDER}/shares-{number:04}")
}

/// The numbers of the files there are, in order.
fn numbers(disk: &dyn Disk) -> io::Result<Vec<u64>> {
    let mut numbers: Vec<u64> = disk
        .list(FOLDER)?
        .iter()
        .filter_map(|name| name.strip_prefix("shares-")?.parse().ok())
        .collect();
    numbers.sort_unstable();
    Ok(numbers)
}

/// All shares that are there.
pub(crate) fn shares(disk: &dyn Disk) -> io::Result<HashMap<SessionId, [u8; SHARE_BYTES]>> {
    let mut found = HashMap::new();
    for number in numbers(disk)? {
        let bytes = disk.read(&file_name(number))?;
        let shares = bytes.chunks(SLOT_BYTES).filter_map(Share::from_slot);
        found.extend(shares.map(|share| (share.session, share.share)));
    }
    Ok(found)
}

/// The sessions whose shares are there.
pub(crate) fn sessions(disk: &dyn Disk) -> io::Result<HashSet<SessionId>> {
    Ok(shares(disk)?.into_keys().collect())
}

/// Destroys the shares of these sessions, every copy; says whose were there.
pub(crate) fn erase(
    disk: &dyn Disk,
    sessions: &HashSet<SessionId>,
) -> io::Result<HashSet<SessionId>> {
    let mut erased = HashSet::new();
    for number in numbers(disk)? {
        let bytes = disk.read(&file_name(number))?;
        let mut file = None;
        for (at, slot) in bytes.chunks(SLOT_BYTES).enumerate() {
            // By the name alone: what is left of a damaged share goes, too.
            let Some(session) = slot_session(slot).filter(|id| sessions.contains(id)) else {
                continue;
            };
            let file = match &mut file {
                Some(file) => file,
                None => file.insert(disk.open(&file_name(number))?),
            };
            file.write_at((at * SLOT_BYTES) as u64, &[0; SLOT_BYTES])?;
            if Share::from_slot(slot).is_some() {
                erased.insert(session);
            }
        }
        if let Some(mut file) = file {
            file.sync()?;
        }
    }
    Ok(erased)
}

/// The keyring as the writer holds it: it only ever adds.
pub(crate) struct Keyring {
    number: u64,
    file: Option<Box<dyn DiskFile>>,
    slot: usize,
}

impl Keyring {
    /// Finds the place after the last share.
    pub(crate) fn open(disk: &dyn Disk) -> io::Result<Self> {
        let Some(number) = numbers(disk)?.pop() else {
            return Ok(Self { number: 0, file: None, slot: SLOTS });
        };
        let bytes = disk.read(&file_name(number))?;
        let mut file = disk.open(&file_name(number))?;
        // What was read may never have reached the disk: a sync that failed before the
        // last stop leaves it in memory only. Written again, it does. So does its name.
        file.write_at(0, &bytes)?;
        file.sync()?;
        disk.sync_folder(FOLDER)?;
        let used = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |at| at / SLOT_BYTES + 1);
        Ok(Self { number, file: Some(file), slot: used })
    }

    /// Writes a share; durable after [`Self::sync`].
    pub(crate) fn store(&mut self, disk: &dyn Disk, share: &Share) -> io::Result<()> {
        if self.slot >= SLOTS {
            self.sync()?;
            self.grow(disk)?;
        }
        let file = self.file.as_mut().ok_or_else(|| io::Error::other("no keyring"))?;
        file.write_at((self.slot * SLOT_BYTES) as u64, &share.to_slot())?;
        self.slot += 1;
        Ok(())
    }

    fn grow(&mut self, disk: &dyn Disk) -> io::Result<()> {
        let mut file = disk.create(&file_name(self.number + 1))?;
        file.write_at(0, &[0; SLOTS * SLOT_BYTES])?;
        file.sync()?;
        disk.sync_folder(FOLDER)?;
        (self.number, self.file, self.slot) = (self.number + 1, Some(file), 0);
        Ok(())
    }

    /// Makes the shares durable.
    pub(crate) fn sync(&mut self) -> io::Result<()> {
        self.file.as_mut().map_or(Ok(()), |file| file.sync())
    }
}
