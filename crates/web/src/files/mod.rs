//! Files in texts: bytes that are no text, written in base64, hexadecimal, base32 or base85,
//! anywhere in a string; and texts that are written so.
//!
//! ```text
//! see ![chart](data:image/png;base64,iVBORw0KGgo…) and 9f86d081884c7d65…
//!              └────────── a file ──────────────┘      a digest
//! ```
//!
//! Digests, identifiers, keys, signatures and tokens are bytes that are no text, too. What tells a
//! file is how it begins, that it says so (`data:`), that it can be unpacked, or its length.

mod begins;
mod codes;
mod runs;
mod spaced;
mod spelled;

pub use begins::begins_like_a_file;
pub use codes::{bytes_of, text_of};
pub(crate) use spelled::Spelled;

use crate::escapes::percent_decoded;
use begins::is_known;
use codes::{base32, base85, hexadecimal, is_mixed, whole_groups};
use runs::{RUN_CHARS_MIN, Run, runs};
use spaced::spaced;
use std::ops::Range;

/// The category of what nobody can look into.
pub const OPAQUE: &str = "opaque";

/// Bytes that are no text, and begin like no file that is known, are one from this length on. A
/// signature of RSA with 4,096 bits has 512.
const FILE_BYTES_MIN: usize = 768;
/// A shorter text says no name and its value.
const TEXT_BYTES_MIN: usize = 8;
/// So often may a text stand in another one in other letters.
pub(crate) const NESTED_MAX: u8 = 3;
/// The longest head of a `data:` address.
const DATA_HEAD_CHARS_MAX: usize = 200;

/// Where files stand in a text.
#[must_use]
pub fn files(text: &str) -> Vec<Range<usize>> {
    let coded = coded(text).into_iter();
    coded.filter(|coded| coded.text.is_none()).map(|coded| coded.place).collect()
}

/// Bytes that are written in letters.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Coded {
    /// Where they stand.
    pub place: Range<usize>,
    /// The text that they are; none where they are a file.
    pub text: Option<String>,
}

/// What is written in letters in a text, one behind the other.
#[must_use]
pub(crate) fn coded(text: &str) -> Vec<Coded> {
    found(text, NESTED_MAX)
}

/// What has no such word holds nothing that is written so.
fn has_long_word(text: &str) -> bool {
    let mut length = 0;
    text.bytes().any(|byte| {
        length = if byte.is_ascii_whitespace() { 0 } else { length + 1 };
        length >= RUN_CHARS_MIN
    })
}

fn found(text: &str, nested: u8) -> Vec<Coded> {
    let spaced = spaced(text);
    if !has_long_word(text) {
        return spaced;
    }
    let addresses = addresses(text, nested);
    let is_known = |place: &Range<usize>| {
        let at = addresses.partition_point(|file| file.end < place.end);
        addresses.get(at).is_some_and(|file| file.start <= place.start)
    };
    let runs = runs(text).filter(|run| !is_known(&run.place));
    let file = |place: Range<usize>| Coded { place, text: None };
    let mut all: Vec<_> = runs.filter_map(|run| run.read(nested)).collect();
    all.extend(addresses.iter().cloned().map(file));
    all.extend(words_of_85(text).map(file));
    all.extend(spaced);
    apart(all)
}

/// Without what stands within another one.
fn apart(mut all: Vec<Coded>) -> Vec<Coded> {
    all.sort_by_key(|coded| (coded.place.start, std::cmp::Reverse(coded.place.end)));
    let mut done = 0;
    all.retain(|coded| {
        let is_own = coded.place.start >= done;
        done = done.max(coded.place.end);
        is_own
    });
    all
}

/// Words that are files in base85: those alone whose beginning is known, as every word of an
/// address or a program is written in its letters.
fn words_of_85(text: &str) -> impl Iterator<Item = Range<usize>> {
    let mut at = 0;
    let words = text.split_inclusive(|c: char| c.is_ascii_whitespace()).map(move |word| {
        let start = at;
        at += word.len();
        (start, word.trim_ascii_end())
    });
    let is_other = |byte: u8| !byte.is_ascii_alphanumeric() && !b"+/-_=".contains(&byte);
    let words = words.filter(|(_, word)| word.len() >= RUN_CHARS_MIN);
    words.filter(move |(_, word)| word.bytes().any(is_other)).filter_map(|(start, word)| {
        base85(word).any(|bytes| is_known(&bytes)).then_some(start..start + word.len())
    })
}

