//! Codings and charsets of bodies, undone as they stream by: what is masked has to be read.
//!
//! SPEC: RFC 9110 section 8.4, RFC 1952, 1950, 1951, 7932, 8878; charsets as the WHATWG
//! Encoding Standard has them.

use brotli_decompressor::DecompressorWriter;
use encoding_rs::{CoderResult, Encoding, UTF_8};
use flate2::write::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};
use portreeve_session::Unmaskable;
use std::borrow::Cow;
use std::io::{self, Write};
use zstd::stream::raw::DParameter;
use zstd::stream::write::Decoder as ZstdDecoder;

/// Codings that may stand on each other.
const CODINGS_MAX: usize = 3;
/// A body may become so many times as long as it came, beyond a beginning.
const RATIO_MAX: u64 = 200;
const BEGINNING_BYTES: u64 = 4 << 20;
/// One piece of a body may become so long.
const PIECE_BYTES_MAX: usize = 32 << 20;
/// SPEC: RFC 8878 section 3.1.1.1.2 recommends 8 MiB.
const ZSTD_WINDOW_LOG_MAX: u32 = 23;

/// What is undone of a body, the outermost first.
#[derive(Default)]
pub struct Decoding {
    steps: Vec<Step>,
    taken: u64,
    given: u64,
}

impl std::fmt::Debug for Decoding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Decoding").field("steps", &self.steps.len()).finish_non_exhaustive()
    }
}

enum Step {
    Gzip(MultiGzDecoder<Sink>),
    /// Zlib or nothing around it: servers send both, and the first byte tells.
    Deflate,
    Zlib(ZlibDecoder<Sink>),
    Raw(DeflateDecoder<Sink>),
    Brotli(Box<DecompressorWriter<Sink>>),
    Zstd(ZstdDecoder<'static, Sink>),
    Charset(Box<encoding_rs::Decoder>),
}

/// Takes what comes out, as long as it is not too much for one piece.
#[derive(Default)]
struct Sink(Vec<u8>);

impl Write for Sink {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        if self.0.len() + data.len() > PIECE_BYTES_MAX {
            return Err(io::ErrorKind::OutOfMemory.into());
        }
        self.0.extend_from_slice(data);
        Ok(data.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Decoding {
    /// What `Content-Encoding` and a charset say.
    ///
    /// # Errors
    /// One that is not known, in words for the client.
    pub fn of(codings: &str, charset: Option<&str>) -> Result<Self, String> {
        let codings = codings.split(',').map(str::trim);
        let named: Vec<&str> = codings.filter(|name| !matches!(*name, "" | "identity")).collect();
        if named.len() > CODINGS_MAX {
            return Err(format!("more than {CODINGS_MAX} codings stand on each other"));
        }
        let mut steps = Vec::new();
        for name in named.iter().rev() {
            steps.push(Step::of(name).ok_or_else(|| format!("its encoding `{name}` is not read"))?);
        }
        if let Some(name) = charset {
            let known = Encoding::for_label(name.as_bytes());
            // In others the same bytes are one text in ASCII, and another one in the charset:
            // what is harmless in one reading need not be in the other.
            let known = known.filter(|known| known.is_ascii_compatible());
            let known = known.ok_or_else(|| format!("its charset `{name}` is not read"))?;
            if known != UTF_8 {
                steps.push(Step::Charset(Box::new(known.new_decoder_without_bom_handling())));
            }
        }
        Ok(Self { steps, ..Self::default() })
    }

    /// Whether there is anything to undo: a few bytes can become many.
    #[must_use]
    pub fn is_needed(&self) -> bool {
        !self.steps.is_empty()
    }

    /// A piece of the body.
    ///
    /// # Errors
    /// It is not what it says, or becomes too much.
    pub fn push<'d>(&mut self, data: &'d [u8]) -> Result<Cow<'d, [u8]>, Unmaskable> {
        self.taken += data.len() as u64;
        let mut piece = Cow::Borrowed(data);
        for step in &mut self.steps {
            piece = Cow::Owned(step.push(&piece)?);
        }
        self.count(piece.len())?;
        Ok(piece)
    }

