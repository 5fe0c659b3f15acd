//! The catalog as a transaction sees it that has changed definitions.
//!
//! What a transaction makes, nobody else sees before it commits, and no reader of the catalog
//! can ask for it. [`Catalog::after`] applies the effect of a definition to a snapshot instead:
//! the snapshot is shared, and only the changed relations are laid over it. Where the effect is
//! not followed here (a function, a trigger, a table by inheritance), the answer is none, and
//! what the transaction does afterwards is not known.

use pg_query::NodeEnum;
use pg_query::protobuf as pg;
use portreeve_model::{Action, Category};
use std::sync::Arc;

use crate::sql::catalog::{Catalog, ColumnRef, Relation, RelationCode, RelationKind};
use crate::sql::columns::{Column, Columns};
use crate::sql::lineage::Lineage;
use crate::sql::postgres::analyzer::Analyzer;
use crate::sql::postgres::parse;
use crate::sql::postgres::query::scope::Scope;
use crate::sql::postgres::value::expression::strings;

/// What the configuration says that a column holds: schema, table, column.
pub type Classify<'c> = dyn Fn(&str, &str, &str) -> Option<Category> + 'c;

impl Catalog {
    /// The catalog as the transaction sees it in which this one statement has succeeded; none
    /// where its effect cannot be followed.
    ///
    /// A statement that changes no definition leaves the catalog as it is.
    #[must_use]
    pub fn after(&self, text: &str, classify: &Classify<'_>) -> Option<Self> {
        let parsed = parse::parse(text).ok()?;
        let mut catalog = self.clone();
        for raw in &parsed {
            catalog.apply(raw.node.node.as_ref()?, classify)?;
        }
        Some(catalog)
    }

    fn apply(&mut self, node: &NodeEnum, classify: &Classify<'_>) -> Option<()> {
        match node {
            NodeEnum::CreateStmt(create) => self.create_table(create, classify),
            NodeEnum::CreateTableAsStmt(create) => self.create_as(create, classify),
            NodeEnum::ViewStmt(view) => self.create_view(view, classify),
            NodeEnum::CreateSeqStmt(create) => {
                let names = ["last_value", "log_cnt", "is_called"];
                let columns = names.map(|name| Column::new(name, Lineage::CLEAN)).to_vec();
                self.put(create.sequence.as_ref()?, RelationKind::Sequence, columns, classify)
            }
            NodeEnum::DropStmt(drop) => self.drop_relations(drop),
            NodeEnum::AlterTableStmt(alter) => self.alter_table(alter, classify),
            NodeEnum::RenameStmt(rename) => self.rename(rename, classify),
            NodeEnum::CreateSchemaStmt(create) => create.schema_elts.is_empty().then_some(()),
            NodeEnum::IndexStmt(_)
            | NodeEnum::CommentStmt(_)
            | NodeEnum::CreateEnumStmt(_)
            | NodeEnum::AlterEnumStmt(_)
            | NodeEnum::AlterSeqStmt(_)
            | NodeEnum::TruncateStmt(_)
            | NodeEnum::LockStmt(_)
            | NodeEnum::GrantStmt(_)
            | NodeEnum::SelectStmt(_)
            | NodeEnum::InsertStmt(_)
            | NodeEnum::UpdateStmt(_)
            | NodeEnum::DeleteStmt(_)
            | NodeEnum::MergeStmt(_)
            | NodeEnum::CopyStmt(_)
            | NodeEnum::VariableSetStmt(_)
            | NodeEnum::VariableShowStmt(_)
            | NodeEnum::TransactionStmt(_) => Some(()),
            _ => None,
        }
    }

    fn create_table(&mut self, create: &pg::CreateStmt, classify: &Classify<'_>) -> Option<()> {
        let range = create.relation.as_ref()?;
        if create.if_not_exists && self.find(range).is_some() {
            return Some(());
        }
        if !create.inh_relations.is_empty() || create.partbound.is_some() {
            return None;
        }
        let mut columns = Vec::new();
        for element in &create.table_elts {
            match &element.node {
                Some(NodeEnum::ColumnDef(column)) => {
                    self.is_plain(column).then_some(())?;
                    columns.push(Column::new(column.colname.as_str(), Lineage::CLEAN));
                }
                Some(NodeEnum::Constraint(constraint)) => {
                    self.calls_nothing(constraint.raw_expr.as_deref()).then_some(())?;
                }
                _ => return None,
            }
        }
        let is_partitioned = create.partspec.is_some();
        let kind = if is_partitioned { RelationKind::Partitioned } else { RelationKind::Table };
        self.put(range, kind, columns, classify)
    }

