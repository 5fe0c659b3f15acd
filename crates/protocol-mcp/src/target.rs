//! Where a server is, what opens it, and which of its fields are classified.

use portreeve_model::{Category, Object, ObjectKind, Secret};
use portreeve_screen::Screen;
use portreeve_web::Address;
use std::borrow::Cow;
use std::sync::Arc;

/// Says the category of a field: server, tool, field.
pub type CategoryOf = Arc<dyn Fn(&[&str; 3]) -> Option<Category> + Send + Sync>;

/// Says whether a field was cleared: server, tool, field.
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

/// A program that the gateway runs for each session.
#[derive(Clone, Debug)]
pub struct Program {
    /// Its path and arguments.
    pub words: Vec<String>,
    /// The variable in which it expects its token, and the token.
    pub token: Option<(String, Secret<String>)>,
}

/// Where a server is.
#[derive(Debug)]
pub enum Place {
    /// It answers over HTTP, under a path.
    Http {
        /// Its address.
        address: Address,
        /// The path of its endpoint.
        path: String,
    },
    /// It is a program.
    Program(Program),
}

/// What a target is made of.
#[derive(Debug)]
pub struct TargetParts {
    /// The resource's name, which policies know the server by.
    pub name: String,
    /// The host name that clients ask for it by.
    pub serve_host: String,
    /// Where it is.
    pub place: Place,
    /// What is classified.
    pub fields: Fields,
    /// What becomes of the rest.
    pub screen: Arc<Screen>,
}

/// A server of tools.
#[derive(Debug)]
pub struct Target {
    parts: TargetParts,
}

/// Stands before a category in the name of a field that stands for what detectors found.
const FOUND: char = '*';

/// Beginnings of paths that say where in a message a field stands, not what it is.
const FRAMES: [&str; 9] = [
    "params.arguments.",
    "params.inputResponses.",
    "result.structuredContent.",
    "result.content.text.",
    "result.contents.text.",
    "result.content.resource.text.",
    "result.messages.content.text.",
    "result.",
    "params.",
];

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

    pub(crate) fn place(&self) -> &Place {
        &self.parts.place
    }

    pub(crate) fn screen(&self) -> &Arc<Screen> {
        &self.parts.screen
    }

    /// As whom the server is asked, for reviewers.
    pub(crate) fn role(&self) -> &str {
        match &self.parts.place {
            Place::Http { address, .. } => address.role(),
            Place::Program(_) => "a program of the gateway",
        }
    }

    /// A text without what opens the server, if it holds that.
    pub(crate) fn without_credential(&self, text: &str) -> Option<String> {
        match &self.parts.place {
            Place::Http { address, .. } => address.without_credential(text),
            Place::Program(Program { token: Some((_, token)), .. })
                if token.reveal().len() >= 4 && text.contains(token.reveal().as_str()) =>
            {
                Some(text.replace(token.reveal().as_str(), "[credential]"))
            }
            Place::Program(_) => None,
        }
    }

    /// The category of a field of what a tool takes or answers.
    pub(crate) fn category_of(&self, tool: &str, path: &str) -> Option<(Object, Category)> {
        names(path).find_map(|name| {
            let category = (self.parts.fields.category_of)(&[self.name(), tool, &name])?;
            Some((self.argument(tool, &name), category))
        })
    }

    /// Whether somebody has said that nobody's data is in a field.
    pub(crate) fn clears(&self, tool: &str, path: &str) -> bool {
        names(path).any(|name| (self.parts.fields.clears)(&[self.name(), tool, &name]))
    }

    /// The fields that are classified by name, of a tool.
    pub(crate) fn named_fields(&self, tool: &str) -> Vec<(Object, Category)> {
        let named = self.parts.fields.named.iter();
        named.filter_map(|name| self.category_of(tool, name)).collect()
    }

    pub(crate) fn server(&self) -> Object {
        Object { kind: ObjectKind::SERVER, path: vec![self.name().to_owned()] }
    }

    pub(crate) fn tool(&self, name: &str) -> Object {
        self.inner(ObjectKind::TOOL, name)
    }

    pub(crate) fn resource(&self, uri: &str) -> Object {
        self.inner(ObjectKind::SERVER_RESOURCE, uri)
    }

    pub(crate) fn prompt(&self, name: &str) -> Object {
        self.inner(ObjectKind::PROMPT, name)
    }

    fn inner(&self, kind: ObjectKind, name: &str) -> Object {
        Object { kind, path: vec![self.name().to_owned(), name.to_owned()] }
    }

    pub(crate) fn argument(&self, tool: &str, name: &str) -> Object {
        let path = vec![self.name().to_owned(), tool.to_owned(), name.to_owned()];
        Object { kind: ObjectKind::ARGUMENT, path }
    }

    /// The field that stands for what detectors found of a category, wherever it stood.
    pub(crate) fn found_argument(&self, tool: &str, category: &str) -> Object {
        self.argument(tool, &format!("{FOUND}{category}"))
    }

    /// The category of an object of this server, for policy.
    pub(crate) fn category_of_object(&self, object: &Object) -> Option<Category> {
        match object.path.as_slice() {
            [_, tool, field] if object.kind == ObjectKind::ARGUMENT => {
                match field.strip_prefix(FOUND) {
                    Some(found) => Some(Category::from(found)),
                    None => self.category_of(tool, field).map(|(_, category)| category),
                }
            }
            _ => None,
        }
    }
}

/// What a field is called: by its whole path in what a tool takes or answers, by its own name,
/// and by both in lower case.
fn names(path: &str) -> impl Iterator<Item = Cow<'_, str>> {
    let inner = FRAMES.iter().find_map(|frame| path.strip_prefix(frame)).unwrap_or(path);
    let own = inner.rsplit('.').find(|part| !part.is_empty()).unwrap_or(inner);
    let lower = |name: &str| {
        let is_lower = !name.chars().any(char::is_uppercase);
        (!is_lower).then(|| Cow::Owned(name.to_lowercase()))
    };
    let spelled = [Some(Cow::Borrowed(inner)), Some(Cow::Borrowed(own))];
    spelled.into_iter().chain([lower(inner), lower(own)]).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_named_by_where_they_are_in_what_a_tool_answers() {
        let named = |path| names(path).map(Cow::into_owned).collect::<Vec<_>>();
        assert_eq!(named("result.structuredContent.user.Email")[..2], ["user.Email", "Email"]);
        assert_eq!(named("result.structuredContent.user.Email")[2..], ["user.email", "email"]);
        assert_eq!(named("params.arguments.to"), ["to", "to"]);
        assert_eq!(named("result.content.text.a.b"), ["a.b", "b"]);
    }
}
