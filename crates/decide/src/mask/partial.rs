//! Partial masking: the little that may stay, by the format of the value.
//!
//! Each function appends the masked text and says so, or appends nothing when the value
//! has not the format that it would need: then it is redacted as a whole. Kept is never
//! more than a third of the characters, but for the domain of an e-mail address and the
//! year of a date.

use super::family::Family;
use super::kind::Form;
use super::moment::push_year_of_day;

/// Appends what may stay of a text; false if nothing may.
pub(super) fn push_text(family: Family, value: &[u8], out: &mut Vec<u8>) -> bool {
    let Ok(text) = std::str::from_utf8(value) else {
        return false;
    };
    match family {
        Family::Email => push_email(text, out),
        Family::Digits => push_last(text, |byte| byte.is_ascii_digit(), out),
        Family::Identifier => push_last(text, |byte| byte.is_ascii_alphanumeric(), out),
        Family::Name => push_initials(text, out),
        Family::Date => push_year_of_day(value, Form::Text, out),
        Family::Other => false,
    }
}

/// `ann.jones@example.com` → `a***@example.com`.
fn push_email(text: &str, out: &mut Vec<u8>) -> bool {
    let Some((local, domain)) = text.trim().split_once('@') else {
        return false;
    };
    let in_domain = |byte: u8| byte.is_ascii_alphanumeric() || b".-".contains(&byte);
    let domain_fits = domain.contains('.')
        && domain.len() <= DOMAIN_BYTES_MAX
        && domain.bytes().all(in_domain)
        && !domain.starts_with(['.', '-'])
        && !domain.ends_with(['.', '-']);
    if local.is_empty() || local.contains(char::is_whitespace) || !domain_fits {
        return false;
    }
    // A local part of one or two characters would be shown by a third or more.
    if let Some(first) = local.chars().next().filter(|_| local.chars().nth(2).is_some()) {
        push_char(first, out);
    }
    out.extend_from_slice(b"***@");
    // `jones@jones.example`: the domain says what the star hides.
    if repeats(local, domain) {
        out.extend_from_slice(b"masked.invalid");
    } else {
        out.extend_from_slice(domain.as_bytes());
    }
    true
}

/// Whether a domain holds four letters or digits that the local part holds in a row.
fn repeats(local: &str, domain: &str) -> bool {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric();
    let same = |(left, right): (&u8, &u8)| plain(left) && left.eq_ignore_ascii_case(right);
    let alike = |left: &[u8], right: &[u8]| left.iter().zip(right).all(same);
    let local = local.as_bytes();
    local.windows(4).any(|part| domain.as_bytes().windows(4).any(|other| alike(part, other)))
}

/// `4111 1111 1111 1234` → `****1234`: up to four of the last significant characters.
fn push_last(text: &str, significant: fn(u8) -> bool, out: &mut Vec<u8>) -> bool {
    let separator = |byte: u8| b" -./()+".contains(&byte);
    let bytes = text.as_bytes();
    let count = bytes.iter().filter(|byte| significant(**byte)).count();
    let digits = bytes.iter().filter(|byte| byte.is_ascii_digit()).count();
    let fits = bytes.iter().all(|byte| significant(*byte) || separator(*byte));
    // Mostly digits, and of a number's length: anything else may be words.
    if !fits || digits * 2 < count || !(SIGNIFICANT_MIN..=SIGNIFICANT_MAX).contains(&count) {
        return false;
    }
    let kept = (count / 3).min(4);
    out.extend_from_slice(b"****");
    let last = bytes.iter().filter(|byte| significant(**byte)).skip(count - kept);
    out.extend(last);
    true
}

/// `Ann Mary Jones` → `A. M. J.`
fn push_initials(text: &str, out: &mut Vec<u8>) -> bool {
    let words = || text.split_whitespace();
    let count = words().take(NAME_WORDS_MAX + 1).count();
    let letters = text.chars().filter(|character| character.is_alphabetic()).count();
    let in_name = |character: char| character.is_alphabetic() || "-'’.".contains(character);
    // A script without upper and lower case often writes a whole name part in one sign.
    let cased = |word: &str| {
        let first = word.chars().next();
        first.is_some_and(|first| first.is_uppercase() || first.is_lowercase())
    };
    let fits = words().all(|word| cased(word) && word.chars().all(in_name));
    if count == 0 || count > NAME_WORDS_MAX || letters < count * 3 || !fits {
        return false;
    }
    for (index, first) in words().filter_map(|word| word.chars().next()).enumerate() {
        if index > 0 {
            out.push(b' ');
        }
        push_char(first, out);
        out.push(b'.');
    }
    true
}

fn push_char(character: char, out: &mut Vec<u8>) {
    out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
}

const DOMAIN_BYTES_MAX: usize = 253;
const NAME_WORDS_MAX: usize = 4;
const SIGNIFICANT_MIN: usize = 8;
const SIGNIFICANT_MAX: usize = 34;
