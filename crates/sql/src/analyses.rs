//! The analyses of statement texts, shared by all sessions of a resource and kept by
//! shape until the catalog changes.

use crate::shape::{self, Blank};
use portreeve_decide::sql::{
    Brought, Catalog, Grammar, Late, Output, RowsOf, SessionEffect, Statement, Unknown,
};
use portreeve_model::{Action, Command, Effect, Facts, Need, Object};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::task::block_in_place;

/// What a text does, statement by statement.
pub type Analysis = Arc<[Arc<Statement>]>;

const ENTRIES_MAX: usize = 4096;
const TEXT_BYTES_MAX: usize = 8 << 10;
/// How long a text is analyzed at most. Steps are counted, too: this is for what no step counts.
const ANALYSIS_TIME_MAX: Duration = Duration::from_secs(5);

/// The cache.
#[derive(Debug, Default)]
pub struct Analyses {
    known: Mutex<HashMap<Box<str>, Analysis>>,
}

impl Analyses {
    /// Analyses a text, or remembers what an equally shaped one does.
    pub fn of(&self, grammar: &dyn Grammar, catalog: &Catalog, text: &str) -> Analysis {
        let shape = shape::of(text);
        let is_kept = shape.len() <= TEXT_BYTES_MAX;
        if is_kept && let Some(known) = self.lock().get(&*shape) {
            return known.clone();
        }
        let deadline = Instant::now() + ANALYSIS_TIME_MAX;
        let is_late = || Instant::now() >= deadline;
        let analysis = apart(text, || fresh(grammar, catalog, text, &is_late));
        if is_late() {
            // How long it takes another time may be another thing.
            return analysis;
        }
        // A text that names something unknown may mean more after the next refresh.
        let is_of_shape =
            |statement: &Arc<Statement>| statement.missing.is_empty() && !statement.by_constant;
        if is_kept && analysis.iter().all(is_of_shape) {
            let mut known = self.lock();
            if known.len() >= ENTRIES_MAX {
                known.clear();
            }
            known.insert(shape.into(), analysis.clone());
        }
        analysis
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<Box<str>, Analysis>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Texts from here on may take long to read.
const LONG_BYTES: usize = 256;

/// Reads a text while the other tasks of this thread go on elsewhere: what an analysis takes is
/// bounded, and still more than others should wait for.
fn apart<T>(text: &str, read: impl FnOnce() -> T) -> T {
    let is_shared = || {
        Handle::try_current()
            .is_ok_and(|runtime| runtime.runtime_flavor() == RuntimeFlavor::MultiThread)
    };
    if text.len() >= LONG_BYTES && is_shared() { block_in_place(read) } else { read() }
}

fn fresh(grammar: &dyn Grammar, catalog: &Catalog, text: &str, is_late: Late<'_>) -> Analysis {
    match grammar.analyze(catalog, text, is_late) {
        Ok(mut statements) => {
            let blanks = shape::blanks(text);
            for statement in &mut statements {
                let compared = statement.compared.iter_mut().map(|one| &mut one.with);
                let replaced = statement.replaced.iter_mut().map(|one| &mut one.with);
                compared.chain(replaced).for_each(|brought| blank(brought, &blanks));
            }
            statements.into_iter().map(Arc::new).collect()
        }
        Err(unreadable) => [Arc::new(unknown(Unknown {
            sqlstate: unreadable.sqlstate,
            message: unreadable.message,
            position: unreadable.position,
            candidates: Vec::new(),
        }))]
        .into(),
    }
}

/// The analysis is kept for other texts, which have other values here.
fn blank(operand: &mut Brought, blanks: &[Blank<'_>]) {
    if let Brought::Constant { at, .. } = operand
        && let Ok(place) = blanks.binary_search_by_key(at, |blank| blank.at)
    {
        *operand = Brought::Blank(place);
    }
}

/// A statement that cannot be judged, for this reason.
#[must_use]
pub fn unknown(why: Unknown) -> Statement {
    Statement {
        command: Command {
            verb: "UNKNOWN".into(),
            fingerprint: String::new(),
            shape: String::new(),
            needs: vec![Need { action: Action::Execute, object: Object::resource() }],
            facts: Facts::default(),
            unknown: Some(why.message.clone()),
            effect: Effect::MayChange,
        },
        output: Output::Unproven,
        rows_of: RowsOf::Tables,
        session: SessionEffect::None,
        touches_classified: true,
        copy: None,
        is_write: true,
        moves_search_path: false,
        sets_hidden: Vec::new(),
        by_constant: false,
        at_cursor: false,
        missing: Vec::new(),
        unknown: Some(why),
        opaque: Vec::new(),
        calls: true,
        writes: Vec::new(),
        listed: Vec::new(),
        compared: Vec::new(),
        replaced: Vec::new(),
        moves: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use portreeve_decide::sql::Unreadable;
    use std::sync::atomic::{AtomicUsize, Ordering};

    /// Counts what it is asked.
    #[derive(Default)]
    struct Asked(AtomicUsize);

    impl Grammar for Asked {
        fn analyze(&self, _: &Catalog, _: &str, _: Late<'_>) -> Result<Vec<Statement>, Unreadable> {
            self.0.fetch_add(1, Ordering::Relaxed);
            Ok(vec![unknown(Unknown {
                sqlstate: "42601",
                message: "nobody knows it".into(),
                position: None,
                candidates: Vec::new(),
            })])
        }

        fn after(&self, _: &Catalog, _: &str, _: &[usize]) -> Option<Catalog> {
            None
        }
    }

    /// Takes longer than it may.
    struct Slow;

    impl Grammar for Slow {
        fn analyze(
            &self,
            _: &Catalog,
            _: &str,
            is_late: Late<'_>,
        ) -> Result<Vec<Statement>, Unreadable> {
            while !is_late() {
                std::thread::yield_now();
            }
            Ok(Vec::new())
        }

        fn after(&self, _: &Catalog, _: &str, _: &[usize]) -> Option<Catalog> {
            None
        }
    }

    #[test]
    fn an_analysis_ends_in_time_and_is_not_kept_then() {
        let (analyses, catalog) = (Analyses::default(), Catalog::default());
        assert!(analyses.of(&Slow, &catalog, "select 1").is_empty());
        assert!(analyses.lock().is_empty());
    }

    #[test]
    fn texts_of_one_shape_have_one_analysis() {
        let (analyses, grammar, catalog) =
            (Analyses::default(), Asked::default(), Catalog::default());
        let of = |text: &str| analyses.of(&grammar, &catalog, text);
        let first = of("select a from t where b = 'x'");
        for same in ["select a from t where b = 'x'", "select a from t where b = 'other'"] {
            assert!(Arc::ptr_eq(&first, &of(same)), "{same}");
        }
        assert_eq!(grammar.0.load(Ordering::Relaxed), 1);
        for other in ["select a from t where c = 'x'", "select a from t where b = 'x' or b = 'y'"] {
            assert!(!Arc::ptr_eq(&first, &of(other)), "{other}");
        }
        assert_eq!(grammar.0.load(Ordering::Relaxed), 3);
    }
}
