//! What the client may see of a statement's result.

use crate::catalog::{CatalogSnapshot, ColumnType, MadeTypes, Nulls};
use crate::masks::{FieldMask, Fit, RowMasks, TypeUse};
use crate::planner::Reveals;
use crate::shape;
use crate::shown::ShownMasks;
use crate::subjects::{ComparedValue, GivenValue, PlannedTable};
use portreeve_decide::mask::ValueKind;
use portreeve_decide::sql::{
    Brought, Catalog, ColumnRef, Copy, Moved, Output, Replacement, SessionEffect, Shape, Statement,
};
use portreeve_model::{Action, Category, Command, Need, Object, Revealed};
use std::cell::OnceCell;
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
    /// Texts of the target about it may hold values that policy hides.
    touches_hidden: bool,
    /// Counts changes of catalog and policy: see [`crate::Planner::is_current`].
    pub(crate) generation: u64,
    reveals: ByReveals,
    /// Masks that who asks has been shown.
    shown: Arc<ShownMasks>,
    snapshot: Arc<CatalogSnapshot>,
    /// The catalog that the analysis was made with.
    catalog: Arc<Catalog>,
}

/// What policy reveals to the session that a plan is of.
struct ByReveals(Reveals);

impl std::fmt::Debug for ByReveals {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reveals").finish_non_exhaustive()
    }
}

/// What is to be looked for in a column of a result.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Texts {
    /// Nothing: it is masked, revealed or cleared as a column, or describes structure.
    Settled,
    /// Whatever detectors find.
    Open {
        /// The column that its values are verbatim copies of.
        origin: Option<Arc<Object>>,
        /// A column that they are computed from.
        about: Option<Arc<Object>>,
    },
}

/// One column of a result, as the server describes it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ResultColumn {
    /// What the result calls it.
    pub name: Arc<str>,
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

impl PlannedOutput {
    /// Whether any column is masked.
    #[must_use]
    pub fn is_masked(&self) -> bool {
        match self {
            Self::Clean => false,
            Self::Columns(columns) => columns.iter().any(Option::is_some),
            Self::Unproven => true,
        }
    }
}

