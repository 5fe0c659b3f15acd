//! A text made from another, which knows where each of its parts came from.

/// A text and the parts of the source that it was made from.
#[derive(Default)]
pub(super) struct Mapped {
    pub(super) text: String,
    parts: Vec<Part>,
    /// How much of the source is done.
    done: usize,
    /// Whether something was left out right before the next part.
    gap: bool,
}

/// A part of the text up to the next part: a piece of the source, or one character for another.
#[derive(Clone, Copy)]
struct Part {
    /// Where it begins in the text.
    at: usize,
    /// Where it comes from. Parts that are copied are as long as their source.
    start: usize,
    end: usize,
    copied: bool,
    /// Whether something was left out right before it.
    gap: bool,
}

impl Mapped {
    /// Puts a character in the place of `start..end` of the source; what stands before that and
    /// was not looked at yet is copied.
    pub(super) fn put(&mut self, source: &str, c: char, start: usize, end: usize) {
        self.copy(source, start);
        self.part(start, end, false);
        self.text.push(c);
        self.done = end;
    }

    /// Leaves `start..end` of the source out; what stands before it is copied.
    pub(super) fn skip(&mut self, source: &str, start: usize, end: usize) {
        self.copy(source, start);
        self.gap = true;
        self.done = end;
    }

    /// Copies the rest of the source.
    pub(super) fn finish(mut self, source: &str) -> Self {
        self.copy(source, source.len());
        self
    }

    fn copy(&mut self, source: &str, to: usize) {
        if self.parts.is_empty() && self.text.is_empty() {
            self.text.reserve(source.len());
        }
        if self.done < to {
            self.part(self.done, to, true);
            self.text.push_str(&source[self.done..to]);
            self.done = to;
        }
    }

    fn part(&mut self, start: usize, end: usize, copied: bool) {
        let gap = std::mem::take(&mut self.gap);
        self.parts.push(Part { at: self.text.len(), start, end, copied, gap });
    }

    /// The source of the span `start..end`, when something in it is written differently there.
    pub(super) fn source(&self, start: usize, end: usize) -> Option<(usize, usize)> {
        let part_of = |at: usize| self.parts.partition_point(|p| p.at <= at).checked_sub(1);
        let (first, last) = (part_of(start)?, part_of(end.checked_sub(1)?)?);
        let touched = self.parts.get(first..=last)?.iter().any(|p| {
            let begins_inside = p.at >= start;
            !p.copied || p.gap && begins_inside
        });
        let (first, last) = (self.parts[first], self.parts[last]);
        let from = if first.copied { first.start + start - first.at } else { first.start };
        let to = if last.copied { last.start + end - last.at } else { last.end };
        touched.then_some((from, to))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_carried_back_where_something_differs() {
        let source = "ab%40c-d";
        let mut text = Mapped::default();
        text.put(source, '@', 2, 5);
        text.skip(source, 6, 7);
        let text = text.finish(source);
        assert_eq!(text.text, "ab@cd");
        assert_eq!(text.source(0, 2), None, "copied as it is");
        assert_eq!(text.source(0, 4), Some((0, 6)));
        assert_eq!(text.source(1, 3), Some((1, 5)));
        assert_eq!(text.source(4, 5), Some((7, 8)), "something was left out before it");
        assert_eq!(text.source(3, 4), None);
        assert_eq!(text.source(0, 0), None);
    }
}
