//! Masking of what was found: each span is replaced, and the document around it stays what it
//! was. Which spans, and by which method, is for the caller to say; nothing is decided here.
//!
//! A [`Method`] makes the replacement of one value. A [`Container`] says how values are written in
//! the document, so that a replacement is put back in the same writing. An [`OffsetMap`] carries
//! offsets from one text to the other. Methods and their results have the names and the looks that
//! masking of classified columns has, and under one key they give one pseudonym.
//!
//! ```
//! use portreeve_detect::Detector;
//! use portreeve_detect::mask::{Container, Method, detect_document, mask};
//!
//! let text = r#"{"mail": "eva@example.org", "card": 4111111111111111}"#;
//! let mut findings = Vec::new();
//! detect_document(&Detector::default(), text, Container::Json, &mut findings)?;
//! let masked = mask(text, Container::Json, &findings, &Method::Redact)?;
//! assert_eq!(masked.text, r#"{"mail": "[email]", "card": 0}"#);
//! assert_eq!(masked.offsets.to_target(25), 17, "the quote behind the address");
//! # Ok::<(), portreeve_detect::mask::Malformed>(())
//! ```

mod canonical;
mod container;
mod document;
mod draws;
mod kind;
mod method;
mod names;
mod numbers;
mod offsets;
mod partial;
mod preserve;
mod value;

pub use container::{Container, Malformed};
pub use document::{Masked, detect_document, detect_within, mask_document};
pub use kind::ValueKind;
pub use method::Method;
pub use offsets::OffsetMap;
pub use portreeve_pseudonym::MaskKey;
pub use value::{Rules, mask_found, mask_value};

use crate::finding::Finding;

/// Masks each finding by a method. See [`mask_document`].
///
/// # Errors
/// Where the text is not what the container says.
pub fn mask<'t>(
    text: &'t str,
    container: Container,
    findings: &[Finding],
    method: &Method,
) -> Result<Masked<'t>, Malformed> {
    mask_document(text, container, findings, &mut |category, value, kind| {
        method.replace(category, value, kind)
    })
}
