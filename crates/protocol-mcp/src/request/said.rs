//! What of a message its client has thought up, and what are words of the protocol.
//!
//! Everything is looked through. Words of the protocol are names of products and methods, in which
//! only what is certain is somebody's; all else is searched by the names of its fields and by
//! every detector. A word is one where its method has it, exactly so, and of the type that it has
//! there: anywhere else it is a client's invention.

use crate::tools::sorted;
use serde_json::{Map, Value};

/// The parts of a message.
#[derive(Clone, PartialEq, Debug, Default)]
pub(super) struct Said {
    /// With the members that lead to it.
    pub(super) thought_up: Map<String, Value>,
    /// Texts, numbers and names.
    pub(super) words: Vec<String>,
}

/// How a member of the protocol's is looked through.
#[derive(Clone, Copy, Debug)]
enum Word {
    /// A text is a word.
    Text,
    /// Everything in it is made of words, whatever its shape.
    Words,
    /// An object, of which these are words.
    Members(Members),
    /// The gateway's own takes its place.
    Replaced,
}

type Members = &'static [(&'static str, Word)];

/// SPEC: MCP 2025-11-25, `Implementation`.
const CLIENT: Members = &[
    ("name", Word::Text),
    ("title", Word::Text),
    ("version", Word::Text),
    ("description", Word::Text),
    ("websiteUrl", Word::Text),
    ("icons", Word::Words),
];
/// What is experimental or an extension is of whoever has invented it.
const CAPABILITIES: Members = &[
    ("roots", Word::Words),
    ("sampling", Word::Words),
    ("elicitation", Word::Words),
    ("tasks", Word::Words),
];
const REFERENCE: Members =
    &[("type", Word::Text), ("name", Word::Text), ("title", Word::Text), ("uri", Word::Text)];
const META: Members = &[
    (PROGRESS, Word::Replaced),
    ("io.modelcontextprotocol/protocolVersion", Word::Text),
    ("io.modelcontextprotocol/clientInfo", Word::Members(CLIENT)),
    ("io.modelcontextprotocol/clientCapabilities", Word::Members(CAPABILITIES)),
    ("io.modelcontextprotocol/logLevel", Word::Text),
];
/// What a client calls the progress of its call.
pub(crate) const PROGRESS: &str = "progressToken";
/// What belongs to no method alone.
const COMMON: (&str, Word) = ("_meta", Word::Members(META));

/// The protocol's words in the messages of a method.
fn members(method: &str) -> Members {
    match method {
        "initialize" => &[
            COMMON,
            ("protocolVersion", Word::Text),
            ("capabilities", Word::Members(CAPABILITIES)),
            ("clientInfo", Word::Members(CLIENT)),
        ],
        "tools/call" | "prompts/get" => &[COMMON, ("name", Word::Text)],
        "resources/read" | "resources/subscribe" | "resources/unsubscribe" => {
            &[COMMON, ("uri", Word::Text)]
        }
        "completion/complete" => &[COMMON, ("ref", Word::Members(REFERENCE))],
        _ => &[COMMON],
    }
}

impl Said {
    /// Of the parameters of a method.
    pub(super) fn of(method: &str, params: &Map<String, Value>) -> Self {
        let mut said = Self::default();
        said.thought_up = said.left_of(params, members(method));
        said
    }

    /// What is no word of an object; its words are kept.
    fn left_of(&mut self, fields: &Map<String, Value>, known: Members) -> Map<String, Value> {
        let mut left = Map::new();
        for (name, value) in fields {
            let word = known.iter().find(|(known, _)| known == name).map(|(_, word)| *word);
            let rest = match (word, value) {
                (Some(Word::Replaced), _) => continue,
                (Some(Word::Text), Value::String(text)) => {
                    self.words.push(text.clone());
                    continue;
                }
                (Some(Word::Words), value) => {
                    self.keep(value);
                    continue;
                }
                (Some(Word::Members(known)), Value::Object(inner)) => {
                    let rest = self.left_of(inner, known);
                    if rest.is_empty() {
                        continue;
                    }
                    Value::Object(rest)
                }
                (Some(Word::Text | Word::Members(_)) | None, value) => value.clone(),
            };
            left.insert(name.clone(), rest);
        }
        left
    }

