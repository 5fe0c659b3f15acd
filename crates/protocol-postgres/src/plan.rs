//! What the client may see of a statement's result.

use crate::backend::Field;
use crate::catalog::ColumnTypes;
use crate::rows::RowMasks;
use crate::subjects::{PlannedTable, SubjectColumns};
use crate::upstream::Known;
use portreeve_decide::mask::{Form, ValueKind};
use portreeve_decide::sql::{Catalog, Copy, CopyFormat, Output, SessionEffect, Shape, Statement};
use portreeve_model::{Action, Category, Command, Object, RevealedColumn};
use portreeve_session::{Revealed, Ruling};
use std::sync::Arc;

/// A statement, as this session's policies let its result pass.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) statement: Arc<Statement>,
    pub(crate) command: Arc<Command>,
    pub(crate) output: PlannedOutput,
    /// Columns that pass unmasked because policy reveals them.
    pub(crate) revealed: Arc<Revealed>,
    /// The tables whose people the rows may be about.
    pub(crate) subjects: Arc<[PlannedTable]>,
    /// Counts changes of catalog and policies: a plan of an older epoch is made again.
    pub(crate) epoch: u64,
    /// The catalog that the analysis was made with.
    pub(crate) catalog: Arc<Catalog>,
    types: Arc<ColumnTypes>,
}

/// The columns of a result.
#[derive(Clone, Debug)]
pub(crate) enum PlannedOutput {
    /// Proven clean, or no rows at all.
    Clean,
    /// One entry a column; none is clean.
    Columns(Vec<Option<ColumnMask>>),
    /// Nobody could say: every column is masked.
    Unproven,
}

/// How a column is masked.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct ColumnMask {
    pub(crate) category: Category,
    pub(crate) shape: MaskShape,
}

/// Whether the column is a classified column itself or computed from some.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum MaskShape {
    Plain,
    Derived,
}

impl Plan {
    /// Applies the session's reveals to a statement.
    pub(crate) fn new(
        statement: Arc<Statement>,
        known: &Known,
        subjects: &SubjectColumns,
        epoch: u64,
        ruling: &Arc<Ruling>,
        reveals: impl FnMut(&Object, &Category) -> bool,
    ) -> Self {
        let (output, revealed) = applied(&statement.output, ruling, reveals);
        let command = Arc::new(statement.command.clone());
        let (catalog, types) = (known.catalog.clone(), known.types.clone());
        let subjects = subjects.plan(&statement.output);
        Self { statement, command, output, revealed, subjects, epoch, catalog, types }
    }

    /// The same under another ruling. What an open cursor gives was settled when it was
    /// opened; what of it may be seen was not.
    pub(crate) fn under(
        &self,
        ruling: &Arc<Ruling>,
        reveals: impl FnMut(&Object, &Category) -> bool,
    ) -> Self {
        let (output, revealed) = applied(&self.statement.output, ruling, reveals);
        Self {
            statement: self.statement.clone(),
            command: self.command.clone(),
            output,
            revealed,
            subjects: self.subjects.clone(),
            epoch: self.epoch,
            catalog: self.catalog.clone(),
            types: self.types.clone(),
        }
    }

    /// Whether the target's error and notice texts may hold values.
    pub(crate) fn touches_classified(&self) -> bool {
        self.statement.touches_classified
    }

    /// Whether it changes definitions.
    pub(crate) fn defines(&self) -> bool {
        self.command
            .needs
            .iter()
            .any(|need| matches!(need.action, Action::Define | Action::Administer))
    }

    /// Whether it needs to know what names stand for.
    pub(crate) fn uses_objects(&self) -> bool {
        self.command.needs.iter().any(|need| match need.action {
            Action::Read
            | Action::Write
            | Action::Execute
            | Action::Lock
            | Action::Filter
            | Action::Probe
            | Action::Reveal => true,
            Action::Connect | Action::Define | Action::Administer => false,
        })
    }

    pub(crate) fn is_transaction(&self) -> bool {
        self.statement.session == SessionEffect::Transaction
    }

    /// Whether the catalog may be another one after it has run.
    pub(crate) fn redefines(&self) -> bool {
        self.defines() || self.command.needs.iter().any(|need| need.action == Action::Execute)
    }

    /// The types of the columns of a COPY, where each is a column of the catalog.
    pub(crate) fn copy_types(&self) -> Vec<Option<u32>> {
        let Output::Columns(columns) = &self.statement.output else { return Vec::new() };
        columns
            .iter()
            .map(|column| match (column.shape, &*column.sources) {
                (Shape::Plain, [source]) => self.types.get(&source.object()).copied(),
                _ => None,
            })
            .collect()
    }

    /// The wire format of a COPY's values: 0 text, 1 binary.
    pub(crate) fn copy_format(&self) -> i16 {
        i16::from(self.copy().is_some_and(|copy| copy.format == CopyFormat::Binary))
    }

    pub(crate) fn copy(&self) -> Option<&Copy> {
        self.statement.copy.as_ref()
    }

