//! What is known besides parties and objects: purpose, the command, counters, time.
//!
//! All of it is always given (but for purposes and `acr`), so a policy that asks for a
//! counter can never err because nobody counted.

use super::{Ask, Policies};
use cedar_policy::{Context, RestrictedExpression as Value};
use portreeve_model::{Action, Change, Counter, Scope, Unit, Usage};
use std::collections::HashMap;

/// What had been counted when policy is asked. What the principal has had of an object
/// on the day is asked for where a policy names it: [`Ask::day`].
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Counters {
    /// Of this exchange so far; nothing when it is admitted, but what it announces.
    pub exchange: Usage,
    /// Of the session without this exchange. Policies see the two together.
    pub session: Usage,
}

impl Ask<'_> {
    /// What the exchange has used. A command has at least the probes that it announces.
    pub(super) fn exchange(&self) -> Usage {
        self.counters.exchange.max(self.facts.announced())
    }
}

/// The contexts of an ask: one for all of its needs, and another for each need of which
/// policies count something else.
pub(super) struct Contexts {
    common: Context,
    /// By the place of the need.
    own: HashMap<usize, Context>,
}

impl Contexts {
    pub(super) fn of(&self, place: usize) -> &Context {
        self.own.get(&place).unwrap_or(&self.common)
    }
}

impl Policies {
    /// The contexts of an ask when its exchange has used so much; none if they cannot be
    /// built.
    pub(super) fn contexts(&self, ask: &Ask<'_>, exchange: Usage) -> Option<Contexts> {
        let session = ask.counters.session + exchange;
        let common = context(ask, [exchange, session, exchange])?;
        let mut own = HashMap::new();
        let mut by_day = HashMap::new();
        for (place, need) in ask.needs.iter().enumerate() {
            if need.action == Action::Connect {
                // Nothing is counted before there is a session.
                own.insert(place, context(ask, [Usage::default(); 3])?);
            } else if self.counted_of(ask.chain, need).has_scope(Scope::Day) {
                let day = (ask.day)(&need.object) + exchange;
                // Most objects have had nothing: they share one.
                let context = match by_day.get(&day) {
                    Some(known) => Context::clone(known),
                    None => context(ask, [exchange, session, day])?,
                };
                by_day.insert(day, context.clone());
                own.insert(place, context);
            }
        }
        Some(Contexts { common, own })
    }
}

/// The context of a request, as the schema's `Facts` type says, with the usage of each
/// scope in their order.
fn context(ask: &Ask<'_>, usage: [Usage; Scope::ALL.len()]) -> Option<Context> {
    let principal = &ask.chain.principal;
    let current = ask.chain.actors.last().unwrap_or(principal);
    let time = Calendar::of(ask.context.hour);
    let command = CommandFacts::of(ask);
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
        ("verb", text(ask.verb)),
        ("writes", Value::new_bool(command.writes)),
        ("bounded", Value::new_bool(command.bounded)),
        ("change", text(command.change)),
        ("aggregated", Value::new_bool(ask.facts.aggregated)),
        ("counted", Value::new_bool(command.counted)),
        ("date", Value::new_long(time.date)),
        ("hour", Value::new_long(time.hour)),
        ("weekday", Value::new_long(time.weekday)),
    ];
    let counters = Scope::ALL.into_iter().zip(usage).flat_map(|(scope, usage)| {
        let counter = move |unit| Counter { scope, unit };
        Unit::ALL.into_iter().map(move |unit| (counter(unit).name(), number(usage.get(unit))))
    });
    let pairs = pairs.into_iter().chain(counters).chain(optional);
    Context::from_pairs(pairs.map(|(key, value)| (key.to_owned(), value))).ok()
}

/// A command as a whole, as policies see it.
struct CommandFacts {
    writes: bool,
    bounded: bool,
    counted: bool,
    change: &'static str,
}

impl CommandFacts {
    /// SECURITY: where nobody said how far a write goes, it is taken to have no bound;
    /// where nobody said what is done to a definition, that it goes.
    fn of(ask: &Ask<'_>) -> Self {
        let needs = |action| ask.needs.iter().any(|need| need.action == action);
        let writes = ask.facts.bounded.is_some() || needs(Action::Write);
        let unsaid = needs(Action::Define).then_some(Change::Drop);
        Self {
            writes,
            bounded: ask.facts.bounded.unwrap_or(!writes),
            counted: !ask.facts.untold && (ask.facts.bounded.is_some() || !writes),
            change: match ask.facts.change.or(unsaid) {
                None => "none",
                Some(Change::Create) => "create",
                Some(Change::Change) => "change",
                Some(Change::Drop) => "drop",
            },
        }
    }
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
}
