//! Which stretches of a text findings cover, asked for in logarithmic time.

use super::Finding;
use std::ops::Range;

/// The stretches of some findings, by where they begin, each with the furthest end so far.
#[derive(Default)]
pub(crate) struct Cover(Vec<(usize, usize)>);

impl Cover {
    pub(crate) fn of<'f>(findings: impl Iterator<Item = &'f Finding>) -> Self {
        let mut stretches: Vec<_> = findings.map(|f| (f.start, f.end)).collect();
        stretches.sort_unstable();
        let mut furthest = 0;
        for (_, end) in &mut stretches {
            furthest = furthest.max(*end);
            *end = furthest;
        }
        Self(stretches)
    }

    /// Whether one finding covers all of a range.
    pub(crate) fn holds(&self, range: &Range<usize>) -> bool {
        self.furthest(range.start + 1) >= range.end
    }

    /// Whether a finding overlaps a range.
    pub(crate) fn touches(&self, range: &Range<usize>) -> bool {
        self.furthest(range.end) > range.start
    }

    /// The furthest end of the findings that begin before `at`.
    fn furthest(&self, at: usize) -> usize {
        let count = self.0.partition_point(|(start, _)| *start < at);
        count.checked_sub(1).map_or(0, |last| self.0[last].1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::Evidence;
    use crate::finding::category::Category;

    #[test]
    fn covers_what_one_finding_covers_and_touches_what_any_does() {
        let finding = |range| Finding::new(range, Category::Email, 90, Evidence::Shape, "test");
        let found = [finding(4..9), finding(2..3), finding(6..7)];
        let cover = Cover::of(found.iter());
        assert!(cover.holds(&(4..9)) && cover.holds(&(5..8)) && cover.holds(&(7..8)));
        assert!(!cover.holds(&(2..9)) && !cover.holds(&(3..5)) && !cover.holds(&(8..10)));
        assert!(cover.touches(&(0..3)) && cover.touches(&(8..20)));
        assert!(!cover.touches(&(0..2)) && !cover.touches(&(3..4)) && !cover.touches(&(9..20)));
        assert!(!Cover::default().touches(&(0..9)));
    }
}
