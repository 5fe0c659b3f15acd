//! How many rows may pass before policy wants to be asked again.

use super::entities::Prepared;
use super::judge::{Judgement, Pairs};
use super::{Ask, Policies, facts};
use portreeve_model::{Reason, RuleId, Verdict};
use std::collections::BTreeSet;

/// How far a reply may go, and what stands there.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Threshold {
    /// The largest row count of the command that is answered as it is now; none if the
    /// answer never changes.
    pub rows: Option<u64>,
    /// The verdict beyond it: a review or a plain denial. None without a threshold.
    pub beyond: Option<Verdict>,
    /// Who may let more pass; empty if nobody can.
    pub groups: Vec<String>,
    /// The rule that stands there.
    pub rule: Option<RuleId>,
    /// Its advice.
    pub advice: Option<String>,
}

impl Policies {
    /// Finds the largest row count at which no rule objects that does not object now.
    ///
    /// A command that a review let pass is thus free until a *further* rule objects. When
    /// rows count for the ask and it is denied as it stands, no row is free beyond those
    /// it has. Session rows move along with the rows of the command. The answer holds for
    /// the ask's moment: ask again at every chunk, since time moves too.
    #[must_use]
    pub fn rows_free(&self, ask: &Ask<'_>) -> Threshold {
        let Some(turns) = self.turns(ask) else {
            return Threshold::default();
        };
        let Some(prepared) = Prepared::new(&self.names, ask) else {
            return stop_here(ask);
        };
        let judge = |rows: u64, pairs: Pairs| {
            let facts = facts::context(ask, ask.counters.moved_to(rows))?;
            Some(self.judge(&prepared, &facts, pairs))
        };
        let Some(now) = judge(ask.counters.rows, Pairs::All).filter(|now| now.denials.is_empty())
        else {
            return stop_here(ask);
        };
        for rows in turns {
            let Some(then) = judge(rows, Pairs::Counted) else {
                return stop_here(ask);
            };
            if !then.rules.is_subset(&now.rules) {
                return self.threshold(rows - 1, &now, &then);
            }
        }
        Threshold::default()
    }

    /// The row counts, beyond the present one, at which some answer may change; none if
    /// no policy that could matter looks at rows.
    fn turns(&self, ask: &Ask<'_>) -> Option<BTreeSet<u64>> {
        let mut turns = BTreeSet::new();
        let mut counted = false;
        for hop in ask.chain.hops() {
            for need in ask.needs {
                let slice = self.slices.of(need.action, hop.kind, need.object.kind);
                counted |= !slice.boundaries.is_empty();
                for boundary in &slice.boundaries {
                    turns.extend(boundary.turns(ask.counters).into_iter().flatten());
                }
            }
        }
        turns.retain(|rows| *rows > ask.counters.rows);
        counted.then_some(turns)
    }

    fn threshold(&self, rows: u64, now: &Judgement, then: &Judgement) -> Threshold {
        let new = |reason: &&Reason| !now.rules.contains(&reason.rule.0);
        let denial = then.denials.iter().find(new);
        let reason = denial.or_else(|| then.reviews.iter().find(new));
        let rules: BTreeSet<_> = then.rules.difference(&now.rules).cloned().collect();
        let groups = if denial.is_some() { Vec::new() } else { self.review_groups(&rules) };
        Threshold {
            rows: Some(rows),
            beyond: Some(if denial.is_some() { Verdict::Deny } else { Verdict::Review }),
            groups,
            rule: reason.map(|reason| reason.rule.clone()),
            advice: reason.and_then(|reason| reason.advice.clone()),
        }
    }
}

/// The threshold of what cannot be judged: not a row more.
fn stop_here(ask: &Ask<'_>) -> Threshold {
    let (rows, beyond) = (Some(ask.counters.rows), Some(Verdict::Deny));
    Threshold { rows, beyond, ..Threshold::default() }
}
