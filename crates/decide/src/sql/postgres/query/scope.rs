//! Which names mean what at one place of a query.
//!
//! This follows PostgreSQL's `parse_relation.c`: a level for each query, each with the items of
//! its `FROM` clause; names are looked up from the inside out. Where a level may or may not have
//! a name (a relation whose columns are not all known), the answer is everything that the name
//! can mean at this level and further out.

use portreeve_model::Object;
use std::ops::Range;
use std::sync::Arc;

use crate::sql::catalog::Catalog;
use crate::sql::columns::Columns;
use crate::sql::lineage::Lineage;

/// Columns that every table has besides its own.
const SYSTEM_COLUMNS: [&str; 6] = ["ctid", "xmin", "cmin", "xmax", "cmax", "tableoid"];

/// Something in a `FROM` clause that names can refer to.
#[derive(Clone, Debug)]
pub(in crate::sql) struct Item {
    /// The name that qualifies its columns.
    pub(in crate::sql) name: Option<String>,
    /// Where a table of this name may live, if it has no alias: `schema.table.column`.
    pub(in crate::sql) schemas: Vec<String>,
    pub(in crate::sql) columns: Arc<Columns>,
    /// `name.column` finds it.
    pub(in crate::sql) by_name: bool,
    /// A bare `column` finds it, and `*` expands it.
    pub(in crate::sql) by_column: bool,
    /// It is a table and has `ctid` and the like.
    pub(in crate::sql) is_table: bool,
    /// All of its rows are in one table.
    pub(in crate::sql) is_alone: bool,
    /// The relation that it is, if it is one.
    pub(in crate::sql) relation: Option<Object>,
    /// Which of the relations that were read are in it.
    pub(in crate::sql) reads: Range<usize>,
}

impl Item {
    pub(in crate::sql) fn named(name: Option<String>, columns: Arc<Columns>) -> Self {
        let by_name = name.is_some();
        Self {
            name,
            schemas: Vec::new(),
            columns,
            by_name,
            by_column: true,
            is_table: false,
            is_alone: false,
            relation: None,
            reads: 0..0,
        }
    }
}

/// A common table expression.
#[derive(Clone, Debug)]
pub(in crate::sql) struct Cte {
    pub(in crate::sql) name: String,
    pub(in crate::sql) columns: Arc<Columns>,
    /// How many stand on each other, this one among them.
    pub(in crate::sql) depth: u32,
}

/// One level of a query.
#[derive(Debug)]
pub(in crate::sql) struct Scope<'p> {
    parent: Option<&'p Scope<'p>>,
    /// False inside a sub-select of a `FROM` clause that is not `LATERAL`: the items beside
    /// it are then invisible, those further out are not.
    sees_parent_items: bool,
    pub(in crate::sql) items: Vec<Item>,
    pub(in crate::sql) ctes: Vec<Cte>,
    /// The order in which `*` expands the items is not known for certain.
    pub(in crate::sql) star_is_unordered: bool,
}

impl<'p> Scope<'p> {
    pub(in crate::sql) fn outermost() -> Self {
        Self {
            parent: None,
            sees_parent_items: true,
            items: Vec::new(),
            ctes: Vec::new(),
            star_is_unordered: false,
        }
    }

    /// A query inside an expression, or a `LATERAL` one.
    pub(in crate::sql) fn inside(parent: &'p Scope<'p>) -> Self {
        Self { parent: Some(parent), ..Self::outermost() }
    }

    /// A sub-select of a `FROM` clause without `LATERAL`.
    pub(in crate::sql) fn beside(parent: &'p Scope<'p>) -> Self {
        Self { parent: Some(parent), sees_parent_items: false, ..Self::outermost() }
    }

    /// The common table expression of this name, if there is one here.
    pub(in crate::sql) fn cte(&self, name: &str) -> Option<&Cte> {
        let own = self.ctes.iter().rev().find(|known| known.name == name);
        match (own, self.parent) {
            (Some(own), _) => Some(own),
            (None, Some(parent)) => parent.cte(name),
            (None, None) => None,
        }
    }

    /// A bare column name.
    pub(in crate::sql) fn column(&self, name: &str, catalog: &Catalog) -> Option<Lineage> {
        self.walk(catalog, |level| {
            let items = level.items.iter().filter(|item| item.by_column);
            let mut found = Findings::default();
            for item in items.clone() {
                found.look(&item.columns, name, catalog);
            }
            if found.is_empty() && is_system(name) {
                for item in items.filter(|item| item.is_table) {
                    let lineage = match item.is_alone {
                        true => Lineage::CLEAN,
                        false => system_flow(name, &item.columns),
                    };
                    found.certain = Some(match found.certain {
                        None => lineage,
                        Some(known) => known.either(&lineage, catalog),
                    });
                }
            }
            found
        })
    }

