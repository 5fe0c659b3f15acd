//! What is kept back of a reply while it is not known whether a threshold is crossed.

use crate::protocol::Masked;
use bytes::BytesMut;

/// Whether a reply waits for a threshold or passes as it comes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
enum Flow {
    /// Kept back until the reply has ended, or someone was asked.
    #[default]
    Held,
    /// No limit in reach objects, or someone was asked and approved: only a further rule
    /// stops it.
    Flowing,
}

/// Parts of a reply that are masked and not released yet.
#[derive(Debug, Default)]
pub(super) struct Held {
    flow: Flow,
    bytes: BytesMut,
    masked: Masked,
}

impl Held {
    /// Nothing is kept back.
    pub(super) fn flowing() -> Self {
        Self { flow: Flow::Flowing, ..Self::default() }
    }

    pub(super) fn keep(&mut self, masked: Masked) {
        self.bytes.extend_from_slice(&masked.bytes);
        self.masked.append(masked);
    }

    /// Whether more is kept back than may be.
    pub(super) fn is_over(&self, bytes_max: usize) -> bool {
        self.flow == Flow::Held && self.bytes.len() > bytes_max
    }

    /// Whether nothing has been kept back yet.
    pub(super) fn is_untouched(&self) -> bool {
        self.flow == Flow::Held && self.bytes.is_empty()
    }

    /// What comes passes from now on.
    pub(super) fn flow(&mut self) {
        self.flow = Flow::Flowing;
    }

    /// What may pass now.
    pub(super) fn take(&mut self, is_last: bool) -> Option<Masked> {
        if self.flow == Flow::Held && !is_last {
            return None;
        }
        let mut masked = std::mem::take(&mut self.masked);
        masked.bytes = std::mem::take(&mut self.bytes).freeze();
        Some(masked)
    }

    /// Nothing of it will ever pass.
    pub(super) fn drop_all(&mut self) {
        self.bytes.clear();
        self.masked = Masked::default();
    }
}
