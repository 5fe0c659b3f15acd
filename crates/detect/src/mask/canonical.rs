//! Formats that categories share, and one writing for all writings of a value.

use crate::finding::category::Category;
use std::borrow::Cow;

/// A format that a category's values have: which part of them may be kept, which of their
/// characters mean something.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
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

impl Family {
    pub(super) fn of(category: Category) -> Self {
        use Category as C;
        match category {
            C::Email => Self::Email,
            C::Phone | C::Card => Self::Digits,
            C::NationalId | C::TaxId | C::Passport | C::DriverLicence | C::VehiclePlate => {
                Self::Identifier
            }
            C::HealthId | C::BankAccount | C::Iban | C::OtherId | C::DeviceId => Self::Identifier,
            C::PersonName => Self::Name,
            C::DateOfBirth | C::Date => Self::Date,
            C::Address | C::Postcode | C::Location | C::GeoCoordinates | C::Age | C::Gender => {
                Self::Other
            }
            C::MaritalStatus | C::Nationality | C::Occupation | C::Title | C::Photo => Self::Other,
            C::Language | C::Username | C::CryptoAddress | C::IpAddress | C::MacAddress => {
                Self::Other
            }
            C::Url | C::Organisation | C::Secret | C::Health | C::Religion | C::Politics => {
                Self::Other
            }
            C::TradeUnion | C::Ethnicity | C::Orientation | C::Genetic | C::Biometric => {
                Self::Other
            }
            C::Criminal => Self::Other,
        }
    }
}

/// One writing for all writings of a value: `Ann@X.org` and `ann@x.org` are one address,
/// `DE89 3704…` and `de893704…` one account.
pub(super) fn canonical(category: Category, value: &str) -> Cow<'_, str> {
    let value = value.trim();
    match Family::of(category) {
        Family::Email => {
            Cow::Owned(value.chars().filter_map(folded).collect::<String>().to_lowercase())
        }
        Family::Digits | Family::Identifier => {
            let significant = value.chars().filter_map(folded).filter(|c| !" -./()".contains(*c));
            Cow::Owned(significant.flat_map(char::to_uppercase).collect())
        }
        // A line break within a name is no other name.
        Family::Name => Cow::Owned(value.split_whitespace().collect::<Vec<_>>().join(" ")),
        Family::Date => Cow::Borrowed(value),
        Family::Other if category == Category::IpAddress => value
            .parse::<std::net::IpAddr>()
            .map_or(Cow::Borrowed(value), |address| Cow::Owned(address.to_string())),
        Family::Other if category == Category::MacAddress => {
            let digits = value.chars().filter(char::is_ascii_alphanumeric);
            Cow::Owned(digits.map(|c| c.to_ascii_lowercase()).collect())
        }
        Family::Other => Cow::Borrowed(value),
    }
}

/// A character in its plain form: full width and odd spaces and dashes are writing only.
fn folded(c: char) -> Option<char> {
    match c {
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(c) - 0xfee0),
        '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}' => None,
        '\u{2010}'..='\u{2015}' | '\u{2212}' => Some('-'),
        _ if c.is_whitespace() => Some(' '),
        _ => Some(c),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writings_of_one_value_are_one() {
        let check = |category, value: &str, expect: &str| {
            assert_eq!(canonical(category, value), expect, "{value}");
        };
        check(Category::Email, " Ann@X.org", "ann@x.org");
        check(Category::Email, "ａnn@x.org", "ann@x.org");
        check(Category::Iban, "de89 3704\u{a0}0044", "DE8937040044");
        check(Category::Phone, "+49 (171) 12–3", "+49171123");
        check(Category::PersonName, "Eva\n Muster", "Eva Muster");
        check(Category::IpAddress, "2001:DB8:0::1", "2001:db8::1");
        check(Category::MacAddress, "00-1B-44-11-3A-B7", "001b44113ab7");
        check(Category::Username, "Eva", "Eva");
    }
}
