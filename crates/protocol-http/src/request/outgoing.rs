//! What a request carries out, in whatever way it is written.

use super::Head;
use crate::target::Target;
use http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use portreeve_model::Object;
use portreeve_web::multipart::{Part, boundary, parts};
use portreeve_web::{CanonicalQuery, Decoding, OPAQUE, Search, Sureness, charset, undone};
use std::collections::BTreeSet;

/// What a request carries out.
#[derive(Debug)]
pub(super) struct Going {
    /// The fields that it writes personal data into: those of its body, and what detectors find in
    /// its body, path, query and fields.
    pub(super) found: BTreeSet<Object>,
    /// Those of which nobody can say which value is theirs.
    pub(super) firm: BTreeSet<Object>,
}

/// Looks a request through, in which these are masked.
pub(super) fn going(
    target: &Target,
    (head, body): (&Head, &[u8]),
    masked: &BTreeSet<Object>,
) -> Going {
    let names = target.fields().of_all(head.routes.names());
    let categories = masked.iter().filter_map(|it| target.fields().category_of_object(it));
    let masks = categories.map(|category| format!("[{category}]")).collect();
    let mut search = Search::new(&names, target.outgoing_screen()).behind_masks(masks);
    surroundings(&mut search, head);
    if let Some(graphql) = &head.graphql {
        search.text("", graphql.text(), Sureness::Certain);
        for (name, text) in &graphql.said().texts {
            search.text(name, text, Sureness::Any);
            named_in_value(&mut search, text);
            search.expression(name, text);
        }
    } else if !body.is_empty() {
        search_body(&mut search, head, body);
    }
    let firm = search.firm().clone();
    Going { found: search.into_found(), firm }
}

/// Whether a field is such a one.
pub(super) fn is_found(object: &Object) -> bool {
    object.path.last().is_some_and(|name| name.starts_with('*'))
}

fn search_body(search: &mut Search<'_>, head: &Head, body: &[u8]) {
    let kind = head.content_type().unwrap_or_default();
    match boundary(kind).and_then(|boundary| parts(body, boundary)) {
        Some(parts) => parts.iter().for_each(|part| search_part(search, part)),
        None => search_kind(search, kind, body),
    }
}

/// A part of a form: a field, or a file.
fn search_part(search: &mut Search<'_>, part: &Part<'_>) {
    if !part.is_clear() {
        search.add_category(OPAQUE);
    }
    let name = part.name().unwrap_or_default();
    search.form_field(name);
    search.text("", &String::from_utf8_lossy(part.head), Sureness::Certain);
    for (name, value) in &part.fields {
        // What names the part is read as its name.
        if name != CONTENT_DISPOSITION && name != CONTENT_TYPE {
            search.firm_fields_of_text(&String::from_utf8_lossy(value.as_bytes()));
        }
    }
    search_kind(search, kind_of(part), part.body);
    if let Ok(text) = std::str::from_utf8(part.body) {
        search.text(name, text, Sureness::Any);
    }
}

/// What a part is.
pub(super) fn kind_of<'p>(part: &'p Part<'_>) -> &'p str {
    match (part.fields.get(CONTENT_TYPE), part.file_name()) {
        (Some(kind), _) => kind.to_str().unwrap_or("?"),
        // SPEC: RFC 7578 section 4.4: without a type it is text.
        (None, None) => "text/plain",
        (None, Some(_)) => "application/octet-stream",
    }
}

/// What one part of a form carries out.
pub(super) fn found_in(target: &Target, routes: &[&str], part: &Part<'_>) -> BTreeSet<Object> {
    let names = target.fields().of_all(routes.to_vec());
    let mut search = Search::new(&names, target.outgoing_screen());
    search_part(&mut search, part);
    search.into_found()
}

