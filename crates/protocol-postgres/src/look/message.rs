//! Texts that are no values of a column: errors, notices, notifications, settings.

use portreeve_model::Detected;
use portreeve_screen::{Form, Masking, Shown, TextScreen, Wording};
use std::borrow::Cow;

/// A look at the texts of one message.
pub(crate) struct MessageLook<'l> {
    pub(crate) screen: TextScreen,
    pub(crate) masking: Masking<'l>,
}

impl MessageLook<'_> {
    /// What may be shown of a text.
    pub(crate) fn text<'t>(&mut self, text: &'t str) -> Cow<'t, str> {
        let form = if text.starts_with(['{', '[']) { Form::Json } else { Form::Text };
        let mut out = Vec::new();
        match self.screen.text(text, form, &self.masking, &mut out) {
            Shown::AsIs => Cow::Borrowed(text),
            Shown::Replaced => Cow::Owned(String::from_utf8_lossy(&out).into_owned()),
            Shown::Null => Cow::Borrowed(""),
        }
    }

    /// From here on the texts are worded like this.
    pub(crate) fn worded(&mut self, wording: Wording) {
        self.screen = self.screen.clone().worded(wording);
    }

    /// What was found.
    pub(crate) fn finish(mut self, into: &mut Vec<Detected>) {
        self.screen.drain(into);
    }
}
