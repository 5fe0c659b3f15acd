//! Looking through values that nobody has classified: what of a value of some type is a text, and
//! how the value looks once parts of it are masked.
//!
//! A value stays one of its type: JSON stays JSON, an array has as many elements, a row as many
//! fields. Both forms of a value, text and binary, are looked through alike.

mod column;
mod kind;
mod message;
mod packed;
mod pieces;
mod reports;
mod typed;

pub use column::{ClearColumn, Screening};
pub(crate) use column::{ColumnLook, ColumnUse};
pub(crate) use message::MessageLook;
pub(crate) use reports::{Report, Trust, pass};

use kind::Kind;
use portreeve_screen::{Form, Masking, Shown, TextScreen};
use portreeve_sql::MadeTypes;
use typed::Typed;

/// How deep arrays, rows and the like may stand in each other; what is deeper is one value.
const DEPTH_MAX: usize = 8;

/// The type of a value, and how it is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Written {
    /// Its oid; 0 where nobody knows it.
    code: u32,
    /// 0 text, 1 binary.
    format: i16,
}

/// A look at values of one place.
struct Look<'l> {
    screen: &'l mut TextScreen,
    masking: &'l Masking<'l>,
    made: &'l MadeTypes,
    depth: usize,
}

impl Look<'_> {
    /// Appends what may be shown of a value to `out`, where that is not all of it.
    fn value(&mut self, written: Written, value: &[u8], out: &mut Vec<u8>) -> Shown {
        match Kind::of(written, self.made) {
            Kind::Settled => Shown::AsIs,
            Kind::Text => self.text(value, Form::Text, out),
            Kind::Xml => self.text(value, Form::Xml, out),
            Kind::Json => self.text(value, Form::Json, out),
            Kind::PackedJson => self.packed_json(value, out),
            Kind::Bytes => self.bytes(written, value, out),
            Kind::Typed(typed) => self.typed(typed, written, value, out),
            Kind::Unknown => self.untyped(value, out),
            Kind::Opaque => self.opaque(value),
            Kind::Array(_) | Kind::Row(_) | Kind::Pairs if self.depth >= DEPTH_MAX => {
                self.opaque(value)
            }
            Kind::Array(element) => {
                self.depth += 1;
                let shown = match written.format {
                    0 => self.array_text(element, value, out),
                    _ => self.packed_array(value, out),
                };
                self.depth -= 1;
                shown
            }
            Kind::Row(fields) => {
                self.depth += 1;
                let shown = match written.format {
                    0 => self.row_text(fields, value, out),
                    _ => self.packed_row(value, out),
                };
                self.depth -= 1;
                shown
            }
            Kind::Pairs => match written.format {
                0 => self.pairs_text(value, out),
                _ => self.packed_pairs(value, out),
            },
        }
    }

    fn text(&mut self, value: &[u8], form: Form, out: &mut Vec<u8>) -> Shown {
        match std::str::from_utf8(value) {
            Ok(text) => self.screen.text(text, form, self.masking, out),
            Err(_) => self.opaque(value),
        }
    }

    /// What cannot be taken apart is masked whole, if something is found in it.
    fn opaque(&mut self, value: &[u8]) -> Shown {
        match self.screen.opaque(&String::from_utf8_lossy(value), self.masking) {
            Some(_) => Shown::Null,
            None => Shown::AsIs,
        }
    }

    /// A value of a type that the server does not tell: bulk data of a query.
    fn untyped(&mut self, value: &[u8], out: &mut Vec<u8>) -> Shown {
        let is_plain = |byte: &u8| *byte >= b' ' || matches!(byte, b'\t' | b'\n' | b'\r');
        let text = value.strip_prefix(&[JSON_VERSION]).unwrap_or(value);
        match std::str::from_utf8(text) {
            Ok(_) if text.len() < value.len() && text.iter().all(is_plain) => {
                self.packed_json(value, out)
            }
            Ok(text) if value.iter().all(is_plain) => {
                self.screen.text(text, Form::Text, self.masking, out)
            }
            Ok(_) | Err(_) => self.opaque(value),
        }
    }

    fn packed_json(&mut self, value: &[u8], out: &mut Vec<u8>) -> Shown {
        let Some(document) = value.strip_prefix(&[JSON_VERSION]) else { return self.opaque(value) };
        let start = out.len();
        out.push(JSON_VERSION);
        let shown = self.text(document, Form::Json, out);
        if shown != Shown::Replaced {
            out.truncate(start);
        }
        shown
    }

    /// Bytes that are a text are looked through as one.
    fn bytes(&mut self, written: Written, value: &[u8], out: &mut Vec<u8>) -> Shown {
        if written.format != 0 {
            return match std::str::from_utf8(value) {
                Ok(text) => self.screen.text(text, Form::Text, self.masking, out),
                Err(_) => Shown::AsIs,
            };
        }
        let clear = pieces::bytes(value);
        let Some(text) = clear.as_deref().and_then(|clear| std::str::from_utf8(clear).ok()) else {
            return Shown::AsIs;
        };
        let mut masked = Vec::new();
        let shown = self.screen.text(text, Form::Text, self.masking, &mut masked);
        if shown == Shown::Replaced {
            pieces::put_hex(&masked, out);
        }
        shown
    }

    fn typed(&mut self, typed: Typed, written: Written, value: &[u8], out: &mut Vec<u8>) -> Shown {
        let Some(text) = typed.text(written, value) else { return Shown::AsIs };
        let found = match typed {
            Typed::Address => self.screen.opaque(&text, self.masking),
            Typed::Integer { .. } | Typed::Numeric | Typed::Day | Typed::Moment => {
                self.screen.typed(&text, self.masking)
            }
        };
        let Some(category) = found else { return Shown::AsIs };
        let kind = crate::wire::value_kind(written.code, written.format);
        match self.masking.masker.mask(category, value, kind, out) {
            portreeve_decide::mask::Masked::Replaced => Shown::Replaced,
            portreeve_decide::mask::Masked::Null => Shown::Null,
        }
    }
}

/// What a packed JSON document begins with.
const JSON_VERSION: u8 = 1;
