//! Special categories (GDPR Art. 9 and 10).
use crate::Finding;
use crate::numbers::Scene;
pub(crate) fn detect(_scene: &Scene<'_>, _out: &mut Vec<Finding>) {}
