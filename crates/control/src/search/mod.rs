//! Search over what the log says: which sessions, by who, for whom, what they touched, how it
//! ended, and the words of their statements.
//!
//! The answers come from an index, one SQLite file beside the evidence. It is made from the log
//! and nothing else, holds no value of a target's data (as no record does), proves nothing, and
//! can be thrown away: one that is missing, broken, of another log or of another version of this
//! program is made anew. Whoever follows the log keeps it up; no session waits for it.
//!
//! | room | idea |
//! |---|---|
//! | `schema` | the tables |
//! | `feed` | records become rows |
//! | `shape` | what many exchanges have in common, kept once |
//! | `findings` | what is unlike what was before, found by the same reader and kept beside |
//! | `index` | follows the log: rows and cursor change in one transaction |
//! | `question` | what can be asked, and the SQL of it |
//! | `words` | the words of a statement, and what people type |
//! | `keep` | the index of a gateway, and what asks it |

mod feed;
mod findings;
mod index;
mod keep;
mod question;
mod schema;
mod shape;
mod words;

#[cfg(test)]
mod tests;

pub use findings::{FindingQuestion, FoundFindings};
pub use index::{Index, Progress, SearchError};
pub use keep::{INDEX_FILE, Search, ask_offline, finding_offline, findings_offline};
pub use question::{Ended, Found, FoundSession, LIMIT_MAX, Matches, Question, Verdicts};
