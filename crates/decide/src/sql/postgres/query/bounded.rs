//! Whether a write is limited by its predicate, decided from the tree.
//!
//! A source of rows is limited when a column of it is compared with what the client brings, or
//! with a column of another limited source, so that the rows are those that somebody named. What
//! is not proven limited is not: `id = id`, `1 = 1 OR …`, `id <> 0`, a sub-query over everything.

use pg_query::NodeEnum;
use pg_query::protobuf as pg;
use std::collections::{HashMap, HashSet};

use super::predicate::is_own;
use crate::sql::postgres::command::settings;
use crate::sql::postgres::value::expression::{path, strings};

/// How deep sub-queries are looked into.
const DEPTH_MAX: usize = 32;

/// Names of common table expressions, and whether each is limited.
pub(in crate::sql) type Ctes = HashMap<String, bool>;

/// The sources of one level, and what is known of their rows.
#[derive(Default)]
struct Level<'n> {
    sources: HashSet<String>,
    limited: HashSet<String>,
    /// Pairs of sources of which equal columns are wanted.
    links: Vec<(String, String)>,
    /// Where a bare column belongs if it is of no other source.
    own: Option<&'n str>,
}

/// Whether the rows of `target` that a write changes are limited.
pub(in crate::sql) fn is_limited_write(
    target: &str,
    others: &[pg::Node],
    condition: Option<&pg::Node>,
    ctes: &Ctes,
) -> bool {
    let mut level = Level { own: Some(target), ..Level::default() };
    level.sources.insert(target.to_owned());
    for other in others {
        level.source(other, ctes, 0);
    }
    if let Some(condition) = condition {
        level.wanted(condition, ctes, 0);
    }
    level.spread();
    level.limited.contains(target)
}

/// Whether a query gives as many rows as somebody has named.
pub(in crate::sql) fn is_limited_select(
    select: &pg::SelectStmt,
    outer: &Ctes,
    depth: usize,
) -> bool {
    if depth > DEPTH_MAX {
        return false;
    }
    let mut ctes = outer.clone();
    if let Some(with) = &select.with_clause {
        add_ctes(with, &mut ctes, depth);
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
    let only = (level.sources.len() == 1).then(|| level.sources.iter().next().cloned()).flatten();
    level.own = only.as_deref();
    if let Some(condition) = select.where_clause.as_deref() {
        level.wanted(condition, &ctes, depth + 1);
    }
    level.spread();
    level.sources.iter().all(|source| level.limited.contains(source))
}

/// Whether each common table expression is limited. A recursive one is not known to be.
pub(in crate::sql) fn add_ctes(with: &pg::WithClause, ctes: &mut Ctes, depth: usize) {
    for node in &with.ctes {
        let Some(NodeEnum::CommonTableExpr(cte)) = &node.node else { continue };
        let is_limited = !with.recursive
            && match cte.ctequery.as_deref().and_then(|query| query.node.as_ref()) {
                Some(NodeEnum::SelectStmt(select)) => is_limited_select(select, ctes, depth + 1),
                _ => false,
            };
        ctes.insert(cte.ctename.clone(), is_limited);
    }
}

impl Level<'_> {
    fn source(&mut self, node: &pg::Node, ctes: &Ctes, depth: usize) {
        if depth > DEPTH_MAX {
            self.unnamed(false);
            return;
        }
        match &node.node {
            Some(NodeEnum::RangeVar(range)) => {
                let is_cte = range.schemaname.is_empty();
                let limited =
                    is_cte && ctes.get(&range.relname).is_some_and(|is_limited| *is_limited);
                let name = range.alias.as_ref().map_or(&range.relname, |alias| &alias.aliasname);
                self.named(name, limited);
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
                    Some(alias) => self.named(&alias.aliasname, limited),
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
                    Some(alias) => self.named(&alias.aliasname, limited),
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

    fn named(&mut self, name: &str, limited: bool) {
        self.sources.insert(name.to_owned());
        if limited {
            self.limited.insert(name.to_owned());
        }
    }

    /// A source without a name of its own: no column can be told to be of it.
    fn unnamed(&mut self, limited: bool) {
        let name = format!(" {}", self.sources.len());
        self.named(&name, limited);
    }

    /// A condition that every row meets.
    fn wanted(&mut self, node: &pg::Node, ctes: &Ctes, depth: usize) {
        if depth > DEPTH_MAX {
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
                if let Some(own) = self.own {
                    self.limited.insert(own.to_owned());
                }
            }
            _ => {}
        }
    }

    fn combined(&mut self, condition: &pg::BoolExpr, ctes: &Ctes, depth: usize) {
        match pg::BoolExprType::try_from(condition.boolop) {
            Ok(pg::BoolExprType::AndExpr) => {
                for part in &condition.args {
                    self.wanted(part, ctes, depth + 1);
                }
            }
            Ok(pg::BoolExprType::OrExpr) => {
                // Limited is what is limited whichever part holds.
                let mut common: Option<HashSet<String>> = None;
                for part in &condition.args {
                    let mut level = Level {
                        sources: self.sources.clone(),
                        limited: self.limited.clone(),
                        links: self.links.clone(),
                        own: self.own,
                    };
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
        if !limits {
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

    fn sub_link(&mut self, link: &pg::SubLink, ctes: &Ctes, depth: usize) {
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
                if is_equality && is_limited_select(select, ctes, depth + 1) {
                    self.limit(link.testexpr.as_deref());
                }
            }
            // Its sources stand beside those of this level, and its condition is wanted too.
            Ok(pg::SubLinkType::ExistsSublink)
                if select.with_clause.is_none()
                    && select.larg.is_none()
                    && select.group_clause.is_empty() =>
            {
                let own = self.own.take();
                for source in &select.from_clause {
                    self.source(source, ctes, depth + 1);
                }
                if let Some(condition) = select.where_clause.as_deref() {
                    self.wanted(condition, ctes, depth + 1);
                }
                self.own = own;
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
                    [_] if self.sources.len() == 1 => self.own.map(str::to_owned),
                    [.., source, _] if self.sources.contains(*source) => Some((*source).to_owned()),
                    _ => None,
                },
                _ => None,
            },
            Some(NodeEnum::TypeCast(cast)) => self.owner(cast.arg.as_deref()?),
            _ => None,
        }
    }

    /// What is linked to a limited source by equal columns is limited.
    fn spread(&mut self) {
        let mut changed = true;
        while changed {
            changed = false;
            for (one, two) in &self.links {
                let (has_one, has_two) = (self.limited.contains(one), self.limited.contains(two));
                if has_one != has_two {
                    self.limited.insert(if has_one { two } else { one }.clone());
                    changed = true;
                }
            }
        }
    }
}

fn is_number(node: &pg::Node) -> bool {
    match &node.node {
        Some(NodeEnum::AConst(constant)) => !constant.isnull,
        Some(NodeEnum::ParamRef(_)) => true,
        Some(NodeEnum::TypeCast(cast)) => cast.arg.as_deref().is_some_and(is_number),
        _ => false,
    }
}
