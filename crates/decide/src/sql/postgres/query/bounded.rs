//! Whether a write is limited by its predicate, decided from the tree.
//!
//! A source of rows is limited when a column of it is compared with what the client brings, or
//! with a column of another limited source, so that the rows are those that somebody named. What
//! is not proven limited is not: `id = id`, `1 = 1 OR …`, `id <> 0`, a sub-query over everything.

use pg_query::NodeEnum;
use pg_query::protobuf as pg;
use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use super::predicate::is_own;
use crate::sql::catalog::Catalog;
use crate::sql::postgres::budget::Budget;
use crate::sql::postgres::command::settings;
use crate::sql::postgres::value::expression::{path, strings};
use crate::sql::postgres::value::name::aliases;

/// How deep sub-queries are looked into.
const DEPTH_MAX: usize = 32;

/// The names of the columns of a source; none where they are not known.
type Names = Option<Rc<HashSet<String>>>;

/// What can be named besides the sources of a level: relations and common table expressions.
pub(in crate::sql) struct Known<'c> {
    catalog: &'c Catalog,
    /// What all of it may take. Where it is spent, nothing more is known to be limited.
    budget: &'c Budget<'c>,
    outer: Option<&'c Known<'c>>,
    /// Whether each is limited, and its columns.
    ctes: HashMap<String, (bool, Names)>,
}

impl<'c> Known<'c> {
    pub(in crate::sql) fn new(
        catalog: &'c Catalog,
        budget: &'c Budget<'c>,
        with: Option<&pg::WithClause>,
    ) -> Self {
        let mut known = Self { catalog, budget, outer: None, ctes: HashMap::new() };
        if let Some(with) = with {
            known.add(with, 0);
        }
        known
    }

    /// What is known inside of this.
    fn inside(outer: &'c Known<'c>) -> Self {
        let (catalog, budget) = (outer.catalog, outer.budget);
        Self { catalog, budget, outer: Some(outer), ctes: HashMap::new() }
    }

    fn cte(&self, name: &str) -> Option<&(bool, Names)> {
        self.ctes.get(name).or_else(|| self.outer?.cte(name))
    }

    /// A recursive common table expression is not known to be limited.
    fn add(&mut self, with: &pg::WithClause, depth: usize) {
        for node in &with.ctes {
            let Some(NodeEnum::CommonTableExpr(cte)) = &node.node else { continue };
            let query = cte.ctequery.as_deref().and_then(|query| query.node.as_ref());
            let Some(NodeEnum::SelectStmt(select)) = query else {
                self.ctes.insert(cte.ctename.clone(), (false, None));
                continue;
            };
            let is_limited = !with.recursive && is_limited_select(select, self, depth + 1);
            let names = match aliases(&cte.aliascolnames) {
                names if names.is_empty() => output_names(select, self.budget),
                names => Some(Rc::new(names.into_iter().collect())),
            };
            self.ctes.insert(cte.ctename.clone(), (is_limited, names));
        }
    }

    /// Whether a relation is limited by itself, and its columns.
    fn relation(&self, range: &pg::RangeVar) -> (bool, Names) {
        if range.schemaname.is_empty()
            && let Some(known) = self.cte(&range.relname)
        {
            return known.clone();
        }
        (false, self.columns(range))
    }

    /// The columns of a relation.
    fn columns(&self, range: &pg::RangeVar) -> Names {
        let mut names: Option<HashSet<String>> = None;
        for relation in self.catalog.named(&range.relname) {
            if self.budget.small_steps(relation.columns.list.len()) {
                return None;
            }
            let own: HashSet<String> =
                relation.columns.list.iter().map(|column| column.name.to_string()).collect();
            // Which relation it is may not be known: all of them must have the column.
            names = Some(match names {
                None => own,
                Some(known) => known.intersection(&own).cloned().collect(),
            });
        }
        names.map(Rc::new)
    }
}

/// The sources of one level, and what is known of their rows.
#[derive(Clone, Default)]
struct Level {
    sources: HashMap<String, Names>,
    limited: HashSet<String>,
    /// Pairs of sources of which equal columns are wanted.
    links: Vec<(String, String)>,
    /// The target of the write, for `CURRENT OF`.
    target: Option<String>,
    /// Columns of which another part of the same alternative takes the other side.
    opposed: HashSet<String>,
}

/// Which side of a value a comparison leaves of a column: below it, or above.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Below,
    Above,
}

