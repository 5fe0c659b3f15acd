//! What a configuration says of texts that nobody has classified.

use portreeve_detect::{Categories, Category as Found, Detector, Finding, Options, TAXONOMY};
use portreeve_model::{Category, Unclassified};
use std::collections::BTreeMap;
use std::sync::LazyLock;

/// The rules of one resource.
#[derive(Clone, Debug)]
pub struct Screen {
    mode: Unclassified,
    detector: Detector,
    /// By category: findings below this score (percent) are nobody's.
    minimums: [u8; CATEGORIES],
    /// Categories for which the configuration gives a score.
    asked_for: Categories,
    /// A number that who writes values does not know.
    seed: u64,
}

/// Categories that a set has room for.
const CATEGORIES: usize = 64;

/// Categories whose values are shared by many, and are of use to people who may see nobody's
/// data: a town, a company, an occupation.
pub const ATTRIBUTES: [Found; 7] = [
    Found::Date,
    Found::Language,
    Found::Location,
    Found::Occupation,
    Found::Organisation,
    Found::Title,
    Found::Url,
];

/// A score that nothing has.
const NEVER: u8 = 101;

impl Default for Screen {
    fn default() -> Self {
        Self::new(Unclassified::Detect, &BTreeMap::new(), 0)
    }
}

impl Screen {
    /// Reads a configuration: the scores, in percent, from which on a finding of a category counts.
    /// Categories that no detector knows are left alone. What tells nobody apart ([`ATTRIBUTES`])
    /// counts only where a score is given for it.
    #[must_use]
    pub fn new(mode: Unclassified, minimums: &BTreeMap<Category, u8>, seed: u64) -> Self {
        let standard = Options::default().score_min;
        let mut all = [standard; CATEGORIES];
        for found in ATTRIBUTES {
            all[found as usize] = NEVER;
        }
        let mut asked_for = Categories::NONE;
        for (category, score) in minimums {
            if let Some(found) = Found::from_name(&category.0) {
                all[found as usize] = *score;
                asked_for = asked_for.with(found);
            }
        }
        let score_min = all.into_iter().min().unwrap_or(standard);
        let categories = Categories::ALL;
        let options = Options { score_min, categories, ..Options::default() };
        Self { mode, detector: Detector::new(options), minimums: all, asked_for, seed }
    }

    /// What happens to texts that nobody has classified.
    #[must_use]
    pub fn mode(&self) -> Unclassified {
        self.mode
    }

    pub(crate) fn detector(&self) -> Detector {
        self.detector
    }

    pub(crate) fn seed(&self) -> u64 {
        self.seed
    }

    /// Whether the configuration says from which score on findings of a category count.
    pub(crate) fn is_asked_for(&self, category: Found) -> bool {
        self.asked_for.contains(category)
    }

    /// Whether a finding counts.
    pub(crate) fn counts(&self, finding: &Finding) -> bool {
        finding.score >= self.minimums[finding.category as usize]
    }
}

/// A category of detectors, as policies and configurations know it.
pub(crate) fn category(found: Found) -> &'static Category {
    &NAMES[found as usize]
}

/// Every category that detectors find.
#[must_use]
pub fn categories() -> &'static [Category] {
    &NAMES
}

static NAMES: LazyLock<Vec<Category>> =
    LazyLock::new(|| TAXONOMY.iter().map(|entry| Category::from(entry.name)).collect());
