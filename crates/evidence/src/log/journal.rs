//! The log's file side: takes units of frames, makes them durable, signs the tree.
//!
//! Whoever commits has it alone; there is no lock and no clock here. After any error it must not
//! be used again: nobody knows what is on the disk.

use crate::disk::storage::{Disk, DiskFile};
use crate::format::frame::{self, Kind};
use crate::format::segment::{Head, footer_body};
use crate::keys::keyring::Keyring;
use crate::log::reserve::Reserve;
use crate::log::unit::Unit;
use crate::tlog::merkle::Edge;
use crate::tlog::signer::SignerKey;
use std::io;
use std::sync::Arc;

/// Room kept at a segment's end for the footer.
const FOOTER_ROOM: usize = 1024;
/// The most bytes written at once, unless one unit alone is larger.
const BATCH_BYTES_MAX: usize = 8 << 20;

/// The segment that is being written.
pub(crate) struct OpenSegment {
    pub(crate) file: Box<dyn DiskFile>,
    pub(crate) used: u64,
}

/// The writer's state.
pub(crate) struct Journal {
    pub(crate) disk: Arc<dyn Disk>,
    pub(crate) signer: SignerKey,
    pub(crate) key_text: String,
    pub(crate) segment_bytes: u64,
    pub(crate) reserve: Arc<Reserve>,
    pub(crate) keyring: Keyring,
    pub(crate) edge: Edge,
    pub(crate) note: Option<String>,
    pub(crate) segment: Option<OpenSegment>,
    pub(crate) out: Vec<u8>,
}

/// What a commit wrote.
#[derive(Default, Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Written {
    pub(crate) bytes: u64,
    pub(crate) syncs: u64,
    pub(crate) rotated: bool,
}

impl Journal {
    /// How many leaves are durable.
    pub(crate) fn size(&self) -> u64 {
        self.edge.size()
    }

    /// The last signed checkpoint.
    pub(crate) fn note(&self) -> Option<&str> {
        self.note.as_deref()
    }

    /// Whether units can be written without another segment or key file.
    pub(crate) fn has_room(&self, units: &[Unit]) -> bool {
        let bytes: usize = units.iter().map(|unit| unit.frames.len()).sum();
        bytes <= self.room() && units.iter().all(|unit| unit.shares.is_empty())
    }

    /// Makes all units durable, in order. When this returns, they are.
    pub(crate) fn commit(&mut self, units: &[Unit]) -> io::Result<Written> {
        let mut written = Written::default();
        // A share is durable before anything that is sealed with it.
        let mut shares = units.iter().flat_map(|unit| &unit.shares).peekable();
        if shares.peek().is_some() {
            shares.try_for_each(|share| self.keyring.store(self.disk.as_ref(), share))?;
            self.keyring.sync()?;
            written.syncs += 1;
        }
        let mut rest = units;
        while !rest.is_empty() {
            let (batch, after) = rest.split_at(self.batch_length(rest));
            self.write_batch(batch, &mut written)?;
            rest = after;
        }
        Ok(written)
    }

    /// Bytes left in the segment for frames.
    fn room(&self) -> usize {
        let used = self.segment.as_ref().map_or(self.segment_bytes, |segment| segment.used);
        let left = usize::try_from(self.segment_bytes.saturating_sub(used)).unwrap_or(usize::MAX);
        left.saturating_sub(FOOTER_ROOM)
    }

    /// How many units go together; at least one.
    fn batch_length(&self, units: &[Unit]) -> usize {
        let limit = self.room().min(BATCH_BYTES_MAX);
        let mut bytes = 0;
        let fit = units.iter().take_while(|unit| {
            bytes += unit.frames.len();
            bytes <= limit
        });
        fit.count().max(1)
    }

    fn write_batch(&mut self, units: &[Unit], written: &mut Written) -> io::Result<()> {
        let bytes: usize = units.iter().map(|unit| unit.frames.len()).sum();
        if bytes == 0 {
            return Ok(());
        }
        self.out.clear();
        if self.segment.is_none() || bytes > self.room() {
            self.rotate()?;
            written.rotated = true;
        }
        for unit in units {
            self.out.extend_from_slice(&unit.frames);
            unit.leaves.iter().for_each(|leaf| self.edge.push(*leaf));
        }
        let note = self.signer.sign(self.edge.size(), self.edge.root());
        let segment = self.segment.as_mut().ok_or_else(|| io::Error::other("no segment"))?;
        let footer = footer_body(segment.used, &note);
        frame::push(&mut self.out, Kind::Footer, footer.as_bytes());
        segment.file.write_at(segment.used, &self.out)?;
        segment.file.sync()?;
        // From here on the batch is committed.
        segment.used += self.out.len() as u64;
        self.note = Some(note);
        written.bytes += self.out.len() as u64;
        written.syncs += 1;
        if self.out.capacity() > BATCH_BYTES_MAX {
            self.out = Vec::new();
        }
        Ok(())
    }

    /// Goes on in the next segment; its head becomes durable with its first batch.
    fn rotate(&mut self) -> io::Result<()> {
        let (number, file) = self.reserve.take()?;
        let head = Head::new(number, &self.key_text, &self.edge, self.note.as_deref());
        frame::push(&mut self.out, Kind::Head, &head.to_body());
        self.segment = Some(OpenSegment { file, used: 0 });
        Ok(())
    }
}