/// A literal that the shape of a text leaves out.
fn blank<'t>(
    text: &'t str,
    blanks: &OnceCell<Vec<shape::Blank<'t>>>,
    place: usize,
) -> Option<ComparedValue> {
    let blanks = blanks.get_or_init(|| shape::blanks(text));
    blanks.get(place).map(|blank| ComparedValue::text(blank.value))
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
        reveals: Reveals,
        shown: Arc<ShownMasks>,
    ) -> Self {
        let Applied { output, revealed, touches_hidden } =
            applied(&statement, &snapshot, &*reveals);
        let command = command(&statement, &*reveals);
        let reveals = ByReveals(reveals);
        Self {
            statement,
            command,
            output,
            revealed,
            touches_hidden,
            subjects,
            generation,
            reveals,
            shown,
            snapshot,
            catalog,
        }
    }

    /// The same with what policy reveals now.
    pub(crate) fn under(&self, reveals: Reveals) -> Self {
        let Applied { output, revealed, touches_hidden } =
            applied(&self.statement, &self.snapshot, &*reveals);
        Self {
            statement: self.statement.clone(),
            command: command(&self.statement, &*reveals),
            output,
            revealed,
            touches_hidden,
            subjects: self.subjects.clone(),
            generation: self.generation,
            reveals: ByReveals(reveals),
            shown: self.shown.clone(),
            snapshot: self.snapshot.clone(),
            catalog: self.catalog.clone(),
        }
    }

    /// The same for a use of it whose conditions compare with these: the constants of the text
    /// that it was planned for, and parameters by their numbers, from 1, and the type of the
    /// column that they are compared with (0 where the catalog does not know it).
    #[must_use]
    pub fn compared(
        self: &Arc<Self>,
        text: &str,
        parameter: impl Fn(usize, u32) -> Option<ComparedValue>,
    ) -> Arc<Self> {
        let blanks = OnceCell::new();
        let value = |column: &Object, operand: &Brought| match operand {
            Brought::Blank(place) => blank(text, &blanks, *place),
            Brought::Parameter(number) => {
                let code = self.snapshot.types.get(column).map_or(0, |known| known.code);
                parameter(*number, code)
            }
            Brought::Constant { .. } | Brought::Null | Brought::Computed => None,
        };
        match PlannedTable::compared(&self.subjects, value) {
            None => self.clone(),
            Some(subjects) => Arc::new(Self { subjects, ..self.under(self.reveals.0.clone()) }),
        }
    }

    /// Whether it would put a mask that who asks has been shown in the place of what is there.
    /// `kind` says what values of a column are to the masker, as texts.
    #[must_use]
    pub fn stores_shown(
        &self,
        text: &str,
        parameter: impl Fn(usize, u32) -> Option<GivenValue>,
        kind: impl Fn(ColumnType, &MadeTypes) -> ValueKind,
    ) -> bool {
        if self.shown.is_empty() {
            return false;
        }
        let blanks = OnceCell::new();
        self.statement.replaced.iter().any(|Replacement { column, with }| {
            let Some(column_type) = self.snapshot.types.get(&**column) else { return false };
            let value = match with {
                Brought::Blank(place) => blank(text, &blanks, *place).map(GivenValue::Of),
                Brought::Constant { value, .. } => Some(GivenValue::Of(ComparedValue::text(value))),
                Brought::Parameter(number) => parameter(*number, column_type.code),
                Brought::Null => Some(GivenValue::Null),
                Brought::Computed => None,
            };
            match (value, self.shown.column_of(column)) {
                (Some(GivenValue::Of(value)), Some(column)) => {
                    let kind = match value.kind {
                        ValueKind::Text => kind(*column_type, &self.snapshot.made_types),
                        packed => packed,
                    };
                    self.shown.holds(column, &value.value, kind)
                }
                (Some(GivenValue::Null), Some(column)) => self.shown.holds_null(column),
                (None, _) | (_, None) => false,
            }
        })
    }

    /// Whether the target's error and notice texts may hold values that policy hides.
    #[must_use]
    pub fn touches_hidden(&self) -> bool {
        self.touches_hidden
    }

    /// Whether it changes definitions.
    pub fn defines(&self) -> bool {
        self.command.needs.iter().any(|need| need.action.defines())
    }

    /// Whether it needs to know what names stand for.
    pub fn uses_objects(&self) -> bool {
        self.statement.uses_objects()
    }

    /// Whether it runs code that may do anything with the session's names.
    #[must_use]
    pub fn runs_code(&self) -> bool {
        self.command.needs.iter().any(|need| need.action == Action::Execute)
    }

    /// Whether it runs code, or what was deferred before it, which may be.
    #[must_use]
    pub fn may_open_portals(&self) -> bool {
        self.runs_code() || self.sets_constraints()
    }

    /// Whether triggers that were deferred may run with it.
    #[must_use]
    pub fn runs_deferred(&self) -> bool {
        self.is_transaction() || self.sets_constraints()
    }

    fn sets_constraints(&self) -> bool {
        self.command.verb == "SET CONSTRAINTS"
    }

    /// Whether columns of its result are masked because of functions of which nobody knows what
    /// they give.
    #[must_use]
    pub fn hides_results(&self) -> bool {
        self.output.is_masked() && !self.statement.opaque.is_empty()
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
        if column.sources.is_empty() {
            return self.snapshot.types.get(&**column.origin.as_ref()?).copied();
        }
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

    /// What is to be looked for in each column of a result of so many: what lineage has settled
    /// is not looked through.
    #[must_use]
    pub fn texts(&self, columns: usize) -> Vec<Texts> {
        let planned = match &self.output {
            PlannedOutput::Columns(planned) => planned.as_slice(),
            PlannedOutput::Clean | PlannedOutput::Unproven => &[],
        };
        match &self.statement.output {
            Output::None | Output::Structure => vec![Texts::Settled; columns],
            Output::Columns(outputs) if outputs.len() == columns => outputs
                .iter()
                .zip(planned)
                .map(|(output, mask)| match mask {
                    None if output.sources.is_empty() && !output.is_structure => {
                        let (origin, about) = (output.origin.clone(), output.about.clone());
                        Texts::Open { origin, about }
                    }
                    Some(_) | None => Texts::Settled,
                })
                .collect(),
            Output::Columns(_) | Output::Clean | Output::Open | Output::Unproven => {
                vec![Texts::Open { origin: None, about: None }; columns]
            }
        }
    }

    /// Whether detectors may have something to look for in its result.
    #[must_use]
    pub fn has_open_texts(&self) -> bool {
        let columns = match &self.statement.output {
            Output::Columns(columns) => columns.len(),
            Output::None | Output::Structure => 0,
            Output::Clean | Output::Open | Output::Unproven => 1,
        };
        self.texts(columns).iter().any(|texts| *texts != Texts::Settled)
    }

    /// The type of a column of a bulk export, as the dialect numbers it; 0 where the analysis does
    /// not know the column.
    #[must_use]
    pub fn type_code(&self, index: usize) -> u32 {
        self.source_type(index).map_or(0, |known| known.code)
    }

    /// The names that a bulk export gives its columns, where they are known.
    #[must_use]
    pub fn names(&self, columns: usize) -> Vec<Arc<str>> {
        let of = |index: usize| match &self.statement.output {
            Output::Columns(known) => known.get(index).and_then(|column| column.name.as_deref()),
            Output::None | Output::Structure | Output::Clean | Output::Open | Output::Unproven => {
                None
            }
        };
        (0..columns).map(|index| of(index).unwrap_or_default().into()).collect()
    }

    /// Whether policy lets the session see a category in the texts of an object.
    #[must_use]
    pub fn reveals(&self, object: &Object, category: &Category) -> bool {
        (self.reveals.0)(object, category)
    }

    /// The catalog that it was made with.
    #[must_use]
    pub fn snapshot(&self) -> &Arc<CatalogSnapshot> {
        &self.snapshot
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
                FieldMask { shown: mask.as_ref().and_then(|_| self.shown_in(index)), mask, fit }
            })
            .collect();
        (self.remembered(masks, columns.len()), disagreements)
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
                FieldMask { shown: mask.as_ref().and_then(|_| self.shown_in(index)), mask, fit }
            })
            .collect();
        (self.remembered(masks, columns), disagreements)
    }

    /// The masks that who asks has been shown.
    #[must_use]
    pub fn shown(&self) -> &ShownMasks {
        &self.shown
    }

    /// The masks of a result, of which those that are shown are remembered.
    fn remembered(&self, masks: Vec<FieldMask>, columns: usize) -> RowMasks {
        RowMasks::new(masks, self.subjects_of(columns)).remembering(self.shown.clone())
    }

    /// Under which column the masks of a result's column are remembered.
    fn shown_in(&self, index: usize) -> Option<u64> {
        let Output::Columns(columns) = &self.statement.output else { return None };
        let column = columns.get(index).filter(|column| column.shape == Shape::Plain)?;
        match &*column.sources {
            [only] => Some(self.shown.column([&only.schema, &only.table, &only.column])),
            _ => None,
        }
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
        let shape = match origin.category.is_unknown() {
            true => MaskShape::Derived,
            false => MaskShape::Plain,
        };
        Some(ColumnMask { category: origin.category.clone(), shape })
    }
}

