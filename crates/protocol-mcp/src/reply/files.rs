//! Files in texts: bytes that are no text, written in base64 or hexadecimal, anywhere in a string.
//!
//! ```text
//! see ![chart](data:image/png;base64,iVBORw0KGgo…) and 9f86d081884c7d65…
//!              └────────── a file ──────────────┘      a digest
//! ```
//!
//! Digests, identifiers, keys, signatures and tokens are bytes that are no text, too. What tells a
//! file is how it begins, that it says so (`data:`), or its length.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use portreeve_web::percent_decoded;
use std::ops::Range;

/// Bytes that are no text, and begin like no file that is known, are one from this length on. A
/// signature of RSA with 4,096 bits has 512.
const FILE_BYTES_MIN: usize = 768;
/// A file that is known by its beginning has at least so many bytes.
const KNOWN_BYTES_MIN: usize = 48;
/// Lines of the same length, and this one at least, are one run: that is how files are wrapped.
const LINE_CHARS_MIN: usize = 48;
/// What stands between two lines of a file: its end, in whatever writing, and an indentation.
const BETWEEN_BYTES_MAX: usize = 16;
/// Shorter runs are words, unless they end a longer one.
const RUN_CHARS_MIN: usize = 16;
/// So many texts may stand in each other.
const NESTED_MAX: u8 = 3;
/// The longest head of a `data:` address.
const DATA_HEAD_CHARS_MAX: usize = 200;
/// Digits of digests: those stand below each other, too.
const DIGEST_DIGITS: [usize; 6] = [32, 40, 56, 64, 96, 128];

/// How files begin that hold pictures, sounds, documents and packed files.
const BEGINNINGS: [&[u8]; 33] = [
    b"\x89PNG",
    b"\xff\xd8\xff",
    b"GIF8",
    b"%PDF",
    b"PK\x03\x04",
    b"PK\x05\x06",
    b"RIFF",
    b"OggS",
    b"ID3\x02",
    b"ID3\x03",
    b"ID3\x04",
    b"\x1f\x8b\x08",
    b"fLaC",
    b"\x00\x00\x01\x00",
    b"7z\xbc\xaf\x27\x1c",
    b"Rar!\x1a\x07",
    b"BZh",
    b"\xfd7zXZ\x00",
    b"\x28\xb5\x2f\xfd",
    b"\x04\x22\x4d\x18",
    b"II*\x00",
    b"MM\x00*",
    b"\xd0\xcf\x11\xe0\xa1\xb1",
    b"\x7fELF",
    b"SQLite format 3\x00",
    b"\x1a\x45\xdf\xa3",
    b"wOFF",
    b"wOF2",
    b"8BPS",
    b"PAR1",
    b"Obj\x01",
    b"\x00asm",
    b"\xca\xfe\xba\xbe",
];

const fn engine(alphabet: &alphabet::Alphabet) -> GeneralPurpose {
    let config = GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent);
    GeneralPurpose::new(alphabet, config)
}

const STANDARD: GeneralPurpose = engine(&alphabet::STANDARD);
const URL_SAFE: GeneralPurpose = engine(&alphabet::URL_SAFE);

/// Bytes in either base64, with white space or without; none where it is not that.
pub(super) fn bytes_of(text: &str) -> Option<Vec<u8>> {
    let plain: String = text.chars().filter(|c| !c.is_ascii_whitespace()).collect();
    let plain = plain.trim_end_matches('=');
    STANDARD.decode(plain).or_else(|_| URL_SAFE.decode(plain)).ok()
}

/// The text that bytes are; none where they are none.
pub(super) fn text_of(bytes: Vec<u8>) -> Option<String> {
    let text = String::from_utf8(bytes).ok()?;
    let is_text = !text.chars().any(|c| c.is_control() && !c.is_whitespace());
    is_text.then_some(text)
}

/// Whether bytes begin as a file does.
pub(super) fn begins_like_a_file(bytes: &[u8]) -> bool {
    begins_surely(bytes)
        || bytes.starts_with(&[0; 3])
        || is_sound(bytes)
        || is_bitmap(bytes)
        || is_zlib(bytes)
        || bytes.get(4..8) == Some(b"ftyp")
}

/// The same, by so many bytes that hardly any token begins so.
fn begins_surely(bytes: &[u8]) -> bool {
    BEGINNINGS.iter().any(|known| bytes.starts_with(known))
}

