//! Server messages → masked replies: what is expected next, and what each message does.
//!
//! The server answers in order, so the replies still owed are a queue. A message that
//! does not fit the head of the queue ends the session: it could carry anything.

use crate::backend::{Field, put_parameter, put_ready, put_refusal, row_description};
use crate::copy::CopyMasker;
use crate::frame::{Frame, next_of, put, put_text};
use crate::names::{Change, Names, Portal, Prepared};
use crate::plan::{ColumnMask, FieldMask, Plan, PlannedOutput, value_kind};
use crate::reports::{Trust, pass};
use crate::rows::RowMasks;
use bytes::Bytes;
use portreeve_decide::mask::Masker;
use portreeve_decide::sql::CopyDirection;
use portreeve_model::{Outcome, Refusal};
use portreeve_session::{Masked, Reply, Unmaskable};
use portreeve_wire::Cursor;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// A reply that the server owes.
#[derive(Debug)]
pub(crate) enum Expect {
    /// To a simple query: the results of its statements, then ReadyForQuery.
    Query(VecDeque<Expected>),
    /// To a query that fails in place of a refused one.
    RefusedQuery(Box<Refusal>),
    Parse(Change),
    Bind(Change),
    Close(Change),
    DescribeStatement(Arc<Prepared>),
    DescribePortal {
        portal: Arc<Portal>,
        asked_by: AskedBy,
    },
    Execute(Expected),
    /// To a message that fails in place of refused ones.
    Refused(Box<Refusal>),
    /// To Sync.
    Ready,
    /// To Sync after a refusal in mid-reply: whatever comes before it is dropped.
    ReadyAfterRefusal,
}

/// Who wants a description: the client sees only its own.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum AskedBy {
    Client,
    Gateway,
}

/// The result of one statement.
#[derive(Clone, Debug)]
pub(crate) struct Expected {
    /// What its rows may show; none for an empty statement.
    pub(crate) plan: Option<Arc<Plan>>,
    /// The portal that is executed: its description and formats are those of the rows.
    pub(crate) portal: Option<Arc<Portal>>,
    /// The portal or cursor whose rows are counted.
    pub(crate) counted: Option<Arc<Portal>>,
    /// What holds once it has succeeded.
    pub(crate) change: Option<Change>,
}

#[derive(Debug)]
enum Running {
    Rows(RowMasks),
    CleanCopy,
    MaskedCopy(Box<CopyMasker>),
}

/// The state of a connection's reply side.
#[derive(Debug)]
pub(crate) struct Pipeline {
    pending: VecDeque<Expect>,
    running: Option<Running>,
    running_rows: u64,
    pub(crate) names: Names,
    /// The transaction status of the last ReadyForQuery.
    pub(crate) status: u8,
    /// After an error, client messages are dropped until Sync.
    pub(crate) skipping: bool,
    /// The server has not seen the error that the client has: it must get one at Sync.
    pub(crate) owes_failure: bool,
    /// The server waits for COPY data.
    pub(crate) copying_in: bool,
    /// Definitions may have changed.
    pub(crate) redefined: bool,
    /// The open transaction has changed definitions, which nobody else can see yet.
    pub(crate) defining: bool,
    discarding: bool,
    /// Something classified was touched in the running transaction or before it.
    is_touched: bool,
    failed: Option<Outcome>,
    row_bytes_max: usize,
}

type Step = Result<(), Unmaskable>;

impl Pipeline {
    pub(crate) fn new(row_bytes_max: usize) -> Self {
        Self {
            pending: VecDeque::new(),
            running: None,
            running_rows: 0,
            names: Names::default(),
            status: b'I',
            skipping: false,
            owes_failure: false,
            copying_in: false,
            redefined: false,
            defining: false,
            discarding: false,
            is_touched: false,
            failed: None,
            row_bytes_max,
        }
    }

    pub(crate) fn expect(&mut self, expects: impl IntoIterator<Item = Expect>) {
        self.pending.extend(expects);
    }

    pub(crate) fn is_idle(&self) -> bool {
        self.pending.is_empty()
    }

