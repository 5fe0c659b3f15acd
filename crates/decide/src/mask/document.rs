//! The values in a document, so that one of them is known wherever it stands.

use super::alike::Alike;
use super::kind::{Form, ValueKind};
use serde_json::Value;

/// The texts, numbers and names of members in a value that is a document of JSON; none where it
/// is none.
#[must_use]
pub fn parts(value: &[u8], kind: ValueKind) -> Option<Vec<Alike>> {
    let text = match kind {
        ValueKind::Json(Form::Text) => value,
        ValueKind::Json(Form::Binary) => value.strip_prefix(&[1])?,
        ValueKind::Text if matches!(value.trim_ascii_start().first(), Some(b'{' | b'[')) => value,
        _ => return None,
    };
    let mut parts = Vec::new();
    collect(serde_json::from_slice(text).ok()?, &mut parts);
    Some(parts)
}

/// The reader goes no deeper than 128 levels.
fn collect(value: Value, parts: &mut Vec<Alike>) {
    match value {
        Value::Null | Value::Bool(_) => {}
        Value::Number(number) => parts.push(text(number.to_string())),
        Value::String(string) => parts.push(text(string)),
        Value::Array(items) => items.into_iter().for_each(|item| collect(item, parts)),
        Value::Object(members) => {
            for (name, member) in members {
                parts.push(text(name));
                collect(member, parts);
            }
        }
    }
}

fn text(text: String) -> Alike {
    Alike::Text(text.into_bytes().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_found_in_every_form() {
        let expect = ["a", "x\"y", "b", "1.5", "c", "[email]"].map(|part| text(part.into()));
        let document = br#" {"a": "x\"y", "b": [1.5, null, true, {"c": "[email]"}]}"#;
        let binary = [&[1], &document[..]].concat();
        let check = |value: &[u8], kind| {
            let parts = parts(value, kind).unwrap();
            assert!(parts.iter().all(|part| expect.contains(part)), "{parts:?}");
            assert_eq!(parts.len(), expect.len());
        };
        check(document, ValueKind::Text);
        check(document, ValueKind::Json(Form::Text));
        check(&binary, ValueKind::Json(Form::Binary));
    }

    #[test]
    fn what_is_no_document_has_none() {
        let check = |value: &[u8], kind| assert_eq!(parts(value, kind), None);
        check(b"a text", ValueKind::Text);
        check(b"{cut", ValueKind::Text);
        check(b"\"[email]\"", ValueKind::Text);
        check(b"{}", ValueKind::Json(Form::Binary));
        check(b"{}", ValueKind::Bytes);
        let deep = [b"[".repeat(200), b"]".repeat(200)].concat();
        check(&deep, ValueKind::Json(Form::Text));
    }
}
