//! The ways in which a service may write a text that it was told: as it is, and as JSON, HTML,
//! addresses, hexadecimal, base64 and UTF-16 write it. In base64 it may stand within something
//! longer, at any of three places.

use base64::Engine as _;
use base64::engine::general_purpose::{
    GeneralPurpose, STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD,
};
use portreeve_model::Secret;
use portreeve_transport::percent_encode;
use std::collections::BTreeSet;
use std::fmt::Write as _;

/// A shorter part of something in base64 stands anywhere.
const WITHIN_CHARS_MIN: usize = 8;

/// A text in every spelling that is looked for.
pub(super) fn spellings(secret: &Secret<String>) -> BTreeSet<Vec<u8>> {
    let text = secret.reveal().as_str();
    let json = serde_json::to_string(text).unwrap_or_default();
    let json = json.trim_start_matches('"').strip_suffix('"').unwrap_or_default().to_owned();
    let percent = percent_encode(text.as_bytes(), "");
    let lower = lower_digits(&percent);
    let html = html(text);
    let mut found: BTreeSet<Vec<u8>> = [
        text.to_owned(),
        json.replace('/', "\\/"),
        escaped(&json),
        in_ascii(&json),
        json,
        percent.replace("%20", "+"),
        percent_encode(text.as_bytes(), "!$&'()*+,/:;=?@"),
        percent,
        lower,
        html.replace("&#39;", "&#x27;"),
        html,
        hexadecimal(text),
        hexadecimal(text).to_ascii_uppercase(),
        every_byte(text, "%", Digits::Upper),
        every_byte(text, "%", Digits::Lower),
        every_byte(text, "\\x", Digits::Lower),
        numbered(text, |c| !c.is_ascii_alphanumeric(), |c| percent_encoded(c, Digits::Upper)),
        numbered(text, |c| !c.is_ascii_alphanumeric(), |c| percent_encoded(c, Digits::Lower)),
        numbered(text, |c| !c.is_ascii_alphanumeric(), decimal),
        numbered(text, |c| !c.is_ascii_alphanumeric(), sixteens),
        numbered(text, |_| true, decimal),
        numbered(text, |_| true, sixteens),
        numbered(text, |_| true, |c| format!("\\u{:04x}", u32::from(c))),
    ]
    .map(String::into_bytes)
    .into();
    for engine in [STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD] {
        found.insert(engine.encode(text).into_bytes());
    }
    for engine in [STANDARD_NO_PAD, URL_SAFE_NO_PAD] {
        found.extend((0..3).filter_map(|before| within(&engine, text, before)));
    }
    found.insert(text.encode_utf16().flat_map(u16::to_le_bytes).collect());
    found.insert(text.encode_utf16().flat_map(u16::to_be_bytes).collect());
    found.retain(|spelling| !spelling.is_empty());
    found
}

/// The spellings that services break into lines, or write with something between two bytes.
pub(super) fn broken(secret: &Secret<String>) -> BTreeSet<Vec<u8>> {
    let text = secret.reveal().as_str();
    let mut found = BTreeSet::from([text.to_owned().into_bytes()]);
    found.extend([hexadecimal(text), hexadecimal(text).to_ascii_uppercase()].map(Into::into));
    for engine in [STANDARD_NO_PAD, URL_SAFE_NO_PAD] {
        found.extend((0..3).filter_map(|before| within(&engine, text, before)));
    }
    found
}

