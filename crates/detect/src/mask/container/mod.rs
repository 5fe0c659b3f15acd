//! Containers: how values are written in a document, and where they are in it.

mod array;
mod coding;
mod csv;
pub(super) mod json;
mod sql;
mod xml;

pub(super) use coding::Coding;

use super::offsets::OffsetMap;
use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

/// What a document is. The caller says it: a guess could be wrong without anybody noticing.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Container {
    /// Text without a known form. Replacements carry no mark that could mean something in a form
    /// that the text has nevertheless: no quotes, commas, backslashes, brackets of tags.
    Text,
    /// JSON (RFC 8259), one value or several after each other, as in JSON lines. Strings stay
    /// strings, numbers stay numbers of the same type.
    Json,
    /// Values separated by comma, semicolon, tab or bar (RFC 4180), quoted or not. Which one it is
    /// and whether the first record holds names is read from the text.
    Csv,
    /// SQL as PostgreSQL reads it, with standard strings: literals of all kinds, numbers, comments,
    /// and the rows of `COPY … FROM stdin` in a dump.
    Sql,
    /// An array as PostgreSQL writes it: `{a,"b c",NULL}`.
    Array,
    /// XML and HTML: text, attributes, comments, CDATA sections.
    Xml,
}

impl Container {
    /// Shows every value of a document and every name, in order and disjoint.
    pub(super) fn walk<'t>(
        self,
        text: &'t str,
        visit: &mut Visit<'t, '_>,
    ) -> Result<(), Malformed> {
        match self {
            Self::Text => {
                visit(Leaf::value_of(0..text.len(), Coding::Text, ""));
                Ok(())
            }
            Self::Json => json::walk(text, visit),
            Self::Csv => csv::walk(text, visit),
            Self::Sql => sql::walk(text, visit),
            Self::Xml => xml::walk(text, visit),
            Self::Array => array::walk(text, visit),
        }
    }
}

/// Takes the leaves of a document one by one.
pub(super) type Visit<'t, 'v> = dyn FnMut(Leaf<'t>) + 'v;

/// A document is not what its container says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Malformed {
    /// What it should be.
    pub container: Container,
    /// The byte where the reader stopped.
    pub at: usize,
    /// What was wrong there, without a word of the document.
    pub what: &'static str,
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self.container {
            Container::Text => "text",
            Container::Json => "JSON",
            Container::Csv => "CSV",
            Container::Sql => "SQL",
            Container::Xml => "XML",
            Container::Array => "array",
        };
        write!(f, "no valid {name} at byte {}: {}", self.at, self.what)
    }
}

impl std::error::Error for Malformed {}

/// Whether a leaf is data, or says what data is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Role {
    Value,
    Name,
}

/// A value or a name where it stands in a document, without its quotes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Leaf<'t> {
    pub(super) range: Range<usize>,
    pub(super) role: Role,
    pub(super) coding: Coding,
    /// The name of the value: key, column, element. Empty when there is none.
    pub(super) label: &'t str,
}

impl<'t> Leaf<'t> {
    fn value_of(range: Range<usize>, coding: Coding, label: &'t str) -> Self {
        Self { range, role: Role::Value, coding, label }
    }

    fn name_of(range: Range<usize>, coding: Coding) -> Self {
        Self { range, role: Role::Name, coding, label: "" }
    }

    /// The value that the leaf writes.
    pub(super) fn value<'d>(&self, text: &'d str) -> Value<'d> {
        let raw = text.get(self.range.clone()).unwrap_or_default();
        let (value, reading) = self.coding.decode(raw);
        Value { text: value, reading, start: self.range.start }
    }
}

/// A value as it is read, and where its characters are in the document.
pub(in crate::mask) struct Value<'t> {
    pub(in crate::mask) text: Cow<'t, str>,
    /// From the value's writing (the source) to the value.
    pub(in crate::mask) reading: OffsetMap,
    /// Where the writing begins in the document.
    pub(in crate::mask) start: usize,
}

impl Value<'_> {
    /// The span of the value that a span of the document writes.
    pub(super) fn inside(&self, range: Range<usize>) -> Range<usize> {
        self.reading.target_range(range.start - self.start..range.end - self.start)
    }

    /// The span of the document that writes a span of the value.
    pub(super) fn outside(&self, range: Range<usize>) -> Range<usize> {
        let range = self.reading.source_range(range);
        range.start + self.start..range.end + self.start
    }
}

/// The leaves of a document as `label=value`, names with `sign` for a label.
#[cfg(test)]
fn leaves(container: Container, sign: &str, text: &str) -> Result<Vec<String>, Malformed> {
    let mut out = Vec::new();
    container.walk(text, &mut |leaf| {
        let label = if leaf.role == Role::Name { sign } else { leaf.label };
        out.push(format!("{label}={}", &text[leaf.range]));
    })?;
    Ok(out)
}
