//! Methods: what takes the place of one value.

use super::canonical::{Family, canonical};
use super::container::Container;
use super::document::mask_document;
use super::kind::ValueKind;
use super::partial::partial;
use super::{numbers, preserve};
use crate::finding::category::Category;
use crate::finding::{Evidence, Finding};
use portreeve_pseudonym::MaskKey;

/// How a value is masked.
#[derive(Clone, Debug)]
pub enum Method {
    /// The category's name in brackets: `[email]`. NULL where the type has no such text.
    Redact,
    /// A little of the value, by category: `a***@example.com`, `****1234`, `A. M.`, the year of
    /// a date. Redacted where nothing may stay.
    Partial,
    /// A keyed pseudonym: `phone_k7m2…`, or an address under `masked.invalid` for e-mail. Equal
    /// values stay equal, in every writing of the value.
    Pseudonym(MaskKey),
    /// Other characters of the same classes, keyed: a digit for a digit, a letter for a letter of
    /// the same script and case, separators kept. Identifiers fail their check digits, addresses
    /// of machines and e-mail are reserved ones, dates are dates. Redacted where a value has
    /// nothing to replace. Equal values stay equal; short values (an IPv4 address, a date, a number
    /// of few digits) have few replacements, so that different ones may become equal too.
    FormatPreserving(MaskKey),
    /// Nothing: NULL, or an empty text where a document has no NULL.
    Null,
}

impl Method {
    /// Gives what takes the place of one value of a category, valid in the value's type; nothing
    /// where NULL is to take it. What comes out for [`ValueKind::Text`] is plain text: a
    /// [`Container`] writes it as its document needs it.
    #[must_use]
    pub fn replace(&self, category: Category, value: &str, kind: ValueKind) -> Option<String> {
        let out = self.replacement(category, value, kind);
        // `health`, found as such, must not come back as `[health]`.
        match out {
            Some(out) if kind == ValueKind::Text && repeats(&out, value) => Some("***".to_owned()),
            out => out,
        }
    }

    fn replacement(&self, category: Category, value: &str, kind: ValueKind) -> Option<String> {
        match self {
            Self::Null => None,
            Self::Redact => redact(category, kind),
            Self::Partial => {
                let kept = match kind {
                    ValueKind::Text => partial(category, value),
                    ValueKind::Date => partial(Category::Date, value).filter(|d| is_day(d)),
                    ValueKind::Timestamp => value.get(..10).and_then(|day| {
                        let year = partial(Category::Date, day).filter(|d| is_day(d))?;
                        preserve::start_of_day(&year, value)
                    }),
                    ValueKind::Integer { .. }
                    | ValueKind::Number
                    | ValueKind::Uuid
                    | ValueKind::Inet
                    | ValueKind::Bool
                    | ValueKind::Json
                    | ValueKind::Other => None,
                };
                kept.or_else(|| redact(category, kind))
            }
            Self::Pseudonym(key) => pseudonym(key, category, value, kind),
            Self::FormatPreserving(key) => preserved(key, category, value, kind),
        }
    }
}

/// Whether a replacement holds the value, of more letters than chance brings together.
fn repeats(out: &str, value: &str) -> bool {
    let value = value.trim().to_lowercase();
    value.chars().count() > 3 && out.to_lowercase().contains(&value)
}

fn is_day(text: &str) -> bool {
    text.len() == 10 && text.as_bytes()[4] == b'-'
}

/// `[category]` where the type can hold it.
fn redact(category: Category, kind: ValueKind) -> Option<String> {
    match kind {
        ValueKind::Text => Some(format!("[{}]", category.name())),
        ValueKind::Json => Some(format!("\"[{}]\"", category.name())),
        ValueKind::Integer { .. }
        | ValueKind::Number
        | ValueKind::Date
        | ValueKind::Timestamp
        | ValueKind::Uuid
        | ValueKind::Inet
        | ValueKind::Bool
        | ValueKind::Other => None,
    }
}

