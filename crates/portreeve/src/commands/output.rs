//! How commands talk: text for people, JSON for programs, nothing a client wrote
//! that could play with a terminal.

use comfy_table::{ContentArrangement, Table, presets};
use indicatif::{ProgressBar, ProgressStyle};
pub(crate) use portreeve_verifier::text::{fields, time, visible};
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

/// Prints a part of something that goes on.
pub(crate) fn print_part(text: &str) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
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

/// The same for work that is counted in cases.
pub(crate) fn case_bar(doing: &'static str) -> ProgressBar {
    bar(doing, "{msg} {bar:40} {pos} of {len} cases")
}

/// The same for work that is counted in tables.
pub(crate) fn table_bar(doing: &'static str) -> ProgressBar {
    bar(doing, "{msg} {bar:40} {pos} of {len} tables")
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
