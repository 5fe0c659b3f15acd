//! The `masking` section.

use super::problem::closest;
use super::read::is_bare_null;
use super::scalar;
use super::section::{Reader, Section, as_text, listed};
use super::types::Masking;
use portreeve_model::{Category, MaskMethod};
use std::collections::BTreeMap;

pub(crate) fn read(reader: &mut Reader<'_>, mut section: Section) -> Masking {
    let mut masking = Masking { methods: BTreeMap::new(), default: MaskMethod::Redact };
    for (key, node) in section.take_all() {
        let name = section.path(&key.text);
        let method = if is_bare_null(reader.text, &node) {
            Some(MaskMethod::Null)
        } else {
            as_text(reader, &name, node).and_then(|(text, span)| match method(&text) {
                Some(method) => Some(method),
                None => {
                    let help = match closest(&text, &METHOD_WORDS) {
                        Some(meant) => format!("did you mean `{meant}`?"),
                        None => format!("known: {}", listed(&METHOD_WORDS)),
                    };
                    let message = format!("`{text}` is not a masking method");
                    reader.problems.add_with_help(span, message, help);
                    None
                }
            })
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

const METHOD_WORDS: [&str; 4] = ["redact", "pseudonym", "partial", "null"];
