//! What the configuration says of what a case is about, and which of its settings closes a leak.

use portreeve_model::Category;

/// What keeps a value back, as the configuration has it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Protection {
    /// Nobody says anything, and the value passes.
    OpenCleared,
    /// Nobody says anything, and detectors look through texts.
    OpenDetected,
    /// Nobody says anything, and texts are masked whole.
    OpenMasked,
    /// Somebody has said that nobody's data is there.
    Cleared,
    /// It has appeared since somebody looked: masked whole.
    Unknown,
    /// It holds personal data.
    Classified(Category),
}

/// What a case is about.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Subject {
    /// A pattern that names it in the configuration.
    pub pattern: String,
    /// What it would be classified as.
    pub category: String,
    /// What keeps it back.
    pub protection: Protection,
    /// Patterns of the configuration that name nothing: one may have meant it.
    pub misspelt: Vec<String>,
}

impl Protection {
    /// Whether policy is asked before a value shows or is compared.
    #[must_use]
    pub const fn is_closed(&self) -> bool {
        matches!(self, Self::Unknown | Self::Classified(_))
    }
}

impl Subject {
    /// In plain words, how a value that showed is kept back.
    #[must_use]
    pub fn remedy(&self) -> String {
        let Self { pattern, category, .. } = self;
        let line = format!("`{pattern}: {category}`");
        let remedy = match &self.protection {
            Protection::Classified(category) => format!(
                "a policy with `action == Action::\"reveal\"` shows `{category}` to this chain: \
                 narrow it, or run this as somebody to whom nothing is shown. If no policy does, \
                 this is a fault of the gateway: see SECURITY.md"
            ),
            Protection::Unknown => "`known_columns` should have kept this back: send the running \
                                    gateway SIGHUP. If it still shows, this is a fault of the \
                                    gateway: see SECURITY.md"
                .to_owned(),
            Protection::Cleared => format!(
                "`classify` clears it: write {line} instead of `{{ clear: … }}`, if it holds \
                 values of people"
            ),
            Protection::OpenCleared => format!(
                "nobody classifies it, and `unclassified: {{ clear: … }}` lets it pass: add {line} \
                 to `classify`, and set `unclassified: detect` or `mask`"
            ),
            Protection::OpenDetected => format!(
                "nobody classifies it, and detectors only see plain texts: add {line} to \
                 `classify`, or keep what is new closed with `known_columns` \
                 (`portreeve discover --adopt`)"
            ),
            Protection::OpenMasked => format!(
                "nobody classifies it, and `unclassified: mask` masks texts alone: add {line} to \
                 `classify`"
            ),
        };
        match self.misspelt.is_empty() || self.protection.is_closed() {
            true => remedy,
            false => {
                let names: Vec<String> =
                    self.misspelt.iter().map(|name| format!("`{name}`")).collect();
                format!("{remedy}; {} of `classify` names nothing: a typo?", names.join(", "))
            }
        }
    }
}
