//! What kind of personal data a column holds, and what is done to it.

use serde::{Deserialize, Serialize};
use std::fmt;

/// A category of personal data, as the configuration names it (`email`, `health`, …).
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Category(pub String);

/// The category of what appeared at a target after somebody looked last: nobody knows what it
/// holds, so it is masked whole. No configuration can give it.
pub const UNKNOWN: &str = "unknown";

/// As long as PostgreSQL lets a name be.
const WORD_BYTES_MAX: usize = 63;

impl Category {
    /// Whether a word can be one, in a configuration or a description: `national-id`.
    #[must_use]
    pub fn is_word(text: &str) -> bool {
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        text.len() <= WORD_BYTES_MAX
            && text.starts_with(|c: char| c.is_ascii_lowercase())
            && text.bytes().all(plain)
    }

    /// The category of what nobody has looked at yet.
    #[must_use]
    pub fn unknown() -> Self {
        Self(UNKNOWN.to_owned())
    }

    /// Whether it is that one.
    #[must_use]
    pub fn is_unknown(&self) -> bool {
        self.0 == UNKNOWN
    }
}

impl fmt::Display for Category {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<&str> for Category {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

/// How a value is masked.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MaskMethod {
    /// Replaces the value by a fixed text that names its category, or by NULL where
    /// the column's type has no such text.
    Redact,
    /// Replaces the value by a keyed pseudonym: equal values stay equal.
    Pseudonym,
    /// Keeps a little of the value, by category (`a…@example.com`, the last four digits).
    Partial,
    /// Replaces the value by NULL.
    Null,
}

/// What becomes of texts in which nobody has said whether there is personal data.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Unclassified {
    /// Detectors look through them, and what they find is masked.
    #[default]
    Detect,
    /// They are masked whole.
    Mask,
    /// They pass.
    Clear,
}

/// What happens to values of one category.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct MaskRule {
    /// The category.
    pub category: Category,
    /// The method.
    pub method: MaskMethod,
}

/// A column that identifies the person whom a row is about.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SubjectColumn {
    /// Its schema.
    pub schema: String,
    /// Its table.
    pub table: String,
    /// Its name.
    pub column: String,
    /// What sort of identifier it holds: `email`, `customer-id`, ….
    pub kind: String,
}
