//! What a request carries out: the classified fields of its body, and what detectors find in
//! it. Each is something that the caller writes, and that policy is asked about.

use crate::masking::is_json;
use portreeve_detect::mask::{Container, detect_within};
use portreeve_detect::{Detector, Finding, ValueContext};
use portreeve_model::Object;
use portreeve_screen::ATTRIBUTES;
use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use std::collections::BTreeSet;
use std::fmt;

/// The category of what nobody can look into.
pub const OPAQUE: &str = "opaque";

/// What a protocol calls the fields of its requests.
pub trait Carried {
    /// The classified field that a path names, if it names one.
    fn field(&self, path: &str) -> Option<Object>;

    /// What stands for all that detectors found of a category.
    fn found(&self, category: &str) -> Object;
}

/// What is looked into, and what was found so far.
pub struct Search<'a> {
    names: &'a dyn Carried,
    detector: &'a Detector,
    found: BTreeSet<Object>,
    findings: Vec<Finding>,
}

impl fmt::Debug for Search<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Search").field("found", &self.found).finish_non_exhaustive()
    }
}

/// How sure a finding must be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Sureness {
    /// Whatever the detectors report.
    Any,
    /// Paths and fields are full of words that look like names.
    Certain,
}

/// The least score of what is certain, in percent.
const CERTAIN_MIN: u8 = 80;

impl<'a> Search<'a> {
    /// Nothing found yet.
    #[must_use]
    pub fn new(names: &'a dyn Carried, detector: &'a Detector) -> Self {
        Self { names, detector, found: BTreeSet::new(), findings: Vec::new() }
    }

    /// What was found: each is something that is written.
    #[must_use]
    pub fn into_found(self) -> BTreeSet<Object> {
        self.found
    }

    /// Something of a category is carried.
    pub fn add_category(&mut self, category: &str) {
        self.found.insert(self.names.found(category));
    }

    /// A field is named.
    pub fn field(&mut self, path: &str) {
        self.found.extend(self.names.field(path));
    }

    /// JSON: every value of every document, of a key that comes twice both.
    pub fn json(&mut self, text: &str) {
        let mut reader = serde_json::Deserializer::from_str(text);
        loop {
            let walk = Walk { search: self, path: String::new() };
            match walk.deserialize(&mut reader) {
                Ok(()) if reader.end().is_ok() => return,
                Ok(()) => {}
                Err(_) => break,
            }
        }
        // A server may read what this reader does not.
        self.text("", text, Sureness::Any);
        self.add_category(OPAQUE);
    }

    /// A text under a name.
    pub fn text(&mut self, path: &str, text: &str, sureness: Sureness) {
        let own = path.rsplit('.').next().unwrap_or(path);
        self.findings.clear();
        let context = ValueContext::of(own, &[]);
        let mut findings = std::mem::take(&mut self.findings);
        // A text is a text, whatever it is.
        let _ = detect_within(self.detector, text, Container::Text, context, &mut findings);
        let counts = |finding: &&Finding| {
            !ATTRIBUTES.contains(&finding.category)
                && (sureness == Sureness::Any || finding.score >= CERTAIN_MIN)
        };
        for finding in findings.iter().filter(counts) {
            self.add_category(finding.category.name());
        }
        self.findings = findings;
    }
}

/// Looks at every value of a document, of a key that comes twice at both.
struct Walk<'s, 'a> {
    search: &'s mut Search<'a>,
    path: String,
}

impl<'de> DeserializeSeed<'de> for Walk<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        self.search.field(&self.path);
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Walk<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a document")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, number: i64) -> Result<(), E> {
        self.search.text(&self.path, &number.to_string(), Sureness::Any);
        Ok(())
    }

    fn visit_u64<E>(self, number: u64) -> Result<(), E> {
        self.search.text(&self.path, &number.to_string(), Sureness::Any);
        Ok(())
    }

    fn visit_f64<E>(self, number: f64) -> Result<(), E> {
        self.search.text(&self.path, &number.to_string(), Sureness::Any);
        Ok(())
    }

    fn visit_str<E>(self, text: &str) -> Result<(), E> {
        self.search.text(&self.path, text, Sureness::Any);
        if is_json(text) {
            // Its names count, too. It has fewer escapes than what it stands in, so this ends.
            let inner = Walk { search: self.search, path: self.path };
            let _ = inner.deserialize(&mut serde_json::Deserializer::from_str(text));
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        loop {
            let item = Walk { search: &mut *self.search, path: self.path.clone() };
            if items.next_element_seed(item)?.is_none() {
                return Ok(());
            }
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<(), A::Error> {
        while let Some(name) = fields.next_key::<String>()? {
            self.search.text("", &name, Sureness::Any);
            let path = match self.path.as_str() {
                "" => name,
                outer => format!("{outer}.{name}"),
            };
            fields.next_value_seed(Walk { search: &mut *self.search, path })?;
        }
        Ok(())
    }
}
