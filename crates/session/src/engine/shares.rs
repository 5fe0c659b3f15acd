//! What one principal has of what all share: open sessions, and room in the evidence.
//!
//! Where the disk for evidence becomes short, whoever has used most of it is refused first, then
//! everybody: the log is never written until it fails.

use portreeve_evidence::HealthState;
use portreeve_model::Chain;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

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

/// How much evidence the principals of a day have had recorded. Counted by this gateway alone,
/// from its start: the disk is its own, too.
#[derive(Debug, Default)]
pub(crate) struct EvidenceUse(Mutex<Day>);

#[derive(Debug, Default)]
struct Day {
    number: u64,
    bytes: HashMap<PrincipalKey, u64>,
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
const DAY_US: u64 = 24 * 60 * 60 * 1_000_000;

impl EvidenceUse {
    /// Counts bytes that were handed to the log.
    pub(crate) fn add(&self, who: &PrincipalKey, bytes: u64, now_us: u64) {
        let mut day = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        day.begin(now_us);
        if let Some(used) = day.bytes.get_mut(who) {
            *used = used.saturating_add(bytes);
            return;
        }
        if day.bytes.len() >= PRINCIPALS_MAX
            && let Some(least) = day.bytes.iter().min_by_key(|(_, used)| **used)
        {
            let least = least.0.clone();
            day.bytes.remove(&least);
        }
        day.bytes.insert(who.clone(), bytes);
    }

    /// Whether more may be recorded of somebody.
    pub(crate) fn room(
        &self,
        who: &PrincipalKey,
        day_max: u64,
        space: HealthState,
        now_us: u64,
    ) -> Result<(), NoRoom> {
        let mut day = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        day.begin(now_us);
        let used = day.bytes.get(who).copied().unwrap_or(0);
        if used >= day_max {
            return Err(NoRoom::DayUsed);
        }
        match space {
            HealthState::Healthy => Ok(()),
            HealthState::Warn => {
                let most = day.bytes.values().copied().max().unwrap_or(0);
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
    fn what_is_counted_is_bounded() {
        let all = EvidenceUse::default();
        for number in 0..PRINCIPALS_MAX as u64 + 10 {
            all.add(&key(&number.to_string()), number + 1, 1);
        }
        assert_eq!(all.0.lock().unwrap().bytes.len(), PRINCIPALS_MAX);
        assert_eq!(all.room(&key("10000"), 10_001, HealthState::Healthy, 1), Err(NoRoom::DayUsed));
    }
}
