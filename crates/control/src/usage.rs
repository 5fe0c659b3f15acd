//! Usage that outlives sessions, counted in blocks.
//!
//! A gateway takes a block of a total from the store before it hands any of it out, so
//! that most reservations touch memory alone. What stands in the store is never less than
//! what was spent: a crash loses the rest of a block, never a count. A block is a sixteenth
//! of what the day's total is already: small counts are exact, and ten thousand
//! reservations cost about 130 writes.
//!
//! Of several gateways, each adds its own spending to all that others had *reserved* when
//! it last asked the store. So two that together pass a limit never both stay below it.

use crate::store::{Counters, Store, StoreError, off_runtime};
use portreeve_model::Usage as Amounts;
use portreeve_session::{BoxFuture, UsageError, UsageKey, UsageStore};
use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What this gateway knows of one total.
#[derive(Clone, Copy, Default)]
struct Known {
    /// What others had reserved when the store was last asked.
    others: Amounts,
    /// What this gateway has reserved in the store.
    reserved: Amounts,
    /// What it has handed out of that. INVARIANT: at most `reserved`, unit by unit.
    spent: Amounts,
}

impl Known {
    /// Hands out of what is reserved, if there is enough; gives the day's totals.
    fn spend(&mut self, amounts: &Amounts) -> Option<Amounts> {
        let spent = self.spent + *amounts;
        if !spent.saturating_sub(self.reserved).is_zero() {
            return None;
        }
        self.spent = spent;
        Some(self.others + self.spent)
    }

    /// What to reserve so that amounts can be handed out, and others after them.
    fn block(&self, amounts: &Amounts) -> Amounts {
        let missing = (self.spent + *amounts).saturating_sub(self.reserved);
        let total = self.others + self.reserved;
        missing.by_unit(total, |missing, total| match missing {
            0 => 0,
            missing => missing.max(total / BLOCK_PART),
        })
    }
}

/// The counts of a gateway. Cheap to clone.
#[derive(Clone)]
pub struct Usage(Arc<Shared>);

struct Shared {
    counters: Arc<dyn Counters>,
    known: Mutex<HashMap<UsageKey, Known>>,
    /// Held while the store is asked about a key, so that two who find a block empty do
    /// not both take one. Never held together with another one; `known` only inside.
    asking: [tokio::sync::Mutex<()>; SHARDS],
    hasher: RandomState,
}

impl std::fmt::Debug for Usage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Usage").field("keys", &self.0.known().len()).finish_non_exhaustive()
    }
}

impl Usage {
    /// Counts in a store, together with every other gateway of it.
    #[must_use]
    pub fn new(store: &Store) -> Self {
        Self(Arc::new(Shared {
            counters: store.counters.clone(),
            known: Mutex::default(),
            asking: std::array::from_fn(|_| tokio::sync::Mutex::new(())),
            hasher: RandomState::new(),
        }))
    }

    /// Puts back what was reserved and not used, when the gateway ends.
    ///
    /// # Errors
    /// The store fails: the counts of the day stay too high.
    pub async fn close(&self) -> Result<(), StoreError> {
        let known = std::mem::take(&mut *self.0.known());
        self.0.put_back(known.into_iter().collect()).await
    }

    /// Forgets what days before one have used.
    ///
    /// # Errors
    /// The store fails.
    pub async fn forget(&self, before_day: u32) -> Result<(), StoreError> {
        self.0.known().retain(|key, _| key.day >= before_day);
        let counters = self.0.counters.clone();
        off_runtime(move || counters.forget(before_day)).await
    }
}

