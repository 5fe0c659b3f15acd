//! Reads one mapping of the file field by field: types are checked, problems are
//! collected, and what was not asked for is an unknown key.

use super::problem::{Problems, closest};
use super::scalar;
use super::tree::{Key, Node, Value};
use portreeve_model::Manifest;
use std::ops::{Range, RangeInclusive};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What every reader needs.
pub(crate) struct Reader<'a> {
    pub(crate) problems: Problems,
    /// Relative paths start here.
    pub(crate) folder: &'a Path,
    /// The file.
    pub(crate) text: &'a str,
    /// The protocols that there are.
    pub(crate) protocols: &'a [&'static Manifest],
}

/// A mapping that is being read.
pub(crate) struct Section {
    /// Its name for messages: `limits`, `resources.shop.postgres`.
    name: String,
    /// Where to point when something is missing.
    span: Range<usize>,
    entries: Vec<(Key, Node)>,
    asked: Vec<&'static str>,
}

impl Section {
    /// Opens a mapping; nothing at all is an empty one.
    pub(crate) fn open(
        reader: &mut Reader<'_>,
        name: impl Into<String>,
        span: Range<usize>,
        node: Option<Node>,
    ) -> Self {
        let name = name.into();
        let entries = match node.map(|node| (node.value, node.span)) {
            None | Some((Value::Null, _)) => Vec::new(),
            Some((Value::Mapping(entries), _)) => entries,
            Some((other, span)) => {
                wrong(reader, span, &name, "a mapping of keys to values", &other);
                Vec::new()
            }
        };
        Self { name, span, entries, asked: Vec::new() }
    }

    /// Where the section's name stands.
    pub(crate) fn span(&self) -> Range<usize> {
        self.span.clone()
    }

    /// Takes a field, if it is there, with the place of its key.
    pub(crate) fn take(&mut self, field: &'static str) -> Option<(Key, Node)> {
        self.asked.push(field);
        let at = self.entries.iter().position(|(key, _)| key.text == field)?;
        Some(self.entries.swap_remove(at))
    }

    /// Takes everything: for mappings whose keys are names.
    pub(crate) fn take_all(&mut self) -> Vec<(Key, Node)> {
        std::mem::take(&mut self.entries)
    }

    /// The keys that nobody has taken yet.
    pub(crate) fn keys(&self) -> impl Iterator<Item = &str> {
        self.entries.iter().map(|(key, _)| key.text.as_str())
    }

    /// Opens a field as a section of its own.
    pub(crate) fn section(&mut self, reader: &mut Reader<'_>, field: &'static str) -> Self {
        let name = self.path(field);
        match self.take(field) {
            Some((key, node)) => Self::open(reader, name, key.span, Some(node)),
            None => Self::open(reader, name, self.span(), None),
        }
    }

    /// The full name of a field.
    pub(crate) fn path(&self, field: &str) -> String {
        if self.name.is_empty() { field.to_owned() } else { format!("{}.{field}", self.name) }
    }

    /// Says that a field must be there.
    pub(crate) fn missing(&self, reader: &mut Reader<'_>, field: &str) {
        reader.problems.add(self.span(), format!("`{}` is missing", self.path(field)));
    }

    /// A text, if it is there.
    pub(crate) fn text(
        &mut self,
        reader: &mut Reader<'_>,
        field: &'static str,
    ) -> Option<(String, Range<usize>)> {
        let (_, node) = self.take(field)?;
        as_text(reader, &self.path(field), node)
    }

    /// A text that must be there.
    pub(crate) fn required_text(
        &mut self,
        reader: &mut Reader<'_>,
        field: &'static str,
    ) -> Option<(String, Range<usize>)> {
        if !self.entries.iter().any(|(key, _)| key.text == field) {
            self.asked.push(field);
            self.missing(reader, field);
            return None;
        }
        self.text(reader, field)
    }

    /// A text with a default.
    pub(crate) fn text_or(
        &mut self,
        reader: &mut Reader<'_>,
        field: &'static str,
        default: &str,
    ) -> String {
        self.text(reader, field).map_or_else(|| default.to_owned(), |(text, _)| text)
    }

    /// A path, made absolute from the file's folder.
    pub(crate) fn file(&mut self, reader: &mut Reader<'_>, field: &'static str) -> Option<PathBuf> {
        self.text(reader, field).map(|(text, _)| reader.folder.join(text))
    }

    /// A number with a default and bounds.
    pub(crate) fn number<T: TryFrom<i128>>(
        &mut self,
        reader: &mut Reader<'_>,
        field: &'static str,
        default: T,
        bounds: RangeInclusive<i128>,
    ) -> T {
        let Some((_, node)) = self.take(field) else {
            return default;
        };
        let found = match node.value {
            Value::Integer(number) if bounds.contains(&number) => T::try_from(number).ok(),
            _ => None,
        };
        found.unwrap_or_else(|| {
            let (low, high) = (bounds.start(), bounds.end());
            let message = format!("`{}` must be a number from {low} to {high}", self.path(field));
            reader.problems.add(node.span, message);
            default
        })
    }

