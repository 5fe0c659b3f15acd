//! The catalog of a server that runs, as a reader makes it of the answers.

use portreeve_decide::sql::postgres::questions::{self, Answers, Row};
use portreeve_decide::sql::{
    Catalog, CatalogBuilder, ColumnInput, FunctionInput, RelationInput, RelationKind, Volatility,
};
use portreeve_model::Category;

use super::server::Server;

const RELATIONS: &str = "SELECT c.oid, n.nspname, c.relname, c.relkind, c.relhastriggers,
  CASE WHEN c.relkind IN ('v', 'm') THEN pg_get_viewdef(c.oid) END
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE c.oid >= 16384 AND c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S', 'c') ORDER BY c.oid";
const COLUMNS: &str = "SELECT a.attrelid, a.attnum, a.attname, a.atttypid,
  CASE WHEN a.attgenerated <> '' THEN pg_get_expr(d.adbin, d.adrelid) END
  FROM pg_attribute a LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
  WHERE a.attrelid >= 16384 AND a.attnum > 0 ORDER BY 1, 2";
const PARENTS: &str = "SELECT inhrelid, inhparent FROM pg_inherits";

fn functions() -> String {
    format!(
        "SELECT n.nspname, p.proname, p.provolatile, l.lanname, {}
         FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
         JOIN pg_language l ON l.oid = p.prolang WHERE p.oid >= 16384",
        questions::SIGNATURE_COLUMNS
    )
}

/// What the server answers to a question.
pub fn rows(server: &Server, question: &str) -> Vec<Row> {
    let script = format!(
        "SET search_path = '';\n\\pset fieldsep '\\x1f'\n\\pset recordsep '\\x1e'\n\
         \\pset null '\\x1d'\n{question};\n"
    );
    let printed = server.psql("postgres", &script);
    let lines = printed.trim_end_matches('\n').split('\u{1e}').filter(|line| !line.is_empty());
    lines
        .map(|line| {
            let cells = line.split('\u{1f}');
            cells.map(|cell| (cell != "\u{1d}").then(|| cell.to_owned())).collect()
        })
        .collect()
}

/// A cell of an answer.
pub fn text(row: &Row, index: usize) -> String {
    row[index].clone().unwrap_or_default()
}

/// What the server has; functions of these names are called harmless.
pub fn catalog(server: &Server, harmless: &[&str]) -> Catalog {
    let (columns, parents) = (rows(server, COLUMNS), rows(server, PARENTS));
    let mut builder = CatalogBuilder::new();
    for row in rows(server, RELATIONS) {
        let oid = text(&row, 0);
        let own = columns.iter().filter(|column| text(column, 0) == oid);
        builder.relation(RelationInput {
            oid: oid.parse().unwrap(),
            schema: text(&row, 1),
            name: text(&row, 2),
            kind: RelationKind::from_relkind(text(&row, 3).chars().next().unwrap()),
            columns: own
                .map(|column| ColumnInput {
                    name: text(column, 2),
                    attnum: text(column, 1).parse().unwrap(),
                    type_oid: text(column, 3).parse().unwrap(),
                    type_name: String::new(),
                    category: (text(column, 2) == "email").then(|| Category::from("email")),
                    generated: column[4].clone(),
                })
                .collect(),
            definition: row[5].clone(),
            parents: parents
                .iter()
                .filter(|link| text(link, 0) == oid)
                .map(|link| text(link, 1).parse().unwrap())
                .collect(),
            has_triggers: text(&row, 4) == "t",
            has_rules: false,
        });
    }
    for row in rows(server, &functions()) {
        let name = text(&row, 1);
        let is_harmless = harmless.contains(&name.as_str());
        let function = FunctionInput {
            schema: text(&row, 0),
            name,
            volatility: Volatility::from_provolatile(text(&row, 2).chars().next().unwrap()),
            language: text(&row, 3),
        };
        if is_harmless {
            builder.harmless_function(function);
        } else {
            builder.function(function);
        }
    }
    let (types, operators, code) = (
        rows(server, questions::TYPES),
        rows(server, questions::OPERATORS),
        rows(server, questions::CODE),
    );
    assert!(code.len() >= 20, "an answer is missing");
    let answers = Answers { types: &types, operators: &operators, code: &code };
    questions::add(&mut builder, answers);
    let by_name =
        |_: &str, _: &str, column: &str| (column == "email").then(|| Category::from("email"));
    builder.build().with_classification(std::sync::Arc::new(by_name))
}
