//! The catalog as a transaction sees it that has changed definitions.
//!
//! What a transaction makes, nobody else sees before it commits, and no reader of the catalog
//! can ask for it. [`Catalog::after`] applies the effect of a definition to a snapshot instead:
//! the snapshot is shared, and only the changed relations are laid over it. Where the effect is
//! not followed here (a rule, a policy, a table attached to another), the answer is none, and
//! what the transaction does afterwards is not known.
//!
//! | file | follows |
//! |---|---|
//! | `make` | tables, views and types that are made |
//! | `change` | tables that are altered, renamed or dropped |
//! | `code` | what would run unseen: expressions, functions, triggers, keys that cascade |

use pg_query::NodeEnum;
use pg_query::protobuf as pg;
use std::collections::BTreeSet;
use std::sync::Arc;

use crate::sql::catalog::{
    Catalog, ColumnRef, Made, Reached, Relation, RelationCode, RelationKind,
};
use crate::sql::columns::{Column, Columns};
use crate::sql::lineage::Lineage;
use crate::sql::postgres::parse;
use crate::sql::statement::Statement;
use crate::sql::taint::Taint;

mod change;
mod code;
mod make;

/// A table or view that a statement makes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MadeAnew {
    /// Its schema, if the statement names it.
    pub schema: Option<String>,
    /// Its name.
    pub name: String,
}

/// What each statement of a text makes, where it fails if there is one of that name in its schema
/// already. Temporary ones are nobody else's anyway.
#[must_use]
pub fn made_anew(text: &str) -> Vec<Option<MadeAnew>> {
    let parsed = parse::parse(text).unwrap_or_default();
    parsed.iter().map(|raw| made_by(raw.node.node.as_ref()?)).collect()
}

fn made_by(node: &NodeEnum) -> Option<MadeAnew> {
    let made = match node {
        NodeEnum::CreateStmt(create) if !create.if_not_exists => create.relation.as_ref(),
        NodeEnum::CreateTableAsStmt(create) if !create.if_not_exists => {
            create.into.as_ref().and_then(|into| into.rel.as_ref())
        }
        NodeEnum::ViewStmt(view) if !view.replace => view.view.as_ref(),
        NodeEnum::SelectStmt(select) => {
            select.into_clause.as_ref().and_then(|into| into.rel.as_ref())
        }
        _ => None,
    };
    let made = made.filter(|range| range.relpersistence != "t" && range.schemaname != "pg_temp")?;
    let schema = (!made.schemaname.is_empty()).then(|| made.schemaname.clone());
    Some(MadeAnew { schema, name: made.relname.clone() })
}

impl Catalog {
    /// The catalog as the transaction sees it in which these statements of a text, by their
    /// place in it, have succeeded in their order; none where the effect of one of them cannot be
    /// followed.
    #[must_use]
    pub fn after(&self, text: &str, places: &[usize]) -> Option<Self> {
        let parsed = parse::parse(text).ok()?;
        let mut catalog = self.clone();
        for place in places {
            catalog.apply(parsed.get(*place)?.node.node.as_ref()?)?;
        }
        Some(catalog)
    }

    /// The names of the relations that a name rests on by what this transaction has made of it.
    pub fn rests_on(&self, name: &str) -> impl Iterator<Item = &String> {
        let known = self.overlay.get(name).into_iter().flat_map(|known| known.iter());
        known.flat_map(|relation| relation.made.iter().flat_map(|made| &made.rests))
    }

    /// Follows a statement that changes definitions.
    fn apply(&mut self, node: &NodeEnum) -> Option<()> {
        match node {
            NodeEnum::CreateStmt(create) => self.create_table(create),
            NodeEnum::CreateTableAsStmt(create) => self.create_as(create),
            NodeEnum::SelectStmt(select) => self.select_into(select),
            NodeEnum::ViewStmt(view) => self.create_view(view),
            NodeEnum::CreateSeqStmt(create) => self.create_sequence(create),
            NodeEnum::CreateEnumStmt(create) => self.create_type(&create.type_name, &[]),
            NodeEnum::CompositeTypeStmt(create) => self.create_composite(create),
            NodeEnum::DropStmt(drop) => self.drop_objects(drop),
            NodeEnum::AlterTableStmt(alter) => self.alter_table(alter),
            NodeEnum::RenameStmt(rename) => self.rename(rename),
            NodeEnum::CreateSchemaStmt(create) => create.schema_elts.is_empty().then_some(()),
            NodeEnum::IndexStmt(index) => self.create_index(index),
            NodeEnum::CreateFunctionStmt(create) => self.create_function(create),
            NodeEnum::CreateTrigStmt(trigger) => self.create_trigger(trigger),
            NodeEnum::CommentStmt(_)
            | NodeEnum::AlterEnumStmt(_)
            | NodeEnum::AlterSeqStmt(_)
            | NodeEnum::TruncateStmt(_)
            | NodeEnum::LockStmt(_)
            | NodeEnum::RefreshMatViewStmt(_)
            | NodeEnum::VacuumStmt(_)
            | NodeEnum::AlterOwnerStmt(_)
            | NodeEnum::GrantStmt(_)
            | NodeEnum::VariableSetStmt(_)
            | NodeEnum::VariableShowStmt(_) => Some(()),
            _ => None,
        }
    }

    /// The schema in which a name is made.
    fn place(&self, range: &pg::RangeVar) -> Option<String> {
        match range.schemaname.as_str() {
            _ if !self.is_of_this_database(range) => None,
            "" if range.relpersistence == "t" => Some("pg_temp".to_owned()),
            // Where that is, the statement has needed `define` for.
            "" => Some(self.first_schema().unwrap_or(SOMEWHERE).to_owned()),
            schema => Some(schema.to_owned()),
        }
    }

