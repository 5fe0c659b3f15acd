//! What would run unseen beside the statements behind a definition: followed where it can be
//! named, else the definition is not followed at all.

use pg_query::NodeEnum;
use pg_query::protobuf as pg;
use portreeve_model::{Action, Object};
use std::sync::Arc;

use super::SOMEWHERE;
use crate::sql::catalog::{Catalog, Function, Functions, Made, Reached, Relation, RelationKind};
use crate::sql::columns::Columns;
use crate::sql::lineage::Lineage;
use crate::sql::postgres::analyzer::Analyzer;
use crate::sql::postgres::query::scope::{Item, Scope};
use crate::sql::postgres::value::expression::strings;

/// SPEC: the bits of `TRIGGER_TYPE_…` in pg_trigger.h.
const INSERT: i32 = 1 << 2;
const DELETE: i32 = 1 << 3;
const UPDATE: i32 = 1 << 4;
const TRUNCATE: i32 = 1 << 5;

impl Catalog {
    /// Whether an analysis has understood everything, and nothing runs that it would have to
    /// follow.
    pub(super) fn is_clear(&self, analyzer: &Analyzer<'_>) -> bool {
        let runs = |action| matches!(action, Action::Execute | Action::Administer | Action::Lock);
        analyzer.unknown.is_none()
            && self.anywhere.is_empty()
            && !analyzer.needs.iter().any(|need| runs(need.action))
    }

    pub(super) fn calls_nothing(&self, expression: Option<&pg::Node>) -> bool {
        self.expression(expression, Arc::new(Columns::open(Lineage::CLEAN))).is_some()
    }

    /// What an expression over these columns may hold, if nothing runs unseen in it.
    pub(super) fn expression(
        &self,
        expression: Option<&pg::Node>,
        columns: Arc<Columns>,
    ) -> Option<Lineage> {
        let Some(expression) = expression else { return Some(Lineage::CLEAN) };
        let mut analyzer = Analyzer::new(self);
        let mut scope = Scope::outermost();
        scope.items.push(Item::named(None, columns));
        let lineage = analyzer.value(expression, &scope);
        self.is_clear(&analyzer).then_some(lineage)
    }

    pub(super) fn is_plain_type(&self, name: &pg::TypeName) -> bool {
        let names = strings(&name.names);
        names.is_some_and(|names| {
            names.last().is_some_and(|own| {
                !self.types.contains_key(*own)
                    && self.named(own).all(|relation| relation.code.row.is_empty())
            })
        })
    }

    /// A column whose type, default and constraints call nothing.
    pub(super) fn plain_column(&self, table: &mut Relation, column: &pg::ColumnDef) -> Option<()> {
        self.is_plain_type(column.type_name.as_ref()?).then_some(())?;
        self.calls_nothing(column.raw_default.as_deref()).then_some(())?;
        for constraint in &column.constraints {
            let Some(NodeEnum::Constraint(constraint)) = &constraint.node else { return None };
            self.plain_constraint(table, constraint)?;
        }
        Some(())
    }

    pub(super) fn plain_constraint(
        &self,
        table: &mut Relation,
        constraint: &pg::Constraint,
    ) -> Option<()> {
        if constraint.contype == pg::ConstrType::ConstrGenerated as i32 {
            return None;
        }
        self.calls_nothing(constraint.raw_expr.as_deref()).then_some(())?;
        let acts = |action: &str| matches!(action, "c" | "n" | "d");
        if !acts(&constraint.fk_del_action) && !acts(&constraint.fk_upd_action) {
            return Some(());
        }
        // A write to the other table is one here: it would run what runs here, and tell of
        // what is classified here.
        let code = &table.code;
        let is_silent = [&code.insert, &code.update, &code.delete].iter().all(|all| all.is_empty())
            && !code.reaches_classified;
        let made = table.made.take().unwrap_or_default();
        table.made = Some(Arc::new(Made { reached: Reached::ByKeys, ..(*made).clone() }));
        is_silent.then_some(())
    }

    pub(super) fn create_index(&mut self, index: &pg::IndexStmt) -> Option<()> {
        for element in index.index_params.iter().chain(&index.index_including_params) {
            let Some(NodeEnum::IndexElem(element)) = &element.node else { return None };
            self.calls_nothing(element.expr.as_deref()).then_some(())?;
        }
        self.calls_nothing(index.where_clause.as_deref()).then_some(())
    }

    /// A function, of which nothing is known but its name.
    pub(super) fn create_function(&mut self, create: &pg::CreateFunctionStmt) -> Option<()> {
        let (schema, name) = match strings(&create.funcname)?.as_slice() {
            [name] => (self.first_schema().unwrap_or(SOMEWHERE).to_owned(), (*name).to_owned()),
            [schema, name] => ((*schema).to_owned(), (*name).to_owned()),
            _ => return None,
        };
        let named = Arc::make_mut(&mut self.functions).entry(name).or_default();
        match named.iter_mut().find(|known| known.schema == schema) {
            // Where it counted as harmless, nobody has noted who calls it.
            Some(known) if known.quiet || known.declared => return None,
            Some(known) => known.pure = false,
            None => named.push(Function { schema, pure: false, quiet: false, declared: false }),
        }
        Some(())
    }

    /// A trigger on a table that only this transaction knows.
    pub(super) fn create_trigger(&mut self, trigger: &pg::CreateTrigStmt) -> Option<()> {
        let table = self.find(trigger.relation.as_ref()?)?;
        let is_alone = table.made.as_ref().is_some_and(|made| made.reached == Reached::Alone);
        if !is_alone || table.kind != RelationKind::Table || trigger.constrrel.is_some() {
            return None;
        }
        self.calls_nothing(trigger.when_clause.as_deref()).then_some(())?;
        let function = self.one_function(&strings(&trigger.funcname)?)?;
        let mut changed = table.clone();
        changed.has_triggers = true;
        let code = &mut changed.code;
        let runs = |event: i32, functions: &mut Functions| {
            if trigger.events & event != 0 {
                Arc::make_mut(functions).insert(function.clone());
            }
        };
        runs(INSERT, &mut code.insert);
        runs(UPDATE, &mut code.update);
        runs(DELETE, &mut code.delete);
        runs(TRUNCATE, &mut code.truncate);
        // `INSERT … ON CONFLICT` and `MERGE` do more than one of these.
        self.replace(&table, changed)
    }

    fn one_function(&self, path: &[&str]) -> Option<Object> {
        let (schema, name) = match path {
            [name] => (None, *name),
            [schema, name] => (Some(*schema), *name),
            _ => return None,
        };
        let known = self.functions.get(name)?;
        let mut fits = known.iter().filter(|own| schema.is_none_or(|schema| own.schema == schema));
        let (first, second) = (fits.next()?, fits.next());
        second.is_none().then(|| Object::function(&first.schema, name))
    }
}