    fn keep(&mut self, value: &Value) {
        match value {
            Value::Object(fields) => {
                for (name, value) in fields {
                    self.words.push(name.clone());
                    self.keep(value);
                }
            }
            Value::Array(items) => items.iter().for_each(|item| self.keep(item)),
            Value::String(text) => self.words.push(text.clone()),
            Value::Number(number) => self.words.push(number.to_string()),
            Value::Null | Value::Bool(_) => {}
        }
    }
}

/// What a reviewer reads and an approval is of, part by part, in one order: everything but what
/// honest clients change from one try to the next.
pub(crate) fn shown(params: &Map<String, Value>) -> Vec<(String, String)> {
    let mut shown: Vec<(String, String)> = Vec::new();
    for (name, value) in params {
        match (name.as_str(), value) {
            ("_meta", Value::Object(meta)) => {
                let lasting = lasting(meta);
                if !lasting.is_empty() {
                    let lasting = sorted(&Value::Object(lasting));
                    shown.push((name.clone(), lasting.to_string()));
                }
            }
            ("arguments", Value::Object(arguments)) if !arguments.is_empty() => {
                shown.extend(
                    arguments.iter().map(|(name, value)| {
                        (format!("arguments.{name}"), sorted(value).to_string())
                    }),
                );
            }
            _ => shown.push((part(name), sorted(value).to_string())),
        }
    }
    shown.sort();
    shown
}

/// SECURITY: a member that is called like an argument would be taken for one.
fn part(name: &str) -> String {
    match name.contains('.') {
        true => Value::from(name).to_string(),
        false => name.to_owned(),
    }
}

/// What of `_meta` is the same when a client asks again.
fn lasting(meta: &Map<String, Value>) -> Map<String, Value> {
    let text = |name: &str| meta.get(name).and_then(Value::as_str);
    let is_traced = text("traceparent").is_some_and(is_trace_parent);
    let is_state = is_traced && text("tracestate").is_some_and(is_trace_state);
    let mut lasting = meta.clone();
    lasting.retain(|name, _| match name.as_str() {
        PROGRESS => false,
        "traceparent" => !is_traced,
        "tracestate" => !is_state,
        _ => true,
    });
    lasting
}

/// SPEC: W3C Trace Context, section 3.2: `00-`, a trace, a span, flags.
fn is_trace_parent(text: &str) -> bool {
    let is_number = |part: &str, digits: usize| {
        part.len() == digits && part.bytes().all(|it| matches!(it, b'0'..=b'9' | b'a'..=b'f'))
    };
    let parts: Vec<&str> = text.split('-').collect();
    matches!(parts.as_slice(), [version, trace, span, flags] if *version == "00"
        && is_number(trace, 32) && is_number(span, 16) && is_number(flags, 2))
}