    /// Whether a relation of this name is there already; none where nobody can tell.
    fn is_there(&self, schema: &str, name: &str) -> Option<bool> {
        let is_there = self.exactly(schema, name).is_some();
        let may_be = schema == SOMEWHERE && self.named(name).next().is_some();
        (is_there || !may_be).then_some(is_there)
    }

    fn exactly(&self, schema: &str, name: &str) -> Option<Relation> {
        self.named(name).find(|known| known.schema == schema).cloned()
    }

    /// The one relation that a name stands for.
    fn find(&self, range: &pg::RangeVar) -> Option<Relation> {
        if range.schemaname.is_empty() {
            return self.unqualified(&range.relname).ok().flatten().cloned();
        }
        self.exactly(&range.schemaname, &range.relname)
    }

    fn remove(&mut self, known: &Relation) {
        let mut others: Vec<Relation> = self.named(&known.name).cloned().collect();
        others.retain(|other| other.schema != known.schema);
        self.overlay.insert(known.name.clone(), Arc::new(others));
    }

    /// A relation that is there becomes another: what it was classified as, it stays.
    fn replace(&mut self, known: &Relation, mut changed: Relation) -> Option<()> {
        self.remove(known);
        let columns = changed.columns.list.clone();
        let list = self.classified_columns(&changed.schema, &changed.name, columns);
        changed.columns = Arc::new(Columns { list, rest: known.columns.rest.clone() });
        self.lay_over(changed)
    }

    /// A new relation.
    fn put(&mut self, mut relation: Relation) -> Option<()> {
        let columns = relation.columns.list.clone();
        let list = self.classified_columns(&relation.schema, &relation.name, columns);
        relation.columns = Arc::new(Columns { list, rest: None });
        self.lay_over(relation)
    }

    fn lay_over(&mut self, relation: Relation) -> Option<()> {
        let is_reached_by_keys =
            relation.made.as_ref().is_some_and(|made| made.reached == Reached::ByKeys);
        if is_reached_by_keys && !relation.columns.is_clean() {
            return None;
        }
        let mut all: Vec<Relation> = self.named(&relation.name).cloned().collect();
        all.retain(|other| other.schema != relation.schema);
        let name = relation.name.clone();
        all.push(relation);
        self.overlay.insert(name, Arc::new(all));
        Some(())
    }

    /// Columns with what the configuration says of their names, besides what they hold anyway.
    fn classified_columns(
        &mut self,
        schema: &str,
        table: &str,
        mut columns: Vec<Column>,
    ) -> Vec<Column> {
        for column in &mut columns {
            // SECURITY: rows may come into it later from anywhere.
            column.lineage.origin = None;
            let Some(category) = self.classify.category(schema, table, &column.name) else {
                continue;
            };
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
        self.everything.join(&Taint::One(id));
        id
    }
}

/// What policies read for a schema that is not known.
const SOMEWHERE: &str = "?";

/// A relation that this transaction makes: nothing runs beside the statements that use it.
fn made(schema: String, name: &str, kind: RelationKind, columns: Vec<Column>) -> Relation {
    Relation {
        schema,
        name: name.to_owned(),
        kind,
        columns: Arc::new(Columns { list: columns, rest: None }),
        generated: Vec::new(),
        has_rules: false,
        has_triggers: false,
        may_have_heirs: true,
        code: RelationCode::default(),
        key: Lineage::CLEAN,
        placed: Lineage::CLEAN,
        demands: Arc::default(),
        made: Some(Arc::new(Made { rests: BTreeSet::new(), reached: Reached::Alone })),
    }
}

/// Follows what the statements of one text do to definitions, while they are analyzed.
pub(in crate::sql::postgres) struct InTurn<'c> {
    begun: &'c Catalog,
    /// After the statements so far; none where nothing has changed.
    now: Option<Catalog>,
    is_followed: bool,
}

impl<'c> InTurn<'c> {
    pub(in crate::sql::postgres) fn new(catalog: &'c Catalog) -> Self {
        Self { begun: catalog, now: None, is_followed: true }
    }

    /// What the next statement is analyzed with.
    pub(in crate::sql::postgres) fn catalog(&self) -> &Catalog {
        self.now.as_ref().unwrap_or(self.begun)
    }

    /// Whether what names stand for is known.
    pub(in crate::sql::postgres) fn is_followed(&self) -> bool {
        self.is_followed
    }

    /// A statement has been analyzed: what holds for those behind it.
    pub(in crate::sql::postgres) fn pass(&mut self, node: &NodeEnum, statement: &Statement) {
        // SECURITY: what is taken back is not followed.
        let has_changed = self.now.is_some() || !self.begun.overlay.is_empty();
        self.is_followed &= !(has_changed && takes_back(node));
        if !self.is_followed || !statement.defines() {
            return;
        }
        let mut next = self.catalog().clone();
        match next.apply(node) {
            Some(()) => self.now = Some(next),
            None => self.is_followed = false,
        }
    }
}

fn takes_back(node: &NodeEnum) -> bool {
    use pg::TransactionStmtKind as Kind;
    match node {
        NodeEnum::TransactionStmt(transaction) => {
            let kind = Kind::try_from(transaction.kind);
            matches!(kind, Ok(Kind::TransStmtRollback | Kind::TransStmtRollbackTo) | Err(_))
        }
        NodeEnum::DiscardStmt(_) => true,
        _ => false,
    }
}
