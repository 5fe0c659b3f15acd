//! The verification of a whole log.

use crate::verify::inspector::{Inspector, NoInspector};
use crate::verify::report::Report;
use crate::verify::trust::Trust;
use crate::verify::walk;
use std::path::Path;

/// Verifies the log in `dir`. Never fails: what cannot be read is a finding.
#[must_use]
pub fn verify(dir: &Path, trust: &Trust) -> Report {
    verify_with(dir, trust, &mut NoInspector, |_, _| {})
}

/// [`verify`] with somebody who looks at the records too, telling how many bytes of how
/// many are done.
#[must_use]
pub fn verify_with(
    dir: &Path,
    trust: &Trust,
    inspector: &mut dyn Inspector,
    mut progress: impl FnMut(u64, u64),
) -> Report {
    walk::run(dir, trust, inspector, &mut progress)
}
