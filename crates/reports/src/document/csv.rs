//! A document as CSV (RFC 4180): one line a value, so that every table of every report fits
//! into one file with one header.

use super::{Block, Document, Field};

const HEADER: [&str; 5] = ["part", "row", "name", "source", "value"];

/// All lines, the header first.
pub(super) fn lines(document: &Document) -> String {
    let mut lines = Lines(String::new());
    lines.push(HEADER);
    lines.push(["report", "", "title", "", &document.title]);
    lines.fields("about", &document.about);
    for (gap, row) in document.gaps.iter().zip(1u64..) {
        lines.push(["gaps", &row.to_string(), "gap", "", gap]);
    }
    let mut part = document.title.as_str();
    for block in &document.blocks {
        match block {
            Block::Heading(text) => part = text,
            Block::Text(text) => lines.push([part, "", "text", "", text]),
            Block::Headline { name, value, .. } => {
                lines.push([part, "", name, "observed", value]);
            }
            Block::Fields(fields) => lines.fields(part, fields),
            Block::Table(table) => {
                for (row, number) in table.rows.iter().zip(1u64..) {
                    for ((name, source), cell) in table.columns.iter().zip(row) {
                        let part = format!("{part}: {}", table.caption);
                        lines.push([&part, &number.to_string(), name, source.word(), cell]);
                    }
                }
            }
            // What it draws is in the tables.
            Block::Chart { .. } => {}
        }
    }
    for law in &document.law {
        lines.push(["law", &law.key, &law.title, "", &law.about]);
    }
    lines.fields("proof", &document.proof);
    lines.0
}

struct Lines(String);

impl Lines {
    fn push(&mut self, cells: [&str; 5]) {
        let cells: Vec<String> = cells.into_iter().map(cell).collect();
        self.0.push_str(&cells.join(","));
        self.0.push_str("\r\n");
    }

    fn fields(&mut self, part: &str, fields: &[Field]) {
        for field in fields {
            let value = field.value.as_deref().unwrap_or_default();
            self.push([part, "", &field.name, field.source.word(), value]);
        }
    }
}

/// SECURITY: spreadsheets run cells that begin like a formula, and names come from clients.
fn cell(text: &str) -> String {
    let is_formula = text.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let text = if is_formula { format!("'{text}") } else { text.to_owned() };
    match text.contains([',', '"', '\n', '\r']) {
        true => format!("\"{}\"", text.replace('"', "\"\"")),
        false => text,
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::sample;
    use super::*;

    #[test]
    fn every_line_has_the_columns_of_the_header_and_no_formula() {
        let text = lines(&sample());
        assert!(text.starts_with("part,row,name,source,value\r\n"));
        assert!(text.contains("Part: Rows,1,who,observed,'=1+1\r\n"), "{text}");
        assert!(text.contains("Part: Rows,1,why,declared,\"a|b\n\"\"c\"\" <script>\"\r\n"));
        assert!(text.contains("Part,,controller,declared,\r\n"));
    }
}