    /// A column of this level only: what `GROUP BY name` prefers to an output column.
    pub(in crate::sql) fn own_column(&self, name: &str, catalog: &Catalog) -> Option<Lineage> {
        let mut found = Findings::default();
        for item in self.items.iter().filter(|item| item.by_column) {
            found.look(&item.columns, name, catalog);
        }
        found.any(catalog)
    }

    /// All columns that could have been named here, of relations.
    pub(in crate::sql) fn near(&self, qualifier: Option<&str>) -> Vec<Object> {
        let mut columns = Vec::new();
        let mut level = Some(self);
        while let Some(scope) = level {
            for item in &scope.items {
                let is_meant =
                    qualifier.is_none_or(|qualifier| item.name.as_deref() == Some(qualifier));
                if let (true, Some(relation)) = (is_meant, &item.relation)
                    && let [schema, table] = relation.path.as_slice()
                {
                    let names = item.columns.list.iter().map(|column| &*column.name);
                    columns.extend(names.map(|name| Object::column(schema, table, name)));
                }
            }
            level = scope.parent;
        }
        columns
    }

    /// The items that `name` (or `schema.name`) refers to, at the innermost level that has any.
    pub(in crate::sql) fn relation(&self, schema: Option<&str>, name: &str) -> Vec<&Item> {
        let mut level = Some(self);
        let mut visible = true;
        while let Some(scope) = level {
            if visible {
                let found: Vec<&Item> = scope
                    .items
                    .iter()
                    .filter(|item| item.by_name && item.name.as_deref() == Some(name))
                    .filter(|item| {
                        schema.is_none_or(|schema| item.schemas.iter().any(|own| own == schema))
                    })
                    .collect();
                if !found.is_empty() {
                    return found;
                }
            }
            visible = scope.sees_parent_items;
            level = scope.parent;
        }
        Vec::new()
    }

    /// Goes outwards until a level certainly has the name; joins what may have had it before.
    fn walk(&self, catalog: &Catalog, look: impl Fn(&Scope<'_>) -> Findings) -> Option<Lineage> {
        let mut all = Findings::default();
        let mut level = Some(self);
        let mut visible = true;
        while let Some(scope) = level {
            if visible {
                let found = look(scope);
                all.maybe(found.possible.as_ref(), catalog);
                if found.certain.is_some() {
                    all.certain = found.certain;
                    break;
                }
            }
            visible = scope.sees_parent_items;
            level = scope.parent;
        }
        all.any(catalog)
    }
}

pub(in crate::sql) fn is_system(name: &str) -> bool {
    SYSTEM_COLUMNS.contains(&name)
}

/// What a system column tells: where a row lies. Of a partitioned table that is a range
/// of values of its key.
pub(in crate::sql) fn system_flow(name: &str, columns: &Columns) -> Lineage {
    let mixed = columns.mixed();
    if name == "tableoid" { mixed.of_columns_only() } else { Lineage::CLEAN }
}

/// What a level has for a name.
#[derive(Default)]
struct Findings {
    certain: Option<Lineage>,
    possible: Option<Lineage>,
}

impl Findings {
    fn is_empty(&self) -> bool {
        self.certain.is_none() && self.possible.is_none()
    }

    fn look(&mut self, columns: &Columns, name: &str, catalog: &Catalog) {
        match (columns.find(name, catalog), &columns.rest) {
            (Some(lineage), None) => {
                self.certain = Some(match &self.certain {
                    None => lineage,
                    Some(known) => known.either(&lineage, catalog),
                });
            }
            (found, Some(rest)) => {
                self.maybe(found.as_ref(), catalog);
                self.maybe(Some(rest), catalog);
            }
            (None, None) => {}
        }
    }

    fn maybe(&mut self, lineage: Option<&Lineage>, catalog: &Catalog) {
        let Some(lineage) = lineage else { return };
        self.possible = Some(match self.possible.take() {
            None => lineage.clone(),
            Some(known) => known.either(lineage, catalog),
        });
    }

    fn any(self, catalog: &Catalog) -> Option<Lineage> {
        match (self.certain, self.possible) {
            // A possible system column does not make a plain column a computed one.
            (Some(certain), Some(possible)) if !possible.is_clean() => {
                Some(certain.either(&possible, catalog))
            }
            (certain, possible) => certain.or(possible),
        }
    }
}
