//! `WITH`: common table expressions.
//!
//! Without `RECURSIVE` each sees those before it only; with it, each sees all of them,
//! and what comes through them is worked out until it no longer changes.

use pg_query::NodeEnum;
use pg_query::protobuf as pg;
use std::sync::Arc;

use crate::sql::columns::{Column, Columns};
use crate::sql::lineage::{Lineage, UNCOUNTED};
use crate::sql::postgres::analyzer::Analyzer;
use crate::sql::postgres::query::scope::{Cte, Scope};
use crate::sql::postgres::value::name::aliases;
use crate::sql::statement::sqlstate;

/// The most common table expressions of which each is made of the one before.
const CTES_DEPTH_MAX: u32 = 100;

impl Analyzer<'_> {
    pub(in crate::sql) fn with(&mut self, with: &pg::WithClause, scope: &mut Scope<'_>) {
        let mut ctes = Vec::new();
        for node in &with.ctes {
            match &node.node {
                Some(NodeEnum::CommonTableExpr(cte)) => ctes.push(cte.as_ref()),
                _ => self.refuse("a common table expression is not understood".into()),
            }
        }
        if with.recursive {
            self.recursive(&ctes, scope);
            return;
        }
        for cte in ctes {
            let outer = std::mem::take(&mut self.cte_depth);
            let columns = self.cte(cte, scope, Round::Only);
            self.is_over(columns.list.len());
            let depth = self.stands_on_others(outer);
            let (name, columns) = (cte.ctename.clone(), Arc::new(columns));
            scope.ctes.push(Cte { name, columns, depth });
        }
    }

    /// All see each other: start from nothing and go on until nothing changes.
    fn recursive(&mut self, ctes: &[&pg::CommonTableExpr], scope: &mut Scope<'_>) {
        let first = scope.ctes.len();
        for cte in ctes {
            let columns = Arc::new(Columns::open(Lineage::CLEAN));
            scope.ctes.push(Cte { name: cte.ctename.clone(), columns, depth: 0 });
        }
        // Each round settles at least one more of them; sources only grow.
        for turn in 0..ctes.len().saturating_add(4) {
            let round = if turn == 0 { Round::First } else { Round::Later };
            let mut changed = false;
            for (index, cte) in ctes.iter().enumerate() {
                // It stands on itself once, however often it goes round.
                let known = scope.ctes.get_mut(first + index);
                let own = known.map_or(0, |known| std::mem::take(&mut known.depth));
                let outer = std::mem::take(&mut self.cte_depth);
                let mut columns = self.cte(cte, scope, round);
                let depth = self.stands_on_others(outer);
                if let Some(known) = scope.ctes.get_mut(first + index) {
                    known.depth = depth;
                }
                // Written back to front, each round tells one more of what it stands on.
                changed |= depth > own;
                self.is_over(columns.list.len());
                // How often it goes round is not known.
                for column in &mut columns.list {
                    if column.lineage.constants > 0 {
                        column.lineage.constants = UNCOUNTED;
                    }
                }
                let columns = Arc::new(columns);
                if self.is_spent() {
                    break;
                }
                if let Some(known) = scope.ctes.get_mut(first + index)
                    && !known.columns.same(&columns)
                {
                    known.columns = columns;
                    changed = true;
                }
            }
            if !changed {
                return;
            }
        }
        for index in 0..ctes.len() {
            let everything = self.everything();
            if let Some(known) = scope.ctes.get_mut(first + index) {
                known.columns = Arc::new(Columns::open(everything));
            }
        }
    }

    /// How many common table expressions stand on each other below and with the one that has just
    /// been looked at; `outer` is what has been met before it.
    ///
    /// SECURITY: the parser bounds how deep sub-selects are nested; a target that unfolds these has
    /// as deep a tree, and they would nest without a bound.
    fn stands_on_others(&mut self, outer: u32) -> u32 {
        let depth = std::mem::replace(&mut self.cte_depth, outer).saturating_add(1);
        if depth == CTES_DEPTH_MAX + 1 {
            self.refuse_as(
                sqlstate::STATEMENT_TOO_COMPLEX,
                format!("more than {CTES_DEPTH_MAX} common table expressions stand on each other"),
            );
        }
        depth
    }

    fn cte(&mut self, cte: &pg::CommonTableExpr, scope: &Scope<'_>, round: Round) -> Columns {
        let body = Scope::inside(scope);
        let columns = match cte.ctequery.as_deref().and_then(|query| query.node.as_ref()) {
            Some(NodeEnum::SelectStmt(select)) if round == Round::First => {
                self.first_round(cte, select, &body)
            }
            Some(NodeEnum::SelectStmt(select)) => self.select(select, &body),
            Some(query) => self.modification(query, &body),
            None => Columns::open(self.not_understood("an empty common table expression")),
        };
        let mut columns = columns.renamed(&aliases(&cte.aliascolnames), self.catalog);
        self.search_and_cycle(cte, &mut columns);
        columns
    }

    /// A union may refer to itself in its second half, with the names of the first half:
    /// in the first round that half is all that is known.
    fn first_round(
        &mut self,
        cte: &pg::CommonTableExpr,
        select: &pg::SelectStmt,
        body: &Scope<'_>,
    ) -> Columns {
        let (Some(left), None) = (&select.larg, &select.with_clause) else {
            return self.select(select, body);
        };
        let start = self.select(left, body);
        let mut start = start.renamed(&aliases(&cte.aliascolnames), self.catalog);
        let mut level = Scope::inside(body);
        self.search_and_cycle(cte, &mut start);
        let (name, columns) = (cte.ctename.clone(), Arc::new(start));
        level.ctes.push(Cte { name, columns, depth: 0 });
        self.select(select, &level)
    }

    /// `SEARCH` and `CYCLE` add columns: an order of rows, and rows seen before.
    fn search_and_cycle(&mut self, cte: &pg::CommonTableExpr, columns: &mut Columns) {
        if let Some(search) = &cte.search_clause {
            let lineage = self.of_columns(&search.search_col_list, columns);
            self.filter(&lineage);
            let name = search.search_seq_column.clone();
            columns.list.push(Column::new(name, lineage));
        }
        if let Some(cycle) = &cte.cycle_clause {
            let lineage = self.of_columns(&cycle.cycle_col_list, columns);
            self.filter(&lineage);
            for name in [&cycle.cycle_mark_column, &cycle.cycle_path_column] {
                columns.list.push(Column::new(name.as_str(), lineage.clone()));
            }
            for value in [&cycle.cycle_mark_value, &cycle.cycle_mark_default] {
                self.telling(value.as_deref(), &Scope::outermost());
            }
        }
    }

    fn of_columns(&mut self, names: &[pg::Node], columns: &Columns) -> Lineage {
        let mut lineage = Lineage::CLEAN.derived();
        for name in aliases(names) {
            match (columns.find(&name, self.catalog), &columns.rest) {
                (Some(found), None) => lineage.mix(&found),
                _ => lineage.mix(&columns.mixed()),
            }
        }
        lineage
    }
}

/// Which time a common table expression is looked at.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Round {
    /// It is not recursive.
    Only,
    /// Nothing is known of it and those after it.
    First,
    Later,
}
