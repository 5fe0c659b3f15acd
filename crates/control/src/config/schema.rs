//! The JSON schema for editors: made from the types, and from the manifests of the
//! protocols.

use super::connector::ConnectorConfig;
use super::listen::default_address;
use super::scalar::{duration_text, size_text};
use super::types::{Config, DurationText, SizeText, TargetTls};
use crate::secrets::SecretSource;
use portreeve_model::{Encryption, Manifest, Setting, SettingKind};
use schemars::generate::SchemaSettings;
use schemars::transform::{RecursiveTransform, Transform};
use schemars::{Schema, SchemaGenerator};
use serde_json::{Map, Value, json};

/// The schema of the configuration file, as JSON Schema 2020-12.
#[must_use]
pub fn schema(protocols: &[&'static Manifest]) -> Value {
    let mut generator = SchemaSettings::draft2020_12().into_generator();
    let sections: Vec<_> =
        protocols.iter().map(|manifest| Sections::new(&mut generator, manifest)).collect();
    let mut schema = generator.into_root_schema_for::<Config>();
    for section in sections.into_iter().rev() {
        section.put_into(&mut schema);
    }
    finished(schema, "Resource", protocols, "Portreeve configuration")
}

/// The schema of a connector's configuration file; `protocols` are those that connectors serve.
#[must_use]
pub fn connector_schema(protocols: &[&'static Manifest]) -> Value {
    let mut generator = SchemaSettings::draft2020_12().into_generator();
    let theirs = |manifest: &&'static Manifest| {
        let settings = manifest.target.iter();
        let settings = settings.filter(|it| !manifest.gateway_settings.contains(&it.name));
        (*manifest, section(&mut generator, settings, "The target."))
    };
    let targets: Vec<_> = protocols.iter().map(theirs).collect();
    let mut schema = generator.into_root_schema_for::<ConnectorConfig>();
    for (manifest, target) in targets.into_iter().rev() {
        let about = format!("A target reached by {}.", manifest.title);
        let reference = reference("target", manifest, about);
        put_first(definition(&mut schema, "ConnectorResource"), manifest.name, reference);
        put_definition(&mut schema, format!("{}.target", manifest.name), target);
    }
    finished(schema, "ConnectorResource", protocols, "Portreeve connector configuration")
}

/// A schema of which one section names exactly one protocol.
fn finished(
    mut schema: Schema,
    resource: &str,
    protocols: &[&'static Manifest],
    title: &str,
) -> Value {
    let one_of = protocols.iter().map(|manifest| json!({"required": [manifest.name]}));
    if let Some(resource) = definition(&mut schema, resource) {
        resource.insert("oneOf".to_owned(), one_of.collect());
    }
    RecursiveTransform(optional_where_defaulted).transform(&mut schema);
    let mut value = schema.to_value();
    if let Some(object) = value.as_object_mut() {
        object.insert("title".into(), title.into());
    }
    value
}

/// What one protocol adds.
struct Sections {
    manifest: &'static Manifest,
    target: Value,
    limits: Value,
}

impl Sections {
    fn new(generator: &mut SchemaGenerator, manifest: &'static Manifest) -> Self {
        let target = section(generator, manifest.target, "The target.");
        let limits = section(generator, manifest.limits, "Bounds of one protocol.");
        Self { manifest, target, limits }
    }

    fn put_into(self, schema: &mut Schema) {
        let Manifest { name, title, .. } = *self.manifest;
        let address = default_address(self.manifest).to_string();
        let kind = match self.manifest.encryption {
            Encryption::Tls => "Listener".to_owned(),
            Encryption::Own => format!("{name}.listener"),
        };
        let listener = json!({
            "description": format!("{title} clients. The default address is `{address}`."),
            "$ref": format!("#/$defs/{kind}"),
            "default": {"address": address},
        });
        if self.manifest.encryption == Encryption::Own {
            put_own_listener(schema, &kind);
        }
        put_first(definition(schema, "Listen"), name, listener);
        let target = reference("target", self.manifest, format!("A target reached by {title}."));
        put_first(definition(schema, "Resource"), name, target);
        let mut limits = reference("limits", self.manifest, format!("Bounds of {title}."));
        limits["default"] = json!({});
        if let Some(properties) = properties(definition(schema, "Limits")) {
            properties.insert(name.to_owned(), limits);
        }
        put_definition(schema, format!("{name}.target"), self.target);
        put_definition(schema, format!("{name}.limits"), self.limits);
    }
}

/// A listener whose protocol encrypts by itself has no certificate.
fn put_own_listener(schema: &mut Schema, kind: &str) {
    let Some(mut own) = definition(schema, "Listener").cloned() else { return };
    own.insert("description".to_owned(), "One listener: one or more addresses.".into());
    if let Some(properties) = properties(Some(&mut own)) {
        properties.shift_remove("tls");
    }
    put_definition(schema, kind.to_owned(), own.into());
}

fn put_definition(schema: &mut Schema, name: String, definition: Value) {
    let definitions = schema.ensure_object().get_mut("$defs").and_then(Value::as_object_mut);
    if let Some(definitions) = definitions {
        definitions.insert(name, definition);
    }
}

fn reference(part: &str, manifest: &Manifest, about: String) -> Value {
    json!({"description": about, "$ref": format!("#/$defs/{}.{part}", manifest.name)})
}

fn definition<'a>(schema: &'a mut Schema, name: &str) -> Option<&'a mut Map<String, Value>> {
    schema.ensure_object().get_mut("$defs")?.get_mut(name)?.as_object_mut()
}

