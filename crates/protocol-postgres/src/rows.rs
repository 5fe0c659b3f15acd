//! Masking the values of a DataRow.

use crate::frame::close;
use crate::plan::{FieldMask, MaskShape};
use crate::subjects::{PlannedTable, RowSubjects};
use portreeve_decide::mask::{Masked as ValueMasked, Masker};
use portreeve_session::Masked;
use portreeve_wire::{Cursor, WireError};
use std::sync::Arc;

/// The masks of the columns of a running result, with counts of what they did.
#[derive(Clone, Debug, Default)]
pub(crate) struct RowMasks {
    masks: Vec<FieldMask>,
    counts: Vec<u64>,
    /// Whom the rows are about.
    subjects: Option<Box<RowSubjects>>,
    is_clean: bool,
}

/// Why a row cannot be passed.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum RowError {
    #[error(transparent)]
    Wire(#[from] WireError),
    #[error("a row of `{got}` columns where `{expected}` were described")]
    Columns { expected: usize, got: usize },
    #[error("{0}")]
    Copy(&'static str),
}

impl RowMasks {
    pub(crate) fn new(masks: Vec<FieldMask>, tables: Arc<[PlannedTable]>) -> Self {
        let subjects = RowSubjects::new(tables).map(Box::new);
        let is_clean = subjects.is_none() && masks.iter().all(|mask| mask.mask.is_none());
        Self { counts: vec![0; masks.len()], masks, subjects, is_clean }
    }

    /// Passes everything.
    pub(crate) fn clean() -> Self {
        Self { is_clean: true, ..Self::default() }
    }

    /// Whether a value must be looked at: it is masked, or names a person.
    pub(crate) fn is_read(&self, column: usize) -> bool {
        let names = |subjects: &RowSubjects| subjects.is_named_by(column);
        self.is_masked(column) || self.subjects.as_deref().is_some_and(names)
    }

    /// Takes note of whom a value names.
    fn see(&mut self, column: usize, value: &[u8], masker: &Masker) {
        if let (Some(subjects), Some(mask)) = (&mut self.subjects, self.masks.get(column)) {
            subjects.see(column, value, mask.kind, masker);
        }
    }

    /// A row is over.
    pub(crate) fn end_row(&mut self) {
        if let Some(subjects) = &mut self.subjects {
            subjects.end_row();
        }
    }

    /// Whether rows can pass as they are, unread.
    pub(crate) fn is_clean(&self) -> bool {
        self.is_clean
    }

    pub(crate) fn columns(&self) -> usize {
        self.masks.len()
    }

    pub(crate) fn is_masked(&self, column: usize) -> bool {
        self.masks.get(column).is_some_and(|mask| mask.mask.is_some())
    }

    /// Masks one value into `out`; false stands for NULL.
    pub(crate) fn mask_value(
        &mut self,
        column: usize,
        value: &[u8],
        masker: &Masker,
        out: &mut Vec<u8>,
    ) -> bool {
        self.see(column, value, masker);
        let Some(FieldMask { mask: Some(mask), kind }) = self.masks.get(column) else {
            out.extend_from_slice(value);
            return true;
        };
        if let Some(count) = self.counts.get_mut(column) {
            *count += 1;
        }
        let masked = match mask.shape {
            MaskShape::Plain => masker.mask(&mask.category, value, *kind, out),
            MaskShape::Derived => masker.mask_derived(&mask.category, *kind, out),
        };
        masked == ValueMasked::Replaced
    }

    /// Masks a DataRow's body and writes the whole message.
    pub(crate) fn mask_row(
        &mut self,
        body: &[u8],
        masker: &Masker,
        out: &mut Vec<u8>,
    ) -> Result<(), RowError> {
        let mut cursor = Cursor::new(body);
        let got = usize::from(cursor.u16()?);
        if got != self.masks.len() {
            return Err(RowError::Columns { expected: self.masks.len(), got });
        }
        out.push(b'D');
        let at = out.len();
        out.extend_from_slice(&[0; 4]);
        out.extend_from_slice(body.get(..2).unwrap_or_default());
        for column in 0..got {
            let value = cursor.optional_value()?;
            self.put_value(column, value, masker, out);
        }
        cursor.finish()?;
        close(out, at);
        self.end_row();
        Ok(())
    }

    /// Writes a value with its length, masked.
    pub(crate) fn put_value(
        &mut self,
        column: usize,
        value: Option<&[u8]>,
        masker: &Masker,
        out: &mut Vec<u8>,
    ) {
        let start = out.len();
        out.extend_from_slice(&(-1_i32).to_be_bytes());
        let Some(value) = value else { return };
        if self.mask_value(column, value, masker, out) {
            let length = i32::try_from(out.len() - start - 4).unwrap_or(-1);
            if let Some(slot) = out.get_mut(start..start + 4) {
                slot.copy_from_slice(&length.to_be_bytes());
            }
        } else {
            out.truncate(start + 4);
        }
    }

    /// Takes the counts so far.
    pub(crate) fn drain_counts(&mut self, into: &mut Masked) {
        for (mask, count) in self.masks.iter().zip(&mut self.counts) {
            if let (Some(mask), true) = (&mask.mask, *count > 0) {
                *into.masked.entry(mask.category.clone()).or_default() += std::mem::take(count);
            }
        }
        if let Some(subjects) = &mut self.subjects {
            subjects.drain(&mut into.subjects);
        }
    }
}
