//! What is remembered, bounded: a chain is some kilobytes at the most, whatever it does.

use super::finding::CITED_MAX;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// Chains that are remembered. Beyond that the one goes that was idle for longest.
pub(super) const CHAINS_MAX: usize = 10_000;
/// Categories of a chain, and pairs of resource and category; beyond that none is new.
pub(super) const CATEGORIES_MAX: usize = 64;
pub(super) const SHARES_MAX: usize = 1_000;
/// Days that a busiest hour and a masked share are remembered for.
const DAYS_MAX: usize = 28;
const SHARE_DAYS: usize = 7;

/// What is remembered of one chain.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub(super) struct ChainHistory {
    /// Its first and its last hour, in hours since 1970.
    pub(super) first: u64,
    pub(super) last: u64,
    /// Categories that it has touched.
    pub(super) categories: BTreeSet<String>,
    /// Its busiest hour of each day that it was there, newest last: day, rows.
    days: VecDeque<(u64, u64)>,
    /// A bit for each hour of the day in which it was ever there.
    pub(super) hours: u32,
    /// The last night, from noon to noon, of which work was told.
    pub(super) night_told: Option<u64>,
    /// What is counted in the hour that goes on.
    pub(super) rows: Hourly,
    pub(super) refusals: Hourly,
    pub(super) probes: Hourly,
}

/// A count of one hour, and the records that made it.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub(super) struct Hourly {
    hour: u64,
    pub(super) count: u64,
    pub(super) records: Vec<u64>,
    pub(super) records_count: u64,
    /// Whether something was found of this hour: once is enough.
    pub(super) is_told: bool,
}

impl Hourly {
    /// Adds to the count of an hour. What comes late counts for the hour that goes on, as the log
    /// has it: time does not go back.
    pub(super) fn add(&mut self, hour: u64, count: u64, record: u64) {
        if hour > self.hour {
            *self = Self { hour, ..Self::default() };
        }
        if count == 0 {
            return;
        }
        self.count += count;
        self.records_count += 1;
        if self.records.len() < CITED_MAX {
            self.records.push(record);
        }
    }
}

impl ChainHistory {
    pub(super) fn begin(hour: u64) -> Self {
        Self { first: hour, last: hour, ..Self::default() }
    }

    /// For how many hours it was known at `hour`.
    pub(super) fn age(&self, hour: u64) -> u64 {
        hour.saturating_sub(self.first)
    }

    /// The rows of its busiest hour, the one that goes on left out.
    pub(super) fn busiest(&self) -> u64 {
        self.days.iter().map(|(_, rows)| *rows).max().unwrap_or(0)
    }

    /// An hour is over: it is history.
    pub(super) fn close_hour(&mut self, hour: u64) {
        let (day, rows) = (self.last / 24, self.rows.count);
        if hour <= self.last {
            return;
        }
        match self.days.back_mut() {
            Some((known, most)) if *known == day => *most = (*most).max(rows),
            _ => self.days.push_back((day, rows)),
        }
        while self.days.len() > DAYS_MAX {
            self.days.pop_front();
        }
        self.last = hour;
    }
}

/// How much of a category was masked at a resource, day by day.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub(super) struct ShareHistory {
    day: u64,
    pub(super) masked: u64,
    pub(super) shown: u64,
    pub(super) records: Vec<u64>,
    pub(super) records_count: u64,
    pub(super) is_told: bool,
    /// The days before: masked, shown.
    days: VecDeque<(u64, u64)>,
}

impl ShareHistory {
    /// Adds to a day; a day before the last counts for that.
    pub(super) fn add(&mut self, day: u64, masked: u64, shown: u64, record: u64) {
        if day > self.day {
            if self.masked + self.shown > 0 {
                self.days.push_back((self.masked, self.shown));
            }
            while self.days.len() > SHARE_DAYS {
                self.days.pop_front();
            }
            let days = std::mem::take(&mut self.days);
            *self = Self { day, days, ..Self::default() };
        }
        self.masked += masked;
        self.shown += shown;
        if shown > 0 {
            self.records_count += 1;
            if self.records.len() < CITED_MAX {
                self.records.push(record);
            }
        }
    }

    /// The masked share of this day in percent.
    pub(super) fn share(&self) -> Option<u64> {
        percent(self.masked, self.shown)
    }

    /// That of the days before, where they hold as many values as one day has to.
    pub(super) fn share_before(&self, values_min: u64) -> Option<u64> {
        let masked = self.days.iter().map(|(masked, _)| masked).sum::<u64>();
        let shown = self.days.iter().map(|(_, shown)| shown).sum::<u64>();
        percent(masked, shown).filter(|_| masked + shown >= values_min)
    }
}

fn percent(masked: u64, shown: u64) -> Option<u64> {
    (masked.saturating_mul(100)).checked_div(masked + shown)
}

/// All that is remembered.
pub(super) type Chains = BTreeMap<String, ChainHistory>;
pub(super) type Shares = BTreeMap<String, ShareHistory>;
