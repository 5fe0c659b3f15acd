//! Masks that somebody has been shown, so that they are known when they come back.
//!
//! A client that saves a whole row writes back what it has read. Most masks tell by their form
//! what they are; the first day of a year, initials and pseudonyms that are numbers do not.

use portreeve_decide::mask::{Alike, ValueKind, parts};
use portreeve_model::Object;
use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

/// So many masks are remembered; each may take the place of an older one.
const SLOTS: usize = 16 << 10;

/// What one principal has been shown of one resource, whatever session it was in: pools read in
/// one and write in another. Only digests are kept, by a key of this process.
#[derive(Debug, Default)]
pub struct ShownMasks {
    slots: OnceLock<Box<[AtomicU64]>>,
    keys: RandomState,
}

impl ShownMasks {
    /// Whether nothing was shown.
    pub(crate) fn is_empty(&self) -> bool {
        self.slots.get().is_none()
    }

    /// What a column is called here, by its schema, its table and its name.
    #[must_use]
    pub fn column(&self, path: [&str; 3]) -> u64 {
        self.keys.hash_one(path)
    }

    /// The same for an object; none for one that is no column.
    #[must_use]
    pub fn column_of(&self, column: &Object) -> Option<u64> {
        let path: &[String; 3] = column.path.as_slice().try_into().ok()?;
        Some(self.column(path.each_ref().map(String::as_str)))
    }

    /// A mask is about to be shown.
    pub fn remember(&self, column: u64, mask: &[u8], kind: ValueKind) {
        if let Some(mask) = Alike::of(mask, kind) {
            self.note(self.marked(&(column, Some(mask))));
        }
    }

    /// A value is about to be shown that has masks in it, or is one. Of a document each mask is
    /// known by itself: clients write another part of it anew, and the rest as they have read it.
    pub fn remember_within(&self, column: u64, before: &[u8], after: &[u8], kind: ValueKind) {
        match (parts(before, kind), parts(after, kind)) {
            (Some(before), Some(after)) => {
                let before: HashSet<Alike> = before.into_iter().collect();
                let masks = after.into_iter().filter(|part| !before.contains(part));
                masks.for_each(|mask| self.note(self.marked(&(column, Some(mask)))));
            }
            _ => self.remember(column, after, kind),
        }
    }

    /// NULL is about to be shown in the place of a value.
    pub(crate) fn remember_null(&self, column: u64) {
        self.note(self.null(column));
    }

    /// Whether NULL was shown in the place of a value of this column.
    pub(crate) fn holds_null(&self, column: u64) -> bool {
        self.has(self.null(column))
    }

    /// Whether a value is a mask that was shown in this column, or a document with one in it.
    pub(crate) fn holds(&self, column: u64, value: &[u8], kind: ValueKind) -> bool {
        if self.is_empty() {
            return false;
        }
        let is_mask = |part| self.has(self.marked(&(column, Some(part))));
        Alike::of(value, kind).is_some_and(is_mask)
            || parts(value, kind).is_some_and(|parts| parts.into_iter().any(is_mask))
    }

    fn note(&self, digest: u64) {
        let slots = self.slots.get_or_init(|| (0..SLOTS).map(|_| AtomicU64::new(0)).collect());
        if let Some(slot) = slots.get(digest as usize % SLOTS) {
            slot.store(digest, Ordering::Relaxed);
        }
    }

    fn has(&self, digest: u64) -> bool {
        let slot = self.slots.get().and_then(|slots| slots.get(digest as usize % SLOTS));
        slot.is_some_and(|slot| slot.load(Ordering::Relaxed) == digest)
    }

    fn null(&self, column: u64) -> u64 {
        self.marked(&(column, None))
    }

    /// Nothing is at 0.
    fn marked(&self, shown: &(u64, Option<Alike>)) -> u64 {
        self.keys.hash_one(shown) | 1 << 63
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use portreeve_decide::mask::Form;

    #[test]
    fn a_mask_is_known_in_its_column_and_in_every_form() {
        let shown = ShownMasks::default();
        let (born, hired) = (
            shown.column(["public", "people", "born"]),
            shown.column(["public", "people", "hired"]),
        );
        assert_eq!(shown.column_of(&Object::column("public", "people", "born")), Some(born));
        let text = ValueKind::Date(Form::Text);
        assert!(!shown.holds(born, b"1960-01-01", text));
        shown.remember(born, &(-14_610_i32).to_be_bytes(), ValueKind::Date(Form::Binary));
        assert!(shown.holds(born, b"1960-01-01", text));
        assert!(!shown.holds(born, b"1961-01-01", text));
        assert!(!shown.holds(hired, b"1960-01-01", text));
        assert!(!shown.holds_null(born));
        shown.remember_null(born);
        assert!(shown.holds_null(born) && !shown.holds_null(hired));
    }

    #[test]
    fn a_mask_in_a_document_is_known_in_another_one() {
        let shown = ShownMasks::default();
        let notes = shown.column(["public", "people", "notes"]);
        let (text, json) = (ValueKind::Text, ValueKind::Json(Form::Text));
        let (before, after) =
            (br#"{"to": "a@b.example", "dark": 1}"#, br#"{"to":"[email]","dark":1}"#);
        shown.remember_within(notes, before, after, json);
        assert!(shown.holds(notes, br#"{"dark": 0, "to": "\u005bemail]"}"#, json));
        assert!(shown.holds(notes, b"\x01[\"[email]\"]", ValueKind::Json(Form::Binary)));
        assert!(!shown.holds(notes, br#"{"to": "c@d.example", "dark": 1}"#, json));
        shown.remember_within(notes, b"call a@b.example", b"call [email]", text);
        assert!(shown.holds(notes, b"call [email]", text));
        assert!(!shown.holds(notes, b"call nobody", text));
    }
}
