//! Whether a value can be of the category that a name says: values can deny a name.

use super::lists::GENDERS;
use crate::finding::Finding;
use crate::finding::category::Category;

/// Whether a value, in which `found` was found, can be of a category.
pub(crate) fn fits(category: Category, value: &str, found: &[Finding]) -> bool {
    let v = value;
    match category {
        Category::Email => v.contains('@') && v.contains('.'),
        Category::Phone => {
            (5..=20).contains(&digits(v))
                && !v.contains(':')
                && v.chars().filter(|c| c.is_alphabetic()).count() <= 6
                && !is_date(v)
        }
        Category::DateOfBirth => {
            is_date(v)
                || v.parse::<u32>().is_ok_and(|y| (1850..2100).contains(&y))
                || v.parse::<u64>().is_ok_and(|n| n > 19_000_000)
                || v.len() > 7 && digits(v) >= 4 && letters(v)
        }
        Category::Age => {
            v.parse::<f64>().is_ok_and(|n| (0.0..=125.0).contains(&n))
                || digits(v) > 0 && v.len() < 14 && !is_date(v)
        }
        Category::Gender => {
            GENDERS.contains(&v.to_lowercase().as_str())
                || v.len() <= 2
                || v.chars().count() < 16 && letters(v) && !is_flag(v)
        }
        Category::GeoCoordinates => {
            digits(v) > 0
                && (v.parse::<f64>().is_ok_and(|n| n.abs() <= 180.0) || v.contains(['.', ',', '°']))
                && !is_date(v)
        }
        Category::Postcode => {
            let v = v.strip_suffix(".0").unwrap_or(v);
            (2..=10).contains(&v.len()) && digits(v) >= 2 && !v.contains('.') && !is_date(v)
        }
        Category::IpAddress => covers(v, found, category),
        Category::MacAddress => {
            v.len() >= 12 && v.bytes().filter(u8::is_ascii_hexdigit).count() >= 12
        }
        other => fits_words(other, v, found),
    }
}

/// Like [`fits`], for categories of words and identifiers.
fn fits_words(category: Category, v: &str, found: &[Finding]) -> bool {
    match category {
        Category::Url => v.contains('.') && !v.contains(' ') && letters(v),
        Category::PersonName => {
            letters(v)
                && digits(v) == 0
                && !is_flag(v)
                && v.split_whitespace().count() <= 8
                && !v.contains(['@', '_', '/'])
                && !found.iter().any(|f| matches!(f.category, Category::Url | Category::Email))
        }
        Category::Address => {
            v.chars().count() > 2
                && (letters(v) || v.starts_with('#') || digits(v) <= 5)
                && !is_flag(v)
                && !is_date(v)
                && !(v.contains(':') && v.contains("://"))
                && !v.starts_with("0x")
        }
        Category::NationalId
        | Category::TaxId
        | Category::HealthId
        | Category::Passport
        | Category::DriverLicence
        | Category::BankAccount
        | Category::Iban
        | Category::Card
        | Category::DeviceId => digits(v) >= 4 && (5..=40).contains(&v.len()) && !is_date(v),
        Category::VehiclePlate => (4..=12).contains(&v.len()) && digits(v) >= 1,
        Category::Location => letters(v) && !is_flag(v) && v.chars().count() > 1,
        Category::Occupation
        | Category::Organisation
        | Category::Language
        | Category::Title
        | Category::Nationality => letters(v) && !is_flag(v) && digits(v) <= 2,
        Category::MaritalStatus | Category::Ethnicity | Category::Religion => {
            !is_flag(v) || v.len() <= 2
        }
        Category::Username => letters(v) && !v.contains(' ') && !is_flag(v),
        Category::Secret => v.len() >= 3 && !is_flag(v),
        Category::Photo => v.len() > 4 && !is_flag(v),
        _ => !is_date(v),
    }
}

fn letters(value: &str) -> bool {
    value.chars().any(char::is_alphabetic)
}

fn digits(value: &str) -> usize {
    value.bytes().filter(u8::is_ascii_digit).count()
}

/// Whether findings of a category cover most of a value.
pub(super) fn covers(value: &str, found: &[Finding], category: Category) -> bool {
    let length: usize =
        found.iter().filter(|f| f.category == category).map(|f| f.end - f.start).sum();
    length * 10 >= value.len() * 7
}

fn is_flag(value: &str) -> bool {
    const BYTES_MAX: usize = 9;
    value.len() <= BYTES_MAX
        && matches!(
            value.to_ascii_lowercase().as_str(),
            "yes"
                | "no"
                | "true"
                | "false"
                | "y"
                | "n"
                | "t"
                | "confirmed"
                | "active"
                | "inactive"
                | "pending"
                | "unknown"
                | "other"
                | "none"
                | "ja"
                | "nein"
                | "oui"
                | "non"
                | "si"
                | "0"
                | "1"
                | "enabled"
                | "disabled"
                | "open"
                | "closed"
                | "done"
                | "ok"
                | "completed"
                | "approved"
                | "rejected"
        )
}

pub(super) fn is_date(value: &str) -> bool {
    let plain = value
        .bytes()
        .take(10)
        .all(|b| b.is_ascii_digit() || matches!(b, b'-' | b'/' | b'.' | b' '));
    if !plain {
        return false;
    }
    let digits = value.bytes().filter(u8::is_ascii_digit).count();
    // Days have eight digits at most, and moments have colons.
    let long = digits > 8 && !value.contains(':');
    let marks = value.bytes().filter(|b| matches!(b, b'-' | b'/' | b'.')).count();
    let divides = |b: &u8| matches!(b, b'-' | b'/' | b'.' | b' ' | b'T');
    let mut parts = value.as_bytes().split(divides).map(<[u8]>::len);
    let parts = [parts.next(), parts.next(), parts.next()];
    let shape = matches!(
        parts,
        [Some(4), Some(1..=2), Some(1..=2)] | [Some(1..=2), Some(1..=2), Some(2 | 4)]
    );
    !long && digits >= 4 && marks >= 2 && shape
}