    /// A duration with a default and a longest.
    pub(crate) fn duration(
        &mut self,
        reader: &mut Reader<'_>,
        field: &'static str,
        default: Duration,
        longest: &str,
    ) -> Duration {
        self.duration_maybe(reader, field, longest).unwrap_or(default)
    }

    /// A duration with a longest, if it is there.
    pub(crate) fn duration_maybe(
        &mut self,
        reader: &mut Reader<'_>,
        field: &'static str,
        longest: &str,
    ) -> Option<Duration> {
        let (_, node) = self.take(field)?;
        as_duration(reader, &self.path(field), node, longest)
    }

    /// A size in bytes with a default and bounds.
    pub(crate) fn size(
        &mut self,
        reader: &mut Reader<'_>,
        field: &'static str,
        default: u64,
        bounds: RangeInclusive<u64>,
    ) -> u64 {
        let Some((_, node)) = self.take(field) else {
            return default;
        };
        let found = match &node.value {
            Value::Text(text) => scalar::size(text),
            Value::Integer(number) => u64::try_from(*number).ok(),
            _ => None,
        };
        match found {
            Some(found) if bounds.contains(&found) => found,
            Some(_) => {
                let path = self.path(field);
                let [smallest, largest] =
                    [bounds.start(), bounds.end()].map(|it| scalar::size_text(*it));
                let message = format!("`{path}` must be from {smallest} to {largest}");
                reader.problems.add(node.span, message);
                default
            }
            None => {
                let message = format!("`{}` is not a size", self.path(field));
                let help = "write a number and a unit: `64KiB`, `16MiB`, `1GiB`";
                reader.problems.add_with_help(node.span, message, help);
                default
            }
        }
    }

    /// Reports every key that nobody asked for.
    pub(crate) fn close(self, reader: &mut Reader<'_>) {
        self.close_with(reader, |_| None);
    }

    /// The same; `moved` says where a key belongs that is known elsewhere.
    pub(crate) fn close_with(
        self,
        reader: &mut Reader<'_>,
        moved: impl Fn(&str) -> Option<String>,
    ) {
        for (key, _) in &self.entries {
            let message = if self.name.is_empty() {
                format!("unknown key `{}`", key.text)
            } else {
                format!("unknown key `{}` in `{}`", key.text, self.name)
            };
            let help = match (moved(&key.text), closest(&key.text, &self.asked)) {
                (Some(place), _) => place,
                (None, Some(meant)) => format!("did you mean `{meant}`?"),
                (None, None) => format!("known here: {}", listed(&self.asked)),
            };
            reader.problems.add_with_help(key.span.clone(), message, help);
        }
    }
}

/// A node that must be text.
pub(crate) fn as_text(
    reader: &mut Reader<'_>,
    name: &str,
    node: Node,
) -> Option<(String, Range<usize>)> {
    match node.value {
        Value::Text(text) if text.is_empty() => {
            reader.problems.add(node.span, format!("`{name}` is empty"));
            None
        }
        Value::Text(text) if text.contains('\0') => {
            reader.problems.add(node.span, format!("`{name}` holds a NUL"));
            None
        }
        Value::Text(text) => Some((text, node.span)),
        other => {
            wrong(reader, node.span, name, "text", &other);
            None
        }
    }
}

/// A node that must be a duration.
pub(crate) fn as_duration(
    reader: &mut Reader<'_>,
    name: &str,
    node: Node,
    longest: &str,
) -> Option<Duration> {
    let longest_time = scalar::duration(longest).unwrap_or_default();
    let found = match &node.value {
        Value::Text(text) => scalar::duration(text),
        _ => None,
    };
    match found {
        Some(found) if !found.is_zero() && found <= longest_time => return Some(found),
        Some(_) => {
            let message = format!("`{name}` must be from 1ms to {longest}");
            reader.problems.add(node.span, message);
        }
        None => {
            let message = format!("`{name}` is not a duration");
            let help = "write a number and a unit: `500ms`, `10s`, `10m`, `8h`, `2d`";
            reader.problems.add_with_help(node.span, message, help);
        }
    }
    None
}

/// A node that must be a list.
pub(crate) fn as_list(reader: &mut Reader<'_>, name: &str, node: Node) -> Vec<Node> {
    match node.value {
        Value::Sequence(items) => items,
        other => {
            wrong(reader, node.span, name, "a list", &other);
            Vec::new()
        }
    }
}

fn wrong(reader: &mut Reader<'_>, span: Range<usize>, name: &str, want: &str, found: &Value) {
    let message = format!("`{name}` must be {want}, not {}", found.kind());
    let scalar = matches!(found, Value::Integer(_) | Value::Float | Value::Bool);
    if want == "text" && scalar {
        reader.problems.add_with_help(span, message, "put it in quotes");
    } else {
        reader.problems.add(span, message);
    }
}

/// Words for a message: `` `a`, `b` ``.
pub(crate) fn listed(words: &[&str]) -> String {
    words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
}
