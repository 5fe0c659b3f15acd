//! Values that are spelled out: `(at)` for `@`, signs between characters or blocks, line breaks
//! and tags inside.

use super::mapped::Mapped;
use crate::text::bytes::{find_digit, is_letter};
use crate::text::traits::Traits;

/// The text with `(at)`, `[dot]` and spaced-out characters undone.
pub(super) fn spelled(text: &str, traits: &Traits) -> Option<Mapped> {
    let bytes = text.as_bytes();
    let signs = has_signs(bytes, traits);
    let spaced = has_spaced(bytes, traits);
    if !signs && !spaced {
        return None;
    }
    let mut out: Option<Mapped> = None;
    let mut at = 0;
    while at < bytes.len() {
        if signs
            && matches!(bytes[at], b' ' | b'(' | b'[' | b'{' | b'<')
            && let Some((c, length)) = sign(&text[at..])
        {
            out.get_or_insert_default().put(text, c, at, at + length);
            at += length;
            continue;
        }
        let free = at == 0 || !is_letter(bytes[at - 1]);
        if spaced
            && free
            && let Some((end, sign)) = single_run(bytes, at)
        {
            let out = out.get_or_insert_default();
            for place in (at..end).filter(|i| bytes[*i] == sign) {
                out.skip(text, place, place + 1);
            }
            at = end;
            continue;
        }
        if spaced
            && free
            && let Some(end) = spaced_run(bytes, at)
        {
            let out = out.get_or_insert_default();
            for (place, byte) in (at + 1..end).zip(&bytes[at + 1..end]) {
                if is_piece(*byte) {
                    out.put(text, char::from(*byte), place, place + 1);
                } else {
                    out.skip(text, place, place + 1);
                }
            }
            at = end;
            continue;
        }
        at += 1;
    }
    Some(out?.finish(text))
}

/// Whether a spelled-out sign may be in the text.
fn has_signs(bytes: &[u8], traits: &Traits) -> bool {
    let bracketed = || {
        memchr::memchr3_iter(b'(', b'[', b'{', bytes).any(|i| {
            let rest = bytes[i + 1..].strip_prefix(b" ").unwrap_or(&bytes[i + 1..]);
            let length = match rest {
                [b'@' | b'.', ..] => 1,
                [b'a' | b'A', b't' | b'T', ..] => 2,
                [b'd' | b'D', b'o' | b'O', b't' | b'T', ..] => 3,
                [b'p', b'u', b'n', b'k', b't', ..] => 5,
                _ => return false,
            };
            matches!(rest[length..], [b')' | b']' | b'}', ..] | [b' ', b')' | b']' | b'}', ..])
        })
    };
    let dot = |at: usize| {
        let around = || at.checked_sub(1).and_then(|before| bytes.get(before..at + 4));
        bytes[at] | 0x20 == b'd' && matches!(around(), Some(b" dot " | b" DOT "))
    };
    traits.bracket && bracketed()
        || traits.words.any_three(dot)
        || traits.at && memchr::memmem::find(bytes, b" @ ").is_some()
}

/// A spelled-out `@` or point at the beginning, with the white space around it.
fn sign(text: &str) -> Option<(char, usize)> {
    let trimmed = text.trim_start_matches(' ');
    let lead = text.len() - trimmed.len();
    if lead > 2 {
        return None;
    }
    let forms: [(&str, char, bool); 24] = [
        ("(at)", '@', false),
        ("[at]", '@', false),
        ("{at}", '@', false),
        ("(AT)", '@', false),
        ("[AT]", '@', false),
        ("<at>", '@', false),
        ("(@)", '@', false),
        ("[@]", '@', false),
        ("at ", '@', true),
        ("AT ", '@', true),
        ("( at )", '@', false),
        ("[ at ]", '@', false),
        ("(dot)", '.', false),
        ("[dot]", '.', false),
        ("{dot}", '.', false),
        ("(DOT)", '.', false),
        ("[DOT]", '.', false),
        ("[.]", '.', false),
        ("(.)", '.', false),
        ("dot ", '.', true),
        ("DOT ", '.', true),
        ("[punkt]", '.', false),
        ("(punkt)", '.', false),
        ("@ ", '@', true),
    ];
    for (form, c, bare) in forms {
        if let Some(rest) = trimmed.strip_prefix(form) {
            if bare {
                // A bare word counts only where a bare or bracketed `dot` follows soon.
                let near: String = rest.chars().take(40).collect();
                let dotted = c == '.'
                    || ["dot", "DOT", "[.]", "(.)"].iter().any(|d| near.contains(d))
                    || form == "@ " && near.contains('.');
                let one_word = rest.split(' ').next().is_some_and(|w| w.len() > 1);
                if lead == 0 || !dotted || !one_word {
                    continue;
                }
            }
            let tail = rest.len() - rest.trim_start_matches(' ').len();
            return Some((c, lead + form.len() + tail.min(2)));
        }
    }
    None
}

