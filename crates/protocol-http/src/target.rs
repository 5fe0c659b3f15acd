//! Where a resource is, what opens it, and which of its fields are classified.

use portreeve_model::{Category, Object, ObjectKind};
use portreeve_screen::Screen;
use portreeve_web::Address;
use std::borrow::Cow;
use std::sync::Arc;

/// Says the category of a field of a route: host, route, field.
pub type CategoryOf = Arc<dyn Fn(&[&str; 3]) -> Option<Category> + Send + Sync>;

/// Says whether a field of a route was cleared: host, route, field.
pub type ClearsField = Arc<dyn Fn(&[&str; 3]) -> bool + Send + Sync>;

/// Which fields hold personal data.
#[derive(Clone)]
pub struct Fields {
    /// By name, stars included.
    pub category_of: CategoryOf,
    /// Whether a field holds nobody's data, as somebody has said.
    pub clears: ClearsField,
    /// The fields that the classification names without a star.
    pub named: Vec<String>,
}

impl std::fmt::Debug for Fields {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Fields").field("named", &self.named).finish_non_exhaustive()
    }
}

/// Stands before a category in the name of a field that stands for what detectors found.
const FOUND: char = '*';

/// What a target is made of.
#[derive(Debug)]
pub struct TargetParts {
    /// The resource's name.
    pub name: String,
    /// The host name that clients ask for it by.
    pub serve_host: String,
    /// Where it is, and what opens it.
    pub address: Address,
    /// What is classified.
    pub fields: Fields,
    /// What becomes of the rest.
    pub screen: Arc<Screen>,
}

impl std::fmt::Debug for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Target").field("name", &self.parts.name).finish_non_exhaustive()
    }
}

/// A resource that answers HTTP.
pub struct Target {
    parts: TargetParts,
}

impl Target {
    /// Puts a target together.
    #[must_use]
    pub const fn new(parts: TargetParts) -> Self {
        Self { parts }
    }

    /// The resource's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.parts.name
    }

    /// The host name that clients ask for it by.
    pub(crate) fn serve_host(&self) -> &str {
        &self.parts.serve_host
    }

    pub(crate) fn address(&self) -> &Address {
        &self.parts.address
    }

    /// The host that policies know.
    fn host(&self) -> &str {
        self.parts.address.host()
    }

    /// The category of a field of a route. A field is named by its whole path (`items.email`)
    /// or by its own name; the path says more.
    pub(crate) fn category_of(&self, route: &str, path: &str) -> Option<(Object, Category)> {
        self.names(path).find_map(|name| {
            let category = (self.parts.fields.category_of)(&[self.host(), route, &name])?;
            Some((self.field(route, &name), category))
        })
    }

    /// Whether somebody has said that nobody's data is in a field.
    pub(crate) fn clears(&self, route: &str, path: &str) -> bool {
        self.names(path).any(|name| (self.parts.fields.clears)(&[self.host(), route, &name]))
    }

    /// What a field is called: by its whole path, by its own name, and by both in lower case
    /// (there are servers that see no difference).
    fn names<'p>(&self, path: &'p str) -> impl Iterator<Item = Cow<'p, str>> {
        let own = path.rsplit('.').find(|part| !part.is_empty()).unwrap_or(path);
        let lower = |name: &'p str| {
            let is_lower = !name.chars().any(char::is_uppercase);
            (!is_lower).then(|| Cow::Owned(name.to_lowercase()))
        };
        let spelled = [Some(Cow::Borrowed(path)), Some(Cow::Borrowed(own))];
        spelled.into_iter().chain([lower(path), lower(own)]).flatten()
    }

    /// Whether anything of a route is classified.
    pub(crate) fn has_classified(&self, route: &str) -> bool {
        !self.parts.fields.named.is_empty() || self.category_of(route, "*").is_some()
    }

    pub(crate) fn screen(&self) -> &Arc<Screen> {
        &self.parts.screen
    }

    /// The fields that are classified by name, on a route.
    pub(crate) fn named_fields(&self, route: &str) -> Vec<(Object, Category)> {
        let named = self.parts.fields.named.iter();
        named.filter_map(|name| self.category_of(route, name)).collect()
    }

    pub(crate) fn field(&self, route: &str, name: &str) -> Object {
        let path = vec![self.host().to_owned(), route.to_owned(), name.to_owned()];
        Object { kind: ObjectKind::FIELD, path }
    }

    /// The field that stands for what detectors found of a category, wherever it stood.
    pub(crate) fn found_field(&self, route: &str, category: &str) -> Object {
        self.field(route, &format!("{FOUND}{category}"))
    }

    pub(crate) fn route(&self, route: &str) -> Object {
        let path = vec![self.host().to_owned(), route.to_owned()];
        Object { kind: ObjectKind::ROUTE, path }
    }

    /// The category of an object of this target, for policy.
    pub(crate) fn category_of_object(&self, object: &Object) -> Option<Category> {
        match object.path.as_slice() {
            [_, route, field] if object.kind == ObjectKind::FIELD => {
                match field.strip_prefix(FOUND) {
                    Some(found) => Some(Category::from(found)),
                    None => self.category_of(route, field).map(|(_, category)| category),
                }
            }
            _ => None,
        }
    }
}