fn search_kind(search: &mut Search<'_>, kind: &str, body: &[u8]) {
    // What is one text in ASCII can be another one in its charset.
    if charset(kind).is_some_and(|name| Decoding::of("", Some(&name)).is_err()) {
        search.add_category(OPAQUE);
    }
    let kind = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let Ok(text) = std::str::from_utf8(body) else {
        search.add_category(OPAQUE);
        return;
    };
    // A server may read a document as what it is, whatever its type says.
    let looks_like_json = looks_like_json(text);
    if is_json(&kind) || looks_like_json {
        search.json(text);
    }
    match kind.as_str() {
        kind if is_json(kind) => {}
        "application/x-www-form-urlencoded" => form(search, text),
        kind => {
            search.text("", text, Sureness::Any);
            let is_prose = matches!(kind, "" | "text/plain" | "text/html" | "text/markdown");
            match is_prose {
                true => search.fields_of_text(text),
                false => records(search, text),
            }
            if !(kind.is_empty() || kind.starts_with("text/") || kind.ends_with("xml")) {
                search.add_category(OPAQUE);
            }
        }
    }
}

/// Whether a server could read a text as a document. What a mask has left, `[email]`, is none.
fn looks_like_json(text: &str) -> bool {
    let text = text.trim_start();
    let word = text.strip_prefix('[').and_then(|rest| rest.split_once(']'));
    let is_masked = word.is_some_and(|(word, _)| {
        let is_plain = word.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-');
        is_plain && !matches!(word, "" | "true" | "false" | "null")
    });
    !is_masked && text.starts_with(['{', '[', '"'])
}

pub(super) fn is_json(kind: &str) -> bool {
    kind.ends_with("json")
        || matches!(kind, "application/jsonl" | "application/json-lines" | "application/x-jsonl")
}

fn surroundings(search: &mut Search<'_>, head: &Head) {
    for segment in &head.path.segments {
        search.text("", segment, Sureness::Certain);
        // `/tickets/salary=4711`: what a part says of itself stays in the path.
        if segment.contains(['=', ':']) {
            search.firm_fields_of_text(segment);
        }
    }
    for (name, value) in &head.query.pairs {
        search.text("", name, Sureness::Certain);
        // What it names is asked for, and decided as that.
        search.text(name, value, Sureness::Certain);
    }
    for (name, value) in head.texts() {
        search.text(name, &value, Sureness::Certain);
        if is_of_a_service(name) {
            search.form_field(name);
        }
        named_in_value(search, &value);
    }
}

/// What a value names: as a document, or where values could follow.
fn named_in_value(search: &mut Search<'_>, value: &str) {
    if looks_like_json(value) {
        search.json(value);
    }
    search.fields_of_text(value);
}

/// Whether a field of the head may be named after what it says: those that everybody knows are
/// not, whatever is classified.
pub(super) fn is_of_a_service(name: &str) -> bool {
    const KNOWN: [&str; 20] = [
        "accept",
        "accept-language",
        "baggage",
        "cache-control",
        "content-disposition",
        "content-language",
        "content-type",
        "date",
        "if-match",
        "if-unmodified-since",
        "idempotency-key",
        "origin",
        "pragma",
        "prefer",
        "priority",
        "referer",
        "traceparent",
        "tracestate",
        "user-agent",
        "x-requested-with",
    ];
    !KNOWN.contains(&name) && !name.starts_with("sec-") && !name.starts_with("access-control-")
}

/// Records in a writing whose names are not read: those that are classified may be there.
fn records(search: &mut Search<'_>, text: &str) {
    let text = undone(text);
    let words = text.split(|c: char| !c.is_alphanumeric() && c != '_' && c != '-');
    for word in words.filter(|word| !word.is_empty()) {
        search.field(word);
    }
}

fn form(search: &mut Search<'_>, text: &str) {
    match CanonicalQuery::read(text) {
        Ok(form) => {
            for (name, value) in &form.pairs {
                search.form_field(name);
                search.text("", name, Sureness::Certain);
                search.text(name, value, Sureness::Any);
                named_in_value(search, value);
                search.expression(name, value);
            }
        }
        Err(_) => search.add_category(OPAQUE),
    }
}