fn is_piece(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'@' | b'+')
}

const BETWEEN: u8 = 1;
const ALNUM: u8 = 2;

/// Signs that may stand between the characters or blocks of a spelled-out value, and letters.
const CLASSES: [u8; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = match byte as u8 {
            b' ' | b'-' | b'.' | b'_' | b'*' | b'|' | b'/' | b',' | b':' | b'~' | b'#' | b';'
            | b'\n' | b'\t' | b'+' => BETWEEN,
            b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' => ALNUM,
            _ => 0,
        };
        byte += 1;
    }
    table
};

fn is_between(byte: u8) -> bool {
    CLASSES[usize::from(byte)] == BETWEEN
}

/// Whether single characters stand alone in a row somewhere, or blocks of digits with odd signs
/// between them.
fn has_spaced(bytes: &[u8], traits: &Traits) -> bool {
    traits.words.any_loose(|at| is_row(bytes, at)) || traits.digits >= 12 && has_odd_blocks(bytes)
}

/// Whether the character at `at` is one of seven or more that stand alone in a row.
fn is_row(bytes: &[u8], at: usize) -> bool {
    let (front, rest) = (&bytes[..at], &bytes[at + 1..]);
    let sign = |byte: Option<&u8>| byte.copied().filter(|b| is_between(*b));
    let strict = match sign(rest.first()).or(sign(front.last())) {
        Some(sign) => alternating(front.iter().rev(), sign) + alternating(rest.iter(), sign),
        None => 0,
    };
    strict + 1 >= ROW_MIN || loose(front.iter().rev()) + loose(rest.iter()) + 1 >= ROW_MIN
}

/// Fewest single characters in a row that are put together.
const ROW_MIN: usize = 7;

/// How many single characters follow, each behind the same sign.
fn alternating<'a>(mut bytes: impl Iterator<Item = &'a u8>, sign: u8) -> usize {
    let mut count = 0;
    while count < ROW_MIN
        && bytes.next() == Some(&sign)
        && bytes.next().is_some_and(|b| b.is_ascii_graphic() && *b != sign)
    {
        count += 1;
    }
    count
}

/// How many single characters follow, each behind one sign to three.
fn loose<'a>(bytes: impl Iterator<Item = &'a u8>) -> usize {
    let (mut count, mut signs) = (0, 0);
    for byte in bytes.take(4 * ROW_MIN) {
        if is_between(*byte) {
            signs += 1;
        } else if (1..=3).contains(&signs) && byte.is_ascii_graphic() {
            count += 1;
            signs = 0;
        } else {
            break;
        }
    }
    count
}

/// Whether two blocks of four digits or more have the same odd sign before and behind the second.
fn has_odd_blocks(bytes: &[u8]) -> bool {
    let mut at = 0;
    while let Some(start) = find_digit(bytes, at) {
        let end = start + bytes[start..].iter().take_while(|b| b.is_ascii_digit()).count();
        at = end;
        let [sign, next, ..] = bytes[end..] else { return false };
        if end - start < 4 || !is_odd(sign, next) {
            continue;
        }
        let width = bytes[end..].iter().take(3).take_while(|b| is_between(**b)).count();
        let block = bytes[end + width..].iter().take(7).take_while(|b| b.is_ascii_digit()).count();
        if (4..7).contains(&block) && bytes.get(end + width + block) == Some(&sign) {
            return true;
        }
    }
    false
}