/// Whether bytes are no text, or one in which a file stands, by the text that they are.
fn holds_file(text: Option<&str>, nested: u8) -> bool {
    match (text, nested.checked_sub(1)) {
        (None, _) => true,
        (Some(text), Some(nested)) => found(text, nested).iter().any(|it| it.text.is_none()),
        (Some(_), None) => true,
    }
}

/// SPEC: RFC 2397. Addresses that say that they are no text. What stands in one is looked at as a
/// part of it, and not again: it could be an address, too, and so could what stands in that.
fn addresses(text: &str, nested: u8) -> Vec<Range<usize>> {
    const SCHEME: &str = "data:";
    let mut files = Vec::new();
    let bytes = text.as_bytes();
    let mut from = 0;
    while let Some(at) = bytes.get(from..).and_then(|rest| {
        rest.windows(SCHEME.len()).position(|it| it.eq_ignore_ascii_case(SCHEME.as_bytes()))
    }) {
        let start = from + at;
        from = start + SCHEME.len();
        let head = text.get(from..).unwrap_or_default();
        let ends = |c: char| matches!(c, ',' | '"' | '<' | '>' | ')' | '\n');
        let mut first = head.char_indices().take(DATA_HEAD_CHARS_MAX);
        let Some((comma, ',')) = first.find(|(_, c)| ends(*c)) else { continue };
        let (head, data) = (head.get(..comma), head.get(comma + 1..).unwrap_or_default());
        let begin = from + comma + 1;
        let is_base64 = head
            .unwrap_or_default()
            .rsplit(';')
            .next()
            .is_some_and(|last| last.trim().eq_ignore_ascii_case("base64"));
        let (length, bytes) = match is_base64 {
            true => base64_begins(data),
            false => {
                let end =
                    |c: char| c.is_whitespace() || matches!(c, '"' | '\'' | ')' | '<' | '>' | '`');
                let length = data.find(end).unwrap_or(data.len());
                (length, Some(percent_decoded(data.get(..length).unwrap_or_default())))
            }
        };
        from = begin + length;
        if holds_file(bytes.and_then(text_of).as_deref(), nested) {
            files.push(start..from);
        }
    }
    files
}

/// How much of a text is base64 from its beginning on, and what that is.
fn base64_begins(text: &str) -> (usize, Option<Vec<u8>>) {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "+/=_-".contains(c);
    let line = text.find(|c| !is_plain(c)).unwrap_or(text.len());
    let is_within = |c: char| is_plain(c) || c.is_ascii_whitespace() || "\\%>|".contains(c);
    let all = text.find(|c| !is_within(c)).unwrap_or(text.len());
    let run = runs(text.get(..all).unwrap_or_default()).next();
    match run.filter(|run| run.place.start == 0 && run.place.end > line) {
        Some(run) => (run.place.end, bytes_of(&run.text)),
        None => (line, bytes_of(text.get(..line).unwrap_or_default())),
    }
}

impl Run {
    /// The file or the text that is written here; none where it is neither, as most words are.
    fn read(&self, nested: u8) -> Option<Coded> {
        let coded = |text| Some(Coded { place: self.place.clone(), text });
        let long = |text: &String| text.len() >= TEXT_BYTES_MIN;
        if let Some(bytes) = hexadecimal(&self.text) {
            if is_known(&bytes) {
                return coded(None);
            }
            let is_long = bytes.len() >= FILE_BYTES_MIN;
            let text = text_of(bytes);
            return match is_long && holds_file(text.as_deref(), nested) {
                true => coded(None),
                false => coded(Some(text.filter(long)?)),
            };
        }
        if self.begins_like_a_file() {
            return coded(None);
        }
        let (plain, other) = (self.behind_a_word(0), base32(&self.text));
        if [&other, &plain].into_iter().flatten().any(|bytes| is_known(bytes)) {
            return coded(None);
        }
        let moved = (1..4).filter_map(|skip| self.behind_a_word(skip));
        let mut texts = plain.into_iter().chain(moved).map(text_of);
        // What was asked whether it holds a file may be the text that is said.
        let mut asked = Vec::new();
        let is_file = |text: Option<String>| {
            let is_one = holds_file(text.as_deref(), nested);
            asked.push(text);
            is_one
        };
        let is_long = self.text.len() * 3 / 4 >= FILE_BYTES_MIN;
        if is_long && is_mixed(&self.text) && texts.by_ref().all(is_file) {
            return coded(None);
        }
        let said = other.and_then(text_of).filter(long);
        let text = said.or_else(|| asked.into_iter().chain(texts).flatten().find(long))?;
        coded(Some(text))
    }

