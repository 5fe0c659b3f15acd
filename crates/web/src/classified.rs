//! The fields of what is sent and answered, and what is known of them: an owner (a host, a
//! server) has subjects (routes, tools), and these have fields.

use crate::carried::Carried;
use crate::escapes::{of_mail, undone};
use crate::files::OPAQUE;
use crate::masking::Known;
use crate::names::valued::{FoldedNames, ValueForm, called, valued, without_tags};
use crate::names::{NAME_BYTES_MAX, folded, named_fields, runs, spellings, words};
use portreeve_model::{Category, Object, ObjectKind, Revealed};
use portreeve_session::Snapshot;
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// What a text says, too: behind its escapes, and as mail.
fn readings(text: &str) -> Vec<String> {
    let plain = undone(text);
    let whole = of_mail(&plain);
    let plain = matches!(plain, Cow::Owned(_)).then(|| plain.into_owned());
    plain.into_iter().chain(whole).collect()
}

/// Says the category of a field: owner, subject, field.
pub type CategoryOf = Arc<dyn Fn(&[&str; 3]) -> Option<Category> + Send + Sync>;

/// Says whether a field was cleared: owner, subject, field.
pub type ClearsField = Arc<dyn Fn(&[&str; 3]) -> bool + Send + Sync>;

/// Says the category that a field has and its namesake of another subject has not: owner, subject,
/// field, and the other subject.
pub type CategoryApart = Arc<dyn Fn(&[&str; 3], &str) -> Option<Category> + Send + Sync>;

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
    /// By name, where something is said of one subject only.
    pub category_apart: CategoryApart,
    /// The fields that the classification names without a star.
    pub named: Vec<String>,
    /// More of them, of one subject each.
    pub named_of: FoldedNames,
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
    folded: FoldedNames,
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
        let mut by_folded: FoldedNames = BTreeMap::new();
        for name in parts.named.iter().chain(parts.named_of.values().flatten()) {
            by_folded.entry(folded(name)).or_default().insert(name.clone());
        }
        by_folded.remove("");
        Self { folded: by_folded, parts }
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
        self.all_of(subject, path).into_iter().next()
    }

    /// All that a name names: itself, or each of its words.
    fn all_of(&self, subject: &str, path: &str) -> Vec<(Object, Category)> {
        match self.named_by(subject, path) {
            Some(named) => vec![named],
            None => self.all_words_of(subject, path),
        }
    }

    /// The same of a name that is none by itself: what its words name, and what stands behind its
    /// escapes.
    fn all_words_of(&self, subject: &str, path: &str) -> Vec<(Object, Category)> {
        let of_words = |path: &str| -> Vec<(Object, Category)> {
            words(path).filter_map(|word| self.named_by(subject, word)).collect()
        };
        let mut found = of_words(path);
        if let Cow::Owned(plain) = undone(path) {
            found.extend(self.named_by(subject, &plain));
            found.extend(of_words(&plain));
        }
        found
    }

    fn named_by(&self, subject: &str, path: &str) -> Option<(Object, Category)> {
        spellings(path).find_map(|name| {
            let category = (self.parts.category_of)(&[self.owner(), subject, &name])?;
            Some((self.object(subject, &name), category))
        })
    }

    /// The classified fields that a name or an expression asks about, in whatever writing:
    /// `Email`, `user[email]`, `email__contains`, `findByEmail`, `-salary`, `salary>4000`,
    /// `"s\u0061lary"`.
    #[must_use]
    pub fn asked(&self, subject: &str, text: &str) -> BTreeSet<Object> {
        let mut found = BTreeSet::new();
        let plain = undone(text);
        for text in [Some(text), Some(&*plain).filter(|plain| *plain != text)].iter().flatten() {
            found.extend(self.all_of(subject, text).into_iter().map(|(object, _)| object));
            found.extend(self.by_words(subject, text).map(|(object, _)| object));
        }
        found
    }

    /// The fields without a star that the words of a name make: `baseSalary`, `salaries`.
    fn by_words<'s>(
        &'s self,
        subject: &'s str,
        name: &'s str,
    ) -> impl Iterator<Item = (Object, Category)> + 's {
        let named = runs(name).flat_map(|run| called(&self.folded, &run));
        named.filter_map(move |name| self.named_by(subject, name))
    }

    /// The classified fields that a text names with a value of theirs behind it, in whatever
    /// writing.
    fn with_values(&self, subject: &str, text: &str) -> Vec<(Object, Category)> {
        if self.folded.is_empty() {
            return Vec::new();
        }
        let form = |name: &str| {
            let (_, category) = self.named_by(subject, name)?;
            Some(ValueForm::of(&category.0))
        };
        let mut names = valued(text, &self.folded, form);
        if let Some(plain) = text.contains('<').then(|| without_tags(text)).flatten() {
            names.extend(valued(&plain, &self.folded, form));
        }
        names.into_iter().filter_map(|name| self.named_by(subject, name)).collect()
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
        self.first_named(subject, text, |object| !revealed.contains(object))
    }

    /// The first of them that is one of these.
    pub fn first_named(
        &self,
        subject: &str,
        text: &str,
        is_one: impl Fn(&Object) -> bool,
    ) -> Option<(Object, Category)> {
        if !self.parts.has_any {
            return None;
        }
        let first = |text: &str| {
            let mut named = named_fields(text).flat_map(|word| self.all_of(subject, word));
            let found = named.find(|(object, _)| is_one(object));
            let valued = || self.with_values(subject, text).into_iter();
            found.or_else(|| valued().find(|(object, _)| is_one(object)))
        };
        first(text).or_else(|| readings(text).iter().find_map(|plain| first(plain)))
    }

    /// Whether somebody has said that nobody's data is in a field.
    fn clears(&self, subject: &str, path: &str) -> bool {
        spellings(path).any(|name| (self.parts.clears)(&[self.owner(), subject, &name]))
    }

    /// The same of a field that could belong to another subject, too, of which something is said
    /// apart. What is cleared of the one is cleared of the other.
    #[must_use]
    pub fn known_apart(
        &self,
        (subject, other): (&str, &str),
        path: &str,
        revealed: &BTreeSet<Object>,
    ) -> Known {
        let is_cleared = self.named_by(subject, path).is_none() && self.clears(subject, path);
        if !is_cleared {
            return self.known(other, path, revealed);
        }
        let said = spellings(path).find_map(|name| {
            let category = (self.parts.category_apart)(&[self.owner(), other, &name], subject)?;
            Some((self.object(other, &name), category))
        });
        match said {
            Some((object, category)) if !revealed.contains(&object) => Known::Masked(category),
            Some(_) | None => Known::Shown,
        }
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
            // Of a key of several words one may be shown, and another one not.
            None => {
                let mut all: Vec<Known> =
                    self.all_words_of(subject, path).into_iter().map(known).collect();
                let masked = all.iter().position(|known| matches!(known, Known::Masked(_)));
                match all.is_empty() {
                    true => self.known_by_words(subject, path, revealed),
                    false => all.swap_remove(masked.unwrap_or(0)),
                }
            }
        }
    }

    /// What is known of a field by the words that its name is made of (`annualSalary`), unless they
    /// say how many there are.
    fn known_by_words(&self, subject: &str, path: &str, revealed: &BTreeSet<Object>) -> Known {
        const COUNTS: [&str; 3] = ["count", "counts", "num"];
        // `product_name` is a name, and nobody's.
        const ANYTHINGS: [&str; 9] =
            ["address", "code", "date", "id", "key", "name", "number", "text", "value"];
        let own = path.rsplit('.').next().unwrap_or(path);
        if self.folded.is_empty() || own.len() > NAME_BYTES_MAX {
            return Known::Nothing;
        }
        let says_whose = |object: &Object| {
            object.path.last().is_some_and(|name| !ANYTHINGS.contains(&&*folded(name)))
        };
        let mut hidden = self
            .by_words(subject, own)
            .filter(|(object, _)| says_whose(object) && !revealed.contains(object));
        match hidden.next() {
            Some((_, category)) if !runs(own).any(|run| COUNTS.contains(&run.as_str())) => {
                Known::Called(category)
            }
            _ => Known::Nothing,
        }
    }

    /// What policy reveals of a subject, of which one field stands for all that nobody can look
    /// into.
    #[must_use]
    pub fn seen(&self, subject: &str, whole: &str, snapshot: &Snapshot) -> Seen {
        let own = self.parts.named_of.get(subject).into_iter().flatten();
        let named: BTreeSet<&String> = self.parts.named.iter().chain(own).collect();
        let named = named.into_iter().filter_map(|name| self.category_of(subject, name));
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
    pub fn of<'f>(&'f self, subject: &'f str) -> FieldsOf<'f> {
        self.of_all(vec![subject])
    }

    /// The same of a request that could be about each of these.
    #[must_use]
    pub const fn of_all<'f>(&'f self, subjects: Vec<&'f str>) -> FieldsOf<'f> {
        FieldsOf { fields: self, subjects }
    }
}

