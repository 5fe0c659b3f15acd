//! What passed, as lines for people.

use super::value::hex;
use super::{Report, Seen, Value};
use portreeve_model::Direction;

/// Writes lines; remembers how wide the columns of the running result are.
#[derive(Debug, Default)]
pub struct Lines {
    widths: Vec<usize>,
}

/// Longest text of one value that is shown.
const VALUE_CHARS_MAX: usize = 120;
/// Most bytes of one binary value that are shown.
const VALUE_BYTES_MAX: usize = 32;
/// A column is not made wider than this for one long value.
const COLUMN_CHARS_MAX: usize = 40;

impl Lines {
    /// A session's beginning.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The lines of what passed together. Rows are aligned with those around them.
    pub fn of(&mut self, seen: &[Seen]) -> Vec<String> {
        let mut lines = Vec::new();
        let mut rest = seen;
        while let Some(first) = rest.first() {
            let table = rest.iter().take_while(|seen| is_table(seen)).count();
            let (now, after) = rest.split_at(table.max(1));
            match table {
                0 => line(first, &mut lines),
                _ => self.table(now, &mut lines),
            }
            rest = after;
        }
        lines
    }

    fn table(&mut self, rows: &[Seen], lines: &mut Vec<String>) {
        for result in rows.chunk_by(|_, next| matches!(next, Seen::Row { .. })) {
            let cells: Vec<Vec<String>> = result.iter().map(cells).collect();
            if matches!(result, [Seen::Columns { .. }, ..]) {
                self.widths.clear();
            }
            for row in &cells {
                self.widths.resize(self.widths.len().max(row.len()), 0);
                for (width, cell) in self.widths.iter_mut().zip(row) {
                    *width = (*width).max(cell.chars().count().min(COLUMN_CHARS_MAX));
                }
            }
            lines.extend(cells.iter().map(|row| self.laid_out(row)));
        }
    }

    fn laid_out(&self, row: &[String]) -> String {
        let padded = |(cell, width): (&String, &usize)| format!("{cell:width$}");
        let padded: Vec<String> = row.iter().zip(&self.widths).map(padded).collect();
        format!("  {}", padded.join(" | ").trim_end())
    }
}

fn is_table(seen: &Seen) -> bool {
    matches!(seen, Seen::Columns { .. } | Seen::Row { .. })
}

fn cells(seen: &Seen) -> Vec<String> {
    match seen {
        Seen::Columns { columns } => columns.iter().map(|column| shorten(&column.name)).collect(),
        Seen::Row { values } => values.iter().map(shown).collect(),
        _ => Vec::new(),
    }
}

fn line(seen: &Seen, lines: &mut Vec<String>) {
    match seen {
        Seen::Statement { text, parameters } if parameters.is_empty() => {
            lines.push(format!("> {text}"));
        }
        Seen::Statement { text, parameters } => {
            let parameters: Vec<String> = parameters.iter().map(shown).collect();
            lines.push(format!("> {text}  [{}]", parameters.join(", ")));
        }
        Seen::Copy { direction: Direction::FromClient, data } => {
            let bytes = match data {
                Value::Null => 0,
                Value::Text(text) => text.len(),
                Value::Bytes(bytes) => bytes.len(),
            };
            lines.push(format!("> copy data, {bytes} bytes"));
        }
        Seen::Copy { data, .. } => lines.push(match data {
            Value::Text(text) => format!("  {}", shorten(text.trim_end())),
            Value::Null | Value::Bytes(_) => format!("  {}", shown(data)),
        }),
        Seen::CopyAbandoned => lines.push("> copy abandoned".into()),
        Seen::Completed { tag } => lines.push(format!("= {tag}")),
        Seen::MoreRows => lines.push("= more rows wait".into()),
        Seen::Error(said) | Seen::Notice(said) => report(said, lines),
        Seen::Notification => lines.push("  notification".into()),
        Seen::Resized { columns, rows } => lines.push(format!("- terminal {columns}x{rows}")),
        Seen::Typed { text } => lines.push(format!("> typed: {}", shorten(text))),
        Seen::Painted { text, .. } => {
            let parts = text.lines().filter(|line| !line.trim().is_empty());
            lines.extend(parts.map(|line| format!("  {}", shorten(line.trim_end()))));
        }
        Seen::Goodbye => lines.push("> goodbye".into()),
        Seen::Unreadable { direction: Direction::FromClient, why } => {
            lines.push(format!("> not readable: {why}"));
        }
        Seen::Unreadable { why, .. } => {
            lines.push(format!("  not readable: {why}"));
        }
        Seen::Columns { .. } | Seen::Row { .. } => {}
    }
}

fn shown(value: &Value) -> String {
    match value {
        Value::Null => "∅".into(),
        Value::Text(text) => shorten(text),
        Value::Bytes(bytes) => {
            let cut = if bytes.len() > VALUE_BYTES_MAX { "…" } else { "" };
            format!("\\x{}{cut}", hex(bytes.get(..VALUE_BYTES_MAX).unwrap_or(bytes)))
        }
    }
}

fn shorten(text: &str) -> String {
    let plain: String = text
        .chars()
        .take(VALUE_CHARS_MAX)
        // A recording must not be able to drive the terminal of whoever reads it.
        .map(|c| if c.is_control() { '·' } else { c })
        .collect();
    if text.chars().nth(VALUE_CHARS_MAX).is_some() { plain + "…" } else { plain }
}

fn report(said: &Report, lines: &mut Vec<String>) {
    lines.push(format!("! {} {}: {}", said.severity, said.code, shorten(&said.message)));
    for (text, name) in [(&said.detail, "detail"), (&said.hint, "hint")] {
        if !text.is_empty() {
            lines.push(format!("!   {name}: {}", shorten(text)));
        }
    }
}
