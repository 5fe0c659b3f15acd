//! What the detector reports: a span, its category, how sure it is and why.

pub(crate) mod category;
pub(crate) mod cover;

use category::Category;
use serde::Serialize;
use std::cmp::Reverse;
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

/// Settles overlaps and sorts by position. The surer finding stays; of a less sure one stays what
/// the others do not cover, for its letters and digits are somebody's data all the same.
pub(crate) fn settle(text: &str, findings: &mut Vec<Finding>, from: usize) {
    if findings.len() - from < 2 {
        return;
    }
    if let Some(whole) = surest_and_widest(&findings[from..]) {
        findings[from] = whole;
        findings.truncate(from + 1);
        return;
    }
    findings[from..].sort_by_key(|f| f.start);
    // Mostly nothing overlaps.
    let is_behind = |pair: &[Finding]| pair[1].start >= pair[0].end;
    if findings[from..].windows(2).all(is_behind) {
        return;
    }
    let mut kept = Vec::with_capacity(findings.len() - from);
    let mut rest = &mut findings[from..];
    while let Some(first) = rest.first() {
        // Stretches that nothing crosses are settled alone, so that a text with many findings
        // costs no more for each of them.
        let mut end = first.end;
        let mut count = 1;
        while let Some(next) = rest.get(count).filter(|f| f.start < end) {
            end = end.max(next.end);
            count += 1;
        }
        let (stretch, behind) = rest.split_at_mut(count);
        match stretch {
            [alone] => kept.push(*alone),
            _ => settle_stretch(text, stretch, &mut kept),
        }
        rest = behind;
    }
    findings.truncate(from);
    findings.extend_from_slice(&kept);
}

/// Which of two findings is the surer one: it comes first.
fn rank(f: &Finding) -> impl Ord + use<> {
    // A web address is the frame of what stands in it.
    let frame = f.category == Category::Url;
    (frame, Reverse(f.score), Reverse(f.end - f.start), f.start, f.category)
}

/// The finding that is surer than all others and covers them, so that nothing of them stays.
fn surest_and_widest(findings: &[Finding]) -> Option<Finding> {
    // What does not cover all others is none, however sure it is.
    let start = findings.iter().map(|f| f.start).min()?;
    let end = findings.iter().map(|f| f.end).max()?;
    let mut wide = findings.iter().filter(|f| (f.start, f.end) == (start, end));
    let mut whole = wide.next()?;
    for other in wide {
        if rank(other) < rank(whole) {
            whole = other;
        }
    }
    let rank_of_whole = rank(whole);
    let surer = findings.iter().filter(|f| rank(f) <= rank_of_whole).count();
    (surer == 1).then_some(*whole)
}

/// Settles findings that overlap, and appends what stays to `kept`, disjoint and sorted.
fn settle_stretch(text: &str, stretch: &mut [Finding], kept: &mut Vec<Finding>) {
    let from = kept.len();
    stretch.sort_unstable_by_key(rank);
    for finding in stretch.iter() {
        let mut start = finding.start;
        let mut at = from + kept[from..].partition_point(|k| k.end <= start);
        while start < finding.end {
            let next = kept.get(at).map_or(usize::MAX, |k| k.start);
            let end = next.min(finding.end);
            let piece = text.get(start..end).unwrap_or_default();
            let inner = piece.trim_start_matches(is_mark);
            // What a name leaves in small letters is no name.
            let named = finding.evidence != Evidence::Model || inner.contains(char::is_uppercase);
            if (start, end) == (finding.start, finding.end) {
                // A whole finding keeps its marks.
                kept.insert(at, *finding);
                at += 1;
            } else if !inner.is_empty() && named {
                let start = end - inner.len();
                let end = start + inner.trim_end_matches(is_mark).len();
                kept.insert(at, Finding { start, end, ..*finding });
                at += 1;
            }
            let Some(over) = kept.get(at) else { break };
            start = over.end;
            at += 1;
        }
    }
}

fn is_mark(c: char) -> bool {
    !c.is_alphanumeric()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_a_finding_is_lost_to_a_surer_one() {
        let text = "at 12 Main Street, call +44 20 7946 0958, 3rd floor";
        let finding = |range: std::ops::Range<usize>, score| {
            Finding::new(range, Category::Address, score, Evidence::Lexicon, "test")
        };
        let mut found = vec![finding(3..51, 60), finding(24..40, 90), finding(19..30, 50)];
        settle(text, &mut found, 0);
        let spans: Vec<_> = found.iter().map(|f| &text[f.range()]).collect();
        assert_eq!(spans, ["12 Main Street, call", "+44 20 7946 0958", "3rd floor"]);
    }

    #[test]
    fn marks_are_kept_whatever_stands_beside_them() {
        let text = "password: %!#&-$!%, eva@example.org";
        let finding =
            |range, category| Finding::new(range, category, 90, Evidence::Context, "test");
        let expect = [finding(10..18, Category::Secret), finding(20..35, Category::Email)];
        let mut found = expect.to_vec();
        settle(text, &mut found, 0);
        assert_eq!(found, expect);
    }

    #[test]
    fn many_findings_cost_each_no_more() {
        let text = "x".repeat(1_200_000);
        let mut found: Vec<Finding> = (0..300_000)
            .map(|i| {
                let score = if i % 2 == 0 { 60 } else { 90 };
                Finding::new(i * 4..i * 4 + 3, Category::Secret, score, Evidence::Shape, "test")
            })
            .collect();
        let expect = found.clone();
        let start = std::time::Instant::now();
        settle(&text, &mut found, 0);
        assert!(start.elapsed().as_secs() < 5, "{:?}", start.elapsed());
        assert!(found == expect);
    }
}