/// The column of a comparison that leaves one side of a value only.
fn half_line(comparison: &pg::AExpr) -> Option<(&str, Side)> {
    let name = *strings(&comparison.name)?.last()?;
    let side = match name {
        "<" | "<=" => Side::Below,
        ">" | ">=" => Side::Above,
        _ => return None,
    };
    let (left, right) = (comparison.lexpr.as_deref()?, comparison.rexpr.as_deref()?);
    match (column_name(left), column_name(right)) {
        (Some(column), None) => Some((column, side)),
        (None, Some(column)) => {
            let turned = if side == Side::Below { Side::Above } else { Side::Below };
            Some((column, turned))
        }
        _ => None,
    }
}

fn column_name(node: &pg::Node) -> Option<&str> {
    match &node.node {
        Some(NodeEnum::ColumnRef(reference)) => path(&reference.fields)?.0.last().copied(),
        Some(NodeEnum::TypeCast(cast)) => column_name(cast.arg.as_deref()?),
        _ => None,
    }
}

/// Notes which sides of which columns are left anywhere in a condition: together they may be all.
fn half_lines(
    node: &pg::Node,
    sides: &mut HashMap<String, [bool; 2]>,
    budget: &Budget<'_>,
    depth: usize,
) {
    if depth > DEPTH_MAX || budget.step() {
        return;
    }
    match &node.node {
        Some(NodeEnum::BoolExpr(condition)) => {
            condition.args.iter().for_each(|part| half_lines(part, sides, budget, depth + 1));
        }
        Some(NodeEnum::AExpr(comparison)) => {
            let Some((column, side)) = half_line(comparison) else { return };
            let [below, above] = sides.entry(column.to_owned()).or_default();
            match side {
                Side::Below => *below = true,
                Side::Above => *above = true,
            }
        }
        _ => {}
    }
}

/// Whether the rows of `target` that a write changes are limited.
pub(in crate::sql) fn is_limited_write(
    target: &pg::RangeVar,
    others: &[pg::Node],
    condition: Option<&pg::Node>,
    known: &Known<'_>,
) -> bool {
    let name = target.alias.as_ref().map_or(&target.relname, |alias| &alias.aliasname);
    let mut level = Level { target: Some(name.clone()), ..Level::default() };
    // A common table expression of the name is not what is written to.
    level.named(name, false, known.columns(target));
    for other in others {
        level.source(other, known, 0);
    }
    if let Some(condition) = condition {
        level.wanted(condition, known, 0);
    }
    level.spread();
    level.limited.contains(name) && !known.budget.is_spent()
}

/// Whether a query gives as many rows as somebody has named.
///
/// SECURITY: what is looked at for it is counted: sub-queries are looked at for the level that they
/// stand in, and for what they give to it.
pub(in crate::sql) fn is_limited_select(
    select: &pg::SelectStmt,
    outer: &Known<'_>,
    depth: usize,
) -> bool {
    if depth > DEPTH_MAX || outer.budget.step() {
        return false;
    }
    let mut ctes = Known::inside(outer);
    if let Some(with) = &select.with_clause {
        ctes.add(with, depth);
    }
    if !select.values_lists.is_empty() {
        return true;
    }
    if select.limit_count.as_deref().is_some_and(is_number) {
        return true;
    }
    if let (Some(left), Some(right)) = (&select.larg, &select.rarg) {
        let (left, right) =
            (is_limited_select(left, &ctes, depth + 1), is_limited_select(right, &ctes, depth + 1));
        return match pg::SetOperation::try_from(select.op) {
            Ok(pg::SetOperation::SetopIntersect) => left || right,
            Ok(pg::SetOperation::SetopExcept) => left,
            _ => left && right,
        };
    }
    let mut level = Level::default();
    for source in &select.from_clause {
        level.source(source, &ctes, depth + 1);
    }
    if let Some(condition) = select.where_clause.as_deref() {
        level.wanted(condition, &ctes, depth + 1);
    }
    level.spread();
    level.sources.keys().all(|source| level.limited.contains(source)) && !outer.budget.is_spent()
}

