//! A text made from another, with the source span of each of its bytes.

/// A text and where its bytes came from.
#[derive(Default)]
pub(super) struct Mapped {
    pub(super) text: String,
    /// Source span of the character that a byte belongs to.
    spans: Vec<(u32, u32)>,
    /// Bytes whose source is written differently.
    changed: Vec<bool>,
    /// Whether something was left out right before the byte.
    gap: bool,
}

impl Mapped {
    pub(super) fn with_capacity(capacity: usize) -> Self {
        Self {
            text: String::with_capacity(capacity),
            spans: Vec::with_capacity(capacity),
            changed: Vec::with_capacity(capacity),
            gap: false,
        }
    }

    /// Appends a character that stands for `start..end` of the source.
    pub(super) fn push(&mut self, c: char, start: usize, end: usize, changed: bool) {
        self.text.push(c);
        let changed = changed || self.gap;
        self.gap = false;
        for _ in 0..c.len_utf8() {
            self.spans.push((start as u32, end as u32));
            self.changed.push(changed);
        }
    }

    /// Notes that a part of the source has no counterpart.
    pub(super) fn skip(&mut self) {
        self.gap = true;
    }

    /// The source span of a span, when something in it was written differently.
    pub(super) fn source(&self, start: usize, end: usize) -> Option<(usize, usize)> {
        let touched = self.changed.get(start..end)?.iter().any(|c| *c);
        let (first, last) = (self.spans.get(start)?, self.spans.get(end.checked_sub(1)?)?);
        touched.then_some((first.0 as usize, last.1 as usize))
    }
}
