//! Characters and their classes: what one character may become.

use crate::mask::draws::Draws;

/// Replaces every letter and digit; nothing when there is none.
pub(super) fn plain(draws: &mut Draws<'_>, value: &str) -> Option<String> {
    let out = value.chars().map(|c| other(draws, c)).collect();
    value.chars().any(char::is_alphanumeric).then_some(out)
}

/// Replaces hexadecimal digits by such digits in the case of the value.
pub(super) fn hex(draws: &mut Draws<'_>, value: &str) -> String {
    let upper = value.bytes().any(|byte| byte.is_ascii_uppercase());
    let digits = if upper { b"0123456789ABCDEF" } else { b"0123456789abcdef" };
    let other = |c: char| match c {
        _ if c.is_ascii_hexdigit() => char::from(digits[usize::from(draws.below(16))]),
        _ => c,
    };
    value.chars().map(other).collect()
}

/// Replaces a UUID by one of version 8 (RFC 9562 section 5.8): no generator gives such ones out.
pub(super) fn uuid(draws: &mut Draws<'_>, value: &str) -> String {
    let mut out = hex(draws, value);
    if out.len() == 36 {
        out.replace_range(14..15, "8");
        out.replace_range(19..20, "9");
    }
    out
}

/// A character of the same class, or the character itself if it has none.
pub(super) fn other(draws: &mut Draws<'_>, c: char) -> char {
    let Some((first, count)) = class(c) else { return c };
    let drawn = u32::from(first) + u32::from(draws.below(count));
    char::from_u32(drawn).unwrap_or(first)
}

/// The letters and digits of a value without their case: what two writings have in common.
pub(super) fn skeleton(value: &str) -> impl Iterator<Item = char> + '_ {
    value.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase)
}

/// The first character of a class and how many there are. Letters with marks become letters
/// without: who is called `Zoë` must not stand out.
fn class(c: char) -> Option<(char, u16)> {
    for (from, to, cased) in BLOCKS {
        if (*from..=*to).contains(&c) && c.is_alphanumeric() {
            return Some(match cased {
                Members::Cased(_, upper) if c.is_uppercase() => *upper,
                Members::Cased(lower, _) => *lower,
                Members::All(all) => *all,
            });
        }
    }
    match c {
        // Digits of further scripts come in tens that begin at zero.
        _ if c.is_numeric() => Some(('0', 10)),
        _ if c.is_uppercase() => Some(('A', 26)),
        _ if c.is_alphabetic() => Some(('a', 26)),
        _ => None,
    }
}

enum Members {
    /// The small and the capital letters.
    Cased((char, u16), (char, u16)),
    All((char, u16)),
}

use Members::{All, Cased};

/// Blocks of Unicode, and the members that characters in them are replaced by.
const BLOCKS: &[(char, char, Members)] = &[
    ('0', '9', All(('0', 10))),
    ('A', '\u{24f}', Cased(('a', 26), ('A', 26))),
    ('\u{370}', '\u{3ff}', Cased(('α', 17), ('Α', 17))),
    ('\u{400}', '\u{52f}', Cased(('а', 32), ('А', 32))),
    ('\u{531}', '\u{586}', Cased(('ա', 38), ('Ա', 38))),
    ('\u{5d0}', '\u{5ea}', All(('א', 27))),
    ('\u{660}', '\u{669}', All(('\u{660}', 10))),
    ('\u{6f0}', '\u{6f9}', All(('\u{6f0}', 10))),
    ('\u{620}', '\u{6ff}', All(('\u{628}', 19))),
    ('\u{966}', '\u{96f}', All(('\u{966}', 10))),
    ('\u{904}', '\u{97f}', All(('\u{915}', 37))),
    ('\u{e01}', '\u{e3a}', All(('\u{e01}', 46))),
    ('\u{10d0}', '\u{10ff}', All(('\u{10d0}', 33))),
    ('\u{1e00}', '\u{1eff}', Cased(('a', 26), ('A', 26))),
    ('\u{1f00}', '\u{1fff}', Cased(('α', 17), ('Α', 17))),
    ('\u{3041}', '\u{309f}', All(('\u{3042}', 80))),
    ('\u{30a1}', '\u{30ff}', All(('\u{30a2}', 80))),
    ('\u{3400}', '\u{9fff}', All(('\u{4e00}', 20_900))),
    ('\u{ac00}', '\u{d7a3}', All(('\u{ac00}', 11_172))),
    ('\u{ff10}', '\u{ff19}', All(('\u{ff10}', 10))),
    ('\u{ff21}', '\u{ff5a}', Cased(('\u{ff41}', 26), ('\u{ff21}', 26))),
];