impl Level {
    fn source(&mut self, node: &pg::Node, ctes: &Known<'_>, depth: usize) {
        if depth > DEPTH_MAX || ctes.budget.step() {
            self.unnamed(false);
            return;
        }
        match &node.node {
            Some(NodeEnum::RangeVar(range)) => {
                let (limited, names) = ctes.relation(range);
                let name = range.alias.as_ref().map_or(&range.relname, |alias| &alias.aliasname);
                let renamed = range.alias.as_ref().is_some_and(|alias| !alias.colnames.is_empty());
                self.named(name, limited, names.filter(|_| !renamed));
            }
            Some(NodeEnum::RangeSubselect(range)) => {
                let limited = match range.subquery.as_deref().and_then(|query| query.node.as_ref())
                {
                    Some(NodeEnum::SelectStmt(select)) => {
                        is_limited_select(select, ctes, depth + 1)
                    }
                    _ => false,
                };
                match &range.alias {
                    Some(alias) => {
                        let names = match range.subquery.as_deref().map(|query| &query.node) {
                            Some(Some(NodeEnum::SelectStmt(select)))
                                if alias.colnames.is_empty() =>
                            {
                                output_names(select, ctes.budget)
                            }
                            _ => Some(Rc::new(aliases(&alias.colnames).into_iter().collect()))
                                .filter(|_| !alias.colnames.is_empty()),
                        };
                        self.named(&alias.aliasname, limited, names);
                    }
                    None => self.unnamed(limited),
                }
            }
            // What a function makes of the client's own values: `unnest($1)`.
            Some(NodeEnum::RangeFunction(function)) => {
                let limited = function.functions.iter().all(|node| match &node.node {
                    Some(NodeEnum::List(pair)) => pair.items.first().is_some_and(is_own),
                    _ => false,
                });
                match &function.alias {
                    Some(alias) => {
                        let names = aliases(&alias.colnames);
                        let names =
                            (!names.is_empty()).then(|| Rc::new(names.into_iter().collect()));
                        self.named(&alias.aliasname, limited, names);
                    }
                    None => self.unnamed(limited),
                }
            }
            Some(NodeEnum::JoinExpr(join)) => {
                for side in [&join.larg, &join.rarg].into_iter().flatten() {
                    self.source(side, ctes, depth + 1);
                }
                // The rows of the outer side of an outer join come whatever is wanted.
                if join.jointype == pg::JoinType::JoinInner as i32
                    && let Some(condition) = join.quals.as_deref()
                {
                    self.wanted(condition, ctes, depth + 1);
                }
            }
            _ => self.unnamed(false),
        }
    }

    fn named(&mut self, name: &str, limited: bool, names: Names) {
        self.sources.insert(name.to_owned(), names);
        if limited {
            self.limited.insert(name.to_owned());
        }
    }

    /// A source without a name of its own: no column can be told to be of it.
    fn unnamed(&mut self, limited: bool) {
        let name = format!(" {}", self.sources.len());
        self.named(&name, limited, None);
    }

    /// A condition that every row meets.
    fn wanted(&mut self, node: &pg::Node, ctes: &Known<'_>, depth: usize) {
        // A name without a source before it is looked for in all of them.
        if depth > DEPTH_MAX || ctes.budget.small_steps(self.sources.len()) {
            return;
        }
        match &node.node {
            Some(NodeEnum::BoolExpr(condition)) => self.combined(condition, ctes, depth),
            Some(NodeEnum::AExpr(comparison)) => self.compared(comparison),
            Some(NodeEnum::SubLink(link)) => self.sub_link(link, ctes, depth),
            Some(NodeEnum::NullTest(test))
                if test.nulltesttype == pg::NullTestType::IsNull as i32 =>
            {
                self.limit(test.arg.as_deref());
            }
            Some(NodeEnum::BooleanTest(test)) => {
                use pg::BoolTestType as Test;
                if matches!(
                    Test::try_from(test.booltesttype),
                    Ok(Test::IsTrue | Test::IsFalse | Test::IsUnknown)
                ) {
                    self.limit(test.arg.as_deref());
                }
            }
            Some(NodeEnum::ColumnRef(_)) => self.limit(Some(node)),
            Some(NodeEnum::CurrentOfExpr(_)) => {
                self.limited.extend(self.target.clone());
            }
            _ => {}
        }
    }

