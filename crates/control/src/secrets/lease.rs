//! A credential that a store has made for this process: it is renewed while somebody uses it, and
//! given back when nobody does.

use super::store::VaultStore;
use portreeve_model::Secret;
use serde_json::{Value, json};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// What a store has made.
pub(super) struct Made {
    pub(super) store: VaultStore,
    /// What it was made with: it ends with it.
    pub(super) token: Secret<String>,
    pub(super) id: String,
    pub(super) lasts: Duration,
}

/// Somebody uses what a store has made. Dropped by the last one, it is given back.
#[derive(Debug)]
pub struct Lease {
    ends: Sender<()>,
    is_over: Arc<AtomicBool>,
}

/// Those that are kept, so that the process can give them back when it ends.
static KEPT: Mutex<Vec<(Sender<()>, JoinHandle<()>)>> = Mutex::new(Vec::new());

impl Lease {
    /// Keeps it until nobody has it any more.
    pub(super) fn keep(made: Made) -> Arc<Self> {
        let (ends, ended) = channel();
        let is_over = Arc::new(AtomicBool::new(false));
        let over = is_over.clone();
        let work = std::thread::spawn(move || made.keep(&ended, &over));
        let mut kept = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|(_, work)| !work.is_finished());
        kept.push((ends.clone(), work));
        Arc::new(Self { ends, is_over })
    }

    /// Whether who logs in next needs another one.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.is_over.load(Ordering::Relaxed)
    }

    /// The process ends: gives everything back, and waits no longer than that.
    pub fn give_all_back(time_max: Duration) {
        let until = Instant::now() + time_max;
        let kept = std::mem::take(&mut *KEPT.lock().unwrap_or_else(PoisonError::into_inner));
        for (ends, _) in &kept {
            let _ = ends.send(());
        }
        while Instant::now() < until && kept.iter().any(|(_, work)| !work.is_finished()) {
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let _ = self.ends.send(());
    }
}

impl Made {
    fn keep(mut self, ended: &Receiver<()>, is_over: &AtomicBool) {
        let whole = self.lasts;
        let mut until = Instant::now() + whole;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            match ended.recv_timeout((left * 2 / 3).max(RENEW_MIN)) {
                Ok(()) | Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => {}
            }
            match self.renew(whole) {
                Ok(lasts) => {
                    until = Instant::now() + lasts;
                    // It comes to the longest that its store allows.
                    if lasts < whole / 2 {
                        is_over.store(true, Ordering::Relaxed);
                    }
                }
                Err(why) => {
                    is_over.store(true, Ordering::Relaxed);
                    tracing::warn!(store = self.store.address, why, "a lease is not renewed");
                }
            }
            if until <= Instant::now() {
                return;
            }
        }
        let revoke = json!({"lease_id": self.id});
        let given = self.store.ask("POST", "sys/leases/revoke", Some(&self.token), Some(&revoke));
        if let Err(why) = given {
            tracing::warn!(store = self.store.address, why, "a lease cannot be given back");
        }
        self.store.give_back(&self.token);
    }

    fn renew(&mut self, whole: Duration) -> Result<Duration, String> {
        self.token = self.store.renewed(&self.token)?;
        let asked = json!({"lease_id": self.id, "increment": whole.as_secs()});
        let answer = self.store.ask("POST", "sys/leases/renew", Some(&self.token), Some(&asked))?;
        let lasts = answer.get("lease_duration").and_then(Value::as_u64);
        lasts.map(Duration::from_secs).ok_or_else(|| "it does not say for how long".to_owned())
    }
}

/// A store is not asked more often.
const RENEW_MIN: Duration = Duration::from_millis(500);
