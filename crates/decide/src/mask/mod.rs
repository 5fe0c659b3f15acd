//! Masking: what a client sees in place of a personal value.
//!
//! Pure and total: every value of every kind has an answer, invalid bytes included, and
//! NULL is the answer wherever a replacement might not be valid in the value's type.
//! Which columns are masked is not decided here.
//!
//! ```
//! use portreeve_decide::mask::{MaskKey, Masked, Masker, ValueKind};
//! use portreeve_model::{Category, MaskMethod};
//!
//! let email = Category::from("email");
//! let rules = [(email.clone(), MaskMethod::Partial)].into();
//! let masker = Masker::new(rules, MaskMethod::Redact, MaskKey::new([7; 32]));
//! let mut out = Vec::new();
//! let masked = masker.mask(&email, b"ann@example.com", ValueKind::Text, &mut out);
//! assert_eq!(masked, Masked::Replaced);
//! assert_eq!(out, b"a***@example.com");
//! ```

mod alike;
mod document;
mod family;
mod forms;
mod kind;
mod moment;
mod partial;
mod pseudonym;
mod subject;
mod tally;

pub use alike::Alike;
pub use document::parts;
pub use forms::{FORM_BYTES_MAX, MaskForms};
pub use kind::{Form, Masked, ValueKind};
pub use portreeve_pseudonym::MaskKey;
pub use subject::{SubjectKey, SubjectKind, SubjectToken};
pub use tally::{SubjectTally, Subjects};

use family::{Family, push_label};
use portreeve_model::{Category, MaskMethod};
use std::collections::HashMap;
use std::io::Write;

/// The masking rules of a configuration.
#[derive(Clone, Debug)]
pub struct Masker {
    rules: HashMap<Category, (MaskMethod, Family)>,
    default: MaskMethod,
    key: MaskKey,
    subjects: Option<SubjectKey>,
}

impl Masker {
    /// Takes a method for each category, and one for all others.
    #[must_use]
    pub fn new(rules: HashMap<Category, MaskMethod>, default: MaskMethod, key: MaskKey) -> Self {
        let with_family = |(category, method)| {
            let family = Family::of(&category);
            (category, (method, family))
        };
        let rules = rules.into_iter().map(with_family).collect();
        Self { rules, default, key, subjects: None }
    }

    /// The same, that also says whom values are about.
    #[must_use]
    pub fn with_subjects(self, key: SubjectKey) -> Self {
        Self { subjects: Some(key), ..self }
    }

    /// Whom a value is about; none if it names nobody, or no key was given.
    #[must_use]
    pub fn subject(
        &self,
        kind: &SubjectKind,
        value: &[u8],
        value_kind: ValueKind,
    ) -> Option<SubjectToken> {
        self.subjects.as_ref()?.of_value(kind, value, value_kind)
    }

    /// The method for a category.
    #[must_use]
    pub fn method(&self, category: &Category) -> MaskMethod {
        self.rule(category).0
    }

    /// Masks one value that is not NULL: appends what the client sees in its place to
    /// `out`, in the same form, or appends nothing and says that it sees NULL.
    pub fn mask(
        &self,
        category: &Category,
        value: &[u8],
        kind: ValueKind,
        out: &mut Vec<u8>,
    ) -> Masked {
        let (method, family) = self.rule(category);
        match method {
            MaskMethod::Null => Masked::Null,
            MaskMethod::Redact => redact(category, kind, out),
            MaskMethod::Pseudonym => self.pseudonym(category, family, value, kind, out),
            MaskMethod::Partial => partial(category, family, value, kind, out),
        }
    }

    /// Masks a value that was derived from personal ones, or that has several categories:
    /// no part of it has a known format, so nothing is kept and no pseudonym is made.
    pub fn mask_derived(&self, category: &Category, kind: ValueKind, out: &mut Vec<u8>) -> Masked {
        match self.method(category) {
            MaskMethod::Null => Masked::Null,
            MaskMethod::Redact | MaskMethod::Pseudonym | MaskMethod::Partial => {
                redact(category, kind, out)
            }
        }
    }

    /// Masks a text that has room for so many characters only, fewer than its mask has: by a
    /// shorter pseudonym where that still tells values apart, else by the beginning of what
    /// stands for the category.
    pub fn mask_short(
        &self,
        category: &Category,
        value: &[u8],
        chars_max: usize,
        out: &mut Vec<u8>,
    ) {
        let start = out.len();
        let (method, family) = self.rule(category);
        if method == MaskMethod::Pseudonym && chars_max >= WORD_CHARS_MIN {
            pseudonym::push_word(&self.key, category, family, value, out);
        } else {
            out.push(b'[');
            push_label(category, LABEL_CHARS_MAX, out);
            out.push(b']');
        }
        // Both are ASCII.
        out.truncate(start.saturating_add(chars_max));
    }

    fn rule(&self, category: &Category) -> (MaskMethod, Family) {
        let rule = self.rules.get(category).copied();
        rule.unwrap_or_else(|| (self.default, Family::of(category)))
    }

