//! The table of exchanges as one Parquet file.
//!
//! Rows are kept until they fill a row group, so memory does not grow with the export.

use super::exchanges::{Exchange, Row};
use super::{Output, Session, Sink};
use crate::wiring::Seen;
use anyhow::Context;
use parquet::basic::{Compression, ZstdLevel};
use parquet::data_type::{ByteArray, ByteArrayType, DataType, Int64Type};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::parser::parse_message_type;
use portreeve_model::{Record, SessionId};
use std::collections::HashMap;
use std::mem;
use std::sync::Arc;

// The columns are written below in this order.
const SCHEMA: &str = "message exchanges {
    required binary session (STRING);
    required int64 exchange;
    required int64 asked_at (TIMESTAMP(MICROS, true));
    optional int64 closed_at (TIMESTAMP(MICROS, true));
    required binary principal (STRING);
    required binary principal_kind (STRING);
    required binary issuer (STRING);
    optional binary planner (STRING);
    required group subagents (LIST) { repeated group list { required binary element (STRING); } }
    optional binary purpose (STRING);
    required binary resource (STRING);
    required binary protocol (STRING);
    required binary client (STRING);
    optional binary application (STRING);
    required group verbs (LIST) { repeated group list { required binary element (STRING); } }
    optional binary statement (STRING);
    optional binary verdict (STRING);
    required group rules (LIST) { repeated group list { required binary element (STRING); } }
    required group revealed (LIST) { repeated group list { required binary element (STRING); } }
    required group approvers (LIST) { repeated group list { required binary element (STRING); } }
    required int64 rows;
    required group masked (MAP) {
        repeated group key_value { required binary key (STRING); required int64 value; }
    }
    optional binary outcome (STRING);
    optional binary outcome_detail (STRING);
    required binary recording (STRING);
}";

/// Most rows, and about most bytes, that wait to be written.
const GROUP_ROWS_MAX: usize = 50_000;
const GROUP_BYTES_MAX: usize = 32 << 20;

type Group<'a> = SerializedRowGroupWriter<'a, Output>;

pub(super) struct Parquet {
    writer: SerializedFileWriter<Output>,
    running: HashMap<SessionId, Exchange>,
    rows: Vec<Row>,
    bytes: usize,
}

impl Parquet {
    pub(super) fn new(output: Output) -> anyhow::Result<Self> {
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(ZstdLevel::default()))
            .set_created_by(concat!("portreeve ", env!("CARGO_PKG_VERSION")).to_owned())
            .build();
        let schema = Arc::new(parse_message_type(SCHEMA)?);
        let writer = SerializedFileWriter::new(output, schema, Arc::new(properties))?;
        Ok(Self { writer, running: HashMap::new(), rows: Vec::new(), bytes: 0 })
    }

    fn add(&mut self, session: &Session, exchange: Exchange) -> anyhow::Result<()> {
        let row = Row::of(session, exchange);
        self.bytes += row.bytes();
        self.rows.push(row);
        match self.rows.len() >= GROUP_ROWS_MAX || self.bytes >= GROUP_BYTES_MAX {
            true => self.write(),
            false => Ok(()),
        }
    }

    fn write(&mut self) -> anyhow::Result<()> {
        let rows = mem::take(&mut self.rows);
        self.bytes = 0;
        let mut group = self.writer.next_row_group()?;
        write_group(&mut group, &rows)?;
        group.close()?;
        Ok(())
    }
}

impl Sink for Parquet {
    fn take(&mut self, session: &Session, record: &Record, seen: &[Seen]) -> anyhow::Result<()> {
        let Some(number) = record.event.exchange() else { return Ok(()) };
        match self.running.get_mut(&session.id) {
            Some(running) if running.summary.exchange == number => running.summary.add(record),
            _ => {
                let Some(new) = Exchange::begin(record) else { return Ok(()) };
                if let Some(before) = self.running.insert(session.id, new) {
                    self.add(session, before)?;
                }
            }
        }
        if let Some(running) = self.running.get_mut(&session.id) {
            running.see(seen);
            if running.summary.outcome.is_some() {
                self.end(session)?;
            }
        }
        Ok(())
    }

    fn end(&mut self, session: &Session) -> anyhow::Result<()> {
        let last = self.running.remove(&session.id);
        last.map_or(Ok(()), |exchange| self.add(session, exchange))
    }

    fn finish(mut self: Box<Self>) -> anyhow::Result<Output> {
        if !self.rows.is_empty() {
            self.write()?;
        }
        Ok(self.writer.into_inner()?)
    }
}

