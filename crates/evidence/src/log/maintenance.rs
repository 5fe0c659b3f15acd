//! Background maintenance: segments made in advance, and the head file.

use crate::disk::place::{Durability, put};
use crate::error::{Error, Sealed};
use crate::format::layout::HEAD_FILE;
use crate::log::health::{Cause, HealthState};
use crate::log::reserve::{Reserve, SEGMENTS_READY};
use crate::log::shared::Shared;
use std::io;
use std::path::Path;
use std::time::Duration;

/// How often the head file is brought up to date.
const HEAD_INTERVAL: Duration = Duration::from_millis(500);

/// Works until it is asked to stop.
pub(super) fn run(shared: &Shared, dir: &Path, reserve: &Reserve) {
    let mut head = None;
    loop {
        let chores = shared.next_chores(HEAD_INTERVAL);
        if !chores.stop {
            fill(shared, reserve);
        }
        let note = shared.note();
        if note != head && shared.health.sealed().is_none() {
            match note.as_deref().map_or(Ok(()), |note| write_head(dir, note)) {
                Ok(()) => head = note,
                Err(Error::Store { source, .. }) if is_full(&source) => {}
                Err(error) => shared.seal(&Sealed::new(error.to_string())),
            }
        }
        if chores.stop {
            return;
        }
    }
}

/// Fills the reserve, unless the log is sealed: then nothing is written any more.
fn fill(shared: &Shared, reserve: &Reserve) {
    while shared.health.sealed().is_none() {
        match reserve.fill_one() {
            Ok(true) => {}
            Ok(false) => return shared.health.set(Cause::Space, None),
            Err(error) if is_full(&error) => {
                let ready = reserve.count();
                let state = match ready {
                    0 => HealthState::Restricted,
                    _ => HealthState::Warn,
                };
                let why =
                    format!("the disk is full: {ready} of {SEGMENTS_READY} segments stand ready");
                return shared.health.set(Cause::Space, Some((state, why)));
            }
            Err(error) => {
                return shared.seal(&Sealed::new(format!("cannot make a segment: {error}")));
            }
        }
    }
}

fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

/// Puts the checkpoint in the head file's place. After a stop an older head may be there,
/// which is no harm, so its name need not be durable.
fn write_head(dir: &Path, note: &str) -> Result<(), Error> {
    put(&dir.join(HEAD_FILE), 0o644, note.as_bytes(), Durability::OfContent)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::clock::{self, Clock};
    use crate::tests::sim_disk::SimDisk;
    use std::sync::Arc;

    #[test]
    fn a_sealed_log_makes_no_segments() {
        let disk = Arc::new(SimDisk::new(1));
        let clock = Clock::new(clock::system(), 0);
        let shared = Shared::new(disk.clone(), clock, [0; 32], None);
        let reserve = Reserve::new(disk, 4096, 1, Vec::new());
        shared.seal(&Sealed::new("for the test"));
        fill(&shared, &reserve);
        assert_eq!(reserve.count(), 0);
    }
}
