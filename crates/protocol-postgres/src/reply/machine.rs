//! What each server message does, by the state that it meets.

use super::completed::{
    EXPORTED_MAX, changes, is_plain_tag, put_hidden_results, snapshots, tells_changes,
};
use super::expect::{AskedBy, Expect, ExpectedResult};
use super::running::{CopyEnd, Running, portal_guard, row_guard};
use crate::look::Screening;
use crate::named::exports_snapshot;
use crate::wire::row;
use crate::wire::{
    Frame, HEADER_BYTES, error_fields, next_of, put, put_ready, put_refusal, put_refused, put_text,
    put_told, row_description,
};
use bytes::Bytes;
use portreeve_decide::mask::Masker;
use portreeve_decide::sql::SessionEffect;
use portreeve_decide::sql::postgres::questions::Row;
use portreeve_model::Refusal;
use portreeve_session::{End, Masked, Reply, Unmaskable};
use portreeve_sql::{CatalogSnapshot, Change, Ended, Names, Plan, ResultColumn};
use portreeve_wire::Cursor;
use std::collections::VecDeque;
use std::sync::Arc;

/// The transaction status of the last ReadyForQuery.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) enum Status {
    #[default]
    Idle,
    InTransaction,
    Failed,
}

impl Status {
    fn read(byte: u8) -> Option<Self> {
        match byte {
            b'I' => Some(Self::Idle),
            b'T' => Some(Self::InTransaction),
            b'E' => Some(Self::Failed),
            _ => None,
        }
    }

    pub(crate) fn byte(self) -> u8 {
        match self {
            Self::Idle => b'I',
            Self::InTransaction => b'T',
            Self::Failed => b'E',
        }
    }
}

/// What is done with the client's messages of the extended protocol.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
enum Extended {
    /// They are carried out.
    #[default]
    Open,
    /// SPEC: after an error all is skipped up to Sync.
    Skipping,
    /// The same, after an error that the client has seen and the server has not: the server
    /// must get one at Sync.
    SkippingAlone,
}

/// The reply side of a connection.
#[derive(Debug, Default)]
pub(crate) struct ReplyMachine {
    pub(super) pending: VecDeque<Expect>,
    running: Running,
    running_rows: u64,
    names: Names,
    status: Status,
    extended: Extended,
    /// Definitions may have changed.
    redefined: bool,
    /// Code has run in the open transaction that may have changed definitions, and nobody has
    /// asked since.
    code_ran: bool,
    /// When something that policy hides was touched.
    pub(super) touched: Touched,
    /// The running transaction has failed, or was taken back.
    rolled_back: bool,
    /// The error code of the first failure in the running exchange.
    failed: Option<String>,
    row_bytes_max: usize,
    pub(super) screening: Screening,
    /// The client has sent the data of the COPY that is about to run.
    hides_copy_start: bool,
    /// Rows that the running request has changed, and that nobody has been told of yet.
    changes: u64,
    /// Rows that may name a snapshot of the session.
    exports: bool,
    /// Snapshots of the session that others can see by now.
    exported: Vec<String>,
    /// The snapshot of another session that this one sees by now.
    sees_as: Option<String>,
    /// The server's answers to what the gateway itself has asked last.
    told: Told,
}

/// When something was touched that policy hides.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) enum Touched {
    #[default]
    Never,
    /// In the running transaction, or before it.
    Before,
    /// By the text that runs, which may be a transaction of its own.
    Now,
}

/// What the server answers to the gateway itself.
#[derive(Debug, Default)]
struct Told {
    /// Of each statement that it has finished.
    answers: Vec<Vec<Row>>,
    /// Of the one that runs.
    rows: Vec<Row>,
    has_failed: bool,
}

/// Who gets what a message makes: the client, or nobody, after a refusal in mid-reply.
#[derive(Clone, Copy)]
pub(super) enum Audience<'m> {
    Client(&'m Masker),
    Nobody,
}

pub(super) type Step = Result<(), Unmaskable>;

impl ReplyMachine {
    pub(crate) fn new(row_bytes_max: usize, screening: Screening) -> Self {
        Self { row_bytes_max, screening, ..Self::default() }
    }

