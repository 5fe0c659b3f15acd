//! `INSERT`, `UPDATE`, `DELETE`, `MERGE`: what they write, from where, and what they return.

use pg_query::NodeEnum;
use pg_query::protobuf as pg;
use portreeve_model::{Action, Object};
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use crate::sql::catalog::{Catalog, RelationKind};
use crate::sql::columns::{Column, Columns};
use crate::sql::lineage::Lineage;
use crate::sql::postgres::analyzer::Analyzer;
use crate::sql::postgres::query::bounded::{self, Known};
use crate::sql::postgres::query::predicate::{is_own, operands_of};
use crate::sql::postgres::query::scope::{Item, Scope};
use crate::sql::postgres::value::expression::strings;
use crate::sql::statement::Shape;
use crate::sql::taint::Taint;

/// What happens to rows.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Effect {
    Insert,
    Update,
    Delete,
}

/// What is written to: every relation that the name can mean.
struct Target {
    objects: Vec<Object>,
    each: Vec<Arc<Columns>>,
    /// One of them is a view, which may refuse the rows that it would not show.
    is_view: bool,
    /// The classified columns that tell in which partition a row is.
    keys: Taint,
    /// All of them as one.
    columns: Arc<Columns>,
    item: Item,
}

/// The column that an assignment sets, and the one of the new row that it takes it from.
fn taken_over(node: &pg::Node) -> Option<(&str, &str)> {
    let Some(NodeEnum::ResTarget(assignment)) = &node.node else { return None };
    let Some(NodeEnum::ColumnRef(from)) = &given(assignment)?.node else { return None };
    match strings(&from.fields).as_deref() {
        Some(["excluded", from]) => Some((&assignment.name, from)),
        _ => None,
    }
}

/// The columns of a view, as far as values are stored by them.
///
/// SECURITY: what is stored is in the table, and is shown as what the table's own column is said to
/// be. A category that a view's column has by its name only does not follow it there.
fn stored_behind(columns: &Columns, catalog: &Catalog) -> Columns {
    let mut stored = columns.clone();
    for Column { lineage, .. } in &mut stored.list {
        let base = lineage.origin.and_then(|origin| catalog.columns.get(origin as usize));
        let is_held = base.is_some_and(|base| {
            let id = catalog.objects.get(&**base);
            let is_among = id.is_some_and(|id| lineage.sources.holds(&Taint::One(*id)));
            is_among && !catalog.is_column_of_view(base)
        });
        if !is_held {
            lineage.shape = Shape::Derived;
        }
    }
    stored
}

/// What an assignment puts into its column: of `(a, b) = (…, …)`, its part.
fn given(assignment: &pg::ResTarget) -> Option<&pg::Node> {
    let value = assignment.val.as_deref()?;
    let Some(NodeEnum::MultiAssignRef(part)) = &value.node else { return Some(value) };
    match &part.source.as_deref()?.node {
        Some(NodeEnum::RowExpr(row)) => {
            row.args.get(usize::try_from(part.colno).ok()?.checked_sub(1)?)
        }
        _ => None,
    }
}

