//! Arrays, rows and pairs as PostgreSQL packs them.
//!
//! SPEC: `array_send`, `record_send`, `hstore_send`.

use super::{Look, Written};
use portreeve_screen::{Form, Shown};
use portreeve_wire::{Cursor, WireError};

/// Whether an array has elements that are NULL stands behind the number of its dimensions.
const NULLS_AT: usize = 4;

impl Look<'_> {
    pub(super) fn packed_array(&mut self, value: &[u8], out: &mut Vec<u8>) -> Shown {
        let start = out.len();
        let shown = self.array_elements(value, out);
        settled(shown, start, out)
    }

    pub(super) fn packed_row(&mut self, value: &[u8], out: &mut Vec<u8>) -> Shown {
        let start = out.len();
        let shown = self.row_fields(value, out);
        settled(shown, start, out)
    }

    pub(super) fn packed_pairs(&mut self, value: &[u8], out: &mut Vec<u8>) -> Shown {
        let start = out.len();
        let shown = self.pairs(value, out);
        settled(shown, start, out)
    }

    fn array_elements(&mut self, value: &[u8], out: &mut Vec<u8>) -> Result<Shown, WireError> {
        let mut cursor = Cursor::new(value);
        let start = out.len();
        let dimensions = cursor.u32()?;
        let _nulls = cursor.u32()?;
        let code = cursor.u32()?;
        let mut count: u32 = u32::from(dimensions > 0);
        for _ in 0..dimensions {
            count = count.saturating_mul(cursor.u32()?);
            let _lowest = cursor.u32()?;
        }
        out.extend_from_slice(value.get(..value.len() - cursor.remaining()).unwrap_or_default());
        let written = Written { code, format: 1 };
        let mut all = Shown::AsIs;
        for _ in 0..count {
            let element = cursor.optional_value()?;
            let shown = self.put(element, out, |look, value, out| look.value(written, value, out));
            if shown == Shown::Null
                && let Some(nulls) = out.get_mut(start + NULLS_AT..start + NULLS_AT + 4)
            {
                nulls.copy_from_slice(&1_u32.to_be_bytes());
            }
            all = either(all, shown);
        }
        cursor.finish()?;
        Ok(all)
    }

    fn row_fields(&mut self, value: &[u8], out: &mut Vec<u8>) -> Result<Shown, WireError> {
        let mut cursor = Cursor::new(value);
        let count = cursor.u32()?;
        out.extend_from_slice(&count.to_be_bytes());
        let mut all = Shown::AsIs;
        for _ in 0..count {
            let code = cursor.u32()?;
            out.extend_from_slice(&code.to_be_bytes());
            let written = Written { code, format: 1 };
            let field = cursor.optional_value()?;
            let shown = self.put(field, out, |look, value, out| look.value(written, value, out));
            all = either(all, shown);
        }
        cursor.finish()?;
        Ok(all)
    }

    fn pairs(&mut self, value: &[u8], out: &mut Vec<u8>) -> Result<Shown, WireError> {
        let mut cursor = Cursor::new(value);
        let count = cursor.u32()?;
        out.extend_from_slice(&count.to_be_bytes());
        let mut all = Shown::AsIs;
        for _ in 0..count {
            let key = cursor.optional_value()?;
            let shown = self.put(key, out, |look, value, out| look.text(value, Form::Text, out));
            if shown == Shown::Null {
                // A key cannot be NULL.
                return Ok(Shown::Null);
            }
            all = either(all, shown);
            let name = String::from_utf8_lossy(key.unwrap_or_default()).into_owned();
            let value = cursor.optional_value()?;
            let shown = self.put(value, out, |look, value, out| look.named(&name, value, out));
            all = either(all, shown);
        }
        cursor.finish()?;
        Ok(all)
    }

    /// Writes a part with its length, as it may be shown.
    fn put(
        &mut self,
        value: Option<&[u8]>,
        out: &mut Vec<u8>,
        show: impl FnOnce(&mut Self, &[u8], &mut Vec<u8>) -> Shown,
    ) -> Shown {
        let start = out.len();
        out.extend_from_slice(&NULL);
        let Some(value) = value else { return Shown::AsIs };
        let shown = show(self, value, out);
        match shown {
            Shown::AsIs => out.extend_from_slice(value),
            Shown::Replaced => {}
            Shown::Null => {
                out.truncate(start + NULL.len());
                return Shown::Null;
            }
        }
        let length = i32::try_from(out.len() - start - NULL.len()).unwrap_or(-1);
        if let Some(slot) = out.get_mut(start..start + NULL.len()) {
            slot.copy_from_slice(&length.to_be_bytes());
        }
        shown
    }
}

/// What becomes of a value that was written anew: what cannot be read cannot be passed.
fn settled(shown: Result<Shown, WireError>, start: usize, out: &mut Vec<u8>) -> Shown {
    let shown = shown.unwrap_or(Shown::Null);
    if shown != Shown::Replaced {
        out.truncate(start);
    }
    shown
}

const NULL: [u8; 4] = (-1_i32).to_be_bytes();

/// Whether something of several parts was changed.
fn either(one: Shown, other: Shown) -> Shown {
    match (one, other) {
        (Shown::AsIs, Shown::AsIs) => Shown::AsIs,
        (Shown::AsIs | Shown::Replaced | Shown::Null, _) => Shown::Replaced,
    }
}