    /// Notes what the server will answer to what it is about to get.
    pub(crate) fn expect(&mut self, expects: impl IntoIterator<Item = Expect>) {
        for expect in expects {
            if matches!(expect, Expect::Ready | Expect::ReadyAfterRefusal) {
                self.extended = Extended::Open;
            }
            let exports =
                |result: &ExpectedResult| result.plan.as_deref().is_some_and(exports_snapshot);
            self.exports |= match &expect {
                Expect::Query(results) => results.iter().any(exports),
                Expect::Execute(result) => exports(result),
                _ => false,
            };
            self.pending.push_back(expect);
        }
    }

    /// Whether the server owes nothing.
    pub(crate) fn is_idle(&self) -> bool {
        self.pending.is_empty()
    }

    /// Whether all that the server owes is the end of a transaction that the gateway has
    /// begun.
    pub(crate) fn is_at_end(&self) -> bool {
        self.pending.len() == 1 && matches!(self.pending.front(), Some(Expect::Ending))
    }

    /// Snapshots of the session that others can see by since this was asked last.
    pub(crate) fn take_exported(&mut self) -> Vec<String> {
        std::mem::take(&mut self.exported)
    }

    /// The snapshot of another session that this one sees by since this was asked last.
    pub(crate) fn take_sees_as(&mut self) -> Option<String> {
        self.sees_as.take()
    }

    /// What the server has told the gateway itself: the rows of each statement that it was
    /// asked, unless one has failed.
    pub(crate) fn take_told(&mut self) -> Option<Vec<Vec<Row>>> {
        let Told { answers, has_failed, .. } = std::mem::take(&mut self.told);
        (!has_failed).then_some(answers)
    }

    pub(crate) fn names(&self) -> &Names {
        &self.names
    }

    pub(crate) fn status(&self) -> Status {
        self.status
    }

    /// Whether what the client sends is dropped up to Sync.
    pub(crate) fn is_skipping(&self) -> bool {
        self.extended != Extended::Open
    }

    /// Whether the server must be made to fail at Sync.
    pub(crate) fn owes_failure(&self) -> bool {
        self.extended == Extended::SkippingAlone
    }

    /// The client was told of a failure that the server did not have.
    pub(crate) fn skip_alone(&mut self) {
        self.extended = Extended::SkippingAlone;
    }

    /// The COPY for which the server waits for data.
    pub(crate) fn copying_in(&self) -> Option<&Arc<Plan>> {
        let plan = self.pending.front().and_then(Expect::plan);
        plan.filter(|_| matches!(self.running, Running::CopyIn))
    }

    pub(crate) fn is_copying_in(&self) -> bool {
        self.copying_in().is_some()
    }

    /// The client has been asked for the data of the next COPY already.
    pub(crate) fn hide_copy_start(&mut self) {
        self.hides_copy_start = true;
    }

    /// The server gets no more COPY data. Where they were refused, it fails, and the client
    /// learns why.
    pub(crate) fn end_copy_in(&mut self, end: CopyEnd, refusal: Option<Refusal>) {
        if self.is_copying_in() {
            self.running = match end {
                CopyEnd::Done => Running::Last,
                CopyEnd::Failed => Running::CopyGivenUp(refusal.map(Box::new)),
            };
        }
    }

    /// A request has run code that may have changed definitions in the open transaction.
    pub(crate) fn note_code(&mut self) {
        self.code_ran = true;
    }

    /// Whether somebody must look at what the open transaction has changed.
    pub(crate) fn take_code_ran(&mut self) -> bool {
        std::mem::take(&mut self.code_ran)
    }

    /// What the open transaction has made of definitions cannot be told from here on.
    pub(crate) fn lose_definitions(&mut self) {
        self.names.lose_definitions();
    }

    /// The server has shown what the open transaction sees by now.
    pub(crate) fn see_definitions(&mut self, seen: Arc<CatalogSnapshot>) {
        self.names.see_definitions(seen);
    }

    /// Notes which of what is open rests on other definitions than those known now.
    pub(crate) fn outdate_portals(&mut self, is_changed: impl Fn(&Plan) -> bool) {
        self.names.outdate_portals(is_changed);
    }

    /// Whether definitions may have changed for everybody.
    pub(crate) fn has_redefined(&self) -> bool {
        self.status == Status::Idle && self.redefined
    }

    /// Whether definitions may have changed for everybody since this was asked last.
    pub(crate) fn take_redefined(&mut self) -> bool {
        self.status == Status::Idle && std::mem::take(&mut self.redefined)
    }

