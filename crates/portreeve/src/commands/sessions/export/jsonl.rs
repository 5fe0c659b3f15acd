//! JSON lines: the records of the log, each with what its bytes hold.

use super::{Output, Session, Sink};
use crate::wiring::Seen;
use portreeve_model::{Event, Record, SessionId};
use serde::Serialize;
use std::io::Write;

/// One line.
#[derive(Serialize)]
struct Line<'a, T> {
    session: SessionId,
    at_us: u64,
    /// Events of the log have it themselves.
    #[serde(skip_serializing_if = "Option::is_none")]
    exchange: Option<u64>,
    #[serde(flatten)]
    what: &'a T,
    /// Whether the statements and rows of the session are here.
    #[serde(skip_serializing_if = "Option::is_none")]
    recording: Option<&'static str>,
}

pub(super) struct Jsonl {
    output: Output,
}

impl Jsonl {
    pub(super) fn new(output: Output) -> Self {
        Self { output }
    }

    fn line<T: Serialize>(&mut self, line: &Line<'_, T>) -> anyhow::Result<()> {
        serde_json::to_writer(&mut self.output, line)?;
        Ok(self.output.write_all(b"\n")?)
    }
}

impl Sink for Jsonl {
    fn take(&mut self, session: &Session, record: &Record, seen: &[Seen]) -> anyhow::Result<()> {
        let (id, at_us, what) = (session.id, record.at_us, &record.event);
        let recording = matches!(what, Event::SessionOpened { .. })
            .then_some(if session.is_readable { "readable" } else { "erased" });
        self.line(&Line { session: id, at_us, exchange: None, what, recording })?;
        let exchange = record.event.exchange();
        seen.iter().try_for_each(|what| {
            self.line(&Line { session: id, at_us, exchange, what, recording: None })
        })
    }

    fn end(&mut self, _: &Session) -> anyhow::Result<()> {
        Ok(())
    }

    fn finish(self: Box<Self>) -> anyhow::Result<Output> {
        Ok(self.output)
    }
}
