//! What a reviewer is told of the rows that a write would touch: how many they are, which is what
//! is approved, and some of them.

use super::Connection;
use crate::named::is_temporary;
use crate::reply::{Chunk, Expect, ExpectedResult, ReplyMachine};
use crate::request::{MessageBatch, in_words};
use crate::target::{PlanFence, RowCap, RowQuestion, rounded_up};
use crate::wire::row;
use crate::wire::{next_of, row_description};
use bytes::Bytes;
use portreeve_decide::sql::postgres::{RowsTouched, rows_touched};
use portreeve_model::{Action, Examples, Object, Parameter};
use portreeve_session::{CommandUse, Fence as _, Request as _};
use std::sync::Arc;

/// As much of a value is shown.
const VALUE_CHARS_MAX: usize = 200;

impl Connection {
    /// Counts the rows of a write that would be held, so that what is approved has a cap, and
    /// reads some of them.
    pub(super) async fn look_at_rows(&self, batch: &mut MessageBatch) {
        let snapshot = self.assembler.snapshot();
        let is_counted = |one: &CommandUse| {
            // Nor does another session have this one's temporary tables.
            let is_own =
                |object: &Object| object.path.first().is_some_and(|schema| is_temporary(schema));
            let needs = &one.command.needs;
            let runs_own_code =
                needs.iter().any(|it| it.action == Action::Execute || is_own(&it.object));
            // Policy is asked last: that takes longer than all of a read's way through here.
            one.command.writes() && !runs_own_code && snapshot.is_reviewed(&one.command)
        };
        if !batch.commands().iter().all(is_counted) {
            return;
        }
        // SECURITY: what the client has sent to set it is not sent again: the values are.
        let Some((statement, settings)) = batch.countable() else { return };
        let Some(touched) = rows_touched(&statement.text) else { return };
        let Some(parameters) = asked_with(&statement.parameters, &touched) else { return };
        let started = self.assembler.started().clone();
        let text = touched.count.clone();
        let question = RowQuestion { text, parameters, started, settings };
        let Some(count) = self.upstream.count(&question).await else { return };
        let (upstream, rows_max) = (self.upstream.clone(), rounded_up(count));
        if count > 0 {
            batch.examples = self.examples(&question, &touched).await;
        }
        let definitions = batch.definitions.take();
        batch.definitions = Some(Arc::new(RowCap { upstream, question, rows_max, definitions }));
        batch.changes_max = Some(rows_max);
    }

    /// Some of the rows, masked as a reply would be in which policy reveals nothing; none where
    /// any of it is not certain.
    async fn examples(&self, counted: &RowQuestion, touched: &RowsTouched) -> Option<Examples> {
        let rows_max = self.session.review_examples();
        if rows_max == 0 {
            return None;
        }
        let text = touched.some(rows_max);
        let planned = self.assembler.plan_for_others(&text)?;
        let question = RowQuestion { text, ..counted.clone() };
        let messages = self.upstream.look_at(&question, &planned.search_path).await?;
        // INVARIANT: all of them are here, so the check begins behind them.
        let fence = PlanFence {
            upstream: self.upstream.clone(),
            names: Arc::new(planned.names),
            planned: self.assembler.catalog().versions(),
        };
        fence.check().await.ok()?;
        let limit = self.limits.reply_message_bytes_max;
        let mut machine = ReplyMachine::new(limit, self.upstream.screening.clone());
        let result = ExpectedResult { plan: Some(planned.plan), ..ExpectedResult::default() };
        machine.expect([Expect::Query([result].into())]);
        let reply = Chunk { messages, machine: &mut machine };
        let masked = self.session.mask_for_reviewers(reply).ok()?;
        examples_of(masked.bytes)
    }
}

/// Reads what a client would get.
fn examples_of(mut messages: Bytes) -> Option<Examples> {
    let mut examples = Examples::default();
    while let Some(frame) = next_of(&mut messages) {
        match frame.tag {
            b'T' => {
                let columns = row_description(frame.body()).ok()?;
                examples.columns = columns.iter().map(|column| column.name.to_string()).collect();
            }
            b'D' => {
                let values = row(frame.body()).ok()?;
                examples.rows.push(values.into_iter().map(|value| value.map(cut)).collect());
            }
            _ => {}
        }
    }
    (!examples.rows.is_empty()).then_some(examples)
}

fn cut(value: String) -> String {
    match value.char_indices().nth(VALUE_CHARS_MAX) {
        Some((end, _)) => format!("{}…", value.get(..end).unwrap_or_default()),
        None => value,
    }
}

/// The parameters of a statement for a question that has some of them: the others are of no
/// type that the target could find out.
fn asked_with(
    parameters: &[Parameter],
    touched: &RowsTouched,
) -> Option<Vec<(&'static str, String)>> {
    if touched.parameters.is_empty() {
        return Some(Vec::new());
    }
    let one = |(index, parameter): (usize, &Parameter)| {
        let is_asked = touched.parameters.contains(&(index + 1));
        if is_asked { in_words(parameter) } else { Some(("text", "NULL".to_owned())) }
    };
    parameters.iter().enumerate().map(one).collect()
}
