//! The fields of what is sent and answered, and what is known of them: an owner (a host, a
//! server) has subjects (routes, tools), and these have fields.

use crate::carried::{Carried, OPAQUE};
use crate::masking::{Known, spellings};
use portreeve_model::{Category, Object, ObjectKind, Revealed};
use portreeve_session::Snapshot;
use std::collections::BTreeSet;
use std::sync::Arc;

/// Says the category of a field: owner, subject, field.
pub type CategoryOf = Arc<dyn Fn(&[&str; 3]) -> Option<Category> + Send + Sync>;

/// Says whether a field was cleared: owner, subject, field.
pub type ClearsField = Arc<dyn Fn(&[&str; 3]) -> bool + Send + Sync>;

/// What the fields of an owner are made of.
pub struct FieldsParts {
    /// What policies call them.
    pub kind: ObjectKind,
    /// Whose they are.
    pub owner: String,
    /// By name, stars included.
    pub category_of: CategoryOf,
    /// Whether a field holds nobody's data, as somebody has said.
    pub clears: ClearsField,
    /// The fields that the classification names without a star.
    pub named: Vec<String>,
}

impl std::fmt::Debug for FieldsParts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FieldsParts").field("named", &self.named).finish_non_exhaustive()
    }
}

/// Which fields of an owner hold personal data.
#[derive(Debug)]
pub struct Fields(FieldsParts);

/// Stands before a category in the name of a field that stands for what detectors found.
const FOUND: char = '*';

/// What policy reveals of a subject.
#[derive(Clone, Debug)]
pub struct Seen {
    /// All of it, sorted, for the record.
    pub listed: Arc<[Revealed]>,
    /// The classified fields.
    pub fields: BTreeSet<Object>,
    /// Whether what nobody can look into may pass.
    pub passes_opaque: bool,
}

impl Fields {
    /// Puts them together.
    #[must_use]
    pub const fn new(parts: FieldsParts) -> Self {
        Self(parts)
    }

    /// Whose they are.
    #[must_use]
    pub fn owner(&self) -> &str {
        &self.0.owner
    }

    /// A field, as policies see it.
    #[must_use]
    pub fn object(&self, subject: &str, name: &str) -> Object {
        let path = [self.owner(), subject, name].map(str::to_owned).to_vec();
        Object { kind: self.0.kind, path }
    }

    /// The category of a field. It is named by its whole path (`items.email`) or by any end of
    /// that; the longest says the most.
    #[must_use]
    pub fn category_of(&self, subject: &str, path: &str) -> Option<(Object, Category)> {
        spellings(path).find_map(|name| {
            let category = (self.0.category_of)(&[self.owner(), subject, &name])?;
            Some((self.object(subject, &name), category))
        })
    }

    /// Whether somebody has said that nobody's data is in a field.
    fn clears(&self, subject: &str, path: &str) -> bool {
        spellings(path).any(|name| (self.0.clears)(&[self.owner(), subject, &name]))
    }

    /// Whether anything of a subject is classified.
    #[must_use]
    pub fn has_classified(&self, subject: &str) -> bool {
        !self.0.named.is_empty() || self.category_of(subject, "*").is_some()
    }

    /// What is known of a field of which policy reveals these.
    #[must_use]
    pub fn known(&self, subject: &str, path: &str, revealed: &BTreeSet<Object>) -> Known {
        if path.is_empty() {
            return Known::Nothing;
        }
        match self.category_of(subject, path) {
            Some((object, category)) if !revealed.contains(&object) => Known::Masked(category),
            Some(_) => Known::Shown,
            None if self.clears(subject, path) => Known::Shown,
            None => Known::Nothing,
        }
    }

    /// What policy reveals of a subject, of which one field stands for all that nobody can look
    /// into.
    #[must_use]
    pub fn seen(&self, subject: &str, whole: &str, snapshot: &Snapshot) -> Seen {
        let named = self.0.named.iter().filter_map(|name| self.category_of(subject, name));
        let mut listed: Vec<Revealed> = named
            .filter(|(object, category)| snapshot.reveals(object, category))
            .map(|(object, category)| Revealed { object, category })
            .collect();
        let fields = listed.iter().map(|seen| seen.object.clone()).collect();
        let opaque =
            Revealed { object: self.object(subject, whole), category: Category::from(OPAQUE) };
        let passes_opaque = snapshot.reveals(&opaque.object, &opaque.category);
        listed.extend(passes_opaque.then_some(opaque));
        listed.sort();
        Seen { listed: listed.into(), fields, passes_opaque }
    }

    /// The category of an object, for policy.
    #[must_use]
    pub fn category_of_object(&self, object: &Object) -> Option<Category> {
        match object.path.as_slice() {
            [_, subject, field] if object.kind == self.0.kind => match field.strip_prefix(FOUND) {
                Some(found) => Some(Category::from(found)),
                None => self.category_of(subject, field).map(|(_, category)| category),
            },
            _ => None,
        }
    }

    /// What a request about a subject carries, by the names of its fields.
    #[must_use]
    pub const fn of<'f>(&'f self, subject: &'f str) -> FieldsOf<'f> {
        FieldsOf { fields: self, subject }
    }
}

/// The fields of one subject.
#[derive(Clone, Copy, Debug)]
pub struct FieldsOf<'f> {
    fields: &'f Fields,
    subject: &'f str,
}

impl Carried for FieldsOf<'_> {
    fn field(&self, path: &str) -> Option<Object> {
        self.fields.category_of(self.subject, path).map(|(object, _)| object)
    }

    fn found(&self, category: &str) -> Object {
        self.fields.object(self.subject, &format!("{FOUND}{category}"))
    }
}
