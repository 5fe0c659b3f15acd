//! `portreeve detect --mask`: writes a document with what was found masked.

use super::super::output::{Format, print_json, remark};
use super::text::utf16;
use super::{Shown, shown};
use anyhow::Context;
use portreeve_detect::jsonl::{LineError, masked_line};
use portreeve_detect::mask::{Container, Malformed, MaskKey, Method, detect_document, mask};
use portreeve_detect::{Category, Detector, Finding, PIECE_BYTES, Pieces, Rest};
use serde::Serialize;
use std::collections::BTreeMap;
use std::io::{BufWriter, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// The options of masking.
#[derive(Debug, clap::Args)]
pub(super) struct Options {
    /// Write the text with every finding masked by this method.
    #[arg(long, value_name = "METHOD")]
    mask: Option<Name>,
    /// What the document is, so that it stays one.
    #[arg(long, value_name = "KIND", requires = "mask")]
    container: Option<Kind>,
    /// The key of `pseudonym` and `format-preserving`: 32 bytes, or 64 hexadecimal digits. Who has
    /// it can test guesses.
    #[arg(long, value_name = "FILE", requires = "mask")]
    key_file: Option<PathBuf>,
}

/// Names of the methods.
#[derive(Clone, Copy, PartialEq, Eq, Debug, clap::ValueEnum)]
enum Name {
    /// `[email]`; zero for a bare number.
    #[value(alias = "token")]
    Redact,
    /// A little of the value: `e***@example.org`, `****1234`, `E. M.`
    Partial,
    /// The same for the same value, and not to be undone: `phone_k7m2…`
    Pseudonym,
    /// Other digits for digits, other letters for letters, nobody's value.
    FormatPreserving,
    /// Nothing; zero for a bare number.
    Null,
}

/// Names of the containers.
#[derive(Clone, Copy, PartialEq, Eq, Debug, clap::ValueEnum)]
enum Kind {
    /// Text without a known form.
    Text,
    /// JSON and JSON lines.
    Json,
    /// Cells separated by comma, semicolon, tab or bar.
    Csv,
    /// SQL as PostgreSQL reads it, and its dumps.
    Sql,
    /// XML and HTML.
    Xml,
}

/// How a document is masked.
#[derive(Debug)]
pub(super) struct Masking {
    method: Method,
    container: Container,
}

/// What `--format json` shows.
#[derive(Serialize)]
struct Answer<'m> {
    masked: &'m str,
    findings: Vec<Placed>,
}

/// A finding, and where its replacement is.
#[derive(Serialize)]
struct Placed {
    #[serde(flatten)]
    finding: Shown,
    masked_start: usize,
    masked_end: usize,
}

impl Options {
    /// Reads the options; none if nothing is to be masked.
    pub(super) fn read(&self, file: Option<&Path>) -> anyhow::Result<Option<Masking>> {
        let Some(name) = self.mask else { return Ok(None) };
        let container = self.container.map_or_else(|| container_of(file), Kind::container);
        let method = match name {
            Name::Redact => Method::Redact,
            Name::Partial => Method::Partial,
            Name::Null => Method::Null,
            Name::Pseudonym => Method::Pseudonym(self.key("pseudonym")?),
            Name::FormatPreserving => Method::FormatPreserving(self.key("format-preserving")?),
        };
        Ok(Some(Masking { method, container }))
    }

    fn key(&self, method: &str) -> anyhow::Result<MaskKey> {
        let path = self.key_file.as_ref().with_context(|| {
            format!(
                "`--mask {method}` needs a key; hint: `head -c 32 /dev/urandom > mask.key` makes \
                 one, `--key-file mask.key` names it"
            )
        })?;
        let what = || format!("cannot read the key `{}`", path.display());
        let mut bytes = Vec::new();
        let file = std::fs::File::open(path).with_context(what)?;
        file.take(KEY_FILE_BYTES_MAX).read_to_end(&mut bytes).with_context(what)?;
        let key = read_key(&bytes).with_context(|| {
            format!(
                "the key `{}` has {} bytes; hint: a key has 32, or 64 hexadecimal digits",
                path.display(),
                bytes.len()
            )
        })?;
        Ok(MaskKey::new(key))
    }
}

/// A key as bytes, or as hexadecimal digits in a line.
fn read_key(bytes: &[u8]) -> Option<[u8; 32]> {
    if let Ok(key) = bytes.try_into() {
        return Some(key);
    }
    let digits = bytes.trim_ascii();
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let pair = |pair: &[u8]| match pair {
        [high, low] => Some(digit(*high)? << 4 | digit(*low)?),
        _ => None,
    };
    digits.chunks(2).map(pair).collect::<Option<Vec<u8>>>()?.try_into().ok()
}

