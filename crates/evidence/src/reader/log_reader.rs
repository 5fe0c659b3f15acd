//! Reads a log's directory, live or copied; never writes.
//!
//! A reader gives what is committed and nothing else: a batch that is being written, or
//! that a stopped machine left behind, is not there. It checks tree roots as it goes but
//! is no verifier; see [`crate::verify()`].

use crate::disk::storage::{Disk as _, RealDisk};
use crate::error::Error;
use crate::format::frame::{self, Frame, HEAD_BYTES_MAX, Kind, Next, segment_name, segment_number};
use crate::format::layout::segment_numbers;
use crate::format::segment::{self, Head, is_unused};
use crate::keys::files::{AUDITOR_PRIVATE, LOG_PUBLIC, load_public};
use crate::reader::entry::Entry;
use crate::tlog::vkey::VerifierKey;
use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

/// As much of a segment as is read at a time. Nothing that is committed holds so many zeros in a
/// row: leaves and notes are shorter, and what is sealed is not zeros.
const PIECE_BYTES: u64 = 1 << 20;

/// A log's directory, open for reading.
#[derive(Debug)]
pub struct LogReader {
    pub(crate) dir: PathBuf,
    key: VerifierKey,
}

impl LogReader {
    /// Opens a directory with the public key that lies in it.
    ///
    /// # Errors
    /// There is no log there.
    pub fn open(dir: &Path) -> Result<Self, Error> {
        Ok(Self { dir: dir.to_owned(), key: load_public(dir)? })
    }

    /// A reader that trusts a key from elsewhere.
    pub(crate) fn with_key(dir: &Path, key: VerifierKey) -> Self {
        Self { dir: dir.to_owned(), key }
    }

    /// The log's public key.
    #[must_use]
    pub fn key(&self) -> &VerifierKey {
        &self.key
    }

    /// The head of a segment: from where the tree goes on there.
    pub(crate) fn head(&self, number: u64) -> Result<Head, Error> {
        let file = segment_name(number);
        let bytes = self.read_within(number, 0, HEAD_BYTES_MAX)?;
        let head = match frame::at(&bytes, 0) {
            Next::Frame(frame) if frame.kind == Kind::Head => Head::parse(frame.body, &self.key),
            Next::Frame(_) | Next::End | Next::Broken(_) => None,
        };
        let what = "it does not begin with a head of this log".to_owned();
        head.ok_or(Error::Damaged { file, offset: 0, what })
    }

    /// How many leaves came before the first segment that is here: above 0 in a log that
    /// was pruned.
    ///
    /// # Errors
    /// The first segment cannot be read.
    pub(crate) fn begins_at(&self) -> Result<u64, Error> {
        match self.numbers()?.first() {
            None | Some(1) => Ok(0),
            Some(first) => Ok(self.head(*first)?.size),
        }
    }