    fn create_as(&mut self, create: &pg::CreateTableAsStmt, classify: &Classify<'_>) -> Option<()> {
        let into = create.into.as_deref()?;
        let range = into.rel.as_ref()?;
        if create.if_not_exists && self.find(range).is_some() {
            return Some(());
        }
        let query = create.query.as_deref()?;
        let names = strings(&into.col_names)?.iter().map(|name| (*name).to_owned()).collect();
        let is_view = create.objtype == pg::ObjectType::ObjectMatview as i32;
        let kind = if is_view { RelationKind::MaterializedView } else { RelationKind::Table };
        let columns = self.query_columns(query, names)?;
        self.put(range, kind, columns, classify)
    }

    fn create_view(&mut self, view: &pg::ViewStmt, classify: &Classify<'_>) -> Option<()> {
        let names = strings(&view.aliases)?.iter().map(|name| (*name).to_owned()).collect();
        let columns = self.query_columns(view.query.as_deref()?, names)?;
        self.put(view.view.as_ref()?, RelationKind::View, columns, classify)
    }

    /// The columns of a query that reads or calls nothing that runs unseen.
    fn query_columns(&self, query: &pg::Node, names: Vec<String>) -> Option<Vec<Column>> {
        let mut analyzer = Analyzer::new(self);
        let columns = analyzer.sub_query(query, &Scope::outermost()).renamed(&names, self);
        let is_clear = analyzer.unknown.is_none() && !calls(&analyzer) && columns.is_exact();
        is_clear.then_some(columns.list)
    }

    fn is_plain(&self, column: &pg::ColumnDef) -> bool {
        let own = column.type_name.as_ref().and_then(|name| strings(&name.names));
        let is_plain_type = own
            .is_some_and(|names| names.last().is_some_and(|name| !self.types.contains_key(*name)));
        is_plain_type
            && self.calls_nothing(column.raw_default.as_deref())
            && column.constraints.iter().all(|constraint| match &constraint.node {
                Some(NodeEnum::Constraint(constraint)) => {
                    constraint.contype != pg::ConstrType::ConstrGenerated as i32
                        && self.calls_nothing(constraint.raw_expr.as_deref())
                }
                _ => false,
            })
    }

    fn calls_nothing(&self, expression: Option<&pg::Node>) -> bool {
        let Some(expression) = expression else { return true };
        let mut analyzer = Analyzer::new(self);
        let mut scope = Scope::outermost();
        let columns = Arc::new(Columns::open(Lineage::CLEAN));
        scope.items.push(crate::sql::postgres::query::scope::Item::named(None, columns));
        analyzer.value(expression, &scope);
        analyzer.unknown.is_none() && !calls(&analyzer)
    }

    fn drop_relations(&mut self, drop: &pg::DropStmt) -> Option<()> {
        use pg::ObjectType as Type;
        match Type::try_from(drop.remove_type).ok()? {
            Type::ObjectIndex => return Some(()),
            Type::ObjectTable | Type::ObjectView | Type::ObjectMatview | Type::ObjectSequence => {}
            _ => return None,
        }
        // What else goes with it is not followed.
        if drop.behavior == pg::DropBehavior::DropCascade as i32 {
            return None;
        }
        for object in &drop.objects {
            let Some(NodeEnum::List(path)) = &object.node else { return None };
            let range = match strings(&path.items)?.as_slice() {
                [name] => range("", name),
                [schema, name] => range(schema, name),
                _ => return None,
            };
            match self.find(&range) {
                Some(known) => self.remove(&known),
                None if drop.missing_ok => {}
                None => return None,
            }
        }
        Some(())
    }

    fn alter_table(&mut self, alter: &pg::AlterTableStmt, classify: &Classify<'_>) -> Option<()> {
        use pg::AlterTableType as Type;
        if alter.objtype == pg::ObjectType::ObjectIndex as i32 {
            return Some(());
        }
        let known = self.find(alter.relation.as_ref()?)?;
        let mut columns = known.columns.list.clone();
        for command in &alter.cmds {
            let Some(NodeEnum::AlterTableCmd(command)) = &command.node else { return None };
            match Type::try_from(command.subtype).ok()? {
                Type::AtAddColumn => {
                    let Some(NodeEnum::ColumnDef(column)) = &command.def.as_deref()?.node else {
                        return None;
                    };
                    self.is_plain(column).then_some(())?;
                    if !columns.iter().any(|own| *own.name == *column.colname) {
                        columns.push(Column::new(column.colname.as_str(), Lineage::CLEAN));
                    }
                }
                Type::AtDropColumn => columns.retain(|own| *own.name != *command.name),
                Type::AtColumnDefault => {
                    self.calls_nothing(command.def.as_deref()).then_some(())?;
                }
                Type::AtAddConstraint => {
                    let Some(NodeEnum::Constraint(constraint)) = &command.def.as_deref()?.node
                    else {
                        return None;
                    };
                    self.calls_nothing(constraint.raw_expr.as_deref()).then_some(())?;
                }
                Type::AtDropNotNull
                | Type::AtSetNotNull
                | Type::AtSetStatistics
                | Type::AtValidateConstraint
                | Type::AtDropConstraint
                | Type::AtSetRelOptions
                | Type::AtResetRelOptions
                | Type::AtAddIdentity
                | Type::AtDropIdentity => {}
                _ => return None,
            }
        }
        self.replace(&known, known.name.clone(), columns, classify)
    }

