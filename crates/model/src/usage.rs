//! What is counted while replies pass: how much, in which unit, over which stretch.
//!
//! A [`Counter`] is a unit in a scope; its name is the word of policies and records:
//! `rows`, `session_bytes`, `day_probes`.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::ops::Add;

/// What usage is measured in.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Unit {
    /// Rows, items of a list, lines: what the protocol calls one.
    Rows,
    /// Values in them; every element of an array and every leaf of a document is one.
    Values,
    /// Bytes of data as the client gets them.
    Bytes,
    /// Messages of the protocol.
    Messages,
    /// Constants that classified values are compared with for equality, and the rows that
    /// the answers tell about.
    Probes,
    /// Different people whom the data are about.
    Subjects,
    /// Rows that a command has changed at the target.
    Changes,
}

impl Unit {
    /// Every unit, in the order of its number.
    pub const ALL: [Self; 7] = [
        Self::Rows,
        Self::Values,
        Self::Bytes,
        Self::Messages,
        Self::Probes,
        Self::Subjects,
        Self::Changes,
    ];

    /// The word used in policies and records.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Rows => "rows",
            Self::Values => "values",
            Self::Bytes => "bytes",
            Self::Messages => "messages",
            Self::Probes => "probes",
            Self::Subjects => "subjects",
            Self::Changes => "changes",
        }
    }
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// Over which stretch usage is counted.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Scope {
    /// One exchange.
    Exchange,
    /// All exchanges of a session.
    Session,
    /// All that one principal has of one object on one day (UTC), whatever the session.
    Day,
}

impl Scope {
    /// Every scope, the narrowest first.
    pub const ALL: [Self; 3] = [Self::Exchange, Self::Session, Self::Day];
}

/// A unit in a scope: one number that policies can bound.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct Counter {
    /// Over which stretch.
    pub scope: Scope,
    /// In which unit.
    pub unit: Unit,
}

impl Counter {
    /// Every counter: the units of an exchange, of a session, of a day.
    pub fn all() -> impl Iterator<Item = Self> {
        Scope::ALL
            .into_iter()
            .flat_map(|scope| Unit::ALL.into_iter().map(move |unit| Self { scope, unit }))
    }

    /// The name in policies and records.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match (self.scope, self.unit) {
            (Scope::Exchange, unit) => unit.word(),
            (Scope::Session, Unit::Rows) => "session_rows",
            (Scope::Session, Unit::Values) => "session_values",
            (Scope::Session, Unit::Bytes) => "session_bytes",
            (Scope::Session, Unit::Messages) => "session_messages",
            (Scope::Session, Unit::Probes) => "session_probes",
            (Scope::Session, Unit::Subjects) => "session_subjects",
            (Scope::Session, Unit::Changes) => "session_changes",
            (Scope::Day, Unit::Rows) => "day_rows",
            (Scope::Day, Unit::Values) => "day_values",
            (Scope::Day, Unit::Bytes) => "day_bytes",
            (Scope::Day, Unit::Messages) => "day_messages",
            (Scope::Day, Unit::Probes) => "day_probes",
            (Scope::Day, Unit::Subjects) => "day_subjects",
            (Scope::Day, Unit::Changes) => "day_changes",
        }
    }

    /// The counter of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::all().find(|counter| counter.name() == name)
    }
}

impl fmt::Display for Counter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// How much was used, by unit. All arithmetic stops at the largest number.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Usage {
    /// [`Unit::Rows`].
    #[serde(skip_serializing_if = "is_zero")]
    pub rows: u64,
    /// [`Unit::Values`].
    #[serde(skip_serializing_if = "is_zero")]
    pub values: u64,
    /// [`Unit::Bytes`].
    #[serde(skip_serializing_if = "is_zero")]
    pub bytes: u64,
    /// [`Unit::Messages`].
    #[serde(skip_serializing_if = "is_zero")]
    pub messages: u64,
    /// [`Unit::Probes`].
    #[serde(skip_serializing_if = "is_zero")]
    pub probes: u64,
    /// [`Unit::Subjects`].
    #[serde(skip_serializing_if = "is_zero")]
    pub subjects: u64,
    /// [`Unit::Changes`].
    #[serde(skip_serializing_if = "is_zero")]
    pub changes: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands out references")]
fn is_zero(count: &u64) -> bool {
    *count == 0
}

impl Usage {
    /// So much of one unit, and nothing else.
    #[must_use]
    pub fn of(unit: Unit, count: u64) -> Self {
        Self::default().with(unit, count)
    }

    /// How much of a unit.
    #[must_use]
    pub const fn get(&self, unit: Unit) -> u64 {
        match unit {
            Unit::Rows => self.rows,
            Unit::Values => self.values,
            Unit::Bytes => self.bytes,
            Unit::Messages => self.messages,
            Unit::Probes => self.probes,
            Unit::Subjects => self.subjects,
            Unit::Changes => self.changes,
        }
    }

