//! What one principal has of what all share: open sessions, and room in the evidence.
//!
//! Where the disk for evidence becomes short, whoever has used most of it is refused first, then
//! everybody: the log is never written until it fails.

use crate::UsageKey;
use portreeve_evidence::HealthState;
use portreeve_model::Chain;
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Somebody on whose behalf things happen: a human being where people are linked.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct PrincipalKey {
    pub(crate) issuer: String,
    pub(crate) subject: String,
}

impl PrincipalKey {
    pub(crate) fn of(chain: &Chain) -> Self {
        let principal = &chain.principal;
        match &principal.person {
            Some(person) => Self { issuer: String::new(), subject: person.clone() },
            None => Self { issuer: principal.issuer.clone(), subject: principal.subject.clone() },
        }
    }
}

/// How much evidence the principals of a day have had recorded. Whoever keeps the counts of days
/// is told now and then, and says what was recorded before this gateway started, and by others.
#[derive(Debug, Default)]
pub(crate) struct EvidenceUse(Mutex<Day>);

#[derive(Debug, Default)]
struct Day {
    number: u64,
    used: HashMap<PrincipalKey, Used>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Used {
    /// All that is known of.
    bytes: u64,
    /// The part of it that nobody was told of.
    untold: u64,
    /// What was used before is part of it.
    is_whole: bool,
}

/// What is to be told of a principal's day.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Untold {
    pub(crate) key: UsageKey,
    pub(crate) bytes: u64,
}

/// Why nothing more of a principal is recorded, and so nothing more of it may happen.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum NoRoom {
    /// It has had its part of the day.
    DayUsed,
    /// The disk becomes short, and it has used more of it than most.
    Heaviest,
    /// There is no room for anybody.
    Full,
}

/// Below this nobody is heavy.
const HEAVY_BYTES_MIN: u64 = 1 << 20;
/// Principals that are counted; of more, those who have used least are forgotten.
const PRINCIPALS_MAX: usize = 10_000;
/// So much of a principal is lost at most when a gateway is killed.
const UNTOLD_MAX: u64 = 256 << 10;
/// What the bytes are counted under: of no resource, and no kind of object.
const OBJECT: &str = "evidence";
const DAY_US: u64 = 24 * 60 * 60 * 1_000_000;

impl EvidenceUse {
    /// Counts bytes that were handed to the log.
    pub(crate) fn add(&self, who: &PrincipalKey, bytes: u64, now_us: u64) {
        let mut day = self.day(now_us);
        let used = day.of(who);
        used.bytes = used.bytes.saturating_add(bytes);
        used.untold = used.untold.saturating_add(bytes);
    }

    /// What has to be told before anybody knows how much somebody has used.
    pub(crate) fn untold(&self, who: &PrincipalKey, now_us: u64) -> Option<Untold> {
        let mut day = self.day(now_us);
        let used = *day.of(who);
        let is_due = !used.is_whole || used.untold >= UNTOLD_MAX;
        let key = || UsageKey {
            day: u32::try_from(day.number).unwrap_or(u32::MAX),
            issuer: who.issuer.clone(),
            subject: who.subject.clone(),
            resource: String::new(),
            object: OBJECT.into(),
        };
        is_due.then(|| Untold { key: key(), bytes: used.untold })
    }

    /// It was told, and makes so much in all.
    pub(crate) fn told(&self, who: &PrincipalKey, told: &Untold, total: u64, now_us: u64) {
        let mut day = self.day(now_us);
        if u64::from(told.key.day) == day.number {
            let used = day.of(who);
            used.untold = used.untold.saturating_sub(told.bytes);
            used.bytes = total.saturating_add(used.untold);
            used.is_whole = true;
        }
    }

    fn day(&self, now_us: u64) -> MutexGuard<'_, Day> {
        let mut day = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        day.begin(now_us);
        day
    }

    /// Whether more may be recorded of somebody.
    pub(crate) fn room(
        &self,
        who: &PrincipalKey,
        day_max: u64,
        space: HealthState,
        now_us: u64,
    ) -> Result<(), NoRoom> {
        let day = self.day(now_us);
        let used = day.used.get(who).map_or(0, |used| used.bytes);
        if used >= day_max {
            return Err(NoRoom::DayUsed);
        }
        match space {
            HealthState::Healthy => Ok(()),
            HealthState::Warn => {
                let most = day.used.values().map(|used| used.bytes).max().unwrap_or(0);
                let is_heavy = used >= HEAVY_BYTES_MIN && used >= most / 2;
                if is_heavy { Err(NoRoom::Heaviest) } else { Ok(()) }
            }
            HealthState::Restricted | HealthState::Sealed => Err(NoRoom::Full),
        }
    }
}