/// What the name of a file says that it is.
fn container_of(file: Option<&Path>) -> Container {
    let extension = file.and_then(Path::extension).and_then(|extension| extension.to_str());
    match extension.unwrap_or_default().to_ascii_lowercase().as_str() {
        "json" | "jsonl" | "ndjson" => Container::Json,
        "csv" | "tsv" => Container::Csv,
        "sql" => Container::Sql,
        "xml" | "html" | "htm" | "xhtml" => Container::Xml,
        _ => Container::Text,
    }
}

impl Kind {
    fn container(self) -> Container {
        match self {
            Self::Text => Container::Text,
            Self::Json => Container::Json,
            Self::Csv => Container::Csv,
            Self::Sql => Container::Sql,
            Self::Xml => Container::Xml,
        }
    }
}

impl Masking {
    /// Masks the whole input and writes it to standard output.
    pub(super) fn run(&self, input: impl Read, format: Format) -> anyhow::Result<ExitCode> {
        if format == Format::Json {
            let text = read_document(input)?;
            let (findings, masked) = self.document(&text)?;
            let offsets = |finding: &Finding| masked.offsets.target_range(finding.range());
            let placed = shown(&text, &findings).into_iter().zip(findings.iter().map(offsets));
            let findings = placed
                .map(|(finding, range)| Placed {
                    finding,
                    masked_start: range.start,
                    masked_end: range.end,
                })
                .collect();
            print_json(&Answer { masked: &masked.text, findings })?;
            return Ok(ExitCode::SUCCESS);
        }
        let mut counts = Counts::default();
        let mut out = BufWriter::new(std::io::stdout().lock());
        let written = match self.container {
            Container::Text => self.stream(input, &mut out, PIECE_BYTES, &mut counts),
            Container::Json
            | Container::Csv
            | Container::Sql
            | Container::Array
            | Container::Xml => {
                let text = read_document(input)?;
                let (findings, masked) = self.document(&text)?;
                counts.add(&findings);
                out.write_all(masked.text.as_bytes()).map_err(anyhow::Error::from)
            }
        };
        match written.and_then(|()| Ok(out.flush()?)) {
            Err(error) if is_broken_pipe(&error) => {}
            result => result?,
        }
        remark(&counts.to_string());
        Ok(ExitCode::SUCCESS)
    }

    /// Answers a line of `--jsonl text`.
    pub(super) fn line(&self, detector: &Detector, line: &str) -> Result<String, LineError> {
        masked_line(detector, line, self.container, &self.method)
    }

    fn document<'t>(
        &self,
        text: &'t str,
    ) -> anyhow::Result<(Vec<Finding>, portreeve_detect::mask::Masked<'t>)> {
        let hint = |error: Malformed| {
            anyhow::anyhow!("the document is {error}; hint: `--container text` masks any text")
        };
        let mut findings = Vec::new();
        let detector = Detector::default();
        detect_document(&detector, text, self.container, &mut findings).map_err(hint)?;
        let masked = mask(text, self.container, &findings, &self.method).map_err(hint)?;
        Ok((findings, masked))
    }

    /// Masks text piece by piece: a piece ends at white space outside of every finding, and the
    /// end of the piece before stays in sight as context.
    fn stream(
        &self,
        mut input: impl Read,
        out: &mut impl Write,
        piece_bytes: usize,
        counts: &mut Counts,
    ) -> anyhow::Result<()> {
        let mut pieces = Pieces::new(Detector::default());
        let mut pending: Vec<u8> = Vec::new();
        // Where what is pending was in the input.
        let mut base = 0_u64;
        let mut wanted = piece_bytes;
        loop {
            let more = u64::try_from(wanted.saturating_sub(pending.len()))?;
            let read = input.by_ref().take(more).read_to_end(&mut pending);
            let ended = u64::try_from(read.context("cannot read the text")?)? < more;
            let text = valid_part(&pending, ended, base)?;
            let mut findings = Vec::new();
            let rest = if ended { Rest::Ends } else { Rest::Comes };
            let Some(end) = pieces.look(text, rest, &mut findings) else {
                anyhow::ensure!(
                    wanted < HELD_BYTES_MAX,
                    "the text has no white space for {HELD_BYTES_MAX} bytes; hint: say what it is \
                     with `--container`"
                );
                wanted *= 2;
                continue;
            };
            let seen = pieces.seen();
            for finding in &mut findings {
                finding.start -= seen;
                finding.end -= seen;
            }
            counts.add(&findings);
            let piece = text.get(seen..end).unwrap_or_default();
            let masked = mask(piece, Container::Text, &findings, &self.method)?;
            out.write_all(masked.text.as_bytes())?;
            if ended {
                return Ok(());
            }
            let gone = pieces.pass(text, end);
            base += u64::try_from(gone)?;
            pending.drain(..gone);
            wanted = piece_bytes + pieces.seen();
        }
    }
}

