//! Masking the data of `COPY … TO STDOUT`, in all three formats, as a stream: a row may be
//! cut at any byte.
//!
//! SPEC: PostgreSQL "COPY", File Formats.

use super::guard::RowGuard;
use super::rows::{RowError, put_value};
use crate::wire::put;
use portreeve_decide::mask::Masker;
use portreeve_decide::sql::{Copy, CopyFormat};
use portreeve_screen::Shown;
use portreeve_wire::Cursor;

/// Cuts COPY data into rows and masks them.
#[derive(Debug)]
pub(super) struct CopyMasker {
    copy: Copy,
    pub(super) guard: RowGuard,
    pending: Vec<u8>,
    row_bytes_max: usize,
    /// Text and CSV: the next line is the header. Binary: the file header is still to come.
    before_rows: bool,
    is_ended: bool,
}

const BINARY_SIGNATURE: &[u8] = b"PGCOPY\n\xff\r\n\0";

impl CopyMasker {
    pub(super) fn new(copy: Copy, guard: RowGuard, row_bytes_max: usize) -> Self {
        let before_rows = copy.header || copy.format == CopyFormat::Binary;
        Self { copy, guard, pending: Vec::new(), row_bytes_max, before_rows, is_ended: false }
    }

    /// Takes the data of one CopyData message and writes what is whole of it, masked, as
    /// one message: readers rely on the server's own cuts (a binary file's header comes
    /// together with the first row). Returns the number of rows.
    pub(super) fn push(
        &mut self,
        data: &[u8],
        masker: &Masker,
        out: &mut Vec<u8>,
    ) -> Result<u64, RowError> {
        self.pending.extend_from_slice(data);
        let pending = std::mem::take(&mut self.pending);
        let mut left = pending.as_slice();
        let mut rows = 0;
        let mut masked = Vec::with_capacity(pending.len());
        while let Some(length) = self.row_length(left)? {
            let (row, rest) = left.split_at(length);
            rows += u64::from(self.row(row, masker, &mut masked)?);
            left = rest;
        }
        if !masked.is_empty() {
            put(out, b'd', |out| out.extend_from_slice(&masked));
        }
        if left.len() > self.row_bytes_max {
            return Err(RowError::Copy("a row is longer than the limit"));
        }
        self.pending = left.to_vec();
        Ok(rows)
    }

    /// The data has ended; anything unfinished cannot be passed.
    pub(super) fn finish(&self) -> Result<(), RowError> {
        if self.pending.is_empty() {
            Ok(())
        } else {
            Err(RowError::Copy("the data ends in the middle of a row"))
        }
    }

    fn row_length(&self, data: &[u8]) -> Result<Option<usize>, RowError> {
        match self.copy.format {
            CopyFormat::Text => Ok(memchr::memchr(b'\n', data).map(|at| at + 1)),
            CopyFormat::Csv => Ok(self.csv_line(data)),
            CopyFormat::Binary => self.binary_tuple(data),
        }
    }

    /// A CSV line may have line ends inside quotes.
    fn csv_line(&self, data: &[u8]) -> Option<usize> {
        let (quote, escape) = (self.copy.quote, self.copy.escape);
        let mut quoted = false;
        let mut escaped = false;
        for (at, &byte) in data.iter().enumerate() {
            if escaped {
                escaped = false;
            } else if quoted && escape != quote && byte == escape {
                escaped = true;
            } else if byte == quote {
                quoted = !quoted;
            } else if byte == b'\n' && !quoted {
                return Some(at + 1);
            }
        }
        None
    }

