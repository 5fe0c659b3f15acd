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

impl Look<'_> {
    /// The category that a field is masked by; none where it is not classified, or revealed.
    pub(super) fn category_of(&self, path: &str) -> Option<Category> {
        if path.is_empty() {
            return None;
        }
        let (object, category) = self.target.category_of(&self.plan.route, path)?;
        (!self.plan.revealed.contains(&object)).then_some(category)
    }

    /// A text that is not classified, with what detectors find in it masked; none where they
    /// find nothing.
    pub(super) fn masked_text(
        &self,
        path: &str,
        text: &str,
        tally: &mut Tally<'_>,
    ) -> Option<String> {
        let route = &self.plan.route;
        let revealed = self.target.category_of(route, path);
        let is_shown = revealed.is_some_and(|(object, _)| self.plan.revealed.contains(&object))
            || (!path.is_empty() && self.target.clears(route, path));
        let opened = self.target.without_credential(text);
        if is_shown {
            return opened;
        }
        let own = path.rsplit('.').next().unwrap_or(path);
        let seen = opened.as_deref().unwrap_or(text);
        let mut out = Vec::new();
        let reveals = |object: &Object, category: &Category| {
            self.plan.snapshot.as_ref().is_some_and(|known| known.reveals(object, category))
        };
        let masking = Masking { masker: self.masker, reveals: &reveals };
        let shown = tally.screen.named_text(own, seen, &masking, &mut out);
        written(shown, out).or(opened)
    }

    /// A document, with what detectors find in it masked; none where they find nothing.
    pub(super) fn masked_document(
        &self,
        text: &str,
        form: Form,
        tally: &mut Tally<'_>,
    ) -> Option<String> {
        let opened = self.target.without_credential(text);
        let seen = opened.as_deref().unwrap_or(text);
        let mut out = Vec::new();
        let reveals = |object: &Object, category: &Category| {
            self.plan.snapshot.as_ref().is_some_and(|known| known.reveals(object, category))
        };
        let masking = Masking { masker: self.masker, reveals: &reveals };
        let shown = tally.screen.text(seen, form, &masking, &mut out);
        written(shown, out).or(opened)
    }
}

fn written(shown: Shown, out: Vec<u8>) -> Option<String> {
    match shown {
        Shown::AsIs => None,
        Shown::Replaced => Some(String::from_utf8_lossy(&out).into_owned()),
        Shown::Null => Some(String::new()),
    }
}
