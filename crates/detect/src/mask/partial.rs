//! Partial masking: the little that may stay, by the format of the value.
//!
//! Nothing is given when the value has not the format that it would need: then it is redacted as
//! a whole. Kept is never more than a third of the characters, but for the domain of an e-mail
//! address and the year of a date.

use super::canonical::Family;
use crate::finding::category::Category;

/// What may stay of a text, if anything.
pub(super) fn partial(category: Category, value: &str) -> Option<String> {
    match Family::of(category) {
        Family::Email => email(value),
        Family::Digits => last(value, |c| c.is_ascii_digit()),
        Family::Identifier => last(value, |c| c.is_ascii_alphanumeric()),
        Family::Name => initials(value),
        Family::Date => year(value),
        Family::Other => None,
    }
}

/// `ann.jones@example.com` → `a***@example.com`.
fn email(value: &str) -> Option<String> {
    let (local, domain) = value.trim().split_once('@')?;
    let fits = domain.contains('.')
        && domain.len() <= DOMAIN_BYTES_MAX
        && domain.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-".contains(&byte))
        && !domain.starts_with(['.', '-'])
        && !domain.ends_with(['.', '-']);
    if local.is_empty() || local.contains(char::is_whitespace) || !fits {
        return None;
    }
    // A local part of one or two characters would be shown by a third or more.
    let first =
        local.chars().next().filter(|c| c.is_alphanumeric() && local.chars().nth(2).is_some());
    // `jones@jones.example`: the domain says what the star hides.
    let domain = if repeats(local, domain) { "masked.invalid" } else { domain };
    Some(first.into_iter().chain("***@".chars()).chain(domain.chars()).collect())
}

/// Whether a domain holds four letters or digits that the local part holds in a row.
fn repeats(local: &str, domain: &str) -> bool {
    let same = |(left, right): (&u8, &u8)| {
        left.is_ascii_alphanumeric() && left.eq_ignore_ascii_case(right)
    };
    let alike = |left: &[u8], right: &[u8]| left.iter().zip(right).all(same);
    let domain = domain.as_bytes();
    local.as_bytes().windows(4).any(|part| domain.windows(4).any(|other| alike(part, other)))
}

/// `4111 1111 1111 1234` → `****1234`: up to four of the last significant characters.
fn last(value: &str, significant: fn(char) -> bool) -> Option<String> {
    let count = value.chars().filter(|c| significant(*c)).count();
    let digits = value.chars().filter(char::is_ascii_digit).count();
    let fits = value.chars().all(|c| significant(c) || " -./()+\u{a0}\u{202f}".contains(c));
    // Mostly digits, and of a number's length: anything else may be words.
    if !fits || digits * 2 < count || !(SIGNIFICANT_MIN..=SIGNIFICANT_MAX).contains(&count) {
        return None;
    }
    let kept = value.chars().filter(|c| significant(*c)).skip(count - (count / 3).min(4));
    Some("****".chars().chain(kept).collect())
}

/// `Ann Mary Jones` → `A. M. J.`
fn initials(value: &str) -> Option<String> {
    let words = || value.split_whitespace();
    let letters = value.chars().filter(|c| c.is_alphabetic()).count();
    // A script without upper and lower case often writes a whole name part in one sign.
    let cased = |word: &str| word.starts_with(|c: char| c.is_uppercase() || c.is_lowercase());
    let in_name = |c: char| c.is_alphabetic() || "-'’.".contains(c);
    let fits = words().all(|word| cased(word) && word.chars().all(in_name));
    let count = words().count();
    if count == 0 || count > NAME_WORDS_MAX || letters < count * 3 || !fits {
        return None;
    }
    let initials = words().filter_map(|word| word.chars().next());
    Some(initials.map(|c| format!("{c}.")).collect::<Vec<_>>().join(" "))
}

/// The first of January in the value's own writing: `1984-05-17` → `1984-01-01`, `17.5.1984` →
/// `01.1.1984`, and `1984` alone for a date in words.
fn year(value: &str) -> Option<String> {
    let runs: Vec<&str> =
        value.split(|c: char| !c.is_ascii_digit()).filter(|run| !run.is_empty()).collect();
    let mut years = runs.iter().filter(|run| run.len() == 4 && **run != "0000");
    let (year, None) = (years.next()?, years.next()) else { return None };
    let numeric = value.chars().all(|c| c.is_ascii_digit() || "-./ ".contains(c));
    if runs.len() != 3 || !numeric || runs.iter().any(|run| run.len() > 2 && run != year) {
        return Some((*year).to_owned());
    }
    let mut out = String::with_capacity(value.len());
    let mut rest = value;
    for run in &runs {
        let at = rest.find(run)?;
        out.push_str(&rest[..at]);
        out.push_str(match run.len() {
            4 => run,
            2 => "01",
            _ => "1",
        });
        rest = &rest[at + run.len()..];
    }
    out.push_str(rest);
    Some(out)
}

const DOMAIN_BYTES_MAX: usize = 253;
const NAME_WORDS_MAX: usize = 4;
const SIGNIFICANT_MIN: usize = 8;
const SIGNIFICANT_MAX: usize = 34;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_little_stays() {
        let check = |category, value: &str, expect: Option<&str>| {
            assert_eq!(partial(category, value).as_deref(), expect, "{value}");
        };
        check(Category::Email, "ann.jones@example.com", Some("a***@example.com"));
        check(Category::Email, "al@example.com", Some("***@example.com"));
        check(Category::Email, "jones@jones.example", Some("j***@masked.invalid"));
        check(Category::Email, "eva%40example.org", None);
        check(Category::Card, "4111 1111 1111 1234", Some("****1234"));
        check(Category::Phone, "+49 (0)171 123-45 67", Some("****4567"));
        check(Category::NationalId, "12345678Z", Some("****78Z"));
        check(Category::Iban, "DE89 3704 0044 0532 0130 00", Some("****3000"));
        check(Category::PersonName, "Ann Mary Jones", Some("A. M. J."));
        check(Category::PersonName, "李 明", None);
        check(Category::PersonName, "Al", None);
        check(Category::DateOfBirth, "1984-05-17", Some("1984-01-01"));
        check(Category::DateOfBirth, "17.5.1984", Some("01.1.1984"));
        check(Category::DateOfBirth, "17 May 1984", Some("1984"));
        check(Category::DateOfBirth, "17/05/84", None);
        check(Category::Health, "diabetes", None);
    }
}