fn write_group(group: &mut Group<'_>, rows: &[Row]) -> anyhow::Result<()> {
    required::<ByteArrayType>(group, rows, |row| text(&row.session))?;
    required::<Int64Type>(group, rows, |row| row.exchange)?;
    required::<Int64Type>(group, rows, |row| row.at_us)?;
    optional::<Int64Type>(group, rows, |row| row.closed_at_us)?;
    required::<ByteArrayType>(group, rows, |row| text(&row.principal))?;
    required::<ByteArrayType>(group, rows, |row| text(&row.principal_kind))?;
    required::<ByteArrayType>(group, rows, |row| text(&row.issuer))?;
    optional::<ByteArrayType>(group, rows, |row| row.planner.as_deref().map(text))?;
    repeated::<ByteArrayType>(group, rows, |row| texts(&row.subagents))?;
    optional::<ByteArrayType>(group, rows, |row| row.purpose.as_deref().map(text))?;
    required::<ByteArrayType>(group, rows, |row| text(&row.resource))?;
    required::<ByteArrayType>(group, rows, |row| text(&row.protocol))?;
    required::<ByteArrayType>(group, rows, |row| text(&row.client))?;
    optional::<ByteArrayType>(group, rows, |row| row.application.as_deref().map(text))?;
    repeated::<ByteArrayType>(group, rows, |row| texts(&row.verbs))?;
    optional::<ByteArrayType>(group, rows, |row| row.statement.as_deref().map(text))?;
    optional::<ByteArrayType>(group, rows, |row| row.verdict.map(text))?;
    repeated::<ByteArrayType>(group, rows, |row| texts(&row.rules))?;
    repeated::<ByteArrayType>(group, rows, |row| texts(&row.revealed))?;
    repeated::<ByteArrayType>(group, rows, |row| texts(&row.approvers))?;
    required::<Int64Type>(group, rows, |row| row.rows)?;
    repeated::<ByteArrayType>(group, rows, |row| {
        row.masked.iter().map(|(category, _)| text(category)).collect()
    })?;
    repeated::<Int64Type>(group, rows, |row| row.masked.iter().map(|(_, n)| *n).collect())?;
    optional::<ByteArrayType>(group, rows, |row| row.outcome.map(text))?;
    optional::<ByteArrayType>(group, rows, |row| row.outcome_detail.as_deref().map(text))?;
    required::<ByteArrayType>(group, rows, |row| text(row.recording))
}

fn text(text: &str) -> ByteArray {
    ByteArray::from(text)
}

fn texts(all: &[String]) -> Vec<ByteArray> {
    all.iter().map(|one| text(one)).collect()
}

fn required<T: DataType>(
    group: &mut Group<'_>,
    rows: &[Row],
    value: impl Fn(&Row) -> T::T,
) -> anyhow::Result<()> {
    let values: Vec<T::T> = rows.iter().map(value).collect();
    column::<T>(group, &values, None, None)
}

fn optional<T: DataType>(
    group: &mut Group<'_>,
    rows: &[Row],
    value: impl Fn(&Row) -> Option<T::T>,
) -> anyhow::Result<()> {
    let values: Vec<Option<T::T>> = rows.iter().map(value).collect();
    let defined: Vec<i16> = values.iter().map(|value| i16::from(value.is_some())).collect();
    let values: Vec<T::T> = values.into_iter().flatten().collect();
    column::<T>(group, &values, Some(&defined), None)
}

/// A list, or one side of a map.
// SPEC: Dremel's levels. An empty list has one entry that is not defined; an entry that
// repeats one of the same row has repetition level 1.
fn repeated<T: DataType>(
    group: &mut Group<'_>,
    rows: &[Row],
    values: impl Fn(&Row) -> Vec<T::T>,
) -> anyhow::Result<()> {
    let (mut all, mut defined, mut repeats) = (Vec::new(), Vec::new(), Vec::new());
    for row in rows {
        let values = values(row);
        defined.extend(std::iter::repeat_n(i16::from(!values.is_empty()), values.len().max(1)));
        repeats.extend((0..values.len().max(1)).map(|at| i16::from(at > 0)));
        all.extend(values);
    }
    column::<T>(group, &all, Some(&defined), Some(&repeats))
}

fn column<T: DataType>(
    group: &mut Group<'_>,
    values: &[T::T],
    defined: Option<&[i16]>,
    repeats: Option<&[i16]>,
) -> anyhow::Result<()> {
    let mut column = group.next_column()?.context("the schema has fewer columns than rows have")?;
    column.typed::<T>().write_batch(values, defined, repeats)?;
    Ok(column.close()?)
}
