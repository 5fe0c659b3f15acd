//! Encodings undone in place (escapes) or as whole tokens (base64, base32, hex).

use super::mapped::Mapped;
use crate::text::entities;
use crate::text::traits::Words;

/// A token that decodes to text.
pub(super) struct Token {
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) text: String,
}

/// Shortest token that is decoded; below it nothing personal fits.
const TOKEN_MIN: usize = 12;
/// Tokens are decoded in parts of so many bytes, which overlap so that no value is cut.
const TOKEN_BYTES_MAX: usize = 64 * 1024;
const OVERLAP: usize = 1024;

fn is_token(byte: u8) -> bool {
    TOKEN_BYTES[usize::from(byte)]
}

const TOKEN_BYTES: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 128 {
        let b = byte as u8;
        table[byte] = b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'_' | b'-' | b'=');
        byte += 1;
    }
    table
};

/// The next run of bytes of tokens that is long enough, at `at` or later.
fn next_run(bytes: &[u8], words: &Words, at: usize) -> Option<(usize, usize)> {
    let start = words.find_coded(at)?;
    let rest = bytes[start..].iter().position(|b| !is_token(*b));
    Some((start, rest.map_or(bytes.len(), |length| start + length)))
}

/// Tokens of base64, base32 or hex that hold readable text, one after the other.
pub(super) fn tokens(text: &str, words: &Words) -> impl Iterator<Item = Token> {
    let bytes = text.as_bytes();
    let mut at = 0;
    let runs = std::iter::from_fn(move || {
        let (start, end) = next_run(bytes, words, at)?;
        at = end + 1;
        // `key=TOKEN==`
        let padding = bytes[start..end].iter().rev().take_while(|b| **b == b'=').count();
        let sign = bytes[start..end - padding].iter().rposition(|b| *b == b'=');
        Some((sign.map_or(start, |sign| start + sign + 1), end))
    });
    runs.filter(|(start, end)| end - start >= TOKEN_MIN).flat_map(move |(start, end)| {
        // Each part of a long one speaks for the whole.
        let parts = (start..end).step_by(TOKEN_BYTES_MAX - OVERLAP);
        parts.filter_map(move |from| {
            let part = &bytes[from..end.min(from + TOKEN_BYTES_MAX)];
            Some(Token { start, end, text: decoded(part)? })
        })
    })
}

pub(super) fn decoded(word: &[u8]) -> Option<String> {
    hex(word).or_else(|| base64(word)).or_else(|| base32(word))
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

fn base32(word: &[u8]) -> Option<String> {
    let body = word.len() - word.iter().rev().take_while(|b| **b == b'=').count();
    let mut out = Vec::with_capacity(body * 5 / 8);
    let (mut buffer, mut bits) = (0_u32, 0);
    for byte in &word[..body] {
        let value = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'2'..=b'7' => byte - b'2' + 26,
            _ => return None,
        };
        buffer = buffer << 5 | u32::from(value);
        bits += 5;
        if bits >= 8 {
            bits -= 8;
            let decoded = (buffer >> bits) as u8;
            if decoded < 9 || decoded == 0x7F {
                return None;
            }
            out.push(decoded);
        }
    }
    readable(out)
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
    let (c, length) = entities::entity(text)?;
    let plain = match c {
        '\u{a0}' | '\u{2000}'..='\u{200a}' | '\u{202f}' | '\u{205f}' => Some(' '),
        '\u{2010}'..='\u{2015}' => Some('-'),
        '\u{ad}' | '\u{200b}'..='\u{200d}' | '\u{2060}' => None,
        other => Some(other),
    };
    Some((plain, length))
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