    /// Takes messages of a refused reply: they change the state, and nobody sees them.
    pub(crate) fn discard(&mut self, mut messages: Bytes) -> Step {
        self.discarding = true;
        while let Some(frame) = next_of(&mut messages) {
            self.message(&frame, None, &mut Vec::new(), &mut Masked::default())?;
        }
        self.discarding = false;
        self.failed = None;
        Ok(())
    }

    fn message(
        &mut self,
        frame: &Frame,
        masker: Option<&Masker>,
        out: &mut Vec<u8>,
        masked: &mut Masked,
    ) -> Step {
        let start = out.len();
        match frame.tag {
            b'D' => self.data_row(frame, masker, out, masked)?,
            b'd' => self.copy_data(frame, masker, out, masked)?,
            b'T' | b'n' => self.description(frame, out, masked)?,
            b't' => match self.pending.front() {
                Some(Expect::DescribeStatement(_)) => out.extend_from_slice(&frame.whole),
                _ => return Err(unexpected(frame)),
            },
            b'1' | b'2' | b'3' => self.changed(frame, out)?,
            b'C' | b'I' | b's' => self.completed(frame, out, masked)?,
            b'G' | b'H' | b'c' => self.copy_control(frame, out, masked)?,
            b'E' => self.error(frame, out)?,
            b'Z' => self.ready(frame, out)?,
            b'N' => {
                pass(b'N', frame.body(), self.trust(), out).map_err(|e| malformed(frame, e))?;
            }
            b'S' => self.parameter(frame, out)?,
            b'A' => self.notification(frame, out)?,
            _ => return Err(unexpected(frame)),
        }
        if self.discarding {
            out.truncate(start);
        }
        Ok(())
    }

    /// Whether texts of the server may hold values of classified columns.
    fn trust(&self) -> Trust {
        let touches =
            |plan: &Option<Arc<Plan>>| plan.as_ref().is_some_and(|plan| plan.touches_classified());
        let changes = |change: &Change| match change {
            Change::Prepare(_, prepared) => touches(&prepared.plan),
            Change::Open(_, portal) => touches(&portal.prepared.plan),
            _ => false,
        };
        // Deferred constraints and triggers speak at the end of a transaction, about rows
        // that earlier statements have touched.
        let ends = |plan: &Option<Arc<Plan>>| {
            self.is_touched && plan.as_ref().is_some_and(|plan| plan.is_transaction())
        };
        let is_tainted = match self.pending.front() {
            Some(Expect::Query(results)) => {
                results.iter().any(|result| touches(&result.plan) || ends(&result.plan))
            }
            Some(Expect::Execute(result)) => touches(&result.plan) || ends(&result.plan),
            Some(Expect::Parse(change) | Expect::Bind(change)) => changes(change),
            _ => self.is_touched,
        };
        if is_tainted { Trust::Tainted } else { Trust::Clean }
    }

    fn data_row(
        &mut self,
        frame: &Frame,
        masker: Option<&Masker>,
        out: &mut Vec<u8>,
        masked: &mut Masked,
    ) -> Step {
        let Some(masker) = masker.filter(|_| !self.discarding) else { return Ok(()) };
        if self.running.is_none() {
            let Some(Expect::Execute(expected)) = self.pending.front() else {
                return Err(unexpected(frame));
            };
            let masks = portal_masks(expected, masked)?;
            self.running = Some(Running::Rows(masks));
        }
        let Some(Running::Rows(masks)) = &mut self.running else {
            return Err(unexpected(frame));
        };
        if masks.is_clean() {
            out.extend_from_slice(&frame.whole);
        } else {
            masks.mask_row(frame.body(), masker, out).map_err(|e| Unmaskable(e.to_string()))?;
        }
        self.running_rows += 1;
        masked.rows += 1;
        Ok(())
    }

    fn copy_data(
        &mut self,
        frame: &Frame,
        masker: Option<&Masker>,
        out: &mut Vec<u8>,
        masked: &mut Masked,
    ) -> Step {
        let Some(masker) = masker.filter(|_| !self.discarding) else { return Ok(()) };
        let rows = match &mut self.running {
            Some(Running::CleanCopy) => {
                out.extend_from_slice(&frame.whole);
                1
            }
            Some(Running::MaskedCopy(copy)) => copy
                .push(frame.body(), masker, out)
                .map_err(|error| Unmaskable(error.to_string()))?,
            _ => return Err(unexpected(frame)),
        };
        self.running_rows += rows;
        masked.rows += rows;
        Ok(())
    }