/// What base64 shows of a text behind so many bytes of something else, whatever those are and
/// whatever follows.
fn within(engine: &GeneralPurpose, text: &str, before: usize) -> Option<Vec<u8>> {
    let bytes = [&[0; 3][..before.min(3)], text.as_bytes()].concat();
    let (first, last) = ((before * 8).div_ceil(6), bytes.len() * 8 / 6);
    let shown = engine.encode(&bytes).get(first..last)?.as_bytes().to_vec();
    (shown.len() >= WITHIN_CHARS_MIN).then_some(shown)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Digits {
    Lower,
    Upper,
}

/// Every byte by its number, behind a sign.
fn every_byte(text: &str, sign: &str, digits: Digits) -> String {
    text.bytes().fold(String::new(), |mut out, byte| {
        let _ = match digits {
            Digits::Lower => write!(out, "{sign}{byte:02x}"),
            Digits::Upper => write!(out, "{sign}{byte:02X}"),
        };
        out
    })
}

/// Some characters by their numbers.
fn numbered(text: &str, is_one: fn(char) -> bool, number: fn(char) -> String) -> String {
    text.chars().fold(String::new(), |mut out, c| {
        match is_one(c) {
            true => out.push_str(&number(c)),
            false => out.push(c),
        }
        out
    })
}

/// Also where an address needs no escape.
fn percent_encoded(c: char, digits: Digits) -> String {
    every_byte(c.encode_utf8(&mut [0; 4]), "%", digits)
}

fn decimal(c: char) -> String {
    format!("&#{};", u32::from(c))
}

fn sixteens(c: char) -> String {
    format!("&#x{:x};", u32::from(c))
}

/// As HTML and XML have it.
fn html(text: &str) -> String {
    let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    text.replace('"', "&quot;").replace('\'', "&#39;")
}

/// JSON that is safe within HTML writes these by their numbers.
fn escaped(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for c in json.chars() {
        match c {
            '<' | '>' | '&' | '\'' | '=' | '+' | '/' => {
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out
}

/// JSON that is ASCII alone writes all else by its numbers.
fn in_ascii(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for c in json.chars() {
        if c.is_ascii() {
            out.push(c);
            continue;
        }
        for unit in c.encode_utf16(&mut [0; 2]) {
            let _ = write!(out, "\\u{unit:04x}");
        }
    }
    out
}

/// Percent-encodings with digits in lower case.
fn lower_digits(percent: &str) -> String {
    let mut out = String::with_capacity(percent.len());
    let mut left = 0;
    for c in percent.chars() {
        out.push(if left > 0 { c.to_ascii_lowercase() } else { c });
        left = if c == '%' { 2 } else { usize::saturating_sub(left, 1) };
    }
    out
}

fn hexadecimal(text: &str) -> String {
    text.bytes().fold(String::new(), |mut out, byte| {
        let _ = write!(out, "{byte:02x}");
        out
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_found_as_services_write_it() {
        let found = spellings(&Secret::new("a/B+<c>&\"d é".to_owned()));
        for expect in [
            "a/B+<c>&\"d é",
            "a/B+<c>&\\\"d é",
            "a\\/B+<c>&\\\"d é",
            "a\\u002fB\\u002b\\u003cc\\u003e\\u0026\\\"d é",
            "a/B+<c>&\\\"d \\u00e9",
            "a%2FB%2B%3Cc%3E%26%22d%20%C3%A9",
            "a%2fB%2b%3cc%3e%26%22d%20%c3%a9",
            "a%2FB%2B%3Cc%3E%26%22d+%C3%A9",
            "a/B+&lt;c&gt;&amp;&quot;d é",
            "612f422b3c633e262264 20c3a9".replace(' ', "").as_str(),
            "YS9CKzxjPiYiZCDDqQ==",
            "YS9CKzxjPiYiZCDDqQ",
            "%61%2F%42%2B%3C%63%3E%26%22%64%20%C3%A9",
            "a&#47;B&#43;&#60;c&#62;&#38;&#34;d&#32;&#233;",
            "&#x61;&#x2f;&#x42;&#x2b;&#x3c;&#x63;&#x3e;&#x26;&#x22;&#x64;&#x20;&#xe9;",
        ] {
            assert!(found.contains(expect.as_bytes()), "{expect}");
        }
        assert!(found.contains(b"a\0/\0B\0+\0<\0c\0>\0&\0\"\0d\0 \0\xe9\0".as_slice()));
    }

    #[test]
    fn what_needs_no_escape_is_found_with_one() {
        let found = spellings(&Secret::new("a-B.c".to_owned()));
        for expect in ["a%2DB%2Ec", "a%2dB%2ec", "a&#45;B&#46;c"] {
            assert!(found.contains(expect.as_bytes()), "{expect}");
        }
    }

    #[test]
    fn base64_shows_a_text_within_another() {
        let found = spellings(&Secret::new("the-servers-token".to_owned()));
        for before in ["", "u", "u:", "Bearer ", "Authorization: Bearer "] {
            for behind in ["", "x", "\r\n"] {
                let shown = STANDARD.encode(format!("{before}the-servers-token{behind}"));
                let is_seen = found
                    .iter()
                    .any(|spelling| memchr::memmem::find(shown.as_bytes(), spelling).is_some());
                assert!(is_seen, "{before:?} {behind:?}");
            }
        }
        assert!(within(&STANDARD_NO_PAD, "pass", 1).is_none(), "a few letters stand anywhere");
    }
}
