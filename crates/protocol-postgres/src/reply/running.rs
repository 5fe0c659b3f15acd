//! The result that is coming in.

use super::copy::CopyMasker;
use super::expect::ExpectedResult;
use super::guard::{Described, RowGuard};
use super::machine::Audience;
use super::rows::{count_values, mask_row, parts};
use crate::look::Screening;
use crate::wire::{Frame, fit};
use portreeve_decide::mask::Masker;
use portreeve_decide::sql::{CopyDirection, CopyFormat};
use portreeve_model::{Refusal, Unclassified};
use portreeve_session::{Masked, Unmaskable};
use portreeve_sql::{Names, Plan, ResultColumn, RowCounts};
use portreeve_wire::{Cursor, WireError};
use std::sync::Arc;

/// How the client ends the data of a COPY.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum CopyEnd {
    Done,
    Failed,
}

/// What of a statement's result has begun.
#[derive(Debug, Default)]
pub(super) enum Running {
    /// Nothing yet.
    #[default]
    Nothing,
    /// Rows, each masked alike.
    Rows(RowGuard),
    /// COPY data for the client that need not be read, in rows of so many columns.
    CleanCopy(u64),
    /// COPY data for the client.
    MaskedCopy(Box<CopyMasker>),
    /// COPY data from the client.
    CopyIn,
    /// They were given up, or refused with this: the server fails.
    CopyGivenUp(Option<Box<Refusal>>),
    /// All but its last message: what follows data that have ended, parameters that were told, a
    /// text that was read.
    Last,
    /// All of it: ReadyForQuery follows.
    Over,
}

impl Running {
    /// Takes a DataRow.
    pub(super) fn row(
        &mut self,
        frame: &Frame,
        masker: &Masker,
        out: &mut Vec<u8>,
        masked: &mut Masked,
    ) -> Result<(), Unmaskable> {
        let Self::Rows(guard) = self else { return Err(super::machine::unexpected(frame)) };
        masked.usage.values += count_values(frame.body());
        if guard.is_clean() {
            out.extend_from_slice(&frame.whole);
        } else {
            mask_row(guard, frame.body(), masker, out).map_err(|e| Unmaskable(e.to_string()))?;
        }
        masked.usage.rows += 1;
        Ok(())
    }

    /// Takes a CopyData message; says how many rows it ended.
    pub(super) fn copy_data(
        &mut self,
        frame: &Frame,
        masker: &Masker,
        out: &mut Vec<u8>,
        masked: &mut Masked,
    ) -> Result<u64, Unmaskable> {
        let (rows, columns) = match self {
            Self::CleanCopy(columns) => {
                out.extend_from_slice(&frame.whole);
                (1, *columns)
            }
            Self::MaskedCopy(copy) => {
                let rows = copy.push(frame.body(), masker, out);
                (rows.map_err(|error| Unmaskable(error.to_string()))?, copy.guard.columns() as u64)
            }
            _ => return Err(super::machine::unexpected(frame)),
        };
        masked.usage.rows += rows;
        masked.usage.values += (rows * columns).max(parts(frame.body()));
        Ok(rows)
    }

    /// COPY begins: `G` for data from the client, `H` for data to it.
    pub(super) fn begin_copy(
        frame: &Frame,
        plan: &Arc<Plan>,
        screening: &Screening,
        row_bytes_max: usize,
        masked: &mut Masked,
    ) -> Result<Self, Unmaskable> {
        let copy = plan.copy().ok_or_else(|| super::machine::unexpected(frame))?;
        let columns =
            copy_columns(frame.body()).map_err(|error| super::machine::malformed(frame, error))?;
        match (frame.tag, copy.direction) {
            (b'G', CopyDirection::In) => Ok(Self::CopyIn),
            (b'H', CopyDirection::Out) => {
                let format = i16::from(copy.format == CopyFormat::Binary);
                let guard = copy_guard(plan, screening, usize::from(columns), format, masked);
                Ok(if guard.is_clean() {
                    Self::CleanCopy(u64::from(columns))
                } else {
                    let copy = CopyMasker::new(copy.clone(), guard, row_bytes_max);
                    Self::MaskedCopy(Box::new(copy))
                })
            }
            _ => Err(super::machine::unexpected(frame)),
        }
    }

