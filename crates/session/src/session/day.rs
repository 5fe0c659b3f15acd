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
        let day = u32::try_from(hour / HOURS).unwrap_or(u32::MAX);
        let objects = objects.into_iter().map(|object| (object, Usage::default())).collect();
        let mut usage = Self { day, objects };
        usage.reserve(session, Usage::default(), Usage::default()).await?;
        Ok(usage)
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
            let total = session.engine().usage.reserve(&key, usage).await;
            let total = total.map_err(|error| {
                tracing::error!(%error, "nothing that has to be counted may pass");
                SessionError::Unrecordable
            })?;
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
    let principal = &session.chain().principal;
    UsageKey {
        day,
        issuer: principal.issuer.clone(),
        subject: principal.subject.clone(),
        resource: session.resource().to_owned(),
        object: object.path.join("."),
    }
}

/// Everything that policies may count when they are asked.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Counted<'a> {
    /// Of the exchange, and of its session.
    pub(crate) counters: Counters,
    /// Of the principal's day.
    pub(crate) day: &'a DayUsage,
}
