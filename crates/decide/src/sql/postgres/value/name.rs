//! The name that PostgreSQL gives an output column without one: `FigureColname`.

use pg_query::NodeEnum;
use pg_query::protobuf as pg;

use crate::sql::postgres::value::expression::{last_name, strings};

/// The name of a column that is this expression; `None` if it cannot be told here.
pub(in crate::sql) fn of(node: &pg::Node) -> Option<String> {
    match figure(node) {
        Figured::Strong(name) | Figured::Weak(name) => Some(name),
        Figured::None => Some("?column?".into()),
        Figured::Unclear => None,
    }
}

enum Figured {
    None,
    /// A name that a better one replaces: a type, `case`.
    Weak(String),
    Strong(String),
    Unclear,
}

fn figure(node: &pg::Node) -> Figured {
    let Some(node) = &node.node else { return Figured::None };
    match node {
        NodeEnum::ColumnRef(reference) => {
            named(reference.fields.iter().rev().find_map(|field| match &field.node {
                Some(NodeEnum::String(name)) => Some(name.sval.as_str()),
                _ => None,
            }))
        }
        NodeEnum::AIndirection(steps) => {
            let field = steps.indirection.iter().rev().find_map(|step| match &step.node {
                Some(NodeEnum::String(name)) => Some(name.sval.as_str()),
                _ => None,
            });
            match field {
                Some(field) => strong(field),
                None => inner(steps.arg.as_deref()),
            }
        }
        NodeEnum::FuncCall(call) => named(last_name(&call.funcname)),
        NodeEnum::AExpr(operation) if operation.kind == pg::AExprKind::AexprNullif as i32 => {
            strong("nullif")
        }
        NodeEnum::TypeCast(cast) => match inner(cast.arg.as_deref()) {
            Figured::None | Figured::Weak(_) => {
                match cast.type_name.as_ref().and_then(|name| last_name(&name.names)) {
                    Some(name) => Figured::Weak(name.to_owned()),
                    None => Figured::None,
                }
            }
            better => better,
        },
        NodeEnum::CollateClause(collate) => inner(collate.arg.as_deref()),
        NodeEnum::SubLink(link) => sub_link(link),
        NodeEnum::CaseExpr(case) => match inner(case.defresult.as_deref()) {
            Figured::None | Figured::Weak(_) => Figured::Weak("case".into()),
            better => better,
        },
        other => fixed(other),
    }
}

/// Expressions whose name does not depend on what is in them.
fn fixed(node: &NodeEnum) -> Figured {
    let name = match node {
        NodeEnum::GroupingFunc(_) => "grouping",
        NodeEnum::MergeSupportFunc(_) => "merge_action",
        NodeEnum::AArrayExpr(_) => "array",
        NodeEnum::RowExpr(_) => "row",
        NodeEnum::CoalesceExpr(_) => "coalesce",
        NodeEnum::MinMaxExpr(extreme) if extreme.op == pg::MinMaxOp::IsGreatest as i32 => {
            "greatest"
        }
        NodeEnum::MinMaxExpr(_) => "least",
        NodeEnum::SqlvalueFunction(value) => return named(sql_value(value.op)),
        NodeEnum::XmlExpr(xml) => return named(xml_name(xml.op)),
        NodeEnum::XmlSerialize(_) => "xmlserialize",
        NodeEnum::JsonParseExpr(_) => "json",
        NodeEnum::JsonScalarExpr(_) => "json_scalar",
        NodeEnum::JsonSerializeExpr(_) => "json_serialize",
        NodeEnum::JsonObjectConstructor(_) => "json_object",
        NodeEnum::JsonArrayConstructor(_) | NodeEnum::JsonArrayQueryConstructor(_) => "json_array",
        NodeEnum::JsonObjectAgg(_) => "json_objectagg",
        NodeEnum::JsonArrayAgg(_) => "json_arrayagg",
        NodeEnum::JsonFuncExpr(query) => match pg::JsonExprOp::try_from(query.op) {
            Ok(pg::JsonExprOp::JsonExistsOp) => "json_exists",
            Ok(pg::JsonExprOp::JsonQueryOp) => "json_query",
            Ok(pg::JsonExprOp::JsonValueOp) => "json_value",
            _ => return Figured::Unclear,
        },
        _ => return Figured::None,
    };
    strong(name)
}