    /// The body ends here; gives what is left of it.
    ///
    /// # Errors
    /// It ends in the middle.
    pub fn finish(&mut self) -> Result<Vec<u8>, Unmaskable> {
        let mut piece = Vec::new();
        for step in &mut self.steps {
            let mut out = step.push(&piece)?;
            out.extend(step.finish()?);
            piece = out;
        }
        self.count(piece.len())?;
        Ok(piece)
    }

    fn count(&mut self, given: usize) -> Result<(), Unmaskable> {
        self.given += given as u64;
        match self.given > BEGINNING_BYTES && self.given / RATIO_MAX > self.taken {
            true => Err(Unmaskable(format!("it becomes more than {RATIO_MAX} times as long"))),
            false => Ok(()),
        }
    }
}

fn broken(error: io::Error) -> Unmaskable {
    Unmaskable(match error.kind() {
        io::ErrorKind::OutOfMemory => "a piece of it becomes too long".to_owned(),
        _ => "it is not encoded as it says".to_owned(),
    })
}

impl Step {
    fn of(name: &str) -> Option<Self> {
        Some(match name {
            "gzip" | "x-gzip" => Self::Gzip(MultiGzDecoder::new(Sink::default())),
            "deflate" => Self::Deflate,
            "br" => Self::Brotli(Box::new(DecompressorWriter::new(Sink::default(), 16 << 10))),
            "zstd" => {
                let mut decoder = ZstdDecoder::new(Sink::default()).ok()?;
                decoder.set_parameter(DParameter::WindowLogMax(ZSTD_WINDOW_LOG_MAX)).ok()?;
                Self::Zstd(decoder)
            }
            _ => return None,
        })
    }

    fn push(&mut self, data: &[u8]) -> Result<Vec<u8>, Unmaskable> {
        if let Self::Deflate = self
            && let Some(first) = data.first()
        {
            // SPEC: RFC 1950 section 2.2: the method 8 in the low half of the first byte.
            *self = match first & 0x0f {
                8 => Self::Zlib(ZlibDecoder::new(Sink::default())),
                _ => Self::Raw(DeflateDecoder::new(Sink::default())),
            };
        }
        let sink = match self {
            Self::Deflate => return Ok(Vec::new()),
            Self::Gzip(decoder) => put(decoder, data).map(|()| decoder.get_mut()),
            Self::Zlib(decoder) => put(decoder, data).map(|()| decoder.get_mut()),
            Self::Raw(decoder) => put(decoder, data).map(|()| decoder.get_mut()),
            Self::Brotli(decoder) => put(&mut **decoder, data).map(|()| decoder.get_mut()),
            Self::Zstd(decoder) => put(decoder, data).map(|()| decoder.get_mut()),
            Self::Charset(decoder) => return decoded(decoder, data, false),
        };
        Ok(std::mem::take(&mut sink.map_err(broken)?.0))
    }

    fn finish(&mut self) -> Result<Vec<u8>, Unmaskable> {
        let sink = match self {
            Self::Deflate => return Ok(Vec::new()),
            Self::Gzip(decoder) => decoder.try_finish().map(|()| decoder.get_mut()),
            Self::Zlib(decoder) => decoder.try_finish().map(|()| decoder.get_mut()),
            Self::Raw(decoder) => decoder.try_finish().map(|()| decoder.get_mut()),
            Self::Brotli(decoder) => decoder.close().map(|()| decoder.get_mut()),
            Self::Zstd(decoder) => decoder.flush().map(|()| decoder.get_mut()),
            Self::Charset(decoder) => return decoded(decoder, &[], true),
        };
        Ok(std::mem::take(&mut sink.map_err(broken)?.0))
    }
}

fn put(decoder: &mut impl Write, data: &[u8]) -> io::Result<()> {
    decoder.write_all(data)?;
    decoder.flush()
}

/// What is not of the charset has two readings.
fn decoded(
    decoder: &mut encoding_rs::Decoder,
    data: &[u8],
    is_last: bool,
) -> Result<Vec<u8>, Unmaskable> {
    let unreadable = || Unmaskable("it is not of the charset that it says".to_owned());
    let room = decoder.max_utf8_buffer_length(data.len()).ok_or_else(unreadable)?;
    let mut out = vec![0; room];
    let (result, read, written, has_errors) = decoder.decode_to_utf8(data, &mut out, is_last);
    if has_errors || result == CoderResult::OutputFull || read < data.len() {
        return Err(unreadable());
    }
    out.truncate(written);
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::Compression;
    use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};

