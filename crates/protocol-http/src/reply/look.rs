//! What is known of the values of an answer, and who looks through the others.

use super::tally::Tally;
use crate::request::Plan;
use crate::target::Target;
use portreeve_decide::mask::Masker;
use portreeve_detect::mask::{Container, Method, Rules, mask_value};
use portreeve_detect::{Detector, TAXONOMY, ValueContext};
use portreeve_model::{Category, MaskMethod};
use portreeve_session::Unmaskable;
use std::borrow::Cow;

/// Whoever masks an answer.
pub(super) struct Look<'a> {
    pub(super) target: &'a Target,
    pub(super) plan: &'a Plan,
    pub(super) masker: &'a Masker,
    pub(super) detector: &'a Detector,
    pub(super) rules: Rules,
}

impl<'a> Look<'a> {
    pub(super) fn new(
        target: &'a Target,
        plan: &'a Plan,
        masker: &'a Masker,
        detector: &'a Detector,
    ) -> Self {
        Self { target, plan, masker, detector, rules: rules(masker) }
    }

    /// The category that a field is masked by; none where it is not classified, or revealed.
    pub(super) fn category_of(&self, path: &str) -> Option<Category> {
        if path.is_empty() {
            return None;
        }
        let (object, category) = self.target.category_of(&self.plan.route, path)?;
        (!self.plan.revealed.contains(&object)).then_some(category)
    }

    /// A text with what detectors find in it masked; none where they find nothing.
    pub(super) fn masked_text(
        &self,
        path: &str,
        text: &str,
        tally: &mut Tally,
    ) -> Result<Option<String>, Unmaskable> {
        // A field that policy reveals is shown as it is.
        let revealed = self.target.category_of(&self.plan.route, path);
        if revealed.is_some_and(|(object, _)| self.plan.revealed.contains(&object)) {
            return Ok(None);
        }
        let own = path.rsplit('.').next().unwrap_or(path);
        self.masked_document(text, Container::Text, ValueContext::of(own, &[]), tally)
    }

    /// A document with what detectors find in it masked; none where they find nothing.
    pub(super) fn masked_document(
        &self,
        text: &str,
        form: Container,
        context: ValueContext,
        tally: &mut Tally,
    ) -> Result<Option<String>, Unmaskable> {
        let mut found = Vec::new();
        let masked = mask_value(self.detector, text, form, context, &self.rules, &mut found)
            .map_err(|why| Unmaskable(format!("the answer is not what it says: {why}")))?;
        for finding in &found {
            tally.mask(&Category::from(finding.category.name()));
        }
        match masked {
            Cow::Borrowed(_) => Ok(None),
            Cow::Owned(masked) => Ok(Some(masked)),
        }
    }
}

/// The masking rules of the configuration, for what detectors find.
fn rules(masker: &Masker) -> Rules {
    TAXONOMY.iter().fold(Rules::all(Method::Redact), |rules, entry| {
        let method = match masker.method(&Category::from(entry.category.name())) {
            MaskMethod::Partial => Method::Partial,
            MaskMethod::Null => Method::Null,
            MaskMethod::Redact | MaskMethod::Pseudonym => Method::Redact,
        };
        rules.with(entry.category, method, 0)
    })
}
