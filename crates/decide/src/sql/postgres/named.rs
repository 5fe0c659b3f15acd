//! What a statement does as far as that can be known without a catalog: of which tables it reads
//! rows, in which it writes them, and that nothing in it shows a value in another form than it was
//! stored in.
//!
//! It is for texts that go to a database past the gateway, whose definitions nobody has seen. Few
//! statements are read: those that show columns as they are, choose rows, change them to constants,
//! or say what goes. The rest (functions, operators that compute, casts of columns, definitions
//! with code in them) is not, and says why. What the database runs by itself for a statement (what
//! stands behind a view, a trigger, an operator of its own) is not seen.

use pg_query::NodeEnum;
use pg_query::protobuf as pg;
use portreeve_model::{Action, Change, Need, Object, ObjectKind};
use std::collections::BTreeSet;

use super::command::verb;
use super::parse::{Raw, parse};
use super::value::expression::{path, strings};

/// A statement, and everything in a database that it names.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Named {
    /// For people and records.
    pub verb: String,
    /// Equal for statements that differ in constants only.
    pub fingerprint: String,
    /// What must be allowed; each once.
    pub needs: Vec<Need>,
    /// Whether the rows that it writes are limited to those that somebody named; none where it
    /// writes none.
    pub bounded: Option<bool>,
    /// What it does to definitions; none where it defines nothing.
    pub change: Option<Change>,
}

/// Reads each statement of a text.
///
/// # Errors
/// One of them is not read: says why, in the client's words and ours.
pub fn named(text: &str) -> Result<Vec<Named>, String> {
    // Where strings stand as before PostgreSQL 9.1, it quotes.
    if text.contains('\\') {
        return Err("`\\` stands in it".to_owned());
    }
    let statements = parse(text).map_err(|unreadable| unreadable.message)?;
    statements.iter().map(one).collect()
}

fn one(raw: &Raw) -> Result<Named, String> {
    let (Some(node), Some(fingerprint)) = (&raw.node.node, &raw.fingerprint) else {
        return Err("a statement is not read".to_owned());
    };
    let mut reader = Reader::default();
    reader.statement(node)?;
    Ok(Named {
        verb: verb::of(node),
        fingerprint: fingerprint.clone(),
        needs: reader.needs,
        bounded: reader.bounded,
        change: reader.change,
    })
}

#[derive(Default)]
struct Reader {
    /// In the order in which they stand there.
    needs: Vec<Need>,
    /// The same, to have each once.
    known: BTreeSet<Need>,
    bounded: Option<bool>,
    change: Option<Change>,
    /// Names of common table expressions, which stand for themselves.
    own: Vec<String>,
}

type Read = Result<(), String>;
type Node<'n> = Option<&'n pg::Node>;

/// What is in a node.
fn inner(node: Node<'_>) -> Result<&NodeEnum, String> {
    node.and_then(|node| node.node.as_ref()).ok_or_else(|| "a part is missing".to_owned())
}

fn not_read(what: &str) -> Read {
    Err(format!("{what} is not read"))
}

/// Whether a part that is not read is not there.
fn without(is_absent: bool, what: &str) -> Read {
    if is_absent { Ok(()) } else { not_read(what) }
}

impl Reader {
    fn need(&mut self, action: Action, object: Object) {
        let need = Need { action, object };
        if self.known.insert(need.clone()) {
            self.needs.push(need);
        }
    }

