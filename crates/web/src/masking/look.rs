//! What is known of the values of an answer, and who looks through the others.

use super::tally::Tally;
use crate::files::{NESTED_MAX, OPAQUE, coded};
use crate::names::valued::ValueForm;
use portreeve_decide::mask::{Masked, Masker, ValueKind};
use portreeve_model::{Category, Object};
use portreeve_screen::{Form, Masking, Shown};
use portreeve_session::Unmaskable;

/// What a protocol knows of the names in its answers.
pub trait Names {
    /// What is known of a field, by the keys that lead to it, joined by dots.
    fn known(&self, path: &str) -> Known;

    /// The category of a classified field that a text names where its value could follow.
    fn named_in(&self, text: &str) -> Option<Category>;

    /// Whether policy reveals what was found.
    fn reveals(&self, object: &Object, category: &Category) -> bool;

    /// Whether policy lets pass what nobody can look into.
    fn passes_opaque(&self) -> bool;

    /// A text without what opens the target, if it holds that.
    fn without_credential(&self, text: &str) -> Option<String>;
}

/// What is known of a field before it is looked at.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Known {
    /// It is of this category, and not revealed.
    Masked(Category),
    /// Its name has the words of a field of this category among others (`annualSalary`): what has
    /// the form of a value of that is masked.
    Called(Category),
    /// Policy reveals it, or somebody has said that nobody's data is in it.
    Shown,
    /// This JSON stands in its place, whatever it says: a name that the gateway gave.
    Written(String),
    /// Nobody has said anything of it.
    Nothing,
}

impl Known {
    /// The category of what a text is masked as .
    #[must_use]
    pub fn category_of(&self, text: &str) -> Option<Category> {
        match self {
            Self::Masked(category) => Some(category.clone()),
            Self::Called(category) if ValueForm::of(&category.0).fits(text) => {
                Some(category.clone())
            }
            Self::Called(_) | Self::Shown | Self::Written(_) | Self::Nothing => None,
        }
    }
}

/// Whoever masks an answer.
#[derive(Clone, Copy)]
pub struct Look<'a> {
    /// What is known.
    pub names: &'a dyn Names,
    /// How it is masked.
    pub masker: &'a Masker,
}

/// What stands in the place of a file in a text.
pub const WITHHELD: &str = "[content withheld: nobody can look into it]";

impl std::fmt::Debug for Look<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Look").finish_non_exhaustive()
    }
}

