//! What stands between the values of a result and the client: the masks of columns that lineage
//! names, and looks at all others.

use crate::look::{ColumnLook, ColumnUse, Screening};
use portreeve_decide::mask::{Masker, ValueKind};
use portreeve_model::Detected;
use portreeve_screen::Shown;
use portreeve_sql::{Fit, Plan, RowCounts, RowMasks};
use std::sync::Arc;

/// The masks of and the looks at the columns of a running result.
#[derive(Debug)]
pub(super) struct RowGuard {
    masks: RowMasks,
    /// One entry a column; none where there is nothing to look for.
    looks: Vec<Option<ColumnLook>>,
    is_idle: bool,
    /// Room for one value that changes.
    pub(super) changed: Vec<u8>,
}

/// A column, as the result describes it.
pub(super) struct Described<'d> {
    pub(super) name: &'d str,
    /// The oid of its type; 0 where the result does not tell.
    pub(super) code: u32,
    pub(super) format: i16,
}

impl RowGuard {
    pub(super) fn new(
        masks: RowMasks,
        plan: &Arc<Plan>,
        screening: &Screening,
        columns: &[Described<'_>],
    ) -> Self {
        let any = Fit::any(ValueKind::Other);
        let uses: Vec<ColumnUse<'_>> = columns
            .iter()
            .enumerate()
            .map(|(index, column)| ColumnUse {
                name: column.name,
                code: column.code,
                format: column.format,
                fit: masks.fit(index).unwrap_or(&any),
            })
            .collect();
        let mut looks = screening.looks(plan, &uses);
        for (index, look) in looks.iter_mut().enumerate() {
            // The server's word may have added a mask.
            if masks.is_masked(index) {
                *look = None;
            }
        }
        let is_idle = looks.iter().all(Option::is_none);
        Self { masks, looks, is_idle, changed: Vec::new() }
    }

    /// Passes everything.
    pub(super) fn clean() -> Self {
        Self::of(RowMasks::clean())
    }

    /// Masks and looks at nothing else.
    pub(super) fn of(masks: RowMasks) -> Self {
        Self { masks, looks: Vec::new(), is_idle: true, changed: Vec::new() }
    }

    /// Whether rows can pass as they are, unread.
    pub(super) fn is_clean(&self) -> bool {
        self.masks.is_clean() && self.is_idle
    }

    /// How many columns there are.
    pub(super) fn columns(&self) -> usize {
        self.masks.columns()
    }

    /// Whether a value must be looked at.
    pub(super) fn is_read(&self, column: usize) -> bool {
        self.masks.is_read(column) || self.look(column).is_some()
    }

    fn look(&self, column: usize) -> Option<&ColumnLook> {
        self.looks.get(column).and_then(Option::as_ref)
    }

    /// Appends what may be shown of a value to `out`, where that is not all of it.
    pub(super) fn value(
        &mut self,
        column: usize,
        value: &[u8],
        masker: &Masker,
        out: &mut Vec<u8>,
    ) -> Shown {
        if self.masks.is_masked(column) {
            return match self.masks.mask_value(column, value, masker, out) {
                true => Shown::Replaced,
                false => Shown::Null,
            };
        }
        self.masks.see(column, value, masker);
        match self.looks.get_mut(column) {
            Some(Some(look)) => look.value(value, masker, out),
            Some(None) | None => Shown::AsIs,
        }
    }

    /// A row is over.
    pub(super) fn end_row(&mut self, masker: &Masker) {
        self.masks.end_row(masker);
    }

    /// Takes the counts so far.
    pub(super) fn drain(&mut self, counts: &mut RowCounts, detected: &mut Vec<Detected>) {
        self.masks.drain_counts(counts);
        for look in self.looks.iter_mut().flatten() {
            look.drain(detected);
        }
    }
}
