//! What the exchanges of a session have used together.

use super::lock;
use portreeve_model::Usage;
use std::sync::Mutex;

/// Usage that several exchanges share.
///
/// INVARIANT: an exchange adds what it is about to give *before* policy is asked about the
/// sum, and takes back what it does not give. So two of them that run at once never spend
/// the same rows.
#[derive(Debug, Default)]
pub(crate) struct Ledger(Mutex<Usage>);

impl Ledger {
    /// Adds what is about to be given.
    pub(crate) fn reserve(&self, usage: Usage) {
        *lock(&self.0) += usage;
    }

    /// Takes back what was reserved and not given.
    pub(crate) fn give_back(&self, usage: Usage) {
        let mut spent = lock(&self.0);
        *spent = spent.saturating_sub(usage);
    }

    /// What is spent or reserved now.
    pub(crate) fn spent(&self) -> Usage {
        *lock(&self.0)
    }
}

/// Every order in which exchanges of one session can take their steps, on the ledger itself.
#[cfg(test)]
mod tests {
    use super::*;
    use shuttle::thread;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering::SeqCst};

    const ROWS_MAX: u64 = 2;

    /// When an exchange asks whether it may give more.
    #[derive(Clone, Copy)]
    enum Asks {
        Reserved,
        /// The mistake that reserving is there to prevent.
        Unreserved,
    }

    /// Some exchanges, some parts of a row each; how many rows the client has got.
    fn given((exchanges, parts): (u32, u32), asks: Asks) -> u64 {
        let (ledger, given) = (Arc::new(Ledger::default()), Arc::new(AtomicU64::new(0)));
        let exchange = || {
            let (ledger, given) = (ledger.clone(), given.clone());
            thread::spawn(move || {
                let row = Usage { rows: 1, ..Usage::default() };
                for _ in 0..parts {
                    let may_give = match asks {
                        Asks::Reserved => {
                            ledger.reserve(row);
                            thread::yield_now();
                            ledger.spent().rows <= ROWS_MAX
                        }
                        Asks::Unreserved => {
                            let may_give = ledger.spent().rows < ROWS_MAX;
                            thread::yield_now();
                            ledger.reserve(row);
                            may_give
                        }
                    };
                    thread::yield_now();
                    if !may_give {
                        ledger.give_back(row);
                        return;
                    }
                    given.fetch_add(1, SeqCst);
                }
            })
        };
        let exchanges: Vec<_> = (0..exchanges).map(|_| exchange()).collect();
        exchanges.into_iter().for_each(|exchange| exchange.join().unwrap());
        let given = given.load(SeqCst);
        assert_eq!(ledger.spent().rows, given, "what was reserved and not given came back");
        given
    }

    #[test]
    fn a_budget_is_not_overspent_in_any_order() {
        for of in [(2, 2), (3, 1)] {
            shuttle::check_dfs(move || assert!(given(of, Asks::Reserved) <= ROWS_MAX), None);
        }
    }

    #[test]
    #[should_panic(expected = "overspent")]
    fn who_asks_before_reserving_overspends_in_some_order() {
        let overspends = || assert!(given((3, 1), Asks::Unreserved) <= ROWS_MAX, "overspent");
        shuttle::check_dfs(overspends, None);
    }
}
