//! A description of a service (OpenAPI 3.0 or 3.1): its paths, what its operations do, and which
//! of their fields hold personal data.
//!
//! Only what requests are decided by is read. What a document says is the operator's word, like
//! the configuration beside it: nothing is fetched, and what points to somewhere else is refused.
//!
//! | file | idea |
//! |---|---|
//! | `tree` | the document as it is written |
//! | `references` | what `$ref` stands for |
//! | `servers` | the paths that a service is served under |
//! | `schemas` | fields with a category, and what they are called |
//! | `reader` | paths, operations and parameters |

mod reader;
mod references;
mod schemas;
mod servers;
mod tree;

pub use tree::Writing;

use aws_lc_rs::digest::{SHA256, digest};
use portreeve_model::{Action, Category, Digest};
use portreeve_web::Templates;
use reader::Reader;
use std::collections::{BTreeMap, BTreeSet};
use thiserror::Error;
pub(crate) use tree::Tree;

/// Why a document cannot be used, for the operator.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
#[error("{place}: {what}\nhint: {hint}")]
pub struct DocumentError {
    place: String,
    what: String,
    hint: &'static str,
}

impl DocumentError {
    fn new(place: impl Into<String>, what: impl Into<String>, hint: &'static str) -> Self {
        Self { place: place.into(), what: what.into(), hint }
    }
}

/// The operations of a path.
#[derive(Clone, Debug, Default)]
pub(crate) struct Operations {
    /// What they do as the document says (`x-portreeve-effect`), by method, in upper case; nothing
    /// where the method alone says it.
    declared: BTreeMap<String, Option<Action>>,
    /// Placeholders that hold personal data: who names one compares it.
    pub(crate) probed: BTreeSet<String>,
}

/// Whether a document has an operation.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Described {
    /// It does not.
    Missing,
    /// It does, and may say what that does.
    Here(Option<Action>),
}

impl Operations {
    /// SPEC: RFC 9110 sections 9.3.2 and 9.3.7: whatever answers GET answers HEAD, and OPTIONS asks
    /// for no operation.
    pub(crate) fn of(&self, method: &http::Method) -> Described {
        let found = |name: &str| self.declared.get(name).copied();
        let found = match method.as_str() {
            "HEAD" => found("HEAD").or_else(|| found("GET")),
            "OPTIONS" => found("OPTIONS").or(Some(None)),
            other => found(other),
        };
        found.map_or(Described::Missing, Described::Here)
    }
}

/// What was read of a document, for people.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Summary {
    /// Of OpenAPI.
    pub version: String,
    /// Paths with operations, under each base path of a server.
    pub path_count: usize,
    /// Their operations.
    pub operation_count: usize,
    /// Fields with a category, of all routes.
    pub field_count: usize,
    /// What says something that nothing follows, in words.
    pub unused: Vec<String>,
    /// Properties that say by their format what they hold, and have no category, in words.
    pub proposals: Vec<String>,
}

/// A document.
#[derive(Debug)]
pub struct Document {
    templates: Templates<Operations>,
    /// Categories by route and field, as they are spelled and in lower case.
    categories: BTreeMap<String, BTreeMap<String, Category>>,
    /// The same fields of all routes: most keys of an answer are none of them.
    names: BTreeSet<String>,
    /// The fields of each route, as they are spelled.
    fields: BTreeMap<String, BTreeSet<String>>,
    summary: Summary,
    digest: Digest,
}

impl Document {
    /// Reads one.
    ///
    /// # Errors
    /// It cannot be read, or says what cannot be followed: where, what, and what to do.
    pub fn read(bytes: &[u8], writing: Writing) -> Result<Self, DocumentError> {
        let text = std::str::from_utf8(bytes).map_err(|why| {
            DocumentError::new("the document", why.to_string(), "write it in UTF-8")
        })?;
        let tree = Tree::read(text, writing).map_err(|why| {
            let hint = "JSON where its name ends in `.json`, else YAML; a key stands there once, \
                        at most 64 levels";
            DocumentError::new("the document", why, hint)
        })?;
        Reader::new(&tree, sha256(bytes)).read()
    }

    /// What was read, for people.
    #[must_use]
    pub const fn summary(&self) -> &Summary {
        &self.summary
    }

    /// The category of a field of a route, or of the template that a learnt route fits.
    #[must_use]
    pub fn category_of(&self, route: &str, field: &str) -> Option<&Category> {
        if !self.names.contains(field) {
            return None;
        }
        let fields = self.categories.get(route).or_else(|| {
            let segments: Vec<&str> = route.split('/').skip(1).collect();
            let (template, _) = self.templates.of(&segments, |_| true).into_iter().next()?;
            self.categories.get(template.route())
        });
        fields?.get(field)
    }

    /// The fields with a category, by route.
    #[must_use]
    pub const fn fields(&self) -> &BTreeMap<String, BTreeSet<String>> {
        &self.fields
    }

    /// SHA-256 of its bytes.
    pub(crate) const fn digest(&self) -> Digest {
        self.digest
    }

    pub(crate) const fn templates(&self) -> &Templates<Operations> {
        &self.templates
    }
}

fn sha256(bytes: &[u8]) -> Digest {
    let hash = digest(&SHA256, bytes);
    Digest(hash.as_ref().try_into().expect("SHA-256 has 32 bytes"))
}

#[cfg(test)]
mod tests;