    /// Takes messages of a refused reply: they change the state, and nobody sees them.
    pub(crate) fn discard(&mut self, mut messages: Bytes) -> Step {
        while let Some(frame) = next_of(&mut messages) {
            self.message(&frame, Audience::Nobody, &mut Vec::new(), &mut Masked::default())?;
        }
        self.failed = None;
        Ok(())
    }

    fn message(
        &mut self,
        frame: &Frame,
        audience: Audience<'_>,
        out: &mut Vec<u8>,
        masked: &mut Masked,
    ) -> Step {
        if matches!(frame.tag, b'1' | b'2' | b'3' | b'n' | b's' | b'I' | b'c') {
            Cursor::new(frame.body()).finish().map_err(|error| malformed(frame, error))?;
        }
        let is_asked = matches!(self.pending.front(), Some(Expect::Asked));
        let is_tried = matches!(self.pending.front(), Some(Expect::Tried(_)));
        match frame.tag {
            b'1' | b'2' | b'3' | b'C' | b'D' | b'E' if is_asked => self.answered(frame),
            b'1' if is_tried => self.first_of_two(frame),
            // SECURITY: code that a constant of the text brings may say anything.
            b'N' if is_tried => Ok(()),
            // The server can read it, so the gateway says why it refuses it.
            b'3' if is_tried => {
                self.last_of_two(frame)?;
                self.pending.pop_front();
                Ok(())
            }
            b'D' | b'd' => match audience {
                Audience::Client(masker) => self.data(frame, masker, out, masked),
                Audience::Nobody if self.has_data(frame.tag) => Ok(()),
                Audience::Nobody => Err(unexpected(frame)),
            },
            b'T' | b'n' => self.description(frame, out, masked),
            b't' => match self.pending.front() {
                Some(Expect::DescribeStatement(_)) => {
                    parameter_types(frame.body()).map_err(|error| malformed(frame, error))?;
                    self.first_of_two(frame)?;
                    out.extend_from_slice(&frame.whole);
                    Ok(())
                }
                _ => Err(unexpected(frame)),
            },
            b'1' | b'2' | b'3' => self.changed(frame, out),
            b'C' | b'I' | b's' => self.completed(frame, out, masked),
            b'G' | b'H' => self.begin_copy(frame, out, masked),
            b'c' => {
                self.running.end_copy(frame, audience)?;
                self.end_running(masked);
                self.running = Running::Last;
                out.extend_from_slice(&frame.whole);
                Ok(())
            }
            b'E' => self.error(frame, audience, out, masked),
            b'Z' => self.ready(frame, out, masked),
            b'N' => self.report(frame, audience, out, masked).map(|_| ()),
            b'S' => self.parameter(frame, audience, out, masked),
            b'A' => self.notification(frame, audience, out, masked),
            _ => Err(unexpected(frame)),
        }
    }

    /// Whether a message of data may come now.
    fn has_data(&self, tag: u8) -> bool {
        match &self.running {
            Running::Rows(_) => tag == b'D',
            Running::CleanCopy(_) | Running::MaskedCopy(_) => tag == b'd',
            Running::Nothing => {
                let result = self.pending.front().filter(|it| matches!(it, Expect::Execute(_)));
                tag == b'D' && result.and_then(Expect::plan).is_some()
            }
            Running::CopyIn | Running::CopyGivenUp(_) | Running::Last | Running::Over => false,
        }
    }

    /// The first message of a reply that has two.
    fn first_of_two(&mut self, frame: &Frame) -> Step {
        match std::mem::replace(&mut self.running, Running::Last) {
            Running::Nothing => Ok(()),
            _ => Err(unexpected(frame)),
        }
    }

    /// The second one.
    fn last_of_two(&mut self, frame: &Frame) -> Step {
        match std::mem::take(&mut self.running) {
            Running::Last => Ok(()),
            _ => Err(unexpected(frame)),
        }
    }

    fn data(
        &mut self,
        frame: &Frame,
        masker: &Masker,
        out: &mut Vec<u8>,
        masked: &mut Masked,
    ) -> Step {
        if frame.tag == b'd' {
            self.running_rows += self.running.copy_data(frame, masker, out, masked)?;
            return Ok(());
        }
        if let (Running::Nothing, Some(Expect::Execute(expected))) =
            (&self.running, self.pending.front())
        {
            let guard = portal_guard(&self.names, expected, &self.screening, masked)?;
            self.running = Running::Rows(guard);
        }
        self.running.row(frame, masker, out, masked)?;
        self.running_rows += 1;
        if self.exports && self.exported.len() < EXPORTED_MAX {
            let found = snapshots(frame.body()).map_err(|error| malformed(frame, error))?;
            self.exported.extend(found);
        }
        Ok(())
    }