    fn rename(&mut self, rename: &pg::RenameStmt, classify: &Classify<'_>) -> Option<()> {
        use pg::ObjectType as Type;
        match Type::try_from(rename.rename_type).ok()? {
            Type::ObjectIndex | Type::ObjectTabconstraint => Some(()),
            Type::ObjectTable => {
                let known = self.find(rename.relation.as_ref()?)?;
                let columns = known.columns.list.clone();
                self.replace(&known, rename.newname.clone(), columns, classify)
            }
            Type::ObjectColumn => {
                let known = self.find(rename.relation.as_ref()?)?;
                let mut columns = known.columns.list.clone();
                let own = columns.iter_mut().find(|own| *own.name == *rename.subname)?;
                own.name = rename.newname.as_str().into();
                self.replace(&known, known.name.clone(), columns, classify)
            }
            _ => None,
        }
    }

    /// The one relation that a name stands for.
    fn find(&self, range: &pg::RangeVar) -> Option<Relation> {
        if range.schemaname.is_empty() {
            return self.unqualified(&range.relname).ok().flatten().cloned();
        }
        self.named(&range.relname).find(|known| known.schema == range.schemaname).cloned()
    }

    fn remove(&mut self, known: &Relation) {
        let mut others: Vec<Relation> = self.named(&known.name).cloned().collect();
        others.retain(|other| other.schema != known.schema);
        self.overlay.insert(known.name.clone(), others);
    }

    /// A relation that is there becomes another: what it was classified as, it stays.
    fn replace(
        &mut self,
        known: &Relation,
        name: String,
        columns: Vec<Column>,
        classify: &Classify<'_>,
    ) -> Option<()> {
        self.remove(known);
        let columns = self.classified_columns(&known.schema, &name, columns, classify);
        let columns = Arc::new(Columns { list: columns, rest: known.columns.rest.clone() });
        let mut all: Vec<Relation> = self.named(&name).cloned().collect();
        all.push(Relation { name: name.clone(), columns, ..known.clone() });
        self.overlay.insert(name, all);
        Some(())
    }

    /// A new relation.
    fn put(
        &mut self,
        range: &pg::RangeVar,
        kind: RelationKind,
        columns: Vec<Column>,
        classify: &Classify<'_>,
    ) -> Option<()> {
        let name = range.relname.clone();
        let schema = match range.schemaname.as_str() {
            "" if range.relpersistence == "t" => "pg_temp".to_owned(),
            "" => self.first_schema()?.to_owned(),
            schema => schema.to_owned(),
        };
        let columns = self.classified_columns(&schema, &name, columns, classify);
        let mut all: Vec<Relation> = self.named(&name).cloned().collect();
        all.retain(|other| other.schema != schema);
        all.push(Relation {
            schema,
            name: name.clone(),
            kind,
            columns: Arc::new(Columns { list: columns, rest: None }),
            generated: Vec::new(),
            has_rules: false,
            has_triggers: false,
            code: RelationCode::default(),
        });
        self.overlay.insert(name, all);
        Some(())
    }

    /// Columns with what the configuration says of their names, besides what they hold anyway.
    fn classified_columns(
        &mut self,
        schema: &str,
        table: &str,
        mut columns: Vec<Column>,
        classify: &Classify<'_>,
    ) -> Vec<Column> {
        for column in &mut columns {
            // SECURITY: rows may come into it later from anywhere.
            column.lineage.origin = None;
            let Some(category) = classify(schema, table, &column.name) else { continue };
            let reference = ColumnRef {
                schema: schema.to_owned(),
                table: table.to_owned(),
                column: column.name.to_string(),
                category,
            };
            let own = Lineage::plain(self.classified_id(reference));
            column.lineage =
                if column.lineage.is_clean() { own } else { column.lineage.either(&own, self) };
        }
        columns
    }

    fn classified_id(&mut self, column: ColumnRef) -> u32 {
        let object = column.object();
        if let Some(id) = self.objects.get(&object) {
            return *id;
        }
        let id = u32::try_from(self.classified.len()).unwrap_or(u32::MAX);
        Arc::make_mut(&mut self.classified).push(Arc::new(column));
        Arc::make_mut(&mut self.objects).insert(object, id);
        self.everything.join(&crate::sql::taint::Taint::One(id));
        id
    }
}

/// Whether something runs that would have to be followed.
fn calls(analyzer: &Analyzer<'_>) -> bool {
    analyzer
        .needs
        .iter()
        .any(|need| matches!(need.action, Action::Execute | Action::Administer | Action::Lock))
}

fn range(schema: &str, name: &str) -> pg::RangeVar {
    pg::RangeVar {
        schemaname: schema.to_owned(),
        relname: name.to_owned(),
        ..pg::RangeVar::default()
    }
}
