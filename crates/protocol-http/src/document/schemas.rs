//! Fields with a category (`x-portreeve-category`), and what they are called.
//!
//! A field is called by its key and the one around it (`owner.email`), at whatever depth: where
//! schemas hold each other, no path would be the longest. What stands under keys that nobody
//! knows (`additionalProperties`) is called by its own key alone.

use super::DocumentError;
use super::references::{pointed, target};
use super::tree::Tree;
use portreeve_model::{Category, UNKNOWN};
use std::collections::{BTreeMap, HashMap, HashSet};

/// What says which category a value has.
pub(super) const CATEGORY: &str = "x-portreeve-category";

const HINT: &str = "a category is a word as `email` or `health`, and stands at a property, a \
                    parameter or a field of a head";

/// More steps from schema to schema are those of a document that was made to take long.
const STEPS_MAX: usize = 4_000_000;

/// Schemas that say nothing but in which way others hold together.
const ALONGSIDE: [&str; 14] = [
    "additionalItems",
    "allOf",
    "anyOf",
    "contains",
    "contentSchema",
    "else",
    "if",
    "items",
    "not",
    "oneOf",
    "prefixItems",
    "propertyNames",
    "then",
    "unevaluatedItems",
];

/// The fields of a schema, by name.
pub(super) type Fields = BTreeMap<String, Category>;

/// Looks through schemas.
pub(super) struct Schemas<'t> {
    root: &'t Tree,
    steps: usize,
    /// By where a schema stands in memory, and what its value is called.
    known: HashMap<(usize, String), Fields>,
    /// The places of categories that were found.
    used: HashSet<usize>,
}

/// A schema on the way.
struct Step<'t> {
    schema: &'t Tree,
    /// What its value is called; empty for a body.
    name: String,
    /// What the names of its members begin with.
    around: String,
}

/// Where something stands in memory: the tree does not move while it is read.
pub(super) fn place_of(tree: &Tree) -> usize {
    std::ptr::from_ref(tree).addr()
}

impl<'t> Schemas<'t> {
    pub(super) fn new(root: &'t Tree) -> Self {
        Self { root, steps: 0, known: HashMap::new(), used: HashSet::new() }
    }

    /// Whether something in the document was made use of.
    pub(super) fn has_used(&self, tree: &Tree) -> bool {
        self.used.contains(&place_of(tree))
    }

    /// The category that an object gives itself.
    ///
    /// # Errors
    /// It is no word.
    pub(super) fn own(
        &mut self,
        object: &Tree,
        place: &str,
    ) -> Result<Option<Category>, DocumentError> {
        let Some(said) = object.get(CATEGORY) else { return Ok(None) };
        let word = said.text().unwrap_or_default();
        if !is_category(word) {
            let what = format!("`{CATEGORY}: {word}` is no category");
            return Err(DocumentError::new(place, what, HINT));
        }
        self.used.insert(place_of(said));
        Ok(Some(Category::from(word)))
    }

    /// The fields of a value that is called so; of a body, that is called nothing.
    ///
    /// # Errors
    /// A reference leads nowhere, a category is none or belongs to no field, one field has two, or
    /// there are too many schemas.
    pub(super) fn fields(
        &mut self,
        schema: &'t Tree,
        name: &str,
        place: &str,
    ) -> Result<Fields, DocumentError> {
        let key = (place_of(schema), name.to_owned());
        if let Some(known) = self.known.get(&key) {
            return Ok(known.clone());
        }
        let mut fields = Fields::new();
        let mut seen = HashSet::new();
        let mut open = vec![Step { schema, name: name.to_owned(), around: name.to_owned() }];
        while let Some(step) = open.pop() {
            self.steps += 1;
            if self.steps > STEPS_MAX {
                let what = "its schemas hold each other in more ways than can be followed";
                return Err(DocumentError::new(place, what, "split the document"));
            }
            let Step { schema, name, around } = &step;
            if seen.insert((place_of(schema), name.clone(), around.clone())) {
                if let Some(category) = self.own(schema, place)? {
                    add(&mut fields, name, category, place)?;
                }
                open.extend(self.further(&step, place)?);
            }
        }
        self.known.insert(key, fields.clone());
        Ok(fields)
    }

    /// The schemas that are a part of one.
    fn further(&self, step: &Step<'t>, place: &str) -> Result<Vec<Step<'t>>, DocumentError> {
        let Step { schema, name, around } = step;
        let mut found = Vec::new();
        let same = |schema| Step { schema, name: name.clone(), around: around.clone() };
        let place = if name.is_empty() { place.to_owned() } else { format!("{place}: `{name}`") };
        found.extend(pointed(self.root, schema, &place)?.map(same));
        for (word, inner) in schema.members() {
            match word {
                "properties" => found.extend(inner.members().map(|(key, schema)| {
                    let name =
                        if around.is_empty() { key.into() } else { format!("{around}.{key}") };
                    Step { schema, name, around: key.to_owned() }
                })),
                "dependentSchemas" => found.extend(inner.members().map(|(_, it)| same(it))),
                "patternProperties" => {
                    found.extend(inner.members().map(|(_, it)| step.unnamed(it)));
                }
                "additionalProperties" | "unevaluatedProperties" => found.push(step.unnamed(inner)),
                "discriminator" => found.extend(self.mapped(inner, &place)?.into_iter().map(same)),
                word if ALONGSIDE.contains(&word) => match inner {
                    Tree::List(items) => found.extend(items.iter().map(same)),
                    inner => found.push(same(inner)),
                },
                _ => {}
            }
        }
        Ok(found)
    }

    /// The schemas that a discriminator chooses from.
    fn mapped(&self, discriminator: &Tree, place: &str) -> Result<Vec<&'t Tree>, DocumentError> {
        let mapping = discriminator.get("mapping").into_iter().flat_map(Tree::members);
        let mapped = mapping.map(|(_, named)| {
            let text = named.text().unwrap_or_default();
            let is_name = !text.contains(['/', '#']);
            let text =
                if is_name { format!("#/components/schemas/{text}") } else { text.to_owned() };
            target(self.root, &text, place)
        });
        mapped.collect()
    }
}

impl<'t> Step<'t> {
    /// What stands under a key that nobody knows.
    fn unnamed(&self, schema: &'t Tree) -> Self {
        Self { schema, name: self.name.clone(), around: String::new() }
    }
}

/// Adds a field to others.
///
/// # Errors
/// It has no name, or has another category already.
pub(super) fn add(
    fields: &mut Fields,
    name: &str,
    category: Category,
    place: &str,
) -> Result<(), DocumentError> {
    if name.is_empty() {
        let what = "a category stands where no field has a name";
        return Err(DocumentError::new(place, what, HINT));
    }
    match fields.get(name) {
        Some(known) if *known != category => {
            let what = format!("the field `{name}` is `{known}` and `{category}`");
            let hint = "say the same of both: a field is called by its key and the one around it";
            Err(DocumentError::new(place, what, hint))
        }
        _ => {
            fields.insert(name.to_owned(), category);
            Ok(())
        }
    }
}

/// Whether a word can be a category, as in the configuration.
fn is_category(word: &str) -> bool {
    Category::is_word(word) && !matches!(word, UNKNOWN | "default")
}
