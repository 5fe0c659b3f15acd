//! The `masking` section.

use super::problem::closest;
use super::read::is_bare_null;
use super::scalar;
use super::section::{Reader, Section, as_text, listed};
use super::tree::{Node, Value};
use super::types::Masking;
use portreeve_model::{Category, MaskMethod};
use std::collections::BTreeMap;

pub(crate) fn read(reader: &mut Reader<'_>, mut section: Section) -> Masking {
    let mut masking = Masking {
        methods: BTreeMap::new(),
        default: MaskMethod::Redact,
        confidence_min: BTreeMap::new(),
    };
    for (key, node) in section.take_all() {
        let name = section.path(&key.text);
        let is_category = scalar::is_category(&key.text) && key.text != "default";
        let method = match node.value {
            Value::Mapping(_) if is_category => {
                read_rule(reader, name, node, Category(key.text.clone()), &mut masking)
            }
            _ => read_method(reader, &name, node),
        };
        let Some(method) = method else { continue };
        if key.text == "default" {
            masking.default = method;
        } else if scalar::is_category(&key.text) {
            masking.methods.insert(Category(key.text), method);
        } else {
            not_a_category(reader, key.span, &key.text);
        }
    }
    masking
}

/// `{ method: partial, confidence_min: 80 }`
fn read_rule(
    reader: &mut Reader<'_>,
    name: String,
    node: Node,
    category: Category,
    masking: &mut Masking,
) -> Option<MaskMethod> {
    let mut section = Section::open(reader, name, node.span.clone(), Some(node));
    let percent = section.number(reader, "confidence_min", CONFIDENCE_MIN, 0..=100);
    masking.confidence_min.insert(category, percent);
    let path = section.path("method");
    let method = section.take("method").and_then(|(_, node)| read_method(reader, &path, node));
    section.close(reader);
    method
}

fn read_method(reader: &mut Reader<'_>, name: &str, node: Node) -> Option<MaskMethod> {
    if is_bare_null(reader.text, &node) {
        return Some(MaskMethod::Null);
    }
    let (text, span) = as_text(reader, name, node)?;
    let known = method(&text);
    if known.is_none() {
        let help = match closest(&text, &METHOD_WORDS) {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => format!("known: {}", listed(&METHOD_WORDS)),
        };
        let message = format!("`{text}` is not a masking method");
        reader.problems.add_with_help(span, message, help);
    }
    known
}

/// Says what a category looks like.
pub(crate) fn not_a_category(reader: &mut Reader<'_>, span: std::ops::Range<usize>, text: &str) {
    reader.problems.add_with_help(
        span,
        format!("`{text}` is not a category"),
        "a category is lower-case letters, digits and `-`: `email`, `national-id`",
    );
}

fn method(word: &str) -> Option<MaskMethod> {
    match word {
        "redact" => Some(MaskMethod::Redact),
        "pseudonym" => Some(MaskMethod::Pseudonym),
        "partial" => Some(MaskMethod::Partial),
        "null" => Some(MaskMethod::Null),
        _ => None,
    }
}

/// What detectors report at all.
const CONFIDENCE_MIN: u8 = 50;

const METHOD_WORDS: [&str; 4] = ["redact", "pseudonym", "partial", "null"];