fn pseudonym(key: &MaskKey, category: Category, value: &str, kind: ValueKind) -> Option<String> {
    match kind {
        ValueKind::Text => Some(pseudonym_text(key, category, value)),
        ValueKind::Json => {
            Some(format!("\"{}_{}\"", label(category), word(key, category, value.trim())))
        }
        ValueKind::Uuid => preserve::read_uuid(value)
            .map(|uuid| preserve::write_uuid(key.uuid(category.name(), uuid))),
        // Fewer bytes have too few numbers: two people would become one.
        ValueKind::Integer { bytes: 8 } => {
            value.parse().ok().map(|number| key.integer(category.name(), number).to_string())
        }
        ValueKind::Number if value.len() >= PSEUDONYM_DIGITS_MIN && numbers::zero(value) == "0" => {
            preserve::number(key, category, value)
        }
        ValueKind::Integer { .. }
        | ValueKind::Number
        | ValueKind::Date
        | ValueKind::Timestamp
        | ValueKind::Inet
        | ValueKind::Bool
        | ValueKind::Other => None,
    }
}

fn pseudonym_text(key: &MaskKey, category: Category, value: &str) -> String {
    let word = word(key, category, &canonical(category, value));
    if Family::of(category) == Family::Email {
        return format!("u-{word}@masked.invalid");
    }
    format!("{}_{word}", label(category))
}

fn word(key: &MaskKey, category: Category, canonical: &str) -> String {
    key.word(category.name(), canonical.as_bytes()).map(char::from).iter().collect()
}

fn label(category: Category) -> &'static str {
    let name = category.name();
    name.get(..LABEL_BYTES_MAX).unwrap_or(name)
}

fn preserved(key: &MaskKey, category: Category, value: &str, kind: ValueKind) -> Option<String> {
    match kind {
        ValueKind::Text => preserve::text(key, category, value).or_else(|| redact(category, kind)),
        ValueKind::Integer { bytes } => {
            let widest = match bytes {
                2 => numbers::Class::Int2,
                4 => numbers::Class::Int4,
                _ => numbers::Class::Int8,
            };
            let fits = |number: &String| numbers::class(number) <= widest;
            preserve::number(key, category, value).filter(fits)
        }
        ValueKind::Number => preserve::number(key, category, value),
        ValueKind::Date => preserve::day(key, category, value),
        ValueKind::Timestamp => preserve::moment(key, category, value),
        ValueKind::Uuid => preserve::read_uuid(value)
            .map(|uuid| preserve::write_uuid(key.uuid(category.name(), uuid))),
        ValueKind::Inet => preserve::inet(key, category, value),
        ValueKind::Json => {
            // Every value of the document is of the category.
            let range = 0..value.len();
            let all = Finding::new(range, category, 100, Evidence::Context, "column");
            let method = Method::FormatPreserving(key.clone());
            let mut replace = |_, part: &str, kind| method.replace(category, part, kind);
            let masked = mask_document(value, Container::Json, &[all], &mut replace);
            masked.ok().map(|masked| masked.text.into_owned())
        }
        // One bit cannot be masked by another one.
        ValueKind::Bool | ValueKind::Other => None,
    }
}

const LABEL_BYTES_MAX: usize = 16;
/// Below it, a number has so few others of its length that two people would become one.
const PSEUDONYM_DIGITS_MIN: usize = 10;

#[cfg(test)]
mod tests {
    use super::*;
    use Category as C;
    use ValueKind as K;

    fn key() -> MaskKey {
        MaskKey::new([7; 32])
    }

