//! Tables, views and types that a transaction makes.

use pg_query::NodeEnum;
use pg_query::protobuf as pg;
use std::collections::BTreeSet;
use std::sync::Arc;

use super::super::assemble::key_made_of;
use super::made;
use crate::sql::catalog::{Catalog, Made, Reached, Relation, RelationKind};
use crate::sql::columns::Column;
use crate::sql::lineage::Lineage;
use crate::sql::postgres::analyzer::Analyzer;
use crate::sql::postgres::query::scope::Scope;
use crate::sql::postgres::value::expression::strings;

impl Catalog {
    pub(super) fn create_table(&mut self, create: &pg::CreateStmt) -> Option<()> {
        let range = create.relation.as_ref()?;
        let schema = self.place(range)?;
        if create.if_not_exists && self.is_there(&schema, &range.relname)? {
            return Some(());
        }
        if create.of_typename.is_some() {
            return None;
        }
        let is_partitioned = create.partspec.is_some();
        let kind = if is_partitioned { RelationKind::Partitioned } else { RelationKind::Table };
        let mut table = made(schema, &range.relname, kind, Vec::new());
        for parent in &create.inh_relations {
            let Some(NodeEnum::RangeVar(parent)) = &parent.node else { return None };
            self.inherit_from(&mut table, &self.find(parent)?)?;
        }
        for element in create.table_elts.iter().chain(&create.constraints) {
            self.table_part(&mut table, element)?;
        }
        for part in create.partspec.iter().flat_map(|spec| &spec.part_params) {
            let Some(NodeEnum::PartitionElem(part)) = &part.node else { return None };
            self.calls_nothing(part.expr.as_deref()).then_some(())?;
        }
        let inherited = table.columns.clone();
        let has_parents = !create.inh_relations.is_empty();
        self.put(table.clone())?;
        let mut own = self.exactly(&table.schema, &table.name)?;
        if let Some(key) = &create.partspec {
            own.key = key_made_of(&key.part_params, &own.columns, self);
            self.lay_over(own.clone())?;
        }
        // Who reads the parent reads this: what only the child's name says of a column would
        // have to be said of the parent's, too.
        let is_new = |(before, after): (&Column, &Column)| {
            before.lineage.is_clean() && !after.lineage.is_clean()
        };
        let differs = inherited.list.iter().zip(&own.columns.list).any(is_new);
        (!(has_parents && differs)).then_some(())
    }

    /// A child has its parent's columns and what runs beside them.
    fn inherit_from(&self, table: &mut Relation, parent: &Relation) -> Option<()> {
        if !parent.columns.is_exact() || parent.has_rules {
            return None;
        }
        let columns = Arc::make_mut(&mut table.columns);
        if !columns.list.is_empty() {
            return None;
        }
        columns.list.clone_from(&parent.columns.list);
        table.generated.clone_from(&parent.generated);
        table.has_triggers = parent.has_triggers;
        table.code = parent.code.clone();
        table.placed.mix(&parent.placed);
        table.placed.mix(&parent.key);
        let rests = BTreeSet::from([parent.name.clone()]);
        table.made = Some(Arc::new(Made { rests, reached: Reached::ByName }));
        Some(())
    }

    /// A column, a constraint, or the columns of another table.
    pub(super) fn table_part(&self, table: &mut Relation, element: &pg::Node) -> Option<()> {
        match &element.node {
            Some(NodeEnum::ColumnDef(column)) => {
                self.plain_column(table, column)?;
                let columns = Arc::make_mut(&mut table.columns);
                if !columns.list.iter().any(|own| *own.name == *column.colname) {
                    columns.list.push(Column::new(column.colname.as_str(), Lineage::CLEAN));
                }
                Some(())
            }
            Some(NodeEnum::Constraint(constraint)) => self.plain_constraint(table, constraint),
            Some(NodeEnum::TableLikeClause(like)) => {
                let source = self.find(like.relation.as_ref()?)?;
                let is_plain = source.columns.is_exact()
                    && source.generated.is_empty()
                    && source.code.insert.is_empty();
                is_plain.then_some(())?;
                let fresh = source.columns.list.iter().map(|column| {
                    let making = column.lineage.making.clone();
                    Column::new(column.name.clone(), Lineage { making, ..Lineage::CLEAN })
                });
                Arc::make_mut(&mut table.columns).list.extend(fresh);
                Some(())
            }
            _ => None,
        }
    }

