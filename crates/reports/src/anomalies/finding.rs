//! What is found.

use portreeve_model::SessionId;
use serde::{Deserialize, Serialize};

/// Records that a finding names, the first that made it; how many there were is told beside.
pub const CITED_MAX: usize = 20;

/// Something that is unlike what was before.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Finding {
    /// `INDEX-RULE` or `INDEX-RULE-CATEGORY`: the record from which on it was known, and by what.
    pub id: String,
    /// The record from which on it was known: the last of its exchange.
    pub index: u64,
    /// When the exchange that completed it began, in microseconds since 1970.
    pub at_us: u64,
    /// The rule.
    pub rule: Rule,
    /// How much it matters.
    pub weight: Weight,
    /// In a sentence.
    pub message: String,
    /// The session in which it was completed.
    pub session: SessionId,
    /// On whose behalf.
    pub principal: String,
    /// Through which agents, planner first.
    pub actors: Vec<String>,
    /// Where.
    pub resource: String,
    /// The category, where it is about one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub category: Option<String>,
    /// What was counted.
    pub found: u64,
    /// The bound that it was compared with.
    pub bound: u64,
    /// The records of the exchanges that made it: where each is in the log.
    pub records: Vec<u64>,
    /// How many there were.
    pub records_count: u64,
}

impl Finding {
    /// It is about a category: its id says so, as one exchange may bring several to light.
    pub(super) fn about(&mut self, category: &str) {
        self.id = format!("{}-{category}", self.id);
        self.category = Some(category.to_owned());
    }
}

/// By what something is found.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Rule {
    /// A category for the first time.
    NewCategory,
    /// More rows than ever.
    Volume,
    /// Many refusals.
    Refusals,
    /// Many comparisons.
    Probing,
    /// Work at an unknown hour.
    Night,
    /// Fewer values are masked.
    MaskedShare,
}

impl Rule {
    /// Every rule.
    pub const ALL: [Self; 6] = [
        Self::NewCategory,
        Self::Volume,
        Self::Refusals,
        Self::Probing,
        Self::Night,
        Self::MaskedShare,
    ];

    /// Its word.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::NewCategory => "new-category",
            Self::Volume => "volume",
            Self::Refusals => "refusals",
            Self::Probing => "probing",
            Self::Night => "night",
            Self::MaskedShare => "masked-share",
        }
    }
}

/// How much a finding matters.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Weight {
    /// Worth knowing.
    Low,
    /// Worth a look.
    Medium,
    /// Somebody has to look.
    High,
}

impl Weight {
    /// Its word.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
        }
    }
}
