//! The JSON schema for editors, made from the types.

use super::types::Config;
use schemars::transform::{RecursiveTransform, Transform};
use serde_json::Value;

/// The schema of the configuration file, as JSON Schema 2020-12.
#[must_use]
pub fn schema() -> Value {
    let mut schema = schemars::schema_for!(Config);
    RecursiveTransform(optional_where_defaulted).transform(&mut schema);
    let mut value = schema.to_value();
    if let Some(object) = value.as_object_mut() {
        object.insert("title".into(), "Portreeve configuration".into());
    }
    value
}

/// A field with a default need not be written. A default that is a sentence is for
/// people, and moves out of the way of programs.
fn optional_where_defaulted(schema: &mut schemars::Schema) {
    let Some(object) = schema.as_object_mut() else {
        return;
    };
    let Some(properties) = object.get_mut("properties").and_then(Value::as_object_mut) else {
        return;
    };
    let mut defaulted = Vec::new();
    for (name, property) in properties.iter_mut() {
        let Some(default) = property.get("default") else {
            continue;
        };
        defaulted.push(name.clone());
        if default.as_str().is_some_and(|text| text.contains(' '))
            && let Some(property) = property.as_object_mut()
        {
            property.remove("default");
        }
    }
    if let Some(Value::Array(required)) = object.get_mut("required") {
        required.retain(|name| !defaulted.iter().any(|known| name.as_str() == Some(known)));
    }
}