    fn description(&mut self, frame: &Frame, out: &mut Vec<u8>, masked: &mut Masked) -> Step {
        let fields = if frame.tag == b'T' {
            row_description(frame.body()).map_err(|error| malformed(frame, error))?
        } else {
            Vec::new()
        };
        match self.pending.front() {
            Some(Expect::DescribeStatement(prepared)) => {
                let _ = prepared.fields.set(fields.into());
                self.pending.pop_front();
                out.extend_from_slice(&frame.whole);
            }
            Some(Expect::DescribePortal { portal, asked_by }) => {
                let _ = portal.prepared.fields.set(fields.into());
                if *asked_by == AskedBy::Client {
                    out.extend_from_slice(&frame.whole);
                }
                self.pending.pop_front();
            }
            Some(Expect::Query(results)) if frame.tag == b'T' => {
                let plan = results.front().and_then(|result| result.plan.as_ref());
                let plan = plan.ok_or_else(|| unexpected(frame))?;
                let (masks, disagreements) = plan.row_masks(&fields);
                masked.disagreements.extend(disagreements);
                self.running = Some(Running::Rows(masks));
                out.extend_from_slice(&frame.whole);
            }
            _ => return Err(unexpected(frame)),
        }
        Ok(())
    }

    fn changed(&mut self, frame: &Frame, out: &mut Vec<u8>) -> Step {
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

    fn completed(&mut self, frame: &Frame, out: &mut Vec<u8>, masked: &mut Masked) -> Step {
        self.drain_counts(masked);
        let expected = match self.pending.front_mut() {
            Some(Expect::Query(results)) if frame.tag == b'I' && results.is_empty() => None,
            Some(Expect::Query(results)) if frame.tag == b'C' => {
                Some(results.pop_front().ok_or_else(|| unexpected(frame))?)
            }
            Some(Expect::Execute(expected)) => {
                let expected = expected.clone();
                self.pending.pop_front();
                Some(expected)
            }
            _ => return Err(unexpected(frame)),
        };
        let rows = std::mem::take(&mut self.running_rows);
        self.running = None;
        self.copying_in = false;
        if let Some(expected) = expected {
            if let Some(counted) = &expected.counted {
                counted.rows.fetch_add(rows, Ordering::Relaxed);
            }
            if frame.tag == b'C' {
                self.succeeded(expected);
            }
        }
        if frame.tag == b'C' && !is_plain_tag(frame.body()) {
            put(out, b'C', |out| put_text(out, "OK"));
        } else {
            out.extend_from_slice(&frame.whole);
        }
        Ok(())
    }

    fn succeeded(&mut self, expected: Expected) {
        if let Some(plan) = &expected.plan {
            self.is_touched |= plan.touches_classified();
            self.redefined |= plan.redefines();
            self.defining |= plan.defines();
        }
        if let Some(change) = expected.change {
            self.names.apply(change);
        }
    }

    fn copy_control(&mut self, frame: &Frame, out: &mut Vec<u8>, masked: &mut Masked) -> Step {
        let plan = match self.pending.front() {
            Some(Expect::Query(results)) => results.front().and_then(|result| result.plan.clone()),
            Some(Expect::Execute(expected)) => expected.plan.clone(),
            _ => None,
        };
        let copy = plan.as_ref().and_then(|plan| plan.copy().cloned());
        match (frame.tag, plan, copy) {
            (b'G', _, Some(copy)) if copy.direction == CopyDirection::In => self.copying_in = true,
            (b'H', Some(plan), Some(copy)) if copy.direction == CopyDirection::Out => {
                let columns = Cursor::new(frame.body().get(1..).unwrap_or_default())
                    .u16()
                    .map_err(|error| malformed(frame, error))?;
                let columns = usize::from(columns);
                let masks = copy_masks(&plan, columns, masked);
                let masks = RowMasks::new(masks, plan.subjects_of(columns));
                self.running = Some(if masks.is_clean() {
                    Running::CleanCopy
                } else {
                    Running::MaskedCopy(Box::new(CopyMasker::new(copy, masks, self.row_bytes_max)))
                });
            }
            (b'c', ..) => match &self.running {
                Some(Running::CleanCopy) => {}
                Some(Running::MaskedCopy(copy)) => {
                    copy.finish().map_err(|error| Unmaskable(error.to_string()))?;
                }
                _ => return Err(unexpected(frame)),
            },
            _ => return Err(unexpected(frame)),
        }
        out.extend_from_slice(&frame.whole);
        Ok(())
    }

    fn error(&mut self, frame: &Frame, out: &mut Vec<u8>) -> Step {
        let start = out.len();
        let report =
            pass(b'E', frame.body(), self.trust(), out).map_err(|error| malformed(frame, error))?;
        self.running = None;
        self.running_rows = 0;
        self.copying_in = false;
        let mut outcome = Outcome::Failed { code: report.sqlstate };
        match self.pending.front() {
            Some(Expect::Refused(refusal) | Expect::RefusedQuery(refusal)) => {
                out.truncate(start);
                put_refusal(out, refusal);
                outcome = Outcome::Refused { code: refusal.code, rule: refusal.rule.clone() };
            }
            Some(Expect::ReadyAfterRefusal) => out.truncate(start),
            _ => {}
        }
        self.failed.get_or_insert(outcome);
        if report.is_fatal {
            self.pending.clear();
            return Ok(());
        }
        match self.pending.front() {
            // ReadyForQuery still follows.
            Some(Expect::Query(_) | Expect::RefusedQuery(_) | Expect::ReadyAfterRefusal) => {}
            Some(Expect::Ready) | None => {}
            Some(_) => {
                // SPEC: after an error the server skips everything up to Sync.
                while self.pending.front().is_some_and(|next| !matches!(next, Expect::Ready)) {
                    self.pending.pop_front();
                }
                self.skipping = self.pending.is_empty();
            }
        }
        Ok(())
    }

    fn ready(&mut self, frame: &Frame, out: &mut Vec<u8>) -> Step {
        let ends = matches!(
            self.pending.front(),
            Some(
                Expect::Query(_)
                    | Expect::RefusedQuery(_)
                    | Expect::Ready
                    | Expect::ReadyAfterRefusal
            )
        );
        match frame.body() {
            [status @ (b'I' | b'T' | b'E')] if ends => {
                self.status = *status;
                self.defining &= *status != b'I';
                self.pending.pop_front();
                self.running = None;
                put_ready(out, *status);
                Ok(())
            }
            _ => Err(unexpected(frame)),
        }
    }

    fn parameter(&self, frame: &Frame, out: &mut Vec<u8>) -> Step {
        let mut cursor = Cursor::new(frame.body());
        let (name, value) = cursor
            .text()
            .and_then(|name| cursor.text().map(|value| (name, value)))
            .map_err(|error| malformed(frame, error))?;
        // SECURITY: both change what the bytes of a statement mean.
        if (name == "standard_conforming_strings" && value != "on")
            || (name == "client_encoding" && value != "UTF8")
        {
            return Err(Unmaskable(format!("`{name}` is `{value}`")));
        }
        if self.trust() == Trust::Clean || is_plain_parameter(name, value) {
            put_parameter(out, name, value);
        }
        Ok(())
    }

    /// Payloads come from other sessions: nobody here has decided on them.
    fn notification(&self, frame: &Frame, out: &mut Vec<u8>) -> Step {
        let mut cursor = Cursor::new(frame.body());
        let (process, channel) = cursor
            .u32()
            .and_then(|process| cursor.text().map(|channel| (process, channel)))
            .map_err(|error| malformed(frame, error))?;
        let payload = cursor.text().map_err(|error| malformed(frame, error))?;
        let shown = if payload.is_empty() { "" } else { "[masked]" };
        put(out, b'A', |out| {
            out.extend_from_slice(&process.to_be_bytes());
            put_text(out, channel);
            put_text(out, shown);
        });
        Ok(())
    }

    fn drain_counts(&mut self, masked: &mut Masked) {
        match &mut self.running {
            Some(Running::Rows(masks)) => masks.drain_counts(masked),
            Some(Running::MaskedCopy(copy)) => copy.masks.drain_counts(masked),
            Some(Running::CleanCopy) | None => {}
        }
    }
}

fn unexpected(frame: &Frame) -> Unmaskable {
    Unmaskable(format!("unexpected message `{}`", char::from(frame.tag).escape_default()))
}

fn malformed(frame: &Frame, error: portreeve_wire::WireError) -> Unmaskable {
    Unmaskable(format!("message `{}`: {error}", char::from(frame.tag).escape_default()))
}

/// The masks of a portal's rows: from its statement's description and its own formats.
fn portal_masks(expected: &Expected, masked: &mut Masked) -> Result<RowMasks, Unmaskable> {
    let unknown = || Unmaskable("rows of an unknown portal".into());
    let portal = expected.portal.as_ref().ok_or_else(unknown)?;
    let plan = expected.plan.as_ref().ok_or_else(unknown)?;
    let Some(fields) = portal.prepared.fields.get() else {
        return match &plan.output {
            // No classified column exists at all, or the description would be here.
            PlannedOutput::Clean => Ok(RowMasks::clean()),
            PlannedOutput::Columns(columns) if columns.iter().all(Option::is_none) => {
                Ok(RowMasks::clean())
            }
            _ => Err(Unmaskable("rows that were not described".into())),
        };
    };
    let fields: Vec<Field> = fields
        .iter()
        .enumerate()
        .map(|(index, field)| Field { format: portal.format(index), ..field.clone() })
        .collect();
    let (masks, disagreements) = plan.row_masks(&fields);
    masked.disagreements.extend(disagreements);
    Ok(masks)
}

/// COPY describes no types: those of the columns come from the catalog, where the
/// analysis knows the column.
fn copy_masks(plan: &Plan, columns: usize, masked: &mut Masked) -> Vec<FieldMask> {
    let all = |mask: Option<ColumnMask>| vec![mask; columns];
    let planned = match &plan.output {
        PlannedOutput::Clean => all(None),
        PlannedOutput::Columns(planned) if planned.len() == columns => planned.clone(),
        PlannedOutput::Columns(_) | PlannedOutput::Unproven => {
            masked.disagreements.push("number of columns".into());
            all(Some(ColumnMask::unproven()))
        }
    };
    let types = plan.copy_types();
    planned
        .into_iter()
        .enumerate()
        .map(|(index, mask)| {
            let type_oid = types.get(index).copied().flatten().unwrap_or(0);
            let kind = value_kind(type_oid, plan.copy_format());
            FieldMask { mask, kind }
        })
        .collect()
}

/// `SELECT 5`, `INSERT 0 1`, `CREATE TABLE`: words and numbers only.
fn is_plain_tag(body: &[u8]) -> bool {
    body.len() <= 64
        && body.strip_suffix(b"\0").is_some_and(|tag| {
            tag.iter().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || *b == b' ')
        })
}

