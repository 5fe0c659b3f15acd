//! Segments made in advance, so that a commit never waits for a file to be filled, and
//! so that a full disk is known while there is still room to stop in order.

use crate::disk::storage::{Disk, DiskFile};
use crate::format::frame::segment_name;
use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// How many segments stand ready.
pub(crate) const SEGMENTS_READY: usize = 2;
const ZEROS_BYTES: usize = 1 << 20;

struct Ready {
    number: u64,
    file: Box<dyn DiskFile>,
}

/// The supply of empty segments.
pub(crate) struct Reserve {
    disk: Arc<dyn Disk>,
    segment_bytes: u64,
    ready: Mutex<VecDeque<Ready>>,
    /// The number of the next segment to make; held while making it.
    next: Mutex<u64>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Reserve {
    /// A reserve whose first segment will be `next`; `files` are ready already.
    pub(crate) fn new(
        disk: Arc<dyn Disk>,
        segment_bytes: u64,
        next: u64,
        files: Vec<Box<dyn DiskFile>>,
    ) -> Self {
        let ready: VecDeque<_> =
            (next..).zip(files).map(|(number, file)| Ready { number, file }).collect();
        let next = next + ready.len() as u64;
        Self { disk, segment_bytes, ready: Mutex::new(ready), next: Mutex::new(next) }
    }

    /// How many segments stand ready.
    pub(crate) fn count(&self) -> usize {
        lock(&self.ready).len()
    }

    /// Makes one more if fewer than [`SEGMENTS_READY`] stand ready; says whether it did.
    pub(crate) fn fill_one(&self) -> io::Result<bool> {
        let mut next = lock(&self.next);
        if self.count() >= SEGMENTS_READY {
            return Ok(false);
        }
        let file = self.make(*next)?;
        lock(&self.ready).push_back(Ready { number: *next, file });
        *next += 1;
        Ok(true)
    }

    /// The next segment; made now if none stands ready.
    pub(crate) fn take(&self) -> io::Result<(u64, Box<dyn DiskFile>)> {
        loop {
            if let Some(ready) = lock(&self.ready).pop_front() {
                return Ok((ready.number, ready.file));
            }
            self.fill_one()?;
        }
    }

    fn make(&self, number: u64) -> io::Result<Box<dyn DiskFile>> {
        let name = segment_name(number);
        let mut file = self.disk.create(&name)?;
        let filled = self.fill(file.as_mut());
        if let Err(error) = filled {
            drop(file);
            // Whatever is left of it is in the way of the next try.
            self.disk.remove(&name)?;
            return Err(error);
        }
        Ok(file)
    }

    fn fill(&self, file: &mut dyn DiskFile) -> io::Result<()> {
        let zeros = vec![0; ZEROS_BYTES.min(usize::try_from(self.segment_bytes).unwrap_or(0))];
        let mut offset = 0;
        while offset < self.segment_bytes {
            let rest = usize::try_from(self.segment_bytes - offset).unwrap_or(usize::MAX);
            let piece = zeros.get(..rest).unwrap_or(&zeros);
            file.write_at(offset, piece)?;
            offset += piece.len() as u64;
        }
        file.sync()?;
        self.disk.sync_folder("")
    }
}
