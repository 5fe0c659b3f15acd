//! `SELECT`, `VALUES` and set operations.

use pg_query::NodeEnum;
use pg_query::protobuf as pg;
use portreeve_model::{Action, Change, Object};

use std::ops::Range;

use crate::sql::columns::{Column, Columns};
use crate::sql::lineage::Lineage;
use crate::sql::postgres::analyzer::Analyzer;
use crate::sql::postgres::query::scope::Scope;
use crate::sql::postgres::value::expression::{path, qualified_operator};
use crate::sql::postgres::value::name;
use crate::sql::statement::{Shape, sqlstate};

impl Analyzer<'_> {
    /// A query in an expression or a source: its columns.
    pub(in crate::sql) fn sub_query(&mut self, node: &pg::Node, scope: &Scope<'_>) -> Columns {
        match &node.node {
            Some(NodeEnum::SelectStmt(select)) => self.select(select, scope),
            _ => Columns::open(self.not_understood("a sub-query")),
        }
    }

    /// A query whose own level is a child of `outer`.
    ///
    /// `outer` is a level without items of its own when the caller made it for this query.
    pub(in crate::sql) fn select(&mut self, select: &pg::SelectStmt, outer: &Scope<'_>) -> Columns {
        if self.is_spent() {
            return Columns::open(self.everything());
        }
        let mut scope = Scope::inside(outer);
        if let Some(with) = &select.with_clause {
            self.with(with, &mut scope);
        }
        let columns = if !select.values_lists.is_empty() {
            self.values(&select.values_lists, &scope)
        } else if is_set_operation(select) {
            self.set_operation(select, &scope)
        } else {
            return self.plain_select(select, scope);
        };
        if select.into_clause.is_some() {
            self.refuse("INTO is not understood here by the gateway".into());
        }
        // Only output columns can be named here.
        for key in &select.sort_clause {
            let lineage = self.output_key(key, &columns, &scope, Prefer::Output);
            self.filter(&lineage);
        }
        self.limits(select, &scope);
        self.locking(&select.locking_clause, &scope, &(0..0));
        columns
    }

    fn plain_select(&mut self, select: &pg::SelectStmt, mut scope: Scope<'_>) -> Columns {
        let first = self.reads_so_far();
        let outer_setting = self.pinned_setting.take();
        self.sources(&select.from_clause, &mut scope);
        let reads = first..self.reads_so_far();
        self.pinned_setting = self.open_settings(select, &mut scope);
        let mut columns = self.targets(&select.target_list, &scope);
        // Conditions may run before any row has passed them.
        self.pinned_setting = None;
        self.condition(select.where_clause.as_deref(), &scope);
        self.condition(select.having_clause.as_deref(), &scope);
        for key in &select.sort_clause {
            let lineage = self.output_key(key, &columns, &scope, Prefer::Output);
            self.filter(&lineage);
        }
        self.group(&select.group_clause, &columns, &scope);
        self.distinct(&select.distinct_clause, &columns, &scope);
        for window in &select.window_clause {
            match &window.node {
                Some(NodeEnum::WindowDef(window)) => self.window(window, &scope),
                _ => self.refuse("a window is not understood by the gateway".into()),
            }
        }
        self.limits(select, &scope);
        self.locking(&select.locking_clause, &scope, &reads);
        if !select.group_clause.is_empty() || select.having_clause.is_some() {
            columns.list.iter_mut().for_each(|column| column.lineage.aggregated = true);
        }
        if let Some(into) = select.into_clause.as_deref() {
            self.table_made(into, &columns);
        }
        self.pinned_setting = outer_setting;
        columns
    }

    /// Groups of equal values of a plain column tell no more than the masked column does.
    fn group(&mut self, keys: &[pg::Node], columns: &Columns, scope: &Scope<'_>) {
        for key in keys {
            match &key.node {
                Some(NodeEnum::GroupingSet(set)) => self.group(&set.content, columns, scope),
                Some(NodeEnum::RowExpr(row)) => self.group(&row.args, columns, scope),
                _ => {
                    let lineage = self.output_key(key, columns, scope, Prefer::Input);
                    self.filter_unless_plain(&lineage);
                }
            }
        }
    }

    fn distinct(&mut self, keys: &[pg::Node], columns: &Columns, scope: &Scope<'_>) {
        if keys.is_empty() {
            return;
        }
        let plain = keys.iter().all(|key| key.node.is_none());
        if !plain {
            for key in keys {
                // The rows come in the order of these keys.
                let lineage = self.output_key(key, columns, scope, Prefer::Output);
                self.filter(&lineage);
            }
            return;
        }
        for column in &columns.list {
            self.filter_unless_plain(&column.lineage);
        }
        if let Some(rest) = &columns.rest {
            self.filter(rest);
        }
    }

    /// A computed value can be NULL, or equal to another, because of what it is computed
    /// from; where only that shows, it tells as much as a comparison.
    pub(in crate::sql) fn filter_unless_plain(&mut self, lineage: &Lineage) {
        if lineage.shape == Shape::Derived {
            self.filter(lineage);
            // Among equal rows, one may be what the client brought.
            self.probe(lineage, lineage.constants);
        }
    }

    /// A key of `ORDER BY`, `GROUP BY` or `DISTINCT ON`: a position, an output name or an
    /// expression.
    fn output_key(
        &mut self,
        key: &pg::Node,
        columns: &Columns,
        scope: &Scope<'_>,
        prefer: Prefer,
    ) -> Lineage {
        if self.is_spent() {
            return self.everything();
        }
        let node = match &key.node {
            Some(NodeEnum::SortBy(sort)) => {
                self.sort_operator(&sort.use_op);
                match sort.node.as_deref() {
                    Some(node) => node,
                    None => return self.not_understood("an empty sort key"),
                }
            }
            _ => key,
        };
        match &node.node {
            Some(NodeEnum::AConst(constant)) => match (&constant.val, columns.is_exact()) {
                (Some(pg::a_const::Val::Ival(position)), true) => usize::try_from(position.ival)
                    .ok()
                    .and_then(|position| columns.list.get(position.checked_sub(1)?))
                    .map_or(Lineage::CLEAN, |column| column.lineage.clone()),
                _ => columns.mixed(),
            },
            Some(NodeEnum::ColumnRef(reference)) => match path(&reference.fields) {
                Some((names, false)) if names.len() == 1 => {
                    self.key_by_name(names[0], node, columns, scope, prefer)
                }
                _ => self.value(node, scope),
            },
            _ => self.value(node, scope),
        }
    }

    fn key_by_name(
        &mut self,
        name: &str,
        node: &pg::Node,
        columns: &Columns,
        scope: &Scope<'_>,
        prefer: Prefer,
    ) -> Lineage {
        let output = columns.find(name, self.catalog);
        let output = match (output, &columns.rest) {
            (Some(lineage), None) => Some(lineage),
            (Some(lineage), Some(rest)) => Some(lineage.either(rest, self.catalog)),
            (None, _) => None,
        };
        let input = match prefer {
            Prefer::Output => None,
            Prefer::Input => scope.own_column(name, self.catalog),
        };
        match (output, input) {
            (Some(output), None) => output,
            (Some(output), Some(input)) if output.same(&input, &mut { KEYS_MAX }) => output,
            (Some(output), Some(input)) => output.either(&input, self.catalog),
            (None, _) => self.value(node, scope),
        }
    }

    fn limits(&mut self, select: &pg::SelectStmt, scope: &Scope<'_>) {
        self.telling(select.limit_count.as_deref(), scope);
        self.telling(select.limit_offset.as_deref(), scope);
    }

    /// `FOR UPDATE` and the like: others wait for these rows. Without names it means all sources.
    fn locking(&mut self, clauses: &[pg::Node], scope: &Scope<'_>, reads: &Range<usize>) {
        for clause in clauses {
            let Some(NodeEnum::LockingClause(clause)) = &clause.node else {
                self.refuse("a locking clause is not understood by the gateway".into());
                continue;
            };
            if clause.locked_rels.is_empty() {
                self.locks(reads.clone());
            }
            for named in &clause.locked_rels {
                if self.is_spent_by(scope.items.len()) {
                    return;
                }
                let part = match &named.node {
                    Some(NodeEnum::RangeVar(range)) => scope
                        .items
                        .iter()
                        .find(|item| item.name.as_deref() == Some(&range.relname))
                        .map(|item| item.reads.clone()),
                    _ => None,
                };
                self.locks(part.unwrap_or_else(|| reads.clone()));
            }
        }
    }

    /// `ORDER BY` inside an aggregate or a window.
    pub(in crate::sql) fn sorted(&mut self, keys: &[pg::Node], scope: &Scope<'_>) {
        for key in keys {
            let lineage = self.sort_key(key, scope);
            self.filter(&lineage);
        }
    }

    pub(in crate::sql) fn sort_key(&mut self, key: &pg::Node, scope: &Scope<'_>) -> Lineage {
        match &key.node {
            Some(NodeEnum::SortBy(sort)) => {
                self.sort_operator(&sort.use_op);
                self.optional(sort.node.as_deref(), scope)
            }
            _ => self.value(key, scope),
        }
    }

    /// `ORDER BY … USING operator`
    fn sort_operator(&mut self, names: &[pg::Node]) {
        if names.is_empty() {
            return;
        }
        match qualified_operator(names) {
            Some((schema, name)) => {
                let _ = self.operator(schema, name, &[]);
            }
            None => self.refuse("an operator is not understood by the gateway".into()),
        }
    }

    pub(in crate::sql) fn window(&mut self, window: &pg::WindowDef, scope: &Scope<'_>) {
        for key in &window.partition_clause {
            self.telling(Some(key), scope);
        }
        self.sorted(&window.order_clause, scope);
        self.telling(window.start_offset.as_deref(), scope);
        self.telling(window.end_offset.as_deref(), scope);
    }

    fn values(&mut self, rows: &[pg::Node], scope: &Scope<'_>) -> Columns {
        let mut columns = Columns::default();
        for (index, row) in rows.iter().enumerate() {
            let Some(NodeEnum::List(row)) = &row.node else {
                return Columns::open(self.not_understood("a row of VALUES"));
            };
            let one = self.row_columns(&row.items, "column", scope);
            columns = if index == 0 { one } else { self.union(&columns, &one) };
        }
        columns
    }

    /// The values of one row, named by a word and their number; `t.*` stands for its columns.
    pub(in crate::sql) fn row_columns(
        &mut self,
        nodes: &[pg::Node],
        word: &str,
        scope: &Scope<'_>,
    ) -> Columns {
        let mut columns = Columns::default();
        for node in nodes {
            match self.star(node, scope) {
                Some(expanded) => columns.append(&expanded),
                None => {
                    let lineage = self.value(node, scope);
                    columns.list.push(Column::new("", lineage));
                }
            }
        }
        for (index, column) in columns.list.iter_mut().enumerate() {
            column.name = format!("{word}{}", index + 1).into();
        }
        columns
    }

    fn set_operation(&mut self, select: &pg::SelectStmt, scope: &Scope<'_>) -> Columns {
        let (Some(left), Some(right)) = (&select.larg, &select.rarg) else {
            return Columns::open(self.not_understood("half a set operation"));
        };
        let left = self.select(left, scope);
        let right = self.select(right, scope);
        let is_union_all = select.all && select.op == pg::SetOperation::SetopUnion as i32;
        if !is_union_all {
            // Equal rows of two queries are found: a comparison of columns.
            self.compare(&left.mixed(), &right.mixed());
        }
        self.union(&left, &right)
    }

    /// Rows of either, by position; the names are those of the first.
    pub(in crate::sql) fn union(&mut self, one: &Columns, two: &Columns) -> Columns {
        if !one.is_exact() || !two.is_exact() || one.list.len() != two.list.len() {
            let mut all = one.mixed();
            all.mix(&two.mixed());
            let list = one
                .list
                .iter()
                .map(|column| Column::new(column.name.clone(), all.clone()))
                .collect();
            return Columns { list, rest: Some(all) };
        }
        if self.is_over(one.list.len()) {
            return Columns::open(self.everything());
        }
        for (one, two) in one.list.iter().zip(&two.list) {
            // A constant has the type of the other half.
            if one.lineage.constants > 0 || two.lineage.constants > 0 {
                self.makes_parts([&one.lineage, &two.lineage].into_iter());
            }
        }
        let list = one
            .list
            .iter()
            .zip(&two.list)
            .map(|(one, two)| Column {
                name: one.name.clone(),
                lineage: one.lineage.either(&two.lineage, self.catalog),
            })
            .collect();
        Columns { list, rest: None }
    }

    /// The output columns of a target list.
    pub(in crate::sql) fn targets(&mut self, nodes: &[pg::Node], scope: &Scope<'_>) -> Columns {
        let mut columns = Columns::default();
        for node in nodes {
            let Some(NodeEnum::ResTarget(target)) = &node.node else {
                return Columns::open(self.not_understood("an output column"));
            };
            let Some(value) = target.val.as_deref() else {
                return Columns::open(self.not_understood("an empty output column"));
            };
            if let Some(expanded) = self.star(value, scope) {
                columns.append(&expanded);
                if self.has_too_many(&columns) {
                    return Columns::open(self.everything());
                }
                continue;
            }
            let lineage = self.value(value, scope);
            let named =
                if target.name.is_empty() { name::of(value) } else { Some(target.name.clone()) };
            match named {
                Some(name) => columns.list.push(Column::new(name, lineage)),
                None => columns.append(&Columns::open(lineage)),
            }
        }
        if self.has_too_many(&columns) {
            return Columns::open(self.everything());
        }
        columns
    }

    /// What `*`, `t.*` or `(row).*` expands to; `None` if the node is none of these.
    pub(in crate::sql) fn star(&mut self, node: &pg::Node, scope: &Scope<'_>) -> Option<Columns> {
        match &node.node {
            Some(NodeEnum::ColumnRef(reference)) => {
                let (names, star) = path(&reference.fields)?;
                if !star {
                    return None;
                }
                Some(self.expand(&names, node, scope))
            }
            Some(NodeEnum::AIndirection(steps)) => {
                let last = steps.indirection.last()?;
                if !matches!(last.node, Some(NodeEnum::AStar(_))) {
                    return None;
                }
                let lineage = self.value(node, scope);
                Some(match lineage.row {
                    Some(columns) => (*columns).clone(),
                    None => Columns::open(lineage),
                })
            }
            _ => None,
        }
    }

    fn expand(&mut self, names: &[&str], node: &pg::Node, scope: &Scope<'_>) -> Columns {
        if !names.is_empty() {
            let lineage = self.value(node, scope);
            return match lineage.row {
                Some(columns) => (*columns).clone(),
                None => Columns::open(lineage),
            };
        }
        let mut columns = Columns::default();
        for item in scope.items.iter().filter(|item| item.by_column) {
            let width = columns.list.len().saturating_add(item.columns.list.len());
            if width > TARGETS_MAX || self.is_over(item.columns.list.len()) {
                self.too_many_columns();
                return Columns::open(self.everything());
            }
            self.uses(&item.columns.mixed());
            columns.append(&item.columns);
        }
        if scope.star_is_unordered {
            return Columns::open(columns.mixed());
        }
        columns
    }

    fn has_too_many(&mut self, columns: &Columns) -> bool {
        let is_over = columns.list.len() > TARGETS_MAX;
        if is_over {
            self.too_many_columns();
        }
        is_over
    }

    fn too_many_columns(&mut self) {
        self.refuse_as(
            sqlstate::TOO_MANY_COLUMNS,
            format!("target lists can have at most {TARGETS_MAX} entries"),
        );
    }

    /// `SELECT … INTO`, `CREATE TABLE … AS`: a table is made of these columns.
    pub(in crate::sql) fn table_made(&mut self, into: &pg::IntoClause, columns: &Columns) {
        self.changes(Change::Create);
        match &into.rel {
            Some(relation) => self.define_relation(relation),
            None => self.need(Action::Define, Object::resource()),
        }
        self.reveal(&columns.mixed());
    }
}

/// PostgreSQL's own limit.
const TARGETS_MAX: usize = 1664;

/// How much of two rows is compared to see that a name means the same twice.
const KEYS_MAX: u32 = 1_000;

/// Which of two meanings of a name wins.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Prefer {
    /// The output column: `ORDER BY`, `DISTINCT ON`.
    Output,
    /// The column of a source: `GROUP BY`.
    Input,
}

fn is_set_operation(select: &pg::SelectStmt) -> bool {
    !matches!(
        pg::SetOperation::try_from(select.op),
        Ok(pg::SetOperation::SetopNone | pg::SetOperation::Undefined)
    )
}
