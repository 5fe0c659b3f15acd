//! Tokens that stand for people in the evidence: keyed hashes of what identifies them.
//!
//! The same person has the same token wherever the same kind of identifier names them,
//! however it is written. Nobody without the key can test a guess.

use super::family::Family;
use super::kind::{Form, ValueKind};
use super::pseudonym::canonical;
use super::{push_uuid, read_uuid};
use aws_lc_rs::hmac;
use portreeve_model::Category;
use std::borrow::{Borrow, Cow};
use std::fmt;

/// The key of all tokens.
#[derive(Clone)]
pub struct SubjectKey(hmac::Key);

/// Stands for a person.
pub type SubjectToken = [u8; 16];

impl SubjectKey {
    /// Takes 32 random bytes.
    #[must_use]
    pub fn new(key: impl Borrow<[u8; 32]>) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, key.borrow()))
    }

    /// The token of a person whom an identifier of this kind names, as people write it.
    #[must_use]
    pub fn token(&self, kind: &SubjectKind, identifier: &str) -> SubjectToken {
        self.hash(kind, &canonical_text(kind, identifier.as_bytes()))
    }

    /// The token of a value of a target; none if the value names nobody (it is empty) or
    /// cannot be read.
    #[must_use]
    pub fn of_value(
        &self,
        kind: &SubjectKind,
        value: &[u8],
        value_kind: ValueKind,
    ) -> Option<SubjectToken> {
        let text = as_text(value, value_kind)?;
        let canonical = canonical_text(kind, &text);
        (!canonical.is_empty()).then(|| self.hash(kind, &canonical))
    }

    fn hash(&self, kind: &SubjectKind, canonical: &[u8]) -> SubjectToken {
        let mut context = hmac::Context::with_key(&self.0);
        context.update(b"portreeve subject 1");
        context.update(&u64::try_from(kind.name.len()).unwrap_or(u64::MAX).to_be_bytes());
        context.update(kind.name.as_bytes());
        context.update(canonical);
        *context.sign().as_ref().first_chunk().expect("HMAC-SHA256 has 32 bytes")
    }
}

impl fmt::Debug for SubjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SubjectKey(***)")
    }
}

/// What sort of identifier it is: `email`, `phone`, `customer-id`. Its name says how its
/// values are written, as with categories.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SubjectKind {
    name: String,
    family: Family,
}

impl From<&str> for SubjectKind {
    fn from(name: &str) -> Self {
        Self { name: name.to_owned(), family: Family::of(&Category::from(name)) }
    }
}

impl SubjectKind {
    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }
}

/// A value as people write it, where its type has such a writing.
fn as_text(value: &[u8], kind: ValueKind) -> Option<Cow<'_, [u8]>> {
    let number = |number: i64| Some(Cow::Owned(number.to_string().into_bytes()));
    match kind {
        ValueKind::Text
        | ValueKind::Integer { form: Form::Text, .. }
        | ValueKind::Uuid(Form::Text) => Some(Cow::Borrowed(value)),
        ValueKind::Integer { form: Form::Binary, .. } => match *value {
            [a, b] => number(i64::from(i16::from_be_bytes([a, b]))),
            [a, b, c, d] => number(i64::from(i32::from_be_bytes([a, b, c, d]))),
            _ => number(i64::from_be_bytes(value.try_into().ok()?)),
        },
        ValueKind::Uuid(Form::Binary) => {
            let mut text = Vec::with_capacity(36);
            push_uuid(value.try_into().ok()?, Form::Text, &mut text);
            Some(Cow::Owned(text))
        }
        ValueKind::Number
        | ValueKind::Date(_)
        | ValueKind::Timestamp(_)
        | ValueKind::Inet
        | ValueKind::Bool
        | ValueKind::Json(_)
        | ValueKind::Bytes
        | ValueKind::Other => None,
    }
}

/// One writing for all: as for pseudonyms, and UUIDs in their usual form.
fn canonical_text<'v>(kind: &SubjectKind, value: &'v [u8]) -> Cow<'v, [u8]> {
    let is_free = matches!(kind.family, Family::Name | Family::Date | Family::Other);
    if let Some(uuid) = read_uuid(value.trim_ascii(), Form::Text).filter(|_| is_free) {
        let mut text = Vec::with_capacity(36);
        push_uuid(uuid, Form::Text, &mut text);
        return Cow::Owned(text);
    }
    canonical(kind.family, value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> SubjectKey {
        SubjectKey::new([7; 32])
    }

    #[test]
    fn one_person_has_one_token_in_every_writing() {
        let check = |kind: &str, value: &[u8], value_kind, written: &str| {
            let kind = SubjectKind::from(kind);
            let expect = Some(key().token(&kind, written));
            assert_eq!(key().of_value(&kind, value, value_kind), expect, "{written}");
        };
        let integer = |bytes, form| ValueKind::Integer { bytes, form };
        check("email", b" Ann@X.org", ValueKind::Text, "ann@x.ORG ");
        check("phone", b"+49 (171) 12-3", ValueKind::Text, "+49171123");
        check("customer", &[0, 0, 1, 0], integer(4, Form::Binary), "256");
        check("customer", &(-2i64).to_be_bytes(), integer(8, Form::Binary), "-2");
        check("customer", &[0xff, 0xfe], integer(2, Form::Binary), "-2");
        check("customer", b"256", integer(4, Form::Text), "256");
        let uuid = "018f3c5e-0000-7000-8000-00000000000a";
        check(
            "person",
            &[0x01, 0x8f, 0x3c, 0x5e, 0, 0, 0x70, 0, 0x80, 0, 0, 0, 0, 0, 0, 0x0a],
            ValueKind::Uuid(Form::Binary),
            uuid,
        );
        check("person", uuid.to_uppercase().as_bytes(), ValueKind::Text, uuid);
    }

    #[test]
    fn other_people_kinds_and_keys_have_other_tokens() {
        let (email, name) = (SubjectKind::from("email"), SubjectKind::from("login"));
        let token = key().token(&email, "ann@x.org");
        assert_ne!(token, key().token(&email, "bob@x.org"));
        assert_ne!(token, key().token(&name, "ann@x.org"));
        assert_ne!(token, SubjectKey::new([8; 32]).token(&email, "ann@x.org"));
    }

    #[test]
    fn what_names_nobody_has_no_token() {
        let kind = SubjectKind::from("email");
        assert_eq!(key().of_value(&kind, b"  ", ValueKind::Text), None);
        assert_eq!(key().of_value(&kind, b"{}", ValueKind::Json(Form::Text)), None);
        let wide = ValueKind::Integer { bytes: 8, form: Form::Binary };
        assert_eq!(key().of_value(&kind, &[1, 2, 3], wide), None);
    }
}