    fn statement(&mut self, node: &NodeEnum) -> Read {
        match node {
            NodeEnum::SelectStmt(select) => self.select(select),
            NodeEnum::InsertStmt(insert) => self.insert(insert),
            NodeEnum::UpdateStmt(update) => self.update(update),
            NodeEnum::DeleteStmt(delete) => self.delete(delete),
            NodeEnum::CopyStmt(copy) => self.copy(copy),
            NodeEnum::ExplainStmt(explain) => {
                // With `ANALYZE` it runs; without, it needs no less here.
                match inner(explain.query.as_deref())? {
                    node @ (NodeEnum::SelectStmt(_)
                    | NodeEnum::InsertStmt(_)
                    | NodeEnum::UpdateStmt(_)
                    | NodeEnum::DeleteStmt(_)) => self.statement(node),
                    _ => not_read("what is explained"),
                }
            }
            NodeEnum::TransactionStmt(transaction) => {
                use pg::TransactionStmtKind as Kind;
                let kinds = [
                    Kind::TransStmtBegin,
                    Kind::TransStmtStart,
                    Kind::TransStmtCommit,
                    Kind::TransStmtRollback,
                ];
                let is_known = kinds.iter().any(|kind| *kind as i32 == transaction.kind);
                without(is_known, "what it does to transactions")
            }
            NodeEnum::VariableShowStmt(_) => {
                let system =
                    Object { kind: ObjectKind::SCHEMA, path: vec!["pg_catalog".to_owned()] };
                self.need(Action::Read, system);
                Ok(())
            }
            NodeEnum::TruncateStmt(truncate) => {
                self.bounded = Some(false);
                without(truncate.behavior != pg::DropBehavior::DropCascade as i32, "`CASCADE`")?;
                truncate.relations.iter().try_for_each(|node| match inner(Some(node))? {
                    NodeEnum::RangeVar(range) => self.relation(Action::Write, range),
                    _ => not_read("what is truncated"),
                })
            }
            NodeEnum::DropStmt(drop) => self.drop(drop),
            NodeEnum::GrantStmt(grant) => self.grant(grant),
            NodeEnum::VacuumStmt(vacuum) => {
                without(!vacuum.rels.is_empty(), "it without tables")?;
                vacuum.rels.iter().try_for_each(|node| match inner(Some(node))? {
                    NodeEnum::VacuumRelation(of) => match &of.relation {
                        Some(range) => self.relation(Action::Administer, range),
                        None => not_read("a table"),
                    },
                    _ => not_read("a table"),
                })
            }
            other => Err(format!("`{}` is not read", verb::of(other))),
        }
    }

    /// A table by its name: in which schema it is must stand there, since nobody knows where the
    /// database looks first.
    fn relation(&mut self, action: Action, range: &pg::RangeVar) -> Read {
        let name = &range.relname;
        if !range.catalogname.is_empty() {
            return Err(format!("`{}` is another database", range.catalogname));
        }
        if range.schemaname.is_empty() {
            return Err(format!(
                "in which schema `{name}` is cannot be known: write `SCHEMA.{name}`"
            ));
        }
        self.need(action, Object::table(&range.schemaname, name));
        Ok(())
    }

    fn drop(&mut self, drop: &pg::DropStmt) -> Read {
        use pg::ObjectType as Type;
        let kinds =
            [Type::ObjectTable, Type::ObjectView, Type::ObjectMatview, Type::ObjectSequence]
                .map(|kind| kind as i32);
        without(kinds.contains(&drop.remove_type), "what goes")?;
        without(drop.behavior != pg::DropBehavior::DropCascade as i32, "`CASCADE`")?;
        self.change = Some(Change::Drop);
        drop.objects.iter().try_for_each(|object| match inner(Some(object))? {
            NodeEnum::List(names) => match strings(&names.items).as_deref() {
                Some([schema, name]) => {
                    self.need(Action::Define, Object::table(schema, name));
                    Ok(())
                }
                _ => not_read("a name without its schema"),
            },
            _ => not_read("what goes"),
        })
    }

    fn grant(&mut self, grant: &pg::GrantStmt) -> Read {
        let is_object = grant.targtype == pg::GrantTargetType::AclTargetObject as i32;
        without(is_object && grant.objtype == pg::ObjectType::ObjectTable as i32, "what is given")?;
        grant.objects.iter().try_for_each(|object| match inner(Some(object))? {
            NodeEnum::RangeVar(range) => self.relation(Action::Administer, range),
            _ => not_read("what is given"),
        })
    }

