//! Whom the rows of a result are about: for the index of data subjects.
//!
//! A table that the configuration names has a column that identifies a person. Where
//! that column is among a result's columns, verbatim, each row names its person. Rows that
//! hold anything else classified of the table, and not that column, are about people whom
//! nobody can name: they are counted as such.
//!
//! Two things tell whom rows *may* be about, without proof: a column that is computed from the
//! identifying one alone, and what the client compares that one with for equality. Both are
//! kept as derived, beside the count of rows that name nobody.

use portreeve_decide::mask::{
    Masker, SubjectKind, SubjectTally, SubjectToken, Subjects, ValueKind,
};
use portreeve_decide::sql::{Brought, Comparison, Output, OutputColumn, Shape, Statement};
use portreeve_model::{Object, SubjectColumn};
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

/// The configured columns, by schema and table.
#[derive(Debug, Default)]
pub struct SubjectColumns(HashMap<(String, String), (String, SubjectKind)>);

/// A table whose rows a statement gives, or tells of.
#[derive(Clone, Debug)]
pub struct PlannedTable {
    name: String,
    kind: SubjectKind,
    /// The columns of the result that name the person; none if nobody can.
    columns: Vec<usize>,
    /// Those that are computed from what names the person.
    computed: Vec<usize>,
    /// Whether rows hold something classified of the table, so that they are about somebody.
    is_shown: bool,
    /// What the client compares the identifying column with.
    compared: Vec<(Arc<Object>, Brought)>,
    /// The values of these, where they are known.
    values: Vec<ComparedValue>,
    /// Whether the client compares it with something that nobody knows.
    is_compared_unseen: bool,
}

/// What a client puts in the place of what is there.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum GivenValue {
    /// Nothing.
    Null,
    /// A value.
    Of(ComparedValue),
}

/// A value that the client compares an identifying column with.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ComparedValue {
    /// As it is on the wire or in the text.
    pub value: Vec<u8>,
    /// What it is to the masker.
    pub kind: ValueKind,
}

impl SubjectColumns {
    /// Reads the configuration.
    #[must_use]
    pub fn new(columns: &[SubjectColumn]) -> Self {
        let entry = |found: &SubjectColumn| {
            let table = (found.schema.clone(), found.table.clone());
            (table, (found.column.clone(), SubjectKind::from(found.kind.as_str())))
        };
        Self(columns.iter().map(entry).collect())
    }

    /// The tables whose people a result may be about.
    pub(crate) fn plan(&self, statement: &Statement) -> Arc<[PlannedTable]> {
        if self.0.is_empty() {
            return Arc::default();
        }
        let mut tables: Vec<PlannedTable> = Vec::new();
        match &statement.output {
            Output::None | Output::Structure | Output::Clean => return Arc::default(),
            Output::Open | Output::Unproven => return [PlannedTable::nobody_knows()].into(),
            Output::Columns(columns) => {
                for (index, column) in columns.iter().enumerate() {
                    self.show(index, column, &mut tables);
                }
            }
        }
        for Comparison { column, with } in &statement.compared {
            let table = (column.schema.clone(), column.table.clone());
            if let Some((key, kind)) = self.0.get(&table).filter(|(key, _)| *key == column.column) {
                let column = Arc::new(Object::column(&table.0, &table.1, key));
                let planned = PlannedTable::among(&mut tables, &table, kind);
                planned.compared.push((column, with.clone()));
            }
        }
        // What the text alone tells is known already.
        tables.iter_mut().for_each(|table| table.compare(|_, _| None));
        tables.into()
    }

    fn show(&self, index: usize, column: &OutputColumn, tables: &mut Vec<PlannedTable>) {
        for source in column.sources.iter() {
            let table = (source.schema.clone(), source.table.clone());
            let Some((key, kind)) = self.0.get(&table) else { continue };
            let planned = PlannedTable::among(tables, &table, kind);
            planned.is_shown = true;
            if column.sources.len() == 1 && source.column == *key {
                match column.shape {
                    Shape::Plain => planned.columns.push(index),
                    Shape::Derived => planned.computed.push(index),
                }
            }
        }
    }
}

impl PlannedTable {
    fn new(name: String, kind: SubjectKind) -> Self {
        Self {
            name,
            kind,
            columns: Vec::new(),
            computed: Vec::new(),
            is_shown: false,
            compared: Vec::new(),
            values: Vec::new(),
            is_compared_unseen: false,
        }
    }