impl Analyzer<'_> {
    /// A statement that writes rows: the columns that it returns, if any.
    pub(in crate::sql) fn modification(&mut self, node: &NodeEnum, outer: &Scope<'_>) -> Columns {
        match node {
            NodeEnum::InsertStmt(insert) => self.insert(insert, outer),
            NodeEnum::UpdateStmt(update) => self.update(update, outer),
            NodeEnum::DeleteStmt(delete) => self.delete(delete, outer),
            NodeEnum::MergeStmt(merge) => self.merge(merge, outer),
            _ => Columns::open(self.not_understood("a query")),
        }
    }

    fn target(&mut self, range: Option<&pg::RangeVar>, effect: Effect) -> Target {
        let Some(range) = range.filter(|_| !self.is_spent()) else {
            let lineage = self.not_understood("a statement without a target");
            return Target::unknown(lineage);
        };
        let found = self.relations(range);
        if found.is_system {
            self.administer();
            self.refuse("system catalogs cannot be written through the gateway".into());
        }
        let mut schemas = Vec::new();
        let mut each = Vec::new();
        let mut objects = Vec::new();
        let mut keys = Taint::Clean;
        let mut is_view = false;
        for relation in &found.user {
            self.reads_user = true;
            keys.join(&relation.key.sources);
            keys.join(&relation.placed.sources);
            let object = Object::table(&relation.schema, &relation.name);
            self.need(Action::Write, object.clone());
            objects.push(object);
            if relation.has_rules {
                self.refuse(format!(
                    "relation `{}` has rewrite rules: what a write to it does is not known",
                    relation.name
                ));
            }
            // What a foreign key fires is in the code below, with all that it reaches.
            self.moves_search_path |= relation.has_triggers && !self.catalog.knows_code;
            if effect != Effect::Insert {
                self.filter(&relation.placed);
            }
            let code = &relation.code;
            self.runs(match effect {
                Effect::Insert => &code.insert,
                Effect::Update => &code.update,
                Effect::Delete => &code.delete,
            });
            self.touched |= relation.has_triggers && !self.catalog.knows_code
                || code.reaches_classified
                || !relation.columns.is_clean();
            schemas.push(relation.schema.clone());
            is_view |= relation.kind == RelationKind::View;
            each.push(match relation.kind {
                RelationKind::View => Arc::new(stored_behind(&relation.columns, self.catalog)),
                _ => relation.columns.clone(),
            });
        }
        let Some(first) = each.first().cloned() else {
            let lineage = self.everything();
            return Target::unknown(lineage);
        };
        let columns = each
            .iter()
            .skip(1)
            .fold(first, |known, next| Arc::new(known.either(next, self.catalog)));
        let name = range.alias.as_ref().map_or(&range.relname, |alias| &alias.aliasname);
        let schemas = if range.alias.is_some() { Vec::new() } else { schemas };
        let item =
            Item { schemas, is_table: true, ..Item::named(Some(name.clone()), columns.clone()) };
        Target { objects, each, is_view, keys, columns, item }
    }

    /// Notes whether the rows that are written are limited.
    fn limited(
        &mut self,
        range: Option<&pg::RangeVar>,
        others: &[pg::Node],
        condition: Option<&pg::Node>,
        with: Option<&pg::WithClause>,
    ) {
        let known = Known::new(self.catalog, &self.bounds, with);
        let is_bounded =
            range.is_some_and(|range| bounded::is_limited_write(range, others, condition, &known));
        self.bound(is_bounded);
    }

    /// Something is stored in a column; in which one may not be known.
    fn stores_in(&mut self, target: &Target, column: Option<&str>) {
        for columns in &target.each {
            let own = column.and_then(|column| columns.find(column, self.catalog));
            let own = own.unwrap_or_else(|| columns.mixed());
            self.written.join(&own.sources);
        }
    }

    /// A value goes into a column. What is classified may go, unchanged, where the same
    /// category is known to be.
    ///
    /// SECURITY: a changed value (a part of it, say) would be masked as if it were whole, and a
    /// category with a weaker mask would show what a stronger one hides.
    fn store(&mut self, target: &Target, column: Option<&str>, lineage: &Lineage) {
        self.stores_in(target, column);
        if lineage.is_clean() && !lineage.is_sealed() {
            return;
        }
        if self.is_spent() {
            return;
        }
        let is_known = lineage.shape == Shape::Plain
            && column.is_some_and(|column| {
                target.each.iter().all(|columns| {
                    columns.find(column, self.catalog).is_some_and(|own| {
                        own.shape == Shape::Plain
                            && !own.is_clean()
                            && own.either(lineage, self.catalog).shape == Shape::Plain
                    })
                })
            });
        if is_known {
            self.moves_between(lineage, target, column);
        } else {
            self.reveal(lineage);
            return;
        }
        let takes_all = column.is_some_and(|name| {
            let mut keys =
                target.keys.ids().filter_map(|id| self.catalog.classified.get(id as usize));
            let own = target.columns.find(name, self.catalog);
            // A partition calls the columns of its key as the tables above it do.
            // SECURITY: beside values in a table of one's own stand what one puts there oneself:
            // groups, equal masks and conflicts would tell which of them are equal, uncounted.
            let stays = lineage.origin.is_some_and(|from| {
                let of = self.catalog.columns.get(from as usize).map(|it| it.path.as_slice());
                target
                    .objects
                    .iter()
                    .all(|object| of.is_some_and(|of| of.starts_with(&object.path)))
            });
            // SECURITY: a view with a condition and `CHECK OPTION` demands it of its rows. Whether
            // it has the option, nobody tells here.
            stays
                && !target.is_view
                && !keys.any(|key| key.column == name)
                && own.is_some_and(|own| self.catalog.takes_all_of(&own, lineage))
        });
        if !takes_all {
            // Whether it goes in tells what it is.
            self.filter(lineage);
        }
    }

    /// A value goes unchanged from one classified column into another.
    fn moves_between(&mut self, lineage: &Lineage, target: &Target, column: Option<&str>) {
        let own = |columns: &Arc<Columns>| columns.find(column?, self.catalog);
        let into: Vec<u32> = target
            .each
            .iter()
            .filter_map(own)
            .flat_map(|own| own.sources.ids().collect::<Vec<_>>())
            .collect();
        for from in lineage.sources.ids() {
            self.moved.extend(into.iter().filter(|to| **to != from).map(|to| (from, *to)));
        }
    }

    fn insert(&mut self, insert: &pg::InsertStmt, outer: &Scope<'_>) -> Columns {
        let mut scope = Scope::inside(outer);
        if let Some(with) = &insert.with_clause {
            self.with(with, &mut scope);
        }
        let target = self.target(insert.relation.as_ref(), Effect::Insert);
        let known = Known::new(self.catalog, &self.bounds, insert.with_clause.as_ref());
        let is_bounded = match insert.select_stmt.as_deref().map(|source| &source.node) {
            Some(Some(NodeEnum::SelectStmt(select))) => {
                bounded::is_limited_select(select, &known, 0)
            }
            _ => true,
        };
        self.bound(is_bounded);
        let names = self.insert_names(&insert.cols, &target);
        let mut incoming = Columns::default();
        if let Some(source) = insert.select_stmt.as_deref() {
            incoming = self.sub_query(source, &scope);
            self.store_columns(&target, names.as_deref(), &incoming);
        }
        if let Some(conflict) = insert.on_conflict_clause.as_deref() {
            if conflict.action == pg::OnConflictAction::OnconflictUpdate as i32 {
                self.target(insert.relation.as_ref(), Effect::Update);
                if let (Some(names), Some(Some(NodeEnum::SelectStmt(source)))) =
                    (&names, insert.select_stmt.as_deref().map(|source| &source.node))
                {
                    self.replace_rows(&target, names, source, &conflict.target_list);
                }
            }
            self.on_conflict(conflict, &target, &incoming, names.as_deref(), &scope);
        }
        self.returning(insert.returning_clause.as_ref(), &target, Vec::new(), scope)
    }

    /// The target columns in the order of the values; `None` if that is not known.
    fn insert_names(&mut self, cols: &[pg::Node], target: &Target) -> Option<Vec<String>> {
        if cols.is_empty() {
            let known = target.columns.is_exact();
            return known.then(|| {
                target.columns.list.iter().map(|column| column.name.to_string()).collect()
            });
        }
        let mut names = Vec::new();
        for col in cols {
            match &col.node {
                Some(NodeEnum::ResTarget(col)) => {
                    self.telling_steps(&col.indirection);
                    names.push(col.name.clone());
                }
                _ => self.refuse("an INSERT column is not understood by the gateway".into()),
            }
        }
        Some(names)
    }

    fn store_columns(&mut self, target: &Target, names: Option<&[String]>, incoming: &Columns) {
        let (Some(names), true) = (names, incoming.is_exact()) else {
            self.stores_in(target, None);
            self.reveal(&incoming.mixed());
            return;
        };
        for (index, column) in incoming.list.iter().enumerate() {
            self.store(target, names.get(index).map(String::as_str), &column.lineage);
        }
    }

    fn on_conflict(
        &mut self,
        conflict: &pg::OnConflictClause,
        target: &Target,
        incoming: &Columns,
        names: Option<&[String]>,
        outer: &Scope<'_>,
    ) {
        let mut scope = Scope::inside(outer);
        scope.items.push(target.item.clone());
        if let Some(infer) = conflict.infer.as_deref() {
            for element in &infer.index_elems {
                match &element.node {
                    Some(NodeEnum::IndexElem(element)) => {
                        self.telling(element.expr.as_deref(), &scope);
                    }
                    _ => self.refuse("a conflict target is not understood".into()),
                }
            }
            self.condition(infer.where_clause.as_deref(), &scope);
        }
        let excluded = excluded(target, incoming, names);
        scope.items.push(Item::named(Some("excluded".into()), Arc::new(excluded)));
        self.assign(&conflict.target_list, target, &scope);
        self.condition(conflict.where_clause.as_deref(), &scope);
    }

    fn update(&mut self, update: &pg::UpdateStmt, outer: &Scope<'_>) -> Columns {
        let mut scope = Scope::inside(outer);
        if let Some(with) = &update.with_clause {
            self.with(with, &mut scope);
        }
        let target = self.target(update.relation.as_ref(), Effect::Update);
        self.limited(
            update.relation.as_ref(),
            &update.from_clause,
            update.where_clause.as_deref(),
            update.with_clause.as_ref(),
        );
        let mut from = Scope::inside(&scope);
        self.sources(&update.from_clause, &mut from);
        let others = from.items;
        let mut level = Scope::inside(&scope);
        level.items.push(target.item.clone());
        level.items.extend(others.iter().cloned());
        self.assign(&update.target_list, &target, &level);
        self.condition(update.where_clause.as_deref(), &level);
        self.returning(update.returning_clause.as_ref(), &target, others, scope)
    }

    fn delete(&mut self, delete: &pg::DeleteStmt, outer: &Scope<'_>) -> Columns {
        let mut scope = Scope::inside(outer);
        if let Some(with) = &delete.with_clause {
            self.with(with, &mut scope);
        }
        let target = self.target(delete.relation.as_ref(), Effect::Delete);
        self.limited(
            delete.relation.as_ref(),
            &delete.using_clause,
            delete.where_clause.as_deref(),
            delete.with_clause.as_ref(),
        );
        let mut from = Scope::inside(&scope);
        self.sources(&delete.using_clause, &mut from);
        let others = from.items;
        let mut level = Scope::inside(&scope);
        level.items.push(target.item.clone());
        level.items.extend(others.iter().cloned());
        self.condition(delete.where_clause.as_deref(), &level);
        self.returning(delete.returning_clause.as_ref(), &target, others, scope)
    }

    fn merge(&mut self, merge: &pg::MergeStmt, outer: &Scope<'_>) -> Columns {
        let mut scope = Scope::inside(outer);
        if let Some(with) = &merge.with_clause {
            self.with(with, &mut scope);
        }
        let target = self.target(merge.relation.as_ref(), Effect::Update);
        for clause in &merge.merge_when_clauses {
            let Some(NodeEnum::MergeWhenClause(clause)) = &clause.node else { continue };
            if clause.command_type == pg::CmdType::CmdInsert as i32 {
                self.target(merge.relation.as_ref(), Effect::Insert);
            } else if clause.command_type == pg::CmdType::CmdDelete as i32 {
                self.target(merge.relation.as_ref(), Effect::Delete);
            }
        }
        self.limited(
            merge.relation.as_ref(),
            merge.source_relation.as_deref().map_or(&[], std::slice::from_ref),
            merge.join_condition.as_deref(),
            merge.with_clause.as_ref(),
        );
        let mut from = Scope::inside(&scope);
        if let Some(source) = merge.source_relation.as_deref() {
            let source = self.source(source, &mut from);
            from.items.extend(source.items);
        }
        let others = from.items;
        let mut level = Scope::inside(&scope);
        level.items.push(target.item.clone());
        level.items.extend(others.iter().cloned());
        self.condition(merge.join_condition.as_deref(), &level);
        for clause in &merge.merge_when_clauses {
            let Some(NodeEnum::MergeWhenClause(clause)) = &clause.node else {
                self.refuse("a WHEN clause is not understood by the gateway".into());
                continue;
            };
            self.condition(clause.condition.as_deref(), &level);
            if clause.match_kind == pg::MergeMatchKind::MergeWhenNotMatchedBySource as i32 {
                let condition = clause.condition.as_deref();
                self.limited(merge.relation.as_ref(), &[], condition, None);
            }
            if clause.command_type == pg::CmdType::CmdInsert as i32 {
                self.merge_insert(clause, &target, &level);
            } else {
                self.assign(&clause.target_list, &target, &level);
            }
        }
        // The order of source and target in `*` differs from what one would expect.
        scope.star_is_unordered = true;
        self.returning(merge.returning_clause.as_ref(), &target, others, scope)
    }

    fn merge_insert(&mut self, clause: &pg::MergeWhenClause, target: &Target, level: &Scope<'_>) {
        let names = self.insert_names(&clause.target_list, target);
        for (index, value) in clause.values.iter().enumerate() {
            let lineage = self.value(value, level);
            let name = names.as_ref().and_then(|names| names.get(index));
            self.store(target, name.map(String::as_str), &lineage);
        }
    }

    /// `SET column = value, (a, b) = (…)`.
    fn assign(&mut self, nodes: &[pg::Node], target: &Target, scope: &Scope<'_>) {
        let mut given_together = None;
        for node in nodes {
            if self.is_spent() {
                return;
            }
            let Some(NodeEnum::ResTarget(assignment)) = &node.node else {
                self.refuse("an assignment is not understood by the gateway".into());
                continue;
            };
            self.telling_steps(&assignment.indirection);
            let lineage = match assignment.val.as_deref().map(|value| &value.node) {
                Some(Some(NodeEnum::MultiAssignRef(part))) => {
                    self.multiple(part, &mut given_together, scope)
                }
                _ => self.optional(assignment.val.as_deref(), scope),
            };
            self.store(target, Some(&assignment.name), &lineage);
            self.replace(target, &assignment.name, given(assignment));
        }
    }

    /// A value of the client's own takes the place of what is in a column.
    fn replace(&mut self, target: &Target, column: &str, value: Option<&pg::Node>) {
        let own = target.columns.find(column, self.catalog);
        if let Some((own, value)) = own.zip(value.filter(|value| is_own(value))) {
            self.replaces_by(&own, value);
        }
    }

    fn replaces_by(&mut self, own: &Lineage, value: &pg::Node) {
        let mut operands = Vec::new();
        operands_of(value, &mut operands);
        self.replaces(own, operands);
    }

    /// The rows of `VALUES`, as far as those that are there take over what is in them:
    /// `SET column = excluded.column`.
    fn replace_rows(
        &mut self,
        target: &Target,
        names: &[String],
        source: &pg::SelectStmt,
        assignments: &[pg::Node],
    ) {
        let taken: BTreeSet<(&str, &str)> = assignments.iter().filter_map(taken_over).collect();
        let mut columns: HashMap<&str, Vec<Lineage>> = HashMap::new();
        for (column, from) in taken {
            let own = target.columns.find(column, self.catalog);
            columns.entry(from).or_default().extend(own);
        }
        let columns: Vec<&[Lineage]> = names
            .iter()
            .map(|name| columns.get(name.as_str()).map_or(&[][..], Vec::as_slice))
            .collect();
        for row in &source.values_lists {
            let Some(NodeEnum::List(row)) = &row.node else { continue };
            for (columns, value) in columns.iter().zip(&row.items) {
                if columns.is_empty() || !is_own(value) {
                    continue;
                }
                if !self.has_room_for_replacements() || self.is_spent_by(columns.len()) {
                    return;
                }
                columns.iter().for_each(|own| self.replaces_by(own, value));
            }
        }
    }

    /// One column of `(a, b) = (…)`. What a sub-select gives to all of them is found once, for the
    /// first.
    fn multiple(
        &mut self,
        part: &pg::MultiAssignRef,
        together: &mut Option<Columns>,
        scope: &Scope<'_>,
    ) -> Lineage {
        let index = usize::try_from(part.colno).unwrap_or(0).saturating_sub(1);
        let Some(source) = part.source.as_deref() else {
            return self.not_understood("an empty assignment");
        };
        match &source.node {
            Some(NodeEnum::SubLink(link)) => {
                let Some(query) = link.subselect.as_deref() else {
                    return self.not_understood("an empty sub-select");
                };
                if part.colno == 1 {
                    *together = None;
                }
                let columns =
                    together.get_or_insert_with(|| self.sub_query(query, &Scope::inside(scope)));
                match columns.list.get(index) {
                    Some(column) if columns.is_exact() => column.lineage.clone(),
                    _ => columns.mixed(),
                }
            }
            Some(NodeEnum::RowExpr(row)) => {
                let plain = row.args.iter().all(|value| self.star(value, scope).is_none());
                match row.args.get(index) {
                    Some(value) if plain => self.value(value, scope),
                    _ => self.value(source, scope),
                }
            }
            _ => self.value(source, scope),
        }
    }

    /// Fields and subscripts of an assigned column: only constants are expected.
    fn telling_steps(&mut self, steps: &[pg::Node]) {
        for step in steps {
            match &step.node {
                Some(NodeEnum::String(_)) => {}
                Some(NodeEnum::AIndices(indices)) => {
                    for bound in [&indices.lidx, &indices.uidx] {
                        self.telling(bound.as_deref(), &Scope::outermost());
                    }
                }
                _ => self.refuse("an assigned part is not understood by the gateway".into()),
            }
        }
    }

    fn returning(
        &mut self,
        clause: Option<&pg::ReturningClause>,
        target: &Target,
        others: Vec<Item>,
        mut scope: Scope<'_>,
    ) -> Columns {
        let Some(clause) = clause else { return Columns::default() };
        for object in &target.objects {
            self.need(Action::Read, object.clone());
        }
        scope.items.push(target.item.clone());
        scope.items.extend(others);
        let (mut old, mut new) = (vec!["old".to_owned()], vec!["new".to_owned()]);
        for option in &clause.options {
            match &option.node {
                Some(NodeEnum::ReturningOption(option)) => {
                    let is_old =
                        option.option == pg::ReturningOptionKind::ReturningOptionOld as i32;
                    let names = if is_old { &mut old } else { &mut new };
                    names.push(option.value.clone());
                }
                _ => self.refuse("a RETURNING option is not understood".into()),
            }
        }
        for name in old.into_iter().chain(new) {
            let item = Item {
                by_column: false,
                is_table: true,
                ..Item::named(Some(name), target.columns.clone())
            };
            scope.items.push(item);
        }
        self.targets(&clause.exprs, &scope)
    }
}

impl Target {
    fn unknown(lineage: Lineage) -> Self {
        let columns = Arc::new(Columns::open(lineage));
        Self {
            keys: Taint::Clean,
            objects: Vec::new(),
            each: Vec::new(),
            is_view: false,
            item: Item::named(None, columns.clone()),
            columns,
        }
    }
}

/// The row that was to be inserted: it may hold what came in, and what the column holds.
fn excluded(target: &Target, incoming: &Columns, names: Option<&[String]>) -> Columns {
    let mut columns = (*target.columns).clone();
    let mut positions = HashMap::new();
    for (index, name) in names.unwrap_or_default().iter().enumerate() {
        positions.entry(name.as_str()).or_insert(index);
    }
    let position = |name: &str| positions.get(name).copied();
    for Column { name, lineage } in &mut columns.list {
        match position(name).and_then(|index| incoming.list.get(index)) {
            Some(value) if incoming.is_exact() => {
                if !value.lineage.is_clean() {
                    lineage.mix(&value.lineage);
                }
            }
            _ if incoming.is_exact() && names.is_some() => {}
            _ => lineage.mix(&incoming.mixed()),
        }
    }
    columns
}
