//! Masks that their form tells: what only a mask looks like.
//!
//! A client that saves a whole row writes back what it has read. A value that was redacted,
//! partly kept or given a pseudonym as a text is recognised wherever it stands: alone, in an
//! array, in a document, in rows of a bulk load. What looks like any other value (initials, the
//! first day of a year, a pseudonym that is a number, NULL) is not.

use super::family::push_label;
use super::{LABEL_CHARS_MAX, pseudonym};
use portreeve_model::Category;

/// The forms of the masks of some categories.
#[derive(Clone, Debug, Default)]
pub struct MaskForms {
    /// `[email]`
    redacted: Vec<Vec<u8>>,
    /// `email_`
    pseudonyms: Vec<Vec<u8>>,
}

/// The most bytes of a mask that are looked at to tell what it is.
pub const FORM_BYTES_MAX: usize = 64;

impl MaskForms {
    /// Those of values of these categories, and of values that were computed from them.
    pub fn of<'c>(categories: impl IntoIterator<Item = &'c Category>) -> Self {
        let mut forms = Self::default();
        let derived = ["personal".into(), "unproven".into()];
        for category in categories.into_iter().cloned().chain(derived) {
            let mut redacted = vec![b'['];
            push_label(&category, LABEL_CHARS_MAX, &mut redacted);
            redacted.push(b']');
            let mut pseudonym = Vec::new();
            push_label(&category, pseudonym::LABEL_CHARS_MAX, &mut pseudonym);
            pseudonym.push(b'_');
            forms.redacted.push(redacted);
            forms.pseudonyms.push(pseudonym);
        }
        forms
    }

    /// Whether a mask stands anywhere in these bytes.
    #[must_use]
    pub fn are_in(&self, bytes: &[u8]) -> bool {
        self.first_in(bytes).is_some()
    }

    /// Where the first mask is.
    #[must_use]
    pub fn first_in(&self, bytes: &[u8]) -> Option<usize> {
        let is_mask = |at: &usize| {
            let before = at.checked_sub(1).and_then(|before| bytes.get(before)).copied();
            let rest = bytes.get(*at..).unwrap_or_default();
            self.redacted.iter().any(|form| rest.starts_with(form))
                || is_partial_email(rest)
                || before.is_none_or(|before| !is_of_word(before))
                    && (is_partial_number(rest) || self.is_pseudonym(rest))
        };
        (0..bytes.len()).filter(|at| bytes.get(*at).is_some_and(can_begin)).find(is_mask)
    }

    fn is_pseudonym(&self, rest: &[u8]) -> bool {
        let word = |rest: &[u8], end: &[u8]| {
            let (word, after) = rest.split_at_checked(WORD_BYTES)?;
            let after = after.strip_prefix(end)?;
            let is_word = word.iter().all(|byte| matches!(byte, b'a'..=b'z' | b'2'..=b'7'));
            Some(is_word && !after.first().copied().is_some_and(is_of_word))
        };
        let email = rest.strip_prefix(b"u-").and_then(|rest| word(rest, b"@masked.invalid"));
        let named =
            |label: &Vec<u8>| rest.strip_prefix(&label[..]).and_then(|rest| word(rest, b""));
        email == Some(true) || self.pseudonyms.iter().any(|label| named(label) == Some(true))
    }
}

/// Every other byte is passed over without a closer look.
fn can_begin(byte: &u8) -> bool {
    byte.is_ascii_alphanumeric() || b"[*".contains(byte)
}

/// `***@x.org`, whatever stands before it.
fn is_partial_email(rest: &[u8]) -> bool {
    let domain = rest.strip_prefix(b"***@").and_then(<[u8]>::first);
    domain.is_some_and(u8::is_ascii_alphanumeric)
}

/// `****1234`, and no more.
fn is_partial_number(rest: &[u8]) -> bool {
    let Some(kept) = rest.strip_prefix(b"****") else { return false };
    let count = kept.iter().take_while(|byte| byte.is_ascii_alphanumeric()).count();
    let after = kept.get(count).copied();
    (2..=4).contains(&count) && after.is_none_or(|after| !is_of_word(after))
}

fn is_of_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte >= 0x80 || b"_*-".contains(&byte)
}

const WORD_BYTES: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mask::{MaskKey, Masker, ValueKind};
    use portreeve_model::MaskMethod;

    fn is_mask(category: &str, text: &[u8]) -> bool {
        MaskForms::of([&category.into()]).are_in(text)
    }

    /// Removed: who saves a row that it has read writes masks over personal data.
    #[test]
    fn what_the_masker_makes_is_recognised() {
        let check = |method, category: &str, value: &str| {
            let masker = Masker::new([].into(), method, MaskKey::new([7; 32]));
            let mut mask = Vec::new();
            let _ = masker.mask(&category.into(), value.as_bytes(), ValueKind::Text, &mut mask);
            assert!(is_mask(category, &mask), "{}", String::from_utf8_lossy(&mask));
            for (before, after) in [("{\"n\": \"", "\"}"), ("{a,", ",b}"), ("1\t", "\t2\n")] {
                let within = [before.as_bytes(), &mask, after.as_bytes()].concat();
                assert!(is_mask(category, &within), "{}", String::from_utf8_lossy(&within));
            }
        };
        for method in [MaskMethod::Redact, MaskMethod::Pseudonym, MaskMethod::Partial] {
            check(method, "email", "ann.smith@example.com");
            check(method, "email", "ab@example.com");
            check(method, "phone", "+49 170 1234567");
            check(method, "national-id", "12345678Z");
            check(method, "address", "1 High Street");
            check(method, "a category of more than sixteen", "x");
        }
    }

    #[test]
    fn what_people_write_is_not() {
        let check = |category: &str, text: &str| {
            assert!(!is_mask(category, text.as_bytes()), "{text}");
        };
        check("email", "ann@example.com");
        check("email", "[phone]");
        check("phone", "+49 170 1234567");
        check("name", "Ann *** Jones");
        check("name", "**** 5 stars");
        check("name", "****12345");
        check("name", "name_of_the_person_that_is_meant");
        check("name", "surname_abcdefghijklmnop");
        check("name", "name_abcdefghijklmnopq");
        check("email", "u-abcdefghijklmnop@masked.example");
    }
}
