//! What the principal has used of objects today, over all sessions and gateways.

use super::Session;
use crate::SessionError;
use crate::UsageKey;
use portreeve_decide::policy::Counters;
use portreeve_model::{Object, ObjectUsage, Usage};
use std::collections::BTreeMap;

/// Hours of a day: policies see no finer time than the hour, and count by days of UTC.
const HOURS: u64 = 24;

/// What was used today, without the running exchange, of the objects that policies count.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct DayUsage {
    day: u32,
    objects: BTreeMap<Object, Usage>,
}

impl DayUsage {
    /// Reads what is known of objects.
    pub(crate) async fn read(
        session: &Session,
        hour: u64,
        objects: impl IntoIterator<Item = Object>,
    ) -> Result<Self, SessionError> {
        let mut usage = Self::default();
        usage.count(session, hour, objects, Usage::default()).await?;
        Ok(usage)
    }

    /// Counts these objects from now on, those that were counted before included. Of one that
    /// is new, what the exchange has in all is reserved.
    pub(crate) async fn count(
        &mut self,
        session: &Session,
        hour: u64,
        objects: impl IntoIterator<Item = Object>,
        own: Usage,
    ) -> Result<(), SessionError> {
        if self.objects.is_empty() {
            self.day = u32::try_from(hour / HOURS).unwrap_or(u32::MAX);
        }
        let is_new = |object: &Object| !self.objects.contains_key(object);
        let new = objects.into_iter().filter(is_new).map(|object| (object, Usage::default()));
        let mut new = Self { day: self.day, objects: new.collect() };
        new.reserve(session, own, own).await?;
        self.objects.extend(new.objects);
        Ok(())
    }

    /// Reserves what is about to be given; `own` is what the exchange has in all by then.
    pub(crate) async fn reserve(
        &mut self,
        session: &Session,
        usage: Usage,
        own: Usage,
    ) -> Result<(), SessionError> {
        for (object, before) in &mut self.objects {
            let key = key(session, self.day, object);
            let total = session.engine().reserve(&key, usage).await?;
            *before = total.saturating_sub(own);
        }
        Ok(())
    }

    /// Takes back what was reserved and not given.
    pub(crate) fn give_back(&self, session: &Session, usage: Usage) {
        for object in self.objects.keys() {
            session.engine().usage.give_back(&key(session, self.day, object), usage);
        }
    }

    pub(crate) fn of(&self, object: &Object) -> Usage {
        self.objects.get(object).copied().unwrap_or_default()
    }

    /// For the record: what a decision depended on.
    pub(crate) fn to_record(&self) -> Vec<ObjectUsage> {
        let used =
            |(object, used): (&Object, &Usage)| ObjectUsage { object: object.clone(), used: *used };
        self.objects.iter().map(used).collect()
    }
}

fn key(session: &Session, day: u32, object: &Object) -> UsageKey {
    let principal = &session.0.principal;
    UsageKey {
        day,
        issuer: principal.issuer.clone(),
        subject: principal.subject.clone(),
        resource: session.resource().to_owned(),
        object: name(object),
    }
}

/// No two objects have the same: kinds stand before it, and dots in names are marked.
fn name(object: &Object) -> String {
    let part = |part: &String| part.replace('\\', r"\\").replace('.', r"\.");
    let path: Vec<String> = object.path.iter().map(part).collect();
    format!("{} {}", object.kind.word(), path.join("."))
}

/// Everything that policies may count when they are asked.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Counted<'a> {
    /// Of the exchange, and of its session.
    pub(crate) counters: Counters,
    /// Of the principal's day.
    pub(crate) day: &'a DayUsage,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_are_counted_apart() {
        let objects = [
            Object::resource(),
            Object::table("a.b", "c"),
            Object::table("a", "b.c"),
            Object::table(r"a\", "b.c"),
            Object::function("a", "b.c"),
            Object::column("a", "b", "c"),
        ];
        let names: std::collections::BTreeSet<_> = objects.iter().map(name).collect();
        assert_eq!(names.len(), objects.len(), "{names:?}");
        assert_eq!(name(&Object::table("public", "customers")), "table public.customers");
    }
}
