//! Names that are not there: what PostgreSQL would say, and what may have been meant.

use pg_query::protobuf as pg;
use portreeve_model::{Object, ObjectKind};

use crate::sql::catalog::Catalog;
use crate::sql::postgres::analyzer::Analyzer;
use crate::sql::postgres::query::scope::Scope;
use crate::sql::statement::{Missing, Unknown, sqlstate};

/// The most names that are offered instead of one that is not there.
const CANDIDATES_MAX: usize = 8;
/// The longest names that are compared, and how much they may differ.
const NAME_CHARACTERS_MAX: usize = 63;

impl Analyzer<'_> {
    /// A column that is not in what is selected from. `location` is a byte of the text.
    pub(in crate::sql) fn miss_column(&mut self, names: &[&str], location: i32, scope: &Scope<'_>) {
        let column = names.last().copied().unwrap_or_default();
        let qualifier = names.len().checked_sub(2).and_then(|index| names.get(index)).copied();
        self.miss(|analyzer| {
            let position = analyzer.position(location);
            if let Some(table) = qualifier.filter(|name| scope.relation(None, name).is_empty()) {
                let message = format!("missing FROM-clause entry for table \"{table}\"");
                return Unknown { position, ..Unknown::new(sqlstate::UNDEFINED_TABLE, message) };
            }
            let shown = match qualifier {
                None => format!("\"{column}\""),
                Some(qualifier) => format!("{qualifier}.{column}"),
            };
            let message = format!("column {shown} does not exist");
            let candidates = nearest(column, scope.near(qualifier), |object| object.path.last());
            Unknown { position, candidates, ..Unknown::new(sqlstate::UNDEFINED_COLUMN, message) }
        });
    }

    /// A relation that the catalog does not have.
    pub(in crate::sql) fn miss_relation(&mut self, shown: String, name: &str, location: i32) {
        self.miss(|analyzer| {
            let message = format!("relation \"{shown}\" does not exist");
            let known = analyzer.catalog.relation_names();
            Unknown {
                position: analyzer.position(location),
                candidates: nearest(name, known, |object| object.path.last()),
                ..Unknown::new(sqlstate::UNDEFINED_TABLE, message)
            }
        });
        self.missing.insert(Missing { kind: ObjectKind::TABLE, name: shown });
    }

    /// A relation of another database.
    pub(in crate::sql) fn refuse_other_database(&mut self, range: &pg::RangeVar) {
        let shown = [&*range.catalogname, &range.schemaname, &range.relname].join(".");
        let message = format!("cross-database references are not implemented: \"{shown}\"");
        self.refuse_with(Unknown {
            position: self.position(range.location),
            ..Unknown::new(sqlstate::FEATURE_NOT_SUPPORTED, message)
        });
    }

    /// A function that is on no list.
    pub(in crate::sql) fn miss_function(&mut self, shown: String, arguments: usize) {
        self.miss(|analyzer| {
            let plural = if arguments == 1 { "" } else { "s" };
            let message =
                format!("function {shown} with {arguments} argument{plural} does not exist");
            let known = analyzer.catalog.functions.iter().flat_map(|(name, made)| {
                made.iter().map(|function| Object::function(&function.schema, name))
            });
            let name = shown.rsplit('.').next().unwrap_or_default();
            let candidates = nearest(name, known, |object| object.path.last());
            Unknown { candidates, ..Unknown::new(sqlstate::UNDEFINED_FUNCTION, message) }
        });
        self.missing.insert(Missing { kind: ObjectKind::FUNCTION, name: shown });
    }

    fn position(&self, location: i32) -> Option<usize> {
        let byte = usize::try_from(location).ok()?;
        Some(self.text.get(..byte)?.chars().count() + 1)
    }
}

impl Catalog {
    fn relation_names(&self) -> impl Iterator<Item = Object> + '_ {
        self.relations.iter().map(|known| Object::table(&known.schema, &known.name))
    }
}

/// The candidates whose names are like this one, nearest first.
fn nearest(
    name: &str,
    candidates: impl IntoIterator<Item = Object>,
    own: impl Fn(&Object) -> Option<&String>,
) -> Vec<Object> {
    let letters: Vec<char> = name.chars().collect();
    // A third of the letters may be wrong, like in PostgreSQL.
    let far = letters.len().div_ceil(3).max(1);
    if letters.len() > NAME_CHARACTERS_MAX {
        return Vec::new();
    }
    let mut near: Vec<(usize, Object)> = candidates
        .into_iter()
        .filter_map(|object| {
            let other: Vec<char> = own(&object)?.chars().collect();
            if other.len() > NAME_CHARACTERS_MAX || other.len().abs_diff(letters.len()) > far {
                return None;
            }
            let distance = strsim::generic_levenshtein(&letters, &other);
            (distance <= far).then_some((distance, object))
        })
        .collect();
    near.sort();
    near.dedup();
    near.into_iter().take(CANDIDATES_MAX).map(|(_, object)| object).collect()
}
