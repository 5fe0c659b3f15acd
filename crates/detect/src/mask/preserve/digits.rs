//! Numbers: bare ones, telephone numbers, coordinates.

use super::{DRAWS_MAX, dates, issued, letters};
use crate::finding::category::Category;
use crate::mask::canonical::canonical;
use crate::mask::draws::Draws;
use crate::mask::numbers::{class, is_number};
use portreeve_pseudonym::MaskKey;

/// Replaces a bare number by one of as many digits and the same type.
pub(in crate::mask) fn number(key: &MaskKey, category: Category, value: &str) -> Option<String> {
    if !is_number(value) || value.contains(['e', 'E']) {
        return None;
    }
    let mut draws = Draws::new(key, category, &canonical(category, value));
    (0..DRAWS_MAX).map(|_| number_of(&mut draws, category, value)).find(|drawn| {
        drawn != value && class(drawn) <= class(value) && !issued::may_be_issued(category, drawn)
    })
}

fn number_of(draws: &mut Draws<'_>, category: Category, value: &str) -> String {
    if matches!(category, Category::DateOfBirth | Category::Date)
        && let Some(date) = dates::compact(draws, value)
    {
        return date;
    }
    let mut out = String::with_capacity(value.len());
    let whole = value.find('.').unwrap_or(value.len());
    let length = whole - usize::from(value.starts_with('-'));
    for (at, c) in value.char_indices() {
        let place = at + length;
        let first = at < whole && place == whole && length > 1;
        out.push(match c {
            // Degrees end at 90 and at 180.
            '0'..='9' if category == Category::GeoCoordinates && at < whole => {
                degree(draws, length, place - whole)
            }
            // Widths of types end in the middle of a length: a one is in all of them.
            '0'..='9' if first && matches!(length, 5 | 10 | 19) => '1',
            '0'..='9' if first => digit(draws, 1, 9),
            '0'..='9' if length == 20 && at < whole && place == whole + 1 => '0',
            '0'..='9' => digit(draws, 0, 9),
            _ => c,
        });
    }
    out
}

/// A digit of the whole degrees of a coordinate that has so many of them, by its place.
fn degree(draws: &mut Draws<'_>, count: usize, place: usize) -> char {
    match (count, place) {
        (3, 0) => '1',
        (3, 1) => digit(draws, 0, 7),
        (2, 0) => digit(draws, 1, 8),
        _ => digit(draws, 0, 9),
    }
}

fn digit(draws: &mut Draws<'_>, least: u16, most: u16) -> char {
    let number = least + draws.below(most + 1 - least);
    char::from_digit(u32::from(number), 10).unwrap_or('0')
}

/// Replaces a pair of coordinates: the first number is a latitude.
pub(super) fn coordinates(draws: &mut Draws<'_>, value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    let mut rest = value;
    while let Some(at) = rest.find(|c: char| c.is_ascii_digit()) {
        let number = &rest[at..];
        let end = number.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(number.len());
        let whole = number[..end].find('.').unwrap_or(end);
        out.push_str(&rest[..at]);
        out.extend(number[..end].char_indices().map(|(place, c)| match c {
            '.' => '.',
            _ if place < whole => degree(draws, whole, place),
            _ => digit(draws, 0, 9),
        }));
        rest = &number[end..];
    }
    out + rest
}

/// Replaces a telephone number: its country and its trunk zero stay, so that it can be read as
/// one. A North American number gets an exchange that cannot exist; other plans have no such
/// range, so that somebody may have the number.
pub(super) fn phone(draws: &mut Draws<'_>, value: &str) -> String {
    let digits: Vec<u8> = value.bytes().filter(u8::is_ascii_digit).collect();
    let plus = value.trim_start_matches(['(', ' ']).starts_with('+');
    let prefix = match (plus, digits.as_slice()) {
        (true, digits) => country_code(digits),
        (false, [b'0', b'0', digits @ ..]) => 2 + country_code(digits),
        (false, [b'0', ..]) => 1,
        (false, [b'1', digits @ ..]) => usize::from(digits.len() == 10),
        (false, _) => 0,
    };
    let code = digits.get(..prefix).unwrap_or_default();
    let american = match code {
        [] => groups(value).starts_with(&[3, 3, 4]),
        _ => matches!(code, [b'1'] | [b'0', b'0', b'1']),
    };
    let mut kept = prefix;
    let mut seen = 0;
    let mut out = String::with_capacity(value.len());
    for (at, c) in value.char_indices() {
        if !c.is_ascii_digit() {
            out.push(if is_mark(value, at, c) { c } else { letters::other(draws, c) });
            continue;
        }
        // `(0)` is dialled within the country only.
        if seen == kept && value[..at].ends_with('(') && value[at..].starts_with("0)") {
            kept += 1;
        }
        out.push(match seen.checked_sub(kept) {
            None => c,
            Some(0) => digit(draws, 2, 9),
            Some(3) if american => digit(draws, 0, 1),
            Some(_) => digit(draws, 0, 9),
        });
        seen += 1;
    }
    out
}

/// Whether a character belongs to the writing: a separator, or the `x` before an extension.
fn is_mark(value: &str, at: usize, c: char) -> bool {
    let word = |end: &str| value[at..].starts_with(end);
    let extension = matches!(c, 'x' | 'e' | 't') && (word("x") || word("ext") || word("t"));
    !c.is_alphanumeric() || extension && value[..at].contains(|c: char| c.is_ascii_digit())
}

/// The lengths of a number's blocks of digits.
fn groups(value: &str) -> Vec<usize> {
    let blocks = value.split(|c: char| !c.is_ascii_digit());
    blocks.map(str::len).filter(|length| *length > 0).collect()
}

/// How many digits the country code has (ITU-T E.164, annex D).
fn country_code(digits: &[u8]) -> usize {
    match digits {
        [b'1' | b'7', ..] => 1,
        [b'2', b'0' | b'7', ..]
        | [b'3', b'0'..=b'4' | b'6' | b'9', ..]
        | [b'4', b'0' | b'1' | b'3'..=b'9', ..]
        | [b'5', b'1'..=b'8', ..]
        | [b'6', b'0'..=b'6', ..]
        | [b'8', b'1' | b'2' | b'4' | b'6', ..]
        | [b'9', b'0'..=b'5' | b'8', ..] => 2,
        _ => digits.len().min(3),
    }
}