    /// How each column of a result is masked, from the analysis and from the server's
    /// own word about where columns come from. The server's word may only add masks:
    /// the names of columns where it did are returned too.
    pub(crate) fn row_masks(&self, fields: &[Field]) -> (RowMasks, Vec<String>) {
        let mut disagreements = Vec::new();
        let planned = match &self.output {
            PlannedOutput::Clean => vec![None; fields.len()],
            PlannedOutput::Columns(columns) if columns.len() == fields.len() => columns.clone(),
            PlannedOutput::Columns(_) => {
                disagreements.push("number of columns".to_owned());
                vec![Some(ColumnMask::unproven()); fields.len()]
            }
            PlannedOutput::Unproven => vec![Some(ColumnMask::unproven()); fields.len()],
        };
        let masks = fields
            .iter()
            .zip(planned)
            .map(|(field, planned)| {
                let mask = planned.or_else(|| self.suspected(field, &mut disagreements));
                FieldMask { mask, kind: value_kind(field.type_oid, field.format) }
            })
            .collect();
        (RowMasks::new(masks, self.subjects_of(fields.len())), disagreements)
    }

    /// The tables whose people a result of so many columns may be about.
    pub(crate) fn subjects_of(&self, columns: usize) -> Arc<[PlannedTable]> {
        match &self.output {
            PlannedOutput::Columns(planned) if planned.len() != columns => {
                PlannedTable::untraced(&self.subjects)
            }
            _ => self.subjects.clone(),
        }
    }

    fn suspected(&self, field: &Field, disagreements: &mut Vec<String>) -> Option<ColumnMask> {
        let origin = self.catalog.column_by_origin(field.table_oid, field.attribute)?;
        let column = origin.object();
        if self.revealed.columns.iter().any(|revealed| revealed.column == column) {
            return None;
        }
        disagreements.push(column.to_string());
        Some(ColumnMask { category: origin.category.clone(), shape: MaskShape::Plain })
    }
}

/// What passes of an output under a ruling: its masks, and the columns that are revealed.
fn applied(
    output: &Output,
    ruling: &Arc<Ruling>,
    mut reveals: impl FnMut(&Object, &Category) -> bool,
) -> (PlannedOutput, Arc<Revealed>) {
    let mut revealed = Vec::new();
    let planned = match output {
        Output::None | Output::Clean => PlannedOutput::Clean,
        Output::Unproven => PlannedOutput::Unproven,
        Output::Columns(columns) => PlannedOutput::Columns(
            columns
                .iter()
                .map(|column| {
                    let hidden: Vec<_> = column
                        .sources
                        .iter()
                        .filter(|source| {
                            let object = source.object();
                            let is_revealed = reveals(&object, &source.category);
                            if is_revealed {
                                let category = source.category.clone();
                                revealed.push(RevealedColumn { column: object, category });
                            }
                            !is_revealed
                        })
                        .collect();
                    let first = hidden.first()?;
                    let is_mixed = hidden.iter().any(|o| o.category != first.category);
                    let category =
                        if is_mixed { "personal".into() } else { first.category.clone() };
                    let is_plain = column.shape == Shape::Plain && !is_mixed;
                    let shape = if is_plain { MaskShape::Plain } else { MaskShape::Derived };
                    Some(ColumnMask { category, shape })
                })
                .collect(),
        ),
    };
    revealed.sort();
    revealed.dedup();
    (planned, Arc::new(Revealed { ruling: ruling.clone(), columns: revealed }))
}

impl ColumnMask {
    /// The mask for what nobody could trace.
    pub(crate) fn unproven() -> Self {
        Self { category: "unproven".into(), shape: MaskShape::Derived }
    }
}

/// How the values of one column on the wire are masked.
#[derive(Clone, Debug)]
pub(crate) struct FieldMask {
    pub(crate) mask: Option<ColumnMask>,
    pub(crate) kind: ValueKind,
}

#[cfg(test)]
impl FieldMask {
    pub(crate) fn clean() -> Self {
        Self { mask: None, kind: ValueKind::Other }
    }
}

/// What a value of a type is to the masker. Types that are not listed can only be
/// masked as NULL.
pub(crate) fn value_kind(type_oid: u32, format: i16) -> ValueKind {
    let form = if format == 0 { Form::Text } else { Form::Binary };
    match type_oid {
        // char, name, text, unknown, bpchar, varchar
        18 | 19 | 25 | 705 | 1042 | 1043 => ValueKind::Text,
        114 => ValueKind::Json(Form::Text),
        3802 => ValueKind::Json(form),
        1082 => ValueKind::Date(form),
        1114 | 1184 => ValueKind::Timestamp(form),
        21 => ValueKind::Integer { bytes: 2, form },
        23 => ValueKind::Integer { bytes: 4, form },
        20 => ValueKind::Integer { bytes: 8, form },
        700 | 701 | 1700 => ValueKind::Number,
        16 => ValueKind::Bool,
        2950 => ValueKind::Uuid(form),
        650 | 869 => ValueKind::Inet,
        17 => ValueKind::Bytes,
        _ => ValueKind::Other,
    }
}
