//! Encodings undone in place (escapes) or as whole tokens (base64, hex), and values that are
//! spelled out with signs between their characters.

use super::mapped::Mapped;
use crate::bytes::{alternates, find_digit, is_letter, may_be_token};
use memchr::memmem::Finder;
use std::sync::LazyLock;

/// A token that decodes to text.
pub(super) struct Token {
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) text: String,
}

/// Shortest token that is decoded; below it nothing personal fits.
const TOKEN_MIN: usize = 12;
const TOKEN_MAX: usize = 64 * 1024;
/// Most tokens of one text that are decoded.
const TOKENS_MAX: usize = 64;

/// Any run of [`TOKEN_MIN`] bytes has so many in a row from every [`STRIDE`]th byte on.
const WINDOW: usize = 8;
const STRIDE: usize = TOKEN_MIN - WINDOW + 1;

fn is_token(byte: u8) -> bool {
    TOKEN_BYTES[usize::from(byte)]
}

const TOKEN_BYTES: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 128 {
        let b = byte as u8;
        table[byte] =
            b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'_' | b'-' | b'=');
        byte += 1;
    }
    table
};

/// The next run of bytes of tokens that may be long enough, at `at` or later.
fn next_run(bytes: &[u8], mut at: usize) -> Option<(usize, usize)> {
    while let Some(window) = bytes.get(at..).and_then(|rest| rest.first_chunk::<WINDOW>()) {
        // The first test is for all eight at once.
        if may_be_token(*window) && window.iter().all(|b| is_token(*b)) {
            let start = bytes[..at].iter().rposition(|b| !is_token(*b)).map_or(0, |i| i + 1);
            let length = bytes[at..].iter().position(|b| !is_token(*b));
            return Some((start, length.map_or(bytes.len(), |n| at + n)));
        }
        at += STRIDE;
    }
    None
}

/// Tokens of base64 or hex that hold readable text.
pub(super) fn tokens(text: &str) -> Vec<Token> {
    let bytes = text.as_bytes();
    let mut out = Vec::new();
    let mut at = 0;
    while out.len() < TOKENS_MAX
        && let Some((start, end)) = next_run(bytes, at)
    {
        at = end + 1;
        let start = start + bytes[start..end].iter().take_while(|b| **b == b'=').count();
        let length = end - start;
        if !(TOKEN_MIN..=TOKEN_MAX).contains(&length) {
            continue;
        }
        let word = &bytes[start..end];
        let hidden = hex(word).or_else(|| base64(word));
        if let Some(text) = hidden {
            out.push(Token { start, end, text });
        } else if let Some(inner) =
            word.iter().rposition(|b| *b == b'=').filter(|i| length - i > TOKEN_MIN)
        {
            // `key=TOKEN`
            if let Some(text) = hex(&word[inner + 1..]).or_else(|| base64(&word[inner + 1..])) {
                out.push(Token { start: start + inner + 1, end, text });
            }
        }
    }
    out
}

fn readable(bytes: Vec<u8>) -> Option<String> {
    let text = String::from_utf8(bytes).ok()?;
    let odd = text.chars().filter(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t')).count();
    (odd == 0 && text.len() >= 6).then_some(text)
}

fn hex(word: &[u8]) -> Option<String> {
    let word = word.strip_prefix(b"0x").unwrap_or(word);
    if !word.len().is_multiple_of(2) || !word.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    let value = |b: u8| (b as char).to_digit(16).unwrap_or(0) as u8;
    readable(word.chunks_exact(2).map(|pair| value(pair[0]) << 4 | value(pair[1])).collect())
}

fn base64(word: &[u8]) -> Option<String> {
    let body = word.len() - word.iter().rev().take_while(|b| **b == b'=').count();
    let word = &word[..body];
    if word.len() % 4 == 1 || word.contains(&b'=') {
        return None;
    }
    // Ordinary words and numbers are not base64 of text: their first bytes already fail.
    let mut head = [0; 6];
    let length = six_bits(word.get(..8)?, head.iter_mut())?;
    let head = head.get(..length)?;
    let valid = std::str::from_utf8(head).map_or_else(|e| e.error_len().is_none(), |_| true);
    if !valid || head.iter().any(|b| *b < b' ' && !b.is_ascii_whitespace()) {
        return None;
    }
    let mut out = vec![0; word.len() * 3 / 4];
    let length = six_bits(word, out.iter_mut())?;
    out.truncate(length);
    readable(out)
}

/// The values of the characters of base64, of either alphabet.
const SIX_BITS: [u8; 256] = {
    let mut table = [63; 256];
    let mut byte = 0;
    while byte < 128 {
        table[byte] = match byte as u8 {
            letter @ b'A'..=b'Z' => letter - b'A',
            letter @ b'a'..=b'z' => letter - b'a' + 26,
            digit @ b'0'..=b'9' => digit - b'0' + 52,
            b'+' | b'-' => 62,
            _ => 63,
        };
        byte += 1;
    }
    table
};

/// Decodes base64 of either alphabet into bytes; nothing when one of them is no byte of text.
fn six_bits<'a>(word: &[u8], mut out: impl Iterator<Item = &'a mut u8>) -> Option<usize> {
    let (mut buffer, mut bits, mut length) = (0_u32, 0, 0);
    for byte in word {
        buffer = buffer << 6 | u32::from(SIX_BITS[usize::from(*byte)]);
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            let decoded = (buffer >> bits) as u8;
            if decoded < 9 || decoded == 0x7F {
                return None;
            }
            *out.next()? = decoded;
            length += 1;
        }
    }
    Some(length)
}