    fn pseudonym(
        &self,
        category: &Category,
        family: Family,
        value: &[u8],
        kind: ValueKind,
        out: &mut Vec<u8>,
    ) -> Masked {
        match kind {
            ValueKind::Text => pseudonym::push_text(&self.key, category, family, value, out),
            ValueKind::Json(form) => {
                let Some(document) = document(value, form) else {
                    return Masked::Null;
                };
                push_prefix(form, out);
                out.push(b'"');
                pseudonym::push_text(&self.key, category, Family::Other, document, out);
                out.push(b'"');
            }
            ValueKind::Uuid(form) => {
                let Some(uuid) = read_uuid(value, form) else {
                    return Masked::Null;
                };
                let masked = self.key.uuid(&category.0, u128::from_be_bytes(uuid));
                push_uuid(masked.to_be_bytes(), form, out);
            }
            // Fewer bytes have too few numbers: two people would become one.
            ValueKind::Integer { bytes: 8, form } => {
                let Some(number) = read_integer(value, form) else {
                    return Masked::Null;
                };
                push_integer(self.key.integer(&category.0, number), form, out);
            }
            ValueKind::Integer { .. }
            | ValueKind::Number
            | ValueKind::Date(_)
            | ValueKind::Timestamp(_)
            | ValueKind::Inet
            | ValueKind::Bool
            | ValueKind::Bytes
            | ValueKind::Other => return Masked::Null,
        }
        Masked::Replaced
    }
}

/// Appends `[category]` where the type can hold it.
fn redact(category: &Category, kind: ValueKind, out: &mut Vec<u8>) -> Masked {
    let (open, close): (&[u8], &[u8]) = match kind {
        ValueKind::Text => (b"[", b"]"),
        ValueKind::Json(form) => {
            push_prefix(form, out);
            (b"\"[", b"]\"")
        }
        ValueKind::Integer { .. }
        | ValueKind::Number
        | ValueKind::Date(_)
        | ValueKind::Timestamp(_)
        | ValueKind::Uuid(_)
        | ValueKind::Inet
        | ValueKind::Bool
        | ValueKind::Bytes
        | ValueKind::Other => return Masked::Null,
    };
    out.extend_from_slice(open);
    push_label(category, LABEL_CHARS_MAX, out);
    out.extend_from_slice(close);
    Masked::Replaced
}

fn partial(
    category: &Category,
    family: Family,
    value: &[u8],
    kind: ValueKind,
    out: &mut Vec<u8>,
) -> Masked {
    let kept = match kind {
        ValueKind::Text => partial::push_text(family, value, out),
        ValueKind::Date(form) => moment::push_year_of_day(value, form, out),
        ValueKind::Timestamp(form) => moment::push_year_of_moment(value, form, out),
        ValueKind::Json(_)
        | ValueKind::Integer { .. }
        | ValueKind::Number
        | ValueKind::Uuid(_)
        | ValueKind::Inet
        | ValueKind::Bool
        | ValueKind::Bytes
        | ValueKind::Other => false,
    };
    if kept { Masked::Replaced } else { redact(category, kind, out) }
}

/// The text of a JSON document.
fn document(value: &[u8], form: Form) -> Option<&[u8]> {
    match form {
        Form::Text => Some(value),
        Form::Binary => value.strip_prefix(&[JSON_VERSION]),
    }
}

fn push_prefix(form: Form, out: &mut Vec<u8>) {
    match form {
        Form::Text => {}
        Form::Binary => out.push(JSON_VERSION),
    }
}

fn read_uuid(value: &[u8], form: Form) -> Option<[u8; 16]> {
    match form {
        Form::Binary => value.try_into().ok(),
        Form::Text => {
            let mut uuid = [0; 16];
            let mut digits = value.iter().filter(|byte| **byte != b'-').map(|byte| {
                char::from(*byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
            });
            for byte in &mut uuid {
                *byte = digits.next()?? << 4 | digits.next()??;
            }
            digits.next().is_none().then_some(uuid)
        }
    }
}

fn push_uuid(uuid: [u8; 16], form: Form, out: &mut Vec<u8>) {
    match form {
        Form::Binary => out.extend_from_slice(&uuid),
        Form::Text => {
            for (index, byte) in uuid.iter().enumerate() {
                if [4, 6, 8, 10].contains(&index) {
                    out.push(b'-');
                }
                write!(out, "{byte:02x}").expect("a vector takes every byte");
            }
        }
    }
}

fn read_integer(value: &[u8], form: Form) -> Option<i64> {
    match form {
        Form::Binary => Some(i64::from_be_bytes(value.try_into().ok()?)),
        Form::Text => std::str::from_utf8(value).ok()?.parse().ok(),
    }
}

fn push_integer(number: i64, form: Form, out: &mut Vec<u8>) {
    match form {
        Form::Binary => out.extend_from_slice(&number.to_be_bytes()),
        Form::Text => write!(out, "{number}").expect("a vector takes every byte"),
    }
}

const LABEL_CHARS_MAX: usize = 40;
/// Fifty bits: fewer would make one person of two.
const WORD_CHARS_MIN: usize = 10;
/// What a packed JSON document begins with.
const JSON_VERSION: u8 = 1;
