//! Events in the words of receivers.

mod cef;
mod ecs;
mod ocsf;
pub(crate) mod syslog;

use super::event::ExportEvent;
use schemars::JsonSchema;

/// How events are written.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, JsonSchema)]
#[schemars(rename_all = "lowercase")]
pub enum Encoding {
    /// JSON of the Open Cybersecurity Schema Framework 1.8.
    #[default]
    Ocsf,
    /// JSON of the Elastic Common Schema.
    Ecs,
    /// ArcSight's Common Event Format.
    Cef,
}

impl Encoding {
    /// The word in the configuration.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Ocsf => "ocsf",
            Self::Ecs => "ecs",
            Self::Cef => "cef",
        }
    }

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