    fn among<'t>(
        tables: &'t mut Vec<Self>,
        (schema, table): &(String, String),
        kind: &SubjectKind,
    ) -> &'t mut Self {
        let name = format!("{schema}.{table}");
        let known = tables.iter().position(|planned| planned.name == name);
        let at = known.unwrap_or_else(|| {
            tables.push(Self::new(name, kind.clone()));
            tables.len() - 1
        });
        tables.get_mut(at).expect("it was found or pushed there")
    }

    fn nobody_knows() -> Self {
        Self { is_shown: true, ..Self::new("*".into(), SubjectKind::from("unknown")) }
    }

    /// Looks up what the client brings for the comparisons.
    fn compare(&mut self, value: impl Fn(&Object, &Brought) -> Option<ComparedValue>) {
        self.values.clear();
        self.is_compared_unseen = false;
        for (column, operand) in &self.compared {
            let known = match operand {
                Brought::Constant { value, .. } => Some(ComparedValue::text(value)),
                Brought::Null | Brought::Computed => None,
                Brought::Blank(_) | Brought::Parameter(_) => value(column, operand),
            };
            match known {
                Some(known) => self.values.push(known),
                None => self.is_compared_unseen = true,
            }
        }
    }

    /// The same tables, with what a client brings for this use of a statement.
    pub(crate) fn compared(
        planned: &Arc<[Self]>,
        value: impl Fn(&Object, &Brought) -> Option<ComparedValue>,
    ) -> Option<Arc<[Self]>> {
        if planned.iter().all(|table| table.compared.is_empty()) {
            return None;
        }
        let mut tables = planned.to_vec();
        tables.iter_mut().for_each(|table| table.compare(&value));
        Some(tables.into())
    }

    /// The tables of a result that is not what the analysis said.
    pub(crate) fn untraced(planned: &Arc<[Self]>) -> Arc<[Self]> {
        if planned.is_empty() { Arc::default() } else { [Self::nobody_knows()].into() }
    }
}

/// Whom the rows of a running result are about.
#[derive(Clone, Debug)]
pub(crate) struct RowSubjects {
    tables: Arc<[PlannedTable]>,
    tallies: Vec<Tally>,
}

#[derive(Clone, Debug, Default)]
struct Tally {
    tokens: BTreeSet<SubjectToken>,
    derived: BTreeSet<SubjectToken>,
    unresolved: u64,
    /// Whether rows have come since the counts were taken.
    has_rows: bool,
    /// Whether the running row has named someone.
    is_named: bool,
}

impl RowSubjects {
    /// None if there is nobody to look for.
    pub(crate) fn new(tables: Arc<[PlannedTable]>) -> Option<Self> {
        let tallies = vec![Tally::default(); tables.len()];
        (!tables.is_empty()).then_some(Self { tables, tallies })
    }

    /// Whether a column names people.
    pub(crate) fn is_named_by(&self, column: usize) -> bool {
        let names = |table: &PlannedTable| {
            table.columns.contains(&column) || table.computed.contains(&column)
        };
        self.tables.iter().any(names)
    }

    /// Takes a value of the running row, as it came from the target.
    pub(crate) fn see(&mut self, column: usize, value: &[u8], kind: ValueKind, masker: &Masker) {
        for (table, tally) in self.tables.iter().zip(&mut self.tallies) {
            let (is_named, is_derived) =
                (table.columns.contains(&column), table.computed.contains(&column));
            if !is_named && !is_derived {
                continue;
            }
            // The type of what is computed is not always known; a hint takes it for a text then.
            let kind = match (is_named, kind) {
                (false, ValueKind::Other) => ValueKind::Text,
                _ => kind,
            };
            let Some(token) = masker.subject(&table.kind, value, kind) else { continue };
            let tokens = if is_named { &mut tally.tokens } else { &mut tally.derived };
            tokens.insert(token);
            tally.is_named |= is_named;
        }
    }

    /// The running row is over.
    pub(crate) fn end_row(&mut self, masker: &Masker) {
        for (table, tally) in self.tables.iter().zip(&mut self.tallies) {
            if !std::mem::replace(&mut tally.has_rows, true) {
                let token = |compared: &ComparedValue| {
                    masker.subject(&table.kind, &compared.value, compared.kind)
                };
                tally.derived.extend(table.values.iter().filter_map(token));
            }
            let is_about_somebody = table.is_shown || table.is_compared_unseen;
            let is_named = std::mem::take(&mut tally.is_named);
            tally.unresolved += u64::from(is_about_somebody && !is_named);
        }
    }

    /// Takes what was counted so far.
    pub(crate) fn drain(&mut self, into: &mut Subjects) {
        for (table, tally) in self.tables.iter().zip(&mut self.tallies) {
            let Tally { tokens, derived, unresolved, .. } = std::mem::take(tally);
            let kind = table.kind.name().to_owned();
            into.add(&table.name, SubjectTally { kind, tokens, derived, unresolved });
        }
    }
}

impl ComparedValue {
    /// As people write it.
    #[must_use]
    pub fn text(value: &str) -> Self {
        Self { value: value.as_bytes().to_vec(), kind: ValueKind::Text }
    }
}