    fn combined(&mut self, condition: &pg::BoolExpr, ctes: &Known<'_>, depth: usize) {
        match pg::BoolExprType::try_from(condition.boolop) {
            Ok(pg::BoolExprType::AndExpr) => {
                for part in &condition.args {
                    self.wanted(part, ctes, depth + 1);
                }
            }
            Ok(pg::BoolExprType::OrExpr) => {
                // Limited is what is limited whichever part holds.
                let mut common: Option<HashSet<String>> = None;
                let mut sides = HashMap::new();
                condition.args.iter().for_each(|part| {
                    half_lines(part, &mut sides, ctes.budget, depth);
                });
                let both =
                    |(name, [below, above]): (String, [bool; 2])| (below && above).then_some(name);
                let opposed: HashSet<String> = sides.into_iter().filter_map(both).collect();
                for part in &condition.args {
                    if common.as_ref().is_some_and(HashSet::is_empty) {
                        return;
                    }
                    if ctes.budget.small_steps(self.size() + opposed.len()) {
                        return;
                    }
                    let mut level = self.clone();
                    level.opposed.extend(opposed.iter().cloned());
                    level.wanted(part, ctes, depth + 1);
                    level.spread();
                    common = Some(match common {
                        None => level.limited,
                        Some(known) => known.intersection(&level.limited).cloned().collect(),
                    });
                }
                self.limited.extend(common.unwrap_or_default());
            }
            // `NOT flag` is as good as `flag`.
            Ok(pg::BoolExprType::NotExpr) => {
                if let [only] = condition.args.as_slice()
                    && matches!(only.node, Some(NodeEnum::ColumnRef(_)))
                {
                    self.limit(Some(only));
                }
            }
            _ => {}
        }
    }

    fn compared(&mut self, comparison: &pg::AExpr) {
        use pg::AExprKind as Kind;
        let kind = Kind::try_from(comparison.kind).unwrap_or(Kind::Undefined);
        let name = strings(&comparison.name).and_then(|names| names.last().copied());
        let name = name.unwrap_or_default();
        let (Some(left), Some(right)) = (comparison.lexpr.as_deref(), comparison.rexpr.as_deref())
        else {
            return;
        };
        let limits = match kind {
            Kind::AexprOp => matches!(name, "=" | "<" | ">" | "<=" | ">=" | "@>" | "<@" | "&&"),
            Kind::AexprIn | Kind::AexprOpAny | Kind::AexprNotDistinct => name == "=",
            Kind::AexprBetween | Kind::AexprBetweenSym => true,
            Kind::AexprLike | Kind::AexprIlike => {
                !name.starts_with('!')
                    && settings::constant(right)
                        .is_none_or(|pattern| pattern.contains(|c| c != '%' && c != '_'))
            }
            _ => false,
        };
        let half_line = half_line(comparison);
        let is_opposed = half_line.is_some_and(|(name, _)| self.opposed.contains(name));
        if !limits || is_opposed {
            return;
        }
        if is_own(right) {
            self.limit(Some(left));
        } else if is_own(left) {
            self.limit(Some(right));
        } else if name == "="
            && let (Some(one), Some(two)) = (self.owner(left), self.owner(right))
        {
            self.links.push((one, two));
        }
    }

    fn sub_link(&mut self, link: &pg::SubLink, ctes: &Known<'_>, depth: usize) {
        let Some(Some(NodeEnum::SelectStmt(select))) =
            link.subselect.as_deref().map(|query| &query.node)
        else {
            return;
        };
        match pg::SubLinkType::try_from(link.sub_link_type) {
            Ok(pg::SubLinkType::AnySublink) => {
                let is_equality = link.oper_name.is_empty()
                    || strings(&link.oper_name).and_then(|names| names.last().copied())
                        == Some("=");
                if is_equality
                    && is_limited_select(select, ctes, depth + 1)
                    && gives_own(select, ctes, depth + 1)
                {
                    self.limit(link.testexpr.as_deref());
                }
            }
            // Its sources stand beside those of this level, and its condition is wanted too.
            Ok(pg::SubLinkType::ExistsSublink)
                if select.with_clause.is_none()
                    && select.larg.is_none()
                    && select.group_clause.is_empty() =>
            {
                let mut inner = Self::default();
                for source in &select.from_clause {
                    inner.source(source, ctes, depth + 1);
                }
                // A name that is there already would stand for two sources.
                if inner.sources.keys().any(|name| self.sources.contains_key(name)) {
                    return;
                }
                self.sources.extend(inner.sources);
                self.limited.extend(inner.limited);
                self.links.extend(inner.links);
                if let Some(condition) = select.where_clause.as_deref() {
                    self.wanted(condition, ctes, depth + 1);
                }
            }
            _ => {}
        }
    }

    /// The source of a column is limited.
    fn limit(&mut self, node: Option<&pg::Node>) {
        if let Some(owner) = node.and_then(|node| self.owner(node)) {
            self.limited.insert(owner);
        }
    }