    fn binary_tuple(&self, data: &[u8]) -> Result<Option<usize>, RowError> {
        let mut cursor = Cursor::new(data);
        if self.before_rows {
            let (Ok(signature), Ok(_flags), Ok(extension)) =
                (cursor.take(BINARY_SIGNATURE.len()), cursor.u32(), cursor.u32())
            else {
                return Ok(None);
            };
            if signature != BINARY_SIGNATURE || extension != 0 {
                return Err(RowError::Copy("an unknown binary header"));
            }
            return Ok(Some(data.len() - cursor.remaining()));
        }
        let Ok(count) = cursor.u16() else { return Ok(None) };
        if count == u16::MAX {
            return Ok(Some(2));
        }
        for _ in 0..count {
            match cursor.optional_value() {
                Ok(_) => {}
                Err(portreeve_wire::WireError::Short { .. }) => return Ok(None),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(Some(data.len() - cursor.remaining()))
    }

    fn row(&mut self, row: &[u8], masker: &Masker, out: &mut Vec<u8>) -> Result<bool, RowError> {
        if std::mem::take(&mut self.before_rows) {
            out.extend_from_slice(row);
            return Ok(false);
        }
        if self.is_ended {
            return Err(RowError::Copy("data after the end of the data"));
        }
        match self.copy.format {
            CopyFormat::Text | CopyFormat::Csv => self.delimited_row(row, masker, out),
            CopyFormat::Binary => self.binary_row(row, masker, out),
        }
    }

    fn expect_columns(&self, got: usize) -> Result<(), RowError> {
        let expected = self.guard.columns();
        if got == expected { Ok(()) } else { Err(RowError::Columns { expected, got }) }
    }

    /// A row of text or CSV: what differs is how fields are parted and how values are written.
    fn delimited_row(
        &mut self,
        row: &[u8],
        masker: &Masker,
        out: &mut Vec<u8>,
    ) -> Result<bool, RowError> {
        let line = row.strip_suffix(b"\n").unwrap_or(row);
        if line == b"\\." {
            self.is_ended = true;
            out.extend_from_slice(row);
            return Ok(false);
        }
        let is_csv = self.copy.format == CopyFormat::Csv;
        let fields = if is_csv { self.split_csv(line) } else { self.split_text(line) };
        self.expect_columns(fields.len())?;
        let mut clear = Vec::new();
        let mut value = Vec::new();
        for (column, field) in fields.iter().enumerate() {
            if column > 0 {
                out.push(self.copy.delimiter);
            }
            if !self.guard.is_read(column) || self.is_null(field) {
                out.extend_from_slice(field);
                continue;
            }
            clear.clear();
            if is_csv {
                self.unquote(field, &mut clear)
            } else {
                unescape_text(field, &mut clear)
            }
            value.clear();
            match self.guard.value(column, &clear, masker, &mut value) {
                Shown::AsIs => out.extend_from_slice(field),
                Shown::Null => out.extend_from_slice(self.copy.null.as_bytes()),
                Shown::Replaced if is_csv => self.put_quoted(&value, out),
                Shown::Replaced => escape_text(&value, self.copy.delimiter, out),
            }
        }
        out.push(b'\n');
        self.guard.end_row(masker);
        Ok(true)
    }

    /// Whether a field is NULL for certain.
    ///
    /// SECURITY: in CSV a value that is written like NULL is quoted. In text nothing is: whoever
    /// names the NULL string (`NULL 'guess'`) would see whose value it is. Only what stands behind
    /// a backslash as it is written for no value can be no value.
    fn is_null(&self, field: &[u8]) -> bool {
        let is_null = field == self.copy.null.as_bytes();
        is_null && (self.copy.format == CopyFormat::Csv || field == b"\\N")
    }

    fn split_text<'a>(&self, line: &'a [u8]) -> Vec<&'a [u8]> {
        // A table without columns has empty lines.
        if line.is_empty() && self.guard.columns() == 0 {
            return Vec::new();
        }
        let mut fields = Vec::with_capacity(self.guard.columns());
        let mut start = 0;
        let mut escaped = false;
        for (at, &byte) in line.iter().enumerate() {
            if escaped {
                escaped = false;
            } else if byte == b'\\' {
                escaped = true;
            } else if byte == self.copy.delimiter {
                fields.extend(line.get(start..at));
                start = at + 1;
            }
        }
        fields.extend(line.get(start..));
        fields
    }