/// The text with percent, HTML, backslash and quoted-printable escapes undone, one view each.
pub(super) fn escapes(text: &str) -> Vec<Mapped> {
    let steps: [(u8, Step); 4] =
        [(b'%', percent), (b'&', entity), (b'\\', backslash), (b'=', quoted)];
    steps
        .into_iter()
        .filter(|(mark, _)| memchr::memchr(*mark, text.as_bytes()).is_some())
        .filter_map(|(mark, step)| undo(text, mark, step))
        .collect()
}

/// Reads one escape at the start of a text: what it stands for and its length.
type Step = fn(&str) -> Option<(Option<char>, usize)>;

fn undo(text: &str, mark: u8, step: Step) -> Option<Mapped> {
    let mut out: Option<Mapped> = None;
    let mut done = 0;
    for at in memchr::memchr_iter(mark, text.as_bytes()) {
        if at < done {
            continue;
        }
        let Some((c, length)) = step(&text[at..]) else { continue };
        let out = out.get_or_insert_default();
        done = at + length;
        match c {
            Some(c) => out.put(text, c, at, done),
            None => out.skip(text, at, done),
        }
    }
    Some(out?.finish(text))
}

fn hex_byte(text: &str, at: usize) -> Option<u8> {
    let pair = text.get(at..at + 2)?;
    pair.bytes().all(|b| b.is_ascii_hexdigit()).then(|| u8::from_str_radix(pair, 16).ok()).flatten()
}

/// Reads bytes of one UTF-8 character that are escaped one by one.
fn utf8(text: &str, prefix: &str) -> Option<(Option<char>, usize)> {
    let unit = prefix.len() + 2;
    let first = text.strip_prefix(prefix).and_then(|t| hex_byte(t, 0))?;
    let length = match first {
        0..=0x7F => 1,
        0xC2..=0xDF => 2,
        0xE0..=0xEF => 3,
        0xF0..=0xF4 => 4,
        _ => return None,
    };
    let mut bytes = Vec::with_capacity(4);
    for index in 0..length {
        let part = text.get(index * unit..)?;
        bytes.push(part.strip_prefix(prefix).and_then(|t| hex_byte(t, 0))?);
    }
    let c = std::str::from_utf8(&bytes).ok()?.chars().next()?;
    Some((Some(c), length * unit))
}

fn percent(text: &str) -> Option<(Option<char>, usize)> {
    if text.starts_with("%25") && hex_byte(text, 3).is_some() {
        // Escaped twice.
        let inner: String = format!("%{}", text.get(3..5)?);
        return utf8(&inner, "%").map(|(c, _)| (c, 5));
    }
    utf8(text, "%")
}

fn quoted(text: &str) -> Option<(Option<char>, usize)> {
    if text.starts_with("=\r\n") {
        return Some((None, 3));
    }
    if text.starts_with("=\n") {
        return Some((None, 2));
    }
    utf8(text, "=")
}

fn entity(text: &str) -> Option<(Option<char>, usize)> {
    let end = text.as_bytes().iter().take(12).position(|b| *b == b';')?;
    let name = text.get(1..end)?;
    let c = match name.strip_prefix('#') {
        Some(number) => {
            let code = match number.strip_prefix(['x', 'X']) {
                Some(hex) => u32::from_str_radix(hex, 16).ok()?,
                None => number.parse().ok()?,
            };
            char::from_u32(code)?
        }
        None => match name {
            "amp" => '&',
            "lt" => '<',
            "gt" => '>',
            "quot" => '"',
            "apos" => '\'',
            "nbsp" | "ensp" | "emsp" | "thinsp" => ' ',
            "commat" => '@',
            "period" => '.',
            "hyphen" | "dash" | "ndash" => '-',
            "plus" => '+',
            "colon" => ':',
            "sol" => '/',
            "lowbar" => '_',
            "shy" | "zwj" | "zwnj" | "ZeroWidthSpace" => return Some((None, end + 1)),
            _ => return None,
        },
    };
    Some((Some(c), end + 1))
}