fn sub_link(link: &pg::SubLink) -> Figured {
    match pg::SubLinkType::try_from(link.sub_link_type) {
        Ok(pg::SubLinkType::ExistsSublink) => strong("exists"),
        Ok(pg::SubLinkType::ArraySublink) => strong("array"),
        Ok(pg::SubLinkType::ExprSublink) => first_column(link.subselect.as_deref()),
        _ => Figured::None,
    }
}

/// A scalar sub-select is named after its column.
fn first_column(query: Option<&pg::Node>) -> Figured {
    let Some(Some(NodeEnum::SelectStmt(select))) = query.map(|query| &query.node) else {
        return Figured::Unclear;
    };
    let mut select: &pg::SelectStmt = select;
    while let Some(left) = &select.larg {
        select = left;
    }
    if !select.values_lists.is_empty() {
        return strong("column1");
    }
    match select.target_list.first().and_then(|target| target.node.as_ref()) {
        Some(NodeEnum::ResTarget(target)) if !target.name.is_empty() => strong(&target.name),
        Some(NodeEnum::ResTarget(target)) => match target.val.as_deref() {
            Some(value) if is_star(value) => Figured::Unclear,
            Some(value) => of(value).map_or(Figured::Unclear, Figured::Strong),
            None => Figured::Unclear,
        },
        _ => Figured::Unclear,
    }
}

fn is_star(node: &pg::Node) -> bool {
    let last = match &node.node {
        Some(NodeEnum::ColumnRef(reference)) => reference.fields.last(),
        Some(NodeEnum::AIndirection(steps)) => steps.indirection.last(),
        _ => None,
    };
    last.is_some_and(|last| matches!(last.node, Some(NodeEnum::AStar(_))))
}

fn inner(node: Option<&pg::Node>) -> Figured {
    node.map_or(Figured::None, figure)
}

fn named(name: Option<&str>) -> Figured {
    name.map_or(Figured::None, strong)
}

fn strong(name: &str) -> Figured {
    Figured::Strong(name.to_owned())
}

fn sql_value(op: i32) -> Option<&'static str> {
    use pg::SqlValueFunctionOp as Op;
    let name = match Op::try_from(op).ok()? {
        Op::SvfopCurrentDate => "current_date",
        Op::SvfopCurrentTime | Op::SvfopCurrentTimeN => "current_time",
        Op::SvfopCurrentTimestamp | Op::SvfopCurrentTimestampN => "current_timestamp",
        Op::SvfopLocaltime | Op::SvfopLocaltimeN => "localtime",
        Op::SvfopLocaltimestamp | Op::SvfopLocaltimestampN => "localtimestamp",
        Op::SvfopCurrentRole => "current_role",
        Op::SvfopCurrentUser => "current_user",
        Op::SvfopUser => "user",
        Op::SvfopSessionUser => "session_user",
        Op::SvfopCurrentCatalog => "current_catalog",
        Op::SvfopCurrentSchema => "current_schema",
        Op::SqlvalueFunctionOpUndefined => return None,
    };
    Some(name)
}

fn xml_name(op: i32) -> Option<&'static str> {
    use pg::XmlExprOp as Op;
    match Op::try_from(op).ok()? {
        Op::IsXmlconcat => Some("xmlconcat"),
        Op::IsXmlelement => Some("xmlelement"),
        Op::IsXmlforest => Some("xmlforest"),
        Op::IsXmlparse => Some("xmlparse"),
        Op::IsXmlpi => Some("xmlpi"),
        Op::IsXmlroot => Some("xmlroot"),
        Op::IsXmlserialize => Some("xmlserialize"),
        Op::IsDocument | Op::Undefined => None,
    }
}

/// Names in a column alias list.
pub(in crate::sql) fn aliases(nodes: &[pg::Node]) -> Vec<String> {
    strings(nodes).unwrap_or_default().into_iter().map(str::to_owned).collect()
}

/// Like [`of`], for something that certainly has a name.
pub(in crate::sql) fn of_node(node: &pg::Node) -> String {
    of(node).unwrap_or_default()
}
