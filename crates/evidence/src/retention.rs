//! How long recordings are kept: the rules, and which of them holds for a session.

use crate::custody::Kept;
use portreeve_model::Category;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// Says of which category a column of a resource is.
pub type CategoryOf = Arc<dyn Fn(&str, &str) -> Option<Category> + Send + Sync>;

/// The rules. What none of them names is kept for ever.
#[derive(Clone)]
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
    /// The category of a column that somebody saw unmasked; where it says none, the
    /// strictest rule of all categories holds.
    pub category_of: CategoryOf,
}

impl Default for Retention {
    fn default() -> Self {
        Self {
            default: None,
            resources: BTreeMap::new(),
            categories: BTreeMap::new(),
            log: None,
            category_of: Arc::new(|_, _| None),
        }
    }
}

impl fmt::Debug for Retention {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Retention")
            .field("default", &self.default)
            .field("resources", &self.resources)
            .field("categories", &self.categories)
            .field("log", &self.log)
            .finish_non_exhaustive()
    }
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
        let masked = kept.categories.iter().cloned();
        let mut unknown = false;
        let revealed = kept.revealed.iter().filter_map(|column| {
            let category = (self.category_of)(&kept.resource, column);
            unknown |= category.is_none();
            category
        });
        let seen: Vec<Category> = masked.chain(revealed).collect();
        let categories = self
            .categories
            .iter()
            .filter(|(category, _)| unknown || seen.contains(category))
            .map(|(category, after)| rule(format!("category `{category}`"), after));
        categories.chain(default).chain(resource).min()
    }

    /// The rule for the records themselves.
    pub(crate) fn rule_of_log(&self) -> Option<Rule> {
        self.log.map(|after| Rule { after, what: "log".to_owned() })
    }
}
