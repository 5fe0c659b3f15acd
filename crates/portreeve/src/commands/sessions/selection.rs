//! Which sessions and exchanges are meant: by time, resource and principal.

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use portreeve_control::config::parse_duration;
use portreeve_control::search::{Ended, Question, Verdicts};
use portreeve_model::Chain;
use std::time::SystemTime;

/// The options of all commands that look at several sessions.
#[derive(Clone, Debug, Default, clap::Args)]
pub(super) struct Selection {
    /// Only what happened from then on: `2026-11-22`, `2026-11-22T06:00:00Z`, or how long
    /// ago (`90m`, `24h`). Without a zone it is UTC.
    #[arg(long, value_name = "TIME", value_parser = moment)]
    since: Option<u64>,
    /// Only what happened before then.
    #[arg(long, value_name = "TIME", value_parser = moment)]
    until: Option<u64>,
    /// Only sessions at this resource.
    #[arg(long, value_name = "NAME")]
    resource: Option<String>,
    /// Only sessions on behalf of this person or service.
    #[arg(long, value_name = "NAME")]
    principal: Option<String>,
}

/// What `sessions ls` finds beside that. What is asked of exchanges is asked of one of them.
#[derive(Clone, Debug, Default, clap::Args)]
pub(super) struct Search {
    /// Only sessions in which this agent took part.
    #[arg(long, value_name = "NAME")]
    actor: Option<String>,
    /// Only sessions for this purpose, signed or stated.
    #[arg(long, value_name = "NAME")]
    purpose: Option<String>,
    /// Only with an exchange that needed this table, route or other object, or a part of it:
    /// `public.customers`.
    #[arg(long, value_name = "NAME")]
    object: Option<String>,
    /// Only with an exchange that asked for, or in whose reply was, this category: `email`.
    #[arg(long, value_name = "NAME")]
    category: Option<String>,
    /// Only with an exchange of this verdict.
    #[arg(long, value_name = "VERDICT", value_parser = ["allow", "review", "deny"])]
    verdict: Option<String>,
    /// Only with an exchange that ended so.
    #[arg(long, value_name = "END", value_parser = ["completed", "failed", "refused", "aborted"])]
    outcome: Option<String>,
    /// Only with an exchange that this rule refused or had reviewed.
    #[arg(long, value_name = "ID")]
    rule: Option<String>,
    /// Only with an exchange that has a statement of all these words (its verb, its shape, its
    /// objects; no constants): `"two words"` beside each other, `cust*` for a beginning.
    #[arg(long, value_name = "WORDS")]
    text: Option<String>,
    /// Go on behind a list before: the number that it ended with.
    #[arg(long, value_name = "N")]
    before: Option<u64>,
}

impl Search {
    /// As the index is asked.
    pub(super) fn question(self, selection: &Selection, limit: usize) -> Question {
        Question {
            since_us: selection.since,
            until_us: selection.until,
            principal: selection.principal.clone(),
            resource: selection.resource.clone(),
            actor: self.actor,
            purpose: self.purpose,
            object: self.object,
            category: self.category,
            verdict: self.verdict.map(|word| match word.as_str() {
                "allow" => Verdicts::Allow,
                "review" => Verdicts::Review,
                _ => Verdicts::Deny,
            }),
            outcome: self.outcome.map(|word| match word.as_str() {
                "completed" => Ended::Completed,
                "failed" => Ended::Failed,
                "refused" => Ended::Refused,
                _ => Ended::Aborted,
            }),
            rule: self.rule,
            text: self.text,
            before: self.before,
            limit: Some(limit),
        }
    }
}

impl Selection {
    /// Whether a time, in microseconds since 1970, is meant.
    pub(super) fn has_time(&self, at_us: u64) -> bool {
        self.since.is_none_or(|since| at_us >= since)
            && self.until.is_none_or(|until| at_us < until)
    }

    /// Whether sessions at this resource on behalf of this chain are meant.
    pub(super) fn has_session(&self, resource: &str, chain: &Chain) -> bool {
        let is_principal = |name: &String| *name == chain.principal.subject;
        self.resource.as_ref().is_none_or(|name| name == resource)
            && self.principal.as_ref().is_none_or(is_principal)
    }
}

/// Reads a moment as microseconds since 1970.
pub(in crate::commands) fn moment(text: &str) -> Result<u64, String> {
    if let Some(ago) = parse_duration(text) {
        let then = SystemTime::now().checked_sub(ago).ok_or("that is before all time")?;
        let since = then.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        return u64::try_from(since.as_micros()).map_err(|_| "it is out of range".to_owned());
    }
    let utc = |at: DateTime| at.to_zoned(TimeZone::UTC).ok().map(|zoned| zoned.timestamp());
    let at = text
        .parse::<jiff::Timestamp>()
        .ok()
        .or_else(|| utc(text.parse::<DateTime>().ok()?))
        .or_else(|| utc(text.parse::<Date>().ok()?.to_datetime(jiff::civil::Time::midnight())))
        .ok_or("write `2026-11-22`, `2026-11-22T06:00:00Z`, or how long ago: `90m`, `24h`")?;
    u64::try_from(at.as_microsecond()).map_err(|_| "it is before 1970".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_read_in_every_form_and_nonsense_is_not() {
        let noon = 1_700_000_000_000_000;
        for text in ["2023-11-14T22:13:20Z", "2023-11-14T23:13:20+01:00", "2023-11-14T22:13:20"] {
            assert_eq!(moment(text), Ok(noon), "{text}");
        }
        assert_eq!(moment("2023-11-14"), Ok(noon - 80_000_000_000));
        let ago = moment("1h").unwrap();
        let now = moment("0s").unwrap();
        assert!(now - ago >= 3_600_000_000 && now - ago < 3_700_000_000);
        for text in ["", "yesterday", "2023-13-01", "1900-01-01", "-5m"] {
            assert!(moment(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_window_has_its_beginning_and_not_its_end() {
        let window = Selection { since: Some(10), until: Some(20), ..Selection::default() };
        let has: Vec<u64> = (8..22).filter(|at| window.has_time(*at)).collect();
        assert_eq!((has.first(), has.last()), (Some(&10), Some(&19)));
        assert!(Selection::default().has_time(0));
    }
}