impl Look<'_> {
    /// A text of a category, masked as a whole.
    pub fn mask(&self, category: &Category, text: &str, tally: &mut Tally<'_>) -> String {
        tally.mask(category);
        let mut masked = Vec::new();
        match self.masker.mask(category, text.as_bytes(), ValueKind::Text, &mut masked) {
            Masked::Replaced => String::from_utf8_lossy(&masked).into_owned(),
            Masked::Null => String::new(),
        }
    }

    /// The category of a classified field that a text names: a value of it may stand anywhere
    /// in there, because names are read in JSON alone.
    pub(super) fn named(&self, text: &str) -> Option<Category> {
        // Something stands between a name and its value, or begins an escape that stands for it.
        // A name alone has none.
        match text.contains(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | '-' | '.'))) {
            true => self.names.named_in(text),
            false => None,
        }
    }

    /// A text that is not masked as a whole, with what detectors find in it masked; none where
    /// they find nothing.
    pub fn masked_text(
        &self,
        path: &str,
        known: &Known,
        text: &str,
        tally: &mut Tally<'_>,
    ) -> Option<String> {
        let open = self.without_files(known, text, tally);
        let shown = self.masked_open(path, known, open.as_deref().unwrap_or(text), tally);
        shown.or(open)
    }

    /// The same of a text that holds no files.
    fn masked_open(
        &self,
        path: &str,
        known: &Known,
        text: &str,
        tally: &mut Tally<'_>,
    ) -> Option<String> {
        // Whoever may see a text may not see all that a document in its place can hold.
        let may_name = *known != Known::Shown || is_like_a_document(text);
        if let Some(category) = self.named(text).filter(|_| may_name) {
            return Some(self.mask(&category, text, tally));
        }
        if *known == Known::Shown {
            return self.names.without_credential(text);
        }
        let own = path.rsplit('.').next().unwrap_or(path);
        self.screened(text, |text, masking, out| tally.screen.named_text(own, text, masking, out))
    }

    /// A text without the files in it, and without what would be masked if it were not written in
    /// other letters; none where it holds neither. Who may see a text may see what is in it.
    fn without_files(&self, known: &Known, text: &str, tally: &mut Tally<'_>) -> Option<String> {
        if *known == Known::Shown {
            return None;
        }
        let all = coded(text);
        if all.is_empty() {
            return None;
        }
        // What opens the target is called so, in letters, too.
        let opened = self.names.without_credential(text);
        let all = opened.as_deref().map_or(all, coded);
        let text = opened.as_deref().unwrap_or(text);
        let (mut shown, mut done) = (String::new(), 0);
        for coded in all {
            let is_hidden = match &coded.text {
                None => !self.names.passes_opaque(),
                Some(said) => self.would_mask(said, tally),
            };
            if is_hidden {
                tally.mask(&Category::from(OPAQUE));
                shown.push_str(text.get(done..coded.place.start).unwrap_or_default());
                shown.push_str(WITHHELD);
                done = coded.place.end;
            }
        }
        if done == 0 {
            return opened;
        }
        shown.push_str(text.get(done..).unwrap_or_default());
        Some(shown)
    }

    /// Whether something in a text would be masked if it stood there as it is.
    pub(super) fn would_mask(&self, text: &str, tally: &mut Tally<'_>) -> bool {
        if tally.nested >= NESTED_MAX {
            return true;
        }
        tally.nested += 1;
        // Of a document, too: what its names stand for follows them there.
        let is_masked = self.masked_text("", &Known::Nothing, text, tally).is_some();
        tally.nested -= 1;
        is_masked
    }

    /// A document, with what detectors find in it masked; none where they find nothing.
    ///
    /// # Errors
    /// It names a classified field: its value would show.
    pub fn masked_document(
        &self,
        text: &str,
        form: Form,
        tally: &mut Tally<'_>,
    ) -> Result<Option<String>, Unmaskable> {
        if let Some(category) = self.named(text) {
            let category = category.to_string();
            return Err(Unmaskable(format!(
                "it names a field of the category `{category}`, and is not JSON"
            )));
        }
        Ok(self.screened_document(text, form, tally))
    }

    /// The same of a text of which it is known that it names none, or that holds no values.
    pub fn screened_document(
        &self,
        text: &str,
        form: Form,
        tally: &mut Tally<'_>,
    ) -> Option<String> {
        let open = self.without_files(&Known::Nothing, text, tally);
        let plain = open.as_deref().unwrap_or(text);
        let shown =
            self.screened(plain, |text, masking, out| tally.screen.text(text, form, masking, out));
        shown.or(open)
    }

    fn screened(
        &self,
        text: &str,
        screen: impl FnOnce(&str, &Masking<'_>, &mut Vec<u8>) -> Shown,
    ) -> Option<String> {
        let opened = self.names.without_credential(text);
        let reveals = |object: &Object, category: &Category| self.names.reveals(object, category);
        let masking = Masking { masker: self.masker, reveals: &reveals };
        let mut out = Vec::new();
        match screen(opened.as_deref().unwrap_or(text), &masking, &mut out) {
            Shown::AsIs => opened,
            Shown::Replaced => Some(String::from_utf8_lossy(&out).into_owned()),
            Shown::Null => Some(String::new()),
        }
    }
}

/// Whether a text begins as documents do: JSON, behind whatever keeps it from being a script,
/// markup.
fn is_like_a_document(text: &str) -> bool {
    text.trim_start_matches(['\u{feff}', ' ', '\t', '\r', '\n']).starts_with(['{', '[', '<', ')'])
}
