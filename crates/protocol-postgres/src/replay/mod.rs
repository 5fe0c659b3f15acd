//! A recording read back: statements, and results as the client saw them.
//!
//! It reads only what was recorded, so what it cannot read it says so and goes on; it
//! never fails.

mod lines;
mod value;

use crate::wire::{
    Frame, Frontend, error_fields, next_of, read, row_description, take_whole_messages,
};
use bytes::{Bytes, BytesMut};
use portreeve_model::Direction;
use portreeve_sql::ResultColumn;
use portreeve_wire::Cursor;
use serde::Serialize;
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

pub use lines::Lines;
pub use value::Value;

/// One thing that passed.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "kebab-case", tag = "event")]
pub enum Seen {
    /// The client asked for this to run.
    Statement {
        /// As it wrote it.
        text: String,
        /// The parameters that it bound.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        parameters: Vec<Value>,
    },
    /// Rows with these columns follow.
    Columns {
        /// In the order of a row's values.
        columns: Vec<Column>,
    },
    /// A row, as masked.
    Row {
        /// One for each column.
        values: Vec<Value>,
    },
    /// A line or block of COPY data.
    Copy {
        /// Which way it went.
        direction: Direction,
        /// As it passed; text has its line end.
        data: Value,
    },
    /// The client gave up sending COPY data.
    CopyAbandoned,
    /// A statement has run.
    Completed {
        /// The server's word for it: `SELECT 3`.
        tag: String,
    },
    /// The client has as many rows as it wanted; there are more.
    MoreRows,
    /// The target, or the gateway, reported an error.
    Error(Report),
    /// The same without an end to the statement.
    Notice(Report),
    /// Another session has sent a notification.
    Notification,
    /// A terminal had another size from here on.
    Resized {
        /// Columns.
        columns: u16,
        /// Rows.
        rows: u16,
    },
    /// What a terminal showed.
    Painted {
        /// For another terminal, which it cannot do anything to but paint.
        paint: String,
        /// Its letters alone.
        text: String,
    },
    /// A line as it stood on a terminal when Enter was pressed: the gateway's reading of it.
    Typed {
        /// The line, with what was found in it masked.
        text: String,
    },
    /// The client said goodbye.
    Goodbye,
    /// Something that cannot be read.
    Unreadable {
        /// Which way it went.
        direction: Direction,
        /// Why.
        why: String,
    },
}

/// A column of a result.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// The number (OID) of its type in the target.
    pub type_oid: u32,
}

/// An error or a notice.
#[derive(Clone, PartialEq, Eq, Default, Debug, Serialize)]
pub struct Report {
    /// `ERROR`, `WARNING`, …
    pub severity: String,
    /// The SQLSTATE.
    pub code: String,
    /// What happened.
    pub message: String,
    /// More of it; empty where there is none.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub detail: String,
    /// What to do; empty where there is none.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub hint: String,
}

/// A prepared statement.
#[derive(Debug, Default)]
struct Prepared {
    text: String,
    types: Vec<u32>,
    fields: Option<Arc<[ResultColumn]>>,
}

/// A statement with its parameters.
#[derive(Debug, Default)]
struct Portal {
    /// The statement's name, and its text at that time.
    name: String,
    text: String,
    parameters: Vec<Value>,
    /// The columns that its rows have, where the portal itself was described.
    fields: Option<Arc<[ResultColumn]>>,
    formats: Vec<i16>,
}

/// A reply that the server owes.
#[derive(Debug)]
enum Owed {
    Query,
    OfStatement(String),
    OfPortal(String),
    Execute(String),
    Sync,
}

/// Follows one session's recording.
#[derive(Debug, Default)]
pub struct Replay {
    statements: HashMap<String, Prepared>,
    portals: HashMap<String, Portal>,
    owed: VecDeque<Owed>,
    from_client: BytesMut,
    to_client: BytesMut,
    /// The columns of the rows that come now.
    columns: Option<Arc<[ResultColumn]>>,
}

/// Names and owed replies that are kept at most: a recording may end anywhere.
const KEPT_MAX: usize = 100_000;

impl Replay {
    /// Starts at the session's beginning.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next recorded bytes and gives what they complete.
    pub fn feed(&mut self, direction: Direction, bytes: &[u8]) -> Vec<Seen> {
        let inbox = match direction {
            Direction::FromClient => &mut self.from_client,
            Direction::ToClient => &mut self.to_client,
            Direction::Subjects => return Vec::new(),
        };
        inbox.extend_from_slice(bytes);
        let mut run: Bytes = match take_whole_messages(inbox, usize::MAX) {
            Ok(run) => run,
            Err(error) => {
                inbox.clear();
                return vec![Seen::Unreadable { direction, why: error.to_string() }];
            }
        };
        let mut seen = Vec::new();
        while let Some(frame) = next_of(&mut run) {
            match direction {
                Direction::FromClient => seen.extend(self.client(&frame)),
                Direction::ToClient => self.server(&frame, &mut seen),
                Direction::Subjects => {}
            }
        }
        seen
    }

