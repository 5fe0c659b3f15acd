//! Bytes in the letters that texts carry them in.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

const fn engine(alphabet: &alphabet::Alphabet) -> GeneralPurpose {
    let config = GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent);
    GeneralPurpose::new(alphabet, config)
}

const STANDARD: GeneralPurpose = engine(&alphabet::STANDARD);
const URL_SAFE: GeneralPurpose = engine(&alphabet::URL_SAFE);

/// Bytes in either base64, with white space or without; none where it is not that.
#[must_use]
pub fn bytes_of(text: &str) -> Option<Vec<u8>> {
    let plain: String = text.chars().filter(|c| !c.is_ascii_whitespace()).collect();
    let plain = plain.trim_end_matches('=');
    STANDARD.decode(plain).or_else(|_| URL_SAFE.decode(plain)).ok()
}

/// The text that bytes are; none where they are none.
#[must_use]
pub fn text_of(bytes: Vec<u8>) -> Option<String> {
    let text = String::from_utf8(bytes).ok()?;
    let is_text = !text.chars().any(|c| c.is_control() && !c.is_whitespace());
    is_text.then_some(text)
}

/// Bytes in hexadecimal: digits and letters, the letters in one case.
pub(super) fn hexadecimal(text: &str) -> Option<Vec<u8>> {
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

/// Whether a text has letters of both cases and digits, as bytes in base64 have: words, sequences
/// of genes and numbers have not.
pub(super) fn is_mixed(text: &str) -> bool {
    let has = |is_one: fn(&u8) -> bool| text.as_bytes().iter().any(is_one);
    has(u8::is_ascii_lowercase) && has(u8::is_ascii_uppercase) && has(u8::is_ascii_digit)
}

pub(super) fn whole_groups(text: &str) -> &str {
    let text = text.trim_end_matches('=');
    let odd = usize::from(text.len() % 4 == 1);
    text.get(..text.len() - odd).unwrap_or_default()
}

/// SPEC: RFC 4648 section 6, in letters of one case, with its padding or without.
pub(super) fn base32(text: &str) -> Option<Vec<u8>> {
    let plain = text.trim_end_matches('=').as_bytes();
    let is_upper = plain.iter().all(|byte| matches!(byte, b'A'..=b'Z' | b'2'..=b'7'));
    let is_lower = plain.iter().all(|byte| matches!(byte, b'a'..=b'z' | b'2'..=b'7'));
    if plain.is_empty() || !(is_upper || is_lower) {
        return None;
    }
    let mut bytes = Vec::with_capacity(plain.len() * 5 / 8);
    let (mut bits, mut held) = (0_u32, 0);
    for byte in plain {
        let value = match byte.to_ascii_uppercase() {
            digit @ b'2'..=b'7' => digit - b'2' + 26,
            letter => letter - b'A',
        };
        bits = (bits << 5 | u32::from(value)) & 0xffff;
        held += 5;
        if held >= 8 {
            held -= 8;
            bytes.extend(u8::try_from(bits >> held & 0xff));
        }
    }
    Some(bytes)
}

/// The letters of base85 as Python, Git and Mercurial write it.
const LETTERS_85: &[u8; 85] =
    b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz!#$%&()*+-;<=>?@^_`{|}~";

/// Bytes in base85 and in Ascii85, each of which is tried; the last group is left out where it is
/// none.
pub(super) fn base85(word: &str) -> impl Iterator<Item = Vec<u8>> {
    let plain = word.strip_prefix("<~").unwrap_or(word);
    let plain = plain.strip_suffix("~>").unwrap_or(plain).as_bytes();
    let of_python = |byte: u8| {
        LETTERS_85.iter().position(|it| *it == byte).and_then(|at| u32::try_from(at).ok())
    };
    // SPEC: PDF 32000-1 section 7.4.3.
    let of_adobe = |byte: u8| matches!(byte, b'!'..=b'u').then(|| u32::from(byte - b'!'));
    // Four bytes of nothing are one letter there.
    let adobe: Vec<u8> = plain
        .iter()
        .flat_map(|byte| if *byte == b'z' { &b"!!!!!"[..] } else { std::slice::from_ref(byte) })
        .copied()
        .collect();
    [grouped(plain, of_python), grouped(&adobe, of_adobe)].into_iter().flatten()
}

fn grouped(word: &[u8], value: impl Fn(u8) -> Option<u32>) -> Option<Vec<u8>> {
    const GROUP: usize = 5;
    let mut bytes = Vec::with_capacity(word.len() * 4 / GROUP);
    for group in word.chunks(GROUP) {
        let mut sum = 0_u32;
        // What is missing of the last group is filled up with the highest digit.
        for at in 0..GROUP {
            let digit = group.get(at).map_or(Some(84), |byte| value(*byte))?;
            sum = sum.checked_mul(85)?.checked_add(digit)?;
        }
        let length = group.len().saturating_sub(1);
        bytes.extend(sum.to_be_bytes().iter().take(length));
    }
    Some(bytes)
}
