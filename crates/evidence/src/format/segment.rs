//! A segment file: a head, then batches that each end in a footer, then zeros.

use crate::format::frame::{self, Frame, Kind, Next};
use crate::tlog::merkle::Edge;
use crate::tlog::note::Checkpoint;
use crate::tlog::vkey::VerifierKey;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::{Deserialize, Serialize};

const FORMAT: &str = "portreeve-evidence-1";
const FOOTER_PREFIX: &str = "batch ";

/// The first frame of a segment: from where the tree goes on.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Head {
    format: String,
    /// The segment's number, from 1.
    pub(crate) segment: u64,
    /// The log's public key.
    key: String,
    /// How many leaves came before.
    pub(crate) size: u64,
    /// The edge of the tree of those leaves, base64.
    edge: Vec<String>,
    /// The last footer of the segment before; none in the first.
    checkpoint: Option<String>,
}

impl Head {
    /// The head of a segment that goes on after `edge`.
    pub(crate) fn new(segment: u64, key: &str, edge: &Edge, checkpoint: Option<&str>) -> Self {
        Self {
            format: FORMAT.to_owned(),
            segment,
            key: key.to_owned(),
            size: edge.size(),
            edge: edge.hashes().iter().map(|hash| BASE64.encode(hash)).collect(),
            checkpoint: checkpoint.map(str::to_owned),
        }
    }

    /// The frame's body; the same for equal heads.
    pub(crate) fn to_body(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("a head is plain data")
    }

    /// The edge of the tree so far.
    pub(crate) fn edge(&self) -> Option<Edge> {
        let hashes = self
            .edge
            .iter()
            .map(|text| BASE64.decode(text).ok()?.try_into().ok())
            .collect::<Option<Vec<_>>>()?;
        Edge::from_parts(self.size, hashes)
    }

    /// Reads a head and checks it against its own checkpoint.
    pub(crate) fn parse(body: &[u8], key: &VerifierKey) -> Option<Self> {
        let head: Self = serde_json::from_slice(body).ok()?;
        let edge = head.edge()?;
        let continues = match &head.checkpoint {
            Some(note) => {
                let before = key.open(note)?;
                before.size == edge.size() && before.root == edge.root()
            }
            None => edge.size() == 0,
        };
        (continues && head.format == FORMAT && head.to_body() == body).then_some(head)
    }

    /// The checkpoint before this segment.
    pub(crate) fn checkpoint(&self) -> Option<&str> {
        self.checkpoint.as_deref()
    }
}

/// The body of a footer: where its batch begins, then the signed checkpoint.
///
/// The beginning tells a torn last batch, which may be cleared, from a damaged one with
/// another after it, which may not.
pub(crate) fn footer_body(begin: u64, note: &str) -> String {
    format!("{FOOTER_PREFIX}{begin}\n{note}")
}

/// What [`footer_body`] put together.
pub(crate) fn footer_parts(body: &[u8]) -> Option<(u64, &str)> {
    let text = std::str::from_utf8(body).ok()?;
    let (begin, note) = text.strip_prefix(FOOTER_PREFIX)?.split_once('\n')?;
    let number = begin.parse().ok()?;
    (footer_body(number, note) == text).then_some((number, note))
}

/// Whether a file was prepared and never written to.
pub(crate) fn is_unused(bytes: &[u8]) -> bool {
    // In pieces without an early end, which a processor looks at many bytes at a time.
    bytes.chunks(4096).all(|piece| piece.iter().fold(0, |all, byte| all | byte) == 0)
}

/// The committed part of a segment.
#[derive(Debug)]
pub(crate) struct Committed {
    pub(crate) head: Head,
    /// The edge after the last footer.
    pub(crate) edge: Edge,
    /// The last footer; none where nothing was committed.
    pub(crate) note: Option<String>,
    /// Where the last footer ends; 0 where there is none, for then the head is not
    /// committed either.
    pub(crate) end: usize,
}

/// A place between two batches of a segment.
#[derive(Clone, Debug)]
pub(crate) struct Between {
    /// Where the next batch begins: 0 for the first one, which the head belongs to.
    pub(crate) offset: usize,
    /// The edge of the tree of all leaves before it.
    pub(crate) edge: Edge,
}

