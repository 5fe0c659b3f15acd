//! Records that become durable together, as the frames that they will be.

use crate::error::Sealed;
use crate::format::frame::{self, HEADER_BYTES, Kind, LEAF_BYTES_MAX};
use crate::keys::keyring::Share;
use crate::tlog::merkle::{Hash, leaf_hash};
use aws_lc_rs::rand;
use portreeve_model::Record;
use std::cell::RefCell;
use tokio::sync::oneshot;

/// Records that become durable together.
#[derive(Default)]
pub(crate) struct Unit {
    /// Whole frames, as they will lie in the segment.
    pub(crate) frames: Vec<u8>,
    /// The hashes of the leaves among them, in order.
    pub(crate) leaves: Vec<Hash>,
    /// Shares that must be durable before the frames are.
    pub(crate) shares: Vec<Share>,
    /// Who waits.
    pub(crate) waiter: Option<oneshot::Sender<Result<(), Sealed>>>,
}

impl Unit {
    /// Adds a leaf, and the payload that it vouches for.
    pub(crate) fn push(&mut self, record: &Record, sealed: Option<&[u8]>) -> Result<(), Sealed> {
        let start = self.frames.len();
        self.frames.resize(start + HEADER_BYTES, 0);
        let written = serde_json::to_writer(&mut self.frames, record);
        let body = self.frames.get(start + HEADER_BYTES..).unwrap_or_default();
        if written.is_err() || body.len() > LEAF_BYTES_MAX {
            let size = body.len();
            self.frames.truncate(start);
            return Err(Sealed::new(format!("a record of {size} bytes is beyond the limit")));
        }
        let hash = leaf_hash(body);
        frame::fill_header(&mut self.frames, start, Kind::Leaf, &hash);
        self.leaves.push(hash);
        if let (Some(sealed), Some(payload)) = (sealed, &record.payload) {
            frame::push_hashed(&mut self.frames, Kind::Payload, sealed, &payload.digest.0);
        }
        Ok(())
    }
}

/// Random bytes that are fetched at once: a few cost as much as many.
const FETCHED_SALTS: usize = 64;

thread_local! {
    static SALTS: RefCell<Vec<[u8; 16]>> = const { RefCell::new(Vec::new()) };
}

/// Sixteen random bytes in hexadecimal.
pub(crate) fn salt() -> Result<String, Sealed> {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let bytes = SALTS.with_borrow_mut(|salts| {
        if salts.is_empty() {
            let mut fetched = [0; 16 * FETCHED_SALTS];
            rand::fill(&mut fetched).map_err(|_| Sealed::new("no random bytes"))?;
            salts.extend(fetched.as_chunks().0);
        }
        // Each is given once.
        salts.pop().ok_or_else(|| Sealed::new("no random bytes"))
    })?;
    let digit = |nibble: u8| char::from(DIGITS[usize::from(nibble & 15)]);
    Ok(bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(*byte)]).collect())
}