fn is_odd(byte: u8, next: u8) -> bool {
    match byte {
        b'_' | b'|' | b'*' | b'/' | b'\n' | b'~' | b',' | b'.' => true,
        b' ' => matches!(next, b' ' | b'-'),
        _ => false,
    }
}

/// The end of a run of single characters with one sign each that begins at `at`, and the sign.
fn single_run(bytes: &[u8], at: usize) -> Option<(usize, u8)> {
    let sign = *bytes.get(at + 1).filter(|b| is_between(**b))?;
    let piece = |i: usize| {
        bytes.get(i).is_some_and(|b| b.is_ascii_graphic() && *b != sign)
            && bytes.get(i + 1).is_none_or(|b| *b == sign || !b.is_ascii_alphanumeric())
    };
    let mut end = at;
    let mut pieces = 0;
    while piece(end) && pieces < 80 {
        pieces += 1;
        if bytes.get(end + 1) != Some(&sign) || !piece(end + 2) {
            return (pieces >= ROW_MIN).then_some((end + 1, sign));
        }
        end += 2;
    }
    None
}

/// The text without line breaks inside values and without tags of HTML that shape nothing.
pub(super) fn rejoined(text: &str, traits: &Traits) -> Option<Mapped> {
    if !traits.lines {
        return None;
    }
    let bytes = text.as_bytes();
    let wrapped = traits.digits >= 6 && memchr::memchr(b'\n', bytes).is_some();
    let tagged = memchr::memchr(b'<', bytes).is_some();
    if !wrapped && !tagged {
        return None;
    }
    let mut out: Option<Mapped> = None;
    let mut done = 0;
    for at in memchr::memchr3_iter(b'\n', b'\r', b'<', bytes) {
        let gap = match bytes[at] {
            b'<' => tag(bytes, at),
            _ if wrapped => wrap(bytes, at),
            _ => None,
        };
        if let Some(length) = gap.filter(|_| at >= done) {
            done = at + length;
            out.get_or_insert_default().skip(text, at, done);
        }
    }
    Some(out?.finish(text))
}

/// The length of a line break with the indent of the next line, between two parts of a value.
fn wrap(bytes: &[u8], at: usize) -> Option<usize> {
    let part = |b: u8| b.is_ascii_digit() || b.is_ascii_uppercase();
    let blank = bytes[at..].iter().take(8).take_while(|b| b.is_ascii_whitespace()).count();
    let breaks = bytes[at..at + blank].iter().filter(|b| **b == b'\n').count();
    let next = *bytes.get(at + blank)?;
    let before = *bytes.get(at.checked_sub(1)?)?;
    let joins = part(before) || matches!(before, b'-' | b'.' | b' ');
    (breaks == 1 && joins && (part(next) || matches!(next, b'-' | b'.'))).then_some(blank)
}

/// The length of a tag or a comment at `at`.
fn tag(bytes: &[u8], at: usize) -> Option<usize> {
    const INLINE: &[&[u8]] = &[
        b"b", b"i", b"u", b"em", b"strong", b"span", b"font", b"a", b"wbr", b"small", b"sub",
        b"sup", b"mark", b"code", b"s", b"bdi", b"bdo",
    ];
    let rest = &bytes[at + 1..];
    if rest.starts_with(b"!--") {
        let end = memchr::memmem::find(&rest[..rest.len().min(200)], b"-->")?;
        return Some(end + 4);
    }
    let end = rest.iter().take(120).position(|b| *b == b'>')?;
    let name = rest[..end].strip_prefix(b"/").unwrap_or(&rest[..end]);
    let length = name.iter().take_while(|b| b.is_ascii_alphanumeric()).count();
    INLINE.contains(&&name[..length]).then_some(end + 2)
}

/// Fewest digits of a value that somebody divided anew.
const REGROUPED_DIGITS_MIN: usize = 7;

