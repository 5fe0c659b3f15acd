//! How commands talk: text for people, JSON for programs, nothing a client wrote
//! that could play with a terminal.

use comfy_table::{ContentArrangement, Table, presets};
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;
use std::io::{ErrorKind, Write};

/// What a command prints.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, clap::ValueEnum)]
pub(crate) enum Format {
    /// For people.
    #[default]
    Text,
    /// For programs: one JSON document.
    Json,
}

/// Prints lines to standard output. A reader that went away is no error.
pub(crate) fn print(text: &str) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    match writeln!(out, "{text}").and_then(|()| out.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        result => Ok(result?),
    }
}

/// Prints a JSON document to standard output.
pub(crate) fn print_json<T: Serialize + ?Sized>(value: &T) -> anyhow::Result<()> {
    print(&serde_json::to_string_pretty(value)?)
}

/// Prints a remark to standard error: it is no part of the result.
pub(crate) fn remark(text: &str) {
    // Nobody is left to be told when this fails.
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}

/// A bar on standard error, where that is a terminal, for work that is counted in bytes.
pub(crate) fn progress_bar(doing: &'static str) -> ProgressBar {
    bar(doing, "{msg} {bar:40} {bytes} of {total_bytes}")
}

/// The same for work that is counted in records.
pub(crate) fn record_bar(doing: &'static str) -> ProgressBar {
    bar(doing, "{msg} {bar:40} {pos} of {len} records")
}

fn bar(doing: &'static str, template: &str) -> ProgressBar {
    let style = ProgressStyle::with_template(template);
    let style = style.unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::new(0).with_style(style).with_message(doing)
}

/// Lays out rows under a header, as wide as the terminal.
pub(crate) fn table(header: &[&str], rows: Vec<Vec<String>>) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic);
    table.set_header(header.iter().map(|name| name.to_uppercase()));
    for row in rows {
        table.add_row(row.iter().map(|cell| visible(cell)));
    }
    let laid_out = table.trim_fmt();
    let lines: Vec<&str> =
        laid_out.lines().map(|line| line.strip_prefix(' ').unwrap_or(line)).collect();
    lines.join("\n")
}

/// Lays out names and values, one per line.
pub(crate) fn fields(fields: &[(&str, String)]) -> String {
    let width = fields.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    let mut text = String::new();
    for (name, value) in fields {
        let indent = format!("\n{:width$}  ", "");
        let value = visible(value).replace('\n', &indent);
        text.push_str(&format!("{name:width$}  {value}\n"));
    }
    text.trim_end().to_owned()
}

/// A text with everything made visible that would move a cursor, change a colour or
/// turn the direction of writing.
// SECURITY: reviewers read statements that a client wrote. What they approve must be
// what they saw.
pub(crate) fn visible(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        let invisible = matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}'
            | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}');
        match c {
            '\n' => shown.push('\n'),
            '\t' => shown.push_str("    "),
            c if c.is_control() || invisible => shown.extend(c.escape_unicode()),
            c => shown.push(c),
        }
    }
    shown
}

/// A time in microseconds since 1970, as UTC to the second.
pub(crate) fn time(micros: i64) -> String {
    jiff::Timestamp::from_microsecond(micros)
        .map(|at| at.strftime("%Y-%m-%d %H:%M:%SZ").to_string())
        .unwrap_or_else(|_| micros.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_plays_with_the_terminal() {
        let check = |text: &str, expect: &str| assert_eq!(visible(text), expect);
        check("select 1\n  from é", "select 1\n  from é");
        check("\u{1b}[2J\u{7}", "\\u{1b}[2J\\u{7}");
        check("a\rb", "a\\u{d}b");
        check("drop \u{202e}elbat\u{202c}", "drop \\u{202e}elbat\\u{202c}");
        check("a\u{200b}b\u{2066}", "a\\u{200b}b\\u{2066}");
    }

    #[test]
    fn values_of_many_lines_stay_in_their_column() {
        let text = fields(&[("id", "1".into()), ("statement", "a\nb".into())]);
        assert_eq!(text, "id         1\nstatement  a\n           b");
    }

    #[test]
    fn times_are_utc() {
        assert_eq!(time(1_700_000_000_000_000), "2023-11-14 22:13:20Z");
    }
}
