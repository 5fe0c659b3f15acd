//! What a request carries out: the classified fields of its body, and what detectors find in
//! it. Each is something that the caller writes, and that policy is asked about.

use crate::target::Target;
use portreeve_detect::mask::{Container, detect_within};
use portreeve_detect::{Detector, Finding, ValueContext};
use portreeve_model::Object;
use serde_json::Value;
use std::collections::BTreeSet;

/// The category of a body that nobody can look into.
const OPAQUE: &str = "opaque";
/// Deeper documents are looked through as text.
const DEPTH_MAX: usize = 64;

/// What is looked into, and what was found so far.
struct Search<'a> {
    target: &'a Target,
    route: &'a str,
    detector: &'a Detector,
    found: BTreeSet<Object>,
    findings: Vec<Finding>,
}

/// The fields that a body of a type writes personal data into.
pub(super) fn fields(
    target: &Target,
    route: &str,
    detector: &Detector,
    (content_type, body): (Option<&str>, &[u8]),
) -> BTreeSet<Object> {
    let (found, findings) = (BTreeSet::new(), Vec::new());
    let mut search = Search { target, route, detector, found, findings };
    if body.is_empty() {
        return search.found;
    }
    let kind = content_type.unwrap_or_default().split(';').next().unwrap_or_default();
    let kind = kind.trim().to_ascii_lowercase();
    let text = std::str::from_utf8(body);
    match (kind.as_str(), text) {
        (_, Err(_)) => search.add_category(OPAQUE),
        (kind, Ok(text)) if is_json(kind) => search.json(text),
        ("application/x-www-form-urlencoded", Ok(text)) => search.form(text),
        (kind, Ok(text)) if kind.is_empty() || kind.starts_with("text/") || is_xml(kind) => {
            search.text("", text);
        }
        (_, Ok(text)) => {
            search.text("", text);
            search.add_category(OPAQUE);
        }
    }
    search.found
}

fn is_json(kind: &str) -> bool {
    kind.ends_with("json") || kind == "application/jsonl"
}

fn is_xml(kind: &str) -> bool {
    kind.ends_with("xml")
}

impl Search<'_> {
    fn add_category(&mut self, category: &str) {
        self.found.insert(self.target.found_field(self.route, category));
    }

    fn json(&mut self, text: &str) {
        let mut is_read = true;
        for document in serde_json::Deserializer::from_str(text).into_iter::<Value>() {
            match document {
                Ok(document) => self.value("", &document, 0),
                Err(_) => is_read = false,
            }
        }
        if !is_read {
            // A server may read what this reader does not.
            self.text("", text);
            self.add_category(OPAQUE);
        }
    }

    fn value(&mut self, path: &str, value: &Value, depth: usize) {
        if let Some((object, _)) = self.target.category_of(self.route, path) {
            self.found.insert(object);
        }
        match value {
            Value::Null | Value::Bool(_) => {}
            _ if depth >= DEPTH_MAX => self.text(path, &value.to_string()),
            Value::Number(number) => self.text(path, &number.to_string()),
            Value::String(text) => self.text(path, text),
            Value::Array(items) => {
                items.iter().for_each(|item| self.value(path, item, depth + 1));
            }
            Value::Object(fields) => {
                for (name, value) in fields {
                    self.text("", name);
                    let path =
                        if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                    self.value(&path, value, depth + 1);
                }
            }
        }
    }

    fn form(&mut self, text: &str) {
        match crate::canonical::CanonicalQuery::read(text) {
            Ok(form) => {
                for (name, value) in &form.pairs {
                    if let Some((object, _)) = self.target.category_of(self.route, name) {
                        self.found.insert(object);
                    }
                    self.text(name, value);
                }
            }
            Err(_) => self.add_category(OPAQUE),
        }
    }

    fn text(&mut self, path: &str, text: &str) {
        let own = path.rsplit('.').next().unwrap_or(path);
        self.findings.clear();
        let context = ValueContext::of(own, &[]);
        let mut findings = std::mem::take(&mut self.findings);
        // Text is a text, whatever it is.
        let _ = detect_within(self.detector, text, Container::Text, context, &mut findings);
        for finding in &findings {
            self.add_category(finding.category.name());
        }
        self.findings = findings;
    }
}
