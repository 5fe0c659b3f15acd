//! What the client may see of a statement's result.

use crate::PlannedTable;
use crate::catalog::{CatalogSnapshot, ColumnType, Nulls};
use crate::masks::{FieldMask, Fit, RowMasks, TypeUse};
use portreeve_decide::sql::{Catalog, Copy, Output, SessionEffect, Shape, Statement};
use portreeve_model::{Action, Category, Command, Need, Object, Revealed};
use std::sync::Arc;

/// A statement, as this session's policies let its result pass.
#[derive(Debug)]
pub struct Plan {
    /// What it does.
    pub statement: Arc<Statement>,
    /// The same for policy.
    pub command: Arc<Command>,
    /// The columns of its result.
    pub output: PlannedOutput,
    /// Columns that pass unmasked because policy reveals them, sorted.
    pub revealed: Arc<[Revealed]>,
    /// The tables whose people the rows may be about.
    pub subjects: Arc<[PlannedTable]>,
    /// Counts changes of catalog and policy: see [`crate::Planner::is_current`].
    pub(crate) generation: u64,
    snapshot: Arc<CatalogSnapshot>,
    /// The catalog that the analysis was made with.
    catalog: Arc<Catalog>,
}

/// One column of a result, as the server describes it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ResultColumn {
    /// The table that the server says the column comes from; 0 for none.
    pub table: u32,
    /// The column's number in that table.
    pub attribute: i16,
    /// The type, as the dialect numbers it.
    pub type_code: u32,
    /// 0 text, 1 binary; 0 also where it is not known yet.
    pub format: i16,
}

/// The columns of a result.
#[derive(Clone, Debug)]
pub enum PlannedOutput {
    /// Proven clean, or no rows at all.
    Clean,
    /// One entry a column; none is clean.
    Columns(Vec<Option<ColumnMask>>),
    /// Nobody could say: every column is masked.
    Unproven,
}

/// How a column is masked.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ColumnMask {
    /// The kind of personal data.
    pub category: Category,
    /// Whether it is masked as a value of that kind.
    pub shape: MaskShape,
}

/// Whether the column is a classified column itself or computed from some.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum MaskShape {
    /// A verbatim copy.
    Plain,
    /// Computed.
    Derived,
}

impl Plan {
    /// Applies what policy reveals to a statement.
    pub(crate) fn new(
        statement: Arc<Statement>,
        snapshot: Arc<CatalogSnapshot>,
        catalog: Arc<Catalog>,
        subjects: Arc<[PlannedTable]>,
        generation: u64,
        reveals: impl Fn(&Object, &Category) -> bool,
    ) -> Self {
        let (output, revealed) = applied(&statement.output, reveals);
        let command = Arc::new(statement.command.clone());
        Self { statement, command, output, revealed, subjects, generation, snapshot, catalog }
    }

    /// The same with what policy reveals now.
    pub(crate) fn under(&self, reveals: impl Fn(&Object, &Category) -> bool) -> Self {
        let (output, revealed) = applied(&self.statement.output, reveals);
        Self {
            statement: self.statement.clone(),
            command: self.command.clone(),
            output,
            revealed,
            subjects: self.subjects.clone(),
            generation: self.generation,
            snapshot: self.snapshot.clone(),
            catalog: self.catalog.clone(),
        }
    }

    /// Whether the target's error and notice texts may hold values.
    pub fn touches_classified(&self) -> bool {
        self.statement.touches_classified
    }

    /// Whether it changes definitions.
    pub fn defines(&self) -> bool {
        self.command.needs.iter().any(|need| need.action.defines())
    }

    /// Whether it needs to know what names stand for.
    pub fn uses_objects(&self) -> bool {
        self.command.needs.iter().any(|need| need.action.uses_objects())
    }

    /// Whether it runs code that may do anything with the session's names.
    #[must_use]
    pub fn runs_code(&self) -> bool {
        self.command.needs.iter().any(|need| need.action == Action::Execute)
    }

    /// Whether it runs code that somebody made: it can change definitions where no statement
    /// shows it.
    #[must_use]
    pub fn runs_own_code(&self) -> bool {
        let is_own = |need: &Need| {
            need.action == Action::Execute
                && need.object.path.first().is_none_or(|schema| schema != "pg_catalog")
        };
        self.command.needs.iter().any(is_own)
    }

    /// Whether its rows show what names stand for.
    #[must_use]
    pub fn shows_objects(&self) -> bool {
        self.statement.output != Output::None && self.uses_objects()
    }

    /// Whether it begins, ends or divides a transaction.
    pub fn is_transaction(&self) -> bool {
        matches!(self.statement.session, SessionEffect::Transaction(_))
    }

