//! Holds answers against the OpenAPI document: as much of JSON Schema as it uses, and stricter
//! in one thing: a field that the document does not name is a mistake.

use portreeve_control::api::document;
use portreeve_control::client::{Answer, ApiClient, ClientError};
use serde_json::{Map, Value};
use std::collections::BTreeSet;
use std::sync::{Arc, LazyLock, Mutex};

static DOCUMENT: LazyLock<Value> = LazyLock::new(document);

/// The operations that were called, as `get /v1/whoami`, and whose answer was held against
/// the document.
pub type Called = Arc<Mutex<BTreeSet<String>>>;

/// A client that fails where an answer is not what the document says.
pub struct CheckedClient {
    pub client: ApiClient,
    pub called: Called,
}

impl CheckedClient {
    pub async fn get(&self, path: &str) -> Result<Value, ClientError> {
        self.checked("get", path, self.client.get(path).await)
    }

    pub async fn post(&self, path: &str, body: &Value) -> Result<Value, ClientError> {
        self.checked("post", path, self.client.post(path, body).await)
    }

    pub async fn probe(&self, path: &str) -> Result<Answer, ClientError> {
        let answer = self.client.probe(path).await?;
        self.check_body("get", path, answer.status, &answer.body);
        Ok(answer)
    }

    fn checked(
        &self,
        method: &str,
        path: &str,
        answer: Result<Value, ClientError>,
    ) -> Result<Value, ClientError> {
        match &answer {
            Ok(body) => self.check_body(method, path, 200, body),
            Err(ClientError::Refused { status, code, .. }) => {
                check_refusal(method, path, *status, code);
            }
            Err(_) => {}
        }
        answer
    }

    fn check_body(&self, method: &str, path: &str, status: u16, body: &Value) {
        let (pattern, operation) = operation(method, path).unwrap_or_else(|| panic!("{path}"));
        let content = &operation["responses"][status.to_string()]["content"];
        let schema = &content["application/json"]["schema"];
        assert!(schema.is_object(), "{method} {path}: {status} is not in the document");
        if let Err(why) = fits(schema, body, &BTreeSet::new()) {
            panic!("{method} {path}: {why}\n{body:#}");
        }
        self.called.lock().unwrap().insert(format!("{method} {pattern}"));
    }
}

fn check_refusal(method: &str, path: &str, status: u16, code: &str) {
    // What no operation takes is no operation's refusal.
    let Some((_, operation)) = operation(method, path) else {
        return assert!(matches!(code, "not_found" | "method_not_allowed"), "{path}: {code}");
    };
    let status = if matches!(status, 413 | 415 | 422) { 400 } else { status };
    let described = operation["responses"][status.to_string()]["description"].as_str();
    let described = described.unwrap_or_else(|| panic!("{method} {path}: {status} `{code}`"));
    assert!(described.contains(&format!("`{code}`")), "{method} {path}: {status} `{code}`");
}

/// Every operation of the document.
pub fn operations() -> impl Iterator<Item = (String, &'static Value)> {
    let paths = DOCUMENT["paths"].as_object().unwrap().iter();
    paths.flat_map(|(path, methods)| {
        let methods = methods.as_object().unwrap().iter();
        methods.map(move |(method, operation)| (format!("{method} {path}"), operation))
    })
}

fn operation(method: &str, path: &str) -> Option<(&'static str, &'static Value)> {
    let path = path.split('?').next().unwrap_or_default();
    let fits = |pattern: &str| {
        let (parts, places) = (path.split('/'), pattern.split('/'));
        parts.clone().count() == places.clone().count()
            && parts.zip(places).all(|(part, place)| part == place || place.starts_with('{'))
    };
    let (pattern, methods) =
        DOCUMENT["paths"].as_object()?.iter().find(|(pattern, _)| fits(pattern))?;
    Some((pattern, methods.get(method)?))
}

fn resolved(schema: &Value) -> Option<&'static Value> {
    let name = schema.get("$ref")?.as_str()?.strip_prefix("#/components/schemas/")?;
    Some(DOCUMENT["components"]["schemas"].get(name).unwrap_or_else(|| panic!("no `{name}`")))
}

