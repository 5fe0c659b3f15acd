//! What would make another request of it than is decided: methods that stand somewhere else than
//! in the first line. Frameworks read them in queries, forms, documents and fields.

use http::Method;
use portreeve_web::undone;
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use std::fmt;

/// Whether a field of the head is left out: one that could name a method.
pub(super) fn is_of_a_method(field: &str) -> bool {
    let asks_before = field.starts_with("access-control-");
    let names = ["method", "verb", "override"].iter().any(|word| field.contains(word));
    names && !asks_before
}

/// Whether a parameter of a query makes another request of it. Servers look for `method` and `verb`
/// where something is sent: elsewhere they are words like others.
pub(super) fn is_override_of(method: &Method, name: &str, value: &str) -> bool {
    let is_plain_word = matches!(name.to_ascii_lowercase().as_str(), "method" | "verb");
    ends_early(name) || (is_override(name, value) && !(is_plain_word && method != Method::POST))
}

/// Whether there are servers for which a name ends before it does: in C at a NUL, in a log or a
/// head at the end of a line. A tab is a blank.
fn ends_early(name: &str) -> bool {
    undone(name).contains(|c: char| c.is_control() && c != '\t')
}

/// Whether a parameter makes another request of it.
///
/// Names are compared by their letters alone: PHP reads `.`, a blank and half a bracket as `_`,
/// Rack no brackets around a name, and both nothing behind a NUL. What has such a sign in front of
/// it is called so for this purpose alone, whatever it says; a plain word only where it says a
/// method.
pub(super) fn is_override(name: &str, value: &str) -> bool {
    let (name, value) = (undone(name).replace('\\', ""), undone(value));
    let name = name.split('\0').next().unwrap_or_default();
    let value = value.trim().trim_matches('"');
    let is_method = METHODS.iter().any(|method| value.eq_ignore_ascii_case(method));
    let plain = letters(name);
    let has_sign = !name.starts_with(char::is_alphanumeric);
    match plain.as_str() {
        "method" | "httpmethod" | "verb" | "httpverb" if has_sign => true,
        "method" | "verb" => is_method && !value.eq_ignore_ascii_case("post"),
        _ => names_override(&plain) && is_method,
    }
}

/// The letters of a name, in lower case.
fn letters(name: &str) -> String {
    name.chars().filter(|c| c.is_alphabetic()).flat_map(char::to_lowercase).collect()
}

fn names_override(letters: &str) -> bool {
    ["methodoverride", "overridemethod", "httpmethod", "httpverb"]
        .iter()
        .any(|known| letters.contains(known))
}

/// Whether a member of a document makes another request of it. Documents are about methods, too
/// (probes, events, calls of others): a plain word in them is one, and signs in their names are
/// read as what they are.
fn is_override_of_member(name: &str, value: &str) -> bool {
    let seen = undone(name).replace('\\', "");
    let is_plain_word = !seen.trim_start().starts_with(['_', '$'])
        && matches!(letters(&seen).as_str(), "method" | "verb" | "httpmethod" | "httpverb");
    !is_plain_word && is_override(name, value)
}

/// Whether a form says such a parameter. There are servers for which `;` parts them, too.
pub(super) fn overrides_in_form(text: &str) -> bool {
    pairs(text).any(|(name, value)| ends_early(&name) || is_override(&name, value))
}

fn pairs(text: &str) -> impl Iterator<Item = (String, &str)> {
    text.split(['&', ';', '\r', '\n']).map(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (name.replace('+', " "), value)
    })
}

/// Whether the head of a part names such a field, in any of its parameters.
pub(super) fn overrides_in_part(head: &str, body: &[u8]) -> bool {
    // What is longer is no method.
    let value = body.get(..VALUE_BYTES_MAX.min(body.len())).unwrap_or_default();
    let value = String::from_utf8_lossy(value);
    let named = head.split([';', '\r', '\n']).filter_map(|part| part.split_once('='));
    let mut names = named.map(|(_, name)| name.trim().trim_matches('"'));
    names.any(|name| ends_early(name) || is_override(name, &value)) || overrides_in_text(head)
}

