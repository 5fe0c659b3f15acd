//! What is known besides parties and objects: purpose, depth, counters, time.
//!
//! All of it is always given (but for purposes and `acr`), so a policy that asks for a
//! counter can never err because nobody counted.

use super::Ask;
use cedar_policy::{Context, RestrictedExpression as Value};

/// The numbers that a decision depends on, and that grow while a reply passes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Counters {
    /// Rows of this command so far; 0 when it is admitted.
    pub rows: u64,
    /// Rows of the whole session so far, those of this command included.
    pub session_rows: u64,
}

impl Counters {
    /// The counters as they would be when this command had `rows` rows.
    pub(super) fn moved_to(self, rows: u64) -> Self {
        Self { rows, session_rows: self.base().saturating_add(rows) }
    }

    /// Rows of the session without those of this command.
    pub(super) fn base(self) -> u64 {
        self.session_rows.saturating_sub(self.rows)
    }
}

/// The context of a request, as the schema's `Facts` type says; none if it cannot be built.
pub(super) fn context(ask: &Ask<'_>, counters: Counters) -> Option<Context> {
    let principal = &ask.chain.principal;
    let current = ask.chain.actors.last().unwrap_or(principal);
    let time = Calendar::of(ask.context.hour);
    let text = |text: &str| Value::new_string(text.to_owned());
    let number = |number: u64| Value::new_long(i64::try_from(number).unwrap_or(i64::MAX));
    let actors = ask.chain.actors.iter().map(|actor| text(&actor.subject));
    let groups = principal.groups.iter().map(|group| text(group));
    let depth = u64::try_from(ask.chain.actors.len()).unwrap_or(u64::MAX);
    let strength = &ask.chain.strength;
    let methods = strength.amr.iter().map(|method| text(method));
    let optional = [
        ("purpose", &ask.chain.purpose),
        ("stated_purpose", &ask.chain.stated_purpose),
        ("principal_acr", &strength.acr),
    ];
    let optional = optional.iter().filter_map(|(key, value)| Some((*key, text(value.as_deref()?))));
    let pairs = [
        ("principal_name", text(&principal.subject)),
        ("principal_issuer", text(&principal.issuer)),
        ("principal_groups", Value::new_set(groups)),
        ("principal_amr", Value::new_set(methods)),
        ("actors", Value::new_set(actors)),
        ("depth", number(depth)),
        ("current", text(&current.subject)),
        ("rows", number(counters.rows)),
        ("session_rows", number(counters.session_rows)),
        ("date", Value::new_long(time.date)),
        ("hour", Value::new_long(time.hour)),
        ("weekday", Value::new_long(time.weekday)),
    ];
    let pairs = pairs.into_iter().chain(optional);
    Context::from_pairs(pairs.map(|(key, value)| (key.to_owned(), value))).ok()
}

/// An hour in UTC, as policies see it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Calendar {
    date: i64,
    hour: i64,
    weekday: i64,
}

impl Calendar {
    fn of(hour: u64) -> Self {
        // Hours of half a million years, so that everything below fits with room to spare.
        let hours = i64::try_from(hour.min(u64::MAX / 3_600_000_000)).expect("at most 2^64 / 10^9");
        let days = hours / 24;
        let (year, month, day) = civil_from_days(days);
        Self {
            date: year * 10_000 + month * 100 + day,
            hour: hours % 24,
            weekday: (days + 3) % 7 + 1,
        }
    }
}

/// The Gregorian date of a day since 1970-01-01: counts from 1 March of year 0, so that
/// the leap day is the last of a year, in eras of 400 years.
fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days / 146_097;
    let day_of_era = days % 146_097;
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = era * 400 + year_of_era + i64::from(month <= 2);
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_become_dates_hours_and_weekdays() {
        let check = |seconds: u64, date, hour, weekday| {
            let expect = Calendar { date, hour, weekday };
            assert_eq!(Calendar::of(seconds / 3_600), expect, "{seconds}");
        };
        check(0, 19_700_101, 0, 4);
        check(951_782_399, 20_000_228, 23, 1);
        check(951_782_400, 20_000_229, 0, 2);
        check(951_868_800, 20_000_301, 0, 3);
        check(1_798_761_599, 20_261_231, 23, 4);
        check(4_107_542_400, 21_000_301, 0, 1);
    }

    #[test]
    fn the_last_moment_there_is_has_a_date() {
        assert!(Calendar::of(u64::MAX).date > 0);
    }

    #[test]
    fn session_rows_move_along() {
        let counters = Counters { rows: 10, session_rows: 110 };
        assert_eq!(counters.moved_to(50), Counters { rows: 50, session_rows: 150 });
        assert_eq!(counters.moved_to(u64::MAX).session_rows, u64::MAX);
    }
}
