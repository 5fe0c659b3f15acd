//! How parties and objects are named in policies.
//!
//! `Resource::"shop"`, `Schema::"shop/public"`, `Table::"shop/public.customers"`,
//! `Column::"shop/public.customers.email"`, `Function::"shop/public.refresh"`. A part
//! that holds a dot, a slash or a quote stands in double quotes, with its own quotes
//! doubled, as SQL does it; so no two objects share a name.

use cedar_policy::{EntityId, EntityTypeName, EntityUid};
use portreeve_model::{Action, Object, ObjectKind, PartyKind};

/// The entity types and actions of the schema, parsed once.
#[derive(Debug)]
pub(super) struct Names {
    person: EntityTypeName,
    service: EntityTypeName,
    actor: EntityTypeName,
    group: EntityTypeName,
    resource: EntityTypeName,
    schema: EntityTypeName,
    table: EntityTypeName,
    column: EntityTypeName,
    function: EntityTypeName,
    category: EntityTypeName,
    actions: Vec<EntityUid>,
}

/// Every action there is, in the order of their numbers here.
pub(super) const ACTIONS: [Action; 10] = [
    Action::Connect,
    Action::Read,
    Action::Write,
    Action::Define,
    Action::Administer,
    Action::Execute,
    Action::Lock,
    Action::Filter,
    Action::Probe,
    Action::Reveal,
];

/// Every kind of party.
pub(super) const PARTIES: [PartyKind; 3] =
    [PartyKind::Person, PartyKind::Service, PartyKind::Actor];

/// Every kind of object.
pub(super) const OBJECTS: [ObjectKind; 4] =
    [ObjectKind::Resource, ObjectKind::Table, ObjectKind::Column, ObjectKind::Function];

impl Names {
    pub(super) fn new() -> Self {
        let name = |word: &str| word.parse().expect("an identifier is a type name");
        let action: EntityTypeName = name("Action");
        let action = |word: Action| uid(&action, word.word());
        Self {
            person: name("Person"),
            service: name("Service"),
            actor: name("Actor"),
            group: name("Group"),
            resource: name("Resource"),
            schema: name("Schema"),
            table: name("Table"),
            column: name("Column"),
            function: name("Function"),
            category: name("Category"),
            actions: ACTIONS.into_iter().map(action).collect(),
        }
    }

    pub(super) fn party(&self, kind: PartyKind) -> &EntityTypeName {
        match kind {
            PartyKind::Person => &self.person,
            PartyKind::Service => &self.service,
            PartyKind::Actor => &self.actor,
        }
    }

    pub(super) fn object(&self, kind: ObjectKind) -> &EntityTypeName {
        match kind {
            ObjectKind::Resource => &self.resource,
            ObjectKind::Table => &self.table,
            ObjectKind::Column => &self.column,
            ObjectKind::Function => &self.function,
        }
    }

    pub(super) fn action(&self, action: Action) -> &EntityUid {
        &self.actions[action_index(action)]
    }

    pub(super) fn group(&self, name: &str) -> EntityUid {
        uid(&self.group, name)
    }

    pub(super) fn category(&self, name: &str) -> EntityUid {
        uid(&self.category, name)
    }

    pub(super) fn schema(&self, resource: &str, schema: &str) -> EntityUid {
        uid(&self.schema, &object_id(resource, &[schema]))
    }

    pub(super) fn table(&self, resource: &str, schema: &str, table: &str) -> EntityUid {
        uid(&self.table, &object_id(resource, &[schema, table]))
    }

    pub(super) fn resource(&self, resource: &str) -> EntityUid {
        uid(&self.resource, resource)
    }

    /// How many dotted parts an entity of this type has after its resource; none for
    /// types whose ids have no such shape.
    pub(super) fn parts(&self, name: &EntityTypeName) -> Option<usize> {
        let shaped = [(&self.schema, 1), (&self.table, 2), (&self.function, 2), (&self.column, 3)];
        shaped.into_iter().find(|(shape, _)| *shape == name).map(|(_, parts)| parts)
    }
}

pub(super) fn action_index(action: Action) -> usize {
    match action {
        Action::Connect => 0,
        Action::Read => 1,
        Action::Write => 2,
        Action::Define => 3,
        Action::Administer => 4,
        Action::Execute => 5,
        Action::Lock => 6,
        Action::Filter => 7,
        Action::Probe => 8,
        Action::Reveal => 9,
    }
}

pub(super) fn uid(name: &EntityTypeName, id: &str) -> EntityUid {
    EntityUid::from_type_name_and_id(name.clone(), EntityId::new(id))
}