    fn description(&mut self, frame: &Frame, out: &mut Vec<u8>, masked: &mut Masked) -> Step {
        let columns: Vec<ResultColumn> = if frame.tag == b'T' {
            row_description(frame.body()).map_err(|error| malformed(frame, error))?
        } else {
            Vec::new()
        };
        match self.pending.front() {
            Some(Expect::DescribeStatement(name)) => {
                self.names.describe_statement(name, columns.into());
                self.last_of_two(frame)?;
                self.pending.pop_front();
                out.extend_from_slice(&frame.whole);
            }
            Some(Expect::DescribePortal { portal, asked_by }) => {
                self.names.describe_portal(portal, columns.into());
                if *asked_by == AskedBy::Client {
                    out.extend_from_slice(&frame.whole);
                }
                self.pending.pop_front();
            }
            Some(Expect::Query(results))
                if frame.tag == b'T' && matches!(self.running, Running::Nothing) =>
            {
                let plan = results.front().and_then(|result| result.plan.as_ref());
                let plan = plan.filter(|plan| plan.copy().is_none());
                let plan = plan.ok_or_else(|| unexpected(frame))?;
                self.running = Running::Rows(row_guard(plan, &self.screening, &columns, masked));
                out.extend_from_slice(&frame.whole);
            }
            _ => return Err(unexpected(frame)),
        }
        Ok(())
    }

    fn changed(&mut self, frame: &Frame, out: &mut Vec<u8>) -> Step {
        self.ran_in_part();
        let change = match (frame.tag, self.pending.pop_front()) {
            (b'1', Some(Expect::Parse(change)))
            | (b'2', Some(Expect::Bind(change)))
            | (b'3', Some(Expect::Close(change))) => change,
            _ => return Err(unexpected(frame)),
        };
        self.names.apply(change);
        out.extend_from_slice(&frame.whole);
        Ok(())
    }

    /// A part of the answer to what the gateway itself has asked.
    fn answered(&mut self, frame: &Frame) -> Step {
        let told = &mut self.told;
        match frame.tag {
            _ if told.has_failed && frame.tag != b'E' => return Err(unexpected(frame)),
            b'D' => told.rows.push(row(frame.body()).map_err(|error| malformed(frame, error))?),
            b'C' => told.answers.push(std::mem::take(&mut told.rows)),
            b'E' => told.has_failed = true,
            _ => {}
        }
        Ok(())
    }

    /// Nothing is under way any more. What was counted of its rows is part of this reply: they have
    /// been shown.
    fn end_running(&mut self, masked: &mut Masked) -> Running {
        self.running.drain_counts(masked);
        std::mem::take(&mut self.running)
    }

    fn completed(&mut self, frame: &Frame, out: &mut Vec<u8>, masked: &mut Masked) -> Step {
        let running = self.end_running(masked);
        let may_come = match running {
            Running::Nothing => true,
            Running::Rows(_) => frame.tag != b'I',
            Running::Last => frame.tag == b'C',
            Running::CleanCopy(_)
            | Running::MaskedCopy(_)
            | Running::CopyIn
            | Running::CopyGivenUp(_)
            | Running::Over => false,
        };
        let expected = match self.pending.front_mut().filter(|_| may_come) {
            Some(Expect::Query(results)) if frame.tag == b'I' && results.is_empty() => None,
            Some(Expect::Query(results)) if frame.tag == b'C' => {
                Some(results.pop_front().ok_or_else(|| unexpected(frame))?)
            }
            // SPEC: EmptyQueryResponse stands for a text without a statement, and for no other.
            Some(Expect::Execute(expected)) if expected.plan.is_none() == (frame.tag == b'I') => {
                let expected = std::mem::take(expected);
                self.pending.pop_front();
                Some(expected)
            }
            Some(Expect::Ending) if frame.tag == b'C' => {
                self.rolled_back |= frame.body() == b"ROLLBACK\0";
                self.running = Running::Over;
                return Ok(());
            }
            _ => return Err(unexpected(frame)),
        };
        if let Some(Expect::Query(results)) = self.pending.front()
            && results.is_empty()
        {
            self.running = Running::Over;
        }
        let rows = std::mem::take(&mut self.running_rows);
        if let Some(expected) = expected {
            if rows > 0 && frame.tag == b'C' {
                put_hidden_results(&expected, out);
            }
            self.ran(&expected);
            if frame.tag == b's' && tells_changes(&expected) {
                // SPEC: a write has run to its end before its first row is given; how many it
                // has changed is not told.
                self.changes = u64::MAX;
            }
            let counted = expected.counted.as_ref().and_then(|name| self.names.portal_mut(name));
            if let Some(entry) = counted {
                entry.rows += rows;
            }
            if frame.tag == b'C' {
                // SPEC: COMMIT of a failed transaction answers `ROLLBACK`.
                self.rolled_back |= frame.body() == b"ROLLBACK\0";
                self.changes = self.changes.saturating_add(changes(&expected, frame.body()));
                self.succeeded(expected);
            }
        }
        // What is answered up to ReadyForQuery is undone with what fails behind it.
        if !matches!(self.pending.front(), Some(Expect::Query(_))) {
            masked.usage.changes += std::mem::take(&mut self.changes);
        }
        if frame.tag == b'C' && !is_plain_tag(frame.body()) {
            put(out, b'C', |out| put_text(out, "OK"));
        } else {
            out.extend_from_slice(&frame.whole);
        }
        Ok(())
    }

