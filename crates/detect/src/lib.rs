//! Pure, streaming detection of personal data in text and columns.
//!
//! It finds values with structure (check digits, shapes, announcing words), names and places
//! (a small model and word lists), special categories, and values that hide behind encodings
//! or look-alike characters; and it classifies columns. It reads no file, no clock and no
//! randomness, and it does not decide what happens to a finding.
//!
//! ```
//! use portreeve_detect::{Category, Detector, Options};
//! let detector = Detector::new(Options::default());
//! let mut findings = Vec::new();
//! detector.detect("IBAN DE89 3704 0044 0532 0130 00", &mut findings);
//! assert_eq!(findings[0].category, Category::Iban);
//! ```
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod checks;
mod columns;
mod context;
mod detector;
mod evasion;
mod finding;
pub mod jsonl;
pub mod mask;
mod names;
mod numbers;
mod places;
mod signs;
mod text;

pub use columns::{Column, Verdict, classify, propose};
pub use context::value::ValueContext;
pub use detector::pieces::{PIECE_BYTES, Pieces, Rest};
pub use detector::row::{CellFinding, Row};
pub use detector::stream::{OPEN_BYTES_MAX, Stream};
pub use detector::watch::{ColumnWatch, Passed};
pub use detector::{Detector, Options, cut};
pub use finding::category::{Categories, Category, Entry, Provision, TAXONOMY};
pub use finding::{Evidence, Finding};
#[doc(hidden)]
pub use names::train;
pub use text::entities::named_entity;

#[cfg(test)]
pub(crate) mod tests {
    use crate::{Detector, Options};

    /// Checks the findings in a text, written `category:value`.
    #[track_caller]
    pub(crate) fn check(text: &str, expect: &[&str]) {
        let mut found = Vec::new();
        Detector::new(Options::default()).detect(text, &mut found);
        let found: Vec<String> =
            found.iter().map(|f| format!("{}:{}", f.category.name(), &text[f.range()])).collect();
        assert_eq!(found, expect, "in {text:?}");
    }
}
