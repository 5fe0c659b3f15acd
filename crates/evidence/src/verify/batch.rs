//! The frames of one batch: what stands between two footers.

use crate::format::frame::{Frame, HEADER_BYTES, Kind};
use crate::tlog::merkle::{Edge, Hash};
use crate::verify::outline::Outline;
use crate::verify::report::{Finding, Severity};
use portreeve_model::SessionId;

/// A leaf whose payload must come next.
#[derive(Clone, Copy)]
struct Due {
    digest: Hash,
    leaf: u64,
    session: Option<SessionId>,
}

/// A leaf that will count when its batch is committed.
pub(super) struct Told<'a> {
    pub(super) leaf: u64,
    pub(super) offset: u64,
    pub(super) outline: Outline<'a>,
    pub(super) bytes: &'a [u8],
}

/// A batch that no footer has committed yet.
pub(super) struct Batch<'a> {
    file: &'a str,
    /// The tree with the batch's leaves; unknown after damage.
    pub(super) edge: Option<Edge>,
    /// How many leaves there were before, and with, the batch.
    pub(super) size_before: u64,
    pub(super) size: u64,
    /// Where it begins.
    pub(super) offset: usize,
    pub(super) told: Vec<Told<'a>>,
    pub(super) findings: Vec<Finding>,
    pub(super) payloads: u64,
    pub(super) payload_bytes: u64,
    due: Option<Due>,
}

impl<'a> Batch<'a> {
    pub(super) fn new(file: &'a str, edge: Option<Edge>, size: u64, offset: usize) -> Self {
        Self {
            file,
            edge,
            size_before: size,
            size,
            offset,
            told: Vec::new(),
            findings: Vec::new(),
            payloads: 0,
            payload_bytes: 0,
            due: None,
        }
    }

    fn find(&mut self, offset: usize, leaf: Option<u64>, session: Option<SessionId>, what: &str) {
        self.findings.push(Finding {
            severity: Severity::Tampered,
            file: self.file.to_owned(),
            offset: offset as u64,
            leaf,
            session,
            what: what.to_owned(),
        });
    }

    /// Bytes were passed over: neither the tree nor what was due is known any more.
    pub(super) fn lose_track(&mut self) {
        self.edge = None;
        self.due = None;
    }

    /// Takes a frame that is no footer.
    pub(super) fn take(&mut self, frame: &Frame<'a>) {
        let due = self.due.take();
        match frame.kind {
            Kind::Payload => self.take_payload(frame, due),
            Kind::Head => self.find(frame.offset, None, None, "a head inside a segment"),
            Kind::Leaf => {
                self.miss(frame.offset, due);
                self.take_leaf(frame);
            }
            Kind::Footer => self.miss(frame.offset, due),
        }
    }

    /// A payload that was due did not come.
    fn miss(&mut self, offset: usize, due: Option<Due>) {
        if let Some(due) = due {
            let what = "the sealed bytes that the record vouches for are missing";
            self.find(offset, Some(due.leaf), due.session, what);
        }
    }

    fn take_payload(&mut self, frame: &Frame<'a>, due: Option<Due>) {
        self.payloads += 1;
        self.payload_bytes += frame.body.len() as u64;
        match due {
            Some(due) if due.digest == frame.hash => {}
            Some(due) => {
                let what = "the sealed bytes are not those that the record vouches for";
                self.find(frame.offset, Some(due.leaf), due.session, what);
            }
            // After damage the leaf before it may be what was passed over.
            None if self.edge.is_none() => {}
            None => self.find(frame.offset, None, None, "no record vouches for these bytes"),
        }
    }

    fn take_leaf(&mut self, frame: &Frame<'a>) {
        let leaf = self.size;
        self.size += 1;
        if let Some(edge) = &mut self.edge {
            edge.push(frame.hash);
        }
        match Outline::read(frame.body) {
            Ok(outline) => {
                self.due = outline.payload.as_ref().map(|payload| Due {
                    digest: payload.digest.0,
                    leaf,
                    session: outline.session,
                });
                let (offset, bytes) = (frame.offset as u64, frame.body);
                self.told.push(Told { leaf, offset, outline, bytes });
            }
            Err(_) => self.find(frame.offset, Some(leaf), None, "it is not a record"),
        }
    }
}

/// The session that a broken leaf names, if those bytes of it can still be read.
pub(super) fn session_in(bytes: &[u8], offset: usize) -> Option<SessionId> {
    const MARK: &[u8] = b"\"session\":\"";
    const REACH: usize = 128;
    const ID_LENGTH: usize = 36;
    let rest = bytes.get(offset + HEADER_BYTES..)?;
    let near = rest.get(..REACH).unwrap_or(rest);
    let at = near.windows(MARK.len()).position(|window| window == MARK)? + MARK.len();
    let text = std::str::from_utf8(rest.get(at..at + ID_LENGTH)?).ok()?;
    text.parse().ok().map(SessionId)
}