/// SPEC: W3C Trace Context, section 3.3: at most 32 members, and here at most 512 bytes.
fn is_trace_state(text: &str) -> bool {
    let is_key = |key: &str| {
        (1..=256).contains(&key.len())
            && key.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit())
            && key
                .bytes()
                .all(|it| it.is_ascii_lowercase() || it.is_ascii_digit() || b"_-*/@".contains(&it))
    };
    let is_value = |value: &str| {
        (1..=256).contains(&value.len())
            && value.bytes().all(|it| matches!(it, 0x20..=0x7e) && it != b'=')
    };
    let is_member = |member: &str| {
        let pair = member.trim_matches([' ', '\t']).split_once('=');
        pair.is_some_and(|(key, value)| is_key(key) && is_value(value))
    };
    text.len() <= 512 && text.split(',').count() <= 32 && text.split(',').all(is_member)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn map(value: &Value) -> Map<String, Value> {
        value.as_object().unwrap().clone()
    }

    #[track_caller]
    fn check(method: &str, params: &Value, thought_up: &Value, words: &[&str]) {
        let said = Said::of(method, &map(params));
        assert_eq!(Value::Object(said.thought_up), *thought_up, "{params}");
        assert_eq!(said.words, words, "{params}");
    }

    #[test]
    fn a_word_is_one_where_its_method_has_it() {
        let every = json!({"name": "n", "uri": "u", "ref": {"type": "t", "name": "r"},
            "protocolVersion": "p", "capabilities": {"roots": {"l": true}},
            "clientInfo": {"name": "c"}, "arguments": {"a": 1}});
        let without = |names: &[&str]| {
            let mut left = map(&every);
            names.iter().for_each(|name| drop(left.shift_remove(*name)));
            Value::Object(left)
        };
        check("tools/call", &every, &without(&["name"]), &["n"]);
        check("prompts/get", &every, &without(&["name"]), &["n"]);
        check("resources/read", &every, &without(&["uri"]), &["u"]);
        check("completion/complete", &every, &without(&["ref"]), &["t", "r"]);
        let left = without(&["protocolVersion", "capabilities", "clientInfo"]);
        check("initialize", &every, &left, &["p", "l", "c"]);
        check("tools/list", &every, &every, &[]);
    }

    #[test]
    fn what_is_no_word_is_a_clients() {
        let meta = json!({"_meta": {"progressToken": "x", "progressTokenX": "x",
            "io.modelcontextprotocol/note": "x", "io.modelcontextprotocol/logLevel": "info",
            "io.modelcontextprotocol/clientInfo": {"name": "c", "tenant": "x", "title": 7}}});
        let left = json!({"_meta": {"progressTokenX": "x", "io.modelcontextprotocol/note": "x",
            "io.modelcontextprotocol/clientInfo": {"tenant": "x", "title": 7}}});
        check("tools/list", &meta, &left, &["info", "c"]);
        let odd = json!({"name": ["x"], "_meta": "x"});
        check("tools/call", &odd, &odd, &[]);
        let odd = json!({"uri": {"a": "x"}});
        check("resources/read", &odd, &odd, &[]);
        let odd = json!({"ref": {"type": "ref/prompt", "name": {"a": 1}, "x": "y"}});
        let left = json!({"ref": {"name": {"a": 1}, "x": "y"}});
        check("completion/complete", &odd, &left, &["ref/prompt"]);
        let odd = json!({"capabilities": {"experimental": {"x": "y"}, "roots": {"x": [1, "y"]}}});
        let left = json!({"capabilities": {"experimental": {"x": "y"}}});
        check("initialize", &odd, &left, &["x", "1", "y"]);
    }

    #[test]
    fn an_approval_is_of_everything_but_what_changes_from_try_to_try() {
        let params = json!({"name": "pay", "arguments": {"to": "shop", "amount": 5}});
        let with = |name: &str, value: Value| {
            let mut other = map(&params);
            other.insert(name.to_owned(), value);
            shown(&other)
        };
        let plain = shown(&map(&params));
        assert_eq!(
            plain,
            [("arguments.amount", "5"), ("arguments.to", "\"shop\""), ("name", "\"pay\"")]
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
        );
        let parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        for same in [
            json!({}),
            json!({"progressToken": 7}),
            json!({"traceparent": parent, "tracestate": "dd=s:1;p:00f067aa0ba902b7, a@b=c"}),
        ] {
            assert_eq!(with("_meta", same.clone()), plain, "{same}");
        }
        for other in [
            json!({"io.modelcontextprotocol/tenant": "evil"}),
            json!({"io.modelcontextprotocol/clientInfo": {"name": "evil"}}),
            json!({"progressTokenX": 7}),
            json!({"traceparent": "evil"}),
            json!({"traceparent": parent.replace("00-4", "01-4")}),
            json!({"traceparent": [parent]}),
            json!({"tracestate": "a=b"}),
            json!({"traceparent": parent, "tracestate": "evil"}),
            json!("evil"),
        ] {
            assert_ne!(with("_meta", other.clone()), plain, "{other}");
        }
        for name in ["clientInfo", "capabilities", "protocolVersion", "ref", "uri", "x"] {
            assert_ne!(with(name, json!({"tenant": "evil"})), plain, "{name}");
        }
        let moved = json!({"name": "pay", "arguments": {"to": "shop"}, "arguments.amount": 5});
        assert_ne!(shown(&map(&moved)), plain);
        assert_ne!(with("arguments", json!([5])), with("arguments", json!([6])));
    }
}
