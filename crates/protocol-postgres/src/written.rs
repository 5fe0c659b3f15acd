//! Masked values that would be written back: recognised in texts, parameters and bulk data.

use portreeve_decide::mask::{FORM_BYTES_MAX, MaskForms};
use portreeve_decide::sql::Statement;
use portreeve_sql::Plan;

/// What a client is told.
pub(crate) const ADVICE: &str = "a masked value would be stored in place of a real one: \
     update only the columns that changed (to clear one, write DEFAULT)";

/// The forms that must not stand in what a statement stores; none where it stores nothing
/// classified.
pub(crate) fn forms(statement: &Statement) -> Option<MaskForms> {
    let writes = &statement.writes;
    let categories = writes.iter().map(|column| &column.category);
    (!writes.is_empty()).then(|| MaskForms::of(categories))
}

/// Whether a mask stands in a constant of a statement's text.
///
/// A text with comments or dollar quotes is looked at as a whole: where its constants are is
/// then not worth being wrong about.
pub(crate) fn is_in_text(forms: &MaskForms, text: &str) -> bool {
    if ["--", "/*", "$$"].iter().any(|odd| text.contains(odd)) || has_dollar_quote(text) {
        return forms.are_in(text.as_bytes());
    }
    // Every other part is inside of quotes; a doubled quote makes an empty part outside.
    text.split('\'').skip(1).step_by(2).any(|constant| forms.are_in(constant.as_bytes()))
}

fn has_dollar_quote(text: &str) -> bool {
    let mut parts = text.split('$').skip(1);
    parts.any(|part| part.starts_with(|first: char| first.is_alphabetic() || first == '_'))
}

/// Looks for masks in data that come in pieces.
#[derive(Debug)]
pub(super) struct WrittenData {
    forms: MaskForms,
    /// The end of what has come: a mask may begin in it.
    tail: Vec<u8>,
}

impl WrittenData {
    /// None where the statement stores nothing classified.
    pub(super) fn of(plan: &Plan) -> Option<Self> {
        forms(&plan.statement).map(|forms| Self { forms, tail: Vec::new() })
    }

    /// Whether a mask ends in this piece, or stands in it.
    pub(super) fn holds_mask(&mut self, piece: &[u8]) -> bool {
        self.tail.extend_from_slice(piece);
        let found = self.forms.are_in(&self.tail);
        let done = self.tail.len().saturating_sub(FORM_BYTES_MAX);
        self.tail.drain(..done);
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::plan;

    #[test]
    fn masks_are_found_in_constants_only() {
        let check = |text: &str, expect: bool| {
            let forms = forms(&plan(text).statement).expect("it stores something classified");
            assert_eq!(is_in_text(&forms, text), expect, "{text}");
        };
        check("UPDATE people SET email = '[email]' WHERE id = 1", true);
        check("UPDATE people SET email = 's***@x.org'", true);
        check("INSERT INTO people VALUES (1, 'it''s '), (2, '[email]')", true);
        check("INSERT INTO people VALUES (1, $q$[email]$q$)", true);
        check("UPDATE people SET email = 'ann@x.org' WHERE id = (ARRAY[id])[1]", false);
        check("INSERT INTO people VALUES (1, 'it''s')", false);
    }

    #[test]
    fn what_is_not_classified_may_hold_anything() {
        assert!(
            forms(&plan("UPDATE people SET id = 2 WHERE email = '[email]'").statement).is_none()
        );
        assert!(forms(&plan("DELETE FROM people WHERE email = '[email]'").statement).is_none());
    }

    #[test]
    fn masks_are_found_at_every_cut() {
        let data = b"1\tann@x.org\n2\t[email]\n3\tbob@x.org\n";
        for cut in 0..data.len() {
            let mut written = WrittenData::of(&plan("COPY people FROM STDIN")).unwrap();
            let (before, after) = data.split_at(cut);
            assert!(written.holds_mask(before) | written.holds_mask(after), "cut at {cut}");
        }
        let mut written = WrittenData::of(&plan("COPY people FROM STDIN")).unwrap();
        assert!(!written.holds_mask(b"1\tann@x.org\n"));
    }
}