    const TEXT: &[u8] = b"{\"email\":\"eva@example.org\"}";

    fn undone(codings: &str, charset: Option<&str>, body: &[u8], step: usize) -> Option<Vec<u8>> {
        let mut decoding = Decoding::of(codings, charset).ok()?;
        let mut out = Vec::new();
        for piece in body.chunks(step) {
            out.extend_from_slice(&decoding.push(piece).ok()?);
        }
        out.extend(decoding.finish().ok()?);
        Some(out)
    }

    #[track_caller]
    fn check(codings: &str, charset: Option<&str>, body: &[u8]) {
        for step in 1..=body.len() {
            let found = undone(codings, charset, body, step);
            assert_eq!(found.as_deref(), Some(TEXT), "{codings} in pieces of {step}");
        }
    }

    fn gzip(data: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(data).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn codings_are_undone_whatever_the_pieces() {
        check("", None, TEXT);
        check("identity", Some("utf-8"), TEXT);
        check("gzip", None, &gzip(TEXT));
        check("gzip, gzip", None, &gzip(&gzip(TEXT)));
        let mut zlib = ZlibEncoder::new(Vec::new(), Compression::default());
        zlib.write_all(TEXT).unwrap();
        check("deflate", None, &zlib.finish().unwrap());
        let mut raw = DeflateEncoder::new(Vec::new(), Compression::default());
        raw.write_all(TEXT).unwrap();
        check("deflate", None, &raw.finish().unwrap());
        check("zstd", None, &zstd::encode_all(TEXT, 3).unwrap());
        // Made with the reference encoder.
        let brotli = b"\x0b\x0d\x80{\"email\":\"eva@example.org\"}\x03";
        check("br", None, brotli);
    }

    #[test]
    fn charsets_are_undone() {
        check("gzip", Some("latin1"), &gzip(TEXT));
        assert_eq!(undone("", Some("latin1"), b"M\xfcller", 1).unwrap(), "Müller".as_bytes());
        assert_eq!(undone("", Some("shift_jis"), b"\x82\xa0", 1).unwrap(), "あ".as_bytes());
        assert!(undone("", Some("shift_jis"), b"\x82", 1).is_none());
        for name in ["utf-7", "utf-16", "iso-2022-jp"] {
            assert!(Decoding::of("", Some(name)).is_err(), "{name}");
        }
    }

    #[test]
    fn what_is_cut_off_lies_or_explodes_does_not_pass() {
        let packed = gzip(TEXT);
        assert!(undone("gzip", None, TEXT, 5).is_none());
        assert!(undone("gzip", None, packed.get(..packed.len() - 9).unwrap(), 5).is_none());
        assert!(undone("br", None, packed.as_slice(), 5).is_none());
        assert!(Decoding::of("compress", None).is_err());
        assert!(Decoding::of("gzip, gzip, gzip, gzip", None).is_err());
        let bomb = gzip(&vec![0; 100 << 20]);
        assert!(undone("gzip", None, &bomb, 1 << 10).is_none());
        let bomb = zstd::encode_all(&*vec![0; 100 << 20], 3).unwrap();
        assert!(undone("zstd", None, &bomb, 1 << 10).is_none());
    }
}
