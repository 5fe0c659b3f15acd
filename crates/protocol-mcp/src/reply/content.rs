//! Content that is no text, and what a server offers that the gateway does not carry.

use crate::message::read_json;
use portreeve_web::masking::WITHHELD;
use portreeve_web::{begins_like_a_file, bytes_of, files, text_of};
use serde_json::{Map, Value};

/// What becomes of content that nobody can look into.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Opaque {
    /// Policy reveals it.
    Passes,
    /// A word stands in its place.
    Withheld,
}

/// So many documents may stand in each other as texts.
const NESTED_MAX: u8 = 8;
/// So many levels may a document and those in it have together: each takes up a piece of the
/// stack.
const LEVELS_MAX: u8 = 128;
/// A list of fewer numbers is no file.
const LIST_MIN: usize = 16;

/// Puts words in the place of images, sounds and files, wherever they stand. A file that is text
/// becomes text, which is masked like any other. Says whether anything was changed.
pub(crate) fn withhold(value: &mut Value, opaque: Opaque) -> bool {
    within(value, opaque, Left { nested: NESTED_MAX, levels: LEVELS_MAX })
}

/// How much may still stand in a value.
#[derive(Clone, Copy)]
struct Left {
    /// Documents in each other.
    nested: u8,
    levels: u8,
}

