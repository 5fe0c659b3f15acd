//! Follows a log that grows: what was read is not read again.

use crate::error::Error;
use crate::format::frame::{Frame, Kind};
use crate::format::segment::{self, Between};
use crate::reader::entry::Entry;
use crate::reader::log_reader::{LogReader, visit_leaves};
use std::ops::ControlFlow;

/// Where a follower goes on: between two batches, the roots before it checked.
#[derive(Clone, Debug)]
pub struct Place {
    segment: u64,
    between: Between,
}

impl LogReader {
    /// Visits the leaves with indexes from `from` on, in order, as far as a checkpoint of `size`
    /// leaves goes, until told to stop. `place` is where the time before ended, and becomes where
    /// this time does; without one, reading begins with a segment.
    ///
    /// # Errors
    /// Those of [`Self::for_each`].
    pub fn follow(
        &self,
        place: &mut Option<Place>,
        from: u64,
        size: u64,
        mut visit: impl FnMut(Entry<'_>) -> Result<ControlFlow<()>, Error>,
    ) -> Result<(), Error> {
        let numbers = self.numbers()?;
        let is_here =
            |known: &Place| known.between.edge.size() <= from && numbers.contains(&known.segment);
        let mut known = place.take().filter(is_here);
        let first = match &known {
            Some(known) => known.segment,
            None => self.segment_of(from)?,
        };
        for number in numbers.iter().copied().filter(|number| *number >= first) {
            let visit = &mut |entry: Entry<'_>| match entry.index {
                index if index >= size => Ok(ControlFlow::Break(())),
                index if index < from => Ok(ControlFlow::Continue(())),
                _ => visit(entry),
            };
            match self.follow_segment(number, known.take(), size, visit)? {
                // What is not there yet may come in the next segment.
                Some((between, ControlFlow::Continue(()))) if between.edge.size() < size => {}
                Some((between, _)) => {
                    *place = Some(Place { segment: number, between });
                    break;
                }
                None => break,
            }
        }
        Ok(())
    }

    /// Visits what a segment holds behind a known place, or all of it; gives the place behind what
    /// was visited, and whether to go on. None where nothing is committed in it yet.
    fn follow_segment(
        &self,
        number: u64,
        known: Option<Place>,
        size: u64,
        visit: &mut impl FnMut(Entry<'_>) -> Result<ControlFlow<()>, Error>,
    ) -> Result<Option<(Between, ControlFlow<()>)>, Error> {
        let start = known.as_ref().map_or(0, |known| known.between.offset);
        let bytes = self.read_within(number, start, usize::MAX)?;
        // A segment begins with its head, which says the same.
        let begun = match known.filter(|known| known.between.offset > 0) {
            Some(known) => Some((known.between, 0)),
            None => segment::begin(&bytes, self.key()).map(|(_, begun, first)| (begun, first)),
        };
        let Some((before, first)) = begun else { return Ok(None) };
        let mut frames = Vec::new();
        let (begun, key) = (before.clone(), self.key());
        let walked = segment::walk_batches(&bytes, first, begun, size, key, |frame| {
            frames.push(*frame);
        });
        let Some((after, _)) = walked else { return Ok(None) };
        let mut next = before.edge.size();
        let flow = visit_leaves(number, start, next, &frames, &mut |entry| {
            next = entry.index + 1;
            visit(entry)
        })?;
        Ok(Some(match flow {
            ControlFlow::Continue(()) => (after, flow),
            ControlFlow::Break(()) => (behind(before, &frames, next), flow),
        }))
    }
}

/// The last place between batches with no leaf before it that is not before `next`.
fn behind(before: Between, frames: &[Frame<'_>], next: u64) -> Between {
    let start = before.offset;
    let mut last = before;
    let mut edge = last.edge.clone();
    for frame in frames {
        match frame.kind {
            Kind::Leaf if edge.size() >= next => break,
            Kind::Leaf => edge.push(frame.hash),
            Kind::Footer => last = Between { offset: start + frame.end(), edge: edge.clone() },
            Kind::Head | Kind::Payload => {}
        }
    }
    last
}
