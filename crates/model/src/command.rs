//! What a client wants done, without the words of any protocol.

use crate::{Action, ObjectKind, Usage};
use serde::{Deserialize, Serialize};
use std::fmt;

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
        Self { kind: ObjectKind::RESOURCE, path: Vec::new() }
    }

    /// A relation.
    #[must_use]
    pub fn table(schema: &str, table: &str) -> Self {
        Self { kind: ObjectKind::TABLE, path: vec![schema.into(), table.into()] }
    }

    /// A column of a relation.
    #[must_use]
    pub fn column(schema: &str, table: &str, column: &str) -> Self {
        Self { kind: ObjectKind::COLUMN, path: vec![schema.into(), table.into(), column.into()] }
    }

    /// A function.
    #[must_use]
    pub fn function(schema: &str, function: &str) -> Self {
        Self { kind: ObjectKind::FUNCTION, path: vec![schema.into(), function.into()] }
    }
}

impl fmt::Display for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.kind == ObjectKind::RESOURCE {
            return f.write_str("the resource");
        }
        write!(f, "{}{}", self.path.join("."), self.kind.row().suffix)
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

/// What a command is as a whole, beside the objects that it touches.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Facts {
    /// Whether everything that it writes is limited by a predicate that is not trivially
    /// true; none where it writes nothing. `TRUNCATE` and `DELETE` without `WHERE` are not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bounded: Option<bool>,
    /// What it does to definitions; none where it defines nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub change: Option<Change>,
    /// Whether every row of the answer is computed from any number of rows.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub aggregated: bool,
    /// Constants and parameters that classified columns are compared with for equality.
    #[serde(skip_serializing_if = "is_zero")]
    pub probes: u64,
    /// Whether it changes rows of which nobody will be told how many: `TRUNCATE`, or a write
    /// inside of another command.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub untold: bool,
}

impl Facts {
    /// Whether there is nothing to say.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        *self == Self::default()
    }

    /// What the command uses whatever its answer: an exchange begins with it. What nobody will
    /// be told may be anything.
    #[must_use]
    pub fn announced(&self) -> Usage {
        let changes = if self.untold { u64::MAX } else { 0 };
        Usage { probes: self.probes, changes, ..Usage::default() }
    }

    /// Whether the answer tells how many rows it has changed.
    #[must_use]
    pub fn tells_changes(&self) -> bool {
        self.bounded.is_some() && !self.untold
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands out references")]
fn is_zero(count: &u64) -> bool {
    *count == 0
}

/// What a command does to definitions. Of several, the last one here counts.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Change {
    /// Something new comes into being.
    Create,
    /// Something that is there becomes another.
    Change,
    /// Something that is there goes.
    Drop,
}

/// What a command leaves behind at its target.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum Effect {
    /// It may change something, or nobody can tell.
    #[default]
    MayChange,
    /// Whoever analyzed it has seen everything that runs for it, and none of that changes
    /// anything that outlives the command.
    ReadsOnly,
}

/// A command as policy sees it.
///
/// Either `unknown` says why nobody can tell what it does (then it is refused), or
/// `needs` is complete: if all of them are allowed, the command may run. An empty
/// list is a command that touches nothing (`BEGIN`).
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Command {
    /// The verb for people and records: `SELECT`, `GET`, `exec`.
    pub verb: String,
    /// Identifies the shape: equal for commands that differ in constants only.
    pub fingerprint: String,
    /// The shape in words, for people who search: without constants and without names that the
    /// client makes up. Empty where the fingerprint says it, or where it is too long.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub shape: String,
    /// Everything that must be allowed.
    pub needs: Vec<Need>,
    /// What policy may ask about the command as a whole.
    #[serde(default, skip_serializing_if = "Facts::is_plain")]
    pub facts: Facts,
    /// Why the command cannot be understood; never permitted when set. Text for
    /// the client: it holds nothing but the client's own words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unknown: Option<String>,
    /// What it leaves behind. Neither recorded nor sent anywhere: who gets a command from
    /// somewhere else takes it for one that may change something.
    #[serde(skip)]
    pub effect: Effect,
}

impl Command {
    /// Whether it is proven to change nothing, so that its record may become durable together
    /// with that of its answer.
    ///
    /// The analysis says so, and nothing that it needs contradicts that: a `GET` or a tool that
    /// calls itself harmless is no proof, because nobody has seen what runs behind it.
    #[must_use]
    pub fn only_reads(&self) -> bool {
        let reads = |need: &Need| match need.action {
            Action::Read | Action::Filter | Action::Probe | Action::Reveal => true,
            Action::Connect
            | Action::Write
            | Action::Define
            | Action::Administer
            | Action::Execute
            | Action::Lock => false,
        };
        self.effect == Effect::ReadsOnly
            && self.unknown.is_none()
            && self.facts.bounded.is_none()
            && self.facts.change.is_none()
            && self.needs.iter().all(reads)
    }

    /// Whether anything may be another after it has run.
    #[must_use]
    pub fn writes(&self) -> bool {
        self.facts.bounded.is_some()
            || self.needs.iter().any(|need| match need.action {
                Action::Write | Action::Define | Action::Administer | Action::Execute => true,
                Action::Connect
                | Action::Read
                | Action::Lock
                | Action::Filter
                | Action::Probe
                | Action::Reveal => false,
            })
    }
}
