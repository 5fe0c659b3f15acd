//! Categories that share a format, known by their names.
//!
//! A category is free text of the configuration. Its name says which part of a value may
//! be kept and how a pseudonym must look; a name that is not known keeps nothing.

use portreeve_model::Category;

/// A format that a category's values have.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) enum Family {
    Email,
    /// Telephone numbers and card numbers: digits with separators.
    Digits,
    /// Account numbers, identity numbers: letters and digits, digits mostly.
    Identifier,
    Name,
    Date,
    Other,
}

const NAMES: [(&str, Family); 39] = [
    ("email", Family::Email),
    ("e-mail", Family::Email),
    ("mail", Family::Email),
    ("email-address", Family::Email),
    ("phone", Family::Digits),
    ("phone-number", Family::Digits),
    ("telephone", Family::Digits),
    ("mobile", Family::Digits),
    ("fax", Family::Digits),
    ("card", Family::Digits),
    ("card-number", Family::Digits),
    ("credit-card", Family::Digits),
    ("payment-card", Family::Digits),
    ("pan", Family::Digits),
    ("iban", Family::Identifier),
    ("bank-account", Family::Identifier),
    ("account-number", Family::Identifier),
    ("national-id", Family::Identifier),
    ("ssn", Family::Identifier),
    ("social-security-number", Family::Identifier),
    ("tax-id", Family::Identifier),
    ("passport", Family::Identifier),
    ("id-card", Family::Identifier),
    ("driving-licence", Family::Identifier),
    ("driving-license", Family::Identifier),
    ("insurance-number", Family::Identifier),
    ("name", Family::Name),
    ("person", Family::Name),
    ("person-name", Family::Name),
    ("full-name", Family::Name),
    ("first-name", Family::Name),
    ("last-name", Family::Name),
    ("given-name", Family::Name),
    ("surname", Family::Name),
    ("date", Family::Date),
    ("birth-date", Family::Date),
    ("date-of-birth", Family::Date),
    ("birthday", Family::Date),
    ("dob", Family::Date),
];

impl Family {
    pub(super) fn of(category: &Category) -> Self {
        let same = |(name, _): &&(&str, Self)| same_name(name, &category.0);
        NAMES.iter().find(same).map_or(Self::Other, |(_, family)| *family)
    }
}

/// Names are equal whatever their case, and `_` or a space may stand for `-`.
fn same_name(known: &str, name: &str) -> bool {
    let plain = |byte: u8| {
        if b"_ ".contains(&byte) { b'-' } else { byte.to_ascii_lowercase() }
    };
    known.len() == name.len() && known.bytes().eq(name.bytes().map(plain))
}

/// Appends the category's name as text that is safe in every format: lower-case letters,
/// digits and hyphens.
pub(super) fn push_label(category: &Category, chars_max: usize, out: &mut Vec<u8>) {
    let plain = |character: char| match character {
        'a'..='z' | '0'..='9' => u8::try_from(character).unwrap_or(b'-'),
        'A'..='Z' => u8::try_from(character.to_ascii_lowercase()).unwrap_or(b'-'),
        _ => b'-',
    };
    out.extend(category.0.chars().take(chars_max).map(plain));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_find_their_family() {
        let check = |name: &str, expect| assert_eq!(Family::of(&name.into()), expect, "{name}");
        check("email", Family::Email);
        check("E_Mail", Family::Email);
        check("Credit card", Family::Digits);
        check("national-id", Family::Identifier);
        check("date_of_birth", Family::Date);
        check("health", Family::Other);
        check("", Family::Other);
    }

    #[test]
    fn labels_are_plain() {
        let check = |name: &str, expect: &str| {
            let mut out = Vec::new();
            push_label(&name.into(), 8, &mut out);
            assert_eq!(String::from_utf8(out).unwrap(), expect);
        };
        check("email", "email");
        check("A\"b\\\n", "a-b--");
        check("Gesundheitsdaten", "gesundhe");
        check("größe", "gr--e");
    }
}