fn properties(definition: Option<&mut Map<String, Value>>) -> Option<&mut Map<String, Value>> {
    definition?.get_mut("properties")?.as_object_mut()
}

/// Protocols come before what all of them have.
fn put_first(definition: Option<&mut Map<String, Value>>, name: &str, value: Value) {
    if let Some(properties) = properties(definition) {
        properties.shift_insert(0, name.to_owned(), value);
    }
}

fn section<'s>(
    generator: &mut SchemaGenerator,
    settings: impl IntoIterator<Item = &'s Setting>,
    about: &str,
) -> Value {
    let mut properties = Map::new();
    let mut required = Vec::new();
    for setting in settings {
        properties.insert(setting.name.to_owned(), property(generator, setting));
        if matches!(setting.kind, SettingKind::Host | SettingKind::Text) {
            required.push(setting.name);
        }
    }
    json!({
        "description": about,
        "type": "object",
        "properties": properties,
        "additionalProperties": false,
        "required": required,
    })
}

fn property(generator: &mut SchemaGenerator, setting: &Setting) -> Value {
    let mut property = match setting.kind {
        SettingKind::Host | SettingKind::Text | SettingKind::OptionalText => {
            json!({"type": "string"})
        }
        SettingKind::ResourceName => {
            json!({"type": "string", "default": "the resource's name"})
        }
        SettingKind::Port { default } => {
            json!({"type": "integer", "minimum": 1, "maximum": 65535, "default": default})
        }
        SettingKind::Size { default_bytes, .. } => {
            let mut size = generator.subschema_for::<SizeText>().to_value();
            size["default"] = size_text(default_bytes).into();
            size
        }
        SettingKind::Duration { default, .. } => {
            let mut duration = generator.subschema_for::<DurationText>().to_value();
            duration["default"] = duration_text(default).into();
            duration
        }
        SettingKind::Secret => {
            let secret = generator.subschema_for::<SecretSource>();
            json!({"anyOf": [secret, {"type": "null"}]})
        }
        SettingKind::File => json!({"type": ["string", "null"]}),
        SettingKind::Section(settings) => {
            let inner = section(generator, settings, setting.about);
            generator.definitions_mut().insert(setting.name.to_owned(), inner);
            let reference = json!({"$ref": format!("#/$defs/{}", setting.name)});
            json!({"anyOf": [reference, {"type": "null"}]})
        }
        SettingKind::Tls => {
            let mut tls = generator.subschema_for::<TargetTls>().to_value();
            tls["default"] = json!({"mode": "verify-full"});
            tls
        }
    };
    if let Some(property) = property.as_object_mut() {
        property.shift_insert(0, "description".to_owned(), setting.about.into());
    }
    property
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
