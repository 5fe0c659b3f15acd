//! Events in the words of receivers.

mod cef;
mod ecs;
mod ocsf;
pub(crate) mod syslog;

use super::event::ExportEvent;
use crate::config::Encoding;

impl Encoding {
    /// One line without its end.
    pub(crate) fn write(self, event: &ExportEvent) -> String {
        match self {
            Self::Ocsf => ocsf::event(event).to_string(),
            Self::Ecs => ecs::event(event).to_string(),
            Self::Cef => cef::line(event),
        }
    }

    /// The event as JSON; a line that is none is a string of it.
    pub(crate) fn json(self, event: &ExportEvent) -> serde_json::Value {
        match self {
            Self::Ocsf => ocsf::event(event),
            Self::Ecs => ecs::event(event),
            Self::Cef => cef::line(event).into(),
        }
    }
}

/// RFC 3339 in UTC, with milliseconds.
fn timestamp(at_us: u64) -> String {
    let at = i64::try_from(at_us / 1_000).unwrap_or(i64::MAX);
    jiff::Timestamp::from_millisecond(at)
        .map_or_else(|_| "1970-01-01T00:00:00.000Z".to_owned(), |at| format!("{at:.3}"))
}