    /// COPY data for the client has ended.
    pub(super) fn end_copy(&self, frame: &Frame, audience: Audience<'_>) -> Result<(), Unmaskable> {
        match (self, audience) {
            (Self::MaskedCopy(copy), Audience::Client(_)) => {
                copy.finish().map_err(|error| Unmaskable(error.to_string()))
            }
            // What nobody sees was not taken, and has no whole rows.
            (Self::CleanCopy(_) | Self::MaskedCopy(_), _) => Ok(()),
            _ => Err(super::machine::unexpected(frame)),
        }
    }

    /// Takes the counts so far.
    pub(super) fn drain_counts(&mut self, masked: &mut Masked) {
        let guard = match self {
            Self::Rows(guard) => guard,
            Self::MaskedCopy(copy) => &mut copy.guard,
            Self::Nothing
            | Self::CleanCopy(_)
            | Self::CopyIn
            | Self::CopyGivenUp(_)
            | Self::Last
            | Self::Over => return,
        };
        let mut counts = RowCounts::default();
        guard.drain(&mut counts, &mut masked.detected);
        for (category, count) in counts.masked {
            *masked.masked.entry(category).or_default() += count;
        }
        masked.subjects.merge(counts.subjects);
    }
}

/// How many columns a COPY has.
///
/// SPEC: a format for all of it, their number, and a format for each of them.
fn copy_columns(body: &[u8]) -> Result<u16, WireError> {
    let mut cursor = Cursor::new(body);
    cursor.u8()?;
    let columns = cursor.u16()?;
    cursor.take(usize::from(columns) * 2)?;
    cursor.finish()?;
    Ok(columns)
}

/// What guards the rows that a description tells of.
pub(super) fn row_guard(
    plan: &Arc<Plan>,
    screening: &Screening,
    columns: &[ResultColumn],
    masked: &mut Masked,
) -> RowGuard {
    let (masks, disagreements) = plan.row_masks(columns, fit);
    masked.disagreements.extend(disagreements);
    let described: Vec<Described<'_>> = columns
        .iter()
        .map(|column| Described {
            name: &column.name,
            code: column.type_code,
            format: column.format,
        })
        .collect();
    RowGuard::new(masks, plan, screening, &described)
}

/// What guards bulk data: types are those of the catalog, where the analysis knows the column.
fn copy_guard(
    plan: &Arc<Plan>,
    screening: &Screening,
    columns: usize,
    format: i16,
    masked: &mut Masked,
) -> RowGuard {
    let (masks, disagreements) = plan.copy_masks(columns, format, fit);
    masked.disagreements.extend(disagreements);
    let names = plan.names(columns);
    let described: Vec<Described<'_>> = names
        .iter()
        .enumerate()
        .map(|(index, name)| Described { name, code: plan.type_code(index), format })
        .collect();
    RowGuard::new(masks, plan, screening, &described)
}

/// What guards a portal's rows: from its statement's description and its own formats.
pub(super) fn portal_guard(
    names: &Names,
    expected: &ExpectedResult,
    screening: &Screening,
    masked: &mut Masked,
) -> Result<RowGuard, Unmaskable> {
    let unknown = || Unmaskable("rows of an unknown portal".into());
    let entry = expected.portal.as_ref().and_then(|name| names.portal(name));
    let plan = expected.plan.as_ref().ok_or_else(unknown)?;
    let Some(columns) = entry.and_then(|entry| entry.columns.as_ref()) else {
        let is_open = screening.screen.mode() != Unclassified::Clear && plan.has_open_texts();
        // Where there is anything to mask or to look for, the description would be here.
        return if plan.output.is_masked() || is_open {
            Err(Unmaskable("rows that were not described".into()))
        } else {
            Ok(RowGuard::clean())
        };
    };
    let portal = &entry.ok_or_else(unknown)?.portal;
    let columns: Vec<ResultColumn> = columns
        .iter()
        .enumerate()
        .map(|(index, column)| ResultColumn { format: portal.format(index), ..column.clone() })
        .collect();
    Ok(row_guard(plan, screening, &columns, masked))
}
