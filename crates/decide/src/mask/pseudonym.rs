//! Keyed pseudonyms as values of a column are written, and one writing for all writings of a value.

use super::family::{Family, push_label};
use portreeve_model::Category;
use portreeve_pseudonym::MaskKey;
use std::borrow::Cow;

/// Appends `email_k7m2…`, or an address under `masked.invalid` for e-mail.
pub(super) fn push_text(
    key: &MaskKey,
    category: &Category,
    family: Family,
    value: &[u8],
    out: &mut Vec<u8>,
) {
    let word = key.word(&category.0, &canonical(family, value));
    if family == Family::Email {
        out.extend_from_slice(b"u-");
        out.extend_from_slice(&word);
        out.extend_from_slice(b"@masked.invalid");
    } else {
        push_label(category, LABEL_CHARS_MAX, out);
        out.push(b'_');
        out.extend_from_slice(&word);
    }
}

/// Appends the word of a pseudonym alone.
pub(super) fn push_word(
    key: &MaskKey,
    category: &Category,
    family: Family,
    value: &[u8],
    out: &mut Vec<u8>,
) {
    out.extend_from_slice(&key.word(&category.0, &canonical(family, value)));
}

/// One writing for all writings of a value: `Ann@X.org` and `ann@x.org` are one address.
pub(super) fn canonical(family: Family, value: &[u8]) -> Cow<'_, [u8]> {
    let Ok(text) = std::str::from_utf8(value) else {
        return Cow::Borrowed(value);
    };
    match family {
        Family::Email => Cow::Owned(text.trim().to_lowercase().into_bytes()),
        Family::Digits | Family::Identifier => {
            let significant = text.chars().filter(|character| !" -./()".contains(*character));
            Cow::Owned(significant.flat_map(char::to_uppercase).collect::<String>().into_bytes())
        }
        Family::Name | Family::Date | Family::Other => Cow::Borrowed(text.trim().as_bytes()),
    }
}

pub(super) const LABEL_CHARS_MAX: usize = 16;
