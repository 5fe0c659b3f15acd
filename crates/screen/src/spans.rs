//! What is found in a text whose letters have places of their own, as on a terminal: whoever shows
//! it puts the words that stand for a value where the value stood.

use crate::rules::category;
use crate::text::{Masking, TextScreen, replacement};
use portreeve_decide::mask::ValueKind;
use portreeve_detect::Category as Found;
use portreeve_model::Unclassified;
use std::ops::Range;

/// A value in a text.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Span {
    /// Where it stands, in bytes.
    pub range: Range<usize>,
    /// What takes its place; none where policy lets it be seen.
    pub words: Option<String>,
    /// None where the text is masked because nobody has classified it.
    found: Option<Found>,
}

impl TextScreen {
    /// What is found in a text, in order. Nothing of it is counted: the same text may be looked at
    /// again and again.
    #[must_use]
    pub fn spans(&mut self, text: &str, masking: &Masking<'_>) -> Vec<Span> {
        match self.mode() {
            Unclassified::Clear => return Vec::new(),
            Unclassified::Mask => return lines(text),
            Unclassified::Detect => {}
        }
        self.look_at(text);
        let span = |finding: &portreeve_detect::Finding| {
            let range = finding.range();
            let value = text.get(range.clone()).unwrap_or_default();
            let is_revealed = self.is_revealed(finding.category, masking);
            let words = (!is_revealed).then(|| {
                let words = replacement(masking.masker, finding.category, value, ValueKind::Text);
                words.unwrap_or_else(|| format!("[{}]", category(finding.category).0))
            });
            Span { range, words, found: Some(finding.category) }
        };
        self.found().iter().map(span).collect()
    }

    /// Counts a value that is shown, or covered.
    pub fn count(&mut self, span: &Span) {
        self.count_found(span.found, span.words.is_some());
    }
}

/// Where all is masked, whatever stands on a line is one value.
fn lines(text: &str) -> Vec<Span> {
    let mut from = 0;
    let mut spans = Vec::new();
    for line in text.split_inclusive('\n') {
        let bare = line.trim_end();
        let indent = bare.len() - bare.trim_start().len();
        if indent < bare.len() {
            let range = from + indent..from + bare.len();
            spans.push(Span { range, words: Some(String::new()), found: None });
        }
        from += line.len();
    }
    spans
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Place, Screen};
    use portreeve_decide::mask::{MaskKey, Masker};
    use portreeve_model::MaskMethod;
    use std::collections::BTreeMap;
    use std::sync::Arc;

    fn spans(mode: Unclassified, text: &str) -> (Vec<(String, Option<String>)>, u64) {
        let masker = Masker::new([].into(), MaskMethod::Redact, MaskKey::new([7; 32]));
        let masking = Masking { masker: &masker, reveals: &|_, category| category.0 == "phone" };
        let screen = Arc::new(Screen::new(mode, &BTreeMap::new(), 0));
        let mut screen = TextScreen::new(&screen, Place::unnamed("terminal"), &[]);
        let spans = screen.spans(text, &masking);
        let _ = screen.spans(text, &masking);
        spans.iter().for_each(|span| screen.count(span));
        let mut counted = Vec::new();
        screen.drain(&mut counted);
        let count = counted.iter().map(|one| one.masked + one.revealed).sum();
        let found = spans.into_iter().map(|span| (text[span.range].to_owned(), span.words));
        (found.collect(), count)
    }

    #[test]
    fn values_have_places_and_are_counted_when_they_are_shown() {
        let text = "to eva@example.org\nor +49 171 1234567";
        let email = ("eva@example.org".to_owned(), Some("[email]".to_owned()));
        let phone = ("+49 171 1234567".to_owned(), None);
        assert_eq!(spans(Unclassified::Detect, text), (vec![email, phone], 2));
        assert_eq!(spans(Unclassified::Clear, text), (vec![], 0));
        let whole = |text: &str| (text.to_owned(), Some(String::new()));
        assert_eq!(spans(Unclassified::Mask, " a b\n\nc"), (vec![whole("a b"), whole("c")], 2));
    }
}