/// A method takes no more bytes, however it is escaped.
const VALUE_BYTES_MAX: usize = 200;

/// Whether documents hold such a member where frameworks look: in the outermost object.
///
/// # Errors
/// They cannot be read, in words for the client.
pub(super) fn overrides_in_json(text: &str) -> Result<bool, String> {
    let text = text.trim_start_matches('\u{feff}');
    let mut documents = serde_json::Deserializer::from_str(text).into_iter::<Outermost>();
    documents.try_fold(false, |found, document| {
        let Outermost(members) = document.map_err(|error| error.to_string())?;
        Ok(found || members.iter().any(|(name, value)| is_override_of_member(name, value)))
    })
}

/// Whether a text writes such a name as that of a member, in quotes before a colon: a reader of
/// documents that is lenient finds it behind whatever stands in front of them.
pub(super) fn names_member(text: &str) -> bool {
    let plain = undone(text).replace('\\', "").to_ascii_lowercase();
    let is_member = |at: usize| {
        let rest = plain.get(at..).unwrap_or_default();
        let behind = rest.trim_start_matches(|c: char| c.is_alphanumeric() || "_-".contains(c));
        let behind = behind.strip_prefix(['"', '\'']);
        behind.is_some_and(|behind| behind.trim_start().starts_with(':'))
    };
    let quoted = ["\"_method", "'_method", "\"x-http-method", "'x-http-method"];
    quoted.iter().any(|name| {
        let mut found = plain.match_indices(name);
        found.any(|(at, _)| is_member(at + 1))
    })
}

/// Whether a body in another form holds what looks like one.
pub(super) fn overrides_in_text(text: &str) -> bool {
    let plain = undone(text).replace('\\', "").to_ascii_lowercase();
    let own = |(at, _): (usize, &str)| {
        let before = plain.get(..at).and_then(|before| before.chars().next_back());
        // `payment_method` is something else.
        !before.is_some_and(|c| c.is_alphanumeric() || matches!(c, '_' | '-'))
    };
    plain.match_indices("_method").any(own)
        || plain.contains("x-http-method")
        || pairs(text).any(|(name, value)| !value.is_empty() && is_override(&name, value))
}

const METHODS: [&str; 8] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "CONNECT"];

/// The members of an object whose values are texts; of a name that comes twice both. Whatever
/// is in others is read, too: what is not to be read has another reading.
struct Outermost(Vec<(String, String)>);

impl<'de> Deserialize<'de> for Outermost {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Read).map(|read| match read {
            Seen::Object(members) => Self(members),
            Seen::Text(_) | Seen::Other => Self(Vec::new()),
        })
    }
}

/// What was read of a value.
enum Seen {
    Object(Vec<(String, String)>),
    Text(String),
    Other,
}

impl<'de> Deserialize<'de> for Seen {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Read)
    }
}

struct Read;

