//! What a request carries out, in whatever way it is written.

use super::Head;
use crate::target::Target;
use portreeve_detect::Detector;
use portreeve_model::Object;
use portreeve_web::{CanonicalQuery, OPAQUE, Search, Sureness};
use std::collections::BTreeSet;

/// The fields that a request writes personal data into: those of its body, and what detectors
/// find in its body, path, query and fields.
pub(super) fn fields(
    target: &Target,
    route: &str,
    detector: &Detector,
    (head, body): (&Head, &[u8]),
) -> BTreeSet<Object> {
    let names = target.fields().of(route);
    let mut search = Search::new(&names, detector);
    surroundings(&mut search, head);
    if !body.is_empty() {
        search_body(&mut search, head, body);
    }
    search.into_found()
}

fn search_body(search: &mut Search<'_>, head: &Head, body: &[u8]) {
    let kind = head.content_type().unwrap_or_default().split(';').next().unwrap_or_default();
    let kind = kind.trim().to_ascii_lowercase();
    let Ok(text) = std::str::from_utf8(body) else {
        search.add_category(OPAQUE);
        return;
    };
    // A server may read a document as what it is, whatever its type says.
    let looks_like_json = text.trim_start().starts_with(['{', '[', '"']);
    if is_json(&kind) || looks_like_json {
        search.json(text);
    }
    match kind.as_str() {
        kind if is_json(kind) => {}
        "application/x-www-form-urlencoded" => form(search, text),
        kind => {
            search.text("", text, Sureness::Any);
            let is_prose = matches!(kind, "" | "text/plain" | "text/html" | "text/markdown");
            if !looks_like_json && !is_prose {
                records(search, text);
            }
            if !(kind.is_empty() || kind.starts_with("text/") || kind.ends_with("xml")) {
                search.add_category(OPAQUE);
            }
        }
    }
}

fn is_json(kind: &str) -> bool {
    kind.ends_with("json") || kind == "application/jsonl"
}

fn surroundings(search: &mut Search<'_>, head: &Head) {
    for segment in &head.path.segments {
        search.text("", segment, Sureness::Certain);
    }
    for (name, value) in &head.query.pairs {
        search.text(name, value, Sureness::Certain);
    }
    for (name, value) in head.texts() {
        search.text(name, &value, Sureness::Certain);
    }
}

/// Records in a writing whose names are not read: those that are classified may be there.
fn records(search: &mut Search<'_>, text: &str) {
    let words = text.split(|c: char| !c.is_alphanumeric() && c != '_' && c != '-');
    for word in words.filter(|word| !word.is_empty()) {
        search.field(word);
    }
}

fn form(search: &mut Search<'_>, text: &str) {
    match CanonicalQuery::read(text) {
        Ok(form) => {
            for (name, value) in &form.pairs {
                name.split(['[', ']', '.']).for_each(|part| search.field(part));
                search.field(name);
                search.text(name, value, Sureness::Any);
            }
        }
        Err(_) => search.add_category(OPAQUE),
    }
}