/// `known` are fields that a schema around this one has named.
fn fits(schema: &Value, value: &Value, known: &BTreeSet<String>) -> Result<(), String> {
    let Some(object) = schema.as_object() else {
        return if schema == &Value::Bool(true) { Ok(()) } else { Err("nothing fits".into()) };
    };
    if object.get("const").is_some_and(|only| only != value) {
        return Err(format!("{value} is not {}", object["const"]));
    }
    if let Some(Value::Array(words)) = object.get("enum")
        && !words.contains(value)
    {
        return Err(format!("{value} is none of {words:?}"));
    }
    has_type(object, value)?;
    let mut named = known.clone();
    if let Some(Value::Object(properties)) = object.get("properties") {
        named.extend(properties.keys().cloned());
    }
    if let Some(target) = resolved(schema) {
        fits(target, value, &named)?;
        if let Some(Value::Object(properties)) = target.get("properties") {
            named.extend(properties.keys().cloned());
        }
    }
    let branches = ["anyOf", "oneOf"].iter().find_map(|word| object.get(*word)?.as_array());
    if let Some(branches) = branches {
        let tried: Vec<_> = branches.iter().map(|branch| fits(branch, value, &named)).collect();
        let why = || tried.iter().filter_map(|it| it.clone().err()).collect::<Vec<_>>().join("; ");
        return if tried.iter().any(Result::is_ok) { Ok(()) } else { Err(why()) };
    }
    match value {
        Value::Object(fields) => fields_fit(object, fields, &named),
        Value::Array(items) => match object.get("items") {
            Some(each) => items.iter().try_for_each(|item| fits(each, item, &BTreeSet::new())),
            None => Ok(()),
        },
        _ => Ok(()),
    }
}

fn has_type(schema: &Map<String, Value>, value: &Value) -> Result<(), String> {
    let words: Vec<&str> = match schema.get("type") {
        None => return Ok(()),
        Some(Value::String(word)) => vec![word],
        Some(words) => words.as_array().unwrap().iter().filter_map(Value::as_str).collect(),
    };
    let is = |word: &&str| match *word {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_u64() || value.is_i64(),
        "number" => value.is_number(),
        "string" => value.is_string(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        other => panic!("{other}"),
    };
    if words.iter().any(is) { Ok(()) } else { Err(format!("{value} is no {words:?}")) }
}

fn fields_fit(
    schema: &Map<String, Value>,
    fields: &Map<String, Value>,
    known: &BTreeSet<String>,
) -> Result<(), String> {
    let none = Map::new();
    let properties = schema.get("properties").and_then(Value::as_object).unwrap_or(&none);
    for name in schema.get("required").and_then(Value::as_array).into_iter().flatten() {
        if !fields.contains_key(name.as_str().unwrap_or_default()) {
            return Err(format!("{name} is missing"));
        }
    }
    for (name, value) in fields {
        match (properties.get(name), schema.get("additionalProperties")) {
            (Some(property), _) => {
                fits(property, value, &BTreeSet::new()).map_err(|why| format!("`{name}`: {why}"))?
            }
            (None, Some(each)) if each != &Value::Bool(false) => {
                fits(each, value, &BTreeSet::new())?;
            }
            (None, _) if known.contains(name) || schema.contains_key("$ref") => {}
            (None, _) => return Err(format!("`{name}` is not in the document")),
        }
    }
    Ok(())
}

#[test]
fn what_does_not_fit_is_found() {
    let review = serde_json::json!({"$ref": "#/components/schemas/Held"});
    let check = |value: Value, expect: bool| {
        assert_eq!(fits(&review, &value, &BTreeSet::new()).is_ok(), expect, "{value}");
    };
    check(serde_json::json!({"resource": "shop"}), true);
    check(serde_json::json!({"principal": {"subject": "ada"}}), true);
    check(serde_json::json!({"principal": {"subject": "ada", "odd": 1}}), false);
    check(serde_json::json!({"principal": {"issuer": "x"}}), false);
    check(serde_json::json!({"table": "customers"}), false);
    check(serde_json::json!({"resource": 5}), false);
    check(serde_json::json!([]), false);
}