impl Day {
    fn begin(&mut self, now_us: u64) {
        let number = now_us / DAY_US;
        if number != self.number {
            *self = Self { number, ..Self::default() };
        }
    }

    fn of(&mut self, who: &PrincipalKey) -> &mut Used {
        if self.used.len() >= PRINCIPALS_MAX
            && !self.used.contains_key(who)
            && let Some(least) = self.used.iter().min_by_key(|(_, used)| used.bytes)
        {
            let least = least.0.clone();
            self.used.remove(&least);
        }
        self.used.entry(who.clone()).or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(subject: &str) -> PrincipalKey {
        PrincipalKey { issuer: "id".into(), subject: subject.into() }
    }

    #[test]
    fn the_heaviest_is_refused_before_everybody() {
        let all = EvidenceUse::default();
        let mib = 1 << 20;
        for (who, bytes) in [("heavy", 90 * mib), ("half", 45 * mib), ("light", 2 * mib)] {
            all.add(&key(who), bytes / 2, 5);
            all.add(&key(who), bytes / 2, 6);
        }
        let check = |who: &str, space, expect: Result<(), NoRoom>| {
            assert_eq!(all.room(&key(who), 100 * mib, space, 7), expect, "{who} {space:?}");
        };
        for who in ["heavy", "half", "light", "new"] {
            check(who, HealthState::Healthy, Ok(()));
            check(who, HealthState::Restricted, Err(NoRoom::Full));
        }
        check("heavy", HealthState::Warn, Err(NoRoom::Heaviest));
        check("half", HealthState::Warn, Err(NoRoom::Heaviest));
        check("light", HealthState::Warn, Ok(()));
        check("new", HealthState::Warn, Ok(()));
    }

    #[test]
    fn a_day_has_an_end() {
        let all = EvidenceUse::default();
        all.add(&key("a"), 10, 1);
        let room = |now_us| all.room(&key("a"), 10, HealthState::Healthy, now_us);
        assert_eq!(room(DAY_US - 1), Err(NoRoom::DayUsed));
        assert_eq!(room(DAY_US), Ok(()));
    }

    #[test]
    fn what_was_used_before_counts_and_what_is_used_is_told() {
        let all = EvidenceUse::default();
        let who = key("a");
        all.add(&who, 10, 1);
        let first = all.untold(&who, 2).unwrap();
        assert_eq!((first.bytes, first.key.day), (10, 0));
        all.add(&who, 5, 3);
        // An earlier run had 1,000; meanwhile 5 more were added.
        all.told(&who, &first, 1_010, 4);
        let room = |day_max| all.room(&who, day_max, HealthState::Healthy, 5);
        assert_eq!(room(1_015), Err(NoRoom::DayUsed));
        assert_eq!(room(1_016), Ok(()));
        assert_eq!(all.untold(&who, 6), None);
        all.add(&who, UNTOLD_MAX, 7);
        let second = all.untold(&who, 8).unwrap();
        assert_eq!(second.bytes, UNTOLD_MAX + 5);
        // What is told of yesterday says nothing of today.
        all.told(&who, &second, 1 << 40, DAY_US);
        assert_eq!(all.room(&who, 1, HealthState::Healthy, DAY_US), Ok(()));
        assert_eq!(all.untold(&who, DAY_US).unwrap().key.day, 1);
    }

    #[test]
    fn what_is_counted_is_bounded() {
        let all = EvidenceUse::default();
        for number in 0..PRINCIPALS_MAX as u64 + 10 {
            all.add(&key(&number.to_string()), number + 1, 1);
        }
        assert_eq!(all.0.lock().unwrap().used.len(), PRINCIPALS_MAX);
        assert_eq!(all.room(&key("10000"), 10_001, HealthState::Healthy, 1), Err(NoRoom::DayUsed));
    }
}