    /// A statement has run, to its end or until its client has rows enough.
    fn ran(&mut self, expected: &ExpectedResult) {
        let Some(plan) = &expected.plan else { return };
        if plan.touches_hidden() {
            self.touched = Touched::Now;
        }
        self.redefined |= plan.redefines();
        if plan.may_open_portals() {
            self.names.apply(Change::RunCode(expected.portal.clone()));
        }
    }

    /// SECURITY: code has run that is not done yet, or has failed: a plan is made of values, and
    /// what code has committed before it fails stays.
    fn ran_in_part(&mut self) {
        let plan = self.pending.front().and_then(Expect::plan);
        if let Some(plan) = plan.filter(|plan| plan.may_open_portals()) {
            if plan.touches_hidden() {
                self.touched = Touched::Now;
            }
            self.names.apply(Change::RunCode(None));
        }
    }

    fn succeeded(&mut self, expected: ExpectedResult) {
        if let Some(plan) = &expected.plan
            && let SessionEffect::SeeAs(snapshot) = &plan.statement.session
        {
            self.sees_as = Some(snapshot.clone());
        }
        if let Some(definition) = expected.defined {
            self.names.define(definition);
        }
        match expected.change {
            Some(Change::EndTransaction) => self.end_transaction(),
            Some(change) => {
                // `ROLLBACK TO` answers `ROLLBACK`, and the transaction goes on.
                self.rolled_back &= !matches!(change, Change::RollbackTo(_));
                self.names.apply(change);
            }
            None => {}
        }
    }

    fn end_transaction(&mut self) {
        let rolled_back = std::mem::take(&mut self.rolled_back);
        self.names.end_transaction(if rolled_back { Ended::RolledBack } else { Ended::Committed });
    }

    fn begin_copy(&mut self, frame: &Frame, out: &mut Vec<u8>, masked: &mut Masked) -> Step {
        let plan = self.pending.front().and_then(Expect::result).and_then(|one| one.plan.clone());
        let is_first = matches!(self.running, Running::Nothing);
        let plan = plan.filter(|_| is_first).ok_or_else(|| unexpected(frame))?;
        self.running =
            Running::begin_copy(frame, &plan, &self.screening, self.row_bytes_max, masked)?;
        if !(self.is_copying_in() && std::mem::take(&mut self.hides_copy_start)) {
            out.extend_from_slice(&frame.whole);
        }
        Ok(())
    }