/// The fields of one subject, or of all that it could be.
#[derive(Clone, Debug)]
pub struct FieldsOf<'f> {
    fields: &'f Fields,
    subjects: Vec<&'f str>,
}

impl FieldsOf<'_> {
    fn each(&self, all: impl Fn(&Fields, &str) -> BTreeSet<Object>) -> BTreeSet<Object> {
        self.subjects.iter().flat_map(|subject| all(self.fields, subject)).collect()
    }
}

impl Carried for FieldsOf<'_> {
    fn field(&self, path: &str) -> BTreeSet<Object> {
        let all = |fields: &Fields, subject: &str| fields.all_of(subject, path);
        self.each(|fields, subject| {
            all(fields, subject).into_iter().map(|(object, _)| object).collect()
        })
    }

    fn asked(&self, text: &str) -> BTreeSet<Object> {
        self.each(|fields, subject| fields.asked(subject, text))
    }

    fn named_in(&self, text: &str) -> BTreeSet<Object> {
        if !self.fields.has_classified() {
            return BTreeSet::new();
        }
        let all = |text: &str| {
            let mut found: BTreeSet<Object> =
                named_fields(text).flat_map(|word| self.field(word)).collect();
            found.extend(self.each(|fields, subject| {
                let valued = fields.with_values(subject, text).into_iter();
                valued.map(|(object, _)| object).collect()
            }));
            found
        };
        let mut found = all(text);
        found.extend(readings(text).iter().flat_map(|plain| all(plain)));
        found
    }

    fn found(&self, category: &str) -> BTreeSet<Object> {
        let name = format!("{FOUND}{category}");
        self.each(|fields, subject| BTreeSet::from([fields.object(subject, &name)]))
    }
}