/// Settings whose values come from a short list or have a strict form.
fn is_plain_parameter(name: &str, value: &str) -> bool {
    match name {
        "client_encoding" | "server_encoding" => value == "UTF8",
        "DateStyle" | "IntervalStyle" => {
            value.len() <= 20
                && value.bytes().all(|b| b.is_ascii_alphabetic() || matches!(b, b',' | b' ' | b'_'))
        }
        "default_transaction_read_only"
        | "in_hot_standby"
        | "integer_datetimes"
        | "is_superuser"
        | "standard_conforming_strings" => matches!(value, "on" | "off"),
        _ => false,
    }
}

/// Whole messages of the server, to be masked by the state they meet.
#[derive(Debug)]
pub(crate) struct Chunk<'p> {
    pub(crate) messages: Bytes,
    pub(crate) pipeline: &'p mut Pipeline,
}

impl Reply for Chunk<'_> {
    fn mask(mut self, masker: &Masker) -> Result<Masked, Unmaskable> {
        let mut out = Vec::with_capacity(self.messages.len() + 64);
        let mut masked = Masked::default();
        while let Some(frame) = next_of(&mut self.messages) {
            self.pipeline.message(&frame, Some(masker), &mut out, &mut masked)?;
        }
        self.pipeline.drain_counts(&mut masked);
        masked.bytes = out.into();
        if self.pipeline.is_idle() {
            masked.outcome = Some(self.pipeline.failed.take().unwrap_or(Outcome::Completed));
        }
        Ok(masked)
    }
}
