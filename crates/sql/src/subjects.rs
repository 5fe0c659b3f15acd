//! Whom the rows of a result are about: for the index of data subjects.
//!
//! A table that the configuration names has a column that identifies a person. Where
//! that column is among a result's columns, verbatim, each row names its person. Rows that
//! hold anything else classified of the table, and not that column, are about people whom
//! nobody can name: they are counted as such.

use portreeve_decide::mask::{
    Masker, SubjectKind, SubjectTally, SubjectToken, Subjects, ValueKind,
};
use portreeve_decide::sql::{Output, Shape};
use portreeve_model::SubjectColumn;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

/// The configured columns, by schema and table.
#[derive(Debug, Default)]
pub struct SubjectColumns(HashMap<(String, String), (String, SubjectKind)>);

/// A table whose rows a statement gives.
#[derive(Debug)]
pub struct PlannedTable {
    name: String,
    kind: SubjectKind,
    /// The columns of the result that name the person; none if nobody can.
    columns: Vec<usize>,
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
    pub(crate) fn plan(&self, output: &Output) -> Arc<[PlannedTable]> {
        match output {
            _ if self.0.is_empty() => Arc::default(),
            Output::None | Output::Structure | Output::Clean => Arc::default(),
            Output::Unproven => [PlannedTable::nobody_knows()].into(),
            Output::Columns(columns) => {
                let mut tables: Vec<PlannedTable> = Vec::new();
                for (index, column) in columns.iter().enumerate() {
                    for source in column.sources.iter() {
                        let table = (source.schema.clone(), source.table.clone());
                        let Some((key, kind)) = self.0.get(&table) else { continue };
                        let is_key = column.shape == Shape::Plain
                            && column.sources.len() == 1
                            && source.column == *key;
                        let name = format!("{}.{}", source.schema, source.table);
                        let known = tables.iter().position(|planned| planned.name == name);
                        let at = known.unwrap_or_else(|| {
                            let columns = Vec::new();
                            tables.push(PlannedTable { name, kind: kind.clone(), columns });
                            tables.len() - 1
                        });
                        if let Some(planned) = tables.get_mut(at).filter(|_| is_key) {
                            planned.columns.push(index);
                        }
                    }
                }
                tables.into()
            }
        }
    }
}

impl PlannedTable {
    fn nobody_knows() -> Self {
        Self { name: "*".into(), kind: SubjectKind::from("unknown"), columns: Vec::new() }
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
    unresolved: u64,
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
        self.tables.iter().any(|table| table.columns.contains(&column))
    }

    /// Takes a value of the running row, as it came from the target.
    pub(crate) fn see(&mut self, column: usize, value: &[u8], kind: ValueKind, masker: &Masker) {
        for (table, tally) in self.tables.iter().zip(&mut self.tallies) {
            if table.columns.contains(&column)
                && let Some(token) = masker.subject(&table.kind, value, kind)
            {
                tally.tokens.insert(token);
                tally.is_named = true;
            }
        }
    }

    /// The running row is over.
    pub(crate) fn end_row(&mut self) {
        for tally in &mut self.tallies {
            tally.unresolved += u64::from(!std::mem::take(&mut tally.is_named));
        }
    }

    /// Takes what was counted so far.
    pub(crate) fn drain(&mut self, into: &mut Subjects) {
        for (table, tally) in self.tables.iter().zip(&mut self.tallies) {
            let Tally { tokens, unresolved, .. } = std::mem::take(tally);
            let kind = table.kind.name().to_owned();
            into.add(&table.name, SubjectTally { kind, tokens, unresolved });
        }
    }
}
