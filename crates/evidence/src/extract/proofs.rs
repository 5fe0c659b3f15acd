//! Proofs of inclusion and consistency from a log's directory.
//!
//! A segment's head holds the edge of the tree before it, which is all that a proof needs
//! of earlier segments. So what is read begins at the segment of the first leaf that is
//! proven, or of the older size, and nothing is kept beside the log for it.

use crate::error::Error;
use crate::extract::tiles::leaf_hashes;
use crate::format::frame::{self, Kind, Next, segment_name};
use crate::format::segment::{self, Head, is_unused};
use crate::reader::entry::Entry;
use crate::reader::log_reader::LogReader;
use crate::tlog::merkle::{
    Edge, Gatherer, Hash, Span, consistency_spans, inclusion_spans, leaf_hash,
};
use crate::tlog::note::Checkpoint;
use crate::tlog::proof::Inclusion;
use std::fs::File;
use std::io::Read as _;
use std::ops::ControlFlow;

/// More than the longest head with its frame.
const HEAD_BYTES_MAX: u64 = 32 * 1024;

/// Where reading can begin.
struct Start {
    segment: u64,
    edge: Edge,
}

impl LogReader {
    /// The newest checkpoint that is committed, a signed note; `None` in an empty log.
    ///
    /// # Errors
    /// The last segment is missing, or is not what a gateway wrote.
    pub fn newest_checkpoint(&self) -> Result<Option<String>, Error> {
        for number in self.numbers()?.into_iter().rev() {
            let bytes = self.read(number)?;
            if is_unused(&bytes) {
                continue;
            }
            // The first batch of a segment may be on its way: then the one before counts.
            if let Some(note) = segment::walk(&bytes, self.key(), |_| ()).and_then(|c| c.note) {
                return Ok(Some(note));
            }
        }
        Ok(None)
    }

    /// The root of the tree of the first `size` leaves.
    ///
    /// # Errors
    /// [`Error::Absent`]: the log has fewer. Otherwise it cannot be read.
    pub fn root_at(&self, size: u64) -> Result<Hash, Error> {
        Ok(self.gather(size, size, &[])?.edge().root())
    }

    /// Checks that the log here goes on from a checkpoint that `who` has seen.
    ///
    /// # Errors
    /// [`Error::BehindWitness`], [`Error::Forked`], or the log cannot be read.
    pub fn continues(&self, seen: &Checkpoint, who: &str) -> Result<(), Error> {
        let newest = self.newest_checkpoint()?;
        let found = newest.and_then(|note| self.key().open(&note)).map_or(0, |newest| newest.size);
        if seen.size > found {
            return Err(Error::BehindWitness { found, seen: seen.size, who: who.to_owned() });
        }
        match self.root_at(seen.size)? == seen.root {
            true => Ok(()),
            false => Err(Error::Forked { size: seen.size, who: who.to_owned() }),
        }
    }

    /// The proofs that the trees of the sizes `olds` (1 or more) are prefixes of the
    /// checkpoint's.
    ///
    /// # Errors
    /// The checkpoint is not of this log as it is here, or the log cannot be read.
    pub fn consistency(
        &self,
        olds: &[u64],
        checkpoint: &Checkpoint,
    ) -> Result<Vec<Vec<Hash>>, Error> {
        let size = checkpoint.size;
        let spans = |old: &u64| {
            consistency_spans(*old, size).ok_or_else(|| Error::Absent {
                what: format!("a tree of {old} leaves is no prefix of one of {size}"),
            })
        };
        let spans = olds.iter().map(spans).collect::<Result<Vec<_>, _>>()?;
        let Some(from) = olds.iter().min() else { return Ok(Vec::new()) };
        let tree = self.gather(*from, size, &spans)?;
        if tree.edge().root() != checkpoint.root {
            return Err(disagreement(checkpoint));
        }
        spans
            .iter()
            .map(|spans| tree.proof(spans).ok_or_else(|| disagreement(checkpoint)))
            .collect()
    }

