//! What becomes of texts that nobody has classified (floor 2): detectors look through them, and
//! what they find is masked by its category, like a column of that category.
//!
//! It knows no protocol: whoever reads a reply says what is a text, in which form, and where it
//! stands. It decides nothing either: whether policy reveals a category there is asked for.
//!
//! ```
//! use portreeve_decide::mask::{MaskKey, Masker};
//! use portreeve_model::MaskMethod;
//! use portreeve_screen::{Form, Place, Screen, Shown, Masking, TextScreen};
//!
//! let masker = Masker::new([].into(), MaskMethod::Redact, MaskKey::new([7; 32]));
//! let masking = Masking { masker: &masker, reveals: &|_, _| false };
//! let mut note = TextScreen::new(&Screen::default().into(), Place::unnamed("note"), &["note"]);
//! let mut out = Vec::new();
//! assert_eq!(note.text("call eva@example.org", Form::Text, &masking, &mut out), Shown::Replaced);
//! assert_eq!(out, b"call [email]");
//! ```
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod beside;
mod place;
mod rules;
mod spans;
mod stream;
mod text;
mod unfolded;

pub use place::Place;
pub use portreeve_detect::ValueContext;
pub use portreeve_detect::mask::Container as Form;
pub use rules::{ATTRIBUTES, Screen, categories};
pub use spans::Span;
pub use stream::{NoText, StreamScreen};
pub use text::{Masking, Shown, TextScreen, Wording};
