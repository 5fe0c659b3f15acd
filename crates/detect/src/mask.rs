//! Masking.
use crate::Finding;
/// Masks.
pub fn mask_spans(_text: &str, _f: &[Finding]) {}
/// Partial.
pub fn partial() {}