/// The text of the bytes; a character that is cut at their end is left for later.
fn valid_part(bytes: &[u8], ended: bool, base: u64) -> anyhow::Result<&str> {
    // Read as bytes it would be valid, and masks would not be of its kind.
    anyhow::ensure!(
        base > 0 || utf16(bytes).is_none(),
        "the text is UTF-16; hint: `iconv -f UTF-16 -t UTF-8` converts it"
    );
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok(text),
        Err(error) if error.error_len().is_none() && !ended => {
            Ok(std::str::from_utf8(&bytes[..error.valid_up_to()])?)
        }
        Err(error) => {
            let at = base + u64::try_from(error.valid_up_to())?;
            anyhow::bail!("the text is not UTF-8 at byte {at}; hint: `iconv` converts it")
        }
    }
}

fn read_document(input: impl Read) -> anyhow::Result<String> {
    let mut bytes = Vec::new();
    let read = input.take(DOCUMENT_BYTES_MAX + 1).read_to_end(&mut bytes);
    let size = u64::try_from(read.context("cannot read the document")?)?;
    anyhow::ensure!(
        size <= DOCUMENT_BYTES_MAX,
        "the document has more than {DOCUMENT_BYTES_MAX} bytes; hint: divide it, or mask it as \
         text with `--container text`"
    );
    valid_part(&bytes, true, 0)?;
    Ok(String::from_utf8(bytes)?)
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let kind = error.downcast_ref::<std::io::Error>().map(std::io::Error::kind);
    kind == Some(ErrorKind::BrokenPipe)
}

/// How many values of each category were masked.
#[derive(Default)]
struct Counts(BTreeMap<Category, u64>);

impl Counts {
    fn add(&mut self, findings: &[Finding]) {
        for finding in findings {
            *self.0.entry(finding.category).or_default() += 1;
        }
    }
}

impl std::fmt::Display for Counts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0.values().sum() {
            0_u64 => return f.write_str("nothing found"),
            1 => f.write_str("1 value masked")?,
            count => write!(f, "{count} values masked")?,
        }
        for (index, (category, count)) in self.0.iter().enumerate() {
            let mark = if index == 0 { ':' } else { ',' };
            write!(f, "{mark} {count} {}", category.name())?;
        }
        Ok(())
    }
}

/// Largest document that is masked in one piece.
const DOCUMENT_BYTES_MAX: u64 = 256 << 20;
/// Most text that is kept back because it could not be cut.
const HELD_BYTES_MAX: usize = 64 << 20;
const KEY_FILE_BYTES_MAX: u64 = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    fn streamed(text: &[u8], piece_bytes: usize) -> anyhow::Result<String> {
        let masking = Masking { method: Method::Redact, container: Container::Text };
        let mut out = Vec::new();
        masking.stream(text, &mut out, piece_bytes, &mut Counts::default())?;
        Ok(String::from_utf8(out)?)
    }

    #[test]
    fn pieces_give_what_the_whole_gives() {
        let lines = (0..300).map(|number| {
            format!("{number} café, write to eva{number}@example.org or 4111 1111 1111 1111.\n")
        });
        let text: String = lines.collect();
        let whole = streamed(text.as_bytes(), 1 << 20).unwrap();
        assert_eq!(whole.matches("[email]").count(), 300);
        assert_eq!(whole.matches("[card]").count(), 300);
        for piece_bytes in [1, 500, 501, 1000, 4096] {
            assert_eq!(streamed(text.as_bytes(), piece_bytes).unwrap(), whole, "{piece_bytes}");
        }
        let unbroken = "x".repeat(5000);
        assert_eq!(streamed(unbroken.as_bytes(), 100).unwrap(), unbroken);
    }

    #[test]
    fn what_is_not_utf8_is_refused() {
        let mut text = b"plain words ".repeat(100);
        text.push(0xff);
        let error = streamed(&text, 300).unwrap_err();
        assert!(error.to_string().contains("not UTF-8 at byte 1200"), "{error}");
        assert!(streamed("é".as_bytes().split_at(1).0, 300).is_err(), "cut off");
    }

    #[test]
    fn utf16_is_refused() {
        let text: Vec<u8> =
            "to eva@example.org".encode_utf16().flat_map(u16::to_le_bytes).collect();
        let error = streamed(&text, 300).unwrap_err();
        assert!(error.to_string().contains("UTF-16"), "{error}");
    }

    #[test]
    fn keys_are_bytes_or_digits() {
        assert_eq!(read_key(&[7; 32]), Some([7; 32]));
        assert_eq!(read_key("07".repeat(32).as_bytes()), Some([7; 32]));
        assert_eq!(read_key(format!("{}\n", "0F".repeat(32)).as_bytes()), Some([15; 32]));
        for bad in [&b"short"[..], &[0; 33], "0g".repeat(32).as_bytes()] {
            assert_eq!(read_key(bad), None);
        }
    }

    #[test]
    fn counts_are_said() {
        assert_eq!(Counts::default().to_string(), "nothing found");
        let counts = Counts([(Category::Email, 2), (Category::Iban, 1)].into());
        assert_eq!(counts.to_string(), "3 values masked: 2 email, 1 iban");
    }
}
