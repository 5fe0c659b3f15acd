//! Masking the values of a row, and counting what is in it.

use crate::catalog::{ColumnType, MadeTypes};
use crate::plan::{ColumnMask, MaskShape};
use crate::shown::ShownMasks;
use crate::subjects::{PlannedTable, RowSubjects};
use portreeve_decide::mask::{Masked as ValueMasked, Masker, Subjects, ValueKind};
use portreeve_model::Category;
use std::collections::BTreeMap;
use std::sync::Arc;

/// How the values of one column are masked.
#[derive(Clone, Debug)]
pub struct FieldMask {
    /// None for a clean column.
    pub mask: Option<ColumnMask>,
    /// What its masks must be like.
    pub fit: Fit,
    /// The column under which they are remembered.
    pub shown: Option<u64>,
}

/// A column whose values are to be masked.
#[derive(Clone, Copy, Debug)]
pub struct TypeUse<'t> {
    /// The type of the column that it is a copy of, where the analysis knows one.
    pub source: Option<ColumnType>,
    /// The type that the server says, where it does. A domain is described as its base.
    pub described: Option<u32>,
    /// 0 text, 1 binary.
    pub format: i16,
    /// Types of the target that are made of others.
    pub made_types: &'t MadeTypes,
}

/// What the masks of a column must be like, so that its type and its constraints take them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Fit {
    /// What its values are to the masker.
    pub kind: ValueKind,
    /// In place of NULL, where the column refuses it: as on the wire.
    pub constant: Option<Arc<[u8]>>,
    /// The characters that there is room for; only for texts.
    pub chars_max: Option<usize>,
}

impl Fit {
    /// Anything of this kind fits, and NULL.
    #[must_use]
    pub fn any(kind: ValueKind) -> Self {
        Self { kind, constant: None, chars_max: None }
    }
}

impl FieldMask {
    /// A column that passes.
    #[must_use]
    pub fn clean() -> Self {
        Self { mask: None, fit: Fit::any(ValueKind::Other), shown: None }
    }
}

/// The masks of the columns of a running result, with counts of what they did.
#[derive(Clone, Debug, Default)]
pub struct RowMasks {
    masks: Vec<FieldMask>,
    counts: Vec<u64>,
    /// Whom the rows are about.
    subjects: Option<Box<RowSubjects>>,
    is_clean: bool,
    /// Where what is shown is remembered.
    shown: Option<Arc<ShownMasks>>,
}

/// What masking did.
#[derive(Clone, Debug, Default)]
pub struct RowCounts {
    /// Masked values.
    pub masked: BTreeMap<Category, u64>,
    /// Whom the rows were about.
    pub subjects: Subjects,
}

impl RowMasks {
    /// Masks for a result's columns.
    #[must_use]
    pub fn new(masks: Vec<FieldMask>, tables: Arc<[PlannedTable]>) -> Self {
        let subjects = RowSubjects::new(tables).map(Box::new);
        let is_clean = subjects.is_none() && masks.iter().all(|mask| mask.mask.is_none());
        Self { counts: vec![0; masks.len()], masks, subjects, is_clean, shown: None }
    }

    /// The same, so that what it masks is known when it comes back.
    #[must_use]
    pub fn remembering(self, shown: Arc<ShownMasks>) -> Self {
        Self { shown: Some(shown), ..self }
    }

    /// Passes everything.
    #[must_use]
    pub fn clean() -> Self {
        Self { is_clean: true, ..Self::default() }
    }

    /// Whether a value must be looked at: it is masked, or names a person.
    #[must_use]
    pub fn is_read(&self, column: usize) -> bool {
        let names = |subjects: &RowSubjects| subjects.is_named_by(column);
        self.is_masked(column) || self.subjects.as_deref().is_some_and(names)
    }

    /// What the masks of a column must be like.
    #[must_use]
    pub fn fit(&self, column: usize) -> Option<&Fit> {
        self.masks.get(column).map(|mask| &mask.fit)
    }

    /// Takes note of whom a value names.
    pub fn see(&mut self, column: usize, value: &[u8], masker: &Masker) {
        if let (Some(subjects), Some(mask)) = (&mut self.subjects, self.masks.get(column)) {
            subjects.see(column, value, mask.fit.kind, masker);
        }
    }

    /// A row is over.
    pub fn end_row(&mut self, masker: &Masker) {
        if let Some(subjects) = &mut self.subjects {
            subjects.end_row(masker);
        }
    }

    /// Whether rows can pass as they are, unread.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.is_clean
    }

    /// How many columns there are.
    #[must_use]
    pub fn columns(&self) -> usize {
        self.masks.len()
    }

    /// Whether a column is masked.
    #[must_use]
    pub fn is_masked(&self, column: usize) -> bool {
        self.masks.get(column).is_some_and(|mask| mask.mask.is_some())
    }

    /// Masks one value into `out`, so that its column takes it; false stands for NULL.
    pub fn mask_value(
        &mut self,
        column: usize,
        value: &[u8],
        masker: &Masker,
        out: &mut Vec<u8>,
    ) -> bool {
        self.see(column, value, masker);
        let Some(FieldMask { mask: Some(mask), fit, shown: known_as }) = self.masks.get(column)
        else {
            out.extend_from_slice(value);
            return true;
        };
        if let Some(count) = self.counts.get_mut(column) {
            *count += 1;
        }
        let start = out.len();
        let masked = match mask.shape {
            MaskShape::Plain => masker.mask(&mask.category, value, fit.kind, out),
            MaskShape::Derived => masker.mask_derived(&mask.category, fit.kind, out),
        };
        let mut is_cut = false;
        match (masked, &fit.constant, fit.chars_max) {
            (ValueMasked::Null, None, _) => {
                if let (Some(shown), Some(column)) = (&self.shown, known_as) {
                    shown.remember_null(*column);
                }
                return false;
            }
            (ValueMasked::Null, Some(constant), _) => out.extend_from_slice(constant),
            (ValueMasked::Replaced, _, Some(chars_max)) => {
                if is_longer(out.get(start..).unwrap_or_default(), chars_max) {
                    out.truncate(start);
                    masker.mask_short(&mask.category, value, chars_max, out);
                    is_cut = true;
                }
            }
            (ValueMasked::Replaced, _, None) => {}
        }
        if let (Some(shown), Some(column)) = (&self.shown, known_as) {
            let mask = out.get(start..).unwrap_or_default();
            let tells_itself = || mask.iter().any(|byte| b"[*_".contains(byte));
            // What tells by its form what it is need not be remembered; what is empty says nothing.
            let is_form = mask.is_empty() || !is_cut && tells_itself();
            if fit.kind != ValueKind::Text || !is_form {
                shown.remember(*column, mask, fit.kind);
            }
        }
        true
    }

    /// Takes the counts so far.
    pub fn drain_counts(&mut self, into: &mut RowCounts) {
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

/// Masks are valid texts: every byte that begins a character counts.
fn is_longer(text: &[u8], chars_max: usize) -> bool {
    text.len() > chars_max && text.iter().filter(|byte| **byte & 0xc0 != 0x80).count() > chars_max
}