    /// The source that a plain column is of.
    fn owner(&self, node: &pg::Node) -> Option<String> {
        match &node.node {
            Some(NodeEnum::ColumnRef(reference)) => match path(&reference.fields) {
                Some((names, false)) => match names.as_slice() {
                    [column] => self.bare(column),
                    [.., source, _] if self.sources.contains_key(*source) => {
                        Some((*source).to_owned())
                    }
                    _ => None,
                },
                _ => None,
            },
            Some(NodeEnum::TypeCast(cast)) => self.owner(cast.arg.as_deref()?),
            _ => None,
        }
    }

    /// The one source that has a column of this name. Where a source's columns are not known, or
    /// none has it, it may be one of a level further out.
    fn bare(&self, column: &str) -> Option<String> {
        let mut found = None;
        for (source, names) in &self.sources {
            if names.as_ref()?.contains(column) {
                if found.is_some() {
                    return None;
                }
                found = Some(source.clone());
            }
        }
        found
    }

    /// What is linked to a limited source by equal columns is limited.
    fn spread(&mut self) {
        let mut neighbours: HashMap<&str, Vec<&str>> = HashMap::new();
        for (one, two) in &self.links {
            neighbours.entry(one).or_default().push(two);
            neighbours.entry(two).or_default().push(one);
        }
        let mut reached: Vec<&str> =
            neighbours.keys().copied().filter(|name| self.limited.contains(*name)).collect();
        let mut all: HashSet<&str> = reached.iter().copied().collect();
        while let Some(name) = reached.pop() {
            let next = neighbours.get(name).into_iter().flatten().copied();
            reached.extend(next.filter(|name| all.insert(name)));
        }
        let all: Vec<String> = all.into_iter().map(str::to_owned).collect();
        self.limited.extend(all);
    }

    /// How much of it there is, where it is copied.
    fn size(&self) -> usize {
        self.sources.len() + self.limited.len() + self.links.len() + self.opposed.len()
    }
}

/// Whether what a sub-query gives is its own, and not the row outside that it is compared with.
fn gives_own(select: &pg::SelectStmt, known: &Known<'_>, depth: usize) -> bool {
    if !select.values_lists.is_empty() {
        let rows = select.values_lists.iter();
        return rows.into_iter().all(|row| match &row.node {
            Some(NodeEnum::List(row)) => row.items.iter().all(is_own),
            _ => false,
        });
    }
    if let (Some(left), Some(right)) = (&select.larg, &select.rarg) {
        return gives_own(left, known, depth) && gives_own(right, known, depth);
    }
    let mut inner = Known::inside(known);
    if let Some(with) = &select.with_clause {
        inner.add(with, depth);
    }
    let mut level = Level::default();
    for source in &select.from_clause {
        level.source(source, &inner, depth);
    }
    if known.budget.small_steps(select.target_list.len().saturating_mul(level.sources.len())) {
        return false;
    }
    select.target_list.iter().all(|target| match &target.node {
        Some(NodeEnum::ResTarget(target)) => {
            target.val.as_deref().is_some_and(|value| is_own(value) || level.owner(value).is_some())
        }
        _ => false,
    })
}

/// The names of the columns that a query gives, where each has one.
fn output_names(select: &pg::SelectStmt, budget: &Budget<'_>) -> Names {
    if let Some(left) = &select.larg {
        return output_names(left, budget);
    }
    if budget.small_steps(select.target_list.len()) {
        return None;
    }
    let names: Option<HashSet<String>> = select
        .target_list
        .iter()
        .map(|target| match &target.node {
            Some(NodeEnum::ResTarget(target)) if !target.name.is_empty() => {
                Some(target.name.clone())
            }
            Some(NodeEnum::ResTarget(target)) => match &target.val.as_deref()?.node {
                Some(NodeEnum::ColumnRef(reference)) => match path(&reference.fields)? {
                    (names, false) => names.last().map(|name| (*name).to_owned()),
                    (_, true) => None,
                },
                _ => None,
            },
            _ => None,
        })
        .collect();
    names.map(Rc::new)
}

fn is_number(node: &pg::Node) -> bool {
    match &node.node {
        Some(NodeEnum::AConst(constant)) => !constant.isnull,
        Some(NodeEnum::ParamRef(_)) => true,
        Some(NodeEnum::TypeCast(cast)) => cast.arg.as_deref().is_some_and(is_number),
        _ => false,
    }
}