/// What policy is asked. A value may not go unchanged to where policy shows it to this session, if
/// it is hidden where it comes from.
fn command(statement: &Statement, reveals: impl Fn(&Object, &Category) -> bool) -> Arc<Command> {
    let mut command = statement.command.clone();
    let shows = |column: &ColumnRef| reveals(&column.object(), &column.category);
    let would_show = |moved: &&Moved| shows(&moved.to) && !shows(&moved.from);
    let from = statement.moves.iter().filter(would_show).map(|moved| moved.from.object());
    let known = command.needs.len();
    command.needs.extend(from.map(|object| Need { action: Action::Reveal, object }));
    if command.needs.len() > known {
        command.needs.sort();
        command.needs.dedup();
    }
    Arc::new(command)
}

/// What passes of a statement: the masks of its output, and the columns that are revealed.
struct Applied {
    output: PlannedOutput,
    revealed: Arc<[Revealed]>,
    touches_hidden: bool,
}

fn applied(
    statement: &Statement,
    snapshot: &CatalogSnapshot,
    reveals: impl Fn(&Object, &Category) -> bool,
) -> Applied {
    let mut revealed = Vec::new();
    let planned = match &statement.output {
        Output::None | Output::Structure | Output::Clean => PlannedOutput::Clean,
        // SECURITY: rows of code can be of what nobody has seen yet: a table that is new, a catalog
        // that is closed. Where columns are classified, they are not believed to be of those.
        Output::Open if snapshot.has_rules() => PlannedOutput::Unproven,
        Output::Open => PlannedOutput::Clean,
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
                    // Nobody knows how a value looks that nobody has looked at.
                    let is_plain =
                        column.shape == Shape::Plain && !is_mixed && !first.category.is_unknown();
                    let shape = if is_plain { MaskShape::Plain } else { MaskShape::Derived };
                    Some(ColumnMask { category, shape })
                })
                .collect(),
        ),
    };
    revealed.sort();
    revealed.dedup();
    // Texts about what is `Unproven` can be of what nobody has seen, too.
    let may_hide = snapshot.has_rules() || statement.output == Output::Unproven;
    let touches_hidden = statement.touches_classified && may_hide;
    Applied { output: planned, revealed: revealed.into(), touches_hidden }
}

impl ColumnMask {
    /// The mask for what nobody could trace.
    #[must_use]
    pub fn unproven() -> Self {
        Self { category: "unproven".into(), shape: MaskShape::Derived }
    }
}
