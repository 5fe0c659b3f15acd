//! The writer thread: takes all that waits, makes it durable, tells who waits.

use crate::error::Sealed;
use crate::log::journal::Journal;
use crate::log::shared::Shared;
use std::sync::atomic::Ordering;

/// Writes until the log is closed.
pub(super) fn run(shared: &Shared, mut journal: Journal) {
    let _guard = SealOnPanic(shared);
    while let Some(mut units) = shared.next_units() {
        let written = match shared.health.sealed() {
            Some(sealed) => Err(sealed),
            None => journal
                .commit(&units)
                .map_err(|error| Sealed::new(format!("cannot write the log: {error}"))),
        };
        match &written {
            Ok(written) => {
                let health = &shared.health;
                health.records.store(journal.size(), Ordering::Relaxed);
                health.commits.fetch_add(1, Ordering::Relaxed);
                health.bytes.fetch_add(written.bytes, Ordering::Relaxed);
                shared.set_note(journal.note().map(str::to_owned));
                if written.rotated {
                    shared.ask_for(|chores| chores.segment_wanted = true);
                }
            }
            Err(sealed) => shared.seal(sealed),
        }
        let answer = written.map(|_| ());
        for waiter in units.iter_mut().filter_map(|unit| unit.waiter.take()) {
            // Whoever does not wait any more need not know.
            let _ = waiter.send(answer.clone());
        }
    }
}

/// A writer that panicked leaves a log that takes nothing and keeps nobody waiting.
struct SealOnPanic<'a>(&'a Shared);

impl Drop for SealOnPanic<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.seal(&Sealed::new("the log's writer ended by a fault of its own"));
            self.0.drop_queue();
        }
    }
}