/// SPEC: ISO/IEC 11172-3, a frame of layer III: a rate of bits and one of samples that exist.
fn is_sound(bytes: &[u8]) -> bool {
    match bytes {
        [0xff, 0xfb | 0xf3, rates, ..] => {
            !matches!(rates >> 4, 0 | 15) && (rates >> 2) & 0b11 != 0b11
        }
        _ => false,
    }
}

/// SPEC: RFC 1950 section 2.2: deflate in a window of 32 KiB, and a checksum of the two bytes.
/// Behind it, a block has one of three types.
fn is_zlib(bytes: &[u8]) -> bool {
    match bytes {
        [0x78, flags, block, ..] => {
            (0x7800 + u16::from(*flags)).is_multiple_of(31)
                && flags & 0x20 == 0
                && block & 0b110 != 0b110
        }
        _ => false,
    }
}

/// Two letters alone begin many a token: four bytes behind its length are zero.
fn is_bitmap(bytes: &[u8]) -> bool {
    bytes.starts_with(b"BM") && bytes.get(6..10) == Some(&[0; 4])
}

/// Where files stand in a text.
pub(super) fn files(text: &str) -> Vec<Range<usize>> {
    found(text, NESTED_MAX)
}

fn found(text: &str, nested: u8) -> Vec<Range<usize>> {
    let addresses = addresses(text, nested);
    let is_known = |run: &Range<usize>| {
        let at = addresses.partition_point(|file| file.end < run.end);
        addresses.get(at).is_some_and(|file| file.start <= run.start)
    };
    let runs = runs(text).filter(|run| !is_known(&run.place) && run.is_file(nested));
    let mut files: Vec<_> = runs.map(|run| run.place).collect();
    files.extend(addresses.iter().cloned());
    files.sort_by_key(|file| file.start);
    files
}

