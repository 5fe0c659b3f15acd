//! Whether a number could be somebody's: then it must not be given out as a replacement.

use crate::checks::rules::RULES;
use crate::checks::{luhn, mod97};
use crate::finding::category::Category;

/// Schemes with neither check digits nor a range that is never given out: every number of that
/// length may be somebody's, so that nothing can be said about it.
const ALL_GIVEN_OUT: [&str; 6] =
    ["passport", "mt-id", "mt-id-card", "pk-cnic", "kr-driver", "ph-umid"];

/// Whether an identifier passes a check that numbers in use pass. Every scheme of that length is
/// asked, for a document does not say whose numbers it holds.
pub(super) fn may_be_issued(category: Category, value: &str) -> bool {
    let is_identifier = matches!(
        category,
        Category::NationalId
            | Category::TaxId
            | Category::HealthId
            | Category::OtherId
            | Category::DriverLicence
            | Category::Passport
            | Category::BankAccount
            | Category::Iban
            | Category::Card
            | Category::DeviceId
    );
    if !is_identifier {
        return false;
    }
    let (whole, compact) = (plain(value, true), plain(value, false));
    let numeric = !compact.is_empty() && compact.iter().all(u8::is_ascii_digit);
    let passes = match category {
        Category::Card | Category::DeviceId => numeric && luhn(&compact),
        Category::Iban => {
            compact.len() > 4 && mod97(compact[4..].iter().chain(&compact[..4]).copied()) == Some(1)
        }
        _ => false,
    };
    passes
        || RULES.iter().filter(|rule| !ALL_GIVEN_OUT.contains(&rule.name)).any(|rule| {
            // The sign before the last four tells the century there.
            let value = if rule.name == "fi-hetu" { &whole } else { &compact };
            (rule.length.0..=rule.length.1).contains(&value.len())
                && (numeric || !rule.numeric)
                && (rule.check)(value)
        })
}

/// Letters and digits in ASCII, in capitals, with or without hyphens.
fn plain(value: &str, hyphens: bool) -> Vec<u8> {
    let folded = value.chars().map(|c| match c {
        '\u{ff10}'..='\u{ff5a}' => char::from_u32(u32::from(c) - 0xfee0).unwrap_or(c),
        _ => c,
    });
    let wanted = folded.filter(|c| c.is_ascii_alphanumeric() || hyphens && *c == '-');
    wanted.filter_map(|c| u8::try_from(c.to_ascii_uppercase()).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_in_use_are_known() {
        let check = |category, value: &str, expect| {
            assert_eq!(may_be_issued(category, value), expect, "{value}");
        };
        check(Category::Card, "4111 1111 1111 1111", true);
        check(Category::Card, "0000 0000 0000 0018", true);
        check(Category::Card, "４１１１ １１１１ １１１１ １１１１", true);
        check(Category::Card, "4111 1111 1111 1112", false);
        check(Category::NationalId, "514-69-0360", true);
        check(Category::NationalId, "131052-308T", true);
        check(Category::NationalId, "12345", false);
        check(Category::Iban, "DE89 3704 0044 0532 0130 00", true);
        check(Category::Username, "4111111111111111", false);
    }
}