    /// Rows in the texts that PostgreSQL itself writes, over the connection.
    fn copy(&mut self, copy: &pg::CopyStmt) -> Read {
        let is_here = !copy.is_program && copy.filename.is_empty();
        without(is_here, "`COPY` of files and programs")?;
        without(copy.where_clause.is_none(), "`WHERE` of `COPY`")?;
        for option in &copy.options {
            let NodeEnum::DefElem(option) = inner(Some(option))? else {
                return not_read("an option");
            };
            let value = match option.arg.as_deref().and_then(|node| node.node.as_ref()) {
                Some(NodeEnum::String(text)) => text.sval.as_str(),
                None => "",
                _ => "?",
            };
            let is_plain = match option.defname.as_str() {
                "format" => ["csv", "text"].contains(&value),
                "header" => ["", "true", "on"].contains(&value),
                _ => false,
            };
            without(is_plain, &format!("`{}` of `COPY`", option.defname))?;
        }
        match (&copy.relation, copy.query.as_deref(), copy.is_from) {
            (Some(range), None, false) => self.relation(Action::Read, range),
            // What comes in could be what another program has read, and be stored in another form.
            (_, _, true) => not_read("`COPY … FROM`"),
            (None, Some(query), false) => self.query(Some(query)),
            _ => not_read("`COPY`"),
        }
    }

    fn insert(&mut self, insert: &pg::InsertStmt) -> Read {
        self.bounded = Some(true);
        without(insert.on_conflict_clause.is_none(), "`ON CONFLICT`")?;
        without(insert.with_clause.is_none(), "`WITH` of a write")?;
        match insert.select_stmt.as_deref().and_then(|node| node.node.as_ref()) {
            None => {}
            // Rows of tables could be stored in another form.
            Some(NodeEnum::SelectStmt(select)) if !select.values_lists.is_empty() => {
                self.select(select)?;
            }
            Some(_) => return not_read("`INSERT` of what a query gives"),
        }
        self.written(insert.relation.as_ref())?;
        self.returning(insert.returning_clause.as_ref())
    }

    fn update(&mut self, update: &pg::UpdateStmt) -> Read {
        let where_clause = update.where_clause.as_deref();
        self.bounded = Some(names_rows(where_clause));
        without(update.with_clause.is_none(), "`WITH` of a write")?;
        for target in &update.target_list {
            let NodeEnum::ResTarget(target) = inner(Some(target))? else {
                return not_read("what is set");
            };
            without(target.indirection.is_empty(), "a part of a column")?;
            self.constant(target.val.as_deref())?;
        }
        self.sources(&update.from_clause)?;
        self.choose(update.relation.as_ref(), where_clause)?;
        self.written(update.relation.as_ref())?;
        self.returning(update.returning_clause.as_ref())
    }

    fn delete(&mut self, delete: &pg::DeleteStmt) -> Read {
        let where_clause = delete.where_clause.as_deref();
        self.bounded = Some(names_rows(where_clause));
        without(delete.with_clause.is_none(), "`WITH` of a write")?;
        self.sources(&delete.using_clause)?;
        self.choose(delete.relation.as_ref(), where_clause)?;
        self.written(delete.relation.as_ref())?;
        self.returning(delete.returning_clause.as_ref())
    }

    fn written(&mut self, range: Option<&pg::RangeVar>) -> Read {
        range.map_or_else(|| not_read("a table"), |range| self.relation(Action::Write, range))
    }

    /// Which rows are written: how many they are tells of what is in the table.
    fn choose(&mut self, range: Option<&pg::RangeVar>, where_clause: Node<'_>) -> Read {
        if let (Some(range), Some(_)) = (range, where_clause) {
            self.relation(Action::Read, range)?;
        }
        self.condition(where_clause)
    }

