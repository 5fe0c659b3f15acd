//! One shape for every report, from which people read it: as HTML to print, Markdown or CSV.
//!
//! The typed report is the truth; a document is how it looks. Every field and column says where
//! it comes from.

mod chart;
mod csv;
mod escape;
mod html;
mod markdown;

use crate::law::LawReference;
use serde::{Deserialize, Serialize};

/// Where something comes from.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Source {
    /// The log says so.
    Observed,
    /// The gateway is configured so.
    Configured,
    /// A person says so.
    Declared,
}

impl Source {
    /// The word for people.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Observed => "observed",
            Self::Configured => "configured",
            Self::Declared => "declared",
        }
    }
}

/// How a document is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Rendering {
    /// One page to read and to print, without scripts.
    Html,
    /// For a repository or a ticket.
    Markdown,
    /// For a spreadsheet: one line a value.
    Csv,
}

/// A report as people read it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Document {
    /// What it is.
    pub title: String,
    /// What it is about: when, whose, where.
    pub about: Vec<Field>,
    /// The law that asks for it.
    pub law: Vec<LawReference>,
    /// What it says.
    pub blocks: Vec<Block>,
    /// What is missing, in words.
    pub gaps: Vec<String>,
    /// How it can be checked.
    pub proof: Vec<Field>,
}

/// A named value.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Field {
    /// The name.
    pub name: String,
    /// Where it comes from.
    pub source: Source,
    /// The value; none where it is missing.
    pub value: Option<String>,
}

/// A part of a document.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Block {
    /// Begins a section.
    Heading(String),
    /// A number that everybody looks at first.
    Headline {
        /// What it counts.
        name: String,
        /// The number.
        value: String,
        /// What it should be, and what follows if it is not.
        meaning: String,
    },
    /// Words.
    Text(String),
    /// Named values.
    Fields(Vec<Field>),
    /// Rows.
    Table(Table),
    /// Bars, one a label.
    Chart {
        /// What is counted.
        caption: String,
        /// How much, by label.
        bars: Vec<(String, u64)>,
    },
}

/// Rows under named columns.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Table {
    /// What the rows are.
    pub caption: String,
    /// The columns, with where each comes from.
    pub columns: Vec<(String, Source)>,
    /// The rows.
    pub rows: Vec<Vec<String>>,
}

impl Document {
    /// Writes it.
    #[must_use]
    pub fn render(&self, rendering: Rendering) -> String {
        match rendering {
            Rendering::Html => html::page(self),
            Rendering::Markdown => markdown::text(self),
            Rendering::Csv => csv::lines(self),
        }
    }

    pub(crate) fn heading(&mut self, text: impl Into<String>) {
        self.blocks.push(Block::Heading(text.into()));
    }

    pub(crate) fn text(&mut self, text: impl Into<String>) {
        self.blocks.push(Block::Text(text.into()));
    }

    pub(crate) fn fields(&mut self, fields: Vec<Field>) {
        self.blocks.push(Block::Fields(fields));
    }

    /// A table without rows is not shown.
    pub(crate) fn table(
        &mut self,
        caption: &str,
        columns: &[(&str, Source)],
        rows: Vec<Vec<String>>,
    ) {
        if !rows.is_empty() {
            let columns = columns.iter().map(|(name, source)| ((*name).to_owned(), *source));
            let columns = columns.collect();
            self.blocks.push(Block::Table(Table { caption: caption.to_owned(), columns, rows }));
        }
    }

    /// A chart without bars is not shown.
    pub(crate) fn chart(&mut self, caption: &str, bars: Vec<(String, u64)>) {
        if bars.iter().any(|(_, value)| *value > 0) {
            self.blocks.push(Block::Chart { caption: caption.to_owned(), bars });
        }
    }
}

impl Field {
    pub(crate) fn observed(name: &str, value: impl ToString) -> Self {
        Self { name: name.to_owned(), source: Source::Observed, value: Some(value.to_string()) }
    }

    pub(crate) fn configured(name: &str, value: Option<String>) -> Self {
        Self { name: name.to_owned(), source: Source::Configured, value }
    }

    pub(crate) fn declared(name: &str, value: Option<String>) -> Self {
        Self { name: name.to_owned(), source: Source::Declared, value }
    }

    fn shown(&self) -> &str {
        self.value.as_deref().unwrap_or(MISSING)
    }
}

/// In place of what nobody has said.
pub(crate) const MISSING: &str = "missing";

/// Words in a row, or a dash.
pub(crate) fn list<T: ToString>(words: impl IntoIterator<Item = T>) -> String {
    let words: Vec<String> = words.into_iter().map(|word| word.to_string()).collect();
    if words.is_empty() { "–".to_owned() } else { words.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A document with something of everything, and with what wants to be code.
    pub(super) fn sample() -> Document {
        let mut document = Document {
            title: "Sample <b>".into(),
            about: vec![Field::observed("period", "2026")],
            law: crate::law::references(&["gdpr-30"]),
            gaps: vec!["no | controller".into()],
            proof: vec![Field::observed("records", 3)],
            ..Document::default()
        };
        document.heading("Part");
        document.text("Words.");
        document.fields(vec![Field::declared("controller", None)]);
        document.table(
            "Rows",
            &[("who", Source::Observed), ("why", Source::Declared)],
            vec![vec!["=1+1".into(), "a|b\n\"c\" <script>".into()]],
        );
        document.table("Nothing", &[("who", Source::Observed)], Vec::new());
        document.chart("Bars", vec![("a & b".into(), 1), ("c".into(), 4)]);
        document.chart("No bars", vec![("a".into(), 0)]);
        document.blocks.push(Block::Headline {
            name: "unmasked".into(),
            value: "0".into(),
            meaning: "target 0".into(),
        });
        document
    }

    #[test]
    fn what_is_empty_is_not_shown() {
        let page = sample().render(Rendering::Html);
        assert!(!page.contains("Nothing") && !page.contains("No bars"));
    }
}
