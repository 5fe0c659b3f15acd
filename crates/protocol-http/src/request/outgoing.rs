//! What a request carries out: the classified fields of its body, and what detectors find in
//! it. Each is something that the caller writes, and that policy is asked about.

use super::Head;
use super::command::OPAQUE;
use crate::target::Target;
use portreeve_detect::mask::{Container, detect_within};
use portreeve_detect::{Detector, Finding, ValueContext};
use portreeve_model::Object;
use portreeve_screen::ATTRIBUTES;
use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use std::collections::BTreeSet;
use std::fmt;

/// What is looked into, and what was found so far.
struct Search<'a> {
    target: &'a Target,
    route: &'a str,
    detector: &'a Detector,
    found: BTreeSet<Object>,
    findings: Vec<Finding>,
}

/// The fields that a request writes personal data into: those of its body, and what detectors
/// find in its body, path, query and fields.
pub(super) fn fields(
    target: &Target,
    route: &str,
    detector: &Detector,
    (head, body): (&Head, &[u8]),
) -> BTreeSet<Object> {
    let (found, findings) = (BTreeSet::new(), Vec::new());
    let mut search = Search { target, route, detector, found, findings };
    search.surroundings(head);
    if body.is_empty() {
        return search.found;
    }
    let kind = head.content_type().unwrap_or_default().split(';').next().unwrap_or_default();
    let kind = kind.trim().to_ascii_lowercase();
    let Ok(text) = std::str::from_utf8(body) else {
        search.add_category(OPAQUE);
        return search.found;
    };
    // A server may read a document as what it is, whatever its type says.
    let looks_like_json = text.trim_start().starts_with(['{', '[', '"']);
    if is_json(&kind) || looks_like_json {
        search.json(text);
    }
    match kind.as_str() {
        kind if is_json(kind) => {}
        "application/x-www-form-urlencoded" => search.form(text),
        kind => {
            search.text("", text, Sureness::Any);
            let is_prose = matches!(kind, "" | "text/plain" | "text/html" | "text/markdown");
            if !looks_like_json && !is_prose {
                search.records(text);
            }
            if !(kind.is_empty() || kind.starts_with("text/") || kind.ends_with("xml")) {
                search.add_category(OPAQUE);
            }
        }
    }
    search.found
}

/// How sure a finding must be.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sureness {
    Any,
    /// Paths and fields are full of words that look like names.
    Certain,
}

/// The least score of what is certain, in percent.
const CERTAIN_MIN: u8 = 80;

fn is_json(kind: &str) -> bool {
    kind.ends_with("json") || kind == "application/jsonl"
}

impl Search<'_> {
    fn add_category(&mut self, category: &str) {
        self.found.insert(self.target.found_field(self.route, category));
    }

    fn surroundings(&mut self, head: &Head) {
        for segment in &head.path.segments {
            self.text("", segment, Sureness::Certain);
        }
        for (name, value) in &head.query.pairs {
            self.text(name, value, Sureness::Certain);
        }
        for (name, value) in head.texts() {
            self.text(name, &value, Sureness::Certain);
        }
    }

    fn json(&mut self, text: &str) {
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

    /// Records in a writing whose names are not read: those that are classified may be there.
    fn records(&mut self, text: &str) {
        let words = text.split(|c: char| !c.is_alphanumeric() && c != '_' && c != '-');
        for word in words.filter(|word| !word.is_empty()) {
            self.field(word);
        }
    }

    fn field(&mut self, path: &str) {
        if let Some((object, _)) = self.target.category_of(self.route, path) {
            self.found.insert(object);
        }
    }

    fn form(&mut self, text: &str) {
        match crate::canonical::CanonicalQuery::read(text) {
            Ok(form) => {
                for (name, value) in &form.pairs {
                    name.split(['[', ']', '.']).for_each(|part| self.field(part));
                    self.field(name);
                    self.text(name, value, Sureness::Any);
                }
            }
            Err(_) => self.add_category(OPAQUE),
        }
    }

    fn text(&mut self, path: &str, text: &str, sureness: Sureness) {
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
