//! Where a resource is, what opens it, and which of its fields are classified.

use crate::description::Description;
use portreeve_model::{Object, ObjectKind};
use portreeve_screen::Screen;
use portreeve_web::{Address, Fields};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

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
    /// Fields of a head that go on although their names say who somebody is, in lower case.
    pub passed: Vec<String>,
    /// Whether an encoded slash in a part of a path is a letter of a name there.
    pub takes_slashes: bool,
    /// What describes it; nothing where routes are learnt.
    pub description: Option<Description>,
    /// The route that takes operations of GraphQL; empty where none does.
    pub graphql: String,
    /// By what requests are masked; none where policy decides on them as they are.
    pub outgoing: Option<Arc<Screen>>,
}

impl std::fmt::Debug for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Target").field("name", &self.parts.name).finish_non_exhaustive()
    }
}

/// A resource that answers HTTP.
pub struct Target {
    parts: TargetParts,
    /// Greater than that of every target that was made before.
    number: u64,
}

static TARGETS: AtomicU64 = AtomicU64::new(0);

impl Target {
    /// Puts a target together.
    #[must_use]
    pub fn new(parts: TargetParts) -> Self {
        Self { parts, number: TARGETS.fetch_add(1, Ordering::Relaxed) }
    }

    /// Whether it was made behind another one: of a newer configuration.
    pub(crate) const fn is_newer_than(&self, other: &Self) -> bool {
        self.number > other.number
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

    pub(crate) fn fields(&self) -> &Fields {
        &self.parts.fields
    }

    pub(crate) fn screen(&self) -> &Arc<Screen> {
        &self.parts.screen
    }

    pub(crate) fn passed(&self) -> &[String] {
        &self.parts.passed
    }

    pub(crate) const fn takes_slashes(&self) -> bool {
        self.parts.takes_slashes
    }

    pub(crate) const fn description(&self) -> Option<&Description> {
        self.parts.description.as_ref()
    }

    /// The route that takes operations of GraphQL.
    pub(crate) fn graphql(&self) -> Option<&str> {
        Some(self.parts.graphql.as_str()).filter(|route| !route.is_empty())
    }

    /// Whether what may not go out is masked in requests.
    pub(crate) const fn masks_outgoing(&self) -> bool {
        self.parts.outgoing.is_some()
    }

    /// By what requests are masked.
    pub(crate) fn outgoing_screen(&self) -> &Arc<Screen> {
        self.parts.outgoing.as_ref().unwrap_or(&self.parts.screen)
    }

    pub(crate) fn route(&self, route: &str) -> Object {
        let path = vec![self.parts.address.host().to_owned(), route.to_owned()];
        Object { kind: ObjectKind::ROUTE, path }
    }
}
