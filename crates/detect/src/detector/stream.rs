//! Text that comes in chunks: findings of the whole, in bounded memory, however it is cut.
//!
//! What came is looked at in windows whose ends depend on the text alone and not on the chunks.
//! A window begins a little before what is still open and ends [`HELD_BYTES`] behind what is
//! settled, so that a value is seen whole, with the words around it, before any byte of it is
//! settled. The part that is open begins at white space, outside all findings and tags.
//!
//! ```
//! use portreeve_detect::{Category, Detector, Stream};
//! let mut stream = Stream::new(Detector::default());
//! let mut findings = Vec::new();
//! stream.push(b"card 4111 1111 11", &mut findings);
//! stream.push(b"11 1111, thanks", &mut findings);
//! stream.finish(&mut findings);
//! assert_eq!((findings[0].start, findings[0].end), (5, 24));
//! ```
//!
//! Where this is not what [`Detector::detect_bytes`] finds in the whole text, more is masked: a
//! run of more than [`OPEN_BYTES_MAX`] bytes without white space or a divider is a finding up to
//! its end (rule `unbroken`), whatever it holds, and whatever categories are asked for. A text is
//! looked at from less far back, too: a line that begins with digits more than [`BEFORE_BYTES`]
//! before a name is not known for one of a log, and which of two findings that cross is kept, or
//! to which of two names a word belongs, may differ where the end of one is beyond the window.

use super::Detector;
use crate::context::fields::Tables;
use crate::finding::category::Category;
use crate::finding::{Evidence, Finding};
use memchr::memmem;

/// How far a window looks beyond what it settles. No value that has white space in it is longer,
/// but for blocks of keys, and those are found by their beginnings.
const HELD_BYTES: usize = 512;

/// How much of the settled text a window begins with, for the words around a value.
const BEFORE_BYTES: usize = 512;

/// Fewest bytes that a window moves on by.
const STEP_BYTES: usize = 4096;

/// Most bytes that may be open for want of a place to divide them.
pub const OPEN_BYTES_MAX: usize = 64 * 1024;

/// A text that comes in chunks. It holds at most 98 KiB of it; [`Detector::detect_bytes`] needs a
/// few times as much while it looks at them.
#[derive(Debug)]
pub struct Stream {
    detector: Detector,
    /// The settled text before the open one, and the open one.
    window: Vec<u8>,
    /// Offset of the window in the text.
    base: usize,
    /// Where the open part of the window begins.
    open: usize,
    /// How long the window gets before it is looked at.
    due: usize,
    masked: Option<Masked>,
    /// The table that is open where the window begins.
    tables: Tables,
}

/// A stretch that is masked without a look at it.
#[derive(Clone, Copy, Debug)]
enum Masked {
    /// A run without white space.
    Unbroken,
    /// A block of a key, up to the last of these marks.
    Key(&'static [&'static str]),
}

/// How a block of a key ends.
const KEY_ENDS: &[&str] = &["-----END ", "-----"];

impl Stream {
    /// A stream that has not begun.
    #[must_use]
    pub fn new(detector: Detector) -> Self {
        Self {
            detector,
            window: Vec::new(),
            base: 0,
            open: 0,
            due: STEP_BYTES,
            masked: None,
            tables: Tables::default(),
        }
    }

    /// Takes the next bytes and appends the findings that are settled by them to `out`, at
    /// offsets of the whole text. All together they are sorted and disjoint.
    pub fn push(&mut self, chunk: &[u8], out: &mut Vec<Finding>) {
        let mut rest = chunk;
        while !rest.is_empty() {
            let (now, later) = rest.split_at(rest.len().min(self.due - self.window.len()));
            self.window.extend_from_slice(now);
            rest = later;
            if self.window.len() == self.due {
                self.look(out);
            }
        }
    }

    /// Settles what can be settled of the bytes that came, for when nothing more may come for a
    /// while. It costs a look at all that is open, so it is not for every chunk.
    pub fn flush(&mut self, out: &mut Vec<Finding>) {
        if self.window.len() > self.open + HELD_BYTES {
            self.look(out);
        }
    }

    /// Where the settled part of the text ends: all findings before it were reported, and its
    /// bytes may go on.
    #[must_use]
    pub fn settled(&self) -> usize {
        self.base + self.open
    }

    /// Settles the rest: the text ends here.
    pub fn finish(mut self, out: &mut Vec<Finding>) {
        self.mask(out);
        // What was kept for the end of the stretch belongs to it.
        if let Some(masked) = self.masked {
            return self.report_masked(masked, self.window.len(), out);
        }
        let findings = self.find();
        self.report(&findings, self.window.len(), out);
    }