    #[test]
    fn every_kind_has_an_answer_that_is_valid_in_it() {
        let integer = |bytes| K::Integer { bytes };
        let cases = [
            (K::Text, "eva@example.org"),
            (integer(2), "31000"),
            (integer(4), "2012345678"),
            (integer(8), "9012345678901234567"),
            (K::Number, "52.37021"),
            (K::Date, "1978-05-10"),
            (K::Timestamp, "1978-05-10 08:30:00.25+02"),
            (K::Uuid, "018f3c5e-0000-7000-8000-00000000000a"),
            (K::Inet, "10.1.2.3/8"),
            (K::Inet, "fe80::1"),
            (K::Bool, "true"),
            (K::Json, r#"{"a": ["eva@example.org", 12, null]}"#),
            (K::Other, "{1,2}"),
        ];
        let fits = |kind: K, text: &str| match kind {
            K::Text => !text.is_empty(),
            K::Integer { bytes: 2 } => text.parse::<i16>().is_ok(),
            K::Integer { bytes: 4 } => text.parse::<i32>().is_ok(),
            K::Integer { .. } => text.parse::<i64>().is_ok(),
            K::Number => text.parse::<f64>().is_ok_and(f64::is_finite),
            K::Date => {
                crate::checks::day_month(text[8..10].parse().unwrap(), text[5..7].parse().unwrap())
            }
            K::Timestamp => text.len() >= 19 && &text[10..11] == " ",
            K::Uuid => preserve::read_uuid(text).is_some(),
            K::Inet => text.split('/').next().unwrap().parse::<std::net::IpAddr>().is_ok(),
            K::Json => serde_json::from_str::<serde_json::Value>(text).is_ok(),
            K::Bool | K::Other => false,
        };
        for method in [
            Method::Redact,
            Method::Partial,
            Method::Pseudonym(key()),
            Method::FormatPreserving(key()),
            Method::Null,
        ] {
            for (kind, value) in cases {
                for odd in [value, "", "x", "\u{663}", "infinity", "-1", "0"] {
                    let out = method.replace(C::OtherId, odd, kind);
                    let fine = out.as_ref().is_none_or(|out| fits(kind, out));
                    assert!(fine, "{method:?} {kind:?} {odd:?} gives {out:?}");
                    let kept = out.is_some_and(|out| out == odd);
                    assert!(!kept || odd.len() < 2, "{method:?} {kind:?} {odd:?}");
                }
            }
        }
    }

    #[test]
    fn a_value_that_is_called_like_its_category_does_not_come_back() {
        for method in [Method::Redact, Method::Partial, Method::Pseudonym(key())] {
            let out = method.replace(C::Health, "Health", K::Text).unwrap();
            assert!(!out.to_lowercase().contains("health"), "{out}");
        }
    }

    #[test]
    fn typed_values_are_masked_where_the_type_allows() {
        let preserving = Method::FormatPreserving(key());
        for (kind, value) in [
            (K::Integer { bytes: 4 }, "2012345678"),
            (K::Number, "-52.37021"),
            (K::Date, "1978-05-10"),
            (K::Timestamp, "1978-05-10T08:30:00Z"),
            (K::Inet, "10.1.2.3"),
            (K::Json, "[\"eva\"]"),
        ] {
            let out = preserving.replace(C::OtherId, value, kind).unwrap();
            assert_ne!(out, value);
            assert_eq!(preserving.replace(C::OtherId, value, kind).unwrap(), out);
        }
        let partial = |value, kind| Method::Partial.replace(C::DateOfBirth, value, kind).unwrap();
        assert_eq!(partial("1978-05-10", K::Date), "1978-01-01");
        assert_eq!(partial("1978-05-10 08:30:00+02", K::Timestamp), "1978-01-01 00:00:00+00");
    }

    #[test]
    fn pseudonyms_are_the_same_for_all_writings_and_differ_by_category_and_key() {
        let method = Method::Pseudonym(key());
        let text = |category, value| method.replace(category, value, K::Text).unwrap();
        assert_eq!(text(C::Email, "Ann@X.org"), text(C::Email, "ann@x.ORG"));
        assert_eq!(text(C::Phone, "+49 (171) 12-3"), text(C::Phone, "+4917112 3"));
        assert_eq!(text(C::Iban, "DE89 3704"), text(C::Iban, "de893704"));
        assert_ne!(text(C::NationalId, "123456789"), text(C::TaxId, "123456789"));
        let other = Method::Pseudonym(MaskKey::new([8; 32]));
        assert_ne!(
            other.replace(C::Email, "ann@x.org", K::Text).unwrap(),
            text(C::Email, "ann@x.org")
        );
        assert!(text(C::Email, "ann@x.org").ends_with("@masked.invalid"));
    }
}