    fn owe(&mut self, owed: Owed) {
        if self.owed.len() < KEPT_MAX {
            self.owed.push_back(owed);
        }
    }

    fn client(&mut self, frame: &Frame) -> Option<Seen> {
        let direction = Direction::FromClient;
        let message = match read(frame.tag, frame.body()) {
            Ok(message) => message,
            Err(error) => return Some(Seen::Unreadable { direction, why: error.to_string() }),
        };
        match message {
            Frontend::Query(text) => {
                self.owe(Owed::Query);
                return Some(Seen::Statement { text: text.to_owned(), parameters: Vec::new() });
            }
            Frontend::Parse { name, text, types } if self.statements.len() < KEPT_MAX => {
                let prepared = Prepared { text: text.to_owned(), types, fields: None };
                self.statements.insert(name.to_owned(), prepared);
            }
            Frontend::Bind { portal, statement, param_formats, params, formats }
                if self.portals.len() < KEPT_MAX =>
            {
                let bound = self.bind(statement, &param_formats, &params, formats);
                self.portals.insert(portal.to_owned(), bound);
            }
            Frontend::DescribeStatement(name) => self.owe(Owed::OfStatement(name.to_owned())),
            Frontend::DescribePortal(name) => self.owe(Owed::OfPortal(name.to_owned())),
            Frontend::Execute { portal } => {
                self.owe(Owed::Execute(portal.to_owned()));
                let bound = self.portals.get(portal);
                let text = bound.map_or_else(|| "?".to_owned(), |bound| bound.text.clone());
                let parameters = bound.map(|bound| bound.parameters.clone()).unwrap_or_default();
                return Some(Seen::Statement { text, parameters });
            }
            Frontend::Sync => self.owe(Owed::Sync),
            Frontend::CloseStatement(name) => drop(self.statements.remove(name)),
            Frontend::ClosePortal(name) => drop(self.portals.remove(name)),
            Frontend::CopyData => {
                return Some(Seen::Copy { direction, data: Value::of_copy(frame.body()) });
            }
            Frontend::CopyFail => return Some(Seen::CopyAbandoned),
            Frontend::Terminate => return Some(Seen::Goodbye),
            Frontend::Parse { .. }
            | Frontend::Bind { .. }
            | Frontend::Flush
            | Frontend::CopyDone
            | Frontend::FunctionCall => {}
        }
        None
    }

    fn bind(
        &self,
        statement: &str,
        param_formats: &[i16],
        params: &[Option<&[u8]>],
        formats: Vec<i16>,
    ) -> Portal {
        let prepared = self.statements.get(statement);
        let type_of = |at: usize| prepared?.types.get(at).copied();
        let parameters = params.iter().enumerate().map(|(at, param)| {
            Value::of(*param, format_at(param_formats, at), type_of(at).unwrap_or(0))
        });
        Portal {
            name: statement.to_owned(),
            text: prepared.map_or_else(|| "?".to_owned(), |known| known.text.clone()),
            parameters: parameters.collect(),
            fields: None,
            formats,
        }
    }

    fn server(&mut self, frame: &Frame, seen: &mut Vec<Seen>) {
        let body = frame.body();
        match frame.tag {
            b'T' => self.described(body, seen),
            b't' => self.parameters_described(body),
            b'n' => self.pop(|owed| matches!(owed, Owed::OfStatement(_) | Owed::OfPortal(_))),
            b'D' => {
                self.rows_begin(seen);
                seen.push(self.row(body));
            }
            b'd' => {
                seen.push(Seen::Copy { direction: Direction::ToClient, data: Value::of_copy(body) })
            }
            b'C' => {
                self.rows_begin(seen);
                let tag = String::from_utf8_lossy(body);
                seen.push(Seen::Completed { tag: tag.trim_end_matches('\0').to_owned() });
                self.executed();
            }
            b's' => {
                self.rows_begin(seen);
                seen.push(Seen::MoreRows);
                self.executed();
            }
            b'I' => self.executed(),
            b'E' => {
                seen.push(Seen::Error(report(body)));
                self.failed();
            }
            b'N' => seen.push(Seen::Notice(report(body))),
            b'A' => seen.push(Seen::Notification),
            b'Z' => {
                self.failed();
                self.pop(|owed| matches!(owed, Owed::Sync | Owed::Query));
                self.columns = None;
            }
            _ => {}
        }
    }

