//! What the detector reports: a span, its category, how sure it is and why.

use crate::Category;
use serde::Serialize;
use std::ops::Range;

/// The kind of evidence behind a finding, weakest first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Evidence {
    /// The statistical model of names and places.
    Model,
    /// A word list.
    Lexicon,
    /// The shape of the value.
    Shape,
    /// The words before or after the value.
    Context,
    /// A check digit or another rule that few random values pass.
    Checksum,
    /// A check digit and the words around it.
    ChecksumAndContext,
}

/// One span of personal data.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Finding {
    /// First byte of the span in the text.
    pub start: usize,
    /// First byte after the span.
    pub end: usize,
    /// What it is.
    pub category: Category,
    /// How sure the detector is, in percent.
    pub score: u8,
    /// Why.
    pub evidence: Evidence,
    /// The rule that found it (`nl-bsn`, `names`, …), for people.
    pub rule: &'static str,
    /// Whether the span hides its value behind an encoding or look-alike characters.
    pub disguised: bool,
}

impl Finding {
    /// The span as a range of bytes.
    #[must_use]
    pub fn range(&self) -> Range<usize> {
        self.start..self.end
    }

    pub(crate) fn new(
        range: Range<usize>,
        category: Category,
        score: u8,
        evidence: Evidence,
        rule: &'static str,
    ) -> Self {
        Self {
            start: range.start,
            end: range.end,
            category,
            score,
            evidence,
            rule,
            disguised: false,
        }
    }
}

/// Keeps the best of overlapping findings and sorts the rest by position.
/// A finding inside another one of a higher score goes; of two that cross, the surer stays.
pub(crate) fn settle(findings: &mut Vec<Finding>, from: usize) {
    if findings.len() - from < 2 {
        return;
    }
    let tail = &mut findings[from..];
    tail.sort_unstable_by_key(|f| {
        (std::cmp::Reverse(f.score), std::cmp::Reverse(f.end - f.start), f.start, f.category)
    });
    let mut kept: Vec<Finding> = Vec::with_capacity(tail.len());
    for finding in tail.iter() {
        let mut finding = *finding;
        // Kept spans are disjoint and sorted, so only the neighbours can overlap.
        let at = kept.partition_point(|k| k.start < finding.start);
        if let Some(before) =
            at.checked_sub(1).and_then(|i| kept.get(i)).filter(|k| k.end > finding.start)
        {
            // What the model found is cut; other findings are whole or nothing.
            if finding.evidence != Evidence::Model || before.end >= finding.end {
                continue;
            }
            finding.start = before.end;
        }
        if let Some(next) = kept.get(at).filter(|k| k.start < finding.end) {
            if finding.evidence != Evidence::Model
                || next.start <= finding.start + 1
                || next.end < finding.end
            {
                continue;
            }
            finding.end = next.start;
        }
        kept.insert(at, finding);
    }
    findings.truncate(from);
    findings.extend_from_slice(&kept);
}
