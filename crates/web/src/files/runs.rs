//! Runs of letters in which bytes may be written, on one line or several.

use super::begins::{KNOWN_BYTES_MIN, begins_like_a_file, begins_surely};
use super::codes::{bytes_of, hexadecimal, is_mixed};
use std::ops::Range;

/// Lines of the same length, and this one at least, are one run: that is how files are wrapped.
const LINE_CHARS_MIN: usize = 48;
/// What stands between two lines of a file: its end, in whatever writing, and an indentation.
const BETWEEN_BYTES_MAX: usize = 16;
/// Shorter runs are words, unless they end a longer one.
pub(super) const RUN_CHARS_MIN: usize = 16;
/// Digits of digests: those stand below each other, too.
const DIGEST_DIGITS: [usize; 6] = [32, 40, 56, 64, 96, 128];

/// Characters of base64 or hexadecimal with nothing else in between but ends of lines.
#[derive(Debug)]
pub(super) struct Run {
    pub(super) place: Range<usize>,
    /// Without ends of lines and escapes.
    pub(super) text: String,
}

/// The runs of a text, longest lines first put together.
pub(super) fn runs(text: &str) -> impl Iterator<Item = Run> {
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
    /// Whether a file begins here, or behind a word that is written together with it.
    pub(super) fn begins_like_a_file(&self) -> bool {
        let start = |text: &str| text.get(..32).and_then(bytes_of).unwrap_or_default();
        let behind = self.text.match_indices(['/', '-', '_', '+']).map(|(at, _)| at + 1);
        begins_like_a_file(&start(&self.text))
            || behind.take_while(|at| *at <= 64).any(|at| {
                let rest = self.text.get(at..).unwrap_or_default();
                rest.len() * 3 / 4 >= KNOWN_BYTES_MIN && begins_surely(&start(rest))
            })
    }

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