impl<'de> Visitor<'de> for Read {
    type Value = Seen;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a document")
    }

    fn visit_unit<E>(self) -> Result<Seen, E> {
        Ok(Seen::Other)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Seen, E> {
        Ok(Seen::Other)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Seen, E> {
        Ok(Seen::Other)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Seen, E> {
        Ok(Seen::Other)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Seen, E> {
        Ok(Seen::Other)
    }

    fn visit_str<E>(self, text: &str) -> Result<Seen, E> {
        Ok(Seen::Text(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Seen, A::Error> {
        while items.next_element::<Seen>()?.is_some() {}
        Ok(Seen::Other)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Seen, A::Error> {
        let mut members = Vec::new();
        while let Some(name) = fields.next_key::<String>()? {
            let value = match fields.next_value()? {
                Seen::Text(text) => text,
                Seen::Object(_) | Seen::Other => String::new(),
            };
            members.push((name, value));
        }
        Ok(Seen::Object(members))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_method_stands_in_the_first_line_only() {
        for (name, value) in [
            ("_method", "DELETE"),
            ("_method[]", "x"),
            ("_METHOD", "put"),
            ("X-HTTP-Method-Override", "delete"),
            ("x_http_method", "PATCH"),
            ("httpMethod", "DELETE"),
            ("method", "DELETE"),
            ("\\_method", "DELETE"),
            ("_%6dethod", "DELETE"),
            ("_m\\u0065thod", "DELETE"),
            ("x-http-method", "%44ELETE"),
            // PHP reads `.` and blanks as `_`, and nothing behind a NUL; Rack no brackets.
            (".method", "x"),
            ("_method\0x", "x"),
            ("_method%00x", "x"),
            ("[_method]", "x"),
            ("[_method", "x"),
            ("]_method", "x"),
            ("_ method", "x"),
            ("_method\n", "x"),
            ("_method[0]", "x"),
            ("_http.method", "x"),
            ("x.http.method.override", "PUT"),
        ] {
            assert!(is_override(name, value), "{name}={value}");
        }
        for (name, value) in [
            ("method", "card"),
            ("payment_method", "DELETE"),
            ("httpMethod", "basic"),
            ("methods", "PUT"),
            ("method[]", "card"),
            ("Method", "card"),
            ("filter[method]", "GET"),
            ("q", "DELETE"),
        ] {
            assert!(!is_override(name, value), "{name}={value}");
        }
        for form in ["a\0b=1", "a%0ab=1", "x=1&_method%00=1", ".method=x"] {
            assert!(overrides_in_form(form), "{form}");
        }
        let part = |name: &str| {
            overrides_in_part(&format!("content-disposition: form-data; {name}"), b"DELETE")
        };
        for name in ["name=\".method\"", "name=a; name=\"[_method]\"", "name=method", "name=a%00"] {
            assert!(part(name), "{name}");
        }
        assert!(!part("name=\"payment_method\"") && !part("name=a; filename=\"x.json\""));
        assert!(is_override_of(&Method::GET, "a\0", "") && !is_override_of(&Method::GET, "a", ""));
        let json = |text: &str| overrides_in_json(text);
        for text in [
            r#"{"a": 1, "_method": "DELETE"}"#,
            r#"{"_method": "DELETE", "_method": 1}"#,
            "{\"a\": 1}\n{\"_method\": \"DELETE\"}",
            r#"{"x-http-method-override": "DELETE"}"#,
            r#"{"_http_method": "DELETE"}"#,
            "\u{feff}{\"_method\": \"DELETE\"}",
        ] {
            assert_eq!(json(text), Ok(true), "{text}");
        }
        for text in [
            "",
            " ",
            "[]",
            r#"{"method": "DELETE", "params": {"_method": "x"}}"#,
            // A probe, an event of a service.
            r#"{"http_method": "GET", "httpMethod": "DELETE"}"#,
            r#"{"@method": "get", "-method": "x"}"#,
        ] {
            assert_eq!(json(text), Ok(false), "{text}");
        }
        let deep = format!("{{\"a\": {}{}, \"_method\": 1}}", "[".repeat(200), "]".repeat(200));
        for text in [
            r#"{"x": NaN, "_method": "DELETE"}"#,
            r#"{"x": "\ud800", "_method": "DELETE"}"#,
            r#"{"_method": "DELETE",}"#,
            "/**/{}",
            "//c\n{}",
            "{'a': 1}",
            r#"{"x": 1e999}"#,
            deep.as_str(),
        ] {
            assert!(json(text).is_err(), "{text}");
        }
        for text in [
            "%5fmethod=DELETE",
            "a=1;_method=DELETE",
            r#"//c {"_m\u0065thod": "DELETE"}"#,
            "name=\"\\_method\"",
            "x-http-method-override: DELETE",
            "a=1&httpMethod=DELETE",
        ] {
            assert!(overrides_in_text(text), "{text}");
        }
        for text in [
            "payment_method=card",
            "<payment_method>card</payment_method>",
            "a method",
            "<call>\n  <method>\n\tx=1 \n",
            "a\tmethod",
        ] {
            assert!(!overrides_in_text(text), "{text}");
        }
        let of = |method: Method| is_override_of(&method, "method", "GET");
        assert!(of(Method::POST) && !of(Method::GET));
        assert!(is_override_of(&Method::GET, "_method", "DELETE"));
        assert!(is_of_a_method("x-http-verb") && is_of_a_method("method"));
        assert!(!is_of_a_method("access-control-request-method"));
    }
}
