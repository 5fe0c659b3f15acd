//! How parties and objects are named in policies.
//!
//! `Resource::"shop"`, `Schema::"shop/public"`, `Table::"shop/public.customers"`,
//! `Column::"shop/public.customers.email"`, `Function::"shop/public.refresh"`. A part
//! that holds a dot, a slash or a quote stands in double quotes, with its own quotes
//! doubled, as SQL does it; so no two objects share a name. Types come from the table of kinds.

use cedar_policy::{EntityId, EntityTypeName, EntityUid};
use portreeve_model::{Action, Object, ObjectKind, PartyKind};

/// The entity types and actions of the schema, parsed once.
#[derive(Debug)]
pub(super) struct Names {
    parties: [EntityTypeName; 3],
    group: EntityTypeName,
    category: EntityTypeName,
    /// In the order of their numbers.
    kinds: Vec<EntityTypeName>,
    actions: Vec<EntityUid>,
}

/// Every kind of party.
pub(super) const PARTIES: [PartyKind; 3] =
    [PartyKind::Person, PartyKind::Service, PartyKind::Actor];

/// Their types, in the same order.
pub(super) const PARTY_TYPES: [&str; 3] = ["Person", "Service", "Actor"];

impl Names {
    pub(super) fn new() -> Self {
        let name = |word: &str| word.parse().expect("an identifier is a type name");
        let action: EntityTypeName = name("Action");
        let action = |word: Action| uid(&action, word.word());
        Self {
            parties: PARTY_TYPES.map(name),
            group: name("Group"),
            category: name("Category"),
            kinds: ObjectKind::all().map(|kind| name(kind.row().type_name)).collect(),
            actions: Action::ALL.into_iter().map(action).collect(),
        }
    }

    pub(super) fn party(&self, kind: PartyKind) -> &EntityTypeName {
        &self.parties[party_index(kind)]
    }

    pub(super) fn object(&self, kind: ObjectKind) -> &EntityTypeName {
        &self.kinds[kind.index()]
    }

    /// The kind whose entities have this type, if it is one of objects.
    pub(super) fn kind(&self, name: &EntityTypeName) -> Option<ObjectKind> {
        ObjectKind::all().find(|kind| self.object(*kind) == name)
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

    /// The type of categories.
    pub(super) const fn category_type(&self) -> &EntityTypeName {
        &self.category
    }

    /// What an object of a resource is called.
    pub(super) fn named(&self, resource: &str, kind: ObjectKind, path: &[String]) -> EntityUid {
        uid(self.object(kind), &object_id(resource, path))
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

pub(super) fn party_index(kind: PartyKind) -> usize {
    match kind {
        PartyKind::Person => 0,
        PartyKind::Service => 1,
        PartyKind::Actor => 2,
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
/// `public.refresh()`, and of any kind with its word, `route:"api.example.com"."/people"`.
/// Odd names stand in double quotes. It is the resource when the text is empty.
#[must_use]
pub fn object_named(text: &str) -> Option<Object> {
    if text.is_empty() {
        return Some(Object::resource());
    }
    let prefixed = text.split_once(':');
    let prefixed = prefixed.and_then(|(word, path)| Some((ObjectKind::named(word)?, path)));
    if let Some((kind, path)) = prefixed {
        return object_of(kind, path);
    }
    let is_function = text.ends_with(ObjectKind::FUNCTION.row().suffix);
    let fits = |kind: &ObjectKind| (*kind == ObjectKind::FUNCTION) == is_function;
    UNPREFIXED.into_iter().filter(fits).find_map(|kind| object_of(kind, text))
}

/// The kinds that a path tells by its shape.
const UNPREFIXED: [ObjectKind; 3] = [ObjectKind::TABLE, ObjectKind::COLUMN, ObjectKind::FUNCTION];

fn object_of(kind: ObjectKind, path: &str) -> Option<Object> {
    let path = path.strip_suffix(kind.row().suffix)?;
    let mut parts = split_id(&format!("resource/{path}"))?;
    parts.remove(0);
    (parts.len() == kind.row().parts.len()).then_some(Object { kind, path: parts })
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
        check("function:public.refresh()", Some(Object::function("public", "refresh")));
        check("table:public.orders", Some(Object::table("public", "orders")));
        check("view:public.orders", Some(Object::table("view:public", "orders")));
        let route = Object {
            kind: ObjectKind::ROUTE,
            path: vec!["api.example.com".into(), "/people".into()],
        };
        check("route:\"api.example.com\".\"/people\"", Some(route));
        check(
            "schema:public",
            Some(Object { kind: ObjectKind::SCHEMA, path: vec!["public".into()] }),
        );
        for bad in
            ["orders", "a.b.c.d", "a.b.c()", "a..b", "()", "a.", "table:a", "schema:", "route:a"]
        {
            check(bad, None);
        }
    }

    #[test]
    fn every_action_has_its_own_number() {
        for (index, action) in Action::ALL.into_iter().enumerate() {
            assert_eq!(action_index(action), index);
        }
    }
}
