//! Content that is no text, and what a server offers that the gateway does not carry.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Map, Value};

/// What becomes of content that nobody can look into.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Opaque {
    /// Policy reveals it.
    Passes,
    /// A word stands in its place.
    Withheld,
}

/// Puts words in the place of images, sounds and files. A file that is text becomes text, which
/// is masked like any other. Says whether anything was changed.
pub(crate) fn withhold(value: &mut Value, opaque: Opaque) -> bool {
    match value {
        Value::Object(fields) => {
            let own = withhold_block(fields, opaque);
            fields.values_mut().fold(own, |changed, inner| withhold(inner, opaque) | changed)
        }
        Value::Array(items) => {
            items.iter_mut().fold(false, |changed, item| withhold(item, opaque) | changed)
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

fn withhold_block(fields: &mut Map<String, Value>, opaque: Opaque) -> bool {
    let is_media = matches!(fields.get("type").and_then(Value::as_str), Some("image" | "audio"));
    let name = match () {
        () if fields.get("blob").is_some_and(Value::is_string) => "blob",
        () if is_media && fields.get("data").is_some_and(Value::is_string) => "data",
        () => return false,
    };
    let data = fields.get(name).and_then(Value::as_str).unwrap_or_default();
    let text = BASE64.decode(data).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    let text = text.filter(|text| !text.chars().any(|c| c.is_control() && !c.is_whitespace()));
    let words = match (text, opaque) {
        (Some(text), _) => text,
        (None, Opaque::Passes) => return false,
        (None, Opaque::Withheld) => {
            let kind = fields.get("mimeType").and_then(Value::as_str).unwrap_or("content");
            format!("[{kind} withheld: nobody can look into it]")
        }
    };
    fields.remove(name);
    if is_media {
        fields.insert("type".to_owned(), "text".into());
        fields.remove("mimeType");
    }
    fields.insert("text".to_owned(), words.into());
    true
}

/// Capabilities that the gateway carries.
const CARRIED: [&str; 5] = ["completions", "logging", "prompts", "resources", "tools"];

/// Takes out of what a server says of itself what is not carried. Says whether anything was
/// changed.
pub(crate) fn offered(result: &mut Value) -> bool {
    let Some(offered) = result.get_mut("capabilities").and_then(Value::as_object_mut) else {
        return false;
    };
    let before = offered.len();
    offered.retain(|name, _| CARRIED.contains(&name.as_str()));
    offered.len() != before
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_no_text_is_withheld_wherever_it_stands() {
        let png = BASE64.encode([0x89, b'P', b'N', b'G', 0xff]);
        let mut result = json!({"content": [
            {"type": "image", "data": png, "mimeType": "image/png"},
            {"type": "resource", "resource": {"uri": "a", "blob": png, "mimeType": "x/y"}},
            {"type": "resource", "resource": {"uri": "b", "blob": BASE64.encode("eva@example.org")}},
            {"type": "text", "text": "data"},
            {"type": "audio", "data": BASE64.encode("RIFF\0\0WAVE"), "mimeType": "audio/wav"},
        ]});
        let shown = result.clone();
        assert!(withhold(&mut result, Opaque::Withheld));
        let content = result.get("content").unwrap();
        assert_eq!(content[0]["type"], "text");
        assert_eq!(content[0]["text"], "[image/png withheld: nobody can look into it]");
        assert!(content[1]["resource"].get("blob").is_none());
        assert_eq!(content[2]["resource"]["text"], "eva@example.org");
        assert_eq!(content[3], shown["content"][3]);
        assert_eq!(content[4]["text"], "[audio/wav withheld: nobody can look into it]");
        let mut passes = shown.clone();
        assert!(withhold(&mut passes, Opaque::Passes), "what is text is looked into");
        assert_eq!(passes["content"][0], shown["content"][0]);
    }
}