    /// Looks at the window, reports what it settles and moves on.
    fn look(&mut self, out: &mut Vec<Finding>) {
        if self.masked.is_none() {
            let findings = self.find();
            let mut end = place(&self.window, self.open, &findings);
            if end == self.open && self.window.len() - self.open > OPEN_BYTES_MAX {
                end = self.force(&findings);
            }
            self.report(&findings, end, out);
            self.open = end;
            let mut start = end.saturating_sub(BEFORE_BYTES);
            // Not in the middle of a character.
            while start < end && self.window[start] & 0xC0 == 0x80 {
                start += 1;
            }
            self.drop_before(start);
        }
        self.mask(out);
    }

    /// Masks what is masked without a look, as far as it came.
    fn mask(&mut self, out: &mut Vec<Finding>) {
        while let Some(masked) = self.masked {
            let found = masked.end(&self.window[self.open..]);
            let (end, next) = match found {
                Some((length, next)) => (self.open + length, next),
                None => {
                    let end = self.window.len().saturating_sub(masked.kept());
                    (end.max(self.open), self.masked)
                }
            };
            self.report_masked(masked, end, out);
            self.masked = next;
            self.open = end;
            self.drop_before(end);
            if found.is_none() {
                return;
            }
        }
    }

    fn find(&self) -> Vec<Finding> {
        let mut findings = Vec::new();
        let mut tables = self.tables.clone();
        self.detector.scan_bytes(&self.window, &mut tables, &mut findings);
        findings
    }

    /// Where to divide a window that has no good place, and what is masked from there on.
    fn force(&mut self, findings: &[Finding]) -> usize {
        let mut limit = self.window.len() - HELD_BYTES;
        let over = findings.iter().find(|f| f.start < limit && limit < f.end);
        if let Some(finding) = over {
            if finding.rule == "private-key" {
                self.masked = Some(Masked::Key(KEY_ENDS));
                return finding.start.max(self.open);
            }
            limit = if finding.start > self.open { finding.start } else { limit };
        }
        let whole = over.is_some_and(|f| f.start <= self.open);
        let divides = |b: &u8| b.is_ascii_whitespace() || !whole && is_divider(*b);
        if let Some(at) = self.window[self.open..limit].iter().rposition(divides) {
            return self.open + at + 1;
        }
        self.masked = Some(Masked::Unbroken);
        self.open
    }

    /// Reports the findings in the open part before `end`; what one has beyond stays open.
    fn report(&self, findings: &[Finding], end: usize, out: &mut Vec<Finding>) {
        for finding in findings {
            let (start, end) = (finding.start.max(self.open), finding.end.min(end));
            if start < end {
                out.push(Finding { start: self.base + start, end: self.base + end, ..*finding });
            }
        }
    }

    fn report_masked(&self, masked: Masked, end: usize, out: &mut Vec<Finding>) {
        if self.open < end {
            let (score, rule) = match masked {
                Masked::Unbroken => (60, "unbroken"),
                Masked::Key(_) => (99, "private-key"),
            };
            let range = self.base + self.open..self.base + end;
            out.push(Finding::new(range, Category::Secret, score, Evidence::Shape, rule));
        }
    }

    fn drop_before(&mut self, start: usize) {
        for chunk in self.window[..start].utf8_chunks() {
            self.tables.pass(chunk.valid());
        }
        self.window.drain(..start);
        self.base += start;
        self.open -= start;
        // The more is open, the longer the way to the next look: each byte is looked at a few
        // times at most.
        let held = self.window.len() - self.open;
        self.due = self.window.len() + STEP_BYTES.max(held / 2);
    }
}

impl Masked {
    /// Where the stretch ends, and what is masked behind it.
    fn end(self, bytes: &[u8]) -> Option<(usize, Option<Self>)> {
        match self {
            Self::Unbroken => {
                let ends = |b: &u8| b.is_ascii_whitespace() || is_divider(*b);
                bytes.iter().position(ends).map(|end| (end, None))
            }
            Self::Key([mark, marks @ ..]) => {
                let end = memmem::find(bytes, mark.as_bytes())? + mark.len();
                Some((end, (!marks.is_empty()).then_some(Self::Key(marks))))
            }
            Self::Key([]) => Some((0, None)),
        }
    }

    /// How many bytes stay open because the end may begin in them.
    fn kept(self) -> usize {
        match self {
            Self::Unbroken => 0,
            Self::Key(marks) => marks.first().map_or(0, |mark| mark.len() - 1),
        }
    }
}