    fn split_csv<'a>(&self, line: &'a [u8]) -> Vec<&'a [u8]> {
        if line.is_empty() && self.guard.columns() == 0 {
            return Vec::new();
        }
        let (quote, escape) = (self.copy.quote, self.copy.escape);
        let mut fields = Vec::with_capacity(self.guard.columns());
        let (mut start, mut quoted, mut escaped) = (0, false, false);
        for (at, &byte) in line.iter().enumerate() {
            if escaped {
                escaped = false;
            } else if quoted && escape != quote && byte == escape {
                escaped = true;
            } else if byte == quote {
                quoted = !quoted;
            } else if byte == self.copy.delimiter && !quoted {
                fields.extend(line.get(start..at));
                start = at + 1;
            }
        }
        fields.extend(line.get(start..));
        fields
    }

    fn unquote(&self, field: &[u8], out: &mut Vec<u8>) {
        let (quote, escape) = (self.copy.quote, self.copy.escape);
        let Some(inner) = field.strip_prefix(&[quote]).and_then(|f| f.strip_suffix(&[quote]))
        else {
            out.extend_from_slice(field);
            return;
        };
        let mut bytes = inner.iter().copied().peekable();
        while let Some(byte) = bytes.next() {
            let escapes_next = byte == escape
                && bytes.peek().is_some_and(|next| *next == quote || *next == escape);
            out.push(if escapes_next { bytes.next().unwrap_or(byte) } else { byte });
        }
    }

    fn put_quoted(&self, value: &[u8], out: &mut Vec<u8>) {
        let (quote, escape) = (self.copy.quote, self.copy.escape);
        out.push(quote);
        for &byte in value {
            if byte == quote || byte == escape {
                out.push(escape);
            }
            out.push(byte);
        }
        out.push(quote);
    }

    fn binary_row(
        &mut self,
        row: &[u8],
        masker: &Masker,
        out: &mut Vec<u8>,
    ) -> Result<bool, RowError> {
        let mut cursor = Cursor::new(row);
        let count = cursor.u16()?;
        out.extend_from_slice(&count.to_be_bytes());
        if count == u16::MAX {
            self.is_ended = true;
            return Ok(false);
        }
        self.expect_columns(usize::from(count))?;
        for column in 0..usize::from(count) {
            let value = cursor.optional_value()?;
            put_value(&mut self.guard, column, value, masker, out);
        }
        cursor.finish()?;
        self.guard.end_row(masker);
        Ok(true)
    }
}

fn unescape_text(field: &[u8], out: &mut Vec<u8>) {
    let mut bytes = field.iter().copied();
    while let Some(byte) = bytes.next() {
        if byte != b'\\' {
            out.push(byte);
            continue;
        }
        out.push(match bytes.next() {
            Some(b'b') => 8,
            Some(b'f') => 12,
            Some(b'n') => b'\n',
            Some(b'r') => b'\r',
            Some(b't') => b'\t',
            Some(b'v') => 11,
            Some(other) => other,
            None => b'\\',
        });
    }
}