    fn returning(&mut self, returning: Option<&pg::ReturningClause>) -> Read {
        let Some(returning) = returning else { return Ok(()) };
        without(returning.options.is_empty(), "an option of `RETURNING`")?;
        let written: Vec<Object> = self.needs.iter().map(|need| need.object.clone()).collect();
        for object in written {
            self.need(Action::Read, object);
        }
        self.targets(&returning.exprs)
    }

    fn query(&mut self, node: Node<'_>) -> Read {
        match inner(node)? {
            NodeEnum::SelectStmt(select) => self.select(select),
            _ => not_read("what stands in the place of a query"),
        }
    }

    fn select(&mut self, select: &pg::SelectStmt) -> Read {
        // A new part of the grammar must be looked at here.
        let pg::SelectStmt {
            distinct_clause,
            into_clause,
            target_list,
            from_clause,
            where_clause,
            group_clause,
            group_distinct: _,
            having_clause,
            window_clause,
            values_lists,
            sort_clause,
            limit_offset,
            limit_count,
            limit_option: _,
            locking_clause,
            with_clause,
            op: _,
            all: _,
            larg,
            rarg,
        } = select;
        without(into_clause.is_none(), "`INTO`")?;
        // What one side stores is shown in a type that suits both: a number may lose its form.
        without(larg.is_none() && rarg.is_none(), "`UNION`, which mixes types,")?;
        without(window_clause.is_empty(), "`WINDOW`")?;
        without(locking_clause.is_empty(), "`FOR UPDATE`")?;
        let outer = self.own.len();
        if let Some(with) = with_clause {
            self.with(with)?;
        }
        values_lists.iter().try_for_each(|row| self.constants(row))?;
        self.sources(from_clause)?;
        self.targets(target_list)?;
        self.condition(where_clause.as_deref())?;
        self.condition(having_clause.as_deref())?;
        let keys = distinct_clause.iter().filter(|key| key.node.is_some());
        for key in keys.chain(group_clause).chain(sort_clause) {
            self.key(key)?;
        }
        for limit in [limit_offset, limit_count].into_iter().flatten() {
            self.constant(Some(limit))?;
        }
        self.own.truncate(outer);
        Ok(())
    }

    fn with(&mut self, with: &pg::WithClause) -> Read {
        without(!with.recursive, "`WITH RECURSIVE`")?;
        with.ctes.iter().try_for_each(|node| match inner(Some(node))? {
            NodeEnum::CommonTableExpr(cte) => {
                self.query(cte.ctequery.as_deref())?;
                self.own.push(cte.ctename.clone());
                Ok(())
            }
            _ => not_read("a part of `WITH`"),
        })
    }

    fn sources(&mut self, nodes: &[pg::Node]) -> Read {
        nodes.iter().try_for_each(|node| self.source(Some(node)))
    }

    fn source(&mut self, node: Node<'_>) -> Read {
        match inner(node)? {
            NodeEnum::RangeVar(range) if range.schemaname.is_empty() => {
                match self.own.contains(&range.relname) {
                    true => Ok(()),
                    false => self.relation(Action::Read, range),
                }
            }
            NodeEnum::RangeVar(range) => self.relation(Action::Read, range),
            NodeEnum::RangeSubselect(sub) => self.query(sub.subquery.as_deref()),
            NodeEnum::JoinExpr(join) => {
                let is_plain = join.using_clause.is_empty() && !join.is_natural;
                without(is_plain, "`USING`, which mixes types (write `ON`),")?;
                self.source(join.larg.as_deref())?;
                self.source(join.rarg.as_deref())?;
                self.condition(join.quals.as_deref())
            }
            _ => not_read("a source of rows that is no table and no query"),
        }
    }