    fn pop(&mut self, is_it: impl Fn(&Owed) -> bool) {
        if self.owed.front().is_some_and(is_it) {
            self.owed.pop_front();
        }
    }

    /// An extended statement has run; the commands of a simple one end together.
    fn executed(&mut self) {
        self.columns = None;
        self.pop(|owed| matches!(owed, Owed::Execute(_)));
    }

    /// What comes after an error is skipped, up to the end of its request.
    fn failed(&mut self) {
        self.columns = None;
        while self.owed.front().is_some_and(|owed| !matches!(owed, Owed::Sync | Owed::Query)) {
            self.owed.pop_front();
        }
    }

    fn described(&mut self, body: &[u8], seen: &mut Vec<Seen>) {
        let direction = Direction::ToClient;
        let fields: Arc<[ResultColumn]> = match row_description(body) {
            Ok(fields) => fields.into(),
            Err(error) => return seen.push(Seen::Unreadable { direction, why: error.to_string() }),
        };
        match self.owed.front() {
            Some(Owed::OfStatement(name)) => {
                if let Some(prepared) = self.statements.get_mut(name) {
                    prepared.fields = Some(fields);
                }
                self.owed.pop_front();
            }
            Some(Owed::OfPortal(name)) => {
                if let Some(portal) = self.portals.get_mut(name) {
                    portal.fields = Some(fields);
                }
                self.owed.pop_front();
            }
            Some(Owed::Query | Owed::Execute(_) | Owed::Sync) | None => {
                seen.push(columns(&fields));
                self.columns = Some(fields);
            }
        }
    }

    fn parameters_described(&mut self, body: &[u8]) {
        let Some(Owed::OfStatement(name)) = self.owed.front() else { return };
        let Some(prepared) = self.statements.get_mut(name) else { return };
        let mut cursor = Cursor::new(body);
        let count = cursor.u16().unwrap_or_default();
        prepared.types = (0..count).map_while(|_| cursor.u32().ok()).collect();
    }

    /// Says the columns of an extended statement once, before its first row or its end.
    fn rows_begin(&mut self, seen: &mut Vec<Seen>) {
        if self.columns.is_some() {
            return;
        }
        let Some(Owed::Execute(name)) = self.owed.front() else { return };
        let Some(fields) = self.portals.get(name).and_then(|portal| self.fields_of(portal)) else {
            return;
        };
        seen.push(columns(&fields));
        self.columns = Some(fields);
    }

    fn fields_of(&self, portal: &Portal) -> Option<Arc<[ResultColumn]>> {
        let prepared = || self.statements.get(&portal.name).filter(|it| it.text == portal.text);
        portal
            .fields
            .clone()
            .or_else(|| Some(formatted(prepared()?.fields.as_ref()?, &portal.formats)))
    }

    fn row(&self, body: &[u8]) -> Seen {
        let fields = self.columns.as_deref().unwrap_or_default();
        let mut cursor = Cursor::new(body);
        let count = cursor.u16().unwrap_or_default();
        let values = (0..usize::from(count)).map_while(|at| {
            let (format, type_oid) =
                fields.get(at).map_or((0, 0), |field| (field.format, field.type_code));
            cursor.optional_value().ok().map(|bytes| Value::of(bytes, format, type_oid))
        });
        Seen::Row { values: values.collect() }
    }
}

/// SPEC: no format is text for all, one is for all.
fn format_at(formats: &[i16], at: usize) -> i16 {
    match formats {
        [] => 0,
        [one] => *one,
        many => many.get(at).copied().unwrap_or(0),
    }
}

/// A statement's columns as a portal's rows have them: only Bind says in which format.
fn formatted(fields: &[ResultColumn], formats: &[i16]) -> Arc<[ResultColumn]> {
    let with = |(at, field): (usize, &ResultColumn)| {
        let mut field = field.clone();
        field.format = format_at(formats, at);
        field
    };
    fields.iter().enumerate().map(with).collect()
}

fn columns(fields: &[ResultColumn]) -> Seen {
    let column =
        |field: &ResultColumn| Column { name: field.name.to_string(), type_oid: field.type_code };
    Seen::Columns { columns: fields.iter().map(column).collect() }
}

fn report(body: &[u8]) -> Report {
    let fields = error_fields(body).unwrap_or_default();
    let field = |code: u8| {
        let found = fields.iter().find(|(known, _)| *known == code);
        found.map(|(_, text)| text.clone()).unwrap_or_default()
    };
    Report {
        severity: field(b'S'),
        code: field(b'C'),
        message: field(b'M'),
        detail: field(b'D'),
        hint: field(b'H'),
    }
}

#[cfg(test)]
mod tests;
