//! The fields of what is sent and answered, and what is known of them: an owner (a host, a
//! server) has subjects (routes, tools), and these have fields.

use crate::carried::{Carried, OPAQUE};
use crate::masking::Known;
use crate::names::{folded, named_fields, runs, spellings, words};
use portreeve_model::{Category, Object, ObjectKind, Revealed};
use portreeve_session::Snapshot;
use std::collections::{BTreeMap, BTreeSet};
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
    /// Whether it names any, with a star or without.
    pub has_any: bool,
}

impl std::fmt::Debug for FieldsParts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FieldsParts").field("named", &self.named).finish_non_exhaustive()
    }
}

/// Which fields of an owner hold personal data.
#[derive(Debug)]
pub struct Fields {
    parts: FieldsParts,
    /// The fields without a star, by what their names are in every writing.
    folded: BTreeMap<String, String>,
}

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
    pub fn new(parts: FieldsParts) -> Self {
        let folded = parts.named.iter().map(|name| (folded(name), name.clone()));
        Self { folded: folded.filter(|(folded, _)| !folded.is_empty()).collect(), parts }
    }

    /// Whose they are.
    #[must_use]
    pub fn owner(&self) -> &str {
        &self.parts.owner
    }

    /// A field, as policies see it.
    #[must_use]
    pub fn object(&self, subject: &str, name: &str) -> Object {
        let path = [self.owner(), subject, name].map(str::to_owned).to_vec();
        Object { kind: self.parts.kind, path }
    }

    /// The category of a field. It is named by its whole path (`items.email`) or by any end of
    /// that; the longest says the most.
    #[must_use]
    pub fn category_of(&self, subject: &str, path: &str) -> Option<(Object, Category)> {
        self.named_by(subject, path).or_else(|| self.named_by_words(subject, path))
    }

    fn named_by(&self, subject: &str, path: &str) -> Option<(Object, Category)> {
        spellings(path).find_map(|name| {
            let category = (self.parts.category_of)(&[self.owner(), subject, &name])?;
            Some((self.object(subject, &name), category))
        })
    }

    fn named_by_words(&self, subject: &str, path: &str) -> Option<(Object, Category)> {
        words(path).find_map(|word| self.named_by(subject, word))
    }

    /// The classified fields that a name or an expression asks about, in whatever writing:
    /// `Email`, `user[email]`, `email__contains`, `findByEmail`, `-salary`, `salary>4000`.
    #[must_use]
    pub fn asked(&self, subject: &str, text: &str) -> BTreeSet<Object> {
        let whole = self.category_of(subject, text).map(|(object, _)| object);
        let named = runs(text).filter_map(|run| self.folded.get(&run));
        let named = named.filter_map(|name| self.named_by(subject, name));
        whole.into_iter().chain(named.map(|(object, _)| object)).collect()
    }

    /// The first classified field that a text names where its value could follow, of those that
    /// policy does not reveal.
    #[must_use]
    pub fn named_in(
        &self,
        subject: &str,
        text: &str,
        revealed: &BTreeSet<Object>,
    ) -> Option<(Object, Category)> {
        if !self.parts.has_any {
            return None;
        }
        let named = named_fields(text).filter_map(|word| self.category_of(subject, word));
        let mut hidden = named.filter(|(object, _)| !revealed.contains(object));
        hidden.next()
    }

    /// Whether somebody has said that nobody's data is in a field.
    fn clears(&self, subject: &str, path: &str) -> bool {
        spellings(path).any(|name| (self.parts.clears)(&[self.owner(), subject, &name]))
    }

    /// Whether anything is classified.
    #[must_use]
    pub const fn has_classified(&self) -> bool {
        self.parts.has_any
    }

    /// What is known of a field of which policy reveals these.
    #[must_use]
    pub fn known(&self, subject: &str, path: &str, revealed: &BTreeSet<Object>) -> Known {
        if path.is_empty() {
            return Known::Nothing;
        }
        let known = |(object, category): (Object, Category)| match revealed.contains(&object) {
            true => Known::Shown,
            false => Known::Masked(category),
        };
        match self.named_by(subject, path) {
            Some(named) => known(named),
            None if self.clears(subject, path) => Known::Shown,
            None => self.named_by_words(subject, path).map_or(Known::Nothing, known),
        }
    }

    /// What policy reveals of a subject, of which one field stands for all that nobody can look
    /// into.
    #[must_use]
    pub fn seen(&self, subject: &str, whole: &str, snapshot: &Snapshot) -> Seen {
        let named = self.parts.named.iter().filter_map(|name| self.category_of(subject, name));
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
            [_, subject, field] if object.kind == self.parts.kind => {
                match field.strip_prefix(FOUND) {
                    Some(found) => Some(Category::from(found)),
                    None => self.category_of(subject, field).map(|(_, category)| category),
                }
            }
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

    fn asked(&self, text: &str) -> BTreeSet<Object> {
        self.fields.asked(self.subject, text)
    }

    fn named_in(&self, text: &str) -> BTreeSet<Object> {
        if !self.fields.has_classified() {
            return BTreeSet::new();
        }
        named_fields(text).filter_map(|word| self.field(word)).collect()
    }

    fn found(&self, category: &str) -> Object {
        self.fields.object(self.subject, &format!("{FOUND}{category}"))
    }
}
