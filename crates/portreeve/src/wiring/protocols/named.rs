//! Names in policies and classifications that nothing is ever called by: a rule about them would
//! decide nothing, a classification of them would mask nothing, and nobody would hear of it.
//!
//! What protocols call things has one spelling; a name in another one is refused when it is
//! loaded. A name of what is not configured here may be meant for another gateway of the same
//! policies: that is a note.

use super::{Protocol, named};
use portreeve_control::Config;
use portreeve_control::config::{ObjectPattern, Resource};
use portreeve_decide::policy::Policies;
use portreeve_model::{Family, Object, ObjectKind};
use portreeve_screen::categories;
use std::collections::BTreeSet;

/// Says why nothing of a resource is ever called so, by its parts from the outside in; none of
/// those that may be anything.
pub(super) type NeverCalled = fn(&str, &Resource, ObjectKind, &[Option<&str>]) -> Option<String>;

/// The names that can never match, for the operator.
pub(crate) fn never_matched(config: &Config, policies: &Policies) -> Vec<String> {
    let mut failures = Vec::new();
    for (name, resource) in &config.resources {
        let Some(protocol) = named(resource.protocol) else { continue };
        for (pattern, _) in resource.classify.entries() {
            if let Some(why) = never_classified(protocol, name, resource, pattern) {
                failures
                    .push(format!("`resources.{name}.classify`: `{pattern}` names nothing: {why}"));
            }
        }
        for object in policies.objects_named(name) {
            if let Some(why) = never_asked_about(protocol, name, resource, object) {
                let (kind, path) = (object.kind.row().type_name, object.path.join("\", \""));
                failures.push(format!("policies: {kind} \"{path}\" of `{name}` is nothing: {why}"));
            }
        }
    }
    failures
}

fn never_classified(
    protocol: Protocol,
    name: &str,
    resource: &Resource,
    pattern: &ObjectPattern,
) -> Option<String> {
    let exact: Vec<Option<String>> = pattern.names().collect();
    let exact: Vec<Option<&str>> = exact.iter().map(Option::as_deref).collect();
    (protocol.never_called)(name, resource, pattern.kind(), &exact)
}

fn never_asked_about(
    protocol: Protocol,
    name: &str,
    resource: &Resource,
    object: &Object,
) -> Option<String> {
    let (family, own) = (object.kind.row().family, protocol.manifest.family);
    if family != own && family != Family::Any && !protocol.also.contains(&object.kind) {
        let kind = object.kind.row().type_name;
        return Some(format!("a resource of `{}` has no {kind}", resource.protocol));
    }
    let path: Vec<Option<&str>> = object.path.iter().map(|part| Some(part.as_str())).collect();
    (protocol.never_called)(name, resource, object.kind, &path)
}

/// The names of what is not configured here, for the operator.
pub(crate) fn not_here(config: &Config, policies: &Policies) -> Vec<String> {
    let mut notes = Vec::new();
    for name in policies.resources_named() {
        if !config.resources.contains_key(name) {
            notes.push(format!("policies name the resource `{name}`, which is not configured"));
        }
    }
    let known: BTreeSet<&str> = config
        .resources
        .values()
        .flat_map(|resource| resource.classify.categories())
        .chain(categories())
        .map(|category| category.0.as_str())
        .chain(OWN_CATEGORIES)
        .collect();
    for category in policies.categories_named() {
        if !known.contains(category) {
            notes.push(format!("policies name the category `{category}`, which nothing has"));
        }
    }
    for category in config.masking.methods.keys() {
        if !known.contains(category.0.as_str()) {
            notes.push(format!("`masking.{category}`: nothing has this category"));
        }
    }
    notes
}

/// Categories that nobody writes: of what nobody can look into, and of what is new.
const OWN_CATEGORIES: [&str; 2] = [portreeve_web::OPAQUE, "unknown"];
