//! The `anomalies` section: what counts as unlike what was before.

use super::section::{Reader, Section};
use portreeve_reports::anomalies::Rules;
use schemars::JsonSchema;
use std::time::Duration;

/// What counts as unlike what was before.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields, rename = "Anomalies")]
#[expect(dead_code, reason = "exists for its schema only")]
pub(crate) struct AnomaliesText {
    /// Nothing is compared with a past that is shorter. Whole hours.
    #[schemars(extend("default" = "3d"))]
    learning: String,
    /// An hour's rows are far above the busiest hour of the last 28 days from this multiple on.
    /// 0: never.
    #[schemars(extend("default" = 5))]
    volume_factor: u64,
    /// Fewer rows in an hour are never far above anything.
    #[schemars(extend("default" = 1_000))]
    volume_rows_min: u64,
    /// So many refused exchanges of a chain in an hour are many. 0: never.
    #[schemars(extend("default" = 20))]
    refusals_per_hour: u64,
    /// So many values that a chain compares classified columns with in an hour are. 0: never.
    #[schemars(extend("default" = 200))]
    probes_per_hour: u64,
    /// The night begins with this hour of UTC.
    #[schemars(extend("default" = 22))]
    night_from: u64,
    /// And ends before this one. The same hour: there is no night.
    #[schemars(extend("default" = 5))]
    night_to: u64,
    /// The masked share of a category at a resource falls from so many percentage points below
    /// the last 7 days on. 0: never.
    #[schemars(extend("default" = 20))]
    masked_points: u64,
    /// Of fewer values in a day no share is told.
    #[schemars(extend("default" = 100))]
    masked_values_min: u64,
}

const HOUR_S: u64 = 3_600;
const COUNT_MAX: i128 = 1_000_000_000_000;

/// Reads the section.
pub(crate) fn read(reader: &mut Reader<'_>, mut section: Section) -> Rules {
    let known = Rules::default();
    let learning = Duration::from_secs(known.learning_hours * HOUR_S);
    let learning = section.duration(reader, "learning", learning, "1y");
    let mut number = |field, default, bounds| section.number(reader, field, default, bounds);
    let rules = Rules {
        learning_hours: learning.as_secs() / HOUR_S,
        volume_factor: number("volume_factor", known.volume_factor, 0..=1_000_000),
        volume_rows_min: number("volume_rows_min", known.volume_rows_min, 1..=COUNT_MAX),
        refusals_per_hour: number("refusals_per_hour", known.refusals_per_hour, 0..=COUNT_MAX),
        probes_per_hour: number("probes_per_hour", known.probes_per_hour, 0..=COUNT_MAX),
        night_from: number("night_from", known.night_from, 0..=23),
        night_to: number("night_to", known.night_to, 0..=23),
        masked_points: number("masked_points", known.masked_points, 0..=100),
        masked_values_min: number("masked_values_min", known.masked_values_min, 1..=COUNT_MAX),
    };
    section.close(reader);
    rules
}
