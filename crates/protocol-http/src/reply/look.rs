//! What is known of the values of an answer, and who looks through the others.

use super::tally::Tally;
use crate::request::Plan;
use crate::target::Target;
use portreeve_decide::mask::Masker;
use portreeve_model::{Category, Object};
use portreeve_screen::{Form, Masking, Shown};

/// Whoever masks an answer.
pub(super) struct Look<'a> {
    pub(super) target: &'a Target,
    pub(super) plan: &'a Plan,
    pub(super) masker: &'a Masker,
}

/// What is known of a field before it is looked at.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Known {
    Masked(Category),
    /// Policy reveals it, or somebody has said that nobody's data is in it.
    Shown,
    Nothing,
}

impl Look<'_> {
    /// What is known of a field.
    pub(super) fn known(&self, path: &str) -> Known {
        let route = &self.plan.route;
        if path.is_empty() {
            return Known::Nothing;
        }
        match self.target.category_of(route, path) {
            Some((object, category)) if !self.plan.revealed.contains(&object) => {
                Known::Masked(category)
            }
            Some(_) => Known::Shown,
            None if self.target.clears(route, path) => Known::Shown,
            None => Known::Nothing,
        }
    }

    /// A text that is not masked as a whole, with what detectors find in it masked; none where
    /// they find nothing.
    pub(super) fn masked_text(
        &self,
        path: &str,
        known: &Known,
        text: &str,
        tally: &mut Tally<'_>,
    ) -> Option<String> {
        if *known == Known::Shown {
            return self.target.without_credential(text);
        }
        let own = path.rsplit('.').next().unwrap_or(path);
        self.screened(text, |text, masking, out| tally.screen.named_text(own, text, masking, out))
    }

    /// A document, with what detectors find in it masked; none where they find nothing.
    pub(super) fn masked_document(
        &self,
        text: &str,
        form: Form,
        tally: &mut Tally<'_>,
    ) -> Option<String> {
        self.screened(text, |text, masking, out| tally.screen.text(text, form, masking, out))
    }

    fn screened(
        &self,
        text: &str,
        screen: impl FnOnce(&str, &Masking<'_>, &mut Vec<u8>) -> Shown,
    ) -> Option<String> {
        let opened = self.target.without_credential(text);
        let reveals = |object: &Object, category: &Category| {
            self.plan.snapshot.as_ref().is_some_and(|known| known.reveals(object, category))
        };
        let masking = Masking { masker: self.masker, reveals: &reveals };
        let mut out = Vec::new();
        match screen(opened.as_deref().unwrap_or(text), &masking, &mut out) {
            Shown::AsIs => opened,
            Shown::Replaced => Some(String::from_utf8_lossy(&out).into_owned()),
            Shown::Null => Some(String::new()),
        }
    }
}