fn escape_text(value: &[u8], delimiter: u8, out: &mut Vec<u8>) {
    for &byte in value {
        match byte {
            8 => out.extend_from_slice(b"\\b"),
            12 => out.extend_from_slice(b"\\f"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            11 => out.extend_from_slice(b"\\v"),
            b'\\' => out.extend_from_slice(b"\\\\"),
            byte if byte == delimiter => out.extend_from_slice(&[b'\\', byte]),
            byte => out.push(byte),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use portreeve_decide::mask::{MaskKey, ValueKind};
    use portreeve_decide::sql::CopyDirection;
    use portreeve_model::MaskMethod;
    use portreeve_sql::{ColumnMask, FieldMask, Fit, MaskShape, RowMasks};
    use std::sync::Arc;

    fn guard(masks: Vec<FieldMask>) -> RowGuard {
        RowGuard::of(RowMasks::new(masks, Arc::default()))
    }

    fn copy(format: CopyFormat) -> Copy {
        let (delimiter, null) = match format {
            CopyFormat::Csv => (b',', ""),
            _ => (b'\t', "\\N"),
        };
        Copy {
            direction: CopyDirection::Out,
            columns_in: 0,
            format,
            delimiter,
            null: null.into(),
            header: false,
            quote: b'"',
            escape: b'"',
        }
    }

    /// The second of three columns is classified; the data is cut at every byte.
    fn check(copy: Copy, data: &[u8], expect: &[u8]) {
        let masker = Masker::new([].into(), MaskMethod::Redact, MaskKey::new([1; 32]));
        for cut in 0..data.len() {
            let mask = ColumnMask { category: "email".into(), shape: MaskShape::Plain };
            let mut masks = vec![FieldMask::clean(); 3];
            masks[1] = FieldMask { mask: Some(mask), fit: Fit::any(ValueKind::Text), shown: None };
            let mut masked = CopyMasker::new(copy.clone(), guard(masks), 1000);
            let mut out = Vec::new();
            masked.push(&data[..cut], &masker, &mut out).unwrap();
            masked.push(&data[cut..], &masker, &mut out).unwrap();
            masked.finish().unwrap();
            let mut run = bytes::Bytes::from(out);
            let mut got = Vec::new();
            while let Some(frame) = crate::wire::next_of(&mut run) {
                got.extend_from_slice(frame.body());
            }
            assert_eq!(got, expect, "cut at {cut}: {:?}", String::from_utf8_lossy(&got));
        }
    }

    #[test]
    fn text_rows_are_masked_at_every_cut() {
        check(
            copy(CopyFormat::Text),
            b"1\ta\\tb@x\tc\n2\t\\N\t\\\\\n\\.\n",
            b"1\t[email]\tc\n2\t\\N\t\\\\\n\\.\n",
        );
    }

    /// What equals the NULL string is written like NULL: it may be a value that was guessed.
    #[test]
    fn a_guess_at_a_value_as_null_shows_nothing() {
        let null = |null: &str| Copy { null: null.into(), ..copy(CopyFormat::Text) };
        check(null("b@x"), b"1\tb@x\tb@x\n2\tc@x\tc\n", b"1\t[email]\tb@x\n2\t[email]\tc\n");
        check(null(""), b"1\t\t\n2\tc@x\tc\n", b"1\t[email]\t\n2\t[email]\tc\n");
        // A value that is the delimiter stands behind a backslash.
        let odd = Copy { delimiter: b'N', ..null("x") };
        check(odd, b"1N\\NNc\n", b"1N[email]Nc\n");
    }

    #[test]
    fn csv_rows_are_masked_at_every_cut() {
        check(
            copy(CopyFormat::Csv),
            b"1,\"a,\"\"b\n@x\",\"c\nd\"\n2,,x\n3,\"\",y\n",
            b"1,\"[email]\",\"c\nd\"\n2,,x\n3,\"[email]\",y\n",
        );
        let odd = Copy {
            delimiter: b';',
            quote: b'\'',
            escape: b'\\',
            null: "nil".into(),
            ..copy(CopyFormat::Csv)
        };
        check(odd, b"1;'a\\';\nb';nil\n2;nil;z\n", b"1;'[email]';nil\n2;nil;z\n");
    }

    #[test]
    fn binary_tuples_are_masked_at_every_cut() {
        let head = [BINARY_SIGNATURE, &[0; 8]].concat();
        let row = b"\0\x03\0\0\0\x01a\0\0\0\x03b@c\xff\xff\xff\xff";
        let expect = b"\0\x03\0\0\0\x01a\0\0\0\x07[email]\xff\xff\xff\xff";
        let end = b"\xff\xff";
        check(
            copy(CopyFormat::Binary),
            &[&head[..], row, row, end].concat(),
            &[&head[..], expect, expect, end].concat(),
        );
    }

    #[test]
    fn a_row_of_another_width_cannot_pass() {
        let masker = Masker::new([].into(), MaskMethod::Redact, MaskKey::new([1; 32]));
        let masks = guard(vec![FieldMask::clean(); 2]);
        let mut masked = CopyMasker::new(copy(CopyFormat::Text), masks, 100);
        assert_eq!(
            masked.push(b"1\t2\t3\n", &masker, &mut Vec::new()),
            Err(RowError::Columns { expected: 2, got: 3 })
        );
    }
}