    fn targets(&mut self, nodes: &[pg::Node]) -> Read {
        nodes.iter().try_for_each(|node| match inner(Some(node))? {
            NodeEnum::ResTarget(target) => self.shown(target.val.as_deref()),
            _ => not_read("what is shown"),
        })
    }

    /// What is shown: a value as it is stored, or one of the client's own.
    fn shown(&mut self, node: Node<'_>) -> Read {
        match inner(node)? {
            NodeEnum::ColumnRef(column) => column_is_one(column),
            NodeEnum::FuncCall(call) => self.aggregate(call),
            NodeEnum::SubLink(sub) if sub.sub_link_type == pg::SubLinkType::ExprSublink as i32 => {
                self.query(sub.subselect.as_deref())
            }
            _ => self.constant(node),
        }
    }

    /// `count`, `min` and `max`: a number of rows, or one of the values.
    fn aggregate(&mut self, call: &pg::FuncCall) -> Read {
        let name = strings(&call.funcname).unwrap_or_default();
        let name = match name.as_slice() {
            ["pg_catalog", name] | [name] => *name,
            _ => "?",
        };
        let is_plain = call.agg_order.is_empty()
            && call.over.is_none()
            && !call.agg_within_group
            && !call.func_variadic;
        if !is_plain || !["count", "min", "max"].contains(&name) {
            return Err(format!("what the function `{name}` shows cannot be known"));
        }
        self.condition(call.agg_filter.as_deref())?;
        call.args.iter().try_for_each(|argument| match inner(Some(argument))? {
            NodeEnum::ColumnRef(column) => column_is_one(column),
            _ => self.constant(Some(argument)),
        })
    }

    fn key(&mut self, node: &pg::Node) -> Read {
        match inner(Some(node))? {
            NodeEnum::SortBy(sort) => {
                without(sort.use_op.is_empty(), "`USING`")?;
                self.shown(sort.node.as_deref())
            }
            _ => self.shown(Some(node)),
        }
    }

    /// What chooses rows: comparisons of values as they are stored.
    fn condition(&mut self, node: Node<'_>) -> Read {
        let Some(node) = node else { return Ok(()) };
        match inner(Some(node))? {
            NodeEnum::BoolExpr(parts) => {
                parts.args.iter().try_for_each(|part| self.condition(Some(part)))
            }
            NodeEnum::NullTest(test) => self.operand(test.arg.as_deref()),
            NodeEnum::BooleanTest(test) => self.operand(test.arg.as_deref()),
            NodeEnum::AExpr(compare) => {
                let name = strings(&compare.name).unwrap_or_default();
                let is_known = matches!(name.as_slice(), [name] if COMPARE.contains(name));
                without(is_known, "an operator")?;
                self.operand(compare.lexpr.as_deref())?;
                match inner(compare.rexpr.as_deref())? {
                    NodeEnum::List(list) => {
                        list.items.iter().try_for_each(|item| self.operand(Some(item)))
                    }
                    _ => self.operand(compare.rexpr.as_deref()),
                }
            }
            NodeEnum::SubLink(sub) => {
                use pg::SubLinkType as Type;
                let kind = sub.sub_link_type;
                let is_known = kind == Type::ExistsSublink as i32
                    || kind == Type::AnySublink as i32 && sub.oper_name.is_empty();
                without(is_known, "a comparison with a query")?;
                if sub.testexpr.is_some() {
                    self.operand(sub.testexpr.as_deref())?;
                }
                self.query(sub.subselect.as_deref())
            }
            _ => self.operand(Some(node)),
        }
    }

    fn operand(&mut self, node: Node<'_>) -> Read {
        match inner(node)? {
            NodeEnum::AExpr(sum) => {
                // `now() - interval '1 day'`
                let name = strings(&sum.name).unwrap_or_default();
                without(matches!(name.as_slice(), ["+" | "-"]), "an operator")?;
                self.constant(sum.lexpr.as_deref())?;
                self.constant(sum.rexpr.as_deref())
            }
            _ => self.shown(node),
        }
    }

