//! How files begin, and what can be unpacked.

use super::codes::text_of;
use encoding_rs::{UTF_16BE, UTF_16LE};
use flate2::{Decompress, FlushDecompress, Status};

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

/// A file whose beginning is a few bytes, or that begins behind a word, has at least so many.
pub(super) const KNOWN_BYTES_MIN: usize = 48;
/// So many bytes at the beginning are no accident.
const SURE_BYTES_MIN: usize = 4;
/// SPEC: RFC 1952 section 2.3: ten bytes of head, eight behind what is packed.
const GZIP_BYTES_MIN: usize = 18;
/// As much of what is packed is unpacked, to see whether it is.
const UNPACKED_BYTES_MAX: usize = 4 << 10;
/// What becomes fewer bytes was hardly packed.
const UNPACKED_BYTES_MIN: usize = 8;
/// Fewer wide letters are a few numbers.
const WIDE_LETTERS_MIN: usize = 6;

/// Whether bytes are a file, by how they begin, for their length.
pub(super) fn is_known(bytes: &[u8]) -> bool {
    let sure = BEGINNINGS.iter().filter(|known| known.len() >= SURE_BYTES_MIN);
    let is_gzip = bytes.len() >= GZIP_BYTES_MIN
        && matches!(bytes, [0x1f, 0x8b, 8, flags, ..] if flags & 0xe0 == 0);
    is_gzip
        || sure.into_iter().any(|known| bytes.starts_with(known))
        || (bytes.len() >= KNOWN_BYTES_MIN && begins_like_a_file(bytes))
        || is_wide(bytes)
        || is_packed(bytes)
}

/// Whether bytes are a text that was packed: with the checksums of zlib around it, or without.
///
/// SPEC: RFC 1950, RFC 1951. Bytes of keys and digests are next to never such a stream that ends
/// where they end, and is a text.
fn is_packed(bytes: &[u8]) -> bool {
    let raw = |bytes: &[u8], behind: usize| {
        let mut unpacked = Vec::with_capacity(UNPACKED_BYTES_MAX);
        let mut stream = Decompress::new(false);
        let status = stream.decompress_vec(bytes, &mut unpacked, FlushDecompress::Finish);
        let is_whole = matches!(status, Ok(Status::StreamEnd))
            && usize::try_from(stream.total_in()).is_ok_and(|read| read + behind == bytes.len());
        let is_more = unpacked.len() >= UNPACKED_BYTES_MAX && status.is_ok();
        (is_whole || is_more) && unpacked.len() >= UNPACKED_BYTES_MIN && begins_as_text(unpacked)
    };
    // A block has one of three types.
    let may_be = |bytes: &[u8]| bytes.first().is_some_and(|first| first & 0b110 != 0b110);
    let inner = bytes.get(2..).filter(|_| is_zlib(bytes));
    inner.is_some_and(|inner| raw(inner, 4)) || (may_be(bytes) && raw(bytes, 0))
}

/// Whether bytes are a text, of which the last letter may be cut off.
fn begins_as_text(mut bytes: Vec<u8>) -> bool {
    if let Err(error) = std::str::from_utf8(&bytes) {
        let end = error.valid_up_to();
        if end + 4 < bytes.len() {
            return false;
        }
        bytes.truncate(end);
    }
    text_of(bytes).is_some()
}

/// Whether bytes are a text in letters of two bytes or four: behind their mark, or with a NUL in
/// every second place.
fn is_wide(bytes: &[u8]) -> bool {
    let letters = bytes.len() / 2;
    if letters < WIDE_LETTERS_MIN || !bytes.len().is_multiple_of(2) {
        return false;
    }
    let is_text = |charset: &'static encoding_rs::Encoding, bytes: &[u8]| {
        let (text, has_errors) = charset.decode_without_bom_handling(bytes);
        !has_errors && text_of(text.into_owned().into_bytes()).is_some()
    };
    let zeros = |from: usize| bytes.iter().skip(from).step_by(2).filter(|byte| **byte == 0).count();
    let is_sparse = |own: usize, other: usize| own * 4 >= letters * 3 && other * 4 <= letters * 3;
    match bytes {
        [0xff, 0xfe, text @ ..] => is_text(UTF_16LE, text),
        [0xfe, 0xff, text @ ..] => is_text(UTF_16BE, text),
        _ => is_sparse(zeros(1), zeros(0)) || is_sparse(zeros(0), zeros(1)),
    }
}

/// Whether bytes begin as a file does.
#[must_use]
pub fn begins_like_a_file(bytes: &[u8]) -> bool {
    begins_surely(bytes)
        || bytes.starts_with(&[0; 3])
        || is_sound(bytes)
        || is_bitmap(bytes)
        || is_zlib(bytes)
        || bytes.get(4..8) == Some(b"ftyp")
}

/// The same, by so many bytes that hardly any token begins so.
pub(super) fn begins_surely(bytes: &[u8]) -> bool {
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
