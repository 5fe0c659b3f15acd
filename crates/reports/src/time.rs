//! Times as reports write them: UTC, to the second.

use jiff::Timestamp;

/// `2026-11-28T10:00:00Z`; a time beyond the calendar as its number.
pub(crate) fn text(at_us: u64) -> String {
    let at = i64::try_from(at_us).ok().and_then(|at| Timestamp::from_microsecond(at).ok());
    match at.and_then(|at| Timestamp::from_second(at.as_second()).ok()) {
        Some(at) => at.to_string(),
        None => format!("{at_us} µs"),
    }
}

/// The day of a time, for charts: `2026-11-28`.
pub(crate) fn day(at_us: u64) -> String {
    text(at_us).chars().take(10).collect()
}

/// Microseconds of a day.
pub(crate) const DAY_US: u64 = 24 * 60 * 60 * 1_000_000;
/// Microseconds of an hour.
pub(crate) const HOUR_US: u64 = 60 * 60 * 1_000_000;

/// A stretch of time in words: `3 d 4 h`, `25 min`, `12 s`.
pub(crate) fn stretch(us: u64) -> String {
    let seconds = us / 1_000_000;
    match (seconds / 86_400, seconds / 3_600, seconds / 60) {
        (0, 0, 0) => format!("{seconds} s"),
        (0, 0, minutes) => format!("{minutes} min {} s", seconds % 60),
        (0, hours, minutes) => format!("{hours} h {} min", minutes % 60),
        (days, hours, _) => format!("{days} d {} h", hours % 24),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_for_people() {
        assert_eq!(text(1_700_000_000_123_456), "2023-11-14T22:13:20Z");
        assert_eq!(day(1_700_000_000_123_456), "2023-11-14");
        assert_eq!(text(u64::MAX), format!("{} µs", u64::MAX));
        let check = |seconds: u64, expect: &str| assert_eq!(stretch(seconds * 1_000_000), expect);
        check(0, "0 s");
        check(61, "1 min 1 s");
        check(3_600, "1 h 0 min");
        check(90_061, "1 d 1 h");
    }
}
