//! `portreeve detect`: shows what the detector finds, for people and for measurements, or masks it.

mod lines;
mod masking;
mod text;

use super::finder::{Finder, ModelArgs};
use super::output::{Format, print, print_json, table, visible};
use anyhow::Context;
use portreeve_detect::Finding;
use serde::Serialize;
use std::io::{IsTerminal, Read};
use std::path::PathBuf;
use std::process::ExitCode;

/// Find personal data in a text, or mask it.
///
/// Shows the text with what was found and a table of the findings. With `--mask` it writes the
/// text with every finding masked, and says on standard error how many there were. Nothing leaves
/// this machine and nothing is recorded.
///
/// A document stays valid: `--container` says what it is. Without it the name of the file does
/// (.json .jsonl .ndjson .csv .tsv .sql .xml .html), and everything else is text. Text is masked
/// piece by piece, whatever its size; other documents may have up to 256 MiB.
///
/// With `--jsonl` a line that is not as it should be is answered by `{"id", "error"}`; the others
/// are answered all the same, and the exit code is 1.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  portreeve detect letter.txt\n  \
    psql -c 'select note from visits' | portreeve detect\n  \
    portreeve detect letter.txt --mask redact > masked.txt\n  \
    portreeve detect customers.csv --mask pseudonym --key-file mask.key\n  \
    pg_dump shop | portreeve detect --mask format-preserving --container sql --key-file mask.key\n  \
    portreeve detect --jsonl text < documents.jsonl > spans.jsonl\n  \
    portreeve detect --onnx models/ner --onnx-label MISC=none letter.txt\n\n\
    A key: head -c 32 /dev/urandom > mask.key. With the `mask.key` of a gateway's data\n\
    directory, pseudonyms are those that its clients see.")]
pub(crate) struct Args {
    /// The text; standard input without it.
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
    /// Read and write one JSON object a line: `{"id", "text"}` to `{"id", "spans"}` (with
    /// `--mask` also `"masked"`), or `{"id", "table", "column", "sample_values"}` to
    /// `{"id", "category"}`.
    #[arg(long, value_name = "WHAT")]
    jsonl: Option<Lines>,
    #[command(flatten)]
    masking: masking::Options,
    #[command(flatten)]
    model: ModelArgs,
}

/// What the lines of the line protocol are.
#[derive(Clone, Copy, PartialEq, Eq, Debug, clap::ValueEnum)]
pub(crate) enum Lines {
    /// Texts.
    Text,
    /// Columns.
    Columns,
}

/// A finding as `--format json` shows it.
#[derive(Serialize)]
struct Shown {
    line: usize,
    start: usize,
    end: usize,
    category: &'static str,
    score: u8,
    rule: &'static str,
    evidence: portreeve_detect::Evidence,
    disguised: bool,
}

pub(crate) fn run(args: Args, format: Format) -> anyhow::Result<ExitCode> {
    // A file of lines says nothing about the texts in them.
    let named = args.file.as_deref().filter(|_| args.jsonl.is_none());
    let masking = args.masking.read(named)?;
    let input = open(&args)?;
    if args.jsonl == Some(Lines::Columns) && args.model.has_model() {
        anyhow::bail!("`--onnx` searches texts, not columns; hint: `--jsonl text`");
    }
    let finder = Finder::open(&args.model)?;
    if let Some(lines) = args.jsonl {
        return lines::answer(input, lines, masking.as_ref(), &finder);
    }
    if let Some(masking) = masking {
        return masking.run(input, format);
    }
    let mut bytes = Vec::new();
    std::io::BufReader::new(input).read_to_end(&mut bytes).context("cannot read the text")?;
    let text = text::decoded(&bytes);
    let mut found = Vec::new();
    finder.detect(&text, &mut found)?;
    match format {
        Format::Json => print_json(&shown(&text, &found))?,
        Format::Text => print(&describe(&text, &found, std::io::stdout().is_terminal()))?,
    }
    Ok(ExitCode::SUCCESS)
}

fn open(args: &Args) -> anyhow::Result<Box<dyn Read>> {
    match &args.file {
        Some(path) => {
            let file = std::fs::File::open(path);
            Ok(Box::new(file.with_context(|| format!("cannot open `{}`", path.display()))?))
        }
        None => Ok(Box::new(std::io::stdin())),
    }
}

fn shown(text: &str, found: &[Finding]) -> Vec<Shown> {
    let mut lines = LineNumbers::of(text);
    found
        .iter()
        .map(|f| Shown {
            line: lines.at(f.start),
            start: f.start,
            end: f.end,
            category: f.category.name(),
            score: f.score,
            rule: f.rule,
            evidence: f.evidence,
            disguised: f.disguised,
        })
        .collect()
}

/// The numbers of lines, for places that are asked for in order: each line is counted once.
struct LineNumbers<'t> {
    text: &'t str,
    at: usize,
    number: usize,
}

impl<'t> LineNumbers<'t> {
    fn of(text: &'t str) -> Self {
        Self { text, at: 0, number: 1 }
    }

    fn at(&mut self, place: usize) -> usize {
        let between = self.text.get(self.at..place).unwrap_or_default();
        self.number += between.bytes().filter(|byte| *byte == b'\n').count();
        self.at = place.max(self.at);
        self.number
    }
}

/// The text with its findings marked, and a table of them.
fn describe(text: &str, found: &[Finding], colours: bool) -> String {
    let mut out = String::with_capacity(text.len() + found.len() * 24);
    let mut at = 0;
    for finding in found {
        out.push_str(&visible(&text[at..finding.start]));
        let value = visible(&text[finding.range()]);
        let name = finding.category.name();
        if colours {
            out.push_str(&format!("\x1b[7m{value}\x1b[0m\x1b[2m {name}\x1b[0m"));
        } else {
            out.push_str(&format!("[{value}]({name})"));
        }
        at = finding.end;
    }
    out.push_str(&visible(&text[at..]));
    if found.is_empty() {
        return format!("{}\n\nnothing found", out.trim_end());
    }
    let mut lines = LineNumbers::of(text);
    let rows = found
        .iter()
        .map(|f| {
            vec![
                lines.at(f.start).to_string(),
                f.category.name().to_owned(),
                text[f.range()].replace('\n', " "),
                format!("{} %", f.score),
                f.rule.to_owned(),
            ]
        })
        .collect();
    let table = table(&["line", "category", "value", "score", "rule"], rows);
    format!("{}\n\n{table}", out.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;
    use portreeve_detect::Detector;

    #[test]
    fn marks_findings_and_lists_them() {
        let text = "write to eva@example.org\n";
        let mut found = Vec::new();
        Detector::default().detect(text, &mut found);
        let out = describe(text, &found, false);
        assert!(out.starts_with("write to [eva@example.org](email)"), "{out}");
        assert!(out.contains("LINE") && out.contains("96 %"), "{out}");
    }

    #[test]
    fn lines_are_numbered_in_one_walk() {
        let text = "a\nb\n\nc";
        let mut lines = LineNumbers::of(text);
        assert_eq!([0, 2, 2, 4, 5].map(|place| lines.at(place)), [1, 2, 2, 3, 4]);
    }

    #[test]
    fn a_terminal_is_not_played_with() {
        assert!(!describe("a\x1b[2Jb", &[], true).contains('\x1b'));
    }
}
