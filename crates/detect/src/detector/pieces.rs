//! A text that is looked at in pieces: what is far away says nothing about a value, so that the
//! time for a long text grows with its length only, and memory does not grow with it.
//!
//! A piece ends at white space outside of every finding. The end of the piece before stays in
//! sight, and the table that is open there is remembered.

use super::{Detector, cut};
use crate::context::fields::Tables;
use crate::context::value::ValueContext;
use crate::finding::Finding;

/// Text that is looked at in one piece, in bytes.
pub const PIECE_BYTES: usize = 64 << 10;

/// How much of the text before a piece stays in sight.
const CONTEXT_BYTES: usize = 256;

/// Whether more of a text comes behind what is there.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Rest {
    /// The text goes on.
    Comes,
    /// This is the end of the text.
    Ends,
}

/// A look at a text piece by piece.
#[derive(Clone, Debug, Default)]
pub struct Pieces {
    detector: Detector,
    context: ValueContext,
    tables: Tables,
    /// How much of what is in sight has been looked at before.
    seen: usize,
}

impl Pieces {
    /// For a text that has not begun.
    #[must_use]
    pub fn new(detector: Detector) -> Self {
        Self { detector, ..Self::default() }
    }

    /// For a text of which something is known.
    #[must_use]
    pub fn of_value(detector: Detector, context: ValueContext) -> Self {
        Self { detector, context, ..Self::default() }
    }

    /// How much of the beginning of what is in sight was looked at before.
    #[must_use]
    pub fn seen(&self) -> usize {
        self.seen
    }

    /// Looks at what is in sight. Appends the findings behind [`Self::seen`] to `out` and gives
    /// where they end to be final; nothing while there is no place to cut the text.
    pub fn look(&self, text: &str, rest: Rest, out: &mut Vec<Finding>) -> Option<usize> {
        let from = out.len();
        self.detector.scan_within(text, self.context, &self.tables, out);
        let end = match rest {
            Rest::Ends => text.len(),
            Rest::Comes => cut(text, &out[from..]),
        };
        if end <= self.seen && rest == Rest::Comes {
            out.truncate(from);
            return None;
        }
        let mut write = from;
        for read in from..out.len() {
            let finding = out[read];
            if finding.end > self.seen && finding.start < end {
                out[write] = Finding { start: finding.start.max(self.seen), ..finding };
                write += 1;
            }
        }
        out.truncate(write);
        Some(end)
    }

    /// Goes on behind `end` of what is in sight; gives how much of its beginning is out of sight
    /// from now on.
    pub fn pass(&mut self, text: &str, end: usize) -> usize {
        let gone = text.floor_char_boundary(end.saturating_sub(CONTEXT_BYTES));
        self.tables.pass(&text[..gone]);
        self.seen = end - gone;
        gone
    }
}

impl Detector {
    /// Like [`Self::detect`], for a text of any length: in pieces of [`PIECE_BYTES`].
    pub fn detect_long(&self, text: &str, out: &mut Vec<Finding>) {
        self.scan_long(text, ValueContext::NONE, out);
    }

    /// Like [`Self::detect_long`], for a text of which something is known.
    pub fn scan_long(&self, text: &str, context: ValueContext, out: &mut Vec<Finding>) {
        if text.len() <= PIECE_BYTES {
            self.scan(text, context, out);
            return;
        }
        let mut pieces = Pieces::of_value(*self, context);
        let (mut base, mut wanted) = (0, PIECE_BYTES);
        loop {
            let stop = text.ceil_char_boundary(base + pieces.seen() + wanted);
            let rest = if stop == text.len() { Rest::Ends } else { Rest::Comes };
            let piece = &text[base..stop];
            let from = out.len();
            let Some(end) = pieces.look(piece, rest, out) else {
                wanted *= 2;
                continue;
            };
            for finding in &mut out[from..] {
                finding.start += base;
                finding.end += base;
            }
            if rest == Rest::Ends {
                return;
            }
            base += pieces.pass(piece, end);
            wanted = PIECE_BYTES;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::category::Category;

    #[test]
    fn names_of_columns_reach_rows_in_later_pieces() {
        let row = |i: usize| format!("{i},ydahl{i}x,{}\n", 4000 + i % 900);
        let rows: String = (0..12_000).map(row).collect();
        let text = format!("ref,username,postcode\n{rows}");
        assert!(text.len() > 2 * PIECE_BYTES);
        let mut found = Vec::new();
        Detector::default().detect_long(&text, &mut found);
        let of = |category| found.iter().filter(|f| f.category == category).count();
        assert_eq!((of(Category::Username), of(Category::Postcode)), (12_000, 12_000));
        assert!(found.windows(2).all(|pair| pair[0].end <= pair[1].start), "in order");
    }

    #[test]
    fn pieces_find_what_the_whole_text_has() {
        let line = |i: usize| format!("{i}: write to eva{i}@example.org or 4111 1111 1111 1111\n");
        let text: String = (0..2500).map(line).collect();
        let (mut pieces, mut whole) = (Vec::new(), Vec::new());
        Detector::default().detect_long(&text, &mut pieces);
        Detector::default().detect(&text, &mut whole);
        assert_eq!(pieces, whole);
    }
}
