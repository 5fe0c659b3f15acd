//! Frames: how leaves, payloads and footers lie in a segment file.
//!
//! ```text
//! tag 4 bytes · length 4 bytes, little endian · check 8 bytes · body
//! ```
//!
//! The check is the beginning of a hash that is needed anyway (of a leaf its tree
//! hash, of a payload its digest), so it costs nothing and no accident escapes it. It
//! does not stop a forger: that is what the signed root is for.

use crate::tlog::merkle::{Hash, leaf_hash, sha256};

/// Bytes before a frame's body.
pub(crate) const HEADER_BYTES: usize = 16;
/// The largest leaf: what an entry of a C2SP tile can hold.
pub(crate) const LEAF_BYTES_MAX: usize = 65_535;
/// The largest sealed payload.
pub(crate) const PAYLOAD_BYTES_MAX: usize = 1 << 30;
/// The largest header or footer.
const NOTE_BYTES_MAX: usize = 16 * 1024;
/// The largest head of a segment, with its header.
pub(crate) const HEAD_BYTES_MAX: usize = HEADER_BYTES + NOTE_BYTES_MAX;

/// What a frame holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    /// The first frame of a segment: from where the tree goes on.
    Head,
    /// A record.
    Leaf,
    /// Sealed bytes; the leaf before it vouches for them.
    Payload,
    /// A signed checkpoint: everything before it is committed.
    Footer,
}

impl Kind {
    const ALL: [Self; 4] = [Self::Head, Self::Leaf, Self::Payload, Self::Footer];

    fn tag(self) -> [u8; 4] {
        match self {
            Self::Head => *b"HEAD",
            Self::Leaf => *b"LEAF",
            Self::Payload => *b"SEAL",
            Self::Footer => *b"FOOT",
        }
    }

    fn length_max(self) -> usize {
        match self {
            Self::Head | Self::Footer => NOTE_BYTES_MAX,
            Self::Leaf => LEAF_BYTES_MAX,
            Self::Payload => PAYLOAD_BYTES_MAX,
        }
    }

    /// The hash whose beginning is the check.
    fn hash(self, body: &[u8]) -> Hash {
        match self {
            Self::Leaf => leaf_hash(body),
            Self::Payload => sha256(body),
            Self::Head | Self::Footer => sha256(&[&self.tag()[..], body].concat()),
        }
    }
}

/// Appends a frame; gives the hash of its body.
pub(crate) fn push(out: &mut Vec<u8>, kind: Kind, body: &[u8]) -> Hash {
    let hash = kind.hash(body);
    push_hashed(out, kind, body, &hash);
    hash
}

/// Appends a frame whose body's hash is known.
pub(crate) fn push_hashed(out: &mut Vec<u8>, kind: Kind, body: &[u8], hash: &Hash) {
    let length = u32::try_from(body.len()).expect("a body is smaller than its kind's limit");
    out.reserve(HEADER_BYTES + body.len());
    out.extend_from_slice(&kind.tag());
    out.extend_from_slice(&length.to_le_bytes());
    out.extend_from_slice(&hash[..8]);
    out.extend_from_slice(body);
}

/// Writes the header at `start` for the body that goes from there to the end.
pub(crate) fn fill_header(out: &mut [u8], start: usize, kind: Kind, hash: &Hash) {
    let Some((header, body)) =
        out.get_mut(start..).and_then(|s| s.split_at_mut_checked(HEADER_BYTES))
    else {
        return;
    };
    let length = u32::try_from(body.len()).expect("a body is smaller than its kind's limit");
    header[..4].copy_from_slice(&kind.tag());
    header[4..8].copy_from_slice(&length.to_le_bytes());
    header[8..].copy_from_slice(&hash[..8]);
}

/// A frame as it lies in a segment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Frame<'a> {
    pub(crate) kind: Kind,
    pub(crate) offset: usize,
    pub(crate) body: &'a [u8],
    pub(crate) hash: Hash,
}

impl Frame<'_> {
    /// Where the next frame begins.
    pub(crate) fn end(&self) -> usize {
        self.offset + HEADER_BYTES + self.body.len()
    }
}

