//! What a client wants done, without the words of any protocol.

use serde::{Deserialize, Serialize};
use std::fmt;

/// What a command does to an object.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Effect {
    /// Data leaves the object.
    Read,
    /// Data in the object changes.
    Write,
    /// The object itself is created, changed or removed.
    Define,
    /// Rights, settings or the running of the target change.
    Administer,
    /// Code that we cannot look into runs.
    Execute,
    /// Nobody can say. The worst case; never permitted.
    Unknown,
}

/// What policy is asked about an object: an effect, or one of the finer questions.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// Open a session with a resource.
    Connect,
    /// [`Effect::Read`].
    Read,
    /// [`Effect::Write`].
    Write,
    /// [`Effect::Define`].
    Define,
    /// [`Effect::Administer`].
    Administer,
    /// [`Effect::Execute`].
    Execute,
    /// Use a classified column in a way that lets the client learn from rows, order
    /// or errors what it holds.
    Filter,
    /// See a classified column unmasked.
    Reveal,
}

impl Action {
    /// The word used in policies and records.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::Read => "read",
            Self::Write => "write",
            Self::Define => "define",
            Self::Administer => "administer",
            Self::Execute => "execute",
            Self::Filter => "filter",
            Self::Reveal => "reveal",
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// What sort of thing an object is.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ObjectKind {
    /// The whole resource; its path is empty.
    Resource,
    /// A table, view or other relation: `[schema, table]`.
    Table,
    /// A column: `[schema, table, column]`.
    Column,
    /// A function: `[schema, function]`.
    Function,
}

/// A thing inside a resource.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub struct Object {
    /// What sort of thing.
    pub kind: ObjectKind,
    /// Its names from the outside in, as the target spells them.
    pub path: Vec<String>,
}

impl Object {
    /// The resource as a whole.
    #[must_use]
    pub fn resource() -> Self {
        Self { kind: ObjectKind::Resource, path: Vec::new() }
    }

    /// A relation.
    #[must_use]
    pub fn table(schema: &str, table: &str) -> Self {
        Self { kind: ObjectKind::Table, path: vec![schema.into(), table.into()] }
    }

    /// A column of a relation.
    #[must_use]
    pub fn column(schema: &str, table: &str, column: &str) -> Self {
        Self { kind: ObjectKind::Column, path: vec![schema.into(), table.into(), column.into()] }
    }

    /// A function.
    #[must_use]
    pub fn function(schema: &str, function: &str) -> Self {
        Self { kind: ObjectKind::Function, path: vec![schema.into(), function.into()] }
    }
}

impl fmt::Display for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            ObjectKind::Resource => f.write_str("the resource"),
            ObjectKind::Function => write!(f, "{}()", self.path.join(".")),
            ObjectKind::Table | ObjectKind::Column => f.write_str(&self.path.join(".")),
        }
    }
}

/// One thing that a command needs a permit for.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub struct Need {
    /// What is to be done.
    pub action: Action,
    /// To what.
    pub object: Object,
}

/// A command as policy sees it.
///
/// Either `unknown` says why nobody can tell what it does (then it is refused), or
/// `needs` is complete: if all of them are allowed, the command may run. An empty
/// list is a command that touches nothing (`BEGIN`).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Command {
    /// The verb for people and records: `SELECT`, `GET`, `exec`.
    pub verb: String,
    /// Identifies the shape: equal for commands that differ in constants only.
    pub fingerprint: String,
    /// Everything that must be allowed.
    pub needs: Vec<Need>,
    /// Why the command cannot be understood; never permitted when set. Text for
    /// the client: it holds nothing but the client's own words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unknown: Option<String>,
}