    /// Whether the catalog may be another one after it has run.
    pub fn redefines(&self) -> bool {
        self.defines() || self.command.needs.iter().any(|need| need.action == Action::Execute)
    }

    /// The type of the column that a column of the result is a copy of, if it is one. A column
    /// of several sources is as narrow as each of them.
    fn source_type(&self, index: usize) -> Option<ColumnType> {
        let Output::Columns(columns) = &self.statement.output else { return None };
        let column = columns.get(index).filter(|column| column.shape == Shape::Plain)?;
        let mut types =
            column.sources.iter().map(|source| self.snapshot.types.get(&source.object()).copied());
        let first = types.next()??;
        types.try_fold(first, |all, next| {
            let next = next.filter(|next| next.code == all.code)?;
            let modifier = if all.modifier == next.modifier { all.modifier } else { -1 };
            let nulls = if all.nulls == next.nulls { all.nulls } else { Nulls::Refused };
            Some(ColumnType { modifier, nulls, ..all })
        })
    }

    /// The bulk load or export that it is.
    pub fn copy(&self) -> Option<&Copy> {
        self.statement.copy.as_ref()
    }

    /// How each column of a result is masked, from the analysis and from the server's
    /// own word about where columns come from. The server's word may only add masks:
    /// the names of columns where it did are returned too.
    pub fn row_masks(
        &self,
        columns: &[ResultColumn],
        fit: impl Fn(TypeUse<'_>) -> Fit,
    ) -> (RowMasks, Vec<String>) {
        let mut disagreements = Vec::new();
        let planned = self.planned(columns.len(), &mut disagreements);
        let masks = columns
            .iter()
            .zip(planned)
            .enumerate()
            .map(|(index, (column, planned))| {
                let mask = planned.or_else(|| self.suspected(column, &mut disagreements));
                let fit = fit(TypeUse {
                    source: self.source_type(index),
                    described: Some(column.type_code),
                    format: column.format,
                    made_types: &self.snapshot.made_types,
                });
                FieldMask { mask, fit }
            })
            .collect();
        (RowMasks::new(masks, self.subjects_of(columns.len())), disagreements)
    }

    /// How each column of a bulk export is masked: the server describes none, so types are
    /// those of the catalog, where the analysis knows the column.
    pub fn copy_masks(
        &self,
        columns: usize,
        format: i16,
        fit: impl Fn(TypeUse<'_>) -> Fit,
    ) -> (RowMasks, Vec<String>) {
        let mut disagreements = Vec::new();
        let planned = self.planned(columns, &mut disagreements);
        let masks = planned
            .into_iter()
            .enumerate()
            .map(|(index, mask)| {
                let fit = fit(TypeUse {
                    source: self.source_type(index),
                    described: None,
                    format,
                    made_types: &self.snapshot.made_types,
                });
                FieldMask { mask, fit }
            })
            .collect();
        (RowMasks::new(masks, self.subjects_of(columns)), disagreements)
    }

    fn planned(&self, columns: usize, disagreements: &mut Vec<String>) -> Vec<Option<ColumnMask>> {
        match &self.output {
            PlannedOutput::Clean => vec![None; columns],
            PlannedOutput::Columns(planned) if planned.len() == columns => planned.clone(),
            PlannedOutput::Columns(_) | PlannedOutput::Unproven => {
                if matches!(self.output, PlannedOutput::Columns(_)) {
                    disagreements.push("number of columns".to_owned());
                }
                vec![Some(ColumnMask::unproven()); columns]
            }
        }
    }

    /// The tables whose people a result of so many columns may be about.
    fn subjects_of(&self, columns: usize) -> Arc<[PlannedTable]> {
        match &self.output {
            PlannedOutput::Columns(planned) if planned.len() != columns => {
                PlannedTable::untraced(&self.subjects)
            }
            _ => self.subjects.clone(),
        }
    }

    fn suspected(
        &self,
        column: &ResultColumn,
        disagreements: &mut Vec<String>,
    ) -> Option<ColumnMask> {
        let origin = self.catalog.column_by_origin(column.table, column.attribute)?;
        let column = origin.object();
        if self.revealed.iter().any(|revealed| revealed.object == column) {
            return None;
        }
        disagreements.push(column.to_string());
        Some(ColumnMask { category: origin.category.clone(), shape: MaskShape::Plain })
    }
}

/// What passes of an output: its masks, and the columns that are revealed.
fn applied(
    output: &Output,
    reveals: impl Fn(&Object, &Category) -> bool,
) -> (PlannedOutput, Arc<[Revealed]>) {
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
                                revealed.push(Revealed { object, category });
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
    (planned, revealed.into())
}

impl ColumnMask {
    /// The mask for what nobody could trace.
    #[must_use]
    pub fn unproven() -> Self {
        Self { category: "unproven".into(), shape: MaskShape::Derived }
    }
}
