//! How many rows a write that is held would touch, and some of them: asked in a session of the
//! gateway's own, in a transaction that can change nothing, under the settings of the session that
//! asks.
//!
//! A reviewer approves at most that many, and they are counted once more before it runs. What
//! the open transaction of the client has changed itself is not seen.

use super::Upstream;
use super::answers::{answer, rows, set, text};
use crate::wire::{literal, quoted};
use bytes::Bytes;
use portreeve_session::{BoxFuture, Fence, Fenced};
use portreeve_transport::{DialError, PreAuth};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;

/// A question for the rows of a write.
#[derive(Clone, Debug)]
pub(crate) struct RowQuestion {
    pub(crate) text: String,
    /// What is asked with: a type's name and a value, as SQL writes them.
    pub(crate) parameters: Vec<(&'static str, String)>,
    /// What the session was started with.
    pub(crate) started: Arc<BTreeMap<String, String>>,
    /// What was set in it since, with the values that hold now.
    pub(crate) settings: BTreeMap<String, String>,
}

impl RowQuestion {
    fn wording(&self) -> String {
        if self.parameters.is_empty() {
            return self.text.clone();
        }
        let (types, values): (Vec<_>, Vec<_>) =
            self.parameters.iter().map(|(name, value)| (*name, value.as_str())).unzip();
        format!(
            "PREPARE counting ({}) AS {}; EXECUTE counting ({})",
            types.join(", "),
            self.text,
            values.join(", ")
        )
    }
}

/// Longest time that a reviewer's number is worth.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Most bytes of rows that are read as examples.
const EXAMPLE_BYTES_MAX: usize = 1 << 20;

impl Upstream {
    /// Counts; none where that cannot be done in time.
    pub(crate) async fn count(&self, question: &RowQuestion) -> Option<u64> {
        let count = async {
            let mut connection = self.read_only(question).await?;
            let counted = rows(&mut connection, &question.wording()).await?;
            Ok(counted.first().and_then(|row| text(row, 0).parse().ok()))
        };
        in_time(self, count).await
    }

    /// The target's answer to a question, its names looked up in these schemas: RowDescription,
    /// rows, and how it ended. None where that cannot be done in time, or it is too long.
    pub(crate) async fn look_at(
        &self,
        question: &RowQuestion,
        schemas: &[String],
    ) -> Option<Bytes> {
        let look = async {
            let mut connection = self.read_only(question).await?;
            let path: Vec<_> = schemas.iter().map(|name| quoted(name)).collect();
            let path = literal(&path.join(", "));
            let path = format!("SELECT pg_catalog.set_config('search_path', {path}, true)");
            set(&mut connection, &path).await?;
            answer(&mut connection, &question.wording(), EXAMPLE_BYTES_MAX).await
        };
        in_time(self, look).await
    }

    /// A session under the settings of the one that asks, in a transaction that changes nothing.
    async fn read_only(&self, question: &RowQuestion) -> Result<PreAuth, DialError> {
        let mut connection = self.dialer.dial(&question.started).await?.connection;
        set(&mut connection, "BEGIN READ ONLY").await?;
        for (name, value) in &question.settings {
            let (name, value) = (literal(name), literal(value));
            let setting = format!("SELECT pg_catalog.set_config({name}, {value}, true)");
            set(&mut connection, &setting).await?;
        }
        let bounds = format!(
            "SET LOCAL statement_timeout = {0}; SET LOCAL lock_timeout = {0}",
            TIMEOUT.as_millis()
        );
        set(&mut connection, &bounds).await?;
        Ok(connection)
    }
}

async fn in_time<T>(
    upstream: &Upstream,
    asking: impl Future<Output = Result<Option<T>, DialError>>,
) -> Option<T> {
    match timeout(TIMEOUT, asking).await {
        Ok(Ok(answer)) => answer,
        Ok(Err(error)) => {
            tracing::debug!(resource = upstream.name(), %error, "rows cannot be looked at");
            None
        }
        Err(_) => None,
    }
}

/// As many rows as a reviewer is told: two digits of it, rounded up, so that a table that others
/// work on does not need another approval for every row.
pub(crate) fn rounded_up(count: u64) -> u64 {
    let mut unit: u64 = 1;
    while count / unit >= 100 {
        unit = unit.saturating_mul(10);
    }
    count.div_ceil(unit).saturating_mul(unit)
}

/// Whether a write touches no more rows than were approved, and still means what it did.
pub(crate) struct RowCap {
    pub(crate) upstream: Arc<Upstream>,
    pub(crate) question: RowQuestion,
    pub(crate) rows_max: u64,
    pub(crate) definitions: Option<Arc<dyn Fence>>,
}

impl Fence for RowCap {
    fn check(&self) -> BoxFuture<'_, Result<(), Fenced>> {
        Box::pin(async move {
            if let Some(definitions) = &self.definitions {
                definitions.check().await?;
            }
            match self.upstream.count(&self.question).await {
                Some(count) if count <= self.rows_max => Ok(()),
                Some(_) => Err(Fenced::Changed),
                None => Err(Fenced::Unknown),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::rounded_up;

    #[test]
    fn two_digits_are_told() {
        let check = |count, expect| assert_eq!(rounded_up(count), expect, "{count}");
        for exact in [0, 1, 9, 10, 17, 99, 100, 120] {
            check(exact, exact);
        }
        check(121, 130);
        check(1_001, 1_100);
        check(59_999, 60_000);
        check(u64::MAX, u64::MAX);
    }
}
