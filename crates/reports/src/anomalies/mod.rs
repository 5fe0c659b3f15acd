//! Rules over the stream of exchanges: what is unlike what was before.
//!
//! No model and no chance: each rule is a comparison of a count with a bound that follows from
//! the configuration and from earlier exchanges, and each finding names the records that made
//! it. The same log and the same rules give the same findings, whoever reads the log and in how
//! many sittings; the clock is that of the records.
//!
//! | rule | a finding is |
//! |---|---|
//! | `new-category` | a chain that is known for a while touches a category for the first time |
//! | `volume` | more rows in an hour than a multiple of its busiest hour before |
//! | `refusals` | many refused exchanges in an hour |
//! | `probing` | many comparisons of classified columns with values, in an hour |
//! | `night` | work in the night, by somebody who never worked then |
//! | `masked-share` | of a category at a resource, fewer values are masked than before |
//!
//! | room | idea |
//! |---|---|
//! | `finding` | what is found |
//! | `history` | what is remembered of a chain and of a category, bounded |
//! | `rules` | the bounds |
//! | `watch` | the comparisons |

mod finding;
mod history;
mod rules;
mod watch;

#[cfg(test)]
mod tests;

pub use finding::{CITED_MAX, Finding, Rule, Weight};
pub use rules::Rules;
pub use watch::Watch;