impl Shared {
    fn known(&self) -> MutexGuard<'_, HashMap<UsageKey, Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn reserve(&self, key: &UsageKey, amounts: Amounts) -> Result<Amounts, StoreError> {
        if let Some(total) = self.known().get_mut(key).and_then(|known| known.spend(&amounts)) {
            return Ok(total);
        }
        let shard = usize::try_from(self.hasher.hash_one(key)).unwrap_or(usize::MAX) % SHARDS;
        let _turn = self.asking[shard].lock().await;
        self.make_room(key).await?;
        loop {
            // A key that nothing is known of is asked for, though nothing is to be spent.
            let block = match self.known().get_mut(key) {
                None => amounts,
                Some(known) => match known.spend(&amounts) {
                    Some(total) => return Ok(total),
                    None => known.block(&amounts),
                },
            };
            let (counters, wanted) = (self.counters.clone(), key.clone());
            let total = off_runtime(move || counters.take(&wanted, &block)).await?;
            let mut all = self.known();
            let known = all.entry(key.clone()).or_default();
            known.reserved += block;
            known.others = total.saturating_sub(known.reserved);
        }
    }

    /// Keeps the number of keys within bounds: what is left out is asked for again.
    async fn make_room(&self, key: &UsageKey) -> Result<(), StoreError> {
        let left_out = {
            let mut all = self.known();
            if all.len() < KEYS_MAX || all.contains_key(key) {
                return Ok(());
            }
            let keys: Vec<_> = all.keys().take(KEYS_MAX / 16).cloned().collect();
            keys.into_iter().filter_map(|key| all.remove_entry(&key)).collect::<Vec<_>>()
        };
        self.put_back(left_out).await
    }

    async fn put_back(&self, known: Vec<(UsageKey, Known)>) -> Result<(), StoreError> {
        let counters = self.counters.clone();
        off_runtime(move || {
            for (key, known) in known {
                let rest = known.reserved.saturating_sub(known.spent);
                if !rest.is_zero() {
                    counters.put_back(&key, &rest)?;
                }
            }
            Ok(())
        })
        .await
    }
}

impl UsageStore for Usage {
    fn reserve<'a>(
        &'a self,
        key: &'a UsageKey,
        amounts: Amounts,
    ) -> BoxFuture<'a, Result<Amounts, UsageError>> {
        Box::pin(async move {
            let reserved = self.0.reserve(key, amounts).await;
            reserved.map_err(|error| UsageError(error.to_string()))
        })
    }

    fn give_back(&self, key: &UsageKey, amounts: Amounts) {
        // A key that was left out meanwhile keeps its count: too high, not too low.
        if let Some(known) = self.0.known().get_mut(key) {
            known.spent = known.spent.saturating_sub(amounts);
        }
    }
}

