//! A document as Markdown (CommonMark with tables), for a repository or a ticket.

use super::escape::is_override;
use super::{Block, Document, Field, Table};

/// The whole text.
pub(super) fn text(document: &Document) -> String {
    let mut text = format!("# {}\n\n", inline(&document.title));
    fields(&document.about, &mut text);
    if !document.gaps.is_empty() {
        text.push_str("## What is missing\n\n");
        document.gaps.iter().for_each(|gap| text.push_str(&format!("- {}\n", inline(gap))));
        text.push('\n');
    }
    document.blocks.iter().for_each(|one| block(one, &mut text));
    if !document.law.is_empty() {
        text.push_str("## Law\n\n");
        for law in &document.law {
            text.push_str(&format!(
                "- {}: {}. {}, applies from {}. <{}>, looked up on {}.\n",
                inline(&law.title),
                inline(&law.about),
                inline(&law.act),
                inline(&law.applies_from),
                law.source,
                law.checked
            ));
        }
        text.push('\n');
    }
    text.push_str("## Proof\n\n");
    fields(&document.proof, &mut text);
    text.truncate(text.trim_end().len());
    text.push('\n');
    text
}

fn block(block: &Block, text: &mut String) {
    match block {
        Block::Heading(words) => text.push_str(&format!("## {}\n\n", inline(words))),
        Block::Text(words) => text.push_str(&format!("{}\n\n", inline(words))),
        Block::Fields(named) => fields(named, text),
        Block::Table(rows) => table(rows, text),
        Block::Headline { name, value, meaning } => text.push_str(&format!(
            "**{}** {} ({})\n\n",
            inline(value),
            inline(name),
            inline(meaning)
        )),
        Block::Chart { caption, bars } => {
            text.push_str(&format!("{}:\n\n", inline(caption)));
            for (label, value) in bars {
                text.push_str(&format!("- {}: {value}\n", inline(label)));
            }
            text.push('\n');
        }
    }
}

fn fields(fields: &[Field], text: &mut String) {
    if fields.is_empty() {
        return;
    }
    for field in fields {
        text.push_str(&format!(
            "- {} _({})_: {}\n",
            inline(&field.name),
            field.source.word(),
            inline(field.shown())
        ));
    }
    text.push('\n');
}

fn table(table: &Table, text: &mut String) {
    text.push_str(&format!("{}:\n\n|", inline(&table.caption)));
    for (name, source) in &table.columns {
        text.push_str(&format!(" {} _({})_ |", inline(name), source.word()));
    }
    text.push_str("\n|");
    table.columns.iter().for_each(|_| text.push_str("---|"));
    text.push('\n');
    for row in &table.rows {
        text.push('|');
        row.iter().for_each(|cell| text.push_str(&format!(" {} |", inline(cell))));
        text.push('\n');
    }
    text.push('\n');
}

/// A text on one line that is no markup.
fn inline(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for char in text.chars() {
        match char {
            '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '|' | '#' | '&' => {
                escaped.push('\\');
                escaped.push(char);
            }
            '\n' => escaped.push_str("; "),
            _ if char.is_control() || is_override(char) => {
                escaped.push_str(&char.escape_unicode().to_string().replace('\\', "\\\\"));
            }
            _ => escaped.push(char),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::super::tests::sample;
    use super::*;

    #[test]
    fn nothing_that_was_written_is_markup() {
        let text = text(&sample());
        assert!(text.starts_with("# Sample \\<b\\>\n"), "{text}");
        assert!(text.contains("| =1+1 | a\\|b; \"c\" \\<script\\> |"), "{text}");
        assert!(text.contains("- controller _(declared)_: missing"), "{text}");
        assert!(text.contains("- no \\| controller"), "{text}");
    }
}