/// What lies at an offset.
#[derive(Debug)]
pub(crate) enum Next<'a> {
    /// A whole frame.
    Frame(Frame<'a>),
    /// The end of the file, or zeros where a frame would begin.
    End,
    /// Bytes that are no frame, and why.
    Broken(&'static str),
}

/// Reads the frame at `offset`.
pub(crate) fn at(bytes: &[u8], offset: usize) -> Next<'_> {
    let (kind, check, body) = match split(bytes, offset) {
        Ok(parts) => parts,
        Err(next) => return next,
    };
    let hash = kind.hash(body);
    if hash[..8] != check {
        return Next::Broken("a frame's check does not fit its bytes");
    }
    Next::Frame(Frame { kind, offset, body, hash })
}

/// [`at`] for who wants the leaves alone: a payload's bytes are not looked at, and its
/// hash is not known.
pub(crate) fn skim(bytes: &[u8], offset: usize) -> Next<'_> {
    match split(bytes, offset) {
        Ok((kind @ Kind::Payload, _, body)) => {
            Next::Frame(Frame { kind, offset, body, hash: Hash::default() })
        }
        Ok(_) => at(bytes, offset),
        Err(next) => next,
    }
}

/// The kind, the check and the body of the frame at `offset`.
fn split(bytes: &[u8], offset: usize) -> Result<(Kind, [u8; 8], &[u8]), Next<'_>> {
    let rest = bytes.get(offset..).unwrap_or_default();
    let Some((header, rest)) = rest.split_first_chunk::<HEADER_BYTES>() else {
        return Err(match rest.iter().all(|byte| *byte == 0) {
            true => Next::End,
            false => Next::Broken("a frame is cut short"),
        });
    };
    if *header == [0; HEADER_BYTES] {
        return Err(Next::End);
    }
    let [t0, t1, t2, t3, l0, l1, l2, l3, check @ ..] = *header;
    let Some(kind) = Kind::ALL.into_iter().find(|kind| kind.tag() == [t0, t1, t2, t3]) else {
        return Err(Next::Broken("no frame begins here"));
    };
    let length = u32::from_le_bytes([l0, l1, l2, l3]) as usize;
    if length > kind.length_max() {
        return Err(Next::Broken("a frame is longer than its kind allows"));
    }
    match rest.get(..length) {
        Some(body) => Ok((kind, check, body)),
        None => Err(Next::Broken("a frame is longer than the file")),
    }
}

/// Whether these bytes, up to where zeros follow, could be the beginning of a frame
/// whose writing was cut off.
pub(crate) fn could_begin(bytes: &[u8]) -> bool {
    let written = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    let Some(tag) = bytes.get(..written.min(4)) else { return false };
    let Some(kind) = Kind::ALL.into_iter().find(|kind| kind.tag().starts_with(tag)) else {
        return false;
    };
    let Some((length, _)) = bytes.get(4..).and_then(|rest| rest.split_first_chunk::<4>()) else {
        return true;
    };
    let length = u32::from_le_bytes(*length) as usize;
    length <= kind.length_max() && (written <= HEADER_BYTES || written <= HEADER_BYTES + length)
}

/// The file name of a segment.
pub(crate) fn segment_name(number: u64) -> String {
    format!("segment-{number:010}.log")
}

/// The number in a segment's file name.
pub(crate) fn segment_number(name: &str) -> Option<u64> {
    let digits = name.strip_prefix("segment-")?.strip_suffix(".log")?;
    let number = digits.parse().ok()?;
    (segment_name(number) == name).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_read_back_and_no_flip_passes() {
        let mut bytes = Vec::new();
        for (kind, body) in [(Kind::Leaf, "leaf"), (Kind::Payload, "sealed"), (Kind::Footer, "")] {
            let start = bytes.len();
            push(&mut bytes, kind, body.as_bytes());
            let Next::Frame(frame) = at(&bytes, start) else { panic!("no frame") };
            assert_eq!((frame.kind, frame.body), (kind, body.as_bytes()));
            assert_eq!(frame.end(), bytes.len());
            for bit in start * 8..bytes.len() * 8 {
                let mut bad = bytes.clone();
                bad[bit / 8] ^= 1 << (bit % 8);
                assert!(matches!(at(&bad, start), Next::Broken(_)), "bit {bit}");
            }
        }
        assert!(matches!(at(&bytes, bytes.len()), Next::End));
        bytes.extend([0; 40]);
        assert!(matches!(at(&bytes, bytes.len() - 40), Next::End));
    }

    #[test]
    fn segment_names_have_one_spelling() {
        assert_eq!(segment_number(&segment_name(7)), Some(7));
        assert_eq!(segment_number("segment-7.log"), None);
        assert_eq!(segment_number("head"), None);
    }
}
