//! JSON and events, masked as they stream by.

mod events;
mod halves;
mod json;
mod look;
mod number;
mod remembered;
mod tally;

pub use events::{Event, Events, put_event_data};
pub use json::{Documents, JsonMasker, is_json, put_json};
pub use look::{Known, Look, Names, WITHHELD};
pub use remembered::{KnownPaths, Remembered};
pub use tally::Tally;

use crate::kept::{Kept, Place, Rooms};
use portreeve_session::Unmaskable;

/// Bytes that wait until they can be looked through.
#[derive(Debug)]
pub struct Collected {
    kept: Kept,
    bytes_max: usize,
}

impl Collected {
    /// Nothing yet, and no more than so many bytes.
    #[must_use]
    pub fn new(bytes_max: usize, rooms: Rooms) -> Self {
        Self { kept: Kept::within(rooms), bytes_max }
    }

    /// How long it is.
    #[must_use]
    pub fn len(&self) -> usize {
        self.kept.bytes().len()
    }

    /// Whether there is nothing of it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// More of it.
    ///
    /// # Errors
    /// It is too long, or there is no room for it.
    pub fn add(&mut self, data: &[u8]) -> Result<(), Unmaskable> {
        if self.kept.bytes().len() + data.len() > self.bytes_max {
            let max = self.bytes_max;
            return Err(Unmaskable(format!(
                "it is longer than {max} bytes (`value_bytes_max`), and not JSON"
            )));
        }
        self.kept.extend(data)
    }

    /// All of it, as it came.
    pub fn take_bytes(&mut self) -> Vec<u8> {
        self.kept.take()
    }

    /// All of it, as text.
    ///
    /// # Errors
    /// It is none.
    pub fn take(&mut self) -> Result<String, Unmaskable> {
        utf8(self.kept.take())
    }

    /// The room that it took up.
    #[must_use]
    pub fn into_place(self) -> Place {
        self.kept.into_place()
    }
}

fn utf8(bytes: Vec<u8>) -> Result<String, Unmaskable> {
    let text = String::from_utf8(bytes);
    let text = text.map_err(|_| Unmaskable("it is not UTF-8".to_owned()))?;
    // A text of wide characters reads as one with NULs between its letters.
    match text.contains('\0') {
        true => Err(Unmaskable("it holds NULs, which no text does".to_owned())),
        false => Ok(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use portreeve_decide::mask::{MaskKey, Masker};
    use portreeve_model::{Category, MaskMethod, Object};
    use portreeve_screen::{Place, TextScreen};
    use std::collections::HashMap;
    use std::sync::Arc;

    /// Names of which `email` is classified.
    pub(super) struct Emails;

    impl Names for Emails {
        fn known(&self, path: &str) -> Known {
            match path.rsplit('.').next() {
                Some("email") => Known::Masked(Category::from("email")),
                _ => Known::Nothing,
            }
        }

        fn named_in(&self, text: &str) -> Option<Category> {
            let is_named = crate::names::named_fields(text).any(|word| word == "email");
            is_named.then(|| Category::from("email"))
        }

        fn reveals(&self, _: &Object, _: &Category) -> bool {
            false
        }

        fn passes_opaque(&self) -> bool {
            false
        }

        fn without_credential(&self, _: &str) -> Option<String> {
            None
        }
    }

    pub(super) fn masker() -> Masker {
        Masker::new(HashMap::new(), MaskMethod::Redact, MaskKey::new([7; 32]))
    }

    pub(super) fn screen() -> TextScreen {
        TextScreen::new(&Arc::default(), Place::unnamed("body"), &["body"])
    }
}