fn backslash(text: &str) -> Option<(Option<char>, usize)> {
    let mark = *text.as_bytes().get(1)?;
    match mark {
        b'u' => {
            if let Some(rest) = text.strip_prefix("\\u{") {
                let end = rest.find('}').filter(|n| *n <= 6)?;
                let c = char::from_u32(u32::from_str_radix(&rest[..end], 16).ok()?)?;
                return Some((Some(c), end + 4));
            }
            let unit =
                |at: usize| text.get(at..at + 4).and_then(|h| u32::from_str_radix(h, 16).ok());
            let high = unit(2)?;
            if (0xD800..0xDC00).contains(&high) && text.get(6..8) == Some("\\u") {
                let low = unit(8).filter(|l| (0xDC00..0xE000).contains(l))?;
                let c = char::from_u32(0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00))?;
                return Some((Some(c), 12));
            }
            Some((Some(char::from_u32(high)?), 6))
        }
        b'U' => {
            let c = char::from_u32(u32::from_str_radix(text.get(2..10)?, 16).ok()?)?;
            Some((Some(c), 10))
        }
        b'x' => utf8(text, "\\x"),
        b'/' => Some((Some('/'), 2)),
        b'n' | b't' | b'r' => Some((Some(' '), 2)),
        b'"' => Some((Some('"'), 2)),
        b'0'..=b'3' => {
            let code = u32::from_str_radix(text.get(1..4)?, 8).ok()?;
            (0x20..0x7F).contains(&code).then(|| (char::from_u32(code), 4))
        }
        _ => None,
    }
}

/// The text with `(at)`, `[dot]` and spaced-out characters undone.
pub(super) fn spelled(text: &str, digits: usize) -> Option<Mapped> {
    let bytes = text.as_bytes();
    let signs = has_signs(bytes);
    let spaced = has_spaced(bytes, digits);
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
            for place in at + 1..end {
                if is_piece(bytes[place]) {
                    out.put(text, char::from(bytes[place]), place, place + 1);
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

static DOT: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(b" dot "));
static LOUD_DOT: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(b" DOT "));
static LONE_AT: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(b" @ "));

/// Whether a spelled-out sign may be in the text.
fn has_signs(bytes: &[u8]) -> bool {
    let bracketed = memchr::memchr3_iter(b'(', b'[', b'{', bytes).any(|i| {
        let rest = bytes[i + 1..].strip_prefix(b" ").unwrap_or(&bytes[i + 1..]);
        let length = match rest {
            [b'@' | b'.', ..] => 1,
            [b'a' | b'A', b't' | b'T', ..] => 2,
            [b'd' | b'D', b'o' | b'O', b't' | b'T', ..] => 3,
            [b'p', b'u', b'n', b'k', b't', ..] => 5,
            _ => return false,
        };
        matches!(rest[length..], [b')' | b']' | b'}', ..] | [b' ', b')' | b']' | b'}', ..])
    });
    bracketed || [&DOT, &LOUD_DOT, &LONE_AT].iter().any(|f| f.find(bytes).is_some())
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

/// Whether single characters stand apart in a row somewhere, or blocks of digits with odd signs
/// between them.
fn has_spaced(bytes: &[u8], digits: usize) -> bool {
    let class = |byte: u8| CLASSES[usize::from(byte)];
    let apart = |row: &[u8]| {
        let [a, b, c, d, e, f, g] = row else { return false };
        class(*a) & class(*c) & BETWEEN != 0
            && class(*e) & class(*g) & BETWEEN != 0
            && class(*b) & class(*d) & class(*f) & ALNUM != 0
    };
    alternates(bytes, |at| bytes.get(at..at + 7).is_some_and(apart))
        || digits >= 12 && has_odd_blocks(bytes)
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
            return (pieces >= 7).then_some((end + 1, sign));
        }
        end += 2;
    }
    None
}

/// The text without line breaks inside values and without tags of HTML that shape nothing.
pub(super) fn rejoined(text: &str, digits: usize) -> Option<Mapped> {
    let bytes = text.as_bytes();
    let wrapped = digits >= 6 && memchr::memchr(b'\n', bytes).is_some();
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

/// Most digits of a block of a value that is spelled out.
const BLOCK_MAX: usize = 6;

fn is_odd_gap(gap: &[u8]) -> bool {
    gap != b" " && gap != b"-"
}

/// The end of a spelled-out run that begins at `at`, where a word may begin: single characters with one sign each, or
/// blocks of digits with the same odd signs, thirteen characters or more.
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
    let single = widest == 1 && pieces >= 7;
    let digits = bytes[at..end].iter().filter(|b| b.is_ascii_digit()).count();
    let block = mark.is_some_and(is_odd_gap)
        && (12..=40).contains(&pieces)
        && digits * 3 >= pieces * 2
        && blocks >= 3;
    (single || block).then_some(end)
}