    /// Visits every committed leaf in order, until told to stop. Gives the signed
    /// checkpoint that covers what was visited.
    ///
    /// # Errors
    /// A segment is missing, or is not what a gateway wrote.
    pub fn for_each(
        &self,
        visit: impl FnMut(Entry<'_>) -> Result<ControlFlow<()>, Error>,
    ) -> Result<Option<String>, Error> {
        self.walk(0, visit, |_, _| {})
    }

    /// [`Self::for_each`] from a segment on.
    pub(crate) fn for_each_from(
        &self,
        first: u64,
        visit: impl FnMut(Entry<'_>) -> Result<ControlFlow<()>, Error>,
    ) -> Result<Option<String>, Error> {
        self.walk(first, visit, |_, _| {})
    }

    /// [`Self::for_each`], telling how many bytes of how many are done.
    ///
    /// # Errors
    /// As [`Self::for_each`].
    pub fn for_each_with_progress(
        &self,
        visit: impl FnMut(Entry<'_>) -> Result<ControlFlow<()>, Error>,
        progress: impl FnMut(u64, u64),
    ) -> Result<Option<String>, Error> {
        self.walk(0, visit, progress)
    }

    fn walk(
        &self,
        first: u64,
        mut visit: impl FnMut(Entry<'_>) -> Result<ControlFlow<()>, Error>,
        mut progress: impl FnMut(u64, u64),
    ) -> Result<Option<String>, Error> {
        let (mut note, mut done) = (None, 0);
        let mut numbers = self.numbers()?;
        numbers.retain(|number| *number >= first);
        let length = |number: &u64| {
            std::fs::metadata(self.dir.join(segment_name(*number))).map_or(0, |meta| meta.len())
        };
        let total = numbers.iter().map(length).sum();
        for number in numbers {
            let bytes = self.read(number)?;
            if is_unused(&bytes) {
                break;
            }
            let (flow, last) = self.visit_segment(number, &bytes, &mut visit)?;
            note = last.or(note);
            if flow.is_break() {
                break;
            }
            done += length(&number);
            progress(done, total);
        }
        Ok(note)
    }

    /// Visits every committed leaf of the last segments first, segment by segment; within
    /// one they come in order. For what is looked for at the end of a long log.
    ///
    /// # Errors
    /// As [`Self::for_each`].
    pub(crate) fn for_each_segment_from_the_end(
        &self,
        mut visit: impl FnMut(Entry<'_>) -> Result<(), Error>,
        mut is_found: impl FnMut() -> bool,
    ) -> Result<(), Error> {
        for number in self.numbers()?.into_iter().rev() {
            let bytes = self.read(number)?;
            if is_unused(&bytes) {
                continue;
            }
            let _ = self.visit_segment(number, &bytes, &mut |entry| {
                visit(entry)?;
                Ok(ControlFlow::Continue(()))
            })?;
            if is_found() {
                break;
            }
        }
        Ok(())
    }

    pub(crate) fn numbers(&self) -> Result<Vec<u64>, Error> {
        segment_numbers(&RealDisk::new(&self.dir))
    }

    /// What a segment holds. Files are prepared with zeros for what is to come, and those are not
    /// read: who looks for the newest reads the last segment again and again.
    pub(crate) fn read(&self, number: u64) -> Result<Vec<u8>, Error> {
        self.read_within(number, 0, usize::MAX)
    }

    /// What it holds from `offset` on, `bytes_max` at least where there is so much.
    pub(crate) fn read_within(
        &self,
        number: u64,
        offset: usize,
        bytes_max: usize,
    ) -> Result<Vec<u8>, Error> {
        let path = self.dir.join(segment_name(number));
        let failed = |error| Error::store("read", &path, error);
        let mut file = File::open(&path).map_err(failed)?;
        file.seek(SeekFrom::Start(offset as u64)).map_err(failed)?;
        let mut bytes = Vec::new();
        while bytes.len() < bytes_max {
            let start = bytes.len();
            let piece = (&mut file).take(PIECE_BYTES).read_to_end(&mut bytes).map_err(failed)?;
            let is_over = piece == 0;
            if is_over || is_unused(bytes.get(start..).unwrap_or_default()) {
                break;
            }
        }
        Ok(bytes)
    }

    fn visit_segment(
        &self,
        number: u64,
        bytes: &[u8],
        visit: &mut impl FnMut(Entry<'_>) -> Result<ControlFlow<()>, Error>,
    ) -> Result<(ControlFlow<()>, Option<String>), Error> {
        let mut frames = Vec::new();
        let committed = segment::walk(bytes, &self.key, |frame| frames.push(*frame));
        let Some(committed) = committed else {
            // The first batch of a new segment may be on its way.
            return Ok((ControlFlow::Break(()), None));
        };
        let flow = visit_leaves(number, 0, committed.head.size, &frames, visit)?;
        Ok((flow, committed.note))
    }
}

/// Visits the leaves among the frames of a segment that lie behind `begin` in it; the first of
/// them is that of `index`.
pub(super) fn visit_leaves(
    segment: u64,
    begin: usize,
    mut index: u64,
    frames: &[Frame<'_>],
    visit: &mut impl FnMut(Entry<'_>) -> Result<ControlFlow<()>, Error>,
) -> Result<ControlFlow<()>, Error> {
    let mut frames = frames.iter().peekable();
    while let Some(frame) = frames.next() {
        if frame.kind != Kind::Leaf {
            continue;
        }
        let sealed = frames.next_if(|next| next.kind == Kind::Payload).map(|next| next.body);
        let offset = (begin + frame.offset) as u64;
        if visit(Entry { index, segment, offset, leaf: frame.body, sealed })?.is_break() {
            return Ok(ControlFlow::Break(()));
        }
        index += 1;
    }
    Ok(ControlFlow::Continue(()))
}

/// Where the auditors' private key of a log lies until someone moves it.
#[must_use]
pub fn auditor_key_path(dir: &Path) -> PathBuf {
    dir.join(AUDITOR_PRIVATE)
}

/// Whether a file of that name is there: what a directory of a log has at the least.
#[must_use]
pub fn is_log(dir: &Path) -> bool {
    dir.join(LOG_PUBLIC).exists()
        || RealDisk::new(dir)
            .list("")
            .is_ok_and(|names| names.iter().any(|name| segment_number(name).is_some()))
}