    /// The proofs that the leaves of these indexes are in the checkpoint's tree.
    ///
    /// # Errors
    /// An index is beyond the tree; the checkpoint is not of this log as it is here; the
    /// log cannot be read.
    pub fn inclusion(
        &self,
        indexes: &[u64],
        checkpoint: &Checkpoint,
    ) -> Result<Vec<Inclusion>, Error> {
        let size = checkpoint.size;
        let spans = |index: &u64| {
            inclusion_spans(*index, size).ok_or_else(|| Error::Absent {
                what: format!("record {index} is not among the {size} of the checkpoint"),
            })
        };
        let spans = indexes.iter().map(spans).collect::<Result<Vec<_>, _>>()?;
        let Some(from) = indexes.iter().min() else { return Ok(Vec::new()) };
        let tree = self.gather(*from, size, &spans)?;
        if tree.edge().root() != checkpoint.root {
            return Err(disagreement(checkpoint));
        }
        let proven = indexes.iter().zip(&spans).map(|(index, spans)| {
            let path = tree.proof(spans).ok_or_else(|| disagreement(checkpoint))?;
            Ok(Inclusion { index: *index, path })
        });
        proven.collect()
    }

    /// Visits the leaves with indexes from `from` on, in order.
    ///
    /// # Errors
    /// Those of [`Self::for_each`].
    pub fn for_each_since(
        &self,
        from: u64,
        mut visit: impl FnMut(Entry<'_>) -> Result<ControlFlow<()>, Error>,
    ) -> Result<(), Error> {
        self.for_each_from(self.segment_of(from)?, |entry| match entry.index < from {
            true => Ok(ControlFlow::Continue(())),
            false => visit(entry),
        })?;
        Ok(())
    }

    /// The segment that the leaf with an index is in, or would be; 0 where it is gone.
    pub(crate) fn segment_of(&self, index: u64) -> Result<u64, Error> {
        Ok(self.start(index)?.map_or(0, |start| start.segment))
    }

    /// Reads the leaves up to `size`, beginning as late as proofs about `from` allow.
    fn gather(&self, from: u64, size: u64, spans: &[Vec<Span>]) -> Result<Gatherer, Error> {
        let start = self.start(from)?;
        let is_pruned = start.is_none();
        let (segment, edge) = start.map_or((0, Edge::default()), |s| (s.segment, s.edge));
        let mut tree = Gatherer::new(edge, spans.iter().flatten());
        if is_pruned {
            // What was pruned has left its hashes.
            let kept = leaf_hashes(&self.dir, self.begins_at()?.min(size))?;
            kept.into_iter().for_each(|leaf| tree.push(leaf));
        }
        if tree.edge().size() < size {
            self.for_each_from(segment, |entry| {
                tree.push(leaf_hash(entry.leaf));
                Ok(match tree.edge().size() == size {
                    true => ControlFlow::Break(()),
                    false => ControlFlow::Continue(()),
                })
            })?;
        }
        match tree.edge().size() {
            found if found == size => Ok(tree),
            found => Err(Error::Absent {
                what: format!(
                    "the log has {found} records here, not the {size} that are asked for"
                ),
            }),
        }
    }

    /// The last segment that begins with at most `size` leaves before it.
    fn start(&self, size: u64) -> Result<Option<Start>, Error> {
        let numbers = self.numbers()?;
        let (mut low, mut high) = (0, numbers.len());
        let mut found = None;
        while low < high {
            let middle = low + (high - low) / 2;
            let Some(number) = numbers.get(middle) else { break };
            match self.head_edge(*number)?.filter(|edge| edge.size() <= size) {
                Some(edge) => {
                    found = Some(Start { segment: *number, edge });
                    low = middle + 1;
                }
                None => high = middle,
            }
        }
        Ok(found)
    }

    /// The edge in a segment's head; `None` where none is written, or not whole yet.
    fn head_edge(&self, number: u64) -> Result<Option<Edge>, Error> {
        let path = self.dir.join(segment_name(number));
        let mut bytes = Vec::new();
        File::open(&path)
            .and_then(|file| file.take(HEAD_BYTES_MAX).read_to_end(&mut bytes))
            .map_err(|error| Error::store("read", &path, error))?;
        let head = match frame::at(&bytes, 0) {
            Next::Frame(frame) if frame.kind == Kind::Head => Head::parse(frame.body, self.key()),
            Next::Frame(_) | Next::End | Next::Broken(_) => None,
        };
        Ok(head.and_then(|head| head.edge()))
    }
}

fn disagreement(checkpoint: &Checkpoint) -> Error {
    Error::Forked { size: checkpoint.size, who: "whoever has the checkpoint".to_owned() }
}
