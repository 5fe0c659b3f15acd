//! The writer thread: commits for all who wait, where more than one does.

use crate::log::shared::Shared;

/// Writes until the log is closed.
pub(super) fn run(shared: &Shared) {
    shared.write();
}
