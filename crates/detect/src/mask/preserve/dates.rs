//! Dates: another day of another year, written the same way.

use super::DRAWS_MAX;
use crate::finding::category::Category;
use crate::mask::draws::Draws;
use portreeve_pseudonym::MaskKey;

/// Years that are drawn: people of all ages have been born in them.
const YEAR_FIRST: u16 = 1930;
const YEAR_COUNT: u16 = 80;

fn year(draws: &mut Draws<'_>) -> u16 {
    YEAR_FIRST + draws.below(YEAR_COUNT)
}

/// Replaces a date in a text. A date with the name of a month becomes one in digits, year first:
/// the name would tell the month.
pub(super) fn date(draws: &mut Draws<'_>, value: &str) -> Option<String> {
    if let Some(date) = compact(draws, value) {
        return Some(date);
    }
    let runs: Vec<&str> =
        value.split(|c: char| !c.is_ascii_digit()).filter(|run| !run.is_empty()).collect();
    if runs.is_empty() {
        return None;
    }
    let lengths: Vec<usize> = runs.iter().map(|run| run.len()).collect();
    let plain = value.chars().all(|c| c.is_ascii_digit() || "-./ ".contains(c));
    let known = matches!(lengths[..], [4, 1 | 2, 1 | 2] | [1 | 2, 1 | 2, 2 | 4] | [1 | 2, 4]);
    if !plain || !known {
        return Some(iso(draws));
    }
    // Day and month can stand in either order: where the value does not tell, both are small.
    let month_at = month_place(&runs);
    let mut out = String::with_capacity(value.len());
    let mut rest = value;
    for (place, run) in runs.iter().enumerate() {
        let at = rest.find(run)?;
        out.push_str(&rest[..at]);
        let is_year = run.len() == 4 || runs.len() == 3 && place == 2 && lengths[0] != 4;
        out.push_str(&match run.len() {
            4 => year(draws).to_string(),
            2 if is_year => format!("{:02}", year(draws) % 100),
            1 => (1 + draws.below(9)).to_string(),
            _ if month_at.is_none_or(|month| month == place) => {
                format!("{:02}", 1 + draws.below(12))
            }
            _ => format!("{:02}", 1 + draws.below(28)),
        });
        rest = &rest[at + run.len()..];
    }
    Some(out + rest)
}

/// Which part is the month; nothing where the value does not tell it from the day.
fn month_place(runs: &[&str]) -> Option<usize> {
    let large = |place: usize| {
        runs.get(place).and_then(|run| run.parse().ok()).is_some_and(|n: u16| n > 12)
    };
    match runs {
        [_, _] => Some(0),
        [first, ..] if first.len() == 4 => Some(1),
        _ if large(0) => Some(1),
        _ if large(1) => Some(0),
        _ => None,
    }
}

/// `19780510`: eight digits that are a date.
pub(super) fn compact(draws: &mut Draws<'_>, value: &str) -> Option<String> {
    let number = |part: &str| part.parse::<u16>().ok();
    if value.len() != 8 || !value.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let (month, day) = (number(&value[4..6])?, number(&value[6..])?);
    let fits = (1..=12).contains(&month) && (1..=31).contains(&day);
    fits.then(|| iso(draws).replace('-', ""))
}

fn iso(draws: &mut Draws<'_>) -> String {
    let (year, month, day) = (year(draws), 1 + draws.below(12), 1 + draws.below(28));
    format!("{year}-{month:02}-{day:02}")
}

/// Replaces a day, `YYYY-MM-DD`.
pub(in crate::mask) fn day(key: &MaskKey, category: Category, value: &str) -> Option<String> {
    let mut draws = Draws::new(key, category, value);
    (0..DRAWS_MAX)
        .map_while(|_| is_day(value).then(|| iso(&mut draws)))
        .find(|drawn| drawn != value)
}

