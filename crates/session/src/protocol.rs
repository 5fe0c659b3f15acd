//! What a protocol supplies.

use crate::Ruling;
use bytes::Bytes;
use portreeve_decide::mask::{Masker, SubjectToken};
use portreeve_model::{Category, Command, Outcome, Refusal, RevealedColumn, SubjectCount};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// What a request does with a command.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stage {
    /// Prepares it: it must not be denied, but nothing runs yet.
    Prepare,
    /// Runs it.
    Run,
}

/// Columns that policy reveals.
#[derive(Clone, Debug)]
pub struct Revealed {
    /// The ruling under which [`crate::Session::reveals`] said so. Under another one the
    /// command is refused.
    pub ruling: Arc<Ruling>,
    /// The columns, sorted.
    pub columns: Vec<RevealedColumn>,
}

/// One command of a request, ready to be decided.
#[derive(Clone, Debug)]
pub struct Asked {
    /// What it does.
    pub command: Arc<Command>,
    /// Whether it runs now.
    pub stage: Stage,
    /// Columns whose values the client will see clear.
    pub revealed: Arc<Revealed>,
    /// Rows that the same cursor or portal has already given.
    pub rows_before: u64,
}

/// What a client sent: one message, or a run of messages that belong together.
pub trait Request {
    /// The commands in it, in order. A request without any is the protocol's own
    /// housekeeping (`Sync`), and permitted.
    fn commands(&self) -> &[Asked];

    /// The bytes as they came, for the recording.
    fn received(&self) -> Bytes;

    /// What a reviewer reads, and what an approval is bound to: the statements and
    /// their parameters, independent of how the driver cut them into messages.
    fn content(&self) -> String;

    /// The bytes for the target.
    ///
    /// `refused` is the index of the first command that may not run, if any: from there
    /// on nothing of the request may be in the bytes. The protocol may put something of
    /// its own in its place, which makes the target fail exactly where the command would
    /// have run, so that transaction state stays true.
    fn encode(&mut self, refused: Option<(usize, &Refusal)>) -> Bytes;
}

/// Why part of a reply cannot be masked, in an operator's words (never a value).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Unmaskable(pub String);

/// Part of a target's reply.
pub trait Reply {
    /// Masks **every** data-bearing field, error texts and notices included.
    ///
    /// What cannot be masked cannot pass: the session ends.
    fn mask(self, masker: &Masker) -> Result<Masked, Unmaskable>;
}

/// Whom rows are about, by table.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Subjects(BTreeMap<String, SubjectTally>);

/// Whom rows of one table are about.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct SubjectTally {
    /// What identifies a person in this table.
    pub kind: String,
    /// The people.
    pub tokens: BTreeSet<SubjectToken>,
    /// Rows of which nobody can say whom they are about.
    pub unresolved: u64,
}

impl Subjects {
    /// Adds rows of a table.
    pub fn add(&mut self, table: &str, tally: SubjectTally) {
        if tally.tokens.is_empty() && tally.unresolved == 0 {
            return;
        }
        let known = self.0.entry(table.to_owned()).or_default();
        known.kind = tally.kind;
        known.tokens.extend(tally.tokens);
        known.unresolved += tally.unresolved;
    }

    /// Adds others.
    pub fn merge(&mut self, others: Self) {
        others.0.into_iter().for_each(|(table, tally)| self.add(&table, tally));
    }

    /// Whether there is nothing to record.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The counts for the record, and the tokens for its payload.
    pub(crate) fn to_record(&self) -> (BTreeMap<String, SubjectCount>, Vec<u8>) {
        let count = |tally: &SubjectTally| SubjectCount {
            kind: tally.kind.clone(),
            people: tally.tokens.len() as u64,
            unresolved: tally.unresolved,
        };
        let tables = self.0.iter().map(|(table, tally)| (table.clone(), count(tally))).collect();
        let tokens = self.0.values().flat_map(|tally| &tally.tokens).flatten().copied().collect();
        (tables, tokens)
    }
}

/// A masked part of a reply, ready for the recording.
#[derive(Clone, Debug, Default)]
pub struct Masked {
    /// For the client.
    pub bytes: Bytes,
    /// Rows in it.
    pub rows: u64,
    /// Masked values in it.
    pub masked: BTreeMap<Category, u64>,
    /// Columns where the target's word about the origin contradicted the analysis.
    pub disagreements: Vec<String>,
    /// Whom the rows are about.
    pub subjects: Subjects,
    /// Set with the last part: how the exchange ended.
    pub outcome: Option<Outcome>,
}
