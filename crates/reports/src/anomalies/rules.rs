//! The bounds of the rules.

use serde::{Deserialize, Serialize};

/// The bounds of the rules, as a configuration sets them.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rules {
    /// Nothing is compared with a past that is shorter, in hours.
    pub learning_hours: u64,
    /// An hour's rows are far above the busiest hour before from this multiple on; 0: never.
    pub volume_factor: u64,
    /// Fewer rows in an hour are never far above anything.
    pub volume_rows_min: u64,
    /// So many refused exchanges in an hour are many; 0: never.
    pub refusals_per_hour: u64,
    /// So many values that classified columns are compared with in an hour are; 0: never.
    pub probes_per_hour: u64,
    /// The night begins with this hour of UTC.
    pub night_from: u64,
    /// And ends before this one; the same hour: there is no night.
    pub night_to: u64,
    /// The masked share falls from so many percentage points on; 0: never.
    pub masked_points: u64,
    /// Of fewer values in a day no share is told.
    pub masked_values_min: u64,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            learning_hours: 72,
            volume_factor: 5,
            volume_rows_min: 1_000,
            refusals_per_hour: 20,
            probes_per_hour: 200,
            night_from: 22,
            night_to: 5,
            masked_points: 20,
            masked_values_min: 100,
        }
    }
}

impl Rules {
    /// Whether an hour since 1970 is in the night.
    pub(super) fn is_night(&self, hour: u64) -> bool {
        let hour = hour % 24;
        match self.night_from <= self.night_to {
            true => (self.night_from..self.night_to).contains(&hour),
            false => hour >= self.night_from || hour < self.night_to,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_night_may_go_over_midnight_or_not_be() {
        let check = |night_from, night_to, expect: &[u64]| {
            let rules = Rules { night_from, night_to, ..Rules::default() };
            let found: Vec<u64> = (0..24).filter(|hour| rules.is_night(24 * 9 + hour)).collect();
            assert_eq!(found, expect, "{night_from} to {night_to}");
        };
        check(22, 2, &[0, 1, 22, 23]);
        check(1, 4, &[1, 2, 3]);
        check(6, 6, &[]);
    }
}