/// Whether bytes are no text, or one in which a file stands.
fn holds_file(bytes: Vec<u8>, nested: u8) -> bool {
    match (text_of(bytes), nested.checked_sub(1)) {
        (None, _) => true,
        (Some(text), Some(nested)) => !found(&text, nested).is_empty(),
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
        if bytes.is_none_or(|bytes| holds_file(bytes, nested)) {
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

/// Characters of base64 or hexadecimal with nothing else in between but ends of lines.
#[derive(Debug)]
struct Run {
    place: Range<usize>,
    /// Without ends of lines and escapes.
    text: String,
}

impl Run {
    fn is_file(&self, nested: u8) -> bool {
        if self.text.len() * 3 / 4 < KNOWN_BYTES_MIN {
            return false;
        }
        if let Some(bytes) = hexadecimal(&self.text) {
            let is_known = bytes.len() >= KNOWN_BYTES_MIN && begins_like_a_file(&bytes);
            return is_known || (bytes.len() >= FILE_BYTES_MIN && holds_file(bytes, nested));
        }
        if self.begins_like_a_file() {
            return true;
        }
        let is_long = self.text.len() * 3 / 4 >= FILE_BYTES_MIN;
        is_long && is_mixed(&self.text) && {
            // A word in front of it moves where its groups begin.
            let mut groups =
                (0..4).filter_map(|skip| bytes_of(whole_groups(self.text.get(skip..)?)));
            groups.all(|bytes| holds_file(bytes, nested))
        }
    }

    /// Whether a file begins here, or behind a word that is written together with it.
    fn begins_like_a_file(&self) -> bool {
        let start = |text: &str| text.get(..32).and_then(bytes_of).unwrap_or_default();
        let behind = self.text.match_indices(['/', '-', '_', '+']).map(|(at, _)| at + 1);
        begins_like_a_file(&start(&self.text))
            || behind.take_while(|at| *at <= 64).any(|at| {
                let rest = self.text.get(at..).unwrap_or_default();
                rest.len() * 3 / 4 >= KNOWN_BYTES_MIN && begins_surely(&start(rest))
            })
    }
}

fn whole_groups(text: &str) -> &str {
    let text = text.trim_end_matches('=');
    let odd = usize::from(text.len() % 4 == 1);
    text.get(..text.len() - odd).unwrap_or_default()
}

/// Whether a text has letters of both cases and digits, as bytes in base64 have: words, sequences
/// of genes and numbers have not.
fn is_mixed(text: &str) -> bool {
    let has = |is_one: fn(&u8) -> bool| text.as_bytes().iter().any(is_one);
    has(u8::is_ascii_lowercase) && has(u8::is_ascii_uppercase) && has(u8::is_ascii_digit)
}

/// Bytes in hexadecimal: digits and letters, the letters in one case.
fn hexadecimal(text: &str) -> Option<Vec<u8>> {
    let has = |is_one: fn(&u8) -> bool| text.as_bytes().iter().any(is_one);
    let is_one = text.bytes().all(|byte| byte.is_ascii_hexdigit())
        && has(u8::is_ascii_digit)
        && has(u8::is_ascii_lowercase) != has(u8::is_ascii_uppercase);
    let pairs = || text.as_bytes().chunks_exact(2);
    is_one.then(|| {
        pairs()
            .filter_map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok())
            .collect()
    })
}

/// The runs of a text, longest lines first put together.
fn runs(text: &str) -> impl Iterator<Item = Run> {
    let mut pieces = pieces(text).into_iter().peekable();
    std::iter::from_fn(move || {
        let mut run = pieces.next()?;
        let line = run.text.len();
        let mut is_open = run.is_wrapped();
        while is_open
            && let Some(next) = pieces.next_if(|next| {
                next.text.len() <= line && is_end_of_line(text.get(run.place.end..next.place.start))
            })
        {
            is_open = next.text.len() == line && !next.text.ends_with('=');
            run.text.push_str(&next.text);
            run.place.end = next.place.end;
        }
        Some(run)
    })
}

impl Run {
    /// Whether it may be the first line of several.
    fn is_wrapped(&self) -> bool {
        let length = self.text.len();
        if self.text.ends_with('=') || length < 16 {
            return false;
        }
        match hexadecimal(&self.text) {
            Some(bytes) if begins_like_a_file(&bytes) => true,
            Some(_) => length >= LINE_CHARS_MIN && !DIGEST_DIGITS.contains(&length),
            None if self.begins_like_a_file() => true,
            None => length >= LINE_CHARS_MIN && length.is_multiple_of(4) && is_mixed(&self.text),
        }
    }
}

fn is_end_of_line(between: Option<&str>) -> bool {
    between.is_some_and(|between| {
        let plain = between.replace("\\r", "\n").replace("\\n", "\n");
        between.len() <= BETWEEN_BYTES_MAX
            && plain.contains(['\n', '\r'])
            && plain.chars().all(|c| c.is_ascii_whitespace() || matches!(c, '>' | '|'))
    })
}

/// Runs within lines. `\/`, `%2B`, `%2F` and `%3D` are characters of them in other writings.
fn pieces(text: &str) -> Vec<Run> {
    let mut found: Vec<Run> = Vec::new();
    let mut open: Option<Run> = None;
    let mut at = 0;
    let bytes = text.as_bytes();
    while let Some(rest) = bytes.get(at..).filter(|rest| !rest.is_empty()) {
        let (c, length) = match rest {
            [b'\\', b'/', ..] => (Some('/'), 2),
            [b'%', b'2', b'B' | b'b', ..] => (Some('+'), 3),
            [b'%', b'2', b'F' | b'f', ..] => (Some('/'), 3),
            [b'%', b'3', b'D' | b'd', ..] => (Some('='), 3),
            // Ends of lines in a document that stands in a text.
            [b'\\', b'n' | b'r' | b't', ..] => (None, 2),
            [byte, ..] => {
                let c = char::from(*byte);
                let is_one = c.is_ascii_alphanumeric() || "+/-_=".contains(c);
                (is_one.then_some(c), 1)
            }
            [] => break,
        };
        let ends = open.as_ref().is_some_and(|run| run.text.ends_with('='));
        match (c, &mut open) {
            (Some(c), Some(run)) if !ends || c == '=' => {
                run.text.push(c);
                run.place.end = at + length;
            }
            (Some(c), _) if c != '=' => {
                let run = Run { place: at..at + length, text: c.to_string() };
                keep(&mut found, open.replace(run));
            }
            _ => keep(&mut found, open.take()),
        }
        at += length;
    }
    keep(&mut found, open);
    found
}

fn keep(found: &mut Vec<Run>, run: Option<Run>) {
    let ends_last = |run: &Run| {
        let last = found.last().filter(|last| last.text.len() >= RUN_CHARS_MIN);
        last.is_some_and(|last| last.place.end + BETWEEN_BYTES_MAX >= run.place.start)
    };
    let run = run.filter(|run| run.text.len() >= RUN_CHARS_MIN || ends_last(run));
    found.extend(run);
}

#[cfg(test)]
mod tests {
    use super::*;

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
