//! The replies that a server owes, in order.

use crate::wire::Refused;
use portreeve_sql::{Change, Definition, Plan};
use std::collections::VecDeque;
use std::sync::Arc;

/// A reply that the server owes.
#[derive(Clone, Debug)]
pub(crate) enum Expect {
    /// To a simple query: the results of its statements, then ReadyForQuery.
    Query(VecDeque<ExpectedResult>),
    /// To a query that fails in place of a refused one.
    RefusedQuery(Box<Refused>),
    Parse(Change),
    Bind(Change),
    Close(Change),
    /// The statement of this name is described.
    DescribeStatement(String),
    DescribePortal {
        portal: String,
        asked_by: AskedBy,
    },
    Execute(ExpectedResult),
    /// To a message that fails in place of refused ones.
    Refused(Box<Refused>),
    /// To a refused text that the server is asked to read: it says what is wrong with it, or
    /// the refusal that follows does.
    Tried(Box<Refused>),
    /// To Sync.
    Ready,
    /// To Sync after a refusal in mid-reply: whatever comes before it is dropped.
    ReadyAfterRefusal,
    /// To what the gateway itself asks, ReadyForQuery last: the client sees nothing of it.
    Asked,
    /// To the end of a transaction that the gateway has begun, once it asks for that: the
    /// client sees an error in it, and its ReadyForQuery.
    Ending,
}

/// Who wants a description: the client sees only its own.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum AskedBy {
    Client,
    Gateway,
}

/// The result of one statement.
#[derive(Clone, Debug, Default)]
pub(crate) struct ExpectedResult {
    /// What its rows may show; none for an empty statement.
    pub(crate) plan: Option<Arc<Plan>>,
    /// The portal that is executed: its description and formats are those of the rows.
    pub(crate) portal: Option<String>,
    /// The portal or cursor whose rows are counted.
    pub(crate) counted: Option<String>,
    /// What holds once it has succeeded.
    pub(crate) change: Option<Change>,
    /// What it has changed of definitions then.
    pub(crate) defined: Option<Arc<Definition>>,
}

impl Expect {
    /// Whether ReadyForQuery ends it.
    pub(super) fn is_ended_by_ready(&self) -> bool {
        match self {
            Self::Query(_)
            | Self::RefusedQuery(_)
            | Self::Ready
            | Self::ReadyAfterRefusal
            | Self::Asked
            | Self::Ending => true,
            Self::Parse(_)
            | Self::Bind(_)
            | Self::Close(_)
            | Self::DescribeStatement(_)
            | Self::DescribePortal { .. }
            | Self::Execute(_)
            | Self::Refused(_)
            | Self::Tried(_) => false,
        }
    }

    /// What the server is at.
    pub(super) fn plan(&self) -> Option<&Arc<Plan>> {
        match self {
            Self::Parse(Change::Prepare(_, prepared)) => prepared.plan.as_ref(),
            Self::Bind(Change::Open(_, portal)) => portal.prepared.plan.as_ref(),
            _ => self.result()?.plan.as_ref(),
        }
    }

    /// All that the server may speak of before it has answered this.
    pub(super) fn plans(&self) -> impl Iterator<Item = &Arc<Plan>> {
        let results = match self {
            Self::Query(results) => Some(results),
            _ => None,
        };
        let alone = self.plan().filter(|_| results.is_none());
        results.into_iter().flatten().filter_map(|result| result.plan.as_ref()).chain(alone)
    }

    /// The result that comes now.
    pub(super) fn result(&self) -> Option<&ExpectedResult> {
        match self {
            Self::Query(results) => results.front(),
            Self::Execute(result) => Some(result),
            _ => None,
        }
    }
}