    /// What it is in base64 behind so many letters. A word in front of it moves where its groups
    /// begin.
    fn behind_a_word(&self, skip: usize) -> Option<Vec<u8>> {
        bytes_of(whole_groups(self.text.get(skip..)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::Engine as _;
    use base64::engine::general_purpose::{STANDARD, URL_SAFE};
    use flate2::Compression;
    use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};

    /// Bytes as a stream cipher would give them.
    fn noise(count: usize) -> Vec<u8> {
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        let next = |_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state.to_be_bytes()[3]
        };
        (0..count).map(next).collect()
    }

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    fn wrapped(text: &str, length: usize) -> String {
        let lines: Vec<_> = text.as_bytes().chunks(length).map(String::from_utf8_lossy).collect();
        lines.join("\n")
    }

    #[track_caller]
    fn check(text: &str, expect: &[&str]) {
        let found: Vec<_> = files(text).into_iter().map(|file| &text[file]).collect();
        assert_eq!(found, expect);
    }

    /// Each address could be all that follows, and so could each of those in it.
    #[test]
    fn addresses_in_addresses_are_looked_at_once() {
        let begin = std::time::Instant::now();
        for address in ["data:,", "data:,a ", "data:;base64,ZGF0YTos", "data:;base64, "] {
            let _ = files(&address.repeat(24));
        }
        assert!(begin.elapsed() < std::time::Duration::from_secs(5), "{:?}", begin.elapsed());
    }

    #[test]
    fn files_are_found_wherever_they_stand() {
        let png = STANDARD.encode([&b"\x89PNG\r\n\x1a\n"[..], &noise(60)].concat());
        let zlib = STANDARD.encode([&b"\x78\x9c\x4b\x2d\xca\x2c"[..], &noise(60)].concat());
        let sevens = STANDARD.encode([&b"7z\xbc\xaf\x27\x1c"[..], &noise(60)].concat());
        let unknown = STANDARD.encode(noise(800));
        for file in [&png, &zlib, &sevens, &unknown] {
            check(file, &[file]);
            check(&format!("see {file}."), &[file]);
            check(&format!("see {file} {file}"), &[file, file]);
            check(&format!("{{\"image\":\"{file}\"}}"), &[file]);
            check(&format!("x={file}&y"), &[file]);
            let escaped = file.replace('/', "\\/");
            check(&format!("{{\"image\":\"{escaped}\"}}"), &[&escaped]);
            let url = file.replace('+', "-").replace('/', "_");
            check(url.trim_end_matches('='), &[url.trim_end_matches('=')]);
            let lines = wrapped(file, 76);
            check(&lines, &[&lines]);
            let within = STANDARD
                .encode(format!("{{\"image\": \"{file}\", \"a\": \"{}\"}}", " ".repeat(700)));
            check(&within, &[&within]);
        }
        let address = format!("data:image/png;base64,{png}");
        check(&format!("![x]({address}) and"), &[&address]);
        let address = format!("DATA:image/png;x=y;BASE64,{png}");
        check(&format!("\"{address}\""), &[&address]);
        check(
            "data:x/y;base64,AAECAwQFBgcICQoLDA0ODw==",
            &["data:x/y;base64,AAECAwQFBgcICQoLDA0ODw=="],
        );
        check("data:image/gif,GIF89a%01%00%ff x", &["data:image/gif,GIF89a%01%00%ff"]);
        let digits = hex(&noise(900));
        for digits in [hex(&[&b"\x89PNG"[..], &noise(60)].concat()), digits] {
            check(&format!("a {digits} b"), &[&digits]);
            check(&digits.to_uppercase(), &[&digits.to_uppercase()]);
            let lines = wrapped(&digits, 60);
            check(&lines, &[&lines]);
        }
    }

    fn put(mut encoder: impl std::io::Write) {
        encoder.write_all(b"{\"salary\":4711}").unwrap();
    }

    #[test]
    fn what_is_packed_or_wide_is_a_file_however_short() {
        let text = r#"{"salary":4711}"#;
        let packed = |level: u32| {
            let level = Compression::new(level);
            let (mut gzip, mut zlib, mut raw) = (Vec::new(), Vec::new(), Vec::new());
            put(GzEncoder::new(&mut gzip, level));
            put(ZlibEncoder::new(&mut zlib, level));
            put(DeflateEncoder::new(&mut raw, level));
            [gzip, zlib, raw]
        };
        let wide = |of: fn(u16) -> [u8; 2]| text.encode_utf16().flat_map(of).collect::<Vec<u8>>();
        let mut all = [packed(9), packed(0)].concat();
        all.extend([wide(u16::to_le_bytes), wide(u16::to_be_bytes)]);
        all.push([&b"\xff\xfe"[..], &wide(u16::to_le_bytes)].concat());
        all.push(zstd::encode_all(text.as_bytes(), 3).unwrap());
        for bytes in all {
            for coded in [STANDARD.encode(&bytes), URL_SAFE.encode(&bytes), hex(&bytes)] {
                check(&format!("a {coded}."), &[&coded]);
            }
        }
    }

    /// As Python writes them: `base64.b32encode`, `b85encode`, `a85encode` of `gzip.compress`.
    #[test]
    fn files_are_found_in_other_letters() {
        for file in [
            "D6FQQAAAAAAAAAQDVNLCUTWMJEWKUVFSKIYDCNZU2RIVBSSLZRGQL4UUDTZ7FFDKAHDRX3I5D4AAAAA=",
            "ABzY8000000t2g7Do)HvEUHwpQZO+$G}KX0%1g{m1@e>}^YWBx0mmEd9UlMy00",
            r#"<~+,^C)z!X#K(.Se2Z/?2[T;D9ga1t5B!b"KrQ"nIltoCA,\!QQ/H*?P7]!!~>"#,
        ] {
            check(&format!("x {file}"), &[file]);
        }
    }

    #[test]
    fn texts_in_letters_are_read() {
        let said =
            |text: &str| coded(text).into_iter().filter_map(|it| it.text).collect::<String>();
        let text = r#"{"salary": 4711}"#;
        let base64 = STANDARD.encode(text);
        for coded in [base64.clone(), hex(text.as_bytes()), format!("x/{base64}")] {
            let found = said(&format!("a {coded} b"));
            assert!(found.contains("salary"), "{coded}: {found}");
        }
        assert_eq!(said("internationalization of a-b-c-d-e-f-g-h-i"), "");
    }

    #[test]
    fn digests_keys_tokens_and_words_are_no_files() {
        let lines = |of: &dyn Fn(usize) -> String| (0..40).map(of).collect::<Vec<_>>().join("\n");
        let part = |at: usize, count: usize| noise(at * 7 + count)[at * 7..].to_vec();
        let token = format!(
            "{}.{}.{}",
            URL_SAFE.encode(r#"{"alg":"RS512","typ":"JWT"}"#),
            URL_SAFE.encode(format!("{{\"sub\":\"{}\"}}", "x".repeat(900))),
            URL_SAFE.encode(noise(512))
        );
        let uuid = |at: usize| {
            let hex = hex(&part(at, 16));
            format!(
                "{}-{}-{}-{}-{}",
                &hex[..8],
                &hex[8..12],
                &hex[12..16],
                &hex[16..20],
                &hex[20..]
            )
        };
        for plain in [
            hex(&noise(32)),
            hex(&noise(64)),
            STANDARD.encode(noise(64)),
            STANDARD.encode(noise(512)),
            token,
            lines(&|at| hex(&part(at, 32))),
            lines(&|at| hex(&part(at, 20))),
            lines(&|at| format!("sha256-{}", STANDARD.encode(part(at, 32)))),
            lines(&uuid),
            lines(&|at| format!("/usr/lib/python3/dist-packages/some-package/module_{at}/file")),
            "a sentence of words that are not short ".repeat(60),
            "word".repeat(600),
            "ACGT".repeat(600),
            "3141592653".repeat(300),
            STANDARD.encode("a text in base64, with ümlauts. ".repeat(60)),
            format!("data:text/plain;base64,{}", STANDARD.encode("a text")),
            "data:text/html,<p>x</p>".to_owned(),
            "see data: 7, and base64,".to_owned(),
            "/a/B7/".repeat(20),
        ] {
            check(&plain, &[]);
        }
    }
}
