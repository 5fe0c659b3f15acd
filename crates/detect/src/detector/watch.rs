//! A column as its values pass: what repeats is not looked at again, and what is clean for certain
//! is not looked at at all.
//!
//! A column of kinds, hashes or numbers costs next to nothing, and nothing is believed because it
//! was true of the values before: every value is one that was looked at before, letter for letter,
//! or clean by its own bytes, or looked at now. So a change in what a column holds leaks nothing
//! before it is noticed; a property test compares with looks at every value.
//!
//! ```
//! use portreeve_detect::{ColumnWatch, Detector, ValueContext};
//! let context = ValueContext::of("note", &["email"]);
//! let mut watch = ColumnWatch::new(Detector::default(), context, 7);
//! let mut findings = Vec::new();
//! watch.scan("paid", &mut findings);
//! watch.scan("call +49 171 1234567", &mut findings);
//! assert_eq!(findings.len(), 1);
//! ```

use super::Detector;
use crate::context::value::ValueContext;
use crate::finding::Finding;
use std::hash::{DefaultHasher, Hash, Hasher};

/// Values that are remembered at first, those that are remembered once a column has shown that it
/// is long, and the longest of them.
const KEPT: usize = 64;
const KEPT_MOST: usize = 1024;
const KEPT_BYTES_MAX: usize = 64;

/// Places that a value may be kept at: one place for each would be fought over.
const WAYS: usize = 4;

/// Looks after which values are remembered: most replies are too short to repeat any.
const KEPT_FROM: u64 = 8;

/// Looks after which more are remembered, and those after which a column whose values do not repeat
/// is asked for repetitions seldom.
const LONG: u64 = 256;
const TRIAL: u64 = 2048;
const SELDOM: u64 = 32;

/// What passed in a column.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Passed {
    /// Values.
    pub values: u64,
    /// Values that were looked at in full.
    pub looks: u64,
    /// Values that had been looked at before.
    pub repeats: u64,
    /// Values in which something was found.
    pub personal: u64,
}

/// A value that was looked at, and what was found in it. An empty one holds nothing and is never
/// kept.
#[derive(Clone, Debug, Default)]
struct Kept {
    text: String,
    findings: Vec<Finding>,
}

/// The values of one column, one after the other.
#[derive(Clone, Debug)]
pub struct ColumnWatch {
    detector: Detector,
    context: ValueContext,
    kept: Vec<Kept>,
    seed: u64,
    passed: Passed,
}

impl ColumnWatch {
    /// For a column of which no value has been seen. The seed is a number that who writes
    /// values does not know.
    #[must_use]
    pub fn new(detector: Detector, context: ValueContext, seed: u64) -> Self {
        Self { detector, context, kept: Vec::new(), seed, passed: Passed::default() }
    }

    /// Appends what is found in the next value to `out`: what [`Detector::scan_value`] finds.
    pub fn scan(&mut self, text: &str, out: &mut Vec<Finding>) {
        let from = out.len();
        self.passed.values += 1;
        if text.is_empty() || self.detector.is_clean(text, self.context) {
            return;
        }
        if text.len() > KEPT_BYTES_MAX || !self.is_worth_keeping() {
            self.passed.looks += 1;
            self.detector.scan_long(text, self.context, out);
        } else {
            self.remembered(text, out);
        }
        self.passed.personal += u64::from(out.len() > from);
    }

    /// Looks at a value, or remembers what was found in it.
    fn remembered(&mut self, text: &str, out: &mut Vec<Finding>) {
        let size = if self.passed.looks < LONG { KEPT } else { KEPT_MOST };
        if self.kept.len() != size {
            self.kept = vec![Kept::default(); size];
        }
        let hash = self.hash(text);
        let first = hash % (size / WAYS) * WAYS;
        let ways = &mut self.kept[first..first + WAYS];
        if let Some(kept) = ways.iter().find(|kept| kept.text == text) {
            self.passed.repeats += 1;
            out.extend_from_slice(&kept.findings);
            return;
        }
        self.passed.looks += 1;
        let from = out.len();
        self.detector.scan(text, self.context, out);
        // One after the other makes room.
        let kept = &mut ways[self.passed.looks as usize % WAYS];
        text.clone_into(&mut kept.text);
        out[from..].clone_into(&mut kept.findings);
    }