/// The text without spaces and points in numbers that are divided as nobody divides them: two
/// marks side by side (`785614./3020`), or blocks set apart across a dash (`780614\u{a0}-2316`).
pub(super) fn regrouped(text: &str, digits: usize) -> Option<Mapped> {
    if digits < REGROUPED_DIGITS_MIN {
        return None;
    }
    let bytes = text.as_bytes();
    let mut out: Option<Mapped> = None;
    let mut at = 0;
    while let Some(start) = find_digit(bytes, at) {
        let run = marked_run(bytes, start);
        at = run.end;
        if !run.is_odd {
            continue;
        }
        let mut place = start;
        while place < run.end {
            let length = match bytes[place] {
                b' ' | b'.' => 1,
                0xC2 => 2,
                _ => {
                    place += 1;
                    continue;
                }
            };
            // A run with nothing to leave out, such as a day before a blank, is as it was.
            out.get_or_insert_default().skip(text, place, place + length);
            place += length;
        }
    }
    Some(out?.finish(text))
}

/// A run of digits with marks between them.
struct MarkedRun {
    end: usize,
    /// Whether two marks stand side by side, or a blank in a number that a dash or slash divides.
    is_odd: bool,
}

fn marked_run(bytes: &[u8], start: usize) -> MarkedRun {
    const RUN_BYTES_MAX: usize = 48;
    let (mut at, mut end, mut digits) = (start, start, 0);
    let (mut doubled, mut blank, mut tied) = (false, false, false);
    let mut marks = 0;
    while at < bytes.len() && at - start < RUN_BYTES_MAX {
        match bytes[at..] {
            [b'0'..=b'9', ..] => {
                doubled |= marks == 2;
                (marks, digits) = (0, digits + 1);
                end = at + 1;
            }
            [mark @ (b' ' | b'.' | b'-' | b'/'), ..] if marks < 2 => {
                marks += 1;
                blank |= mark == b' ';
                tied |= matches!(mark, b'-' | b'/');
            }
            [0xC2, 0xA0, ..] if marks < 2 => {
                marks += 1;
                blank = true;
                at += 1;
            }
            _ => break,
        }
        at += 1;
    }
    let is_odd = digits >= REGROUPED_DIGITS_MIN && (doubled || blank) && (tied || doubled);
    MarkedRun { end, is_odd }
}

/// Most digits of a block of a value that is spelled out.
const BLOCK_MAX: usize = 6;

fn is_odd_gap(gap: &[u8]) -> bool {
    gap != b" " && gap != b"-"
}

/// The end of a spelled-out run that begins at `at`, where a word may begin: single characters
/// with one sign each, or blocks of digits with the same odd signs, thirteen characters or more.
fn spaced_run(bytes: &[u8], at: usize) -> Option<usize> {
    if !is_piece(bytes[at]) {
        return None;
    }
    let mut end = at;
    let mut pieces = 0;
    let mut blocks = 0;
    let mut widest = 0;
    let mut mark: Option<&[u8]> = None;
    loop {
        let start = end;
        while end < bytes.len() && is_piece(bytes[end]) {
            end += 1;
        }
        let width = end - start;
        if width == 0 {
            return None;
        }
        pieces += width;
        blocks += 1;
        widest = widest.max(width);
        // Words of a sentence: neither single characters nor blocks with odd signs.
        let plain = mark.is_some_and(|m| !is_odd_gap(m));
        if widest > BLOCK_MAX || widest > 1 && plain {
            return None;
        }
        let gap = bytes[end..].iter().take(4).take_while(|b| is_between(**b)).count();
        let next = bytes.get(end + gap).copied().unwrap_or(b' ');
        let sign = &bytes[end..end + gap];
        let same = mark.is_none_or(|m| m == sign || widest == 1 && gap <= 3);
        if gap == 0 || gap > 3 || !is_piece(next) || !same || pieces > 64 {
            break;
        }
        mark = Some(sign);
        end += gap;
    }
    let single = widest == 1 && pieces >= ROW_MIN;
    let digits = bytes[at..end].iter().filter(|b| b.is_ascii_digit()).count();
    let block = mark.is_some_and(is_odd_gap)
        && (12..=40).contains(&pieces)
        && digits * 3 >= pieces * 2
        && blocks >= 3;
    (single || block).then_some(end)
}
