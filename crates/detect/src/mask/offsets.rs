//! Offsets of a text in another that was made from it by replacing spans.

use std::ops::Range;

/// Where the spans of one text (the source) are in another (the target) that differs from it in
/// some places only. Offsets are bytes. An offset outside the differing places has exactly one
/// counterpart; one within such a place is carried to the place's beginning.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct OffsetMap {
    /// The differing places, in order and disjoint.
    places: Vec<Place>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
struct Place {
    source: Range<usize>,
    target: Range<usize>,
}

impl OffsetMap {
    /// Adds the next differing place: `length` bytes stand for `source`.
    pub(super) fn push(&mut self, source: Range<usize>, length: usize) {
        let start = self.to_target(source.start);
        self.places.push(Place { source, target: start..start + length });
    }

    /// Carries an offset of the source to the target.
    #[must_use]
    pub fn to_target(&self, offset: usize) -> usize {
        self.carry(offset, TO_TARGET)
    }

    /// Carries an offset of the target to the source.
    #[must_use]
    pub fn to_source(&self, offset: usize) -> usize {
        self.carry(offset, TO_SOURCE)
    }

    /// The smallest span of the target that holds all of a span of the source.
    #[must_use]
    pub fn target_range(&self, range: Range<usize>) -> Range<usize> {
        self.carry_range(range, TO_TARGET)
    }

    /// The smallest span of the source that holds all of a span of the target.
    #[must_use]
    pub fn source_range(&self, range: Range<usize>) -> Range<usize> {
        self.carry_range(range, TO_SOURCE)
    }

    /// The places that differ: span of the source, span of the target.
    pub fn places(&self) -> impl Iterator<Item = (Range<usize>, Range<usize>)> + '_ {
        self.places.iter().map(|p| (p.source.clone(), p.target.clone()))
    }

    /// The first counterpart of what begins at an offset.
    fn carry(&self, offset: usize, sides: Sides) -> usize {
        let next = self.places.partition_point(|place| sides(place).0.end <= offset);
        match self.places.get(next).map(sides) {
            Some((from, to)) if from.start <= offset => to.start,
            _ => self.carry_behind(next, offset, sides),
        }
    }

    fn carry_range(&self, range: Range<usize>, sides: Sides) -> Range<usize> {
        let start = self.carry(range.start, sides);
        let next = self.places.partition_point(|place| sides(place).0.end < range.end);
        let end = match self.places.get(next).map(sides) {
            Some((from, to)) if from.start < range.end => to.end,
            _ => self.carry_behind(next, range.end, sides),
        };
        start..end.max(start)
    }

    /// The counterpart of an offset that lies between the places `next - 1` and `next`.
    fn carry_behind(&self, next: usize, offset: usize, sides: Sides) -> usize {
        match next.checked_sub(1).and_then(|last| self.places.get(last)).map(sides) {
            Some((from, to)) => to.end + (offset - from.end),
            None => offset,
        }
    }
}

/// A place's side that an offset is of, and the other one.
type Sides = fn(&Place) -> (&Range<usize>, &Range<usize>);

const TO_TARGET: Sides = |place| (&place.source, &place.target);
const TO_SOURCE: Sides = |place| (&place.target, &place.source);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_go_there_and_back() {
        // `ab[cde]fg[h]` to `ab[X]fg[YZW]`.
        let mut map = OffsetMap::default();
        map.push(2..5, 1);
        map.push(7..8, 3);
        let there: Vec<usize> = (0..=9).map(|offset| map.to_target(offset)).collect();
        assert_eq!(there, [0, 1, 2, 2, 2, 3, 4, 5, 8, 9]);
        let back: Vec<usize> = (0..=9).map(|offset| map.to_source(offset)).collect();
        assert_eq!(back, [0, 1, 2, 5, 6, 7, 7, 7, 8, 9]);
    }

    #[test]
    fn ranges_hold_all_of_a_place() {
        let mut map = OffsetMap::default();
        map.push(2..5, 1);
        map.push(7..8, 0);
        assert_eq!(map.target_range(3..4), 2..3);
        assert_eq!(map.target_range(0..2), 0..2);
        assert_eq!(map.target_range(5..6), 3..4);
        assert_eq!(map.source_range(2..3), 2..5);
        assert_eq!(map.source_range(4..5), 6..7, "nothing of what is gone");
        assert_eq!(map.target_range(7..8), 5..5);
    }
}