/// Walks a segment up to its last footer, checking roots, and the last signature.
///
/// `visit` gets every frame of every committed batch, in order.
pub(crate) fn walk<'a>(
    bytes: &'a [u8],
    key: &VerifierKey,
    visit: impl FnMut(&Frame<'a>),
) -> Option<Committed> {
    let (head, before, first) = begin(bytes, key)?;
    let (after, note) = walk_batches(bytes, first, before, u64::MAX, key, visit)?;
    Some(Committed { head, edge: after.edge, note, end: after.offset })
}

/// The head of a segment, the place before its first batch, and where the first frame behind the
/// head is.
pub(crate) fn begin(bytes: &[u8], key: &VerifierKey) -> Option<(Head, Between, usize)> {
    let Next::Frame(first) = frame::at(bytes, 0) else { return None };
    if first.kind != Kind::Head {
        return None;
    }
    let head = Head::parse(first.body, key)?;
    let before = Between { offset: 0, edge: head.edge()? };
    Some((head, before, first.end()))
}

/// Walks batches, as [`walk`] does, until the tree has `size` leaves; gives the place behind the
/// last of them, and its footer.
///
/// `bytes` are those of the segment from `before` on; their first frame is at `first`.
pub(crate) fn walk_batches<'a>(
    bytes: &'a [u8],
    first: usize,
    before: Between,
    size: u64,
    key: &VerifierKey,
    mut visit: impl FnMut(&Frame<'a>),
) -> Option<(Between, Option<String>)> {
    let start = before.offset;
    let mut edge = before.edge.clone();
    let mut found = before;
    let mut batch = Vec::new();
    let mut offset = first;
    let mut last_footer = None;
    while found.edge.size() < size
        && let Next::Frame(frame) = frame::at(bytes, offset)
    {
        offset = frame.end();
        match frame.kind {
            Kind::Head => break,
            Kind::Leaf => edge.push(frame.hash),
            Kind::Payload => {}
            Kind::Footer => {
                let Some((begin, note)) = footer_parts(frame.body) else { break };
                let says = Checkpoint::unverified(note);
                if says.is_none_or(|c| c.size != edge.size() || c.root != edge.root())
                    || begin != found.offset as u64
                {
                    break;
                }
                found = Between { offset: start + offset, edge: edge.clone() };
                last_footer = Some(note);
                batch.drain(..).for_each(|frame| visit(&frame));
                visit(&frame);
                continue;
            }
        }
        batch.push(frame);
    }
    if let Some(note) = last_footer {
        key.open(note)?;
    }
    Some((found, last_footer.map(str::to_owned)))
}

/// Whether what lies after `end` is the beginning of a batch and then zeros: what a
/// process leaves that was killed while it wrote.
pub(crate) fn is_cut_write(bytes: &[u8], end: usize) -> bool {
    let mut offset = end;
    loop {
        let rest = bytes.get(offset..).unwrap_or_default();
        match frame::at(bytes, offset) {
            Next::Frame(frame) if frame.kind == Kind::Footer => return false,
            Next::Frame(frame) => offset = frame.end(),
            Next::End => return is_unused(rest),
            Next::Broken(_) => return frame::could_begin(rest),
        }
    }
}

/// Whether a stop in the middle of the last write explains what lies after `end`.
///
/// One batch at most is in flight when a machine stops, and it began at `end`. A signed
/// footer of any other batch, or bytes after the footer, mean that committed bytes were
/// changed.
pub(crate) fn is_torn_write(bytes: &[u8], end: usize, key: &VerifierKey) -> bool {
    let mut rest = bytes.get(end..).unwrap_or_default();
    let mut offset = end;
    while let Some(at) = rest.windows(4).position(|window| window == b"FOOT") {
        offset += at;
        let next = match frame::at(bytes, offset) {
            Next::Frame(frame) => match footer_parts(frame.body) {
                Some((begin, note)) if key.open(note).is_some() => {
                    let after = bytes.get(frame.end()..).unwrap_or_default();
                    if begin != end as u64 || !is_unused(after) {
                        return false;
                    }
                    frame.end()
                }
                Some(_) | None => offset + 1,
            },
            Next::End | Next::Broken(_) => offset + 1,
        };
        offset = next;
        rest = bytes.get(offset..).unwrap_or_default();
    }
    true
}