    /// What is known of the column's values.
    #[must_use]
    pub fn context(&self) -> ValueContext {
        self.context
    }

    /// What passed so far.
    #[must_use]
    pub fn passed(&self) -> Passed {
        self.passed
    }

    /// Nobody who writes values is to choose where they are kept.
    fn hash(&self, text: &str) -> usize {
        let mut hasher = DefaultHasher::new();
        (self.seed, text).hash(&mut hasher);
        hasher.finish() as usize
    }

    /// Whether values repeat so often that remembering them pays; tried again now and then.
    fn is_worth_keeping(&self) -> bool {
        let Passed { values, looks, repeats, .. } = self.passed;
        looks >= KEPT_FROM && (looks < TRIAL || repeats * 4 >= looks || values % SELDOM == 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Values as columns have them, which change their kind without a word.
    fn value() -> impl Strategy<Value = String> {
        prop_oneof![
            "[a-z]{1,8}",
            "(open|closed|paid|void)",
            "[0-9]{1,16}",
            "[0-9]{1,4}\\.[0-9]{1,3}",
            "[0-9a-f]{40}",
            "[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}",
            "(4111111111111111|5425 2334 3010 9903|111222333|514-69-0360)",
            "(eva@example\\.org|Eva Muster|diabetes|\\+49 171 1234567)",
            "[ -~]{0,24}",
        ]
    }

    proptest! {
        #[test]
        fn a_watched_column_has_the_findings_of_every_value(
            column in prop_oneof!["status", "ssn", "first_name", "note", ""],
            values in prop::collection::vec((value(), 1_usize..4), 1..40),
        ) {
            let context = ValueContext::of(&column, &[]);
            let mut watch = ColumnWatch::new(Detector::default(), context, 7);
            for (value, times) in values {
                for _ in 0..times {
                    let (mut watched, mut full) = (Vec::new(), Vec::new());
                    watch.scan(&value, &mut watched);
                    Detector::default().scan_fully(&value, context, &mut full);
                    prop_assert_eq!(&watched, &full, "{} in {}", value, column);
                }
            }
        }

        #[test]
        fn what_is_clean_has_no_finding(value in value()) {
            let mut found = Vec::new();
            Detector::default().scan_fully(&value, ValueContext::NONE, &mut found);
            let clean = Detector::default().is_clean(&value, ValueContext::NONE);
            prop_assert!(!clean || found.is_empty(), "{} has {:?}", value, found);
        }
    }

    #[test]
    fn a_few_hundred_values_that_come_again_are_looked_at_a_few_times() {
        let mut watch = ColumnWatch::new(Detector::default(), ValueContext::of("at", &[]), 7);
        let find = |watch: &mut ColumnWatch, text: &str| {
            let mut found = Vec::new();
            watch.scan(text, &mut found);
            found
        };
        let streets: Vec<String> = (1..=300).map(|i| format!("Gartenstraße {i}")).collect();
        let alone: Vec<_> = streets
            .iter()
            .map(|street| {
                find(&mut ColumnWatch::new(Detector::default(), watch.context(), 7), street)
            })
            .collect();
        for _ in 0..20 {
            for (street, expect) in streets.iter().zip(&alone) {
                assert_eq!(&find(&mut watch, street), expect, "{street}");
            }
        }
        let passed = watch.passed();
        assert!(passed.repeats > passed.values * 3 / 4, "{passed:?}");
    }

    #[test]
    fn repeated_values_are_looked_at_once_and_hashes_never() {
        let mut watch = ColumnWatch::new(Detector::default(), ValueContext::of("state", &[]), 7);
        let mut found = Vec::new();
        for _ in 0..100 {
            for value in ["In Transit To Depot", "Waiting For Payment", "Eva Muster"] {
                watch.scan(value, &mut found);
            }
            watch.scan("3f786850e387550fdab836ed7e6dc881de23001b", &mut found);
        }
        let passed = watch.passed();
        assert!(passed.looks <= 30 && passed.values == 400, "{passed:?}");
        assert!(passed.personal >= 100, "{passed:?}");
    }
}
