//! Days and moments: of a partly masked one its year stays, in every form alike.
//!
//! A moment with a zone is one moment in every zone, so its year is the one of UTC: a reader of
//! the text and a reader of the packed form see the same. Years outside 1 to 9999 have no form
//! that all readers share; they keep nothing.

use super::kind::Form;
use std::io::Write;

/// `1984-05-17` → `1984-01-01`.
pub(super) fn push_year_of_day(value: &[u8], form: Form, out: &mut Vec<u8>) -> bool {
    let Some(year) = day(value, form).and_then(year_of) else { return false };
    let first = first_day(year);
    match form {
        Form::Text => write!(out, "{year:04}-01-01").expect("a vector takes every byte"),
        Form::Binary => match i32::try_from(first) {
            Ok(first) => out.extend_from_slice(&first.to_be_bytes()),
            Err(_) => return false,
        },
    }
    true
}

/// `1984-05-17 08:30:00+02` → `1984-01-01 00:00:00+00`; the zone only where there is one.
pub(super) fn push_year_of_moment(value: &[u8], form: Form, out: &mut Vec<u8>) -> bool {
    let Some(micros) = moment(value, form) else { return false };
    let Some(year) = year_of(micros.div_euclid(DAY_MICROS)) else { return false };
    match form {
        Form::Text => {
            let zone = if has_zone(value) { "+00" } else { "" };
            write!(out, "{year:04}-01-01 00:00:00{zone}").expect("a vector takes every byte");
        }
        Form::Binary => {
            out.extend_from_slice(&(first_day(year) * DAY_MICROS).to_be_bytes());
        }
    }
    true
}

/// A day, counted from 2000-01-01.
pub(super) fn day(value: &[u8], form: Form) -> Option<i64> {
    match form {
        Form::Binary => {
            let days = i32::from_be_bytes(value.try_into().ok()?);
            (days != i32::MIN && days != i32::MAX).then_some(i64::from(days))
        }
        Form::Text => match date(std::str::from_utf8(value).ok()?.trim())? {
            (day, "") => Some(day),
            _ => None,
        },
    }
}

/// A moment in microseconds from 2000-01-01, of UTC where it has a zone.
pub(super) fn moment(value: &[u8], form: Form) -> Option<i64> {
    match form {
        Form::Binary => {
            let micros = i64::from_be_bytes(value.try_into().ok()?);
            (micros != i64::MIN && micros != i64::MAX).then_some(micros)
        }
        Form::Text => {
            let (day, rest) = date(std::str::from_utf8(value).ok()?)?;
            let (clock, zone) = split_zone(rest.strip_prefix([' ', 'T'])?);
            Some(day * DAY_MICROS + time_of_day(clock)? - offset(zone)?)
        }
    }
}

fn has_zone(value: &[u8]) -> bool {
    value.get(11..).is_some_and(|clock| clock.iter().any(|byte| b"+-Z".contains(byte)))
}

fn split_zone(clock: &str) -> (&str, &str) {
    clock.split_at(clock.find(['+', '-', 'Z']).unwrap_or(clock.len()))
}

/// The day of `YYYY-MM-DD`, and what comes after it.
fn date(text: &str) -> Option<(i64, &str)> {
    let (date, rest) = text.split_at_checked(10)?;
    let mut parts = date.split('-');
    let mut number = |digits: usize| {
        let part = parts.next().filter(|part| part.len() == digits)?;
        digits_only(part)
    };
    let (year, month, day) = (number(4)?, number(2)?, number(2)?);
    let fits = (1..=12).contains(&month) && (1..=31).contains(&day) && year > 0;
    fits.then(|| (days_from(year, month, day), rest))
}

/// `HH:MM:SS`, with or without a fraction, in microseconds.
fn time_of_day(clock: &str) -> Option<i64> {
    let (whole, fraction) = clock.split_once('.').unwrap_or((clock, "0"));
    let seconds = seconds(whole).filter(|_| whole.len() == 8)?;
    // What is longer is no fraction: ` BC` may stand behind it.
    let fraction = (fraction.len() <= 6).then(|| format!("{fraction:0<6}"))?;
    Some(seconds * 1_000_000 + digits_only(&fraction)?)
}

/// `Z`, `+02`, `-03:30`, `+00:19:32`, in microseconds; nothing is none.
fn offset(zone: &str) -> Option<i64> {
    match zone {
        "" | "Z" => Some(0),
        _ => {
            let (sign, size) = zone.split_at_checked(1)?;
            let micros = seconds(size)? * 1_000_000;
            Some(if sign == "-" { -micros } else { micros })
        }
    }
}

/// `HH`, `HH:MM` or `HH:MM:SS` in seconds.
fn seconds(text: &str) -> Option<i64> {
    let mut unit = 3600;
    let mut sum = 0;
    for part in text.split(':') {
        sum += digits_only(part).filter(|_| part.len() == 2 && unit > 0)? * unit;
        unit /= 60;
    }
    Some(sum)
}

fn digits_only(text: &str) -> Option<i64> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

/// The year that a day is in, where it has a form that all readers share.
fn year_of(day: i64) -> Option<i64> {
    // The first guess is off by one at most.
    let guess = 2000 + day.div_euclid(146_097) * 400 + day.rem_euclid(146_097) * 400 / 146_097;
    let year = [guess + 1, guess, guess - 1].into_iter().find(|year| first_day(*year) <= day)?;
    (1..=9999).contains(&year).then_some(year)
}

fn first_day(year: i64) -> i64 {
    days_from(year, 1, 1)
}

/// Days from 2000-01-01 in the Gregorian calendar, which the target uses for all time.
fn days_from(year: i64, month: i64, day: i64) -> i64 {
    // Years that begin in March have their leap day at the end.
    let year = if month <= 2 { year - 1 } else { year };
    let since_march = (month + 9) % 12;
    let day_of_year = (153 * since_march + 2) / 5 + day - 1;
    let leaps = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    year * 365 + leaps + day_of_year - 730_425
}

pub(super) const DAY_MICROS: i64 = 86_400_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_those_of_the_calendar() {
        let check = |text: &str, expect: i64| {
            assert_eq!(day(text.as_bytes(), Form::Text), Some(expect), "{text}");
        };
        check("2000-01-01", 0);
        check("1999-12-31", -1);
        check("2000-03-01", 60);
        check("2001-01-01", 366);
        check("1970-01-01", -10_957);
        check("0001-01-01", -730_119);
        check("9999-12-31", 2_921_939);
    }

    #[test]
    fn every_day_is_in_its_year() {
        for year in 1..=9999 {
            assert_eq!(year_of(first_day(year)), Some(year));
            assert_eq!(year_of(first_day(year + 1) - 1), Some(year));
        }
        assert_eq!((year_of(first_day(1) - 1), year_of(first_day(10_000))), (None, None));
    }

    #[test]
    fn a_moment_is_one_in_every_zone() {
        let check = |text: &str, same: &str| {
            let of = |text: &str| moment(text.as_bytes(), Form::Text);
            assert_eq!(of(text), of(same), "{text}");
            assert!(of(text).is_some(), "{text}");
        };
        check("2019-12-31 23:30:00-05", "2020-01-01 04:30:00+00");
        check("2020-01-01 00:19:32+00:19:32", "2020-01-01T00:00:00Z");
        check("2020-01-01 05:30:00.5+05:30", "2020-01-01 00:00:00.500000");
    }
}
