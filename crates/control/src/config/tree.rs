//! The configuration file as a tree that remembers where everything stood.
//!
//! Not a YAML parser: `serde-saphyr` reads, with its limits on depth, aliases and
//! size. This keeps spans and the order of keys, so that every problem of a file can
//! be shown at once, at its place.

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::{Location, Spanned};
use std::fmt;
use std::ops::Range;

/// A value and where it stands, in bytes.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) value: Value,
    pub(crate) span: Range<usize>,
}

/// What YAML made of it.
#[derive(Clone, Debug)]
pub(crate) enum Value {
    Null,
    Bool,
    Integer(i128),
    Float,
    Text(String),
    Sequence(Vec<Node>),
    Mapping(Vec<(Key, Node)>),
}

/// The key of a mapping.
#[derive(Clone, Debug)]
pub(crate) struct Key {
    pub(crate) text: String,
    pub(crate) span: Range<usize>,
}

impl Value {
    /// The word for messages.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Null => "nothing",
            Self::Bool => "true or false",
            Self::Integer(_) | Self::Float => "a number",
            Self::Text(_) => "text",
            Self::Sequence(_) => "a list",
            Self::Mapping(_) => "a mapping",
        }
    }
}

/// Why a text is not YAML.
#[derive(Debug)]
pub(crate) struct SyntaxError {
    pub(crate) message: String,
    pub(crate) span: Range<usize>,
}

/// Reads a document.
pub(crate) fn parse(text: &str) -> Result<Node, SyntaxError> {
    let mut options = serde_saphyr::Options::default();
    options.strict_booleans = true;
    options.with_snippet = false;
    serde_saphyr::from_str_with_options::<Spanned<Raw>>(text, options).map(Node::from).map_err(
        |error| {
            let span = error.location().map_or(0..0, |location| place(text, &location));
            SyntaxError { message: first_line(&error.without_snippet().to_string()), span }
        },
    )
}

/// The parser's own message without the place, which is shown apart.
fn first_line(message: &str) -> String {
    let line = message.lines().next().unwrap_or_default();
    let line = line.split(", set DuplicateKeyPolicy").next().unwrap_or(line);
    let line = line.strip_prefix("error: ").unwrap_or(line);
    match line.strip_prefix("line ").and_then(|rest| rest.split_once(": ")) {
        Some((_, rest)) => rest.to_owned(),
        None => match line.rfind(" at line ") {
            Some(at) => line[..at].to_owned(),
            None => line.to_owned(),
        },
    }
}

/// Where an error stands: the parser gives line and column, not always bytes.
fn place(text: &str, location: &Location) -> Range<usize> {
    let line = usize::try_from(location.line()).unwrap_or(1).max(1);
    let column = usize::try_from(location.column()).unwrap_or(1).max(1);
    let start: usize = text.split_inclusive('\n').take(line - 1).map(str::len).sum();
    let rest = text.get(start..).unwrap_or_default();
    let offset = rest.char_indices().nth(column - 1).map_or(rest.len(), |(at, _)| at);
    let at = (start + offset).min(text.trim_end().len());
    at..at
}

fn bytes(location: &Location) -> Range<usize> {
    let span = location.span();
    let start = span.byte_offset().and_then(|at| usize::try_from(at).ok()).unwrap_or(0);
    let length = span.byte_len().and_then(|n| usize::try_from(n).ok()).unwrap_or(0);
    start..start.saturating_add(length)
}

/// A value as serde hands it over; becomes a [`Node`].
enum Raw {
    Null,
    Bool,
    Integer(i128),
    Float,
    Text(String),
    Sequence(Vec<Spanned<Raw>>),
    Mapping(Vec<(Spanned<String>, Spanned<Raw>)>),
}

impl From<Spanned<Raw>> for Node {
    fn from(raw: Spanned<Raw>) -> Self {
        let value = match raw.value {
            Raw::Null => Value::Null,
            Raw::Bool => Value::Bool,
            Raw::Integer(number) => Value::Integer(number),
            Raw::Float => Value::Float,
            Raw::Text(text) => Value::Text(text),
            Raw::Sequence(items) => Value::Sequence(items.into_iter().map(Self::from).collect()),
            Raw::Mapping(entries) => Value::Mapping(
                entries
                    .into_iter()
                    .map(|(key, value)| {
                        let span = bytes(&key.referenced);
                        (Key { text: key.value, span }, Self::from(value))
                    })
                    .collect(),
            ),
        };
        Self { value, span: bytes(&raw.referenced) }
    }
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(RawVisitor)
    }
}

struct RawVisitor;

impl<'de> Visitor<'de> for RawVisitor {
    type Value = Raw;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Raw, E> {
        Ok(Raw::Null)
    }

    fn visit_none<E>(self) -> Result<Raw, E> {
        Ok(Raw::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Raw, D::Error> {
        Raw::deserialize(deserializer)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Raw, E> {
        Ok(Raw::Bool)
    }

    fn visit_i64<E>(self, number: i64) -> Result<Raw, E> {
        Ok(Raw::Integer(number.into()))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Raw, E> {
        Ok(Raw::Integer(number.into()))
    }

    fn visit_i128<E>(self, number: i128) -> Result<Raw, E> {
        Ok(Raw::Integer(number))
    }

    fn visit_f64<E>(self, _: f64) -> Result<Raw, E> {
        Ok(Raw::Float)
    }

    fn visit_str<E>(self, text: &str) -> Result<Raw, E> {
        Ok(Raw::Text(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Raw, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = access.next_element()? {
            items.push(item);
        }
        Ok(Raw::Sequence(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Raw, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = access.next_entry()? {
            entries.push(entry);
        }
        Ok(Raw::Mapping(entries))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_keeps_its_place() {
        let text = "# ü\na: 10m\nb:\n  c: [1, two]\n\"*.x\": null\n";
        let Value::Mapping(entries) = parse(text).unwrap().value else { panic!("a mapping") };
        let shown: Vec<(&str, &str)> = entries
            .iter()
            .map(|(key, node)| (&text[key.span.clone()], text[node.span.clone()].trim()))
            .collect();
        assert_eq!(shown[0], ("a", "10m"));
        assert_eq!(shown[1].0, "b");
        assert_eq!(shown[2], ("\"*.x\"", "null"));
        let Value::Mapping(inner) = &entries[1].1.value else { panic!("a mapping") };
        let Value::Sequence(items) = &inner[0].1.value else { panic!("a list") };
        assert_eq!(&text[items[1].span.clone()], "two");
    }

    #[test]
    fn a_syntax_error_has_a_place() {
        let text = "a: 1\nb: [1, 2\nc: 3\n";
        let error = parse(text).unwrap_err();
        assert!(error.span.start > 5, "{error:?}");
        assert!(!error.message.contains("line"), "{error:?}");
    }

    #[test]
    fn a_key_twice_is_an_error() {
        assert!(parse("a: 1\na: 2\n").unwrap_err().message.contains("duplicate"));
    }
}
