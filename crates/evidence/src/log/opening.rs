//! How a log is opened: nobody else may write it, it must be what was left and what witnesses
//! saw, and the start is its first record.

use crate::disk::lock::take_lock;
use crate::disk::place;
use crate::disk::storage::{Disk, RealDisk};
use crate::error::Error;
use crate::format::layout::{HEAD_FILE, segment_numbers};
use crate::keys::mint;
use crate::log::clock::{self, Clock};
use crate::log::evidence_log::{EvidenceLog, Owner};
use crate::log::journal::Journal;
use crate::log::options::Options;
use crate::log::receipt::Receipt;
use crate::log::recover::{Cleared, recover};
use crate::log::shared::Shared;
use crate::log::{maintenance, successor, writer};
use crate::reader::log_reader::LogReader;
use crate::witness::keep::{WITNESSED_FILE, Witnessed};
use portreeve_model::Event;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;

const SEGMENT_BYTES_MIN: u64 = 4 * 1024;

impl EvidenceLog {
    /// Opens the log in `options.dir`, or begins one there, and records the start.
    ///
    /// # Errors
    /// Another writer holds it, its files cannot be used, or it is not what a gateway
    /// left: damage is never repaired.
    pub fn open(options: Options) -> Result<Self, Error> {
        successor::finish(&options.dir)?;
        let disk = Arc::new(RealDisk::new(&options.dir));
        Self::open_on(disk, options)
    }

    /// [`Self::open`] with the segments and the keyring on a disk of the caller's.
    pub(crate) fn open_on(disk: Arc<dyn Disk>, options: Options) -> Result<Self, Error> {
        let dir = options.dir.clone();
        mint::make_folders(&dir)?;
        let lock = take_lock(&dir)?;
        place::sweep(&dir)?;
        let head = read_head(&dir)?;
        check_witnessed(&dir)?;
        let is_new = segment_numbers(disk.as_ref())?.is_empty() && head.is_none();
        let keys = mint::load_or_mint(&dir, is_new)?;
        let auditor_public = keys.auditor_public;
        let segment_bytes = options.segment_bytes.max(SEGMENT_BYTES_MIN);
        let recovered = recover(disk.clone(), keys, segment_bytes, head.as_deref())?;
        let behind = recovered.last_us.saturating_sub((options.clock)());
        if behind > clock::BACK_US_MAX {
            return Err(Error::ClockBehind { seconds: behind / 1_000_000 });
        }
        let note = recovered.journal.note().map(str::to_owned);
        let clock = Clock::new(options.clock.clone(), recovered.last_us);
        let shared = Arc::new(Shared::new(disk.clone(), clock, auditor_public, note));
        let reserve = recovered.journal.reserve.clone();
        let threads = start_threads(&dir, &shared, recovered.journal)?;
        let log = Self::new(Owner::new(dir, shared, disk, reserve, threads, lock));
        log.record_start(&options.version, &recovered.cleared)?;
        Ok(log)
    }

    fn record_start(&self, version: &str, cleared: &[Cleared]) -> Result<(), Error> {
        let started =
            Event::GatewayStarted { version: version.to_owned(), durability: "strict".to_owned() };
        let mut receipts = vec![self.append(started)];
        for tail in cleared {
            receipts.push(self.append(Event::LogRecovered {
                segment: tail.segment,
                offset: tail.offset,
                bytes: tail.bytes,
            }));
        }
        Ok(receipts.into_iter().try_for_each(Receipt::wait)?)
    }
}

/// The writer first: the maintenance thread ends after it.
fn start_threads(
    dir: &Path,
    shared: &Arc<Shared>,
    journal: Journal,
) -> Result<Vec<JoinHandle<()>>, Error> {
    let spawn = |name: &str, work: Box<dyn FnOnce() + Send>| {
        std::thread::Builder::new()
            .name(name.to_owned())
            .spawn(work)
            .map_err(|error| Error::store("start a thread for", dir, error))
    };
    let (reserve, home) = (journal.reserve.clone(), dir.to_owned());
    shared.begin(journal);
    let (writing, maintaining) = (shared.clone(), shared.clone());
    Ok(vec![
        spawn("evidence", Box::new(move || writer::run(&writing)))?,
        spawn("evidence-tidy", Box::new(move || maintenance::run(&maintaining, &home, &reserve)))?,
    ])
}

/// Compares the log with the checkpoint that witnesses saw last, before anything is signed.
fn check_witnessed(dir: &Path) -> Result<(), Error> {
    if !dir.join(WITNESSED_FILE).exists() {
        return Ok(());
    }
    let reader = LogReader::open(dir)?;
    match Witnessed::load(dir, reader.key())? {
        Some(witnessed) => reader.continues(&witnessed.checkpoint, "witnesses (file `witnessed`)"),
        None => Ok(()),
    }
}

fn read_head(dir: &Path) -> Result<Option<String>, Error> {
    let path = dir.join(HEAD_FILE);
    match std::fs::read_to_string(&path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Error::store("read", &path, error)),
    }
}