/// The id of something inside a resource; of the resource itself when there are no parts.
pub(super) fn object_id<Part: AsRef<str>>(resource: &str, parts: &[Part]) -> String {
    if parts.is_empty() {
        return resource.to_owned();
    }
    let mut id = String::with_capacity(64);
    push_part(&mut id, resource);
    for (index, part) in parts.iter().enumerate() {
        id.push(if index == 0 { '/' } else { '.' });
        push_part(&mut id, part.as_ref());
    }
    id
}

fn push_part(id: &mut String, part: &str) {
    if !part.contains(['.', '/', '"']) {
        id.push_str(part);
        return;
    }
    id.push('"');
    id.push_str(&part.replace('"', "\"\""));
    id.push('"');
}

/// Splits an id as a policy writes it: the resource, then the dotted parts. None where
/// the id has no slash or its quotes do not close.
pub(super) fn split_id(id: &str) -> Option<Vec<String>> {
    let mut parts = Vec::new();
    let mut rest = id;
    loop {
        let (part, after) = take_part(rest)?;
        parts.push(part);
        let separator = if parts.len() == 1 { '/' } else { '.' };
        match after.strip_prefix(separator) {
            Some(next) => rest = next,
            None if after.is_empty() && parts.len() > 1 => return Some(parts),
            None => return None,
        }
    }
}

/// Reads an object as people write it: `public.orders`, `public.orders.email`,
/// `public.refresh()`, with odd names in double quotes; the resource when empty.
#[must_use]
pub fn object_named(text: &str) -> Option<Object> {
    if text.is_empty() {
        return Some(Object::resource());
    }
    let function = text.strip_suffix("()");
    let parts = split_id(&format!("resource/{}", function.unwrap_or(text)))?;
    match parts.as_slice() {
        [_, schema, name] if function.is_some() => Some(Object::function(schema, name)),
        [_, schema, table] => Some(Object::table(schema, table)),
        [_, schema, table, column] if function.is_none() => {
            Some(Object::column(schema, table, column))
        }
        _ => None,
    }
}

fn take_part(text: &str) -> Option<(String, &str)> {
    let Some(mut rest) = text.strip_prefix('"') else {
        let end = text.find(['.', '/', '"']).unwrap_or(text.len());
        let (part, rest) = text.split_at(end);
        return (!part.is_empty()).then(|| (part.to_owned(), rest));
    };
    let mut part = String::new();
    loop {
        let (before, after) = rest.split_once('"')?;
        part.push_str(before);
        match after.strip_prefix('"') {
            Some(doubled) => {
                part.push('"');
                rest = doubled;
            }
            None => return (!part.is_empty()).then_some((part, after)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_unambiguous() {
        let check = |resource: &str, parts: &[&str], expect: &str| {
            let id = object_id(resource, parts);
            assert_eq!(id, expect);
            let mut whole = vec![resource.to_owned()];
            whole.extend(parts.iter().map(|part| (*part).to_owned()));
            assert_eq!(split_id(&id), (!parts.is_empty()).then_some(whole), "{expect}");
        };
        check("shop", &[], "shop");
        check("shop", &["public"], "shop/public");
        check("shop", &["public", "customers"], "shop/public.customers");
        check("shop", &["public", "a.b"], "shop/public.\"a.b\"");
        check("shop", &["public.a", "b"], "shop/\"public.a\".b");
        check("a/b", &["c", "d\"e"], "\"a/b\"/c.\"d\"\"e\"");
    }

    #[test]
    fn ids_without_their_shape_are_found() {
        for id in ["", "shop", "shop.public.customers", "shop/", "shop/a..b", "shop/\"a"] {
            assert_eq!(split_id(id), None, "{id}");
        }
    }

    #[test]
    fn objects_are_read_as_people_write_them() {
        let check = |text: &str, expect| assert_eq!(object_named(text), expect, "{text}");
        check("", Some(Object::resource()));
        check("public.orders", Some(Object::table("public", "orders")));
        check("public.\"a.b\"", Some(Object::table("public", "a.b")));
        check("public.orders.email", Some(Object::column("public", "orders", "email")));
        check("public.refresh()", Some(Object::function("public", "refresh")));
        for bad in ["orders", "a.b.c.d", "a.b.c()", "a..b", "()", "a."] {
            check(bad, None);
        }
    }

    #[test]
    fn every_action_has_its_own_number() {
        for (index, action) in ACTIONS.into_iter().enumerate() {
            assert_eq!(action_index(action), index);
        }
    }
}