/// Signs that no value of any length has in it.
fn is_divider(byte: u8) -> bool {
    matches!(
        byte,
        b'"' | b'<' | b'>' | b'`' | b'{' | b'}' | b'|' | b'\\' | b',' | b';' | b'[' | b']'
    )
}

/// Where the open part of a window may be divided: at white space, outside every finding and
/// every tag, [`HELD_BYTES`] before the end; `open` when there is no such place.
fn place(bytes: &[u8], open: usize, findings: &[Finding]) -> usize {
    let mut limit = bytes.len().saturating_sub(HELD_BYTES);
    while limit > open {
        let over = findings.iter().find(|f| f.start < limit && limit < f.end);
        let before = match (over, tag_around(bytes, open, limit)) {
            (Some(finding), _) => finding.start,
            (None, Some(tag)) => tag,
            (None, None) => {
                let run = (open..limit).rev().take_while(|at| !is_space(bytes, *at)).count();
                if run == 0 {
                    return limit;
                }
                limit - run
            }
        };
        limit = before;
    }
    open
}

/// Whether there is white space at `at`, other than a line break that quoted-printable undoes.
fn is_space(bytes: &[u8], at: usize) -> bool {
    bytes[at].is_ascii_whitespace()
        && !(bytes[..at].ends_with(b"=") || bytes[..at].ends_with(b"=\r"))
}