    pub(super) fn create_as(&mut self, create: &pg::CreateTableAsStmt) -> Option<()> {
        let is_view = create.objtype == pg::ObjectType::ObjectMatview as i32;
        let kind = if is_view { RelationKind::MaterializedView } else { RelationKind::Table };
        let into = create.into.as_deref()?;
        let range = into.rel.as_ref()?;
        let schema = self.place(range)?;
        if create.if_not_exists && self.is_there(&schema, &range.relname)? {
            return Some(());
        }
        let query = create.query.as_deref()?;
        self.put_query(range, kind, query, &into.col_names)
    }

    /// A query can make a table; one that only reads or writes rows changes no definition, and
    /// is not here unless it administers something.
    pub(super) fn select_into(&mut self, select: &pg::SelectStmt) -> Option<()> {
        let into = select.into_clause.as_deref()?;
        let node = pg::Node {
            node: Some(NodeEnum::SelectStmt(Box::new(pg::SelectStmt {
                into_clause: None,
                ..select.clone()
            }))),
        };
        self.put_query(into.rel.as_ref()?, RelationKind::Table, &node, &into.col_names)
    }

    pub(super) fn create_view(&mut self, view: &pg::ViewStmt) -> Option<()> {
        let range = view.view.as_ref()?;
        let schema = self.place(range)?;
        let is_there = self.is_there(&schema, &range.relname)?;
        self.put_query(range, RelationKind::View, view.query.as_deref()?, &view.aliases)?;
        // What stands on a view that is replaced was worked out by the old one.
        let own = self.exactly(&schema, &range.relname)?;
        (!is_there || own.columns.is_clean()).then_some(())
    }

    fn put_query(
        &mut self,
        range: &pg::RangeVar,
        kind: RelationKind,
        query: &pg::Node,
        names: &[pg::Node],
    ) -> Option<()> {
        let schema = self.place(range)?;
        let names: Vec<String> = strings(names)?.iter().map(|name| (*name).to_owned()).collect();
        let (columns, rests) = self.query_columns(query, &names)?;
        let mut relation = made(schema, &range.relname, kind, columns);
        relation.made = Some(Arc::new(Made { rests, reached: Reached::Alone }));
        self.put(relation)
    }

    /// The columns of a query that calls nothing that runs unseen, and the names in it.
    fn query_columns(
        &self,
        query: &pg::Node,
        names: &[String],
    ) -> Option<(Vec<Column>, BTreeSet<String>)> {
        let mut analyzer = Analyzer::new(self);
        let columns = analyzer.sub_query(query, &Scope::outermost()).renamed(names, self);
        let is_clear = self.is_clear(&analyzer) && columns.is_exact();
        is_clear.then_some((columns.list, analyzer.names))
    }

    pub(super) fn create_sequence(&mut self, create: &pg::CreateSeqStmt) -> Option<()> {
        let range = create.sequence.as_ref()?;
        let schema = self.place(range)?;
        if create.if_not_exists && self.is_there(&schema, &range.relname)? {
            return Some(());
        }
        let names = ["last_value", "log_cnt", "is_called"];
        let columns = names.map(|name| Column::new(name, Lineage::CLEAN)).to_vec();
        self.put(made(schema, &range.relname, RelationKind::Sequence, columns))
    }

    pub(super) fn create_composite(&mut self, create: &pg::CompositeTypeStmt) -> Option<()> {
        let range = create.typevar.as_ref()?;
        let name =
            pg::Node { node: Some(NodeEnum::String(pg::String { sval: range.relname.clone() })) };
        self.create_type(&[name], &create.coldeflist)
    }

    /// A type whose values are labels, or rows of plain ones.
    pub(super) fn create_type(&mut self, name: &[pg::Node], columns: &[pg::Node]) -> Option<()> {
        for column in columns {
            let Some(NodeEnum::ColumnDef(column)) = &column.node else { return None };
            self.is_plain_type(column.type_name.as_ref()?).then_some(())?;
        }
        let name = (*strings(name)?.last()?).to_owned();
        Arc::make_mut(&mut self.made_types).insert(name);
        Some(())
    }
}
