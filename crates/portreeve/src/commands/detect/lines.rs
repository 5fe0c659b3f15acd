//! `portreeve detect --jsonl`: the line protocol. A line that is not as it should be is answered
//! with an error, and the next one is read.

use super::super::finder::Finder;
use super::super::output::remark;
use super::Lines;
use super::masking::Masking;
use anyhow::Context;
use portreeve_detect::Detector;
use portreeve_detect::jsonl::{self, LineError};
use std::io::{BufRead, BufReader, BufWriter, ErrorKind, Read, Write};
use std::process::ExitCode;

/// Answers the line protocol, one line out for each line in.
pub(super) fn answer(
    input: Box<dyn Read>,
    lines: Lines,
    masking: Option<&Masking>,
    finder: &Finder,
) -> anyhow::Result<ExitCode> {
    anyhow::ensure!(
        masking.is_none() || lines == Lines::Text,
        "columns are classified, not masked; hint: `--mask` goes with `--jsonl text`"
    );
    let mut out = BufWriter::new(std::io::stdout().lock());
    let mut input = BufReader::new(input);
    let mut refused = Refused::default();
    let mut line = Vec::new();
    for number in 1_u64.. {
        let whole = match read(&mut input, LINE_BYTES_MAX, &mut line).context("cannot read")? {
            Line::Whole => true,
            Line::Long => false,
            Line::None => break,
        };
        let text = std::str::from_utf8(&line).ok().filter(|_| whole);
        let answer = match text {
            Some(text) if text.trim().is_empty() => continue,
            Some(text) => one(text, lines, masking, finder)?,
            None if whole => Err(jsonl::refused_line("", "the line is not UTF-8")),
            None => Err(jsonl::refused_line("", "the line is too long")),
        };
        refused.count(number, answer.is_err());
        match writeln!(out, "{}", answer.unwrap_or_else(|answer| answer)) {
            Err(error) if error.kind() == ErrorKind::BrokenPipe => return Ok(ExitCode::SUCCESS),
            result => result?,
        }
    }
    out.flush()?;
    Ok(refused.report())
}

/// The answer to one line; the error is the answer to a line that is at fault. The line itself is
/// not shown: it may hold personal data.
fn one(
    line: &str,
    lines: Lines,
    masking: Option<&Masking>,
    finder: &Finder,
) -> anyhow::Result<Result<String, String>> {
    let answer = match (lines, masking) {
        (Lines::Text, Some(masking)) => masking.line(&Detector::default(), line),
        (Lines::Text, None) => finder.text_line(line)?.map_err(LineError::Line),
        (Lines::Columns, _) => jsonl::column_line(line).map_err(LineError::Line),
    };
    Ok(answer.map_err(|error| match error {
        LineError::Line(error) => jsonl::refused_line(line, kind(&error)),
        LineError::Text(error) => jsonl::refused_line(line, &format!("the text is {error}")),
    }))
}

fn kind(error: &serde_json::Error) -> &'static str {
    match error.classify() {
        serde_json::error::Category::Syntax | serde_json::error::Category::Eof => "no valid JSON",
        serde_json::error::Category::Data => "a field is missing or of another type",
        serde_json::error::Category::Io => "it could not be read",
    }
}

/// What was read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Line {
    Whole,
    /// Longer than it may be; the rest of it was passed over.
    Long,
    /// The input has ended.
    None,
}

/// Reads a line without its end.
fn read(input: &mut impl BufRead, bytes_max: usize, line: &mut Vec<u8>) -> std::io::Result<Line> {
    line.clear();
    let (mut found, mut long) = (false, false);
    loop {
        let available = input.fill_buf()?;
        if available.is_empty() {
            break;
        }
        found = true;
        let end = available.iter().position(|byte| *byte == b'\n');
        let piece = &available[..end.unwrap_or(available.len())];
        long |= line.len() + piece.len() > bytes_max;
        if long {
            line.clear();
        } else {
            line.extend_from_slice(piece);
        }
        let used = piece.len() + usize::from(end.is_some());
        input.consume(used);
        if end.is_some() {
            break;
        }
    }
    Ok(match (found, long) {
        (false, _) => Line::None,
        (true, true) => Line::Long,
        (true, false) => Line::Whole,
    })
}

/// The lines that were not as they should be.
#[derive(Default)]
struct Refused {
    count: u64,
    first: Option<u64>,
}

impl Refused {
    fn count(&mut self, number: u64, refused: bool) {
        if refused {
            self.count += 1;
            self.first.get_or_insert(number);
        }
    }

    /// Says how many there were; the exit code tells it too.
    fn report(&self) -> ExitCode {
        let Some(first) = self.first else { return ExitCode::SUCCESS };
        let what = match self.count {
            1 => format!("line {first} is not as `--jsonl` wants it"),
            count => format!("{count} lines are not as `--jsonl` wants them, the first is {first}"),
        };
        remark(&format!("{what}; hint: their answers say why"));
        ExitCode::FAILURE
    }
}

/// Longest line.
const LINE_BYTES_MAX: usize = 256 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read_up_to_a_limit_and_the_next_one_is_read_all_the_same() {
        let mut input = BufReader::with_capacity(3, &b"abc\n\nabcdefgh\nxyz"[..]);
        let mut line = Vec::new();
        let mut all = Vec::new();
        loop {
            let what = read(&mut input, 5, &mut line).unwrap();
            all.push((what, String::from_utf8(line.clone()).unwrap()));
            if what == Line::None {
                break;
            }
        }
        let expect = [
            (Line::Whole, "abc"),
            (Line::Whole, ""),
            (Line::Long, ""),
            (Line::Whole, "xyz"),
            (Line::None, ""),
        ];
        assert_eq!(all, expect.map(|(what, text)| (what, text.to_owned())));
    }

    #[test]
    fn a_line_at_fault_is_answered_by_its_id_and_no_other_word() {
        let answer = jsonl::refused_line(r#"{"id": 7, "text": 5, "note": "Eva"}"#, "why");
        let read = |answer: &str| serde_json::from_str::<serde_json::Value>(answer).unwrap();
        assert_eq!(read(&answer), serde_json::json!({ "id": 7, "error": "why" }));
        let answer = jsonl::refused_line("Eva", "why");
        assert_eq!(read(&answer), serde_json::json!({ "id": null, "error": "why" }));
    }
}
