//! The OpenAPI document: the committed one is the generated one, and it holds together.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

use portreeve_control::api::document;
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::Path;

/// `UPDATE=1` rewrites it.
#[test]
fn the_committed_document_is_the_generated_one() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/openapi.json");
    let text = serde_json::to_string_pretty(&document()).unwrap() + "\n";
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&file, &text).unwrap();
    }
    let committed = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(committed == text, "docs/openapi.json is old: run with UPDATE=1");
}

#[test]
fn every_reference_leads_somewhere_and_every_schema_is_used() {
    fn references(value: &Value, found: &mut BTreeSet<String>) {
        match value {
            Value::Object(fields) => {
                let target = fields.get("$ref").and_then(Value::as_str);
                found.extend(target.map(|it| it.rsplit('/').next().unwrap().to_owned()));
                fields.values().for_each(|inner| references(inner, found));
            }
            Value::Array(items) => items.iter().for_each(|inner| references(inner, found)),
            _ => {}
        }
    }
    let document = document();
    let mut used = BTreeSet::new();
    references(&document, &mut used);
    let schemas = document["components"]["schemas"].as_object().unwrap();
    assert_eq!(used, schemas.keys().cloned().collect());
    for (name, schema) in schemas {
        assert!(schema.get("description").is_some(), "`{name}` says nothing of itself");
    }
}

#[test]
fn operations_have_names_of_their_own_and_say_who_may_call() {
    let document = document();
    let mut names = BTreeSet::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            let name = operation["operationId"].as_str().unwrap();
            assert!(names.insert(name.to_owned()), "{name}");
            let places = path.matches('{').count();
            let parameters = operation["parameters"]
                .as_array()
                .map_or(0, |all| all.iter().filter(|parameter| parameter["in"] == "path").count());
            assert_eq!(places, parameters, "{method} {path}");
            let needs_token = operation.get("security").is_some();
            assert_eq!(
                operation["responses"].get("401").is_some_and(|it| {
                    it["description"].as_str().unwrap().contains("`no_token`")
                }),
                needs_token,
                "{method} {path}"
            );
            let about = operation["description"].as_str().unwrap();
            assert_eq!(about == "For anyone.", !needs_token, "{method} {path}");
        }
    }
    assert!(names.len() >= 20, "{}", names.len());
}

#[test]
fn the_words_of_errors_are_those_that_are_sent() {
    let document = document();
    let words: BTreeSet<&str> = document["components"]["schemas"]["ErrorCode"]["oneOf"]
        .as_array()
        .unwrap()
        .iter()
        .map(|word| word["const"].as_str().unwrap())
        .collect();
    let mut described = BTreeSet::new();
    for methods in document["paths"].as_object().unwrap().values() {
        for operation in methods.as_object().unwrap().values() {
            for (status, response) in operation["responses"].as_object().unwrap() {
                let text = response["description"].as_str().unwrap();
                if status.parse::<u16>().unwrap() >= 400 && text.starts_with('`') {
                    described.extend(text.split('`').skip(1).step_by(2));
                }
            }
        }
    }
    // No operation answers this one: it is for methods that a path does not take.
    described.insert("method_not_allowed");
    assert_eq!(described, words);
}