    fn constants(&mut self, row: &pg::Node) -> Read {
        match inner(Some(row))? {
            NodeEnum::List(list) => {
                list.items.iter().try_for_each(|item| self.constant(Some(item)))
            }
            _ => not_read("a row"),
        }
    }

    /// What the client says itself, or the clock does.
    fn constant(&mut self, node: Node<'_>) -> Read {
        match inner(node)? {
            NodeEnum::AConst(_) | NodeEnum::SetToDefault(_) | NodeEnum::SqlvalueFunction(_) => {
                Ok(())
            }
            NodeEnum::TypeCast(cast) => {
                let kind = cast.type_name.as_ref();
                let names = kind.and_then(|kind| strings(&kind.names)).unwrap_or_default();
                let is_known = match names.as_slice() {
                    ["pg_catalog", name] | [name] => TYPES.contains(name),
                    _ => false,
                };
                without(is_known, "a cast to a type of that name")?;
                self.constant(cast.arg.as_deref())
            }
            NodeEnum::FuncCall(call) if call.args.is_empty() && !call.agg_star => {
                match strings(&call.funcname).unwrap_or_default().as_slice() {
                    ["now"] | ["pg_catalog", "now"] => Ok(()),
                    _ => not_read("a function"),
                }
            }
            NodeEnum::FuncCall(call) => {
                let name = strings(&call.funcname).unwrap_or_default().join(".");
                Err(format!("what the function `{name}` shows cannot be known"))
            }
            _ => not_read("what computes, or is no column as it is"),
        }
    }
}

/// A column, or a row with all of them. Behind a name with a dot a function may be meant that
/// shows the row in another form.
fn column_is_one(column: &pg::ColumnRef) -> Read {
    let Some((names, is_row)) = path(&column.fields) else { return not_read("a name") };
    let rewrites = |name: &str| name.starts_with("record_") || name.starts_with("hash_record");
    match names.as_slice() {
        [_, .., last] if !is_row && rewrites(last) => {
            Err(format!("`{last}` of a row is a function"))
        }
        _ => Ok(()),
    }
}

/// Whether a condition leaves rows that somebody named: a column that is one of some constants.
fn names_rows(node: Node<'_>) -> bool {
    let Some(node) = node.and_then(|node| node.node.as_ref()) else { return false };
    let is_column = |node: Node<'_>| {
        matches!(node.and_then(|it| it.node.as_ref()), Some(NodeEnum::ColumnRef(_)))
    };
    let is_constant =
        |node: Node<'_>| matches!(node.and_then(|it| it.node.as_ref()), Some(NodeEnum::AConst(_)));
    match node {
        NodeEnum::BoolExpr(parts) if parts.boolop == pg::BoolExprType::AndExpr as i32 => {
            parts.args.iter().any(|part| names_rows(Some(part)))
        }
        NodeEnum::AExpr(compare) => {
            let (one, two) = (compare.lexpr.as_deref(), compare.rexpr.as_deref());
            let is_equal = matches!(strings(&compare.name).as_deref(), Some(["="]));
            let are_constants = match two.and_then(|node| node.node.as_ref()) {
                Some(NodeEnum::List(list)) => list.items.iter().all(|item| is_constant(Some(item))),
                _ => is_constant(two),
            };
            is_equal && (is_column(one) && are_constants || is_constant(one) && is_column(two))
        }
        _ => false,
    }
}

/// Operators that compare.
const COMPARE: [&str; 18] = [
    "=",
    "<>",
    "<",
    ">",
    "<=",
    ">=",
    "~~",
    "!~~",
    "~~*",
    "!~~*",
    "~",
    "~*",
    "!~",
    "!~*",
    "BETWEEN",
    "NOT BETWEEN",
    "BETWEEN SYMMETRIC",
    "NOT BETWEEN SYMMETRIC",
];