/// A block is this part of a day's total.
const BLOCK_PART: u64 = 16;
/// Keys in memory: about 20 MB.
const KEYS_MAX: usize = 65_536;
const SHARDS: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Folder, folder};
    use portreeve_model::Unit;
    use std::sync::atomic::{AtomicU64, Ordering};

    fn key(object: &str) -> UsageKey {
        UsageKey {
            day: 20_000,
            issuer: "i".into(),
            subject: "ada".into(),
            resource: "shop".into(),
            object: object.into(),
        }
    }

    fn rows(count: u64) -> Amounts {
        Amounts::of(Unit::Rows, count)
    }

    fn open(folder: &Folder) -> Usage {
        Usage::new(&Store::open(&folder.path).unwrap())
    }

    async fn reserve(usage: &Usage, object: &str, count: u64) -> u64 {
        usage.reserve(&key(object), rows(count)).await.unwrap().get(Unit::Rows)
    }

    #[tokio::test]
    async fn totals_outlive_sessions_and_restarts() {
        let folder = folder("usage");
        let usage = open(&folder);
        assert_eq!(reserve(&usage, "a", 5).await, 5);
        assert_eq!(reserve(&usage, "a", 7).await, 12);
        assert_eq!(reserve(&usage, "b", 1).await, 1);
        usage.give_back(&key("a"), rows(2));
        assert_eq!(reserve(&usage, "a", 0).await, 10);
        usage.close().await.unwrap();
        let again = open(&folder);
        assert_eq!(reserve(&again, "a", 1).await, 11);
        assert_eq!(reserve(&again, "b", 0).await, 1);
        assert_eq!(reserve(&again, "b", 1).await, 2);
        again.forget(20_001).await.unwrap();
        assert_eq!(reserve(&again, "a", 1).await, 1);
    }

    /// A gateway that is killed has written what it gave out, and at most a block more.
    #[tokio::test]
    async fn a_crash_loses_no_count() {
        let folder = folder("usage-crash");
        let usage = open(&folder);
        for _ in 0..1_000 {
            reserve(&usage, "a", 1).await;
        }
        std::mem::forget(usage);
        let after = reserve(&open(&folder), "a", 1).await;
        assert!((1_001..=1_001 + 1_000 / BLOCK_PART).contains(&after), "{after}");
    }

    /// Of two gateways that share a limit, no more than the limit gets out, whoever asks
    /// first; and nearly all of it does.
    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn gateways_together_spend_no_more_than_one_may() {
        const LIMIT: u64 = 2_000;
        let folder = folder("usage-shared");
        let out = Arc::new(AtomicU64::new(0));
        let mut tasks = tokio::task::JoinSet::new();
        for usage in [open(&folder), open(&folder)] {
            for worker in 0..4_u64 {
                let (usage, out) = (usage.clone(), out.clone());
                tasks.spawn(async move {
                    for round in 0..400 {
                        let count = (worker + round) % 3 + 1;
                        if reserve(&usage, "a", count).await <= LIMIT {
                            out.fetch_add(count, Ordering::Relaxed);
                        } else {
                            usage.give_back(&key("a"), rows(count));
                        }
                    }
                });
            }
        }
        tasks.join_all().await;
        let out = out.load(Ordering::Relaxed);
        assert!((LIMIT * 3 / 4..=LIMIT).contains(&out), "{out}");
    }

    /// A store that counts how often it is written.
    #[derive(Default)]
    struct Counted {
        total: Mutex<Amounts>,
        writes: AtomicU64,
    }

    impl Counters for Counted {
        fn take(&self, _: &UsageKey, amounts: &Amounts) -> Result<Amounts, StoreError> {
            self.writes.fetch_add(1, Ordering::Relaxed);
            let mut total = self.total.lock().unwrap();
            *total += *amounts;
            Ok(*total)
        }

        fn put_back(&self, _: &UsageKey, _: &Amounts) -> Result<(), StoreError> {
            Ok(())
        }

        fn forget(&self, _: u32) -> Result<(), StoreError> {
            Ok(())
        }
    }

    #[tokio::test]
    async fn ten_thousand_reservations_cost_few_writes() {
        let counted = Arc::new(Counted::default());
        let folder = folder("usage-writes");
        let store = Store::open(&folder.path).unwrap();
        let usage = Usage::new(&Store { counters: counted.clone(), ..store });
        for expect in 1..=10_000 {
            assert_eq!(reserve(&usage, "a", 1).await, expect);
        }
        let writes = counted.writes.load(Ordering::Relaxed);
        assert!(writes <= 140, "{writes}");
    }

    #[tokio::test]
    async fn units_are_counted_apart() {
        let folder = folder("usage-units");
        let usage = open(&folder);
        let page = rows(3).with(Unit::Bytes, 4_000);
        usage.reserve(&key("a"), page).await.unwrap();
        let total = usage.reserve(&key("a"), Amounts::of(Unit::Probes, 1)).await.unwrap();
        assert_eq!(total, page.with(Unit::Probes, 1));
        usage.give_back(&key("a"), Amounts::of(Unit::Rows, 100));
        let total = usage.reserve(&key("a"), Amounts::default()).await.unwrap();
        assert_eq!(total, Amounts::of(Unit::Bytes, 4_000).with(Unit::Probes, 1));
    }
}