fn within(value: &mut Value, opaque: Opaque, left: Left) -> bool {
    let Some(levels) = left.levels.checked_sub(1) else {
        // Nobody has looked into what is deeper.
        *value = WITHHELD.into();
        return true;
    };
    let left = Left { levels, ..left };
    match value {
        Value::Object(fields) => {
            let own = withhold_block(fields, opaque) | withhold_names(fields, opaque);
            fields.values_mut().fold(own, |changed, inner| within(inner, opaque, left) | changed)
        }
        Value::Array(items) if opaque == Opaque::Withheld && is_file_of_numbers(items) => {
            *value = WITHHELD.into();
            true
        }
        Value::Array(items) => {
            items.iter_mut().fold(false, |changed, item| within(item, opaque, left) | changed)
        }
        Value::String(text) if opaque == Opaque::Withheld => withhold_in(text, left),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

/// A text without the files in it. One that is a document is looked through as one: it writes
/// texts in its own way.
fn withhold_in(text: &mut String, left: Left) -> bool {
    if let Some(nested) = left.nested.checked_sub(1)
        && text.trim_start().starts_with(['{', '[', '"'])
        && let Ok(mut inner) = read_json(text)
        && within(&mut inner, Opaque::Withheld, Left { nested, ..left })
    {
        *text = inner.to_string();
        return true;
    }
    let files = files(text);
    if files.is_empty() {
        return false;
    }
    let (mut shown, mut done) = (String::with_capacity(text.len()), 0);
    for file in files {
        shown.push_str(text.get(done..file.start).unwrap_or_default());
        shown.push_str(WITHHELD);
        done = file.end;
    }
    shown.push_str(text.get(done..).unwrap_or_default());
    *text = shown;
    true
}

/// Names are texts, too.
fn withhold_names(fields: &mut Map<String, Value>, opaque: Opaque) -> bool {
    let is_file = |name: &&String| !files(name).is_empty();
    let named: Vec<String> = match opaque {
        Opaque::Passes => Vec::new(),
        Opaque::Withheld => fields.keys().filter(is_file).cloned().collect(),
    };
    for (at, name) in named.iter().enumerate() {
        let value = fields.shift_remove(name).unwrap_or_default();
        fields.insert(format!("{WITHHELD} {at}"), value);
    }
    !named.is_empty()
}

/// A list of bytes that begins as a file does.
fn is_file_of_numbers(items: &[Value]) -> bool {
    let byte = |item: &Value| item.as_u64().and_then(|number| u8::try_from(number).ok());
    let bytes: Option<Vec<u8>> = items.iter().map(byte).collect();
    let begins = |bytes: Vec<u8>| {
        // Many lists of numbers begin with a few zeros.
        !bytes.starts_with(&[0; 3]) && begins_like_a_file(&bytes)
    };
    items.len() >= LIST_MIN && bytes.is_some_and(begins)
}

/// Types of content that are no text, as clients of every kind call them.
const MEDIA: [&str; 10] = [
    "image",
    "audio",
    "video",
    "file",
    "document",
    "binary",
    "blob",
    "media",
    "buffer",
    "image_url",
];
/// Those in which the protocol has nothing but base64.
const BASE64_ALONE: [&str; 2] = ["image", "audio"];

fn withhold_block(fields: &mut Map<String, Value>, opaque: Opaque) -> bool {
    let text = |name: &str| fields.get(name).and_then(Value::as_str);
    let kind = text("type").unwrap_or_default().to_ascii_lowercase();
    let is_of = |kinds: &[&str]| kinds.contains(&kind.as_str());
    let is_media = is_of(&MEDIA) || text("mimeType").is_some();
    let name = match () {
        () if fields.get("blob").is_some_and(Value::is_string) => "blob",
        () if is_media && fields.contains_key("data") => "data",
        () => return false,
    };
    let is_base64_alone = name == "blob" || is_of(&BASE64_ALONE);
    let words = match (fields.get(name), opaque) {
        (Some(Value::String(data)), opaque) => {
            let bytes = bytes_of(data);
            // Elsewhere it may be a text as it stands.
            if !is_base64_alone && (bytes.is_none() || data.len() < LIST_MIN) {
                return false;
            }
            match (bytes.and_then(text_of), opaque) {
                (Some(_), _) if !is_base64_alone => return false,
                (Some(text), _) => Some(text),
                (None, Opaque::Passes) => return false,
                (None, Opaque::Withheld) => None,
            }
        }
        // No picture is made of anything else.
        (Some(Value::Object(_) | Value::Array(_)), Opaque::Withheld)
            if is_base64_alone || kind == "buffer" =>
        {
            None
        }
        _ => return false,
    };
    let words = words.unwrap_or_else(|| {
        let kind = fields.get("mimeType").and_then(Value::as_str).unwrap_or("content");
        format!("[{kind} withheld: nobody can look into it]")
    });
    fields.shift_remove(name);
    if name == "data" {
        fields.insert("type".to_owned(), "text".into());
        fields.shift_remove("mimeType");
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
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD as BASE64;
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
        let long = BASE64.encode([&[0x89, b'P', b'N', b'G'][..], &[0; 80]].concat());
        for value in [json!({"x": [long]}), json!(format!("data:image/png;base64,{long}"))] {
            assert!(withhold(&mut value.clone(), Opaque::Withheld), "{value}");
            assert!(!withhold(&mut value.clone(), Opaque::Passes), "{value}");
        }
        assert!(!withhold(&mut json!("ab".repeat(40)), Opaque::Withheld), "a digest is no file");
    }

    #[test]
    fn pictures_are_withheld_in_whatever_shape() {
        let png = [&b"\x89PNG\r\n\x1a\n"[..], &[7; 60]].concat();
        let base64 = BASE64.encode(&png);
        let numbers: Vec<Value> = png.iter().map(|byte| (*byte).into()).collect();
        let hex: String = png.iter().map(|byte| format!("{byte:02x}")).collect();
        let text = |text: String| json!({"content": [{"type": "text", "text": text}]});
        for value in [
            text(json!({"image": base64}).to_string()),
            text(json!({"a": [json!({"image": base64}).to_string()]}).to_string()),
            text(format!("here: ![x](data:image/png;base64,{base64}) it is")),
            text(format!("DATA:image/png;base64,{base64}")),
            text(hex),
            json!({"type": "video", "data": base64}),
            json!({"type": "Image", "data": base64, "mimeType": "image/png"}),
            json!({"type": "image", "data": {"a": base64}}),
            json!({"type": "Buffer", "data": numbers}),
            json!({"bytes": numbers}),
            json!({"url": format!("data:image/x;base64,{base64}")}),
            json!({"url": "data:image/x;base64,AAECAwQ="}),
            json!({&base64: 1}),
            json!({"type": "video", "data": BASE64.encode([&[1, 2, 0xff][..], &[9; 20]].concat())}),
        ] {
            let mut shown = value.clone();
            assert!(withhold(&mut shown, Opaque::Withheld), "{value}");
            let shown = shown.to_string();
            assert!(shown.contains("withheld: nobody can look into it]"), "{shown}");
            for part in [&base64[..40], "89504e47", "137,80", "AAECAwQ"] {
                assert!(!shown.contains(part), "{shown}");
            }
        }
    }

    #[test]
    fn documents_in_each_other_take_up_a_stack_that_is_bounded() {
        let text = (0..9).fold("1".to_owned(), |text, _| {
            format!("{}{}{}", "[".repeat(90), Value::from(text), "]".repeat(90))
        });
        let small = std::thread::Builder::new().stack_size(512 << 10);
        let look = small.spawn(move || withhold(&mut json!({ "text": text }), Opaque::Withheld));
        assert!(look.unwrap().join().unwrap(), "what is too deep is withheld");
    }

    #[test]
    fn what_is_text_stays_as_it_is() {
        for value in [
            json!({"type": "file", "data": "a,b\n1,2", "mimeType": "text/csv"}),
            json!({"type": "file", "data": "donedone"}),
            json!({"text": "{ \"n\": 12345678901234567890123 }"}),
            json!({"histogram": [1, 2, 3, 255, 0, 0, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17]}),
            json!({"zeros": vec![0; 40]}),
        ] {
            assert!(!withhold(&mut value.clone(), Opaque::Withheld), "{value}");
        }
    }
}