/// The beginning of a tag or comment that is open at `at`: values may go on behind it.
fn tag_around(bytes: &[u8], open: usize, at: usize) -> Option<usize> {
    const TAG_BYTES_MAX: usize = 204;
    let from = at.saturating_sub(TAG_BYTES_MAX).max(open);
    let mark = memchr::memrchr2(b'<', b'>', &bytes[from..at])? + from;
    let comment = memmem::rfind(&bytes[from..at], b"<!--").map(|i| i + from);
    let closed = comment.is_none_or(|i| memmem::find(&bytes[i..at], b"-->").is_some());
    if !closed { comment } else { (bytes[mark] == b'<').then_some(mark) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SEEDS: &[&str] = &[
        "IBAN DE89 3704 0044 0532 0130 00, card 4111_1111_1111_1111, SSN 514-69-0360",
        "eva (at) example (dot) org; e v a @ e x a m p l e . o r g; &#101;va&#64;example.org",
        "ZXZhQGV4YW1wbGUub3Jn %65%76%61%40example.org password=Qr7!dke#39",
        "born 12. Mai 1978, geboren am 10.05.1978, diagnosis: F20.0, +49 (0)171 123-45 67",
        "ｅｖａ＠ｅｘａｍｐｌｅ．ｏｒｇ 52.37021, 4.89517 postgres://a:b@c.d/e 41<b>11 1</b>111 1111 1111",
        "-----BEGIN PRIVATE KEY-----\nMIIB\n-----END PRIVATE KEY----- AKIAIOSFODNN7EXAMPLE",
        "the weather stays fine until the weekend, größer als sonst, and then it rains a lot",
    ];

    /// A text of about so many bytes, made of the seeds in some order.
    fn text(bytes: usize, mut random: u64) -> String {
        let mut text = String::new();
        while text.len() < bytes {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            text.push_str(SEEDS[(random % SEEDS.len() as u64) as usize]);
            text.push_str(if random & 0x100 == 0 { ". " } else { "\n" });
        }
        text
    }

    fn whole(text: &[u8]) -> Vec<Finding> {
        let mut found = Vec::new();
        Detector::default().detect_bytes(text, &mut found);
        found
    }

    /// The findings in a text that comes in these pieces; `flush` settles after each.
    fn streamed(text: &[u8], cuts: &[usize], flush: bool) -> Vec<Finding> {
        let (mut stream, mut found, mut at) = (Stream::new(Detector::default()), Vec::new(), 0);
        for cut in cuts.iter().copied().chain([text.len()]) {
            stream.push(&text[at..cut], &mut found);
            if flush {
                stream.flush(&mut found);
            }
            assert!(found.last().is_none_or(|f| f.end <= stream.settled()), "all is settled");
            assert!(stream.settled() <= cut);
            assert!(stream.window.len() <= BEFORE_BYTES + OPEN_BYTES_MAX * 3 / 2 + 1);
            at = cut;
        }
        stream.finish(&mut found);
        assert!(found.windows(2).all(|pair| pair[0].end <= pair[1].start), "in order");
        found
    }

    fn is_masked(found: &[Finding], at: usize) -> bool {
        found.iter().any(|f| f.start <= at && at < f.end)
    }

    #[test]
    fn every_cut_finds_what_the_whole_text_has() {
        for round in 1..=2 {
            let text = text(HELD_BYTES + 150, round);
            let text = text.as_bytes();
            let expect = whole(text);
            // In two at every byte, in the middle of characters, too.
            for cut in HELD_BYTES..=text.len() {
                assert_eq!(streamed(text, &[cut], true), expect, "cut at {cut} of round {round}");
            }
        }
    }

    #[test]
    fn chunks_do_not_matter() {
        let text = text(14_000, 7);
        let text = text.as_bytes();
        let expect = streamed(text, &[], false);
        assert_eq!(expect, whole(text));
        let bytes: Vec<usize> = (1..text.len()).collect();
        assert_eq!(streamed(text, &bytes, false), expect, "byte by byte");
        let odd: Vec<usize> = (1..text.len()).step_by(4099).collect();
        assert_eq!(streamed(text, &odd, false), expect);
    }

    #[test]
    fn no_run_is_too_long_to_be_masked() {
        let card = "4111111111111111";
        // Characters of one value far apart, in a run that never ends.
        let apart: String =
            card.chars().map(|c| format!("{c}{}", "\u{200b}".repeat(2_000))).collect();
        let secret = format!("a {apart} b");
        let found = streamed(secret.as_bytes(), &[], false);
        for (at, _) in secret.match_indices(|c: char| c.is_ascii_digit()) {
            assert!(is_masked(&found, at), "digit at {at}");
        }
        // Behind such a run all is as before.
        let text = format!("a {} eva@example.org c", "x".repeat(300_000));
        let bytes: Vec<usize> = (1..text.len()).step_by(701).collect();
        let found = streamed(text.as_bytes(), &bytes, false);
        assert_eq!(found[0].start, 2);
        assert!((2..300_002).all(|at| at % 997 > 0 || is_masked(&found, at)));
        assert_eq!(found.last().map(|f| f.category), Some(Category::Email));
        assert!(!is_masked(&found, 300_002) && !is_masked(&found, text.len() - 1));
    }

    #[test]
    fn a_key_of_any_length_is_masked_to_its_end() {
        let body = "MIIBVQIBADANBgkqhkiG9w0BAQEFAASCAT8wggE7AgEAAkEAq7BF\n".repeat(4_000);
        let key = format!("-----BEGIN PRIVATE KEY-----\n{body}-----END PRIVATE KEY-----");
        let text = format!("see {key} and eva@example.org");
        let bytes: Vec<usize> = (1..text.len()).step_by(1_013).collect();
        let found = streamed(text.as_bytes(), &bytes, false);
        assert!((4..4 + key.len()).all(|at| at % 31 > 0 || is_masked(&found, at)));
        assert!(!is_masked(&found, 4 + key.len()) && !is_masked(&found, 3));
        assert_eq!(found.last().map(|f| f.category), Some(Category::Email));
    }

    #[test]
    fn values_stretched_by_comments_and_soft_breaks_are_seen_whole() {
        for filler in [format!("<!-- {} -->", "y ".repeat(90)), "=\n".repeat(300)] {
            let card: String = "4111111111111111".chars().map(|c| format!("{c}{filler}")).collect();
            let text = format!(
                "{}pay {card} now, {}",
                "some words ".repeat(300),
                "and so on ".repeat(900)
            );
            let expect = whole(text.as_bytes());
            assert!(expect.iter().any(|f| f.category == Category::Card), "{filler}");
            let bytes: Vec<usize> = (1..text.len()).step_by(61).collect();
            assert_eq!(streamed(text.as_bytes(), &bytes, true), expect);
        }
    }

    #[test]
    fn names_of_columns_reach_rows_that_come_later() {
        let row = |i: usize| format!("{i},ydahl{i}x,{}\n", 4000 + i % 900);
        let text = format!("ref,username,postcode\n{}", (0..2_000).map(row).collect::<String>());
        for step in [61, 4099, text.len()] {
            let cuts: Vec<usize> = (1..text.len()).step_by(step).collect();
            let found = streamed(text.as_bytes(), &cuts, false);
            let of = |category| found.iter().filter(|f| f.category == category).count();
            assert_eq!((of(Category::Username), of(Category::Postcode)), (2_000, 2_000), "{step}");
        }
    }

    #[test]
    fn dividers_end_what_has_no_spaces() {
        let text = format!("[{}]", "{\"a\":1.25,\"mail\":\"eva@example.org\"},".repeat(6_000));
        let found = streamed(text.as_bytes(), &[], false);
        assert_eq!(found, whole(text.as_bytes()));
        assert_eq!(found.len(), 6_000);
    }
}