/// Types of PostgreSQL's own to which constants are cast.
const TYPES: [&str; 15] = [
    "text",
    "varchar",
    "int2",
    "int4",
    "int8",
    "float8",
    "numeric",
    "bool",
    "date",
    "time",
    "timestamp",
    "timestamptz",
    "interval",
    "uuid",
    "jsonb",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        let mut shown = Vec::new();
        match named(text) {
            Err(_) => return "?".to_owned(),
            Ok(statements) => {
                for one in statements {
                    let each = one.needs.iter().map(|it| format!("{} {}", it.action, it.object));
                    let all = one.bounded == Some(false);
                    let drops = one.change == Some(Change::Drop);
                    shown.extend(each);
                    shown.extend(all.then(|| "unbounded".to_owned()));
                    shown.extend(drops.then(|| "drop".to_owned()));
                }
            }
        }
        shown.join(", ")
    }

    #[track_caller]
    fn check(text: &str, expect: &str) {
        assert_eq!(shown(text), expect, "{text}");
    }

    #[test]
    fn tables_are_named() {
        for (text, expect) in [
            ("SELECT * FROM a.t", "read a.t"),
            ("SELECT t.x, 'k', 3 FROM a.t t WHERE x = 1 ORDER BY x DESC LIMIT 5", "read a.t"),
            ("SELECT count(*), min(x) FROM a.t GROUP BY y HAVING count(*) > 2", "read a.t"),
            (
                "SELECT x FROM a.t t JOIN a.u u ON t.id = u.id WHERE u.y IN (1, 2)",
                "read a.t, read a.u",
            ),
            ("SELECT x FROM a.t WHERE y IN (SELECT y FROM b.u)", "read a.t, read b.u"),
            ("SELECT x FROM a.t WHERE at > now() - interval '1 day'", "read a.t"),
            ("SELECT x FROM a.t WHERE d BETWEEN date '2026-01-01' AND current_date", "read a.t"),
            ("WITH c AS (SELECT x FROM a.t) SELECT x FROM c", "read a.t"),
            ("SELECT (SELECT max(x) FROM a.t)", "read a.t"),
            ("SELECT 1; SELECT 2", ""),
            ("EXPLAIN SELECT x FROM a.t", "read a.t"),
            ("BEGIN; DELETE FROM a.t WHERE id = 1; COMMIT", "read a.t, write a.t"),
            ("INSERT INTO a.t (x) VALUES (1), (DEFAULT)", "write a.t"),
            ("INSERT INTO a.t (x) VALUES (1) RETURNING id", "write a.t, read a.t"),
            ("UPDATE a.t SET x = 'y' WHERE id = 1 AND z > 2", "read a.t, write a.t"),
            ("UPDATE a.t SET x = 'y' WHERE z > 2", "read a.t, write a.t, unbounded"),
            ("UPDATE a.t SET x = 'y' WHERE id = 1 OR z > 2", "read a.t, write a.t, unbounded"),
            ("DELETE FROM a.t", "write a.t, unbounded"),
            ("TRUNCATE a.t", "write a.t, unbounded"),
            ("DROP TABLE IF EXISTS a.t", "define a.t, drop"),
            ("GRANT SELECT ON a.t TO bob", "administer a.t"),
            ("VACUUM a.t", "administer a.t"),
            ("COPY a.t TO STDOUT (FORMAT csv, HEADER)", "read a.t"),
            ("COPY (SELECT x FROM a.t) TO STDOUT", "read a.t"),
            ("SHOW server_version", "read pg_catalog"),
        ] {
            check(text, expect);
        }
    }

    #[test]
    fn what_is_not_known_without_a_catalog_is_not_read() {
        for text in [
            // In which schema?
            "SELECT * FROM t",
            "SELECT * FROM other.a.t",
            "SELECT x FROM c, (WITH c AS (SELECT 1) SELECT 2) s",
            "DROP TABLE t",
            // What rewrites.
            "SELECT reverse(x) FROM a.t",
            "SELECT x || 'y' FROM a.t",
            "SELECT x::bytea FROM a.t",
            "SELECT CAST(x AS int) + 1 FROM a.t",
            "SELECT substring(x FROM 1 FOR 2) FROM a.t",
            "SELECT sum(x) FROM a.t",
            "SELECT string_agg(x, '') FROM a.t",
            "SELECT x[1] FROM a.t",
            "SELECT (t).x FROM a.t",
            "SELECT t.record_send FROM a.t",
            "SELECT CASE WHEN x = 'a' THEN 1 END FROM a.t",
            "SELECT x = 'a' FROM a.t",
            "SELECT ARRAY(SELECT x FROM a.t)",
            "SELECT ROW(x) FROM a.t",
            "SELECT x FROM a.t UNION ALL SELECT 1",
            "SELECT x FROM a.t EXCEPT SELECT y FROM a.u",
            "SELECT x FROM a.t LEFT JOIN a.u USING (x)",
            "SELECT x FROM a.t NATURAL JOIN a.u",
            "SELECT coalesce(x, '') FROM a.t",
            "SELECT x COLLATE \"C\" FROM a.t",
            "SELECT count(*) OVER () FROM a.t",
            "SELECT max(md5(x)) FROM a.t",
            "SELECT 1 FROM a.t WHERE md5(x) = 'a'",
            "SELECT 1 FROM a.t WHERE x OPERATOR(a.=) 'a'",
            "SELECT 1 FROM a.t ORDER BY md5(x)",
            "SELECT 1 FROM a.t ORDER BY x USING <",
            "SELECT 1 FROM a.t LIMIT (SELECT length(x) FROM a.t)",
            // What runs code.
            "SELECT pg_read_file('/etc/passwd')",
            "SELECT * FROM pg_ls_dir('.')",
            "SELECT pg_catalog.pg_sleep(9)",
            "SELECT lo_export(1, '/x')",
            "SELECT a.count(*) FROM a.t",
            "COPY a.t TO PROGRAM 'cat'",
            "COPY a.t FROM PROGRAM 'cat'",
            "COPY a.t FROM STDIN",
            "COPY a.t TO '/x'",
            "COPY a.t TO STDOUT (FORMAT binary)",
            "COPY a.t TO STDOUT (DELIMITER 'x')",
            "COPY a.t TO STDOUT (ENCODING 'UTF16')",
            "DO 'x'",
            "CALL a.f()",
            "CREATE VIEW a.v AS SELECT reverse(x) FROM a.t",
            "CREATE TABLE a.v AS SELECT x FROM a.t",
            "CREATE EXTENSION x",
            "ALTER SYSTEM SET x = 1",
            "SET search_path = a",
            "PREPARE p AS SELECT 1",
            "SELECT x INTO a.u FROM a.t",
            "SELECT x FROM a.t FOR UPDATE",
            "SELECT nextval('a.s')",
            "INSERT INTO a.u SELECT x FROM a.t",
            "INSERT INTO a.t VALUES (md5('x'))",
            "UPDATE a.t SET x = y WHERE id = 1",
            "UPDATE a.t SET x = 1 WHERE id = 1 RETURNING md5(y)",
            "WITH d AS (DELETE FROM a.t RETURNING x) SELECT x FROM d",
            "EXPLAIN (ANALYZE) CREATE TABLE a.u AS SELECT 1",
            "LISTEN x",
            "VACUUM",
            "TRUNCATE a.t CASCADE",
            "SELECT 'a'::a.mine",
            "SELECT '\\'; DROP TABLE a.t; --'",
            "SELEKT",
        ] {
            check(text, "?");
        }
        let why = named("SELECT * FROM customers").unwrap_err();
        assert!(why.contains("write `SCHEMA.customers`"), "{why}");
    }
}