    fn error(
        &mut self,
        frame: &Frame,
        audience: Audience<'_>,
        out: &mut Vec<u8>,
        masked: &mut Masked,
    ) -> Step {
        let start = out.len();
        let report = self.report(frame, audience, out, masked)?;
        // SPEC: without a request a server says an error only as its last word.
        if self.is_idle() && !report.is_fatal {
            return Err(unexpected(frame));
        }
        self.ran_in_part();
        self.running_rows = 0;
        if let Running::CopyGivenUp(Some(refusal)) = self.end_running(masked) {
            out.truncate(start);
            put_refusal(out, &refusal);
        }
        match self.pending.front() {
            Some(Expect::Refused(refused) | Expect::RefusedQuery(refused)) => {
                out.truncate(start);
                put_refused(out, refused);
            }
            Some(Expect::Tried(refused)) => {
                let told = out.split_off(start);
                let fields =
                    |body: &[u8]| error_fields(body).map_err(|error| malformed(frame, error));
                if refused.is_told_by(&fields(frame.body())?) {
                    let shown = fields(told.get(HEADER_BYTES..).unwrap_or_default())?;
                    put_told(out, &refused.of_the_text_alone(shown), refused);
                } else {
                    put_refused(out, refused);
                }
            }
            Some(Expect::ReadyAfterRefusal) => out.truncate(start),
            _ => {}
        }
        self.rolled_back = true;
        self.failed.get_or_insert(report.sqlstate);
        if report.is_fatal {
            self.pending.clear();
            return Ok(());
        }
        // SPEC: after an error the server skips everything up to Sync.
        while self.pending.front().is_some_and(|next| !next.is_ended_by_ready()) {
            self.pending.pop_front();
        }
        if self.pending.is_empty() {
            self.extended = Extended::Skipping;
        } else {
            // ReadyForQuery still follows.
            self.running = Running::Over;
        }
        Ok(())
    }

    fn ready(&mut self, frame: &Frame, out: &mut Vec<u8>, masked: &mut Masked) -> Step {
        let status = match frame.body() {
            [byte] => Status::read(*byte),
            _ => None,
        };
        let is_over = matches!(self.running, Running::Over);
        let is_due = self.pending.front().is_some_and(|expect| match expect {
            Expect::Ready | Expect::Asked => true,
            // SECURITY: what has not ended has no end, and what has to fail has failed.
            _ => expect.is_ended_by_ready() && is_over,
        });
        let status = status.filter(|_| is_due).ok_or_else(|| unexpected(frame))?;
        self.status = status;
        let changes = std::mem::take(&mut self.changes);
        if self.failed.is_none() {
            masked.usage.changes += changes;
        }
        self.code_ran &= status != Status::Idle;
        let answered = self.pending.pop_front();
        if let Some(Expect::Query(_) | Expect::RefusedQuery(_)) = answered {
            // SPEC: a simple query destroys the unnamed statement and portal.
            self.names.apply(Change::Deallocate(String::new()));
            self.names.apply(Change::Close(String::new()));
        }
        if status == Status::Idle {
            self.end_transaction();
        }
        self.running = Running::Nothing;
        self.hides_copy_start = false;
        if self.touched == Touched::Now {
            self.touched = Touched::Before;
        }
        if !(matches!(answered, Some(Expect::Asked)) || self.is_at_end()) {
            put_ready(out, status.byte());
        }
        Ok(())
    }
}

pub(super) fn unexpected(frame: &Frame) -> Unmaskable {
    Unmaskable(format!("unexpected message `{}`", char::from(frame.tag).escape_default()))
}

pub(super) fn malformed(frame: &Frame, error: portreeve_wire::WireError) -> Unmaskable {
    Unmaskable(format!("message `{}`: {error}", char::from(frame.tag).escape_default()))
}

/// The types of a statement's parameters: nothing else may be in there.
fn parameter_types(body: &[u8]) -> Result<(), portreeve_wire::WireError> {
    let mut cursor = Cursor::new(body);
    for _ in 0..cursor.u16()? {
        cursor.u32()?;
    }
    cursor.finish()
}

/// Whole messages of the server, to be masked by the state they meet.
#[derive(Debug)]
pub(crate) struct Chunk<'m> {
    pub(crate) messages: Bytes,
    pub(crate) machine: &'m mut ReplyMachine,
}

impl Reply for Chunk<'_> {
    fn mask(mut self, masker: &Masker) -> Result<Masked, Unmaskable> {
        let mut out = Vec::with_capacity(self.messages.len() + 64);
        let mut masked = Masked::default();
        while let Some(frame) = next_of(&mut self.messages) {
            masked.usage.messages += 1;
            self.machine.message(&frame, Audience::Client(masker), &mut out, &mut masked)?;
        }
        self.machine.running.drain_counts(&mut masked);
        masked.bytes = out.into();
        if self.machine.is_idle() {
            self.machine.exports = false;
            let failed = self.machine.failed.take();
            masked.end = Some(failed.map_or(End::Completed, |code| End::Failed { code }));
        }
        Ok(masked)
    }
}
