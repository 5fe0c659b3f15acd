//! DataRow: masking its values, counting what is in them.

use super::guard::RowGuard;
use crate::wire::close;
use portreeve_decide::mask::Masker;
use portreeve_screen::Shown;
use portreeve_wire::{Cursor, WireError};

/// Why a row cannot be passed.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum RowError {
    #[error(transparent)]
    Wire(#[from] WireError),
    #[error("a row of `{got}` columns where `{expected}` were described")]
    Columns { expected: usize, got: usize },
    #[error("{0}")]
    Copy(&'static str),
}

/// Masks a DataRow's body and writes the whole message. What passes is copied in one piece up to
/// the next value that does not.
pub(super) fn mask_row(
    guard: &mut RowGuard,
    body: &[u8],
    masker: &Masker,
    out: &mut Vec<u8>,
) -> Result<(), RowError> {
    let mut cursor = Cursor::new(body);
    let got = usize::from(cursor.u16()?);
    if got != guard.columns() {
        return Err(RowError::Columns { expected: guard.columns(), got });
    }
    out.push(b'D');
    let at = out.len();
    out.extend_from_slice(&[0; 4]);
    let mut copied = 0;
    let mut changed = std::mem::take(&mut guard.changed);
    for column in 0..got {
        let begins = body.len() - cursor.remaining();
        let Some(value) = cursor.optional_value()? else { continue };
        if !guard.is_read(column) {
            continue;
        }
        changed.clear();
        if put_changed(guard, column, value, masker, &mut changed) {
            out.extend_from_slice(body.get(copied..begins).unwrap_or_default());
            out.extend_from_slice(&changed);
            copied = body.len() - cursor.remaining();
        }
    }
    guard.changed = changed;
    cursor.finish()?;
    out.extend_from_slice(body.get(copied..).unwrap_or_default());
    close(out, at);
    guard.end_row(masker);
    Ok(())
}

/// Writes a value with its length, where it does not pass as it is.
fn put_changed(
    guard: &mut RowGuard,
    column: usize,
    value: &[u8],
    masker: &Masker,
    out: &mut Vec<u8>,
) -> bool {
    let start = out.len();
    out.extend_from_slice(&(-1_i32).to_be_bytes());
    match guard.value(column, value, masker, out) {
        Shown::AsIs => return false,
        Shown::Null => out.truncate(start + 4),
        Shown::Replaced => {
            let length = i32::try_from(out.len() - start - 4).unwrap_or(-1);
            if let Some(slot) = out.get_mut(start..start + 4) {
                slot.copy_from_slice(&length.to_be_bytes());
            }
        }
    }
    true
}

/// Writes a value with its length, masked.
pub(super) fn put_value(
    guard: &mut RowGuard,
    column: usize,
    value: Option<&[u8]>,
    masker: &Masker,
    out: &mut Vec<u8>,
) {
    let Some(value) = value else { return out.extend_from_slice(&(-1_i32).to_be_bytes()) };
    let start = out.len();
    if !put_changed(guard, column, value, masker, out) {
        out.truncate(start);
        out.extend_from_slice(&u32::try_from(value.len()).unwrap_or(u32::MAX).to_be_bytes());
        out.extend_from_slice(value);
    }
}

/// Values from here on may be whole documents.
const DOCUMENT_BYTES_MIN: usize = 64;

/// How many values a row holds: a long one counts by the commas between its parts, so that
/// a table in one JSON document or array is not one value.
pub(super) fn count_values(body: &[u8]) -> u64 {
    let mut cursor = Cursor::new(body);
    let count = cursor.u16().unwrap_or_default();
    let mut values = 0;
    for _ in 0..count {
        let Ok(value) = cursor.optional_value() else { break };
        values += 1;
        values += value.map_or(0, parts);
    }
    values
}

/// How many values more than one are in a long one: what has neither commas nor tags (bytes in
/// hexadecimal, say) counts by its length.
pub(super) fn parts(value: &[u8]) -> u64 {
    if value.len() < DOCUMENT_BYTES_MIN {
        return 0;
    }
    let commas = memchr::memchr_iter(b',', value).count();
    let tags = memchr::memchr_iter(b'<', value).count();
    commas.max(tags).max(value.len() / DOCUMENT_BYTES_MIN) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_is_as_many_values_as_it_has_parts() {
        let check = |values: &[&[u8]], expect: u64| {
            let mut body = u16::try_from(values.len()).unwrap().to_be_bytes().to_vec();
            for value in values {
                body.extend_from_slice(&u32::try_from(value.len()).unwrap().to_be_bytes());
                body.extend_from_slice(value);
            }
            assert_eq!(count_values(&body), expect);
        };
        check(&[b"a", b"1,5"], 2);
        let orders = format!("[{}]", vec![r#"{"id":1,"total":2}"#; 1000].join(","));
        check(&[orders.as_bytes()], 2000);
        check(&[], 0);
    }
}
