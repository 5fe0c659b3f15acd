//! How long recordings are kept: the rules, and which of them holds for a session.

use crate::custody::kept::Kept;
use portreeve_model::Category;
use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

/// The rules. What none of them names is kept for ever.
#[derive(Clone, Debug, Default)]
pub struct Retention {
    /// For every recording.
    pub default: Option<Duration>,
    /// For recordings at a resource.
    pub resources: BTreeMap<String, Duration>,
    /// For recordings in which values of a category passed, masked or revealed.
    pub categories: BTreeMap<Category, Duration>,
    /// For the records themselves: older segments of the log may go, recordings that are
    /// still readable included.
    pub log: Option<Duration>,
}

/// A rule, as the record of a destruction names it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Rule {
    pub(crate) after: Duration,
    what: String,
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const DAY: u64 = 24 * 60 * 60;
        write!(f, "retention: {} ", self.what)?;
        match (self.after.as_secs(), self.after.subsec_millis()) {
            (seconds, 0) if seconds >= DAY && seconds.is_multiple_of(DAY) => {
                write!(f, "{}d", seconds / DAY)
            }
            (seconds, 0) => write!(f, "{seconds}s"),
            (_, _) => write!(f, "{}ms", self.after.as_millis()),
        }
    }
}

impl Retention {
    /// The shortest of all rules that a session falls under.
    pub(crate) fn rule_for(&self, kept: &Kept) -> Option<Rule> {
        let rule = |what: String, after: &Duration| Rule { after: *after, what };
        let default = self.default.as_ref().map(|after| rule("default".to_owned(), after));
        let resource = self.resources.get(&kept.resource);
        let resource = resource.map(|after| rule(format!("resource `{}`", kept.resource), after));
        let categories = self
            .categories
            .iter()
            .filter(|(category, _)| kept.categories.contains(category))
            .map(|(category, after)| rule(format!("category `{category}`"), after));
        categories.chain(default).chain(resource).min()
    }

    /// The rule for the records themselves.
    pub(crate) fn rule_of_log(&self) -> Option<Rule> {
        self.log.map(|after| Rule { after, what: "log".to_owned() })
    }
}