    /// The same with another count of one unit.
    #[must_use]
    pub fn with(mut self, unit: Unit, count: u64) -> Self {
        let place = match unit {
            Unit::Rows => &mut self.rows,
            Unit::Values => &mut self.values,
            Unit::Bytes => &mut self.bytes,
            Unit::Messages => &mut self.messages,
            Unit::Probes => &mut self.probes,
            Unit::Subjects => &mut self.subjects,
            Unit::Changes => &mut self.changes,
        };
        *place = count;
        self
    }

    /// What is left of a budget after `spent`, unit by unit; never less than nothing.
    #[must_use]
    pub fn saturating_sub(self, spent: Self) -> Self {
        self.by_unit(spent, u64::saturating_sub)
    }

    /// The greater of two, unit by unit.
    #[must_use]
    pub fn max(self, other: Self) -> Self {
        self.by_unit(other, u64::max)
    }

    /// Whether nothing was used.
    #[must_use]
    pub fn is_zero(&self) -> bool {
        *self == Self::default()
    }

    /// Made unit by unit from two.
    #[must_use]
    pub fn by_unit(self, other: Self, of: impl Fn(u64, u64) -> u64) -> Self {
        Self {
            rows: of(self.rows, other.rows),
            values: of(self.values, other.values),
            bytes: of(self.bytes, other.bytes),
            messages: of(self.messages, other.messages),
            probes: of(self.probes, other.probes),
            subjects: of(self.subjects, other.subjects),
            changes: of(self.changes, other.changes),
        }
    }
}

impl Add for Usage {
    type Output = Self;

    fn add(self, more: Self) -> Self {
        self.by_unit(more, u64::saturating_add)
    }
}

impl std::ops::AddAssign for Usage {
    fn add_assign(&mut self, more: Self) {
        *self = *self + more;
    }
}

/// Usage under the names of a session's counters: `session_rows`, which is always there,
/// and `session_values`, `session_bytes`, … where they are not zero.
pub(crate) mod session_names {
    use super::{Usage, is_zero};
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[derive(Serialize, Deserialize)]
    struct Named {
        session_rows: u64,
        #[serde(default, skip_serializing_if = "is_zero")]
        session_values: u64,
        #[serde(default, skip_serializing_if = "is_zero")]
        session_bytes: u64,
        #[serde(default, skip_serializing_if = "is_zero")]
        session_messages: u64,
        #[serde(default, skip_serializing_if = "is_zero")]
        session_probes: u64,
        #[serde(default, skip_serializing_if = "is_zero")]
        session_subjects: u64,
        #[serde(default, skip_serializing_if = "is_zero")]
        session_changes: u64,
    }

    pub(crate) fn serialize<S: Serializer>(usage: &Usage, to: S) -> Result<S::Ok, S::Error> {
        let Usage { rows, values, bytes, messages, probes, subjects, changes } = *usage;
        Named {
            session_rows: rows,
            session_values: values,
            session_bytes: bytes,
            session_messages: messages,
            session_probes: probes,
            session_subjects: subjects,
            session_changes: changes,
        }
        .serialize(to)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Usage, D::Error> {
        let named = Named::deserialize(from)?;
        Ok(Usage {
            rows: named.session_rows,
            values: named.session_values,
            bytes: named.session_bytes,
            messages: named.session_messages,
            probes: named.session_probes,
            subjects: named.session_subjects,
            changes: named.session_changes,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_counter_has_a_name_of_its_own() {
        let names: Vec<_> = Counter::all().map(Counter::name).collect();
        assert_eq!(names.len(), 21);
        for counter in Counter::all() {
            assert_eq!(Counter::named(counter.name()), Some(counter));
            let prefix = match counter.scope {
                Scope::Exchange => "",
                Scope::Session => "session_",
                Scope::Day => "day_",
            };
            assert_eq!(counter.name(), format!("{prefix}{}", counter.unit));
        }
        assert_eq!(Counter::named("session_"), None);
        assert_eq!(Counter::named("hour"), None);
    }

    #[test]
    fn every_unit_has_a_place_of_its_own() {
        let full = Unit::ALL.into_iter().zip(1..).fold(Usage::default(), |usage, (unit, count)| {
            assert_eq!(usage.get(unit), 0);
            usage.with(unit, count)
        });
        for (unit, count) in Unit::ALL.into_iter().zip(1..) {
            assert_eq!(full.get(unit), count, "{unit}");
        }
    }

    #[test]
    fn counting_stops_at_the_ends() {
        let most = Usage::of(Unit::Bytes, u64::MAX);
        assert_eq!(most + Usage::of(Unit::Bytes, 1), most);
        let rest = Usage::of(Unit::Rows, 3).saturating_sub(Usage { rows: 5, values: 1, ..most });
        assert_eq!(rest, Usage::default());
    }
}