/// Replaces a moment: the day and the time are others, the zone stays.
pub(in crate::mask) fn moment(key: &MaskKey, category: Category, value: &str) -> Option<String> {
    let parts = Moment::read(value)?;
    let day = day(key, category, parts.day)?;
    let mut draws = Draws::new(key, category, value);
    let (hour, minute, second) = (draws.below(24), draws.below(60), draws.below(60));
    let fraction: String = parts
        .fraction
        .chars()
        .map(|c| if c == '.' { c } else { super::letters::other(&mut draws, c) })
        .collect();
    let (mark, zone) = (parts.mark, parts.zone);
    Some(format!("{day}{mark}{hour:02}:{minute:02}:{second:02}{fraction}{zone}"))
}

/// The first moment of a day in the writing of another moment.
pub(in crate::mask) fn start_of_day(day: &str, value: &str) -> Option<String> {
    let parts = Moment::read(value)?;
    let zone = if parts.zone.is_empty() { "" } else { "+00" };
    Some(format!("{day}{}00:00:00{zone}", parts.mark))
}

/// `2026-01-31 08:30:00.25+02` in its parts.
struct Moment<'v> {
    day: &'v str,
    mark: char,
    fraction: &'v str,
    zone: &'v str,
}

impl<'v> Moment<'v> {
    fn read(value: &'v str) -> Option<Self> {
        let (day, clock) = value.split_at_checked(10)?;
        let mark = clock.chars().next().filter(|c| matches!(c, ' ' | 'T'))?;
        let (time, rest) = clock.get(1..)?.split_at_checked(8)?;
        let colons = |(at, byte): (usize, u8)| match at {
            2 | 5 => byte == b':',
            _ => byte.is_ascii_digit(),
        };
        let (fraction, zone) = rest.split_at(rest.find(['+', '-', 'Z']).unwrap_or(rest.len()));
        let in_zone = |byte: u8| byte.is_ascii_digit() || b"+-:Z".contains(&byte);
        let fits = is_day(day)
            && time.bytes().enumerate().all(colons)
            && (fraction.is_empty() || fraction.starts_with('.') && fraction.len() > 1)
            && fraction.bytes().skip(1).all(|byte| byte.is_ascii_digit())
            && zone.bytes().all(in_zone);
        fits.then_some(Self { day, mark, fraction, zone })
    }
}

fn is_day(value: &str) -> bool {
    let fits = |(at, byte): (usize, u8)| match at {
        4 | 7 => byte == b'-',
        _ => byte.is_ascii_digit(),
    };
    value.len() == 10 && value.bytes().enumerate().all(fits)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::day_month;

    #[test]
    fn dates_stay_dates() {
        let key = MaskKey::new([7; 32]);
        let numbers = |text: &str| -> Vec<u64> {
            text.split(|c: char| !c.is_ascii_digit()).filter_map(|run| run.parse().ok()).collect()
        };
        for seed in 0..200 {
            let draw = |value: &str| {
                date(&mut Draws::new(&key, Category::Date, &format!("{seed}{value}")), value)
                    .unwrap()
            };
            let check = |value: &str, order: [usize; 3]| {
                let out = draw(value);
                let parts = numbers(&out);
                assert_eq!(out.len(), value.len(), "{out}");
                let [day, month, _] = order.map(|place| parts[place]);
                assert!(day_month(day, month), "{value} gives {out}");
            };
            check("1978-05-10", [2, 1, 0]);
            check("31.12.1978", [0, 1, 2]);
            check("10/05/1978", [0, 1, 2]);
            check("10/05/1978", [1, 0, 2]);
            check("12/31/78", [1, 0, 2]);
            check("1.5.78", [0, 1, 2]);
            assert!(day_month(1, numbers(&draw("05/1978"))[0]));
            let compact = draw("19780510");
            assert!(day_month(compact[6..].parse().unwrap(), compact[4..6].parse().unwrap()));
            assert!(is_day(&draw("12 de mayo de 1978")) && is_day(&draw("12 Mai 1978")));
        }
    }
}
