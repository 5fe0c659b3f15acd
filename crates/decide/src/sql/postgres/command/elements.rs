//! The elements of a definition that compare, place or make values: indexes, keys, exclusions,
//! bounds of partitions, defaults. What they call runs as soon as they are made.

use pg_query::NodeEnum;
use pg_query::protobuf as pg;

use crate::sql::columns::Column;
use crate::sql::lineage::Lineage;
use crate::sql::postgres::analyzer::Analyzer;
use crate::sql::postgres::query::scope::Scope;
use crate::sql::postgres::value::expression::strings;
use crate::sql::postgres::value::made::is_open;
use crate::sql::postgres::value::name::aliases;
use crate::sql::statement::{Unknown, sqlstate};

impl Analyzer<'_> {
    /// Columns that a part of a new table brings from another one: their types, not their values.
    pub(super) fn columns_like(&self, part: &pg::Node) -> Vec<Column> {
        let like = match &part.node {
            Some(NodeEnum::TableLikeClause(like)) => like.relation.as_ref(),
            _ => None,
        };
        let sources = like.into_iter().flat_map(|like| {
            let schema = like.schemaname.as_str();
            let known = self.catalog.named(&like.relname);
            known.filter(move |known| schema.is_empty() || known.schema == schema)
        });
        let columns = sources.flat_map(|source| &source.columns.list);
        let typed = columns.map(|column| {
            let making = column.lineage.making.clone();
            Column::new(column.name.clone(), Lineage { making, ..Lineage::CLEAN })
        });
        typed.collect()
    }

    /// An expression without a type becomes a value of a column's type as soon as it is read.
    pub(super) fn becomes(&mut self, node: Option<&pg::Node>, column: &str, scope: &Scope<'_>) {
        if node.is_some_and(is_open)
            && let Some(column) = scope.own_column(column, self.catalog)
        {
            self.makes_parts(std::iter::once(&column));
        }
    }

    /// The bounds of a partition are values of its parent's key, and compared with those of others.
    pub(super) fn partition_of(&mut self, parent: &pg::RangeVar, bound: &pg::PartitionBoundSpec) {
        for relation in self.relations(parent).user {
            if !bound.is_default {
                self.makes(std::iter::once(&relation.key));
            }
            self.runs(&relation.code.key);
        }
    }

    /// The values of an index, or of a key of partitions, are compared by an operator class.
    pub(super) fn class_named(&mut self, names: &[pg::Node]) {
        let (schema, name) = match strings(names).as_deref() {
            Some([]) => return,
            Some([name]) => (None, *name),
            Some([schema, name]) => (Some(*schema), *name),
            _ => return self.refuse("an operator class is not understood by the gateway".into()),
        };
        for class in self.catalog.operator_classes.get(name).into_iter().flatten() {
            if schema.is_none_or(|schema| schema == class.schema) {
                self.runs(&class.functions);
            }
        }
    }

    /// The values of a column are compared as its type has it.
    pub(super) fn column_compared(&mut self, column: &str, scope: &Scope<'_>) {
        let tables = scope.items.iter().filter_map(|item| item.name.as_deref());
        for table in tables.flat_map(|name| self.catalog.named(name)) {
            for (name, functions) in table.code.compared.iter() {
                if name == column {
                    self.runs(functions);
                }
            }
        }
    }

    /// One element of an index: what it is made of.
    pub(super) fn index_element(&mut self, element: &pg::IndexElem, scope: &Scope<'_>) -> Lineage {
        // Its values are kept where nobody reads them; errors are withheld.
        let mut lineage = self.telling(element.expr.as_deref(), scope);
        match scope.own_column(&element.name, self.catalog) {
            Some(column) => {
                self.filter(&column);
                lineage.mix(&Lineage { making: None, ..column });
            }
            None if element.name.is_empty() => {}
            None => {
                let message = format!("column \"{}\" does not exist", element.name);
                self.miss_in(scope, message);
            }
        }
        self.makes_parts(std::iter::once(&lineage));
        self.class_named(&element.opclass);
        self.column_compared(&element.name, scope);
        lineage
    }

    pub(super) fn partition_bound(&mut self, bound: &pg::PartitionBoundSpec, scope: &Scope<'_>) {
        let data = bound.listdatums.iter().chain(&bound.lowerdatums).chain(&bound.upperdatums);
        for datum in data {
            match &datum.node {
                Some(NodeEnum::PartitionRangeDatum(datum)) => {
                    self.telling(datum.value.as_deref(), scope);
                }
                _ => {
                    self.telling(Some(datum), scope);
                }
            }
        }
    }

    /// Which values are there twice, or are missing elsewhere, shows in whether it works.
    pub(super) fn keys(&mut self, constraint: &pg::Constraint, scope: &Scope<'_>) {
        for name in aliases(constraint.keys.as_slice()).iter().chain(&aliases(&constraint.fk_attrs))
        {
            if let Some(lineage) = scope.own_column(name, self.catalog) {
                self.filter(&lineage);
            }
            self.column_compared(name, scope);
        }
    }

    /// `EXCLUDE (element WITH operator, …)`: it tells, as a key does, what is there already.
    pub(super) fn exclusion(&mut self, node: &pg::Node, scope: &Scope<'_>) {
        let parts = match &node.node {
            Some(NodeEnum::List(list)) => list.items.as_slice(),
            _ => &[],
        };
        let (element, operator) = match parts {
            [element, operator] => (element.node.as_ref(), operator.node.as_ref()),
            _ => (None, None),
        };
        let (Some(NodeEnum::IndexElem(element)), Some(NodeEnum::List(operator))) =
            (element, operator)
        else {
            self.refuse("a part of EXCLUDE is not understood by the gateway".into());
            return;
        };
        let lineage = self.index_element(element, scope);
        match strings(&operator.items).as_deref() {
            Some([name]) => self.operator(None, name, &[&lineage, &lineage]),
            Some([schema, name]) => self.operator(Some(schema), name, &[&lineage, &lineage]),
            _ => {
                self.refuse("an operator is not understood by the gateway".into());
                None
            }
        };
    }

    /// A table becomes a partition: its rows are compared with the bounds, and go into the indexes
    /// that its parent has.
    pub(super) fn attached_to(&mut self, parent: &pg::RangeVar, command: &pg::AlterTableCmd) {
        if command.subtype != pg::AlterTableType::AtAttachPartition as i32 {
            return;
        }
        if let Some(Some(NodeEnum::PartitionCmd(part))) =
            command.def.as_deref().map(|def| &def.node)
            && let Some(bound) = &part.bound
        {
            self.partition_of(parent, bound);
        }
        for relation in self.relations(parent).user {
            self.runs(&relation.code.insert);
        }
    }

    /// A column is not there. The target says so itself; with classified ones beside it its words
    /// are withheld, and these are said in their place.
    fn miss_in(&mut self, scope: &Scope<'_>, message: String) {
        if scope.items.iter().any(|item| !item.columns.mixed().is_clean()) {
            self.miss(|_| Unknown::new(sqlstate::UNDEFINED_COLUMN, message));
        }
    }

    /// A definition is about a column.
    pub(super) fn must_have(&mut self, column: &str, range: &pg::RangeVar, scope: &Scope<'_>) {
        if scope.own_column(column, self.catalog).is_none() {
            let table = &range.relname;
            let message = format!("column \"{column}\" of relation \"{table}\" does not exist");
            self.miss_in(scope, message);
        }
    }
}
